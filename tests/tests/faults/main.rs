//! Sigan, databases, Redis and servers fail while numbers are reserved and released.

mod backpressure;
mod batch_races;
mod cluster;
mod database_errors;
mod database_faults;
mod existing_database;
mod kept_connections;
mod kill;
mod release_races;
mod restore;
mod several_hosts;
mod several_instances;
mod sigan_faults;
mod sim_storms;
mod webhooks;
