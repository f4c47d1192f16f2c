//! Attempts that wait for a certain outcome.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{Due, NewOrder, NewPreview, Scope};
use oss_core::{AttemptKind as Kind, AttemptState as State, UnsettledAttempt};

use super::Fixture;
use super::fixture::{LAPSED, LEASE, acme, other};

const MANY: u32 = 100;

async fn unsettled(db: &Fixture, scope: Scope<'_>) -> Vec<UnsettledAttempt> {
    let page = db.store.unsettled_attempts(scope, None, MANY).await.unwrap();
    assert_eq!(page.next, None);
    page.attempts
}

fn states(attempts: &[UnsettledAttempt]) -> Vec<(Kind, State, u32)> {
    attempts.iter().map(|attempt| (attempt.kind, attempt.state, attempt.attempts)).collect()
}

pub async fn attempts_without_a_certain_outcome_are_listed(db: &Fixture) {
    assert_eq!(unsettled(db, Scope::AllBrands).await, []);
    db.held(&db.preview().await, 1).await;
    let first_call = db.started(&db.preview().await, 1).await;
    assert_eq!(unsettled(db, Scope::AllBrands).await, [], "a first call is under way");

    let doubtful = db.started(&db.preview().await, 1).await;
    db.store.doubt(&doubtful, "no answer in time", LEASE).await.unwrap();
    let released = db.held(&db.preview().await, 1).await;
    db.store.release(Scope::AllBrands, released.hold.msisdn, LEASE).await.unwrap();
    let wish = db.wish(db.reserved().await).await;
    let order = db.ordered(&wish).await;
    db.store.doubt_order(&order, "GSIM is silent", LEASE).await.unwrap();
    let tenant = acme();
    for scope in [Scope::AllBrands, Scope::Brand(&tenant)] {
        let attempts = unsettled(db, scope).await;
        let expected = [
            (Kind::Number, State::InDoubt, 1),
            (Kind::Number, State::Releasing, 0),
            (Kind::Sim, State::InDoubt, 1),
        ];
        let found: Vec<_> = states(&attempts).into_iter().map(|(kind, state, _)| (kind, state)).collect();
        assert_eq!(found, expected.map(|(kind, state, _)| (kind, state)), "the oldest first");
        assert_eq!(
            attempts.iter().map(|attempt| attempt.msisdn).collect::<Vec<_>>(),
            [doubtful.hold.msisdn, released.hold.msisdn, wish.msisdn]
        );
        assert_eq!(attempts[0].id, doubtful.reservation.as_uuid());
        assert_eq!(
            (attempts[2].id, attempts[2].reason.as_deref()),
            (wish.id.as_uuid(), Some("GSIM is silent"))
        );
        assert_eq!((attempts[0].attempts, attempts[0].since), (1, attempts[0].begun_at));
        assert!(attempts[1].since > attempts[1].begun_at, "it was given back later");
        assert!(attempts.iter().all(|attempt| attempt.next_attempt_at > Some(attempt.since)), "{attempts:?}");
    }
    assert_eq!(unsettled(db, Scope::Brand(&other())).await, []);
    db.store.confirm(&first_call, LEASE).await.unwrap();
    assert_eq!(unsettled(db, Scope::AllBrands).await.len(), 3);
}

/// An attempt that is asked about again stays in the list, and so does one whose process died.
pub async fn an_attempt_stays_unsettled_until_its_outcome_is_certain(db: &Fixture) {
    let lease = db.started(&db.preview().await, 1).await;
    db.store.doubt(&lease, "no answer in time", LAPSED).await.unwrap();
    let due = db.store.claim_due(MANY, LEASE).await.unwrap().due;
    let [Due::Doubtful { lease, .. }] = &due[..] else { panic!("{due:?}") };
    assert_eq!(states(&unsettled(db, Scope::AllBrands).await), [(Kind::Number, State::Pending, 2)]);
    db.store.cancel(lease, "not held in Sigan", LEASE).await.unwrap();
    let attempts = unsettled(db, Scope::AllBrands).await;
    assert_eq!(states(&attempts)[0].1, State::Cancelling);
    let id = db.database.uuid_literal(lease.reservation.as_uuid());
    db.database.execute(&format!("update reservation set set_aside = 'it is odd' where id = {id}")).await;
    let attempts = unsettled(db, Scope::AllBrands).await;
    assert_eq!((attempts[0].next_attempt_at, attempts[0].reason.as_deref()), (None, Some("it is odd")));
    db.store.record_delivery(lease.reservation).await.unwrap();
    assert_eq!(unsettled(db, Scope::AllBrands).await, []);

    let died = db.begin_for(&db.preview().await, 1, LAPSED).await;
    assert!(matches!(died, oss_core::store::Begin::Started(_)));
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(states(&unsettled(db, Scope::AllBrands).await), [(Kind::Number, State::Pending, 1)]);
}

pub async fn unsettled_attempts_come_in_pages(db: &Fixture) {
    let mut expected = Vec::new();
    for brand in ["acme", "other", "acme", "third"] {
        let preview = NewPreview { brand: brand.parse().unwrap(), ..db.offer() };
        db.store.create_preview(&preview).await.unwrap();
        expected.push(db.doubtful(&preview, 1).await.reservation.as_uuid());
        let order = NewOrder { lease: LAPSED, ..db.wish(db.reserved().await).await };
        db.store.doubt_order(&db.ordered(&order).await, "GSIM is silent", LEASE).await.unwrap();
        expected.push(order.id.as_uuid());
    }
    for limit in [1, 3, 8, 9] {
        let (mut after, mut ids) = (None, Vec::new());
        loop {
            let page = db.store.unsettled_attempts(Scope::AllBrands, after.as_ref(), limit).await.unwrap();
            assert!(page.attempts.len() <= limit as usize);
            ids.extend(page.attempts.iter().map(|attempt| attempt.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(ids, expected, "{limit}");
    }
    assert_eq!(unsettled(db, Scope::Brand(&other())).await.len(), 1);
}

pub async fn an_order_of_a_brand_without_an_attempt_is_listed(db: &Fixture) {
    // The existing database knows a brand that has a SIM.
    db.sim_for(&other()).await;
    let order = db.ordered(&db.wish(db.reserved().await).await).await;
    db.store.doubt_order(&order, "GSIM is silent", LEASE).await.unwrap();
    let id = db.database.uuid_literal(order.order.as_uuid());
    db.database.execute(&format!("update sim_order set carrier_tag = 'other' where id = {id}")).await;
    assert_eq!(states(&unsettled(db, Scope::AllBrands).await), [(Kind::Sim, State::InDoubt, 1)]);
    assert_eq!(unsettled(db, Scope::Brand(&other())).await.len(), 1);
    assert_eq!(unsettled(db, Scope::Brand(&acme())).await, []);
}
