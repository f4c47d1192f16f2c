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
  oss release 11999950001 \"+55 (11) 99995-0002\"
  oss release - --dry-run";

pub(crate) const EXTEND: &str = "\
Example:
  oss extend 11999950001";

pub(crate) const SETTLE: &str = "\
Example:
  oss settle 11999950001";

pub(crate) const ASSIGN: &str = "\
Example:
  oss assign 11999950001 --sim 018f0000-0000-7000-8000-000000000000";

pub(crate) const ADOPT: &str = "\
Example:
  oss adopt 11999950001 --sim 018f0000-0000-7000-8000-000000000000 --brand acme";

pub(crate) const SHOW: &str = "\
Examples:
  oss show 11999950001
  oss show \"(11) 99995-0001\" --output json
  oss show 11999950001 --history
  oss show 11999950001 --watch";

pub(crate) const LIST: &str = "\
Examples:
  oss list --status RESERVED --ddd 11
  oss list --state IN_DOUBT --created-before 2026-11-25T13:30:43Z
  oss list --state HELD --brand acme --all --output csv";

pub(crate) const FIND: &str = "\
Examples:
  oss find \"(11) 99995-0001\"
  oss find 8955200000000000017
  oss find 018f0000-0000-7000-8000-000000000000";

pub(crate) const SIM_ISSUE: &str = "\
Example:
  oss sim issue 11999950001 --line 018f0000-0000-7000-8000-000000000000 --device bcd1624a168e2722691c565e0c6dc479";

pub(crate) const SIM_ACTIVATE: &str = "\
Example:
  oss sim activate 11999950001 --line 018f0000-0000-7000-8000-000000000000 --iccid 8955200000000000017 \
--address 014338fee969ef8655b64f83fcee7a89";

pub(crate) const SIM_SHOW: &str = "\
Example:
  oss sim show 018f0000-0000-7000-8000-000000000000";

pub(crate) const SIM_FIND: &str = "\
Examples:
  oss sim find --msisdn 11999950001
  oss sim find --iccid \"8955 2000 0000 0000 017\" --output json";

pub(crate) const SIM_CODE: &str = "\
Examples:
  oss sim code 018f0000-0000-7000-8000-000000000000
  oss sim code 018f0000-0000-7000-8000-000000000000 --output json";

pub(crate) const SIM_REPLACE: &str = "\
Examples:
  oss sim replace 11999950001 --device bcd1624a168e2722691c565e0c6dc479
  oss sim replace 11999950001 --device bcd1624a168e2722691c565e0c6dc479 --idempotency-key another-phone
  oss sim replace 11999950001 --iccid 8955200000000000017 --address 014338fee969ef8655b64f83fcee7a89";

pub(crate) const LINE_END: &str = "\
Example:
  oss line end 11999950001";

pub(crate) const LINE_HISTORY: &str = "\
Examples:
  oss line history 11999950001
  oss line history 11999950001 --at 2026-11-25T13:30:43Z";

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

pub(crate) const EVENTS: &str = "\
Examples:
  oss events --since 2026-11-25T13:30:43Z
  oss events --follow --output json";

pub(crate) const WEBHOOKS: &str = "\
Examples:
  oss webhooks
  oss webhooks replay billing --from 2026-11-25T13:30:43Z";

pub(crate) const WEBHOOKS_REPLAY: &str = "\
Example:
  oss webhooks replay billing --from 2026-11-25T13:30:43Z";

pub(crate) const STATS: &str = "\
Examples:
  oss stats
  oss stats --output json";

pub(crate) const SWEEP: &str = "\
Examples:
  oss sweep
  oss sweep --watch";

pub(crate) const AUDIT: &str = "\
Examples:
  oss audit
  oss audit --config oss-server.toml --output json
  oss audit --fix --min-age 10m
  oss audit --fix --yes";

pub(crate) const KEYS_NEW: &str = "\
Example:
  oss keys new shop";

pub(crate) const MIGRATE: &str = "\
Example:
  oss migrate --database-url postgres://oss@localhost/oss";

pub(crate) const CONFIG_CHECK: &str = "\
Examples:
  oss config check
  oss config check --config oss-server.toml --output json";

pub(crate) const DOCTOR: &str = "\
Examples:
  oss doctor
  oss doctor --output json";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  oss completions bash > ~/.local/share/bash-completion/completions/oss
  oss completions zsh > ~/.zfunc/_oss
  oss completions fish > ~/.config/fish/completions/oss.fish";

pub(crate) const MAN: &str = "\
Examples:
  oss man | man -l -
  oss man ~/.local/share/man/man1";

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
