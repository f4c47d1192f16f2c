//! One exchange with a server. No text contains a path, because paths carry phone numbers.

use std::error::Error;
use std::iter::successors;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, DATE};
use reqwest::{Certificate, Client, ClientBuilder, Identity, Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::Url;

use super::access::{Certificates, ServerAccess};
use super::problem;
use crate::exit::{self, Failure};

/// The longest time to open a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest time for an answer. It is longer than the longest operation of a server: a call of two minutes, and its record.
const CALL: Duration = Duration::from_secs(150);

/// The longest time for an answer that takes as long as there is work, such as that of a sweep.
const WORK: Duration = Duration::from_hours(24);

/// The part of the OpenAPI document that names the version.
#[derive(Deserialize)]
struct Document {
    info: Info,
}

#[derive(Deserialize)]
struct Info {
    version: String,
}

/// A server, and the key with which it is called.
#[derive(Debug)]
pub(crate) struct Server {
    client: Client,
    access: ServerAccess,
}

impl Server {
    pub(crate) fn new(access: ServerAccess) -> Result<Self, Failure> {
        // reqwest has no implementation of TLS of its own. Only the first one of the process is installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .http1_only()
            // A key must not follow a redirect.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(CALL);
        // A client without TLS must also work on a machine that has no CA certificates. And no proxy may read its key.
        let builder =
            if access.url.scheme() == "http" { builder.tls_certs_only([]).no_proxy() } else { builder };
        let builder = with_certificates(builder, &access.certificates)?;
        let client = builder.build().map_err(|error| Failure::internal(root_cause(&error)))?;
        Ok(Self { client, access })
    }

    /// A request to a path.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.query_with(method, path, &[])
    }

    /// A request to read a path, with parameters.
    pub(super) fn query(&self, path: &[&str], parameters: &[(&str, &str)]) -> RequestBuilder {
        self.query_with(Method::GET, path, parameters)
    }

    fn query_with(&self, method: Method, path: &[&str], parameters: &[(&str, &str)]) -> RequestBuilder {
        let ServerAccess { url, key, brand, .. } = &self.access;
        let mut url = url.clone();
        // The address has a host, and a URL with a host always has path segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let mut request = self.client.request(method, url).header(ACCEPT, "application/json");
        if let Some(key) = key {
            request = request.bearer_auth(key.expose_secret());
        }
        match brand {
            Some(brand) => request.header("Oss-Brand", brand.as_str()),
            None => request,
        }
    }

    /// Sends a request, and reads its answer.
    pub(super) async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let (_, body) = self.send(request).await?;
        serde_json::from_slice(&body).map_err(|_| unusable())
    }

    /// Sends a request whose answer has no content.
    pub(super) async fn finish(&self, request: RequestBuilder) -> Result<(), Failure> {
        match self.send(request).await? {
            (StatusCode::NO_CONTENT, _) => Ok(()),
            _ => Err(unusable()),
        }
    }

    /// Sends a request whose answer comes in lines.
    pub(super) async fn lines(&self, request: RequestBuilder) -> Result<Lines, Failure> {
        let response = lasting(request).send().await.map_err(|error| self.failure(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(Lines { response, unread: Vec::new() });
        }
        let body = response.bytes().await.map_err(|error| self.failure(&error))?;
        Err(problem::failure(status, &body))
    }

    /// The version of the server, and the time by its clock if it says so. No key is needed.
    pub(crate) async fn version(&self) -> Result<(String, Option<DateTime<Utc>>), Failure> {
        let response = self.request(Method::GET, &["openapi.json"]).send().await;
        let response = response.map_err(|error| self.failure(&error))?;
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
        let body = response.bytes().await.map_err(|error| self.failure(&error))?;
        let document: Document = serde_json::from_slice(&body).map_err(|_| unusable())?;
        Ok((document.info.version, date))
    }

    /// The address of the server.
    pub(crate) fn address(&self) -> &Url {
        &self.access.url
    }

    async fn send(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Failure> {
        let response = request.send().await.map_err(|error| self.failure(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.failure(&error))?;
        if status.is_success() { Ok((status, body.to_vec())) } else { Err(problem::failure(status, &body)) }
    }

    /// The reason why there is no answer, and what to do.
    fn failure(&self, error: &reqwest::Error) -> Failure {
        let ServerAccess { url, .. } = &self.access;
        if error.is_connect() {
            let cause = root_cause(error);
            let message =
                format!("the server at {url} cannot be reached ({cause}); check the address and the network");
            return Failure::new(exit::DATABASE, "server-unreachable", message);
        }
        // A command without a key could draw a second number if it were repeated.
        let message = format!(
            "no answer from the server at {url}; what was asked may have been done, so look first (`oss show`, `oss list`); only a \
             command that names its number or its preview, or had an --idempotency-key, can be repeated without a second effect"
        );
        Failure::new(exit::SIGAN, "server-no-answer", message)
    }
}

/// A request whose answer takes as long as there is work.
pub(super) fn lasting(request: RequestBuilder) -> RequestBuilder {
    request.timeout(WORK)
}

/// The lines of an answer, as they arrive.
pub(super) struct Lines {
    response: Response,
    /// The bytes that have arrived after the last line.
    unread: Vec<u8>,
}

impl Lines {
    /// The next line; none at the end, also if the server left before it. A line takes no longer than another answer.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Failure> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return serde_json::from_slice(&line).map(Some).map_err(|_| unusable());
            }
            match timeout(CALL, self.response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.unread.extend_from_slice(&bytes),
                _ => return Ok(None),
            }
        }
    }
}

/// Adds the certificates of a profile.
fn with_certificates(builder: ClientBuilder, certificates: &Certificates) -> Result<ClientBuilder, Failure> {
    let mut builder = builder;
    if let Some(pem) = &certificates.authorities {
        let authorities = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| not_pem("ca_file"))?;
        builder = builder.tls_certs_merge(authorities);
    }
    if let Some(pem) = &certificates.identity {
        let identity =
            Identity::from_pem(pem.expose_secret().as_bytes()).map_err(|_| not_pem("identity_file"))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn not_pem(field: &str) -> Failure {
    Failure::usage(format!(
        "{field} of the profile: expected certificates in PEM, and for an identity its private key"
    ))
}

/// The failure if an answer is none of an `oss-server`.
pub(super) fn unusable() -> Failure {
    Failure::usage(
        "the answer is not one of oss-server of this version; check the address and the server's version",
    )
}

/// The text of the error that caused the others. It names no path, unlike the text of the first one.
fn root_cause(error: &reqwest::Error) -> String {
    let causes = successors(error.source(), |&cause| cause.source());
    causes.last().map_or_else(|| "unknown reason".to_owned(), ToString::to_string)
}
