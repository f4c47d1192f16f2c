//! Who had which number, and when: what the customers remember, against which no record of ours can argue.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::backend::Database;

/// A number in a customer's hands.
#[derive(Debug, Clone)]
pub(super) struct Possession {
    pub(super) msisdn: String,
    /// When the customer knew.
    pub(super) given: Instant,
    /// Just before the customer first asked for its release; none where that never was.
    pub(super) returned: Option<Instant>,
}

/// What all customers remember.
#[derive(Debug)]
pub(super) struct History {
    possessions: Vec<Possession>,
}

impl FromIterator<Possession> for History {
    fn from_iter<I: IntoIterator<Item = Possession>>(possessions: I) -> Self {
        Self { possessions: possessions.into_iter().collect() }
    }
}

impl History {
    /// Invariant 1, as customers see it: nobody is given a number that another one has. Each time that is compared lies within
    /// the time that the number was truly held, so an overlap is proof.
    pub(super) fn no_number_was_given_twice(&self) {
        let mut of_number: BTreeMap<&str, Vec<&Possession>> = BTreeMap::new();
        for possession in &self.possessions {
            of_number.entry(&possession.msisdn).or_default().push(possession);
        }
        for possessions in of_number.values_mut() {
            possessions.sort_by_key(|possession| possession.given);
            for pair in possessions.windows(2) {
                let free = pair[0].returned.is_some_and(|returned| returned < pair[1].given);
                assert!(free, "given twice: {pair:?}");
            }
        }
    }

    /// Invariant 3: a number that was given stays held until its customer returns it.
    pub(super) async fn what_was_kept_is_held(&self, database: &Database) {
        let held = "select msisdn || '' from reservation where state in ('HELD', 'ASSIGNED')";
        let held: BTreeSet<String> = database.texts(held).await.into_iter().collect();
        let kept = self.possessions.iter().filter(|possession| possession.returned.is_none());
        let lost: Vec<&Possession> = kept.filter(|possession| !held.contains(&possession.msisdn)).collect();
        assert!(lost.is_empty(), "taken away from its customer: {lost:?}");
    }
}
