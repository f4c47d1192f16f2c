//! SIMs and lines over HTTP, on both databases: from the order of an eSIM to the end of its line.

use std::time::Duration;

use futures::future::join_all;
use oss_core::access::Scope;
use oss_core::gsim::mock::{Behaviour, CallKind, Fault, GsimMock, OrderBook, Pace};
use oss_core::gsim::wire::OrderRefusalCode;
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::http::{Answer, Http};
use oss_tests::server::Server;
use oss_tests::settle::settle;
use oss_tests::sims::{ADDRESS, Lines, activate, device, esim, keyed, line, notify, order, reserve};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

oss_tests::on_both!(
    a_line_lives_its_life,
    a_card_is_activated_and_replaced_by_an_esim,
    a_repeat_gives_the_same_sim_and_a_key_another_one,
    thirty_orders_at_once_make_one_sim,
    a_lost_answer_costs_one_repeat,
    an_order_that_gsim_only_accepts_is_issued_later,
    a_refused_order_leaves_the_number_reserved,
    a_gsim_that_is_down_leaves_the_number_reserved,
    an_unknown_name_gets_404_or_422,
    a_state_that_forbids_it_gets_409,
    bad_input_names_its_field_and_the_place,
    late_and_repeated_reports_are_kept_and_change_nothing,
    an_activation_code_has_limits,
    another_brand_sees_nothing,
);

fn problem(answer: &Answer) -> (u16, &str) {
    let kind = answer.body["type"].as_str().unwrap_or_default();
    (answer.status, kind.strip_prefix("urn:oss:problem:").unwrap_or(kind))
}

async fn number(http: &Http, msisdn: &str) -> (Value, Value) {
    let number = http.get(&format!("/numbers/{msisdn}")).await;
    (number.body["status"].clone(), number.body["assignedSimId"].clone())
}

async fn replace(http: &Http, msisdn: &str, body: Value) -> Answer {
    http.put_json(&format!("/numbers/{msisdn}/sim"), body).await
}

async fn end(http: &Http, msisdn: &str) -> Answer {
    http.delete(&format!("/numbers/{msisdn}/line")).await
}

async fn code(http: &Http, sim: &str) -> Answer {
    http.get(&format!("/sims/{sim}/activation")).await
}

fn id(sim: &Value) -> String {
    sim["id"].as_str().unwrap_or_else(|| panic!("{sim}")).to_owned()
}

async fn a_line_lives_its_life(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, device, line) = (reserve(&http).await, device(&http).await, line());

    let ordered = order(&http, &msisdn, &line, &device).await;
    assert_eq!(ordered.status, 201, "{ordered:?}");
    let (sim, sims) = (ordered.body, lines.gsim.book().sims());
    let [in_gsim] = &sims[..] else { panic!("{sims:?}") };
    let first = id(&sim);
    for (field, expected) in [
        ("id", in_gsim.reference.to_string()),
        ("msisdn", msisdn.clone()),
        ("lineId", line.clone()),
        ("iccid", in_gsim.iccid.to_string()),
        ("imsi", in_gsim.imsi.to_string()),
        ("simType", "ESIM".to_owned()),
        ("technology", "4G".to_owned()),
        ("status", "ACTIVE".to_owned()),
        ("profileState", "RELEASED".to_owned()),
    ] {
        assert_eq!(sim[field], expected, "{field}");
    }
    assert_eq!(number(&http, &msisdn).await, (json!("IN_USE"), json!(first)));

    let activation = code(&http, &first).await;
    assert_eq!(activation.status, 200, "{activation:?}");
    let text = activation.body["code"].as_str().expect("a code");
    assert!(text.starts_with("LPA:1$smdp.gsim.example$"), "{text}");
    assert_eq!(activation.body["confirmationCodeRequired"], false);
    for (phone, host) in
        [("ios", "https://esimsetup.apple.com/"), ("android", "https://esimsetup.android.com/")]
    {
        let url = activation.body["installUrls"][phone].as_str().expect("a link");
        assert!(
            url.starts_with(host) && url.ends_with(&text.replace(':', "%3A").replace('$', "%24")),
            "{url}"
        );
    }
    image_is_sent_on_demand(&http, &first, text).await;

    let at = "2026-11-25T13:35:12Z";
    assert_eq!(notify(&http, &first, "INSTALLED", at).await.status, 204);
    let used = code(&http, &first).await;
    assert_eq!(problem(&used), (409, "activation-code-used"), "{used:?}");
    let shown = http.get(&format!("/sims/{first}")).await;
    assert_eq!((&shown.body["profileState"], &shown.body["iccid"]), (&json!("INSTALLED"), &sim["iccid"]));
    let readers: Vec<&Value> =
        shown.body["codeReads"].as_array().expect("a list").iter().map(|read| &read["client"]).collect();
    assert_eq!(readers.len(), 2, "the text and the image: {shown:?}");
    assert_eq!(
        shown.body["profileReports"],
        json!([{ "state": "INSTALLED", "at": at, "reason": null, "applied": true }])
    );
    assert!(!shown.body.to_string().contains("LPA:"), "only one route gives the code");

    let replaced = keyed(
        &http,
        Method::PUT,
        &format!("/numbers/{msisdn}/sim"),
        "new-phone",
        json!({ "deviceModelHash": device }),
    )
    .await;
    assert_eq!((replaced.status, &replaced.body["lineId"]), (200, &json!(line)), "{replaced:?}");
    let second = id(&replaced.body);
    assert_ne!(second, first);
    assert_eq!(number(&http, &msisdn).await, (json!("IN_USE"), json!(second)));
    lines.wait_until_held(1, 1).await;
    assert_eq!(http.get(&format!("/sims/{first}")).await.body["status"], "DEPROGRAMMED");
    assert_eq!(problem(&code(&http, &first).await), (409, "sim-deprogrammed"));

    sims_are_found(&http, &sim, &replaced.body).await;
    history_names_both(&http, &msisdn, [&first, &second]).await;

    assert_eq!(end(&http, &msisdn).await.status, 204);
    assert_eq!(end(&http, &msisdn).await.status, 204, "again");
    assert_eq!(number(&http, &msisdn).await, (json!("RETURNED"), Value::Null));
    lines.wait_until_held(0, 0).await;
    let ended = http.get(&format!("/sims/{second}")).await;
    assert_eq!((&ended.body["status"], &ended.body["msisdn"]), (&json!("DEPROGRAMMED"), &Value::Null));
    history_names_both(&http, &msisdn, [&first, &second]).await;
}

async fn image_is_sent_on_demand(http: &Http, sim: &str, code: &str) {
    let request = http.request(Method::GET, &format!("/sims/{sim}/activation"));
    let response = request.header("accept", "image/svg+xml").send().await.expect("it answers");
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"image/svg+xml".parse().unwrap())
    );
    assert_eq!(response.headers()["cache-control"], "no-store");
    let image = response.text().await.expect("a text");
    let expected = oss_core::sims::qr_svg(&code.parse().expect("a code")).expect("it fits");
    assert!(image == expected && image.contains("<svg"), "{image}");
}

async fn sims_are_found(http: &Http, first: &Value, second: &Value) {
    let by = |name: &str, of: &Value| format!("/sims?{name}={}", of[name].as_str().expect("a text"));
    for (path, expected) in [
        (by("iccid", first), vec![id(first)]),
        (by("imsi", first), vec![id(first)]),
        (by("iccid", second), vec![id(second)]),
        (by("msisdn", second), vec![id(second)]),
        (by("lineId", second), vec![id(second), id(first)]),
        ("/sims?msisdn=11900000000".to_owned(), vec![]),
        ("/sims?iccid=8955000000000000000".to_owned(), vec![]),
    ] {
        let found = http.get(&path).await;
        let sims = found.body["sims"].as_array().unwrap_or_else(|| panic!("{path}: {found:?}"));
        assert_eq!(sims.iter().map(id).collect::<Vec<_>>(), expected, "{path}");
    }
}

async fn history_names_both(http: &Http, msisdn: &str, [first, second]: [&str; 2]) {
    let path = format!("/numbers/{msisdn}/associations");
    let all = http.get(&path).await.body["associations"].take();
    let of = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list");
        list.iter().map(|association| association["simId"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(of(&all), [second, first], "the latest first");
    for (association, expected) in [(&all[0], vec![second]), (&all[1], vec![first])] {
        let at = association["since"].as_str().expect("a time");
        assert_eq!(of(&http.get(&format!("{path}?at={at}")).await.body["associations"]), expected);
    }
    assert_eq!(of(&http.get(&format!("{path}?at=2020-01-01T00:00:00Z")).await.body["associations"]), [""; 0]);
}

async fn a_card_is_activated_and_replaced_by_an_esim(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, line) = (reserve(&http).await, line());
    let activated = activate(&http, &msisdn, &line, 7).await;
    assert_eq!(activated.status, 201, "{activated:?}");
    let card = OrderBook::card(7).to_string();
    let shown = ["iccid", "simType", "profileState", "lineId"].map(|field| activated.body[field].clone());
    assert_eq!(shown, [json!(card), json!("SIM_CARD"), Value::Null, json!(line)]);
    assert_eq!(activate(&http, &msisdn, &line, 7).await, activated, "again");
    let no_code = code(&http, &id(&activated.body)).await;
    assert_eq!(problem(&no_code), (409, "no-activation-code"), "{no_code:?}");

    let esim = replace(&http, &msisdn, json!({ "deviceModelHash": device(&http).await })).await;
    assert_eq!((esim.status, &esim.body["simType"]), (200, &json!("ESIM")), "{esim:?}");
    let card = OrderBook::card(8).to_string();
    let card = replace(&http, &msisdn, json!({ "iccid": card, "deliveryAddressHash": ADDRESS })).await;
    assert_eq!((card.status, &card.body["simType"]), (200, &json!("SIM_CARD")), "{card:?}");
    lines.wait_until_held(1, 1).await;
    let other = reserve(&http).await;
    let in_use = activate(&http, &other, &self::line(), 8).await;
    assert_eq!((problem(&in_use), &in_use.body["field"]), ((409, "card-in-use"), &json!("iccid")));
}

async fn a_repeat_gives_the_same_sim_and_a_key_another_one(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, device, line) = (reserve(&http).await, device(&http).await, line());
    let body = || json!({ "msisdn": msisdn, "lineId": line, "deviceModelHash": device });
    let first = keyed(&http, Method::POST, "/esims", "a", body()).await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(keyed(&http, Method::POST, "/esims", "a", body()).await, first);
    assert_eq!(order(&http, &msisdn, &line, &device).await, first, "also without the key");
    let other = json!({ "msisdn": msisdn, "lineId": self::line(), "deviceModelHash": device });
    let reused = keyed(&http, Method::POST, "/esims", "a", other).await;
    assert_eq!(problem(&reused), (422, "idempotency-key-reused"), "{reused:?}");

    let path = format!("/numbers/{msisdn}/sim");
    let wanted = || json!({ "deviceModelHash": device });
    let second = keyed(&http, Method::PUT, &path, "b", wanted()).await;
    assert_ne!(second.body["id"], first.body["id"]);
    assert_eq!(keyed(&http, Method::PUT, &path, "b", wanted()).await, second);
    assert_eq!(replace(&http, &msisdn, wanted()).await, second, "the same device");
    let third = keyed(&http, Method::PUT, &path, "c", wanted()).await;
    assert!(third.status == 200 && third.body["id"] != second.body["id"], "{third:?}");
    lines.wait_until_held(1, 1).await;
    let spent = keyed(&http, Method::PUT, &path, "b", wanted()).await;
    assert_eq!(problem(&spent), (409, "idempotency-key-spent"), "{spent:?}");
    assert_eq!(lines.gsim.calls(CallKind::OrderEsim), 3);
}

async fn thirty_orders_at_once_make_one_sim(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let (msisdn, device, line) = (reserve(&http).await, device(&http).await, line());
    lines.gsim.behave(Behaviour { latency: Duration::from_millis(300), ..Behaviour::default() });
    let mut answers = join_all((0..30).map(|_| order(&http, &msisdn, &line, &device))).await;
    // Twenty calls may wait for the first one. The others repeat theirs.
    for crowded in answers.iter_mut().filter(|answer| answer.status != 201) {
        assert_eq!(
            (problem(crowded), crowded.retry_after),
            ((409, "order-in-flight"), Some(2)),
            "{crowded:?}"
        );
        *crowded = order(&http, &msisdn, &line, &device).await;
    }
    for answer in &answers {
        assert_eq!((answer.status, &answer.body["id"]), (201, &answers[0].body["id"]), "{answer:?}");
    }
    assert_eq!(lines.gsim.calls(CallKind::OrderEsim), 1, "GSIM is asked once");
    assert_eq!(lines.gsim.book().sims().len(), 1);
    assert_eq!(database.count("select count(*) from sim").await, 1);
}

async fn a_lost_answer_costs_one_repeat(database: Database) {
    let lines = Lines::on(&database, &[("OSS_GSIM_ORDER_TIMEOUT", "1500ms")]).await;
    let http = lines.server.http();
    let device = device(&http).await;
    let faults = [Fault::LoseAnswer, Fault::FailBefore, Fault::Forbid, Fault::Slow(Duration::from_mins(1))];
    for (sims, fault) in (1..).zip(faults) {
        let (msisdn, line) = (reserve(&http).await, line());
        lines.gsim.next(CallKind::OrderEsim, fault);
        let lost = order(&http, &msisdn, &line, &device).await;
        assert_eq!(problem(&lost), (504, "sim-outcome-unknown"), "{fault:?}: {lost:?}");
        assert!(lost.retry_after.is_some());
        let held = http.delete(&format!("/reservations/{msisdn}")).await;
        assert_eq!(problem(&held), (409, "order-in-flight"), "{fault:?}: {held:?}");
        let again = order(&http, &msisdn, &line, &device).await;
        assert_eq!((again.status, &again.body["msisdn"]), (201, &json!(msisdn)), "{fault:?}: {again:?}");
        let held: Vec<String> =
            lines.gsim.book().sims().iter().map(|sim| sim.reference.to_string()).collect();
        assert!(held.len() == sims && held.contains(&id(&again.body)), "{fault:?}: {held:?}");
    }

    // The sweep asks too, if nobody repeats the call.
    let (msisdn, line) = (reserve(&http).await, line());
    lines.gsim.next(CallKind::OrderEsim, Fault::LoseAnswer);
    assert_eq!(order(&http, &msisdn, &line, &device).await.status, 504);
    database.wait_for_count("select count(*) from sim_order where state = 'IN_DOUBT'", 1).await;
    settle_orders(&http, &database).await;
    assert_eq!(number(&http, &msisdn).await.0, "IN_USE");
    assert_eq!(lines.gsim.book().sims().len(), 5);
}

/// Sweeps until no order is open.
async fn settle_orders(http: &Http, database: &Database) {
    oss_tests::eventually::eventually(async || {
        settle(http, database).await;
        let open = "select count(*) from sim_order where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING')";
        let left = database.count(open).await;
        if left == 0 { Ok(()) } else { Err(format!("{left} orders do not settle")) }
    })
    .await;
}

async fn an_order_that_gsim_only_accepts_is_issued_later(database: Database) {
    let lines = Lines::on(&database, &[("OSS_GSIM_ORDER_TIMEOUT", "1500ms")]).await;
    let http = lines.server.http();
    let (msisdn, device, line) = (reserve(&http).await, device(&http).await, line());
    lines.gsim.set_pace(Pace::After(1));
    assert_eq!(order(&http, &msisdn, &line, &device).await.status, 201, "it is asked for until it is there");
    lines.gsim.set_pace(Pace::WhenTold);
    let msisdn = reserve(&http).await;
    let pending = order(&http, &msisdn, &line, &device).await;
    assert_eq!(problem(&pending), (504, "sim-outcome-unknown"), "{pending:?}");
    assert!(pending.body["detail"].as_str().is_some_and(|text| text.contains("still making")), "{pending:?}");
    let made =
        database.texts("select cast(msisdn as varchar(11)) from sim_order where state = 'IN_DOUBT'").await;
    assert_eq!(made, [msisdn.as_str()]);
    for order in lines.gsim.book().being_made() {
        assert!(lines.gsim.finish(order));
    }
    assert_eq!(order(&http, &msisdn, &line, &device).await.status, 201);
    assert_eq!(lines.gsim.book().sims().len(), 2);
}

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
    drop(lines.gsim);
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
        (get("/sims"), &["iccid", "imsi", "msisdn", "lineId"], one_of),
        (get("/sims?iccid=8955&imsi=724060000000001"), &["iccid"], "this value has 4"),
        (get("/sims?msisdn=11999950001&msisdn=11999950002"), &["msisdn"], "one value, not several"),
        (get("/sims?imsi=72406000000000x"), &["imsi"], "wrong at character 15"),
        (get("/sims?name=x"), &["iccid", "imsi", "msisdn", "lineId", "name"], one_of),
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
        (named.sort_unstable(), expected.sort_unstable());
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
