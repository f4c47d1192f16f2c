//! The output for a person at a terminal: waits, interruptions, progress, and tables that fit.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use oss_core::gsim::mock as gsim;
use oss_core::sigan::mock::{CallKind, Fault, Inventory, RunningSigan, SiganMock};
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, oss, run, run_beside};
use oss_tests::process::Mortal;
use oss_tests::terminal::Terminal;

/// A database, and a Sigan whose calls may be slow.
struct Setup {
    database: Database,
    sigan: RunningSigan,
    url: String,
}

impl Setup {
    async fn new() -> Self {
        Self::on(Database::sqlite().await).await
    }

    async fn on(database: Database) -> Self {
        let sigan = SiganMock::new(Inventory::new("PR")).start().await;
        let url = sigan.url().to_string();
        Self { database, sigan, url }
    }

    /// A database that holds a number for each brand, and a Sigan that knows none of them.
    async fn forgotten(brands: &[&str]) -> Self {
        let before = Self::new().await;
        for brand in brands {
            let mut settings = before.settings();
            settings[2].1 = brand;
            let reserved = run_beside(&settings, &["reserve", "--ddd", "11"]).await;
            assert_eq!(reserved.code, 0, "{reserved:?}");
        }
        Self::on(before.database).await
    }

    fn settings(&self) -> [(&str, &str); 4] {
        [
            ("OSS_DATABASE_URL", self.database.url()),
            ("OSS_SIGAN_URL", &self.url),
            ("OSS_SIGAN_BRAND_ID", "acme"),
            ("OSS_SIGAN_TIMEOUT", "60s"),
        ]
    }

    fn terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(100, &self.settings(), arguments)
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        run_beside(&self.settings(), arguments).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_call_says_what_it_waits_for() {
    let setup = Setup::new().await;
    setup.sigan.next(CallKind::Reserve, Fault::Slow(Duration::from_secs(2)));
    let mut terminal = setup.terminal(&["reserve", "--ddd", "11"]);
    terminal.wait_for("waiting for Sigan to reserve the number (1 s)");
    let screen = terminal.wait_until_ended();
    assert_eq!(screen.code, 0, "{screen:?}");
    assert!(screen.lines[0].starts_with("Reserved 11999950001 until"), "the line is erased: {screen:?}");
    assert!(!screen.lines.concat().contains("waiting"), "{screen:?}");

    setup.sigan.next(CallKind::Reserve, Fault::Slow(Duration::from_secs(2)));
    let piped = setup.run(&["reserve", "--ddd", "11"]).await;
    assert_eq!((piped.code, piped.stderr.as_str()), (0, ""), "only a person sees the wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_gsim_is_told_from_a_slow_sigan() {
    let setup = Setup::new().await;
    let gsim = gsim::GsimMock::new(gsim::OrderBook::new()).start().await;
    gsim.next(gsim::CallKind::Orders, gsim::Fault::Slow(Duration::from_secs(2)));
    let gsim_url = gsim.url().to_string();
    let settings = [&setup.settings()[..], &[("OSS_GSIM_URL", gsim_url.as_str())]].concat();
    let mut terminal = Terminal::start(100, &settings, &["audit"]);
    terminal.wait_for("waiting for GSIM to list its SIMs (1 s)");
    assert_eq!(terminal.wait_until_ended().code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_interruption_says_what_becomes_of_the_number() {
    let setup = Setup::new().await;
    setup.sigan.next(CallKind::Reserve, Fault::Slow(Duration::from_mins(1)));
    let mut terminal = setup.terminal(&["reserve", "--ddd", "11"]);
    terminal.wait_for("waiting for Sigan to reserve");
    terminal.interrupt();
    terminal.wait_for("press again to leave at once");
    terminal.interrupt();
    let screen = terminal.wait_until_ended();
    assert_eq!(screen.code, 130, "{screen:?}");
    let said = screen.lines.join(" ");
    for part in ["in doubt", "`oss sweep`", "gives it back"] {
        assert!(said.contains(part), "{part}: {screen:?}");
    }

    // The sweep does what the message said.
    assert_eq!(setup.sigan.inventory().reserved().len(), 1);
    setup.database.execute("update reservation set due_at = due_at - 3600000000").await;
    assert_eq!(setup.run(&["sweep"]).await.code, 0);
    assert_eq!(setup.sigan.inventory().reserved(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_read_of_a_code_says_that_it_may_count() {
    // It takes the request and never answers.
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", server.local_addr().expect("an address"));
    let code = ["sim", "code", "018f0000-0000-7000-8000-000000000000"];
    let mut terminal = Terminal::start(100, &[("OSS_SERVER", &url)], &code);
    terminal.wait_for("waiting for the server");
    terminal.interrupt();
    terminal.wait_for("press again to leave at once");
    terminal.interrupt();
    let screen = terminal.wait_until_ended();
    assert_eq!(screen.code, 130, "{screen:?}");
    let said = screen.lines.join(" ");
    assert!(said.contains("each read counts") && !said.contains("nothing was changed"), "{screen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_after_the_sweep_that_was_interrupted() {
    let setup = Setup::new().await;
    assert_eq!(setup.run(&["reserve", "--ddd", "11"]).await.code, 0);
    setup.database.execute("update reservation set due_at = due_at - 864000000000").await;
    setup.sigan.next(CallKind::Release, Fault::Slow(Duration::from_secs(2)));
    let mut terminal = setup.terminal(&["sweep", "--watch"]);
    terminal.wait_for("waiting for Sigan to release the number");
    terminal.interrupt();
    terminal.wait_for("press again to leave at once");
    let screen = terminal.wait_until_ended();
    assert_eq!(screen.code, 0, "{screen:?}");
    assert_eq!(setup.sigan.inventory().reserved(), [], "the sweep was finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_while_nothing_is_changed_does_not_wait() {
    let setup = Setup::forgotten(&["acme"]).await;
    setup.sigan.next(CallKind::Holds, Fault::Slow(Duration::from_mins(1)));
    let mut terminal = setup.terminal(&["audit"]);
    terminal.wait_for("waiting for Sigan to list its holds");
    terminal.interrupt();
    let screen = terminal.wait_until_ended();
    assert_eq!(screen.code, 130, "{screen:?}");
    assert!(screen.lines.join(" ").contains("nothing was changed"), "{screen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_shows_how_far_it_is_and_log_lines_do_not_break_it() {
    let setup = Setup::forgotten(&["acme", "acme", "acme"]).await;
    setup.sigan.next(CallKind::Holds, Fault::Slow(Duration::from_secs(1)));
    setup.sigan.next(CallKind::Release, Fault::FailBefore);
    let mut terminal = setup.terminal(&["audit", "--fix", "--yes", "--min-age", "0s"]);
    terminal.wait_for("0 of 3 numbers");
    terminal.wait_for("3 of 3 numbers, ");
    let screen = terminal.wait_until_ended();
    assert_eq!(screen.code, 4, "{screen:?}");
    assert!(screen.written.contains("/s, ") && screen.written.contains(" left, "), "{screen:?}");
    let logged = screen.lines.iter().filter(|line| line.contains("Sigan could not be told of a release"));
    let logged: Vec<_> = logged.collect();
    assert!(logged.len() == 1 && logged[0].starts_with("20"), "it has a line of its own: {screen:?}");
    let rows = screen.lines.iter().filter(|line| line.starts_with("1199995000"));
    assert_eq!(rows.count(), 3, "so does each difference: {screen:?}");
    assert!(!screen.lines.concat().contains("of 3 numbers"), "{screen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_prints_what_it_finds_before_it_ends() {
    let setup = Setup::forgotten(&["acme", "zeta"]).await;
    setup.sigan.next(CallKind::Holds, Fault::Slow(Duration::ZERO));
    setup.sigan.next(CallKind::Holds, Fault::Slow(Duration::from_mins(1)));
    let mut command = oss(&setup.settings());
    let mut running =
        Mortal(command.args(["audit", "--min-age", "0s"]).stdout(Stdio::piped()).spawn().unwrap());
    let stdout = running.0.stdout.take().unwrap();
    let first = tokio::task::spawn_blocking(move || BufReader::new(stdout).lines().next());
    let first = first.await.unwrap().expect("a line").expect("it is UTF-8");
    assert!(first.starts_with("11999950001  held here, unknown in Sigan"), "{first}");
    assert!(running.0.try_wait().unwrap().is_none(), "the list of the other brand is awaited");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unconfirmed_release_is_not_reported_as_fixed() {
    let setup = Setup::forgotten(&["acme", "acme"]).await;
    let audit = ["audit", "--fix", "--min-age", "0s"];
    setup.sigan.next(CallKind::Release, Fault::FailBefore);
    let report = setup.run(&[&["--output", "json"], &audit[..]].concat()).await.json();
    assert_eq!((&report["fixed"], &report["beingTold"]), (&1.into(), &1.into()), "{report}");
    let mut outcomes: Vec<_> =
        report["differences"].as_array().unwrap().iter().map(|found| found["outcome"].as_str()).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [Some("being-told"), Some("fixed")], "{report}");

    let setup = Setup::forgotten(&["acme"]).await;
    setup.sigan.next(CallKind::Release, Fault::FailBefore);
    let table = setup.run(&audit).await;
    for part in ["given back here; Sigan is being told", "0 fixed, 1 given back here", "oss sweep"] {
        assert!(table.stdout.contains(part), "{part}: {table:?}");
    }
    setup.database.execute("update reservation set due_at = due_at - 3600000000").await;
    assert_eq!(setup.run(&["sweep"]).await.code, 0);
    let shown = setup.run(&["show", "11999950001"]).await;
    assert!(shown.stdout.contains("RELEASED since"), "{shown:?}");
    assert_eq!(setup.run(&["audit", "--min-age", "0s"]).await.code, 0);
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

#[test]
fn tables_fit() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().expect("a path of ASCII");
    let settings = [("OSS_SANDBOX_DIR", dir)];
    let in_sandbox = |arguments: &[&str]| run(&settings, &[&["--sandbox"], arguments].concat());
    let preview = in_sandbox(&["preview", "--ddd", "11", "--output", "json"]).json();
    let id = preview["id"].as_str().unwrap();
    assert_eq!(in_sandbox(&["reserve", "--preview", id, "--index", "1"]).code, 0);
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/data/location_ddd.csv");
    let list = list.to_str().expect("a path of ASCII");
    for arguments in [
        &["show", "11999950001"][..],
        &["brands"],
        &["models", "apple"],
        &["sweep"],
        &["audit"],
        &["ddd", "import", list, "--dry-run"],
        &["release", "11999950001", "11999950001", "21999999999"],
    ] {
        let shown = in_sandbox(arguments);
        assert!(!shown.stdout.is_empty() && widest(&shown.stdout) <= 80, "{arguments:?}:\n{}", shown.stdout);
    }
    let narrow = Terminal::start(64, &settings, &["--sandbox", "brands"]).wait_until_ended();
    assert!(narrow.lines.iter().all(|line| line.chars().count() <= 64), "{narrow:?}");
    assert!(widest(&in_sandbox(&["brands"]).stdout) > 64, "it uses what there is");
}

#[test]
fn an_import_shows_counts() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("oss.db").display());
    let settings = [("OSS_DATABASE_URL", url.as_str())];
    assert_eq!(run(&settings, &["migrate"]).code, 0);
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/data/location_ddd.csv");
    let whole = std::fs::read_to_string(list).unwrap();
    let changed = dir.path().join("list.csv");
    // The list has two localities fewer, and a new one.
    let kept: Vec<_> = whole.trim_end().lines().rev().skip(2).collect();
    let kept: Vec<_> = kept.into_iter().rev().collect();
    let extra = if whole.starts_with("location_cnl,ddd,") { "999999999,11,X,SP" } else { "999999999,11" };
    std::fs::write(&changed, format!("{}\n{extra}\n", kept.join("\n"))).unwrap();
    let imported = run(&settings, &["ddd", "import", changed.to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{imported:?}");
    let rows: Vec<Vec<_>> = imported
        .stdout
        .lines()
        .map(|line| line.split(['│', '┆']).map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert!(rows.contains(&vec!["kind", "read", "added", "changed", "unchanged", "removed"]), "{rows:?}");
    assert!(rows.contains(&vec!["localities", "5570", "1", "0", "5569", "2"]), "{rows:?}");
}
