//! Values, states and rules: pure. Nothing here does I/O, waits, tells the time or knows SQL.

mod adoption;
mod answers;
mod attempt;
mod ddds;
mod devices;
mod events;
mod hex_hash;
mod hold;
mod idempotency;
mod ids;
mod listing;
mod lists;
mod msisdn;
mod number;
mod order_verdicts;
mod orders;
#[cfg(feature = "openapi")]
mod schemas;
mod search;
mod sessions;
mod sim;
mod sims;
mod statistics;
mod story;
mod sweep_report;
mod tenant;
mod text;
mod timestamp;
mod unsettled;
mod upstream;
mod verdicts;
mod words;

pub use adoption::{AdoptOutcome, AdoptRefusal, Adoption};
pub(crate) use adoption::{AdoptionRow, AdoptionVerdict, LiveRow};
pub use answers::{
    Assign, Begin, BeginRandom, Census, Claims, Confirmed, Delivery, Due, Extend, HeldNumber, HeldPage,
    Intent, Keyed, KeyedPreview, KnownHold, Lease, LiveHold, NewPreview, OtherNumber, Overdue, PoolUsage,
    PreviousPreview, Range, Release, UnreadableRow,
};
pub use attempt::AttemptEvent;
pub use ddds::DddSet;
pub use devices::{
    Assortment, BrandSlug, DeviceBrand, DeviceBrandId, DeviceChoice, DeviceCode, DeviceHash, DeviceModel,
    DeviceModelId, DisplayName, EsimAnswer, EsimSource, EsimSupport, Imei, Source, Tac,
};
pub use events::{Event, EventCursor, EventId, EventKind, EventPage, EventRow, EventRows, WebhookStatus};
pub(crate) use hex_hash::hex_hash;
pub use hold::{Extension, Hold, ListedHold, Reservation};
pub use idempotency::IdempotencyKey;
pub(crate) use ids::uuid_id;
pub use ids::{
    BrandId, CallId, Choice, ClientName, ExternalId, Index, LineId, PreviewId, ReservationId, SimId,
};
pub use listing::{
    Cursor, ListFault, ListOptions, ListedNumber, ListedStatus, NumberFilter, NumberList, NumberPage,
    PageLength,
};
pub use lists::{DataVersion, DataVersions, Edition, InstallationId};
pub use msisdn::{Ddd, Malformed, MaskedMsisdn, Msisdn};
pub(crate) use msisdn::{ascii, serde_as_text};
pub use number::{AttemptState, HoldRecord, Line, Number, NumberStatus};
pub(crate) use order_verdicts::{OrderRow, OrderVerdict, OrderedNumber};
pub use orders::{
    BeginOrder, DueOrder, EndLine, IssuedOrder, IssuedSim, NewOrder, OrderLease, OrderPurpose, SimDelivery,
    SimDetails, WantedSim,
};
pub use search::{NumberKey, SearchTerm, StoredPreview};
pub use sessions::OperatorSession;
pub use sim::{
    ActiveSim, Association, CodeAnswer, CodeLimits, CodeRead, CodeReading, KnownSim, ProfileRecorded,
    ProfileReport, RecordedReport, SilentProfile, Sim, SimFilter, SimIdentity, SimRecord,
};
pub(crate) use sim::{CodeRow, ProfileRow};
pub use sims::{
    ActivationCode, AddressHash, Eid, Iccid, Imsi, MalformedAt, MaskedDigits, MatchingId, ProfileState,
    SimStatus, SimType, SmdpAddress, Technology, TextFault,
};
pub use statistics::{
    AttemptCount, Backlog, ChangeCount, DrawBatch, DrawCount, DrawTally, LastAudit, NewDraws, Statistics,
};
pub(crate) use story::LONGEST_STORY;
pub use story::{
    AttemptRecord, NumberHistory, OfferedNumber, PreviewHistory, SimCodeRead, SimHistory, StoryEntry,
    StoryKind,
};
pub use sweep_report::SweepReport;
pub(crate) use tenant::OLDER_BRAND;
pub use tenant::{Scope, Tenant};
#[cfg(feature = "import")]
pub(crate) use text::{INVISIBLE, is_invisible};
pub(crate) use text::{is_hidden, plain, trimmed, visible};
pub use timestamp::Timestamp;
pub use unsettled::{AttemptKind, UnsettledAttempt, UnsettledPage};
pub use upstream::{CallSubject, NewCall, Origin, UpstreamCall, UpstreamSystem};
pub(crate) use verdicts::*;
pub(crate) use words::open_words;

/// The variants of an enum, as an array.
pub(crate) const fn every<T: Copy, const N: usize>(variants: &[T]) -> [T; N] {
    // `N` is the count of variants, and strum derives both. A mistake would not compile, because each use is a constant.
    *variants.first_chunk().expect("there are so many variants")
}
