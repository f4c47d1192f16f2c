//! The settings of the operations.

use std::time::Duration;

use crate::access::Share;
use crate::calls::DrawBudget;
use crate::domain::CodeLimits;

/// A lease is longer than the longest call to Sigan or GSIM by this time: enough to record the outcome, and a margin.
const LEASE_MARGIN: Duration = Duration::from_secs(20);

/// The settings of the operations. The default has the defaults of the configuration.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The time for which a number of a preview may be reserved.
    pub preview_ttl: Duration,
    /// The time for which a reserved number is held before it counts as abandoned.
    pub reservation_ttl: Duration,
    /// The time for which a number that was given back is not offered again, if that is limited.
    pub recycle_after: Option<Duration>,
    /// A reserved number is announced this long before it counts as abandoned.
    pub expiring_notice: Duration,
    /// The time for which an event is kept.
    pub event_retention: Duration,
    /// The longest time for which a number may be held, from the begin of its reservation on, if its hold is extended.
    pub reservation_max_ttl: Duration,
    /// The time for which a preview is kept after its end.
    pub preview_retention: Duration,
    /// The longest time for one call to Sigan, including the connection.
    pub sigan_call: Duration,
    /// At most this many callers may have a call to Sigan in flight at once.
    pub sigan_calls: usize,
    /// At most this many more callers may wait for their call.
    pub sigan_queue: usize,
    /// The longest time for one call to GSIM about an order, including the connection.
    pub gsim_call: Duration,
    /// At most this many callers may have a call to GSIM about an order in flight at once, for each type of SIM.
    pub gsim_calls: usize,
    /// At most this many more callers may wait for such a call, for each type of SIM.
    pub gsim_queue: usize,
    /// The part of the calls, of the queue and of the waiting places that one client may take at once, if there are other clients.
    pub client_share: Share,
    /// The numbers that one client may draw from an area code, if that is limited.
    pub draws: Option<DrawBudget>,
    /// The pause of the background sweep. A row that could not be settled is tried again within that time, or within five minutes
    /// if Sigan answers other calls meanwhile.
    pub sweep_interval: Duration,
    /// How often and how long the activation code of an eSIM can be read.
    pub code_limits: CodeLimits,
}

impl Settings {
    /// The time for which one attempt to hold a number, or to get a SIM, may be under way, until recovery may take it up.
    ///
    /// It is the longest call, and the time to record its answer.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.sigan_call.max(self.gsim_call) + LEASE_MARGIN
    }
}
