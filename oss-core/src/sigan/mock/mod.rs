//! A stateful mock of Sigan, for tests, the sandbox and load runs.
//!
//! One state machine has two servers: wiremock for tests and the sandbox ([`SiganMock::start`]), and plain axum for long runs
//! ([`serve`]), because wiremock keeps every request it ever matched in memory.

mod exchange;
mod inventory;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;

pub use self::exchange::{CallKind, Request};
pub use self::inventory::Inventory;
use super::wire::RefusalCode;
use crate::domain::{BrandId, Msisdn};
use crate::remote::mock::{self, Faults, now};
pub use crate::remote::mock::{Answer, Behaviour, MockedSystem, Response, Running, Sent, serve};

/// A mock of Sigan that is being served. The server stops when this is dropped.
pub type RunningSigan = Running<SiganMock>;

/// The fault of one call.
pub type Fault = mock::Fault<RefusalCode>;

/// A mock of Sigan. It is cheap to clone, and every clone is the same Sigan.
#[derive(Clone)]
pub struct SiganMock {
    state: Arc<Mutex<State>>,
}

struct State {
    inventory: Inventory,
    faults: Faults<CallKind, RefusalCode>,
    /// The brands whose calls are all answered with a status.
    refused_brands: HashMap<BrandId, u16>,
    /// The numbers whose releases are all answered with a status.
    refused_releases: HashMap<Msisdn, u16>,
    calls: HashMap<CallKind, u64>,
    on_change: Option<OnChange>,
}

/// A function that receives the inventory after each call that may have changed it.
type OnChange = Box<dyn FnMut(&Inventory) + Send>;

impl fmt::Debug for SiganMock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiganMock").field("calls", &self.state.lock().calls).finish_non_exhaustive()
    }
}

impl SiganMock {
    /// Creates a Sigan with this inventory and without faults. Faults by chance come from a fixed seed, so every run is the same.
    #[must_use]
    pub fn new(inventory: Inventory) -> Self {
        let state = State {
            inventory,
            faults: Faults::new(0),
            refused_brands: HashMap::new(),
            refused_releases: HashMap::new(),
            calls: HashMap::new(),
            on_change: None,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Serves on a free port of this machine until the returned value is dropped.
    pub async fn start(&self) -> RunningSigan {
        Running::start(self.clone()).await
    }

    /// Sets the behaviour from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state.lock().faults.behaviour = behaviour;
    }

    /// Gives the next call of a kind a fault. Faults for one kind are used in order.
    pub fn next(&self, kind: CallKind, fault: Fault) {
        self.state.lock().faults.cue(kind, fault);
    }

    /// Answers every call for a brand with a status and no body, without effect. A status of none ends this.
    pub fn refuse_brand(&self, brand: &BrandId, status: Option<u16>) {
        let brands = &mut self.state.lock().refused_brands;
        match status {
            Some(status) => drop(brands.insert(brand.clone(), status)),
            None => drop(brands.remove(brand)),
        }
    }

    /// Answers every release of a number with a status and no body, without effect. A status of none ends this.
    pub fn refuse_release(&self, msisdn: Msisdn, status: Option<u16>) {
        let releases = &mut self.state.lock().refused_releases;
        match status {
            Some(status) => drop(releases.insert(msisdn, status)),
            None => drop(releases.remove(&msisdn)),
        }
    }

    /// Calls `listener` with the inventory after each call that may have changed it, before that call is answered.
    pub fn on_change(&self, listener: impl FnMut(&Inventory) + Send + 'static) {
        self.state.lock().on_change = Some(Box::new(listener));
    }

    /// A copy of the current inventory.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        self.state.lock().inventory.clone()
    }

    /// The count of calls of a kind that have come in.
    #[must_use]
    pub fn calls(&self, kind: CallKind) -> u64 {
        self.state.lock().calls.get(&kind).copied().unwrap_or_default()
    }
}

impl MockedSystem for SiganMock {
    fn answer(&self, method: &Method, path: &str, query: &str, body: &[u8]) -> Answer {
        let state = &mut *self.state.lock();
        match Request::parse(method, path, query, body) {
            Ok(request) => state.answer(now(), &request),
            Err(response) => Answer { sent: Sent::Whole(response), delay: Duration::ZERO },
        }
    }
}

impl State {
    fn answer(&mut self, now: DateTime<Utc>, request: &Request) -> Answer {
        let kind = request.kind();
        *self.calls.entry(kind).or_default() += 1;
        let fault = self.standing_fault(request).or_else(|| self.faults.decide(&kind));
        let latency = self.faults.behaviour.latency;
        let refuse = |code| exchange::refused(code, named_id(request));
        Fault::carry_out(fault, latency, || self.handle(now, request), refuse)
    }

    /// The fault that every call of its brand, or every release of its number, has.
    fn standing_fault(&self, request: &Request) -> Option<Fault> {
        let brand = match request {
            Request::PreReserve(wish) => Some(&wish.brand_id),
            Request::Holds { brand, .. } => Some(brand),
            Request::Reserve(hold) | Request::Holder(hold) | Request::Release(hold) => {
                self.inventory.brand_of(&hold.external_id)
            }
        };
        let of_brand = brand.and_then(|brand| self.refused_brands.get(brand));
        let of_number = match request {
            Request::Release(hold) => self.refused_releases.get(&hold.msisdn),
            _ => None,
        };
        of_brand.or(of_number).map(|status| Fault::Status(*status))
    }

    fn handle(&mut self, now: DateTime<Utc>, request: &Request) -> Response {
        let response = self.inventory.handle(now, request);
        if let (Some(listener), Request::PreReserve(_) | Request::Reserve(_) | Request::Release(_)) =
            (&mut self.on_change, request)
        {
            listener(&self.inventory);
        }
        response
    }
}

fn named_id(request: &Request) -> Option<crate::domain::ExternalId> {
    match request {
        Request::Reserve(hold) | Request::Holder(hold) | Request::Release(hold) => {
            Some(hold.external_id.clone())
        }
        Request::PreReserve(_) | Request::Holds { .. } => None,
    }
}

#[cfg(test)]
mod tests;
