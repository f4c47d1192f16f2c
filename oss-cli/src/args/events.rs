//! The commands about events and webhooks.

use clap::Subcommand;
use oss_core::{ClientName, EventCursor, Timestamp};

use crate::examples;

/// The events to show.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct EventsArgs {
    /// The place after which to begin, as an earlier call showed it [default: before the first event; with --follow, the end].
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<EventCursor>,
    /// Begin shortly before this time.
    #[arg(long, value_name = "TIME", conflicts_with = "after")]
    pub(crate) since: Option<Timestamp>,
    /// The most events to show, 1 to 1000.
    #[arg(long, value_name = "COUNT", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with = "follow")]
    pub(crate) limit: u32,
    /// Show each new event until interrupted.
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WebhooksCommand {
    /// Deliver the events since a time again.
    #[command(after_help = examples::WEBHOOKS_REPLAY)]
    Replay {
        /// The name of the webhook.
        name: ClientName,
        /// The time. A few events from before it are delivered too.
        #[arg(long, value_name = "TIME")]
        from: Timestamp,
    },
}
