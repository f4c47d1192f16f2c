//! An HTTP client for tests. It checks the parts that every answer must have, and returns the rest.

use oss_core::client_builder;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::document;

/// A builder of clients for addresses of this machine, without TLS.
pub fn plain_client() -> ClientBuilder {
    let address = "http://127.0.0.1".parse().expect("an address");
    client_builder(&address).expect("a client without TLS").no_proxy()
}

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Http {
    base: String,
    client: Client,
    key: Option<String>,
}

/// An answer: its status, and its body if it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body: null if it is empty, its text if it is not JSON.
    pub body: Value,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

impl Http {
    /// A client of the server at an address.
    #[must_use]
    pub fn new(address: &str) -> Self {
        let client = plain_client().build().expect("a client");
        Self { base: format!("http://{address}"), client, key: None }
    }

    /// A client of the server at a URL, with another HTTP client, for example for TLS.
    #[must_use]
    pub fn over(base: &str, client: Client) -> Self {
        Self { base: base.to_owned(), client, key: None }
    }

    /// Adds a client's key to every request.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// The server's address.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.strip_prefix("http://").expect("the base begins so")
    }

    /// A request that has not been sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Sends a request and checks its answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("the server answers")
    }

    /// Sends a request and checks its answer. Returns none if the server is gone.
    pub async fn try_send(&self, request: RequestBuilder) -> Option<Answer> {
        let (client, request) = request.build_split();
        let request = request.expect("the request can be sent");
        let method = request.method().clone();
        let response = client.execute(request).await.ok()?;
        let path = response.url().path().to_owned();
        let (status, headers) = (response.status(), response.headers().clone());
        let header =
            |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default().to_owned());
        let text = response.text().await.ok()?;
        let id = header("x-request-id").expect("every answer has the request's id");
        let is_json =
            header("content-type").is_some_and(|kind| kind.ends_with("json") && !kind.ends_with("ndjson"));
        let body = match text.as_str() {
            "" => Value::Null,
            json if is_json => serde_json::from_str(json).expect("the body is JSON"),
            text => Value::from(text),
        };
        let retry_after = header("retry-after").map(|seconds| seconds.parse().expect("seconds"));
        if status.is_client_error() || status.is_server_error() {
            assert_eq!(header("content-type").as_deref(), Some("application/problem+json"), "{body}");
            check_problem(&body, status, &id, retry_after);
        }
        document::check(&method, &path, status, body["type"].as_str());
        Some(Answer { status: status.as_u16(), body, retry_after })
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `PUT` without a body.
    pub async fn put(&self, path: &str) -> Answer {
        self.send(self.request(Method::PUT, path)).await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// `POST` with JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// `PUT` with JSON.
    pub async fn put_json(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// Creates a preview of DDD 11 and returns its id.
    pub async fn preview(&self) -> String {
        let created = self.post("/previews", serde_json::json!({ "areaCode": "11" })).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.body["id"].as_str().expect("a preview has an id").to_owned()
    }

    /// Reserves a number of a preview.
    pub async fn reserve(&self, preview: &str, index: u8) -> Answer {
        self.put(&format!("/previews/{preview}/reservations/{index}")).await
    }
}

fn check_problem(body: &Value, status: StatusCode, id: &str, retry_after: Option<u64>) {
    let kind = body["type"].as_str().unwrap_or_default();
    assert!(kind.starts_with("urn:oss:problem:"), "{body}");
    assert_eq!(body["status"], status.as_u16(), "{body}");
    assert_eq!(body["instance"], format!("urn:uuid:{id}"), "{body}");
    assert_eq!(body["retryAfterSeconds"].as_u64(), retry_after, "{body}");
    for field in ["title", "detail"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    }
}
