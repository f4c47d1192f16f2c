//! The context in which operations run: the ports, the settings, and the calls under way. The operations are in
//! [`numbers`](crate::numbers), [`areas`](crate::areas) and [`devices`](crate::devices).

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::context::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::cache::RedisCache;
use crate::calls::{Draws, InFlight, Single, UnusedLeases};
use crate::config::EXPECTED_BRAND;
use crate::domain::{BrandId, ClientName, Malformed, OLDER_BRAND, SweepReport};
use crate::error::Error;
use crate::gsim::Gsim;
use crate::lookups::{Areas, Catalog, Devices, Versions};
use crate::settings::Settings;
use crate::sigan::{Gate, GateLimits, Lane, Sigan};
use crate::store::{Scope, Store, Tenant};
use crate::telemetry::{Operation, Timings};

/// The client of the service: a method for each operation. Cheap to clone; every clone is the same client.
///
/// The operations run in tasks of their own on the current tokio runtime: a caller who stops waiting does not stop them.
/// Before a process ends it should call [`Oss::shutdown`], which waits for them.
#[derive(Debug, Clone)]
pub struct Oss {
    parts: Arc<Parts>,
    /// On whose behalf it acts; none where it answers for every brand.
    tenant: Option<Tenant>,
    /// The client of a server that it works for; none if it works for this program itself.
    client: Option<Client>,
}

/// A client of a server, which is not to take what others need.
#[derive(Debug, Clone)]
struct Client {
    name: ClientName,
    /// Whether it has no more than its share, because there are others.
    has_share: bool,
}

/// The adapters of an [`Oss`], and what it is told.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sigan: Arc<dyn Sigan>,
    pub(crate) gsim: Option<Arc<dyn Gsim>>,
    pub(crate) redis: Option<RedisCache>,
    pub(crate) brand: BrandId,
    pub(crate) other_brands: Vec<BrandId>,
    pub(crate) settings: Settings,
}

#[derive(Debug)]
struct Parts {
    timings: Timings,
    store: Arc<dyn Store>,
    sigan: Gate,
    areas: Areas,
    catalog: Catalog,
    devices: Devices,
    brand: BrandId,
    other_brands: Vec<BrandId>,
    settings: Settings,
    in_flight: InFlight,
    unused_leases: UnusedLeases,
    sweeps: Single<Result<SweepReport, Error>>,
    draws: Draws,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Oss {
    pub(crate) fn over(ports: Ports) -> Self {
        let Ports { store, sigan, gsim, redis, brand, other_brands, settings } = ports;
        let versions = Arc::new(Versions::new(store.clone()));
        let limits = GateLimits {
            calls: settings.sigan_calls,
            queue: settings.sigan_queue,
            share: settings.client_share,
            call: settings.sigan_call,
        };
        let inner = Parts {
            timings: Timings::default(),
            sigan: Gate::new(sigan, limits),
            areas: Areas::new(store.clone(), versions.clone(), redis.clone()),
            catalog: Catalog::new(store.clone(), versions, redis.clone()),
            devices: Devices::new(store.clone(), gsim, redis),
            in_flight: InFlight::new(settings.client_share),
            draws: Draws::new(settings.draws),
            store,
            brand,
            other_brands,
            settings,
            unused_leases: UnusedLeases::default(),
            sweeps: Single::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        };
        Self { tenant: None, client: None, parts: Arc::new(inner) }
    }

    /// The same client, as it is for one brand: Sigan holds numbers for that brand, and what another brand has is answered as
    /// what does not exist. It has its parts in common with this one, so that to shut either down shuts both down.
    ///
    /// Without it a client answers for every brand, and Sigan holds numbers for the brand of the configuration. Data of before there
    /// were brands belongs to that one.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for the brand `unknown`, which is reserved for that data: nobody may act for it.
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
    /// The name becomes a label of metrics, so it has to be one of a configuration. Without a client nothing is shared out.
    #[must_use]
    pub fn on_behalf_of(self, client: ClientName) -> Self {
        Self { client: Some(Client { name: client, has_share: true }), ..self }
    }

    /// Returns this `Oss` for the only client of a server: it keeps its budget and may take every place.
    #[must_use]
    pub fn without_share(self) -> Self {
        Self { client: self.client.map(|client| Client { has_share: false, ..client }), ..self }
    }

    /// Whether the service can do its work: the database answers and has the tables of this version.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] says why not.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.store().check().await?)
    }

    /// Ends the background sweep and waits for every operation under way, whose callers may be gone. Takes at most as long as
    /// one lease.
    pub async fn shutdown(&self) {
        self.parts.stopping.cancel();
        self.parts.tasks.close();
        if tokio::time::timeout(self.settings().lease(), self.parts.tasks.wait()).await.is_err() {
            tracing::error!("Operations were still under way at shutdown; recovery will settle them.");
        }
    }

    /// The longest that an operation may be under way: one lease.
    #[must_use]
    pub fn longest_operation(&self) -> Duration {
        self.settings().lease()
    }

    /// How long whoever sweeps again and again should rest in between.
    #[must_use]
    pub fn sweep_interval(&self) -> Duration {
        self.settings().sweep_interval
    }

    /// The brands whose data an operation sees and touches.
    pub(crate) fn scope(&self) -> Scope<'_> {
        self.tenant.as_ref().map_or(Scope::AllBrands, Scope::Brand)
    }

    /// The tenant that a brand is.
    pub(crate) fn tenant_of(&self, brand: BrandId) -> Tenant {
        let has_older_data = brand == self.parts.brand;
        Tenant::new(brand, has_older_data)
    }

    /// The brand on whose behalf Sigan is asked to hold numbers.
    pub(crate) fn brand(&self) -> &BrandId {
        self.tenant.as_ref().map_or(&self.parts.brand, Tenant::brand)
    }

    /// Its own brand, and the other ones that clients act for.
    pub(crate) fn configured_brands(&self) -> impl Iterator<Item = &BrandId> {
        std::iter::once(&self.parts.brand).chain(&self.parts.other_brands)
    }

    /// The client of a server that it works for.
    pub(crate) fn client(&self) -> Option<&ClientName> {
        self.client.as_ref().map(|client| &client.name)
    }

    /// The client that has a share, because there are others.
    pub(crate) fn sharing_client(&self) -> Option<&ClientName> {
        self.client.as_ref().filter(|client| client.has_share).map(|client| &client.name)
    }

    /// The lane of the calls to Sigan that a caller waits for.
    pub(crate) fn caller_lane(&self) -> Lane<'_> {
        Lane::Caller { brand: self.brand(), client: self.sharing_client() }
    }

    /// Runs an operation, and counts and times it.
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
        &*self.parts.store
    }

    #[cfg(feature = "import")]
    pub(crate) fn shared_store(&self) -> Arc<dyn Store> {
        self.parts.store.clone()
    }

    pub(crate) fn sigan(&self) -> &Gate {
        &self.parts.sigan
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

    /// Runs work that outlives its caller, and that [`Oss::shutdown`] waits for.
    pub(crate) fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.parts.tasks.spawn(work.in_current_span().with_current_context())
    }

    /// Runs an operation whole, even where its caller stops waiting: a dropped future must not leave a call to Sigan half
    /// accounted for.
    pub(crate) async fn tracked<T, F>(
        &self,
        operation: Operation,
        work: impl FnOnce(Self) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        self.spawn(self.observe(operation, work(self.clone()))).await.unwrap_or_else(|panicked| {
            // What a panic says may carry anything.
            let panicked = panicked.is_panic();
            tracing::error!(panicked, "An operation stopped half-way; recovery will settle it.");
            Err(Error::Internal)
        })
    }
}
