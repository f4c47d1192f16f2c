//! One typed configuration for library, command line and server: defaults < TOML file < `OSS_*` environment < flags.
//!
//! Only this module reads the environment. It reports every fault at once, and no fault repeats a secret.

mod clients;
mod encryption;
mod gsim;
mod layers;
mod listing;
mod server;
mod settings;
mod webhooks;

use std::ffi::OsStr;
use std::fmt;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

pub use encryption::sends_in_the_clear;
pub use layers::SettingOrigin;
pub use listing::{ListedSetting, list_settings};
use secrecy::{ExposeSecret, SecretString};
pub use server::{ServerConfig, TlsConfig};
pub(crate) use settings::BRAND as EXPECTED_BRAND;
pub use settings::markdown_table;
use url::Url;

use self::layers::Layers;
use self::settings::Setting;
use crate::access::Clients;
pub use crate::cache::RedisUrl;
use crate::calls::DrawBudget;
use crate::domain::{BrandId, CodeLimits, Malformed};
pub use crate::gsim::GsimConfig;
pub use crate::log::{LogConfig, LogFormat};
use crate::settings::Settings;
use crate::sigan::Credentials;
pub use crate::sigan::SiganConfig;
pub use crate::store::DatabaseConfig;
use crate::store::fault_of_parameters;
use crate::webhooks::Webhook;

/// The complete configuration of the service.
///
/// ```
/// use oss_core::config::{Config, Sources};
///
/// let environment = [("OSS_DATABASE_URL", "sqlite://oss.db"), ("OSS_SIGAN_URL", "https://sigan.example"), ("OSS_SIGAN_BRAND_ID", "acme")];
/// let config = Config::load(&Sources::of_environment(environment))?;
/// assert_eq!(config.common.settings.preview_ttl.as_secs(), 15 * 60);
///
/// // Every fault is reported at once.
/// let error = Config::load(&Sources::of_environment([("OSS_PREVIEW_TTL", "soon")])).unwrap_err();
/// assert_eq!(error.faults.len(), 4); // The duration, and the three settings that must be set.
/// # Ok::<(), oss_core::config::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The settings that the sandbox needs too.
    pub common: CommonConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// The cache that servers share, if there is one.
    pub redis: Option<RedisUrl>,
    /// Sigan.
    pub sigan: SiganConfig,
    /// GSIM, if it is asked about devices that are not in the catalogue.
    pub gsim: Option<GsimConfig>,
}

/// The part of a [`Config`] for operations that do not call Sigan: look-ups, and putting a number on a line.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RecordsConfig {
    /// The settings that the sandbox needs too.
    pub common: CommonConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// The cache that servers share, if there is one.
    pub redis: Option<RedisUrl>,
    /// GSIM, if it is asked about devices that are not in the catalogue.
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
    /// The collector of traces, if they are sent.
    pub otlp_endpoint: Option<Url>,
    /// The server.
    pub server: ServerConfig,
    /// The clients that may call the server.
    pub clients: Clients,
    /// The webhooks to which a server delivers events.
    pub webhooks: Vec<Webhook>,
}

/// A path from a flag or a variable. A line break at its end is removed, as for every setting.
#[must_use]
pub fn path(text: &OsStr) -> PathBuf {
    let bytes = text.as_bytes();
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    OsStr::from_bytes(&bytes[..end]).into()
}

/// Reads the address of a service: `http` or `https` with a host, without credentials and parameters.
///
/// # Errors
///
/// [`Malformed`] for any other text.
pub fn address(text: &str) -> Result<Url, Malformed> {
    settings::base_url(text).map_err(|expected| Malformed { expected })
}

/// The sources of a configuration. Each is stronger than the one before, and all are stronger than the defaults.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Sources {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// The environment. Only variables that begin with `OSS_` are read.
    pub environment: Vec<(String, String)>,
    flags: Vec<(&'static str, String)>,
}

/// Shows only the names of the environment, because its values may be secrets.
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has faults:\n  - {}", faults.join("\n  - "))]
#[non_exhaustive]
pub struct ConfigError {
    /// One line for each fault. It names the value, and says what was expected.
    pub faults: Vec<String>,
}

impl Sources {
    /// The environment of this process, and the file that `OSS_CONFIG` names there.
    ///
    /// A value that is not UTF-8 becomes a text that no setting accepts.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let environment = std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect();
        let file = std::env::var_os(settings::CONFIG_FILE).map(|text| path(&text));
        let file = file.filter(|path| !path.as_os_str().is_empty());
        Self { file, environment, flags: Vec::new() }
    }

    /// A variable of the environment without the line break at its end; none if it is empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        let value = self.environment.iter().find(|(given, _)| given == name).map(|(_, value)| value);
        value.map(|value| value.trim_end_matches(['\r', '\n'])).filter(|value| !value.is_empty())
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

    /// The given environment, and no other source.
    #[must_use]
    pub fn of_environment<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let environment = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { environment, ..Self::default() }
    }
}

impl Config {
    /// Reads the configuration from the environment of this process, and from the file that `OSS_CONFIG` names there.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::load(&Sources::from_env())
    }

    /// Reads the configuration of the service. A database, Sigan and a brand must be set.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut layers = Layers::read(sources);
        let common = common(&mut layers);
        let database = database(&mut layers);
        let redis = layers.optional(&settings::REDIS_URL);
        let allow_http = layers.optional(&settings::ALLOW_HTTP);
        let sigan = sigan(&mut layers, &common.settings, allow_http);
        let gsim = gsim::read(&mut layers, &common.settings, allow_http);
        layers.finish(|| Some(Self { common, database: database?, redis, sigan: sigan?, gsim }))
    }

    /// Reads the settings that a migration needs. A database must be set.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn load_for_migration(sources: &Sources) -> Result<(CommonConfig, DatabaseConfig), ConfigError> {
        let mut layers = Layers::read(sources);
        let common = common(&mut layers);
        let database = database(&mut layers);
        layers.finish(|| Some((common, database?)))
    }

    /// Reads the settings for operations that do not call Sigan. A database must be set. The settings of Sigan may be missing, but
    /// those that are set are checked.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn load_without_sigan(sources: &Sources) -> Result<RecordsConfig, ConfigError> {
        let mut layers = Layers::read(sources);
        let common = common(&mut layers);
        let database = database(&mut layers);
        let redis = layers.optional(&settings::REDIS_URL);
        let allow_http = layers.optional(&settings::ALLOW_HTTP);
        check_given_sigan(&mut layers, allow_http);
        let gsim = gsim::read(&mut layers, &common.settings, allow_http);
        layers.finish(|| Some(RecordsConfig { common, database: database?, redis, gsim }))
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
        let common = common(&mut layers);
        layers.finish(|| Some(common))
    }
}

impl DatabaseConfig {
    /// The database at a URL, with the default number of connections.
    #[must_use]
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self { url: url.into(), pool: settings::DATABASE_POOL.default() }
    }
}

impl SiganConfig {
    /// Sigan at an address, without credentials and with the default timeout.
    #[must_use]
    pub fn new(url: Url, brand: BrandId) -> Self {
        Self { url, brand, credentials: Credentials::None, timeout: settings::SIGAN_TIMEOUT.default() }
    }
}

impl GsimConfig {
    /// GSIM at an address, without a token and with the default timeouts.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            token: None,
            timeout: settings::GSIM_TIMEOUT.default(),
            order_timeout: settings::GSIM_ORDER_TIMEOUT.default(),
        }
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
    // A number is reserved within its preview's time, so a call that may outlast the preview could never succeed for certain.
    if sigan_call.is_some_and(|call| preview_ttl <= call) {
        layers.add_fault(
            &settings::PREVIEW_TTL.row,
            &format!("a time longer than {}", settings::SIGAN_TIMEOUT.row.key),
        );
    }
    Settings {
        preview_ttl,
        reservation_ttl: layers.value(&settings::RESERVATION_TTL),
        recycle_after: layers.value(&settings::RECYCLE_AFTER),
        expiring_notice: layers.value(&settings::EXPIRING_NOTICE),
        event_retention: layers.value(&settings::EVENT_RETENTION),
        reservation_max_ttl: layers.value(&settings::RESERVATION_MAX_TTL),
        preview_retention: layers.value(&settings::PREVIEW_RETENTION),
        sigan_call: sigan_call.unwrap_or_else(|| settings::SIGAN_TIMEOUT.default()),
        sigan_calls: layers.value(&settings::SIGAN_CALLS),
        sigan_queue: layers.value(&settings::SIGAN_QUEUE),
        gsim_call: layers.value(&settings::GSIM_ORDER_TIMEOUT),
        gsim_calls: layers.value(&settings::GSIM_CALLS),
        gsim_queue: layers.value(&settings::GSIM_QUEUE),
        client_share: layers.value(&settings::CLIENT_SHARE),
        draws: DrawBudget::new(layers.value(&settings::DRAWS_PER_DDD), layers.value(&settings::DRAWS_WINDOW)),
        sweep_interval: layers.value(&settings::SWEEP_INTERVAL),
        code_limits: CodeLimits {
            reads: layers.value(&settings::CODE_READS),
            age: layers.value(&settings::CODE_AGE),
        },
    }
}

fn common(layers: &mut Layers) -> CommonConfig {
    CommonConfig {
        settings: settings(layers),
        log: LogConfig {
            level: layers.optional(&settings::LOG_LEVEL),
            format: layers.value(&settings::LOG_FORMAT),
        },
        otlp_endpoint: layers.optional(&settings::OTLP_ENDPOINT),
        server: ServerConfig::read(layers),
        clients: clients::read(layers),
        webhooks: webhooks::read(layers),
    }
}

fn database(layers: &mut Layers) -> Option<DatabaseConfig> {
    let url = layers.required(&settings::DATABASE_URL);
    if let Some(expected) = url.as_ref().and_then(parameter_fault) {
        layers.add_fault(&settings::DATABASE_URL.row, &expected);
    }
    let pool = layers.value(&settings::DATABASE_POOL);
    Some(DatabaseConfig { url: url?, pool })
}

/// The fault of a parameter in a URL of PostgreSQL.
fn parameter_fault(url: &SecretString) -> Option<String> {
    let url = url.expose_secret();
    if url.starts_with("sqlite:") { None } else { fault_of_parameters(url) }
}

fn sigan(layers: &mut Layers, settings: &Settings, allow_http: Option<bool>) -> Option<SiganConfig> {
    let url = layers.required(&settings::SIGAN_URL);
    let brand = layers.required(&settings::SIGAN_BRAND);
    let credentials = safe_credentials(layers, url.as_ref(), allow_http);
    Some(SiganConfig { url: url?, brand: brand?, credentials: credentials?, timeout: settings.sigan_call })
}

/// Checks the settings of Sigan that are set, for a program that does not need them.
fn check_given_sigan(layers: &mut Layers, allow_http: Option<bool>) {
    let url = layers.optional(&settings::SIGAN_URL);
    layers.optional(&settings::SIGAN_BRAND);
    safe_credentials(layers, url.as_ref(), allow_http);
}

/// Reads the credentials for Sigan. It is a fault if they would be sent in the clear.
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
            layers.add_fault(
                &settings::SIGAN_TOKEN.row,
                "either a token, or a user with a password, or none of them",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
