//! The gate decides who may call an external system now. It limits the calls in flight, has a bounded queue before them, gives each
//! client a share of both, and has circuit breakers.
//!
//! An operation takes its turn before it takes a lease, so that no lease runs while it waits. If there is no turn, the gate
//! answers at once, because calls that pile up help nobody. The gate does not know which operation a call belongs to.

mod breaker;
mod callers;
mod circuits;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

#[cfg(test)]
pub(crate) use self::breaker::{FAILURES, OPEN};
#[cfg(test)]
pub(crate) use self::callers::QUEUE;
use self::callers::{CallerSlots, Slot};
use self::circuits::{Circuits, Probes, Purpose};
pub(crate) use self::circuits::{RefusalReason, Verdict};
use super::{CallError, EndedCall, RecordCall};
use crate::access::{ClientLimit, Share};
use crate::domain::{BrandId, CallSubject, ClientName, Origin};
use crate::telemetry::{System, call};

/// The wait after which a caller that found no turn should try again.
pub(crate) const RETRY_WHEN_BUSY: Duration = Duration::from_secs(1);

/// At most this many deliveries, and this many calls of upkeep, may be in flight at once. They have slots of their own, so that
/// callers never crowd them out.
pub(crate) const UPKEEP: usize = 16;

/// The longest time that a delivery waits for its slot: far shorter than its row's lease. To leave it to the sweep costs a statement
/// of its own, so a short wait is cheaper while the system answers.
pub(crate) const DELIVERY_WAIT: Duration = Duration::from_millis(200);

/// The group of calls that shares a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane<'a> {
    /// A call for a caller who waits.
    Caller {
        /// The brand that the system is asked for.
        brand: &'a BrandId,
        /// The client, if each client has a share of the calls.
        client: Option<&'a ClientName>,
    },
    /// A delivery that follows at once after its release was recorded. Its row has a lease, so it waits only for
    /// [`DELIVERY_WAIT`]: if there is no slot then, the sweep delivers it.
    Delivery,
    /// A call of the sweep or the audit. They take their turn before any lease, so it waits for its slot.
    Upkeep,
}

/// The reason why there is no turn. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Busy {
    /// Every slot is taken, or the system does not answer.
    NoTurn,
    /// The system refuses the calls for this brand.
    Refused(BrandId),
    /// The client has used up its share of something.
    Share(ClientLimit),
}

/// A system behind a gate, as logs, metrics and limits name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GatedSystem {
    /// The system that the calls belong to, in metrics and traces.
    pub(crate) system: System,
    /// Its name at the beginning of a sentence in a log.
    pub(crate) name: &'static str,
    /// The limit of the calls of one client.
    pub(crate) calls: ClientLimit,
    /// The limit of the places of one client in the queue.
    pub(crate) queue: ClientLimit,
}

/// A system behind its limits and its breakers.
#[derive(Debug)]
pub(crate) struct Gate<S: ?Sized> {
    port: Arc<S>,
    system: System,
    callers: CallerSlots,
    deliveries: Semaphore,
    upkeep: Semaphore,
    circuits: Circuits,
    recorder: Option<Arc<dyn RecordCall>>,
}

/// The limits of a gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GateLimits {
    /// At most this many calls for callers may be in flight.
    pub(crate) calls: usize,
    /// At most this many calls may wait in addition.
    pub(crate) queue: usize,
    /// The part of both that one client may take.
    pub(crate) share: Share,
    /// The longest time that a call may take.
    pub(crate) call: Duration,
}

/// The current use of a gate, for gauges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GateUsage {
    pub(crate) lanes: [LaneUsage; 3],
    pub(crate) waiting: usize,
    /// The state of the circuits that all brands share, by lane: `closed`, `open` or `probing`.
    pub(crate) breakers: [(&'static str, &'static str); 2],
    /// The brands that the system has refused at some time, and whether it does so now.
    pub(crate) brands: Vec<(BrandId, bool)>,
    /// The time since the first of the calls that got no answer, while a shared circuit is not closed.
    pub(crate) down_for: Option<Duration>,
}

/// The slots of a lane, and those in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneUsage {
    pub(crate) name: &'static str,
    pub(crate) in_flight: usize,
    pub(crate) limit: usize,
}

/// The right to call a system once at a time.
#[derive(Debug)]
pub(crate) struct Turn<'a, S: ?Sized> {
    gate: &'a Gate<S>,
    purpose: Purpose,
    /// The cause of the calls, if it is known.
    origin: Option<Origin>,
    probes: Probes,
    /// Whether a call was made: then the probes have a result.
    called: AtomicBool,
    _permit: Permit<'a>,
}

/// The permit that a turn holds until it is dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "a permit acts when it is dropped")]
enum Permit<'a> {
    OfCallers(Slot<'a>),
    OfLane(SemaphorePermit<'a>),
}

impl<S: ?Sized> Gate<S> {
    pub(crate) fn new(port: Arc<S>, gated: GatedSystem, limits: GateLimits) -> Self {
        Self {
            port,
            system: gated.system,
            callers: CallerSlots::new(gated, limits),
            deliveries: Semaphore::new(UPKEEP),
            upkeep: Semaphore::new(UPKEEP),
            circuits: Circuits::new(gated.name, limits.call),
            recorder: None,
        }
    }

    /// Has the calls of this gate recorded.
    pub(crate) fn recorded_by(self, recorder: Arc<dyn RecordCall>) -> Self {
        Self { recorder: Some(recorder), ..self }
    }

    /// The current use.
    pub(crate) fn usage(&self) -> GateUsage {
        let lane = |name, slots: &Semaphore| LaneUsage {
            name,
            in_flight: UPKEEP - slots.available_permits(),
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
            down_for: self.circuits.down_for(),
        }
    }

    /// Whether the system answers other calls now. If so, a call that fails again and again fails for a reason of its own.
    pub(crate) fn answers(&self) -> bool {
        self.circuits.answers()
    }

    /// Takes a turn, or says why there is none.
    pub(crate) async fn turn(&self, lane: Lane<'_>) -> Result<Turn<'_, S>, Busy> {
        match lane {
            Lane::Caller { brand, client } => self.caller_turn(brand, client).await,
            Lane::Delivery => self.delivery_turn().await,
            Lane::Upkeep => self.upkeep_turn(self.upkeep.acquire().await.map_err(|_| Busy::NoTurn)?),
        }
    }

    async fn caller_turn(&self, brand: &BrandId, client: Option<&ClientName>) -> Result<Turn<'_, S>, Busy> {
        let purpose = Purpose::Caller(brand.clone());
        // A caller must not wait for a system whose circuit is open.
        let may_wait = || self.circuits.check(&purpose);
        let slot = self.callers.take(client, may_wait).await.inspect_err(|busy| count_share(client, busy))?;
        self.admit(purpose, Permit::OfCallers(slot))
    }

    async fn delivery_turn(&self) -> Result<Turn<'_, S>, Busy> {
        // Nobody waits for a system that does not answer.
        self.circuits.check(&Purpose::Upkeep)?;
        let slot = timeout(DELIVERY_WAIT, self.deliveries.acquire()).await;
        self.upkeep_turn(slot.ok().and_then(Result::ok).ok_or(Busy::NoTurn)?)
    }

    fn upkeep_turn<'a>(&'a self, slot: SemaphorePermit<'a>) -> Result<Turn<'a, S>, Busy> {
        self.admit(Purpose::Upkeep, Permit::OfLane(slot))
    }

    fn admit<'a>(&'a self, purpose: Purpose, permit: Permit<'a>) -> Result<Turn<'a, S>, Busy> {
        let probes = self.circuits.pass(&purpose)?;
        let called = AtomicBool::new(false);
        Ok(Turn { gate: self, purpose, origin: None, probes, called, _permit: permit })
    }

    /// Takes turns for a batch of upkeep: one, for which it waits, and as many more as have a slot now. Returns none while the
    /// circuit is open, and one if that one is the probe.
    pub(crate) async fn upkeep_turns(&self) -> Vec<Turn<'_, S>> {
        let mut turns: Vec<_> = self.turn(Lane::Upkeep).await.into_iter().collect();
        while let (false, Ok(slot)) = (turns.is_empty(), self.upkeep.try_acquire()) {
            let Ok(turn) = self.upkeep_turn(slot) else { break };
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

impl<'a, S: ?Sized> Turn<'a, S> {
    /// Names the cause of the calls of this turn, if it is known.
    pub(crate) fn caused_by(mut self, origin: Option<Origin>) -> Self {
        self.origin = origin;
        self
    }

    /// The system that the turn may call.
    pub(crate) fn port(&self) -> &'a S {
        &self.gate.port
    }

    /// Makes a call for the purpose of the turn. `subject` names the hold or the order of its record from its answer, if there is one.
    pub(crate) async fn call<T, R: RefusalReason>(
        &self,
        name: &'static str,
        answer: impl Future<Output = Result<T, CallError<R>>>,
        subject: impl FnOnce(Option<&T>) -> CallSubject,
    ) -> Result<T, CallError<R>> {
        let sent = Instant::now();
        let outcome = self.call_for(name, &self.purpose, answer).await;
        self.record(name, sent, &outcome, subject);
        outcome
    }

    /// Makes a call that nobody waits for. It never counts against the callers, even in a caller's turn.
    pub(crate) async fn upkeep_call<T, R: RefusalReason>(
        &self,
        name: &'static str,
        answer: impl Future<Output = Result<T, CallError<R>>>,
        subject: CallSubject,
    ) -> Result<T, CallError<R>> {
        let sent = Instant::now();
        let outcome = self.call_for(name, &Purpose::Upkeep, answer).await;
        self.record(name, sent, &outcome, |_| subject);
        outcome
    }

    /// Makes a call of upkeep that belongs in no story: it is about no hold or order, or is repeated again and again and changes nothing.
    /// So it is not recorded.
    pub(crate) async fn unrecorded_call<T, R: RefusalReason>(
        &self,
        name: &'static str,
        answer: impl Future<Output = Result<T, CallError<R>>>,
    ) -> Result<T, CallError<R>> {
        self.call_for(name, &Purpose::Upkeep, answer).await
    }

    /// Makes one call in a span of its own, times it, and records its outcome in the circuits.
    async fn call_for<T, R: RefusalReason>(
        &self,
        name: &'static str,
        purpose: &Purpose,
        answer: impl Future<Output = Result<T, CallError<R>>>,
    ) -> Result<T, CallError<R>> {
        let outcome = call(self.gate.system, name, CallError::code, answer).await;
        // A caller's probe that only made a call of upkeep does not show whether the system answers callers.
        if *purpose == self.purpose {
            self.called.store(true, Ordering::Relaxed);
        }
        self.gate.circuits.record(purpose, Verdict::of(&outcome));
        outcome
    }

    fn record<T, R: RefusalReason>(
        &self,
        call: &'static str,
        sent: Instant,
        outcome: &Result<T, CallError<R>>,
        subject: impl FnOnce(Option<&T>) -> CallSubject,
    ) {
        let Some(recorder) = &self.gate.recorder else { return };
        recorder.record(EndedCall {
            system: self.gate.system.into(),
            call,
            subject: subject(outcome.as_ref().ok()),
            sent,
            duration: sent.elapsed(),
            outcome: outcome.as_ref().map_or_else(CallError::code, |_| "ok"),
            origin: self.origin.clone(),
        });
    }
}

/// Takes the probes back if no call was made in the turn, so that the next turn probes.
impl<S: ?Sized> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        if !self.called.load(Ordering::Relaxed) {
            self.gate.circuits.take_back(&self.purpose, self.probes);
        }
    }
}
