//! Five hundred callers at once while Sigan is slow. The test has a binary of its own, because cargo runs one binary at a time. If
//! other tests ran at the same time, some callers would wait too long for the database of a busy machine.

use std::time::Duration;

use futures::future::join_all;
use oss_core::sigan::mock::{Behaviour, CallKind};
use oss_tests::backend::Database;
use oss_tests::eventually::eventually;
use oss_tests::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_wait_for_sigan_without_a_connection() {
    const CALLERS: usize = 500;
    let database = Database::postgres().await;
    let (server, sigan) = Server::with_sigan(&database, &[("OSS_DATABASE_POOL", "10")]).await;
    let http = server.http();
    let mut previews = Vec::new();
    for _ in 0..CALLERS {
        previews.push(http.preview().await);
    }
    sigan.behave(Behaviour { latency: Duration::from_secs(5), ..Behaviour::default() });
    let reserves: Vec<_> = previews
        .into_iter()
        .map(|preview| {
            let http = http.clone();
            tokio::spawn(async move { http.reserve(&preview, 1).await })
        })
        .collect();
    eventually(async || {
        assert!(
            reserves.iter().all(|reserve| !reserve.is_finished()),
            "somebody was answered before Sigan was"
        );
        let called = sigan.calls(CallKind::Reserve);
        if called < CALLERS as u64 { Err(format!("{called} of {CALLERS} calls")) } else { Ok(()) }
    })
    .await;
    // Sigan has received all of them now, and has answered none.
    assert_eq!(http.get("/ddds/11").await.status, 204);
    assert_eq!(http.get("/brands").await.status, 200, "asked of the database");
    assert_eq!(http.get("/health/ready").await.status, 200);
    let waiting = "select count(*) from pg_stat_activity where application_name = 'oss' and state <> 'idle'";
    assert_eq!(database.count(waiting).await, 0, "no connection is held");
    assert!(reserves.iter().all(|reserve| !reserve.is_finished()), "they are still in flight");

    let answers = join_all(reserves).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok_and(|answer| answer.status == 200)));
    let held = database.count("select count(distinct msisdn) from reservation where state = 'HELD'").await;
    assert_eq!(held, 500);
}
