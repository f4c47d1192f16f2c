//! GSIM's state: its orders and their SIMs.
//!
//! The answer is a pure function of state, time and request: no clock, no chance, no I/O. It keeps every promise of
//! [`crate::gsim`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::exchange::{Request, refused};
use super::identifiers::{self, Series};
use super::order::{Life, Order, Ordered, Stage};
use crate::domain::{BrandId, Iccid, Msisdn, ProfileState, SimId};
use crate::gsim::wire::{
    CardActivationBody, EsimOrderBody, ListedBody, Notification, OrderRefusalCode, OrdersBody,
};
use crate::remote::mock::Response;

/// At most this many call-backs wait. If nobody takes them, the oldest ones are forgotten.
const NOTIFICATIONS: usize = 10_000;

/// The time at which GSIM answers an order with its SIM.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pace {
    /// At once.
    #[default]
    AtOnce,
    /// After this many further calls about the order, each of which gets 202 like the order itself.
    After(u32),
    /// When it is [told](OrderBook::finish). Until then each call gets 202.
    WhenTold,
}

/// The state of GSIM.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct OrderBook {
    /// The count of SIMs that were made. Each has an IMSI of its own.
    made: u64,
    /// The count of ICCIDs of eSIMs that were given out.
    esims: u64,
    /// The ICCIDs of eSIMs that came back, if they are used again.
    freed: VecDeque<Iccid>,
    reuses_iccids: bool,
    /// The count of eSIMs that may still be made, if they can run out.
    left: Option<u64>,
    pace: Pace,
    /// The life of each profile, if they come to their next states by themselves.
    life: Option<Life>,
    /// The orders that are not cancelled.
    orders: BTreeMap<SimId, Order>,
    of_number: BTreeMap<Msisdn, BTreeSet<SimId>>,
    /// The references of the cancelled orders. Never removed, because they stay barred for ever.
    cancelled: BTreeSet<SimId>,
    /// The cards that cannot be activated, because they are in use or, unless they are used again, were in use.
    used_cards: BTreeSet<Iccid>,
    notifications: VecDeque<Notification>,
}

impl OrderBook {
    /// Creates a GSIM without orders, which has any number of eSIMs, and each card that [`OrderBook::card`] names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the eSIMs that may still be made, so that they can run out.
    #[must_use]
    pub fn with_esims(self, count: u64) -> Self {
        Self { left: Some(count), ..self }
    }

    /// Uses the ICCID of a deprogrammed SIM for the next one, and lets a deprogrammed card be activated again.
    #[must_use]
    pub fn reusing_iccids(self) -> Self {
        Self { reuses_iccids: true, ..self }
    }

    /// Lets each profile come to its next state (downloaded, installed, enabled) by itself, a step after the state before.
    #[must_use]
    pub fn with_life(self, step: Duration) -> Self {
        Self { life: Some(Life { step, begins_with_scan: false }), ..self }
    }

    /// Lets each profile live as [`OrderBook::with_life`] does, but only from when a customer [scans](OrderBook::scan) its code.
    #[must_use]
    pub fn with_life_after_scan(self, step: Duration) -> Self {
        Self { life: Some(Life { step, begins_with_scan: true }), ..self }
    }

    /// Sets the pace of the orders that come in from now on.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Sets how many eSIMs may still be made; none for any number.
    pub fn set_esims(&mut self, count: Option<u64>) {
        self.left = count;
    }

    /// The ICCID of a card, by its serial number from 0 to 9,999,999,999,999.
    ///
    /// # Panics
    ///
    /// If the serial number has more digits.
    #[must_use]
    pub fn card(serial: u64) -> Iccid {
        identifiers::iccid(Series::Card, serial).expect("a serial number has at most 13 digits")
    }

    /// Answers a request about orders at a time, and changes the state accordingly.
    pub fn handle(&mut self, now: DateTime<Utc>, request: &Request) -> Response {
        self.live(now);
        match request {
            Request::Device(..) => Response::malformed(),
            Request::OrderEsim(reference, body) => self.order_esim(now, *reference, body),
            Request::ActivateCard(reference, body) => self.activate_card(now, *reference, body),
            Request::Order(reference) => self.answer(now, *reference),
            Request::Cancel(reference) => self.cancel(*reference),
            Request::Orders { brand, after, limit } => self.list(brand, *after, *limit),
        }
    }

    /// Finishes an order that is still being made. Returns whether there is one.
    pub fn finish(&mut self, now: DateTime<Utc>, reference: SimId) -> bool {
        let Some(order) = self.orders.get_mut(&reference).filter(|order| !order.is_issued()) else {
            return false;
        };
        let notification = order.issue(now, reference);
        self.notify(notification);
        true
    }

    /// Brings the profile of an eSIM to a state, whatever its state was, with a reason if it is an error. Returns whether there is
    /// such an eSIM.
    pub fn set_profile_state(
        &mut self,
        now: DateTime<Utc>,
        reference: SimId,
        state: ProfileState,
        reason: Option<&str>,
    ) -> bool {
        let order = self.orders.get_mut(&reference);
        let notification = order.and_then(|order| order.report(now, reference, state, reason));
        let is_there = notification.is_some();
        self.notify(notification);
        is_there
    }

    /// Lets the time pass for the profiles, if they [live](OrderBook::with_life) by themselves.
    pub fn live(&mut self, now: DateTime<Utc>) {
        let Some(life) = self.life else { return };
        let mut reached = Vec::new();
        for (reference, order) in &mut self.orders {
            while let Some((at, state)) = order.next_state(life).filter(|(at, _)| *at <= now) {
                reached.extend(order.report(at, *reference, state, None));
            }
        }
        // A customer of GSIM learns of the states in the order in which the profiles came to them.
        reached.sort_by_key(|notification| notification.at);
        for notification in reached {
            self.notify(Some(notification));
        }
    }

    /// Lets a customer scan the activation code of an eSIM. Nothing happens if there is no such eSIM.
    pub fn scan(&mut self, reference: SimId, at: DateTime<Utc>) {
        if let Some(order) = self.orders.get_mut(&reference) {
            order.scan(at);
        }
    }

    /// The eSIMs whose activation codes no customer has scanned.
    #[must_use]
    pub fn unscanned(&self) -> Vec<SimId> {
        let unscanned = self.orders.iter().filter(|(_, order)| order.is_unscanned());
        unscanned.map(|(reference, _)| *reference).collect()
    }

    /// Takes the call-backs that wait, the oldest first.
    pub fn take_notifications(&mut self) -> Vec<Notification> {
        self.notifications.drain(..).collect()
    }

    /// Keeps call-backs that were not accepted, before those that came in meanwhile.
    pub fn keep_notifications(&mut self, refused: Vec<Notification>) {
        for notification in refused.into_iter().rev() {
            self.notifications.push_front(notification);
        }
        self.forget_notifications();
    }

    /// Each SIM that is issued and not deprogrammed, in the order of the references, for all brands.
    #[must_use]
    pub fn sims(&self) -> Vec<ListedBody> {
        self.listed().map(|(_, listed)| listed).collect()
    }

    /// The state of a profile, or of a card, which is enabled; none if GSIM has no such SIM.
    #[must_use]
    pub fn profile_state(&self, reference: SimId) -> Option<ProfileState> {
        let order = self.orders.get(&reference)?;
        order.is_issued().then(|| order.profile_state())
    }

    /// Whether an order was cancelled or its SIM deprogrammed.
    #[must_use]
    pub fn is_cancelled(&self, reference: SimId) -> bool {
        self.cancelled.contains(&reference)
    }

    /// The orders that are still being made.
    #[must_use]
    pub fn being_made(&self) -> Vec<SimId> {
        let being_made = self.orders.iter().filter(|(_, order)| !order.is_issued());
        being_made.map(|(reference, _)| *reference).collect()
    }

    fn listed(&self) -> impl Iterator<Item = (&BrandId, ListedBody)> {
        let issued = self.orders.iter().filter(|(_, order)| order.is_issued());
        issued.filter_map(|(reference, order)| Some((order.ordered.brand(), order.listed(*reference)?)))
    }

    fn order_esim(&mut self, now: DateTime<Utc>, reference: SimId, body: &EsimOrderBody) -> Response {
        let ordered = Ordered::Esim(body.clone());
        if let Some(repeated) = self.repeat(now, reference, &ordered) {
            return repeated;
        }
        if self.has_other_sim(body.msisdn, body.replaces) {
            return refused(OrderRefusalCode::NumberHasSim, Some(reference));
        }
        let Some(iccid) = self.take_iccid() else {
            return refused(OrderRefusalCode::NoneLeft, Some(reference));
        };
        self.make(now, reference, ordered, iccid)
    }

    fn activate_card(&mut self, now: DateTime<Utc>, reference: SimId, body: &CardActivationBody) -> Response {
        let ordered = Ordered::Card(body.clone());
        if let Some(repeated) = self.repeat(now, reference, &ordered) {
            return repeated;
        }
        if !identifiers::is_card(&body.iccid) {
            return refused(OrderRefusalCode::UnknownIccid, Some(reference));
        }
        if self.used_cards.contains(&body.iccid) {
            return refused(OrderRefusalCode::CardInUse, Some(reference));
        }
        if self.has_other_sim(body.msisdn, body.replaces) {
            return refused(OrderRefusalCode::NumberHasSim, Some(reference));
        }
        self.used_cards.insert(body.iccid.clone());
        self.make(now, reference, ordered, body.iccid.clone())
    }

    /// The answer to an order whose reference is known. A reference names one order for ever, so a client that uses it for another
    /// one is wrong.
    fn repeat(&mut self, now: DateTime<Utc>, reference: SimId, ordered: &Ordered) -> Option<Response> {
        if self.cancelled.contains(&reference) {
            return Some(refused(OrderRefusalCode::Cancelled, Some(reference)));
        }
        let is_same = self.orders.get(&reference)?.ordered == *ordered;
        Some(if is_same { self.answer(now, reference) } else { Response::malformed() })
    }

    fn make(&mut self, now: DateTime<Utc>, reference: SimId, ordered: Ordered, iccid: Iccid) -> Response {
        let calls_left = match self.pace {
            Pace::AtOnce => Some(0),
            Pace::After(calls) => Some(calls.saturating_add(1)),
            Pace::WhenTold => None,
        };
        self.of_number.entry(ordered.msisdn()).or_default().insert(reference);
        let order = Order::new(ordered, Stage::Making { calls_left }, iccid, self.made, now);
        self.made += 1;
        self.orders.insert(reference, order);
        self.answer(now, reference)
    }

    /// The answer about an order: its SIM, if it is issued or is issued now.
    fn answer(&mut self, now: DateTime<Utc>, reference: SimId) -> Response {
        let Some(order) = self.orders.get_mut(&reference) else {
            return refused(OrderRefusalCode::UnknownOrder, Some(reference));
        };
        let notification = if order.count_call() { order.issue(now, reference) } else { None };
        let response = match order.issued(reference) {
            _ if !order.is_issued() => Response::empty(202),
            Some(body) => Response::json(200, &body),
            None => Response::empty(500),
        };
        self.notify(notification);
        response
    }

    fn cancel(&mut self, reference: SimId) -> Response {
        if !self.cancelled.insert(reference) {
            return refused(OrderRefusalCode::UnknownOrder, Some(reference));
        }
        // If it is not there, it may arrive later.
        if let Some(order) = self.orders.remove(&reference) {
            self.give_back(reference, &order);
        }
        Response::empty(204)
    }

    fn give_back(&mut self, reference: SimId, order: &Order) {
        let msisdn = order.ordered.msisdn();
        let of_number = self.of_number.entry(msisdn).or_default();
        of_number.remove(&reference);
        if of_number.is_empty() {
            self.of_number.remove(&msisdn);
        }
        if !self.reuses_iccids {
            return;
        }
        match order.ordered {
            Ordered::Esim(_) => self.freed.push_back(order.iccid().clone()),
            Ordered::Card(_) => drop(self.used_cards.remove(order.iccid())),
        }
    }

    fn list(&self, brand: &BrandId, after: Option<SimId>, limit: usize) -> Response {
        let ours = self.listed().filter(|(of_brand, _)| *of_brand == brand).map(|(_, listed)| listed);
        let rest = ours.filter(|listed| after.is_none_or(|after| listed.reference > after));
        let mut orders: Vec<ListedBody> = rest.take(limit.saturating_add(1)).collect();
        let more = orders.len() > limit;
        orders.truncate(limit);
        let next = orders.last().map(|order| order.reference).filter(|_| more);
        Response::json(200, &OrdersBody { orders, next })
    }

    /// Whether a number has a SIM besides its `own` one, which the order replaces, and those that others have replaced.
    fn has_other_sim(&self, msisdn: Msisdn, own: Option<SimId>) -> bool {
        let Some(of_number) = self.of_number.get(&msisdn) else { return false };
        let replaced: BTreeSet<SimId> =
            of_number.iter().filter_map(|reference| self.orders.get(reference)?.ordered.replaces()).collect();
        of_number.iter().any(|reference| Some(*reference) != own && !replaced.contains(reference))
    }

    /// Takes the ICCID for an eSIM; none if no eSIMs are left.
    fn take_iccid(&mut self) -> Option<Iccid> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        self.freed.pop_front().or_else(|| {
            self.esims += 1;
            identifiers::iccid(Series::Esim, self.esims)
        })
    }

    fn notify(&mut self, notification: Option<Notification>) {
        self.notifications.extend(notification);
        self.forget_notifications();
    }

    fn forget_notifications(&mut self) {
        while self.notifications.len() > NOTIFICATIONS {
            self.notifications.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
