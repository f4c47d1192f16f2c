//! `GET /numbers`

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use oss_core::{
    AttemptState, BrandId, Cursor, Ddd, ListFault, ListOptions, ListedNumber, ListedStatus, NumberList,
    NumberPage, PageLength, SimId, Timestamp,
};
use serde::Deserialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::activation::quality_of;
use crate::access::Acting;
use crate::body::optional_text;
use crate::problem::{Fault, Problem};
use crate::query::Query;

const CSV: &str = "text/csv";
pub(super) const NDJSON: &str = "application/x-ndjson";

/// The filters of a list of numbers, and the page. All of them may be left out.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "state": "HELD", "ddd": "11" })))]
pub(super) struct Listing {
    /// Numbers with this status.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>)]
    status: Option<ListedStatus>,
    /// Numbers with an attempt in this state.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>)]
    state: Option<AttemptState>,
    /// Numbers of this area code.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>)]
    ddd: Option<Ddd>,
    /// Numbers of this brand.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>)]
    brand_id: Option<BrandId>,
    /// The number that is on this SIM.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<uuid::Uuid>)]
    sim_id: Option<SimId>,
    /// Numbers whose attempt began after this time.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>)]
    created_after: Option<Timestamp>,
    /// Numbers whose attempt began before this time.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>)]
    created_before: Option<Timestamp>,
    /// Numbers whose hold ends before this time.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>)]
    expires_before: Option<Timestamp>,
    /// The `next` of the page before.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>)]
    after: Option<Cursor>,
    /// The most numbers of the page, 1 to 1000; 100 if it is left out.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>)]
    limit: Option<PageLength>,
}

impl Listing {
    /// The page that the fields ask for, or the problem that names a filter that no index serves.
    pub(super) fn list(self) -> Result<NumberList, Problem> {
        let mut options = ListOptions::default();
        options.status = self.status.map(|ListedStatus(status)| status);
        options.state = self.state;
        options.ddd = self.ddd;
        options.brand = self.brand_id;
        options.sim = self.sim_id;
        options.created_after = self.created_after;
        options.created_before = self.created_before;
        options.expires_before = self.expires_before;
        options.after = self.after;
        options.limit = self.limit;
        options.list().map_err(|ListFault { field, expected, .. }| {
            Problem::malformed(vec![Fault { field: field.to_owned(), expected: expected.to_owned() }])
        })
    }
}

/// List numbers
///
/// A page of the numbers of the caller's brand, in full, each with the attempt that it is listed for. Filters that an index serves
/// go together: `status` with `ddd`; `state` with `ddd`; `state` with `createdAfter` and `createdBefore`, the oldest first, if the
/// state is an unsettled one; `expiresBefore`, the next to end first; `simId`; and each of these with `brandId`. Any other
/// combination gets 400. Pass `next` as `after` to get the next page; the header `Link` has its address. With `Accept: text/csv` or
/// `application/x-ndjson` the answer has a line for each number.
#[utoipa::path(
    get,
    path = "/numbers",
    operation_id = "listNumbers",
    tag = "Numbers",
    params(
        ("status" = Option<String>, Query),
        ("state" = Option<String>, Query),
        ("ddd" = Option<String>, Query),
        ("brandId" = Option<String>, Query),
        ("simId" = Option<String>, Query),
        ("createdAfter" = Option<String>, Query),
        ("createdBefore" = Option<String>, Query),
        ("expiresBefore" = Option<String>, Query),
        ("after" = Option<String>, Query),
        ("limit" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "A page of numbers", content(
            (NumberPage = "application/json"),
            (String = "text/csv"),
            (ListedNumber = "application/x-ndjson"),
        ), headers(("Link" = String, description = "The address of the next page (`rel=\"next\"`), unless this is the last one"))),
    ),
)]
pub(super) async fn list(
    Acting(oss): Acting,
    uri: Uri,
    headers: HeaderMap,
    Query(parameters): Query,
) -> Result<Response, Problem> {
    let list = parameters.read::<Listing>()?.list()?;
    let page = oss.list_numbers(&list).await?;
    let next = page.next.as_ref().and_then(|next| link(&uri, next));
    let mut response = in_form(&headers, page)?;
    if let Some(link) = next {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// A page in the form that the caller prefers: JSON, unless it prefers another one by name.
fn in_form(headers: &HeaderMap, page: NumberPage) -> Result<Response, Problem> {
    let [json, csv, ndjson] = ["application/json", CSV, NDJSON].map(|form| quality_of(headers, form));
    if csv > json && csv >= ndjson {
        let lines = page.numbers.iter().map(|number| format!("{}\r\n", number.csv_line()));
        let headings = format!("{}\r\n", ListedNumber::CSV_HEADINGS);
        let text: String = std::iter::once(headings).chain(lines).collect();
        return Ok(
            ([(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")], text).into_response()
        );
    }
    if ndjson > json {
        let line = |number| serde_json::to_string(number).map(|line| line + "\n");
        let lines: Result<String, _> = page.numbers.iter().map(line).collect();
        let text = lines.map_err(|_| Problem::internal("the list could not be written"))?;
        return Ok(([(header::CONTENT_TYPE, NDJSON)], text).into_response());
    }
    Ok(Json(page).into_response())
}

/// The address of the next page, relative to that of this one (RFC 8288).
fn link(uri: &Uri, next: &Cursor) -> Option<HeaderValue> {
    let query = uri.query().unwrap_or_default();
    let filters = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "after");
    let next = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(filters)
        .append_pair("after", &next.to_string())
        .finish();
    HeaderValue::try_from(format!("<?{next}>; rel=\"next\"")).ok()
}
