//! The command lines that are read, and those that are refused.

use super::*;
use crate::exit::Failure;

fn refused(line: &str) -> String {
    parse(line.split(' ')).expect_err(line).to_string()
}

#[test]
fn an_error_does_not_repeat_the_wrong_text() {
    for line in [
        "oss esim --imei 350009210000009",
        "oss show 119999500011",
        "oss esim --tac 350009210000003",
        "oss show 11999950001 11999950002",
        "oss 11999950001",
        "oss reserve --11999950001",
        "oss keys 11999950001",
        "oss postgres://u:s3cret@h/x",
        "oss brands postgres://u:s3cret@h/x",
        "oss preview --ddd 11 --output 11999950001",
        "oss brands --server https://u:s3cret@h",
    ] {
        let typed = line.rsplit(' ').next().unwrap();
        assert!(!refused(line).contains(typed), "{}", refused(line));
    }
}

#[test]
fn the_arguments_are_consistent() {
    Args::command().debug_assert();
}

#[test]
fn a_wrong_command_line_is_refused_with_the_reason() {
    for (line, part) in [
        ("oss reserve", "--ddd"),
        ("oss reserve --ddd 11 --preview 018f0000-0000-7000-8000-000000000000 --index 1", "cannot be used"),
        ("oss reserve --preview 018f0000-0000-7000-8000-000000000000", "--index"),
        ("oss reserve --ddd 11 --index 1", "cannot be used"),
        ("oss reserve --preview 018f0000-0000-7000-8000-000000000000 --index x", "an index from 1 to 3"),
        ("oss preview --ddd 1", "two digits"),
        ("oss preview --ddd 11 --previous x", "a UUID"),
        ("oss preview --ddd 11 --idempotency-key ã", "visible ASCII"),
        (
            "oss reserve --preview 018f0000-0000-7000-8000-000000000000 --index 1 --idempotency-key k",
            "cannot be used",
        ),
        ("oss audit --force", "--fix"),
        ("oss audit --yes", "--fix"),
        ("oss --server oss.example show 11999950001", "expected https://host/path"),
        ("oss --server https://u:p@oss.example show 11999950001", "expected https://host/path"),
        ("oss --server https://a --sandbox show 11999950001", "cannot be used"),
        ("oss --server https://a --profile b show 11999950001", "cannot be used"),
        ("oss --brand a.b show 11999950001", "a brand id"),
        ("oss audit --min-age soon", "expected a time"),
        ("oss release", "MSISDN"),
        ("oss release 1199995000", "number 1: expected a mobile number"),
        ("oss release 11999950001 0800 11999950003 x", "number 2: expected a mobile number"),
        (
            "oss release --output json 11999950001 11999950002 1133334444",
            "number 3: expected a mobile number",
        ),
        ("oss assign 11999950001 --sim x", "a UUID"),
        ("oss adopt 11999950001 --brand acme", "--sim"),
        ("oss adopt 11999950001 --sim 018f0000-0000-7000-8000-000000000000", "--brand"),
        ("oss --sandbox --database-url sqlite://x.db show 11999950001", "cannot be used"),
        #[cfg(feature = "sandbox")]
        ("oss sigan-mock --fail-rate 2", "from 0 to 1"),
        #[cfg(feature = "sandbox")]
        ("oss gsim-mock --lose-rate 1.5", "from 0 to 1"),
        #[cfg(feature = "sandbox")]
        ("oss gsim-mock --notify 127.0.0.1:8080", "expected an address"),
        #[cfg(feature = "sandbox")]
        ("oss gsim-mock --notify-key gsim.key", "--notify"),
        ("oss keys new a,b", "a client's name"),
        ("oss keys new oss", "a client's name other than"),
        ("oss keys new anonymous", "a client's name other than"),
        ("oss ddd", "<DDD>"),
        ("oss ddd import", "<FILE>"),
        ("oss devices import", "<DIR>"),
        ("oss esim", "--tac"),
        ("oss esim --tac 35050556 --model X", "cannot be used"),
        ("oss esim --tac 3505055", "8 digits"),
        ("oss esim --imei 490154203237517", "15 digits"),
    ] {
        assert!(refused(line).contains(part), "{line}: {}", refused(line));
    }
}

#[test]
fn a_number_is_read_as_people_write_it() {
    let args = Args::try_parse_from(["oss", "show", "+55 (11) 99995-0001"]).unwrap();
    assert!(matches!(args.command, Command::Show { msisdn, .. } if msisdn.as_str() == "11999950001"));
}

fn failure(line: &str) -> Failure {
    Failure::from(&parse(line.split(' ')).expect_err(line))
}

#[test]
fn an_error_for_a_program_has_no_usage_text() {
    let missing = failure("oss adopt 11999950001 --output json");
    let fields: Vec<_> = missing.errors.iter().filter_map(|fault| fault.field.as_deref()).collect();
    assert_eq!(fields, ["--sim", "--brand"], "{missing:?}");
    assert!(!missing.message.contains("Usage") && !missing.message.contains('\n'), "{missing:?}");
    let wrong = failure("oss preview --ddd 1");
    assert_eq!((wrong.exit, wrong.field.as_deref()), (2, Some("--ddd")), "{wrong:?}");
    assert!(failure("oss shwo").message.contains("'show'"));
    assert!(failure("oss").message.contains("a command is missing"));
}

/// Collects the help texts of a command and of its subcommands. Groups that have no help text of their own are left out.
fn commands(command: &clap::Command, into: &mut Vec<(String, String)>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    if !command.is_subcommand_required_set() || !help.is_empty() {
        into.push((command.get_name().to_owned(), help));
    }
    command.get_subcommands().for_each(|command| commands(command, into));
}

/// The words of a line, as a shell splits it, without the remark or the redirection after them.
fn words(line: &str) -> Vec<String> {
    let ends = ["  ", " > ", " | "];
    let line = ends.iter().fold(line.trim(), |line, end| line.split(end).next().unwrap_or_default());
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
fn the_global_options_have_a_heading_of_their_own() {
    let mut args = Args::command();
    let show = args.find_subcommand_mut("show").expect("it exists");
    show.build();
    let global = Args::command().get_arguments().filter(|argument| argument.is_global_set()).count();
    let command = Args::command();
    let under_heading =
        command.get_arguments().filter(|argument| argument.get_help_heading() == Some("Global options"));
    assert_eq!(under_heading.count(), global);
}

#[test]
fn the_suggested_next_command_uses_the_same_data() {
    for (line, program) in [
        ("oss show 11999950001", "oss"),
        ("oss --sandbox show 11999950001", "oss --sandbox"),
        ("oss --sandbox --sandbox-dir /tmp/a-1.b show 11999950001", "oss --sandbox --sandbox-dir /tmp/a-1.b"),
        ("oss show --sandbox-dir /tmp/a --sandbox 11999950001", "oss --sandbox --sandbox-dir /tmp/a"),
        ("oss --server https://oss.example/v1 show 11999950001", "oss --server https://oss.example/v1"),
        ("oss show 11999950001 --profile prod --brand acme", "oss --profile prod --brand acme"),
        // The brand of `adopt` is its own.
        ("oss adopt 11999950001 --sim 018f0000-0000-7000-8000-000000000000 --brand acme", "oss"),
        ("oss --sandbox --sandbox-dir a?b'c show 11999950001", r"oss --sandbox --sandbox-dir 'a?b'\''c'"),
    ] {
        assert_eq!(parse(line.split(' ')).unwrap().globals.program(), program, "{line}");
    }
}

#[test]
fn a_line_break_at_the_end_of_a_path_is_left_out() {
    let globals = parse(["oss", "--sandbox-dir", "/tmp/a\n", "--config", "b\r\n", "brands"]).unwrap().globals;
    assert_eq!(globals.sandbox_dir.unwrap(), PathBuf::from("/tmp/a"));
    assert_eq!(globals.config.unwrap(), PathBuf::from("b"));
}
