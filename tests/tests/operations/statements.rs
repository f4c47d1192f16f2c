//! The number of statements of each operation on PostgreSQL, as PostgreSQL counts them.

use std::time::{Duration, Instant};

use futures::future::join_all;
use oss_core::sigan::Hold;
use oss_core::sigan::mock::{CallKind, Fault, RunningSigan};
use oss_core::store::{
    AttemptStore, Begin, BeginRandom, Confirmed, Intent, Lease, NewPreview, PgPoolOptions, PostgresStore,
    PreviewStore, RandomStore, Release, ReleaseStore, Scope, bounded,
};
use oss_core::{AttemptState, PreviewId, ReservationId};
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
        let is_counted = |statement: &Executed| !statement.asks_for_versions() && !statement.records_calls();
        statements.into_iter().filter(is_counted).collect()
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

/// Many callers that each take one step at once.
const CALLERS: usize = 64;

/// The statements that so many steps cost at most: a quarter of one for each.
const SHARED: usize = CALLERS / 4;

/// Counts the statements of steps that are taken at once.
async fn share<T>(postgres: &Postgres, steps: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let before = postgres.log().len();
    let answers = join_all(steps).await;
    let statements = executed(&postgres.log()[before..]);
    let steps = statements.iter().filter(|statement| statement.sql.contains("unnest")).count();
    assert_eq!(answers.len(), CALLERS);
    assert!((1..=SHARED).contains(&steps), "{steps} of {} statements", statements.len());
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_wait_share_statements() {
    let postgres = Postgres::start().await;
    let database = Database::on(&postgres).await;
    let store = &PostgresStore::new(&logged(database.url()).into(), 10).unwrap();
    let lease = Duration::from_mins(1);
    let previews: Vec<NewPreview> = (0..CALLERS).map(preview).collect();

    share(&postgres, previews.iter().map(|preview| store.create_preview(preview))).await;
    let begun = share(
        &postgres,
        previews.iter().map(|NewPreview { id, .. }| {
            let choice = 1.try_into().unwrap();
            store.begin_reservation(Scope::AllBrands, ReservationId::new(), *id, choice, Intent::Take(lease))
        }),
    );
    let leases: Vec<Lease> = begun
        .await
        .into_iter()
        .map(|begun| match begun.unwrap() {
            Begin::Started(lease) => lease,
            other => panic!("{other:?}"),
        })
        .collect();
    let holds: Vec<Hold> = previews
        .iter()
        .map(|preview| Hold { external_id: preview.external_id.clone(), msisdn: preview.msisdns[1] })
        .collect();
    let random = share(
        &postgres,
        holds.iter().zip(&previews).map(|(hold, preview)| {
            store.begin_random(ReservationId::new(), hold, &preview.brand, None, lease)
        }),
    );
    assert!(random.await.iter().all(|begun| matches!(begun, Ok(BeginRandom::Started(_)))));
    let confirmed = share(&postgres, leases.iter().map(|held| store.confirm(held, lease))).await;
    assert!(confirmed.iter().all(|confirmed| matches!(confirmed, Ok(Confirmed::Held(_)))));
    let released =
        share(&postgres, leases.iter().map(|held| store.release(Scope::AllBrands, held.hold.msisdn, lease)))
            .await;
    assert!(released.iter().all(|released| matches!(released, Ok(Release::Returned(Some(_))))));
    let delivered = share(&postgres, leases.iter().map(|held| store.record_delivery(held.reservation))).await;
    assert!(delivered.iter().all(|state| *state == Ok(Some(AttemptState::Released))));
}

/// PostgreSQL makes a plan for each execution of a statement while it finds that cheaper than the plan for any parameters.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_statement_is_planned_once_for_any_count_of_callers() {
    let database = Database::postgres().await;
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect_with(bounded(database.url().parse().unwrap())).await.unwrap();
    let store = &PostgresStore::with_pool(pool.clone());
    let lease = Duration::from_mins(1);
    let id = ReservationId::new;
    for preview in (0..12).map(preview) {
        store.create_preview(&preview).await.unwrap();
        let (choice, intent) = (1.try_into().unwrap(), Intent::Take(lease));
        let begun = store.begin_reservation(Scope::AllBrands, id(), preview.id, choice, intent).await;
        let Begin::Started(held) = begun.unwrap() else { panic!("it is free") };
        let random = Hold { external_id: preview.external_id, msisdn: preview.msisdns[1] };
        store.begin_random(id(), &random, &preview.brand, None, lease).await.unwrap();
        store.confirm(&held, lease).await.unwrap();
        store.release(Scope::AllBrands, held.hold.msisdn, lease).await.unwrap();
        store.record_delivery(held.reservation).await.unwrap();
    }
    let planned: Vec<(String, i64, i64)> = sqlx::query_as(
        "select left(statement, 200), generic_plans, custom_plans from pg_prepared_statements
         where statement like '%unnest(%' and cardinality(parameter_types) > 0",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(planned.len(), 6, "{planned:#?}");
    // It compares the two after five executions.
    assert!(planned.iter().all(|(_, generic, custom)| (*generic, *custom) == (7, 5)), "{planned:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_wait_for_a_file_share_commits() {
    let database = Database::sqlite().await;
    let store = &database.store().await;
    let previews: Vec<NewPreview> = (0..CALLERS).map(preview).collect();
    let before = commits(&database);
    let stored = join_all(previews.iter().map(|preview| store.create_preview(preview))).await;
    assert!(stored.iter().all(|stored| matches!(stored, Ok(Some(_)))), "{stored:?}");
    let commits = commits(&database) - before;
    assert!((1..=SHARED).contains(&commits), "{commits}");
}

/// The count of commits in the log of a SQLite file. The last page of a commit has the size of the database in its header
/// (<https://www.sqlite.org/fileformat2.html#walformat>).
fn commits(database: &Database) -> usize {
    let path = database.url().trim_start_matches("sqlite://");
    let log = std::fs::read(format!("{path}-wal")).unwrap_or_default();
    let Some(page_size) = log.get(8..12) else { return 0 };
    let page_size = u32::from_be_bytes(page_size.try_into().unwrap()).try_into().unwrap_or(usize::MAX);
    log[32..].chunks(24 + page_size).filter(|page| page[4..8] != [0; 4]).count()
}

/// A preview of numbers that no other one has.
fn preview(at: usize) -> NewPreview {
    NewPreview {
        id: PreviewId::new(),
        external_id: format!("PR-{at}").parse().unwrap(),
        brand: "acme".parse().unwrap(),
        msisdns: (1..=3).map(|index| format!("119{:08}", at * 10 + index).parse().unwrap()).collect(),
        valid_for: Duration::from_mins(15),
        previous: None,
        key: None,
    }
}

/// The caller waits for one statement. Another one records later that Sigan confirmed the release.
async fn release_costs_one(watched: &Watched, msisdn: &str) {
    watched.sigan.next(CallKind::Release, Fault::Slow(Duration::from_secs(1)));
    let before = watched.postgres.log().len();
    watched.costs(1, watched.http.delete(&format!("/reservations/{msisdn}"))).await;
    let all = watched.until(before, "else 'RELEASED' end").await;
    assert_eq!(all.len(), 2, "{all:#?}");
}
