//! The faults of the mock: it is slow, refuses, or fails before or after the effect, by chance or on cue.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::exchange::CallKind;
use crate::domain::{BrandId, Msisdn};
use crate::sigan::wire::RefusalCode;

/// The behaviour of the mock until another one is set.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Behaviour {
    /// The time that every answer takes.
    pub latency: Duration,
    /// The probability, from 0 to 1, that a call fails without effect (503).
    pub fail_rate: f64,
    /// The probability, from 0 to 1, that a call takes effect and its answer is lost.
    pub lose_rate: f64,
}

/// The fault of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused, without effect.
    Refuse(RefusalCode),
    /// The credentials are refused, without effect.
    Unauthorized,
    /// It takes effect, and the answer is a bare 403, as a proxy between Sigan and us may give.
    Forbid,
    /// It fails with 503, without effect.
    FailBefore,
    /// It is answered with this status and no body, without effect.
    Status(u16),
    /// It takes effect, and the answer breaks off before its end.
    LoseAnswer,
    /// It takes effect, and the connection closes before the answer begins.
    CloseUnanswered,
    /// It takes effect, and the answer cannot be read.
    Garble,
    /// It takes effect, and the answer takes this much longer.
    Slow(Duration),
}

/// Decides what happens to each call.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) behaviour: Behaviour,
    cues: VecDeque<(CallKind, Fault)>,
    /// The brands whose calls are all answered with a status.
    pub(super) brands: HashMap<BrandId, u16>,
    /// The numbers whose releases are all answered with a status.
    pub(super) releases: HashMap<Msisdn, u16>,
    chance: StdRng,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            behaviour: Behaviour::default(),
            cues: VecDeque::new(),
            brands: HashMap::new(),
            releases: HashMap::new(),
            chance: StdRng::seed_from_u64(seed),
        }
    }

    /// Gives the next call of this kind this fault.
    pub(super) fn cue(&mut self, kind: CallKind, fault: Fault) {
        self.cues.push_back((kind, fault));
    }

    /// The fault of a call: that of its cue, if it has one, or else one by chance.
    pub(super) fn decide(&mut self, kind: CallKind) -> Option<Fault> {
        if let Some(at) = self.cues.iter().position(|(cued, _)| *cued == kind) {
            return self.cues.remove(at).map(|(_, fault)| fault);
        }
        let Behaviour { fail_rate, lose_rate, .. } = self.behaviour;
        if self.chance.random_bool(fail_rate.clamp(0.0, 1.0)) {
            return Some(Fault::FailBefore);
        }
        self.chance.random_bool(lose_rate.clamp(0.0, 1.0)).then_some(Fault::LoseAnswer)
    }
}
