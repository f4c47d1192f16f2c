//! The examples of the help texts. A test parses each of their lines.

pub(crate) const ALL: &str = "\
Examples:
  oss --sandbox reserve --ddd 11           try it without a database and without Sigan
  oss migrate                              make the tables of a new database
  oss show 11999950001 --output json       for a program";

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

/// Examples, and another text below them.
pub(crate) fn with(examples: &str, other: &str) -> String {
    format!("{examples}\n\n{other}")
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use crate::args::{Args, parse};

    /// The texts of a command and of those below it that do nothing but have commands below them.
    fn commands(command: &Command, into: &mut Vec<(String, String)>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if !command.is_subcommand_required_set() || !help.is_empty() {
            into.push((command.get_name().to_owned(), help));
        }
        command.get_subcommands().for_each(|command| commands(command, into));
    }

    /// The words of a line, as a shell splits it, up to where a remark begins.
    fn words(line: &str) -> Vec<String> {
        let line = line.trim().split("  ").next().unwrap_or_default();
        let parts = line.split('"').enumerate();
        parts
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            })
            .collect()
    }

    #[test]
    fn every_command_has_examples_that_can_be_typed() {
        let mut texts = Vec::new();
        commands(&Args::command(), &mut texts);
        assert!(texts.len() > 15, "{texts:?}");
        for (name, help) in texts {
            let examples: Vec<_> = help.lines().filter(|line| line.starts_with("  oss ")).collect();
            assert!(!examples.is_empty(), "{name} has no example: {help}");
            for example in examples {
                if let Err(error) = parse(words(example)) {
                    panic!("{example}: {error}");
                }
            }
        }
    }

    #[test]
    fn what_every_command_has_is_apart() {
        let mut args = Args::command();
        let show = args.find_subcommand_mut("show").expect("it exists");
        show.build();
        let global = Args::command().get_arguments().filter(|argument| argument.is_global_set()).count();
        let apart = Args::command();
        let apart =
            apart.get_arguments().filter(|argument| argument.get_help_heading() == Some("Global options"));
        assert_eq!(apart.count(), global);
    }
}
