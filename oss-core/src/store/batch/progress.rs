//! Knows for how long the writes of a kind have been waiting for the database.

use std::time::Duration;

use tokio::time::Instant;

/// The time for which a write without an answer counts as one that still waits: its commit may still wait in the database.
const REMEMBERED: Duration = Duration::from_secs(30);

/// The way in which a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Written,
    /// The database answered with an error, which does not show whether it can commit.
    Refused,
    /// No answer came in time, or nothing could be sent.
    Unanswered,
}

/// The writes that wait.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The beginnings of the writes under way.
    under_way: Vec<Instant>,
    unanswered: Option<Unanswered>,
}

/// Writes that ended without an answer, with none in between that was written.
#[derive(Debug, Clone, Copy)]
struct Unanswered {
    first_began: Instant,
    last_ended: Instant,
}

impl Progress {
    pub(super) fn begin(&mut self, now: Instant) {
        self.under_way.push(now);
    }

    /// Ends the write that began at a time.
    pub(super) fn end(&mut self, began: Instant, end: End, now: Instant) {
        if let Some(at) = self.under_way.iter().position(|other| *other == began) {
            self.under_way.swap_remove(at);
        }
        self.unanswered = match end {
            End::Written => None,
            End::Refused => self.unanswered,
            End::Unanswered => {
                let first_began = self.unanswered(now).map_or(began, |before| before.min(began));
                Some(Unanswered { first_began, last_ended: now })
            }
        };
    }

    /// The time for which the oldest write has been waiting; zero if none waits.
    pub(super) fn oldest(&self, now: Instant) -> Duration {
        let began = self.under_way.iter().copied().chain(self.unanswered(now)).min();
        began.map_or(Duration::ZERO, |began| now.duration_since(began))
    }

    fn unanswered(&self, now: Instant) -> Option<Instant> {
        let unanswered = self.unanswered.filter(|write| now.duration_since(write.last_ended) <= REMEMBERED);
        unanswered.map(|write| write.first_began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_that_of_the_oldest_write_that_waits() {
        let (start, mut progress) = (Instant::now(), Progress::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        let oldest = |progress: &Progress, seconds| progress.oldest(at(seconds)).as_secs();
        assert_eq!(oldest(&progress, 9), 0);
        progress.begin(at(1));
        progress.begin(at(2));
        assert_eq!(oldest(&progress, 3), 2);
        progress.end(at(1), End::Written, at(3));
        assert_eq!(oldest(&progress, 4), 2);
        progress.end(at(2), End::Refused, at(4));
        assert_eq!(oldest(&progress, 4), 0);
    }

    #[test]
    fn a_write_without_an_answer_waits_until_another_is_written() {
        let (start, mut progress) = (Instant::now(), Progress::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        let oldest = |progress: &Progress, seconds| progress.oldest(at(seconds)).as_secs();
        for began in [0, 20, 40] {
            progress.begin(at(began));
            progress.end(at(began), End::Unanswered, at(began + 4));
            assert_eq!(oldest(&progress, began + 5), began + 5, "it grows with each");
        }
        progress.begin(at(50));
        progress.end(at(50), End::Refused, at(51));
        assert_eq!(oldest(&progress, 52), 52, "the refusal does not show that it can commit");
        assert_eq!(oldest(&progress, 44 + 30), 74);
        assert_eq!(oldest(&progress, 44 + 31), 0, "nobody writes any more");
        progress.begin(at(76));
        progress.end(at(76), End::Unanswered, at(80));
        assert_eq!(oldest(&progress, 81), 5, "the forgotten ones do not count");
        progress.begin(at(82));
        progress.end(at(82), End::Written, at(83));
        assert_eq!(oldest(&progress, 83), 0);
    }
}
