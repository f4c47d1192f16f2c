//! Short ways to order a SIM.

use oss_core::store::{
    BeginOrder, IssuedOrder, IssuedSim, NewOrder, OrderLease, OrderPurpose, Scope, SimDetails,
};
use oss_core::{
    AddressHash, AttemptState, DeviceChoice, DeviceHash, IdempotencyKey, LineId, Msisdn, ProfileState, SimId,
    SimRecord, Technology, WantedSim,
};
use uuid::Uuid;

use super::Fixture;
use super::fixture::LEASE;

impl Fixture {
    /// A number that is held.
    pub(super) async fn reserved(&self) -> Msisdn {
        self.held(&self.preview().await, 1).await.hold.msisdn
    }

    /// A line. The existing database has a table of them.
    pub(super) async fn line(&self) -> LineId {
        let id = Uuid::now_v7();
        if self.is_existing() {
            self.database.execute(&format!("insert into bss_core.line values ('{id}')")).await;
        }
        id.into()
    }

    /// An eSIM for a device choice that the store has.
    pub(super) async fn esim(&self) -> WantedSim {
        let model = format!("MODEL_{}", Uuid::now_v7().simple());
        let choice = DeviceChoice::Model(model.to_uppercase().parse().expect("a model"));
        let hash = DeviceHash::of(&choice);
        self.store.keep_choice(&choice, hash).await.expect("the store answers");
        WantedSim::Esim(hash)
    }

    /// A card that nobody has, sent to an address. The existing database has a table of addresses.
    pub(super) async fn card(&self) -> WantedSim {
        let address = Uuid::now_v7().simple().to_string();
        if self.is_existing() {
            self.database.execute(&format!("insert into bss_core.address values ('{address}')")).await;
        }
        WantedSim::Card {
            iccid: digits("8955").parse().expect("an ICCID"),
            address: address.parse::<AddressHash>().expect("a hash"),
        }
    }

    /// A wish for the first SIM of a number, an eSIM on a line of its own.
    pub(super) async fn wish(&self, msisdn: Msisdn) -> NewOrder {
        NewOrder {
            id: SimId::new(),
            msisdn,
            purpose: OrderPurpose::FirstSim(self.line().await),
            wanted: self.esim().await,
            technology: Technology::FiveGSa,
            brand: "acme".parse().expect("a brand"),
            key: None,
            lease: LEASE,
        }
    }

    /// The answer to a wish.
    pub(super) async fn order(&self, wish: &NewOrder) -> BeginOrder {
        self.store.begin_order(Scope::AllBrands, wish).await.expect("the store answers")
    }

    /// The lease on an order.
    pub(super) async fn ordered(&self, wish: &NewOrder) -> OrderLease {
        match self.order(wish).await {
            BeginOrder::Started(lease) => lease,
            other => panic!("expected a lease, not {other:?}"),
        }
    }

    /// The order of a wish, after GSIM made the SIM.
    pub(super) async fn issued(&self, wish: &NewOrder) -> OrderLease {
        let lease = self.ordered(wish).await;
        let issued = self.store.issue(&lease, &made(&lease), LEASE).await.expect("the store answers");
        assert!(matches!(issued, IssuedOrder::Issued(_)), "{issued:?}");
        lease
    }

    /// The order of an eSIM that has a new number.
    pub(super) async fn in_use(&self) -> OrderLease {
        self.issued(&self.wish(self.reserved().await).await).await
    }

    /// The state of an order.
    pub(super) async fn order_state(&self, order: SimId) -> AttemptState {
        let id = self.database.uuid_literal(order.as_uuid());
        let states = self.database.texts(&format!("select state from sim_order where id = {id}")).await;
        states.first().expect("it has a row").parse().expect("a state")
    }

    /// A SIM and its history.
    pub(super) async fn record(&self, sim: SimId) -> SimRecord {
        self.store.sim(Scope::AllBrands, sim).await.expect("the store answers").expect("there is such a SIM")
    }

    /// The SIM that a number is on.
    pub(super) async fn sim_of(&self, msisdn: Msisdn) -> Option<SimId> {
        self.number(msisdn).await.and_then(|number| number.line).and_then(|line| line.assigned_sim_id)
    }
}

/// A wish as another call repeats it.
pub(super) fn again(wish: &NewOrder) -> NewOrder {
    NewOrder { id: SimId::new(), ..wish.clone() }
}

/// A wish for another SIM of a number.
pub(super) fn replacement(wish: &NewOrder, wanted: WantedSim) -> NewOrder {
    NewOrder { purpose: OrderPurpose::Replacement, wanted, key: None, ..again(wish) }
}

/// A wish with an idempotency key.
pub(super) fn keyed(wish: &NewOrder, key: &IdempotencyKey) -> NewOrder {
    NewOrder { key: Some(key.clone()), ..again(wish) }
}

/// The SIM that GSIM makes for an order, with identifiers that no other SIM has.
pub(super) fn made(lease: &OrderLease) -> IssuedSim {
    let imsi = digits("72406")[..15].parse().expect("an IMSI");
    let WantedSim::Card { iccid, .. } = &lease.wanted else {
        let profile = SimDetails::Esim {
            smdp_address: "smdp.example".parse().expect("an address"),
            matching_id: matching_id(lease.order).parse().expect("a matching id"),
            profile_state: ProfileState::Released,
        };
        return IssuedSim::new(digits("8955").parse().expect("an ICCID"), imsi, profile);
    };
    let stand_in = digits("72406")[..15].parse().expect("an IMSI");
    IssuedSim::new(iccid.clone(), imsi, SimDetails::Card { hrs_imsi: Some(stand_in) })
}

/// The matching id that [`made`] gives to the profile of an order.
pub(super) fn matching_id(order: SimId) -> String {
    order.as_uuid().simple().to_string().to_uppercase()
}

/// A text of 19 digits that no other call gives.
fn digits(prefix: &str) -> String {
    let random = Uuid::new_v4().as_u128() % 10_u128.pow(10);
    let mut text = format!("{prefix}{random:010}00000");
    text.truncate(19);
    text
}
