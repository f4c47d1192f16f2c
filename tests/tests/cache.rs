//! Redis up, gone, frozen: the answer is the same.

use oss_tests::backend::Database;
use oss_tests::redis::Redis;
use oss_tests::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn an_area_code_is_looked_up_once() {
    let (database, redis) = (Database::postgres().await, Redis::start().await);
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", &redis.url())]).await;
    assert_eq!(server.http().get("/ddds/11").await.status, 204);
    assert_eq!(server.http().get("/ddds/23").await.status, 404);
    // Under the version of the list, which is zero until it is imported.
    let version = uuid::Uuid::nil();
    assert_eq!(redis.get(&format!("oss:ddd:{version}:11")).await.as_deref(), Some("true"));
    assert_eq!(redis.get(&format!("oss:ddd:{version}:23")).await.as_deref(), Some("false"));

    // Another server asks Redis and not the database; this one asks neither.
    database.execute("delete from location_ddd").await;
    let (other, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", &redis.url())]).await;
    for server in [&server, &other] {
        assert_eq!(server.http().get("/ddds/11").await.status, 204);
        assert_eq!(server.http().get("/ddds/23").await.status, 404);
    }
    assert_eq!(other.http().get("/ddds/85").await.status, 404, "which neither of them has seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_gone_changes_no_answer() {
    let (database, mut redis) = (Database::sqlite().await, Redis::start().await);
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", &redis.url())]).await;
    assert_eq!(server.http().get("/ddds/11").await.status, 204);
    redis.stop();
    for ddd in ["21", "31", "41", "51", "61"] {
        assert_eq!(server.http().get(&format!("/ddds/{ddd}")).await.status, 204);
    }
    assert_eq!(warnings(&server), 1, "told once: {:#?}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_never_answers_changes_no_answer_and_comes_back() {
    let (database, mut redis) = (Database::sqlite().await, Redis::start().await);
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", &redis.url())]).await;
    assert_eq!(server.http().get("/ddds/11").await.status, 204);
    redis.freeze();
    for ddd in ["21", "31", "41"] {
        assert_eq!(server.http().get(&format!("/ddds/{ddd}")).await.status, 204);
    }
    assert_eq!(warnings(&server), 1, "told once: {:#?}", server.log());
    redis.thaw();
    let all = (11..=99).map(|code| code.to_string()).filter(|code| !code.ends_with('0'));
    for ddd in all {
        server.http().get(&format!("/ddds/{ddd}")).await;
        if server.log().iter().any(|line| line.contains("Redis answers again")) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("Redis is not asked again: {:#?}", server.log());
}

fn warnings(server: &Server) -> usize {
    server.log().iter().filter(|line| line.contains("Redis does not answer")).count()
}
