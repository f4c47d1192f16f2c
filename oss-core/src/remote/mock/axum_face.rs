//! A mock as a plain axum server, for load and soak runs and for a process of its own.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use futures::stream;
use tokio::net::TcpListener;

use super::{Answer, MockedSystem, Sent};

/// Serves a mock on a listener until `shutdown` is ready.
///
/// # Errors
///
/// Returns the errors of the listener.
pub async fn serve<M: MockedSystem>(
    mock: M,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new().fallback(answer::<M>).with_state(mock);
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

async fn answer<M: MockedSystem>(State(mock): State<M>, method: Method, uri: Uri, body: Bytes) -> Response {
    let Answer { sent, delay } = mock.answer(&method, uri.path(), uri.query().unwrap_or_default(), &body);
    tokio::time::sleep(delay).await;
    let given = match sent {
        Sent::Whole(response) => response,
        Sent::Part => return cut(true),
        Sent::Nothing => return cut(false),
    };
    let mut response = Response::new(Body::from(given.body));
    *response.status_mut() = StatusCode::from_u16(given.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A response whose body fails, so that the server closes the connection: after it has sent the head, or before it sends anything.
fn cut(is_begun: bool) -> Response {
    let lost = async move {
        if is_begun {
            // The server sends the head while it waits for the body.
            tokio::task::yield_now().await;
        }
        Err::<Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    };
    Response::new(Body::from_stream(stream::once(lost)))
}
