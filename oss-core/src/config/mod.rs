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
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use secrecy::SecretString;
pub use server::{ServerConfig, TlsConfig};
pub(crate) use settings::BRAND as EXPECTED_BRAND;
pub use settings::markdown_table;
use url::Url;

use self::layers::Layers;
use self::settings::Setting;
use crate::access::Clients;
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
/// assert_eq!(config.basics.settings.preview_ttl.as_secs(), 15 * 60);
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
    /// The settings of the operations.
    pub settings: Settings,
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
#[non_exhaustive]
pub struct Sources {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// The environment; the variables that begin with `OSS_` count.
    pub environment: Vec<(String, String)>,
    flags: Vec<(&'static str, String)>,
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
#[non_exhaustive]
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
    /// The environment of this process, and the file that `OSS_CONFIG` names there.
    ///
    /// A value that is not UTF-8 reaches no setting: it becomes text that no setting accepts.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let environment = std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect();
        let file = std::env::var_os(settings::CONFIG_FILE).map(|text| path(&text));
        let file = file.filter(|path| !path.as_os_str().is_empty());
        Self { file, environment, flags: Vec::new() }
    }

    /// These sources with another file, if there is one.
    #[must_use]
    pub fn with_file(self, file: impl Into<Option<PathBuf>>) -> Self {
        Self { file: file.into().or(self.file), ..self }
    }

    /// These sources with the URL of the database that a flag names, if there is one.
    #[must_use]
    pub fn with_database_url(self, url: Option<String>) -> Self {
        self.with_flag(&settings::DATABASE_URL, url)
    }

    /// These sources with the address to listen on that a flag names, if there is one.
    #[must_use]
    pub fn with_listen(self, address: Option<SocketAddr>) -> Self {
        self.with_flag(&settings::LISTEN, address.map(|address| address.to_string()))
    }

    fn with_flag<T>(mut self, setting: &Setting<T>, text: Option<String>) -> Self {
        self.flags.extend(text.map(|text| (setting.row.key, text)));
        self
    }

    /// The given environment alone.
    #[must_use]
    pub fn of_environment<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let environment = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { environment, ..Self::default() }
    }
}

impl Config {
    /// The configuration in the environment of this process, and in the file that `OSS_CONFIG` names there.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::load(&Sources::from_env())
    }

    /// The configuration of the service. A database, Sigan and a brand must be named.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut layers = Layers::read(sources);
        let basics = basics(&mut layers);
        let database = database(&mut layers);
        let redis = layers.optional(&settings::REDIS_URL);
        let allow_http = layers.optional(&settings::ALLOW_HTTP);
        let sigan = sigan(&mut layers, &basics.settings, allow_http);
        let gsim = gsim::read(&mut layers, allow_http);
        layers.finish(|| Some(Self { basics, database: database?, redis, sigan: sigan?, gsim }))
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
        layers.finish(|| Some((basics, database?)))
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
        let redis = layers.optional(&settings::REDIS_URL);
        let allow_http = layers.optional(&settings::ALLOW_HTTP);
        check_given_sigan(&mut layers, allow_http);
        let gsim = gsim::read(&mut layers, allow_http);
        layers.finish(|| Some(RecordsConfig { basics, database: database?, redis, gsim }))
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
        layers.finish(|| Some(basics))
    }
}

impl DatabaseConfig {
    /// The database at a URL, with as many connections as it has if nobody sets them.
    #[must_use]
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self { url: url.into(), pool: settings::DATABASE_POOL.default() }
    }
}

impl SiganConfig {
    /// Sigan at an address, without credentials, with the time for a call that it has if nobody sets it.
    #[must_use]
    pub fn new(url: Url, brand: BrandId) -> Self {
        Self { url, brand, credentials: Credentials::None, timeout: settings::SIGAN_TIMEOUT.default() }
    }
}

impl GsimConfig {
    /// GSIM at an address, without a token, with the time for a call that it has if nobody sets it.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self { url, token: None, timeout: settings::GSIM_TIMEOUT.default() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        settings(&mut Layers::read(&Sources::default()))
    }
}

fn settings(layers: &mut Layers) -> Settings {
    let preview_ttl = layers.value(&settings::PREVIEW_TTL);
    let sigan_call = layers.optional(&settings::SIGAN_TIMEOUT);
    // A number is reserved within its preview's time: a call that may outlast it could never succeed for certain.
    if sigan_call.is_some_and(|call| preview_ttl <= call) {
        layers.fault(
            &settings::PREVIEW_TTL.row,
            &format!("a time longer than {}", settings::SIGAN_TIMEOUT.row.key),
        );
    }
    Settings {
        preview_ttl,
        reservation_ttl: layers.value(&settings::RESERVATION_TTL),
        preview_retention: layers.value(&settings::PREVIEW_RETENTION),
        sigan_call: sigan_call.unwrap_or_else(|| settings::SIGAN_TIMEOUT.default()),
        sigan_calls: layers.value(&settings::SIGAN_CALLS),
        sigan_queue: layers.value(&settings::SIGAN_QUEUE),
        client_share: layers.value(&settings::CLIENT_SHARE),
        draws: DrawBudget::new(layers.value(&settings::DRAWS_PER_DDD), layers.value(&settings::DRAWS_WINDOW)),
        sweep_interval: layers.value(&settings::SWEEP_INTERVAL),
    }
}

fn basics(layers: &mut Layers) -> CommonConfig {
    CommonConfig {
        settings: settings(layers),
        log: LogConfig {
            level: layers.optional(&settings::LOG_LEVEL),
            format: layers.value(&settings::LOG_FORMAT),
        },
        otlp_endpoint: layers.optional(&settings::OTLP_ENDPOINT),
        server: ServerConfig::read(layers),
        clients: clients::read(layers),
    }
}

fn database(layers: &mut Layers) -> Option<DatabaseConfig> {
    let url = layers.required(&settings::DATABASE_URL);
    let pool = layers.value(&settings::DATABASE_POOL);
    Some(DatabaseConfig { url: url?, pool })
}

fn sigan(layers: &mut Layers, settings: &Settings, allow_http: Option<bool>) -> Option<SiganConfig> {
    let url = layers.required(&settings::SIGAN_URL);
    let brand = layers.required(&settings::SIGAN_BRAND);
    let credentials = safe_credentials(layers, url.as_ref(), allow_http);
    Some(SiganConfig { url: url?, brand: brand?, credentials: credentials?, timeout: settings.sigan_call })
}

/// Notes the faults of the settings of Sigan that are given, for a program that can do without them.
fn check_given_sigan(layers: &mut Layers, allow_http: Option<bool>) {
    let url = layers.optional(&settings::SIGAN_URL);
    layers.optional(&settings::SIGAN_BRAND);
    safe_credentials(layers, url.as_ref(), allow_http);
}

/// The credentials for Sigan. It is a fault to send them in the clear.
fn safe_credentials(layers: &mut Layers, url: Option<&Url>, allow_http: Option<bool>) -> Option<Credentials> {
    let credentials = credentials(layers);
    if !matches!(credentials, None | Some(Credentials::None)) {
        encryption::check(layers, &settings::SIGAN_URL.row, url, allow_http);
    }
    credentials
}

fn credentials(layers: &mut Layers) -> Option<Credentials> {
    let token = layers.optional(&settings::SIGAN_TOKEN);
    let user = layers.optional(&settings::SIGAN_USER);
    let password = layers.optional(&settings::SIGAN_PASSWORD);
    match (token, user, password) {
        (None, None, None) => Some(Credentials::None),
        (Some(token), None, None) => Some(Credentials::Bearer(token)),
        (None, Some(user), Some(password)) => Some(Credentials::Basic { user, password }),
        _ => {
            layers.fault(
                &settings::SIGAN_TOKEN.row,
                "either a token, or a user with a password, or none of them",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
