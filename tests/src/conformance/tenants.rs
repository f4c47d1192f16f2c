//! Several brands in one database: a brand cannot see or change the numbers of another.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use oss_core::store::{
    Assign, Begin, BeginRandom, Confirmed, Intent, Keyed, NewPreview, OtherNumber, Release, Scope, Tenant,
};
use oss_core::{AttemptState as State, Msisdn, NumberStatus, ReservationId, SimId};

use super::Fixture;
use super::fixture::{LEASE, acme, choice, held_number, hold, other};
use super::keys::key;

/// A wish of a tenant for the first number of a preview.
async fn begin(db: &Fixture, tenant: &Tenant, preview: &NewPreview) -> Begin {
    let begun = db.store.begin_reservation(
        Scope::Brand(tenant),
        ReservationId::new(),
        preview.id,
        choice(1),
        Intent::Take(LEASE),
    );
    begun.await.unwrap()
}

async fn release(db: &Fixture, tenant: &Tenant, msisdn: Msisdn) -> Release {
    db.store.release(Scope::Brand(tenant), msisdn, LEASE).await.unwrap()
}

async fn assign(db: &Fixture, tenant: &Tenant, msisdn: Msisdn) -> Assign {
    assign_to(db, tenant, msisdn, db.sim_for(tenant).await).await
}

async fn assign_to(db: &Fixture, tenant: &Tenant, msisdn: Msisdn, sim: SimId) -> Assign {
    db.store.assign(Scope::Brand(tenant), msisdn, sim).await.unwrap()
}

/// The states of the holds that a tenant is shown. None if it is shown no number.
async fn shown(db: &Fixture, tenant: &Tenant, msisdn: Msisdn) -> Option<Vec<State>> {
    let number = db.store.number(Scope::Brand(tenant), msisdn).await.unwrap();
    number.map(|number| number.history.iter().map(|hold| hold.state).collect())
}

/// A preview of the other brand, with the same numbers.
async fn same_numbers_for_other(db: &Fixture, preview: &NewPreview) -> NewPreview {
    let offered =
        NewPreview { brand: other().brand().clone(), msisdns: preview.msisdns.clone(), ..db.offer() };
    assert!(db.store.create_preview(&offered).await.unwrap().is_some());
    offered
}

pub async fn a_preview_is_replaced_by_its_brand_alone(db: &Fixture) {
    let preview = db.preview().await;
    let found = async |tenant| db.store.previous_preview(tenant, preview.id).await.unwrap();
    let (owner, stranger) = (acme(), other());
    assert_eq!(found(Scope::Brand(&stranger)).await, None);
    let own = found(Scope::Brand(&owner)).await.expect("its own");
    assert_eq!(own.external_id, preview.external_id);
    assert_eq!(found(Scope::AllBrands).await, Some(own));
}

pub async fn a_preview_is_reserved_from_by_its_brand_alone(db: &Fixture) {
    let preview = db.preview().await;
    let msisdn = preview.msisdns[0];
    assert_eq!(begin(db, &other(), &preview).await, Begin::UnknownPreview);
    assert_eq!(db.number(msisdn).await, None, "nothing was written");
    let Begin::Started(lease) = begin(db, &acme(), &preview).await else { panic!("no lease") };
    assert_eq!(begin(db, &other(), &preview).await, Begin::UnknownPreview, "a call is under way");
    db.store.doubt(&lease, "x", LEASE).await.unwrap();
    assert_eq!(begin(db, &other(), &preview).await, Begin::UnknownPreview);
    assert_eq!(db.states(msisdn).await.1, [State::InDoubt], "the doubt is not taken up");
    let Begin::Started(again) = begin(db, &acme(), &preview).await else { panic!("no lease") };
    assert_eq!((again.reservation, again.call), (lease.reservation, 2));
    db.store.confirm(&again, LEASE).await.unwrap();
    assert_eq!(begin(db, &other(), &preview).await, Begin::UnknownPreview);
    assert_eq!(held_number(&begin(db, &acme(), &preview).await), Some(msisdn));
    assert_eq!(begin(db, &other(), &db.expired().await).await, Begin::UnknownPreview, "not even expired");
}

pub async fn a_number_is_given_back_by_its_brand_alone(db: &Fixture) {
    for state in [State::Held, State::InDoubt, State::Assigned] {
        let preview = db.preview().await;
        let msisdn = preview.msisdns[0];
        if state == State::InDoubt {
            db.doubtful(&preview, 1).await;
        } else {
            db.held(&preview, 1).await;
        }
        if state == State::Assigned {
            assert_eq!(assign(db, &acme(), msisdn).await, Assign::Assigned);
        }
        assert_eq!(release(db, &other(), msisdn).await, Release::Unknown, "{state}");
        assert_eq!(db.states(msisdn).await.1, [state]);
    }
    let lease = db.held(&db.preview().await, 1).await;
    let msisdn = lease.hold.msisdn;
    assert!(
        matches!(release(db, &acme(), msisdn).await, Release::Returned(Some(delivery)) if delivery.hold == lease.hold)
    );
    assert_eq!(release(db, &acme(), msisdn).await, Release::AlreadyReturned);
    assert_eq!(release(db, &other(), msisdn).await, Release::Unknown, "not even given back");
}

pub async fn a_number_goes_on_a_line_for_its_brand_alone(db: &Fixture) {
    let msisdn = db.held(&db.preview().await, 1).await.hold.msisdn;
    assert_eq!(assign(db, &other(), msisdn).await, Assign::Unknown);
    assert_eq!(db.states(msisdn).await, (Some(NumberStatus::Reserved), vec![State::Held]));
    assert_eq!(assign(db, &acme(), msisdn).await, Assign::Assigned);
    assert_eq!(assign(db, &other(), msisdn).await, Assign::Unknown, "on a line");
    assert_eq!(assign(db, &acme(), msisdn).await, Assign::AssignedElsewhere);
}

pub async fn a_number_is_shown_to_its_brand_alone(db: &Fixture) {
    let preview = db.preview().await;
    let msisdn = preview.msisdns[0];
    let lease = db.started(&preview, 1).await;
    assert_eq!(shown(db, &acme(), msisdn).await, Some(vec![State::Pending]));
    assert_eq!(shown(db, &other(), msisdn).await, None, "before it is ours");
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(shown(db, &acme(), msisdn).await, Some(vec![State::Held]));
    assert_eq!(shown(db, &other(), msisdn).await, None);
    db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap();
    assert_eq!(shown(db, &acme(), msisdn).await, Some(vec![State::Releasing]));
    assert_eq!(shown(db, &other(), msisdn).await, None, "given back");
}

pub async fn a_number_changes_hands(db: &Fixture) {
    let first = db.preview().await;
    let msisdn = db.held(&first, 1).await.hold.msisdn;
    release(db, &acme(), msisdn).await;
    let second = same_numbers_for_other(db, &first).await;
    let lease = db.started(&second, 1).await;
    assert_eq!(release(db, &acme(), msisdn).await, Release::Unknown, "another brand asks for it");
    db.store.confirm(&lease, LEASE).await.unwrap();
    assert_eq!(release(db, &acme(), msisdn).await, Release::Unknown);
    assert_eq!(assign(db, &acme(), msisdn).await, Assign::Unknown);
    assert_eq!(shown(db, &acme(), msisdn).await, None, "not even that it had it");
    assert_eq!(shown(db, &other(), msisdn).await, Some(vec![State::Held]), "not that another had it");
    assert_eq!(db.states(msisdn).await.1, [State::Held, State::Releasing], "both");

    assert!(matches!(release(db, &other(), msisdn).await, Release::Returned(Some(_))));
    let refused = db.started(&db.same_numbers(&first).await, 1).await;
    db.store.reject(&refused, "taken").await.unwrap();
    assert_eq!(release(db, &other(), msisdn).await, Release::AlreadyReturned, "it had it last");
    assert_eq!(release(db, &acme(), msisdn).await, Release::Unknown, "a refused attempt is no hold");
}

/// A brand does not learn when another one had the number.
pub async fn a_number_shows_no_times_of_another_brand(db: &Fixture) {
    let first = db.preview().await;
    let msisdn = db.held(&first, 1).await.hold.msisdn;
    assert_eq!(assign(db, &acme(), msisdn).await, Assign::Assigned);
    let line = async |tenant: &Tenant| {
        db.store.number(Scope::Brand(tenant), msisdn).await.unwrap().unwrap().line.unwrap()
    };
    let before = line(&acme()).await;
    assert!(before.assigned_at.is_some(), "its own");
    let database = &db.database;
    // Its line ends without this service.
    database
        .execute(&format!(
            "update phone_number set status = 'RETURNED', assigned_sim_id = null where msisdn = '{msisdn}'"
        ))
        .await;
    database
        .execute(&format!(
            "update reservation set state = 'RELEASED', due_at = null where msisdn = '{msisdn}'"
        ))
        .await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let second = same_numbers_for_other(db, &first).await;
    db.held(&second, 1).await;
    let now = line(&other()).await;
    assert_eq!(now.assigned_at, None, "another brand's");
    assert!(now.created_at > before.created_at, "since it has it");
    assert_eq!(assign(db, &other(), msisdn).await, Assign::Assigned);
    assert!(line(&other()).await.assigned_at.is_some(), "its own");
}

pub async fn a_key_is_of_one_brand(db: &Fixture) {
    let preview = NewPreview { key: Some(key("p")), ..db.offer() };
    db.store.create_preview(&preview).await.unwrap();
    let (acme, other) = (acme(), other());
    for (scope, own) in [(Scope::AllBrands, true), (Scope::Brand(&acme), true), (Scope::Brand(&other), false)]
    {
        let known = db.store.keyed_preview(scope, &key("p")).await.unwrap();
        assert_eq!(known.map(|known| known.own), Some(own), "{scope:?}");
    }

    let (offer, key) = (db.offer(), key("r"));
    let (id, wish) = (ReservationId::new(), hold(&offer, 1));
    let begun = db.store.begin_random(id, &wish, &offer.brand, Some(&key), LEASE).await;
    let BeginRandom::Started(lease) = begun.unwrap() else { panic!("no lease") };
    let resumed = async |tenant: &Tenant| {
        let id = ReservationId::new();
        db.store
            .resume_keyed(Scope::Brand(tenant), id, &key, "11".parse().unwrap(), Intent::Take(LEASE))
            .await
            .unwrap()
    };
    assert_eq!(resumed(&other).await, Some(Keyed::OtherRequest));
    assert_eq!(resumed(&acme).await, Some(Keyed::InFlight));
    db.store.doubt(&lease, "x", LEASE).await.unwrap();
    assert_eq!(resumed(&other).await, Some(Keyed::OtherRequest));
    assert_eq!(db.states(lease.hold.msisdn).await.1, [State::InDoubt], "the doubt is not taken up");
    assert!(matches!(resumed(&acme).await, Some(Keyed::Resumed(_))));
}

pub async fn the_brands_with_live_holds_are_listed(db: &Fixture) {
    assert_eq!(db.store.holding_brands().await.unwrap(), []);
    let preview = db.preview().await;
    db.held(&preview, 1).await;
    db.held(&db.preview().await, 1).await;
    let msisdn = db.held(&same_numbers_for_other(db, &db.offer()).await, 1).await.hold.msisdn;
    let brands = [acme(), other()].map(|tenant| tenant.brand().clone());
    assert_eq!(db.store.holding_brands().await.unwrap(), brands);
    db.store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap();
    assert_eq!(db.store.holding_brands().await.unwrap(), brands[..1]);
}

/// The one brand acts while its number is given back and goes to the other one.
pub async fn a_number_changes_hands_under_a_call(db: &Fixture) {
    for round in 0..40 {
        let first = db.preview().await;
        let (own, sim) = (db.held(&first, 1).await.hold, db.sim().await);
        let second = same_numbers_for_other(db, &first).await;
        let handed_over = async {
            db.store.release(Scope::AllBrands, own.msisdn, LEASE).await.unwrap();
            let Begin::Started(lease) = db.begin(&second, 1).await else { return false };
            matches!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Held(_))
        };
        let call = async {
            // The call comes before, during or after the hand-over.
            tokio::time::sleep(Duration::from_micros(100 * (round % 20))).await;
            if round % 2 == 0 {
                let released = release(db, &acme(), own.msisdn).await;
                let is_expected = match &released {
                    Release::Returned(delivery) => {
                        delivery.as_ref().is_some_and(|delivery| delivery.hold == own)
                    }
                    other => matches!(other, Release::AlreadyReturned | Release::Unknown),
                };
                assert!(is_expected, "{released:?}");
            } else {
                let assigned = assign_to(db, &acme(), own.msisdn, sim).await;
                let returned = Assign::Forbidden(NumberStatus::Returned);
                assert!(
                    matches!(assigned, Assign::Assigned | Assign::Unknown) || assigned == returned,
                    "{assigned:?}"
                );
            }
        };
        let (handed_over, ()) = tokio::join!(handed_over, call);
        let (status, holds) = db.states(own.msisdn).await;
        let (stranger, now) = if handed_over {
            (acme(), (NumberStatus::Reserved, State::Held))
        } else {
            (other(), (NumberStatus::InUse, State::Assigned))
        };
        assert_eq!((status, holds[0]), (Some(now.0), now.1), "{handed_over}");
        assert_eq!(shown(db, &stranger, own.msisdn).await, None);
    }
}

pub async fn a_number_of_the_sim_is_named_to_its_brand_alone(db: &Fixture) {
    let (number, free) = (db.held(&db.preview().await, 1).await.hold.msisdn, db.preview().await);
    let sim = db.sim().await;
    assert_eq!(db.store.assign(Scope::Brand(&acme()), number, sim).await.unwrap(), Assign::Assigned);
    let own = db.held(&free, 1).await.hold.msisdn;
    let answer = db.store.assign(Scope::Brand(&acme()), own, sim).await.unwrap();
    assert_eq!(answer, Assign::SimHasNumber(OtherNumber::Shown(number.masked())));

    let theirs = same_numbers_for_other(db, &db.offer()).await;
    let Begin::Started(lease) = begin(db, &other(), &theirs).await else { panic!("it is free") };
    assert!(matches!(db.store.confirm(&lease, LEASE).await.unwrap(), Confirmed::Held(_)));
    let assign = async |sim| assign_to(db, &other(), lease.hold.msisdn, sim).await;
    assert_eq!(assign(sim).await, Assign::UnknownSim, "the SIM of another brand");
    let theirs = db.sim_for(&other()).await;
    assert_eq!(db.store.assign(Scope::AllBrands, own, theirs).await.unwrap(), Assign::Assigned);
    assert_eq!(assign(theirs).await, Assign::SimHasNumber(OtherNumber::Hidden));
}
