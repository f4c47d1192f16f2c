//! Metrics, and the trace that a request belongs to: what operators see of the service from outside.
//!
//! Both go to a facade: [`metrics`](https://docs.rs/metrics) and [`tracing`](https://docs.rs/tracing). In a process that installs
//! no recorder and no layer of OpenTelemetry, nothing is kept and nothing is sent. Install a recorder before the client is first
//! used, because frequent counters look their series up only once. No label and no span carries a phone number, a key or a token.
//! Labels are words of this program, so that the series stay bounded.

mod calls;
pub mod names;
mod timing;

pub(crate) use self::calls::{System, call, with_trace_context};
pub(crate) use self::timing::{Operation, Timings};
