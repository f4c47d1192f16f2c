//! What everyone in a simulation shares: time, chance, Sigan's inventory, the database, and what has been seen.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oss_core::config::{Basics, Sources};
use oss_core::sigan::mock::{Inventory, Request, Response};
use oss_core::store::{Clock, SqliteStore, Store};
use oss_core::{ExternalId, Msisdn, Number, Oss, ReservationState as State};
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::sigan::SimulatedSigan;
use super::store::SimulatedStore;
use super::{CALL, INSTANCES, NUMBERS, Run};

/// The world of one run.
#[derive(Debug)]
pub(super) struct World {
    seed: u64,
    begun: Instant,
    clock: Arc<VirtualClock>,
    pub(super) store: SqliteStore,
    state: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    chance: fastrand::Rng,
    inventory: Inventory,
    instances: BTreeMap<usize, Instance>,
    claims: BTreeMap<Msisdn, Claim>,
    /// Requests that are on their way to Sigan.
    flying: usize,
    calm: bool,
    sigan_is_cut_off: bool,
    database_is_cut_off: bool,
    operations: u64,
    seen: BTreeMap<&'static str, u64>,
    trace: DefaultHasher,
    violations: Vec<String>,
}

/// A process of the service.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) oss: Oss,
    pub(super) life: Life,
}

/// Whether a process lives. What it awaits after its death never comes.
#[derive(Debug, Clone, Default)]
pub(super) struct Life {
    pub(super) ended: CancellationToken,
}

/// A number that a customer was told is theirs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// The customer's story in which it was given.
    pub(super) story: u64,
    /// Until when at least; none for ever.
    pub(super) until: Option<DateTime<Utc>>,
}

/// Tells the simulation's time to the store, which runs its statements on other threads.
#[derive(Debug, Default)]
struct VirtualClock(AtomicI64);

impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

/// Runs the statements. Whoever waits for one blocks its own thread, so that nothing else happens meanwhile.
fn database_runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime for the database")
    })
}

fn blocking<T>(work: impl Future<Output = T>) -> T {
    let _entered = database_runtime().enter();
    // Without a budget: that of the simulated task would never be renewed in here.
    futures::executor::block_on(tokio::task::unconstrained(work))
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let clock = Arc::new(VirtualClock::default());
        let store = blocking(SqliteStore::open(&"sqlite::memory:".into(), clock.clone()));
        let world = Self {
            seed,
            begun: Instant::now(),
            clock,
            store: store.expect("memory opens"),
            state: Mutex::new(Shared {
                chance: fastrand::Rng::with_seed(seed),
                inventory: Inventory::new("PR").with_numbers_per_ddd(NUMBERS),
                instances: BTreeMap::new(),
                claims: BTreeMap::new(),
                flying: 0,
                calm: false,
                sigan_is_cut_off: false,
                database_is_cut_off: false,
                operations: 0,
                seen: BTreeMap::new(),
                trace: DefaultHasher::new(),
                violations: Vec::new(),
            }),
        };
        world.tell_clock();
        world
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.begun.elapsed()).unwrap_or_default();
        DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default() + elapsed
    }

    fn tell_clock(&self) {
        self.clock.0.store(self.now().timestamp_micros(), Ordering::SeqCst);
    }

    /// Runs a statement; no simulated time passes.
    pub(super) fn database<T>(&self, work: impl Future<Output = T>) -> T {
        self.tell_clock();
        blocking(work)
    }

    /// Notes what happened, for the trace.
    pub(super) fn note(&self, what: &str) {
        let at = self.now();
        let mut shared = self.shared();
        (at, what).hash(&mut shared.trace);
    }

    /// Counts a rare thing.
    pub(super) fn saw(&self, what: &'static str) {
        self.note(what);
        *self.shared().seen.entry(what).or_default() += 1;
    }

    pub(super) fn violated(&self, what: &str) {
        let at = self.now();
        self.shared().violations.push(format!("{at}: {what}"));
    }

    pub(super) fn operation(&self) {
        self.shared().operations += 1;
    }

    /// Whether something of this probability happens. In calm weather nothing does.
    pub(super) fn mishap(&self, probability: f64) -> bool {
        let mut shared = self.shared();
        let drawn = shared.chance.f64();
        !shared.calm && drawn < probability
    }

    /// A choice of one of `count`.
    pub(super) fn pick(&self, count: usize) -> usize {
        self.shared().chance.usize(0..count)
    }

    /// A time of up to `most`.
    pub(super) fn up_to(&self, most: Duration) -> Duration {
        most.mul_f64(self.shared().chance.f64())
    }

    pub(super) async fn rest(&self, most: Duration) {
        sleep(self.up_to(most)).await;
    }
}

/// Instances, and what befalls them.
impl World {
    pub(super) fn start_instance(self: &Arc<Self>, place: usize) {
        let basics = Basics::load(&Sources::of_environment([
            ("OSS_PREVIEW_TTL", "2m"),
            ("OSS_RESERVATION_TTL", "5m"),
            ("OSS_PREVIEW_RETENTION", "10m"),
            ("OSS_SIGAN_TIMEOUT", "5s"),
            ("OSS_SWEEP_INTERVAL", "10s"),
            ("OSS_SIGAN_CALLS", "4"),
            ("OSS_SIGAN_QUEUE", "2"),
        ]))
        .expect("the settings are sound");
        let life = Life::default();
        let store = SimulatedStore::new(self.clone(), life.clone());
        let sigan = SimulatedSigan::new(self.clone(), life.clone());
        let settings = basics.settings("acme".parse().expect("a brand"));
        let oss = Oss::new(Arc::new(store), Arc::new(sigan), None, settings);
        oss.sweep_in_background();
        self.shared().instances.insert(place, Instance { oss, life });
    }

    /// Any instance that lives; where none does, the first that is started again.
    pub(super) async fn instance(&self) -> Instance {
        loop {
            let living: Vec<Instance> = self.shared().instances.values().cloned().collect();
            if !living.is_empty() {
                return living[self.pick(living.len())].clone();
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    pub(super) async fn kill_now_and_then(self: Arc<Self>) {
        loop {
            self.rest(Duration::from_secs(40)).await;
            let place = self.pick(INSTANCES);
            let killed = self.shared().instances.remove(&place);
            if let Some(killed) = killed {
                killed.life.ended.cancel();
                self.saw("an instance died");
            }
            self.rest(Duration::from_secs(5)).await;
            self.start_instance(place);
        }
    }

    pub(super) async fn cut_off_now_and_then(self: Arc<Self>) {
        loop {
            self.rest(Duration::from_mins(3)).await;
            let sigan = self.pick(3) > 0;
            if sigan {
                self.shared().sigan_is_cut_off = true;
                self.rest(Duration::from_mins(1)).await;
                self.shared().sigan_is_cut_off = false;
            } else {
                self.shared().database_is_cut_off = true;
                self.rest(Duration::from_secs(15)).await;
                self.shared().database_is_cut_off = false;
            }
            self.saw(if sigan { "Sigan was cut off" } else { "the database was cut off" });
        }
    }

    pub(super) fn calm_down(self: &Arc<Self>) {
        let missing: Vec<usize> = {
            let mut shared = self.shared();
            shared.calm = true;
            shared.sigan_is_cut_off = false;
            shared.database_is_cut_off = false;
            (0..INSTANCES).filter(|place| !shared.instances.contains_key(place)).collect()
        };
        for place in missing {
            self.start_instance(place);
        }
    }

    pub(super) fn sigan_is_cut_off(&self) -> bool {
        self.shared().sigan_is_cut_off
    }

    pub(super) fn database_is_cut_off(&self) -> bool {
        self.shared().database_is_cut_off
    }
}

/// Sigan.
impl World {
    /// A request is on its way, and arrives whatever becomes of who sent it.
    pub(super) fn fly(
        self: &Arc<Self>,
        request: Request,
        takes: Duration,
    ) -> tokio::sync::oneshot::Receiver<Response> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let world = self.clone();
        self.shared().flying += 1;
        tokio::spawn(async move {
            sleep(takes).await;
            world.shared().flying -= 1;
            // Nobody may wait for the answer any more.
            let _ = answer.send(world.arrives(&request, takes > CALL));
        });
        answered
    }

    pub(super) fn nothing_flies(&self) -> bool {
        self.shared().flying == 0
    }

    fn arrives(&self, request: &Request, late: bool) -> Response {
        if let Request::Release(hold) = request
            && self.shared().inventory.holder_of(hold.msisdn).as_ref() == Some(&hold.external_id)
        {
            self.is_not_held_here(hold);
        }
        let response = self.shared().inventory.handle(self.now(), request);
        self.note(&format!("{request:?}: {}", response.status));
        match request {
            Request::Reserve(_) if late && response.status == 410 => self.saw("a late reserve was barred"),
            Request::Reserve(_) if late && response.status == 200 => self.saw("a late reserve took effect"),
            Request::Release(_) if response.status == 404 => self.saw("a release was repeated"),
            _ => {}
        }
        response
    }

    /// No kill: what Sigan is told to release is held by nobody here.
    fn is_not_held_here(&self, hold: &oss_core::sigan::Hold) {
        let live = self.number(hold.msisdn).and_then(|number| {
            let of_hold = number.history.into_iter().filter(|record| record.external_id == hold.external_id);
            of_hold.map(|record| record.state).find(|state| {
                matches!(state, State::Pending | State::InDoubt | State::Held | State::Assigned)
            })
        });
        if let Some(state) = live {
            self.violated(&format!("Sigan released {hold:?}, which is {state} here"));
        }
    }

    pub(super) fn inventory(&self) -> Inventory {
        self.shared().inventory.clone()
    }

    /// What the database says of a number.
    pub(super) fn number(&self, msisdn: Msisdn) -> Option<Number> {
        self.database(self.store.number(msisdn)).expect("the database in memory answers")
    }
}

/// What customers were told.
impl World {
    /// A customer was told that a number is theirs. No double: it is nobody else's.
    pub(super) fn given(&self, story: u64, msisdn: Msisdn) {
        self.note(&format!("{msisdn} was given in story {story}"));
        let now = self.now();
        let newest = self
            .number(msisdn)
            .and_then(|number| number.history.into_iter().find(|hold| hold.hold_expires_at.is_some()));
        let Some(hold) = newest else {
            return self.violated(&format!("{msisdn} was given and is not held"));
        };
        let over = hold.hold_expires_at.is_none_or(|until| until <= now);
        if !over && !matches!(hold.state, State::Held | State::Assigned) {
            return self.violated(&format!("{msisdn} was given in story {story} and is {}", hold.state));
        }
        let other = self.shared().claims.get(&msisdn).copied();
        if let Some(other) =
            other.filter(|claim| claim.story != story && claim.until.is_none_or(|until| until > now))
        {
            self.violated(&format!("{msisdn} was given in story {story} and in story {}", other.story));
        }
        self.shared().claims.insert(msisdn, Claim { story, until: hold.hold_expires_at });
    }

    /// A customer has no use for a number any more.
    pub(super) fn given_up(&self, story: u64, msisdn: Msisdn) {
        let mut shared = self.shared();
        if shared.claims.get(&msisdn).is_some_and(|claim| claim.story == story) {
            shared.claims.remove(&msisdn);
        }
    }

    /// Sigan's id of the hold that a number has now, as `GET /numbers` shows it.
    pub(super) fn held_under(&self, msisdn: Msisdn) -> Option<ExternalId> {
        let history = self.number(msisdn)?.history;
        history.into_iter().find(|hold| hold.state == State::Held).map(|hold| hold.external_id)
    }

    /// A number is on a customer's line.
    pub(super) fn on_a_line(&self, story: u64, msisdn: Msisdn) {
        self.shared().claims.insert(msisdn, Claim { story, until: None });
    }

    pub(super) fn claims(&self) -> BTreeMap<Msisdn, Claim> {
        self.shared().claims.clone()
    }

    pub(super) fn ended(&self) -> Run {
        let shared = self.shared();
        Run {
            seed: self.seed,
            operations: shared.operations,
            seen: shared.seen.clone(),
            trace: shared.trace.clone().finish(),
            violations: shared.violations.clone(),
        }
    }
}

impl Life {
    /// Lets simulated time pass at a place where a process may die or fall asleep.
    pub(super) async fn passes(&self, world: &World) {
        world.rest(Duration::from_millis(20)).await;
        if world.mishap(0.002) {
            world.saw("an instance slept beyond its lease");
            world.rest(Duration::from_mins(2)).await;
        }
        if self.ended.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }
}
