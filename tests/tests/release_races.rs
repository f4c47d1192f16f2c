//! A release that waits for the row of its number, on PostgreSQL, while the attempt that has the number moves on.

use std::time::Duration;

use oss_core::ReservationState as State;
use oss_core::store::{Begin, Release};
use oss_tests::conformance::Fixture;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_says_it_freed_a_number_freed_it() {
    let db = Fixture::postgres().await;
    let database = db.database.as_ref().expect("PostgreSQL has one");
    let preview = db.preview().await;
    let lease = db.started(&preview, 1).await;
    db.store.doubt(&lease, "x", Duration::ZERO).await.unwrap();
    let msisdn = lease.hold.msisdn;

    let mut other = PgConnection::connect(database.url()).await.unwrap();
    other.execute("begin").await.unwrap();
    let lock = format!("select from phone_number where msisdn = '{msisdn}' for update");
    other.execute(AssertSqlSafe(lock)).await.unwrap();
    let release = tokio::spawn({
        let store = db.store.clone();
        async move { store.release(msisdn, Duration::from_mins(10)).await }
    });
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    while database.count(waiting).await == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Either this waits for the release, or the release finds what this wrote.
    let begun = tokio::spawn({
        let (store, id) = (db.store.clone(), preview.id);
        let attempt = oss_core::ReservationId::new();
        let lease = Some(Duration::from_mins(10));
        async move { store.begin_reservation(attempt, id, 1.try_into().unwrap(), lease).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    other.execute("commit").await.unwrap();

    let (released, begun) = (release.await.unwrap().unwrap(), begun.await.unwrap().unwrap());
    match released {
        Release::Returned(Some(_)) => {
            assert_eq!(db.states(msisdn).await.1, [State::Releasing]);
            assert_eq!(begun, Begin::Used);
        }
        Release::InFlight => assert_eq!(db.states(msisdn).await.1, [State::Pending]),
        other => panic!("{other:?}: {:?}", db.states(msisdn).await),
    }
}
