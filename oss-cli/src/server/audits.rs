//! An audit through a server. The server answers with lines of JSON while it works.

use oss_core::{AuditReport, BrandId, Difference, Found};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::exchange::Server;
use super::problem::{self, Reason};
use crate::exit::{self, Failure};
use crate::service::Audit;

/// One line. It has one of these fields.
#[derive(Deserialize)]
struct Line {
    brand: Option<BrandId>,
    difference: Option<Difference>,
    progress: Option<AuditReport>,
    report: Option<AuditReport>,
    problem: Option<Reason>,
}

impl Line {
    /// The event that the line reports; none if it reports the end, or something that only later versions know.
    fn found(self) -> Option<Found> {
        let brand = self.brand.map(Found::Brand);
        brand.or(self.difference.map(Found::Difference)).or(self.progress.map(Found::Progress))
    }
}

impl Server {
    /// Audits the brand of the client, and hands over everything that is found when its line arrives.
    pub(super) async fn audit_in_lines(
        &self,
        Audit { fix, force, min_age }: Audit,
        mut on_found: impl FnMut(Found),
    ) -> Result<AuditReport, Failure> {
        let min_age = min_age.as_secs() + u64::from(min_age.subsec_nanos() > 0);
        let body = json!({ "fix": fix, "force": force, "minAgeSeconds": min_age });
        let mut lines = self.lines(self.request(Method::POST, &["audits"]).json(&body)).await?;
        while let Some(line) = lines.next::<Line>().await? {
            match line {
                Line { report: Some(report), .. } => return Ok(report),
                Line { problem: Some(reason), .. } => return Err(problem::of_part(reason)),
                line => line.found().into_iter().for_each(&mut on_found),
            }
        }
        Err(Failure::new(
            exit::DATABASE,
            "audit-incomplete",
            "the server left before the report of the audit; what it settled stays settled, so run it again"
                .to_owned(),
        ))
    }
}
