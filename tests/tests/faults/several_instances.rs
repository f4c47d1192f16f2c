//! Three servers on one database and one Redis, behind a proxy, as operators run them. Each is restarted while customers are
//! served, and no customer notices.

use std::time::Duration;

use oss_core::sigan::mock::Behaviour;
use oss_tests::backend::Database;
use oss_tests::cli::run_beside;
use oss_tests::load::{Load, small_sigan};
use oss_tests::pgbouncer::{BARE_ROLE, PgBouncer, ROLE};
use oss_tests::process::steady_address;
use oss_tests::proxy::Proxy;
use oss_tests::redis::Redis;
use oss_tests::server::Server;
use oss_tests::settle::settings;
use reqwest::Method;
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Restarts three servers one after another. They reach the database at `url`.
async fn restarted_in_turn(database: &Database, url: &str) {
    let (sigan, redis) = (small_sigan().await, Redis::start().await);
    // Calls to Sigan take a while, so that some are always under way.
    sigan.behave(Behaviour { latency: Duration::from_millis(40), ..Behaviour::default() });
    let settings = [
        ("OSS_DATABASE_URL", url),
        ("OSS_REDIS_URL", redis.url()),
        ("OSS_SWEEP_INTERVAL", "1s"),
        // The proxy notices it in a second less.
        ("OSS_DRAIN", "3s"),
    ];
    let serve = |address: &String| Server::start_at(address, database, &sigan.url(), &settings);
    let addresses = [steady_address(), steady_address(), steady_address()];
    let mut servers = addresses.each_ref().map(serve);
    let proxy = Proxy::before(addresses.each_ref().map(String::as_str)).await;
    let load = Load::always_answered_by(database, proxy.http()).await;
    for (server, address) in servers.iter_mut().zip(&addresses) {
        load.wait_for_progress().await;
        server.terminate();
        assert!(server.wait_until_ended().await.success());
        *server = serve(address);
        // The proxy sends customers to this server again.
        server.wait_for_log("/reservations").await;
    }
    load.wait_for_progress().await;
    load.finish_and_check(database, &sigan).await;
    assert!(!proxy.log().contains("/reservations"), "the proxy's log has paths, and those carry numbers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_servers_are_restarted_in_turn() {
    let database = Database::postgres().await;
    restarted_in_turn(&database, database.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_servers_behind_pgbouncer_are_restarted_in_turn() {
    let database = Database::postgres().await;
    let url = PgBouncer::shared().await.url(&database, ROLE).await;
    restarted_in_turn(&database, url.expose_secret()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_behind_a_pooler_that_leaves_sessions_unbounded() {
    let (database, sigan) = (Database::postgres().await, small_sigan().await);
    let bouncer = PgBouncer::shared().await;
    for (role, code) in [(ROLE, 0), (BARE_ROLE, 6)] {
        let (url, sigan) = (bouncer.url(&database, role).await, sigan.url());
        let pooled =
            [&settings(&database, &sigan)[..], &[("OSS_DATABASE_URL", url.expose_secret())]].concat();
        let swept = run_beside(&pooled, &["sweep"]).await;
        assert_eq!(swept.code, code, "{swept:?}");
        assert_eq!(swept.stderr.contains("lock_timeout of 500ms"), code != 0, "{swept:?}");
    }
}

/// A server that says it is ready, and closes the connection of every other request without an answer.
async fn ready_but_silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address").to_string();
    tokio::spawn(async move {
        while let Ok((caller, _)) = listener.accept().await {
            tokio::spawn(answer_probe(caller));
        }
    });
    address
}

async fn answer_probe(mut caller: TcpStream) -> std::io::Result<()> {
    let mut head = [0; 4096];
    let count = caller.read(&mut head).await?;
    if head[..count].starts_with(b"GET /health/ready ") {
        caller.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
    }
    caller.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_answers_as_the_document_says_if_no_server_does() {
    let silent = [ready_but_silent().await, ready_but_silent().await, ready_but_silent().await];
    let missing = [steady_address(), steady_address(), steady_address()];
    for (servers, status, retry_after) in [(silent, 502, None), (missing, 503, Some(2))] {
        let proxy = Proxy::before(servers.each_ref().map(String::as_str)).await;
        let id = "01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10";
        for (sent, is_kept) in [(id, true), ("x\"y", false)] {
            // A new client each time, because HAProxy closes a connection that it has used before without an answer.
            let http = proxy.http();
            // The client checks the format of a problem, and that the document has its type.
            let answer = http.send(http.request(Method::GET, "/ddds/11").header("x-request-id", sent)).await;
            assert_eq!((answer.status, answer.retry_after), (status, retry_after), "{answer:?}");
            assert_eq!(answer.body["type"], "urn:oss:problem:proxy", "{answer:?}");
            assert_eq!(answer.body["instance"] == format!("urn:uuid:{id}"), is_kept, "{answer:?}");
        }
    }
}
