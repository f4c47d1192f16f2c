//! Calls with an idempotency key.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{BeginRandom, Intent, Keyed, Lease, NewPreview, Scope};
use oss_core::{IdempotencyKey, PreviewId, ReservationId};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, hold};

pub(super) fn key(text: &str) -> IdempotencyKey {
    key_of("acme", text)
}

fn key_of(client: &str, text: &str) -> IdempotencyKey {
    IdempotencyKey::new(client.parse().expect("a name"), text).expect("a key")
}

async fn begin(db: &Fixture, key: &IdempotencyKey) -> BeginRandom {
    let offer = db.offer();
    let (id, hold) = (ReservationId::new(), hold(&offer, 1));
    db.store.begin_random(id, &hold, &offer.brand, Some(key), LEASE).await.unwrap()
}

async fn started(db: &Fixture, key: &IdempotencyKey) -> Lease {
    match begin(db, key).await {
        BeginRandom::Started(lease) => lease,
        other => panic!("expected a lease, not {other:?}"),
    }
}

async fn resume(db: &Fixture, key: &IdempotencyKey, ddd: &str) -> Option<Keyed> {
    db.store
        .resume_keyed(Scope::AllBrands, ReservationId::new(), key, ddd.parse().unwrap(), Intent::Take(LEASE))
        .await
        .unwrap()
}

pub async fn a_key_finds_its_preview(db: &Fixture) {
    let previous = db.preview().await;
    let preview = NewPreview { key: Some(key("k")), previous: Some(previous.id), ..db.offer() };
    assert_eq!(db.store.keyed_preview(Scope::AllBrands, &key("k")).await.unwrap(), None);
    assert!(db.store.create_preview(&preview).await.unwrap().is_some());
    assert!(db.store.create_preview(&preview).await.unwrap().is_some(), "the same step again");
    let known = db.store.keyed_preview(Scope::AllBrands, &key("k")).await.unwrap().expect("it is known");
    assert_eq!((known.id, &known.msisdns, known.previous), (preview.id, &preview.msisdns, Some(previous.id)));

    let second = NewPreview { key: Some(key("k")), ..db.offer() };
    assert!(db.store.create_preview(&second).await.unwrap().is_none(), "the key is in use");
    assert_eq!(
        db.store.previous_preview(Scope::AllBrands, second.id).await.unwrap(),
        None,
        "nothing was stored"
    );
    let stranger = NewPreview { key: Some(key_of("other", "k")), id: PreviewId::new(), ..db.offer() };
    assert!(
        db.store.create_preview(&stranger).await.unwrap().is_some(),
        "the keys of two clients never meet"
    );
}

pub async fn a_key_finds_its_number(db: &Fixture) {
    let key = key("k");
    assert_eq!(resume(db, &key, "11").await, None);
    let lease = started(db, &key).await;
    assert_eq!(begin(db, &key).await, BeginRandom::KeyInUse);
    assert_eq!(resume(db, &key, "11").await, Some(Keyed::InFlight));
    assert_eq!(resume(db, &key, "21").await, Some(Keyed::OtherRequest));
    db.store.confirm(&lease, LEASE).await.unwrap();
    let held = resume(db, &key, "11").await;
    assert!(matches!(held, Some(Keyed::Held(held)) if held.msisdn == lease.hold.msisdn), "{held:?}");
    assert_eq!(resume(db, &key_of("other", "k"), "11").await, None);
    db.store.release(Scope::AllBrands, lease.hold.msisdn, LEASE).await.unwrap();
    assert_eq!(resume(db, &key, "11").await, Some(Keyed::Spent));
    assert_eq!(begin(db, &key).await, BeginRandom::KeyInUse);
}

pub async fn a_key_takes_a_doubt_up_again(db: &Fixture) {
    let key = key("k");
    let lease = started(db, &key).await;
    db.store.doubt(&lease, "x", LAPSED).await.unwrap();
    let look = db.store.resume_keyed(
        Scope::AllBrands,
        ReservationId::new(),
        &key,
        "11".parse().unwrap(),
        Intent::Look,
    );
    let look = look.await.unwrap();
    assert_eq!(look, Some(Keyed::InDoubt));
    assert_eq!(resume(db, &key, "21").await, Some(Keyed::OtherRequest), "another request takes nothing up");
    let again = Lease { call: 2, ..lease.clone() };
    assert_eq!(resume(db, &key, "11").await, Some(Keyed::Resumed(again)));
    assert_eq!(resume(db, &key, "11").await, Some(Keyed::InFlight));
}

pub async fn an_expired_hold_spends_its_key(db: &Fixture) {
    let key = key("k");
    let lease = started(db, &key).await;
    db.store.confirm(&lease, LAPSED).await.unwrap();
    assert_eq!(resume(db, &key, "11").await, Some(Keyed::Spent), "the next sweep gives it back");
}

/// The answer of the step may be lost, so that the step is repeated.
pub async fn a_key_takes_a_doubt_up_once_by_its_own_id(db: &Fixture) {
    let (key, id) = (key("k"), ReservationId::new());
    let lease = started(db, &key).await;
    db.store.doubt(&lease, "x", LEASE).await.unwrap();
    let resume = async || {
        db.store
            .resume_keyed(Scope::AllBrands, id, &key, "11".parse().unwrap(), Intent::Take(LEASE))
            .await
            .unwrap()
    };
    let first = resume().await;
    assert_eq!(first, Some(Keyed::Resumed(Lease { call: 2, ..lease })));
    assert_eq!(resume().await, first, "the same lease");
    assert_eq!(db.store.abandon(&[id]).await.unwrap(), [id]);
}

pub async fn an_attempt_that_left_nothing_frees_its_key(db: &Fixture) {
    let key = key("k");
    let refused = started(db, &key).await;
    db.store.reject(&refused, "taken").await.unwrap();
    assert_eq!(resume(db, &key, "11").await, None);
    started(db, &key).await;
}

pub async fn fifty_calls_with_one_key_begin_once(db: &Fixture) {
    let key = key("k");
    let begun = futures::future::join_all((0..50).map(|_| begin(db, &key))).await;
    let started = begun.iter().filter(|begun| matches!(begun, BeginRandom::Started(_))).count();
    assert_eq!(started, 1, "{begun:?}");
    assert!(begun.iter().all(|begun| matches!(begun, BeginRandom::Started(_) | BeginRandom::KeyInUse)));
}
