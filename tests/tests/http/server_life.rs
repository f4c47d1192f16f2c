//! The server starts, stops and writes its log.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use oss_core::Timestamp;
use oss_core::gsim::mock::{CallKind as GsimCall, Fault as GsimFault};
use oss_core::sigan::mock::{Behaviour, CallKind, Fault};
use oss_tests::backend::Database;
use oss_tests::eventually::eventually;
use oss_tests::http::plain_client;
use oss_tests::postgres::Postgres;
use oss_tests::process::built;
use oss_tests::secrets::assert_no_secrets;
use oss_tests::server::Server;
use oss_tests::sigan::wait_until_called;
use oss_tests::sims::{Lines, activate, device, esim, id, line, order, reserve, settle_orders};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// Runs the server, which must refuse to start.
fn refused(arguments: &[&str], settings: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(built("oss-server"));
    let ended = command.env_clear().envs(settings.iter().copied()).args(arguments).output().expect("it runs");
    (ended.status.code().unwrap_or(-1), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_to_start_with_a_wrong_configuration() {
    let (code, text) =
        refused(&["--allow-anonymous"], &[("OSS_SIGAN_TIMEOUT", "soon"), ("OSS_SIGAN_TYPO", "1")]);
    assert_eq!(code, 2);
    for part in
        ["OSS_DATABASE_URL", "OSS_SIGAN_URL", "OSS_SIGAN_BRAND_ID", "OSS_SIGAN_TIMEOUT", "OSS_SIGAN_TYPO"]
    {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    let empty = Postgres::shared().await.empty_database().await;
    let settings = [
        ("OSS_DATABASE_URL", empty.expose_secret()),
        ("OSS_SIGAN_URL", "http://127.0.0.1:9"),
        ("OSS_SIGAN_BRAND_ID", "acme"),
    ];
    let (code, text) = refused(&[], &settings);
    assert_eq!(code, 2);
    assert!(text.contains("--allow-anonymous"), "{text}");
    let (code, text) = refused(&["--allow-anonymous"], &settings);
    assert_eq!(code, 6);
    assert!(text.contains("oss migrate"), "{text}");
    let down = [("OSS_DATABASE_URL", "postgres://nobody:hunter2@127.0.0.1:9/oss"), settings[1], settings[2]];
    let (code, text) = refused(&["--allow-anonymous"], &down);
    assert_eq!(code, 6);
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_needs_nothing() {
    let mut command = Server::command();
    command.arg("--sandbox");
    let server = Server::spawn(command);
    let http = server.http();
    let preview = http.preview().await;
    assert_eq!(http.reserve(&preview, 2).await.body["msisdn"], "11999950002");
    assert_eq!(http.delete("/reservations/11999950002").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_esim_of_the_sandbox_is_installed_after_its_code_was_read() {
    let mut command = Server::command();
    command.arg("--sandbox");
    let server = Server::spawn(command);
    let http = server.http();
    let path = format!("/sims/{}", id(&esim(&http).await));
    assert_eq!(http.get(&format!("{path}/activation")).await.status, 200);
    let sim = eventually(async || {
        let sim = http.get(&path).await.body;
        if sim["profileState"] == "ENABLED" { Ok(sim) } else { Err(sim) }
    })
    .await;
    let reports = sim["profileReports"].as_array().expect("a list");
    let states: Vec<_> = reports.iter().map(|report| report["state"].as_str().expect("a state")).collect();
    assert_eq!(states, ["ENABLED", "INSTALLED", "DOWNLOADED", "RELEASED"]);
    let time = |text: &Value| text.as_str().and_then(|text| text.parse::<Timestamp>().ok()).expect("a time");
    assert!(time(&reports[2]["at"]) > time(&sim["codeReads"][0]["readAt"]), "{sim}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_first_line_names_the_documentation() {
    let mut command = Server::command();
    command.arg("--sandbox");
    let server = Server::spawn(command);
    let url = format!("http://{}/docs", server.address());
    server.wait_for_log(&format!("\"docs\":\"{url}\"")).await;
    let client = plain_client().build().expect("a client");
    let answer = client.get(&url).send().await.expect("the server answers");
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.expect("a page").contains("<title>vivo-mvne-oss</title>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_finishes_requests_in_flight_before_it_ends() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let (mut server, sigan) = Server::with_sigan(&database, &[]).await;
        let http = server.http();
        let preview = http.preview().await;
        sigan.behave(Behaviour { latency: Duration::from_secs(2), ..Behaviour::default() });
        let reserve = tokio::spawn({
            let (http, preview) = (http.clone(), preview.clone());
            async move { http.reserve(&preview, 1).await }
        });
        wait_until_called(&sigan, CallKind::Reserve, 1).await;
        server.terminate();
        server.wait_for_log("Stopping").await;
        assert_eq!(reserve.await.unwrap().status, 200);
        assert!(server.wait_until_ended().await.success());
        assert_eq!(database.count("select count(*) from reservation where state = 'HELD'").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_serving_until_load_balancers_have_noticed() {
    let database = Database::sqlite().await;
    let (mut server, _sigan) = Server::with_sigan(&database, &[("OSS_DRAIN", "5m")]).await;
    let http = server.http();
    server.terminate();
    server.wait_for_log("Not ready any more").await;
    assert_eq!(http.get("/health/ready").await.status, 503);
    let answer = http.request(Method::GET, "/ddds/11").send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["connection"], "close");
    // A second signal ends it at once.
    server.terminate();
    assert!(!server.wait_until_ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_stops_it_does_not_wait() {
    let database = Database::sqlite().await;
    let (mut server, _sigan) = Server::with_sigan(&database, &[("OSS_DRAIN", "5m")]).await;
    server.interrupt();
    assert!(server.wait_until_ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_does_not_keep_it_from_ending() {
    let database = Database::sqlite().await;
    let (mut server, _sigan) = Server::with_sigan(&database, &[("OSS_SIGAN_TIMEOUT", "1100ms")]).await;
    let mut silent = std::net::TcpStream::connect(server.http().address()).unwrap();
    let half = "POST /previews HTTP/1.1\r\nhost: oss\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{";
    std::io::Write::write_all(&mut silent, half.as_bytes()).unwrap();
    // A whole request follows. Once it is answered, the server has accepted the half one.
    assert_eq!(server.http().get("/health/live").await.status, 200);
    server.terminate();
    assert!(server.wait_until_ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_of_the_log_shows_a_number_or_a_secret() {
    let database = Database::postgres().await;
    let (server, sigan) =
        Server::with_sigan(&database, &[("OSS_LOG", "trace"), ("OSS_SIGAN_TIMEOUT", "1500ms")]).await;
    let http = server.http();
    let preview = http.preview().await;
    http.reserve(&preview, 1).await;
    http.reserve(&preview, 1).await;
    http.reserve(&preview, 2).await;
    let doubtful = http.preview().await;
    for fault in [Fault::LoseAnswer, Fault::Slow(Duration::from_secs(9)), Fault::Garble, Fault::Unauthorized]
    {
        sigan.next(CallKind::Reserve, fault);
        http.reserve(&doubtful, 1).await;
    }
    http.post("/reservations", json!({ "areaCode": "11" })).await;
    http.get("/numbers/11999950001").await;
    http.get("/numbers/11999959999").await;
    let sim = database.add_sim().await;
    http.put_json("/reservations/11999950004/assignment", json!({ "simId": sim })).await;
    http.put_json("/reservations/11999950004/assignment", json!({ "simId": "11999950004" })).await;
    http.post("/previews", json!({ "areaCode": "11999950004", "11999950005": 1 })).await;
    sigan.next(CallKind::Release, Fault::FailBefore);
    http.delete("/reservations/11999950001").await;
    http.delete("/reservations/+55(11)99995-0007").await;
    http.get("/11999950001?msisdn=11999950002").await;
    server.wait_for_log("could not be told of a release").await;
    database.execute("drop table phone_number cascade").await;
    assert_eq!(http.get("/numbers/11999950001").await.status, 500);
    let preview = http.preview().await;
    assert_eq!(http.reserve(&preview, 1).await.status, 500);

    let log = server.log();
    assert!(log.len() > 30, "every request is logged");
    for line in &log {
        assert_no_secrets("the log", line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_of_the_log_shows_a_sim_or_its_code() {
    let database = Database::postgres().await;
    let settings =
        [("OSS_LOG", "trace"), ("OSS_GSIM_ORDER_TIMEOUT", "1500ms"), ("OSS_ACTIVATION_READS", "2")];
    let lines = Lines::on(&database, &settings).await;
    let http = lines.server.http();
    let (device, mut secrets) = (device(&http).await, Secrets::default());

    let esim = esim(&http).await;
    let (sim, msisdn) = (esim["id"].as_str().unwrap(), esim["msisdn"].as_str().unwrap());
    let activation = http.get(&format!("/sims/{sim}/activation")).await;
    secrets.add_code(activation.body["code"].as_str().expect("a code"));
    let image =
        http.request(Method::GET, &format!("/sims/{sim}/activation")).header("accept", "image/svg+xml");
    assert_eq!(image.send().await.unwrap().status(), 200);
    for path in ["activation", "x"] {
        http.get(&format!("/sims/{sim}/{path}")).await;
    }
    for name in ["iccid", "imsi", "msisdn"] {
        http.get(&format!("/sims?{name}={}", esim[name].as_str().unwrap())).await;
        http.get(&format!("/sims?lineId={}", esim[name].as_str().unwrap())).await;
    }
    http.get(&format!("/sims?iccid={}x", esim["iccid"].as_str().unwrap())).await;
    for fault in [GsimFault::Garble, GsimFault::LoseAnswer, GsimFault::Unauthorized, GsimFault::FailBefore] {
        lines.gsim.next(GsimCall::OrderEsim, fault);
        let number = reserve(&http).await;
        assert_eq!(order(&http, &number, &line(), &device).await.status, 504, "{fault:?}");
    }
    settle_orders(&http, &database).await;
    let number = reserve(&http).await;
    assert_eq!(activate(&http, &number, &line(), 1).await.status, 201);
    assert_eq!(activate(&http, &reserve(&http).await, &line(), 1).await.status, 409);
    secrets.add_sims(&lines);
    let replace = format!("/numbers/{number}/sim");
    assert_eq!(http.put_json(&replace, json!({ "deviceModelHash": device })).await.status, 200);
    http.put_json(&replace, json!({ "deviceModelHash": number, "iccid": number, number.as_str(): 1 })).await;
    let reason = json!({ "reference": sim, "profileState": "ERROR", "at": "2026-11-25T13:35:12Z", "reason": esim["iccid"] });
    assert_eq!(http.post("/gsim/notifications", reason).await.status, 204);
    http.get(&format!("/numbers/{msisdn}/associations?at={msisdn}")).await;
    secrets.add_sims(&lines);
    lines.gsim.next(GsimCall::Cancel, GsimFault::FailBefore);
    assert_eq!(http.delete(&format!("/numbers/{msisdn}/line")).await.status, 204);
    lines.server.wait_for_log("could not be told to deprogram").await;
    settle_orders(&http, &database).await;
    let lost = reserve(&http).await;
    database.execute("alter table esim add constraint none_fits check (sim_id is null) not valid").await;
    assert!(order(&http, &lost, &line(), &device).await.status >= 500, "its SIM cannot be recorded");
    secrets.add_sims(&lines);
    database.execute("drop table sim cascade").await;
    assert_eq!(http.get(&format!("/sims/{sim}/activation")).await.status, 500);
    let metrics = http.get("/metrics").await;

    assert!(secrets.0.len() > 15, "{secrets:?}");
    let log = lines.server.log();
    assert!(log.len() > 50, "every request is logged");
    for line in log.iter().map(String::as_str).chain(metrics.body.as_str()) {
        assert_no_secrets("the log", line);
        secrets.assert_none_in(line);
    }
}

/// The identifiers of SIMs, and the parts of activation codes.
#[derive(Debug, Default)]
struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Adds those of the SIMs that GSIM has now.
    fn add_sims(&mut self, lines: &Lines) {
        for sim in lines.gsim.book().sims() {
            self.0.extend([sim.iccid.to_string(), sim.imsi.to_string(), sim.msisdn.to_string()]);
        }
    }

    fn add_code(&mut self, code: &str) {
        let matching_id = code.rsplit('$').next().expect("a code has parts");
        self.0.extend([code.to_owned(), matching_id.to_owned(), "LPA:1".to_owned(), "carddata".to_owned()]);
    }

    fn assert_none_in(&self, line: &str) {
        let shown: Vec<_> = self.0.iter().filter(|secret| line.contains(*secret)).collect();
        assert!(shown.is_empty(), "{shown:?} is in the log: {line}");
    }
}
