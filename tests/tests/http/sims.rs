//! SIMs and lines over HTTP, on both databases: from the order of an eSIM to the end of its line.

use std::time::Duration;

use futures::future::join_all;
use oss_core::gsim::mock::{Behaviour, CallKind, Fault, OrderBook, Pace};
use oss_tests::backend::Database;
use oss_tests::http::Http;
use oss_tests::settle::settle;
use oss_tests::sims::{
    ADDRESS, Lines, activate, code, device, end, id, keyed, line, notify, number, order, problem, replace,
    reserve, settle_orders,
};
use reqwest::Method;
use serde_json::{Value, json};

oss_tests::on_both!(
    a_line_lives_its_life,
    a_card_is_activated_and_replaced_by_an_esim,
    a_repeat_gives_the_same_sim_and_a_key_another_one,
    thirty_orders_at_once_make_one_sim,
    a_lost_answer_costs_one_repeat,
    an_order_that_gsim_only_accepts_is_issued_later,
);

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
    lines.wait_until_held(0, 1).await;
    settle_orders(&http, &database).await;
    settle(&http, &database).await;
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
