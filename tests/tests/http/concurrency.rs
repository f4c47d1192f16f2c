//! Many at once, while Sigan is slow.

use std::time::Duration;

use futures::future::join_all;
use oss_core::sigan::mock::{Behaviour, CallKind};
use oss_tests::backend::Database;
use oss_tests::http::Http;
use oss_tests::server::Server;
use oss_tests::sigan::wait_until_called;
use serde_json::json;
use tokio::io::AsyncWriteExt;

fn slow(latency: Duration) -> Behaviour {
    Behaviour { latency, ..Behaviour::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_get_the_same_number_or_are_told_to_wait() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let (server, sigan) = Server::with_sigan(&database, &[]).await;
        let http = server.http();
        let preview = http.preview().await;
        sigan.behave(slow(Duration::from_millis(300)));
        let answers = join_all((0..10).map(|_| http.reserve(&preview, 1))).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "each waits for the first: {answers:?}");
        assert!(answers.iter().all(|answer| answer.body == answers[0].body));
        assert_eq!(sigan.calls(CallKind::Reserve), 1, "Sigan is asked once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_indexes_at_once_give_one_number() {
    let database = Database::postgres().await;
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    sigan.behave(slow(Duration::from_millis(300)));
    let (one, two) = tokio::join!(http.reserve(&preview, 1), http.reserve(&preview, 2));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let told = if one.status == 409 { one } else { two };
    assert!(told.retry_after.is_some());
    assert_eq!(sigan.inventory().reserved().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_work_on_one_preview() {
    let database = Database::postgres().await;
    let (first, sigan) = Server::with_sigan(&database, &[]).await;
    let second = Server::start(&database, sigan.url().as_str(), &[]);
    let preview = first.http().preview().await;
    sigan.behave(slow(Duration::from_millis(500)));
    let (here, there) = (first.http(), second.http());
    let (one, two) = tokio::join!(here.reserve(&preview, 1), there.reserve(&preview, 1));
    assert_eq!((one.status, two.status), (200, 200), "the other server waits too");
    assert_eq!(one.body, two.body);
    assert_eq!(sigan.calls(CallKind::Reserve), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_wait_for_sigan_without_a_connection() {
    const CALLERS: usize = 500;
    let database = Database::postgres().await;
    let (server, sigan) =
        Server::with_sigan(&database, &[("OSS_DATABASE_POOL", "10"), ("OSS_SIGAN_TIMEOUT", "1m")]).await;
    let http = server.http();
    let mut previews = Vec::new();
    for _ in 0..CALLERS {
        previews.push(http.preview().await);
    }
    // Longer than a busy machine takes until all of them are there. They come in groups, so that none waits long for the database.
    sigan.behave(slow(Duration::from_secs(20)));
    let mut reserves = Vec::new();
    for group in previews.chunks(50) {
        reserves.extend(group.iter().cloned().map(|preview| {
            let http = http.clone();
            tokio::spawn(async move { http.reserve(&preview, 1).await })
        }));
        wait_until_called(&sigan, CallKind::Reserve, reserves.len() as u64).await;
    }
    // All of them are in Sigan's hands now, none has been answered.
    assert_eq!(http.get("/ddds/11").await.status, 204);
    assert_eq!(http.get("/ddds/85").await.status, 204, "asked of the database");
    assert_eq!(http.get("/health/ready").await.status, 200);
    let waiting = "select count(*) from pg_stat_activity where application_name = 'oss' and state <> 'idle'";
    assert_eq!(database.count(waiting).await, 0, "no connection is held");
    assert!(reserves.iter().all(|reserve| !reserve.is_finished()), "they are still in flight");

    let answers = join_all(reserves).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok_and(|answer| answer.status == 200)));
    let held = database.count("select count(distinct msisdn) from reservation where state = 'HELD'").await;
    assert_eq!(held, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_hangs_up_loses_no_number() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let (server, sigan) = Server::with_sigan(&database, &[]).await;
        let http = server.http();
        let preview = http.preview().await;
        sigan.behave(slow(Duration::from_millis(500)));
        hang_up_during(&http, &preview, &sigan).await;
        sigan.behave(Behaviour::default());
        let again = http.reserve(&preview, 1).await;
        assert_eq!((again.status, &again.body), (200, &json!({ "msisdn": "11999950001" })));
        assert_eq!(sigan.calls(CallKind::Reserve), 1, "the first call went on to its end");
    }
}

/// Sends a reserve, and closes the connection while Sigan is being asked.
async fn hang_up_during(http: &Http, preview: &str, sigan: &oss_core::sigan::mock::SiganMock) {
    let address = http.address();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("PUT /previews/{preview}/reservations/1 HTTP/1.1\r\nhost: oss\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    wait_until_called(sigan, CallKind::Reserve, 1).await;
    drop(socket);
}
