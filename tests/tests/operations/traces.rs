//! One trace from a caller through the server to Sigan: in headers, in the log, and at a collector.

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use oss_core::sigan::mock::{Inventory, RunningSigan, SiganMock};
use oss_tests::backend::Database;
use oss_tests::collector::Collector;
use oss_tests::eventually::eventually;
use oss_tests::http::Http;
use oss_tests::metrics::Scrape;
use oss_tests::process::free_port;
use oss_tests::secrets::{CALLERS_KEY, assert_no_secrets};
use oss_tests::server::Server;
use oss_tests::wiretap::Wiretap;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const RESERVE: &str = "PUT /previews/{previewId}/reservations/{index}";

/// Starts a server, and records its requests to Sigan.
async fn overheard(database: &Database, more: &[(&str, &str)]) -> (Server, Wiretap, RunningSigan) {
    let sigan = SiganMock::new(Inventory::new("PR")).start().await;
    let wiretap = Wiretap::to(sigan.url().as_str().trim_start_matches("http://").trim_end_matches('/')).await;
    let server = Server::start(database, &wiretap.url(), more);
    (server, wiretap, sigan)
}

/// Reserves and gives back, as part of the caller's trace.
async fn reserve_and_release(http: &Http) {
    let preview = http.preview().await;
    let traced = |method, path: &str| {
        let parent = format!("00-{TRACE}-{CALLER}-01");
        http.request(method, path).header("traceparent", parent).header("tracestate", "vendor=theirs")
    };
    let reserved = http.send(traced(Method::PUT, &format!("/previews/{preview}/reservations/1"))).await;
    assert_eq!(reserved.status, 200, "{reserved:?}");
    let number = reserved.body["msisdn"].as_str().expect("a number");
    let released = http.send(traced(Method::DELETE, &format!("/reservations/{number}"))).await;
    assert_eq!(released.status, 204, "{released:?}");
    http.send(traced(Method::GET, "/11999950001?msisdn=11999950001")).await;
    // Whether the key is accepted is another matter.
    http.send(traced(Method::GET, "/ddds/11").bearer_auth(CALLERS_KEY)).await;
}

/// The values of a header in the calls to Sigan that begin with this text.
fn sent_headers(wiretap: &Wiretap, call: &str, header: &str) -> Vec<String> {
    let heard = wiretap.heard();
    let heads = heard.split("\r\n\r\n").filter_map(|head| head.find(call).map(|at| head[at..].to_owned()));
    let value = |head: String| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(header)).map(|(_, value)| value.to_owned())
    };
    heads.filter_map(value).collect()
}

/// The request and the trace that each line about an answered request shows.
fn traces_in_log(server: &Server) -> Vec<(String, Value)> {
    let lines = server.log().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let spans =
        lines.filter(|line| line["message"] == "Request answered.").map(|line| line["spans"][0].clone());
    spans.map(|span| (span["id"].as_str().unwrap_or_default().to_owned(), span["trace_id"].clone())).collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name && hex::encode(&span.trace_id) == TRACE).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_sent_the_request_and_the_calls_made_for_it() {
    let (database, collector) = (Database::sqlite().await, Collector::start().await);
    let settings = [("OSS_OTLP_ENDPOINT", collector.url()), ("OSS_LOG", "trace")];
    let (mut server, wiretap, _sigan) = overheard(&database, &settings).await;
    reserve_and_release(&server.http()).await;
    let metrics = Scrape::of(&server.http()).await.text;
    server.terminate();
    assert!(server.wait_until_ended().await.success());

    // Every span has arrived, because the last ones are sent before the process ends.
    let spans = collector.spans();
    let [request] = named(&spans, RESERVE)[..] else { panic!("{spans:#?}") };
    assert_eq!((hex::encode(&request.parent_span_id).as_str(), request.kind()), (CALLER, SpanKind::Server));
    let [call] = named(&spans, "sigan reserve")[..] else { panic!("{spans:#?}") };
    assert_eq!((&call.parent_span_id, call.kind()), (&request.span_id, SpanKind::Client));
    assert_eq!(named(&spans, "sigan release").len(), 1, "also the call after the answer");
    let parent = format!("00-{TRACE}-{}-01", hex::encode(&call.span_id));
    assert_eq!(sent_headers(&wiretap, "PUT /", "traceparent"), [parent]);
    assert_eq!(sent_headers(&wiretap, "PUT /", "tracestate"), ["vendor=theirs"]);
    assert!(spans.iter().all(|span| !span.name.contains("hyper")), "our own alone: {spans:#?}");

    assert_no_secrets("the traces", &collector.text());
    assert_no_secrets("the metrics", &metrics);
    server.log().iter().for_each(|line| assert_no_secrets("the log", line));
    assert_eq!(sent_headers(&wiretap, "PUT /", "authorization").len(), 1, "the token is there to be found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_through_without_a_collector() {
    let database = Database::sqlite().await;
    let (server, wiretap, _sigan) = overheard(&database, &[("OSS_LOG", "debug")]).await;
    reserve_and_release(&server.http()).await;
    let [parent] = &sent_headers(&wiretap, "PUT /", "traceparent")[..] else { panic!("{}", wiretap.heard()) };
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-01"), "{parent}");
    assert_eq!(sent_headers(&wiretap, "PUT /", "tracestate"), ["vendor=theirs"]);

    // The preview came without a trace. Its new trace is not sampled.
    // The harness may read the last line after the answer.
    let traces = eventually(async || {
        let traces = traces_in_log(&server);
        if traces.len() == 5 { Ok(traces) } else { Err(format!("{:#?}", server.log())) }
    })
    .await;
    assert!(traces[1..].iter().all(|(_, trace)| trace == TRACE), "{traces:?}");
    let (request, shown) = &traces[0];
    assert_eq!(shown, &Value::Null, "the trace is named like the request");
    let begun = request.replace('-', "");
    let [parent] = &sent_headers(&wiretap, "POST /", "traceparent")[..] else {
        panic!("{}", wiretap.heard())
    };
    assert!(parent.starts_with(&format!("00-{begun}-")) && parent.ends_with("-00"), "{parent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answered_look_up_is_logged_at_debug_only() {
    let database = Database::sqlite().await;
    let (server, _wiretap, _sigan) = overheard(&database, &[]).await;
    let http = server.http();
    for (path, status) in [("/ddds/11", 204), ("/health/ready", 200), ("/ddds/1", 400), ("/nothing", 404)] {
        let answer = http.send(http.request(Method::GET, path)).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    http.preview().await;
    server.wait_for_log("/previews").await;
    let lines = server.log().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let statuses =
        lines.filter(|line| line["message"] == "Request answered.").map(|line| line["status"].clone());
    assert_eq!(statuses.collect::<Vec<_>>(), [400, 404, 201], "{:#?}", server.log());
}

/// Most look-ups write no line. One that does shows its request in the line, whether that is written on the way or at the end.
#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_look_up_shows_its_request() {
    let database = Database::sqlite().await;
    let no_gsim = format!("http://127.0.0.1:{}", free_port());
    let (server, _wiretap, _sigan) = overheard(&database, &[("OSS_GSIM_URL", no_gsim.as_str())]).await;
    database.execute("alter table phone_number rename to hidden").await;
    let http = server.http();
    let device = Some(json!({ "tac": "00000001" }));
    for (method, path, body, status, route, line) in [
        (Method::GET, "/numbers/11999950001", None, 500, "/numbers/{msisdn}", "Request answered."),
        (Method::PUT, "/device-models", device, 200, "/device-models", "GSIM gives no answer"),
    ] {
        let id = Uuid::now_v7();
        let parent = format!("00-{TRACE}-{CALLER}-01");
        let request = http.request(method.clone(), path).header("x-request-id", id.to_string());
        let request = if let Some(body) = &body { request.json(body) } else { request };
        assert_eq!(http.send(request.header("traceparent", parent)).await.status, status, "{path}");
        server.wait_for_log(line).await;
        let written =
            server.log().into_iter().find(|written| written.contains(line)).expect("it was waited for");
        let written: Value = serde_json::from_str(&written).expect("JSON");
        let [span] = written["spans"].as_array().map_or(&[][..], Vec::as_slice) else { panic!("{written}") };
        let shown =
            ["id", "trace_id", "method", "route"].map(|field| span[field].as_str().unwrap_or_default());
        assert_eq!(shown, [id.to_string().as_str(), TRACE, method.as_str(), route], "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_collector_delays_nobody() {
    // It accepts connections and does nothing else.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let database = Database::sqlite().await;
    let (mut server, _wiretap, _sigan) = overheard(&database, &[("OSS_OTLP_ENDPOINT", &endpoint)]).await;
    reserve_and_release(&server.http()).await;
    server.wait_for_log("The collector of traces does not take them").await;
    reserve_and_release(&server.http()).await;
    server.terminate();
    assert!(server.wait_until_ended().await.success());
    let warnings = server.log().iter().filter(|line| line.contains("does not take them")).count();
    assert_eq!(warnings, 1, "once for the whole outage: {:#?}", server.log());
}
