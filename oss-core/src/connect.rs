//! Builds an [`Oss`] from the adapters that a configuration names, or from those of an embedder.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cache::{RedisCache, RedisUrl, RedisUrlError};
use crate::config::{CommonConfig, Config, ConfigError, RecordsConfig};
use crate::domain::BrandId;
use crate::gsim::{Gsim, GsimConfig, HttpGsim, SimProvider};
use crate::http::ClientError;
use crate::oss::{Oss, OssBuilder};
use crate::settings::Settings;
use crate::sigan::{HttpSigan, NoSigan, Sigan};
use crate::store::{self, Database, Store, StoreError};

/// The reason why the service could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration has faults. The text names all of them.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be used, or lacks the tables of this version.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client of Sigan could not be set up.
    #[error("Sigan cannot be called: {0}")]
    Sigan(ClientError),
    /// The client of GSIM could not be set up.
    #[error("GSIM cannot be called: {0}")]
    Gsim(ClientError),
    /// The client of Redis could not be set up.
    #[error(transparent)]
    Redis(#[from] RedisUrlError),
    /// The program has no sandbox, because it was built without the feature `mock`.
    #[error(
        "this program was built without its sandbox; leave out --sandbox, or build it with `--features sandbox`"
    )]
    NoSandbox,
    /// Another process uses the sandbox.
    #[error(
        "the sandbox in {} is in use by another process{}; wait until that one ends, or use another folder",
        dir.display(),
        process.map(|id| format!(" ({id})")).unwrap_or_default()
    )]
    SandboxInUse {
        /// The folder of the sandbox.
        dir: PathBuf,
        /// The id of that process, if it can be read.
        process: Option<u32>,
    },
    /// The sandbox could not be set up.
    #[error("the sandbox could not be set up: {0}")]
    Sandbox(#[from] std::io::Error),
}

impl OssBuilder {
    /// Sets the inventory. Each of its calls has to end within [`Settings::sigan_call`]. Without one, the operations that call Sigan
    /// get [`Error::SiganUnreachable`](crate::Error::SiganUnreachable).
    pub fn sigan(self, sigan: Arc<dyn Sigan>) -> Self {
        Self { sigan, ..self }
    }

    /// Sets the GSIM that is asked about devices which are not in the catalogue. Without one, they are unknown.
    pub fn gsim(self, gsim: Arc<dyn Gsim>) -> Self {
        Self { gsim: Some(gsim), ..self }
    }

    /// Sets the provider of SIMs. Each of its calls has to end within [`Settings::gsim_call`]. Without one, the operations that order
    /// or end a SIM find GSIM unreachable.
    pub fn sims(self, sims: Arc<dyn SimProvider>) -> Self {
        Self { sims: Some(sims), ..self }
    }

    /// Sets the cache that several processes share. Without one, look-ups are cached in memory only.
    pub fn redis(self, redis: RedisCache) -> Self {
        Self { redis: Some(redis), ..self }
    }

    /// Sets the settings. Without them, the defaults apply.
    pub fn settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Sets the other brands that clients [act for](Oss::acting_for). The audit covers them too.
    pub fn other_brands(self, brands: impl IntoIterator<Item = BrandId>) -> Self {
        Self { other_brands: brands.into_iter().collect(), ..self }
    }

    /// Connects the client to a database that has the tables of [`store::migrate`].
    ///
    /// # Errors
    ///
    /// [`StartError`] if the settings do not fit together, or the database cannot be reached, lacks the tables of this version or
    /// does not [bound](store::bounded) its sessions.
    pub async fn connect(self, database: impl Into<Database>) -> Result<Oss, StartError> {
        if self.settings.preview_ttl <= self.settings.sigan_call {
            let faults = vec!["preview_ttl: expected a time longer than sigan_call".to_owned()];
            return Err(ConfigError { faults }.into());
        }
        let store = store::connect(database).await?;
        store.check().await?;
        Ok(self.build(store))
    }

    /// Builds the client on a store, and checks nothing.
    #[must_use]
    pub fn build(self, store: Arc<dyn Store>) -> Oss {
        Oss::new(store, self)
    }

    fn configure(
        self,
        common: &CommonConfig,
        redis: Option<&RedisUrl>,
        gsim: Option<&GsimConfig>,
    ) -> Result<Self, StartError> {
        let redis = redis.map(RedisCache::new).transpose()?;
        let gsim = gsim.map(HttpGsim::new).transpose().map_err(StartError::Gsim)?;
        let builder = self.settings(common.settings.clone()).other_brands(common.clients.brands().cloned());
        let builder = Self { redis, ..builder };
        let Some(gsim) = gsim.map(Arc::new) else { return Ok(builder) };
        Ok(builder.gsim(gsim.clone()).sims(gsim))
    }
}

impl Oss {
    /// Starts to build a client from the embedder's own parts. [`Oss::connect`] builds one from a configuration.
    ///
    /// Sigan holds numbers for `brand`, unless the client [acts for](Oss::acting_for) another brand. Data from before there were
    /// brands belongs to `brand`.
    pub fn builder(brand: BrandId) -> OssBuilder {
        OssBuilder {
            brand,
            other_brands: Vec::new(),
            settings: Settings::default(),
            sigan: Arc::new(NoSigan),
            gsim: None,
            sims: None,
            redis: None,
        }
    }

    /// Connects a client to the database, the Redis and the Sigan of a configuration.
    ///
    /// # Errors
    ///
    /// [`StartError`] if the database cannot be reached or lacks the tables of this version. Redis, Sigan and GSIM need not be
    /// reachable yet.
    pub async fn connect(config: &Config) -> Result<Self, StartError> {
        let sigan = HttpSigan::new(&config.sigan).map_err(StartError::Sigan)?;
        let builder = Self::builder(config.sigan.brand.clone()).sigan(Arc::new(sigan));
        let builder = builder.configure(&config.common, config.redis.as_ref(), config.gsim.as_ref())?;
        builder.connect(&config.database).await
    }

    /// Connects a client for the operations that do not call Sigan: look-ups, and putting a number on a line. Every other operation
    /// gets [`Error::SiganUnreachable`](crate::Error::SiganUnreachable).
    ///
    /// # Errors
    ///
    /// As for [`Oss::connect`].
    pub async fn connect_without_sigan(config: &RecordsConfig) -> Result<Self, StartError> {
        // No statement of these operations names a brand, because the client acts for none.
        let builder = Self::builder(BrandId::of_older_data());
        let builder = builder.configure(&config.common, config.redis.as_ref(), config.gsim.as_ref())?;
        builder.connect(&config.database).await
    }
}
