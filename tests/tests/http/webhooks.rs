//! The state of webhooks over HTTP, on both databases. `faults::webhooks` delivers to them.

use oss_tests::backend::Database;
use oss_tests::server::Server;
use serde_json::{Value, json};

oss_tests::on_both!(webhooks_are_listed_and_replayed, a_replay_that_cannot_be_read_changes_nothing);

/// Records a webhook that a server delivered to.
async fn record(database: &Database) {
    let now = database.now();
    let statement = format!(
        "insert into webhook (name, transaction_id, position, attempts, next_attempt_at, last_error)
         values ('billing', 0, 7, 3, {now}, 'status 500')"
    );
    database.execute(&statement).await;
}

async fn webhook(server: &Server) -> Value {
    let listed = server.http().get("/webhooks").await;
    assert_eq!(listed.status, 200, "{listed:?}");
    listed.body["webhooks"][0].clone()
}

async fn webhooks_are_listed_and_replayed(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    assert_eq!(http.get("/webhooks").await.body, json!({ "webhooks": [] }));
    record(&database).await;
    let before = webhook(&server).await;
    assert_eq!(before["name"], "billing");
    assert_eq!((&before["cursor"], &before["attempts"]), (&json!("0-7"), &json!(3)), "{before}");
    assert_eq!(
        (&before["lastError"], &before["deliveredAt"]),
        (&json!("status 500"), &Value::Null),
        "{before}"
    );
    let from = json!({ "from": "2020-01-01T00:00:00Z" });
    assert_eq!(http.post("/webhooks/billing/replays", from.clone()).await.status, 204);
    let after = webhook(&server).await;
    assert_eq!(after["cursor"], "0-0", "{after}");
    assert_eq!(http.post("/webhooks/billing/replays", from).await.status, 204, "again");
}

async fn a_replay_that_cannot_be_read_changes_nothing(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    record(&database).await;
    let unknown = http.post("/webhooks/shipping/replays", json!({ "from": "2020-01-01T00:00:00Z" })).await;
    assert_eq!((unknown.status, &unknown.body["type"]), (404, &json!("urn:oss:problem:unknown-webhook")));
    for (path, body, field) in [
        ("/webhooks/billing/replays", json!({}), "from"),
        ("/webhooks/billing/replays", json!({ "from": null }), "from"),
        ("/webhooks/billing/replays", json!({ "from": "yesterday" }), "from"),
        ("/webhooks/billing/replays", json!({ "from": "2020-01-01T00:00:00Z", "to": "now" }), "to"),
        ("/webhooks/a.b/replays", json!({ "from": "2020-01-01T00:00:00Z" }), "name"),
    ] {
        let refused = http.post(path, body.clone()).await;
        assert_eq!(
            (refused.status, &refused.body["field"]),
            (400, &json!(field)),
            "{path} {body}: {refused:?}"
        );
    }
    assert_eq!(webhook(&server).await["cursor"], "0-7");
}
