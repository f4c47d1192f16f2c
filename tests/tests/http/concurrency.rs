//! Many calls at once while Sigan is slow.

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
async fn two_at_once_get_the_same_number_or_have_to_wait() {
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
    let refused = if one.status == 409 { one } else { two };
    assert!(refused.retry_after.is_some());
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
async fn a_caller_who_hangs_up_loses_no_number() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let (server, sigan) = Server::with_sigan(&database, &[]).await;
        let http = server.http();
        let preview = http.preview().await;
        sigan.behave(slow(Duration::from_millis(500)));
        hang_up_during(&http, &preview, &sigan).await;
        sigan.behave(Behaviour::default());
        let again = http.reserve(&preview, 1).await;
        assert_eq!((again.status, &again.body["msisdn"]), (200, &json!("11999950001")));
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
