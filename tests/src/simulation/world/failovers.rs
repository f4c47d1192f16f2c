//! Failovers of the database that lose the row of an attempt while its worker is at Sigan, or of an order while it is at GSIM.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oss_core::SimId;
use oss_core::sigan::Hold;
use sqlx::Row;
use uuid::Uuid;

use super::{LostOrder, LostRow, World};

/// The time in which a worker must record the outcome for the hold of a lost row: a lease. Audits release no hold sooner.
const SETTLED_WITHIN: TimeDelta = TimeDelta::seconds(25);

impl World {
    pub(in crate::simulation) async fn fail_over_now_and_then(self: Arc<Self>) {
        loop {
            self.rest(Duration::from_secs(40)).await;
            self.lose_a_row();
            self.rest(Duration::from_secs(40)).await;
            self.lose_an_order();
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

    /// Loses the row of the newest first call to GSIM that is in flight, together with its mark on the reservation.
    fn lose_an_order(&self) {
        const ORDER: &str = "
            delete from sim_order
            where id = (
                select id from sim_order
                where state = 'PENDING' and attempts = 1 and due_at > $1
                order by created_at desc
                limit 1
            )
            returning id, created_at";
        const MARK: &str = "update reservation set order_id = null where order_id = $1";
        let now = self.now();
        let lost = self.beside(|| sqlx::query(ORDER).bind(now.timestamp_micros()));
        let Some(row) = lost.into_iter().next() else { return };
        let id: Uuid = row.get("id");
        self.beside(|| sqlx::query(MARK).bind(id));
        self.count("a failover lost an order");
        let mut shared = self.shared();
        let excused =
            shared.last_mishap >= DateTime::from_timestamp_micros(row.get("created_at")).unwrap_or_default();
        shared.lost_orders.push(LostOrder { id: id.into(), at: now, excused });
    }

    /// Whether only an audit can find the SIM of an order: a failover lost it, and perhaps its worker too.
    pub(in crate::simulation) fn is_lost_order(&self, id: SimId) -> bool {
        self.shared().lost_orders.iter().any(|lost| lost.id == id && lost.excused)
    }

    /// Excuses rows that were lost recently, because their workers may be gone, or too late to record anything.
    pub(in crate::simulation) fn excuse_lost_rows(&self) {
        let now = self.now();
        let mut shared = self.shared();
        shared.last_mishap = now;
        for lost in shared.lost.iter_mut().filter(|lost| lost.at + SETTLED_WITHIN > now) {
            lost.excused = true;
        }
        for lost in shared.lost_orders.iter_mut().filter(|lost| lost.at + SETTLED_WITHIN > now) {
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
