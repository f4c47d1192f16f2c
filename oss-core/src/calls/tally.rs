//! Counts the draws of this process until they are stored, because a statement for each draw would cost more than the count is worth.

use parking_lot::Mutex;

use crate::domain::{Ddd, DrawTally};

/// The draws that are not stored yet. If the process is killed, they are lost.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<DrawTally>);

impl Tally {
    /// Counts a draw.
    pub(crate) fn count(&self, ddd: Ddd, none_left: bool) {
        let mut tally = self.0.lock();
        let drawn = tally.entry(ddd).or_default();
        drawn.draws += 1;
        drawn.none_left += u64::from(none_left);
    }

    /// Takes the draws, to store them.
    pub(crate) fn take(&self) -> DrawTally {
        std::mem::take(&mut *self.0.lock())
    }

    /// Puts draws back that could not be stored.
    pub(crate) fn put_back(&self, unstored: DrawTally) {
        let mut tally = self.0.lock();
        for (ddd, new) in unstored {
            let drawn = tally.entry(ddd).or_default();
            drawn.draws += new.draws;
            drawn.none_left += new.none_left;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::NewDraws;

    #[test]
    fn draws_that_were_not_stored_are_counted_again() {
        let (tally, ddd) = (Tally::default(), "11".parse().unwrap());
        tally.count(ddd, false);
        let taken = tally.take();
        tally.count(ddd, true);
        tally.put_back(taken);
        assert_eq!(tally.take(), DrawTally::from([(ddd, NewDraws { draws: 2, none_left: 1 })]));
        assert!(tally.take().is_empty());
    }
}
