//! What the README says is to be done after a database was set back to an earlier moment: no number that is on a line is given
//! away, and what nobody claims is given back.

use std::time::Duration;

use oss_core::sigan::mock::Inventory;
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, run_beside};
use oss_tests::settle::settings;
use oss_tests::sigan::Sigan;
use serde_json::json;

const SIM: &str = "018f0000-0000-7000-8000-000000000001";

/// The command line on one database.
struct Program<'a> {
    database: Database,
    sigan: &'a Sigan,
}

impl Program<'_> {
    async fn oss(&self, arguments: &[&str]) -> Ended {
        let sigan = self.sigan.url();
        // What is held counts as abandoned a moment later.
        let settings = [&settings(&self.database, &sigan)[..], &[("OSS_RESERVATION_TTL", "1s")]].concat();
        run_beside(&settings, &[&["--output", "json"], arguments].concat()).await
    }

    async fn reserved(&self) -> String {
        let ended = self.oss(&["reserve", "--ddd", "11"]).await;
        ended.json()["msisdn"].as_str().expect("a number").to_owned()
    }

    async fn assign(&self, line: &str) -> i32 {
        self.oss(&["assign", line, "--sim", SIM]).await.code
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
    let assigned_since = before.reserved().await;
    let released_since = before.reserved().await;
    let after = Program { database: before.database.copied().await, sigan: &sigan };

    // What the copy does not know.
    let reserved_and_assigned_since = before.reserved().await;
    let claimed_by_nobody = before.reserved().await;
    assert_eq!(before.assign(&assigned_since).await, 0);
    assert_eq!(before.assign(&reserved_and_assigned_since).await, 0);
    assert_eq!(before.oss(&["release", &released_since]).await.code, 0);
    assert!(!before.held().contains(&released_since));

    // The assignments are repeated; the one that cannot be is told to the database.
    assert_eq!(after.assign(&assigned_since).await, 0);
    assert_eq!(after.assign(&reserved_and_assigned_since).await, 3);
    let insert = format!(
        "insert into phone_number (msisdn, origin, status, assigned_sim_id, assigned_at)
         values ('{reserved_and_assigned_since}', 'VIVO', 'IN_USE', '{SIM}', now())
         on conflict (msisdn) do update
         set status = excluded.status, assigned_sim_id = excluded.assigned_sim_id, assigned_at = now(),
             updated_at = now()"
    );
    after.database.execute(&insert).await;

    let audit = after.audit(&[]).await;
    let told: Vec<_> = audit.json()["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|difference| json!([difference["msisdn"], difference["kind"]]))
        .collect();
    assert_eq!(audit.code, 4);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&json!([claimed_by_nobody, "unknown-here"])), "{told:?}");
    assert!(told.contains(&json!([released_since, "unknown-there"])), "{told:?}");
    assert_eq!(after.audit(&["--fix"]).await.json()["fixed"], 2);

    // Long after everything that is no line counts as abandoned.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(after.oss(&["sweep"]).await.code, 0);
    let mut lines = vec![assigned_since, reserved_and_assigned_since];
    lines.sort();
    assert_eq!(after.held(), lines);
    assert_eq!(after.audit(&[]).await.code, 0);
}
