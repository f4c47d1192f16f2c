//! One client, brand or release never keeps another from being served.

use std::time::{Duration, Instant};

use futures::future::join_all;
use oss_core::access::Scope;
use oss_core::sigan::mock::{Behaviour, CallKind, RunningSigan};
use oss_core::{BrandId, Msisdn};
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::eventually::eventually;
use oss_tests::http::{Answer, Http};
use oss_tests::metrics::Scrape;
use oss_tests::server::Server;
use oss_tests::sigan::wait_until_called;
use serde_json::json;
use tokio::task::JoinHandle;

oss_tests::on_both!(a_brand_that_sigan_refuses_costs_another_nothing, stuck_releases_cost_callers_nothing,);

const BUSY: &str = "urn:oss:problem:sigan-busy";
const REFUSES: &str = "urn:oss:problem:sigan-refuses-brand";
const SHARE: &str = "urn:oss:problem:client-share-exceeded";
const BUDGET: &str = "urn:oss:problem:client-budget-exceeded";

/// A server with two clients, each of a brand of its own.
struct Setup {
    sigan: RunningSigan,
    first: Http,
    second: Http,
    _server: Server,
    _clients: ClientsFile,
}

impl Setup {
    async fn on(database: &Database, more: &[(&str, &str)]) -> Self {
        let mut clients = ClientsFile::new();
        let [first, second] =
            ["first", "second"].map(|name| clients.admit(name, &format!("brand-of-{name}"), &Scope::ALL));
        let (server, sigan) = Server::for_clients(database, &clients, more).await;
        let (first, second) = (server.http().with_key(&first), server.http().with_key(&second));
        Self { sigan, first, second, _server: server, _clients: clients }
    }

    fn slow(&self, latency: Duration) {
        self.sigan.behave(Behaviour { latency, ..Behaviour::default() });
    }

    async fn metrics(&self) -> Scrape {
        Scrape::of(&self.first).await
    }
}

async fn random(http: &Http) -> Answer {
    http.post("/reservations", json!({ "areaCode": "11" })).await
}

async fn preview(http: &Http, ddd: &str) -> Answer {
    http.post("/previews", json!({ "areaCode": ddd })).await
}

fn in_background(calls: usize, call: impl Fn() -> JoinHandle<Answer>) -> Vec<JoinHandle<Answer>> {
    (0..calls).map(|_| call()).collect()
}

async fn answers(calls: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
    join_all(calls).await.into_iter().map(|answer| answer.expect("the call ends")).collect()
}

fn of_type(answers: &[Answer], kind: &str) -> usize {
    answers.iter().filter(|answer| answer.body["type"] == kind).count()
}

fn with_status(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// Makes calls of a client, one after another, for a time.
async fn keep_calling(http: &Http, time: Duration) -> Vec<Answer> {
    let begun = Instant::now();
    let mut answers = Vec::new();
    while begun.elapsed() < time {
        answers.push(random(http).await);
    }
    answers
}

async fn a_brand_that_sigan_refuses_costs_another_nothing(database: Database) {
    let setup = Setup::on(&database, &[]).await;
    let brand: BrandId = "brand-of-first".parse().unwrap();
    for status in [403, 400] {
        setup.sigan.refuse_brand(&brand, Some(status));
        let before = setup.sigan.calls(CallKind::PreReserve);
        let (refused, served) = tokio::join!(
            join_all((0..16).map(|_| keep_calling(&setup.first, Duration::from_secs(3)))),
            keep_calling(&setup.second, Duration::from_secs(3))
        );
        let refused = refused.concat();
        assert_eq!(with_status(&served, 201), served.len(), "{status}: {:?}", served.last());
        assert_eq!(with_status(&refused, 201), 0);
        let spared = of_type(&refused, REFUSES);
        assert!(spared > 0 && of_type(&refused, BUSY) == 0, "{status}: {:?}", refused.last());
        let last = refused.iter().rev().find(|answer| answer.body["type"] == REFUSES).unwrap();
        assert_eq!((last.status, last.retry_after), (503, Some(1)));
        let asked = setup.sigan.calls(CallKind::PreReserve) - before;
        let asked = usize::try_from(asked).unwrap() - served.len();
        assert!((8..=32).contains(&asked), "eight in a row, those in flight, a probe a second: not {asked}");
        let scrape = setup.metrics().await;
        assert!(
            scrape.value("oss_sigan_brand_refused", &[("brand", "brand-of-first")]) > 0.0,
            "{}",
            scrape.text
        );
        assert!(scrape.value("oss_sigan_brand_refused", &[("brand", "brand-of-second")]) < 1.0);
        assert!(
            scrape.value("oss_sigan_breaker", &[("lane", "caller"), ("state", "closed")]) > 0.0,
            "{}",
            scrape.text
        );

        setup.sigan.refuse_brand(&brand, None);
        eventually(async || {
            let given = random(&setup.first).await;
            if given.status == 201 { Ok(()) } else { Err(format!("{given:?}")) }
        })
        .await;
        let scrape = setup.metrics().await;
        assert!(
            scrape.value("oss_sigan_brand_refused", &[("brand", "brand-of-first")]) < 1.0,
            "{}",
            scrape.text
        );
    }
}

async fn stuck_releases_cost_callers_nothing(database: Database) {
    const STUCK: usize = 10;
    let setup = Setup::on(&database, &[("OSS_SWEEP_INTERVAL", "1s")]).await;
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        let msisdn = random(&setup.first).await.body["msisdn"].as_str().unwrap().to_owned();
        setup.sigan.refuse_release(msisdn.parse::<Msisdn>().unwrap(), Some(503));
        stuck.push(msisdn);
    }
    let releases = stuck.iter().map(|msisdn| {
        let (http, path) = (setup.first.clone(), format!("/reservations/{msisdn}"));
        async move { http.delete(&path).await }
    });
    assert_eq!(with_status(&join_all(releases).await, 204), STUCK);
    let first = keep_calling(&setup.second, Duration::from_secs(5)).await;
    let tried = setup.sigan.calls(CallKind::Release);
    let rest = keep_calling(&setup.second, Duration::from_secs(5)).await;
    for served in [&first, &rest] {
        assert_eq!(with_status(served, 201), served.len(), "of {}: {:?}", served.len(), served.last());
    }
    assert!(tried >= 2 * STUCK as u64, "they are tried again soon: {tried}");
    let later = setup.sigan.calls(CallKind::Release) - tried;
    assert!(later <= 3 * STUCK as u64, "and then more and more seldom: {later} after {tried}");

    for msisdn in &stuck {
        setup.sigan.refuse_release(msisdn.parse().unwrap(), None);
    }
    database.wait_for_count("select count(*) from reservation where state = 'RELEASING'", 0).await;
    assert_eq!(setup.sigan.inventory().reserved().len(), first.len() + rest.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_floods_sigan_leaves_another_its_calls() {
    let database = Database::sqlite().await;
    let settings = [("OSS_SIGAN_CALLS", "8"), ("OSS_SIGAN_QUEUE", "8")];
    let setup = Setup::on(&database, &settings).await;
    setup.slow(Duration::from_millis(200));
    let flood = in_background(60, || {
        let http = setup.first.clone();
        tokio::spawn(async move { random(&http).await })
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let served = keep_calling(&setup.second, Duration::from_secs(3)).await;
    assert_eq!(with_status(&served, 201), served.len(), "{:?}", served.last());
    assert!(served.len() >= 3, "none of them waited for long");

    let flood = answers(flood).await;
    let above = of_type(&flood, SHARE);
    assert_eq!(with_status(&flood, 201) + above, flood.len(), "the error names the cause: {flood:?}");
    assert!(above >= 20 && with_status(&flood, 201) >= 8, "{above}");
    assert!(flood.iter().all(|answer| answer.status == 201 || answer.retry_after == Some(1)));
    let scrape = setup.metrics().await;
    let counted = |client| scrape.value("oss_client_refusals_total", &[("client", client)]);
    assert_eq!(counted("first").to_string(), above.to_string(), "{}", scrape.text);
    assert!(counted("second") < 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_one_preview_leave_room_for_others() {
    let database = Database::sqlite().await;
    // The first call outlasts the arrival of all the others: a caller that comes after its end need not wait, and gets 200.
    let setup = Setup::on(&database, &[("OSS_SIGAN_TIMEOUT", "1m")]).await;
    let crowded = setup.first.preview().await;
    let mut more = Vec::new();
    for _ in 0..20 {
        more.push(setup.first.preview().await);
    }
    let mine = setup.second.preview().await;
    setup.slow(Duration::from_secs(15));
    let put = |http: &Http, preview: &str| {
        let (http, preview) = (http.clone(), preview.to_owned());
        tokio::spawn(async move { http.reserve(&preview, 1).await })
    };
    let crowd = in_background(60, || put(&setup.first, &crowded));
    let spread: Vec<_> =
        more.iter().flat_map(|preview| in_background(10, || put(&setup.first, preview))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let served = answers(in_background(5, || put(&setup.second, &mine))).await;
    assert_eq!(with_status(&served, 200), 5, "a repeat waits for the first call: {served:?}");

    let crowd = answers(crowd).await;
    assert!(with_status(&crowd, 200) <= 21, "{}", with_status(&crowd, 200));
    assert_eq!(with_status(&crowd, 200) + with_status(&crowd, 409) + of_type(&crowd, SHARE), crowd.len());
    let spread = answers(spread).await;
    assert!(of_type(&spread, SHARE) > 0, "no more than its share of all that may wait");
    let waited = with_status(&spread, 200) + with_status(&crowd, 200);
    assert!(waited <= 100 + 21, "{waited}: a first call and its share of those that wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_empty_an_area_code() {
    let database = Database::sqlite().await;
    let settings = [("OSS_DRAWS_PER_DDD", "30"), ("OSS_DRAWS_WINDOW", "1h")];
    let setup = Setup::on(&database, &settings).await;
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(preview(&setup.first, "11").await);
    }
    let (previews, stopped) = answers.split_at(with_status(&answers, 201));
    let stopped = stopped.first().expect("somebody stops it");
    assert_eq!((stopped.status, stopped.body["type"].as_str()), (429, Some(BUDGET)), "{stopped:?}");
    assert_eq!(previews.len(), 10, "three numbers each");
    let wait = stopped.retry_after.unwrap();
    assert!((1..=360).contains(&wait), "three of thirty in an hour: {wait}");
    let id = previews[0].body["id"].as_str().unwrap();
    assert_eq!(setup.first.reserve(id, 1).await.status, 200, "what was offered may be reserved");
    assert_eq!(preview(&setup.first, "21").await.status, 201, "another area code has a budget of its own");
    assert_eq!(preview(&setup.second, "11").await.status, 201, "and so has another client");
    let scrape = setup.metrics().await;
    let counted = scrape.value("oss_client_refusals_total", &[("client", "first"), ("limit", "draws")]);
    assert!(counted > 0.0, "{}", scrape.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_draws_nothing() {
    let database = Database::sqlite().await;
    let settings = [("OSS_DRAWS_PER_DDD", "3"), ("OSS_DRAWS_WINDOW", "1h")];
    let setup = Setup::on(&database, &settings).await;
    let keyed = |key: &'static str| {
        let http = setup.first.clone();
        async move {
            let request = http.request(reqwest::Method::POST, "/reservations").header("Idempotency-Key", key);
            http.send(request.json(&json!({ "areaCode": "11" }))).await
        }
    };
    for _ in 0..5 {
        assert_eq!(keyed("one").await.status, 201);
        assert_eq!(keyed("two").await.status, 201);
    }
    assert_eq!(keyed("three").await.status, 201);
    assert_eq!(keyed("four").await.body["type"], BUDGET);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_many_requests_leaves_another_its_places() {
    let database = Database::sqlite().await;
    let setup = Setup::on(&database, &[("OSS_CONCURRENT_REQUESTS", "8")]).await;
    setup.slow(Duration::from_secs(2));
    let many = in_background(20, || {
        let http = setup.first.clone();
        tokio::spawn(async move { random(&http).await })
    });
    wait_until_called(&setup.sigan, CallKind::PreReserve, 4).await;
    assert_eq!(setup.second.get("/ddds/11").await.status, 204);
    assert_eq!(random(&setup.second).await.status, 201);
    let many = answers(many).await;
    assert_eq!((with_status(&many, 201), with_status(&many, 429)), (4, 16), "half of them");
    let scrape = setup.metrics().await;
    let counted = scrape.value("oss_client_refusals_total", &[("client", "first"), ("limit", "requests")]);
    assert!((counted - 16.0).abs() < 0.5, "{}", scrape.text);
    setup.slow(Duration::ZERO);
    assert_eq!(random(&setup.first).await.status, 201, "its places are free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_only_client_may_use_every_place() {
    let database = Database::sqlite().await;
    let mut clients = ClientsFile::new();
    let key = clients.admit("only", "acme", &Scope::ALL);
    let settings = [
        ("OSS_CONCURRENT_REQUESTS", "8"),
        ("OSS_SIGAN_CALLS", "8"),
        ("OSS_SIGAN_QUEUE", "0"),
        ("OSS_DRAWS_PER_DDD", "8"),
    ];
    let (server, sigan) = Server::for_clients(&database, &clients, &settings).await;
    sigan.behave(Behaviour { latency: Duration::from_millis(500), ..Behaviour::default() });
    let calls = in_background(8, || {
        let http = server.http().with_key(&key);
        tokio::spawn(async move { random(&http).await })
    });
    let calls = answers(calls).await;
    assert_eq!(with_status(&calls, 201), 8, "{calls:?}");
    let more = random(&server.http().with_key(&key)).await;
    assert_eq!(more.body["type"], BUDGET, "but the stock is not its own");
}
