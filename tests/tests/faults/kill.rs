//! Processes die, vanish, come back, or lose their clock or their disk while numbers are reserved and released. Nothing is lost,
//! and no number is given twice.

use std::path::PathBuf;
use std::time::Duration;

use oss_core::sigan::mock::Inventory;
use oss_tests::backend::Database;
use oss_tests::disk::{Disk, Sealed};
use oss_tests::eventually::eventually;
use oss_tests::http::Http;
use oss_tests::load::{Load, SETTINGS, small_sigan, unreliable};
use oss_tests::postgres::Postgres;
use oss_tests::redis::Redis;
use oss_tests::server::Server;
use oss_tests::settle::{assert_records_agree, settle};
use oss_tests::sigan::Sigan;
use serde_json::json;

fn serve(database: &Database, sigan: &Sigan, more: &[(&str, &str)]) -> Server {
    Server::start(database, &sigan.url(), &[&SETTINGS[..], more].concat())
}

/// Lets a fault last for a while.
async fn some_time() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(100..900))).await;
}

async fn killed_again_and_again(database: Database, cycles: usize) {
    let sigan = small_sigan().await;
    let mut server = serve(&database, &sigan, &[]);
    let load = Load::on(&database, &[&server]).await;
    for _ in 0..cycles {
        sigan.behave(unreliable());
        load.wait_for_progress().await;
        server.kill();
        server = serve(&database, &sigan, &[]);
        load.move_to(&[&server]);
    }
    load.finish_and_check(&database, &sigan).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_on_postgres_is_killed_twenty_times() {
    killed_again_and_again(Database::postgres().await, 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_on_a_file_is_killed_ten_times() {
    killed_again_and_again(Database::sqlite().await, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_crashes() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let sigan = small_sigan().await;
    let server = serve(&database, &sigan, &[]);
    let load = Load::on(&database, &[&server]).await;
    for _ in 0..5 {
        sigan.behave(unreliable());
        load.wait_for_progress().await;
        postgres.crash_and_restart();
    }
    load.finish_and_check(&database, &sigan).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_comes_and_goes() {
    let (database, mut redis) = (Database::postgres().await, Redis::start().await);
    let sigan = small_sigan().await;
    let server = serve(&database, &sigan, &[("OSS_REDIS_URL", redis.url())]);
    let load = Load::on(&database, &[&server]).await;
    sigan.behave(unreliable());
    for _ in 0..3 {
        load.wait_for_progress().await;
        redis.stop();
        load.wait_for_progress().await;
        redis.start_again().await;
    }
    load.finish_and_check(&database, &sigan).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sigan_comes_and_goes() {
    let database = Database::postgres().await;
    let mut sigan = small_sigan().await;
    let server = serve(&database, &sigan, &[]);
    let load = Load::on(&database, &[&server]).await;
    for _ in 0..5 {
        sigan.behave(unreliable());
        load.wait_for_progress().await;
        sigan.go_down().await;
        some_time().await;
        sigan.come_back().await;
    }
    load.finish_and_check(&database, &sigan).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn customers_hang_up() {
    let database = Database::postgres().await;
    let sigan = small_sigan().await;
    let server = serve(&database, &sigan, &[]);
    let load = Load::that_hangs_up_on(&database, &[&server]).await;
    for _ in 0..5 {
        sigan.behave(unreliable());
        load.wait_for_progress().await;
    }
    load.finish_and_check(&database, &sigan).await;
}

/// The path of a library that gives a process a wrong wall clock. The monotonic clock stays right, as on a machine whose time is
/// set wrongly.
fn wrong_clock() -> String {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let candidates = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let library = candidates.filter(|path| path.exists()).max_by_key(PathBuf::clone);
    let library = library.expect("libfaketime is missing; tests/run installs it (Debian package faketime)");
    library.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_whose_clocks_are_wrong_work_beside_one_that_is_right() {
    let database = Database::postgres().await;
    let sigan = small_sigan().await;
    let library = wrong_clock();
    // Both times are shorter than the error of the clocks. A process that trusted its clock would expire new previews and holds.
    let lives = [("OSS_PREVIEW_TTL", "5m"), ("OSS_RESERVATION_TTL", "5m")];
    let skewed = |by| {
        let clock = [("LD_PRELOAD", library.as_str()), ("DONT_FAKE_MONOTONIC", "1"), ("FAKETIME", by)];
        serve(&database, &sigan, &[&lives[..], &clock].concat())
    };
    let (right, ahead, behind) = (serve(&database, &sigan, &lives), skewed("+10m"), skewed("-10m"));
    let load = Load::on(&database, &[&right, &ahead, &behind]).await;
    for _ in 0..5 {
        sigan.behave(unreliable());
        load.wait_for_progress().await;
    }
    let expired = "select count(*) from reservation where last_error = 'abandoned'";
    assert_eq!(database.count(expired).await, 0, "nothing ends early");
    load.finish_and_check(&database, &sigan).await;
}

/// Creates previews until one is answered with this status.
async fn until_previews_answer(http: &Http, status: u16) {
    eventually(async || {
        let answer = http.post("/previews", json!({ "areaCode": "11" })).await;
        assert!([201, 502, 503, 504].contains(&answer.status), "{answer:?}");
        if answer.status == status { Ok(()) } else { Err(format!("{answer:?} and not {status}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disk_is_full_for_a_while() {
    let disk = Disk::mount(12);
    let database = Database::sqlite_in(disk.path()).await;
    let sigan = Sigan::start(Inventory::new("PR")).await;
    let server = serve(&database, &sigan, &[]);
    let load = Load::on(&database, &[&server]).await;
    for _ in 0..2 {
        sigan.behave(unreliable());
        load.wait_for_progress().await;
        disk.fill();
        until_previews_answer(&server.http(), 503).await;
        some_time().await;
        disk.free();
        until_previews_answer(&server.http(), 201).await;
    }
    load.finish_and_check(&database, &sigan).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_is_read_only_for_a_while() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let database = Database::sqlite_in(dir.path()).await;
    let sigan = Sigan::start(Inventory::new("PR")).await;
    let server = serve(&database, &sigan, &[]);
    let http = server.http();
    let preview = http.preview().await;
    let sealed = Sealed::files(&[dir.path().join("oss.db"), dir.path().join("oss.db-wal")]);
    for _ in 0..3 {
        let refused = http.reserve(&preview, 1).await;
        assert_eq!((refused.status, refused.retry_after.is_some()), (503, true), "{refused:?}");
    }
    assert_eq!(sigan.inventory().reserved(), [], "without its row no number is asked for");
    drop(sealed);
    let reserved = http.reserve(&preview, 1).await;
    assert_eq!(reserved.status, 200, "{reserved:?}");
    settle(&http, &database).await;
    assert_records_agree(&database, &sigan.url(), &sigan.inventory()).await;
}
