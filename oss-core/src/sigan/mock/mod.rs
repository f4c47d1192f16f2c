//! A stateful mock of Sigan, for tests, the sandbox and load runs.
//!
//! One state machine has two servers: wiremock for tests and the sandbox ([`SiganMock::start`]), and plain axum for long runs
//! ([`serve`]), because wiremock keeps every request it ever matched in memory.

mod axum_face;
mod behaviour;
mod exchange;
mod inventory;
mod wiremock_face;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;

pub use self::axum_face::serve;
use self::behaviour::Faults;
pub use self::behaviour::{Behaviour, Fault};
pub use self::exchange::{CallKind, Request, Response};
pub use self::inventory::Inventory;
pub use self::wiremock_face::RunningSigan;
use crate::domain::{BrandId, Msisdn};

/// A mock of Sigan. It is cheap to clone, and every clone is the same Sigan.
#[derive(Clone)]
pub struct SiganMock {
    state: Arc<Mutex<State>>,
}

struct State {
    inventory: Inventory,
    faults: Faults,
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

/// The answer to a call, and the delay before it.
struct Answer {
    sent: Sent,
    delay: Duration,
}

/// The bytes that the caller receives before the connection closes, or stays open.
enum Sent {
    /// The whole response.
    Whole(Response),
    /// A part of a response, of which the caller can use nothing.
    Part,
    /// Not one byte.
    Nothing,
}

impl SiganMock {
    /// Creates a Sigan with this inventory and without faults. Faults by chance come from a fixed seed, so every run is the same.
    #[must_use]
    pub fn new(inventory: Inventory) -> Self {
        let state = State { inventory, faults: Faults::new(0), calls: HashMap::new(), on_change: None };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Serves on a free port of this machine until the returned value is dropped.
    pub async fn start(&self) -> RunningSigan {
        RunningSigan::start(self.clone()).await
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
        let brands = &mut self.state.lock().faults.brands;
        match status {
            Some(status) => drop(brands.insert(brand.clone(), status)),
            None => drop(brands.remove(brand)),
        }
    }

    /// Answers every release of a number with a status and no body, without effect. A status of none ends this.
    pub fn refuse_release(&self, msisdn: Msisdn, status: Option<u16>) {
        let releases = &mut self.state.lock().faults.releases;
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
        let fault = self.standing_fault(request).or_else(|| self.faults.decide(kind));
        let latency = self.faults.behaviour.latency;
        let delay = if let Some(Fault::Slow(more)) = fault { latency + more } else { latency };
        let response = self.respond(now, request, fault);
        let sent = match fault {
            Some(Fault::LoseAnswer) => Sent::Part,
            Some(Fault::CloseUnanswered) => Sent::Nothing,
            _ => Sent::Whole(response),
        };
        Answer { sent, delay }
    }

    fn respond(&mut self, now: DateTime<Utc>, request: &Request, fault: Option<Fault>) -> Response {
        match fault {
            Some(Fault::FailBefore) => Response::empty(503),
            Some(Fault::Unauthorized) => Response::empty(401),
            Some(Fault::Status(status)) => Response::empty(status),
            Some(Fault::Refuse(code)) => Response::refused(code, named_id(request)),
            Some(Fault::Forbid) => {
                self.handle(now, request);
                Response::empty(403)
            }
            Some(Fault::Garble) => {
                let Response { status, .. } = self.handle(now, request);
                Response { status, body: b"{\"externalId\":".to_vec() }
            }
            _ => self.handle(now, request),
        }
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
        let of_brand = brand.and_then(|brand| self.faults.brands.get(brand));
        let of_number = match request {
            Request::Release(hold) => self.faults.releases.get(&hold.msisdn),
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

#[expect(clippy::disallowed_methods, reason = "Sigan has a clock of its own, and the mock is Sigan")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests;
