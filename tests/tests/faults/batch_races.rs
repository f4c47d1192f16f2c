//! Two servers whose batches touch the same rows in opposite orders, on PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use oss_core::store::{Begin, Confirmed, Intent, Lease, NewPreview, Release, Scope, Store};
use oss_core::{AttemptState, PreviewId, ReservationId};
use oss_tests::backend::Database;
use oss_tests::postgres::Postgres;

use crate::release_races::wait_for_locks;

const NUMBERS: usize = 60;
const LEASE: Duration = Duration::from_mins(10);

fn preview(at: usize) -> NewPreview {
    NewPreview {
        id: PreviewId::new(),
        external_id: format!("PR-{}", PreviewId::new()).parse().unwrap(),
        brand: "acme".parse().unwrap(),
        msisdns: vec![format!("119{at:08}").parse().unwrap()],
        valid_for: Duration::from_mins(15),
        previous: None,
        key: None,
    }
}

fn replacement((at, previous): (usize, &NewPreview)) -> NewPreview {
    NewPreview { previous: Some(previous.id), ..preview(at) }
}

/// Takes a step for each input at one server, and for the same inputs in the opposite order at another one.
async fn both<'a, I: Sync, T, F: Future<Output = T>>(
    servers: &'a [Arc<dyn Store>; 2],
    inputs: [&'a [I]; 2],
    step: impl Fn(&'a dyn Store, &'a I) -> F,
) -> Vec<[T; 2]> {
    let [one, two] = inputs;
    let (ones, twos) = tokio::join!(
        join_all(one.iter().map(|input| step(&*servers[0], input))),
        join_all(two.iter().rev().map(|input| step(&*servers[1], input)))
    );
    ones.into_iter().zip(twos.into_iter().rev()).map(|(one, two)| [one, two]).collect()
}

async fn create(server: &dyn Store, preview: &NewPreview) -> bool {
    server.create_preview(preview).await.unwrap().is_some()
}

async fn begin(server: &dyn Store, preview: &NewPreview) -> Option<Lease> {
    let (id, choice) = (ReservationId::new(), 1.try_into().unwrap());
    let begun = server.begin_reservation(Scope::AllBrands, id, preview.id, choice, Intent::Take(LEASE)).await;
    match begun.unwrap() {
        Begin::Started(lease) => Some(lease),
        Begin::Unsettled(_) => None,
        other => panic!("{other:?}"),
    }
}

/// Works while another program keeps a row locked that is in the middle of the batches of both servers, until both wait.
async fn held_up<T>(
    postgres: &Postgres,
    database: &Database,
    lock: &str,
    work: impl Future<Output = T>,
) -> T {
    let other = postgres.lock(database, lock).await;
    let unlocked = async {
        wait_for_locks(database, 2).await;
        drop(other);
    };
    tokio::join!(work, unlocked).0
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_two_servers_do_not_wait_for_each_other() {
    let postgres = &Postgres::start().await;
    let database = &Database::on(postgres).await;
    // A deadlock is found before the wait for a lock ends.
    let early = "alter database %I set deadlock_timeout = ''5ms''";
    database.execute(&format!("do $$ begin execute format('{early}', current_database()); end $$")).await;
    let servers = &[database.store().await, database.store().await];
    let [ours, theirs] = [(); 2].map(|()| (0..NUMBERS).map(preview).collect::<Vec<_>>());
    let stored = both(servers, [&ours, &theirs], create).await;
    assert!(stored.iter().flatten().all(|stored| *stored), "{stored:?}");

    let middle = NUMBERS / 2;
    let row = format!("select from preview where id = '{}' for update", ours[middle].id);
    let one: Vec<_> = ours.iter().enumerate().map(replacement).collect();
    // Their own ids have the opposite order to that of the previews that they replace.
    let mut two: Vec<_> = ours.iter().enumerate().rev().map(replacement).collect();
    two.reverse();
    let replaced = both(servers, [&one, &two], create);
    let stored = held_up(postgres, database, &row, replaced).await;
    assert!(stored.iter().flatten().all(|stored| *stored), "{stored:?}");

    let [ours, theirs] = [&one, &theirs];
    let begun_elsewhere = format!(
        "insert into reservation (id, external_id, brand_id, msisdn, state, due_at)
         values (gen_random_uuid(), 'other', 'acme', '{}', 'PENDING', now())",
        ours[middle].msisdns[0]
    );
    let begun = held_up(postgres, database, &begun_elsewhere, both(servers, [ours, theirs], begin)).await;
    let mut leases = Vec::new();
    for begun in begun {
        let ([Some(lease), None] | [None, Some(lease)]) = begun else { panic!("{begun:?}") };
        leases.push(lease);
    }
    let row = format!("select from reservation where id = '{}' for update", leases[middle].reservation);
    let confirmed = both(servers, [&leases; 2], |server, lease| server.confirm(lease, LEASE));
    let confirmed = held_up(postgres, database, &row, confirmed).await;
    assert!(
        confirmed.iter().flatten().all(|confirmed| matches!(confirmed, Ok(Confirmed::Held(_)))),
        "{confirmed:?}"
    );

    let released = both(servers, [&leases; 2], |server, lease| {
        server.release(Scope::AllBrands, lease.hold.msisdn, LEASE)
    });
    for released in held_up(postgres, database, &row, released).await {
        let is_once = matches!(
            released,
            [Ok(Release::Returned(Some(_))), Ok(Release::AlreadyReturned)]
                | [Ok(Release::AlreadyReturned), Ok(Release::Returned(Some(_)))]
        );
        assert!(is_once, "{released:?}");
    }
    let delivered = both(servers, [&leases; 2], |server, lease| server.record_delivery(lease.reservation));
    for delivered in held_up(postgres, database, &row, delivered).await {
        let told = Ok(Some(AttemptState::Released));
        assert!(delivered == [told.clone(), Ok(None)] || delivered == [Ok(None), told], "{delivered:?}");
    }
    let log = postgres.log();
    assert!(!log.contains("deadlock detected"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_fails_its_own_caller_only() {
    let postgres = Postgres::shared().await;
    let database = &Database::postgres().await;
    let server = &*database.store().await;
    let previews: Vec<_> = (0..NUMBERS).map(preview).collect();
    join_all(previews.iter().map(|preview| create(server, preview))).await;
    let leases = join_all(previews.iter().map(|preview| begin(server, preview))).await;
    let leases: Vec<Lease> = leases.into_iter().flatten().collect();
    let locked = NUMBERS / 2;
    let row = format!("select from reservation where id = '{}' for update", leases[locked].reservation);
    let _locked = postgres.lock(database, &row).await;
    let confirmed = join_all(leases.iter().map(|lease| server.confirm(lease, LEASE))).await;
    for (at, confirmed) in confirmed.into_iter().enumerate() {
        let is_locked = matches!(&confirmed, Err(error) if error.is_transient());
        assert!(
            if at == locked { is_locked } else { matches!(confirmed, Ok(Confirmed::Held(_))) },
            "{at}: {confirmed:?}"
        );
    }
}
