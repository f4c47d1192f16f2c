//! The audit. Its page is sent while it runs: each difference as soon as it is found, and the counts at the end.

use std::future::ready;
use std::time::Duration;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use oss_core::{AuditOptions, AuditReport, Difference, DifferenceKind, Found, MaskedMsisdn, Outcome};

use crate::audit_stream::{AuditEnd, AuditStream, AuditWriter, EXPECTED_AGE};
use crate::console::forms::Form;
use crate::console::frame::{Frame, page};
use crate::console::texts::{Detail, Language, Texts};
use crate::console::visitor::{Sent, TurnedAway, Visitor};
use crate::problem::{Fault, Problem};
use crate::state::Shared;

/// The place in the page where the differences go.
const PLACE: &str = "<!--run-->";

const MIN_AGE: &str = "min_age_seconds";

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    frame: Frame,
    /// The reason why nothing was begun, if the form lacks something.
    refusal: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "console/audit_line.html")]
struct Line {
    path: Option<String>,
    subject: String,
    kind: &'static str,
    outcome: &'static str,
    fix: &'static str,
}

#[derive(Template)]
#[template(path = "console/audit_end.html")]
struct End {
    is_good: bool,
    text: String,
    /// The reason why the audit could not be finished.
    detail: Option<Detail>,
}

pub(in crate::console) async fn show(visitor: Visitor) -> Response {
    page(&AuditPage { frame: visitor.frame, refusal: None })
}

/// Runs an audit, and sends its page while it runs. It ends if the operator leaves the page.
pub(in crate::console) async fn run(
    State(state): State<Shared>,
    Sent { visitor, form }: Sent,
) -> Result<Response, TurnedAway> {
    let fix = form.is_marked("fix");
    if fix && !form.is_marked("sure") {
        let refusal = Some(visitor.frame.t.confirm_first);
        return Ok(page(&AuditPage { frame: visitor.frame, refusal }));
    }
    let mut options = AuditOptions::default().fix(fix);
    if let Some(age) = min_age(&form)? {
        options = options.min_age(age);
    }
    let (t, language) = (visitor.frame.t, visitor.frame.language);
    let page = AuditPage { frame: visitor.frame, refusal: None }.render();
    let page = page.map_err(|_| Problem::internal("the page could not be rendered"))?;
    let (head, tail) = page.split_once(PLACE).unwrap_or((&page, ""));
    let rest = Rest { t, language, tail: tail.to_owned() };
    let audit = AuditStream::begin(&state, visitor.oss, options, rest)?;
    let head = stream::once(ready(Ok(Bytes::from(format!("{head}{}", begin(t))))));
    let body = Body::from_stream(head.chain(audit));
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response())
}

/// The age under which numbers and holds are skipped; none for the usual one.
fn min_age(form: &Form) -> Result<Option<Duration>, Problem> {
    const DAY: u64 = 24 * 60 * 60;
    match form.text(MIN_AGE) {
        "" => Ok(None),
        text => {
            let seconds = text.parse().ok().filter(|seconds| *seconds <= DAY).map(Duration::from_secs);
            seconds.map(Some).ok_or_else(|| Problem::malformed(vec![Fault::expecting(MIN_AGE, EXPECTED_AGE)]))
        }
    }
}

/// The rest of the page, from the first difference on.
struct Rest {
    t: &'static Texts,
    language: Language,
    tail: String,
}

fn begin(t: &Texts) -> String {
    format!("<section class=\"run\"><p role=\"status\">{}</p>\n<ol class=\"differences\">\n", t.audit_runs)
}

impl AuditWriter for Rest {
    fn found(&self, event: &Found) -> String {
        match event {
            Found::Difference(difference) => line(difference, self.t),
            Found::Progress(report) => format!("<!-- {} -->\n", report.listed + report.held),
            // The page is about one brand.
            Found::Brand(_) => String::new(),
        }
    }

    fn end(&self, end: AuditEnd) -> String {
        let t = self.t;
        let stopped = |detail| End { is_good: false, text: t.audit_stopped.to_owned(), detail: Some(detail) };
        let end = match end {
            Some(Ok(report)) => counts(&report, t),
            Some(Err(error)) => stopped(self.language.detail_of(error.into())),
            None => stopped(Detail { lang: self.language.tag(), text: t.server_stops.to_owned() }),
        };
        format!("{}\n{}", rendered(&end), self.tail)
    }
}

fn counts(report: &AuditReport, t: &Texts) -> End {
    let counts = [
        (report.listed, t.listed),
        (report.held, t.held),
        (report.unsettled, t.unsettled),
        (report.differences(), t.differences),
        (report.fixed + report.being_told, t.fixed),
    ];
    let counts = counts.map(|(count, text)| format!("{count} {text}")).join(", ");
    let is_good = report.is_clean();
    let text = if is_good { t.audit_clean } else { t.audit_not_clean };
    End { is_good, text: format!("{text} {counts}."), detail: None }
}

/// A part of the page. A template of plain values is always rendered.
fn rendered(part: &impl Template) -> String {
    part.render().unwrap_or_default()
}

fn kind(kind: DifferenceKind, t: &'static Texts) -> &'static str {
    match kind {
        DifferenceKind::UnknownHere => t.unknown_here,
        DifferenceKind::UnknownThere => t.unknown_there,
        DifferenceKind::StateDiffers => t.state_differs,
        DifferenceKind::SimUnknownHere => t.sim_unknown_here,
        DifferenceKind::SimUnknownThere => t.sim_unknown_there,
        DifferenceKind::SimDiffers => t.sim_differs,
        DifferenceKind::SimWithoutNumber => t.sim_without_number,
        DifferenceKind::Unreadable => t.unreadable,
    }
}

fn outcome(outcome: Outcome, t: &'static Texts) -> &'static str {
    match outcome {
        Outcome::Reported => t.outcome_reported,
        Outcome::Fixed => t.outcome_fixed,
        Outcome::BeingTold => t.outcome_told,
        Outcome::Moved => t.outcome_moved,
        Outcome::Limit => t.outcome_limit,
        Outcome::Person => t.outcome_person,
    }
}

fn line(difference: &Difference, t: &'static Texts) -> String {
    let masked = difference.msisdn.map(|msisdn| msisdn.masked());
    let sim = difference.sim.map(|sim| sim.to_string());
    let subject = masked.as_ref().map(MaskedMsisdn::to_string);
    let line = Line {
        path: match (difference.msisdn, &sim) {
            (Some(msisdn), _) => Some(format!("/console/numbers/{msisdn}")),
            (None, Some(sim)) => Some(format!("/console/sims/{sim}")),
            (None, None) => None,
        },
        subject: subject.or(sim).or_else(|| difference.row.clone()).unwrap_or_default(),
        kind: kind(difference.kind, t),
        outcome: outcome(difference.outcome, t),
        fix: if difference.fixable { t.fix_settles } else { t.fix_leaves },
    };
    rendered(&line)
}
