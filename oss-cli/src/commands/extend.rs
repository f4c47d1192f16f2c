//! The answer of `oss extend`.

use oss_core::Reservation;
use serde::Serialize;

use super::show::time;
use crate::output::Answer;

/// A number that is held for longer.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Extended(pub(crate) Reservation);

impl Answer for Extended {
    fn table(&self, _oss: &str) -> String {
        let Reservation { msisdn, expires_at, .. } = self.0;
        let until = expires_at.map(|at| format!(" until {}", time(at))).unwrap_or_default();
        format!("Held {msisdn}{until}")
    }
}
