//! `oss sim` and `oss line`, tested through the binary.

use std::path::Path;

use oss_core::gsim::mock::{CallKind, Fault, GsimMock, OrderBook};
use oss_core::sigan::mock::{Inventory, SiganMock};
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, run, run_beside};
use oss_tests::settle::settings;
use oss_tests::sims::ADDRESS;
use oss_tests::terminal::Terminal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A line.
const LINE: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

/// The first number of the sandbox.
const NUMBER: &str = "11999950001";

/// A sandbox in a folder of its own, in which a number is reserved.
struct Sandbox {
    dir: TempDir,
    /// The hash of a device that supports eSIM.
    device: String,
}

impl Sandbox {
    fn with_number() -> Self {
        let sandbox = Self { dir: tempfile::tempdir().expect("a folder"), device: String::new() };
        assert_eq!(sandbox.json(&["reserve", "--ddd", "11"])["msisdn"], NUMBER);
        let checked = sandbox.json(&["esim", "--device-code", "iPhone15,2"]);
        Self { device: text(&checked, "hash").to_owned(), ..sandbox }
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with("warn", arguments)
    }

    fn run_with(&self, log: &str, arguments: &[&str]) -> Ended {
        let dir = self.dir().to_str().expect("a path of ASCII");
        run(&[("OSS_SANDBOX_DIR", dir), ("OSS_LOG", log)], &[&["--sandbox"], arguments].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[&["--output", "json"], arguments].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.json()
    }

    fn issue(&self) -> Value {
        self.json(&["sim", "issue", NUMBER, "--line", LINE, "--device", &self.device])
    }
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_else(|| panic!("{name}: {of}"))
}

#[test]
fn a_line_lives_its_life() {
    let sandbox = Sandbox::with_number();
    let issued = sandbox.issue();
    let shown = ["msisdn", "lineId", "simType", "status", "profileState"].map(|name| text(&issued, name));
    assert_eq!(shown, [NUMBER, LINE, "ESIM", "ACTIVE", "RELEASED"]);
    assert_eq!(sandbox.issue(), issued, "again, the same");
    let first = text(&issued, "id");

    let code = sandbox.json(&["sim", "code", first]);
    assert!(text(&code, "code").starts_with("LPA:1$smdp.gsim.example$"), "{code}");
    assert_eq!(code["confirmationCodeRequired"], false);
    assert!(text(&code["installUrls"], "ios").starts_with("https://esimsetup.apple.com/"), "{code}");
    let for_people = sandbox.run(&["sim", "code", first]).stdout;
    let qr = oss_core::sims::qr_text(&text(&code, "code").parse().unwrap()).unwrap();
    assert!(for_people.starts_with(&qr), "{for_people}");
    for shown in [text(&code, "code"), text(&code["installUrls"], "android"), "not required"] {
        assert!(for_people.contains(shown), "{for_people}");
    }

    let show = sandbox.json(&["sim", "show", first]);
    assert_eq!(show["codeReads"].as_array().map(Vec::len), Some(2), "{show}");
    let for_people = sandbox.run(&["sim", "show", first]).stdout;
    assert!(for_people.contains(text(&issued, "iccid")) && !for_people.contains("LPA:"), "{for_people}");
    assert!(for_people.contains("activation code read by operator"), "{for_people}");
    for (option, name) in
        [("--iccid", "iccid"), ("--imsi", "imsi"), ("--msisdn", "msisdn"), ("--line", "lineId")]
    {
        let found = sandbox.json(&["sim", "find", option, text(&issued, name)]);
        assert_eq!((&found["sims"][0]["id"], &found["sims"][1]), (&issued["id"], &Value::Null), "{option}");
    }

    let card = OrderBook::card(7).to_string();
    let replaced = sandbox.json(&["sim", "replace", NUMBER, "--iccid", &card, "--address", ADDRESS]);
    assert_eq!((text(&replaced, "simType"), text(&replaced, "lineId")), ("SIM_CARD", LINE));
    let again = sandbox.json(&["sim", "replace", NUMBER, "--device", &sandbox.device]);
    let history = sandbox.json(&["line", "history", NUMBER]);
    let ids: Vec<&str> =
        history["associations"].as_array().unwrap().iter().map(|entry| text(entry, "simId")).collect();
    assert_eq!(ids, [text(&again, "id"), text(&replaced, "id"), first]);
    let since = text(&history["associations"][1], "since");
    let then = sandbox.json(&["line", "history", NUMBER, "--at", since]);
    assert_eq!(then, json!({ "associations": [history["associations"][1]] }));
    assert!(sandbox.run(&["line", "history", NUMBER]).stdout.contains("since"));

    assert_eq!(sandbox.json(&["line", "end", NUMBER]), json!({ "msisdn": NUMBER, "ended": true }));
    assert_eq!(sandbox.run(&["line", "end", NUMBER]).code, 0, "again");
    assert_eq!(sandbox.json(&["show", NUMBER])["status"], "RETURNED");
    assert_eq!(sandbox.json(&["sim", "show", text(&again, "id")])["status"], "DEPROGRAMMED");
    sandbox.json(&["sweep"]);
    assert_eq!(sandbox.json(&["show", NUMBER])["history"][0]["state"], "RELEASED");
}

#[test]
fn a_card_is_activated() {
    let sandbox = Sandbox::with_number();
    // As it is printed: in groups, with the filler of the chip.
    let card = OrderBook::card(3).to_string();
    let printed = format!("{} {} {}F", &card[..4], &card[4..10], &card[10..]);
    let activated =
        sandbox.json(&["sim", "activate", NUMBER, "--line", LINE, "--iccid", &printed, "--address", ADDRESS]);
    assert_eq!((text(&activated, "iccid"), &activated["profileState"]), (card.as_str(), &Value::Null));
    let no_code = sandbox.run(&["sim", "code", text(&activated, "id")]);
    assert!(no_code.code == 4 && no_code.stderr.contains("no eSIM"), "{no_code:?}");
}

#[test]
fn exit_codes_are_those_of_the_errors() {
    let sandbox = Sandbox::with_number();
    let unknown = uuid::Uuid::now_v7().to_string();
    let hash = "0123456789abcdef0123456789abcdef";
    let device = sandbox.device.as_str();
    let card = OrderBook::card(3).to_string();
    for (arguments, code, part) in [
        (&["sim", "issue", "11900000000", "--line", LINE, "--device", device][..], 3, "reserve it first"),
        (&["sim", "issue", NUMBER, "--line", LINE, "--device", hash], 3, "check the device first"),
        (&["sim", "issue", NUMBER, "--line", "x", "--device", device], 2, "a UUID"),
        (&["sim", "issue", NUMBER, "--device", device], 2, "--line"),
        (
            &["sim", "activate", NUMBER, "--line", LINE, "--iccid", "8955200x", "--address", ADDRESS],
            2,
            "wrong at character 8",
        ),
        (&["sim", "show", &unknown], 3, "does not exist"),
        (&["sim", "code", &unknown], 3, "does not exist"),
        (&["sim", "find"], 2, "--iccid"),
        (&["sim", "find", "--msisdn", NUMBER, "--line", LINE], 2, "cannot be used"),
        (&["sim", "replace", NUMBER], 2, "--device"),
        (&["sim", "replace", NUMBER, "--iccid", &card], 2, "--address"),
        (&["sim", "replace", NUMBER, "--device", device, "--address", ADDRESS], 2, "cannot be used"),
        (&["sim", "replace", NUMBER, "--device", device], 4, "is RESERVED"),
        (&["line", "end", NUMBER], 4, "is RESERVED"),
        (&["line", "end", "11900000000"], 3, "not known"),
        (&["line", "history", "11900000000"], 3, "not known"),
        (&["line", "history", NUMBER, "--at", "yesterday"], 2, "a time with its offset"),
    ] {
        let ended = sandbox.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(part), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.contains("8955200x"), "{ended:?}");
    }
    let none = sandbox.run(&["sim", "find", "--msisdn", NUMBER]);
    assert_eq!((none.code, none.stdout.as_str()), (0, "No SIM found\n"));
    let nothing = sandbox.run(&["line", "history", NUMBER]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, "The number was on no SIM\n"));
}

#[test]
fn the_log_shows_no_code_and_no_identifier() {
    let sandbox = Sandbox::with_number();
    let issued = sandbox.issue();
    let id = text(&issued, "id");
    let code = sandbox.run_with("trace", &["--output", "json", "sim", "code", id]);
    let secret = text(&code.json(), "code").to_owned();
    let matching_id = secret.rsplit('$').next().unwrap();
    assert!(code.stderr.contains("Activation code read."), "{code:?}");
    let mut logs = vec![code.stderr];
    for arguments in [
        &["sim", "show", id][..],
        &["sim", "find", "--iccid", text(&issued, "iccid")],
        &["sim", "find", "--imsi", text(&issued, "imsi")],
        &["sim", "replace", NUMBER, "--device", &sandbox.device, "--idempotency-key", "k"],
        &["line", "history", NUMBER],
        &["line", "end", NUMBER],
        &["sweep"],
    ] {
        let ended = sandbox.run_with("trace", arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        logs.push(ended.stderr);
    }
    for log in &logs {
        let secrets =
            [matching_id, "LPA:", "carddata", text(&issued, "iccid"), text(&issued, "imsi"), NUMBER];
        let shown: Vec<_> = secrets.into_iter().filter(|secret| log.contains(secret)).collect();
        assert!(shown.is_empty(), "{shown:?} is in the log: {log}");
    }
}

#[test]
fn a_qr_code_is_black_on_white_at_a_terminal_of_any_colour() {
    let sandbox = Sandbox::with_number();
    let dir = sandbox.dir().to_str().unwrap();
    let id = text(&sandbox.issue(), "id").to_owned();
    let screen = Terminal::start(100, &[("OSS_SANDBOX_DIR", dir)], &["--sandbox", "sim", "code", &id])
        .wait_until_ended();
    let modules = screen.written.lines().filter(|line| line.contains("38;5;16;48;5;231m")).count();
    assert!(screen.code == 0 && modules > 15, "{screen:?}");
    let plain = sandbox.run(&["sim", "code", &id]).stdout;
    assert!(plain.contains('█') && !plain.contains('\u{1b}'), "{plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_needs_gsim_and_a_look_at_a_sim_only_the_database() {
    let database = Database::postgres().await;
    let sigan = SiganMock::new(Inventory::new("PR")).start().await;
    let gsim = GsimMock::new(OrderBook::new()).start().await;
    let (sigan_url, gsim_url) = (sigan.url(), gsim.url());
    let without_gsim = settings(&database, sigan_url.as_str());
    let with_gsim =
        [&without_gsim[..], &[("OSS_GSIM_URL", gsim_url.as_str()), ("OSS_GSIM_ORDER_TIMEOUT", "1500ms")]]
            .concat();
    let json = |arguments: &[&'static str]| [&["--output", "json"], arguments].concat();
    let reserved = run_beside(&with_gsim, &json(&["reserve", "--ddd", "11"])).await.json();
    let device = run_beside(&with_gsim, &json(&["esim", "--device-code", "iPhone15,2"])).await.json();
    let issue = [
        "--output",
        "json",
        "sim",
        "issue",
        text(&reserved, "msisdn"),
        "--line",
        LINE,
        "--device",
        text(&device, "hash"),
    ];
    let unreachable = run_beside(&without_gsim, &issue).await;
    assert!(unreachable.code == 5 && unreachable.stderr.contains("gsim-unreachable"), "{unreachable:?}");
    gsim.next(CallKind::OrderEsim, Fault::LoseAnswer);
    let lost = run_beside(&with_gsim, &issue).await;
    assert!(lost.code == 5 && lost.stderr.contains("sim-outcome-unknown"), "{lost:?}");
    let issued = run_beside(&with_gsim, &issue).await.json();
    assert_eq!(gsim.book().sims().len(), 1);

    let database_alone = [("OSS_DATABASE_URL", database.url())];
    for arguments in [
        &["sim", "show", text(&issued, "id")][..],
        &["sim", "code", text(&issued, "id")],
        &["sim", "find", "--line", LINE],
        &["line", "history", NUMBER],
    ] {
        let ended = run_beside(&database_alone, arguments).await;
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
    }
    let ended = run_beside(&with_gsim, &["line", "end", NUMBER]).await;
    assert_eq!((ended.code, gsim.book().sims().len()), (0, 0), "GSIM is told before it ends: {ended:?}");
}
