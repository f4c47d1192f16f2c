//! The list of numbers, with the filters of `oss list`, and releases of many numbers after a look at what they would do.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;
use oss_core::access::Scope;
use oss_core::{
    AttemptState, BulkMode, LARGEST_RELEASE, ListOptions, ListedNumber, ListedStatus, MaskedMsisdn, Msisdn,
    NumberPage, NumberStatus, ReleaseResult, Released,
};

use super::or_dash;
use crate::console::forms::Form;
use crate::console::frame::{Frame, page};
use crate::console::texts::{Detail, Language};
use crate::console::times::Moment;
use crate::console::visitor::{Sent, TurnedAway, Visitor};
use crate::problem::{Fault, Problem};

/// The path of the list without its filter.
const PATH: &str = "/console/numbers";

/// The fields of the filter.
const FIELDS: [&str; 8] =
    ["status", "state", "ddd", "brand_id", "sim_id", "created_after", "created_before", "expires_before"];

const STATUSES: [&str; 3] = ["RESERVED", "IN_USE", "RETURNED"];

#[derive(Template)]
#[template(path = "console/list.html")]
struct List {
    frame: Frame,
    filter: Filter,
    fault: Option<Detail>,
    numbers: Vec<Row>,
    next: Option<String>,
    may_release: bool,
    statuses: &'static [&'static str],
    states: &'static [AttemptState],
}

/// The filter as the operator wrote it.
#[derive(Default)]
struct Filter {
    status: String,
    state: String,
    ddd: String,
    brand_id: String,
    sim_id: String,
    created_after: String,
    created_before: String,
    expires_before: String,
}

struct Row {
    msisdn: Msisdn,
    masked: MaskedMsisdn,
    status: String,
    state: Option<AttemptState>,
    brand: String,
    expires_at: Option<Moment>,
    reason: String,
    created_at: Moment,
}

impl Filter {
    fn of(form: &Form) -> Self {
        let [status, state, ddd, brand_id, sim_id, created_after, created_before, expires_before] =
            FIELDS.map(|field| form.text(field).to_owned());
        Self { status, state, ddd, brand_id, sim_id, created_after, created_before, expires_before }
    }

    /// The fields with their values, for the form of the next page.
    fn fields(&self) -> [(&'static str, &str); 8] {
        let Self { status, state, ddd, brand_id, sim_id, created_after, created_before, expires_before } =
            self;
        let values = [status, state, ddd, brand_id, sim_id, created_after, created_before, expires_before];
        std::array::from_fn(|at| (FIELDS[at], values[at].as_str()))
    }
}

impl From<ListedNumber> for Row {
    fn from(number: ListedNumber) -> Self {
        Self {
            msisdn: number.msisdn,
            masked: number.msisdn.masked(),
            status: or_dash(number.status),
            state: number.state,
            brand: or_dash(number.brand_id),
            expires_at: number.expires_at.map(Moment),
            reason: number.reason.unwrap_or_default(),
            created_at: number.created_at.into(),
        }
    }
}

pub(in crate::console) async fn show(
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, TurnedAway> {
    list(visitor, &Form::of_query(query.as_deref())).await
}

/// Shows a later page. Its place may name a number, so it comes in a form and not in a query.
pub(in crate::console) async fn next(Sent { visitor, form }: Sent) -> Result<Response, TurnedAway> {
    list(visitor, &form).await
}

async fn list(visitor: Visitor, form: &Form) -> Result<Response, TurnedAway> {
    visitor.require(Scope::NumbersRead)?;
    let may_release = visitor.may(Scope::NumbersRelease);
    let Visitor { oss, frame, .. } = visitor;
    let (found, fault) = match options(form) {
        Ok(list) => (oss.list_numbers(&list).await.map_err(Problem::from)?, None),
        Err(problem) => (NumberPage::default(), Some(frame.language.detail_of(problem))),
    };
    Ok(page(&List {
        frame: Frame { path: PATH.to_owned(), ..frame },
        filter: Filter::of(form),
        fault,
        numbers: found.numbers.into_iter().map(Row::from).collect(),
        next: found.next.map(|next| next.to_string()),
        may_release,
        statuses: &STATUSES,
        states: AttemptState::EVERY,
    }))
}

/// The list that a form asks for, or the problem that names the field at fault.
fn options(form: &Form) -> Result<oss_core::NumberList, Problem> {
    let mut options = ListOptions::default();
    let status: Option<ListedStatus> = form.optional("status")?;
    options.status = status.map(|ListedStatus(status): ListedStatus| -> NumberStatus { status });
    options.state = form.optional("state")?;
    options.ddd = form.optional("ddd")?;
    options.brand = form.optional("brand_id")?;
    options.sim = form.optional("sim_id")?;
    options.created_after = form.optional("created_after")?;
    options.created_before = form.optional("created_before")?;
    options.expires_before = form.optional("expires_before")?;
    options.after = form.optional("after")?;
    options.list().map_err(|fault| Problem::malformed(vec![Fault::expecting(fault.field, fault.expected)]))
}

#[derive(Template)]
#[template(path = "console/releases.html")]
struct Releases {
    frame: Frame,
    is_preview: bool,
    results: Vec<ShownResult>,
}

struct ShownResult {
    msisdn: Msisdn,
    masked: MaskedMsisdn,
    is_ok: bool,
    outcome: &'static str,
    /// The reason why it stays as it is.
    reason: Option<Detail>,
}

/// Shows what a release of the chosen numbers would do, or does it.
pub(in crate::console) async fn release(Sent { visitor, form }: Sent) -> Result<Response, TurnedAway> {
    visitor.require(Scope::NumbersRelease)?;
    let numbers = chosen(&form)?;
    let is_preview = form.text("step") != "release";
    let mode = if is_preview { BulkMode::DryRun } else { BulkMode::Release };
    let results = visitor.oss.release_all(numbers, mode).await;
    let language = visitor.frame.language;
    let results = results.into_iter().map(|result| shown(result, is_preview, language)).collect();
    let frame = Frame { path: PATH.to_owned(), ..visitor.frame };
    Ok(page(&Releases { frame, is_preview, results }))
}

fn chosen(form: &Form) -> Result<Vec<Msisdn>, Problem> {
    let numbers: Result<Vec<Msisdn>, _> = form.every("msisdn").map(str::parse).collect();
    let numbers = numbers.map_err(|fault| Problem::malformed(vec![Fault::of("msisdn", &fault)]))?;
    if numbers.len() > LARGEST_RELEASE {
        return Err(Problem::malformed(vec![Fault::expecting(
            "msisdn",
            &format!("at most {LARGEST_RELEASE} numbers"),
        )]));
    }
    Ok(numbers)
}

fn shown(
    ReleaseResult { msisdn, result, .. }: ReleaseResult,
    is_preview: bool,
    language: Language,
) -> ShownResult {
    let t = language.texts();
    let (is_ok, outcome, reason) = match result {
        Ok(Released::Now) if is_preview => (true, t.would_release, None),
        Ok(Released::Now) => (true, t.released, None),
        Ok(Released::Before) => (true, t.released_before, None),
        Err(error) => (false, t.refused, Some(language.detail_of(error.into()))),
    };
    ShownResult { msisdn, masked: msisdn.masked(), is_ok, outcome, reason }
}
