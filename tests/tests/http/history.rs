//! The story of a number over HTTP: each call to Sigan and GSIM, with its outcome and its cause, between the events.

use std::time::Duration;

use oss_core::access::Scope;
use oss_core::gsim::mock::{self as gsim, GsimMock, OrderBook, RunningGsim};
use oss_core::sigan::mock::{Behaviour, CallKind, Fault, RunningSigan};
use oss_core::{Oss, ProfileState, StoryKind};
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::eventually::eventually;
use oss_tests::http::{Answer, Http};
use oss_tests::server::Server;
use oss_tests::sims::{self, device, line};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

oss_tests::on_both!(
    a_lost_answer_shows_the_failed_call_and_the_question,
    a_release_shows_its_call,
    a_sim_shows_its_calls_and_who_read_its_code,
    a_request_names_what_it_touched,
    another_server_shows_the_calls_too,
    a_server_that_stops_writes_its_last_calls,
    a_pre_reserve_is_forgotten_with_its_preview,
    a_sweep_that_a_client_starts_is_the_cause_of_no_call,
    a_look_at_a_silent_profile_is_in_no_story,
);

/// A server with a client, and the client.
struct World {
    server: Server,
    sigan: RunningSigan,
    gsim: RunningGsim,
    _clients: ClientsFile,
    http: Http,
}

impl World {
    async fn on(database: &Database, more: &[(&str, &str)]) -> Self {
        let mut clients = ClientsFile::new();
        let key = clients.admit("acquisition", "acme", &Scope::ALL);
        let gsim = GsimMock::new(OrderBook::new()).start().await;
        let url = gsim.url();
        let settings = [&[("OSS_GSIM_URL", url.as_str())], more].concat();
        let (server, sigan) = Server::for_clients(database, &clients, &settings).await;
        // Both take their time, so that the order of calls and events does not depend on a millisecond.
        let latency = Duration::from_millis(300);
        sigan.behave(Behaviour { latency, ..Behaviour::default() });
        gsim.behave(gsim::Behaviour { latency, ..gsim::Behaviour::default() });
        let http = server.http().with_key(&key);
        Self { server, sigan, gsim, _clients: clients, http }
    }

    /// Sends a request under an id.
    async fn send(&self, method: Method, path: &str, id: Uuid, body: Value) -> Answer {
        let request = self.http.request(method, path).header("x-request-id", id.to_string());
        self.http.send(if body.is_null() { request } else { request.json(&body) }).await
    }

    async fn reserve(&self, preview: &str, id: Uuid) -> Answer {
        self.send(Method::PUT, &format!("/previews/{preview}/reservations/2"), id, Value::Null).await
    }
}

async fn timeline(http: &Http, msisdn: &str) -> Vec<Value> {
    let history = http.get(&format!("/numbers/{msisdn}/history")).await;
    assert_eq!(history.status, 200, "{history:?}");
    history.body["timeline"].as_array().expect("a list").clone()
}

/// Waits until the latest entry of a story is this one, and returns the story, the latest first.
async fn story_until(http: &Http, msisdn: &str, latest: &str) -> Vec<Value> {
    eventually(async || {
        let story = timeline(http, msisdn).await;
        if words(&story).first().is_some_and(|first| first == latest) {
            Ok(())
        } else {
            Err(format!("{story:#?}"))
        }
    })
    .await;
    // The call that led to the entry may have ended after that look had written the calls, and before it read the events.
    timeline(http, msisdn).await
}

/// Each entry in a few words.
fn words(timeline: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let words = |entry: &Value| match entry {
        _ if entry["call"].is_object() => {
            let call = &entry["call"];
            ["system", "call", "outcome"].map(|name| text(&call[name])).join(" ")
        }
        _ if entry["codeRead"].is_object() => format!("code read by {}", text(&entry["codeRead"]["client"])),
        _ => text(&entry["event"]["kind"]),
    };
    timeline.iter().map(words).collect()
}

/// The client and the request of a call.
fn cause(entry: &Value) -> (&Value, &Value) {
    (&entry["call"]["client"], &entry["call"]["requestId"])
}

async fn a_lost_answer_shows_the_failed_call_and_the_question(database: Database) {
    let world = World::on(&database, &[("OSS_SWEEP_INTERVAL", "1s")]).await;
    let (previewed, reserved) = (Uuid::now_v7(), Uuid::now_v7());
    let preview = world.send(Method::POST, "/previews", previewed, json!({ "areaCode": "11" })).await;
    world.sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    let lost = world.reserve(preview.body["id"].as_str().expect("an id"), reserved).await;
    assert_eq!(lost.status, 504, "{lost:?}");

    let story = story_until(&world.http, "11999950002", "number.reserved").await;
    let expected = [
        "number.reserved",
        "sigan holder ok",
        "number.in_doubt",
        "sigan reserve connection-lost",
        "sigan pre_reserve ok",
    ];
    assert_eq!(words(&story), expected);
    let [_, holder, _, reserve, pre_reserve] = &story[..] else { panic!("{story:?}") };
    assert_eq!(cause(holder), (&Value::Null, &Value::Null), "the sweep asked");
    assert_eq!(cause(reserve), (&json!("acquisition"), &json!(reserved)));
    assert_eq!(cause(pre_reserve), (&json!("acquisition"), &json!(previewed)));
    assert_eq!(reserve["call"]["msisdn"], "11999950002");
    assert_eq!(reserve["call"]["externalId"], pre_reserve["call"]["externalId"]);
    assert!(
        reserve["call"]["durationMs"].is_u64() && reserve["at"] == reserve["call"]["sentAt"],
        "{reserve}"
    );

    let history = world.http.get("/numbers/11999950002/history").await.body;
    let [attempt] = &history["attempts"].as_array().expect("a list")[..] else { panic!("{history}") };
    assert_eq!((&attempt["state"], &attempt["brandId"]), (&json!("HELD"), &json!("acme")));
    assert_eq!((&attempt["previewId"], &attempt["endedAt"]), (&preview.body["id"], &Value::Null));
    assert_eq!(history["current"]["status"], "RESERVED");
    assert_eq!(world.http.get("/numbers/11999990000/history").await.status, 404);
}

async fn a_release_shows_its_call(database: Database) {
    let world = World::on(&database, &[]).await;
    let msisdn = sims::reserve(&world.http).await;
    let released = Uuid::now_v7();
    let path = format!("/reservations/{msisdn}");
    assert_eq!(world.send(Method::DELETE, &path, released, Value::Null).await.status, 204);
    let story = story_until(&world.http, &msisdn, "number.returned").await;
    let expected = [
        "number.returned",
        "sigan release ok",
        "number.released",
        "number.reserved",
        "sigan reserve ok",
        "sigan pre_reserve ok",
    ];
    assert_eq!(words(&story), expected);
    assert_eq!(cause(&story[1]), (&json!("acquisition"), &json!(released)));
    for event in [&story[0], &story[2], &story[3]] {
        assert_eq!(event["event"]["changedBy"], "acquisition", "{event}");
    }
}

async fn a_sim_shows_its_calls_and_who_read_its_code(database: Database) {
    // The sweep tells Sigan, after GSIM was told.
    let world = World::on(&database, &[("OSS_SWEEP_INTERVAL", "1s")]).await;
    let (http, ordered, ended) = (&world.http, Uuid::now_v7(), Uuid::now_v7());
    let msisdn = sims::reserve(http).await;
    let body = json!({ "msisdn": msisdn, "lineId": line(), "deviceModelHash": device(http).await });
    let sim = world.send(Method::POST, "/esims", ordered, body).await;
    assert_eq!(sim.status, 201, "{sim:?}");
    let id = sims::id(&sim.body);
    assert_eq!(sims::code(http, &id).await.status, 200);
    let end = world.send(Method::DELETE, &format!("/numbers/{msisdn}/line"), ended, Value::Null).await;
    assert_eq!(end.status, 204, "{end:?}");
    let story = story_until(http, &msisdn, "number.returned").await;
    let position = |words_of: &str| {
        words(&story)
            .iter()
            .position(|words| words == words_of)
            .unwrap_or_else(|| panic!("{words_of}: {story:#?}"))
    };
    let order = position("gsim order_esim ok");
    assert_eq!(cause(&story[order]), (&json!("acquisition"), &json!(ordered)));
    assert_eq!(story[order]["call"]["simId"], id);
    let (read, cancel) = (position("code read by acquisition"), position("gsim cancel ok"));
    assert_eq!(cause(&story[cancel]), (&json!("acquisition"), &json!(ended)));
    let [issued, line_ended, release] = ["sim.issued", "line.ended", "sigan release ok"].map(position);
    let in_order = [release, cancel, line_ended, read, issued, order];
    assert!(in_order.is_sorted(), "GSIM is told before Sigan: {in_order:?} of {story:#?}");

    let oss = Oss::builder("acme".parse().unwrap()).build(database.store().await);
    let of_sim = oss.sim_history(id.parse().unwrap()).await.unwrap();
    let calls: Vec<_> = of_sim
        .timeline
        .iter()
        .filter_map(|entry| if let StoryKind::Call(call) = &entry.kind { Some(&*call.call) } else { None })
        .collect();
    assert_eq!(calls, ["cancel", "order_esim"]);
    assert_eq!(of_sim.sim.sim.id.to_string(), id);
}

async fn a_request_names_what_it_touched(database: Database) {
    let world = World::on(&database, &[]).await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let body = || json!({ "areaCode": "11" });
    let reserved = world.send(Method::POST, "/reservations", first, body()).await.body;
    world.send(Method::POST, "/reservations", second, body()).await;
    let oss = Oss::builder("acme".parse().unwrap()).build(database.store().await);
    let mut calls = Vec::new();
    eventually(async || {
        calls = oss.calls_of_request(first).await.unwrap();
        if calls.len() == 2 { Ok(()) } else { Err(format!("{calls:?}")) }
    })
    .await;
    let names: Vec<_> =
        calls.iter().map(|call| (&*call.call, call.msisdn.map(|number| number.to_string()))).collect();
    let msisdn = reserved["msisdn"].as_str().map(str::to_owned);
    assert_eq!(names, [("reserve", msisdn), ("pre_reserve", None)]);
    let stranger = oss.acting_for("other".parse().unwrap()).unwrap();
    assert_eq!(stranger.calls_of_request(first).await.unwrap(), []);
}

async fn another_server_shows_the_calls_too(database: Database) {
    let world = World::on(&database, &[]).await;
    let other = Server::start(&database, world.sigan.url().as_str(), &[]);
    let msisdn = sims::reserve(&world.http).await;
    eventually(async || {
        let words = words(&timeline(&other.http(), &msisdn).await);
        if words == ["number.reserved", "sigan reserve ok", "sigan pre_reserve ok"] {
            Ok(())
        } else {
            Err(format!("{words:?}"))
        }
    })
    .await;
}

async fn a_server_that_stops_writes_its_last_calls(database: Database) {
    let mut world = World::on(&database, &[("OSS_DRAIN", "0s")]).await;
    let msisdn = sims::reserve(&world.http).await;
    world.server.terminate();
    assert!(world.server.wait_until_ended().await.success());
    let calls = format!("select call from upstream_call where msisdn = '{msisdn}'");
    assert_eq!(database.texts(&calls).await, ["reserve"]);
}

async fn a_pre_reserve_is_forgotten_with_its_preview(database: Database) {
    let settings = [
        ("OSS_SIGAN_TIMEOUT", "1100ms"),
        ("OSS_PREVIEW_TTL", "2s"),
        ("OSS_PREVIEW_RETENTION", "1s"),
        ("OSS_SWEEP_INTERVAL", "1s"),
    ];
    let world = World::on(&database, &settings).await;
    world.http.preview().await;
    let chosen = world.http.preview().await;
    let msisdn = world.http.reserve(&chosen, 1).await.body["msisdn"].as_str().expect("a number").to_owned();
    // The younger of the two is looked at last.
    let looked_at = "select count(*) from upstream_call where call = 'pre_reserve' and msisdn is not null";
    database.wait_for_count(looked_at, 1).await;
    assert_eq!(database.count("select count(*) from upstream_call where call = 'pre_reserve'").await, 1);
    let words = words(&timeline(&world.http, &msisdn).await);
    assert_eq!(words, ["number.reserved", "sigan reserve ok", "sigan pre_reserve ok"]);
}

/// Its rows belong to any brand.
async fn a_sweep_that_a_client_starts_is_the_cause_of_no_call(database: Database) {
    let world = World::on(&database, &[]).await;
    let preview = world.http.preview().await;
    world.sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(world.reserve(&preview, Uuid::now_v7()).await.status, 504);
    let swept = Uuid::now_v7();
    let mut story = Vec::new();
    eventually(async || {
        assert_eq!(world.send(Method::POST, "/sweeps", swept, Value::Null).await.status, 200);
        story = timeline(&world.http, "11999950002").await;
        let is_asked = words(&story).iter().any(|words| words == "sigan holder ok");
        if is_asked { Ok(()) } else { Err(format!("{story:#?}")) }
    })
    .await;
    let holder = story.iter().find(|entry| entry["call"]["call"] == "holder").expect("it is there");
    assert_eq!(cause(holder), (&Value::Null, &Value::Null));
    let brands = "select count(*) from upstream_call where call = 'holder' and brand_id is not null";
    assert_eq!(database.count(brands).await, 0);
}

async fn a_look_at_a_silent_profile_is_in_no_story(database: Database) {
    let world = World::on(&database, &[]).await;
    let msisdn = sims::reserve(&world.http).await;
    let device = device(&world.http).await;
    let sim = sims::order(&world.http, &msisdn, &line(), &device).await.body;
    let id = sims::id(&sim);
    assert_eq!(sims::code(&world.http, &id).await.status, 200);
    assert!(world.gsim.set_profile_state(id.parse().unwrap(), ProfileState::Installed));
    let hour = if database.is_postgres() { "interval '1 hour'" } else { "3600000000" };
    database.execute(&format!("update sim set silent_since = silent_since - {hour}")).await;
    assert_eq!(world.http.post("/sweeps", Value::Null).await.status, 200);
    let story = words(&story_until(&world.http, &msisdn, "sim.installed").await);
    assert!(story.iter().any(|words| words == "gsim order_esim ok"), "{story:?}");
    assert!(!story.iter().any(|words| words == "gsim order ok"), "{story:?}");
}

/// The role of the servers may have no right on a table of a later migration until somebody grants it.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cannot_be_recorded_stop_nobody() {
    let database = Database::postgres().await;
    let role = format!("role_{}", Uuid::new_v4().simple());
    let grants = format!(
        "create role {role} login; grant usage on schema public to {role};
         grant select, insert, update, delete on all tables in schema public to {role};
         revoke all on upstream_call from {role}"
    );
    database.execute(&grants).await;
    let (_, address) = database.url().split_once('@').expect("an address has a user");
    let url = format!("postgres://{role}@{address}");
    let world = World::on(&database, &[("OSS_DATABASE_URL", &url), ("OSS_SWEEP_INTERVAL", "1s")]).await;
    let msisdn = sims::reserve(&world.http).await;
    world.server.wait_for_log("could not be recorded").await;
    let preview = world.http.preview().await;
    assert_eq!(world.http.reserve(&preview, 2).await.status, 200);
    assert_eq!(world.http.delete(&format!("/reservations/{msisdn}")).await.status, 204);
    database.wait_for_count("select count(*) from reservation where state = 'RELEASED'", 1).await;
    assert_eq!(world.http.post("/sweeps", Value::Null).await.status, 200);
    assert_eq!(
        world.http.get(&format!("/numbers/{msisdn}/history")).await.status,
        500,
        "the reason is in the log"
    );
    let warnings = world.server.log().iter().filter(|line| line.contains("could not be recorded")).count();
    assert_eq!(warnings, 1, "{:#?}", world.server.log());

    database.execute(&format!("grant select, insert, update, delete on upstream_call to {role}")).await;
    let story = words(&timeline(&world.http, &msisdn).await);
    for call in ["sigan pre_reserve ok", "sigan reserve ok", "sigan release ok"] {
        assert!(story.iter().any(|words| words == call), "it was kept until then: {story:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_see_sims_reads_a_history_without_them() {
    let mut clients = ClientsFile::new();
    let all = clients.admit("all", "acme", &Scope::ALL);
    let numbers = clients.admit("numbers", "acme", &[Scope::NumbersRead]);
    let server = Server::sandbox(&clients, &[]);
    let sim = sims::esim(&server.http().with_key(&all)).await;
    let (id, msisdn) = (sim["id"].as_str().unwrap(), sim["msisdn"].as_str().unwrap());
    let path = format!("/numbers/{msisdn}/history");
    let whole = server.http().with_key(&all).get(&path).await.body.to_string();
    for part in ["order_esim", "sim.issued", "number.assigned", "reserve"] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
    let seen = server.http().with_key(&numbers).get(&path).await;
    let line = &seen.body["current"]["assignedSimId"];
    let rest = seen.body.to_string().replace(&format!("\"assignedSimId\":{line}"), "");
    for part in ["order_esim", "sim.issued", id] {
        assert!(!rest.contains(part), "{part}: {rest}");
    }
    assert!(rest.contains("number.assigned") && rest.contains("reserve"), "{rest}");
}
