//! The limit of connections, and requests that are answered before they reach a route.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use oss_core::access::Scope;
use oss_tests::backend::Database;
use oss_tests::certificates::Authority;
use oss_tests::clients::ClientsFile;
use oss_tests::eventually::eventually;
use oss_tests::http::Http;
use oss_tests::metrics::Scrape;
use oss_tests::server::Server;
use serde_json::{Value, json};
use tempfile::TempDir;

const REFUSED: &str = "oss_connections_refused_total";

/// More than the admin listener keeps open.
const IDLE: usize = 150;

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_do_not_keep_probes_out() {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_ADMIN_LISTEN", "127.0.0.1:0")]).await;
    let admin = server.admin();
    let idle: Vec<TcpStream> = (0..IDLE).map(|number| silent(admin.address(), number)).collect();
    // Connections take their slots in tasks of their own, so a probe may come before idle ones that were opened earlier. Once all slots
    // are taken, too few of those are left to close it.
    server.wait_for_log("Too many connections are open").await;
    for _ in 0..20 {
        let probe = server.admin();
        assert_eq!(probe.get("/health/live").await.status, 200);
        assert_eq!(probe.get("/health/ready").await.status, 200);
    }
    let scrape = Scrape::of(&server.admin()).await;
    let closed = scrape.value(REFUSED, &[("listener", "admin")]);
    assert!(closed >= 50.0, "{closed} of {IDLE} were closed");
    assert_eq!(
        logged(&server, "Too many connections are open"),
        1,
        "once for all of them: {:#?}",
        server.log()
    );
    drop(idle);
}

/// Opens a connection that sends nothing, or half a head, and stays open.
fn silent(address: &str, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    if number.is_multiple_of(2) {
        stream.write_all(b"GET /health/live HTTP/1.1\r\nho").expect("it is open");
    }
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_connection_serves_one_request() {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_ADMIN_LISTEN", "127.0.0.1:0")]).await;
    let answer = said(server.admin().address(), b"GET /health/live HTTP/1.1\r\nhost: oss\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_counted_and_logged_once() {
    let database = Database::sqlite().await;
    let settings = [("OSS_ADMIN_LISTEN", "127.0.0.1:0"), ("OSS_CONNECTIONS", "1")];
    let (server, _sigan) = Server::with_sigan(&database, &settings).await;
    let service = [("listener", "service")];
    assert!(Scrape::of(&server.admin()).await.text.contains(REFUSED), "it is there before the first");
    // This connection may be idle, because a request was answered on it.
    let mut kept = TcpStream::connect(server.address()).unwrap();
    kept.write_all(b"GET /ddds/11 HTTP/1.1\r\nhost: oss\r\n\r\n").unwrap();
    kept.read_exact(&mut [0; 12]).unwrap();
    for _ in 0..5 {
        let mut refused = TcpStream::connect(server.address()).unwrap();
        // The stream ends or is reset. In both cases nobody serves it.
        assert_eq!(refused.read_to_end(&mut Vec::new()).unwrap_or(0), 0);
    }
    assert_eq!(Scrape::of(&server.admin()).await.value(REFUSED, &service).to_string(), "5");
    assert_eq!(logged(&server, "Too many connections are open"), 1, "{:#?}", server.log());
    let open = async || Scrape::of(&server.admin()).await.value("oss_http_connections", &service).to_string();
    let limit = Scrape::of(&server.admin()).await.value("oss_http_connections_limit", &service).to_string();
    assert_eq!((open().await.as_str(), limit.as_str()), ("1", "1"));
    drop(kept);
    eventually(async || if open().await == "0" { Ok(()) } else { Err("the connection is still counted") })
        .await;
}

fn logged(server: &Server, text: &str) -> usize {
    server.log().iter().filter(|line| line.contains(text)).count()
}

/// Returns everything the server sends until it closes the connection.
fn said(address: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request).unwrap();
    let mut said = Vec::new();
    // A server that closes the connection before it has read everything resets it.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8(said).unwrap()
}

/// The head and the body, as JSON, of the last answer in a stream.
fn problem(said: &str) -> (&str, Value) {
    let (_, last) = said.rsplit_once("HTTP/1.1 ").expect("an answer");
    let (head, body) = last.split_once("\r\n\r\n").expect("a head");
    let length = format!("content-length: {}\r\n", body.len());
    assert!(head.contains(&length), "{said}");
    (head, serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {said}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_cannot_be_read_is_answered_like_any_fault() {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let good = "GET /ddds/11 HTTP/1.1\r\nhost: oss\r\n\r\n";
    let long = format!("GET /ddds/11 HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(17_000));
    let many = format!("GET /ddds/11 HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200));
    for (request, status, code) in [
        ("\u{16}\u{3}\u{1}nonsense\r\n\r\n", 400, "malformed-head"),
        ("GET /ddds/11 HTTP/9.1\r\n\r\n", 400, "malformed-head"),
        ("GET /ddds/11 HTTP/1.1\r\nhost oss\r\n\r\n", 400, "malformed-head"),
        (&format!("{good}nonsense\r\n\r\n"), 400, "malformed-head"),
        (&long, 431, "head-too-large"),
        (&many, 431, "head-too-large"),
    ] {
        let said = said(server.address(), request.as_bytes());
        let (head, body) = problem(&said);
        assert!(head.starts_with(&status.to_string()), "{said}");
        for part in
            ["content-type: application/problem+json\r\n", "connection: close", "cache-control: no-store"]
        {
            assert!(head.contains(part), "{part}: {said}");
        }
        assert_eq!(body["type"], format!("urn:oss:problem:{code}"));
        assert_eq!(body["status"], status);
        let id = body["instance"].as_str().and_then(|urn| urn.strip_prefix("urn:uuid:")).expect("an id");
        assert!(head.contains(&format!("x-request-id: {id}")), "{said}");
        server.wait_for_log(id).await;
    }
    let said = said(server.address(), format!("{good}nonsense\r\n\r\n").as_bytes());
    assert!(said.starts_with("HTTP/1.1 204 "), "what came before is answered: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_routes_stay_as_they_are() {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    // GET gets 400 with a body. HEAD gets 400 without one.
    for (method, has_body) in [("GET", true), ("HEAD", false)] {
        let request = format!("{method} /ddds/1 HTTP/1.1\r\nhost: oss\r\nconnection: close\r\n\r\n");
        let said = said(server.address(), request.as_bytes());
        let (head, body) = said.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 400 "), "{said}");
        assert_eq!(body.contains("urn:oss:problem:malformed\""), has_body, "{said}");
        assert_eq!(body.is_empty(), !has_body, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_cannot_be_read_is_explained_over_tls() {
    let dir = TempDir::new().unwrap();
    let authority = Authority::new();
    authority.certify("127.0.0.1").write(dir.path());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let database = Database::sqlite().await;
    let settings = [("OSS_TLS_CERT", cert.as_str()), ("OSS_TLS_KEY", key.as_str())];
    let (server, _sigan) = Server::with_sigan(&database, &settings).await;
    let url = format!("https://{}/ddds/11", server.address());
    let request = authority.trusted().build().unwrap().get(url);
    // These are more headers than a head may have.
    let answer = (0..200).fold(request, |request, number| request.header(format!("x-{number}"), "y")).send();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 431);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["type"], "urn:oss:problem:head-too-large");
}

/// The number of connections that read, and the time that they read for.
const ASKING: usize = 64;
const FOR: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_the_document_do_not_starve_reserves() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("a", "acme", &[Scope::NumbersReserve]);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let http = server.http().with_key(&key);
    http.preview().await;
    // Both paths need no key. They differ only in the size of the answer.
    let beside_probes = count_previews_during(&http, "/health/live").await;
    let beside_readers = count_previews_during(&http, "/openapi.json").await;
    assert!(beside_readers * 4 > beside_probes, "{beside_readers} previews instead of {beside_probes}");
}

/// The number of previews that one caller gets while others read a path.
async fn count_previews_during(http: &Http, path: &'static str) -> u32 {
    let over = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..ASKING)
        .map(|_| {
            let (http, over) = (Http::new(http.address()), over.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let request = http.request(reqwest::Method::GET, path);
                    let read = request.send().await.expect("it answers").bytes().await;
                    read.expect("to the end");
                }
            })
        })
        .collect();
    let (begun, mut previews) = (Instant::now(), 0);
    while begun.elapsed() < FOR {
        assert_eq!(http.post("/previews", json!({ "areaCode": "11" })).await.status, 201);
        previews += 1;
    }
    over.store(true, Ordering::Relaxed);
    for task in asking {
        task.await.unwrap();
    }
    previews
}
