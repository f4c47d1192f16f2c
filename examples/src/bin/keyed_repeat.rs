//! A caller that loses no number if it loses an answer: it reserves a random number over HTTP with an `Idempotency-Key`. After a
//! 504 it repeats the same request with the same key, until it knows the outcome.
//!
//! Start a service whose Sigan loses half of its answers, and run this program against it:
//!
//! ```sh
//! cargo build --workspace
//! export OSS_DATABASE_URL=sqlite:///tmp/oss.db OSS_SIGAN_URL=http://127.0.0.1:8090 OSS_SIGAN_BRAND_ID=acme
//! target/debug/oss sigan-mock --lose-rate 0.5 &
//! target/debug/oss migrate
//! target/debug/oss-server --allow-anonymous &
//! target/debug/keyed_repeat http://localhost:8080 11 order-4711
//! ```
#![expect(clippy::print_stdout, reason = "a program that tells a story")]

use std::error::Error;
use std::time::Duration;

use oss_core::client_builder;
use reqwest::{RequestBuilder, StatusCode, header};
use serde_json::{Value, json};

/// The number of times that the request is sent before the caller leaves the rest to a later run.
const ATTEMPTS: usize = 10;

/// The wait before a repeat if the answer does not name one.
const WAIT: Duration = Duration::from_secs(2);

/// The time that the caller waits for an answer. It is longer than the server's longest request, which takes 50 s by default.
const PATIENCE: Duration = Duration::from_mins(1);

/// The result of one request.
enum Answer {
    /// The number is ours.
    Reserved(String),
    /// The number may be ours, or will be if the request is repeated after this time.
    Unknown { reason: String, wait: Duration },
    /// The request was refused, and a repeat would be refused too.
    Refused(String),
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, area_code, order] = &arguments[..] else {
        return Err("give a server, an area code and an order: http://localhost:8080 11 order-4711".into());
    };

    // The id of the order is the key. So a caller that crashed and starts again uses the same key and gets the same number.
    let mut request = client_builder(&server.parse()?)?
        .timeout(PATIENCE)
        .build()?
        .post(format!("{server}/reservations"))
        .header("Idempotency-Key", order)
        .json(&json!({ "areaCode": area_code }));
    if let Some(key) = client_key() {
        request = request.bearer_auth(key);
    }

    for _ in 0..ATTEMPTS {
        // The body is in memory, so the request can be sent more than once.
        let repeat = request.try_clone().ok_or("the request cannot be repeated")?;
        match send(repeat).await {
            Answer::Reserved(msisdn) => {
                println!("Reserved: {msisdn}");
                return Ok(());
            }
            Answer::Unknown { reason, wait } => {
                println!("The outcome is not known yet ({reason}). The same request follows in {wait:?}.");
                tokio::time::sleep(wait).await;
            }
            Answer::Refused(reason) => return Err(reason.into()),
        }
    }
    Err(format!("the outcome is still unknown; repeat {order} later").into())
}

/// Sends the request once.
///
/// No repeat with the same key can reserve a second number. So the caller may repeat whenever it got no answer, whenever the server
/// failed (5xx, which includes 504), and whenever the answer asks for it (`Retry-After`).
async fn send(request: RequestBuilder) -> Answer {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Answer::Unknown { reason: error.to_string(), wait: WAIT },
    };
    let status = response.status();
    let retry_after =
        response.headers().get(header::RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
    let body: Value = match response.json().await {
        Ok(body) => body,
        Err(error) => return Answer::Unknown { reason: error.to_string(), wait: WAIT },
    };
    if status == StatusCode::CREATED {
        return Answer::Reserved(body["msisdn"].as_str().unwrap_or_default().to_owned());
    }
    let reason = format!("{status}: {}", body["detail"].as_str().unwrap_or("no detail"));
    if status.is_server_error() || retry_after.is_some() {
        return Answer::Unknown { reason, wait: retry_after.map_or(WAIT, Duration::from_secs) };
    }
    Answer::Refused(reason)
}

/// The client's key, if the server needs one: `oss keys new NAME` makes it.
#[expect(clippy::disallowed_methods, reason = "a caller has no part in the configuration of the service")]
fn client_key() -> Option<String> {
    std::env::var("OSS_KEY").ok()
}
