//! Searches for a number, a preview, an attempt or an order.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{NewPreview, NumberKey, Scope, Tenant};
use oss_core::{
    AttemptState as State, Eid, ListedNumber, NumberStatus, PreviewId, ProfileReport, ProfileState,
    ReservationId, SimFilter, SimId,
};

use super::Fixture;
use super::fixture::{LEASE, acme, choice, other};

async fn find_as(db: &Fixture, scope: Scope<'_>, key: NumberKey) -> Option<ListedNumber> {
    db.store.find_number(scope, key).await.unwrap()
}

async fn find(db: &Fixture, key: NumberKey) -> Option<ListedNumber> {
    find_as(db, Scope::AllBrands, key).await
}

pub async fn a_number_is_found_by_each_key(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.held(&preview, 2).await;
    let msisdn = lease.hold.msisdn;
    let order = db.ordered(&db.wish(msisdn).await).await;
    for key in [
        NumberKey::Number(msisdn),
        NumberKey::Reservation(lease.reservation),
        NumberKey::Preview(preview.id),
        NumberKey::Order(order.order),
    ] {
        let found = find(db, key).await.unwrap_or_else(|| panic!("{key:?}"));
        assert_eq!((found.msisdn, found.state), (msisdn, Some(State::Held)), "{key:?}");
        assert_eq!(found.status, Some(NumberStatus::Reserved), "{key:?}");
        assert_eq!(found.brand_id.as_ref(), Some(acme().brand()), "{key:?}");
    }
    for key in [
        NumberKey::Number(preview.msisdns[0]),
        NumberKey::Reservation(ReservationId::new()),
        NumberKey::Preview(db.preview().await.id),
        NumberKey::Order(SimId::new()),
    ] {
        assert_eq!(find(db, key).await, None, "{key:?}");
    }
}

pub async fn a_refused_number_is_found(db: &Fixture) {
    let lease = db.started(&db.preview().await, 1).await;
    db.store.reject(&lease, "taken").await.unwrap();
    let found = find(db, NumberKey::Number(lease.hold.msisdn)).await.expect("an attempt");
    assert_eq!((found.status, found.state), (None, Some(State::Rejected)), "it never was ours");
    assert_eq!(found.reason.as_deref(), Some("taken"));
}

/// The number, its attempts and its preview are found by their brand alone. A former brand finds its own attempt.
pub async fn a_search_stays_within_the_brand(db: &Fixture) {
    let preview = db.preview().await;
    let lease = db.held(&preview, 1).await;
    let order = db.ordered(&db.wish(lease.hold.msisdn).await).await;
    let keys = [
        NumberKey::Number(lease.hold.msisdn),
        NumberKey::Reservation(lease.reservation),
        NumberKey::Preview(preview.id),
        NumberKey::Order(order.order),
    ];
    let finds = async |tenant: &Tenant, key| find_as(db, Scope::Brand(tenant), key).await;
    let (owner, stranger) = (acme(), other());
    for key in keys {
        assert!(finds(&owner, key).await.is_some() && finds(&stranger, key).await.is_none(), "{key:?}");
    }
    assert!(db.store.find_preview(Scope::Brand(&stranger), preview.id).await.unwrap().is_none());

    let former = db.preview().await;
    let gone = db.held(&former, 1).await;
    db.store.release(Scope::AllBrands, gone.hold.msisdn, LEASE).await.unwrap();
    db.store.record_delivery(gone.reservation).await.unwrap();
    let again = NewPreview { brand: stranger.brand().clone(), msisdns: former.msisdns, ..db.offer() };
    db.store.create_preview(&again).await.unwrap();
    db.held(&again, 1).await;
    let key = NumberKey::Number(gone.hold.msisdn);
    let found = finds(&owner, key).await.expect("its own attempt");
    assert_eq!((found.status, found.state), (None, Some(State::Released)));
    let found = finds(&stranger, key).await.expect("its number");
    assert_eq!((found.status, found.state), (Some(NumberStatus::Reserved), Some(State::Held)));
}

pub async fn a_preview_is_found(db: &Fixture) {
    let preview = db.preview().await;
    let tenant = acme();
    let find = async |id| db.store.find_preview(Scope::Brand(&tenant), id).await.unwrap();
    let found = find(preview.id).await.expect("it is there");
    let offers: Vec<_> = (1..=3).map(choice).zip(preview.msisdns.clone()).collect();
    assert_eq!((found.id, &found.offers, found.reserved), (preview.id, &offers, None));
    assert_eq!((found.external_id, found.client), (Some(preview.external_id.clone()), None));
    assert_eq!(
        (&found.brand, found.expires_at - found.created_at > chrono::TimeDelta::zero()),
        (tenant.brand(), true)
    );
    let lease = db.held(&preview, 3).await;
    assert_eq!(find(preview.id).await.and_then(|found| found.reserved), Some(lease.hold.msisdn));
    assert_eq!(find(PreviewId::new()).await, None);
}

pub async fn an_esim_is_found_by_the_chip_that_it_is_on(db: &Fixture) {
    let lease = db.in_use().await;
    let [first, second] = ["89049032000100000123456789012326", "89049032000100000123456789012423"]
        .map(|text| text.parse::<Eid>().unwrap());
    let find = async |eid: &Eid| {
        let sims = db.store.find_sims(Scope::AllBrands, &SimFilter::Eid(eid.clone())).await.unwrap();
        sims.iter().map(|sim| sim.id).collect::<Vec<_>>()
    };
    let at = |second: i64| chrono::DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a time");
    let told = |state, second| ProfileReport::new(lease.order, state, at(second), None);
    db.store.record_profile(&told(ProfileState::Downloaded, 1).on_chip(Some(first.clone()))).await.unwrap();
    assert_eq!(find(&first).await, [lease.order]);
    db.store.record_profile(&told(ProfileState::Installed, 2)).await.unwrap();
    assert_eq!(find(&first).await, [lease.order], "a report without it changes nothing");
    db.store.record_profile(&told(ProfileState::Enabled, 3).on_chip(Some(second.clone()))).await.unwrap();
    assert_eq!(find(&first).await, [], "it is on another chip");
    db.store.record_profile(&told(ProfileState::Disabled, 2).on_chip(Some(first.clone()))).await.unwrap();
    assert_eq!(find(&first).await, [], "a late report moves it to no earlier chip");
    assert_eq!(find(&second).await, [lease.order]);
}
