//! The examples of the help texts. A test parses each of their lines.

#[cfg(feature = "sandbox")]
const TRY: &str = "
  oss --sandbox reserve --ddd 11           try it without a database and without Sigan";

#[cfg(not(feature = "sandbox"))]
const TRY: &str = "";

const RUN: &str = "
  oss migrate                              create the tables of a new database
  oss show 11999950001 --output json       for a program";

/// The examples of the whole program.
pub(crate) fn all() -> String {
    ["Examples:", TRY, RUN].concat()
}

pub(crate) const PREVIEW: &str = "\
Examples:
  oss preview --ddd 11
  oss preview --ddd 11 --previous 018f0000-0000-7000-8000-000000000000
  oss preview --ddd 11 --idempotency-key order-4711";

pub(crate) const RESERVE: &str = "\
Examples:
  oss reserve --preview 018f0000-0000-7000-8000-000000000000 --index 2
  oss reserve --ddd 11
  oss reserve --ddd 11 --idempotency-key order-4711";

pub(crate) const RELEASE: &str = "\
Examples:
  oss release 11999950001
  oss release 11999950001 \"+55 (11) 99995-0002\"";

pub(crate) const ASSIGN: &str = "\
Example:
  oss assign 11999950001 --sim 018f0000-0000-7000-8000-000000000000";

pub(crate) const ADOPT: &str = "\
Example:
  oss adopt 11999950001 --sim 018f0000-0000-7000-8000-000000000000 --brand acme";

pub(crate) const SHOW: &str = "\
Examples:
  oss show 11999950001
  oss show \"(11) 99995-0001\" --output json";

pub(crate) const DDD: &str = "\
Examples:
  oss ddd 11
  oss ddd import localities.csv --dry-run";

pub(crate) const DDD_IMPORT: &str = "\
Examples:
  oss ddd import localities.csv --dry-run
  oss ddd import localities.csv";

pub(crate) const BRANDS: &str = "\
Example:
  oss brands";

pub(crate) const MODELS: &str = "\
Examples:
  oss models apple
  oss models Samsung --output json";

pub(crate) const ESIM: &str = "\
Examples:
  oss esim --imei 490154203237518
  oss esim --tac 49015420
  oss esim --device-code iPhone15,2";

pub(crate) const DEVICES_IMPORT: &str = "\
Examples:
  oss devices import catalogue --dry-run
  oss devices import catalogue";

pub(crate) const SWEEP: &str = "\
Examples:
  oss sweep
  oss sweep --watch";

pub(crate) const AUDIT: &str = "\
Examples:
  oss audit
  oss audit --config oss-server.toml --output json
  oss audit --fix --min-age 10m";

pub(crate) const KEYS_NEW: &str = "\
Example:
  oss keys new shop";

pub(crate) const MIGRATE: &str = "\
Example:
  oss migrate --database-url postgres://oss@localhost/oss";

pub(crate) const SIGAN_MOCK: &str = "\
Examples:
  oss sigan-mock
  oss sigan-mock --listen 127.0.0.1:8091 --latency 3s --lose-rate 0.1";

pub(crate) const GSIM_MOCK: &str = "\
Examples:
  oss gsim-mock
  oss gsim-mock --lose-rate 0.1 --later 2 --profile-step 10s
  oss gsim-mock --profile-step 10s --notify http://127.0.0.1:8080 --notify-key gsim.key";

/// A help text: examples, and another text below them.
pub(crate) fn with(examples: &str, other: &str) -> String {
    format!("{examples}\n\n{other}")
}
