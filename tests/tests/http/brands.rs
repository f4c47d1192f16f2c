//! Several brands on one service: each sees only its own numbers, and Sigan gets the brand of each call.

use std::sync::Arc;
use std::time::Duration;

use oss_core::config::{Config, Sources};
use oss_core::sigan::mock::{Behaviour, CallKind, Inventory};
use oss_core::sigan::{Hold, HttpSigan, PreReserve, Sigan as _};
use oss_core::{AuditOptions, AuditReport, BrandId, Choice, Error, IdempotencyKey, Msisdn, Oss, PreviewId};
use oss_tests::backend::Database;
use oss_tests::settle::{UNSETTLED, settings};
use oss_tests::sigan::{Sigan, wait_until_called};

oss_tests::on_both!(
    sigan_holds_numbers_for_the_brand_that_asks,
    data_of_another_brand_does_not_exist,
    a_call_of_another_brand_does_not_wait,
    a_key_names_a_request_of_one_brand,
    every_brand_is_audited,
);

/// A service with its database and its Sigan, and a second client of that Sigan for the test.
struct Setup {
    oss: Oss,
    sigan: Sigan,
    inside: HttpSigan,
    database: Database,
}

impl Setup {
    /// Starts a service with further brands in its settings.
    async fn on(database: Database, other_brands: &[&str]) -> Self {
        let sigan = Sigan::start(Inventory::new("PR")).await;
        let url = sigan.url();
        let config = Config::load(&Sources::of_environment(settings(&database, &url))).unwrap();
        let client = || HttpSigan::new(&config.sigan).unwrap();
        let builder = Oss::builder(brand("acme")).other_brands(other_brands.iter().map(|name| brand(name)));
        let builder = builder.settings(config.common.settings.clone()).sigan(Arc::new(client()));
        let oss = builder.build(database.store().await);
        Self { oss, sigan, inside: client(), database }
    }

    /// The service for the brand of its settings, and for another brand.
    fn two(&self) -> (Oss, Oss) {
        ["acme", "other"].map(|name| self.oss.acting_for(brand(name)).expect("anyone may act for it")).into()
    }

    /// The numbers that Sigan lists for a brand.
    async fn listed(&self, name: &str) -> Vec<Msisdn> {
        let page = self.inside.holds(&brand(name), None, 100).await.unwrap();
        page.holds.iter().map(|listed| listed.hold.msisdn).collect()
    }

    /// Makes Sigan hold a number for a brand that is not recorded here.
    async fn stray(&self, name: &str) -> Msisdn {
        let hold_for = Duration::from_mins(15);
        let wish = PreReserve::new(ddd(), 1, brand(name), hold_for);
        let offered = self.inside.pre_reserve(&wish).await.unwrap();
        let hold = Hold { external_id: offered.external_id, msisdn: offered.msisdns[0] };
        self.inside.reserve(&hold).await.unwrap();
        hold.msisdn
    }

    async fn audit(&self, oss: &Oss, fix: bool) -> AuditReport {
        let options = AuditOptions::default().fix(fix).min_age(Duration::ZERO);
        let report = oss.audit(options, |_| ()).await.unwrap();
        self.database.wait_for_count(UNSETTLED, 0).await;
        report
    }
}

fn brand(name: &str) -> BrandId {
    name.parse().expect("a brand")
}

fn ddd() -> oss_core::Ddd {
    "11".parse().expect("a DDD")
}

fn first() -> Choice {
    Choice::ALL[0]
}

async fn reserved(oss: &Oss) -> Msisdn {
    oss.reserve_random(ddd()).await.unwrap().msisdn
}

/// The code and the text of an error, with `it` instead of the unknown name.
fn error_of<T: std::fmt::Debug>(answer: Result<T, Error>, named: &str) -> (&'static str, String) {
    let error = answer.expect_err("it is not there");
    (error.code(), error.to_string().replace(named, "it"))
}

async fn sigan_holds_numbers_for_the_brand_that_asks(database: Database) {
    let setup = Setup::on(database, &[]).await;
    let (_, other) = setup.two();
    let preview = other.create_preview(ddd()).await.unwrap();
    let chosen = other.reserve(preview.id, first()).await.unwrap().msisdn;
    let random = reserved(&other).await;
    // Nobody acts for a brand here: Sigan gets the brand of the settings, and the brand of a preview does not matter.
    let own = reserved(&setup.oss).await;
    let preview = other.create_preview(ddd()).await.unwrap();
    let taken = setup.oss.reserve(preview.id, first()).await.unwrap().msisdn;

    assert_eq!(setup.listed("acme").await, [own]);
    let mut numbers = [chosen, random, taken];
    numbers.sort_unstable();
    assert_eq!(setup.listed("other").await, numbers);
    let recorded = "select distinct brand_id || ' ' || msisdn from reservation order by 1";
    let mut expected: Vec<String> = numbers.iter().map(|number| format!("other {number}")).collect();
    expected.insert(0, format!("acme {own}"));
    assert_eq!(setup.database.texts(recorded).await, expected);
    assert_eq!(other.number(taken).await.unwrap().history.len(), 1, "it is still the brand's own");
}

async fn data_of_another_brand_does_not_exist(database: Database) {
    let setup = Setup::on(database, &[]).await;
    let (owner, stranger) = setup.two();
    let preview = owner.create_preview(ddd()).await.unwrap().id;
    let calls = setup.sigan.calls(CallKind::PreReserve);
    let nowhere = PreviewId::new();
    let (there, gone) = (preview.to_string(), nowhere.to_string());
    let replaced = stranger.create_preview(ddd()).replacing(preview).await;
    let unknown = stranger.create_preview(ddd()).replacing(nowhere).await;
    assert_eq!(error_of(replaced, &there), error_of(unknown, &gone));
    let (taken, unknown) =
        (stranger.reserve(preview, first()).await, stranger.reserve(nowhere, first()).await);
    assert_eq!(error_of(taken, &there), error_of(unknown, &gone));
    assert_eq!(setup.sigan.calls(CallKind::PreReserve), calls, "Sigan is not asked");

    let number = owner.reserve(preview, first()).await.unwrap().msisdn;
    let nowhere: Msisdn = "21987654321".parse().unwrap();
    let sim = setup.database.add_sim().await;
    let (there, gone) = (number.masked().to_string(), nowhere.masked().to_string());
    assert_eq!(
        error_of(stranger.number(number).await, &there),
        error_of(stranger.number(nowhere).await, &gone)
    );
    assert_eq!(
        error_of(stranger.release(number).await, &there),
        error_of(stranger.release(nowhere).await, &gone)
    );
    let (taken, unknown) = (stranger.assign(number, sim).await, stranger.assign(nowhere, sim).await);
    assert_eq!(error_of(taken, &there), error_of(unknown, &gone));
    assert_eq!(setup.sigan.calls(CallKind::Release), 0);
    assert_eq!(owner.reserve(preview, first()).await.unwrap().msisdn, number, "it is as it was");
    owner.assign(number, sim).await.unwrap();
    assert_eq!(
        error_of(stranger.release(number).await, &there),
        error_of(stranger.release(nowhere).await, &gone)
    );
}

async fn a_call_of_another_brand_does_not_wait(database: Database) {
    let setup = Setup::on(database, &[]).await;
    let (owner, stranger) = setup.two();
    let preview = owner.create_preview(ddd()).await.unwrap().id;
    setup.sigan.behave(Behaviour { latency: Duration::from_millis(700), ..Behaviour::default() });
    let call = tokio::spawn({
        let owner = owner.clone();
        async move { owner.reserve(preview, first()).await }
    });
    wait_until_called(&setup.sigan, CallKind::Reserve, 1).await;
    let answer = stranger.reserve(preview, first()).await;
    assert!(matches!(answer, Err(Error::UnknownPreview(_))), "{answer:?}");
    assert!(!call.is_finished(), "the answer of the other call was not waited for");
    let again = owner.reserve(preview, first()).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), again);
}

async fn a_key_names_a_request_of_one_brand(database: Database) {
    let setup = Setup::on(database, &[]).await;
    let (owner, stranger) = setup.two();
    let key = || Some(IdempotencyKey::new("shop".parse().unwrap(), "order-1").unwrap());
    let number = owner.reserve_random(ddd()).idempotency_key(key()).await.unwrap();
    let preview = owner.create_preview(ddd()).idempotency_key(key()).await.unwrap();
    let reused = stranger.reserve_random(ddd()).idempotency_key(key()).await;
    assert!(matches!(reused, Err(Error::KeyReused)), "{reused:?}");
    let reused = stranger.create_preview(ddd()).idempotency_key(key()).await;
    assert!(matches!(reused, Err(Error::KeyReused)), "{reused:?}");
    for oss in [&owner, &setup.oss] {
        assert_eq!(oss.reserve_random(ddd()).idempotency_key(key()).await.unwrap(), number);
        assert_eq!(oss.create_preview(ddd()).idempotency_key(key()).await.unwrap(), preview);
    }
}

async fn every_brand_is_audited(database: Database) {
    let setup = Setup::on(database, &["named"]).await;
    let (owner, holding) = setup.two();
    reserved(&owner).await;
    reserved(&holding).await;
    let report = setup.audit(&setup.oss, false).await;
    assert_eq!((report.listed, report.held, report.differences()), (2, 2, 0), "{report:?}");

    let mut strays = Vec::new();
    for name in ["acme", "other", "named"] {
        strays.push((name, setup.stray(name).await));
    }
    let report = setup.audit(&holding, false).await;
    assert_eq!((report.listed, report.held, report.unknown_here), (2, 1, 1), "its own alone: {report:?}");
    let report = setup.audit(&setup.oss, true).await;
    assert_eq!((report.listed, report.held, report.unknown_here, report.fixed), (5, 2, 3, 3), "{report:?}");
    for (name, stray) in strays {
        assert!(!setup.listed(name).await.contains(&stray), "{name}");
        let recorded = format!(
            "select count(*) from reservation where msisdn = '{stray}' and brand_id = '{name}' and state = 'RELEASED'"
        );
        assert_eq!(setup.database.count(&recorded).await, 1, "{name}");
    }
    assert_eq!(setup.audit(&setup.oss, false).await.differences(), 0);
}

#[tokio::test]
async fn nobody_may_act_for_the_brand_of_older_data() {
    let oss = Oss::sandbox().await.unwrap();
    let refused = oss.acting_for(brand("unknown")).unwrap_err();
    assert!(refused.expected.contains("unknown"), "{refused}");
    assert!(oss.acting_for(brand("acme")).is_ok());
    oss.shutdown().await;
}
