//! The rows that a backend reads before it writes, and the decisions that follow from them.
//!
//! Both backends decide by these functions, so each rule is written once. PostgreSQL writes in the statement that reads, under
//! guards that say the same; a function here then names the answer. This module knows no SQL.

use chrono::{DateTime, Utc};

use super::{
    Assign, AttemptEvent, AttemptState, Begin, BrandId, Delivery, EndLine, Extend, ExternalId, Hold, Keyed,
    Lease, Msisdn, NumberStatus, OtherNumber, Release, Reservation, ReservationId, SimId, SimStatus,
};

/// The number of times that a step is tried if its rows change between its read and its write. After that it fails, and the caller
/// may try again.
pub(crate) const RACES: usize = 3;

/// A preview, the number that was chosen from it, and the attempts at either.
#[derive(Debug)]
pub(crate) struct PreviewRow {
    /// Sigan's id of the preview.
    pub(crate) external_id: ExternalId,
    /// The brand that it is for.
    pub(crate) brand: BrandId,
    /// Whether it has neither expired nor been replaced.
    pub(crate) open: bool,
    /// Whether it gave a number before reservations were recorded: older data.
    pub(crate) gave_before: bool,
    /// The chosen number, or none if the preview has no number with that index.
    pub(crate) msisdn: Option<Msisdn>,
    /// The status of the number, or none if it never was ours.
    pub(crate) status: Option<NumberStatus>,
    /// The attempts at the number that are not of this preview.
    pub(crate) others: Others,
    /// The reservation of this preview that was not rejected.
    pub(crate) own: Option<OwnAttempt>,
}

/// The attempts at a number that are not of one preview, and not over.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Others {
    /// Whether one of them is live, so that it has the number.
    pub(crate) live: bool,
    /// Whether that one is not settled yet.
    pub(crate) unsettled: bool,
    /// Whether one of them is ending, in Sigan, the same hold that the preview stands for.
    pub(crate) ending: bool,
}

/// The reservation of a preview.
#[derive(Debug)]
pub(crate) struct OwnAttempt {
    pub(crate) id: ReservationId,
    pub(crate) msisdn: Msisdn,
    pub(crate) state: AttemptState,
    pub(crate) attempts: i32,
    /// Whether it is due: for `PENDING`, whether its lease ran out; for `HELD`, whether it has expired.
    pub(crate) due: bool,
    /// The end of its hold, which counts while it is `HELD`.
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// Whether the caller's attempt has its lease already. Then the statement that took it is being repeated, because its answer
    /// was lost.
    pub(crate) leased: bool,
}

/// The decision about a request to reserve.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A new attempt may begin.
    Start(Lease),
    /// The preview's own attempt may be resumed.
    Resume(Lease),
    /// Write nothing, and answer this.
    Answer(Begin),
}

impl PreviewRow {
    /// Decides for the attempt `id`.
    pub(crate) fn verdict(self, id: ReservationId) -> Verdict {
        let Some(msisdn) = self.msisdn else { return Verdict::Answer(Begin::UnknownChoice) };
        let hold = Hold { external_id: self.external_id, msisdn };
        match self.own {
            Some(own) if own.msisdn == msisdn => own.verdict(hold, self.brand, self.status.as_ref()),
            Some(own) => Verdict::Answer(own.state.blocks_other_choices()),
            None if !self.open => Verdict::Answer(Begin::Expired),
            // The attempt that ends the hold may do so after this attempt was told that it has it.
            None if self.gave_before || self.others.ending => Verdict::Answer(Begin::Used),
            None if self.others.unsettled => Verdict::Answer(Begin::Unsettled(msisdn)),
            None if self.others.live
                || self.status.is_some_and(|status| status != NumberStatus::Returned) =>
            {
                Verdict::Answer(Begin::Taken(msisdn))
            }
            None => Verdict::Start(Lease { reservation: id, call: 1, brand: self.brand, hold }),
        }
    }
}

impl OwnAttempt {
    /// Decides for the number that the preview's earlier attempt chose too.
    fn verdict(self, hold: Hold, brand: BrandId, status: Option<&NumberStatus>) -> Verdict {
        let resumed = Lease { reservation: self.id, call: self.attempts + 1, brand, hold };
        match self.state {
            AttemptState::Held if self.has_expired(status) => Verdict::Answer(Begin::Used),
            AttemptState::Held | AttemptState::Assigned => Verdict::Answer(Begin::Held(self.reservation())),
            AttemptState::Pending if self.leased => {
                Verdict::Answer(Begin::Started(Lease { call: self.attempts, ..resumed }))
            }
            AttemptState::Pending if !self.due => Verdict::Answer(Begin::InFlight),
            AttemptState::Pending | AttemptState::InDoubt => Verdict::Resume(resumed),
            AttemptState::Cancelling => Verdict::Answer(Begin::InFlight),
            AttemptState::Releasing | AttemptState::Released | AttemptState::Rejected => {
                Verdict::Answer(Begin::Used)
            }
        }
    }

    /// The number, and the end of its hold if it still has one.
    fn reservation(&self) -> Reservation {
        Reservation::new(self.msisdn, self.state.end_of_hold(self.expires_at))
    }

    /// Whether the next sweep gives the number back. A number that another program put on a line stays.
    fn has_expired(&self, status: Option<&NumberStatus>) -> bool {
        self.state == AttemptState::Held && self.due && status != Some(&NumberStatus::InUse)
    }
}

impl AttemptState {
    /// The end of a hold, if the state still has one: a number on a line does not expire.
    pub(crate) fn end_of_hold(self, expires_at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        expires_at.filter(|_| self == Self::Held)
    }

    /// The answer to a request for another number of the same preview.
    fn blocks_other_choices(self) -> Begin {
        match self {
            Self::Pending | Self::InDoubt | Self::Cancelling => Begin::OtherInFlight,
            _ => Begin::Used,
        }
    }
}

/// The random reservation that was begun under a key.
#[derive(Debug)]
pub(crate) struct KeyedRow {
    pub(crate) own: OwnAttempt,
    /// Sigan's id of its pre-reservation.
    pub(crate) external_id: ExternalId,
    /// The brand it is for.
    pub(crate) brand: BrandId,
    /// The status of its number, if it was ever ours.
    pub(crate) status: Option<NumberStatus>,
    /// Whether it was for the same area code and the same brand.
    pub(crate) same_request: bool,
}

impl KeyedRow {
    /// Decides the answer to a repeated call. [`Keyed::Resumed`] has to be written first, unless its lease was already taken.
    pub(crate) fn verdict(self) -> Keyed {
        let Self { own, external_id, brand, status, same_request } = self;
        if !same_request {
            return Keyed::OtherRequest;
        }
        let lease = |call| {
            let hold = Hold { external_id: external_id.clone(), msisdn: own.msisdn };
            Lease { reservation: own.id, call, brand: brand.clone(), hold }
        };
        match own.state {
            AttemptState::Held if own.has_expired(status.as_ref()) => Keyed::Spent,
            AttemptState::Held | AttemptState::Assigned => Keyed::Held(own.reservation()),
            AttemptState::Pending if own.leased => Keyed::Resumed(lease(own.attempts)),
            AttemptState::Pending if !own.due => Keyed::InFlight,
            AttemptState::Pending | AttemptState::InDoubt => Keyed::Resumed(lease(own.attempts + 1)),
            AttemptState::Cancelling => Keyed::InFlight,
            AttemptState::Releasing | AttemptState::Released | AttemptState::Rejected => Keyed::Spent,
        }
    }
}

/// A number, and the live reservation that has it.
#[derive(Debug)]
pub(crate) struct NumberRow {
    pub(crate) status: NumberStatus,
    pub(crate) assigned_sim: Option<SimId>,
    /// The live reservation, or none: older data has none.
    pub(crate) live: Option<LiveAttempt>,
    /// Whether an order of a SIM for it is under way.
    pub(crate) ordered: bool,
}

/// A live reservation of a number.
#[derive(Debug)]
pub(crate) struct LiveAttempt {
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(dead_code, reason = "PostgreSQL decides and writes in one statement")
    )]
    pub(crate) id: ReservationId,
    pub(crate) state: AttemptState,
    /// As [`OwnAttempt::due`].
    pub(crate) due: bool,
}

impl NumberRow {
    /// The reason why the line of the number cannot be ended, or that it has ended already; none if it can.
    pub(crate) fn end_refusal(&self) -> Option<EndLine> {
        match &self.status {
            NumberStatus::Returned => Some(EndLine::AlreadyEnded),
            NumberStatus::InUse if self.ordered => Some(EndLine::InFlight),
            NumberStatus::InUse => None,
            status => Some(EndLine::NotOnLine(status.clone())),
        }
    }

    /// The reason why the number cannot be released, or none if it can.
    pub(crate) fn release_refusal(&self) -> Option<Release> {
        let in_flight = |live: &LiveAttempt| live.state == AttemptState::Pending && !live.due;
        match &self.status {
            NumberStatus::Returned => Some(Release::AlreadyReturned),
            status @ (NumberStatus::InUse | NumberStatus::Other(_)) => {
                Some(Release::Forbidden(status.clone()))
            }
            NumberStatus::Reserved if self.ordered => Some(Release::Ordered),
            NumberStatus::Reserved if self.live.as_ref().is_some_and(in_flight) => Some(Release::InFlight),
            NumberStatus::Reserved => None,
        }
    }

    /// The reason why the number cannot be held for longer, or none if it can. If its time is over, the next sweep gives it back.
    pub(crate) fn extend_refusal(&self) -> Option<Extend> {
        let live = match (&self.status, &self.live) {
            (NumberStatus::Reserved, Some(live)) => live,
            (NumberStatus::Reserved, None) => return Some(Extend::Endless),
            (status, _) => return Some(Extend::Forbidden(status.clone())),
        };
        match live.state {
            AttemptState::Held if live.due && !self.ordered => {
                Some(Extend::Forbidden(NumberStatus::Returned))
            }
            AttemptState::Pending => Some(Extend::InFlight),
            AttemptState::InDoubt => Some(Extend::InDoubt),
            state if state.after(AttemptEvent::Extended).is_some() => None,
            // Its row and that of the number disagree.
            _ => Some(Extend::Forbidden(NumberStatus::InUse)),
        }
    }

    /// The reason why the number cannot be put on the line of `sim`, or that it is there already; none if it can.
    pub(crate) fn assign_refusal(&self, sim: SimId) -> Option<Assign> {
        let unsettled =
            |live: &LiveAttempt| matches!(live.state, AttemptState::Pending | AttemptState::InDoubt);
        match &self.status {
            status @ (NumberStatus::Returned | NumberStatus::Other(_)) => {
                Some(Assign::Forbidden(status.clone()))
            }
            NumberStatus::InUse if self.assigned_sim == Some(sim) => Some(Assign::Assigned),
            NumberStatus::InUse => Some(Assign::AssignedElsewhere),
            NumberStatus::Reserved if self.ordered => Some(Assign::Ordered),
            NumberStatus::Reserved if self.live.as_ref().is_some_and(unsettled) => Some(Assign::InDoubt),
            NumberStatus::Reserved => None,
        }
    }
}

/// The reason why a SIM cannot get a number, or none if it can. The SIM has a status, if it exists, and maybe another number.
pub(crate) fn sim_refusal(status: Option<SimStatus>, other: Option<OtherNumber>) -> Option<Assign> {
    match (status, other) {
        (None, _) => Some(Assign::UnknownSim),
        (Some(_), Some(other)) => Some(Assign::SimHasNumber(other)),
        (Some(SimStatus::Active), None) => None,
        (Some(status), None) => Some(Assign::SimNotActive(status)),
    }
}

/// The first delivery of a release of `msisdn`.
pub(crate) fn delivery(reservation: ReservationId, external_id: ExternalId, msisdn: Msisdn) -> Delivery {
    Delivery { reservation, hold: Hold { external_id, msisdn }, attempts: 0 }
}

#[cfg(test)]
mod tests;
