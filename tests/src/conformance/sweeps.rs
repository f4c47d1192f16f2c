//! The work that is due without a caller.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::collections::HashSet;
use std::time::Duration;

use oss_core::store::{Assign, Begin, BeginRandom, Due, Overdue, Release, Scope};
use oss_core::{AttemptState as State, NumberStatus, ReservationId};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, hold};

const MANY: u32 = 100;

/// Claims the rows that are due, all of which can be read.
async fn claim(db: &Fixture, limit: u32, lease: Duration) -> Vec<Due> {
    let claims = db.store.claim_due(limit, lease).await.unwrap();
    assert_eq!(claims.set_aside, []);
    claims.due
}

async fn abandoned(db: &Fixture) -> oss_core::store::Lease {
    let lease = db.started(&db.preview().await, 1).await;
    db.store.confirm(&lease, LAPSED).await.unwrap();
    lease
}

pub async fn an_abandoned_number_is_given_back(db: &Fixture) {
    let (lease, kept) = (abandoned(db).await, db.held(&db.preview().await, 1).await);
    let overdue = db.store.settle_overdue(MANY).await.unwrap();
    assert_eq!(overdue, Overdue { expired: 1, ..Overdue::default() });
    let states = db.states(lease.hold.msisdn).await;
    assert_eq!(states, (Some(NumberStatus::Returned), vec![State::Releasing]));
    assert_eq!(db.states(kept.hold.msisdn).await.1, [State::Held], "its time is not over");
    assert_eq!(db.store.settle_overdue(MANY).await.unwrap(), Overdue::default(), "once");
    let due = claim(db, MANY, LEASE).await;
    assert!(matches!(&due[..], [Due::Delivery(delivery)] if delivery.hold == lease.hold), "{due:?}");
}

pub async fn a_number_on_a_line_is_not_abandoned(db: &Fixture) {
    let lease = abandoned(db).await;
    assert_eq!(
        db.store.assign(Scope::AllBrands, lease.hold.msisdn, db.sim().await).await.unwrap(),
        Assign::Assigned
    );
    assert_eq!(db.store.settle_overdue(MANY).await.unwrap(), Overdue::default());
    assert_eq!(db.states(lease.hold.msisdn).await, (Some(NumberStatus::InUse), vec![State::Assigned]));
}

pub async fn an_attempt_whose_caller_died_is_in_doubt(db: &Fixture) {
    let preview = db.preview().await;
    let Begin::Started(dead) = db.begin_for(&preview, 1, LAPSED).await else { panic!("no lease") };
    db.started(&db.preview().await, 1).await;
    assert_eq!(db.store.settle_overdue(MANY).await.unwrap().lapsed, 1);
    let states = db.states(dead.hold.msisdn).await;
    assert_eq!(states, (Some(NumberStatus::Reserved), vec![State::InDoubt]), "tied to the preview");
    assert!(matches!(
        db.store.release(Scope::AllBrands, dead.hold.msisdn, LEASE).await.unwrap(),
        Release::Returned(Some(_))
    ));
}

pub async fn a_batch_has_a_limit(db: &Fixture) {
    for _ in 0..3 {
        abandoned(db).await;
    }
    assert_eq!(db.store.settle_overdue(2).await.unwrap().expired, 2);
    assert_eq!(db.store.settle_overdue(2).await.unwrap().expired, 1);
    assert_eq!(claim(db, 2, LEASE).await.len(), 2);
    assert_eq!(claim(db, 2, LEASE).await.len(), 1);
}

pub async fn a_doubt_is_claimed_like_a_call(db: &Fixture) {
    let preview = db.preview().await;
    let doubt = db.started(&preview, 1).await;
    db.store.doubt(&doubt, "x", LAPSED).await.unwrap();
    let due = claim(db, MANY, LEASE).await;
    let [Due::Doubtful { lease, nameable: true }] = &due[..] else { panic!("{due:?}") };
    assert_eq!((lease.reservation, lease.call, &lease.hold), (doubt.reservation, 2, &doubt.hold));
    assert_eq!(db.begin(&preview, 1).await, Begin::InFlight, "nobody else asks meanwhile");
    assert_eq!(
        db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap(),
        Release::InFlight
    );
    assert_eq!(claim(db, MANY, LEASE).await, [], "claimed once");
    // A late answer to the earlier call cannot undo the work of the sweep; only a certain yes settles the attempt.
    db.store.doubt(&doubt, "late", LEASE).await.unwrap();
    assert_eq!(db.states(lease.hold.msisdn).await.1, [State::Pending]);
    db.store.confirm(&doubt, LEASE).await.unwrap();
    assert_eq!(db.store.cancel(lease, "not held", LEASE).await.unwrap(), None);
    assert_eq!(db.states(lease.hold.msisdn).await.1, [State::Held]);
}

pub async fn a_random_doubt_can_be_named_only_by_a_key(db: &Fixture) {
    for key in [None, Some(super::keys::key("k"))] {
        let (offer, id) = (db.offer(), ReservationId::new());
        let begun =
            db.store.begin_random(id, &hold(&offer, 1), &offer.brand, key.as_ref(), LEASE).await.unwrap();
        let BeginRandom::Started(lease) = begun else { panic!("{begun:?}") };
        db.store.doubt(&lease, "x", LAPSED).await.unwrap();
        let due = claim(db, MANY, LEASE).await;
        assert!(matches!(due[..], [Due::Doubtful { nameable, .. }] if nameable == key.is_some()), "{due:?}");
    }
}

pub async fn a_claim_that_lapsed_is_made_again(db: &Fixture) {
    let lease = abandoned(db).await;
    db.store.settle_overdue(MANY).await.unwrap();
    let first = claim(db, MANY, LAPSED).await;
    let second = claim(db, MANY, LEASE).await;
    let ([Due::Delivery(old)], [Due::Delivery(new)]) = (&first[..], &second[..]) else {
        panic!("{second:?}")
    };
    assert_eq!((old.attempts, new.attempts), (1, 2));
    // The older delivery is late, and postpones nothing.
    db.store.record_failed_delivery(old, "late", LAPSED).await.unwrap();
    assert_eq!(claim(db, MANY, LEASE).await, []);
    db.store.record_failed_delivery(new, "no-answer", LAPSED).await.unwrap();
    assert_eq!(claim(db, MANY, LEASE).await.len(), 1);
    db.store.record_delivery(old.reservation).await.unwrap();
    assert_eq!(
        db.states(lease.hold.msisdn).await.1,
        [State::Released],
        "a delivery counts, whichever call recorded it"
    );
}

pub async fn each_row_is_claimed_by_one(db: &Fixture) {
    const ROWS: usize = 60;
    for _ in 0..ROWS {
        abandoned(db).await;
    }
    let sweeps = (0..6).map(|_| async {
        db.store.settle_overdue(7).await.unwrap();
        let mut claimed = Vec::new();
        loop {
            let settled = db.store.settle_overdue(7).await.unwrap();
            let due = claim(db, 7, LEASE).await;
            if due.is_empty() && settled == Overdue::default() {
                return claimed;
            }
            claimed.extend(due);
        }
    });
    let claimed: Vec<Due> = futures::future::join_all(sweeps).await.into_iter().flatten().collect();
    let rest = claim(db, MANY, LEASE).await;
    let rows: HashSet<ReservationId> = claimed
        .iter()
        .chain(&rest)
        .map(|due| match due {
            Due::Delivery(delivery) => delivery.reservation,
            Due::Doubtful { lease, .. } => lease.reservation,
        })
        .collect();
    assert_eq!((rows.len(), claimed.len() + rest.len()), (ROWS, ROWS), "each once");
}

pub async fn unfinished_attempts_are_counted(db: &Fixture) {
    let before = db.store.census(MANY).await.unwrap();
    assert_eq!(before.due, 0);
    let (line, released) = (db.held(&db.preview().await, 1).await, db.held(&db.preview().await, 1).await);
    db.store.assign(Scope::AllBrands, line.hold.msisdn, db.sim().await).await.unwrap();
    db.store.release(Scope::AllBrands, released.hold.msisdn, LEASE).await.unwrap();
    db.store.record_delivery(released.reservation).await.unwrap();
    assert_eq!(db.store.census(MANY).await.unwrap().states, before.states, "those are over, or on a line");

    db.held(&db.preview().await, 1).await;
    db.started(&db.preview().await, 1).await;
    db.doubtful(&db.preview().await, 1).await;
    let releasing = db.held(&db.preview().await, 1).await;
    db.store.release(Scope::AllBrands, releasing.hold.msisdn, LEASE).await.unwrap();
    let cancelled = db.started(&db.preview().await, 1).await;
    db.store.cancel(&cancelled, "x", LEASE).await.unwrap();
    let none_due = db.store.census(MANY).await.unwrap();
    assert_eq!((none_due.due, none_due.oldest_due), (0, None), "{none_due:?}");

    abandoned(db).await;
    let wait = Duration::from_millis(5);
    tokio::time::sleep(wait).await;
    abandoned(db).await;
    let census = db.store.census(MANY).await.unwrap();
    for (state, count) in [
        (State::Held, 3),
        (State::Pending, 1),
        (State::InDoubt, 1),
        (State::Releasing, 1),
        (State::Cancelling, 1),
        (State::Assigned, 0),
        (State::Released, 0),
    ] {
        assert_eq!(census.of(state) - before.of(state), count, "{state}: {census:?}");
    }
    assert_eq!(census.due, 2);
    assert!(census.oldest_due.is_some_and(|age| age >= wait), "{census:?}");
    let first = db.store.census(1).await.unwrap();
    assert_eq!((first.states, first.due), (vec![(State::Held, 1)], 1), "those due first");
}

pub async fn an_old_preview_is_forgotten(db: &Fixture) {
    // Removes first the older previews that may be deleted.
    db.store.purge_previews(LAPSED, MANY).await.unwrap();
    let (old, young) = (db.expired().await, db.preview().await);
    let (used, unsettled) = (db.preview().await, db.preview().await);
    let released = db.held(&used, 1).await;
    db.store.release(Scope::AllBrands, released.hold.msisdn, LEASE).await.unwrap();
    db.store.record_delivery(released.reservation).await.unwrap();
    db.held(&unsettled, 1).await;
    for preview in [&used, &unsettled] {
        // A preview that replaces it ends it.
        let next = oss_core::store::NewPreview { previous: Some(preview.id), ..db.offer() };
        db.store.create_preview(&next).await.unwrap();
    }
    assert_eq!(db.store.purge_previews(Duration::from_hours(1), MANY).await.unwrap(), 0, "none is that old");
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(db.store.purge_previews(LAPSED, 1).await.unwrap(), 1);
    assert_eq!(db.store.purge_previews(LAPSED, MANY).await.unwrap(), 1);
    for (preview, kept) in [(&old, false), (&used, false), (&young, true), (&unsettled, true)] {
        let found = db.store.previous_preview(Scope::AllBrands, preview.id).await.unwrap();
        assert_eq!(found.is_some(), kept);
    }
    let number = db.number(released.hold.msisdn).await.unwrap();
    assert_eq!(number.history[0].preview, Some(used.id), "history still names it");
}
