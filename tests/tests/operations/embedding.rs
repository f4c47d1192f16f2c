//! The crate in a program that has parts of its own: settings from the environment, a pool, an inventory, a GSIM.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oss_core::config::DatabaseConfig;
use oss_core::gsim::mock::{GsimMock, OrderBook};
use oss_core::gsim::{Gsim, GsimError};
use oss_core::store::{PgConnectOptions, PgPool, PgPoolOptions, bounded};
use oss_core::{DeviceChoice, Error, EsimSupport, Oss, Settings, StartError};
use oss_tests::backend::Database;
use oss_tests::postgres::Postgres;
use oss_tests::process::built;
use oss_tests::sigan::Sigan;
use secrecy::ExposeSecret;

/// Runs an example and returns what it printed.
async fn run(example: &str, environment: &[(&str, &str)], argument: Option<&str>) -> String {
    let mut command = Command::new(built(example));
    command.env_clear().envs(environment.iter().copied()).args(argument).stderr(Stdio::inherit());
    let output = tokio::task::spawn_blocking(move || command.output().expect("it starts"));
    let output = output.await.expect("it runs");
    let printed = String::from_utf8(output.stdout).expect("it is UTF-8");
    assert!(output.status.success(), "{example}: {printed}");
    printed
}

fn options(database: &Database) -> PgConnectOptions {
    database.url().parse().expect("a URL of PostgreSQL")
}

fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_hours(1))
        .connect_lazy_with(options)
}

fn builder() -> oss_core::OssBuilder {
    Oss::builder("acme".parse().expect("a brand"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_acquisition_story_runs_on_the_sandbox_and_on_what_the_environment_names() {
    let story = run("acquisition", &[], None).await;
    assert!(story.contains("Reserved: 11999950005") && story.contains("Some(InUse)"), "{story}");
    assert!(story.contains("carddata=LPA%3A1%24") && story.contains('█'), "{story}");

    let database = Database::postgres().await;
    let sigan = Sigan::start(oss_core::sigan::mock::Inventory::new("PR")).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    let gsim = GsimMock::new(OrderBook::new()).start().await;
    let settings = format!(
        "[sigan]\nurl = \"{}\"\nbrand_id = \"acme\"\n[gsim]\nurl = \"{}\"\n",
        sigan.url(),
        gsim.url()
    );
    std::fs::write(file.path(), settings).expect("it is written");
    let environment =
        [("OSS_DATABASE_URL", database.url()), ("OSS_CONFIG", file.path().to_str().expect("UTF-8"))];
    assert!(run("acquisition", &environment, Some("--from-env")).await.contains("Reserved: 11"));
    let assigned = "select count(*) from reservation where state = 'ASSIGNED' and brand_id = 'acme'";
    assert_eq!(database.count(assigned).await, 1);
    assert_eq!(gsim.book().sims().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_inventory_works_on_an_own_pool_and_in_memory() {
    let story = "On offer: (11) 9****-0000\nReserved: 11977770000\nIn the stock: 1 reserved\nIn the stock: 0 reserved\n";
    assert_eq!(run("own_inventory", &[], None).await, story);
    let url = Postgres::shared().await.empty_database().await;
    assert_eq!(run("own_inventory", &[], Some(url.expose_secret())).await, story);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_whose_sessions_have_no_bounds_is_refused() {
    let database = Database::postgres().await;
    let error = builder().connect(pool(options(&database))).await.expect_err("it has no bounds");
    let text = error.to_string();
    assert!(text.contains("statement_timeout of 3s"), "{text}");

    let oss = builder().connect(pool(bounded(options(&database)))).await.expect("it has them");
    assert!(oss.ddd_exists("11".parse().expect("a DDD")).await.expect("the pool works"));
    let oss = builder().connect((options(&database), 2)).await.expect("the store bounds its own pool");
    assert!(oss.ddd_exists("11".parse().expect("a DDD")).await.expect("the options work"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_does_not_wait_as_long_as_the_pool_of_the_embedder_would() {
    let database = Database::postgres().await;
    let pool = pool(bounded(options(&database)));
    let oss = builder().connect(pool.clone()).await.expect("the database is there");
    let _taken = pool.acquire().await.expect("the only connection");
    let refused = tokio::time::timeout(Duration::from_mins(1), oss.ready())
        .await
        .expect("an answer, long before the pool's");
    assert!(matches!(refused, Err(Error::Store(error)) if error.is_transient()));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_do_not_fit_together_are_refused() {
    let mut settings = Settings::default();
    settings.sigan_call = settings.preview_ttl;
    let refused = builder().settings(settings).connect(&DatabaseConfig::new("sqlite::memory:")).await;
    assert!(matches!(refused, Err(StartError::Config(_))), "{refused:?}");
}

/// A GSIM that knows every device.
#[derive(Debug)]
struct KnowsAll;

#[async_trait]
impl Gsim for KnowsAll {
    async fn supports_esim(&self, _: &DeviceChoice) -> Result<Option<bool>, GsimError> {
        Ok(Some(true))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_gsim_is_asked_and_without_sigan_nothing_is_reserved() {
    let database = DatabaseConfig::new("sqlite::memory:");
    let device = DeviceChoice::Tac("00000001".parse().expect("a TAC"));
    let without = builder().connect(&database).await.expect("it starts");
    assert_eq!(without.check_esim(&device).await.expect("it answers").support, EsimSupport::Unknown);
    let oss = builder().gsim(Arc::new(KnowsAll)).connect(&database).await.expect("it starts");
    assert_eq!(oss.check_esim(&device).await.expect("it answers").support, EsimSupport::Yes);
    let reserved = oss.reserve_random("11".parse().expect("a DDD")).await;
    assert!(matches!(reserved, Err(Error::SiganUnreachable)), "{reserved:?}");
}
