//! Tracks the calls to Sigan and GSIM that are under way, by their spans. Each call has a span named `call`.

use std::fmt::Debug;
use std::sync::{LazyLock, OnceLock};
use std::time::Instant;

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The calls of this process. They are global, like its log.
static OPEN: LazyLock<Mutex<Open>> =
    LazyLock::new(|| Mutex::new(Open { calls: Vec::new(), changed: Instant::now() }));

#[derive(Debug)]
struct Open {
    /// The calls, in the order in which they began.
    calls: Vec<OpenCall>,
    /// When the last call ended.
    changed: Instant,
}

#[derive(Debug)]
struct OpenCall {
    span: Id,
    awaited: &'static str,
    begun: Instant,
}

/// The system that the program waits for while no call is open.
static OTHERWISE: OnceLock<&str> = OnceLock::new();

/// Names the system that the program waits for while no call is open, instead of the database.
pub(crate) fn otherwise_await(system: &'static str) {
    // The first name counts, because a program works on one system.
    let _ = OTHERWISE.set(system);
}

/// Records when calls begin and end.
#[derive(Debug)]
struct Watch;

/// The layer that records when calls begin and end.
pub(crate) fn layer<S: Subscriber + for<'span> LookupSpan<'span>>() -> impl Layer<S> + Send + Sync {
    let is_call = |metadata: &Metadata<'_>| {
        metadata.is_span() && metadata.name() == "call" && metadata.target().starts_with("oss_core")
    };
    Watch.with_filter(filter_fn(is_call))
}

/// The awaited answer of the oldest open call, or else the database or the server, and the time since which the program waits.
pub(crate) fn awaited() -> (&'static str, Instant) {
    let open = OPEN.lock();
    let otherwise = OTHERWISE.get().copied().unwrap_or("the database");
    open.calls.first().map_or((otherwise, open.changed), |call| (call.awaited, call.begun))
}

impl<S: Subscriber> Layer<S> for Watch {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _context: Context<'_, S>) {
        let mut awaited = Awaited("another system");
        attributes.record(&mut awaited);
        OPEN.lock().calls.push(OpenCall { span: id.clone(), awaited: awaited.0, begun: Instant::now() });
    }

    fn on_close(&self, id: Id, _context: Context<'_, S>) {
        let mut open = OPEN.lock();
        open.calls.retain(|call| call.span != id);
        open.changed = Instant::now();
    }
}

/// The system that a call waits for, and its task.
struct Awaited(&'static str);

impl Visit for Awaited {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0 = match (field.name(), value) {
            ("call", "pre_reserve") => "Sigan to offer numbers",
            ("call", "reserve") => "Sigan to reserve the number",
            ("call", "release") => "Sigan to release the number",
            ("call", "holder") => "Sigan to say who holds the number",
            ("call", "holds") => "Sigan to list its holds",
            ("call", "supports_esim") => "GSIM to say whether the device supports eSIM",
            ("call", "order_esim") => "GSIM to issue the eSIM",
            ("call", "activate_card") => "GSIM to activate the card",
            ("call", "order") => "GSIM to say what became of the order",
            ("call", "cancel") => "GSIM to deprogram the SIM",
            ("call", "orders") => "GSIM to list its SIMs",
            _ => self.0,
        };
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}
}
