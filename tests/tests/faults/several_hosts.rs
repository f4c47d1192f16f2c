//! A database that is on several hosts, of which one accepts writes.

use futures::future::join_all;
use oss_tests::backend::Database;
use oss_tests::cli::run;
use oss_tests::eventually::eventually;
use oss_tests::http::Http;
use oss_tests::postgres::Postgres;
use oss_tests::server::Server;

/// Two servers with a database each, and a URL that names both.
struct Two {
    first: Postgres,
    second: Postgres,
    on_first: Database,
    on_second: Database,
    url: String,
}

impl Two {
    async fn start() -> Self {
        let (first, second) = (Postgres::start().await, Postgres::start().await);
        let (on_first, on_second) = (Database::on(&first).await, Database::on(&second).await);
        let host = format!(":{}/", first.port());
        let hosts = format!(":{},127.0.0.1:{}/", first.port(), second.port());
        let url = format!("{}?target_session_attrs=read-write", on_first.url().replace(&host, &hosts));
        Self { first, second, on_first, on_second, url }
    }

    /// Both names, as messages show them.
    fn names(&self) -> [String; 2] {
        [&self.first, &self.second].map(|server| format!("127.0.0.1:{}", server.port()))
    }
}

const PREVIEWS: &str = "select count(*) from preview";

/// A number that only the database can tell is unknown.
const UNKNOWN: &str = "/numbers/11999950001";

/// Creates a preview as soon as the database takes it.
async fn becomes_writable(http: &Http) {
    let create = async || http.post("/previews", serde_json::json!({ "areaCode": "11" })).await;
    eventually(async || match create().await {
        created if created.status == 201 => Ok(()),
        refused => Err(format!("{refused:?}")),
    })
    .await;
}

fn lines(server: &Server, text: &str) -> usize {
    server.log().iter().filter(|line| line.contains(text)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_follows_the_host_that_accepts_writes() {
    const NONE: &str = "No host of the database accepts writes";
    let two = Two::start().await;
    two.first.refuse_writes().await;
    let (server, _sigan) = Server::with_sigan(&two.on_first, &[("OSS_DATABASE_URL", &two.url)]).await;
    let http = server.http();
    becomes_writable(&http).await;
    join_all((0..9).map(|_| http.preview())).await;
    assert_eq!(two.on_second.count(PREVIEWS).await, 10);

    // The connections to the second host stay open.
    two.second.refuse_writes().await;
    two.first.accept_writes().await;
    becomes_writable(&http).await;
    join_all((0..9).map(|_| http.preview())).await;
    assert_eq!(two.on_first.count(PREVIEWS).await, 10);
    assert_eq!(two.on_second.count(PREVIEWS).await, 10, "none since");

    // Nobody accepts writes: readiness says why, for each host, and so does one line.
    let before = lines(&server, NONE);
    two.first.refuse_writes().await;
    let [first, second] = two.names();
    // Until a write is refused, the open connections look well.
    let refused = http.post("/previews", serde_json::json!({ "areaCode": "11" })).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    eventually(async || {
        let ready = http.get("/health/ready").await;
        let reason = ready.body["detail"].as_str().unwrap_or_default().to_owned();
        let is_told = [&first, &second].iter().all(|host| reason.contains(&format!("{host} is read-only")));
        if ready.status == 503 && is_told { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    for _ in 0..3 {
        assert_eq!(http.get("/numbers/11999950001").await.status, 503);
    }
    assert_eq!(lines(&server, NONE) - before, 1, "{:#?}", server.log());
    two.second.accept_writes().await;
    becomes_writable(&http).await;
    eventually(
        async || if http.get("/health/ready").await.status == 200 { Ok(()) } else { Err("not ready") },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_goes_to_the_other_host_if_one_is_gone() {
    let two = Two::start().await;
    let (server, _sigan) = Server::with_sigan(&two.on_first, &[("OSS_DATABASE_URL", &two.url)]).await;
    let http = server.http();
    two.second.refuse_writes().await;
    becomes_writable(&http).await;
    two.second.accept_writes().await;
    let port = two.first.port();
    drop(two.first);
    becomes_writable(&http).await;
    assert!(two.on_second.count(PREVIEWS).await > 0, "the first host was at port {port}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_host_that_does_not_answer_once_another_is_found() {
    let two = Two::start().await;
    two.second.begin_timeline().await;
    two.second.refuse_writes().await;
    let (server, _sigan) = Server::with_sigan(&two.on_first, &[("OSS_DATABASE_URL", &two.url)]).await;
    let http = server.http();
    join_all((0..9).map(|_| http.preview())).await;
    two.first.freeze();
    // Its connections are open, and a new one is accepted. Only the first statement finds that nobody answers.
    assert_eq!(http.get(UNKNOWN).await.status, 503);
    let waiting = tokio::spawn({
        let http = http.clone();
        async move { http.get(UNKNOWN).await.status }
    });
    two.second.accept_writes().await;
    assert_eq!(waiting.await.unwrap(), 404, "it is run again");
    let answers = join_all((0..9).map(|_| http.get(UNKNOWN))).await;
    assert!(answers.iter().all(|answer| answer.status == 404), "{answers:?}");

    // It wakes up and still accepts writes, but nobody asks it any more.
    let reserved = http.post("/reservations", serde_json::json!({ "areaCode": "11" })).await;
    let number = format!("/numbers/{}", reserved.body["msisdn"].as_str().expect("a number"));
    two.first.thaw();
    let answers = join_all((0..20).map(|_| http.get(&number))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_does_not_go_back_to_a_primary_after_another_took_over() {
    let two = Two::start().await;
    two.second.begin_timeline().await;
    two.first.refuse_writes().await;
    let (server, _sigan) = Server::with_sigan(&two.on_first, &[("OSS_DATABASE_URL", &two.url)]).await;
    let http = server.http();
    becomes_writable(&http).await;
    two.second.refuse_writes().await;
    two.first.accept_writes().await;
    let [first, _] = two.names();
    eventually(async || {
        assert_ne!(http.post("/previews", serde_json::json!({ "areaCode": "11" })).await.status, 201);
        let ready = http.get("/health/ready").await;
        let reason = ready.body["detail"].as_str().unwrap_or_default();
        let is_told = reason.contains(&format!("{first} is no longer the primary"));
        if is_told { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    two.second.accept_writes().await;
    becomes_writable(&http).await;
    assert_eq!(two.on_first.count(PREVIEWS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_works_on_the_host_that_accepts_writes() {
    let two = Two::start().await;
    two.first.refuse_writes().await;
    let settings = [("OSS_DATABASE_URL", two.url.as_str())];
    let migrated = run(&settings, &["migrate"]);
    assert_eq!(migrated.code, 0, "{migrated:?}");
    let found = run(&settings, &["ddd", "11"]);
    assert_eq!((found.code, found.stderr.as_str()), (0, ""), "no word of the other host");
}
