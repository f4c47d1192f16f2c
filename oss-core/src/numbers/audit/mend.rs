//! Settles the differences that an audit found: several at a time, reported in the order in which they were found.

use std::collections::VecDeque;

use futures::future::join_all;

use super::compare::Remedy;
use super::report::{Difference, Found, Outcome};
use super::{Audit, RELEASES};
use crate::domain::{BrandId, ReservationId};
use crate::error::Error;
use crate::numbers::lanes::Settled;
use crate::oss::Oss;
use crate::sigan::{Hold, Holder, Lane};
use crate::store::Delivery;

/// At most this many numbers are settled at the same time: as many as Sigan's gate has slots for calls without a caller.
const LANES: u64 = 16;

/// A difference, and the remedy that may be applied.
#[derive(Debug)]
pub(super) struct Repair {
    pub(super) difference: Difference,
    pub(super) remedy: Remedy,
    /// The live attempt here, if there is one.
    pub(super) reservation: Option<ReservationId>,
}

/// The step that settles a difference.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Changes nothing; the outcome says why.
    Leave(Outcome),
    ReleaseStray(Hold),
    GiveBack(Hold, ReservationId),
}

impl Repair {
    pub(super) fn new(difference: Difference, remedy: Remedy, reservation: Option<ReservationId>) -> Self {
        let mut repair = Self { difference, remedy, reservation };
        repair.difference.fixable = !matches!(repair.step(true), Step::Leave(_));
        repair
    }

    fn step(&self, fix: bool) -> Step {
        let Difference { msisdn, ref external_id, .. } = self.difference;
        let hold = external_id.clone().zip(msisdn);
        let hold = hold.map(|(external_id, msisdn)| Hold { external_id, msisdn });
        match (self.remedy, hold, self.reservation) {
            _ if !fix => Step::Leave(Outcome::Reported),
            (Remedy::Wait, ..) => Step::Leave(Outcome::Moved),
            (Remedy::ReleaseStray, Some(hold), _) => Step::ReleaseStray(hold),
            (Remedy::GiveBack, Some(hold), Some(id)) => Step::GiveBack(hold, id),
            (Remedy::ReleaseStray | Remedy::GiveBack | Remedy::Person, ..) => Step::Leave(Outcome::Person),
        }
    }
}

/// Takes the repairs that are made together from the front of `rest`: at most [`LANES`], and never more than `releases_left`,
/// although some of them may turn out to release nothing. Once no release is left, the others are beyond the limit.
fn next_wave(rest: &mut VecDeque<Repair>, fix: bool, releases_left: u64) -> Vec<(Repair, Step)> {
    let mut wave = Vec::new();
    let mut slots = releases_left.min(LANES);
    while let Some(repair) = rest.pop_front() {
        let step = match repair.step(fix) {
            step @ Step::Leave(_) => step,
            _ if releases_left == 0 => Step::Leave(Outcome::Limit),
            _ if slots == 0 => {
                rest.push_front(repair);
                break;
            }
            step => {
                slots -= 1;
                step
            }
        };
        wave.push((repair, step));
    }
    wave
}

impl<F: FnMut(Found) + Send> Audit<'_, F> {
    /// Settles the differences, if the options allow it and it is safe. Counts and reports each difference.
    pub(super) async fn settle(&mut self, found: Vec<Repair>) -> Result<(), Error> {
        let mut rest = VecDeque::from(found);
        while !rest.is_empty() {
            let wave = next_wave(&mut rest, self.options.fix, self.releases_left());
            let mender = Mender { oss: self.oss, brand: self.tenant.brand() };
            let outcomes = join_all(wave.iter().map(|(_, step)| mender.run(step))).await;
            let mut result = Ok(());
            for ((repair, _), outcome) in wave.into_iter().zip(outcomes) {
                match outcome {
                    Ok(outcome) => self.report_outcome(repair.difference, outcome),
                    // The differences that were settled at the same time are reported before the failure.
                    Err(error) => result = result.and(Err(error)),
                }
            }
            result?;
        }
        Ok(())
    }

    pub(super) fn releases_left(&self) -> u64 {
        if self.options.force { u64::MAX } else { RELEASES.saturating_sub(self.report.releases()) }
    }

    fn report_outcome(&mut self, difference: Difference, outcome: Outcome) {
        self.report.count_outcome(outcome);
        self.report.count(difference.kind);
        (self.on_found)(Found::Progress(self.report));
        (self.on_found)(Found::Difference(Difference { outcome, ..difference }));
    }
}

/// Runs the steps for one brand.
#[derive(Debug, Clone, Copy)]
struct Mender<'a> {
    oss: &'a Oss,
    brand: &'a BrandId,
}

impl Mender<'_> {
    async fn run(self, step: &Step) -> Result<Outcome, Error> {
        match step {
            Step::Leave(outcome) => Ok(*outcome),
            Step::ReleaseStray(hold) => self.release_stray(hold).await,
            Step::GiveBack(hold, id) => self.give_back(hold, *id).await,
        }
    }

    async fn release_stray(self, hold: &Hold) -> Result<Outcome, Error> {
        let (id, lease) = (ReservationId::new(), self.oss.settings().lease());
        let delivery = self.oss.store().release_stray(id, hold, self.brand, lease).await?;
        Ok(self.deliver(delivery).await)
    }

    async fn give_back(self, hold: &Hold, id: ReservationId) -> Result<Outcome, Error> {
        // The list may have been older than the hold, so only Sigan's answer about this hold counts.
        match self.oss.sigan_turn(Lane::Upkeep).await?.holder(hold).await {
            Ok(Holder::PreReserved | Holder::Nobody) => {}
            // The next audit asks again.
            Ok(Holder::Reserved) | Err(_) => return Ok(Outcome::Moved),
        }
        let lease = self.oss.settings().lease();
        let delivery = self.oss.store().give_back_lost(id, "not held in Sigan", lease).await?;
        Ok(self.deliver(delivery).await)
    }

    async fn deliver(self, delivery: Option<Delivery>) -> Outcome {
        let Some(delivery) = delivery else { return Outcome::Moved };
        let Ok(turn) = self.oss.sigan_turn(Lane::Upkeep).await else {
            self.oss.postpone(&delivery).await;
            return Outcome::BeingTold;
        };
        match self.oss.deliver(&turn, &delivery).await {
            Settled::Failed => Outcome::BeingTold,
            // If not this process, another one told Sigan first.
            Settled::Released | Settled::Rejected | Settled::Recovered | Settled::Elsewhere => Outcome::Fixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::DifferenceKind;

    fn repairs(remedies: &[Remedy]) -> VecDeque<Repair> {
        let repair = |(at, remedy): (usize, &Remedy)| {
            let difference = Difference {
                msisdn: Some(format!("119999{at:05}").parse().unwrap()),
                external_id: Some("PR-1".parse().unwrap()),
                ..Difference::of(DifferenceKind::UnknownHere)
            };
            Repair::new(difference, *remedy, None)
        };
        remedies.iter().enumerate().map(repair).collect()
    }

    #[test]
    fn a_difference_says_whether_a_fix_would_try_to_settle_it() {
        let repairs = repairs(&[Remedy::ReleaseStray, Remedy::GiveBack, Remedy::Wait, Remedy::Person]);
        let fixable: Vec<bool> = repairs.iter().map(|repair| repair.difference.fixable).collect();
        assert_eq!(fixable, [true, false, false, false], "without an attempt, nothing is given back here");
    }

    fn steps(wave: &[(Repair, Step)]) -> Vec<&Step> {
        wave.iter().map(|(_, step)| step).collect()
    }

    #[test]
    fn a_wave_has_no_more_repairs_than_there_are_lanes() {
        let mut rest = repairs(&[Remedy::ReleaseStray; 20]);
        assert_eq!(next_wave(&mut rest, true, u64::MAX).len(), 16);
        assert_eq!(next_wave(&mut rest, true, u64::MAX).len(), 4);
        assert!(rest.is_empty());
    }

    #[test]
    fn a_wave_never_exceeds_the_releases_left_even_if_every_repair_succeeds() {
        let mut rest = repairs(&[Remedy::ReleaseStray, Remedy::Wait, Remedy::ReleaseStray, Remedy::Person]);
        let wave = next_wave(&mut rest, true, 1);
        assert!(matches!(steps(&wave)[..], [Step::ReleaseStray(_), Step::Leave(Outcome::Moved)]), "{wave:?}");
        // The first repair released nothing, so another one may be made.
        let wave = next_wave(&mut rest, true, 1);
        assert!(
            matches!(steps(&wave)[..], [Step::ReleaseStray(_), Step::Leave(Outcome::Person)]),
            "{wave:?}"
        );
    }

    #[test]
    fn once_no_release_is_left_the_rest_is_beyond_the_limit() {
        let mut rest = repairs(&[Remedy::ReleaseStray, Remedy::Person]);
        let wave = next_wave(&mut rest, true, 0);
        assert_eq!(steps(&wave), [&Step::Leave(Outcome::Limit), &Step::Leave(Outcome::Person)]);
    }

    #[test]
    fn a_report_changes_nothing() {
        let mut rest = repairs(&[Remedy::ReleaseStray, Remedy::Wait]);
        let wave = next_wave(&mut rest, false, 0);
        assert_eq!(steps(&wave), [&Step::Leave(Outcome::Reported); 2]);
    }
}
