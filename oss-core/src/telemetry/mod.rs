//! What an operator sees of the service from outside: metrics, and the trace that a request is part of.
//!
//! Both go to a facade: [`metrics`](https://docs.rs/metrics) and [`tracing`](https://docs.rs/tracing). In a process that installs
//! no recorder and no layer of OpenTelemetry, nothing is kept and nothing is sent. A recorder has to be there before the client is
//! first used: what is counted all the time looks its series up once. No label and no span carries a number, a key or a token:
//! labels are words of this program, so that there is a bounded number of series.

mod calls;
pub mod names;
mod timing;

pub(crate) use self::calls::{System, called, continued};
pub(crate) use self::timing::{Operation, Timings};
