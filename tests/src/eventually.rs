//! Waits for events in the background.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

/// The time after which a wait fails. It is far longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Repeats a look until it returns a value. If that takes too long, fails the test with the reason of the last look.
pub async fn eventually<T, E: Display>(mut look: impl AsyncFnMut() -> Result<T, E>) -> T {
    let begun = Instant::now();
    loop {
        match look().await {
            Ok(value) => return value,
            Err(reason) => assert!(begun.elapsed() < PATIENCE, "after {PATIENCE:?} still: {reason}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_value_is_that_of_the_first_look_that_has_one() {
        let mut looks = 0;
        let value = eventually(async || {
            looks += 1;
            if looks < 3 { Err("too early") } else { Ok(looks) }
        });
        assert_eq!(value.await, 3);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "still: nothing is there")]
    async fn a_wait_without_end_fails_with_the_last_reason() {
        eventually(async || Err::<(), _>("nothing is there")).await;
    }
}
