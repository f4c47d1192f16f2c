//! Records the statements of each operation of the service, on a database that logs them, so that the floor can execute the same
//! statements.

use std::time::Duration;

use oss_core::config::{Config, Sources};
use oss_core::{Ddd, Msisdn, Oss};
use oss_tests::backend::Database;
use oss_tests::floor::{Plan, Step, steps};
use oss_tests::statements::{Executed, executed, logged};
use uuid::Uuid;

use super::parts::{PREFIX, Parts};

struct Recorder<'a> {
    parts: &'a Parts,
    database: Database,
    oss: Oss,
}

/// The statements of every operation.
pub(crate) async fn plan(parts: &Parts) -> Plan {
    let recorder = Recorder::start(parts).await;
    let (oss, ddd): (_, Ddd) = (&recorder.oss, "11".parse().expect("a DDD"));
    // After this call the connection is open and the area code is cached.
    let first = oss.create_preview(ddd).await.expect("a preview");
    let create = recorder.during(None, oss.create_preview(ddd)).await;
    let of_preview = oss.reserve(first.id, first.offers[1].choice);
    let reserve = recorder.during(Some(first.id.as_uuid()), of_preview).await;
    let random = recorder.during(None, oss.reserve_random(ddd)).await;
    let (release, deliver) = recorder.release().await;
    Plan { create, reserve, random, release, deliver }
}

impl<'a> Recorder<'a> {
    async fn start(parts: &'a Parts) -> Self {
        let database = Database::on(&parts.postgres).await;
        let watched = logged(database.url());
        let environment = [
            ("OSS_DATABASE_URL", &*watched),
            ("OSS_DATABASE_POOL", "1"),
            ("OSS_SIGAN_URL", &parts.sigan_url),
            ("OSS_SIGAN_BRAND_ID", "acme"),
        ];
        let config = Config::load(&Sources::of_environment(environment)).expect("a configuration");
        let oss = Oss::connect(&config).await.expect("its parts are there");
        Self { parts, database, oss }
    }

    async fn during<T, E: std::fmt::Debug>(
        &self,
        subject: Option<Uuid>,
        operation: impl IntoFuture<Output = Result<T, E>>,
    ) -> Vec<Step> {
        let before = self.parts.postgres.log().len();
        operation.await.expect("the operation succeeds");
        steps(&self.since(before), subject, PREFIX)
    }

    /// Records a release: the statements that the caller waits for, and those afterwards.
    async fn release(&self) -> (Vec<Step>, Vec<Step>) {
        let held = "select id::text || msisdn from reservation where state = 'HELD' limit 1";
        let held = self.database.texts(held).await.pop().expect("a number is held");
        let (id, msisdn) = held.split_at(36);
        let (id, msisdn): (Uuid, Msisdn) = (id.parse().expect("an id"), msisdn.parse().expect("a number"));
        let before = self.parts.postgres.log().len();
        self.oss.release(msisdn).await.expect("it is given back");
        self.database.wait_for_count("select count(*) from reservation where state = 'RELEASED'", 1).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut all = self.since(before);
        let deliver = all.split_off(1);
        (steps(&all, None, PREFIX), steps(&deliver, Some(id), PREFIX))
    }

    fn since(&self, before: usize) -> Vec<Executed> {
        let all = executed(&self.parts.postgres.log()[before..]);
        let is_of_operation =
            |statement: &Executed| !statement.asks_for_versions() && !statement.records_calls();
        all.into_iter().filter(is_of_operation).collect()
    }
}
