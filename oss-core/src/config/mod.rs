//! One typed configuration for library, command line and server: defaults < TOML file < `OSS_*` environment < flags.
//!
//! The only module that reads the environment. Every fault is reported at once, and none repeats a secret.

mod clients;
mod encryption;
mod gsim;
mod layers;
mod server;
mod settings;

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

pub use server::{ServerConfig, TlsConfig};
pub(crate) use settings::BRAND as EXPECTED_BRAND;
pub use settings::markdown_table;
use url::Url;

use self::layers::Layers;
use crate::access::{Clients, Share};
pub use crate::cache::RedisUrl;
use crate::calls::DrawBudget;
use crate::domain::BrandId;
pub use crate::gsim::GsimConfig;
pub use crate::log::{LogConfig, LogFormat};
use crate::settings::Settings;
use crate::sigan::Credentials;
pub use crate::sigan::SiganConfig;
pub use crate::store::DatabaseConfig;

/// Everything that the service is told.
///
/// ```
/// use oss_core::config::{Config, Sources};
///
/// let environment = [("OSS_DATABASE_URL", "sqlite://oss.db"), ("OSS_SIGAN_URL", "https://sigan.example"), ("OSS_SIGAN_BRAND_ID", "acme")];
/// let config = Config::load(&Sources::of_environment(environment))?;
/// assert_eq!(config.basics.preview_ttl.as_secs(), 15 * 60);
///
/// // Every fault is told at once.
/// let faults = Config::load(&Sources::of_environment([("OSS_PREVIEW_TTL", "soon")])).unwrap_err();
/// assert_eq!(faults.faults.len(), 4); // The duration, and the three that must be named.
/// # Ok::<(), oss_core::config::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The settings that the sandbox needs too.
    pub basics: CommonConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// The cache that servers share, where there is one.
    pub redis: Option<RedisUrl>,
    /// Sigan.
    pub sigan: SiganConfig,
    /// GSIM, where devices that are not in the catalogue are asked of it.
    pub gsim: Option<GsimConfig>,
}

/// The part of a [`Config`] that the operations need which do not call Sigan: look-ups, and putting a number on a line.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RecordsConfig {
    /// The settings that the sandbox needs too.
    pub basics: CommonConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// The cache that servers share, where there is one.
    pub redis: Option<RedisUrl>,
    /// GSIM, where devices that are not in the catalogue are asked of it.
    pub gsim: Option<GsimConfig>,
}

/// Settings that depend neither on the database nor on Sigan.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommonConfig {
    /// How long a preview may be reserved from.
    pub preview_ttl: Duration,
    /// How long a reserved number is held before it counts as abandoned.
    pub reservation_ttl: Duration,
    /// How long a preview is kept after its end.
    pub preview_retention: Duration,
    /// The longest that one call to Sigan may take, connecting included.
    pub sigan_timeout: Duration,
    /// How many calls of callers to Sigan may be in flight.
    pub sigan_calls: usize,
    /// How many more may wait.
    pub sigan_queue: usize,
    /// The part of the calls, of the queue and of the waiting places that one client may take at once, if there are others.
    pub client_share: Share,
    /// How many numbers one client may draw from an area code, if that is limited.
    pub draws: Option<DrawBudget>,
    /// How long the background sweep rests.
    pub sweep_interval: Duration,
    /// The level and the form of the log.
    pub log: LogConfig,
    /// Where traces are sent, where they are.
    pub otlp_endpoint: Option<Url>,
    /// How the server serves.
    pub server: ServerConfig,
    /// The clients that may ask it.
    pub clients: Clients,
}

/// A path as a flag or a variable has it. A line break at its end is left out, as of every setting.
#[must_use]
pub fn path(text: &OsStr) -> PathBuf {
    let bytes = text.as_bytes();
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    OsStr::from_bytes(&bytes[..end]).into()
}

/// The layers of a configuration above the defaults, the later the stronger.
#[derive(Clone, Default)]
pub struct Sources {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// The environment; the variables that begin with `OSS_` count.
    pub environment: Vec<(String, String)>,
    /// Flags, by the key they set: `("database.url", "sqlite://oss.db")`.
    pub flags: Vec<(&'static str, String)>,
}

/// An environment may carry secrets, so only its names are shown.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.environment.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("environment", &names)
            .finish_non_exhaustive()
    }
}

/// Every fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// One line for each: which value, what was expected.
    pub faults: Vec<String>,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has faults:")?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

impl Sources {
    /// The environment of this process, with the given file and flags.
    ///
    /// A value that is not UTF-8 reaches no setting: it becomes text that no setting accepts.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let environment = std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect();
        Self { file, environment, flags }
    }

    /// The given environment alone.
    #[must_use]
    pub fn of_environment<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { environment: variables.into_iter().map(owned).collect(), ..Self::default() }
    }
}

impl Config {
    /// The configuration of the service. A database, Sigan and a brand must be named.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut layers = Layers::read(sources);
        let basics = basics(&mut layers);
        let database = database(&mut layers);
        let redis = layers.optional("redis.url", settings::redis_url);
        let allow_http = layers.required("credentials.allow_http", settings::switch);
        let sigan = sigan(&mut layers, basics.as_ref(), allow_http);
        let gsim = gsim::read(&mut layers, allow_http);
        layers.finish(|| Some(Self { basics: basics?, database: database?, redis, sigan: sigan?, gsim }))
    }

    /// Reads the settings that a migration needs: a database must be named.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn load_for_migration(sources: &Sources) -> Result<(CommonConfig, DatabaseConfig), ConfigError> {
        let mut layers = Layers::read(sources);
        let basics = basics(&mut layers);
        let database = database(&mut layers);
        layers.finish(|| Some((basics?, database?)))
    }

    /// Reads the settings that the operations need which do not call Sigan: a database must be named. The settings of Sigan may be
    /// missing; those that are given are checked.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn load_without_sigan(sources: &Sources) -> Result<RecordsConfig, ConfigError> {
        let mut layers = Layers::read(sources);
        let basics = basics(&mut layers);
        let database = database(&mut layers);
        let redis = layers.optional("redis.url", settings::redis_url);
        let allow_http = layers.required("credentials.allow_http", settings::switch);
        check_given_sigan(&mut layers, allow_http);
        let gsim = gsim::read(&mut layers, allow_http);
        layers.finish(|| Some(RecordsConfig { basics: basics?, database: database?, redis, gsim }))
    }

    /// The settings of the operations.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.basics.settings(self.sigan.brand.clone())
    }
}

impl CommonConfig {
    /// Reads the settings of the sandbox, which brings its own database and Sigan.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut layers = Layers::read(sources);
        let basics = basics(&mut layers);
        layers.finish(|| basics)
    }

    /// The settings of the operations, for a brand.
    #[must_use]
    pub fn settings(&self, brand: BrandId) -> Settings {
        Settings {
            brand,
            other_brands: self.clients.brands().cloned().collect(),
            preview_ttl: self.preview_ttl,
            reservation_ttl: self.reservation_ttl,
            preview_retention: self.preview_retention,
            sigan_call: self.sigan_timeout,
            sigan_calls: self.sigan_calls,
            sigan_queue: self.sigan_queue,
            client_share: self.client_share,
            draws: self.draws,
            sweep_interval: self.sweep_interval,
        }
    }
}

fn basics(layers: &mut Layers) -> Option<CommonConfig> {
    let preview_ttl = layers.required("preview.ttl", settings::duration);
    let reservation_ttl = layers.required("reservation.ttl", settings::duration);
    let preview_retention = layers.required("preview.retention", settings::duration);
    let sigan_timeout = layers.required("sigan.timeout", settings::call_timeout);
    let sigan_calls = layers.required("sigan.calls", settings::calls);
    let sigan_queue = layers.required("sigan.queue", settings::queue);
    let client_share = layers.required("limits.client_share", settings::parsed);
    let draws = layers.required("limits.draws_per_ddd", settings::draws);
    let draws_window = layers.required("limits.draws_window", settings::duration);
    let sweep_interval = layers.required("sweep.interval", settings::duration);
    let level = layers.optional("log.level", settings::level);
    let format = layers.required("log.format", settings::log_format);
    let otlp_endpoint = layers.optional("telemetry.otlp_endpoint", settings::base_url);
    let server = ServerConfig::read(layers);
    let clients = clients::read(layers);
    // A number is reserved within its preview's time: a call that may outlast it could never succeed for certain.
    if let (Some(ttl), Some(call)) = (preview_ttl, sigan_timeout)
        && ttl <= call
    {
        layers.fault("preview.ttl", "a time longer than sigan.timeout");
    }
    Some(CommonConfig {
        preview_ttl: preview_ttl?,
        reservation_ttl: reservation_ttl?,
        preview_retention: preview_retention?,
        sigan_timeout: sigan_timeout?,
        sigan_calls: sigan_calls?,
        sigan_queue: sigan_queue?,
        client_share: client_share?,
        draws: DrawBudget::new(draws?, draws_window?),
        sweep_interval: sweep_interval?,
        log: LogConfig { level, format: format? },
        otlp_endpoint,
        server: server?,
        clients,
    })
}

fn database(layers: &mut Layers) -> Option<DatabaseConfig> {
    let url = layers.required("database.url", settings::database_url);
    let pool = layers.required("database.pool", settings::pool_size);
    Some(DatabaseConfig { url: url?, pool: pool? })
}

fn sigan(
    layers: &mut Layers,
    basics: Option<&CommonConfig>,
    allow_http: Option<bool>,
) -> Option<SiganConfig> {
    let url = layers.required("sigan.url", settings::base_url);
    let brand = layers.required("sigan.brand_id", settings::brand);
    let credentials = safe_credentials(layers, url.as_ref(), allow_http);
    Some(SiganConfig { url: url?, brand: brand?, credentials: credentials?, timeout: basics?.sigan_timeout })
}

/// Notes the faults of the settings of Sigan that are given, for a program that can do without them.
fn check_given_sigan(layers: &mut Layers, allow_http: Option<bool>) {
    let url = layers.optional("sigan.url", settings::base_url);
    layers.optional("sigan.brand_id", settings::brand);
    safe_credentials(layers, url.as_ref(), allow_http);
}

/// The credentials for Sigan. It is a fault to send them in the clear.
fn safe_credentials(layers: &mut Layers, url: Option<&Url>, allow_http: Option<bool>) -> Option<Credentials> {
    let credentials = credentials(layers);
    if !matches!(credentials, None | Some(Credentials::None)) {
        encryption::check(layers, "sigan.url", url, allow_http);
    }
    credentials
}

fn credentials(layers: &mut Layers) -> Option<Credentials> {
    let token = layers.optional("sigan.token", settings::secret);
    let user = layers.optional("sigan.user", settings::user);
    let password = layers.optional("sigan.password", settings::secret);
    match (token, user, password) {
        (None, None, None) => Some(Credentials::None),
        (Some(token), None, None) => Some(Credentials::Bearer(token)),
        (None, Some(user), Some(password)) => Some(Credentials::Basic { user, password }),
        _ => {
            layers.fault("sigan.token", "either a token, or a user with a password, or none of them");
            None
        }
    }
}

#[cfg(test)]
mod tests;
