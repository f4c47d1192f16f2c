//! TLS, the operators' listener, and keys and certificates that change while the server runs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use oss_core::access::Scope;
use oss_core::sigan::mock::{Behaviour, CallKind};
use oss_tests::backend::Database;
use oss_tests::certificates::Authority;
use oss_tests::clients::ClientsFile;
use oss_tests::eventually::eventually;
use oss_tests::http::Http;
use oss_tests::metrics::Scrape;
use oss_tests::process::signal;
use oss_tests::server::Server;
use oss_tests::sigan::wait_until_called;
use serde_json::json;
use tempfile::TempDir;

/// Repeats a request until it gets this status.
async fn becomes(http: &Http, path: &str, status: u16) {
    eventually(async || {
        let answer = http.get(path).await;
        if answer.status == status { Ok(()) } else { Err(format!("{path} is {answer:?} and not {status}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_while_requests_are_served() {
    let mut clients = ClientsFile::new();
    let old = clients.admit("acquisition", "acme", &Scope::ALL);
    let (server, sigan) = Server::for_clients(&Database::postgres().await, &clients, &[]).await;
    // Nothing has changed, so the server reacts to the signal.
    server.hang_up();
    server.wait_for_log("keys were read again").await;
    let old = server.http().with_key(&old);
    sigan.behave(Behaviour { latency: Duration::from_secs(2), ..Behaviour::default() });
    let in_flight = tokio::spawn({
        let old = old.clone();
        async move { old.post("/reservations", json!({ "areaCode": "11" })).await }
    });
    wait_until_called(&sigan, CallKind::PreReserve, 1).await;

    clients.clear();
    let new = server.http().with_key(&clients.admit("acquisition", "acme", &Scope::ALL));
    server.hang_up();
    becomes(&new, "/ddds/11", 204).await;
    assert_eq!(old.get("/ddds/11").await.status, 401);
    assert_eq!(in_flight.await.unwrap().status, 201, "what was let in goes on");

    // The server notices a change without a signal too.
    let newer = server.http().with_key(&clients.admit("another", "acme", &Scope::ALL));
    becomes(&newer, "/ddds/11", 204).await;
    assert_eq!(new.get("/ddds/11").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_used_leaves_the_keys_in_force() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("a", "acme", &Scope::ALL);
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    for (text, expected) in [
        (
            "[[clients]]\nname = \"a\"\nkey_sha256 = \"s3cret\"\nscopes = []\nbrand_id = \"acme\"",
            "64 hexadecimal",
        ),
        ("[[clien", "is not TOML"),
    ] {
        clients.write(text);
        server.hang_up();
        server.wait_for_log(expected).await;
        assert_eq!(server.http().with_key(&key).get("/ddds/11").await.status, 204, "{text}");
    }
    assert!(!server.log().join("\n").contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_clients_lets_nobody_in() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("a", "acme", &Scope::ALL);
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let http = server.http().with_key(&key);
    assert_eq!(http.get("/ddds/11").await.status, 204);
    clients.write("[log]\nlevel = \"info\"\n");
    becomes(&http, "/ddds/11", 401).await;
    server.wait_for_log("nobody may call").await;
    // A client that is admitted again may call again.
    clients.clear();
    let key = clients.admit("a", "acme", &Scope::ALL);
    becomes(&server.http().with_key(&key), "/ddds/11", 204).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_to_its_end_does_not_keep_it_from_stopping() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("a", "acme", &Scope::ALL);
    let database = Database::sqlite().await;
    let (mut server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    // Opening a pipe that nobody writes to blocks, as on a file system that hangs.
    std::fs::remove_file(clients.path()).unwrap();
    assert!(Command::new("mkfifo").arg(clients.path()).status().expect("it runs").success());
    server.hang_up();
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.hang_up();
    assert_eq!(server.http().with_key(&key).get("/ddds/11").await.status, 204, "it serves meanwhile");
    let begun = Instant::now();
    server.terminate();
    assert!(server.wait_until_ended().await.success());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

fn tls(dir: &Path) -> [(&'static str, String); 2] {
    let path = |name: &str| dir.join(name).display().to_string();
    [("OSS_TLS_CERT", path("cert.pem")), ("OSS_TLS_KEY", path("key.pem"))]
}

async fn over_tls(database: &Database, more: &[(&str, &str)], dir: &Path) -> Server {
    let tls = tls(dir);
    let settings: Vec<_> =
        tls.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
    Server::with_sigan(database, &settings).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_replaced_while_it_is_served() {
    let dir = TempDir::new().unwrap();
    let (before, after) = (Authority::new(), Authority::new());
    before.certify_until("127.0.0.1", 2040).write(dir.path());
    let database = Database::sqlite().await;
    let server = over_tls(&database, &[("OSS_ADMIN_LISTEN", "127.0.0.1:0")], dir.path()).await;
    let url = format!("https://{}", server.address());
    let trusting = |authority: &Authority| Http::over(&url, authority.trusted().build().unwrap());
    assert_eq!(trusting(&before).get("/ddds/11").await.status, 204);
    assert_eq!(expiry(&server).await, "2208988800", "2040-01-01");

    std::fs::write(dir.path().join("cert.pem"), "half of a certificate").unwrap();
    server.wait_for_log("The certificate from before stays in force").await;
    assert_eq!(trusting(&before).get("/ddds/11").await.status, 204);
    assert_eq!(expiry(&server).await, "2208988800");

    after.certify_until("127.0.0.1", 2045).write(dir.path());
    let request = || trusting(&after).request(reqwest::Method::GET, "/ddds/11");
    let answered = async || trusting(&after).try_send(request()).await;
    eventually(async || answered().await.ok_or_else(|| format!("{:#?}", server.log()))).await;
    let request = trusting(&before).request(reqwest::Method::GET, "/ddds/11");
    assert!(trusting(&before).try_send(request).await.is_none(), "the old certificate is gone");
    assert_eq!(expiry(&server).await, "2366841600", "2045-01-01");
}

/// The time at which the served certificate expires, as the metrics say.
async fn expiry(server: &Server) -> String {
    Scrape::of(&server.admin()).await.value("oss_tls_certificate_expiry_timestamp_seconds", &[]).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_show_certificates_where_they_must_and_operators_have_their_own_listener() {
    let dir = TempDir::new().unwrap();
    let (own, callers, stranger) = (Authority::new(), Authority::new(), Authority::new());
    own.certify("127.0.0.1").write(dir.path());
    let ca = dir.path().join("callers.pem");
    std::fs::write(&ca, callers.pem()).unwrap();
    let settings = [("OSS_TLS_CLIENT_CA", ca.to_str().unwrap()), ("OSS_ADMIN_LISTEN", "127.0.0.1:0")];
    let database = Database::sqlite().await;
    let mut server = over_tls(&database, &settings, dir.path()).await;

    let url = format!("https://{}", server.address());
    let showing = |certified| Http::over(&url, own.trusted().identity(certified).build().unwrap());
    let known = showing(callers.certify("acquisition").identity());
    assert_eq!(known.get("/ddds/11").await.status, 204);
    for unknown in
        [Http::over(&url, own.trusted().build().unwrap()), showing(stranger.certify("x").identity())]
    {
        let request = unknown.request(reqwest::Method::GET, "/ddds/11");
        assert!(unknown.try_send(request).await.is_none(), "it is not even answered");
    }

    for path in ["/health/live", "/health/ready", "/metrics"] {
        // `get` would compare the answer with the document, which describes a server without an operators' listener.
        let here = known.request(reqwest::Method::GET, path).send().await.unwrap();
        assert_eq!(here.status(), 404, "{path} is apart");
        assert_eq!(server.admin().get(path).await.status, 200, "{path}");
    }
    let there = server.admin().request(reqwest::Method::GET, "/ddds/11").send().await.unwrap();
    assert_eq!(there.status(), 404, "callers have no business there");
    server.terminate();
    assert!(server.wait_until_ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_certificate_is_refused_at_the_start() {
    let dir = TempDir::new().unwrap();
    let certified = Authority::new().certify("127.0.0.1");
    certified.write(dir.path());
    for (file, text) in
        [("key.pem", Authority::new().certify("127.0.0.1").key), ("cert.pem", "s3cret".to_owned())]
    {
        certified.write(dir.path());
        std::fs::write(dir.path().join(file), text).unwrap();
        let ended = Server::command().arg("--sandbox").envs(tls(dir.path())).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("TLS") || stderr.contains("cert.pem"), "{stderr}");
        assert!(!stderr.contains("s3cret"), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_comes_while_it_starts_does_not_end_it() {
    let database = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://oss@{}/oss", database.local_addr().unwrap());
    let settings = [
        ("OSS_DATABASE_URL", url.as_str()),
        ("OSS_SIGAN_URL", "http://127.0.0.1:9"),
        ("OSS_SIGAN_BRAND_ID", "acme"),
    ];
    let mut starting = Server::command()
        .arg("--allow-anonymous")
        .envs(settings)
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    // It waits for the database, which does not answer.
    let silent = database.accept().await.unwrap();
    signal(starting.id(), "HUP");
    drop((silent, database));
    let ended = tokio::task::spawn_blocking(move || starting.wait().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(6), "the database is why it ends: {ended}");
}
