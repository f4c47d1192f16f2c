//! The life of an attempt: each step of a store moves each state only as the state machine does.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use std::time::Duration;

use oss_core::store::{Begin, Delivery, Lease, NewPreview, Scope};
use oss_core::{AttemptEvent as Event, AttemptState as State};

use super::Fixture;
use super::extensions::EXTENSION;
use super::fixture::LEASE;

/// An attempt of a preview in a state.
struct Attempt {
    preview: NewPreview,
    lease: Lease,
}

impl Attempt {
    /// Brings a new attempt into a state. If time has to pass before an event, it has passed.
    async fn in_state(db: &Fixture, state: State, event: Event) -> Self {
        let preview = db.preview().await;
        let is_over = matches!(event, Event::Expired | Event::Claimed)
            || (event, state) == (Event::Released, State::Pending);
        let lasts = if is_over { Duration::ZERO } else { LEASE };
        let Begin::Started(lease) = db.begin_for(&preview, 1, lasts).await else { panic!("it is free") };
        let attempt = Self { preview, lease };
        attempt.bring_to(db, state, lasts).await;
        if (event, state) == (Event::Released, State::Pending) {
            // The first call has no number yet that could be given back. A later call has one, and its lease is over.
            attempt.bring_to(db, State::InDoubt, lasts).await;
            assert!(matches!(db.begin_for(&attempt.preview, 1, lasts).await, Begin::Started(_)));
        }
        assert_eq!(attempt.state(db).await, state, "before {event:?}");
        attempt
    }

    async fn bring_to(&self, db: &Fixture, state: State, lasts: Duration) {
        let (store, lease, msisdn) = (&db.store, &self.lease, self.lease.hold.msisdn);
        match state {
            State::Pending => {}
            State::Held => drop(store.confirm(lease, lasts).await.unwrap()),
            State::InDoubt => assert!(store.doubt(lease, "x", lasts).await.unwrap()),
            State::Assigned => {
                store.confirm(lease, LEASE).await.unwrap();
                store.assign(Scope::AllBrands, msisdn, db.sim().await).await.unwrap();
            }
            State::Releasing | State::Released => {
                store.confirm(lease, LEASE).await.unwrap();
                store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap();
            }
            State::Cancelling => drop(store.cancel(lease, "x", LEASE).await.unwrap().expect("it is pending")),
            State::Rejected => store.reject(lease, "x").await.unwrap(),
        }
        if state == State::Released {
            store.record_delivery(lease.reservation).await.unwrap();
        }
    }

    /// Takes the step of the store for an event.
    async fn apply(&self, db: &Fixture, event: Event) {
        let (store, lease, msisdn) = (&db.store, &self.lease, self.lease.hold.msisdn);
        match event {
            Event::Confirmed => drop(store.confirm(lease, LEASE).await.unwrap()),
            Event::Doubted => drop(store.doubt(lease, "x", LEASE).await.unwrap()),
            Event::Refused => store.reject(lease, "x").await.unwrap(),
            Event::Unused => drop(store.abandon(&[lease.reservation]).await.unwrap()),
            Event::GivenUp => drop::<Option<Delivery>>(store.cancel(lease, "x", LEASE).await.unwrap()),
            Event::Claimed => drop(db.begin(&self.preview, 1).await),
            Event::Released => drop(store.release(Scope::AllBrands, msisdn, LEASE).await.unwrap()),
            Event::Extended => drop(store.extend(Scope::AllBrands, msisdn, EXTENSION).await.unwrap()),
            Event::Expired => drop(store.settle_overdue(100).await.unwrap()),
            Event::Assigned => drop(store.assign(Scope::AllBrands, msisdn, db.sim().await).await.unwrap()),
            Event::Delivered => drop(store.record_delivery(lease.reservation).await.unwrap()),
        }
    }

    async fn state(&self, db: &Fixture) -> State {
        let history = db.number(self.lease.hold.msisdn).await.expect("it has an attempt").history;
        let own = history.iter().find(|hold| hold.id == self.lease.reservation);
        own.expect("no attempt is forgotten").state
    }
}

pub async fn each_step_moves_each_state_as_the_machine_says(db: &Fixture) {
    for state in State::ALL {
        for event in Event::ALL {
            let attempt = Attempt::in_state(db, state, event).await;
            attempt.apply(db, event).await;
            let expected = expected_after(state, event);
            assert_eq!(attempt.state(db).await, expected, "{state} after {event:?}");
        }
    }
    db.assert_events_agree().await;
}

/// The state after an event, by the machine. If the number or the time decides too, a store is stricter or knows more.
fn expected_after(state: State, event: Event) -> State {
    match (state, event) {
        // A number that is in use is not given back.
        (State::Assigned, Event::Released) => State::Assigned,
        // A lease that ran out is in doubt, with the abandoned numbers.
        (State::Pending, Event::Expired) => State::InDoubt,
        _ => state.after(event).unwrap_or(state),
    }
}
