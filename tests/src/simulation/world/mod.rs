//! The state that everyone in a simulation shares: time, chance, Sigan's inventory, the database, and the record of events.

mod claims;
mod failovers;
mod instances;
mod network;
mod sims;
mod strays;
mod unusual;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oss_core::gsim::mock::{GsimMock, OrderBook};
use oss_core::sigan::Hold;
use oss_core::sigan::mock::Inventory;
use oss_core::store::{CatalogStore, Clock, SqliteStore};
use oss_core::{BrandId, DeviceChoice, DeviceHash, ExternalId, Msisdn, Oss, SimId};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

pub(in crate::simulation) use self::strays::YOUNG;
use super::{NUMBERS, Run};

/// The world of one run.
#[derive(Debug)]
pub(in crate::simulation) struct World {
    seed: u64,
    begun: Instant,
    clock: Arc<VirtualClock>,
    pub(in crate::simulation) store: SqliteStore,
    /// A connection to the same database, for statements that no operation executes.
    side: Mutex<SqliteConnection>,
    state: Mutex<Shared>,
    pub(in crate::simulation) gsim: GsimMock,
}

#[derive(Debug)]
struct Shared {
    chance: fastrand::Rng,
    inventory: Inventory,
    instances: BTreeMap<usize, Instance>,
    claims: BTreeMap<Msisdn, Claim>,
    /// Requests that are on their way to Sigan.
    in_flight: usize,
    /// Calls that sleep and may still send something.
    asleep: usize,
    calm: bool,
    sigan_is_cut_off: bool,
    database_is_cut_off: bool,
    /// The brand whose credentials Sigan refuses now.
    refused_brand: Option<BrandId>,
    /// The brand of each pre-reservation.
    brands: HashMap<ExternalId, BrandId>,
    /// Holds that were made only in Sigan, so that they have no row here.
    planted: HashSet<Hold>,
    lost: Vec<LostRow>,
    lost_orders: Vec<LostOrder>,
    /// The number of unreadable rows that were put in.
    unreadable_rows: u64,
    /// The last time that an instance died or slept, or that the database was cut off.
    last_mishap: DateTime<Utc>,
    operations: u64,
    seen: BTreeMap<&'static str, u64>,
    trace: DefaultHasher,
    violations: Vec<String>,
}

/// A process of the service.
#[derive(Debug, Clone)]
pub(in crate::simulation) struct Instance {
    pub(in crate::simulation) oss: Oss,
    pub(in crate::simulation) life: Life,
}

/// The life of a process. After its death, its awaits never return.
#[derive(Debug, Clone, Default)]
pub(in crate::simulation) struct Life {
    pub(in crate::simulation) ended: CancellationToken,
}

/// The row of an attempt that a failover lost while a worker called Sigan for it.
#[derive(Debug)]
struct LostRow {
    hold: Hold,
    at: DateTime<Utc>,
    /// Whether its worker may be gone too. If so, only an audit can find its hold.
    excused: bool,
}

/// The row of an order that a failover lost while a worker called GSIM for it.
#[derive(Debug)]
struct LostOrder {
    id: SimId,
    at: DateTime<Utc>,
    /// Whether its worker may be gone too. If so, only an audit can find its SIM.
    excused: bool,
}

/// A number that a customer was promised.
#[derive(Debug, Clone)]
pub(in crate::simulation) struct Claim {
    /// The customer's story in which it was given.
    pub(in crate::simulation) story: u64,
    /// The brand of the customer.
    pub(in crate::simulation) brand: BrandId,
    /// The earliest end of the claim. None if it never ends.
    pub(in crate::simulation) until: Option<DateTime<Utc>>,
}

/// The simulation's time for the store, which runs its statements on other threads.
#[derive(Debug, Default)]
struct VirtualClock(AtomicI64);

impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

/// The runtime of the statements. The caller of a statement blocks its own thread, so that nothing else happens meanwhile.
fn database_runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .expect("a runtime for the database")
    })
}

/// The device for which every customer orders an eSIM.
pub(in crate::simulation) fn device() -> DeviceHash {
    DeviceHash::of(&device_choice())
}

fn device_choice() -> DeviceChoice {
    DeviceChoice::Tac("35050556".parse().expect("a TAC"))
}

fn blocking<T>(work: impl Future<Output = T>) -> T {
    let _entered = database_runtime().enter();
    // It runs without a budget, because the budget of the simulated task would never be renewed in here.
    futures::executor::block_on(tokio::task::unconstrained(work))
}

/// The name of a new database in memory. With it, several connections can share the database.
fn database_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("sqlite:file:simulation:memory:{}?mode=memory", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl World {
    pub(in crate::simulation) fn new(seed: u64) -> Self {
        let clock = Arc::new(VirtualClock::default());
        let name = database_name();
        let store = blocking(SqliteStore::open(&name.as_str().into(), clock.clone()));
        let options: SqliteConnectOptions = name.parse().expect("the name of a database");
        let side = blocking(options.pragma("ignore_check_constraints", "on").connect());
        let world = Self {
            seed,
            begun: Instant::now(),
            clock,
            store: store.expect("memory opens"),
            side: Mutex::new(side.expect("memory opens again")),
            state: Mutex::new(Shared {
                chance: fastrand::Rng::with_seed(seed),
                inventory: Inventory::new("PR").with_numbers_per_ddd(NUMBERS),
                instances: BTreeMap::new(),
                claims: BTreeMap::new(),
                in_flight: 0,
                asleep: 0,
                calm: false,
                sigan_is_cut_off: false,
                database_is_cut_off: false,
                refused_brand: None,
                brands: HashMap::new(),
                planted: HashSet::new(),
                lost: Vec::new(),
                lost_orders: Vec::new(),
                unreadable_rows: 0,
                last_mishap: DateTime::default(),
                operations: 0,
                seen: BTreeMap::new(),
                trace: DefaultHasher::new(),
                violations: Vec::new(),
            }),
            gsim: GsimMock::new(OrderBook::new().reusing_iccids()),
        };
        world.set_clock();
        let device = world.database(world.store.keep_choice(&device_choice(), device()));
        device.expect("the device is stored");
        world
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::simulation) fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.begun.elapsed()).unwrap_or_default();
        DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default() + elapsed
    }

    fn set_clock(&self) {
        self.clock.0.store(self.now().timestamp_micros(), Ordering::SeqCst);
    }

    /// Runs a statement. No simulated time passes.
    pub(in crate::simulation) fn database<T>(&self, work: impl Future<Output = T>) -> T {
        self.set_clock();
        blocking(work)
    }

    /// Adds an event to the trace.
    pub(in crate::simulation) fn record_event(&self, what: &str) {
        let at = self.now();
        let mut shared = self.shared();
        (at, what).hash(&mut shared.trace);
    }

    /// Counts a rare event.
    pub(in crate::simulation) fn count(&self, what: &'static str) {
        self.record_event(what);
        *self.shared().seen.entry(what).or_default() += 1;
    }

    pub(in crate::simulation) fn record_violation(&self, what: &str) {
        let at = self.now();
        self.shared().violations.push(format!("{at}: {what}"));
    }

    pub(in crate::simulation) fn operation(&self) {
        self.shared().operations += 1;
    }

    /// Whether an event of this probability happens. While the world is calm, none does.
    pub(in crate::simulation) fn mishap(&self, probability: f64) -> bool {
        let mut shared = self.shared();
        let drawn = shared.chance.f64();
        !shared.calm && drawn < probability
    }

    /// A random index below `count`.
    pub(in crate::simulation) fn pick(&self, count: usize) -> usize {
        self.shared().chance.usize(0..count)
    }

    /// A random time of at most `most`.
    pub(in crate::simulation) fn up_to(&self, most: Duration) -> Duration {
        most.mul_f64(self.shared().chance.f64())
    }

    pub(in crate::simulation) async fn rest(&self, most: Duration) {
        sleep(self.up_to(most)).await;
    }

    pub(in crate::simulation) fn result(&self) -> Run {
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

/// A call that sleeps until it wakes or is given up.
struct Sleeper<'a>(&'a World);

impl<'a> Sleeper<'a> {
    fn new(world: &'a World) -> Self {
        world.shared().asleep += 1;
        Self(world)
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.shared().asleep -= 1;
    }
}

impl Life {
    /// Lets simulated time pass at a place where a process may die or fall asleep.
    pub(in crate::simulation) async fn pass_time(&self, world: &World) {
        world.rest(Duration::from_millis(20)).await;
        if world.mishap(0.002) {
            world.count("an instance slept beyond its lease");
            world.excuse_lost_rows();
            let _sleeps = Sleeper::new(world);
            world.rest(Duration::from_mins(2)).await;
        }
        if self.ended.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }
}
