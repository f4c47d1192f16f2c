//! Limits the numbers that a client may draw from an area code in a time. Without a limit, a client could see the whole stock
//! through its previews, or empty it.
//!
//! Each process counts separately.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::domain::{ClientName, Ddd};

/// The count of draws after which clients that have their whole budget again are forgotten.
const FORGET_EVERY: u32 = 1024;

/// The numbers that a client may draw from an area code at once. The budget comes back evenly over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawBudget {
    /// The count of numbers. A preview draws three, a random reserve one.
    pub numbers: NonZeroU32,
    /// The time in which the whole budget comes back.
    pub window: Duration,
}

impl DrawBudget {
    /// Creates a budget of this many numbers. Zero means that there is no limit, and gives none.
    #[must_use]
    pub fn new(numbers: u32, window: Duration) -> Option<Self> {
        NonZeroU32::new(numbers).map(|numbers| Self { numbers, window })
    }
}

/// The draws of every client of this process.
#[derive(Debug)]
pub(crate) struct Draws {
    /// The limiter; none if clients have no budget.
    limiter: Option<DefaultKeyedRateLimiter<(ClientName, Ddd)>>,
    draws: AtomicU32,
}

impl Draws {
    pub(crate) fn new(budget: Option<DrawBudget>) -> Self {
        let quota = budget.and_then(|DrawBudget { numbers, window }| {
            Some(Quota::with_period(window / numbers.get())?.allow_burst(numbers))
        });
        Self { limiter: quota.map(RateLimiter::keyed), draws: AtomicU32::new(0) }
    }

    /// Takes numbers off a client's budget. If there are not enough, returns the time to wait for them.
    pub(crate) fn take(&self, client: &ClientName, ddd: Ddd, quantity: NonZeroU32) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.draws.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            limiter.retain_recent();
        }
        match limiter.check_key_n(&(client.clone(), ddd), quantity) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => Err(until.wait_time_from(DefaultClock::default().now())),
            // The configuration allows no budget that is smaller than a preview.
            Err(_) => Err(Duration::from_secs(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(numbers: u32, window: Duration) -> Draws {
        Draws::new(DrawBudget::new(numbers, window))
    }

    pub(crate) fn take(draws: &Draws, client: &str, ddd: &str, quantity: u32) -> Result<(), Duration> {
        draws.take(&client.parse().unwrap(), ddd.parse().unwrap(), NonZeroU32::new(quantity).unwrap())
    }

    #[test]
    fn each_client_has_a_budget_for_each_area_code() {
        let draws = draws(7, Duration::from_hours(7));
        assert_eq!(take(&draws, "a", "11", 3), Ok(()));
        assert_eq!(take(&draws, "a", "11", 3), Ok(()));
        let wait = take(&draws, "a", "11", 3).unwrap_err();
        assert!(
            wait > Duration::from_mins(119) && wait <= Duration::from_hours(2),
            "two are missing: {wait:?}"
        );
        assert_eq!(take(&draws, "a", "11", 1), Ok(()), "one is left");
        assert_eq!(take(&draws, "a", "21", 3), Ok(()));
        assert_eq!(take(&draws, "b", "11", 3), Ok(()));
    }

    #[test]
    fn a_budget_comes_back_evenly() {
        let draws = draws(3, Duration::from_millis(300));
        assert_eq!(take(&draws, "a", "11", 3), Ok(()));
        let wait = take(&draws, "a", "11", 1).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        std::thread::sleep(wait);
        assert_eq!(take(&draws, "a", "11", 1), Ok(()));
    }

    #[test]
    fn who_has_drawn_nothing_for_long_is_forgotten() {
        let draws = draws(3, Duration::from_millis(3));
        for client in 0..FORGET_EVERY - 1 {
            take(&draws, &format!("c{client}"), "11", 1).unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
        take(&draws, "last", "11", 1).unwrap();
        assert!(draws.limiter.unwrap().len() <= 1);
    }

    #[test]
    fn without_a_budget_there_is_no_limit() {
        let draws = draws(0, Duration::from_mins(15));
        assert!((0..10_000).all(|_| take(&draws, "a", "11", 3).is_ok()));
    }
}
