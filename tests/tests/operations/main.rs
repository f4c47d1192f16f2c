//! What operators and programs of theirs rely on: files, image, metrics, traces, cache, cost, and the crate in programs of their own.

mod cache;
mod embedding;
mod files;
mod image;
mod load_bench;
mod metrics;
mod monitoring;
mod statements;
mod sweep_plans;
mod traces;
