//! A server that has met every event that its metrics show.

use std::time::Duration;

use oss_core::DeviceChoice;
use oss_core::gsim::mock::{self as gsim, GsimMock, OrderBook, RunningGsim};
use oss_core::gsim::wire::OrderRefusalCode;
use oss_core::sigan::mock::{Behaviour, CallKind, Fault, Inventory};
use oss_core::sigan::wire::RefusalCode;
use serde_json::json;
use tempfile::TempDir;

use crate::backend::Database;
use crate::certificates::Authority;
use crate::cli::run_beside;
use crate::eventually::eventually;
use crate::http::Http;
use crate::metrics::Scrape;
use crate::receiver::{Receiver, WebhooksFile};
use crate::redis::Redis;
use crate::server::Server;
use crate::sigan::{Sigan, wait_until_called};
use crate::sims;

/// The server, and what it needs.
#[derive(Debug)]
pub struct Eventful {
    /// The server.
    pub server: Server,
    /// Its Sigan.
    pub sigan: Sigan,
    gsim: RunningGsim,
    authority: Authority,
    _redis: Redis,
    _webhooks: WebhooksFile,
    _certificate: TempDir,
}

impl Eventful {
    /// Starts a server, calls every operation, and makes some fail. Sigan was down while a delivery was pending, and is back.
    pub async fn on(database: &Database) -> Self {
        let (sigan, gsim, redis) = (
            Sigan::start(Inventory::new("PR")).await,
            GsimMock::new(OrderBook::new()).start().await,
            Redis::start().await,
        );
        gsim.knows(&DeviceChoice::Tac("00000001".parse().expect("a TAC")), true);
        let (gsim_url, redis_url) = (gsim.url(), redis.url());
        let receiver = Receiver::start().await;
        let webhooks = WebhooksFile::new(&[("archive", &receiver.url(), "")]);
        let config = webhooks.path();
        let settings = [
            ("OSS_GSIM_URL", gsim_url.as_str()),
            ("OSS_REDIS_URL", redis_url),
            ("OSS_SWEEP_INTERVAL", "1s"),
            ("OSS_NUMBERS_RECYCLE_AFTER", "1s"),
        ];
        // Another server calls first, so that Redis has a list that this server does not have in memory.
        Server::start(database, &sigan.url(), &settings).http().get("/ddds/21").await;

        let (authority, certificate) = (Authority::new(), TempDir::new().expect("a temporary folder"));
        let certified = authority.certify("127.0.0.1");
        certified.write(certificate.path());
        let file = |name: &str| certificate.path().join(name).display().to_string();
        let (cert, key) = (file("cert.pem"), file("key.pem"));
        let more = [
            ("OSS_CONFIG", &*config),
            ("OSS_ADMIN_LISTEN", "127.0.0.1:0"),
            ("OSS_TLS_CERT", &*cert),
            ("OSS_TLS_KEY", &*key),
            ("OSS_CONCURRENT_REQUESTS", "2"),
        ];
        let server = Server::start(database, &sigan.url(), &[&settings[..], &more].concat());
        let mut eventful = Self {
            server,
            sigan,
            gsim,
            authority,
            _redis: redis,
            _webhooks: webhooks,
            _certificate: certificate,
        };
        let reserved = eventful.numbers_come_and_go(database).await;
        eventful.things_go_wrong(database).await;
        let device = look_ups(&eventful.http()).await;
        eventful.an_order_is_refused(&reserved, &device).await;
        eventful.take_sigan_down_and_up().await;
        eventful.requests_are_shed().await;
        eventful.an_audit_ends(database).await;
        eventful
    }

    /// A client of the listener for callers.
    fn http(&self) -> Http {
        let client = self.authority.trusted().build().expect("a client");
        Http::over(&format!("https://{}", self.server.address()), client)
    }

    async fn an_audit_ends(&self, database: &Database) {
        let sigan = self.sigan.url();
        let settings = [
            ("OSS_DATABASE_URL", database.url()),
            ("OSS_SIGAN_URL", &*sigan),
            ("OSS_SIGAN_BRAND_ID", "acme"),
        ];
        let ended = run_beside(&settings, &["audit"]).await;
        assert!([0, 4].contains(&ended.code), "{ended:?}");
        let is_shown = |scrape: &Scrape| scrape.value("oss_last_audit_timestamp_seconds", &[]) > 0.0;
        wait_until_metrics(&self.server.admin(), is_shown).await;
    }

    /// Two requests wait for Sigan, so a third one is too many.
    async fn requests_are_shed(&self) {
        let slow = Behaviour { latency: Duration::from_secs(2), ..Behaviour::default() };
        self.sigan.behave(slow);
        let (http, calls) = (self.http(), self.sigan.calls(CallKind::PreReserve));
        let create = async || http.post("/previews", json!({ "areaCode": "11" })).await.status;
        let third = async {
            wait_until_called(&self.sigan, CallKind::PreReserve, calls + 2).await;
            create().await
        };
        assert_eq!(futures::join!(create(), create(), third), (201, 201, 503));
        self.sigan.behave(Behaviour::default());
    }

    /// Returns a number that is still reserved.
    async fn numbers_come_and_go(&self, database: &Database) -> String {
        let (http, sigan) = (self.http(), &self.sigan);
        let [first, second, refused, doubtful] =
            [http.preview().await, http.preview().await, http.preview().await, http.preview().await];
        let number = http.reserve(&first, 1).await.body["msisdn"].as_str().expect("a number").to_owned();
        let line = http.reserve(&second, 1).await.body["msisdn"].as_str().expect("a number").to_owned();
        sigan.next(CallKind::Reserve, Fault::Refuse(RefusalCode::HoldOver));
        assert_eq!(http.reserve(&refused, 1).await.status, 502);
        sigan.next(CallKind::Reserve, Fault::LoseAnswer);
        assert_eq!(http.reserve(&doubtful, 1).await.status, 504);
        let reserved = http.post("/reservations", json!({ "areaCode": "21" })).await;
        let sim = database.add_sim().await;
        http.put_json(&format!("/reservations/{line}/assignment"), json!({ "simId": sim })).await;
        assert_eq!(http.delete(&format!("/reservations/{number}")).await.status, 204);
        http.get(&format!("/numbers/{number}")).await;
        http.get("/numbers/11999990000").await;
        http.get("/11999950001").await;
        http.post("/sweeps", json!(null)).await;
        reserved.body["msisdn"].as_str().expect("a number").to_owned()
    }

    async fn an_order_is_refused(&self, msisdn: &str, device: &str) {
        self.gsim.next(gsim::CallKind::OrderEsim, gsim::Fault::Refuse(OrderRefusalCode::NoneLeft));
        let refused = sims::order(&self.http(), msisdn, &sims::line(), device).await;
        assert_eq!(refused.status, 409, "{refused:?}");
    }

    async fn things_go_wrong(&self, database: &Database) {
        let http = self.http();
        let preview = http.preview().await;
        self.sigan.next(CallKind::Reserve, Fault::Unauthorized);
        assert_eq!(http.reserve(&preview, 1).await.status, 504);
        // This is the first number that Sigan offers there.
        let now = database.now();
        let taken = format!(
            "insert into phone_number (msisdn, origin, status, created_at, updated_at) \
             values ('31999950001', 'VIVO', 'RESERVED', {now}, {now})"
        );
        database.execute(&taken).await;
        assert_eq!(http.post("/reservations", json!({ "areaCode": "31" })).await.status, 500);
        database.execute("alter table phone_number rename to hidden").await;
        assert_eq!(http.get("/numbers/11999990000").await.status, 500);
        database.execute("alter table hidden rename to phone_number").await;
    }

    async fn take_sigan_down_and_up(&mut self) {
        let http = self.http();
        let preview = http.preview().await;
        let number = http.reserve(&preview, 1).await.body["msisdn"].as_str().expect("a number").to_owned();
        self.sigan.go_down().await;
        while http.post("/reservations", json!({ "areaCode": "11" })).await.body["type"]
            != "urn:oss:problem:sigan-busy"
        {}
        assert_eq!(http.delete(&format!("/reservations/{number}")).await.status, 204);
        wait_until_metrics(&self.server.admin(), |scrape| {
            scrape.value("oss_due_oldest_age_seconds", &[]) > 0.0
        })
        .await;
        self.sigan.come_back().await;
        wait_until_metrics(&self.server.admin(), |scrape| {
            scrape.value("oss_sigan_breaker", &[("state", "closed")]) > 1.0
                && ["PENDING", "IN_DOUBT", "RELEASING"]
                    .iter()
                    .all(|state| scrape.value("oss_reservations", &[("state", state)]) < 1.0)
        })
        .await;
    }
}

/// Returns the hash of a device.
async fn look_ups(http: &Http) -> String {
    for path in ["/ddds/11", "/ddds/11", "/ddds/21", "/ddds/23", "/brands"] {
        http.get(path).await;
    }
    let brands = http.get("/brands").await.body;
    http.get(&format!("/brands/{}/models", brands["brands"][0]["id"].as_str().expect("an id"))).await;
    let checked = http.put_json("/device-models", json!({ "tac": "00000001" })).await;
    checked.body["hash"].as_str().expect("a hash").to_owned()
}

/// Reads the metrics of a server until they fulfil a condition.
pub async fn wait_until_metrics(http: &Http, is_fulfilled: impl Fn(&Scrape) -> bool) {
    eventually(async || {
        let scrape = Scrape::of(http).await;
        if is_fulfilled(&scrape) {
            Ok(())
        } else {
            Err(format!("the metrics do not show it: {}", scrape.text))
        }
    })
    .await;
}
