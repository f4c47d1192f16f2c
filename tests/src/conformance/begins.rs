//! The begin of an attempt: which call may ask Sigan for a number.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{Begin, BeginRandom, Confirmed, Intent, NewPreview, Scope};
use oss_core::{AttemptState as State, PreviewId, ReservationId};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, choice, held_number, hold};

pub async fn starts_once(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.started(&preview, 2).await;
    assert_eq!((lease.call, lease.is_repeat()), (1, false));
    assert_eq!(lease.hold, hold(&preview, 2));
    assert_eq!(db.begin(&preview, 2).await, Begin::InFlight);
}

pub async fn may_be_repeated_by_its_own_id(db: &Fixture) {
    let (preview, id) = (db.preview().await, ReservationId::new());
    let begin = async || {
        db.store
            .begin_reservation(Scope::AllBrands, id, preview.id, choice(1), Intent::Take(LEASE))
            .await
            .unwrap()
    };
    let first = begin().await;
    assert!(matches!(&first, Begin::Started(lease) if lease.reservation == id));
    assert_eq!(begin().await, first);
}

pub async fn gives_the_held_number_again(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.held(&preview, 2).await;
    assert_eq!(held_number(&db.begin(&preview, 2).await), Some(lease.hold.msisdn));
    db.store.assign(Scope::AllBrands, lease.hold.msisdn, db.sim().await).await.unwrap();
    assert_eq!(
        held_number(&db.begin(&preview, 2).await),
        Some(lease.hold.msisdn),
        "also when it is on a line"
    );
}

pub async fn gives_it_again_after_expiry(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.held(&preview, 1).await;
    // A preview that replaces it ends it.
    db.store.create_preview(&NewPreview { previous: Some(preview.id), ..db.offer() }).await.unwrap();
    assert_eq!(held_number(&db.begin(&preview, 1).await), Some(lease.hold.msisdn));
}

pub async fn waits_for_the_same_number(db: &Fixture) {
    let preview = db.preview().await;
    db.started(&preview, 1).await;
    assert_eq!(db.begin(&preview, 1).await, Begin::InFlight);
}

pub async fn bars_the_other_numbers(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.started(&preview, 1).await;
    assert_eq!(db.begin(&preview, 2).await, Begin::OtherInFlight);
    db.store.doubt(&lease, "x", LEASE).await.unwrap();
    assert_eq!(db.begin(&preview, 2).await, Begin::OtherInFlight);
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(db.begin(&preview, 2).await, Begin::Used);
}

pub async fn gives_no_expired_hold_again(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.started(&preview, 1).await;
    db.store.confirm(&lease, LAPSED).await.unwrap();
    assert_eq!(db.begin(&preview, 1).await, Begin::Used, "the next sweep gives it back");
    assert_eq!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Released, "nor to its own call");
    db.store.assign(Scope::AllBrands, lease.hold.msisdn, db.sim().await).await.unwrap();
    assert_eq!(held_number(&db.begin(&preview, 1).await), Some(lease.hold.msisdn), "on a line it stays");
}

/// The answer of a step that takes a lease may be lost, so that the step is repeated.
pub async fn resumes_once_by_its_own_id(db: &Fixture) {
    let preview = db.preview().await;
    let first = db.doubtful(&preview, 1).await;
    let id = ReservationId::new();
    let begin = async || {
        let begun = db
            .store
            .begin_reservation(Scope::AllBrands, id, preview.id, choice(1), Intent::Take(LEASE))
            .await;
        let Begin::Started(lease) = begun.unwrap() else { panic!("no lease") };
        (lease.reservation, lease.call)
    };
    assert_eq!(begin().await, (first.reservation, 2));
    assert_eq!(begin().await, (first.reservation, 2), "the same lease");
}

/// Sigan was not asked under such a lease, so a repeat need not wait for its end.
pub async fn ends_a_lease_that_was_not_used(db: &Fixture) {
    let (preview, id) = (db.preview().await, ReservationId::new());
    let begin = async |id| {
        db.store
            .begin_reservation(Scope::AllBrands, id, preview.id, choice(1), Intent::Take(LEASE))
            .await
            .unwrap()
    };
    assert_eq!(db.store.abandon(&[id]).await.unwrap(), [], "it is not there yet");
    begin(id).await;
    assert_eq!(db.begin(&preview, 1).await, Begin::InFlight);
    assert_eq!(db.store.abandon(&[ReservationId::new(), id]).await.unwrap(), [id]);
    assert_eq!(db.states(preview.msisdns[0]).await, (None, vec![State::Rejected]));
    let lease = db.started(&preview, 1).await;
    assert_eq!(db.store.abandon(&[id]).await.unwrap(), [], "the later lease is another");
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(db.store.abandon(&[lease.reservation]).await.unwrap(), [], "it was used");
}

/// An earlier call of the attempt may have had its effect, so the attempt is not over.
pub async fn ends_an_unused_lease_of_an_older_attempt(db: &Fixture) {
    let preview = db.preview().await;
    let first = db.doubtful(&preview, 1).await;
    let id = ReservationId::new();
    db.store
        .begin_reservation(Scope::AllBrands, id, preview.id, choice(1), Intent::Take(LEASE))
        .await
        .unwrap();
    assert_eq!(db.store.abandon(&[id]).await.unwrap(), [id]);
    let again = db.started(&preview, 1).await;
    assert_eq!((again.reservation, again.call), (first.reservation, 3), "it is taken up again at once");
}

pub async fn refuses_an_unknown_preview_or_index(db: &Fixture) {
    let short = NewPreview { msisdns: db.offer().msisdns[..1].to_vec(), ..db.offer() };
    db.store.create_preview(&short).await.unwrap();
    assert_eq!(db.begin(&short, 2).await, Begin::UnknownChoice);
    let unknown = NewPreview { id: PreviewId::new(), ..db.offer() };
    assert_eq!(db.begin(&unknown, 1).await, Begin::UnknownPreview);
}

pub async fn ends_with_the_preview(db: &Fixture) {
    let preview = db.expired().await;
    assert_eq!(db.begin(&preview, 1).await, Begin::Expired);
    assert_eq!(db.number(preview.msisdns[0]).await, None, "nothing was written");
}

pub async fn refuses_a_number_held_elsewhere(db: &Fixture) {
    let first = db.preview().await;
    let second = db.same_numbers(&first).await;
    let msisdn = first.msisdns[0];
    let lease = db.started(&first, 1).await;
    assert_eq!(db.begin(&second, 1).await, Begin::Unsettled(msisdn), "while it is asked for");
    db.store.doubt(&lease, "x", LEASE).await.unwrap();
    assert_eq!(db.begin(&second, 1).await, Begin::Unsettled(msisdn), "while it is in doubt");
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(db.begin(&second, 1).await, Begin::Taken(msisdn), "reserved");
    db.store.assign(Scope::AllBrands, msisdn, db.sim().await).await.unwrap();
    assert_eq!(db.begin(&second, 1).await, Begin::Taken(msisdn), "on a line");
}

pub async fn starts_again_with_a_returned_number(db: &Fixture) {
    let first = db.preview().await;
    db.held(&first, 1).await;
    db.store.release(Scope::AllBrands, first.msisdns[0], LEASE).await.unwrap();
    // Sigan offers it again, perhaps before the delivery of its release was recorded.
    let second = db.same_numbers(&first).await;
    assert_eq!(db.started(&second, 1).await.hold, hold(&second, 1));
}

pub async fn resumes_a_doubt(db: &Fixture) {
    let preview = db.preview().await;
    let first = db.doubtful(&preview, 1).await;
    let second = db.started(&preview, 1).await;
    assert_eq!((second.reservation, second.call, second.is_repeat()), (first.reservation, 2, true));
    assert_eq!(second.hold, first.hold);
    assert_eq!(db.begin(&preview, 1).await, Begin::InFlight);
}

pub async fn resumes_a_lapsed_lease(db: &Fixture) {
    let preview = db.preview().await;
    let Begin::Started(dead) = db.begin_for(&preview, 1, LAPSED).await else { panic!("no lease") };
    let lease = db.started(&preview, 1).await;
    assert_eq!((lease.reservation, lease.call), (dead.reservation, 2));
    assert_eq!(db.begin(&preview, 2).await, Begin::OtherInFlight);
}

pub async fn only_looks_without_a_lease(db: &Fixture) {
    let preview = db.preview().await;
    let look = async |index| {
        db.store
            .begin_reservation(
                Scope::AllBrands,
                ReservationId::new(),
                preview.id,
                choice(index),
                Intent::Look,
            )
            .await
            .unwrap()
    };
    assert_eq!(look(1).await, Begin::Free);
    assert_eq!(db.number(preview.msisdns[0]).await, None, "nothing was written");
    db.doubtful(&preview, 1).await;
    assert_eq!(look(1).await, Begin::Free, "a doubt could be taken up again");
    assert_eq!(db.states(preview.msisdns[0]).await.1, [State::InDoubt]);
    assert_eq!(look(2).await, Begin::OtherInFlight);
    let lease = db.started(&preview, 1).await;
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(held_number(&look(1).await), Some(lease.hold.msisdn));
}

pub async fn takes_a_random_number_once(db: &Fixture) {
    let (offer, id) = (db.offer(), ReservationId::new());
    let later = NewPreview { msisdns: offer.msisdns.clone(), ..db.offer() };
    let begin_with = async |id, offer: &NewPreview| {
        db.store.begin_random(id, &hold(offer, 1), &offer.brand, None, LEASE).await.unwrap()
    };
    let begin = async |id| begin_with(id, &offer).await;
    let BeginRandom::Started(lease) = begin(id).await else { panic!("the number is free") };
    assert_eq!(begin(id).await, BeginRandom::Started(lease.clone()), "the same attempt again");
    assert_eq!(begin(ReservationId::new()).await, BeginRandom::Unsettled, "another attempt");
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(begin(ReservationId::new()).await, BeginRandom::Taken, "reserved");
    db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap();
    assert_eq!(begin(ReservationId::new()).await, BeginRandom::Taken, "this very hold is being released");
    let again = begin_with(ReservationId::new(), &later).await;
    assert!(matches!(again, BeginRandom::Started(_)), "given back");
}
