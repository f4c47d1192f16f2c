//! `/gsim/notifications`, the call-back of GSIM

use std::str::FromStr;

use axum::http::StatusCode;
use oss_core::{Eid, Error, Malformed, ProfileReport, ProfileState, SimId, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::Acting;
use crate::body::{Body, RequestBody, optional_text, text};
use crate::problem::Problem;

/// A report of GSIM on the profile of an eSIM. Fields that GSIM adds later are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "reference": "01920e4d-7a10-7b3c-9c55-1e8f4b2a6d03",
    "profileState": "INSTALLED",
    "at": "2026-11-25T13:35:12Z",
})))]
pub(super) struct ProfileNotification {
    /// Our reference: the id of the SIM.
    #[serde(deserialize_with = "text")]
    reference: SimId,
    /// The state of the profile.
    #[serde(deserialize_with = "text")]
    profile_state: ProfileState,
    /// The time of the change, by GSIM's clock.
    #[serde(deserialize_with = "text")]
    at: Timestamp,
    /// The reason of an error, in GSIM's words.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
    /// The chip that the profile is on, if GSIM knows it.
    #[serde(default, deserialize_with = "optional_text")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{32}$")]
    eid: Option<Eid>,
}

impl RequestBody for ProfileNotification {}

/// Any text.
struct Reason(String);

impl FromStr for Reason {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Ok(Self(text.to_owned()))
    }
}

/// Report on a profile
///
/// GSIM calls this if the profile of an eSIM comes to another state. The call may come late, twice or out of order: it changes
/// the state only if the profile can come to it now, and the history of the SIM keeps every report.
#[utoipa::path(
    post,
    path = "/gsim/notifications",
    operation_id = "reportProfile",
    tag = "SIMs",
    request_body = ProfileNotification,
    responses(
        (status = 204, description = "Recorded, now or before"),
    ),
    extensions(("x-problems" = json!(["unknown-sim"]))),
)]
pub(super) async fn notify(
    Acting(oss): Acting,
    Body(ProfileNotification { reference, profile_state, at: Timestamp(at), reason, eid }): Body<
        ProfileNotification,
    >,
) -> Result<StatusCode, Problem> {
    let reason = reason.as_ref().map(|Reason(text)| text.as_str());
    let report = ProfileReport::new(reference, profile_state, at, reason).on_chip(eid);
    oss.record_profile(report).await.map_err(|error| match error {
        Error::UnknownSim(_) => Problem::from(error).in_field("reference"),
        _ => error.into(),
    })?;
    Ok(StatusCode::NO_CONTENT)
}
