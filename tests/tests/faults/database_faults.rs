//! A database that crashes or falls silent while numbers are being reserved.

use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use oss_core::SimId;
use oss_core::sigan::mock::{Behaviour, CallKind, Fault};
use oss_tests::backend::Database;
use oss_tests::cut::CutWire;
use oss_tests::eventually::eventually;
use oss_tests::http::Answer;
use oss_tests::postgres::Postgres;
use oss_tests::route::Route;
use oss_tests::server::Server;
use oss_tests::sigan::wait_until_called;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_sigan_is_asked_loses_no_number() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    sigan.behave(Behaviour { latency: Duration::from_secs(2), ..Behaviour::default() });
    let reserve = tokio::spawn({
        let (http, preview) = (http.clone(), preview.clone());
        async move { http.reserve(&preview, 1).await }
    });
    wait_until_called(&sigan, CallKind::Reserve, 1).await;
    postgres.crash_and_restart();
    let reserved = reserve.await.unwrap();
    assert_eq!((reserved.status, &reserved.body["msisdn"]), (200, &json!("11999950001")));
    assert_eq!(http.get("/numbers/11999950001").await.body["history"][0]["state"], "HELD");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_recorded_once_the_database_is_back() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    sigan.behave(Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() });
    let reserve = tokio::spawn({
        let (http, preview) = (http.clone(), preview.clone());
        async move { http.reserve(&preview, 1).await }
    });
    wait_until_called(&sigan, CallKind::Reserve, 1).await;
    // This is longer than a statement may take, so that the first try to record the outcome fails.
    postgres.freeze();
    tokio::time::sleep(Duration::from_secs(7)).await;
    postgres.thaw();
    assert_eq!(reserve.await.unwrap().status, 200);
    assert_eq!(sigan.calls(CallKind::Release), 0, "a database error never releases a number");
}

/// The row of the attempt exists, and its caller got 503 because the database's answer was lost. Sigan was never asked, so the
/// caller's repeat does not have to wait until the lease of the attempt ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_whose_answer_was_lost_does_not_bar_the_repeat() {
    const ENDED: &str = "select count(*) from reservation where last_error = 'its lease was not used'";
    let database = Database::postgres().await;
    let (user, rest) = database.url().split_once('@').expect("an address has a user");
    let (address, name) = rest.split_once('/').expect("an address has a name");
    let wire = CutWire::to(address).await;
    let url = format!("{user}@{}/{name}", wire.address());
    let settings =
        [("OSS_DATABASE_POOL", "2"), ("OSS_DATABASE_URL", url.as_str()), ("OSS_SIGAN_TIMEOUT", "90s")];
    let (server, sigan) = Server::with_sigan(&database, &settings).await;
    let http = server.http();
    let preview = http.preview().await;
    let id: uuid::Uuid = preview.parse().expect("an id");
    wire.cut_after(Some(id.as_bytes()));
    assert_eq!(http.reserve(&preview, 1).await.status, 503);
    wire.cut_after(None);
    assert_eq!(sigan.calls(CallKind::Reserve), 0);
    // The lease would last for 110 s.
    assert_eq!(http.reserve(&preview, 1).await.status, 200);
    assert_eq!(database.count(ENDED).await, 1);

    // A call that takes up an attempt in doubt may be repeated in the same way. The attempt is not given up.
    let preview = http.preview().await;
    let id: uuid::Uuid = preview.parse().expect("an id");
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(http.reserve(&preview, 1).await.status, 504);
    wire.cut_after(Some(id.as_bytes()));
    assert_eq!(http.reserve(&preview, 1).await.status, 503);
    wire.cut_after(None);
    assert_eq!(http.reserve(&preview, 1).await.status, 200);
    assert_eq!(sigan.calls(CallKind::Release), 0, "it was never given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_connection_is_replaced_without_an_error() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let previews = join_all((0..5).map(|_| http.preview())).await;
    postgres.crash_and_restart();
    let answers = join_all(previews.iter().map(|preview| http.reserve(preview, 1))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_peer_vanished_gives_its_place_back() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_DATABASE_POOL", "2")]).await;
    let http = server.http();
    let previews = join_all((0..4).map(|_| http.preview())).await;
    postgres.freeze_sessions().await;
    // The previews may have shared one connection. Then the other one is new, and answers.
    let answers = join_all((0..2).map(|_| http.get("/numbers/11999950001"))).await;
    assert!(answers.iter().any(|answer| answer.status == 503), "{answers:?}");
    for preview in &previews {
        eventually(async || {
            let answer = http.reserve(preview, 1).await;
            if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_under_load_leave_our_records_and_sigans_alike() {
    const CALLERS: usize = 60;
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    sigan.behave(Behaviour { latency: Duration::from_millis(50), ..Behaviour::default() });
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let http = http.clone();
            tokio::spawn(async move { one_customer(&http).await })
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        postgres.crash_and_restart();
    }
    let numbers: Vec<String> = join_all(callers).await.into_iter().map(|number| number.unwrap()).collect();

    let mut distinct = numbers.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), CALLERS, "no number is given twice");
    let held = sigan.inventory().reserved();
    assert!(numbers.iter().all(|number| held.iter().any(|hold| hold.msisdn.as_str() == number)));
    let live = "select count(*) from reservation where state in ('HELD', 'IN_DOUBT', 'PENDING')";
    assert_eq!(
        usize::try_from(database.count(live).await),
        Ok(held.len()),
        "what Sigan holds is recorded here"
    );
}

/// Previews and reserves. Repeats each request that fails, as the documentation asks callers to.
async fn one_customer(http: &oss_tests::http::Http) -> String {
    let preview = loop {
        let created = http.post("/previews", json!({ "areaCode": "11" })).await;
        match created.status {
            201 => break created.body["id"].as_str().unwrap().to_owned(),
            503 => tokio::time::sleep(Duration::from_millis(100)).await,
            other => panic!("{other}: {created:?}"),
        }
    };
    loop {
        let reserved = http.reserve(&preview, 2).await;
        match reserved.status {
            200 => return reserved.body["msisdn"].as_str().unwrap().to_owned(),
            409 | 503 | 504 => tokio::time::sleep(Duration::from_millis(100)).await,
            other => panic!("{other}: {reserved:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_database_is_reported_and_does_not_exhaust_the_pool() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_DATABASE_POOL", "2")]).await;
    let http = server.http();
    let preview = http.preview().await;
    postgres.freeze();
    let answers = join_all((0..6).map(|_| http.get("/numbers/11999950001"))).await;
    assert!(answers.iter().all(|answer| answer.status == 503 && answer.retry_after.is_some()), "{answers:?}");
    assert_eq!(http.get("/health/ready").await.status, 503);
    assert_eq!(http.get("/ddds/11").await.status, 204, "what is in memory is answered");
    postgres.thaw();
    for _ in 0..4 {
        assert_eq!(http.get("/numbers/11999950001").await.status, 404);
    }
    assert_eq!(http.reserve(&preview, 1).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_look_up_waits_for_a_silent_database() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    assert_eq!(http.get("/ddds/11").await.status, 204);
    postgres.freeze();
    // After this time the versions of the lists are no longer taken for current.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let mut look_ups: FuturesUnordered<_> = (0..10).map(|_| http.get("/ddds/11")).collect();
    for _ in 0..9 {
        assert_eq!(look_ups.next().await.map(|answer| answer.status), Some(204));
    }
    // If the others had waited with it, all of them would be answered together.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(look_ups.next().now_or_never().is_none(), "one of them asks the database");
    assert_eq!(look_ups.next().await.map(|answer| answer.status), Some(204));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_locked_changes_nothing_and_passes() {
    let database = Database::sqlite().await;
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    let lock = database.lock().await;
    let refused = http.reserve(&preview, 1).await;
    assert_eq!((refused.status, refused.retry_after.is_some()), (503, true), "{refused:?}");
    assert_eq!(sigan.calls(CallKind::Reserve), 0, "without its row no number is asked for");
    drop(lock);
    assert_eq!(http.reserve(&preview, 1).await.status, 200);
}

/// The messages of a server's log, each with the module that wrote it.
fn messages(server: &Server) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parse = |line: String| serde_json::from_str::<Value>(&line).ok();
    let lines = server.log().into_iter().filter_map(parse);
    lines.map(|line| (text(&line["target"]), text(&line["message"]))).collect()
}

fn count(messages: &[(String, String)], text: &str) -> usize {
    messages.iter().filter(|(_, message)| message.contains(text)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_is_logged_once_and_left_alone_until_it_takes_writes() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    join_all((0..10).map(|_| http.preview())).await;
    postgres.refuse_writes().await;
    for _ in 0..3 {
        let wish = || http.post("/previews", json!({ "areaCode": "11" }));
        let answers = join_all((0..30).map(|_| wish())).await;
        assert!(answers.iter().all(|answer| answer.status == 503 && answer.retry_after.is_some()));
    }
    // It may be the old primary, whose data is out of date, so it is not read either.
    assert_eq!(http.get("/numbers/11999950001").await.status, 503);
    assert_eq!(http.get("/health/ready").await.status, 503);
    assert_eq!(http.get("/ddds/11").await.status, 204, "what is in memory is answered");

    postgres.accept_writes().await;
    http.preview().await;
    server.wait_for_log("The database accepts writes again.").await;
    let messages = messages(&server);
    assert_eq!(count(&messages, "The database is read-only"), 1, "{messages:#?}");
    assert_eq!(count(&messages, "The database accepts writes again."), 1, "{messages:#?}");
    assert!(messages.iter().all(|(target, _)| target.starts_with("oss")), "{messages:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_follows_a_failover() {
    let (old, new) = (Postgres::start().await, Postgres::start().await);
    let (database, standby) = (Database::on(&old).await, Database::on(&new).await);
    let route = Route::to(old.port()).await;
    let url = database.url().replace(&format!(":{}/", old.port()), &format!(":{}/", route.port()));
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_DATABASE_URL", &url)]).await;
    let http = server.http();
    join_all((0..10).map(|_| http.preview())).await;

    // The connections to the old primary stay open.
    old.refuse_writes().await;
    route.lead_to(new.port());
    let created = join_all((0..20).map(|_| http.preview())).await;
    assert_eq!(standby.count("select count(*) from preview").await, 20);
    assert_eq!(http.reserve(&created[0], 1).await.status, 200);
    assert_eq!(count(&messages(&server), "The database is read-only"), 0, "nobody had to wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_statements_that_lock_each_others_rows_both_succeed() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let numbers = join_all((0..2).map(|_| http.post("/reservations", json!({ "areaCode": "11" })))).await;
    // Each update locks the other number too. The first two updates do so only after each has locked its own number.
    for statement in [
        "create sequence updates",
        "create function lock_the_other() returns trigger language plpgsql as $$ begin
             perform pg_sleep(case when nextval('updates') <= 2 then 0.3 else 0 end);
             perform from phone_number where msisdn <> new.msisdn for update;
             return new;
         end $$",
        "create trigger other before update on phone_number for each row execute function lock_the_other()",
    ] {
        database.execute(statement).await;
    }
    let sims = [database.add_sim().await, database.add_sim().await];
    let assign = |(number, sim): (&Answer, SimId)| {
        let path = format!("/reservations/{}/assignment", number.body["msisdn"].as_str().expect("a number"));
        let http = http.clone();
        async move { http.put_json(&path, json!({ "simId": sim })).await.status }
    };
    assert_eq!(join_all(numbers.iter().zip(sims).map(assign)).await, [204, 204]);
    assert!(postgres.log().contains("canceling statement due to lock timeout"), "they met");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_stays_locked_is_not_waited_for_long() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let reserved = http.post("/reservations", json!({ "areaCode": "11" })).await;
    let path = format!("/reservations/{}", reserved.body["msisdn"].as_str().expect("a number"));
    let lock = postgres.lock(&database, "select from phone_number for update").await;
    let refused = http.delete(&path).await;
    assert_eq!((refused.status, refused.retry_after.is_some()), (503, true), "{refused:?}");
    let repeats = postgres.log().matches("canceling statement due to lock timeout").count();
    assert!((2..=5).contains(&repeats), "{repeats}");
    drop(lock);
    assert_eq!(http.delete(&path).await.status, 204);
}
