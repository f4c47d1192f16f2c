//! Three servers on one database and one Redis behind a proxy, as operators run them: each is restarted while customers are
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
use secrecy::ExposeSecret;

/// Restarts three servers in turn, which reach the database at `url`.
async fn restarted_in_turn(database: &Database, url: &str) {
    let (sigan, redis) = (small_sigan().await, Redis::start().await);
    // So that something is always under way.
    sigan.behave(Behaviour { latency: Duration::from_millis(40), ..Behaviour::default() });
    let settings = [
        ("OSS_DATABASE_URL", url),
        ("OSS_REDIS_URL", redis.url()),
        ("OSS_SWEEP_INTERVAL", "1s"),
        // A second more than the proxy needs to notice.
        ("OSS_DRAIN", "3s"),
    ];
    let serve = |address: &String| Server::start_at(address, database, &sigan.url(), &settings);
    let addresses = [steady_address(), steady_address(), steady_address()];
    let mut servers = addresses.each_ref().map(serve);
    let proxy = Proxy::before(addresses.each_ref().map(String::as_str)).await;
    let load = Load::always_answered_by(proxy.http());
    for (server, address) in servers.iter_mut().zip(&addresses) {
        load.goes_on().await;
        server.terminate();
        assert!(server.ended().await.success());
        *server = serve(address);
        // The proxy sends it customers again.
        server.logged("/reservations").await;
    }
    load.goes_on().await;
    load.ends_well(database, &sigan).await;
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
