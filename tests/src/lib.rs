//! The harness of the tests: real PostgreSQL and Redis processes, the mock of Sigan, the built binaries.
//!
//! A test starts everything that it needs on free ports. It is stopped when the test's process ends, even if that is killed. A
//! test that lacks a program fails and says which; it is never skipped.

#![expect(clippy::missing_panics_doc, reason = "a helper that cannot do what its name says fails the test")]

pub mod backend;
pub mod browser;
pub mod certificates;
pub mod cli;
pub mod clients;
pub mod cluster;
pub mod collector;
pub mod conformance;
pub mod console;
pub mod cut;
pub mod disk;
pub mod document;
pub mod eventful;
pub mod events;
pub mod eventually;
pub mod floor;
pub mod haproxy;
pub mod http;
pub mod impatient;
#[cfg(test)]
mod layers;
pub mod lists;
pub mod load;
pub mod metrics;
pub mod model;
pub mod operations;
pub mod outages;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod python;
pub mod receiver;
pub mod redis;
pub mod route;
pub mod secrets;
pub mod server;
pub mod settle;
pub mod sigan;
pub mod sims;
pub mod simulation;
pub mod statements;
pub mod terminal;
pub mod wiretap;
