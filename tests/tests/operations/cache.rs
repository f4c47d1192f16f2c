//! The answer is the same if Redis is up, down, frozen or replaced. The tests run on every set-up of Redis.

use std::time::Duration;

use oss_core::DeviceChoice;
use oss_core::gsim::mock::GsimMock;
use oss_tests::backend::Database;
use oss_tests::redis::Redis;
use oss_tests::server::Server;
use serde_json::json;

/// The words of the log line for a Redis that does not answer.
const UNANSWERED: &str = "Redis does not answer";

oss_tests::on_each_redis!(
    an_area_code_is_looked_up_once,
    a_redis_that_is_gone_changes_no_answer,
    a_redis_that_never_answers_changes_no_answer_and_comes_back,
);

mod fail_over {
    use super::a_master_that_is_lost_is_replaced;

    oss_tests::on_each_replicated_redis!(a_master_that_is_lost_is_replaced);
}

async fn an_area_code_is_looked_up_once(redis: Redis) {
    let database = Database::postgres().await;
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", redis.url())]).await;
    assert_eq!(server.http().get("/ddds/11").await.status, 204);
    assert_eq!(server.http().get("/ddds/23").await.status, 404);
    let key = keys(&database).await;
    assert_eq!(redis.get(&key(11)).as_deref(), Some("true"));
    assert_eq!(redis.get(&key(23)).as_deref(), Some("false"));

    // Another server asks Redis and not the database. This server asks neither.
    database.execute("delete from location_ddd").await;
    let (other, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", redis.url())]).await;
    for server in [&server, &other] {
        assert_eq!(server.http().get("/ddds/11").await.status, 204);
        assert_eq!(server.http().get("/ddds/23").await.status, 404);
    }
    assert_eq!(other.http().get("/ddds/85").await.status, 404, "which neither of them has seen");
}

async fn a_redis_that_is_gone_changes_no_answer(mut redis: Redis) {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", redis.url())]).await;
    assert_eq!(server.http().get("/ddds/11").await.status, 204);
    redis.stop();
    for ddd in ["21", "31", "41", "51", "61"] {
        assert_eq!(server.http().get(&format!("/ddds/{ddd}")).await.status, 204);
    }
    server.wait_for_log(UNANSWERED).await;
    assert_eq!(warnings(&server), 1, "logged once: {:#?}", server.log());
}

async fn a_redis_that_never_answers_changes_no_answer_and_comes_back(mut redis: Redis) {
    let database = Database::sqlite().await;
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", redis.url())]).await;
    assert_eq!(server.http().get("/ddds/11").await.status, 204);
    redis.freeze();
    for ddd in ["21", "31", "41"] {
        assert_eq!(server.http().get(&format!("/ddds/{ddd}")).await.status, 204);
    }
    server.wait_for_log(UNANSWERED).await;
    assert_eq!(warnings(&server), 1, "logged once: {:#?}", server.log());
    redis.thaw();
    for ddd in 11..=99 {
        server.http().get(&format!("/ddds/{ddd}")).await;
        if server.log().iter().any(|line| line.contains("Redis answers again")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("Redis is not asked again: {:#?}", server.log());
}

async fn a_master_that_is_lost_is_replaced(mut redis: Redis) {
    let database = Database::postgres().await;
    let settings = [("OSS_REDIS_URL", redis.url())];
    let (writer, _sigan) = Server::with_sigan(&database, &settings).await;
    let (reader, _sigan) = Server::with_sigan(&database, &settings).await;
    let key = keys(&database).await;
    for ddd in 11..=49 {
        writer.http().get(&format!("/ddds/{ddd}")).await;
    }
    assert_eq!(reader.http().get("/ddds/11").await.status, 204);
    let kept = |ddd: &u8| redis.get(&key(*ddd)).as_deref() == Some("true");
    let lost: Vec<u8> =
        (12..=49).filter(kept).filter(|ddd| redis.is_on_the_first_master(&key(*ddd))).collect();
    redis.lose_a_master().await;
    database.execute("delete from location_ddd").await;

    // The rows are deleted, so a 204 must come from the new master.
    let mut read = 0;
    for ddd in lost {
        read = reader.http().get(&format!("/ddds/{ddd}")).await.status;
        if read == 204 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(read, 204, "nothing comes from the new master: {:#?}", reader.log());
    // New look-ups are stored there.
    for ddd in 51..=99 {
        writer.http().get(&format!("/ddds/{ddd}")).await;
        if redis.get(&key(ddd)).is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing is kept at the new master: {:#?}", writer.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_started_again_is_no_outage() {
    let (database, mut redis) = (Database::sqlite().await, Redis::start().await);
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", redis.url())]).await;
    assert_eq!(server.http().get("/ddds/11").await.status, 204);
    let key = keys(&database).await;
    redis.stop();
    redis.start_again().await;
    assert_eq!(server.http().get("/ddds/21").await.status, 204);
    assert_eq!(redis.get(&key(21)).as_deref(), Some("true"));
    assert_eq!(warnings(&server), 0, "it is only connected to again: {:#?}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_has_moved_is_found() {
    let (database, redis) = (Database::sqlite().await, Redis::cluster().await);
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", redis.url())]).await;
    assert_eq!(server.http().get("/ddds/11").await.status, 204);
    let key = keys(&database).await;
    redis.move_slot_of(&key(21));
    assert_eq!(server.http().get("/ddds/21").await.status, 204);
    assert_eq!(redis.get(&key(21)).as_deref(), Some("true"));
    assert_eq!(warnings(&server), 0, "that is no outage: {:#?}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_installations_on_one_redis_keep_their_own_answers() {
    let redis = Redis::start().await;
    let (mut servers, choice) = (Vec::new(), json!({ "deviceCode": "ZZ-1" }));
    for (database, ddd, supported) in
        [(Database::postgres().await, "11", true), (Database::sqlite().await, "21", false)]
    {
        let gsim = GsimMock::start().await;
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

/// The key of the answer for an area code. It has the identity of the database and the version of the list, which is zero until
/// a list is imported.
async fn keys(database: &Database) -> impl Fn(u8) -> String {
    let installation = database.installation().await;
    move |ddd| format!("oss:{installation}:ddd:{}:{ddd}", uuid::Uuid::nil())
}

fn warnings(server: &Server) -> usize {
    server.log().iter().filter(|line| line.contains(UNANSWERED)).count()
}
