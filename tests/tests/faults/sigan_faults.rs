//! Sigan is slow, refuses, loses answers or is down: the answers that callers get, and the records that stay.

use std::time::Duration;

use oss_core::sigan::mock::{Behaviour, CallKind, Fault, Inventory, RunningSigan, SiganMock};
use oss_core::sigan::wire::RefusalCode;
use oss_tests::backend::Database;
use oss_tests::eventually::eventually;
use oss_tests::http::Http;
use oss_tests::process::free_port;
use oss_tests::server::Server;
use oss_tests::sigan::wait_until_called;
use reqwest::Method;
use serde_json::{Value, json};

oss_tests::on_both!(
    a_lost_answer_is_settled_by_a_repeat,
    a_refusal_leaves_nothing,
    refused_credentials_are_no_certain_answer,
    a_hold_whose_row_was_lost_is_released,
    an_attempt_that_is_not_settled_is_no_disagreement,
    a_refusal_after_a_doubt_cancels_first,
    a_doubt_bars_the_rest_of_the_preview,
    a_doubt_can_be_released,
    an_unreachable_sigan_and_a_silent_one_have_different_errors,
    a_release_is_durable_before_sigan_knows,
    an_area_code_may_run_out,
    a_number_offered_twice_is_given_once,
    a_lost_random_number_is_recorded,
    what_to_do_after_a_504_depends_on_the_operation,
);

async fn state_of(http: &Http, msisdn: &str) -> (Value, Value) {
    let number = http.get(&format!("/numbers/{msisdn}")).await;
    (number.body["status"].clone(), number.body["history"][0]["state"].clone())
}

async fn a_lost_answer_is_settled_by_a_repeat(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[("OSS_SIGAN_TIMEOUT", "1500ms")]).await;
    let http = server.http();
    for fault in [Fault::LoseAnswer, Fault::Garble, Fault::Slow(Duration::from_mins(1)), Fault::FailBefore] {
        let preview = http.preview().await;
        sigan.next(CallKind::Reserve, fault);
        let lost = http.reserve(&preview, 2).await;
        assert_eq!(
            (lost.status, &lost.body["type"]),
            (504, &json!("urn:oss:problem:outcome-unknown")),
            "{fault:?}"
        );
        assert!(lost.retry_after.is_some());

        let chosen = database.count("select count(*) from preview where reserved_msisdn is not null").await;
        let reserved = http.reserve(&preview, 2).await;
        assert_eq!(reserved.status, 200, "{fault:?}: {reserved:?}");
        assert_eq!(
            database.count("select count(*) from preview where reserved_msisdn is not null").await,
            chosen
        );
        let msisdn = reserved.body["msisdn"].as_str().unwrap();
        assert_eq!(state_of(&http, msisdn).await, (json!("RESERVED"), json!("HELD")));
        assert!(sigan.inventory().holder_of(msisdn.parse().unwrap()).is_some());
    }
    let holds = database.count("select count(*) from reservation where state = 'HELD'").await;
    assert_eq!(holds, 4, "one hold for each preview");
    assert_eq!(sigan.inventory().reserved().len(), 4);
}

async fn a_refusal_leaves_nothing(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    for (code, reason) in [
        (RefusalCode::Taken, "taken"),
        (RefusalCode::HoldOver, "hold-over"),
        (RefusalCode::NotHeld, "not-held"),
    ] {
        sigan.next(CallKind::Reserve, Fault::Refuse(code));
        let refused = http.reserve(&preview, 1).await;
        assert_eq!((refused.status, &refused.body["reason"]), (502, &json!(reason)));
    }
    assert_eq!(database.count("select count(*) from phone_number").await, 0);
    assert_eq!(database.count("select count(*) from reservation where state <> 'REJECTED'").await, 0);
    assert_eq!(sigan.inventory().reserved(), []);
    assert_eq!(http.reserve(&preview, 2).await.status, 200, "the preview may give another number");
}

/// A bare 401 or 403 is not typed: a system between Sigan and us may have sent it after Sigan did its work.
async fn refused_credentials_are_no_certain_answer(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    for (fault, took_effect) in [(Fault::Unauthorized, false), (Fault::Forbid, true)] {
        let preview = http.preview().await;
        let before = sigan.inventory().reserved().len();
        sigan.next(CallKind::Reserve, fault);
        let refused = http.reserve(&preview, 1).await;
        assert_eq!((refused.status, &refused.body["type"]), (504, &json!("urn:oss:problem:outcome-unknown")));
        assert!(refused.body["detail"].as_str().unwrap().contains("credentials"), "{refused:?}");
        assert_eq!(sigan.inventory().reserved().len() - before, usize::from(took_effect));
        // The token was expired for a moment. A repeated attempt is not given up because of that.
        sigan.next(CallKind::Reserve, fault);
        assert_eq!(http.reserve(&preview, 1).await.status, 504);
        let reserved = http.reserve(&preview, 1).await;
        assert_eq!(reserved.status, 200, "{fault:?}: {reserved:?}");
        assert_eq!(sigan.calls(CallKind::Release), 0, "nothing was cancelled");
    }
    sigan.next(CallKind::PreReserve, Fault::Unauthorized);
    let refused = http.post("/previews", json!({ "areaCode": "11" })).await;
    assert_eq!((refused.status, &refused.body["reason"]), (502, &json!("credentials")));
}

/// A failover may lose the row of an attempt while Sigan is asked.
async fn a_hold_whose_row_was_lost_is_released(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    sigan.behave(Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() });
    let reserve = tokio::spawn({
        let (http, preview) = (http.clone(), preview.clone());
        async move { http.reserve(&preview, 1).await }
    });
    wait_until_called(&sigan, CallKind::Reserve, 1).await;
    database.execute("delete from reservation").await;
    let lost = reserve.await.unwrap();
    assert_eq!((lost.status, &lost.body["type"]), (409, &json!("urn:oss:problem:reservation-given-up")));
    database.wait_for_count("select count(*) from reservation where state = 'RELEASED'", 1).await;
    assert_eq!(sigan.inventory().reserved(), [], "nobody else would ever have known of it");
}

/// Another caller's attempt at the number has no certain outcome yet, and Sigan offers the number again.
async fn an_attempt_that_is_not_settled_is_no_disagreement(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    sigan.next(CallKind::Reserve, Fault::FailBefore);
    assert_eq!(http.reserve(&preview, 1).await.status, 504);
    // No sweep settles the attempt while the other servers are called.
    database.execute("update reservation set due_at = (select expires_at from preview)").await;

    // A second inventory does not know the first, so it offers the same numbers.
    let other = SiganMock::new(Inventory::new("OTHER")).start().await;
    let later = Server::start(&database, other.url().as_str(), &[]);
    let random = later.http().post("/reservations", json!({ "areaCode": "11" })).await;
    assert_eq!(
        (random.status, &random.body["msisdn"]),
        (201, &json!("11999950002")),
        "another number is asked for"
    );
    let another = SiganMock::new(Inventory::new("ANOTHER")).start().await;
    let third = Server::start(&database, another.url().as_str(), &[]);
    let preview = third.http().preview().await;
    let unsettled = third.http().reserve(&preview, 1).await;
    assert_eq!(
        (unsettled.status, &unsettled.body["type"]),
        (500, &json!("urn:oss:problem:number-unsettled"))
    );
    assert!(unsettled.retry_after.is_some());
    for log in [later.log(), third.log()].map(|lines| lines.join("\n")) {
        assert!(!log.contains("held or in use here") && !log.contains("reason that is ours"), "{log}");
    }
}

async fn a_refusal_after_a_doubt_cancels_first(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(http.reserve(&preview, 1).await.status, 504);
    assert_eq!(sigan.inventory().reserved().len(), 1, "it had its effect");
    // Sigan refuses although it holds the number for us, like behind a proxy's cache or during a failover.
    sigan.next(CallKind::Reserve, Fault::Refuse(RefusalCode::Taken));
    assert_eq!(http.reserve(&preview, 1).await.status, 502);
    assert_eq!(sigan.inventory().reserved(), [], "nothing is left there");
    assert_eq!(state_of(&http, "11999950001").await, (json!("RETURNED"), json!("REJECTED")));

    // If the cancellation cannot be sent to Sigan at once, it stays due, and nobody holds the number here.
    let preview = http.preview().await;
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(http.reserve(&preview, 1).await.status, 504);
    sigan.next(CallKind::Reserve, Fault::Refuse(RefusalCode::Taken));
    sigan.next(CallKind::Release, Fault::FailBefore);
    assert_eq!(http.reserve(&preview, 1).await.status, 502);
    assert_eq!(state_of(&http, "11999950004").await, (json!("RETURNED"), json!("CANCELLING")));
    let swept = eventually(async || {
        let swept = http.send(http.request(reqwest::Method::POST, "/sweeps")).await;
        if swept.body["rejected"] == 1 { Ok(swept) } else { Err(format!("{swept:?}")) }
    });
    assert_eq!(swept.await.status, 200);
    assert_eq!(state_of(&http, "11999950004").await, (json!("RETURNED"), json!("REJECTED")));
    assert_eq!(sigan.inventory().reserved(), []);
}

async fn a_doubt_bars_the_rest_of_the_preview(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(http.reserve(&preview, 1).await.status, 504);
    assert_eq!(state_of(&http, "11999950001").await, (json!("RESERVED"), json!("IN_DOUBT")));
    let other = http.reserve(&preview, 2).await;
    assert_eq!((other.status, other.retry_after.is_some()), (409, true));
    let replaced = http.post("/previews", json!({ "areaCode": "11", "previousId": preview })).await;
    assert_eq!(replaced.status, 409);
    let sim = database.add_sim().await;
    let assigned = http.put_json("/reservations/11999950001/assignment", json!({ "simId": sim })).await;
    assert_eq!((assigned.status, &assigned.body["type"]), (409, &json!("urn:oss:problem:number-in-doubt")));
}

async fn a_doubt_can_be_released(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(http.reserve(&preview, 1).await.status, 504);
    assert_eq!(http.delete("/reservations/11999950001").await.status, 204);
    assert_eq!(http.reserve(&preview, 1).await.status, 409, "what was released does not come back");
    until(&sigan, |inventory| inventory.reserved().is_empty()).await;
}

async fn until(sigan: &RunningSigan, holds: impl Fn(&Inventory) -> bool) {
    let looks = async || holds(&sigan.inventory()).then_some(()).ok_or("Sigan does not hold what it should");
    eventually(looks).await;
}

async fn an_unreachable_sigan_and_a_silent_one_have_different_errors(database: Database) {
    let gone = format!("http://127.0.0.1:{}", free_port());
    let server = Server::start(&database, &gone, &[]);
    let http = server.http();
    let refused = http.post("/previews", json!({ "areaCode": "11" })).await;
    assert_eq!((refused.status, &refused.body["type"]), (503, &json!("urn:oss:problem:sigan-unreachable")));
    assert!(refused.retry_after.is_some());
    assert_eq!(http.get("/ddds/11").await.status, 204, "what does not need Sigan goes on");
    assert_eq!(database.count("select count(*) from reservation").await, 0);

    let (server, sigan) = Server::with_sigan(&database, &[("OSS_SIGAN_TIMEOUT", "1500ms")]).await;
    let http = server.http();
    sigan.next(CallKind::PreReserve, Fault::Slow(Duration::from_mins(1)));
    assert_eq!(http.post("/previews", json!({ "areaCode": "11" })).await.status, 504);
    for fault in [Fault::FailBefore, Fault::Garble, Fault::Unauthorized] {
        sigan.next(CallKind::PreReserve, fault);
        assert_eq!(http.post("/reservations", json!({ "areaCode": "11" })).await.status, 502, "{fault:?}");
    }
}

async fn a_release_is_durable_before_sigan_knows(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    assert_eq!(http.reserve(&preview, 1).await.status, 200);
    sigan.next(CallKind::Release, Fault::FailBefore);
    assert_eq!(http.delete("/reservations/11999950001").await.status, 204);
    server.wait_for_log("could not be told of a release").await;
    assert_eq!(state_of(&http, "11999950001").await, (json!("RETURNED"), json!("RELEASING")));
    assert_eq!(sigan.inventory().reserved().len(), 1);
    assert_eq!(
        database.count("select count(*) from reservation where due_at is not null").await,
        1,
        "it stays due"
    );
}

async fn an_area_code_may_run_out(database: Database) {
    let sigan = SiganMock::new(Inventory::new("PR").with_numbers_per_ddd(4)).start().await;
    let server = Server::start(&database, sigan.url().as_str(), &[]);
    let http = server.http();
    let first = http.preview().await;
    let none = http.post("/previews", json!({ "areaCode": "11" })).await;
    assert_eq!((none.status, &none.body["type"]), (409, &json!("urn:oss:problem:no-numbers-left")));
    let random = http.post("/reservations", json!({ "areaCode": "11" })).await;
    assert_eq!(random.body["msisdn"], "11999950004");
    assert_eq!(
        http.post("/previews", json!({ "areaCode": "21" })).await.status,
        201,
        "another area code has some"
    );
    let replaced = http.post("/previews", json!({ "areaCode": "11", "previousId": first })).await;
    assert_eq!(replaced.status, 201, "freed in the same step");
}

async fn a_number_offered_twice_is_given_once(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let preview = http.preview().await;
    assert_eq!(http.reserve(&preview, 1).await.status, 200);

    // A second inventory does not know the first, so it offers the same numbers.
    let other = SiganMock::new(Inventory::new("OTHER")).start().await;
    let confused = Server::start(&database, other.url().as_str(), &[]);
    let http = confused.http();
    let preview = http.preview().await;
    let taken = http.reserve(&preview, 1).await;
    assert_eq!((taken.status, &taken.body["type"]), (500, &json!("urn:oss:problem:number-taken")));
    confused.wait_for_log("held or in use here").await;
    let lines: Vec<_> =
        confused.log().into_iter().filter(|line| line.contains("held or in use here")).collect();
    let [line] = &lines[..] else { panic!("it is logged once: {lines:#?}") };
    let line: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&line["level"], &line["code"]), (&json!("ERROR"), &json!("number-taken")), "{line}");
    let taken = http.post("/reservations", json!({ "areaCode": "11" })).await;
    assert_eq!(taken.status, 201, "the fourth number is free");
    assert_eq!(other.calls(CallKind::Reserve), 1, "a taken number is not asked for");
    assert_eq!(sigan.inventory().reserved().len(), 1);
}

async fn a_lost_random_number_is_recorded(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    sigan.next(CallKind::Reserve, Fault::LoseAnswer);
    assert_eq!(http.post("/reservations", json!({ "areaCode": "11" })).await.status, 504);
    assert_eq!(state_of(&http, "11999950001").await, (json!("RESERVED"), json!("IN_DOUBT")));
    assert_eq!(http.delete("/reservations/11999950001").await.status, 204);
    until(&sigan, |inventory| inventory.reserved().is_empty()).await;
}

async fn what_to_do_after_a_504_depends_on_the_operation(database: Database) {
    let (server, sigan) = Server::with_sigan(&database, &[]).await;
    let (http, ddd) = (server.http(), json!({ "areaCode": "11" }));
    let preview = http.preview().await;
    let keyed = http.request(Method::POST, "/reservations").header("idempotency-key", "k").json(&ddd);
    for (call, request, advice) in [
        (
            CallKind::PreReserve,
            http.request(Method::POST, "/previews").json(&ddd),
            "this call reserved nothing, so simply try again",
        ),
        (
            CallKind::Reserve,
            http.request(Method::PUT, &format!("/previews/{preview}/reservations/1")),
            "repeat the same request to learn the outcome",
        ),
        (CallKind::Reserve, keyed, "repeat the same request to learn the outcome"),
        (
            CallKind::Reserve,
            http.request(Method::POST, "/reservations").json(&ddd),
            "given back automatically, so simply try again",
        ),
    ] {
        sigan.next(call, Fault::LoseAnswer);
        let answer = http.send(request).await;
        assert_eq!((answer.status, &answer.body["type"]), (504, &json!("urn:oss:problem:outcome-unknown")));
        let detail = answer.body["detail"].as_str().expect("a text");
        assert!(detail.contains(advice), "{detail}");
        server.wait_for_log(advice).await;
    }
}
