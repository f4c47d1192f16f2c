//! The receiver of a webhook. It checks each signature with the library of the standard.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use standardwebhooks::Webhook;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// A secret of the tests.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Another one.
pub const NEW_SECRET: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl2IkSTVNqFd6sW+dbbUQ=";

/// The most failures in a row. Each repeat comes after twice the time, so more of them would take longer than a test waits.
const FAILURES: u8 = 4;

/// The answer of a receiver to deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mood {
    /// It takes each one.
    Takes,
    /// It refuses each one.
    Refuses,
    /// It works for a second and fails for the next one, at most a few times in a row. While it fails, it takes some deliveries
    /// and answers 500 all the same.
    FailsHalfTheTime,
}

/// One delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its `webhook-id`.
    pub id: String,
    /// Its body.
    pub body: Value,
}

/// A receiver at an address.
#[derive(Debug, Clone)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Received>,
}

#[derive(Debug)]
struct Received {
    begun: Instant,
    mood: AtomicU8,
    failures: AtomicU8,
    deliveries: Mutex<Vec<Delivery>>,
    faults: Mutex<Vec<String>>,
}

impl Receiver {
    /// Starts a receiver that takes each delivery.
    pub async fn start() -> Self {
        let state = Arc::new(Received {
            begun: Instant::now(),
            mood: AtomicU8::new(Mood::Takes as u8),
            failures: AtomicU8::new(0),
            deliveries: Mutex::default(),
            faults: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let router = Router::new().fallback(receive).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, state }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Changes what it does from now on.
    pub fn set_mood(&self, mood: Mood) {
        self.state.mood.store(mood as u8, Ordering::Relaxed);
    }

    /// The deliveries so far, also repeated ones and those that it took although it answered 500.
    ///
    /// # Panics
    ///
    /// If the signature of one was wrong.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        let faults = self.state.faults.lock().expect("nobody panics with the list");
        assert!(faults.is_empty(), "{faults:?}");
        self.state.deliveries.lock().expect("nobody panics with the list").clone()
    }

    /// The deliveries so far, without repeated ones.
    ///
    /// # Panics
    ///
    /// If a repeated one has another body.
    #[must_use]
    pub fn events(&self) -> Vec<Delivery> {
        let mut bodies = HashMap::new();
        let mut events = Vec::new();
        for delivery in self.deliveries() {
            match bodies.insert(delivery.id.clone(), delivery.body.clone()) {
                Some(first) => assert_eq!(first, delivery.body, "a repeat is the same"),
                None => events.push(delivery),
            }
        }
        events
    }
}

async fn receive(State(state): State<Arc<Received>>, headers: HeaderMap, body: String) -> StatusCode {
    let verified = Webhook::new(SECRET).and_then(|webhook| webhook.verify(body.as_bytes(), &headers));
    if let Err(error) = verified {
        state.faults.lock().expect("nobody panics with the list").push(format!("{error}: {headers:?}"));
    }
    let mood = state.mood.load(Ordering::Relaxed);
    let is_failing = mood == Mood::Refuses as u8
        || mood == Mood::FailsHalfTheTime as u8
            && state.begun.elapsed().as_secs() % 2 == 1
            && state.failures.load(Ordering::Relaxed) < FAILURES;
    let failures = if is_failing { state.failures.load(Ordering::Relaxed).saturating_add(1) } else { 0 };
    state.failures.store(failures, Ordering::Relaxed);
    let takes = !is_failing || mood == Mood::FailsHalfTheTime as u8 && fastrand::bool();
    if takes {
        let id = headers["webhook-id"].to_str().expect("it is ASCII").to_owned();
        let body = serde_json::from_str(&body).expect("it is JSON");
        state.deliveries.lock().expect("nobody panics with the list").push(Delivery { id, body });
    }
    if is_failing { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }
}

/// A configuration file with webhooks.
#[derive(Debug)]
pub struct WebhooksFile(TempDir);

impl WebhooksFile {
    /// Writes a file. Each webhook has a name, an address and further lines.
    #[must_use]
    pub fn new(webhooks: &[(&str, &str, &str)]) -> Self {
        let file = Self(TempDir::new().expect("a temporary folder"));
        file.write(webhooks);
        file
    }

    /// Replaces the webhooks.
    pub fn write(&self, webhooks: &[(&str, &str, &str)]) {
        let table = |(name, url, more): &(&str, &str, &str)| {
            format!(
                "[[webhooks]]\nname = \"{name}\"\nurl = \"{url}\"\nsecrets = [\"{NEW_SECRET}\", \"{SECRET}\"]\n{more}\n"
            )
        };
        self.write_text(&webhooks.iter().map(table).collect::<String>());
    }

    /// Replaces the text of the file.
    pub fn write_text(&self, text: &str) {
        std::fs::write(self.path(), text).expect("the file can be written");
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> String {
        self.0.path().join("oss.toml").display().to_string()
    }
}

/// A time after which a receiver has changed its mind at least once.
pub const A_WHILE: Duration = Duration::from_millis(1500);
