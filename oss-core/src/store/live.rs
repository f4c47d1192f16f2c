//! The live states in SQL, the same on both databases: see [`is_live`](crate::domain::AttemptState::is_live).

/// An SQL condition: the attempt is live. The text must be equal to that in the indexes on live attempts.
macro_rules! live {
    ($state:literal) => {
        concat!($state, " in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')")
    };
}
pub(super) use live;

#[cfg(test)]
mod tests {
    use crate::domain::AttemptState;

    #[test]
    fn the_words_are_those_of_the_live_states() {
        let live = AttemptState::ALL.into_iter().filter(|state| state.is_live());
        let words: Vec<String> = live.map(|state| format!("'{state}'")).collect();
        assert_eq!(live!("state"), format!("state in ({})", words.join(", ")));
    }
}
