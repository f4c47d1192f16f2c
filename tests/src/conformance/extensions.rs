//! Extensions, and the ends of holds and previews.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oss_core::store::{Assign, Begin, Confirmed, Extend, Extension, Intent, Keyed, Lease, Scope};
use oss_core::{AttemptState as State, Msisdn, NumberStatus, PreviewId, ReservationId};

use super::Fixture;
use super::fixture::{LEASE, acme, hold, other};

const HOUR: Duration = Duration::from_hours(1);

/// An extension that lasts for longer than a test.
pub(super) const EXTENSION: Extension = Extension { hold_for: HOUR, at_most: Duration::from_hours(2) };

impl Fixture {
    async fn extend(&self, msisdn: Msisdn, extension: Extension) -> Extend {
        self.store.extend(Scope::AllBrands, msisdn, extension).await.unwrap()
    }

    async fn extended(&self, msisdn: Msisdn, extension: Extension) -> DateTime<Utc> {
        let Extend::Extended(reservation) = self.extend(msisdn, extension).await else { panic!("refused") };
        let ends_at = reservation.expires_at.expect("a hold ends");
        let stored = self.number(msisdn).await.unwrap().history[0].hold_expires_at;
        assert_eq!((reservation.msisdn, stored), (msisdn, Some(ends_at)));
        ends_at
    }
}

/// A number that is held for a time.
async fn held_for(db: &Fixture, time: Duration) -> Lease {
    let lease = db.started(&db.preview().await, 1).await;
    db.store.confirm(&lease, time).await.unwrap();
    lease
}

pub async fn a_hold_is_extended_up_to_its_longest_time(db: &Fixture) {
    let msisdn = held_for(db, LEASE).await.hold.msisdn;
    let before = db.number(msisdn).await.unwrap().history.remove(0);
    let ends_at = db.extended(msisdn, EXTENSION).await;
    assert!(ends_at >= before.hold_expires_at.unwrap() + TimeDelta::minutes(50), "{ends_at}");
    let most = db.extended(msisdn, Extension { hold_for: HOUR * 9, ..EXTENSION }).await;
    assert_eq!(most, before.created_at + TimeDelta::hours(2));
    assert_eq!(db.extended(msisdn, EXTENSION).await, most, "also if it is repeated");
    let after = db.number(msisdn).await.unwrap().history.remove(0);
    assert_eq!((after.state, after.updated_at), (State::Held, before.updated_at), "its state did not change");
}

pub async fn an_extension_shortens_nothing(db: &Fixture) {
    let msisdn = held_for(db, HOUR * 9).await.hold.msisdn;
    let ends_at = db.number(msisdn).await.unwrap().history[0].hold_expires_at;
    for extension in [EXTENSION, Extension { hold_for: LEASE, at_most: LEASE }] {
        assert_eq!(Some(db.extended(msisdn, extension).await), ends_at);
    }
}

pub async fn an_extended_hold_is_not_abandoned(db: &Fixture) {
    let brief = Duration::from_millis(1500);
    let (kept, abandoned) = (held_for(db, brief).await, held_for(db, brief).await);
    db.extended(kept.hold.msisdn, EXTENSION).await;
    tokio::time::sleep(brief).await;
    assert_eq!(db.extend(abandoned.hold.msisdn, EXTENSION).await, Extend::Forbidden(NumberStatus::Returned));
    db.store.settle_overdue(100).await.unwrap();
    assert_eq!(db.states(kept.hold.msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
    assert_eq!(
        db.states(abandoned.hold.msisdn).await,
        (Some(NumberStatus::Returned), vec![State::Releasing])
    );
}

pub async fn only_a_hold_is_extended(db: &Fixture) {
    let unknown = db.offer().msisdns[0];
    assert_eq!(db.extend(unknown, EXTENSION).await, Extend::Unknown);
    let begun = db.started(&db.preview().await, 1).await;
    assert_eq!(db.extend(begun.hold.msisdn, EXTENSION).await, Extend::Unknown, "it never was ours");
    let doubtful = db.doubtful(&db.preview().await, 1).await;
    assert_eq!(db.extend(doubtful.hold.msisdn, EXTENSION).await, Extend::InDoubt);
    let line = db.held(&db.preview().await, 1).await.hold.msisdn;
    assert_eq!(db.store.assign(Scope::AllBrands, line, db.sim().await).await.unwrap(), Assign::Assigned);
    assert_eq!(db.extend(line, EXTENSION).await, Extend::Forbidden(NumberStatus::InUse));
    let released = db.held(&db.preview().await, 1).await.hold.msisdn;
    db.store.release(Scope::AllBrands, released, LEASE).await.unwrap();
    assert_eq!(db.extend(released, EXTENSION).await, Extend::Forbidden(NumberStatus::Returned));
    let preview = db.preview().await;
    let asked_again = db.started(&preview, 1).await;
    db.store.doubt(&asked_again, "x", LEASE).await.unwrap();
    db.started(&preview, 1).await;
    assert_eq!(db.extend(asked_again.hold.msisdn, EXTENSION).await, Extend::InFlight);
}

pub async fn a_hold_is_extended_by_its_brand_alone(db: &Fixture) {
    let msisdn = held_for(db, LEASE).await.hold.msisdn;
    let before = db.number(msisdn).await;
    let stranger = db.store.extend(Scope::Brand(&other()), msisdn, EXTENSION).await.unwrap();
    assert_eq!(stranger, Extend::Unknown);
    assert_eq!(db.number(msisdn).await, before);
    let own = db.store.extend(Scope::Brand(&acme()), msisdn, EXTENSION).await.unwrap();
    assert!(matches!(own, Extend::Extended(_)), "{own:?}");
}

pub async fn every_answer_has_the_end_of_the_hold(db: &Fixture) {
    let (preview, key) = (db.preview().await, super::keys::key("end"));
    let lease = db.started(&preview, 1).await;
    let Confirmed::Held(held) = db.store.confirm(&lease, LEASE).await.unwrap() else { panic!("not held") };
    let stored = db.number(lease.hold.msisdn).await.unwrap().history[0].hold_expires_at;
    assert_eq!((held.msisdn, held.expires_at), (lease.hold.msisdn, stored));
    assert!(stored.is_some());
    let again = db.store.confirm(&lease, HOUR).await.unwrap();
    assert_eq!((again, db.begin(&preview, 1).await), (Confirmed::Held(held), Begin::Held(held)));

    let (offer, id) = (db.offer(), ReservationId::new());
    db.store.begin_random(id, &hold(&offer, 1), &offer.brand, Some(&key), LEASE).await.unwrap();
    let ddd = offer.msisdns[0].ddd();
    let resume = || db.store.resume_keyed(Scope::AllBrands, ReservationId::new(), &key, ddd, Intent::Look);
    let random = Lease { reservation: id, hold: hold(&offer, 1), ..lease.clone() };
    let Confirmed::Held(keyed) = db.store.confirm(&random, LEASE).await.unwrap() else { panic!("not held") };
    assert_eq!(resume().await.unwrap(), Some(Keyed::Held(keyed)));

    // On a line it does not expire.
    for msisdn in [held.msisdn, keyed.msisdn] {
        db.store.assign(Scope::AllBrands, msisdn, db.sim().await).await.unwrap();
    }
    let answers = (
        db.begin(&preview, 1).await,
        resume().await.unwrap(),
        db.store.confirm(&lease, LEASE).await.unwrap(),
    );
    let (Begin::Held(begun), Some(Keyed::Held(resumed)), Confirmed::Held(confirmed)) = answers else {
        panic!("{answers:?}")
    };
    assert_eq!([begun.expires_at, resumed.expires_at, confirmed.expires_at], [None; 3]);
}

pub async fn a_preview_has_its_end(db: &Fixture) {
    let key = super::keys::key("preview");
    let offer = oss_core::store::NewPreview { key: Some(key.clone()), ..db.offer() };
    let ends_at = db.store.create_preview(&offer).await.unwrap();
    assert!(ends_at.is_some());
    assert_eq!(db.store.create_preview(&offer).await.unwrap(), ends_at, "the same step again");
    let found = db.store.keyed_preview(Scope::AllBrands, &key).await.unwrap().unwrap();
    assert_eq!(Some(found.expires_at), ends_at);
    let second = oss_core::store::NewPreview { id: PreviewId::new(), ..offer };
    assert_eq!(db.store.create_preview(&second).await.unwrap(), None);
}

pub async fn an_extension_and_an_expiry(db: &Fixture) {
    for _ in 0..10 {
        let preview = db.preview().await;
        let lease = db.started(&preview, 1).await;
        db.store.confirm(&lease, Duration::from_millis(20)).await.unwrap();
        let extend = async {
            tokio::time::sleep(Duration::from_millis(15)).await;
            db.extend(lease.hold.msisdn, EXTENSION).await
        };
        let expire = async {
            for _ in 0..10 {
                db.store.settle_overdue(100).await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let (extended, ()) = tokio::join!(extend, expire);
        let is_kept = matches!(extended, Extend::Extended(_));
        db.store.settle_overdue(100).await.unwrap();
        let expected = if is_kept { State::Held } else { State::Releasing };
        assert_eq!(db.states(lease.hold.msisdn).await.1, [expected], "{extended:?}");
    }
}
