//! The gate decides who may call Sigan now. It limits the calls in flight, has a bounded queue before them, gives each client a
//! share of both, and has circuit breakers.
//!
//! An operation takes its turn before it takes a lease, so that nobody waits with a lease running. If there is no turn, the
//! answer comes at once: calls that pile up help nobody. The gate does not know what is called for.

mod breaker;
mod callers;
mod circuits;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use self::callers::{CallerPlaces, Place};
use self::circuits::{Circuits, Open, Probes, Purpose, Verdict};
use super::{Hold, Holder, HoldsPage, PreReservation, PreReserve, Sigan, SiganError};
use crate::access::{ClientLimit, Share};
use crate::domain::{BrandId, ClientName, Msisdn};
use crate::telemetry::{System, called};

/// When it is worth asking again: a second later there may be a turn, whatever was missing.
pub(crate) const COME_BACK: Duration = Duration::from_secs(1);

/// How many calls of one kind settle, at the same time, what has no caller. They have places of their own: callers never crowd
/// them out.
pub(crate) const UPKEEP: usize = 16;

/// Whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane<'a> {
    /// That of a caller who waits.
    Caller {
        /// The brand that Sigan is asked for.
        brand: &'a BrandId,
        /// The client that has a share of the calls, if others have one too.
        client: Option<&'a ClientName>,
    },
    /// That of a release which is told as soon as it is recorded. Its row has a lease, so it does not wait: if there is no
    /// place, the sweep tells it.
    Delivery,
    /// That of the sweep and of the audit, which take their turn before any lease: it waits for its place.
    Upkeep,
}

/// Why there is no turn. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Busy {
    /// Every place is taken, or Sigan does not answer.
    Sigan,
    /// Sigan refuses what is asked for this brand.
    Refused(BrandId),
    /// The client has its share of something.
    Share(ClientLimit),
}

impl From<Open> for Busy {
    fn from(open: Open) -> Self {
        match open {
            Open::Sigan => Self::Sigan,
            Open::Brand(brand) => Self::Refused(brand),
        }
    }
}

/// Sigan behind its limits and its breakers.
#[derive(Debug)]
pub(crate) struct Gate {
    sigan: Arc<dyn Sigan>,
    callers: CallerPlaces,
    deliveries: Semaphore,
    upkeep: Semaphore,
    circuits: Circuits,
}

/// How many calls a gate lets pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GateLimits {
    /// How many calls of callers are in flight at most.
    pub(crate) calls: usize,
    /// How many more wait at most.
    pub(crate) queue: usize,
    /// The part of both that one client may take.
    pub(crate) share: Share,
    /// How long a call may take.
    pub(crate) call: Duration,
}

/// How the gate is used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GateUsage {
    pub(crate) lanes: [LaneUsage; 3],
    pub(crate) waiting: usize,
    /// The state of the circuits that all brands share, by lane: `closed`, `open` or `probing`.
    pub(crate) breakers: [(&'static str, &'static str); 2],
    /// The brands that Sigan refused at some time, and whether it does now.
    pub(crate) brands: Vec<(BrandId, bool)>,
}

/// How many places of a lane are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneUsage {
    pub(crate) name: &'static str,
    pub(crate) in_flight: usize,
    pub(crate) limit: usize,
}

/// The right to call Sigan once at a time.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    gate: &'a Gate,
    purpose: Purpose,
    probes: Probes,
    /// Whether a call was made, so that the probes have found something out.
    called: AtomicBool,
    _permit: Permit<'a>,
}

/// A turn holds its permit for as long as it lives.
#[derive(Debug)]
#[expect(dead_code, reason = "a permit acts when it is dropped")]
enum Permit<'a> {
    OfCallers(Place<'a>),
    OfLane(SemaphorePermit<'a>),
}

impl Gate {
    pub(crate) fn new(sigan: Arc<dyn Sigan>, limits: GateLimits) -> Self {
        let GateLimits { calls, queue, share, call } = limits;
        Self {
            sigan,
            callers: CallerPlaces::new(calls, queue, share),
            deliveries: Semaphore::new(UPKEEP),
            upkeep: Semaphore::new(UPKEEP),
            circuits: Circuits::new(call),
        }
    }

    /// How it is used now.
    pub(crate) fn usage(&self) -> GateUsage {
        let lane = |name, places: &Semaphore| LaneUsage {
            name,
            in_flight: UPKEEP - places.available_permits(),
            limit: UPKEEP,
        };
        let (in_flight, limit) = (self.callers.in_flight(), self.callers.limit());
        GateUsage {
            lanes: [
                LaneUsage { name: "caller", in_flight, limit },
                lane("delivery", &self.deliveries),
                lane("upkeep", &self.upkeep),
            ],
            waiting: self.callers.waiting(),
            breakers: self.circuits.shared(),
            brands: self.circuits.brands(),
        }
    }

    /// Whether Sigan answers now: then a call that fails again and again fails for a reason of its own.
    pub(crate) fn answers(&self) -> bool {
        self.circuits.answers()
    }

    /// A turn, or why there is none.
    pub(crate) async fn turn(&self, lane: Lane<'_>) -> Result<Turn<'_>, Busy> {
        match lane {
            Lane::Caller { brand, client } => self.caller_turn(brand, client).await,
            Lane::Delivery => self.upkeep_turn(self.deliveries.try_acquire().map_err(|_| Busy::Sigan)?),
            Lane::Upkeep => self.upkeep_turn(self.upkeep.acquire().await.map_err(|_| Busy::Sigan)?),
        }
    }

    async fn caller_turn(&self, brand: &BrandId, client: Option<&ClientName>) -> Result<Turn<'_>, Busy> {
        let purpose = Purpose::Caller(brand.clone());
        // A circuit that is open empties the queue sooner than the queue would.
        let may_wait = || Ok(self.circuits.check(&purpose)?);
        let place =
            self.callers.take(client, may_wait).await.inspect_err(|busy| count_share(client, busy))?;
        self.admit(purpose, Permit::OfCallers(place))
    }

    fn upkeep_turn<'a>(&'a self, place: SemaphorePermit<'a>) -> Result<Turn<'a>, Busy> {
        self.admit(Purpose::Upkeep, Permit::OfLane(place))
    }

    fn admit<'a>(&'a self, purpose: Purpose, permit: Permit<'a>) -> Result<Turn<'a>, Busy> {
        let probes = self.circuits.pass(&purpose)?;
        Ok(Turn { gate: self, purpose, probes, called: AtomicBool::new(false), _permit: permit })
    }

    /// Turns for a batch of upkeep, as many as have a place now and at least one: none while Sigan is left alone, one if that
    /// one is the probe.
    pub(crate) async fn upkeep_turns(&self) -> Vec<Turn<'_>> {
        let mut turns: Vec<_> = self.turn(Lane::Upkeep).await.into_iter().collect();
        while let (false, Ok(place)) = (turns.is_empty(), self.upkeep.try_acquire()) {
            let Ok(turn) = self.upkeep_turn(place) else { break };
            turns.push(turn);
        }
        turns
    }
}

fn count_share(client: Option<&ClientName>, busy: &Busy) {
    if let (Some(client), Busy::Share(limit)) = (client, busy) {
        limit.count_refusal(client);
    }
}

impl Turn<'_> {
    pub(crate) async fn pre_reserve(&self, wish: &PreReserve) -> Result<PreReservation, SiganError> {
        self.call("pre_reserve", &self.purpose, self.gate.sigan.pre_reserve(wish)).await
    }

    pub(crate) async fn reserve(&self, hold: &Hold) -> Result<(), SiganError> {
        self.call("reserve", &self.purpose, self.gate.sigan.reserve(hold)).await
    }

    /// Nobody waits for a release, so it never counts against the callers, even if it is made in a caller's turn.
    pub(crate) async fn release(&self, hold: &Hold) -> Result<(), SiganError> {
        self.call("release", &Purpose::Upkeep, self.gate.sigan.release(hold)).await
    }

    pub(crate) async fn holder(&self, hold: &Hold) -> Result<Holder, SiganError> {
        self.call("holder", &Purpose::Upkeep, self.gate.sigan.holder(hold)).await
    }

    pub(crate) async fn holds(
        &self,
        brand: &BrandId,
        after: Option<Msisdn>,
        limit: usize,
    ) -> Result<HoldsPage, SiganError> {
        self.call("holds", &Purpose::Upkeep, self.gate.sigan.holds(brand, after, limit)).await
    }

    /// Makes one call: in a span of its own, timed, and with its outcome recorded in the circuits.
    async fn call<T>(
        &self,
        name: &'static str,
        purpose: &Purpose,
        asked: impl Future<Output = Result<T, SiganError>>,
    ) -> Result<T, SiganError> {
        let outcome = called(System::Sigan, name, SiganError::code, asked).await;
        // A caller's probe that only released something has not found out whether callers are answered.
        if *purpose == self.purpose {
            self.called.store(true, Ordering::Relaxed);
        }
        self.gate.circuits.record(purpose, Verdict::of(&outcome));
        outcome
    }
}

/// A turn in which no call was made has found nothing out: the next one probes.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.probes.any() && !self.called.load(Ordering::Relaxed) {
            self.gate.circuits.take_back(&self.purpose, self.probes);
        }
    }
}

#[cfg(test)]
mod tests;
