//! Whom Sigan answers: one circuit for callers, one for upkeep, and one for each brand that it refuses.
//!
//! An answer about a request proves that Sigan is reachable, whatever it says. So only missing answers open the circuits of
//! callers and of upkeep. Refused credentials and unexpected client errors belong to the brand that they were answered for:
//! they open the circuit of that brand alone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::breaker::{Breaker, Change, FAILURES, OPEN};
use crate::domain::BrandId;
use crate::sigan::{Doubt, Refusal, SiganError};

/// How many brands have a circuit at most. Brands come from a configuration, so this is only a bound on memory.
const BRANDS: usize = 1000;

/// For how long an answer shows that Sigan answers.
const RECENTLY: Duration = Duration::from_mins(1);

/// For whom a call is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// For a caller of this brand.
    Caller(BrandId),
    /// To settle or to compare what is recorded: nobody waits for it.
    Upkeep,
}

/// The meaning of a call's outcome for the circuits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It gave no answer about the request.
    Missing,
    /// It is there, and did what was asked or refused it as the contract knows.
    Serves,
    /// It is there, and refuses the request for a reason that the contract does not know, or our credentials.
    Refuses,
    /// It is there, and its answer cannot be used.
    Unusable,
}

/// Which circuits a call probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Probes {
    sigan: bool,
    brand: bool,
}

impl Probes {
    pub(super) fn any(self) -> bool {
        self.sigan || self.brand
    }
}

/// Why a call may not be made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Open {
    /// Sigan does not answer.
    Sigan,
    /// Sigan refuses what is asked for this brand.
    Brand(BrandId),
}

impl Verdict {
    pub(super) fn of<T>(outcome: &Result<T, SiganError>) -> Self {
        match outcome {
            Err(SiganError::Refused(Refusal::Credentials)) => Self::Refuses,
            Ok(_) | Err(SiganError::Refused(_)) => Self::Serves,
            Err(SiganError::NotSent) => Self::Missing,
            Err(SiganError::NoAnswer(doubt)) => Self::of_doubt(*doubt),
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
    /// How long a call may take: that long a probe is waited for.
    call: Duration,
}

#[derive(Debug)]
struct State {
    callers: Breaker,
    upkeep: Breaker,
    /// One breaker for each brand that was ever refused.
    brands: HashMap<BrandId, Breaker>,
    answered: Option<Instant>,
    /// How many calls of all circuits in a row had no answer.
    missing: u32,
}

impl Circuits {
    pub(super) fn new(call: Duration) -> Self {
        let (callers, upkeep) = (Breaker::CLOSED, Breaker::CLOSED);
        let state = State { callers, upkeep, brands: HashMap::new(), answered: None, missing: 0 };
        Self { state: Mutex::new(state), call }
    }

    /// Whether a call could be made now. Changes nothing.
    pub(super) fn check(&self, purpose: &Purpose) -> Result<(), Open> {
        self.state().check(purpose, Instant::now())
    }

    /// Lets a call pass, and says what it probes.
    pub(super) fn pass(&self, purpose: &Purpose) -> Result<Probes, Open> {
        let (mut state, now) = (self.state(), Instant::now());
        state.check(purpose, now)?;
        let sigan = state.shared(purpose).pass(now, self.call);
        let brand = state.brand(purpose).is_some_and(|brand| brand.pass(now, self.call));
        Ok(Probes { sigan, brand })
    }

    /// Takes back the probes of a call that was not made: the next call may probe at once.
    pub(super) fn take_back(&self, purpose: &Purpose, probes: Probes) {
        let (mut state, now) = (self.state(), Instant::now());
        if probes.sigan {
            state.shared(purpose).end_probe(now, Duration::ZERO);
        }
        if let Some(brand) = state.brand(purpose).filter(|_| probes.brand) {
            brand.end_probe(now, Duration::ZERO);
        }
    }

    /// Records what a call found out.
    pub(super) fn record(&self, purpose: &Purpose, verdict: Verdict) {
        let (mut state, now) = (self.state(), Instant::now());
        if verdict == Verdict::Missing {
            state.record_missing(purpose, now);
        } else {
            state.record_answer(now);
        }
        if let Purpose::Caller(brand) = purpose {
            state.record_of_brand(brand, verdict, now);
        }
    }

    /// Whether Sigan answers other calls: then what fails again and again fails for a reason of its own.
    pub(super) fn answers(&self) -> bool {
        let state = self.state();
        state.missing < FAILURES && state.answered.is_some_and(|answered| answered.elapsed() <= RECENTLY)
    }

    /// The states of the two circuits that every brand shares, by lane.
    pub(super) fn shared(&self) -> [(&'static str, &'static str); 2] {
        let state = self.state();
        [("caller", state.callers.name()), ("upkeep", state.upkeep.name())]
    }

    /// Every brand that was ever refused, and whether it is now.
    pub(super) fn brands(&self) -> Vec<(BrandId, bool)> {
        self.state().brands.iter().map(|(brand, breaker)| (brand.clone(), !breaker.is_closed())).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A breaker is replaced whole, so it is whole also if a thread panicked while it held the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn check(&mut self, purpose: &Purpose, now: Instant) -> Result<(), Open> {
        if !self.shared(purpose).lets_pass(now) {
            return Err(Open::Sigan);
        }
        match purpose {
            Purpose::Caller(brand)
                if self.brands.get(brand).is_some_and(|circuit| !circuit.lets_pass(now)) =>
            {
                Err(Open::Brand(brand.clone()))
            }
            _ => Ok(()),
        }
    }

    fn record_missing(&mut self, purpose: &Purpose, now: Instant) {
        self.missing = self.missing.saturating_add(1);
        let changed = self.shared(purpose).fail(now);
        match (purpose, changed) {
            (Purpose::Caller(_), Some(Change::Opened)) => {
                tracing::warn!("Sigan does not answer; it is left alone but for a probe now and then.");
            }
            (Purpose::Upkeep, Some(Change::Opened)) => {
                tracing::warn!("Sigan does not answer sweeps and releases; they probe it now and then.");
            }
            _ => {}
        }
    }

    /// An answer to anybody shows that Sigan is there.
    fn record_answer(&mut self, now: Instant) {
        (self.answered, self.missing) = (Some(now), 0);
        let changed = [self.callers.succeed(), self.upkeep.succeed()];
        if changed.contains(&Some(Change::Closed)) {
            tracing::info!("Sigan answers again.");
        }
    }

    fn record_of_brand(&mut self, brand: &BrandId, verdict: Verdict, now: Instant) {
        if verdict == Verdict::Refuses {
            return self.record_refusal(brand, now);
        }
        let Some(circuit) = self.brands.get_mut(brand) else { return };
        match verdict {
            Verdict::Serves if circuit.succeed().is_some() => {
                tracing::info!(%brand, "Sigan serves the brand again.");
            }
            // Whether it would refuse the brand is still not known.
            Verdict::Missing | Verdict::Unusable => circuit.end_probe(now, OPEN),
            _ => {}
        }
    }

    fn record_refusal(&mut self, brand: &BrandId, now: Instant) {
        if !self.brands.contains_key(brand) && self.brands.len() >= BRANDS {
            self.brands.retain(|_, circuit| !circuit.is_closed());
        }
        if !self.brands.contains_key(brand) && self.brands.len() >= BRANDS {
            return;
        }
        let circuit = self.brands.entry(brand.clone()).or_insert(Breaker::CLOSED);
        if circuit.fail(now) == Some(Change::Opened) {
            tracing::warn!(
                %brand,
                "Sigan refuses what is asked for the brand; check its credentials. Only a probe is sent now and then."
            );
        }
    }
}
