//! Many calls at once: the database lets one win.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use oss_core::store::{AdoptOutcome, Adoption, Assign, Begin, Intent, Release, Scope, Store};
use oss_core::{AttemptState as State, NumberStatus, ReservationId};
use tokio::sync::Barrier;

use super::Fixture;
use super::fixture::{LEASE, acme, choice, hold};

const CALLERS: usize = 50;

/// Runs calls of so many callers at once.
pub(super) async fn at_once<T, F>(
    callers: usize,
    store: &Arc<dyn Store>,
    call: impl Fn(usize, Arc<dyn Store>) -> F,
) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let barrier = Arc::new(Barrier::new(callers));
    let callers = (0..callers).map(|at| {
        let (barrier, work) = (barrier.clone(), call(at, store.clone()));
        tokio::spawn(async move {
            barrier.wait().await;
            work.await
        })
    });
    join_all(callers).await.into_iter().map(|ended| ended.expect("no caller panics")).collect()
}

fn started(begun: &[Begin]) -> usize {
    begun.iter().filter(|begin| matches!(begin, Begin::Started(_))).count()
}

pub async fn fifty_callers_for_one_number(db: &Fixture) {
    let first = db.preview().await;
    let mut previews = vec![first.id];
    for _ in 1..CALLERS {
        previews.push(db.same_numbers(&first).await.id);
    }
    let begun = at_once(CALLERS, &db.store, |at, store| {
        let preview = previews[at];
        async move {
            store
                .begin_reservation(
                    Scope::AllBrands,
                    ReservationId::new(),
                    preview,
                    choice(1),
                    Intent::Take(LEASE),
                )
                .await
                .unwrap()
        }
    });
    let begun = begun.await;
    assert_eq!(started(&begun), 1, "{begun:?}");
    let answers = |begin: &Begin| matches!(begin, Begin::Started(_) | Begin::Unsettled(_) | Begin::InFlight);
    assert!(begun.iter().all(answers), "{begun:?}");
}

pub async fn fifty_callers_for_one_preview(db: &Fixture) {
    let preview = db.preview().await.id;
    let begun = at_once(CALLERS, &db.store, |at, store| {
        let index = choice(u8::try_from(at % 3 + 1).expect("1 to 3"));
        async move {
            store
                .begin_reservation(
                    Scope::AllBrands,
                    ReservationId::new(),
                    preview,
                    index,
                    Intent::Take(LEASE),
                )
                .await
                .unwrap()
        }
    });
    let begun = begun.await;
    assert_eq!(started(&begun), 1, "{begun:?}");
    assert!(
        begun.iter().all(|begin| matches!(begin, Begin::Started(_) | Begin::InFlight | Begin::OtherInFlight))
    );
}

pub async fn fifty_releases_of_one_number(db: &Fixture) {
    let msisdn = db.held(&db.preview().await, 1).await.hold.msisdn;
    let released = at_once(CALLERS, &db.store, |_, store| async move {
        store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap()
    })
    .await;
    let delivered = released.iter().filter(|release| matches!(release, Release::Returned(Some(_)))).count();
    assert_eq!(delivered, 1, "{released:?}");
    assert!(
        released
            .iter()
            .all(|release| matches!(release, Release::Returned(Some(_)) | Release::AlreadyReturned))
    );
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Returned), vec![State::Releasing]));
}

pub async fn a_release_and_an_assignment(db: &Fixture) {
    for _ in 0..20 {
        let msisdn = db.held(&db.preview().await, 1).await.hold.msisdn;
        let sim = db.sim().await;
        let (release, assign) = tokio::join!(
            db.store.release(Scope::AllBrands, msisdn, LEASE),
            db.store.assign(Scope::AllBrands, msisdn, sim)
        );
        let states = db.states(msisdn).await;
        match (release.unwrap(), assign.unwrap()) {
            (Release::Returned(Some(_)), Assign::Forbidden(_)) => {
                assert_eq!(states, (Some(NumberStatus::Returned), vec![State::Releasing]));
            }
            (Release::Forbidden(NumberStatus::InUse), Assign::Assigned) => {
                assert_eq!(states, (Some(NumberStatus::InUse), vec![State::Assigned]));
            }
            both => panic!("{both:?} cannot both be"),
        }
    }
}

pub async fn a_release_and_a_call_that_takes_a_doubt_up(db: &Fixture) {
    for round in 0..60 {
        let preview = db.preview().await;
        let lease = db.started(&preview, 1).await;
        db.store.doubt(&lease, "x", Duration::ZERO).await.unwrap();
        let msisdn = lease.hold.msisdn;
        let taken_up = async {
            // Either of the two may be faster.
            tokio::time::sleep(Duration::from_micros(20 * (round % 10))).await;
            match db.begin(&preview, 1).await {
                Begin::Started(lease) => db.store.confirm(&lease, LEASE).await.map(Some).unwrap(),
                _ => None,
            }
        };
        let (release, confirmed) = tokio::join!(db.store.release(Scope::AllBrands, msisdn, LEASE), taken_up);
        let states = db.states(msisdn).await;
        match release.unwrap() {
            Release::Returned(Some(_)) => {
                assert_eq!(states, (Some(NumberStatus::Returned), vec![State::Releasing]), "{confirmed:?}");
            }
            Release::InFlight => {
                assert_eq!(states, (Some(NumberStatus::Reserved), vec![State::Held]), "{confirmed:?}");
            }
            other => panic!("{other:?} frees nothing, and says it does: {states:?}"),
        }
    }
}

/// Either the audit releases a stray hold, or a repeated reserve gets it: never both, whichever begins first.
pub async fn a_stray_is_released_or_reserved(db: &Fixture) {
    for round in 0..40 {
        let preview = db.preview().await;
        let stray = hold(&preview, 1);
        let audited = async {
            tokio::time::sleep(Duration::from_micros(30 * (round % 10))).await;
            db.store.release_stray(ReservationId::new(), &stray, &preview.brand, LEASE).await.unwrap()
        };
        let reserved = async {
            tokio::time::sleep(Duration::from_micros(30 * (9 - round % 10))).await;
            db.begin(&preview, 1).await
        };
        let (released, begun) = tokio::join!(audited, reserved);
        match (&released, &begun) {
            (Some(_), Begin::Used | Begin::InFlight) => {
                assert_eq!(db.states(stray.msisdn).await.1, [State::Releasing]);
            }
            (None, Begin::Started(_)) => assert_eq!(db.states(stray.msisdn).await.1, [State::Pending]),
            both => panic!("{both:?} cannot both be"),
        }
    }
}

pub async fn a_caller_who_goes_away_leaves_no_transaction(db: &Fixture) {
    let mut previews = Vec::new();
    for at in 0..CALLERS {
        let preview = db.offer();
        let (store, stored) = (db.store.clone(), preview.clone());
        let call = tokio::spawn(async move { store.create_preview(&stored).await });
        // The caller goes away before, during and after the statement, whatever the speed of the machine.
        tokio::time::sleep(Duration::from_micros(40 * u64::try_from(at).expect("small"))).await;
        call.abort();
        let _ = call.await;
        let written = db.preview().await;
        previews.push(written);
    }
    for preview in previews {
        let found = db.store.previous_preview(Scope::AllBrands, preview.id).await.unwrap();
        assert!(found.is_some(), "a write that was reported is there");
    }
}

pub async fn fifty_numbers_for_one_sim(db: &Fixture) {
    let (mut numbers, sim) = (Vec::new(), db.sim().await);
    for _ in 0..CALLERS {
        numbers.push(db.held(&db.preview().await, 1).await.hold.msisdn);
    }
    let outcomes = at_once(CALLERS, &db.store, |at, store| {
        let (msisdn, id) = (numbers[at], ReservationId::new());
        // Half of them by an adoption, which must respect the same rule.
        async move {
            if at % 2 == 0 {
                return store.assign(Scope::AllBrands, msisdn, sim).await.unwrap() == Assign::Assigned;
            }
            let adoption = Adoption { msisdn, sim, external_id: None };
            matches!(store.adopt(&acme(), id, &adoption).await.unwrap(), AdoptOutcome::Adopted(_))
        }
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.iter().filter(|succeeded| **succeeded).count(), 1, "{outcomes:?}");
    let mut on_the_sim = 0;
    for msisdn in numbers {
        on_the_sim += usize::from(db.states(msisdn).await.0 == Some(NumberStatus::InUse));
    }
    assert_eq!(on_the_sim, 1);
}
