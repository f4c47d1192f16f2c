//! Customers order, replace and end SIMs while both systems lose answers. Afterwards the SIMs in GSIM are those that are active
//! here, and the numbers in Sigan those that are held here.

use std::collections::BTreeSet;
use std::sync::Arc;
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
use oss_tests::on_both;
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
        const LEFT: &str = "
            select (select count(*) from reservation where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING'))
                   + (select count(*) from sim_order where state in ('PENDING', 'IN_DOUBT', 'RELEASING', 'CANCELLING'))";
        eventually(async || {
            self.oss.sweep().await.map_err(|error| error.to_string())?;
            let left = self.database.count(LEFT).await;
            if left == 0 { Ok(()) } else { Err(format!("{left} attempts do not settle")) }
        })
        .await;
    }

    async fn assert_all_agree(&self) {
        let id = if self.database.url().starts_with("sqlite") {
            "lower(hex(id))"
        } else {
            "replace(id::text, '-', '')"
        };
        let active = format!("select {id} from sim where status = 'ACTIVE'");
        let here: BTreeSet<String> = self.database.texts(&active).await.into_iter().collect();
        let there: BTreeSet<String> =
            self.gsim.book().sims().iter().map(|sim| sim.reference.as_uuid().simple().to_string()).collect();
        assert_eq!(here, there, "the SIMs in GSIM are the active ones here");

        let held = "select msisdn || '' from phone_number where status <> 'RETURNED'";
        let held: BTreeSet<String> = self.database.texts(held).await.into_iter().collect();
        let in_sigan: BTreeSet<String> =
            self.sigan.inventory().reserved().iter().map(|hold| hold.msisdn.to_string()).collect();
        assert_eq!(held, in_sigan, "the numbers in Sigan are those held here");

        let twice =
            "select count(*) from (select assigned_sim_id from phone_number where assigned_sim_id is not null
                     group by assigned_sim_id having count(*) > 1) twice";
        assert_eq!(self.database.count(twice).await, 0, "a SIM has one number");
        let bare = "select count(*) from phone_number p where p.status = 'IN_USE' and not exists (
                        select 1 from sim s where s.id = p.assigned_sim_id and s.status = 'ACTIVE')";
        assert_eq!(self.database.count(bare).await, 0, "a number in use is on an active SIM");

        let options = AuditOptions::default().min_age(Duration::ZERO);
        let report = self.oss.audit(options, drop).await.expect("the audit runs");
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(report.sims_listed, there.len() as u64);
    }
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

async fn storms_leave_no_sim_and_no_number_behind(database: Database) {
    let world = World::on(database).await;
    let unreliable = Behaviour { latency: Duration::from_millis(10), fail_rate: 0.05, lose_rate: 0.1 };
    world.gsim.behave(unreliable.clone());
    world.sigan.behave(unreliable);
    for _ in 0..4 {
        join_all((0..12).map(|_| world.live())).await;
    }
    world.gsim.behave(Behaviour::default());
    world.sigan.behave(Behaviour::default());
    world.settle().await;
    world.assert_all_agree().await;
}
