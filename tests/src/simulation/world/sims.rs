//! The SIMs of the database, and those of GSIM.

use std::collections::BTreeSet;

use oss_core::SimId;
use sqlx::Row;
use uuid::Uuid;

use super::World;

impl World {
    /// The number of orders that are not settled.
    pub(in crate::simulation) fn unsettled_orders(&self) -> usize {
        const SQL: &str = "
            select id from sim_order where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING')";
        self.beside(|| sqlx::query(SQL)).len()
    }

    /// Checks that the SIMs which GSIM has for us are exactly those that were ordered and are active here, and that each is on one
    /// number.
    pub(in crate::simulation) fn compare_sims(&self) {
        const ACTIVE: &str = "
            select s.id, (select count(*) from phone_number p where p.assigned_sim_id = s.id and p.status = 'IN_USE') as numbers
            from sim s
            join sim_order o on o.id = s.id
            where s.status = 'ACTIVE'";
        let mut here = BTreeSet::new();
        for row in self.beside(|| sqlx::query(ACTIVE)) {
            let (id, numbers): (Uuid, i64) = (row.get("id"), row.get("numbers"));
            here.insert(id);
            if numbers != 1 {
                self.record_violation(&format!("SIM {id} is on {numbers} numbers"));
            }
        }
        let there: BTreeSet<Uuid> =
            self.gsim.book().sims().iter().map(|sim| sim.reference.as_uuid()).collect();
        for stray in there.difference(&here).filter(|id| !self.is_lost_order(SimId::from(**id))) {
            self.record_violation(&format!("GSIM has SIM {stray}, which is not active here"));
        }
        for lost in here.difference(&there) {
            self.record_violation(&format!("SIM {lost} is active here, and GSIM does not have it"));
        }
    }
}
