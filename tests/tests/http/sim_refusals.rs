//! Refused orders, unknown names, forbidden states, malformed input, late reports, and the limits of activation codes, over HTTP, on
//! both databases.

use std::time::Duration;

use oss_core::access::Scope;
use oss_core::gsim::mock::{Behaviour, CallKind, Fault, GsimMock, OrderBook};
use oss_core::gsim::wire::OrderRefusalCode;
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::eventually::eventually;
use oss_tests::server::Server;
use oss_tests::sims::{
    ADDRESS, Lines, activate, code, device, end, esim, id, line, notify, number, order, problem, replace,
    reserve,
};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use uuid::Uuid;

oss_tests::on_both!(
    a_refused_order_leaves_the_number_reserved,
    a_gsim_that_is_down_leaves_the_number_reserved,
    an_unknown_name_gets_404_or_422,
    a_state_that_forbids_it_gets_409,
    bad_input_names_its_field_and_the_place,
    late_and_repeated_reports_are_kept_and_change_nothing,
    an_activation_code_has_limits,
    another_brand_sees_nothing,
);

async fn a_refused_order_leaves_the_number_reserved(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, device, line) = (reserve(&http).await, device(&http).await, line());
    for (code, expected) in [
        (OrderRefusalCode::NoneLeft, "no-profiles-left"),
        (OrderRefusalCode::NumberHasSim, "number-has-sim"),
        (OrderRefusalCode::Cancelled, "order-given-up"),
    ] {
        lines.gsim.next(CallKind::OrderEsim, Fault::Refuse(code));
        let refused = order(&http, &msisdn, &line, &device).await;
        assert_eq!(problem(&refused), (409, expected), "{refused:?}");
        assert_eq!(number(&http, &msisdn).await.0, "RESERVED", "{expected}");
    }
    for (code, expected) in [
        (OrderRefusalCode::UnknownIccid, (422, "unknown-card")),
        (OrderRefusalCode::CardInUse, (409, "card-in-use")),
    ] {
        lines.gsim.next(CallKind::ActivateCard, Fault::Refuse(code));
        let refused = activate(&http, &msisdn, &line, 1).await;
        assert_eq!((problem(&refused), &refused.body["field"]), (expected, &json!("iccid")), "{refused:?}");
        assert_eq!(number(&http, &msisdn).await.0, "RESERVED", "{expected:?}");
    }
    let cancels = lines.gsim.calls(CallKind::Cancel);
    assert_eq!(
        cancels, 4,
        "a copy of a refused order may arrive later, unless the order was cancelled before"
    );
    // A refusal that the contract does not have for this call is no certain answer.
    lines.gsim.next(CallKind::OrderEsim, Fault::Refuse(OrderRefusalCode::CardInUse));
    assert_eq!(order(&http, &msisdn, &line, &device).await.status, 504);
    assert_eq!(order(&http, &msisdn, &line, &device).await.status, 201);
    assert_eq!(lines.gsim.book().sims().len(), 1);
}

async fn a_gsim_that_is_down_leaves_the_number_reserved(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, device, line) = (reserve(&http).await, device(&http).await, line());
    let gsim = lines.gsim.url();
    drop(lines.gsim);
    wait_until_closed(&gsim).await;
    let mut kinds = Vec::new();
    for _ in 0..12 {
        let down = order(&http, &msisdn, &line, &device).await;
        assert!(down.status == 503 && down.retry_after.is_some(), "{down:?}");
        kinds.push(problem(&down).1.to_owned());
    }
    assert_eq!((kinds[0].as_str(), kinds[11].as_str()), ("gsim-unreachable", "gsim-busy"), "{kinds:?}");
    let cards = activate(&http, &msisdn, &line, 1).await;
    assert_eq!(problem(&cards), (503, "gsim-unreachable"), "its circuit is another one: {cards:?}");
    assert_eq!(number(&http, &msisdn).await.0, "RESERVED");
    assert_eq!(http.delete(&format!("/reservations/{msisdn}")).await.status, 204);
}

/// Waits until nobody listens at an address. A mock that is dropped still accepts a connection for a moment, and then a call is in
/// doubt.
async fn wait_until_closed(address: &Url) {
    let addresses = address.socket_addrs(|| None).expect("an address of this machine");
    eventually(async || match TcpStream::connect(&addresses[..]).await {
        Ok(_) => Err("it still listens"),
        Err(_) => Ok(()),
    })
    .await;
}

async fn an_unknown_name_gets_404_or_422(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, device, line, nobody) = (reserve(&http).await, device(&http).await, line(), "11900000000");
    let (hash, unknown) = ("0123456789abcdef0123456789abcdef", Uuid::now_v7().to_string());
    let cases = [
        (order(&http, nobody, &line, &device).await, 422, "msisdn"),
        (order(&http, &msisdn, &line, hash).await, 422, "deviceModelHash"),
        (activate(&http, nobody, &line, 1).await, 422, "msisdn"),
        (replace(&http, nobody, json!({ "deviceModelHash": device })).await, 404, "msisdn"),
        (end(&http, nobody).await, 404, "msisdn"),
        (http.get(&format!("/numbers/{nobody}/associations")).await, 404, "msisdn"),
        (http.get(&format!("/sims/{unknown}")).await, 404, "simId"),
        (code(&http, &unknown).await, 404, "simId"),
        (notify(&http, &unknown, "ENABLED", "2026-11-25T13:35:12Z").await, 422, "reference"),
    ];
    for (answer, status, field) in cases {
        assert_eq!((answer.status, &answer.body["field"]), (status, &json!(field)), "{answer:?}");
    }
    let esim = order(&http, &msisdn, &line, &device).await;
    assert_eq!(esim.status, 201);
    let other = replace(&http, &msisdn, json!({ "deviceModelHash": hash })).await;
    assert_eq!((other.status, &other.body["field"]), (422, &json!("deviceModelHash")), "{other:?}");
    assert_eq!(lines.gsim.calls(CallKind::OrderEsim), 1);
}

async fn a_state_that_forbids_it_gets_409(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (reserved, device) = (reserve(&http).await, device(&http).await);
    for early in
        [replace(&http, &reserved, json!({ "deviceModelHash": device })).await, end(&http, &reserved).await]
    {
        assert_eq!((problem(&early), early.retry_after), ((409, "not-on-line"), None), "{early:?}");
    }
    let sim = esim(&http).await;
    let in_use = sim["msisdn"].as_str().expect("a number");
    let elsewhere = order(&http, in_use, &line(), &device).await;
    assert_eq!(problem(&elsewhere), (409, "number-state"), "{elsewhere:?}");
    let released = http.delete(&format!("/reservations/{in_use}")).await;
    assert_eq!(problem(&released), (409, "number-state"), "{released:?}");

    lines.gsim.behave(Behaviour { latency: Duration::from_millis(800), ..Behaviour::default() });
    let line = line();
    let first = order(&http, &reserved, &line, &device);
    let others = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let card = activate(&http, &reserved, &line, 1).await;
        let released = http.delete(&format!("/reservations/{reserved}")).await;
        [card, released, end(&http, &reserved).await]
    };
    let (first, others) = tokio::join!(first, others);
    assert_eq!(first.status, 201, "{first:?}");
    for other in &others[..2] {
        assert_eq!(
            (problem(other), other.retry_after.is_some()),
            ((409, "order-in-flight"), true),
            "{other:?}"
        );
    }
    assert_eq!(others[2].status, 409, "{:?}", others[2]);
}

async fn bad_input_names_its_field_and_the_place(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, device, line) = (reserve(&http).await, device(&http).await, line());
    let card = OrderBook::card(1).to_string();
    let post = |path: &str, body: Value| http.request(Method::POST, path).json(&body);
    let put = |body: Value| http.request(Method::PUT, &format!("/numbers/{msisdn}/sim")).json(&body);
    let get = |path: &str| http.request(Method::GET, path);
    let by_key = |key: &str| post("/esims", json!({})).header("idempotency-key", key);
    let one_of = "exactly one of";
    for (request, fields, part) in [
        (post("/esims", json!({})), &["msisdn", "lineId", "deviceModelHash"][..], "a value"),
        (
            post("/esims", json!({ "msisdn": "1", "lineId": "x", "deviceModelHash": "y" })),
            &["msisdn", "lineId", "deviceModelHash"],
            "a ",
        ),
        (
            post(
                "/esims",
                json!({ "msisdn": msisdn, "lineId": line, "deviceModelHash": device, "iccid": card }),
            ),
            &["iccid"],
            "no field",
        ),
        (
            post(
                "/sim-cards",
                json!({ "msisdn": msisdn, "lineId": line, "iccid": "8955100x", "deliveryAddressHash": ADDRESS }),
            ),
            &["iccid"],
            "wrong at character 8",
        ),
        (
            post(
                "/sim-cards",
                json!({ "msisdn": msisdn, "lineId": line, "iccid": "89551", "deliveryAddressHash": "z" }),
            ),
            &["iccid", "deliveryAddressHash"],
            "this value has 5",
        ),
        (put(json!({})), &["deviceModelHash", "iccid"], one_of),
        (put(json!({ "deviceModelHash": device, "iccid": card })), &["deviceModelHash", "iccid"], one_of),
        (put(json!({ "deliveryAddressHash": ADDRESS })), &["deviceModelHash", "iccid"], one_of),
        (put(json!({ "iccid": card })), &["deliveryAddressHash"], "a value"),
        (put(json!({ "iccid": "1" })), &["iccid", "deliveryAddressHash"], "wrong at character 1"),
        (get("/sims"), &["iccid", "imsi", "eid", "msisdn", "lineId"], one_of),
        (get("/sims?iccid=8955&imsi=724060000000001"), &["iccid"], "this value has 4"),
        (get("/sims?msisdn=11999950001&msisdn=11999950002"), &["msisdn"], "one value, not several"),
        (get("/sims?imsi=72406000000000x"), &["imsi"], "wrong at character 15"),
        (get("/sims?name=x"), &["iccid", "imsi", "eid", "msisdn", "lineId", "name"], one_of),
        (get("/sims/x"), &["simId"], "a UUID"),
        (get("/sims/x/activation"), &["simId"], "a UUID"),
        (get(&format!("/numbers/{msisdn}/associations?at=yesterday")), &["at"], "a time with its offset"),
        (get(&format!("/numbers/{msisdn}/associations?when=x")), &["when"], "no field"),
        (http.request(Method::DELETE, "/numbers/1/line"), &["msisdn"], "a mobile number"),
        (
            post(
                "/gsim/notifications",
                json!({ "reference": "x", "profileState": "LOST", "at": "x", "reason": 7 }),
            ),
            &["reference", "profileState", "at", "reason"],
            "",
        ),
        (by_key("a b"), &["Idempotency-Key"], ""),
    ] {
        let answer = http.send(request).await;
        let errors = answer.body["errors"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
        let mut named: Vec<_> = errors.iter().map(|error| error["field"].as_str().expect("a name")).collect();
        let mut expected = fields.to_vec();
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!((answer.status, &named), (400, &expected), "{answer:?}");
        assert!(answer.body["detail"].as_str().is_some_and(|text| text.contains(part)), "{part}: {answer:?}");
    }
    assert_eq!(lines.gsim.calls(CallKind::OrderEsim) + lines.gsim.calls(CallKind::ActivateCard), 0);
    assert_eq!(database.count("select count(*) from sim_order").await, 0);
}

async fn late_and_repeated_reports_are_kept_and_change_nothing(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let sim = id(&esim(&http).await);
    for (state, at, now) in [
        ("ENABLED", "2026-11-25T13:40:00Z", "ENABLED"),
        ("ENABLED", "2026-11-25T13:40:00Z", "ENABLED"),
        ("DOWNLOADED", "2026-11-25T13:35:00Z", "ENABLED"),
        ("ERROR", "2026-11-25T13:50:00Z", "ENABLED"),
        ("DISABLED", "2026-11-25T14:00:00-03:00", "DISABLED"),
    ] {
        assert_eq!(notify(&http, &sim, state, at).await.status, 204, "{state}");
        assert_eq!(http.get(&format!("/sims/{sim}")).await.body["profileState"], now, "{state}");
    }
    let long = json!({
        "reference": sim, "profileState": "DELETED", "at": "2026-11-25T18:00:00Z", "reason": format!("a\u{0}{}", "x".repeat(999)),
        "addedLater": true,
    });
    assert_eq!(http.post("/gsim/notifications", long).await.status, 204);
    let shown = http.get(&format!("/sims/{sim}")).await;
    let reports: Vec<(&str, bool)> = shown.body["profileReports"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|report| (report["state"].as_str().expect("a state"), report["applied"] == true))
        .collect();
    let expected =
        [("DELETED", true), ("DISABLED", true), ("ERROR", false), ("DOWNLOADED", false), ("ENABLED", true)];
    assert_eq!(reports, expected);
    assert_eq!(shown.body["profileReports"][0]["reason"], format!("a?{}", "x".repeat(126)));
    assert_eq!(shown.body["profileReports"][1]["at"], "2026-11-25T17:00:00Z");
}

async fn an_activation_code_has_limits(database: Database) {
    let lines = Lines::on(&database, &[("OSS_ACTIVATION_READS", "2")]).await;
    let http = lines.server.http();
    let sim = id(&esim(&http).await);
    assert_eq!([code(&http, &sim).await.status, code(&http, &sim).await.status], [200, 200]);
    let refused = code(&http, &sim).await;
    assert_eq!(
        (problem(&refused), refused.retry_after),
        ((409, "activation-code-limit"), None),
        "{refused:?}"
    );
    let shown = http.get(&format!("/sims/{sim}")).await;
    assert_eq!(shown.body["codeReads"].as_array().map(Vec::len), Some(2), "{shown:?}");
}

async fn another_brand_sees_nothing(database: Database) {
    let mut clients = ClientsFile::new();
    let [ours, theirs] =
        ["ours", "theirs"].map(|name| clients.admit(name, &format!("brand-of-{name}"), &Scope::ALL));
    let gsim = GsimMock::new(OrderBook::new()).start().await;
    let url = gsim.url();
    let (server, _sigan) = Server::for_clients(&database, &clients, &[("OSS_GSIM_URL", url.as_str())]).await;
    let (ours, theirs) = (server.http().with_key(&ours), server.http().with_key(&theirs));
    let (sim, reserved, device) = (esim(&ours).await, reserve(&ours).await, device(&theirs).await);
    let (id, msisdn, iccid) = (id(&sim), sim["msisdn"].as_str().unwrap(), sim["iccid"].as_str().unwrap());
    for (answer, status) in [
        (theirs.get(&format!("/sims/{id}")).await, 404),
        (code(&theirs, &id).await, 404),
        (theirs.get(&format!("/numbers/{msisdn}/associations")).await, 404),
        (replace(&theirs, msisdn, json!({ "deviceModelHash": device })).await, 404),
        (end(&theirs, msisdn).await, 404),
        (order(&theirs, &reserved, &line(), &device).await, 422),
        (activate(&theirs, &reserved, &line(), 1).await, 422),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
    }
    for query in [
        format!("iccid={iccid}"),
        format!("msisdn={msisdn}"),
        format!("lineId={}", sim["lineId"].as_str().unwrap()),
    ] {
        let path = format!("/sims?{query}");
        assert_eq!(theirs.get(&path).await.body, json!({ "sims": [] }), "{query}");
        assert_eq!(ours.get(&path).await.body["sims"][0]["id"], id, "{query}");
    }
    let read = code(&ours, &id).await;
    assert_eq!(read.status, 200);
    assert_eq!(ours.get(&format!("/sims/{id}")).await.body["codeReads"][0]["client"], "ours");
    let of_brand: Vec<String> = gsim.book().sims().iter().map(|sim| sim.msisdn.to_string()).collect();
    assert_eq!(of_brand, [msisdn]);
}
