//! Holds that Sigan has for us without a row here, and the audits that find them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use oss_core::sigan::Hold;
use oss_core::sigan::mock::Request;
use oss_core::sigan::wire::{PreReserveBody, PreReserved};
use oss_core::{AuditOptions, Choice, Difference, DifferenceKind, Found, Outcome, PreviewId};
use sqlx::Row;
use tokio::time::sleep;

use super::World;
use crate::simulation::brands;

/// Audits spare a row that changed within this time. It is longer than a reserve may take.
pub(in crate::simulation) const YOUNG: Duration = Duration::from_secs(30);

impl World {
    /// Sometimes makes Sigan hold a number of an open preview without a row here, as after the restore of an older database. Returns
    /// its index.
    pub(in crate::simulation) fn plant_stray(&self, preview: PreviewId) -> Option<Choice> {
        const SQL: &str = r#"
            select p.external_id, n.msisdn
            from preview p
            join preview_number n on n.preview_id = p.id and n."index" = $2
            where p.id = $1"#;
        if !self.mishap(0.2) {
            return None;
        }
        let choice = Choice::ALL[self.pick(3)];
        let offered = || sqlx::query(SQL).bind(preview.as_uuid()).bind(i64::from(choice.get()));
        let row = self.beside(offered).into_iter().next()?;
        let hold = Hold {
            external_id: row.get::<String, _>("external_id").parse().expect("an id of Sigan"),
            msisdn: row.get::<String, _>("msisdn").parse().expect("a number"),
        };
        self.plant(hold).then_some(choice)
    }

    fn plant(&self, hold: Hold) -> bool {
        let reserved = self.execute_at_sigan(&Request::Reserve(hold.clone())).status == 200;
        if reserved {
            self.count("a stray hold was planted");
            self.shared().planted.insert(hold);
        }
        reserved
    }

    /// Sometimes plants holds under ids that no preview here has.
    pub(in crate::simulation) async fn plant_unknown_ids_now_and_then(self: Arc<Self>) {
        loop {
            self.rest(Duration::from_mins(2)).await;
            let wish = PreReserveBody {
                area_code: ["11", "21"][self.pick(2)].parse().expect("an area code"),
                quantity: 1,
                brand_id: brands()[self.pick(2)].clone(),
                hold_seconds: 60,
                previous_external_id: None,
            };
            let offered = self.execute_at_sigan(&Request::PreReserve(wish));
            if let Ok(PreReserved { external_id, msisdns, .. }) = serde_json::from_slice(&offered.body) {
                self.plant(Hold { external_id, msisdn: msisdns[0] });
            }
        }
    }

    pub(in crate::simulation) async fn audit_now_and_then(self: Arc<Self>) {
        loop {
            self.rest(Duration::from_secs(30)).await;
            let instance = self.instance().await;
            let brand = (self.pick(4) == 0).then(|| brands()[self.pick(2)].clone());
            let oss = instance.acting_for(brand);
            let options = AuditOptions::default().fix(true).force(self.pick(2) == 0).min_age(YOUNG);
            let audited = tokio::select! {
                biased;
                () = instance.life.ended.cancelled() => continue,
                audited = oss.audit(options, |found| self.check_finding(&found)) => audited,
            };
            self.count(if audited.is_ok() { "an audit was done" } else { "an audit ended early" });
        }
    }

    /// Checks a finding of an audit. Sigan loses no hold here, so none may be given back because Sigan lost it.
    pub(in crate::simulation) fn check_finding(&self, found: &Found) {
        let Found::Difference(Difference { kind, outcome, external_id, sim, .. }) = found else { return };
        if !matches!(outcome, Outcome::Fixed | Outcome::BeingTold) {
            return;
        }
        match kind {
            DifferenceKind::UnknownThere => {
                self.record_violation(&format!(
                    "the audit gave {external_id:?} back, as if Sigan had lost it"
                ));
            }
            DifferenceKind::SimUnknownHere if sim.is_some_and(|id| self.is_lost_order(id)) => {
                self.count("an audit had the SIM of a lost order deprogrammed");
            }
            DifferenceKind::SimUnknownHere => {
                self.record_violation("the audit had a SIM deprogrammed, as if nobody knew of it");
            }
            _ => self.count("an audit released a stray hold"),
        }
    }

    /// Looks for leaks again and again, so that each is seen before an audit releases it.
    pub(in crate::simulation) async fn watch_for_leaks(self: Arc<Self>) {
        loop {
            sleep(Duration::from_secs(2)).await;
            self.check_every_hold_has_a_row();
        }
    }

    /// Checks that there is no leak at any moment: each hold that Sigan has for us has a row here that does not exclude it.
    pub(in crate::simulation) fn check_every_hold_has_a_row(&self) {
        const SQL: &str = "
            select external_id, msisdn
            from reservation
            where state in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED', 'RELEASING', 'CANCELLING')";
        let known: HashSet<(String, String)> =
            self.beside(|| sqlx::query(SQL)).iter().map(|row| (row.get(0), row.get(1))).collect();
        let now = self.now();
        let is_known = |Hold { external_id, msisdn }: &Hold| {
            known.contains(&(external_id.to_string(), msisdn.to_string()))
        };
        let reserved = self.inventory().reserved();
        for hold in reserved.into_iter().filter(|hold| !is_known(hold) && !self.is_excused(hold, now)) {
            // A leak is reported only once.
            if self.shared().planted.insert(hold.clone()) {
                self.record_violation(&format!("leak: Sigan has {hold:?} for us, and no row is about it"));
            }
        }
    }
}
