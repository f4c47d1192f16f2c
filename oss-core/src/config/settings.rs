//! The table of settings: the names, the default, the purpose and the reader of each.

use std::fmt::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::access::Share;
use crate::cache::{Deployment, RedisUrl};
use crate::domain::{BrandId, Malformed, OLDER_BRAND};
use crate::http::CONNECT_TIMEOUT;
use crate::log::LogFormat;

/// The description of a setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Its name in the file.
    pub(super) key: &'static str,
    /// Its name in the environment.
    pub(super) env: &'static str,
    /// Its text if nobody sets it.
    pub(super) default: Option<&'static str>,
    /// The bounds of its value. They replace `{}` in the texts.
    bounds: &'static str,
    /// Its purpose.
    about: &'static str,
    /// The part of its value that a person may see.
    pub(super) shown: Shown,
}

/// The part of a setting's value that a person may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// All of it.
    Whole,
    /// A URL without its user, password and parameters.
    WithoutCredentials,
    /// Nothing, because it is a secret.
    Nothing,
}

impl Row {
    /// A text of this setting. Its bounds replace `{}`.
    pub(super) fn with_bounds(&self, text: &str) -> String {
        text.replace("{}", self.bounds)
    }
}

/// A setting: its description, and the function that reads its text.
pub(super) struct Setting<T> {
    pub(super) row: Row,
    pub(super) read: fn(&str) -> Result<T, Expected>,
}

const fn setting<T>(
    key: &'static str,
    env: &'static str,
    read: fn(&str) -> Result<T, Expected>,
    about: &'static str,
) -> Setting<T> {
    Setting { row: Row { key, env, default: None, bounds: "", about, shown: Shown::Whole }, read }
}

impl<T> Setting<T> {
    const fn or(self, default: &'static str) -> Self {
        Self { row: Row { default: Some(default), ..self.row }, ..self }
    }

    const fn within(self, bounds: &'static str) -> Self {
        Self { row: Row { bounds, ..self.row }, ..self }
    }

    const fn showing(self, shown: Shown) -> Self {
        Self { row: Row { shown, ..self.row }, ..self }
    }

    /// The value if nobody sets it.
    pub(super) fn default(&self) -> T {
        // The tests of this module read every default.
        (self.read)(self.row.default.expect("it has a default")).expect("its default can be read")
    }
}

/// A setting that is a number within bounds.
macro_rules! numeric {
    ($read:ident, $min:literal to $max:literal, $key:literal, $env:literal, $about:literal) => {
        setting($key, $env, $read::<$min, $max, _>, $about).within(concat!($min, " to ", $max))
    };
}

/// A setting that is a time of at most `$max` minutes.
macro_rules! timed {
    ($read:ident, $min:literal up to $max:literal min, $key:literal, $env:literal, $about:literal) => {
        setting($key, $env, $read::<$max>, $about).within(concat!($min, "up to ", $max, "m"))
    };
}

/// Declares each setting, and the list of their descriptions.
macro_rules! settings {
    ($($name:ident: $type:ty = $setting:expr;)+) => {
        $(pub(super) const $name: Setting<$type> = $setting;)+
        pub(super) const SETTINGS: &[Row] = &[$($name.row),+];

        /// Whether the text of each of [`SETTINGS`] can be read.
        pub(super) const READABLE: &[fn(&str) -> bool] = &[$(|text| ($name.read)(text).is_ok()),+];

        /// The type of the value of each of [`SETTINGS`].
        #[cfg(test)]
        const TYPES: &[&str] = &[$(stringify!($type)),+];
    };
}

settings! {
    DATABASE_URL: SecretString = setting("database.url", "OSS_DATABASE_URL", database_url,
        "`postgres://user:password@host/name` or `sqlite://path/to/file`; required; of several hosts (`host:5432,host:5432`) the \
         one that accepts writes is used").showing(Shown::WithoutCredentials);
    DATABASE_POOL: u32 = numeric!(number, 1 to 1000, "database.pool", "OSS_DATABASE_POOL",
        "connections to PostgreSQL, {}").or("10");
    REDIS_URL: RedisUrl = setting("redis.url", "OSS_REDIS_URL", redis_url,
        "`redis://host:6379`, `redis+cluster://host:6379,host:6379` or `redis+sentinel://host:26379,host:26379/master`, \
         `rediss` for TLS, and `user:password@` before the hosts; without it, look-ups are cached in memory only")
        .showing(Shown::WithoutCredentials);
    SIGAN_URL: Url = setting("sigan.url", "OSS_SIGAN_URL", base_url, "the base URL of Sigan; required");
    SIGAN_BRAND: BrandId = setting("sigan.brand_id", "OSS_SIGAN_BRAND_ID", brand,
        "the brand for which numbers are held in Sigan; required");
    SIGAN_TOKEN: SecretString = setting("sigan.token", "OSS_SIGAN_TOKEN", secret, "bearer token for Sigan").showing(Shown::Nothing);
    SIGAN_USER: String = setting("sigan.user", "OSS_SIGAN_USER", user, "user for Sigan, instead of a token");
    SIGAN_PASSWORD: SecretString = setting("sigan.password", "OSS_SIGAN_PASSWORD", secret, "the password of that user")
        .showing(Shown::Nothing);
    SIGAN_TIMEOUT: Duration = timed!(call_timeout, "over 1s and " up to 2 min, "sigan.timeout", "OSS_SIGAN_TIMEOUT",
        "the longest time of a call to Sigan, {}").or("15s");
    SIGAN_CALLS: usize = numeric!(number, 1 to 100_000, "sigan.calls", "OSS_SIGAN_CALLS",
        "how many calls to Sigan may be in flight for callers, {}").or("2000");
    SIGAN_QUEUE: usize = numeric!(number, 0 to 100_000, "sigan.queue", "OSS_SIGAN_QUEUE",
        "how many more calls may wait, for at most 2s, {}; any call beyond them gets 503").or("200");
    GSIM_URL: Url = setting("gsim.url", "OSS_GSIM_URL", base_url,
        "the base URL of GSIM; without it, no SIM can be ordered, and a device that is not in the catalogue is unknown");
    GSIM_TOKEN: SecretString = setting("gsim.token", "OSS_GSIM_TOKEN", secret, "bearer token for GSIM").showing(Shown::Nothing);
    GSIM_TIMEOUT: Duration = timed!(call_timeout, "over 1s and " up to 2 min, "gsim.timeout", "OSS_GSIM_TIMEOUT",
        "the longest time of a question about a device to GSIM, {}").or("2s");
    GSIM_ORDER_TIMEOUT: Duration = timed!(call_timeout, "over 1s and " up to 2 min, "gsim.order_timeout",
        "OSS_GSIM_ORDER_TIMEOUT", "the longest time of a call about an order to GSIM, {}").or("15s");
    GSIM_CALLS: usize = numeric!(number, 1 to 100_000, "gsim.calls", "OSS_GSIM_CALLS",
        "how many calls to GSIM about orders may be in flight for callers, for eSIMs and for cards each, {}").or("500");
    GSIM_QUEUE: usize = numeric!(number, 0 to 100_000, "gsim.queue", "OSS_GSIM_QUEUE",
        "how many more such calls may wait, for at most 2s, {}; any call beyond them gets 503").or("100");
    ALLOW_HTTP: bool = setting("credentials.allow_http", "OSS_ALLOW_HTTP_CREDENTIALS", switch,
        "`true` allows `http://` to other machines for the tokens and passwords of Sigan and GSIM, and for webhooks; then anyone on \
         the way can read them; the command line sends its key to a server over `http://` only if the variable is set").or("false");
    PREVIEW_TTL: Duration = setting("preview.ttl", "OSS_PREVIEW_TTL", duration,
        "how long numbers can be reserved from a preview").or("15m");
    PREVIEW_RETENTION: Duration = setting("preview.retention", "OSS_PREVIEW_RETENTION", duration,
        "how long a preview and its idempotency key are kept after the end of the preview").or("30d");
    RESERVATION_TTL: Duration = setting("reservation.ttl", "OSS_RESERVATION_TTL", duration,
        "how long a reserved number is held until it counts as abandoned").or("24h");
    RECYCLE_AFTER: Option<Duration> = setting("numbers.recycle_after", "OSS_NUMBERS_RECYCLE_AFTER", duration_or_off,
        "how long after it was given back a number is not offered again, or 0").or("0");
    EXPIRING_NOTICE: Duration = setting("reservation.expiring_notice", "OSS_RESERVATION_EXPIRING_NOTICE", duration,
        "how long before the end of a reservation the event `number.expiring` is written; a reservation that is not longer has none").or("1h");
    EVENT_RETENTION: Duration = setting("events.retention", "OSS_EVENTS_RETENTION", duration,
        "how long events are kept for readers and webhooks").or("30d");
    RESERVATION_MAX_TTL: Duration = setting("reservation.max_ttl", "OSS_RESERVATION_MAX_TTL", duration,
        "how long a reserved number can be held in all, if its hold is extended").or("7d");
    SWEEP_INTERVAL: Duration = setting("sweep.interval", "OSS_SWEEP_INTERVAL", duration,
        "how long a server rests between two sweeps; it also repeats a failed release or question after that time, or after up to \
         5m if Sigan answers other calls").or("5s");
    CODE_READS: u32 = numeric!(number, 1 to 1000, "activation.reads", "OSS_ACTIVATION_READS",
        "how often the activation code of an eSIM can be read, {}").or("10");
    CODE_AGE: Duration = setting("activation.valid_for", "OSS_ACTIVATION_VALID_FOR", duration,
        "how long after an eSIM was issued its activation code can be read").or("30d");
    LOG_LEVEL: tracing::Level = setting("log.level", "OSS_LOG", level,
        "`error`, `warn`, `info`, `debug` or `trace`; the default is `info` for the server and `warn` for the command line");
    LOG_FORMAT: LogFormat = setting("log.format", "OSS_LOG_FORMAT", log_format, "`text` or `json`").or("text");
    OTLP_ENDPOINT: Url = setting("telemetry.otlp_endpoint", "OSS_OTLP_ENDPOINT", base_url,
        "the collector that gets traces over OTLP, such as `http://collector:4318`; without it, no traces are sent");
    LISTEN: SocketAddr = setting("server.listen", "OSS_LISTEN", address, "the address on which the server listens").or("127.0.0.1:8080");
    ADMIN_LISTEN: SocketAddr = setting("server.admin_listen", "OSS_ADMIN_LISTEN", address,
        "a separate address for `/health` and `/metrics`, without keys and without TLS");
    CONSOLE: bool = setting("server.console", "OSS_CONSOLE", switch,
        "`false` turns off the console for operators at `/console`").or("true");
    DRAIN: Duration = timed!(drain, "" up to 5 min, "server.drain", "OSS_DRAIN",
        "how long the server goes on serving after SIGTERM, so that load balancers notice that it is not ready; {}, `0s` to stop at \
         once").or("5s");
    TLS_CERT: PathBuf = setting("server.tls_cert", "OSS_TLS_CERT", file,
        "the server's certificate with its chain, a PEM file; the server reads it again when it changes");
    TLS_KEY: PathBuf = setting("server.tls_key", "OSS_TLS_KEY", file, "the private key of the certificate, a PEM file");
    TLS_CLIENT_CA: PathBuf = setting("server.tls_client_ca", "OSS_TLS_CLIENT_CA", file,
        "certificates of authorities, a PEM file; with it, every caller must show a certificate from one of them");
    REQUESTS_PER_SECOND: NonZeroU32 = numeric!(number, 1 to 1_000_000, "limits.requests_per_second", "OSS_REQUESTS_PER_SECOND",
        "how many requests each client may send per second, {}; a burst may have as many at once").or("1000");
    CONCURRENT_REQUESTS: usize = numeric!(number, 1 to 100_000, "limits.concurrent_requests", "OSS_CONCURRENT_REQUESTS",
        "how many requests are served at the same time, {}; any request beyond them gets 503").or("4000");
    CONNECTIONS: usize = numeric!(number, 1 to 100_000, "limits.connections", "OSS_CONNECTIONS",
        "how many connections may be open at the same time, {}; any connection beyond them is closed").or("8000");
    CLIENT_SHARE: Share = setting("limits.client_share", "OSS_CLIENT_SHARE", domain_value,
        "the largest share of one client if there are other clients, in percent, 1 to 100; it applies to the concurrent requests, \
         to the calls and queues of Sigan and GSIM, and to the calls that wait for another one like them").or("50");
    DRAWS_PER_DDD: u32 = numeric!(number_or_zero, 3 to 1_000_000, "limits.draws_per_ddd", "OSS_DRAWS_PER_DDD",
        "how many numbers of one DDD a client may draw at a server before it has to wait, {} (a preview draws three, a random \
         reserve one); `0` means no limit").or("2000");
    DRAWS_WINDOW: Duration = setting("limits.draws_window", "OSS_DRAWS_WINDOW", duration,
        "the time in which all draws of a client come back, evenly").or("15m");
}

/// The beginning of the name of every variable.
pub(super) const PREFIX: &str = "OSS_";

/// The variable that names the file.
pub(super) const CONFIG_FILE: &str = "OSS_CONFIG";

/// Variables that the programs read beside the settings.
pub(super) const FLAG_VARIABLES: [&str; 5] =
    [CONFIG_FILE, "OSS_SANDBOX_DIR", "OSS_SERVER", "OSS_KEY", "OSS_PROFILE"];

/// The similarity, from 0 to 1, from which one name may be a misspelling of another.
const ALIKE: f64 = 0.75;

/// The variable of ours that an unknown variable probably means; none if it belongs to another product.
///
/// That is the variable that is written almost like it, or whose key in the file is (`OSS_SERVER_LISTEN` for `server.listen`), or
/// else a variable of the same section (`OSS_SIGAN_URL` for `OSS_SIGAN_SECRET`).
pub(super) fn intended_variable(name: &str) -> Option<&'static str> {
    let likeness = |ours: &str| {
        strsim::normalized_damerau_levenshtein(
            ours.trim_start_matches(PREFIX),
            name.trim_start_matches(PREFIX),
        )
    };
    let spellings = |setting: &Row| {
        let by_key = setting.key.replace('.', "_").to_ascii_uppercase();
        [(likeness(setting.env), setting.env), (likeness(&by_key), setting.env)]
    };
    let flags = FLAG_VARIABLES.map(|variable| (likeness(variable), variable));
    let ours = SETTINGS.iter().flat_map(spellings).chain(flags);
    let (alike, nearest) = ours.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (alike >= ALIKE).then_some(nearest).or_else(|| of_same_section(name))
}

/// A variable of the section that a name begins with: `OSS_SIGAN_URL` for `OSS_SIGAN_…`.
fn of_same_section(name: &str) -> Option<&'static str> {
    let section = |env: &'static str, key: &str| {
        let section = key.split('.').next()?.to_ascii_uppercase();
        let rest = name.strip_prefix(PREFIX)?.strip_prefix(&section)?;
        let is_in_section = env.starts_with(&format!("{PREFIX}{section}"));
        (is_in_section && (rest.is_empty() || rest.starts_with('_'))).then_some(env)
    };
    SETTINGS.iter().find_map(|setting| section(setting.env, setting.key))
}

/// The settings as a table in Markdown, as the README shows it.
#[must_use]
pub fn markdown_table() -> String {
    let mut table = String::from("| in the file | in the environment | default | |\n|---|---|---|---|\n");
    for row @ Row { key, env, default, about, .. } in SETTINGS {
        let default = default.map(|text| format!("`{text}`")).unwrap_or_default();
        let about = row.with_bounds(about);
        // Writing to a string does not fail.
        let _ = writeln!(table, "| `{key}` | `{env}` | {default} | {about} |");
    }
    table
}

/// The expected form of a text, for a fault: "expected …".
pub(super) type Expected = &'static str;

fn user(text: &str) -> Result<String, Expected> {
    // Basic credentials are `user:password` (RFC 7617).
    if text.contains(':') { Err("a user without a colon") } else { Ok(text.to_owned()) }
}

fn secret(text: &str) -> Result<SecretString, Expected> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    printable.then(|| text.into()).ok_or("visible ASCII characters, without spaces")
}

fn switch(text: &str) -> Result<bool, Expected> {
    text.parse().map_err(|_| "true or false")
}

fn duration(text: &str) -> Result<Duration, Expected> {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    match humantime::parse_duration(text) {
        Ok(duration) if duration >= Duration::from_secs(1) && duration <= YEAR => Ok(duration),
        _ => Err("a time from 1s to a year, such as 90s, 15m or 24h"),
    }
}

fn duration_or_off(text: &str) -> Result<Option<Duration>, Expected> {
    if text == "0" {
        Ok(None)
    } else {
        duration(text).map(Some).map_err(|_| "0, or a time from 1s to a year, such as 30d")
    }
}

fn drain<const MAX: u64>(text: &str) -> Result<Duration, Expected> {
    let drain = humantime::parse_duration(text).ok();
    drain.filter(|drain| *drain <= Duration::from_mins(MAX)).ok_or("a time {}, such as 5s, or 0s")
}

fn call_timeout<const MAX: u64>(text: &str) -> Result<Duration, Expected> {
    match humantime::parse_duration(text) {
        Ok(timeout) if timeout > CONNECT_TIMEOUT && timeout <= Duration::from_mins(MAX) => Ok(timeout),
        _ => Err("a time {}, such as 15s"),
    }
}

fn level(text: &str) -> Result<tracing::Level, Expected> {
    let known = ["error", "warn", "info", "debug", "trace"].contains(&text);
    let level = known.then(|| text.parse().ok()).flatten();
    level.ok_or("one of error, warn, info, debug, trace")
}

fn log_format(text: &str) -> Result<LogFormat, Expected> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("text or json"),
    }
}

fn address(text: &str) -> Result<SocketAddr, Expected> {
    text.parse().map_err(|_| "an address and a port, such as 127.0.0.1:8080")
}

/// Checks only that a path is given. The file is read when it is needed.
fn file(text: &str) -> Result<PathBuf, Expected> {
    if text.is_empty() { Err("the path of a file") } else { Ok(text.into()) }
}

fn number<const MIN: u32, const MAX: u32, T: TryFrom<u32>>(text: &str) -> Result<T, Expected> {
    let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
    number.and_then(|number| number.try_into().ok()).ok_or("a number from {}")
}

/// Reads a number that is 0 or within bounds, because a budget smaller than a preview would allow no preview at all.
fn number_or_zero<const MIN: u32, const MAX: u32, T: TryFrom<u32>>(text: &str) -> Result<T, Expected> {
    number::<MIN, MAX, T>(text).or_else(|_| number::<0, 0, T>(text)).map_err(|_| "a number from {}, or 0")
}

fn database_url(text: &str) -> Result<SecretString, Expected> {
    if text.starts_with("sqlite://") || text.starts_with("sqlite::memory:") {
        return Ok(text.into());
    }
    let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
    let rest = rest.ok_or("postgres://user:password@host/name or sqlite://path/to/file")?;
    if has_unencoded_password(rest) {
        return Err("a password whose special characters are percent-encoded, such as %23 for #");
    }
    Ok(text.into())
}

/// Whether a `#`, `/` or `?` of a password ends the host of this URL without its scheme. If so, a part of the password would be
/// taken for the host, and errors would show it.
fn has_unencoded_password(rest: &str) -> bool {
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = address.split_once('/').map_or("", |(_, path)| path);
    let is_option = |option: &str| option.is_empty() || option.contains('=');
    rest.contains('#') || path.contains('@') || !query.split('&').all(is_option)
}

fn redis_url(text: &str) -> Result<RedisUrl, Expected> {
    Deployment::at(text).map(|_| RedisUrl(text.into()))
}

pub(super) fn base_url(text: &str) -> Result<Url, Expected> {
    let is_bare = |url: &Url| {
        url.has_host() && url.username().is_empty() && url.password().is_none() && url.query().is_none()
    };
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && is_bare(url));
    url.ok_or("https://host/path, with the credentials in settings of their own")
}

/// Reads a value of a type of the domain.
pub(super) fn domain_value<T: FromStr<Err = Malformed>>(text: &str) -> Result<T, Expected> {
    text.parse().map_err(|malformed: Malformed| malformed.expected)
}

/// The rule for a brand that a client may act for, as messages state it.
pub(crate) const BRAND: Expected =
    "any brand but `unknown`, which is reserved for data written before brands existed";

pub(super) fn brand(text: &str) -> Result<BrandId, Expected> {
    if text == OLDER_BRAND { Err(BRAND) } else { domain_value(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_every_setting() {
        let readme = include_str!("../../../README.md");
        assert!(readme.contains(&markdown_table()), "put this into README.md:\n{}", markdown_table());
    }

    #[test]
    fn no_secret_is_shown_whole() {
        assert!(TYPES.contains(&"SecretString") && TYPES.contains(&"RedisUrl"));
        for (Row { key, shown, .. }, of) in SETTINGS.iter().zip(TYPES) {
            let is_secret = matches!(*of, "SecretString" | "RedisUrl");
            assert_eq!(is_secret, *shown != Shown::Whole, "{key}: {of}");
        }
    }
}
