//! `/releases`

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use oss_core::{
    BulkMode, Cursor, ErrorKind, LARGEST_RELEASE, ListedReleases, Malformed, Msisdn, ReleaseResult, Released,
};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::lists::Listing;
use crate::access::{Acting, Caller};
use crate::body::{Body, Fields, RequestBody, switch};
use crate::limits::LONGEST_BULK_BODY;
use crate::problem::{EXPECTED, Problem, Reason};
use crate::state::Shared;

/// The numbers to release: either the numbers themselves or the filter of a list.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "msisdns": ["11999950001", "11999950002"], "dryRun": true })))]
pub(super) struct NewReleases {
    /// At most 1000 numbers.
    #[serde(default, deserialize_with = "numbers")]
    #[schema(max_items = 1000)]
    msisdns: Option<Vec<Msisdn>>,
    /// The filters of a list, and its page. Needs the scope `numbers:read` too.
    #[serde(default, deserialize_with = "filters")]
    #[schema(value_type = Listing, required = false)]
    filter: Option<Fields>,
    /// Whether to say what would be done, and change nothing.
    #[serde(default, deserialize_with = "switch")]
    dry_run: bool,
}

impl RequestBody for NewReleases {
    const LONGEST: usize = LONGEST_BULK_BODY;

    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let expected = "exactly one of msisdns and filter";
        match fields.only_one_given::<Self>(&["msisdns", "filter"], expected) {
            Some(_) => fields.read(),
            None => Err(fields.refuse()),
        }
    }
}

/// Reads numbers. An error names the position of a wrong one, because it must not repeat the text.
fn numbers<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Vec<Msisdn>>, D::Error> {
    let texts = match Value::deserialize(field)? {
        Value::Array(texts) if texts.len() <= LARGEST_RELEASE => texts,
        Value::Array(_) => {
            return Err(D::Error::custom(format!("{EXPECTED}at most {LARGEST_RELEASE} numbers")));
        }
        _ => return Err(D::Error::custom(format!("{EXPECTED}a list of numbers"))),
    };
    let read = |(at, text): (usize, &Value)| {
        text.as_str().ok_or(Malformed { expected: "text" }).and_then(str::parse).map_err(
            |malformed: Malformed| {
                D::Error::custom(format!("{EXPECTED}at position {}: {}", at + 1, malformed.expected))
            },
        )
    };
    texts.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
}

/// Reads the fields of a filter.
fn filters<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Fields>, D::Error> {
    let fields = Fields::deserialize(field);
    fields.map(Some).map_err(|_| D::Error::custom(format!("{EXPECTED}an object with the filters of a list")))
}

/// The results of a release of many numbers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "dryRun": false,
    "results": [
        { "msisdn": "11999950001", "outcome": "released" },
        {
            "msisdn": "11999950002",
            "outcome": "refused",
            "problem": {
                "type": "urn:oss:problem:number-state",
                "detail": "number (11) 9****-0002 is IN_USE; only a RESERVED number can be released, extended or put on a line",
            },
        },
    ],
    "next": null,
})))]
pub(super) struct Releases {
    /// Whether nothing was changed, and the outcomes are those that a release would have.
    dry_run: bool,
    /// One result for each number, in the order of the request or of the list.
    results: Vec<OneRelease>,
    /// With a filter, the place after which the list goes on: pass it as `after` of the filter.
    #[schema(value_type = Option<String>, required = true)]
    next: Option<Cursor>,
}

/// The result of the release of one number.
#[derive(Serialize, ToSchema)]
struct OneRelease {
    /// The number.
    msisdn: Msisdn,
    outcome: Outcome,
    /// The reason, unless the number is released.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<Reason>,
}

/// The outcome of the release of a number.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// It is given back now.
    Released,
    /// It was given back before.
    AlreadyReleased,
    /// Its state forbids it.
    Refused,
    /// No such number is known here.
    Unknown,
    /// A fault of this service; the release may be repeated.
    Failed,
}

impl From<ReleaseResult> for OneRelease {
    fn from(ReleaseResult { msisdn, result, .. }: ReleaseResult) -> Self {
        let (outcome, problem) = match result {
            Ok(Released::Now) => (Outcome::Released, None),
            Ok(Released::Before) => (Outcome::AlreadyReleased, None),
            Err(error) => (outcome_of(error.kind()), Some(Problem::from(error).log_and_shorten())),
        };
        Self { msisdn, outcome, problem }
    }
}

fn outcome_of(kind: ErrorKind) -> Outcome {
    match kind {
        ErrorKind::Unknown => Outcome::Unknown,
        ErrorKind::Conflict => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

/// The caller of a request, for a handler that asks for more than its scope.
pub(super) struct Called(pub(super) Caller);

impl FromRequestParts<Shared> for Called {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        Caller::of(parts).cloned().map(Self)
    }
}

/// Release many numbers
///
/// Releases each number as `DELETE /reservations/{msisdn}` does, and answers with one result for each: one that cannot be released
/// does not stop the others. Name at most 1000 numbers, or give the filter of a list: then the numbers of one page are released,
/// and `next` says where the list goes on. With `dryRun` nothing is changed. Repeating the call is safe as long as the numbers are
/// still the caller's.
#[utoipa::path(
    post,
    path = "/releases",
    operation_id = "releaseNumbers",
    tag = "Numbers",
    request_body = NewReleases,
    responses(
        (status = 200, description = "One result for each number", body = Releases),
    ),
)]
pub(super) async fn release(
    Acting(oss): Acting,
    Called(caller): Called,
    Body(NewReleases { msisdns, filter, dry_run }): Body<NewReleases>,
) -> Result<Json<Releases>, Problem> {
    let mode = if dry_run { BulkMode::DryRun } else { BulkMode::Release };
    let (results, next) = match filter {
        Some(filter) => {
            caller.require_numbers_read()?;
            let list = filter.read::<Listing>()?.list()?;
            let ListedReleases { results, next, .. } = oss.release_listed(&list, mode).await?;
            (results, next)
        }
        None => (oss.release_all(msisdns.unwrap_or_default(), mode).await, None),
    };
    Ok(Json(Releases { dry_run, results: results.into_iter().map(OneRelease::from).collect(), next }))
}
