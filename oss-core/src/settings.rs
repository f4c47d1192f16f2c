//! The settings of the operations.

use std::time::Duration;

use crate::access::Share;
use crate::calls::DrawBudget;

/// How long a lease lasts beyond the longest call to Sigan: the time to record its outcome, and a margin.
const LEASE_MARGIN: Duration = Duration::from_secs(20);

/// The settings of the operations. Its default is what the configuration has if nobody sets anything.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// How long a preview may be reserved from.
    pub preview_ttl: Duration,
    /// How long a reserved number is held before it counts as abandoned.
    pub reservation_ttl: Duration,
    /// How long a preview is kept after its end.
    pub preview_retention: Duration,
    /// The longest that one call to Sigan may take, connecting included.
    pub sigan_call: Duration,
    /// How many callers may have a call to Sigan in flight at once.
    pub sigan_calls: usize,
    /// How many more may wait for that.
    pub sigan_queue: usize,
    /// The part of the calls, of the queue and of the waiting places that one client may take at once, if there are others.
    pub client_share: Share,
    /// How many numbers one client may draw from an area code, if that is limited.
    pub draws: Option<DrawBudget>,
    /// How long the background sweep rests. What could not be settled is tried again within that time, or within five minutes
    /// if Sigan answers other calls meanwhile.
    pub sweep_interval: Duration,
}

impl Settings {
    /// How long one attempt to hold a number may be under way before recovery may take it up.
    ///
    /// The longest call, and the time to record what it answered.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.sigan_call + LEASE_MARGIN
    }
}
