//! The server over HTTP: its contract, its clients, and how it is served.

mod access;
mod audits;
mod brands;
mod bulk_releases;
mod concurrency;
mod connections;
mod devices;
mod docs_page;
mod events;
mod expiry;
mod history;
mod http_contract;
mod idempotency;
mod identifiers;
mod isolation;
mod limits;
mod lists;
mod openapi_clients;
mod recycling;
mod server_life;
mod serving;
mod sim_refusals;
mod sims;
mod stats;
