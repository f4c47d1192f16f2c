//! The wiring: the adapters that a configuration names, and an [`Oss`] over them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cache::{RedisCache, RedisUrl, RedisUrlError};
use crate::config::{Config, ConfigError, RecordsConfig};
use crate::domain::BrandId;
use crate::gsim::{GsimConfig, HttpGsim};
use crate::http::ClientError;
use crate::lookups::{DeviceCatalog, GsimCatalog, LocalCatalog};
use crate::oss::Oss;
use crate::settings::Settings;
use crate::sigan::{HttpSigan, NoSigan, Sigan};
use crate::store::{self, DatabaseConfig, StoreError};

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration has faults; the text names every one.
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

impl Oss {
    /// A client on the database, the Redis and the Sigan of a configuration.
    ///
    /// # Errors
    ///
    /// [`StartError`] where the database cannot be reached or lacks the tables of this version. Redis, Sigan and GSIM need not
    /// be reachable yet.
    pub async fn connect(config: &Config) -> Result<Self, StartError> {
        let sigan = HttpSigan::new(&config.sigan).map_err(StartError::Sigan)?;
        let (database, redis, gsim) = (&config.database, config.redis.as_ref(), config.gsim.as_ref());
        Self::connect_to(database, redis, gsim, Arc::new(sigan), config.settings()).await
    }

    /// A client for the operations that do not call Sigan: look-ups, and putting a number on a line. Every other one gets
    /// [`Error::SiganUnreachable`](crate::Error::SiganUnreachable).
    ///
    /// # Errors
    ///
    /// As for [`Oss::connect`].
    pub async fn connect_without_sigan(config: &RecordsConfig) -> Result<Self, StartError> {
        // No statement of these operations names a brand, because the client acts for none.
        let settings = config.basics.settings(BrandId::of_older_data());
        let (database, redis, gsim) = (&config.database, config.redis.as_ref(), config.gsim.as_ref());
        Self::connect_to(database, redis, gsim, Arc::new(NoSigan), settings).await
    }

    async fn connect_to(
        database: &DatabaseConfig,
        redis: Option<&RedisUrl>,
        gsim: Option<&GsimConfig>,
        sigan: Arc<dyn Sigan>,
        settings: Settings,
    ) -> Result<Self, StartError> {
        let store = store::connect(database).await?;
        store.check().await?;
        let redis = redis.map(RedisCache::new).transpose()?;
        let local = LocalCatalog::new(store.clone());
        let devices: Arc<dyn DeviceCatalog> = match gsim {
            Some(gsim) => Arc::new(GsimCatalog::new(
                local,
                HttpGsim::new(gsim).map_err(StartError::Gsim)?,
                redis.clone(),
            )),
            None => Arc::new(local),
        };
        Ok(Self::with_devices(store, sigan, redis, devices, settings))
    }
}
