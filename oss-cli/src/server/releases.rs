//! The release of many numbers through a server.

use oss_core::{BulkMode, LARGEST_RELEASE, Msisdn, Released};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::exchange::{Server, unusable};
use super::problem::{self, Reason};
use crate::exit::Failure;
use crate::service::Release;

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

impl One {
    fn read(self) -> Release {
        let result = match (self.outcome.as_str(), self.problem) {
            ("released", _) => Ok(Released::Now),
            ("already-released", _) => Ok(Released::Before),
            (_, Some(reason)) => Err(problem::of_part(reason)),
            (_, None) => Err(unusable()),
        };
        (self.msisdn, result)
    }
}

impl Server {
    /// Releases numbers, at most [`LARGEST_RELEASE`] with each request. After a request that failed, none follows, and each number of the rest has its
    /// failure, so that the results before it are not lost.
    pub(super) async fn release_numbers(
        &self,
        msisdns: &[Msisdn],
        mode: BulkMode,
    ) -> Result<Vec<Release>, Failure> {
        let mut results = Vec::with_capacity(msisdns.len());
        for part in msisdns.chunks(LARGEST_RELEASE) {
            match self.release_part(part, mode).await {
                Ok(released) => results.extend(released),
                Err(failure) if results.is_empty() => return Err(failure),
                Err(failure) => {
                    let rest = &msisdns[results.len()..];
                    results.extend(rest.iter().map(|msisdn| (*msisdn, Err(failure.clone()))));
                    break;
                }
            }
        }
        Ok(results)
    }

    async fn release_part(&self, part: &[Msisdn], mode: BulkMode) -> Result<Vec<Release>, Failure> {
        let body = json!({ "msisdns": part, "dryRun": mode == BulkMode::DryRun });
        let Results { results } = self.read(self.request(Method::POST, &["releases"]).json(&body)).await?;
        // A part that is not whole is an answer of something else.
        if results.len() == part.len() {
            Ok(results.into_iter().map(One::read).collect())
        } else {
            Err(unusable())
        }
    }
}
