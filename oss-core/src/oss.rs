//! The context in which operations run: the ports, the settings, and the calls under way. The operations are in
//! [`numbers`](crate::numbers), [`areas`](crate::areas) and [`devices`](crate::devices).

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::context::FutureExt;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use uuid::Uuid;

use crate::cache::RedisCache;
use crate::calls::{CallRecorder, Draws, InFlight, Single, Tally, UnusedLeases};
use crate::config::EXPECTED_BRAND;
use crate::domain::{BrandId, ClientName, Malformed, OLDER_BRAND, Origin, SimType, SweepReport};
use crate::error::Error;
use crate::gsim::{Gsim, NoSims, SimGates, SimProvider, SimTurn, SimsBusy};
use crate::lookups::{Areas, Catalog, Devices, LastEvent, Versions};
use crate::remote::RecordCall;
use crate::settings::Settings;
use crate::sigan::{Busy, Gate, GateLimits, Lane, SIGAN, Sigan, Turn};
use crate::store::{Scope, Store, Tenant};
use crate::telemetry::{Operation, Timings};
use crate::webhooks::Webhook;

/// The client of the service: a method for each operation. Cheap to clone; every clone is the same client.
///
/// The operations run in tasks of their own on the current tokio runtime: a caller who stops waiting does not stop them.
/// Before a process ends it should call [`Oss::shutdown`], which waits for them.
#[derive(Debug, Clone)]
pub struct Oss {
    parts: Arc<Parts>,
    /// The store, for the calls of the client that it works for.
    store: Arc<dyn Store>,
    /// The tenant that it acts for; none if it acts for every brand.
    tenant: Option<Tenant>,
    /// The client of a server that it works for; none if it works for this program itself.
    client: Option<Client>,
    /// The id of the client's request that it works for.
    request: Option<Uuid>,
}

/// A client of a server. Its limits keep it from taking what other clients need.
#[derive(Debug, Clone)]
struct Client {
    name: ClientName,
    /// Whether it may take no more than its share, because there are other clients.
    has_share: bool,
}

/// A webhook to which a task delivers, and the token that ends the task.
#[derive(Debug)]
pub(crate) struct RunningWebhook {
    pub(crate) webhook: Webhook,
    pub(crate) stop: CancellationToken,
}

/// Builds an [`Oss`] from the parts of an embedder: a pool, an inventory, typed settings.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use oss_core::store::{PgPoolOptions, bounded};
/// use oss_core::{Oss, Settings, sigan::Sigan};
///
/// # async fn example(inventory: Arc<dyn Sigan>) -> Result<(), Box<dyn std::error::Error>> {
/// let options = bounded("postgres://oss@db/oss".parse()?);
/// let pool = PgPoolOptions::new().max_connections(20).connect_lazy_with(options);
/// let mut settings = Settings::default();
/// settings.sigan_calls = 50;
/// let oss = Oss::builder("acme".parse()?).sigan(inventory).settings(settings).connect(pool).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct OssBuilder {
    pub(crate) brand: BrandId,
    pub(crate) other_brands: Vec<BrandId>,
    pub(crate) settings: Settings,
    pub(crate) sigan: Arc<dyn Sigan>,
    pub(crate) gsim: Option<Arc<dyn Gsim>>,
    pub(crate) sims: Option<Arc<dyn SimProvider>>,
    pub(crate) redis: Option<RedisCache>,
}

#[derive(Debug)]
struct Parts {
    timings: Timings,
    sigan: Gate,
    gsim: SimGates,
    calls: CallRecorder,
    has_gsim: bool,
    redis: Option<RedisCache>,
    areas: Areas,
    catalog: Catalog,
    devices: Devices,
    last_event: LastEvent,
    webhooks: Mutex<Vec<RunningWebhook>>,
    brand: BrandId,
    other_brands: Vec<BrandId>,
    settings: Settings,
    in_flight: InFlight,
    unused_leases: UnusedLeases,
    sweeps: Single<Result<SweepReport, Error>>,
    draws: Draws,
    tally: Tally,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Oss {
    pub(crate) fn new(store: Arc<dyn Store>, builder: OssBuilder) -> Self {
        let OssBuilder { brand, other_brands, settings, sigan, gsim, sims, redis } = builder;
        let versions = Arc::new(Versions::new(store.clone()));
        let limits = GateLimits {
            calls: settings.sigan_calls,
            queue: settings.sigan_queue,
            share: settings.client_share,
            call: settings.sigan_call,
        };
        let gsim_limits = GateLimits {
            calls: settings.gsim_calls,
            queue: settings.gsim_queue,
            call: settings.gsim_call,
            ..limits
        };
        let calls = CallRecorder::new(store.clone());
        let recorder: Arc<dyn RecordCall> = Arc::new(calls.clone());
        let has_gsim = sims.is_some();
        let gsim_gates = SimGates::new(&sims.unwrap_or_else(|| Arc::new(NoSims)), gsim_limits);
        let parts = Arc::new(Parts {
            timings: Timings::default(),
            has_gsim,
            gsim: gsim_gates.recorded_by(&recorder),
            sigan: Gate::new(sigan, SIGAN, limits).recorded_by(recorder),
            calls,
            areas: Areas::new(store.clone(), versions.clone(), redis.clone()),
            catalog: Catalog::new(store.clone(), versions, redis.clone()),
            devices: Devices::new(store.clone(), gsim, redis.clone()),
            redis,
            last_event: LastEvent::new(store.clone()),
            webhooks: Mutex::default(),
            in_flight: InFlight::new(settings.client_share),
            draws: Draws::new(settings.draws),
            tally: Tally::default(),
            brand,
            other_brands,
            settings,
            unused_leases: UnusedLeases::default(),
            sweeps: Single::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        });
        Self { tenant: None, client: None, request: None, store, parts }
    }

    /// Returns this client for one brand: Sigan holds numbers for that brand, and the data of other brands does not exist for it.
    /// Both clients share their parts, so if one is shut down, the other one is too.
    ///
    /// Otherwise a client acts for every brand, and Sigan holds numbers for the brand of the configuration. Data from before there
    /// were brands belongs to that brand.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for the brand `unknown`. It is reserved for that data, and nobody may act for it.
    ///
    /// ```
    /// use oss_core::{Error, Oss};
    ///
    /// # #[cfg(feature = "mock")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let oss = Oss::sandbox().await?;
    /// let (acme, other) = (oss.acting_for("acme".parse()?)?, oss.acting_for("other".parse()?)?);
    ///
    /// let number = acme.reserve_random("11".parse()?).await?.msisdn;
    /// assert!(matches!(other.release(number).await, Err(Error::UnknownNumber(_))));
    /// acme.release(number).await?;
    /// # oss.shutdown().await;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "mock"))]
    /// # fn main() {}
    /// ```
    pub fn acting_for(&self, brand: BrandId) -> Result<Self, Malformed> {
        if brand.as_str() == OLDER_BRAND {
            return Err(Malformed { expected: EXPECTED_BRAND });
        }
        Ok(Self { tenant: Some(self.tenant_of(brand)), ..self.clone() })
    }

    /// Returns this `Oss` for one of several clients of a server. That client gets at most its share of the calls to Sigan and of
    /// the waiting places, and has a budget of numbers that it may draw from an area code. A call beyond these limits gets
    /// [`Error::ClientShareExceeded`] or [`Error::DrawBudgetExceeded`].
    ///
    /// The name becomes a label of metrics, so it has to come from a configuration. Without a client there are no shares.
    #[must_use]
    pub fn on_behalf_of(self, client: ClientName) -> Self {
        let store = self.store.on_behalf_of(Some(client.clone()));
        Self { client: Some(Client { name: client, has_share: true }), store, ..self }
    }

    /// Returns this `Oss` for work of the service itself, which is for every brand: the events of its changes name no client, and its
    /// calls no cause.
    pub(crate) fn for_itself(&self) -> Self {
        let store = self.store.on_behalf_of(None);
        Self { tenant: None, client: None, request: None, store, parts: self.parts.clone() }
    }

    /// Returns this `Oss` for the only client of a server: it keeps its budget and may take every place.
    #[must_use]
    pub fn without_share(self) -> Self {
        Self { client: self.client.map(|client| Client { has_share: false, ..client }), ..self }
    }

    /// Returns this `Oss` for one request of a client. The calls to Sigan and GSIM that it causes are recorded under the id.
    #[must_use]
    pub fn for_request(self, id: Uuid) -> Self {
        Self { request: Some(id), ..self }
    }

    /// Checks that the service can do its work: the database answers and has the tables of this version.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] with the reason.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.store().check().await?)
    }

    /// Ends the background sweep and waits for every operation under way, even if its caller is gone. This takes at most as long
    /// as one lease.
    pub async fn shutdown(&self) {
        self.parts.stopping.cancel();
        self.parts.tasks.close();
        if tokio::time::timeout(self.settings().lease(), self.parts.tasks.wait()).await.is_err() {
            tracing::error!("Operations were still under way at shutdown; recovery will settle them.");
        }
        self.write_calls().await;
        if let Err(error) = self.store_draws().await {
            tracing::warn!(%error, "The latest draws could not be stored.");
        }
    }

    /// The longest time that an operation may take: one lease.
    #[must_use]
    pub fn longest_operation(&self) -> Duration {
        self.settings().lease()
    }

    /// The pause between two sweeps, for a program that sweeps again and again.
    #[must_use]
    pub fn sweep_interval(&self) -> Duration {
        self.settings().sweep_interval
    }

    /// The brands whose data an operation reads and changes.
    pub(crate) fn scope(&self) -> Scope<'_> {
        self.tenant.as_ref().map_or(Scope::AllBrands, Scope::Brand)
    }

    /// Whether data of a brand belongs to what this client sees. Data written before brands existed has the brand `unknown`, and belongs
    /// to the brand of the configuration.
    #[must_use]
    pub fn sees(&self, brand: &BrandId) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| tenant.own_brands().contains(&brand.as_str()))
    }

    /// The tenant for a brand.
    pub(crate) fn tenant_of(&self, brand: BrandId) -> Tenant {
        let has_older_data = brand == self.parts.brand;
        Tenant::new(brand, has_older_data)
    }

    /// The brand for which Sigan holds numbers.
    pub(crate) fn brand(&self) -> &BrandId {
        self.tenant.as_ref().map_or(&self.parts.brand, Tenant::brand)
    }

    /// The own brand, and the other brands that clients act for.
    pub(crate) fn configured_brands(&self) -> impl Iterator<Item = &BrandId> {
        std::iter::once(&self.parts.brand).chain(&self.parts.other_brands)
    }

    /// The client of a server that it works for.
    pub(crate) fn client(&self) -> Option<&ClientName> {
        self.client.as_ref().map(|client| &client.name)
    }

    /// The client, if it may take no more than its share.
    pub(crate) fn sharing_client(&self) -> Option<&ClientName> {
        self.client.as_ref().filter(|client| client.has_share).map(|client| &client.name)
    }

    /// The lane of the calls to Sigan that a caller waits for.
    pub(crate) fn caller_lane(&self) -> Lane<'_> {
        Lane::Caller { brand: self.brand(), client: self.sharing_client() }
    }

    /// Takes a turn at Sigan. Its calls are recorded as caused by the client.
    pub(crate) async fn sigan_turn(&self, lane: Lane<'_>) -> Result<Turn<'_>, Busy> {
        Ok(self.parts.sigan.turn(lane).await?.caused_by(self.origin()))
    }

    /// Takes a turn at GSIM for a type of SIM. Its calls are recorded as caused by the client.
    pub(crate) async fn gsim_turn(&self, sim_type: SimType, lane: Lane<'_>) -> Result<SimTurn<'_>, SimsBusy> {
        Ok(self.parts.gsim.turn(sim_type, lane).await?.caused_by(self.origin()))
    }

    /// The cause of the calls, if it is a client of a server. The sweep and a command line name none.
    fn origin(&self) -> Option<Origin> {
        let (client, request) = (self.client().cloned(), self.request);
        let is_known = client.is_some() || request.is_some();
        is_known.then(|| Origin { brand: self.brand().clone(), client, request })
    }

    /// Writes the records of all calls to Sigan and GSIM that have ended. If the database cannot take them, they are written later.
    pub(crate) async fn write_calls(&self) {
        self.parts.calls.write().await;
    }

    /// Runs an operation, counts it and measures its time.
    pub(crate) fn observe<T, F>(
        &self,
        operation: Operation,
        work: F,
    ) -> impl Future<Output = F::Output> + use<T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.parts.timings.observe(operation, Error::code, work)
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    #[cfg(feature = "import")]
    pub(crate) fn shared_store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    pub(crate) fn sigan(&self) -> &Gate {
        &self.parts.sigan
    }

    /// Whether there is a GSIM for orders.
    pub(crate) fn has_gsim(&self) -> bool {
        self.parts.has_gsim
    }

    /// The cache that several servers share, if there is one.
    pub(crate) fn redis(&self) -> Option<&RedisCache> {
        self.parts.redis.as_ref()
    }

    /// GSIM, for calls about orders.
    pub(crate) fn gsim(&self) -> &SimGates {
        &self.parts.gsim
    }

    /// Cancelled when the client is shut down.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.parts.stopping
    }

    pub(crate) fn areas(&self) -> &Areas {
        &self.parts.areas
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.parts.catalog
    }

    pub(crate) fn devices(&self) -> &Devices {
        &self.parts.devices
    }

    pub(crate) fn watched_event(&self) -> &LastEvent {
        &self.parts.last_event
    }

    /// The webhooks to which this client delivers.
    pub(crate) fn running_webhooks(&self) -> &Mutex<Vec<RunningWebhook>> {
        &self.parts.webhooks
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.parts.in_flight
    }

    pub(crate) fn unused_leases(&self) -> &UnusedLeases {
        &self.parts.unused_leases
    }

    pub(crate) fn sweeps(&self) -> &Single<Result<SweepReport, Error>> {
        &self.parts.sweeps
    }

    pub(crate) fn draws(&self) -> &Draws {
        &self.parts.draws
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.parts.tally
    }

    /// Runs work in a task that outlives its caller. [`Oss::shutdown`] waits for it.
    pub(crate) fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.parts.tasks.spawn(work.in_current_span().with_current_context())
    }

    /// Runs an operation to its end, even if its caller stops waiting, because a call to Sigan must not end without its record.
    pub(crate) async fn run_to_end<T, F>(
        &self,
        operation: Operation,
        work: impl FnOnce(Self) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        self.spawn(self.observe(operation, work(self.clone()))).await.unwrap_or_else(|error| {
            // The text of a panic is not logged, because it may contain anything.
            let panicked = error.is_panic();
            tracing::error!(panicked, "An operation stopped half-way; recovery will settle it.");
            Err(Error::Internal)
        })
    }
}
