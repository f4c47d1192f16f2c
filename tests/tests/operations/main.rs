//! What operators and programs of theirs rely on: files, image, metrics, traces, cache and cost.

mod cache;
mod files;
mod image;
mod load_bench;
mod metrics;
mod monitoring;
mod statements;
mod sweep_plans;
mod traces;
