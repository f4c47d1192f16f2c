//! The release of many numbers through a server.

use oss_core::{BulkMode, Msisdn, Released};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::exchange::{Server, unusable};
use super::problem;
use crate::exit::Failure;
use crate::service::Release;

/// The most numbers of one request.
const MOST: usize = 1000;

#[derive(Deserialize)]
struct Results {
    results: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    msisdn: Msisdn,
    outcome: String,
    problem: Option<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    r#type: String,
    detail: String,
}

impl One {
    fn read(self) -> Result<Release, Failure> {
        let result = match (self.outcome.as_str(), self.problem) {
            ("released", _) => Ok(Released::Now),
            ("already-released", _) => Ok(Released::Before),
            (_, Some(Reason { r#type, detail })) => Err(problem::of_one(&r#type, detail)),
            (_, None) => return Err(unusable()),
        };
        Ok((self.msisdn, result))
    }
}

impl Server {
    /// Releases numbers, at most 1000 with each request.
    pub(super) async fn release_numbers(
        &self,
        msisdns: &[Msisdn],
        mode: BulkMode,
    ) -> Result<Vec<Release>, Failure> {
        let mut released = Vec::with_capacity(msisdns.len());
        for part in msisdns.chunks(MOST) {
            let body = json!({ "msisdns": part, "dryRun": mode == BulkMode::DryRun });
            let Results { results } =
                self.read(self.request(Method::POST, &["releases"]).json(&body)).await?;
            for one in results {
                released.push(one.read()?);
            }
        }
        Ok(released)
    }
}
