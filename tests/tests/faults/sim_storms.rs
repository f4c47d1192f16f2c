//! Customers order, replace and end SIMs while both systems lose answers. Afterwards the SIMs in GSIM are those that are active
//! here, and the numbers in Sigan those that are held here.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use oss_core::config::{GsimConfig, SiganConfig};
use oss_core::gsim::HttpGsim;
use oss_core::gsim::mock::{Behaviour, GsimMock, OrderBook};
use oss_core::sigan::HttpSigan;
use oss_core::sigan::mock::{Inventory, SiganMock};
use oss_core::store::DatabaseConfig;
use oss_core::{
    AuditOptions, DeviceHash, Error, ErrorKind, IdempotencyKey, LineId, Msisdn, Oss, Settings, WantedSim,
};
use oss_tests::backend::Database;
use oss_tests::eventually::eventually;
use oss_tests::http::Http;
use oss_tests::load::{SETTINGS, unreliable};
use oss_tests::on_both;
use oss_tests::server::Server;
use oss_tests::sims::{device, line};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

on_both!(thirty_orders_for_one_number_give_one_sim, storms_leave_no_sim_and_no_number_behind);

/// The longest time of a call, so that doubts settle soon.
const CALL: Duration = Duration::from_millis(1500);

/// A service with both systems.
struct World {
    database: Database,
    oss: Oss,
    sigan: SiganMock,
    gsim: GsimMock,
    device: DeviceHash,
    _serving: (Box<dyn Send>, Box<dyn Send>),
}

impl World {
    async fn on(database: Database) -> Self {
        let sigan = SiganMock::new(Inventory::new("PR"));
        let gsim = GsimMock::new(OrderBook::new());
        let (sigan_server, gsim_server) = (sigan.start().await, gsim.start().await);
        let brand: oss_core::BrandId = "acme".parse().expect("a brand");
        let mut sigan_config = SiganConfig::new(sigan_server.url(), brand.clone());
        sigan_config.timeout = CALL;
        let mut gsim_config = GsimConfig::new(gsim_server.url());
        gsim_config.order_timeout = CALL;
        let sigan_client = HttpSigan::new(&sigan_config).expect("a client");
        let gsim_client = HttpGsim::new(&gsim_config).expect("a client");
        let mut settings = Settings::default();
        (settings.sigan_call, settings.gsim_call) = (CALL, CALL);
        let oss = Oss::builder(brand)
            .sigan(Arc::new(sigan_client))
            .sims(Arc::new(gsim_client))
            .settings(settings)
            .connect(&DatabaseConfig::new(database.url()))
            .await
            .expect("it connects");
        let choice = oss_core::DeviceChoice::Tac("35050556".parse().expect("a TAC"));
        let device = DeviceHash::of(&choice);
        database.store().await.keep_choice(&choice, device).await.expect("it is stored");
        Self { database, oss, sigan, gsim, device, _serving: (Box::new(sigan_server), Box::new(gsim_server)) }
    }

    async fn reserved(&self) -> Msisdn {
        let key = IdempotencyKey::new("shop".parse().expect("a name"), &Uuid::now_v7().to_string());
        let key = key.expect("a key");
        let ddd = "11".parse().expect("a DDD");
        repeat(async || self.oss.reserve_random(ddd).idempotency_key(key.clone()).await)
            .await
            .expect("a number")
            .msisdn
    }

    /// The life of one customer: a number, an eSIM, perhaps another one, perhaps the end of the line.
    async fn live(&self) {
        let msisdn = self.reserved().await;
        let line = LineId::from(Uuid::now_v7());
        let wanted = WantedSim::Esim(self.device);
        if repeat(async || self.oss.order_sim(msisdn, line, wanted.clone()).await).await.is_none() {
            return;
        }
        if fastrand::bool() {
            let serial = fastrand::u64(1..1_000_000);
            let address = "00112233445566778899aabbccddeeff".parse().expect("a hash");
            let card = WantedSim::Card { iccid: OrderBook::card(serial), address };
            let _ = repeat(async || self.oss.replace_sim(msisdn, card.clone()).await).await;
        }
        if fastrand::bool() {
            let _ = repeat(async || self.oss.end_line(msisdn).await).await;
        }
    }

    async fn settle(&self) {
        settle(&self.database, async || self.oss.sweep().await.map(drop).map_err(|error| error.to_string()))
            .await;
    }

    async fn assert_all_agree(&self) {
        assert_records_agree(&self.database, &self.sigan, &self.gsim).await;
        let options = AuditOptions::default().min_age(Duration::ZERO);
        let report = self.oss.audit(options, drop).await.expect("the audit runs");
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(report.sims_listed, self.gsim.book().sims().len() as u64);
    }
}

/// Sweeps until every attempt and every order is settled.
async fn settle(database: &Database, sweep: impl AsyncFn() -> Result<(), String>) {
    const LEFT: &str = "
        select (select count(*) from reservation where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING'))
               + (select count(*) from sim_order where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING'))";
    eventually(async || {
        sweep().await?;
        let left = database.count(LEFT).await;
        if left == 0 { Ok(()) } else { Err(format!("{left} attempts do not settle")) }
    })
    .await;
}

/// Checks invariants 2, 8 and 10, once everything has settled.
async fn assert_records_agree(database: &Database, sigan: &SiganMock, gsim: &GsimMock) {
    let id =
        if database.url().starts_with("sqlite") { "lower(hex(id))" } else { "replace(id::text, '-', '')" };
    let active = format!("select {id} from sim where status = 'ACTIVE'");
    let here: BTreeSet<String> = database.texts(&active).await.into_iter().collect();
    let sims = gsim.book().sims();
    let there: BTreeSet<String> =
        sims.iter().map(|sim| sim.reference.as_uuid().simple().to_string()).collect();
    assert_eq!(here, there, "the SIMs in GSIM are the active ones here");
    let numbers: BTreeSet<_> = sims.iter().map(|sim| sim.msisdn).collect();
    assert_eq!(numbers.len(), sims.len(), "a number has one SIM in GSIM");

    let held = "select msisdn || '' from phone_number where status <> 'RETURNED'";
    let held: BTreeSet<String> = database.texts(held).await.into_iter().collect();
    let in_sigan: BTreeSet<String> =
        sigan.inventory().reserved().iter().map(|hold| hold.msisdn.to_string()).collect();
    assert_eq!(held, in_sigan, "the numbers in Sigan are those held here");

    let twice = "
        select count(*) from (
            select assigned_sim_id from phone_number
            where assigned_sim_id is not null
            group by assigned_sim_id
            having count(*) > 1
        ) twice";
    assert_eq!(database.count(twice).await, 0, "a SIM has one number");
    let bare = "
        select count(*) from phone_number p
        where p.status = 'IN_USE'
          and not exists (select 1 from sim s where s.id = p.assigned_sim_id and s.status = 'ACTIVE')";
    assert_eq!(database.count(bare).await, 0, "a number in use is on an active SIM");
}

/// Repeats a call as a customer has to: while its outcome is not known or a system is busy. None if it was refused.
async fn repeat<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> Option<T> {
    for _ in 0..60 {
        match call().await {
            Ok(done) => return Some(done),
            Err(error) if is_passing(&error) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(_) => return None,
        }
    }
    panic!("a call never gets a certain answer");
}

fn is_passing(error: &Error) -> bool {
    use ErrorKind::{DatabaseUnavailable, OutcomeUnknown, SiganRefused, SiganUnavailable};
    let passing = [DatabaseUnavailable, OutcomeUnknown, SiganRefused, SiganUnavailable];
    passing.contains(&error.kind()) || error.retry_after().is_some()
}

async fn thirty_orders_for_one_number_give_one_sim(database: Database) {
    let world = World::on(database).await;
    world.gsim.behave(Behaviour { latency: Duration::from_millis(100), ..Behaviour::default() });
    let (msisdn, line) = (world.reserved().await, LineId::from(Uuid::now_v7()));
    let order = async || world.oss.order_sim(msisdn, line, WantedSim::Esim(world.device)).await;
    let issued = join_all((0..30).map(|_| order())).await;
    let sims: BTreeSet<_> = issued.into_iter().filter_map(Result::ok).map(|sim| sim.id).collect();
    assert_eq!(sims.len(), 1, "{sims:?}");
    assert_eq!(world.gsim.book().sims().len(), 1);
    world.settle().await;
    world.assert_all_agree().await;
}

/// The customers of a server that is killed again and again.
struct Shop {
    server: Mutex<Http>,
    closing: AtomicBool,
    issued: AtomicUsize,
}

impl Shop {
    fn http(&self) -> Http {
        self.server.lock().expect("nobody panics with it").clone()
    }

    /// Sends a request until it has a certain answer. Returns its body if it succeeded.
    async fn ask(&self, request: impl Fn(&Http) -> RequestBuilder) -> Option<Value> {
        loop {
            let http = self.http();
            match http.try_send(request(&http)).await {
                Some(answer) if (200..300).contains(&answer.status) => return Some(answer.body),
                Some(answer) if answer.status < 500 && answer.retry_after.is_none() => return None,
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn live(&self, device: &str) {
        while !self.closing.load(Ordering::Relaxed) {
            self.one_line(device).await;
        }
    }

    async fn one_line(&self, device: &str) {
        let (key, line) = (Uuid::now_v7().to_string(), line());
        let reserve = |http: &Http| {
            let request = http.request(Method::POST, "/reservations").header("idempotency-key", &key);
            request.json(&json!({ "areaCode": "11" }))
        };
        let Some(reserved) = self.ask(reserve).await else { return };
        let msisdn = reserved["msisdn"].as_str().expect("a number");
        let order = json!({ "msisdn": msisdn, "lineId": line, "deviceModelHash": device });
        if self.ask(|http| http.request(Method::POST, "/esims").json(&order)).await.is_none() {
            return;
        }
        self.issued.fetch_add(1, Ordering::Relaxed);
        if fastrand::bool() {
            let replace = json!({ "deviceModelHash": device });
            let path = format!("/numbers/{msisdn}/sim");
            let key = Uuid::now_v7().to_string();
            let request =
                |http: &Http| http.request(Method::PUT, &path).header("idempotency-key", &key).json(&replace);
            let _ = self.ask(request).await;
        }
        if fastrand::bool() {
            let path = format!("/numbers/{msisdn}/line");
            let _ = self.ask(|http| http.request(Method::DELETE, &path)).await;
        }
    }
}

async fn killed_again_and_again(database: Database, cycles: usize) {
    let (sigan, gsim) = (SiganMock::new(Inventory::new("PR")), GsimMock::new(OrderBook::new()));
    let (sigan_server, gsim_server) = (sigan.start().await, gsim.start().await);
    let gsim_url = gsim_server.url();
    let more = [&SETTINGS[..], &[("OSS_GSIM_URL", gsim_url.as_str()), ("OSS_GSIM_ORDER_TIMEOUT", "1500ms")]];
    let serve = || Server::start(&database, sigan_server.url().as_str(), &more.concat());
    let mut server = serve();
    let device = device(&server.http()).await;
    let shop = Arc::new(Shop {
        server: Mutex::new(server.http()),
        closing: AtomicBool::new(false),
        issued: AtomicUsize::new(0),
    });
    let customers: Vec<_> = (0..8)
        .map(|_| {
            let (shop, device) = (shop.clone(), device.clone());
            tokio::spawn(async move { shop.live(&device).await })
        })
        .collect();
    for _ in 0..cycles {
        sigan.behave(unreliable());
        gsim.behave(unreliable());
        let wanted = shop.issued.load(Ordering::Relaxed) + fastrand::usize(3..8);
        eventually(async || {
            (shop.issued.load(Ordering::Relaxed) >= wanted).then_some(()).ok_or("no SIM is issued any more")
        })
        .await;
        server.kill();
        server = serve();
        *shop.server.lock().expect("nobody panics with it") = server.http();
    }
    sigan.behave(Behaviour::default());
    gsim.behave(Behaviour::default());
    shop.closing.store(true, Ordering::Relaxed);
    for customer in join_all(customers).await {
        customer.expect("no customer panics");
    }
    settle(&database, async || {
        let swept = server.http().send(server.http().request(Method::POST, "/sweeps")).await;
        if swept.status == 200 { Ok(()) } else { Err(format!("{swept:?}")) }
    })
    .await;
    assert_records_agree(&database, &sigan, &gsim).await;
    let doubted = "select count(*) from sim_order where attempts > 1";
    assert!(database.count(doubted).await > 0, "no order was ever in doubt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_on_postgres_is_killed_twenty_times_while_sims_are_ordered() {
    killed_again_and_again(Database::postgres().await, 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_on_a_file_is_killed_ten_times_while_sims_are_ordered() {
    killed_again_and_again(Database::sqlite().await, 10).await;
}

async fn storms_leave_no_sim_and_no_number_behind(database: Database) {
    let world = World::on(database).await;
    let losing = Behaviour { latency: Duration::from_millis(10), fail_rate: 0.05, lose_rate: 0.1 };
    world.gsim.behave(losing);
    world.sigan.behave(losing);
    for _ in 0..4 {
        join_all((0..12).map(|_| world.live())).await;
    }
    world.gsim.behave(Behaviour::default());
    world.sigan.behave(Behaviour::default());
    world.settle().await;
    world.assert_all_agree().await;
}
