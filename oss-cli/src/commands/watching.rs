//! Commands that repeat until they are interrupted.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;

/// The pauses between the rounds of a command. An interruption ends the command after the round.
#[derive(Debug)]
pub(super) struct Pauses(Signal);

impl Pauses {
    /// Starts to listen before the first round, so that an interruption during that round is not lost.
    pub(super) fn new() -> Result<Self, Failure> {
        let listening = signal(SignalKind::interrupt());
        listening
            .map(Self)
            .map_err(|error| Failure::internal(format!("cannot listen for interruptions: {error}")))
    }

    /// Does some work; none if an interruption comes first.
    pub(super) async fn unless_interrupted<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            _ = self.0.recv() => None,
            done = work => Some(done),
        }
    }

    /// Waits, and says whether another round follows.
    pub(super) async fn pause(&mut self, time: Duration) -> bool {
        tokio::select! {
            _ = self.0.recv() => false,
            () = tokio::time::sleep(time) => true,
        }
    }
}
