//! Who may call Sigan now: a limit on the calls in flight, a bounded queue before it, and a circuit breaker.
//!
//! An operation takes its turn before it takes a lease, so that nobody waits with a lease running. Where there is no turn to be
//! had the answer comes at once: calls that pile up help nobody. Knows nothing of what is called for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::{Hold, Holder, HoldsPage, PreReservation, PreReserve, Refusal, Sigan, SiganError};
use crate::numbers::{BrandId, Msisdn};
use crate::telemetry::{System, called};

/// After how many calls in a row without an answer of the contract Sigan is left alone.
const FAILURES: u32 = 8;

/// How long Sigan is left alone before one call probes whether it answers again. Shorter than any sweep interval, so that
/// the first sweep after Sigan is back finds the circuit closed or closes it.
const OPEN: Duration = Duration::from_secs(1);

/// The longest wait in the queue.
const QUEUE: Duration = Duration::from_secs(2);

/// What is told where there is no turn: a second later there may be one, whether the queue was full or the circuit open.
const COME_BACK: Busy = Busy { retry_after: Duration::from_secs(1) };

/// How many calls of one kind settle, at the same time, what has no caller. They have places of their own: callers never crowd
/// them out.
pub(crate) const UPKEEP: usize = 16;

/// Whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// That of a caller who waits.
    Caller,
    /// That of a release which is told as soon as it is recorded. Its row has a lease, so it does not wait: where it has no
    /// place the sweep tells it.
    Delivery,
    /// That of the sweep and of the audit, which take their turn before any lease: it waits for its place.
    Upkeep,
}

/// There is no turn to be had. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy {
    /// When it is worth asking again.
    pub(crate) retry_after: Duration,
}

/// Sigan behind its limit and its breaker.
#[derive(Debug)]
pub(crate) struct Gate {
    sigan: Arc<dyn Sigan>,
    callers: Semaphore,
    calls: usize,
    deliveries: Semaphore,
    upkeep: Semaphore,
    queue: usize,
    waiting: AtomicUsize,
    /// How long a call may take: that long a probe is waited for.
    call: Duration,
    breaker: Mutex<Breaker>,
}

/// How the gate is used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GateUsage {
    pub(crate) lanes: [LaneUsage; 3],
    pub(crate) waiting: usize,
    /// The state of the circuit: `closed`, `open` or `probing`.
    pub(crate) breaker: &'static str,
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
    /// Whether this is the probe, and has not told yet what it found.
    probes: AtomicBool,
    _place: SemaphorePermit<'a>,
}

impl Gate {
    /// At most `calls` of callers in flight, and `queue` more that wait.
    pub(crate) fn new(sigan: Arc<dyn Sigan>, calls: usize, queue: usize, call: Duration) -> Self {
        Self {
            sigan,
            callers: Semaphore::new(calls),
            calls,
            deliveries: Semaphore::new(UPKEEP),
            upkeep: Semaphore::new(UPKEEP),
            queue,
            waiting: AtomicUsize::new(0),
            call,
            breaker: Mutex::new(Breaker::Closed { failures: 0 }),
        }
    }

    /// How it is used now.
    pub(crate) fn usage(&self) -> GateUsage {
        let lane = |name, limit, places: &Semaphore| LaneUsage {
            name,
            in_flight: limit - places.available_permits(),
            limit,
        };
        GateUsage {
            lanes: [
                lane("caller", self.calls, &self.callers),
                lane("delivery", UPKEEP, &self.deliveries),
                lane("upkeep", UPKEEP, &self.upkeep),
            ],
            waiting: self.waiting.load(Ordering::Relaxed),
            breaker: self.breaker().name(),
        }
    }

    /// A turn, or when to come back.
    pub(crate) async fn turn(&self, lane: Lane) -> Result<Turn<'_>, Busy> {
        let place = match lane {
            Lane::Caller => self.place().await?,
            Lane::Delivery => self.deliveries.try_acquire().map_err(|_| COME_BACK)?,
            Lane::Upkeep => self.upkeep.acquire().await.map_err(|_| COME_BACK)?,
        };
        self.admitted(place)
    }

    fn admitted<'a>(&'a self, place: SemaphorePermit<'a>) -> Result<Turn<'a>, Busy> {
        let probes = AtomicBool::new(self.breaker().admit(Instant::now(), self.call)?);
        Ok(Turn { gate: self, probes, _place: place })
    }

    /// Turns for a batch of upkeep, as many as have a place now and at least one: none while Sigan is left alone, one where
    /// that one is the probe.
    pub(crate) async fn upkeep_turns(&self) -> Vec<Turn<'_>> {
        let mut turns: Vec<_> = self.turn(Lane::Upkeep).await.into_iter().collect();
        while let (false, Ok(place)) = (turns.is_empty(), self.upkeep.try_acquire()) {
            let Ok(turn) = self.admitted(place) else { break };
            turns.push(turn);
        }
        turns
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, Busy> {
        if let Ok(place) = self.callers.try_acquire() {
            return Ok(place);
        }
        // A circuit that is open empties the queue sooner than the queue would.
        self.breaker().peek(Instant::now())?;
        let _waits = Waits::enter(self)?;
        match timeout(QUEUE, self.callers.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(COME_BACK),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // A breaker is replaced whole, so it is whole also where a thread panicked while it held the lock.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue.
struct Waits<'a>(&'a Gate);

impl<'a> Waits<'a> {
    fn enter(gate: &'a Gate) -> Result<Self, Busy> {
        let entered = Self(gate);
        let before = gate.waiting.fetch_add(1, Ordering::Relaxed);
        if before < gate.queue { Ok(entered) } else { Err(COME_BACK) }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turn<'_> {
    pub(crate) async fn pre_reserve(&self, wish: &PreReserve) -> Result<PreReservation, SiganError> {
        self.call("pre_reserve", self.gate.sigan.pre_reserve(wish)).await
    }

    pub(crate) async fn reserve(&self, hold: &Hold) -> Result<(), SiganError> {
        self.call("reserve", self.gate.sigan.reserve(hold)).await
    }

    pub(crate) async fn release(&self, hold: &Hold) -> Result<(), SiganError> {
        self.call("release", self.gate.sigan.release(hold)).await
    }

    pub(crate) async fn holder(&self, hold: &Hold) -> Result<Holder, SiganError> {
        self.call("holder", self.gate.sigan.holder(hold)).await
    }

    pub(crate) async fn holds(
        &self,
        brand: &BrandId,
        after: Option<Msisdn>,
        limit: usize,
    ) -> Result<HoldsPage, SiganError> {
        self.call("holds", self.gate.sigan.holds(brand, after, limit)).await
    }

    /// One call: in a span of its own, timed, and what it came to told to the breaker.
    async fn call<T>(
        &self,
        name: &'static str,
        asked: impl Future<Output = Result<T, SiganError>>,
    ) -> Result<T, SiganError> {
        let outcome = called(System::Sigan, name, SiganError::code, asked).await;
        self.probes.store(false, Ordering::Relaxed);
        self.gate.breaker().told(answers(&outcome), Instant::now());
        outcome
    }
}

/// A turn that was not used has found nothing out: the next one probes.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.probes.load(Ordering::Relaxed) {
            self.gate.breaker().not_probed(Instant::now());
        }
    }
}

/// Whether Sigan does its work. Credentials that are refused stop everything just as an outage does.
fn answers<T>(outcome: &Result<T, SiganError>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(SiganError::Refused(refusal)) => *refusal != Refusal::Credentials,
        Err(SiganError::NotSent | SiganError::NoAnswer(_)) => false,
    }
}

/// Whether Sigan is called at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breaker {
    /// It is. So many calls in a row had no answer of the contract.
    Closed { failures: u32 },
    /// It is left alone until a time.
    Open { until: Instant },
    /// One call probes whether it answers; the next may, should that one never tell.
    Probing { until: Instant },
}

impl Breaker {
    fn name(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::Probing { .. } => "probing",
        }
    }

    /// Lets a call pass, and says whether it is the probe, where one is due.
    fn admit(&mut self, now: Instant, call: Duration) -> Result<bool, Busy> {
        self.peek(now)?;
        let probes = !matches!(self, Self::Closed { .. });
        if probes {
            *self = Self::Probing { until: now + call };
        }
        Ok(probes)
    }

    /// The probe was not sent after all.
    fn not_probed(&mut self, now: Instant) {
        if matches!(self, Self::Probing { .. }) {
            *self = Self::Open { until: now };
        }
    }

    fn peek(self, now: Instant) -> Result<(), Busy> {
        match self {
            Self::Open { until } | Self::Probing { until } if now < until => Err(COME_BACK),
            _ => Ok(()),
        }
    }

    fn told(&mut self, answers: bool, now: Instant) {
        let open = Self::Open { until: now + OPEN };
        let next = match *self {
            _ if answers => Self::Closed { failures: 0 },
            Self::Closed { failures } if failures + 1 < FAILURES => Self::Closed { failures: failures + 1 },
            Self::Closed { .. } | Self::Probing { .. } => open,
            Self::Open { .. } => *self,
        };
        let (before, after) = (std::mem::replace(self, next), next);
        match (before, after) {
            (Self::Closed { .. }, Self::Open { .. }) => {
                tracing::warn!("Sigan does not answer; it is left alone but for a probe now and then.");
            }
            (Self::Open { .. } | Self::Probing { .. }, Self::Closed { .. }) => {
                tracing::info!("Sigan answers again.");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
