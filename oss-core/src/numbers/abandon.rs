//! Leases that were taken and never used, because the database's answer did not reach this process.
//!
//! Sigan was not asked under them, so they are ended instead of left to run out: the caller's repeat would have to wait for that.
//! A step whose answer was lost may be committed a little later, so each lease is looked for again and again until it was ended
//! or has run out. All of them are looked for in one statement, however many an outage leaves.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::LeaseClock;
use crate::domain::ReservationId;
use crate::oss::Oss;

/// How long the search rests.
const PAUSE: Duration = Duration::from_millis(500);

/// How many leases are looked for at most. Any beyond run out by themselves.
const MOST: usize = 10_000;

/// The leases that may have been taken, and until when they last.
#[derive(Debug, Default)]
pub(crate) struct UnusedLeases {
    until: Mutex<HashMap<ReservationId, Instant>>,
}

impl UnusedLeases {
    /// Adds a lease. Says whether it is the only one, so that nobody looks for it yet.
    fn add(&self, id: ReservationId, until: Instant) -> bool {
        let mut leases = self.lock();
        if leases.len() < MOST {
            leases.insert(id, until);
        }
        leases.len() == 1
    }

    /// Returns the leases that have not run out, and forgets the others.
    fn running(&self) -> Vec<ReservationId> {
        let now = Instant::now();
        let mut leases = self.lock();
        leases.retain(|_, until| *until > now);
        leases.keys().copied().collect()
    }

    fn remove(&self, ended: &[ReservationId]) {
        let mut leases = self.lock();
        for id in ended {
            leases.remove(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ReservationId, Instant>> {
        // Each change leaves the map whole even if a thread panicked while it held the lock.
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Oss {
    /// Ends the lease of an attempt that was never used, if it was taken at all.
    pub(super) fn abandon_in_background(&self, attempt: ReservationId, clock: LeaseClock) {
        if !self.unused_leases().add(attempt, Instant::now() + clock.left()) {
            return;
        }
        let oss = self.clone();
        self.spawn(async move { oss.abandon_unused_leases().await });
    }

    async fn abandon_unused_leases(&self) {
        loop {
            let leases = self.unused_leases().running();
            if leases.is_empty() {
                return;
            }
            match self.store().abandon(&leases).await {
                Ok(ended) => self.unused_leases().remove(&ended),
                Err(error) => tracing::debug!(%error, "Unused leases could not be ended yet."),
            }
            // They run out by themselves: no stop waits for that.
            if self.stopping().run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_looked_for_until_it_was_ended_or_ran_out() {
        let leases = UnusedLeases::default();
        let (first, second) = (ReservationId::new(), ReservationId::new());
        let until = Instant::now() + Duration::from_secs(30);
        assert!(leases.add(first, until), "somebody has to look for it");
        assert!(!leases.add(second, until), "somebody does");
        leases.remove(&[first]);
        assert_eq!(leases.running(), [second]);
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(leases.running().is_empty());
        assert!(leases.add(first, Instant::now()), "nobody does any more");
    }
}
