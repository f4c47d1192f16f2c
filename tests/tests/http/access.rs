//! Access: every route of the server's own list is called with every kind of key.

use std::collections::BTreeSet;

use oss_core::access::{KeyDigest, Scope};
use oss_core::gsim::mock::{GsimMock, OrderBook};
use oss_tests::backend::Database;
use oss_tests::cli;
use oss_tests::clients::ClientsFile;
use oss_tests::http::{Answer, Http, plain_client};
use oss_tests::server::Server;
use oss_tests::sims::{ADDRESS, device, esim, id, line, notify, reserve};
use reqwest::Method;
use serde_json::{Value, json};

/// The routes that name something of a brand, and the status for a client of another brand. It is the status for unknown things.
const ACROSS_BRANDS: [(&str, &str, u16); 20] = [
    ("POST", "/previews", 422),
    ("PUT", "/previews/{previewId}/reservations/{index}", 404),
    ("DELETE", "/reservations/{msisdn}", 404),
    ("POST", "/reservations/{msisdn}/extension", 404),
    ("PUT", "/reservations/{msisdn}/assignment", 404),
    ("POST", "/reservations/{msisdn}/settlement", 404),
    ("POST", "/releases", 200),
    ("GET", "/numbers", 200),
    ("GET", "/numbers/{msisdn}", 404),
    ("GET", "/numbers/{msisdn}/history", 404),
    ("POST", "/searches", 200),
    ("POST", "/esims", 422),
    ("POST", "/sim-cards", 422),
    ("GET", "/sims", 200),
    ("GET", "/sims/{simId}", 404),
    ("GET", "/sims/{simId}/activation", 404),
    ("PUT", "/numbers/{msisdn}/sim", 404),
    ("DELETE", "/numbers/{msisdn}/line", 404),
    ("GET", "/numbers/{msisdn}/associations", 404),
    ("GET", "/events", 200),
];

/// The routes for which the brand does not matter.
const WITHOUT_BRAND: [(&str, &str); 11] = [
    ("POST", "/reservations"),
    ("GET", "/ddds/{ddd}"),
    ("GET", "/brands"),
    ("GET", "/brands/{brandId}/models"),
    ("PUT", "/device-models"),
    ("POST", "/sweeps"),
    ("POST", "/audits"),
    ("GET", "/stats"),
    ("GET", "/webhooks"),
    ("POST", "/webhooks/{name}/replays"),
    ("POST", "/gsim/notifications"),
];

/// The route that needs a scope only because operators and callers share the listener in this test.
const METRICS: (&str, &str) = ("GET", "/metrics");

/// The routes that need no key.
const OPEN: [(&str, &str); 3] = [("GET", "/health/live"), ("GET", "/health/ready"), ("GET", "/openapi.json")];

/// A route as the server documents it.
struct Route {
    method: String,
    path: String,
    /// The scope that it needs; none if it needs no key.
    scope: Option<Scope>,
}

impl Route {
    async fn ask(&self, http: &Http, named: &Named) -> Answer {
        let is_of_line =
            ["/assignment", "/sim", "/line", "/associations"].iter().any(|end| self.path.ends_with(end));
        let path = self
            .path
            .replace("{previewId}", &named.preview)
            .replace("{index}", "2")
            .replace("{msisdn}", if is_of_line { &named.in_use } else { &named.msisdn })
            .replace("{simId}", &named.sim)
            .replace("{ddd}", "11")
            .replace("{name}", "billing")
            .replace("{brandId}", "00000000-0000-4000-8000-000000000000");
        let path = if path == "/sims" { format!("{path}?msisdn={}", named.in_use) } else { path };
        let request = http.request(Method::from_bytes(self.method.as_bytes()).unwrap(), &path);
        let body = match self.path.as_str() {
            "/previews" => json!({ "areaCode": "11", "previousId": named.preview }),
            "/reservations" => json!({ "areaCode": "11" }),
            "/reservations/{msisdn}/assignment" => json!({ "simId": named.sim }),
            "/releases" => json!({ "msisdns": [named.msisdn], "dryRun": true }),
            "/searches" => json!({ "text": named.msisdn }),
            "/audits" => json!({}),
            "/webhooks/{name}/replays" => json!({ "from": "2026-11-25T13:30:43Z" }),
            "/device-models" => json!({ "tac": "35123456" }),
            "/esims" => json!({ "msisdn": named.msisdn, "lineId": line(), "deviceModelHash": named.device }),
            "/sim-cards" => {
                let iccid = OrderBook::card(fastrand::u64(..1_000_000)).to_string();
                json!({ "msisdn": named.msisdn, "lineId": line(), "iccid": iccid, "deliveryAddressHash": ADDRESS })
            }
            "/numbers/{msisdn}/sim" => json!({ "deviceModelHash": named.device }),
            "/gsim/notifications" => {
                json!({ "reference": named.sim, "profileState": "DOWNLOADED", "at": "2026-11-25T13:35:12Z" })
            }
            _ => return http.send(request).await,
        };
        http.send(request.json(&body)).await
    }
}

/// The ids that requests name.
struct Named {
    preview: String,
    msisdn: String,
    /// A number on a SIM.
    in_use: String,
    sim: String,
    /// The hash of a device.
    device: String,
}

/// The server's own list of routes. It is complete, because the router and the document are made from one list.
async fn routes(http: &Http) -> Vec<Route> {
    let document = http.get("/openapi.json").await.body;
    let paths = document["paths"].as_object().expect("it has paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("a path has operations");
        item.iter().map(|(method, operation)| Route {
            method: method.to_uppercase(),
            path: path.clone(),
            scope: operation["security"][0]["clientKey"][0].as_str().map(|scope| scope.parse().unwrap()),
        })
    });
    operations.collect()
}

fn names<'a>(routes: impl Iterator<Item = &'a Route>) -> BTreeSet<(&'a str, &'a str)> {
    routes.map(|route| (route.method.as_str(), route.path.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_admits_exactly_the_keys_that_it_should() {
    let mut clients = ClientsFile::new();
    let all = clients.admit("all", "acme", &Scope::ALL);
    let stranger = clients.admit("stranger", "other", &Scope::ALL);
    let with = Scope::ALL.map(|scope| clients.admit(&format!("with-{}", scope as u8), "acme", &[scope]));
    let without = Scope::ALL.map(|scope| {
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        clients.admit(&format!("without-{}", scope as u8), "acme", &others)
    });
    let database = Database::postgres().await;
    database.execute("insert into webhook (name, transaction_id, position) values ('billing', 0, 0)").await;
    let gsim = GsimMock::new(OrderBook::new()).start().await;
    let gsim_url = gsim.url();
    let (server, _sigan) =
        Server::for_clients(&database, &clients, &[("OSS_GSIM_URL", gsim_url.as_str())]).await;
    let nobody = server.http();
    let (http, stranger) = (nobody.with_key(&all), nobody.with_key(&stranger));

    let routes = routes(&nobody).await;
    let across = ACROSS_BRANDS.iter().map(|(method, path, _)| (*method, *path));
    let guarded: BTreeSet<_> = across.chain(WITHOUT_BRAND).chain([METRICS]).collect();
    assert_eq!(names(routes.iter().filter(|route| route.scope.is_some())), guarded);
    assert_eq!(names(routes.iter().filter(|route| route.scope.is_none())), OPEN.into_iter().collect());

    for route in &routes {
        let named = fresh(&http).await;
        let name = format!("{} {}", route.method, route.path);
        let Some(scope) = route.scope else {
            assert_eq!(route.ask(&nobody, &named).await.status, 200, "{name}");
            continue;
        };
        assert_eq!(route.ask(&nobody, &named).await.status, 401, "{name}: no key");
        let other_end = if all.ends_with('0') { '1' } else { '0' };
        let wrong = nobody.with_key(&format!("{}{other_end}", &all[..all.len() - 1]));
        assert_eq!(route.ask(&wrong, &named).await.status, 401, "{name}: a wrong key");
        let key = |keys: &[String; Scope::ALL.len()]| nobody.with_key(&keys[scope as usize]);
        assert_eq!(route.ask(&key(&without), &named).await.status, 403, "{name}: every scope but its own");

        let expected =
            ACROSS_BRANDS.iter().find(|(method, path, _)| (*method, *path) == (&route.method, &route.path));
        if let Some((_, _, status)) = expected {
            let answer = route.ask(&stranger, &named).await;
            let unknown = route.ask(&http, &unknown()).await;
            assert_eq!(answer.status, *status, "{name}: another brand's");
            assert_eq!(revealed(&answer), revealed(&unknown), "{name}: like something unknown");
        }
        let admitted = route.ask(&key(&with), &named).await.status;
        if route.path.ends_with("/settlement") {
            assert_eq!(admitted, 403, "{name}: it shows a number in full");
            continue;
        }
        assert!((200..300).contains(&admitted) || route.path.starts_with("/brands/"), "{name}: {admitted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gsim_reports_on_the_sims_of_every_brand() {
    let mut clients = ClientsFile::new();
    let gsim = clients.admit("gsim", "of-gsim", &[Scope::GsimNotify]);
    let brands = ["acme", "other"].map(|brand| clients.admit(brand, brand, &Scope::ALL));
    let server = Server::sandbox(&clients, &[]);
    let gsim = server.http().with_key(&gsim);
    for key in brands {
        let http = server.http().with_key(&key);
        let sim = id(&esim(&http).await);
        assert_eq!(notify(&gsim, &sim, "INSTALLED", "2026-11-25T13:35:12Z").await.status, 204);
        assert_eq!(http.get(&format!("/sims/{sim}")).await.body["profileState"], "INSTALLED");
    }
}

/// The part of an answer that would tell the caller whether something exists.
fn revealed(answer: &Answer) -> (u16, Value, Value) {
    (answer.status, answer.body["type"].clone(), answer.body["field"].clone())
}

/// A preview that may be reserved from, a number that is reserved, and one that is on a SIM.
async fn fresh(http: &Http) -> Named {
    let sim = esim(http).await;
    let text = |name: &str| sim[name].as_str().expect("a text").to_owned();
    Named {
        preview: http.preview().await,
        msisdn: reserve(http).await,
        in_use: text("msisdn"),
        sim: text("id"),
        device: device(http).await,
    }
}

fn unknown() -> Named {
    let id = || "018f0000-0000-7000-8000-00000000ffff".to_owned();
    let msisdn = || "11900000000".to_owned();
    let device = "bcd1624a168e2722691c565e0c6dc479".to_owned();
    Named { preview: id(), msisdn: msisdn(), in_use: msisdn(), sim: id(), device }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigan_gets_the_brand_of_the_client() {
    let mut clients = ClientsFile::new();
    let keys = ["one", "two"].map(|brand| clients.admit(&format!("client-of-{brand}"), brand, &Scope::ALL));
    let database = Database::postgres().await;
    let (server, sigan) = Server::for_clients(&database, &clients, &[]).await;
    for (brand, key) in ["one", "two"].into_iter().zip(&keys) {
        let reserved = server.http().with_key(key).post("/reservations", json!({ "areaCode": "11" })).await;
        assert_eq!(reserved.status, 201, "{reserved:?}");
        let held = held(sigan.url().as_str(), brand).await;
        assert_eq!(held, [reserved.body["msisdn"].as_str().unwrap()], "{brand}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_selects_one_of_its_brands() {
    let mut clients = ClientsFile::new();
    let key = clients.admit_for("both", &["one", "two"], &Scope::ALL);
    let database = Database::postgres().await;
    let (server, sigan) = Server::for_clients(&database, &clients, &[]).await;
    let http = server.http().with_key(&key);
    let reserve = async |brands: &[&str]| {
        let request = http.request(Method::POST, "/reservations").json(&json!({ "areaCode": "11" }));
        http.send(brands.iter().fold(request, |request, brand| request.header("Oss-Brand", *brand))).await
    };
    let mut numbers = Vec::new();
    for (wish, brand) in [(&[][..], "one"), (&["one"], "one"), (&["two"], "two")] {
        let reserved = reserve(wish).await;
        assert_eq!(reserved.status, 201, "{wish:?}: {reserved:?}");
        let number = reserved.body["msisdn"].as_str().unwrap().to_owned();
        assert!(held(sigan.url().as_str(), brand).await.contains(&number), "{wish:?}");
        numbers.push(number);
    }
    for wish in [&["three"][..], &["unknown"], &[""], &["one two"], &["one", "two"], &["one", "one"]] {
        let refused = reserve(wish).await;
        assert_eq!(refused.status, 403, "{wish:?}: {refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains("Oss-Brand"), "{refused:?}");
    }
    assert_eq!(sigan.inventory().reserved().len(), 3, "nothing was reserved for a brand of others");
    let show = http.request(Method::GET, &format!("/numbers/{}", numbers[2]));
    assert_eq!(http.send(show.header("Oss-Brand", "one")).await.status, 404, "it is the other brand's");
    let show = http.request(Method::GET, &format!("/numbers/{}", numbers[2]));
    assert_eq!(http.send(show.header("Oss-Brand", "two")).await.status, 200);

    let (open, _sigan) = Server::with_sigan(&Database::sqlite().await, &[]).await;
    let request = open.http().request(Method::GET, "/ddds/11").header("Oss-Brand", "acme");
    assert_eq!(
        open.http().send(request).await.status,
        403,
        "a server without clients has no brands to select"
    );
}

/// The numbers that Sigan lists for a brand.
async fn held(sigan: &str, brand: &str) -> Vec<String> {
    let client = plain_client().build().expect("a client");
    let url = format!("{}/reservations?brandId={brand}&limit=100", sigan.trim_end_matches('/'));
    let text = client.get(url).send().await.expect("it answers").text().await.expect("with a text");
    let page: Value = serde_json::from_str(&text).expect("of JSON");
    let holds = page["reservations"].as_array().expect("a page of reservations");
    holds.iter().map(|hold| hold["msisdn"].as_str().expect("a number").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn idempotency_keys_of_two_clients_never_meet() {
    let mut clients = ClientsFile::new();
    let keys = ["a", "b"].map(|name| clients.admit(name, "acme", &[Scope::NumbersReserve]));
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let mut previews = BTreeSet::new();
    for key in keys.iter().chain(&keys) {
        let http = server.http().with_key(key);
        let request = http.request(Method::POST, "/previews").header("Idempotency-Key", "order-1");
        let created = http.send(request.json(&json!({ "areaCode": "11" }))).await;
        assert_eq!(created.status, 201, "{created:?}");
        previews.insert(created.body["id"].to_string());
    }
    assert_eq!(previews.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_lets_its_client_in() {
    let printed = cli::run(&[], &["keys", "new", "acquisition"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    let lines = printed.stdout.split_once("[[clients]]").expect("lines for the file").1;
    let key = printed.stdout.split_whitespace().find(|word| word.starts_with("oss_")).expect("a key");
    let clients = ClientsFile::new();
    clients.write(&format!("[[clients]]{}", lines.replace("brand_id = \"\"", "brand_id = \"acme\"")));
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    assert_eq!(server.http().with_key(key).get("/ddds/11").await.status, 204);

    let other = cli::run(&[], &["--output", "json", "keys", "new", "acquisition"]).json();
    assert_ne!(other["key"], key);
    assert_eq!(other["keySha256"], KeyDigest::of(other["key"].as_str().unwrap()).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_not_in_the_log() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("a", "acme", &Scope::ALL);
    let (server, _sigan) =
        Server::for_clients(&Database::postgres().await, &clients, &[("OSS_LOG", "trace")]).await;
    for key in [key.as_str(), "oss_a-wrong-one"] {
        server.http().with_key(key).get("/brands").await;
    }
    server.wait_for_log("\"status\":401").await;
    let log = server.log().join("\n");
    assert!(!log.contains(&key) && !log.contains("a-wrong-one"), "{log}");
}
