//! The steps of the run-book after a restore to an earlier moment (`examples/operations/README.md`). No number that is on a line is
//! given away, and a number that nobody claims is given back.

use std::process::Command;
use std::time::Duration;

use oss_core::sigan::mock::Inventory;
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, run_beside};
use oss_tests::postgres::{Postgres, client};
use oss_tests::settle::settings;
use oss_tests::sigan::Sigan;
use serde_json::json;

const SIM: &str = "018f0000-0000-7000-8000-000000000001";
const SIM_SINCE: &str = "018f0000-0000-7000-8000-000000000002";
const SIM_OF_OTHER: &str = "018f0000-0000-7000-8000-000000000003";

/// The command line on one database.
struct Program<'a> {
    database: Database,
    sigan: &'a Sigan,
}

impl Program<'_> {
    async fn oss(&self, arguments: &[&str]) -> Ended {
        self.oss_for("acme", arguments).await
    }

    /// Runs a command with another brand in the settings.
    async fn oss_for(&self, brand: &str, arguments: &[&str]) -> Ended {
        let sigan = self.sigan.url();
        // A held number counts as abandoned a moment later.
        let more = [("OSS_RESERVATION_TTL", "1s"), ("OSS_SIGAN_BRAND_ID", brand)];
        let settings = [&settings(&self.database, &sigan)[..], &more].concat();
        run_beside(&settings, &[&["--output", "json"], arguments].concat()).await
    }

    async fn reserved(&self) -> String {
        self.reserved_for("acme").await
    }

    async fn reserved_for(&self, brand: &str) -> String {
        let ended = self.oss_for(brand, &["reserve", "--ddd", "11"]).await;
        ended.json()["msisdn"].as_str().expect("a number").to_owned()
    }

    async fn assign(&self, line: &str, sim: &str) -> i32 {
        self.oss(&["assign", line, "--sim", sim]).await.code
    }

    async fn adopt(&self, line: &str, sim: &str, brand: &str) -> i32 {
        self.oss(&["adopt", line, "--sim", sim, "--brand", brand]).await.code
    }

    async fn audit(&self, more: &[&str]) -> Ended {
        self.oss(&[&["audit", "--min-age", "0s"], more].concat()).await
    }

    fn held(&self) -> Vec<String> {
        self.sigan.inventory().reserved().iter().map(|hold| hold.msisdn.to_string()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_set_back_gives_no_line_away() {
    let sigan = Sigan::start(Inventory::new("PR")).await;
    let before = Program { database: Database::postgres().await, sigan: &sigan };
    let sims = [SIM, SIM_SINCE, SIM_OF_OTHER].map(|id| id.parse().expect("a UUID"));
    before.database.add_sims("acme", &sims).await;
    let assigned_since = before.reserved().await;
    let released_since = before.reserved().await;
    let after = Program { database: before.database.copy().await, sigan: &sigan };

    // The copy does not know the following changes.
    let line_since = before.reserved().await;
    let line_of_other = before.reserved_for("other").await;
    let claimed_by_nobody = before.reserved().await;
    assert_eq!(before.assign(&assigned_since, SIM).await, 0);
    assert_eq!(before.assign(&line_since, SIM_SINCE).await, 0);
    assert_eq!(before.assign(&line_of_other, SIM_OF_OTHER).await, 0);
    assert_eq!(before.oss(&["release", &released_since]).await.code, 0);
    assert!(!before.held().contains(&released_since));

    // The assignments are repeated. Numbers that are unknown here are adopted for their brand.
    assert_eq!(after.assign(&assigned_since, SIM).await, 0);
    assert_eq!(after.assign(&line_since, SIM_SINCE).await, 3);
    assert_eq!(after.adopt(&line_since, SIM_SINCE, "acme").await, 0);
    assert_eq!(after.adopt(&line_of_other, SIM_OF_OTHER, "acme").await, 3, "it is not of this brand");
    assert_eq!(after.adopt(&line_of_other, SIM_OF_OTHER, "other").await, 0);
    let brands = "select msisdn || ' ' || brand_id from reservation where state = 'ASSIGNED' order by 1";
    let mut lines =
        [format!("{assigned_since} acme"), format!("{line_since} acme"), format!("{line_of_other} other")];
    lines.sort();
    assert_eq!(after.database.texts(brands).await, lines);

    let audit = after.audit(&[]).await;
    assert_eq!(audit.json()["brands"], json!(["acme", "other"]));
    let differences: Vec<_> = audit.json()["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|difference| json!([difference["msisdn"], difference["kind"]]))
        .collect();
    assert_eq!(audit.code, 4);
    assert_eq!(differences.len(), 2, "{differences:?}");
    assert!(differences.contains(&json!([claimed_by_nobody, "unknown-here"])), "{differences:?}");
    assert!(differences.contains(&json!([released_since, "unknown-there"])), "{differences:?}");
    assert_eq!(after.audit(&["--fix"]).await.json()["fixed"], 2);

    // By now every number that is not on a line counts as abandoned.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(after.oss(&["sweep"]).await.code, 0);
    let mut lines = vec![assigned_since, line_since, line_of_other];
    lines.sort();
    assert_eq!(after.held(), lines);
    assert_eq!(after.audit(&[]).await.code, 0);
}

/// The text of a program's output, if it succeeded.
fn output(mut command: Command) -> String {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a dump is text")
}

/// Makes a server have had many transactions.
const LATER: &str =
    "do $$ begin for i in 1..5000 loop perform pg_current_xact_id(); commit; end loop; end $$";

/// Restores a dump of a database in an empty one.
fn restore(before: &Database, dump_options: &[&str], after: &Database) {
    let mut dump = client("pg_dump");
    dump.arg("--no-owner").args(dump_options).arg(before.url());
    let mut restore = client("psql");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), output(dump)).expect("it is written");
    restore.args(["-v", "ON_ERROR_STOP=1", "-q", after.url(), "-f"]).arg(file.path());
    output(restore);
}

/// A dump is restored on a server that has had fewer transactions. A reader of the events goes on where it was.
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_events_go_on_after_a_dump_was_restored() {
    let sigan = Sigan::start(Inventory::new("PR")).await;
    let (old, new) = (Postgres::start().await, Postgres::start().await);
    let before = Program { database: Database::on(&old).await, sigan: &sigan };
    before.database.execute(LATER).await;
    let number = before.reserved().await;
    let read = before.oss(&["events"]).await.json();
    assert_eq!(read["events"].as_array().map(Vec::len), Some(1), "{read}");

    let after = Program { database: Database::empty_on(&new).await, sigan: &sigan };
    restore(&before.database, &[], &after.database);

    assert_eq!(after.oss(&["events"]).await.json(), read, "the same events at the same places");
    assert_eq!(after.oss(&["release", &number]).await.code, 0);
    let later = after.oss(&["events", "--after", read["next"].as_str().expect("a place")]).await.json();
    let kinds: Vec<_> =
        later["events"].as_array().expect("a list").iter().map(|event| &event["kind"]).collect();
    assert_eq!(kinds, ["number.released", "number.returned"]);
}

/// The second change of a transaction must not take the event of the first one for that of another server. No other transaction runs on this
/// server, so nothing hides a mistake.
#[tokio::test(flavor = "multi_thread")]
async fn two_changes_of_a_transaction_are_of_one_server() {
    const BOTH: &str = "
        begin;
        update reservation set state = 'RELEASING', due_at = now();
        update reservation set state = 'RELEASED', due_at = null;
        commit";
    let sigan = Sigan::start(Inventory::new("PR")).await;
    let postgres = Postgres::start().await;
    let program = Program { database: Database::on(&postgres).await, sigan: &sigan };
    program.reserved().await;
    program.database.execute(BOTH).await;
    assert_eq!(program.database.count("select count(*) from event").await, 3);
    assert_eq!(program.database.count("select added from event_offset").await, 0);
}

/// The dump lacks the events, but it has the places of the counts and of a webhook among them.
#[tokio::test(flavor = "multi_thread")]
async fn counts_and_webhooks_go_on_after_a_dump_without_events_was_restored() {
    const WEBHOOK: &str = "
        insert into webhook (name, transaction_id, position)
        select 'billing', transaction_id, position from event order by transaction_id desc, position desc limit 1";
    const WAITING: &str = "
        select count(*) from event e, webhook w where (e.transaction_id, e.position) > (w.transaction_id, w.position)";
    let sigan = Sigan::start(Inventory::new("PR")).await;
    let (old, new) = (Postgres::start().await, Postgres::start().await);
    let before = Program { database: Database::on(&old).await, sigan: &sigan };
    before.database.execute(LATER).await;
    let number = before.reserved().await;
    let read = before.oss(&["events"]).await.json();
    let counted = |stats: Ended| {
        let stats = stats.json();
        let counts = stats["attempts"].as_array().expect("a list").iter();
        counts.map(|count| format!("{} {}", count["state"], count["attempts"])).collect::<Vec<_>>()
    };
    assert_eq!(counted(before.oss(&["stats"]).await), ["\"HELD\" 1"]);
    before.database.execute(WEBHOOK).await;

    let after = Program { database: Database::empty_on(&new).await, sigan: &sigan };
    restore(&before.database, &["--exclude-table-data=event"], &after.database);
    let refused = after.oss(&["events", "--after", read["next"].as_str().expect("a place")]).await;
    assert!(refused.code == 4 && refused.stderr.contains("foreign-cursor"), "{refused:?}");

    assert_eq!(after.oss(&["release", &number]).await.code, 0);
    assert_eq!(counted(after.oss(&["stats"]).await), ["\"RELEASED\" 1"]);
    assert_eq!(after.database.count(WAITING).await, 2, "the release, and that Sigan was told");
}
