//! `oss webhooks`

use oss_core::WebhookStatus;
use serde::Serialize;

use super::show::time;
use crate::args::WebhooksCommand;
use crate::exit::Failure;
use crate::output::{Answer, Output, table};
use crate::service::Service;

pub(crate) async fn run(
    service: &impl Service,
    command: Option<WebhooksCommand>,
    output: Output,
) -> Result<(), Failure> {
    if let Some(WebhooksCommand::Replay { name, from }) = command
        && !service.replay_webhook(&name, from.0).await?
    {
        return Err(Failure::unknown(
            "unknown-webhook",
            "no server has ever delivered to a webhook of this name",
        ));
    }
    output.write_answer(&Webhooks { webhooks: service.webhooks().await? })
}

#[derive(Debug, Serialize)]
struct Webhooks {
    webhooks: Vec<WebhookStatus>,
}

impl Answer for Webhooks {
    fn table(&self, _oss: &str) -> String {
        if self.webhooks.is_empty() {
            return "No webhook: add [[webhooks]] to the configuration of the servers".to_owned();
        }
        let mut table = table(&["webhook", "after", "behind", "last delivery", "failures", "last error"]);
        for WebhookStatus { name, cursor, lag_seconds, attempts, last_error, delivered_at, .. } in
            &self.webhooks
        {
            table.add_row([
                name.clone(),
                cursor.to_string(),
                format!("{lag_seconds} s"),
                delivered_at.map_or_else(|| "never".to_owned(), time),
                attempts.to_string(),
                last_error.clone().unwrap_or_default(),
            ]);
        }
        table.to_string()
    }
}
