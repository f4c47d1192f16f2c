//! A set of area codes.

use serde::{Deserialize, Serialize};

use super::Ddd;

/// A set of area codes. A bit stands for each of the hundred that two digits can name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Ddd>", into = "Vec<Ddd>")]
pub struct DddSet(u128);

impl DddSet {
    /// Whether the area code is one of the set.
    #[must_use]
    pub fn contains(self, ddd: Ddd) -> bool {
        self.0 & bit(ddd) != 0
    }
}

fn bit(ddd: Ddd) -> u128 {
    let number = ddd.as_str().bytes().fold(0, |number, digit| 10 * number + u32::from(digit - b'0'));
    1 << number
}

impl FromIterator<Ddd> for DddSet {
    fn from_iter<I: IntoIterator<Item = Ddd>>(ddds: I) -> Self {
        Self(ddds.into_iter().fold(0, |set, ddd| set | bit(ddd)))
    }
}

impl From<Vec<Ddd>> for DddSet {
    fn from(ddds: Vec<Ddd>) -> Self {
        ddds.into_iter().collect()
    }
}

impl From<DddSet> for Vec<Ddd> {
    fn from(set: DddSet) -> Self {
        let all = (0..100).filter_map(|number| format!("{number:02}").parse().ok());
        all.filter(|ddd| set.contains(*ddd)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ddd(number: u8) -> Ddd {
        format!("{number:02}").parse().unwrap()
    }

    proptest! {
        #[test]
        fn a_set_is_the_list_it_was_made_of(listed in proptest::collection::btree_set(0_u8..100, 0..100)) {
            let set: DddSet = listed.iter().copied().map(ddd).collect();
            let found: BTreeSet<u8> = (0..100).filter(|number| set.contains(ddd(*number))).collect();
            prop_assert_eq!(&found, &listed);
            let text = serde_json::to_string(&set).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&listed.into_iter().map(ddd).collect::<Vec<_>>()).unwrap());
            prop_assert_eq!(serde_json::from_str::<DddSet>(&text).unwrap(), set);
        }
    }
}
