//! A mock of GSIM, on wiremock, for tests. It knows the devices that a test adds, and has the faults that a test sets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
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

/// The fault of every call.
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
    /// Starts a mock that knows no device, on a free port of this machine.
    pub async fn start() -> Self {
        let server = MockServer::builder().disable_request_recording().start().await;
        let state = Arc::new(Mutex::new(State::default()));
        Mock::given(any()).respond_with(Answering(state.clone())).mount(&server).await;
        Self { state, server }
    }

    /// The address at which it is served.
    ///
    /// # Panics
    ///
    /// Never: the address of a listening socket makes a URL.
    #[must_use]
    pub fn url(&self) -> Url {
        self.server.uri().parse().expect("an address of a socket makes a URL")
    }

    /// Adds a device.
    pub fn knows(&self, choice: &DeviceChoice, supports_esim: bool) {
        let (name, value) = parameter(choice);
        let device = Device { supports_esim, model: None };
        self.state.lock().devices.insert((name.to_owned(), value.to_owned()), device);
    }

    /// Gives every call this fault from now on, or none.
    pub fn behave(&self, fault: Option<GsimFault>) {
        self.state.lock().fault = fault;
    }

    /// The count of calls that have come in.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }
}

struct Answering(Arc<Mutex<State>>);

impl Respond for Answering {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock();
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
        let parameters: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        match (request.method.as_str(), request.url.path(), parameters.as_slice()) {
            ("GET", "/devices", [one]) => match self.devices.get(one) {
                Some(device) => ResponseTemplate::new(200).set_body_json(device),
                None => {
                    ResponseTemplate::new(404).set_body_json(RefusalBody { code: RefusalCode::UnknownDevice })
                }
            },
            // The contract has no such request, so the client is wrong. A bare 404 would hide that.
            _ => ResponseTemplate::new(400),
        }
    }
}
