//! The differences between the current list and the one that is to replace it.

use std::collections::BTreeMap;

use serde::Serialize;

/// The lines that an import changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes<K: Ord, V> {
    /// New lines, and lines with a new value.
    pub put: BTreeMap<K, V>,
    /// The keys of removed lines.
    pub removed: Vec<K>,
    #[serde(skip)]
    count: Count,
}

/// The counts of lines that change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Count {
    /// The count of new lines.
    pub added: usize,
    /// The count of lines with a new value.
    pub changed: usize,
    /// The count of removed lines.
    pub removed: usize,
    /// The count of lines after the import.
    pub total: usize,
}

impl Count {
    /// Whether anything changes.
    #[must_use]
    pub fn is_change(self) -> bool {
        self.added + self.changed + self.removed > 0
    }

    /// The count of lines before the import.
    #[must_use]
    pub fn kept(self) -> usize {
        (self.total + self.removed).saturating_sub(self.added)
    }
}

impl<K: Ord + Clone, V: PartialEq + Clone> Changes<K, V> {
    pub(crate) fn between(kept: &BTreeMap<K, V>, given: &BTreeMap<K, V>) -> Self {
        let differs = |(key, value): &(&K, &V)| kept.get(key) != Some(value);
        let put: BTreeMap<K, V> =
            given.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone())).collect();
        let removed: Vec<K> = kept.keys().filter(|key| !given.contains_key(key)).cloned().collect();
        let changed = put.keys().filter(|key| kept.contains_key(key)).count();
        let count = Count { added: put.len() - changed, changed, removed: removed.len(), total: given.len() };
        Self { put, removed, count }
    }

    /// The counts of lines that change.
    #[must_use]
    pub fn count(&self) -> Count {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_changes_make_the_one_list_the_other(
            kept: BTreeMap<u8, bool>, given: BTreeMap<u8, bool>,
        ) {
            let changes = Changes::between(&kept, &given);
            let mut then = kept.clone();
            then.retain(|key, _| !changes.removed.contains(key));
            let lines = then.len();
            then.extend(changes.put.clone());
            let count = changes.count();
            prop_assert_eq!(then.len() - lines, count.added);
            prop_assert_eq!((count.removed, count.total), (changes.removed.len(), given.len()));
            prop_assert_eq!(count.added + count.changed, changes.put.len());
            prop_assert_eq!(then, given);
        }
    }

    #[test]
    fn a_list_that_is_the_same_changes_nothing() {
        let list = BTreeMap::from([(1, true), (2, false)]);
        let count = Changes::between(&list, &list).count();
        assert_eq!((count.is_change(), count.total), (false, 2));
    }
}
