//! The table of settings: what each is called, its default, what it is for, and how its text is read.

use std::fmt::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::cache::{Deployment, RedisUrl};
use crate::domain::{BrandId, Malformed, OLDER_BRAND};
use crate::http::CONNECT_TIMEOUT;
use crate::log::LogFormat;

/// One setting.
pub(super) struct Setting {
    /// Its name in the file, and for flags.
    pub(super) key: &'static str,
    /// Its name in the environment.
    pub(super) env: &'static str,
    /// The text it has where nobody sets it.
    pub(super) default: Option<&'static str>,
    /// What it is for.
    pub(super) about: &'static str,
}

const fn setting(
    key: &'static str,
    env: &'static str,
    default: Option<&'static str>,
    about: &'static str,
) -> Setting {
    Setting { key, env, default, about }
}

/// Every setting.
pub(super) const SETTINGS: [Setting; 34] = [
    setting(
        "database.url",
        "OSS_DATABASE_URL",
        None,
        "`postgres://user:password@host/name` or `sqlite://path/to/file`; must be named",
    ),
    setting("database.pool", "OSS_DATABASE_POOL", Some("10"), "connections to PostgreSQL, 1 to 1000"),
    setting(
        "redis.url",
        "OSS_REDIS_URL",
        None,
        "`redis://host:6379`, `redis+cluster://host:6379,host:6379` or `redis+sentinel://host:26379,host:26379/master`, \
         `rediss` for TLS, `user:password@` before the hosts; without it, look-ups are cached in memory only",
    ),
    setting("sigan.url", "OSS_SIGAN_URL", None, "where Sigan's paths lie; must be named"),
    setting(
        "sigan.brand_id",
        "OSS_SIGAN_BRAND_ID",
        None,
        "the brand on whose behalf numbers are held; must be named",
    ),
    setting("sigan.token", "OSS_SIGAN_TOKEN", None, "bearer token for Sigan"),
    setting("sigan.user", "OSS_SIGAN_USER", None, "user for Sigan, instead of a token"),
    setting("sigan.password", "OSS_SIGAN_PASSWORD", None, "that user's password"),
    setting(
        "sigan.timeout",
        "OSS_SIGAN_TIMEOUT",
        Some("15s"),
        "the longest call to Sigan, over 1s and up to 2m",
    ),
    setting(
        "sigan.calls",
        "OSS_SIGAN_CALLS",
        Some("2000"),
        "how many calls of callers to Sigan may be in flight, 1 to 100000",
    ),
    setting(
        "sigan.queue",
        "OSS_SIGAN_QUEUE",
        Some("200"),
        "how many more may wait, for at most 2s, 0 to 100000; any beyond are told to come back",
    ),
    setting(
        "gsim.url",
        "OSS_GSIM_URL",
        None,
        "where GSIM's paths lie; without it, a device that is not in the catalogue is unknown",
    ),
    setting("gsim.token", "OSS_GSIM_TOKEN", None, "bearer token for GSIM"),
    setting("gsim.timeout", "OSS_GSIM_TIMEOUT", Some("2s"), "the longest call to GSIM, over 1s and up to 2m"),
    setting(
        "credentials.allow_http",
        "OSS_ALLOW_HTTP_CREDENTIALS",
        Some("false"),
        "`true` sends tokens and passwords for Sigan and GSIM over `http://` also to other machines, where anyone on the way \
         can read them",
    ),
    setting("preview.ttl", "OSS_PREVIEW_TTL", Some("15m"), "how long a preview may be reserved from"),
    setting(
        "preview.retention",
        "OSS_PREVIEW_RETENTION",
        Some("30d"),
        "how long a preview is kept after its end, and with it the memory of its idempotency key",
    ),
    setting(
        "reservation.ttl",
        "OSS_RESERVATION_TTL",
        Some("24h"),
        "how long a reserved number is held before it counts as abandoned",
    ),
    setting(
        "sweep.interval",
        "OSS_SWEEP_INTERVAL",
        Some("5s"),
        "how long a server rests between two sweeps; what failed is tried again within that time, or within 5m if Sigan answers \
         other calls meanwhile",
    ),
    setting(
        "log.level",
        "OSS_LOG",
        None,
        "`error`, `warn`, `info`, `debug` or `trace`; the server's default is `info`, the command line's `warn`",
    ),
    setting("log.format", "OSS_LOG_FORMAT", Some("text"), "`text` or `json`"),
    setting(
        "telemetry.otlp_endpoint",
        "OSS_OTLP_ENDPOINT",
        None,
        "where a collector takes traces over OTLP, such as `http://collector:4318`; without it none are sent",
    ),
    setting("server.listen", "OSS_LISTEN", Some("127.0.0.1:8080"), "where the server listens"),
    setting(
        "server.admin_listen",
        "OSS_ADMIN_LISTEN",
        None,
        "where `/health` and `/metrics` are answered instead, without keys and without TLS",
    ),
    setting(
        "server.drain",
        "OSS_DRAIN",
        Some("5s"),
        "how long the server goes on serving after SIGTERM, not ready any more, so that load balancers have noticed when it \
         takes no more connections; up to 5m, `0s` for not at all",
    ),
    setting(
        "server.tls_cert",
        "OSS_TLS_CERT",
        None,
        "the server's certificate and its chain, a PEM file; read again when it changes",
    ),
    setting("server.tls_key", "OSS_TLS_KEY", None, "its private key, a PEM file"),
    setting(
        "server.tls_client_ca",
        "OSS_TLS_CLIENT_CA",
        None,
        "a PEM file of authorities; then every caller must show a certificate of one of them",
    ),
    setting(
        "limits.requests_per_second",
        "OSS_REQUESTS_PER_SECOND",
        Some("1000"),
        "how many requests of one client are served, 1 to 1000000; in a burst, as many at once",
    ),
    setting(
        "limits.concurrent_requests",
        "OSS_CONCURRENT_REQUESTS",
        Some("4000"),
        "how many requests are served at the same time, 1 to 100000; any beyond are told to come back",
    ),
    setting(
        "limits.connections",
        "OSS_CONNECTIONS",
        Some("8000"),
        "how many connections are open at the same time, 1 to 100000; any beyond are closed",
    ),
    setting(
        "limits.client_share",
        "OSS_CLIENT_SHARE",
        Some("50"),
        "what part of the concurrent requests, of `sigan.calls`, of `sigan.queue` and of the calls that wait for another one like \
         them a client may take at once if there are other clients, in percent, 1 to 100",
    ),
    setting(
        "limits.draws_per_ddd",
        "OSS_DRAWS_PER_DDD",
        Some("2000"),
        "how many numbers of one DDD a client may draw at a server before it has to wait, 3 to 1000000 (a preview draws three, a \
         random reserve one); `0` for no limit",
    ),
    setting(
        "limits.draws_window",
        "OSS_DRAWS_WINDOW",
        Some("15m"),
        "in what time all of them come back, evenly",
    ),
];

/// How the name of every variable begins.
pub(super) const PREFIX: &str = "OSS_";

/// Variables that the programs read as flags.
pub(super) const FLAG_VARIABLES: [&str; 2] = ["OSS_CONFIG", "OSS_SANDBOX_DIR"];

/// How alike two names are, from 0 to 1, of which one may be a misspelling of the other.
const ALIKE: f64 = 0.75;

/// The variable of ours that an unknown variable resembles; none if it belongs to another product.
///
/// It resembles one that is written almost like it, or almost like the key in the file (`OSS_SERVER_LISTEN` for
/// `server.listen`), and one of the same section, as `OSS_SIGAN_SECRET` does.
pub(super) fn resembled(name: &str) -> Option<&'static str> {
    let likeness = |ours: &str| {
        strsim::normalized_damerau_levenshtein(
            ours.trim_start_matches(PREFIX),
            name.trim_start_matches(PREFIX),
        )
    };
    let spellings = |setting: &Setting| {
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
    for Setting { key, env, default, about } in &SETTINGS {
        let default = default.map(|text| format!("`{text}`")).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(table, "| `{key}` | `{env}` | {default} | {about} |");
    }
    table
}

/// What a text was expected to be, where it is not.
pub(super) type Expected = &'static str;

pub(super) fn user(text: &str) -> Result<String, Expected> {
    // Basic credentials are `user:password` (RFC 7617).
    if text.contains(':') { Err("a user without a colon") } else { Ok(text.to_owned()) }
}

pub(super) fn secret(text: &str) -> Result<SecretString, Expected> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    printable.then(|| text.into()).ok_or("visible ASCII characters, without spaces")
}

pub(super) fn switch(text: &str) -> Result<bool, Expected> {
    text.parse().map_err(|_| "true or false")
}

pub(super) fn duration(text: &str) -> Result<Duration, Expected> {
    const YEAR: Duration = Duration::from_hours(365 * 24);
    match humantime::parse_duration(text) {
        Ok(duration) if duration >= Duration::from_secs(1) && duration <= YEAR => Ok(duration),
        _ => Err("a time from 1s to a year, such as 90s, 15m or 24h"),
    }
}

pub(super) fn drain(text: &str) -> Result<Duration, Expected> {
    let drain = humantime::parse_duration(text).ok();
    drain.filter(|drain| *drain <= Duration::from_mins(5)).ok_or("a time up to 5m, such as 5s, or 0s")
}

pub(super) fn call_timeout(text: &str) -> Result<Duration, Expected> {
    match humantime::parse_duration(text) {
        Ok(timeout) if timeout > CONNECT_TIMEOUT && timeout <= Duration::from_mins(2) => Ok(timeout),
        _ => Err("a time over 1s and up to 2m, such as 15s"),
    }
}

pub(super) fn level(text: &str) -> Result<tracing::Level, Expected> {
    let known = ["error", "warn", "info", "debug", "trace"].contains(&text);
    let level = known.then(|| text.parse().ok()).flatten();
    level.ok_or("one of error, warn, info, debug, trace")
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, Expected> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("text or json"),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, Expected> {
    text.parse().map_err(|_| "an address and a port, such as 127.0.0.1:8080")
}

/// A path is read when it is needed; here it only has to be one.
pub(super) fn file(text: &str) -> Result<PathBuf, Expected> {
    if text.is_empty() { Err("the path of a file") } else { Ok(text.into()) }
}

pub(super) fn rate(text: &str) -> Result<NonZeroU32, Expected> {
    let rate: Option<NonZeroU32> = text.parse().ok();
    rate.filter(|rate| rate.get() <= 1_000_000).ok_or("a number from 1 to 1000000")
}

pub(super) fn calls(text: &str) -> Result<usize, Expected> {
    text.parse().ok().filter(|calls| (1..=100_000).contains(calls)).ok_or("a number from 1 to 100000")
}

pub(super) fn queue(text: &str) -> Result<usize, Expected> {
    text.parse().ok().filter(|places| *places <= 100_000).ok_or("a number from 0 to 100000")
}

/// A budget that is smaller than a preview would allow none at all.
pub(super) fn draws(text: &str) -> Result<u32, Expected> {
    let allowed = |numbers: &u32| *numbers == 0 || (3..=1_000_000).contains(numbers);
    text.parse().ok().filter(allowed).ok_or("a number from 3 to 1000000, or 0")
}

pub(super) fn pool_size(text: &str) -> Result<u32, Expected> {
    text.parse().ok().filter(|size| (1..=1000).contains(size)).ok_or("a number from 1 to 1000")
}

pub(super) fn database_url(text: &str) -> Result<SecretString, Expected> {
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

/// Whether a `#`, `/` or `?` of a password ends the host of this URL, whose scheme is cut off. Then a part of the password
/// would be taken for the host, and errors would show it.
fn has_unencoded_password(rest: &str) -> bool {
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = address.split_once('/').map_or("", |(_, path)| path);
    let is_option = |option: &str| option.is_empty() || option.contains('=');
    rest.contains('#') || path.contains('@') || !query.split('&').all(is_option)
}

pub(super) fn redis_url(text: &str) -> Result<RedisUrl, Expected> {
    Deployment::at(text).map(|_| RedisUrl(text.into()))
}

pub(super) fn base_url(text: &str) -> Result<Url, Expected> {
    let bare = |url: &Url| {
        url.has_host() && url.username().is_empty() && url.password().is_none() && url.query().is_none()
    };
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && bare(url));
    url.ok_or("https://host/path, with the credentials in settings of their own")
}

/// A value of a type of the domain.
pub(super) fn parsed<T: FromStr<Err = Malformed>>(text: &str) -> Result<T, Expected> {
    text.parse().map_err(|malformed: Malformed| malformed.expected)
}

/// The rule for a brand that somebody acts for, as messages state it.
pub(crate) const BRAND: Expected =
    "any brand but `unknown`, which is reserved for data written before brands existed";

pub(super) fn brand(text: &str) -> Result<BrandId, Expected> {
    if text == OLDER_BRAND { Err(BRAND) } else { parsed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_every_setting() {
        let readme = include_str!("../../../README.md");
        assert!(readme.contains(&markdown_table()), "put this into README.md:\n{}", markdown_table());
    }
}
