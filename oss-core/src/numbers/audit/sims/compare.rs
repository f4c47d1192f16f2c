//! Compares one SIM here with the one in GSIM. This module does no I/O, so that a table of tests covers every case.

use super::super::DifferenceKind;
use crate::domain::{ActiveSim, AttemptState, KnownSim, NumberStatus};
use crate::gsim::ListedOrder;

/// The result of comparing one SIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Both sides agree.
    Agrees,
    /// The SIM changed lately, or a call or the sweep is at work on it.
    Unsettled,
    /// The sides differ. If `stray`, no customer can have the SIM, so it may be deprogrammed.
    Differs { kind: DifferenceKind, stray: bool },
}

const PERSON: fn(DifferenceKind) -> Verdict = |kind| Verdict::Differs { kind, stray: false };

/// The verdict on a SIM that GSIM lists, by our record of it.
pub(super) fn verdict_on_listed(listed: &ListedOrder, known: &KnownSim) -> Verdict {
    use AttemptState::{Cancelling, InDoubt, Pending, Releasing};
    if known.young || matches!(known.order, Some(Pending | InDoubt | Cancelling | Releasing)) {
        return Verdict::Unsettled;
    }
    let Some(ours) = &known.active else {
        let held = !matches!(known.number, None | Some(NumberStatus::Returned));
        return Verdict::Differs { kind: DifferenceKind::SimUnknownHere, stray: !held };
    };
    match ours.msisdn {
        None => PERSON(DifferenceKind::SimWithoutNumber),
        Some(msisdn)
            if msisdn == listed.msisdn
                && ours.iccid == listed.iccid.as_str()
                && ours.imsi == listed.imsi.as_str() =>
        {
            Verdict::Agrees
        }
        Some(_) => PERSON(DifferenceKind::SimDiffers),
    }
}

/// The verdict on a SIM that is active here, by whether GSIM lists it.
pub(super) fn verdict_on_active(sim: &ActiveSim, is_listed: bool) -> Verdict {
    match (is_listed, sim.young) {
        (true, _) => Verdict::Agrees,
        (false, true) => Verdict::Unsettled,
        (false, false) => PERSON(DifferenceKind::SimUnknownThere),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ProfileState, SimId, SimIdentity};

    const ICCID: &str = "8955100123456789011";
    const IMSI: &str = "724061234567890";

    fn listed() -> ListedOrder {
        let msisdn = "11999950001".parse().unwrap();
        ListedOrder::new(
            SimId::new(),
            ICCID.parse().unwrap(),
            IMSI.parse().unwrap(),
            msisdn,
            ProfileState::Enabled,
        )
    }

    fn active(iccid: &str, imsi: &str, msisdn: Option<&str>) -> KnownSim {
        let msisdn = msisdn.map(|msisdn| msisdn.parse().unwrap());
        let active = Some(SimIdentity { iccid: iccid.to_owned(), imsi: imsi.to_owned(), msisdn });
        KnownSim { active, order: Some(AttemptState::Held), number: Some(NumberStatus::InUse), young: false }
    }

    fn gone(order: Option<AttemptState>, number: Option<NumberStatus>) -> KnownSim {
        KnownSim { active: None, order, number, young: false }
    }

    #[test]
    fn each_sim_that_gsim_lists_is_compared_with_our_record() {
        use DifferenceKind::{SimDiffers, SimUnknownHere, SimWithoutNumber};
        let number = Some("11999950001");
        let stray = Verdict::Differs { kind: SimUnknownHere, stray: true };
        for (known, verdict) in [
            (active(ICCID, IMSI, number), Verdict::Agrees),
            (active("8955100123456789029", IMSI, number), PERSON(SimDiffers)),
            (active(ICCID, "724061234567891", number), PERSON(SimDiffers)),
            (active(ICCID, IMSI, Some("11999950002")), PERSON(SimDiffers)),
            (active(ICCID, IMSI, None), PERSON(SimWithoutNumber)),
            (gone(Some(AttemptState::Pending), Some(NumberStatus::Reserved)), Verdict::Unsettled),
            (gone(Some(AttemptState::InDoubt), Some(NumberStatus::Reserved)), Verdict::Unsettled),
            (gone(Some(AttemptState::Releasing), Some(NumberStatus::Returned)), Verdict::Unsettled),
            (gone(Some(AttemptState::Cancelling), Some(NumberStatus::Reserved)), Verdict::Unsettled),
            (gone(Some(AttemptState::Released), Some(NumberStatus::Returned)), stray),
            (gone(Some(AttemptState::Rejected), Some(NumberStatus::Returned)), stray),
            (gone(None, None), stray),
            (gone(None, Some(NumberStatus::InUse)), PERSON(SimUnknownHere)),
            (gone(Some(AttemptState::Released), Some(NumberStatus::Reserved)), PERSON(SimUnknownHere)),
            (gone(None, Some("REMOVED".into())), PERSON(SimUnknownHere)),
        ] {
            assert_eq!(verdict_on_listed(&listed(), &known), verdict, "{known:?}");
        }
    }

    #[test]
    fn a_young_sim_is_not_judged() {
        let young = KnownSim { young: true, ..gone(None, None) };
        assert_eq!(verdict_on_listed(&listed(), &young), Verdict::Unsettled);
    }

    #[test]
    fn a_sim_that_is_active_here_has_to_be_listed() {
        let sim = |young| ActiveSim { id: SimId::new(), msisdn: None, young };
        assert_eq!(verdict_on_active(&sim(false), true), Verdict::Agrees);
        assert_eq!(verdict_on_active(&sim(false), false), PERSON(DifferenceKind::SimUnknownThere));
        assert_eq!(verdict_on_active(&sim(true), false), Verdict::Unsettled);
    }
}
