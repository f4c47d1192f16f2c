//! The limits of the server, and its answers to requests that are too many, too large, too slow or malformed.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use oss_core::access::Scope;
use oss_core::sigan::mock::{Behaviour, CallKind};
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::eventually::eventually;
use oss_tests::http::Http;
use oss_tests::server::Server;
use oss_tests::sigan::wait_until_called;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_calls_too_often_does_not_slow_another() {
    let mut clients = ClientsFile::new();
    let [eager, calm] = ["eager", "calm"].map(|name| clients.admit(name, "acme", &[Scope::NumbersRead]));
    let database = Database::sqlite().await;
    let settings = [("OSS_REQUESTS_PER_SECOND", "1")];
    let (server, _sigan) = Server::for_clients(&database, &clients, &settings).await;
    let eager = server.http().with_key(&eager);
    let answers = [eager.get("/ddds/11").await, eager.get("/ddds/11").await, eager.get("/ddds/11").await];
    let refused = answers.iter().find(|answer| answer.status == 429).expect("three in a second are too many");
    assert_eq!(refused.retry_after, Some(1));
    assert_eq!(server.http().with_key(&calm).get("/ddds/11").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_limit_get_503() {
    let database = Database::sqlite().await;
    let (server, sigan) = Server::with_sigan(&database, &[("OSS_CONCURRENT_REQUESTS", "2")]).await;
    sigan.behave(Behaviour { latency: Duration::from_secs(2), ..Behaviour::default() });
    let http = server.http();
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let http = http.clone();
            tokio::spawn(async move { http.post("/previews", json!({ "areaCode": "11" })).await.status })
        })
        .collect();
    wait_until_called(&sigan, CallKind::PreReserve, 2).await;
    let shed = http.get("/ddds/11").await;
    assert_eq!((shed.status, shed.retry_after), (503, Some(1)));
    assert_eq!(http.get("/health/ready").await.status, 200, "probes are answered all the same");
    for request in busy {
        assert_eq!(request.await.unwrap(), 201);
    }
    assert_eq!(http.get("/ddds/11").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_closed() {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_CONNECTIONS", "2")]).await;
    let mut open: Vec<TcpStream> = (0..2).map(|_| open_served(server.address())).collect();
    let mut third = TcpStream::connect(server.address()).unwrap();
    let mut rest = Vec::new();
    // The stream ends or is reset. In both cases nobody serves it.
    assert_eq!(third.read_to_end(&mut rest).unwrap_or(0), 0);
    open.pop().unwrap().shutdown(Shutdown::Both).unwrap();
    eventually(async || {
        let request = server.http().request(reqwest::Method::GET, "/ddds/11");
        Http::new(server.address()).try_send(request).await.ok_or("the place of the first is not free")
    })
    .await;
}

/// Opens a connection on which one request was answered, and that stays open.
fn open_served(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: oss\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    stream
}

/// Returns everything the server sends until it closes the connection.
fn said(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).expect("the server closes it");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_oversized_requests_are_ended() {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let address = server.address().to_owned();
    let post =
        "POST /previews HTTP/1.1\r\nhost: oss\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let waited = [
        ("half a head", "GET /ddds/11 HTTP/1.1\r\nho".to_owned(), ""),
        ("nothing", String::new(), ""),
        ("half a body", format!("{post}content-length: 17\r\n\r\n{{"), "HTTP/1.1 408 "),
        (
            "a long body",
            format!("{post}content-length: 20000\r\n\r\n{}", " ".repeat(20_000)),
            "HTTP/1.1 413 ",
        ),
        (
            "a body of 5 MB, which is sent whole before the answer is read",
            format!("{post}content-length: 5000000\r\n\r\n{}", " ".repeat(5_000_000)),
            "HTTP/1.1 413 ",
        ),
        (
            "a long head",
            format!("GET /ddds/11 HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(40_000)),
            "HTTP/1.1 431 ",
        ),
    ]
    .map(|(what, request, answer)| {
        let address = address.clone();
        (what, answer, tokio::task::spawn_blocking(move || said(&address, &request)))
    });
    for (what, answer, said) in waited {
        let said = said.await.unwrap();
        assert!(said.starts_with(answer) && said.is_empty() == answer.is_empty(), "{what}: {said}");
    }
}

/// The number of answers that are requested together. They are far larger than the buffers of a connection.
const UNREAD: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_answers_are_not_read_is_closed() {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let address = server.address().to_owned();
    let one = said(&address, "GET /openapi.json HTTP/1.1\r\nhost: oss\r\nconnection: close\r\n\r\n").len();
    let mut stream = TcpStream::connect(&address).unwrap();
    let ask = "GET /openapi.json HTTP/1.1\r\nhost: oss\r\n\r\n".repeat(UNREAD - 1);
    stream.write_all(ask.as_bytes()).unwrap();
    stream.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: oss\r\nconnection: close\r\n\r\n").unwrap();
    // This is longer than the client may take to read. A server that still waited would send all the rest afterwards.
    tokio::time::sleep(Duration::from_secs(40)).await;
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut read = Vec::new();
    let ended = stream.read_to_end(&mut read);
    assert!(!ended.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "it is closed");
    assert!(read.len() < one * (UNREAD - 1), "{} bytes of {UNREAD} answers of {one}", read.len());
}

/// The malformed requests of the flood. It sends a thousand in a second, each on a connection of its own.
const MALFORMED: [&str; 5] = [
    "POST /previews HTTP/1.1\r\nhost: oss\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{\"areaCod",
    "POST /previews HTTP/1.1\r\nhost: oss\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{",
    "GET /ddds/11 HTTP/1.1\r\nx-long: ",
    "GET /ddds/%00 HTTP/1.1\r\nhost: oss\r\n\r\n",
    "\u{16}\u{3}\u{1}nonsense\r\n\r\n",
];

/// The number of malformed requests in each part of the flood. The first part warms the server up.
const FLOOD: [u64; 3] = [4000; 3];

/// The number of threads that send the flood, and the pause of each thread between two requests. Together the threads send a
/// thousand requests in a second.
const THREADS: u64 = 4;
const PAUSE: Duration = Duration::from_millis(THREADS);

/// The memory that the flood may add, in KiB. It is far less than the flood sends.
const FLAT: u64 = 12 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_nonsense_leaves_good_requests_served_and_memory_flat() {
    let database = Database::postgres().await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let begun = Instant::now();
    let flood: Vec<_> = (0..THREADS)
        .map(|_| {
            let (address, over, sent) = (server.address().to_owned(), over.clone(), sent.clone());
            std::thread::spawn(move || send_flood(&address, &over, &sent))
        })
        .collect();

    let http = server.http();
    let (mut resident, mut good, mut until) = (Vec::new(), 0, 0);
    for part in FLOOD {
        until += part;
        while sent.load(Ordering::Relaxed) < until {
            let reserved = http.post("/reservations", json!({ "areaCode": "11" })).await;
            assert_eq!(reserved.status, 201, "{reserved:?}");
            let msisdn = reserved.body["msisdn"].as_str().unwrap();
            assert_eq!(http.delete(&format!("/reservations/{msisdn}")).await.status, 204);
            good += 2;
        }
        resident.push(server.resident());
    }
    print_figures(until, good, begun.elapsed(), &resident);
    over.store(true, Ordering::Relaxed);
    for thread in flood {
        thread.join().unwrap();
    }
    assert!(resident[2] <= resident[0] + FLAT, "{resident:?}");
}

#[expect(clippy::print_stdout, reason = "shown with --nocapture only")]
fn print_figures(malformed: u64, good: u64, elapsed: Duration, resident: &[u64]) {
    println!("{malformed} malformed requests and {good} good ones in {elapsed:?}; KiB in use: {resident:?}");
}

/// Sends one thread's part of the flood at its pace, and keeps the latest connections half-open.
fn send_flood(address: &str, over: &AtomicBool, sent: &AtomicU64) {
    let mut open = VecDeque::new();
    let long = "x".repeat(64 * 1024);
    let mut next = Instant::now();
    for request in MALFORMED.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(mut stream) = TcpStream::connect(address) {
            let tail = if request.ends_with("x-long: ") { long.as_str() } else { "" };
            let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.write_all(tail.as_bytes()));
            sent.fetch_add(1, Ordering::Relaxed);
            open.push_back(stream);
        }
        // Each connection stays half-open for a while, at most 250 at a time.
        if open.len() > 250 {
            open.pop_front();
        }
        next += PAUSE;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
