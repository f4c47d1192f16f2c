//! `GET /events`: pages, waits, and what each client sees.

use std::time::{Duration, Instant};

use futures::future::join_all;
use oss_core::access::Scope;
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::eventually::eventually;
use oss_tests::http::{Answer, Http};
use oss_tests::postgres::Postgres;
use oss_tests::secrets::assert_no_secrets;
use oss_tests::server::Server;
use oss_tests::sims::{self, Lines};
use oss_tests::statements::{executed, logged};
use serde_json::{Value, json};

oss_tests::on_both!(
    a_reader_goes_from_page_to_page,
    a_reader_waits_for_an_event,
    a_client_sees_the_events_of_its_brand,
    an_event_tells_no_secret_of_a_sim,
);

async fn reserve(http: &Http) -> String {
    let reserved = http.post("/reservations", json!({ "areaCode": "11" })).await;
    reserved.body["msisdn"].as_str().unwrap_or_else(|| panic!("{reserved:?}")).to_owned()
}

fn kinds(page: &Answer) -> Vec<&str> {
    let events = page.body["events"].as_array().unwrap_or_else(|| panic!("{page:?}"));
    events.iter().map(|event| event["kind"].as_str().expect("a kind")).collect()
}

fn next(page: &Answer) -> &str {
    page.body["next"].as_str().unwrap_or_else(|| panic!("{page:?}"))
}

/// Reads the events after a place when there are this many, because other transactions of the server may still run.
async fn page_of(http: &Http, path: &str, count: usize) -> Answer {
    eventually(async || {
        let page = http.get(path).await;
        if kinds(&page).len() == count { Ok(page) } else { Err(format!("{page:?}")) }
    })
    .await
}

async fn a_reader_goes_from_page_to_page(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let number = reserve(&http).await;
    assert_eq!(http.delete(&format!("/reservations/{number}")).await.status, 204);
    let all = page_of(&http, "/events", 3).await;
    assert_eq!(kinds(&all), ["number.reserved", "number.released", "number.returned"]);
    let event = &all.body["events"][0];
    assert_eq!(
        (&event["brandId"], &event["before"], &event["after"]),
        (&json!("acme"), &json!(null), &json!("HELD"))
    );
    assert_eq!(event["msisdn"], json!(null), "a caller without a key is of no brand");
    assert!(event["masked"].as_str().is_some_and(|masked| masked.ends_with(&number[7..])), "{event}");

    let first = http.get("/events?limit=2").await;
    assert_eq!((kinds(&first).len(), first.body["events"][1]["cursor"].as_str()), (2, Some(next(&first))));
    let second = http.get(&format!("/events?limit=2&after={}", next(&first))).await;
    assert_eq!(kinds(&second), ["number.returned"]);
    let end = http.get(&format!("/events?after={}", next(&second))).await;
    assert_eq!((kinds(&end).len(), next(&end)), (0, next(&all)));
    // No event will come after this place before very many others.
    let foreign = http.get("/events?after=900000000000000-900000000000000&wait=30s").await;
    assert_eq!((foreign.status, &foreign.body["type"]), (409, &json!("urn:oss:problem:foreign-cursor")));
    assert_eq!(foreign.body["field"], "after");
    for query in ["after=x", "limit=0", "limit=1001", "wait=31s", "wait=1", "kind=x"] {
        let refused = http.get(&format!("/events?{query}")).await;
        let field = query.split('=').next().unwrap_or_default();
        assert_eq!(
            (refused.status, refused.body["errors"][0]["field"].as_str()),
            (400, Some(field)),
            "{refused:?}"
        );
    }
}

async fn a_reader_waits_for_an_event(database: Database) {
    let (mut server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    reserve(&http).await;
    let after = next(&page_of(&http, "/events", 1).await).to_owned();
    let path = format!("/events?after={after}&wait=30s");
    let (waited, ()) = tokio::join!(http.get(&path), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        reserve(&http).await;
    });
    assert_eq!(kinds(&waited), ["number.reserved"]);
    let empty = http.get(&format!("/events?after={}&wait=1s", next(&waited))).await;
    assert_eq!((kinds(&empty).len(), next(&empty)), (0, next(&waited)));

    // A server that stops does not keep a reader.
    let path = format!("/events?after={}&wait=30s", next(&waited));
    let begun = Instant::now();
    let (waited, ()) = tokio::join!(http.get(&path), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.terminate();
    });
    assert_eq!((waited.status, kinds(&waited).len()), (200, 0));
    assert!(server.wait_until_ended().await.success());
    assert!(begun.elapsed() < Duration::from_secs(25), "it did not wait for the end of the wait");
}

async fn a_client_sees_the_events_of_its_brand(database: Database) {
    let mut clients = ClientsFile::new();
    let scopes = [Scope::NumbersReserve, Scope::EventsRead];
    let own = clients.admit("shop", "acme", &scopes);
    let other = clients.admit("stall", "other", &scopes);
    let without = clients.admit("till", "acme", &[Scope::NumbersReserve, Scope::NumbersRead]);
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let [own, other, without] = [own, other, without].map(|key| server.http().with_key(&key));
    let (own_number, other_number) = (reserve(&own).await, reserve(&other).await);
    for (http, number) in [(&own, &own_number), (&other, &other_number)] {
        let page = page_of(http, "/events", 1).await;
        assert_eq!(page.body["events"][0]["msisdn"], json!(number), "in full for its brand alone");
    }
    assert_eq!(without.get("/events").await.status, 403);
    assert_eq!(server.http().get("/events").await.status, 401);
}

async fn an_event_tells_no_secret_of_a_sim(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, device) = (sims::reserve(&http).await, sims::device(&http).await);
    let ordered = sims::order(&http, &msisdn, &sims::line(), &device).await;
    assert_eq!(ordered.status, 201, "{ordered:?}");
    let id = sims::id(&ordered.body);
    let code = sims::code(&http, &id).await.body["code"].as_str().expect("a code").to_owned();
    let at = "2026-11-25T13:35:12Z";
    assert_eq!(sims::notify(&http, &id, "INSTALLED", at).await.status, 204);
    let page = page_of(&http, "/events", 4).await;
    let mut told = kinds(&page);
    told.sort_unstable();
    assert_eq!(told, ["number.assigned", "number.reserved", "sim.installed", "sim.issued"]);
    let text = page.body.to_string();
    assert_no_secrets("the events", &text);
    for secret in [&ordered.body["iccid"], &ordered.body["imsi"], &json!(code), &json!(msisdn)] {
        assert!(!text.contains(secret.as_str().expect("a text")), "{text}");
    }
    let issued = |event: &&Value| event["kind"] == "sim.issued";
    let events = page.body["events"].as_array().expect("a list");
    assert_eq!(events.iter().find(issued).expect("it is there")["simId"], json!(id));
}

/// However many readers wait, the server looks once in a second.
#[tokio::test(flavor = "multi_thread")]
async fn readers_that_wait_share_one_look_in_a_second() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let url = logged(database.url());
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_DATABASE_URL", &url)]).await;
    let http = server.http();
    let (before, begun) = (postgres.log().len(), Instant::now());
    let pages = join_all((0..50).map(|_| http.get("/events?wait=3s"))).await;
    let seconds = usize::try_from(begun.elapsed().as_secs()).expect("a few") + 1;
    assert!(pages.iter().all(|page| page.status == 200 && kinds(page).is_empty()), "{pages:?}");
    let statements = executed(&postgres.log()[before..]);
    // A sweep reads events too, to count and to delete them.
    let is_look = |sql: &str| {
        sql.contains("pg_current_snapshot")
            && !["counted_events", "delete from event"].iter().any(|part| sql.contains(part))
    };
    let looks = statements.iter().filter(|statement| is_look(&statement.sql)).count();
    // Each reader reads a page at the beginning and at the end.
    assert!((100..=101 + seconds).contains(&looks), "{looks} in {seconds} s");
}
