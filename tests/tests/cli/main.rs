//! The command line: each command, its output, and what it does together with servers.

mod adopt;
mod audit;
mod audit_pages;
mod commands;
mod imports;
mod secrecy;
mod sweep;
mod terminal;
