//! Rows that an older program may have left, with values that this one does not know or cannot read.

use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use oss_core::{BrandId, Msisdn, SimId};
use sqlx::error::DatabaseError;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use uuid::Uuid;

use super::{World, blocking};

/// Numbers in no area code of this Sigan. Each has a row that a person has to look at.
const UNUSUAL: [&str; 4] = ["11988880001", "11988880002", "11988880003", "11988880004"];

/// The number of unusual rows that cannot be acted on: a number of ten digits, and every attempt.
const UNREADABLE: u64 = 5;

fn is_locked(error: &sqlx::Error) -> bool {
    const SHARED_CACHE_LOCKED: &str = "262";
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == SHARED_CACHE_LOCKED)
}

impl World {
    /// Runs a statement outside the operations, as an operator of the database may.
    pub(super) fn beside<'q>(
        &self,
        statement: impl Fn() -> Query<'q, Sqlite, SqliteArguments>,
    ) -> Vec<SqliteRow> {
        let mut side = self.side.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match blocking(statement().fetch_all(&mut *side)) {
                // The thread of the other connection still rolls a failed step back.
                Err(error) if is_locked(&error) => thread::yield_now(),
                rows => return rows.expect("the database in memory answers"),
            }
        }
    }

    /// Adds the SIM of a customer, unless it is there.
    pub(in crate::simulation) fn add_sim(&self, customer: u64, brand: &BrandId) -> SimId {
        const SIM: &str = "
            insert or ignore into sim
                (id, iccid, carrier_tag, line_id, vivo_imsi, sim_type, technology, status, created_at, updated_at)
            values ($1, $2, $3, $1, $2, 'ESIM', '4G', 'ACTIVE', 0, 0)";
        let id = Uuid::from_u128(u128::from(customer));
        self.beside(|| sqlx::query(SIM).bind(id).bind(format!("8955{customer:015}")).bind(brand.as_str()));
        id.into()
    }

    /// Adds such rows at some moment, in every other world.
    pub(in crate::simulation) async fn leave_unusual_rows(self: Arc<Self>) {
        const NUMBER: &str = "
            insert into phone_number (msisdn, origin, status, created_at, updated_at) values ($1, 'VIVO', $2, 0, 0)";
        const ATTEMPT: &str = "
            insert into reservation
                (id, external_id, brand_id, msisdn, state, due_at, hold_expires_at, created_at, updated_at)
            values (randomblob(16), $1, 'acme', $2, $3, 0, 0, 0, 0)";
        self.rest(Duration::from_mins(5)).await;
        if self.pick(2) == 0 {
            return;
        }
        let [removed, odd_id, long_id, expired] = UNUSUAL;
        for (msisdn, status) in [(removed, "REMOVED"), ("1199995000", "RESERVED"), (expired, "REMOVED")] {
            self.beside(|| sqlx::query(NUMBER).bind(msisdn).bind(status));
        }
        let long = "X".repeat(80);
        for (external_id, msisdn, state) in [
            ("OLD\u{1}1", odd_id, "RELEASING"),
            (long.as_str(), long_id, "CANCELLING"),
            ("OLD-2", "no number", "IN_DOUBT"),
            ("OLD-3", expired, "HELD"),
        ] {
            self.beside(|| sqlx::query(ATTEMPT).bind(external_id).bind(msisdn).bind(state));
        }
        self.shared().unreadable_rows = UNREADABLE;
        self.count("unusual rows were left");
    }

    /// The number of rows that an audit has to report as unreadable.
    pub(in crate::simulation) fn unreadable_rows(&self) -> u64 {
        self.shared().unreadable_rows
    }

    /// Whether a number belongs to an unusual row.
    pub(in crate::simulation) fn is_unusual(msisdn: Msisdn) -> bool {
        UNUSUAL.contains(&msisdn.to_string().as_str())
    }
}
