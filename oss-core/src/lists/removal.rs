//! Limits the entries that an import may remove.

use crate::lists::Count;

/// The share of the existing entries that an import may remove.
///
/// If a list lacks most of the existing entries, it has more likely lost rows on its way than reports so many changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalLimit {
    /// A tenth of the entries of each kind.
    Tenth,
    /// All of them.
    Unlimited,
}

impl RemovalLimit {
    pub(crate) fn check(self, kinds: &[(&'static str, Count)]) -> Result<(), MassRemoval> {
        let exceeds = |count: &Count| count.removed > count.kept() / 10;
        if self == Self::Unlimited || !kinds.iter().any(|(_, count)| exceeds(count)) {
            return Ok(());
        }
        let removing = kinds.iter().filter(|(_, count)| count.removed > 0);
        Err(MassRemoval { kinds: removing.copied().collect() })
    }
}

/// A list would remove more entries than its import may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the list would remove {}, more than a tenth of a kind, so nothing was changed", enumerated(kinds))]
#[non_exhaustive]
pub struct MassRemoval {
    /// The kinds of which it would remove entries, with their counts.
    pub kinds: Vec<(&'static str, Count)>,
}

/// The kinds, as in "1 of 5 brands, 2 of 8 models and 3 of 9 codes".
fn enumerated(kinds: &[(&'static str, Count)]) -> String {
    let part = |(kind, count): &(&str, Count)| format!("{} of {} {kind}", count.removed, count.kept());
    match &kinds.iter().map(part).collect::<Vec<_>>()[..] {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        parts => parts.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_a_tenth_of_each_kind_may_go() {
        let count =
            |kept: usize, removed: usize| Count { removed, total: kept - removed, ..Count::default() };
        for (kept, removed, allowed) in [
            (0, 0, true),
            (9, 0, true),
            (9, 1, false),
            (10, 1, true),
            (1392, 139, true),
            (1392, 140, false),
            (5, 5, false),
        ] {
            let kinds = [("codes", count(100, 1)), ("TACs", count(kept, removed))];
            assert_eq!(RemovalLimit::Tenth.check(&kinds).is_ok(), allowed, "{removed} of {kept}");
            assert!(RemovalLimit::Unlimited.check(&kinds).is_ok());
        }
    }

    #[test]
    fn each_kind_is_counted_by_what_there_was() {
        let grown = Count { added: 50, changed: 0, removed: 2, total: 58 };
        let refused =
            RemovalLimit::Tenth.check(&[("brands", grown), ("models", Count::default())]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the list would remove 2 of 10 brands, more than a tenth of a kind, so nothing was changed"
        );
        for (kinds, text) in [
            (&["brands", "models"][..], "2 of 10 brands and 2 of 10 models"),
            (&["brands", "models", "codes"], "2 of 10 brands, 2 of 10 models and 2 of 10 codes"),
        ] {
            let kinds: Vec<_> = kinds.iter().map(|kind| (*kind, grown)).collect();
            let refused = RemovalLimit::Tenth.check(&kinds).unwrap_err().to_string();
            assert!(refused.contains(&format!("remove {text}, more")), "{refused}");
        }
    }
}
