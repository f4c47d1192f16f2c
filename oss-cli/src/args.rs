//! The command line. Values are parsed into the library's own types here, so a bad one never gets further.

mod events;
mod globals;
#[cfg(feature = "sandbox")]
mod gsim_mock;
mod lists;
mod sims;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{ArgGroup, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use oss_core::access::{COMMAND_LINE, client_name};
use oss_core::search::SearchTerm;
use oss_core::{
    BrandId, ClientName, Ddd, DeviceCode, DeviceModelId, ExternalId, IdempotencyKey, Imei, Index, Malformed,
    Msisdn, PreviewId, SimId, Tac, config,
};

pub(crate) use self::events::{EventsArgs, WebhooksCommand};
pub(crate) use self::globals::{Globals, server_url};
#[cfg(feature = "sandbox")]
pub(crate) use self::gsim_mock::GsimMockArgs;
pub(crate) use self::lists::ListArgs;
pub(crate) use self::sims::{LineCommand, SimCommand};
use crate::usage::hide_numbers;
use crate::{examples, exit};

/// The version, and the commit that the build script found.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("OSS_COMMIT"), ")");

/// The life of a phone number between an MVNE and Sigan, Vivo's number inventory.
#[derive(Debug, Parser)]
#[command(name = "oss", version = VERSION, after_help = examples::with(&examples::all(), exit::HELP), propagate_version = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Reads a command line. An error does not repeat the wrong text, because it may be a customer's number, and errors reach logs.
pub(crate) fn parse<T: Into<OsString> + Clone>(
    line: impl IntoIterator<Item = T>,
) -> Result<Args, clap::Error> {
    read(line).map_err(hide_numbers)
}

fn read<T: Into<OsString> + Clone>(line: impl IntoIterator<Item = T>) -> Result<Args, clap::Error> {
    let matches = Args::command().try_get_matches_from(line)?;
    let mut args = Args::from_arg_matches(&matches)?;
    args.globals.names_sandbox_dir = matches.value_source("sandbox_dir") == Some(ValueSource::CommandLine);
    Ok(args)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pre-reserve three numbers of an area code and show them masked.
    #[command(after_help = examples::PREVIEW)]
    Preview {
        /// The area code.
        #[arg(long)]
        ddd: Ddd,
        /// A preview that the new one replaces.
        #[arg(long, value_name = "ID")]
        previous: Option<PreviewId>,
        /// A key that makes the command repeatable: the same key gives the same preview.
        #[arg(long, value_name = "KEY", value_parser = key)]
        idempotency_key: Option<IdempotencyKey>,
    },
    /// Reserve a number of a preview, or a random one of an area code.
    #[command(after_help = examples::RESERVE, group = ArgGroup::new("what").required(true).args(["ddd", "preview"]))]
    Reserve {
        /// A random number of this area code.
        #[arg(long)]
        ddd: Option<Ddd>,
        /// A number of this preview.
        #[arg(long, value_name = "ID", requires = "index")]
        preview: Option<PreviewId>,
        /// The index of the number in the preview: 1, 2 or 3.
        #[arg(long, requires = "preview", conflicts_with = "ddd")]
        index: Option<Index>,
        /// A key that makes a random reserve repeatable: the same key gives the same number.
        #[arg(long, value_name = "KEY", value_parser = key, conflicts_with = "preview")]
        idempotency_key: Option<IdempotencyKey>,
    },
    /// Give numbers back.
    #[command(after_help = examples::RELEASE)]
    Release {
        /// The numbers, as people write them: 11999950001, "+55 (11) 99995-0001", 5511999950001, "0 15 11 99995-0001"; or "-" for
        /// those on standard input, one on each line.
        #[arg(required = true, value_name = "MSISDN", value_parser = numbers_in_turn())]
        msisdns: Vec<NumberSource>,
        /// Say what would be released, but change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Hold a reserved number for longer: for the configured time from now on, up to the longest time that is configured.
    #[command(after_help = examples::EXTEND)]
    Extend {
        /// The number.
        msisdn: Msisdn,
    },
    /// Put a number on a line.
    #[command(after_help = examples::ASSIGN)]
    Assign {
        /// The number.
        msisdn: Msisdn,
        /// The SIM of the line.
        #[arg(long, value_name = "UUID")]
        sim: SimId,
    },
    /// Record a number that is on a line although the database does not say so, for instance after a restore.
    ///
    /// The number may be unknown, returned or reserved here. The command refuses it if it is held here for another brand, under
    /// another external id, or on another SIM. Repeating the command changes nothing.
    #[command(after_help = examples::ADOPT)]
    Adopt {
        /// The number.
        msisdn: Msisdn,
        /// The SIM of its line.
        #[arg(long, value_name = "UUID")]
        sim: SimId,
        /// The brand whose line it is.
        #[arg(long)]
        brand: BrandId,
        /// Sigan's id of the hold [default: the id of the reservation here, or else of the hold that Sigan lists].
        #[arg(long, value_name = "ID")]
        external_id: Option<ExternalId>,
    },
    /// Show a number's status and every hold it has had.
    #[command(after_help = examples::SHOW)]
    Show {
        /// The number.
        msisdn: Msisdn,
        /// Show the number again whenever it has changed, until interrupted.
        #[arg(long)]
        watch: bool,
        /// Show every attempt, event, and call to Sigan and GSIM too.
        #[arg(long, conflicts_with = "watch")]
        history: bool,
    },
    /// List numbers by status, state, area code, brand, SIM, age or expiry.
    #[command(after_help = examples::LIST)]
    List(ListArgs),
    /// Find what an identifier names: a number, a SIM, a preview, or an attempt.
    #[command(after_help = examples::FIND)]
    Find {
        /// A phone number, an ICCID, an IMSI, an EID, or the id of a preview, a reservation, a SIM or a line.
        text: SearchTerm,
    },
    /// Order, show and replace SIMs.
    Sim {
        #[command(subcommand)]
        command: SimCommand,
    },
    /// End a line, or list the SIMs that a number was on.
    Line {
        #[command(subcommand)]
        command: LineCommand,
    },
    /// Say whether an area code exists, or import the list of localities.
    #[command(subcommand_negates_reqs = true, after_help = examples::DDD)]
    Ddd {
        /// The area code.
        #[arg(required = true)]
        ddd: Option<Ddd>,
        #[command(subcommand)]
        command: Option<DddCommand>,
    },
    /// List the brands of devices that support eSIM.
    #[command(after_help = examples::BRANDS)]
    Brands,
    /// List the models of a brand that support eSIM.
    #[command(after_help = examples::MODELS)]
    Models {
        /// The brand: its name, its slug or its id.
        // The option --brand has the id `brand`.
        #[arg(id = "device_brand", value_name = "BRAND")]
        brand: String,
    },
    /// Say whether a device supports eSIM.
    #[command(after_help = examples::ESIM)]
    Esim(EsimArgs),
    /// Manage the device catalogue.
    Devices {
        #[command(subcommand)]
        command: DevicesCommand,
    },
    /// Show what changed: every event of numbers and SIMs, in the order of the commits.
    #[command(after_help = examples::EVENTS)]
    Events(EventsArgs),
    /// Show how far each webhook is, or deliver its events again.
    #[command(after_help = examples::WEBHOOKS)]
    Webhooks {
        #[command(subcommand)]
        command: Option<WebhooksCommand>,
    },
    /// Show the counts of numbers by brand, DDD and state, the backlogs and their ages, the draws of the last day and the latest audits.
    #[command(after_help = examples::STATS)]
    Stats,
    /// Ask Sigan and GSIM about a number now, as the sweep would later.
    ///
    /// Settles what is in doubt, being released or being cancelled. If everything about the number is settled, asks Sigan who holds it,
    /// and changes nothing. Exits with 4 if there was no certain answer, or if our record and Sigan's differ.
    #[command(after_help = examples::SETTLE)]
    Settle {
        /// The number.
        msisdn: Msisdn,
    },
    /// Run one clean-up pass: expire abandoned numbers, resolve unknown outcomes, send pending releases.
    #[command(after_help = examples::SWEEP)]
    Sweep {
        /// Repeat the pass at the configured interval until interrupted.
        #[arg(long)]
        watch: bool,
    },
    /// Compare our holds with Sigan's and list every difference.
    ///
    /// Covers the configured brand, the brands of the clients in the file that --config names, and each brand that holds a
    /// number here. Exits with 4 if something differs, or if numbers were left unsettled because they are young or in doubt:
    /// then run it again. Never run --fix from cron: a person must read the report first.
    #[command(after_help = examples::AUDIT)]
    Audit {
        /// Settle the differences that are safe to settle.
        #[arg(long)]
        fix: bool,
        /// Let --fix release more than 20 holds.
        #[arg(long, requires = "fix")]
        force: bool,
        /// Do not ask at a terminal before --fix.
        #[arg(long, requires = "fix")]
        yes: bool,
        /// Skip numbers and holds that changed within this time.
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2m")]
        min_age: Duration,
    },
    /// Make keys for the clients of oss-server.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Bring the database to this version: tables and reference data.
    #[command(after_help = examples::MIGRATE)]
    Migrate,
    /// Check the settings.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Check the database, Sigan, GSIM, Redis and the clock, and say what to do.
    ///
    /// Exits with 6 if the database cannot be used, and with 5 if Sigan or GSIM cannot. A warning does not change the exit code.
    #[command(after_help = examples::DOCTOR)]
    Doctor,
    /// Print the completions of a shell.
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page of the program, or write the pages of all commands into a folder.
    #[command(after_help = examples::MAN)]
    Man {
        /// The folder.
        dir: Option<PathBuf>,
    },
    /// Run the mock of Sigan alone.
    #[cfg(not(feature = "sandbox"))]
    #[command(hide = true, after_help = examples::SIGAN_MOCK)]
    SiganMock {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Run the mock of Sigan alone, until interrupted.
    #[cfg(feature = "sandbox")]
    #[command(after_help = examples::SIGAN_MOCK)]
    SiganMock {
        /// The address on which the mock listens.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
        listen: std::net::SocketAddr,
        /// The time that every answer takes, such as 3s.
        #[arg(long, value_parser = duration, default_value = "0s")]
        latency: Duration,
        /// The share of calls that fail without effect, from 0 to 1.
        #[arg(long, value_parser = rate, default_value = "0")]
        fail_rate: f64,
        /// The share of calls that take effect but whose answer is lost, from 0 to 1.
        #[arg(long, value_parser = rate, default_value = "0")]
        lose_rate: f64,
    },
    /// Run the mock of GSIM alone.
    #[cfg(not(feature = "sandbox"))]
    #[command(hide = true, after_help = examples::GSIM_MOCK)]
    GsimMock {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Run the mock of GSIM alone, until interrupted.
    #[cfg(feature = "sandbox")]
    #[command(after_help = examples::GSIM_MOCK)]
    GsimMock(GsimMockArgs),
}

/// A device, identified in one of four ways.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct EsimArgs {
    /// Its type allocation code: the first 8 digits of its IMEI.
    #[arg(long)]
    pub(crate) tac: Option<Tac>,
    /// Its IMEI, 14 to 16 digits, as `*#06#` shows it. Only the TAC in it is used.
    #[arg(long)]
    pub(crate) imei: Option<Imei>,
    /// Its Apple identifier or Android model code, such as "iPhone15,2", in any case, with or without "/DS".
    #[arg(long, value_name = "CODE")]
    pub(crate) device_code: Option<DeviceCode>,
    /// Its model, as `oss models` shows it.
    #[arg(long)]
    pub(crate) model: Option<DeviceModelId>,
}

/// Options of both imports.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct ImportOptions {
    /// Show what would change, but write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Import the list even if it removes more than a tenth of the existing entries of a kind.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DddCommand {
    /// Replace the list of localities.
    #[command(after_help = examples::DDD_IMPORT)]
    Import {
        /// A CSV file: `location_cnl,ddd[,municipality,uf]`.
        file: PathBuf,
        #[command(flatten)]
        options: ImportOptions,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevicesCommand {
    /// Replace the device catalogue.
    #[command(after_help = examples::DEVICES_IMPORT)]
    Import {
        /// A folder with `device_brands.csv`, `device_models.csv`, `device_codes.csv` and `device_tacs.csv`.
        dir: PathBuf,
        #[command(flatten)]
        options: ImportOptions,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// List each setting with its value and its origin, without secrets, and report every fault.
    #[command(after_help = examples::CONFIG_CHECK)]
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Show a new key once, and its digest for the server's file.
    #[command(after_help = examples::KEYS_NEW)]
    New {
        /// The client's name.
        #[arg(value_parser = client_name)]
        name: ClientName,
    },
}

/// A number of a command line, or the place of others.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NumberSource {
    Number(Msisdn),
    /// Standard input.
    Input,
}

/// Reads the numbers of a command line. An error names a wrong number by its position, because it must not repeat the text.
fn numbers_in_turn() -> impl Fn(&str) -> Result<NumberSource, String> + Clone + Send + Sync + 'static {
    let count = Arc::new(AtomicUsize::new(0));
    move |text| {
        let position = count.fetch_add(1, Ordering::Relaxed) + 1;
        if text == "-" {
            return Ok(NumberSource::Input);
        }
        text.parse()
            .map(NumberSource::Number)
            .map_err(|malformed: Malformed| format!("number {position}: {malformed}"))
    }
}

/// Reads an idempotency key. All operators share the keys of the command line.
fn key(text: &str) -> Result<IdempotencyKey, Malformed> {
    IdempotencyKey::new(COMMAND_LINE.parse()?, text)
}

fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(|text| config::path(&text))
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "expected a time, such as 3s or 250ms")
}

#[cfg(feature = "sandbox")]
fn rate(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).ok_or("expected a number from 0 to 1")
}

#[cfg(test)]
mod tests;
