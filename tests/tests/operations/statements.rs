//! The number of statements of each operation on PostgreSQL, as PostgreSQL counts them.

use std::time::{Duration, Instant};

use futures::future::join_all;
use oss_core::sigan::mock::{CallKind, Fault, RunningSigan};
use oss_tests::backend::Database;
use oss_tests::eventually::eventually;
use oss_tests::http::{Answer, Http};
use oss_tests::postgres::Postgres;
use oss_tests::server::Server;
use oss_tests::statements::{Executed, executed, logged};
use reqwest::Method;
use serde_json::{Value, json};

/// A server whose statements are counted.
struct Watched {
    postgres: Postgres,
    database: Database,
    sigan: RunningSigan,
    http: Http,
    _server: Server,
}

impl Watched {
    /// Starts a server that has swept, opened its one connection and looked up the area code.
    async fn start() -> Self {
        let postgres = Postgres::start().await;
        let database = Database::on(&postgres).await;
        let watched_url = logged(database.url());
        let settings = [("OSS_DATABASE_URL", &*watched_url), ("OSS_DATABASE_POOL", "1")];
        let (server, sigan) = Server::with_sigan(&database, &settings).await;
        let watched = Self { postgres, database, sigan, http: server.http(), _server: server };
        watched.until(0, "with old as materialized").await;
        watched.http.preview().await;
        watched
    }

    /// Runs an operation, and returns its answer and the statements until then.
    async fn during(&self, operation: impl Future<Output = Answer>) -> (Answer, Vec<Executed>) {
        let before = self.postgres.log().len();
        let answer = operation.await;
        assert!(answer.status < 300, "{answer:?}");
        (answer, self.since(before))
    }

    fn since(&self, before: usize) -> Vec<Executed> {
        let statements = executed(&self.postgres.log()[before..]);
        statements.into_iter().filter(|statement| !statement.asks_for_versions()).collect()
    }

    /// Waits for a statement that the caller does not wait for, and returns all statements until then.
    async fn until(&self, before: usize, part: &str) -> Vec<Executed> {
        eventually(async || {
            let statements = self.since(before);
            let is_there = statements.iter().any(|statement| statement.sql.contains(part));
            if is_there { Ok(statements) } else { Err(format!("nobody executed {part:?}: {statements:#?}")) }
        })
        .await
    }

    /// Runs an operation, and checks that it executed this many statements.
    async fn costs(&self, count: usize, operation: impl Future<Output = Answer>) -> Value {
        let (answer, statements) = self.during(operation).await;
        assert_eq!(statements.len(), count, "{statements:#?}");
        answer.body
    }

    fn keyed(&self, path: &str, key: &str) -> impl Future<Output = Answer> {
        let request = self.http.request(Method::POST, path).header("idempotency-key", key);
        self.http.send(request.json(&json!({ "areaCode": "11" })))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_costs_no_more_statements_than_it_must() {
    let watched = Watched::start().await;
    let http = &watched.http;
    let body = json!({ "areaCode": "11" });

    let preview = watched.costs(1, http.post("/previews", body.clone())).await;
    let replacing = json!({ "areaCode": "11", "previousId": preview["id"] });
    let preview = watched.costs(2, http.post("/previews", replacing)).await;
    let id = preview["id"].as_str().unwrap();
    let reserved = watched.costs(2, http.reserve(id, 2)).await;
    watched.costs(1, http.reserve(id, 2)).await;
    watched.costs(2, http.post("/reservations", body)).await;

    // The first call with a key looks for the key first. A repeat finds its answer by the key.
    watched.costs(2, watched.keyed("/previews", "a")).await;
    watched.costs(1, watched.keyed("/previews", "a")).await;
    watched.costs(3, watched.keyed("/reservations", "b")).await;
    watched.costs(1, watched.keyed("/reservations", "b")).await;

    watched.costs(0, http.get("/ddds/11")).await;
    release_costs_one(&watched, reserved["msisdn"].as_str().unwrap()).await;
    let released = "select count(*) from reservation where state = 'RELEASED'";
    watched.database.wait_for_count(released, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_share_one_look_at_the_database_in_a_second() {
    let watched = Watched::start().await;
    watched.http.get("/health/ready").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (before, begun) = (watched.postgres.log().len(), Instant::now());
    let probes = join_all((0..100).map(|_| watched.http.get("/health/ready"))).await;
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    assert!(probes.iter().all(|probe| probe.status == 200));
    // A check is two statements: whether the tables exist, and whether sessions have their bounds.
    let looks = watched.since(before).len() / 2;
    assert!((1..=seconds).contains(&looks), "{looks} in {seconds} s");
}

/// The caller waits for one statement. Another one records later that Sigan confirmed the release.
async fn release_costs_one(watched: &Watched, msisdn: &str) {
    watched.sigan.next(CallKind::Release, Fault::Slow(Duration::from_secs(1)));
    let before = watched.postgres.log().len();
    watched.costs(1, watched.http.delete(&format!("/reservations/{msisdn}"))).await;
    let all = watched.until(before, "else 'RELEASED' end").await;
    assert_eq!(all.len(), 2, "{all:#?}");
}
