//! The live states in SQL, the same on both databases: see [`is_live`](crate::domain::AttemptState::is_live).

/// An SQL condition: the attempt is live. The text must be equal to that in the indexes on live attempts.
macro_rules! live {
    ($state:literal) => {
        concat!($state, " in ('PENDING', 'HELD', 'IN_DOUBT', 'ASSIGNED')")
    };
}
pub(super) use live;

/// An SQL condition: an order of a SIM for a number is under way. The states must be those of the index on such orders.
macro_rules! is_ordered {
    ($msisdn:literal) => {
        concat!(
            "exists (
                select 1 from sim_order under_way
                where under_way.msisdn = ",
            $msisdn,
            " and under_way.state in ('PENDING', 'IN_DOUBT', 'CANCELLING')
            )"
        )
    };
}
pub(super) use is_ordered;

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
