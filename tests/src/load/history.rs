//! The history of the customers: which number each had, and when. It does not depend on our own rows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::backend::Database;

/// A number that a customer has or had.
#[derive(Debug, Clone)]
pub(super) struct Possession {
    pub(super) msisdn: String,
    /// The time at which the customer got the answer.
    pub(super) given: Instant,
    /// The time just before the customer first asked for its release. None if the customer never did.
    pub(super) returned: Option<Instant>,
}

/// The history of all customers.
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
    /// Checks invariant 1 as customers see it: nobody is given a number that another customer has. Each compared time lies within
    /// the time for which the number was really held, so an overlap is proof.
    pub(super) fn assert_no_number_was_given_twice(&self) {
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

    /// Checks invariant 3: a number that was given stays held until its customer returns it.
    pub(super) async fn assert_kept_numbers_are_held(&self, database: &Database) {
        let held = "select msisdn || '' from reservation where state in ('HELD', 'ASSIGNED')";
        let held: BTreeSet<String> = database.texts(held).await.into_iter().collect();
        let kept = self.possessions.iter().filter(|possession| possession.returned.is_none());
        let lost: Vec<&Possession> = kept.filter(|possession| !held.contains(&possession.msisdn)).collect();
        assert!(lost.is_empty(), "taken away from its customer: {lost:?}");
    }
}
