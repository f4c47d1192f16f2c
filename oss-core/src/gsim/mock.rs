//! A mock of GSIM, on wiremock, for tests. It knows the devices it is given, and misbehaves as it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::wire::{Device, RefusalBody, RefusalCode, parameter};
use crate::domain::DeviceChoice;

/// A GSIM that runs until it is dropped.
#[derive(Debug)]
pub struct GsimMock {
    state: Arc<Mutex<State>>,
    server: MockServer,
}

#[derive(Debug, Default)]
struct State {
    devices: HashMap<(String, String), Device>,
    fault: Option<GsimFault>,
    calls: u64,
}

/// How every call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GsimFault {
    /// It fails with 503.
    Fail,
    /// The credentials are refused.
    Unauthorized,
    /// The answer cannot be read.
    Garble,
    /// The answer takes this much longer.
    Slow(Duration),
}

impl GsimMock {
    /// Starts one that knows no device, on a free port of this machine.
    pub async fn start() -> Self {
        let server = MockServer::builder().disable_request_recording().start().await;
        let state = Arc::new(Mutex::new(State::default()));
        Mock::given(any()).respond_with(Answering(state.clone())).mount(&server).await;
        Self { state, server }
    }

    /// Where it is served.
    ///
    /// # Panics
    ///
    /// Never: the address of a listening socket makes a URL.
    #[must_use]
    pub fn url(&self) -> Url {
        self.server.uri().parse().expect("an address of a socket makes a URL")
    }

    /// Lets it know a device.
    pub fn knows(&self, choice: &DeviceChoice, supports_esim: bool) {
        let (name, value) = parameter(choice);
        let device = Device { supports_esim, model: None };
        lock(&self.state).devices.insert((name.to_owned(), value.to_owned()), device);
    }

    /// Sets how every call goes wrong from now on; none of them, where there is no fault.
    pub fn behave(&self, fault: Option<GsimFault>) {
        lock(&self.state).fault = fault;
    }

    /// How many calls have come in.
    #[must_use]
    pub fn calls(&self) -> u64 {
        lock(&self.state).calls
    }
}

struct Answering(Arc<Mutex<State>>);

impl Respond for Answering {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = lock(&self.0);
        state.calls += 1;
        match state.fault {
            Some(GsimFault::Fail) => ResponseTemplate::new(503),
            Some(GsimFault::Unauthorized) => ResponseTemplate::new(401),
            Some(GsimFault::Garble) => ResponseTemplate::new(200).set_body_string("{\"supportsEsim\":"),
            Some(GsimFault::Slow(more)) => state.answer(request).set_delay(more),
            None => state.answer(request),
        }
    }
}

impl State {
    fn answer(&self, request: &Request) -> ResponseTemplate {
        let asked: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        match (request.method.as_str(), request.url.path(), asked.as_slice()) {
            ("GET", "/devices", [one]) => match self.devices.get(one) {
                Some(device) => ResponseTemplate::new(200).set_body_json(device),
                None => {
                    ResponseTemplate::new(404).set_body_json(RefusalBody { code: RefusalCode::UnknownDevice })
                }
            },
            // What the contract does not know: a mistake of the client, which a bare 404 does not hide.
            _ => ResponseTemplate::new(400),
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A test that panicked while it held the lock has failed already.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
