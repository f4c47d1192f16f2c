//! Sigan's state: the numbers of each area code, and their holds.
//!
//! The answer is a pure function of state, time and request: no clock, no chance, no I/O. It keeps every promise of
//! [`crate::sigan`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::exchange::{self, Request};
use crate::domain::{BrandId, Ddd, ExternalId, Msisdn};
use crate::remote::mock::Response;
use crate::sigan::Hold;
use crate::sigan::wire::{
    Holding, HoldingState, HoldsPage, PreReserveBody, PreReserved, RefusalCode, Reserved,
};

/// The first subscriber number of every area code.
const FIRST: u32 = 99_950_001;

/// The last subscriber number of every area code.
const LAST: u32 = 99_999_999;

/// The state of Sigan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inventory {
    /// The beginning of every external id, so that ids of two inventories differ.
    prefix: String,
    issued: u64,
    numbers_per_ddd: u32,
    pools: BTreeMap<Ddd, Pool>,
    pre_reservations: BTreeMap<ExternalId, PreReservation>,
    /// The times at which the pre-reservations lapse.
    lapses: BTreeSet<(DateTime<Utc>, ExternalId)>,
}

/// The free numbers of an area code.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Pool {
    /// The count of fresh numbers that were taken. They are taken in order.
    taken: u32,
    /// Numbers that came back. They are offered again after the fresh ones, the one that has waited longest first.
    freed: VecDeque<Msisdn>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PreReservation {
    brand: BrandId,
    /// Never removed, because a hold that is over stays barred for ever.
    numbers: BTreeMap<Msisdn, State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    PreReserved,
    Reserved { at: DateTime<Utc> },
    Over,
}

impl Inventory {
    /// Creates an inventory in which every number is free. `prefix` is the beginning of every external id.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            issued: 0,
            numbers_per_ddd: LAST - FIRST + 1,
            pools: BTreeMap::new(),
            pre_reservations: BTreeMap::new(),
            lapses: BTreeSet::new(),
        }
    }

    /// Limits the numbers of each area code, so that they can run out.
    #[must_use]
    pub fn with_numbers_per_ddd(self, count: u32) -> Self {
        Self { numbers_per_ddd: count.min(LAST - FIRST + 1), ..self }
    }

    /// Answers a request at a time, and changes the state accordingly.
    pub fn handle(&mut self, now: DateTime<Utc>, request: &Request) -> Response {
        self.lapse(now);
        match request {
            Request::PreReserve(wish) => self.pre_reserve(now, wish),
            Request::Reserve(hold) => self.reserve(now, hold),
            Request::Holder(hold) => self.holder(hold),
            Request::Release(hold) => self.release(hold),
            Request::Holds { brand, after, limit } => self.holds(brand, *after, *limit),
        }
    }

    /// Every number that is reserved, with the pre-reservation it is reserved under.
    #[must_use]
    pub fn reserved(&self) -> Vec<Hold> {
        let holds = self.pre_reservations.iter().flat_map(|(external_id, pre_reservation)| {
            let reserved =
                pre_reservation.numbers.iter().filter(|(_, state)| matches!(state, State::Reserved { .. }));
            reserved.map(|(&msisdn, _)| Hold { external_id: external_id.clone(), msisdn })
        });
        holds.collect()
    }

    /// The pre-reservation that a number is reserved under, if it is reserved.
    #[must_use]
    pub fn holder_of(&self, msisdn: Msisdn) -> Option<ExternalId> {
        self.reserved().into_iter().find(|hold| hold.msisdn == msisdn).map(|hold| hold.external_id)
    }

    /// The brand that a pre-reservation was made for.
    pub(super) fn brand_of(&self, external_id: &ExternalId) -> Option<&BrandId> {
        self.pre_reservations.get(external_id).map(|pre_reservation| &pre_reservation.brand)
    }

    fn pre_reserve(&mut self, now: DateTime<Utc>, wish: &PreReserveBody) -> Response {
        if let Some(previous) = &wish.previous_external_id {
            self.end(previous);
        }
        let Some(msisdns) = self.take(wish.area_code, wish.quantity) else {
            return exchange::refused(RefusalCode::NoneLeft, None);
        };
        let expires_at = now + Duration::from_secs(wish.hold_seconds);
        let external_id = self.issue();
        let numbers = msisdns.iter().map(|&msisdn| (msisdn, State::PreReserved)).collect();
        self.pre_reservations
            .insert(external_id.clone(), PreReservation { brand: wish.brand_id.clone(), numbers });
        self.lapses.insert((expires_at, external_id.clone()));
        Response::json(201, &PreReserved { external_id, msisdns, expires_at })
    }

    fn reserve(&mut self, now: DateTime<Utc>, hold: &Hold) -> Response {
        let Some(state) = self.state(hold) else { return not_held(hold) };
        let reserved_at = match *state {
            State::Over => return refused(RefusalCode::HoldOver, hold),
            State::PreReserved => now,
            State::Reserved { at } => at,
        };
        *state = State::Reserved { at: reserved_at };
        Response::json(
            200,
            &Reserved { external_id: hold.external_id.clone(), msisdn: hold.msisdn, reserved_at },
        )
    }

    fn holder(&mut self, hold: &Hold) -> Response {
        let state = match self.state(hold) {
            Some(State::PreReserved) => HoldingState::PreReserved,
            Some(State::Reserved { .. }) => HoldingState::Reserved,
            Some(State::Over) | None => return not_held(hold),
        };
        Response::json(200, &Holding { state })
    }

    fn release(&mut self, hold: &Hold) -> Response {
        match self.state(hold) {
            None | Some(State::Over) => not_held(hold),
            Some(state) => {
                *state = State::Over;
                self.give_back(hold.msisdn);
                Response::empty(204)
            }
        }
    }

    fn holds(&self, brand: &BrandId, after: Option<Msisdn>, limit: usize) -> Response {
        let ours =
            self.pre_reservations.iter().filter(|(_, pre_reservation)| pre_reservation.brand == *brand);
        let reserved = ours.flat_map(|(external_id, pre_reservation)| {
            pre_reservation.numbers.iter().filter_map(move |(&msisdn, state)| match *state {
                State::Reserved { at } => {
                    Some(Reserved { external_id: external_id.clone(), msisdn, reserved_at: at })
                }
                State::PreReserved | State::Over => None,
            })
        });
        let mut rest: Vec<Reserved> =
            reserved.filter(|hold| after.is_none_or(|after| hold.msisdn > after)).collect();
        rest.sort_by_key(|hold| hold.msisdn);
        let more = rest.len() > limit;
        rest.truncate(limit);
        let next = rest.last().map(|hold| hold.msisdn).filter(|_| more);
        Response::json(200, &HoldsPage { reservations: rest, next })
    }

    /// Ends every pre-reservation that has expired.
    fn lapse(&mut self, now: DateTime<Utc>) {
        while let Some((expires_at, external_id)) = self.lapses.first().cloned() {
            if expires_at > now {
                return;
            }
            self.lapses.pop_first();
            self.end(&external_id);
        }
    }

    /// Frees the numbers of a pre-reservation that are merely pre-reserved. A reserved number stays.
    fn end(&mut self, external_id: &ExternalId) {
        let Some(pre_reservation) = self.pre_reservations.get_mut(external_id) else { return };
        let mut freed = Vec::new();
        for (&msisdn, state) in &mut pre_reservation.numbers {
            if *state == State::PreReserved {
                *state = State::Over;
                freed.push(msisdn);
            }
        }
        for msisdn in freed {
            self.give_back(msisdn);
        }
    }

    fn state(&mut self, hold: &Hold) -> Option<&mut State> {
        self.pre_reservations.get_mut(&hold.external_id)?.numbers.get_mut(&hold.msisdn)
    }

    /// Takes that many free numbers, or none.
    fn take(&mut self, ddd: Ddd, quantity: u8) -> Option<Vec<Msisdn>> {
        let per_ddd = self.numbers_per_ddd;
        let pool = self.pools.entry(ddd).or_default();
        let quantity = usize::from(quantity);
        let fresh = quantity.min((per_ddd - pool.taken) as usize);
        if pool.freed.len() < quantity - fresh {
            return None;
        }
        let mut taken: Vec<Msisdn> =
            (pool.taken..).take(fresh).filter_map(|at| fresh_number(ddd, at)).collect();
        taken.extend(pool.freed.drain(..quantity - fresh));
        pool.taken += u32::try_from(fresh).unwrap_or(per_ddd);
        Some(taken)
    }

    fn give_back(&mut self, msisdn: Msisdn) {
        self.pools.entry(msisdn.ddd()).or_default().freed.push_back(msisdn);
    }

    fn issue(&mut self) -> ExternalId {
        loop {
            self.issued += 1;
            // If the prefix cannot be part of an id, the counter alone is the id.
            let id = format!("{}-{}", self.prefix, self.issued).parse();
            if let Ok(id) = id.or_else(|_| self.issued.to_string().parse()) {
                return id;
            }
        }
    }
}

fn fresh_number(ddd: Ddd, at: u32) -> Option<Msisdn> {
    format!("{ddd}9{}", FIRST + at).parse().ok()
}

fn not_held(hold: &Hold) -> Response {
    refused(RefusalCode::NotHeld, hold)
}

fn refused(code: RefusalCode, hold: &Hold) -> Response {
    exchange::refused(code, Some(hold.external_id.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigan::wire::RefusalBody;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    fn wish(quantity: u8, previous: Option<&ExternalId>) -> Request {
        Request::PreReserve(PreReserveBody {
            area_code: "11".parse().unwrap(),
            quantity,
            brand_id: "b".parse().unwrap(),
            hold_seconds: 60,
            previous_external_id: previous.cloned(),
        })
    }

    fn pre_reserve(sigan: &mut Inventory, now: i64, quantity: u8) -> PreReserved {
        let response = sigan.handle(at(now), &wish(quantity, None));
        assert_eq!(response.status, 201);
        serde_json::from_slice(&response.body).unwrap()
    }

    fn first(offer: &PreReserved) -> Hold {
        Hold { external_id: offer.external_id.clone(), msisdn: offer.msisdns[0] }
    }

    fn status(sigan: &mut Inventory, now: i64, request: &Request) -> u16 {
        sigan.handle(at(now), request).status
    }

    #[test]
    fn numbers_are_offered_in_order_and_to_one_only() {
        let mut sigan = Inventory::new("PR");
        let numbers = |offer: PreReserved| offer.msisdns.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(numbers(pre_reserve(&mut sigan, 0, 3)), ["11999950001", "11999950002", "11999950003"]);
        assert_eq!(numbers(pre_reserve(&mut sigan, 0, 1)), ["11999950004"]);
    }

    #[test]
    fn a_reserve_may_be_repeated_and_so_may_a_release() {
        let mut sigan = Inventory::new("PR");
        let hold = first(&pre_reserve(&mut sigan, 0, 3));
        let reserved = sigan.handle(at(1), &Request::Reserve(hold.clone()));
        assert_eq!(reserved.status, 200);
        assert_eq!(sigan.handle(at(2), &Request::Reserve(hold.clone())), reserved);
        assert_eq!(sigan.holder_of(hold.msisdn), Some(hold.external_id.clone()));
        assert_eq!(status(&mut sigan, 3, &Request::Release(hold.clone())), 204);
        assert_eq!(status(&mut sigan, 4, &Request::Release(hold.clone())), 404);
        assert_eq!(sigan.holder_of(hold.msisdn), None);
    }

    #[test]
    fn a_hold_once_over_never_comes_back() {
        let mut sigan = Inventory::new("PR");
        let (released, lapsed) =
            (first(&pre_reserve(&mut sigan, 0, 1)), first(&pre_reserve(&mut sigan, 0, 1)));
        assert_eq!(status(&mut sigan, 1, &Request::Release(released.clone())), 204);
        assert_eq!(status(&mut sigan, 2, &Request::Reserve(released)), 410);
        assert_eq!(status(&mut sigan, 60, &Request::Reserve(lapsed)), 410);
    }

    #[test]
    fn a_previous_id_frees_only_what_is_merely_pre_reserved() {
        let mut sigan = Inventory::new("PR");
        let offer = pre_reserve(&mut sigan, 0, 3);
        let kept = first(&offer);
        status(&mut sigan, 1, &Request::Reserve(kept.clone()));
        status(&mut sigan, 2, &wish(3, Some(&offer.external_id)));
        assert_eq!(sigan.holder_of(kept.msisdn), Some(kept.external_id));
        let freed = Hold { msisdn: offer.msisdns[1], ..first(&offer) };
        assert_eq!(status(&mut sigan, 3, &Request::Reserve(freed)), 410);
    }

    #[test]
    fn an_area_code_runs_out_whole_and_offers_again_what_came_back() {
        let mut sigan = Inventory::new("PR").with_numbers_per_ddd(4);
        let offer = pre_reserve(&mut sigan, 0, 3);
        assert_eq!(status(&mut sigan, 1, &wish(3, None)), 409);
        assert_eq!(pre_reserve(&mut sigan, 60, 3).msisdns.len(), 3);
        assert_eq!(offer.msisdns.len(), 3);
    }

    #[test]
    fn what_was_never_offered_is_not_held() {
        let mut sigan = Inventory::new("PR");
        let stranger = Hold { external_id: "PR-9".parse().unwrap(), msisdn: "11999950001".parse().unwrap() };
        for request in [
            Request::Reserve(stranger.clone()),
            Request::Holder(stranger.clone()),
            Request::Release(stranger),
        ] {
            let response = sigan.handle(at(0), &request);
            let refused: RefusalBody = serde_json::from_slice(&response.body).unwrap();
            assert_eq!((response.status, refused.code), (404, RefusalCode::NotHeld));
            assert_eq!(refused.external_id.unwrap().as_str(), "PR-9");
        }
    }

    #[test]
    fn our_holds_come_in_pages() {
        let mut sigan = Inventory::new("PR");
        let offers: Vec<PreReserved> = (0..3).map(|_| pre_reserve(&mut sigan, 0, 1)).collect();
        for offer in &offers {
            status(&mut sigan, 1, &Request::Reserve(first(offer)));
        }
        let page = |sigan: &mut Inventory, after| -> HoldsPage {
            let request = Request::Holds { brand: "b".parse().unwrap(), after, limit: 2 };
            serde_json::from_slice(&sigan.handle(at(2), &request).body).unwrap()
        };
        let one = page(&mut sigan, None);
        let two = page(&mut sigan, one.next);
        let all: Vec<Msisdn> =
            one.reservations.iter().chain(&two.reservations).map(|hold| hold.msisdn).collect();
        assert_eq!(all, offers.iter().map(|offer| offer.msisdns[0]).collect::<Vec<_>>());
        assert_eq!(two.next, None);
    }

    #[test]
    fn the_state_survives_being_written_down() {
        let mut sigan = Inventory::new("PR");
        let hold = first(&pre_reserve(&mut sigan, 0, 3));
        let text = serde_json::to_string(&sigan).unwrap();
        let mut again: Inventory = serde_json::from_str(&text).unwrap();
        assert_eq!(status(&mut again, 1, &Request::Reserve(hold)), 200);
        assert_eq!(pre_reserve(&mut again, 1, 1).external_id.as_str(), "PR-2");
    }
}
