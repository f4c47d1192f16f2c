//! The circuits to a system: one for callers, one for upkeep, and one for each brand that it refuses.
//!
//! Any answer to a request proves that the system is reachable. So only missing answers open the circuits of callers and of upkeep.
//! Refused credentials and unexpected client errors concern only the brand of the call, so they open only its circuit.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Busy;
use super::breaker::{Breaker, FAILURES, OPEN};
use crate::domain::BrandId;
use crate::remote::{CallError, Doubt};

/// At most this many brands have a circuit. Brands come from a configuration, so this only bounds memory.
const BRANDS: usize = 1000;

/// The time for which an answer shows that the system answers.
const RECENTLY: Duration = Duration::from_mins(1);

/// The purpose of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It serves a caller of this brand.
    Caller(BrandId),
    /// It settles or compares rows, and nobody waits for it.
    Upkeep,
}

/// The meaning of a call's outcome for the circuits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The system gave no answer to the request.
    Missing,
    /// The system answered: it did what was asked, or refused it as the contract allows.
    Serves,
    /// The system answered: it refused our credentials, or the request for a reason that the contract does not have.
    Refuses,
    /// The system answered, and the answer cannot be used.
    Unusable,
}

/// The reason of a refusal, as the circuits see it.
pub(crate) trait RefusalReason: Copy + Into<&'static str> {
    /// Whether it concerns our credentials and not the call.
    fn is_of_credentials(self) -> bool {
        false
    }
}

/// The circuits that a call probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Probes {
    shared: bool,
    brand: bool,
}

impl Verdict {
    pub(crate) fn of<T, R: RefusalReason>(outcome: &Result<T, CallError<R>>) -> Self {
        match outcome {
            Err(CallError::Refused(refusal)) if refusal.is_of_credentials() => Self::Refuses,
            Ok(_) | Err(CallError::Refused(_)) => Self::Serves,
            Err(CallError::NotSent) => Self::Missing,
            Err(CallError::NoAnswer(doubt)) => Self::of_doubt(*doubt),
        }
    }

    fn of_doubt(doubt: Doubt) -> Self {
        match doubt {
            Doubt::Timeout | Doubt::ConnectionLost | Doubt::Interrupted | Doubt::Status(429 | 500..) => {
                Self::Missing
            }
            Doubt::Credentials | Doubt::Status(400..500) => Self::Refuses,
            Doubt::Status(_) | Doubt::Unreadable => Self::Unusable,
        }
    }
}

/// Every circuit of a process.
#[derive(Debug)]
pub(super) struct Circuits {
    state: Mutex<State>,
    /// The name of the system, for logs.
    name: &'static str,
    /// The longest time that a call may take, and so the time to wait for a probe.
    call: Duration,
}

#[derive(Debug)]
struct State {
    callers: Breaker,
    upkeep: Breaker,
    /// One breaker for each brand that was ever refused.
    brands: HashMap<BrandId, Breaker>,
    answered: Option<Instant>,
    /// The count of calls in a row, of all circuits, that had no answer.
    missing: u32,
    /// The time at which the first of them failed.
    missing_since: Option<Instant>,
}

impl Circuits {
    pub(super) fn new(name: &'static str, call: Duration) -> Self {
        let state = State {
            callers: Breaker::CLOSED,
            upkeep: Breaker::CLOSED,
            brands: HashMap::new(),
            answered: None,
            missing: 0,
            missing_since: None,
        };
        Self { state: Mutex::new(state), name, call }
    }

    /// Checks that a call could be made now. Changes nothing.
    pub(super) fn check(&self, purpose: &Purpose) -> Result<(), Busy> {
        self.state.lock().check(purpose, Instant::now())
    }

    /// Lets a call pass, and returns the circuits that it probes.
    pub(super) fn pass(&self, purpose: &Purpose) -> Result<Probes, Busy> {
        let (mut state, now) = (self.state.lock(), Instant::now());
        state.check(purpose, now)?;
        let shared = state.shared(purpose).pass(now, self.call);
        let brand = state.brand(purpose).is_some_and(|brand| brand.pass(now, self.call));
        Ok(Probes { shared, brand })
    }

    /// Takes back the probes of a call that was not made: the next call may probe at once.
    pub(super) fn take_back(&self, purpose: &Purpose, probes: Probes) {
        let (mut state, now) = (self.state.lock(), Instant::now());
        if probes.shared {
            state.shared(purpose).end_probe(now, Duration::ZERO);
        }
        if let Some(brand) = state.brand(purpose).filter(|_| probes.brand) {
            brand.end_probe(now, Duration::ZERO);
        }
    }

    /// Records the outcome of a call.
    pub(super) fn record(&self, purpose: &Purpose, verdict: Verdict) {
        let (mut state, now) = (self.state.lock(), Instant::now());
        if verdict == Verdict::Missing {
            state.record_missing(self.name, purpose, now);
        } else {
            state.record_answer(self.name, now);
        }
        if let Purpose::Caller(brand) = purpose {
            state.record_of_brand(self.name, brand, verdict, now);
        }
    }

    /// The time since the first of the calls without an answer, while a shared circuit is not closed.
    pub(super) fn down_for(&self) -> Option<Duration> {
        let state = self.state.lock();
        let is_down = !state.callers.is_closed() || !state.upkeep.is_closed();
        state.missing_since.filter(|_| is_down).map(|since| since.elapsed())
    }

    /// Whether the system answers other calls. If so, a call that fails again and again fails for a reason of its own.
    pub(super) fn answers(&self) -> bool {
        let state = self.state.lock();
        state.missing < FAILURES && state.answered.is_some_and(|answered| answered.elapsed() <= RECENTLY)
    }

    /// The states of the two circuits that every brand shares, by lane.
    pub(super) fn shared(&self) -> [(&'static str, &'static str); 2] {
        let state = self.state.lock();
        [("caller", state.callers.name()), ("upkeep", state.upkeep.name())]
    }

    /// Every brand that was refused at some time, and whether it is refused now.
    pub(super) fn brands(&self) -> Vec<(BrandId, bool)> {
        self.state
            .lock()
            .brands
            .iter()
            .map(|(brand, breaker)| (brand.clone(), !breaker.is_closed()))
            .collect()
    }
}

impl State {
    fn shared(&mut self, purpose: &Purpose) -> &mut Breaker {
        match purpose {
            Purpose::Caller(_) => &mut self.callers,
            Purpose::Upkeep => &mut self.upkeep,
        }
    }

    fn brand(&mut self, purpose: &Purpose) -> Option<&mut Breaker> {
        match purpose {
            Purpose::Caller(brand) => self.brands.get_mut(brand),
            Purpose::Upkeep => None,
        }
    }

    fn check(&mut self, purpose: &Purpose, now: Instant) -> Result<(), Busy> {
        if !self.shared(purpose).lets_pass(now) {
            return Err(Busy::NoTurn);
        }
        match purpose {
            Purpose::Caller(brand)
                if self.brands.get(brand).is_some_and(|circuit| !circuit.lets_pass(now)) =>
            {
                Err(Busy::Refused(brand.clone()))
            }
            _ => Ok(()),
        }
    }

    fn record_missing(&mut self, name: &str, purpose: &Purpose, now: Instant) {
        self.missing = self.missing.saturating_add(1);
        self.missing_since.get_or_insert(now);
        let opened = self.shared(purpose).fail(now);
        match purpose {
            Purpose::Caller(_) if opened => {
                tracing::warn!("{name} does not answer; only a probe is sent now and then.");
            }
            Purpose::Upkeep if opened => {
                tracing::warn!(
                    "{name} does not answer sweeps and releases; they only send a probe now and then."
                );
            }
            _ => {}
        }
    }

    /// An answer to any call shows that the system is there.
    fn record_answer(&mut self, name: &str, now: Instant) {
        (self.answered, self.missing, self.missing_since) = (Some(now), 0, None);
        let closed = [self.callers.succeed(), self.upkeep.succeed()];
        if closed.contains(&true) {
            tracing::info!("{name} answers again.");
        }
    }

    fn record_of_brand(&mut self, name: &str, brand: &BrandId, verdict: Verdict, now: Instant) {
        if verdict == Verdict::Refuses {
            return self.record_refusal(name, brand, now);
        }
        let Some(circuit) = self.brands.get_mut(brand) else { return };
        match verdict {
            Verdict::Serves if circuit.succeed() => {
                tracing::info!(%brand, "{name} serves the brand again.");
            }
            // It is still not known whether the system would refuse the brand.
            Verdict::Missing | Verdict::Unusable => circuit.end_probe(now, OPEN),
            _ => {}
        }
    }

    fn record_refusal(&mut self, name: &str, brand: &BrandId, now: Instant) {
        if !self.brands.contains_key(brand) && self.brands.len() >= BRANDS {
            self.brands.retain(|_, circuit| !circuit.is_closed());
        }
        if !self.brands.contains_key(brand) && self.brands.len() >= BRANDS {
            return;
        }
        let circuit = self.brands.entry(brand.clone()).or_insert(Breaker::CLOSED);
        if circuit.fail(now) {
            tracing::warn!(
                %brand,
                "{name} refuses the calls for the brand; check its credentials. Only a probe is sent now and then."
            );
        }
    }
}
