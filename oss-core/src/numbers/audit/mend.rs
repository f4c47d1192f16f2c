//! Mending what an audit found: several numbers at a time, told in the order in which they were found.

use std::collections::VecDeque;

use futures::future::join_all;

use super::compare::Remedy;
use super::report::{Difference, Found, Outcome};
use super::{Audit, RELEASES};
use crate::domain::{BrandId, ReservationId};
use crate::error::Error;
use crate::numbers::sweep::Settled;
use crate::oss::Oss;
use crate::sigan::{Hold, Holder, Lane};
use crate::store::Delivery;

/// How many numbers are mended at the same time: as many as Sigan's gate has places for what has no caller.
const LANES: u64 = 16;

/// A difference, and what may be done about it.
#[derive(Debug)]
pub(super) struct Repair {
    pub(super) difference: Difference,
    pub(super) remedy: Remedy,
    /// The live attempt here, if there is one.
    pub(super) reservation: Option<ReservationId>,
}

/// The way to mend a difference.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing; the outcome says why.
    Leave(Outcome),
    ReleaseStray(Hold),
    GiveBack(Hold, ReservationId),
}

impl Repair {
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

/// The repairs that are made together, from the front of `rest`: at most [`LANES`], and never more than `left`, although some
/// of them may turn out to be none. Once nothing is left, the others are beyond the limit.
fn next_wave(rest: &mut VecDeque<Repair>, fix: bool, left: u64) -> Vec<(Repair, Step)> {
    let mut wave = Vec::new();
    let mut places = left.min(LANES);
    while let Some(repair) = rest.pop_front() {
        let step = match repair.step(fix) {
            step @ Step::Leave(_) => step,
            _ if left == 0 => Step::Leave(Outcome::Limit),
            _ if places == 0 => {
                rest.push_front(repair);
                break;
            }
            step => {
                places -= 1;
                step
            }
        };
        wave.push((repair, step));
    }
    wave
}

impl<F: FnMut(Found) + Send> Audit<'_, F> {
    /// Mends what was found, if that is wished for and safe; counts and tells each difference.
    pub(super) async fn settle(&mut self, found: Vec<Repair>) -> Result<(), Error> {
        let mut rest = VecDeque::from(found);
        while !rest.is_empty() {
            let wave = next_wave(&mut rest, self.options.fix, self.releases_left());
            let mender = Mender { oss: self.oss, brand: self.tenant.brand() };
            let outcomes = join_all(wave.iter().map(|(_, step)| mender.take(step))).await;
            let mut settled = Ok(());
            for ((repair, _), outcome) in wave.into_iter().zip(outcomes) {
                match outcome {
                    Ok(outcome) => self.tell_outcome(repair.difference, outcome),
                    // What was mended at the same time is told before the failure.
                    Err(error) => settled = settled.and(Err(error)),
                }
            }
            settled?;
        }
        Ok(())
    }

    fn releases_left(&self) -> u64 {
        if self.options.force { u64::MAX } else { RELEASES.saturating_sub(self.report.releases()) }
    }

    fn tell_outcome(&mut self, difference: Difference, outcome: Outcome) {
        self.report.count_outcome(outcome);
        self.report.count(difference.kind);
        (self.tell)(Found::Progress(self.report));
        (self.tell)(Found::Difference(Difference { outcome, ..difference }));
    }
}

/// Takes the steps for one brand.
#[derive(Debug, Clone, Copy)]
struct Mender<'a> {
    oss: &'a Oss,
    brand: &'a BrandId,
}

impl Mender<'_> {
    async fn take(self, step: &Step) -> Result<Outcome, Error> {
        match step {
            Step::Leave(outcome) => Ok(*outcome),
            Step::ReleaseStray(hold) => self.release_stray(hold).await,
            Step::GiveBack(hold, id) => self.give_back(hold, *id).await,
        }
    }

    async fn release_stray(self, hold: &Hold) -> Result<Outcome, Error> {
        let (id, lease) = (ReservationId::new(), self.oss.settings().lease());
        let delivery = self.oss.store().release_stray(id, hold, self.brand, lease).await?;
        Ok(self.tell_sigan(delivery).await)
    }

    async fn give_back(self, hold: &Hold, id: ReservationId) -> Result<Outcome, Error> {
        // The list may have been older than the hold: only Sigan's word on this very hold counts.
        match self.oss.sigan().turn(Lane::Upkeep).await?.holder(hold).await {
            Ok(Holder::PreReserved | Holder::Nobody) => {}
            // The next audit asks again.
            Ok(Holder::Reserved) | Err(_) => return Ok(Outcome::Moved),
        }
        let lease = self.oss.settings().lease();
        let delivery = self.oss.store().give_back_lost(id, "not held in Sigan", lease).await?;
        Ok(self.tell_sigan(delivery).await)
    }

    async fn tell_sigan(self, delivery: Option<Delivery>) -> Outcome {
        let Some(delivery) = delivery else { return Outcome::Moved };
        let Ok(turn) = self.oss.sigan().turn(Lane::Upkeep).await else {
            self.oss.postpone(&delivery).await;
            return Outcome::BeingTold;
        };
        match self.oss.deliver(&turn, &delivery).await {
            Settled::Failed => Outcome::BeingTold,
            // Another process told Sigan first, at worst.
            Settled::Released | Settled::Rejected | Settled::Recovered | Settled::Elsewhere => Outcome::Fixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::DifferenceKind;

    fn repairs(remedies: &[Remedy]) -> VecDeque<Repair> {
        let repair = |(at, remedy): (usize, &Remedy)| Repair {
            difference: Difference {
                msisdn: Some(format!("119999{at:05}").parse().unwrap()),
                row: None,
                kind: DifferenceKind::UnknownHere,
                external_id: Some("PR-1".parse().unwrap()),
                state: None,
                status: None,
                outcome: Outcome::Reported,
            },
            remedy: *remedy,
            reservation: None,
        };
        remedies.iter().enumerate().map(repair).collect()
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
    fn a_wave_never_exceeds_what_is_left_even_if_every_repair_succeeds() {
        let mut rest = repairs(&[Remedy::ReleaseStray, Remedy::Wait, Remedy::ReleaseStray, Remedy::Person]);
        let wave = next_wave(&mut rest, true, 1);
        assert!(matches!(steps(&wave)[..], [Step::ReleaseStray(_), Step::Leave(Outcome::Moved)]), "{wave:?}");
        // The first one turned out to be none, so another one may be made.
        let wave = next_wave(&mut rest, true, 1);
        assert!(
            matches!(steps(&wave)[..], [Step::ReleaseStray(_), Step::Leave(Outcome::Person)]),
            "{wave:?}"
        );
    }

    #[test]
    fn once_nothing_is_left_the_rest_is_beyond_the_limit() {
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
