//! Failovers of the database that lose the row of an attempt while its worker is at Sigan.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oss_core::sigan::Hold;
use sqlx::Row;

use super::{LostRow, World};

/// The time in which a worker must record the outcome for the hold of a lost row: a lease. Audits release no hold sooner.
const SETTLED_WITHIN: TimeDelta = TimeDelta::seconds(25);

impl World {
    pub(in crate::simulation) async fn fail_over_now_and_then(self: Arc<Self>) {
        loop {
            self.rest(Duration::from_secs(40)).await;
            self.lose_a_row();
        }
    }

    /// Loses the row of the newest first call that is in flight.
    fn lose_a_row(&self) {
        const SQL: &str = "
            delete from reservation
            where id = (
                select id from reservation
                where state = 'PENDING' and attempts = 1 and due_at > $1 and external_id like 'PR-%'
                order by created_at desc
                limit 1
            )
            returning external_id, msisdn, created_at";
        let now = self.now();
        let lost = self.beside(|| sqlx::query(SQL).bind(now.timestamp_micros()));
        let Some(row) = lost.into_iter().next() else { return };
        let begun = DateTime::from_timestamp_micros(row.get("created_at")).unwrap_or_default();
        let parsed = |column| row.get::<String, _>(column);
        let hold = Hold {
            external_id: parsed("external_id").parse().expect("an id of Sigan"),
            msisdn: parsed("msisdn").parse().expect("a number"),
        };
        self.count("a failover lost a row");
        let mut shared = self.shared();
        let excused = shared.last_mishap >= begun;
        shared.lost.push(LostRow { hold, at: now, excused });
    }

    /// Excuses rows that were lost recently, because their workers may be gone, or too late to record anything.
    pub(in crate::simulation) fn excuse_lost_rows(&self) {
        let now = self.now();
        let mut shared = self.shared();
        shared.last_mishap = now;
        for lost in shared.lost.iter_mut().filter(|lost| lost.at + SETTLED_WITHIN > now) {
            lost.excused = true;
        }
    }

    /// Whether a hold needs no row, because a failover lost it.
    pub(super) fn is_excused(&self, hold: &Hold, now: DateTime<Utc>) -> bool {
        let shared = self.shared();
        let mut of_hold = shared.lost.iter().filter(|lost| lost.hold == *hold);
        of_hold.any(|lost| lost.excused || lost.at + SETTLED_WITHIN > now)
    }
}
