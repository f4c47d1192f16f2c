//! Events reach webhooks in order and none is lost, whatever fails.

use std::time::Duration;

use oss_core::sigan::mock::Inventory;
use oss_core::store::EventCursor;
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, run_beside};
use oss_tests::events::read_all;
use oss_tests::eventually::eventually;
use oss_tests::load::{Load, SETTINGS, small_sigan, unreliable};
use oss_tests::receiver::{A_WHILE, Mood, Receiver, WebhooksFile};
use oss_tests::server::Server;
use oss_tests::settle::settings;
use oss_tests::sigan::Sigan;
use serde_json::json;

oss_tests::on_both!(
    a_target_that_is_down_delays_no_other,
    a_webhook_is_replayed_from_a_time,
    webhooks_change_while_the_server_runs,
);

/// The ids of all events, in the order in which a reader sees them.
async fn ids(database: &Database) -> Vec<String> {
    let store = database.store().await;
    let events = read_all(database, &*store, EventCursor::default()).await;
    events.iter().map(|event| event.id.to_string()).collect()
}

/// Waits until a receiver has every event, each first delivery in order. There may be many, so this only waits for the next ones.
async fn wait_for_all(database: &Database, receiver: &Receiver) {
    let stored = ids(database).await;
    let mut seen = 0;
    while seen < stored.len() {
        seen = eventually(async || {
            let delivered: Vec<String> = receiver.events().into_iter().map(|event| event.id).collect();
            let count = delivered.len();
            assert_eq!(delivered, stored[..count], "in order, and none is missing");
            if count > seen { Ok(count) } else { Err(format!("{count} of {} were delivered", stored.len())) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_target_that_fails_half_the_time_gets_every_event_in_order() {
    let (database, sigan, receiver) =
        (Database::postgres().await, small_sigan().await, Receiver::start().await);
    let file = WebhooksFile::new(&[("unsteady", &receiver.url(), "")]);
    let config = file.path();
    let more = [&SETTINGS[..], &[("OSS_CONFIG", &*config)]].concat();
    let serve = || Server::start(&database, &sigan.url(), &more);
    let mut servers = [serve(), serve()];
    wait_for_webhook(&database).await;
    receiver.set_mood(Mood::FailsHalfTheTime);
    let load = Load::on(&database, &[&servers[0], &servers[1]]).await;
    for cycle in 0..6 {
        sigan.behave(unreliable());
        load.wait_for_progress().await;
        tokio::time::sleep(A_WHILE).await;
        servers[cycle % 2].kill();
        servers[cycle % 2] = serve();
        load.move_to(&[&servers[0], &servers[1]]);
    }
    load.finish_and_check(&database, &sigan).await;
    wait_for_all(&database, &receiver).await;
    let (deliveries, events) = (receiver.deliveries().len(), receiver.events().len());
    assert!(deliveries > events, "some were delivered again: {deliveries} of {events}");
}

/// Waits until a server has taken the turn of a webhook, which then begins with the next event.
async fn wait_for_webhook(database: &Database) {
    database.wait_for_count("select count(*) from webhook", 1).await;
}

/// A server with webhooks, and the command line beside it.
struct Delivering {
    database: Database,
    sigan: Sigan,
    server: Server,
    file: WebhooksFile,
}

impl Delivering {
    async fn start(database: Database, webhooks: &[(&str, &str, &str)]) -> Self {
        let (sigan, file) = (Sigan::start(Inventory::new("PR")).await, WebhooksFile::new(webhooks));
        let server = Server::start(&database, &sigan.url(), &[("OSS_CONFIG", &file.path())]);
        let count = i64::try_from(webhooks.len()).expect("a count");
        database.wait_for_count("select count(*) from webhook", count).await;
        Self { database, sigan, server, file }
    }

    async fn reserve(&self) -> String {
        let reserved = self.server.http().post("/reservations", json!({ "areaCode": "11" })).await;
        reserved.body["msisdn"].as_str().unwrap_or_else(|| panic!("{reserved:?}")).to_owned()
    }

    async fn oss(&self, arguments: &[&str]) -> Ended {
        let sigan = self.sigan.url();
        let arguments = [&["--output", "json"], arguments].concat();
        run_beside(&settings(&self.database, &sigan), &arguments).await
    }
}

/// Waits until a receiver has had this many deliveries.
async fn wait_for(receiver: &Receiver, count: usize) {
    eventually(async || {
        let delivered = receiver.deliveries().len();
        if delivered == count { Ok(()) } else { Err(format!("{delivered} deliveries")) }
    })
    .await;
}

async fn a_target_that_is_down_delays_no_other(database: Database) {
    let (own, some, down) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    down.set_mood(Mood::Refuses);
    let webhooks = [
        ("down", &*down.url(), ""),
        ("gone", "http://127.0.0.1:9/hook", ""),
        ("own", &own.url(), "brand_id = \"acme\""),
        ("some", &some.url(), "kinds = [\"number.released\"]"),
    ];
    let delivering = Delivering::start(database, &webhooks).await;
    let number = delivering.reserve().await;
    let released = delivering.server.http().delete(&format!("/reservations/{number}")).await;
    assert_eq!(released.status, 204);
    wait_for(&own, 3).await;
    wait_for(&some, 1).await;

    let bodies: Vec<_> = own.events().into_iter().map(|event| event.body).collect();
    let kinds: Vec<_> = bodies.iter().map(|body| body["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds, ["number.reserved", "number.released", "number.returned"]);
    for body in &bodies {
        assert_eq!(body["data"]["msisdn"], json!(number), "the webhook is of the brand");
        assert_eq!(body["timestamp"], body["data"]["recordedAt"]);
    }
    let masked = &some.events()[0].body["data"];
    assert_eq!((&masked["kind"], &masked["msisdn"]), (&json!("number.released"), &json!(null)));
    assert_eq!(masked["masked"].as_str().map(|text| &text[..9]), Some("(11) 9***"));

    eventually(async || {
        let listed = delivering.oss(&["webhooks"]).await.json();
        let by_name = |name: &str| {
            let webhooks = listed["webhooks"].as_array().expect("a list");
            webhooks.iter().find(|webhook| webhook["name"] == name).expect("it is listed").clone()
        };
        let (down, gone) = (by_name("down"), by_name("gone"));
        assert_eq!((&by_name("own")["lagSeconds"], &by_name("own")["lastError"]), (&json!(0), &json!(null)));
        let told = down["lastError"] == "it answered 500" && gone["lastError"] == "it cannot be reached";
        if told && down["attempts"].as_u64() > Some(1) { Ok(()) } else { Err(listed.to_string()) }
    })
    .await;
    down.set_mood(Mood::Takes);
    wait_for(&down, 3).await;
}

async fn a_webhook_is_replayed_from_a_time(database: Database) {
    let receiver = Receiver::start().await;
    let delivering = Delivering::start(database, &[("archive", &receiver.url(), "")]).await;
    delivering.reserve().await;
    wait_for(&receiver, 1).await;
    // An event that is much older than the time.
    delivering.database.execute(&older(&delivering.database)).await;
    let since = receiver.events()[0].body["timestamp"].as_str().expect("a time").to_owned();
    delivering.reserve().await;
    wait_for(&receiver, 2).await;

    assert_eq!(delivering.oss(&["webhooks", "replay", "other", "--from", &since]).await.code, 3);
    assert_eq!(delivering.oss(&["webhooks", "replay", "archive", "--from", &since]).await.code, 0);
    wait_for(&receiver, 3).await;
    let deliveries = receiver.deliveries();
    assert_eq!(deliveries[2], deliveries[1], "the same event again");
    // A while later there is still no more.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(receiver.deliveries().len(), 3);
}

async fn webhooks_change_while_the_server_runs(database: Database) {
    let [removed, before, after, added] =
        [Receiver::start().await, Receiver::start().await, Receiver::start().await, Receiver::start().await];
    let webhooks = [("removed", &*removed.url(), ""), ("moved", &before.url(), "")];
    let delivering = Delivering::start(database, &webhooks).await;
    delivering.reserve().await;
    wait_for(&removed, 1).await;
    wait_for(&before, 1).await;

    delivering
        .file
        .write_text("[[webhooks]]\nname = \"moved\"\nurl = \"http://127.0.0.1:9\"\nsecrets = [\"x\"]\n");
    delivering.server.wait_for_log("The webhooks from before stay in force").await;
    delivering.server.wait_for_log("secrets of webhooks 1").await;
    delivering.reserve().await;
    wait_for(&removed, 2).await;
    wait_for(&before, 2).await;

    delivering.file.write(&[("moved", &after.url(), ""), ("added", &added.url(), "")]);
    delivering.database.wait_for_count("select count(*) from webhook", 3).await;
    delivering.reserve().await;
    wait_for(&after, 1).await;
    wait_for(&added, 1).await;
    assert_eq!((removed.deliveries().len(), before.deliveries().len()), (2, 2), "they get nothing more");
    assert_eq!(after.deliveries(), added.deliveries(), "the moved one goes on from its place");
}

fn older(database: &Database) -> String {
    let day = if database.url().starts_with("sqlite") { "86400000000" } else { "interval '1 day'" };
    format!("update event set recorded_at = recorded_at - {day}")
}
