//! `oss doctor`: checks everything that the service depends on, and says what to do.

use std::fmt::Display;
use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use oss_core::Config;
use oss_core::RedisCache;
use oss_core::gsim::{HttpGsim, SimProvider};
use oss_core::sigan::{HttpSigan, Sigan};
use oss_core::store::{self, ConnectionLimit, DatabaseReport};
use serde::Serialize;

use crate::args::VERSION;
use crate::exit::{self, Failure};
use crate::output::{Answer, Output, lines_of};
use crate::server::Server;
use crate::service::Service;

/// The difference of two clocks above which logs of the two machines are hard to compare.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// Checks a server as its callers see it, and exits with the code of the first failure. The server checks the systems behind it.
pub(crate) async fn run_through(server: &Server, output: Output) -> Result<ExitCode, Failure> {
    let begun = local_time();
    let mut checks = vec![Check::ok("program", format!("oss {VERSION}"))];
    match server.version().await {
        Ok((version, date)) => {
            // The header has whole seconds.
            let asked = (begun - TimeDelta::seconds(1), local_time() + TimeDelta::seconds(1));
            checks.push(check_version(server, &version));
            checks.push(check_key(server).await);
            checks.extend(date.map(|date| check_clock("server", date, asked)));
        }
        Err(failure) => checks.push(Check::failure("server", failure.exit, failure.message)),
    }
    write(checks, output)
}

fn check_version(server: &Server, version: &str) -> Check {
    let state = format!("version {version} at {}", server.address());
    if version == env!("CARGO_PKG_VERSION") {
        return Check::ok("server", state);
    }
    Check::warning("server", format!("{state}; use this program in the same version"))
}

/// Checks the key with a look-up that changes nothing. A key without the scope of the look-up is a key all the same.
async fn check_key(server: &Server) -> Check {
    match server.brands().await {
        Ok(_) => Check::ok("key", "accepted"),
        Err(failure) if failure.code == "forbidden" => Check::warning("key", failure.message),
        Err(failure) => Check::failure("key", failure.exit, failure.message),
    }
}

/// Checks everything at once, and exits with the code of the first failure.
pub(crate) async fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    let (database, sigan, gsim, redis) =
        tokio::join!(check_database(config), check_sigan(config), check_gsim(config), check_redis(config));
    let mut checks = vec![Check::ok("program", format!("oss {VERSION}"))];
    checks.extend(database);
    checks.extend([sigan, gsim, redis]);
    write(checks, output)
}

fn write(checks: Vec<Check>, output: Output) -> Result<ExitCode, Failure> {
    let failed = checks.iter().find(|check| check.result == Verdict::Failure);
    let code = failed.map_or(exit::OK, |check| check.exit);
    output.write_answer(&Diagnosis { healthy: failed.is_none(), checks })?;
    Ok(ExitCode::from(code))
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failure,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// A check, its result, and what to do.
#[derive(Debug, Serialize)]
struct Check {
    /// The subject of the check.
    name: &'static str,
    result: Verdict,
    message: String,
    /// The exit code of a failure.
    #[serde(skip)]
    exit: u8,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, result: Verdict::Ok, message: message.into(), exit: exit::OK }
    }

    fn warning(name: &'static str, message: impl Into<String>) -> Self {
        Self { result: Verdict::Warning, ..Self::ok(name, message) }
    }

    fn failure(name: &'static str, exit: u8, message: impl Display) -> Self {
        Self { result: Verdict::Failure, exit, ..Self::ok(name, message.to_string()) }
    }
}

/// The checks that need an answer of the database.
async fn check_database(config: &Config) -> Vec<Check> {
    let begun = local_time();
    match store::inspect(&config.database).await {
        Ok(report) => database_checks(&report, config.database.pool, (begun, local_time())),
        Err(error) => vec![Check::failure("database", exit::DATABASE, error)],
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of this machine is what is checked")]
fn local_time() -> DateTime<Utc> {
    Utc::now()
}

/// `asked` has the times at which the database was asked and had answered, by the clock of this machine.
fn database_checks(report: &DatabaseReport, pool: u32, asked: (DateTime<Utc>, DateTime<Utc>)) -> Vec<Check> {
    let mut checks = vec![Check::ok("database", &*report.version)];
    let encoding = check_encoding(&report.encoding);
    // Without UTF-8 the service reports only that fault, which is in the check of the encoding.
    if encoding.result == Verdict::Ok {
        checks.push(match &report.fault {
            Some(fault) => Check::failure("tables", exit::DATABASE, fault),
            None => Check::ok("tables", "those of this version"),
        });
    }
    checks.push(encoding);
    checks.extend(
        report.connections.map(|ConnectionLimit { limit, open, .. }| check_connections(limit, open, pool)),
    );
    if let Some(zone) = &report.time_zone {
        checks.push(Check::ok("time zone", &**zone));
        checks.push(check_clock("database", report.now, asked));
    }
    checks
}

fn check_encoding(encoding: &str) -> Check {
    if encoding == "UTF8" {
        return Check::ok("encoding", encoding);
    }
    let advice = "cannot hold every text; create a database with encoding 'UTF8'";
    Check::failure("encoding", exit::DATABASE, format!("{encoding} {advice}"))
}

fn check_connections(limit: u32, open: u32, pool: u32) -> Check {
    let state =
        format!("the user may have {limit}, {open} are open on the server, and a server's pool takes {pool}");
    if pool > limit {
        let advice = "raise max_connections or the limit of the user or the database, or lower database.pool";
        return Check::failure("connections", exit::DATABASE, format!("{state}; {advice}"));
    }
    if pool > limit / 2 {
        let advice = "a second server does not fit, which an upgrade needs; raise max_connections, or lower database.pool";
        return Check::warning("connections", format!("{state}; {advice}"));
    }
    Check::ok("connections", state)
}

fn check_clock(of: &str, now: DateTime<Utc>, (before, after): (DateTime<Utc>, DateTime<Utc>)) -> Check {
    // The other system told its time between these two, so a time between them is no difference.
    let difference = (before - now).max(now - after);
    if difference <= CLOCK_TOLERANCE {
        return Check::ok("clock", format!("that of the {of} agrees"));
    }
    let seconds = difference.num_seconds();
    Check::warning(
        "clock",
        format!("that of the {of} differs by {seconds} s; let NTP set the clocks of both machines"),
    )
}

async fn check_sigan(config: &Config) -> Check {
    let brand = &config.sigan.brand;
    let listed = match HttpSigan::new(&config.sigan) {
        Ok(sigan) => sigan.holds(brand, None, 1).await.map(drop).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match listed {
        Ok(()) => Check::ok("Sigan", format!("lists the numbers of brand {brand}")),
        Err(fault) => Check::failure(
            "Sigan",
            exit::SIGAN,
            format!("{fault}; check sigan.url, sigan.brand_id, the credentials and the network"),
        ),
    }
}

async fn check_gsim(config: &Config) -> Check {
    let Some(gsim) = &config.gsim else {
        return Check::ok("GSIM", "gsim.url is not set, so no SIM can be ordered");
    };
    let listed = match HttpGsim::new(gsim) {
        Ok(gsim) => {
            gsim.orders(&config.sigan.brand, None, 1).await.map(drop).map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    match listed {
        Ok(()) => Check::ok("GSIM", format!("lists the SIMs of brand {}", config.sigan.brand)),
        Err(fault) => Check::failure(
            "GSIM",
            exit::SIGAN,
            format!("{fault}; check gsim.url, gsim.token and the network"),
        ),
    }
}

/// A Redis that does not answer is no failure, because look-ups then go to the database.
async fn check_redis(config: &Config) -> Check {
    let Some(url) = &config.redis else {
        return Check::ok("Redis", "redis.url is not set, so look-ups are cached in memory only");
    };
    let answered = match RedisCache::new(url) {
        Ok(redis) => redis.ping().await,
        Err(error) => Err(error.to_string()),
    };
    match answered {
        Ok(()) => Check::ok("Redis", "answers"),
        Err(fault) => Check::warning(
            "Redis",
            format!("{fault}; look-ups go to the database meanwhile; check redis.url and the network"),
        ),
    }
}

#[derive(Debug, Serialize)]
struct Diagnosis {
    /// Whether nothing failed.
    healthy: bool,
    checks: Vec<Check>,
}

impl Answer for Diagnosis {
    fn table(&self, _oss: &str) -> String {
        let line = |Check { name, result, message, .. }: &Check| {
            format!("{:<7}  {name:<11}  {message}", result.as_str())
        };
        self.checks.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn lines(&self) -> serde_json::Result<Vec<String>> {
        lines_of(&self.checks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_fits_twice_into_the_limit() {
        let check = |limit, pool| {
            let check = check_connections(limit, 3, pool);
            (check.result, check.exit)
        };
        assert_eq!(check(97, 10), (Verdict::Ok, 0));
        assert_eq!(check(20, 10), (Verdict::Ok, 0));
        assert_eq!(check(19, 10), (Verdict::Warning, 0));
        assert_eq!(check(9, 10), (Verdict::Failure, 6));
    }

    #[test]
    fn a_clock_differs_if_its_time_is_outside_the_call() {
        let time = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("it is a time");
        let check = |now| check_clock("database", time(now), (time(10), time(20)));
        for now in [8, 10, 15, 22] {
            assert_eq!(check(now).result, Verdict::Ok, "{now}");
        }
        for (now, part) in [(7, "differs by 3 s"), (60, "differs by 40 s")] {
            let check = check(now);
            assert!(check.result == Verdict::Warning && check.message.contains(part), "{check:?}");
        }
    }
}
