//! The message for each fault of a database names the system, the reason and what to do. It contains no secret.

use std::net::TcpListener;

use oss_tests::backend::Database;
use oss_tests::cli::{Ended, run_beside};
use oss_tests::eventually::eventually;
use oss_tests::postgres::Postgres;
use oss_tests::route::Route;
use oss_tests::server::Server;
use serde_json::json;

/// Runs a command with a database that cannot be used.
async fn refused(url: &str, arguments: &[&str]) -> Ended {
    let settings =
        [("OSS_DATABASE_URL", url), ("OSS_SIGAN_URL", "http://127.0.0.1:9"), ("OSS_SIGAN_BRAND_ID", "acme")];
    let ended = run_beside(&settings, arguments).await;
    assert_eq!(ended.code, 6, "{ended:?}");
    ended
}

/// Checks that the errors of some commands contain these parts, and no secret.
async fn assert_error(url: &str, parts: &[&str]) {
    for arguments in [&["ddd", "11"][..], &["migrate"]] {
        let ended = refused(url, arguments).await;
        for part in parts {
            assert!(ended.stderr.contains(part), "{arguments:?}: {part:?} is missing: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_and_a_missing_server_have_different_errors() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let name = database.url().rsplit('/').next().expect("a name").to_owned();
    database.execute("create role locked login password 'right'").await;
    database.execute("create role outsider login").await;
    let rules = ["host all locked 127.0.0.1/32 scram-sha-256", "host all outsider 127.0.0.1/32 reject"];
    postgres.add_access_rules(&rules).await;
    let place = format!("127.0.0.1:{}", postgres.port());
    let url = |user: &str, rest: &str| format!("postgres://{user}@{place}/{rest}");

    let password = format!("{place} refuses the password of user locked; correct");
    assert_error(&url("locked:s3cret", &name), &[&password]).await;
    assert_error(
        &url("outsider:s3cret", &name),
        &[&format!("{place} does not let user outsider in"), "pg_hba.conf"],
    )
    .await;
    assert_error(&url("postgres:s3cret", "absent"), &[&format!("{place} has no database absent; create it")])
        .await;
    let tls = format!("TLS with {place} failed: server does not support TLS; check sslmode");
    assert_error(&url("postgres:s3cret", &format!("{name}?sslmode=require")), &[&tls]).await;
    assert_error("postgres://oss:s3cret@db.invalid/oss", &["the host db.invalid is not known"]).await;
    assert_error(
        "postgres://oss:s3cret@127.0.0.1:9/oss",
        &["nothing listens at 127.0.0.1:9; start PostgreSQL"],
    )
    .await;
}

#[tokio::test]
async fn a_password_that_is_not_encoded_is_never_taken_for_the_address() {
    // Without encoding, a part of each password would be read as the host.
    for url in [
        "postgres://oss:a@s3cret#b@127.0.0.1:9/oss",
        "postgres://oss:12/s3cret@127.0.0.1:9/oss",
        "postgres://oss:12?s3cret@127.0.0.1:9/oss",
    ] {
        let ended = run_beside(&[("OSS_DATABASE_URL", url)], &["ddd", "11"]).await;
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.stderr.contains("percent-encoded"), "{ended:?}");
        assert!(!ended.stderr.contains("s3cret"), "{ended:?}");
    }
    let accepted = "postgres://oss:s3cret@127.0.0.1:9/oss?sslmode=disable&user=oss@acme";
    let ended = run_beside(&[("OSS_DATABASE_URL", accepted)], &["ddd", "11"]).await;
    assert_eq!(ended.code, 6, "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_is_reported_as_such() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let place = silent.local_addr().expect("it is bound").to_string();
    let says = format!("{place} does not answer; check the address");
    assert_error(&format!("postgres://oss:s3cret@{place}/oss"), &[&says]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_privilege_is_reported_with_the_needed_grant() {
    let postgres = Postgres::start().await;
    let migrated = Database::on(&postgres).await;
    migrated.execute("create role limited login").await;
    let limited = migrated.url().replace("postgres://postgres@", "postgres://limited@");
    let ended = refused(&limited, &["ddd", "11"]).await;
    assert!(ended.stderr.contains("user limited lacks a privilege in database "), "{ended:?}");
    assert!(
        ended.stderr.contains(&format!(" at 127.0.0.1:{}; grant select, insert", postgres.port())),
        "{ended:?}"
    );

    // These are the privileges that an earlier version needed. With them, a server would start and then fail in each request.
    migrated.execute("grant select, insert, update, delete on all tables in schema public to limited").await;
    migrated.execute("revoke all on oss_installation from limited").await;
    let ended = refused(&limited, &["show", "11999950001"]).await;
    assert!(ended.stderr.contains("lacks a privilege"), "{ended:?}");

    let (server, _) = limited.rsplit_once('/').expect("a name");
    migrated.execute("create database empty").await;
    let ended = refused(&format!("{server}/empty"), &["migrate"]).await;
    assert!(ended.stderr.contains("user limited may not create or change the tables"), "{ended:?}");
    assert!(ended.stderr.contains("grant create on the schema"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_is_reported_as_such() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    postgres.refuse_writes().await;
    for arguments in [&["ddd", "11"][..], &["migrate"]] {
        let ended = refused(database.url(), arguments).await;
        assert!(
            ended
                .stderr
                .contains(" is read-only, as a standby is, or a primary during a failover; give the address"),
            "{ended:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let inside = |name: &str| format!("sqlite://{}", dir.path().join(name).display());
    assert_error(&inside("absent/oss.db"), &["there is no folder", "/absent; create it"]).await;
    let ended = refused(&inside("oss.db"), &["ddd", "11"]).await;
    assert!(ended.stderr.contains("oss.db does not exist; `oss migrate` creates it"), "{ended:?}");
    std::fs::write(
        dir.path().join("text.db"),
        "no database at all, and longer than a header has to be\n".repeat(9),
    )
    .expect("it is written");
    assert_error(&inside("text.db"), &["text.db is not a SQLite database"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_the_reason_and_callers_see_no_address() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let route = Route::to(postgres.port()).await;
    let place = format!("127.0.0.1:{}", route.port());
    let server = Server::start(&database.behind(route.port()), "http://127.0.0.1:9", &[]);
    let http = server.http();
    assert_eq!(http.get("/health/ready").await.status, 200);
    drop(route);
    postgres.crash_and_restart();

    let not_ready = eventually(async || {
        let answer = http.get("/health/ready").await;
        if answer.status == 503 { Ok(answer) } else { Err("it is ready") }
    });
    let not_ready = not_ready.await;
    let detail = not_ready.body["detail"].as_str().expect("a text");
    assert!(detail.contains(&format!("nothing listens at {place}")), "{detail}");
    let failed = http.post("/previews", json!({ "areaCode": "21" })).await;
    assert_eq!((failed.status, &failed.body["type"]), (503, &json!("urn:oss:problem:database-unavailable")));
    let body = failed.body.to_string();
    assert!(!body.contains(&place) && body.contains("try again"), "{body}");
    server.wait_for_log(&format!("nothing listens at {place}")).await;
}
