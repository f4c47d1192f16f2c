//! The command line: each command, its output, and what it does together with servers.

mod adopt;
mod audit;
mod audit_pages;
mod audit_sims;
mod closed_pipe;
mod commands;
mod events;
mod gsim_mock;
mod imports;
mod lists;
mod operator;
mod profiles;
mod prompts;
mod secrecy;
mod sims;
mod sweep;
mod terminal;
mod through_server;
mod through_server_operations;
mod world;
