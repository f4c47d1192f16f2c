//! `/webhooks`

use axum::Json;
use axum::http::StatusCode;
use oss_core::{ClientName, Timestamp, WebhookStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Acting;
use crate::body::{Fields, text};
use crate::path::Params;
use crate::problem::{Problem, UNKNOWN_WEBHOOK};

/// The webhooks of the servers.
#[derive(Serialize, ToSchema)]
pub(super) struct Webhooks {
    /// Every webhook that events were ever delivered to, by name.
    webhooks: Vec<WebhookStatus>,
}

/// The place from which to deliver events again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "from": "2026-11-25T13:30:43Z" })))]
pub(super) struct NewReplay {
    /// The time. A few events from before it are delivered too.
    #[serde(deserialize_with = "text")]
    from: Timestamp,
}

/// Show the webhooks
///
/// How far each webhook is, how many deliveries have failed in a row, and the last error. The webhooks themselves are in the files of the
/// servers.
#[utoipa::path(
    get,
    path = "/webhooks",
    operation_id = "listWebhooks",
    tag = "Operations",
    responses(
        (status = 200, description = "Every webhook that events were ever delivered to", body = Webhooks),
    ),
)]
pub(super) async fn list(Acting(oss): Acting) -> Result<Json<Webhooks>, Problem> {
    Ok(Json(Webhooks { webhooks: oss.webhooks().await? }))
}

/// Deliver events again
///
/// Delivers the events since a time to a webhook again, in order, each with the `webhook-id` that it had before. Repeating the call
/// begins at that time again.
#[utoipa::path(
    post,
    path = "/webhooks/{name}/replays",
    operation_id = "replayWebhook",
    tag = "Operations",
    request_body = NewReplay,
    responses(
        (status = 204, description = "The next delivery is the first event since that time"),
    ),
    extensions(("x-problems" = json!(["unknown-webhook"]))),
)]
pub(super) async fn replay(
    Acting(oss): Acting,
    params: Params,
    fields: Fields,
) -> Result<StatusCode, Problem> {
    let name: ClientName = params.get("name")?;
    let NewReplay { from: Timestamp(from) } = fields.read()?;
    if oss.replay_webhook(&name, from).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(UNKNOWN_WEBHOOK, "no server has ever delivered to a webhook of this name"))
    }
}
