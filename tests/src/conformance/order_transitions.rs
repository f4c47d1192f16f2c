//! The life of an order: each step of a store moves each state only as the state machine does.
#![expect(missing_docs, reason = "a behaviour's name says what it is")]

use oss_core::store::{NewOrder, OrderLease, Scope};
use oss_core::{AttemptEvent as Event, AttemptState as State};

use super::Fixture;
use super::fixture::{LAPSED, LEASE};
use super::ordering::{again, made};

/// The states of an order. The reservation of its number is what becomes `ASSIGNED`.
const STATES: [State; 7] = [
    State::Pending,
    State::Held,
    State::InDoubt,
    State::Releasing,
    State::Cancelling,
    State::Released,
    State::Rejected,
];

/// The events in the life of an order, each with a step of the store. An unused lease is refused.
const EVENTS: [Event; 7] = [
    Event::Confirmed,
    Event::Doubted,
    Event::Refused,
    Event::GivenUp,
    Event::Claimed,
    Event::Released,
    Event::Delivered,
];

struct Ordered {
    wish: NewOrder,
    lease: OrderLease,
}

impl Ordered {
    /// Brings a new order into a state. If time has to pass before an event, it has passed.
    async fn in_state(db: &Fixture, state: State, event: Event) -> Self {
        let lease = if event == Event::Claimed { LAPSED } else { LEASE };
        let wish = NewOrder { lease, ..db.wish(db.reserved().await).await };
        let order = Self { lease: db.ordered(&wish).await, wish };
        order.bring_to(db, state).await;
        assert_eq!(db.order_state(order.wish.id).await, state, "before {event:?}");
        order
    }

    async fn bring_to(&self, db: &Fixture, state: State) {
        let event = match state {
            State::Pending => return,
            State::InDoubt => Event::Doubted,
            State::Cancelling => Event::GivenUp,
            State::Rejected => Event::Refused,
            State::Held | State::Assigned | State::Releasing | State::Released => Event::Confirmed,
        };
        self.apply(db, event).await;
        if matches!(state, State::Releasing | State::Released) {
            self.apply(db, Event::Released).await;
        }
        if state == State::Released {
            self.apply(db, Event::Delivered).await;
        }
    }

    /// Takes the step of the store for an event.
    async fn apply(&self, db: &Fixture, event: Event) {
        let (store, lease) = (&db.store, &self.lease);
        match event {
            Event::Confirmed => drop(store.issue(lease, &made(lease), LEASE).await.unwrap()),
            Event::Doubted => drop(store.doubt_order(lease, "x", self.wish.lease).await.unwrap()),
            Event::Refused => store.reject_order(lease, "x").await.unwrap(),
            Event::GivenUp => drop(store.cancel_order(lease, "x", LEASE).await.unwrap()),
            Event::Claimed => drop(db.order(&again(&self.wish)).await),
            Event::Released => {
                drop(store.end_line(Scope::AllBrands, lease.msisdn, LEASE).await.unwrap());
            }
            Event::Delivered => drop(store.record_sim_delivery(lease.order).await.unwrap()),
            Event::Unused | Event::Extended | Event::Expired | Event::Assigned => {
                panic!("no order has {event:?}")
            }
        }
    }
}

pub async fn each_step_moves_each_order_as_the_machine_says(db: &Fixture) {
    for state in STATES {
        for event in EVENTS {
            let order = Ordered::in_state(db, state, event).await;
            order.apply(db, event).await;
            let expected = expected_after(state, event);
            assert_eq!(db.order_state(order.wish.id).await, expected, "{state} after {event:?}");
        }
    }
    db.assert_events_agree().await;
}

/// The sweep takes the lease on what is due, as a call does.
pub async fn a_claim_moves_each_order_as_the_machine_says(db: &Fixture) {
    for state in [State::Pending, State::InDoubt, State::Held, State::Released, State::Rejected] {
        let order = Ordered::in_state(db, state, Event::Claimed).await;
        db.store.claim_due_orders(100, LEASE).await.unwrap();
        let expected = expected_after(state, Event::Claimed);
        assert_eq!(db.order_state(order.wish.id).await, expected, "{state} after a claim");
    }
    db.assert_events_agree().await;
}

/// The state after an event, by the machine. If the number decides too, a store is stricter.
fn expected_after(state: State, event: Event) -> State {
    match (state, event) {
        // A line does not end while an order of its number is under way.
        (State::Pending | State::InDoubt, Event::Released) => state,
        _ => state.after(event).unwrap_or(state),
    }
}
