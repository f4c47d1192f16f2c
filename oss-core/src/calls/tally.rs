//! Counts the draws of this process until they are stored, because a statement for each draw would cost more than the count is worth.

use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;
use uuid::Uuid;

use crate::domain::{Ddd, DrawBatch, DrawTally};

/// The draws that are not stored yet. If the process is killed, they are lost: at most those since the last sweep.
#[derive(Debug)]
pub(crate) struct Tally {
    new: Mutex<DrawTally>,
    /// Locked by the one who stores. A batch stays here until the store says that it has it.
    unstored: AsyncMutex<Unstored>,
}

#[derive(Debug)]
struct Unstored {
    process: Uuid,
    last_number: u64,
    batch: Option<DrawBatch>,
}

impl Default for Tally {
    fn default() -> Self {
        let unstored = Unstored { process: Uuid::new_v4(), last_number: 0, batch: None };
        Self { new: Mutex::default(), unstored: AsyncMutex::new(unstored) }
    }
}

impl Tally {
    /// Counts a draw.
    pub(crate) fn count(&self, ddd: Ddd, none_left: bool) {
        let mut tally = self.new.lock();
        let drawn = tally.entry(ddd).or_default();
        drawn.draws += 1;
        drawn.none_left += u64::from(none_left);
    }

    /// Stores the draws with `store`. If that fails, or if nobody waits for it any more, the same batch is stored the next time.
    pub(crate) async fn store_with<E, F>(&self, store: impl Fn(DrawBatch) -> F) -> Result<(), E>
    where
        F: Future<Output = Result<(), E>>,
    {
        let mut unstored = self.unstored.lock().await;
        // There may be a batch from before, and then the new draws. Those that come meanwhile wait for the next time.
        for _ in 0..2 {
            let Some(batch) = unstored.next(|| std::mem::take(&mut *self.new.lock())) else { break };
            store(batch).await?;
            unstored.batch = None;
        }
        Ok(())
    }
}

impl Unstored {
    /// The batch that is not known to be stored, or else one of the new draws, or none if there are none.
    fn next(&mut self, take_new: impl FnOnce() -> DrawTally) -> Option<DrawBatch> {
        if self.batch.is_none() {
            let tally = take_new();
            if tally.is_empty() {
                return None;
            }
            self.last_number += 1;
            self.batch = Some(DrawBatch { process: self.process, number: self.last_number, tally });
        }
        self.batch.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures::FutureExt;

    use super::*;
    use crate::domain::NewDraws;

    fn draws(draws: u64, none_left: u64) -> DrawTally {
        DrawTally::from([("11".parse().unwrap(), NewDraws { draws, none_left })])
    }

    /// The batches that a store is given, if it takes all of them.
    fn stored(tally: &Tally) -> Vec<(u64, DrawTally)> {
        let batches = Mutex::new(Vec::new());
        let store = |batch: DrawBatch| {
            batches.lock().push((batch.number, batch.tally));
            ready(Ok::<(), ()>(()))
        };
        tally.store_with(store).now_or_never().expect("nobody else stores").unwrap();
        batches.into_inner()
    }

    #[test]
    fn a_batch_that_may_not_be_stored_is_repeated_as_it_is() {
        let (tally, ddd) = (Tally::default(), "11".parse().unwrap());
        tally.count(ddd, false);
        assert_eq!(tally.store_with(|_| ready(Err(()))).now_or_never(), Some(Err(())));
        tally.count(ddd, true);
        // The caller stops waiting, and nobody knows what became of the statement.
        assert_eq!(tally.store_with(|_| pending::<Result<(), ()>>()).now_or_never(), None);
        tally.count(ddd, false);
        assert_eq!(stored(&tally), [(1, draws(1, 0)), (2, draws(2, 1))]);
        assert_eq!(stored(&tally), []);
    }
}
