//! Serves connections: limits how many there are and how long each may be idle or slow, and adds TLS.
//!
//! It does not know the routes: it gets a router and a listener.

mod bad_head;
mod connection_limit;
mod reload;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum_server::accept::Accept;
use axum_server::service::SendService;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use hyper::body::Incoming;
use oss_core::config::TlsConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use self::bad_head::ExplainBadHeads;
pub(crate) use self::connection_limit::ConnectionLimit;
pub(crate) use self::reload::{ReloadedFiles, Watched};

/// The longest that a new connection may take to send the head of its first request, and to agree on TLS before that.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// The longest time that a connection may be idle between two requests. It is longer than the limits of proxies and clients
/// (mostly 60 s), so that they close it first, and no request is sent on a connection that was just closed.
const IDLE: Duration = Duration::from_secs(75);

/// The longest head of a request, in bytes; a longer one is answered 431.
const LONGEST_HEAD: usize = 16 * 1024;

/// A listener that is served until [`Serving::stop`].
#[derive(Debug)]
pub(crate) struct Serving {
    /// The address that it listens on.
    pub(crate) address: SocketAddr,
    handle: Handle<SocketAddr>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// Serves a router in the clear, or over TLS.
    pub(crate) fn start(
        listener: TcpListener,
        router: Router,
        limit: ConnectionLimit,
        tls: Option<RustlsConfig>,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let handle = Handle::new();
        let server = Server::from_listener(listener).acceptor(limit).handle(handle.clone());
        let task = match tls {
            None => tokio::spawn(serve(server.map(ExplainBadHeads), router)),
            Some(tls) => {
                let over_tls =
                    |inner| RustlsAcceptor::new(tls).handshake_timeout(FIRST_REQUEST).acceptor(inner);
                tokio::spawn(serve(server.map(over_tls).map(ExplainBadHeads), router))
            }
        };
        Ok(Self { address, handle, task })
    }

    /// Stops taking connections, and waits at most `longest` for the requests in flight.
    ///
    /// Without a limit, it would wait forever for a client that has sent half a request and nothing more.
    pub(crate) async fn stop(self, longest: Duration) {
        self.handle.graceful_shutdown(Some(longest));
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "The listener failed."),
            Err(_) => tracing::error!("The task of the listener stopped half-way."),
        }
        if self.handle.connection_count() > 0 {
            tracing::warn!("Some requests did not end in time; their connections are closed.");
            self.handle.shutdown();
        }
    }
}

async fn serve<A>(mut server: Server<SocketAddr, A>, router: Router) -> std::io::Result<()>
where
    A: Accept<TcpStream, Router> + Clone + Send + Sync + 'static,
    A::Stream: AsyncRead + AsyncWrite + Unpin + Send,
    A::Service: SendService<Request<Incoming>> + Send,
    A::Future: Send,
{
    server.http_builder().http1().max_buf_size(LONGEST_HEAD).header_read_timeout(IDLE);
    server.first_request_timeout(FIRST_REQUEST).http1_only().serve(router.into_make_service()).await
}

/// Reads the TLS files of a configuration, and records when the certificate expires. The result can be served and reloaded.
pub(crate) fn load_tls(config: &TlsConfig) -> Result<RustlsConfig, tls::TlsError> {
    let read = tls::read(config)?;
    read.record_expiry();
    Ok(RustlsConfig::from_config(read.server))
}
