//! The faults of a mock: it is slow, refuses, or fails before or after the effect, by chance or on cue.

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Answer, Response, Sent};

/// The behaviour of a mock until another one is set.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Behaviour {
    /// The time that every answer takes.
    pub latency: Duration,
    /// The probability, from 0 to 1, that a call fails without effect (503).
    pub fail_rate: f64,
    /// The probability, from 0 to 1, that a call takes effect and its answer is lost.
    pub lose_rate: f64,
}

/// The fault of one call. `C` is the code of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault<C> {
    /// It is refused, without effect.
    Refuse(C),
    /// The credentials are refused, without effect.
    Unauthorized,
    /// It takes effect, and the answer is a bare 403, as a proxy in between may give.
    Forbid,
    /// It fails with 503, without effect.
    FailBefore,
    /// It is answered with this status and no body, without effect.
    Status(u16),
    /// It is lost on its way, without effect, and the connection breaks.
    LoseRequest,
    /// It takes effect, and the answer breaks off before its end.
    LoseAnswer,
    /// It takes effect, and the connection closes before the answer begins.
    CloseUnanswered,
    /// It takes effect, and the answer cannot be read.
    Garble,
    /// It takes effect, and the answer takes this much longer.
    Slow(Duration),
}

impl<C> Fault<C> {
    /// Carries out a call that has this fault, if it has one: `handle` gives it its effect, and `refuse` makes a refusal.
    pub(crate) fn carry_out(
        fault: Option<Self>,
        latency: Duration,
        handle: impl FnOnce() -> Response,
        refuse: impl FnOnce(C) -> Response,
    ) -> Answer {
        let whole = |response| Answer { sent: Sent::Whole(response), delay: latency };
        let Some(fault) = fault else { return whole(handle()) };
        let refusal = match fault {
            Self::LoseRequest => return Answer { sent: Sent::Part, delay: latency },
            Self::FailBefore => Response::empty(503),
            Self::Unauthorized => Response::empty(401),
            Self::Status(status) => Response::empty(status),
            Self::Refuse(code) => refuse(code),
            _ => return fault.carry_out_with_effect(latency, handle()),
        };
        whole(refusal)
    }

    /// The answer to a call that had its effect.
    fn carry_out_with_effect(self, latency: Duration, response: Response) -> Answer {
        let (sent, delay) = match self {
            Self::LoseAnswer => (Sent::Part, latency),
            Self::CloseUnanswered => (Sent::Nothing, latency),
            Self::Forbid => (Sent::Whole(Response::empty(403)), latency),
            Self::Garble => (Sent::Whole(Response { body: b"{\"".to_vec(), ..response }), latency),
            Self::Slow(more) => (Sent::Whole(response), latency + more),
            _ => (Sent::Whole(response), latency),
        };
        Answer { sent, delay }
    }
}

/// Decides what happens to each call. `K` is a kind of calls.
#[derive(Debug)]
pub(crate) struct Faults<K, C> {
    pub(crate) behaviour: Behaviour,
    cues: VecDeque<(K, Fault<C>)>,
    chance: StdRng,
}

impl<K: PartialEq, C> Faults<K, C> {
    pub(crate) fn new(seed: u64) -> Self {
        Self { behaviour: Behaviour::default(), cues: VecDeque::new(), chance: StdRng::seed_from_u64(seed) }
    }

    /// Gives the next call of this kind this fault.
    pub(crate) fn cue(&mut self, kind: K, fault: Fault<C>) {
        self.cues.push_back((kind, fault));
    }

    /// The fault of a call: that of its cue, if it has one, or else one by chance.
    pub(crate) fn decide(&mut self, kind: &K) -> Option<Fault<C>> {
        if let Some(at) = self.cues.iter().position(|(cued, _)| cued == kind) {
            return self.cues.remove(at).map(|(_, fault)| fault);
        }
        let Behaviour { fail_rate, lose_rate, .. } = self.behaviour;
        if self.chance.random_bool(fail_rate.clamp(0.0, 1.0)) {
            return Some(Fault::FailBefore);
        }
        self.chance.random_bool(lose_rate.clamp(0.0, 1.0)).then_some(Fault::LoseAnswer)
    }
}
