//! Previews, and the area codes.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use oss_core::store::{Begin, NewPreview, PreviousPreview, Scope};
use oss_core::{Ddd, PreviewId};

use super::Fixture;

pub async fn is_stored_once(db: &Fixture) {
    let preview = db.preview().await;
    assert!(db.store.create_preview(&preview).await.unwrap().is_some());
    assert_eq!(db.started(&preview, 3).await.hold, super::fixture::hold(&preview, 3));
}

pub async fn replaces_another(db: &Fixture) {
    let first = db.preview().await;
    let second = NewPreview { previous: Some(first.id), ..db.offer() };
    db.store.create_preview(&second).await.unwrap();
    assert_eq!(db.begin(&first, 1).await, Begin::Expired);
    assert!(matches!(db.begin(&second, 1).await, Begin::Started(_)));
}

pub async fn says_whether_it_is_in_use(db: &Fixture) {
    let preview = db.preview().await;
    let seen = async || db.store.previous_preview(Scope::AllBrands, preview.id).await.unwrap();
    let as_seen = |in_use| Some(PreviousPreview { external_id: preview.external_id.clone(), in_use });
    assert_eq!(seen().await, as_seen(false));
    let lease = db.started(&preview, 1).await;
    assert_eq!(seen().await, as_seen(true), "a reserve is in flight");
    db.store.reject(&lease, "taken").await.unwrap();
    assert_eq!(seen().await, as_seen(false));
    let lease = db.held(&preview, 2).await;
    assert_eq!(seen().await, as_seen(true));
    db.store.release(Scope::AllBrands, lease.hold.msisdn, super::fixture::LEASE).await.unwrap();
    assert_eq!(seen().await, as_seen(false));
    assert_eq!(db.store.previous_preview(Scope::AllBrands, PreviewId::new()).await.unwrap(), None);
}

pub async fn knows_numbers_that_were_just_returned(db: &Fixture) {
    let hour = Duration::from_hours(1);
    let (first, second) = (db.preview().await, db.preview().await);
    let number = db.held(&first, 1).await.hold.msisdn;
    let others = [second.msisdns[0], number];
    let were_returned = async |within| db.store.were_returned(&others, within).await.unwrap();
    assert!(!were_returned(hour).await, "it is held, and the other one was never reserved");
    db.store.release(Scope::AllBrands, number, super::fixture::LEASE).await.unwrap();
    assert!(were_returned(hour).await);
    assert!(!db.store.were_returned(&second.msisdns, hour).await.unwrap());
    assert!(!were_returned(Duration::ZERO).await, "longer ago");
}

pub async fn knows_the_area_codes(db: &Fixture) {
    let in_use = db.store.ddds_in_use().await.unwrap();
    assert_eq!(Vec::<Ddd>::from(in_use).len(), 67);
    assert!(in_use.contains("11".parse().unwrap()));
    assert!(!in_use.contains("23".parse().unwrap()));
    db.store.check().await.unwrap();
}
