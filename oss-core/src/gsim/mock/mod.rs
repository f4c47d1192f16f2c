//! A stateful mock of GSIM, for tests, the sandbox and load runs.
//!
//! One state machine has three faces: wiremock for tests ([`GsimMock::start`]), plain axum for long runs ([`serve`]), and no server
//! at all for the sandbox and for tests in virtual time ([`GsimMock::client`]).

mod call_back;
mod exchange;
mod identifiers;
mod in_process;
mod order;
mod order_book;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::time::Instant;

pub use self::call_back::{CallBack, Delivery};
pub use self::exchange::{CallKind, Request};
pub use self::in_process::InProcess;
pub use self::order_book::{OrderBook, Pace};
use super::wire::{Device, Notification, OrderRefusalCode, RefusalBody, RefusalCode, parameter};
use crate::domain::{DeviceChoice, ProfileState, SimId};
use crate::remote::mock::{self, Faults};
pub use crate::remote::mock::{Answer, Behaviour, MockedSystem, Response, Running, Sent, serve};

/// A mock of GSIM that is being served. The server stops when this is dropped.
pub type RunningGsim = Running<GsimMock>;

/// The fault of one call.
pub type Fault = mock::Fault<OrderRefusalCode>;

/// A mock of GSIM. It is cheap to clone, and every clone is the same GSIM.
#[derive(Clone)]
pub struct GsimMock {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

/// A clock that begins with the time of this machine, and from then on follows the time of tokio, which a test may pause.
#[derive(Debug, Clone, Copy)]
struct Clock {
    begun: DateTime<Utc>,
    begun_at: Instant,
}

struct State {
    book: OrderBook,
    devices: HashMap<(String, String), Device>,
    faults: Faults<CallKind, OrderRefusalCode>,
    standing_faults: HashMap<CallKind, Fault>,
    calls: HashMap<CallKind, u64>,
    call_back: Option<CallBack>,
    on_change: Option<OnChange>,
}

/// A function that receives the orders after each call that may have changed them.
type OnChange = Box<dyn FnMut(&OrderBook) + Send>;

impl fmt::Debug for GsimMock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GsimMock").field("calls", &self.state.lock().calls).finish_non_exhaustive()
    }
}

impl Clock {
    fn now(self) -> DateTime<Utc> {
        self.begun + self.begun_at.elapsed()
    }
}

impl GsimMock {
    /// Creates a GSIM with these orders and without faults. It knows no device. Faults by chance come from a fixed seed, so every run
    /// is the same.
    #[must_use]
    pub fn new(book: OrderBook) -> Self {
        let state = State {
            book,
            devices: HashMap::new(),
            faults: Faults::new(0),
            standing_faults: HashMap::new(),
            calls: HashMap::new(),
            call_back: None,
            on_change: None,
        };
        let clock = Clock { begun: mock::now(), begun_at: Instant::now() };
        Self { state: Arc::new(Mutex::new(state)), clock }
    }

    /// Serves on a free port of this machine until the returned value is dropped.
    pub async fn start(&self) -> RunningGsim {
        Running::start(self.clone()).await
    }

    /// Adds a device.
    pub fn knows(&self, choice: &DeviceChoice, supports_esim: bool) {
        let (name, value) = parameter(choice);
        let device = Device { supports_esim, model: None };
        self.state.lock().devices.insert((name.to_owned(), value.to_owned()), device);
    }

    /// Sets the behaviour from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state.lock().faults.behaviour = behaviour;
    }

    /// Gives the next call of a kind a fault. Faults for one kind are used in order.
    pub fn next(&self, kind: CallKind, fault: Fault) {
        self.state.lock().faults.cue(kind, fault);
    }

    /// Gives every call of a kind a fault from now on, or none.
    pub fn always(&self, kind: CallKind, fault: Option<Fault>) {
        let faults = &mut self.state.lock().standing_faults;
        match fault {
            Some(fault) => drop(faults.insert(kind, fault)),
            None => drop(faults.remove(&kind)),
        }
    }

    /// Sets the pace of the orders that come in from now on.
    pub fn set_pace(&self, pace: Pace) {
        self.change(|book, _| book.set_pace(pace));
    }

    /// Sets how many eSIMs may still be made; none for any number.
    pub fn set_esims(&self, count: Option<u64>) {
        self.change(|book, _| book.set_esims(count));
    }

    /// Finishes an order that is still being made. Returns whether there is one.
    #[must_use]
    pub fn finish(&self, reference: SimId) -> bool {
        self.change(|book, now| book.finish(now, reference))
    }

    /// Brings the profile of an eSIM to a state. Returns whether there is such an eSIM.
    #[must_use]
    pub fn set_profile_state(&self, reference: SimId, state: ProfileState) -> bool {
        self.change(|book, now| book.set_profile_state(now, reference, state, None))
    }

    /// Lets the download or the installation of a profile fail. Returns whether there is such an eSIM.
    #[must_use]
    pub fn fail_profile(&self, reference: SimId, reason: &str) -> bool {
        self.change(|book, now| book.set_profile_state(now, reference, ProfileState::Error, Some(reason)))
    }

    /// Deletes a profile from its phone, as a customer does. Returns whether there is such an eSIM.
    #[must_use]
    pub fn delete_profile(&self, reference: SimId) -> bool {
        self.set_profile_state(reference, ProfileState::Deleted)
    }

    /// Lets a customer scan the activation code of an eSIM. Nothing happens if there is no such eSIM.
    pub fn scan(&self, reference: SimId, at: DateTime<Utc>) {
        self.change(|book, _| book.scan(reference, at));
    }

    /// The eSIMs whose activation codes no customer has scanned.
    #[must_use]
    pub fn unscanned(&self) -> Vec<SimId> {
        self.state.lock().book.unscanned()
    }

    /// Takes the call-backs that wait, the oldest first, instead of sending them.
    #[must_use]
    pub fn take_notifications(&self) -> Vec<Notification> {
        let state = &mut *self.state.lock();
        state.book.live(self.clock.now());
        let taken = state.book.take_notifications();
        // Each state that a profile came to has a call-back, so without one nothing has changed.
        if !taken.is_empty() {
            state.tell_listener();
        }
        taken
    }

    /// Keeps call-backs that were not accepted, before those that came in meanwhile.
    pub fn keep_notifications(&self, refused: Vec<Notification>) {
        if !refused.is_empty() {
            self.change(|book, _| book.keep_notifications(refused));
        }
    }

    /// Calls `listener` with the orders after each call that may have changed them, before that call is answered.
    pub fn on_change(&self, listener: impl FnMut(&OrderBook) + Send + 'static) {
        self.state.lock().on_change = Some(Box::new(listener));
    }

    /// A copy of the current orders.
    #[must_use]
    pub fn book(&self) -> OrderBook {
        self.state.lock().book.clone()
    }

    /// The count of calls of a kind that have come in.
    #[must_use]
    pub fn calls(&self, kind: CallKind) -> u64 {
        self.state.lock().calls.get(&kind).copied().unwrap_or_default()
    }

    fn change<T>(&self, change: impl FnOnce(&mut OrderBook, DateTime<Utc>) -> T) -> T {
        let state = &mut *self.state.lock();
        let result = change(&mut state.book, self.clock.now());
        state.tell_listener();
        result
    }
}

impl MockedSystem for GsimMock {
    fn answer(&self, method: &Method, path: &str, query: &str, body: &[u8]) -> Answer {
        let state = &mut *self.state.lock();
        match Request::parse(method, path, query, body) {
            Ok(request) => state.answer(self.clock.now(), &request),
            Err(response) => Answer { sent: Sent::Whole(response), delay: Duration::ZERO },
        }
    }
}

impl State {
    fn answer(&mut self, now: DateTime<Utc>, request: &Request) -> Answer {
        let kind = request.kind();
        *self.calls.entry(kind).or_default() += 1;
        let fault = self.standing_faults.get(&kind).copied().or_else(|| self.faults.decide(&kind));
        let latency = self.faults.behaviour.latency;
        let refuse = |code| exchange::refused(code, request.reference());
        Fault::carry_out(fault, latency, || self.handle(now, request), refuse)
    }

    fn handle(&mut self, now: DateTime<Utc>, request: &Request) -> Response {
        if let Request::Device(name, value) = request {
            return match self.devices.get(&(name.clone(), value.clone())) {
                Some(device) => Response::json(200, device),
                None => Response::json(404, &RefusalBody { code: RefusalCode::UnknownDevice }),
            };
        }
        let response = self.book.handle(now, request);
        self.tell_listener();
        response
    }

    fn tell_listener(&mut self) {
        if let Some(listener) = &mut self.on_change {
            listener(&self.book);
        }
    }
}

#[cfg(test)]
mod tests;
