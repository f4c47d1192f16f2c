//! The story of a number or a SIM: its attempts, and everything that happened to them in the order of time.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Choice;
use super::events::Event;
use super::ids::{BrandId, ClientName, ExternalId, PreviewId, SimId};
use super::msisdn::Msisdn;
use super::number::{AttemptState, HoldRecord, Line};
use super::search::StoredPreview;
use super::sim::{Association, CodeRead, SimRecord};
use super::upstream::UpstreamCall;

/// The most entries of a timeline, and the most attempts of a history: the latest ones.
pub(crate) const LONGEST_STORY: u32 = 200;

/// A number with its whole history. It serialises as in the HTTP answer, with the number in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NumberHistory {
    /// The number.
    pub msisdn: Msisdn,
    /// The row of the number; none if every attempt to hold it was refused, so that it was never ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub current: Option<Line>,
    /// The attempts to hold it in Sigan, the latest first, at most 200.
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub attempts: Vec<AttemptRecord>,
    /// The SIMs and lines that it was on, the latest first.
    pub associations: Vec<Association>,
    /// Its events, the calls to Sigan and GSIM about it, and the reads of its activation codes: the latest first, at most 200.
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub timeline: Vec<StoryEntry>,
}

impl NumberHistory {
    pub(crate) fn new(
        msisdn: Msisdn,
        current: Option<Line>,
        attempts: Vec<AttemptRecord>,
        associations: Vec<Association>,
        timeline: Vec<StoryEntry>,
    ) -> Self {
        Self { msisdn, current, attempts, associations, timeline }
    }

    /// The history for a reader who may not see SIMs: without the SIMs and lines, the events of SIMs, the calls to GSIM, and the reads of
    /// codes.
    #[must_use]
    pub fn without_sims(mut self) -> Self {
        self.associations.clear();
        if let Some(line) = &mut self.current {
            line.assigned_sim_id = None;
        }
        self.timeline.retain(|entry| !entry.is_of_sim());
        for entry in &mut self.timeline {
            if let StoryKind::Event(event) = &mut entry.kind {
                event.sim = None;
            }
        }
        self
    }
}

/// A SIM with its whole history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SimHistory {
    /// The SIM.
    pub sim: SimRecord,
    /// Its events, the calls to GSIM about it, and the reads of its activation code: the latest first, at most 200.
    pub timeline: Vec<StoryEntry>,
}

impl SimHistory {
    pub(crate) fn new(sim: SimRecord, timeline: Vec<StoryEntry>) -> Self {
        Self { sim, timeline }
    }
}

/// A preview with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreviewHistory {
    /// Its id.
    pub id: PreviewId,
    /// Its brand.
    pub brand: BrandId,
    /// The client whose idempotency key made it, if it had one.
    pub client: Option<ClientName>,
    /// Sigan's id of it; none if the stored one cannot be read.
    pub external_id: Option<ExternalId>,
    /// The numbers that it offers.
    pub offers: Vec<OfferedNumber>,
    /// The number that was chosen.
    pub reserved: Option<Msisdn>,
    /// The time at which it was made.
    pub created_at: DateTime<Utc>,
    /// The time until which numbers can be reserved from it. If another preview replaced it, the time of that.
    pub expires_at: DateTime<Utc>,
    /// The calls to Sigan about it and the holds from it: the latest first, at most 200.
    pub calls: Vec<StoryEntry>,
}

/// A number that a preview offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OfferedNumber {
    /// Its index.
    pub choice: Choice,
    /// The number, in full.
    pub msisdn: Msisdn,
    /// Whether there is something to show of the number: the reader's brand has it, or had it.
    pub is_known: bool,
}

impl OfferedNumber {
    pub(crate) fn new(choice: Choice, msisdn: Msisdn, is_known: bool) -> Self {
        Self { choice, msisdn, is_known }
    }
}

impl PreviewHistory {
    pub(crate) fn new(preview: StoredPreview, offers: Vec<OfferedNumber>, calls: Vec<UpstreamCall>) -> Self {
        let StoredPreview { id, brand, client, external_id, reserved, created_at, expires_at, .. } = preview;
        let calls = StoryEntry::timeline(Vec::new(), calls, Vec::new());
        Self { id, brand, client, external_id, offers, reserved, created_at, expires_at, calls }
    }
}

/// One attempt to hold a number in Sigan, and for whom it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AttemptRecord {
    /// The attempt.
    #[serde(flatten)]
    pub hold: HoldRecord,
    /// The brand for which it was made.
    #[serde(rename = "brandId")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub brand: BrandId,
    /// The client whose idempotency key began it, if it had one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub client: Option<ClientName>,
    /// The time at which the sweep looks at it next, unless it is settled.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub due_at: Option<DateTime<Utc>>,
    /// The time at which it ended, if it has.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub ended_at: Option<DateTime<Utc>>,
}

impl AttemptRecord {
    pub(crate) fn new(
        hold: HoldRecord,
        brand: BrandId,
        client: Option<ClientName>,
        due_at: Option<DateTime<Utc>>,
    ) -> Self {
        let is_over = matches!(hold.state, AttemptState::Released | AttemptState::Rejected);
        let ended_at = is_over.then_some(hold.updated_at);
        Self { hold, brand, client, due_at, ended_at }
    }
}

/// One entry of a timeline. As JSON it has its time and one field more, named after its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoryEntry {
    /// The time of the change, of the request or of the read.
    pub at: DateTime<Utc>,
    /// The thing that happened.
    #[serde(flatten)]
    pub kind: StoryKind,
}

/// The kinds of entries of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum StoryKind {
    /// The number or the SIM changed.
    Event(Event),
    /// Sigan or GSIM was called.
    Call(UpstreamCall),
    /// A client read the activation code of a SIM.
    CodeRead(SimCodeRead),
}

/// A read of the activation code of a SIM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SimCodeRead {
    /// The SIM.
    pub sim_id: SimId,
    /// The client that read it.
    pub client: String,
}

impl StoryEntry {
    /// Whether it is about a SIM and not about the number.
    fn is_of_sim(&self) -> bool {
        match &self.kind {
            StoryKind::Event(event) => event.reservation.is_none(),
            StoryKind::Call(call) => call.sim_id.is_some(),
            StoryKind::CodeRead(_) => true,
        }
    }

    /// The entries of a timeline, the latest first, as many as it may have.
    pub(crate) fn timeline(
        events: Vec<Event>,
        calls: Vec<UpstreamCall>,
        code_reads: Vec<(SimId, CodeRead)>,
    ) -> Vec<Self> {
        let event = |event: Event| Self { at: event.recorded_at, kind: StoryKind::Event(event) };
        let call = |call: UpstreamCall| Self { at: call.sent_at, kind: StoryKind::Call(call) };
        let read = |(sim_id, CodeRead { client, read_at }): (SimId, CodeRead)| Self {
            at: read_at,
            kind: StoryKind::CodeRead(SimCodeRead { sim_id, client }),
        };
        let mut entries: Vec<Self> = events.into_iter().map(event).collect();
        entries.extend(calls.into_iter().map(call));
        entries.extend(code_reads.into_iter().map(read));
        // An event comes after the call that it follows from, also if both have one time.
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        entries.truncate(usize::try_from(LONGEST_STORY).unwrap_or(usize::MAX));
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_has_the_latest_entries_first() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let sim = SimId::new();
        let read = |seconds| (sim, CodeRead { client: "web".to_owned(), read_at: at(seconds) });
        let reads = [7, 9, 8].into_iter().chain(100..400).map(read).collect();
        let timeline = StoryEntry::timeline(Vec::new(), Vec::new(), reads);
        let times: Vec<_> = timeline.iter().map(|entry| entry.at).collect();
        assert_eq!(times, (200..400).rev().map(at).collect::<Vec<_>>());
        let json = serde_json::to_value(&timeline[0]).unwrap();
        assert_eq!(
            json,
            serde_json::json!({ "at": "1970-01-01T00:06:39Z", "codeRead": { "simId": sim, "client": "web" } })
        );
        assert_eq!(serde_json::from_value::<StoryEntry>(json).unwrap(), timeline[0]);
    }
}
