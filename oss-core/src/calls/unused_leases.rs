//! The leases that this process may have taken and did not use.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::domain::ReservationId;

/// At most this many leases are tracked. Further ones run out by themselves.
const MOST: usize = 10_000;

/// The leases that may have been taken, and the times at which they run out.
#[derive(Debug, Default)]
pub(crate) struct UnusedLeases {
    until: Mutex<HashMap<ReservationId, Instant>>,
}

impl UnusedLeases {
    /// Adds a lease. Returns whether it is the only one, so that no task looks for it yet.
    pub(crate) fn add(&self, id: ReservationId, until: Instant) -> bool {
        let mut leases = self.until.lock();
        if leases.len() < MOST {
            leases.insert(id, until);
        }
        leases.len() == 1
    }

    /// Returns the leases that have not run out, and forgets the others.
    pub(crate) fn running(&self) -> Vec<ReservationId> {
        let now = Instant::now();
        let mut leases = self.until.lock();
        leases.retain(|_, until| *until > now);
        leases.keys().copied().collect()
    }

    pub(crate) fn remove(&self, ended: &[ReservationId]) {
        let mut leases = self.until.lock();
        for id in ended {
            leases.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(leases.running().is_empty());
        assert!(leases.add(first, Instant::now()), "nobody does any more");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_a_limit_are_tracked() {
        let leases = UnusedLeases::default();
        let until = Instant::now() + Duration::from_secs(30);
        for _ in 0..=MOST {
            leases.add(ReservationId::new(), until);
        }
        assert_eq!(leases.running().len(), MOST);
    }
}
