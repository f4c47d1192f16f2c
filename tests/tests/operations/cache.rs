//! The answer is the same if Redis is up, down, frozen or replaced. The tests run on every set-up of Redis.

use std::time::Duration;

use oss_core::gsim::mock::{CallKind, Fault, GsimMock, OrderBook, RunningGsim};
use oss_core::sigan::mock::RunningSigan;
use oss_core::{DeviceChoice, DeviceHash};
use oss_tests::backend::Database;
use oss_tests::eventually::eventually;
use oss_tests::redis::Redis;
use oss_tests::server::Server;
use serde_json::{Value, json};

/// The words of the log line for a Redis that does not answer.
const UNANSWERED: &str = "Redis does not answer";

oss_tests::on_each_redis!(
    the_area_codes_are_loaded_once,
    a_redis_that_is_gone_changes_no_answer,
    a_redis_that_never_answers_changes_no_answer_and_comes_back,
);

mod fail_over {
    use super::a_master_that_is_lost_is_replaced;

    oss_tests::on_each_replicated_redis!(a_master_that_is_lost_is_replaced);
}

async fn the_area_codes_are_loaded_once(redis: Redis) {
    let database = Database::postgres().await;
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", redis.url())]).await;
    assert_eq!(server.http().get("/ddds/11").await.status, 204);
    assert_eq!(server.http().get("/ddds/23").await.status, 404);
    let key = format!("oss:{}:ddd:{}", database.installation().await, uuid::Uuid::nil());
    let kept: Vec<String> = serde_json::from_str(&redis.get(&key).expect("Redis has them")).unwrap();
    assert_eq!(kept.len(), 67);
    assert!(kept.contains(&"11".to_owned()) && !kept.contains(&"23".to_owned()), "{kept:?}");

    // Another server asks Redis and not the database. This server asks neither.
    database.execute("delete from location_ddd").await;
    let (other, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", redis.url())]).await;
    for server in [&server, &other] {
        for (ddd, status) in [(11, 204), (23, 404), (85, 204)] {
            assert_eq!(server.http().get(&format!("/ddds/{ddd}")).await.status, status, "{ddd}");
        }
    }

    // A new version of the list takes its place, although Redis still has the old one.
    database
        .execute(&format!("update reference_data set version = '{}' where name = 'ddds'", uuid::Uuid::max()))
        .await;
    for server in [&server, &other] {
        let asked = async || server.http().get("/ddds/11").await.status;
        eventually(async || if asked().await == 404 { Ok(()) } else { Err("the old list is used") }).await;
    }
}

/// A server and a GSIM that knows many devices. The answer about each device has a key of its own in Redis.
struct Asked {
    server: Server,
    installation: String,
    gsim: RunningGsim,
    _sigan: RunningSigan,
}

impl Asked {
    async fn on(database: &Database, redis: &Redis) -> Self {
        let gsim = GsimMock::new(OrderBook::new()).start().await;
        (0..100).for_each(|device| gsim.knows(&choice(device), true));
        let gsim_url = gsim.url();
        let settings = [("OSS_REDIS_URL", redis.url()), ("OSS_GSIM_URL", gsim_url.as_str())];
        let (server, sigan) = Server::with_sigan(database, &settings).await;
        let installation = database.installation().await.to_string();
        Self { server, installation, gsim, _sigan: sigan }
    }

    /// Whether a device supports eSIM, as the server says.
    async fn supports(&self, device: u8) -> Value {
        let answer =
            self.server.http().put_json("/device-models", json!({ "deviceCode": code(device) })).await;
        answer.body["supportsEsim"].clone()
    }

    async fn check(&self, devices: impl IntoIterator<Item = u8>) {
        for device in devices {
            assert_eq!(self.supports(device).await, true, "{device}");
        }
    }

    /// The place in Redis of the answer about a device.
    fn key(&self, device: u8) -> String {
        format!("oss:{}:gsim:{}", self.installation, DeviceHash::of(&choice(device)))
    }

    fn log(&self) -> Vec<String> {
        self.server.log()
    }

    fn warnings(&self) -> usize {
        self.log().iter().filter(|line| line.contains(UNANSWERED)).count()
    }
}

fn code(device: u8) -> String {
    format!("ZZ-{device}")
}

fn choice(device: u8) -> DeviceChoice {
    DeviceChoice::Code(code(device).parse().expect("a code"))
}

async fn a_redis_that_is_gone_changes_no_answer(mut redis: Redis) {
    let database = Database::sqlite().await;
    let asked = Asked::on(&database, &redis).await;
    asked.check([11]).await;
    redis.stop();
    asked.check([21, 31, 41, 51, 61]).await;
    asked.server.wait_for_log(UNANSWERED).await;
    assert_eq!(asked.warnings(), 1, "logged once: {:#?}", asked.log());
}

async fn a_redis_that_never_answers_changes_no_answer_and_comes_back(mut redis: Redis) {
    let database = Database::sqlite().await;
    let asked = Asked::on(&database, &redis).await;
    asked.check([11]).await;
    redis.freeze();
    asked.check([21, 31, 41]).await;
    asked.server.wait_for_log(UNANSWERED).await;
    assert_eq!(asked.warnings(), 1, "logged once: {:#?}", asked.log());
    redis.thaw();
    for device in 42..100 {
        asked.check([device]).await;
        if asked.log().iter().any(|line| line.contains("Redis answers again")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("Redis is not asked again: {:#?}", asked.log());
}

async fn a_master_that_is_lost_is_replaced(mut redis: Redis) {
    let database = Database::postgres().await;
    let (writer, reader) = (Asked::on(&database, &redis).await, Asked::on(&database, &redis).await);
    writer.check(11..50).await;
    reader.check([11]).await;
    let kept = |device: &u8| redis.get(&writer.key(*device)).as_deref() == Some("true");
    let lost: Vec<u8> =
        (12..50).filter(kept).filter(|device| redis.is_on_the_first_master(&writer.key(*device))).collect();
    redis.lose_a_master().await;
    reader.gsim.always(CallKind::Device, Some(Fault::FailBefore));

    // GSIM says nothing any more, so an answer must come from the new master.
    let mut read = Value::Null;
    for device in lost {
        read = reader.supports(device).await;
        if read == true {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(read, true, "nothing comes from the new master: {:#?}", reader.log());
    // And what is looked up now is kept there.
    for device in 51..100 {
        writer.check([device]).await;
        if redis.get(&writer.key(device)).is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing is kept at the new master: {:#?}", writer.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_started_again_is_no_outage() {
    let (database, mut redis) = (Database::sqlite().await, Redis::start().await);
    let asked = Asked::on(&database, &redis).await;
    asked.check([11]).await;
    redis.stop();
    redis.start_again().await;
    asked.check([21]).await;
    assert_eq!(redis.get(&asked.key(21)).as_deref(), Some("true"));
    assert_eq!(asked.warnings(), 0, "it is only connected to again: {:#?}", asked.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_has_moved_is_found() {
    let (database, redis) = (Database::sqlite().await, Redis::cluster().await);
    let asked = Asked::on(&database, &redis).await;
    asked.check([11]).await;
    redis.move_slot_of(&asked.key(21));
    asked.check([21]).await;
    assert_eq!(redis.get(&asked.key(21)).as_deref(), Some("true"));
    assert_eq!(asked.warnings(), 0, "that is no outage: {:#?}", asked.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_installations_on_one_redis_keep_their_own_answers() {
    let redis = Redis::start().await;
    let (mut servers, choice) = (Vec::new(), json!({ "deviceCode": "ZZ-1" }));
    for (database, ddd, supported) in
        [(Database::postgres().await, "11", true), (Database::sqlite().await, "21", false)]
    {
        let gsim = GsimMock::new(OrderBook::new()).start().await;
        gsim.knows(&DeviceChoice::Code("ZZ-1".parse().unwrap()), supported);
        database.execute(&format!("delete from location_ddd where ddd <> '{ddd}'")).await;
        let url = gsim.url();
        let settings = [("OSS_REDIS_URL", redis.url()), ("OSS_GSIM_URL", url.as_str())];
        let (server, sigan) = Server::with_sigan(&database, &settings).await;
        for (asked, known) in [("11", ddd == "11"), ("21", ddd == "21")] {
            let status = server.http().get(&format!("/ddds/{asked}")).await.status;
            assert_eq!(status, if known { 204 } else { 404 }, "{asked} where {ddd} is the only one");
        }
        let check = server.http().put_json("/device-models", choice.clone()).await;
        assert_eq!(check.body["supportsEsim"], supported, "{check:?}");
        servers.push((server, sigan, gsim, database));
    }
}
