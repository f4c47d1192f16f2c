//! On PostgreSQL, a call waits for the rows of its number while another call changes the attempt that has the number.

use std::time::Duration;

use oss_core::AttemptState as State;
use oss_core::store::{Assign, Begin, Intent, Release, Scope, Tenant};
use oss_tests::backend::Database;
use oss_tests::conformance::Fixture;
use oss_tests::eventually::eventually;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// Waits until this many statements wait for a lock.
pub(crate) async fn wait_for_locks(database: &Database, statements: i64) {
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    eventually(async || {
        let waits = database.count(waiting).await;
        if waits >= statements { Ok(()) } else { Err(format!("{waits} of {statements} wait")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_says_it_freed_a_number_freed_it() {
    let db = Fixture::postgres().await;
    let database = &db.database;
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
        async move { store.release(Scope::AllBrands, msisdn, Duration::from_mins(10)).await }
    });
    wait_for_locks(database, 1).await;
    // Either this statement waits for the release, or the release finds what this statement wrote.
    let begun = tokio::spawn({
        let (store, id) = (db.store.clone(), preview.id);
        let attempt = oss_core::ReservationId::new();
        let intent = Intent::Take(Duration::from_mins(10));
        async move { store.begin_reservation(Scope::AllBrands, attempt, id, 1.try_into().unwrap(), intent).await }
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

/// While a brand's calls wait, its number goes to another brand, which puts it on a line, or the brand itself reserves it again.
/// The calls must not act on what they read before they waited.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waited_sees_what_its_own_brand_has_now() {
    for (given_back, new_brand, status) in
        [(false, "other", "IN_USE"), (false, "acme", "RESERVED"), (true, "acme", "RESERVED")]
    {
        let db = Fixture::postgres().await;
        let database = &db.database;
        let msisdn = db.held(&db.preview().await, 1).await.hold.msisdn;
        if given_back {
            db.store.release(Scope::AllBrands, msisdn, Duration::from_mins(10)).await.unwrap();
        }

        let sims = [db.sim().await, db.sim().await];
        let mut another = PgConnection::connect(database.url()).await.unwrap();
        another.execute("begin").await.unwrap();
        let held_anew = format!(
            "update reservation set state = 'RELEASED', due_at = null where msisdn = '{msisdn}';
             insert into reservation (id, external_id, brand_id, msisdn, state, due_at, hold_expires_at)
             values (gen_random_uuid(), 'NEW', '{new_brand}', '{msisdn}', 'HELD', now() + interval '1 day', now());
             update phone_number set status = '{status}', updated_at = clock_timestamp() where msisdn = '{msisdn}';"
        );
        another.execute(AssertSqlSafe(held_anew)).await.unwrap();
        // Two servers, because the calls of one server for the same number are executed one after the other.
        let calls =
            [(true, db.store.clone()), (false, database.store().await)].map(|(has_older_data, server)| {
                let acme = Tenant::new("acme".parse().expect("a brand"), has_older_data);
                let (store, tenant) = (server.clone(), acme.clone());
                let sim = sims[usize::from(has_older_data)];
                let assign =
                    tokio::spawn(
                        async move { store.assign(Scope::Brand(&tenant), msisdn, sim).await.unwrap() },
                    );
                let lease = Duration::from_mins(10);
                let release =
                    tokio::spawn(
                        async move { server.release(Scope::Brand(&acme), msisdn, lease).await.unwrap() },
                    );
                (assign, release)
            });
        wait_for_locks(database, 4).await;
        another.execute("commit").await.unwrap();
        for (assign, release) in calls {
            let outcomes = (assign.await.unwrap(), release.await.unwrap());
            if new_brand == "other" {
                assert_eq!(outcomes, (Assign::Unknown, Release::Unknown));
            } else {
                assert!(
                    outcomes.0 != Assign::Unknown && outcomes.1 != Release::Unknown,
                    "{given_back} {outcomes:?}"
                );
            }
        }
    }
}
