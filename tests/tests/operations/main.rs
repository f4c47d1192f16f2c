//! The parts that operators rely on: files, image, metrics, traces, cache and cost; and the crate in other programs.

mod cache;
mod documents;
mod embedding;
mod files;
mod image;
mod list_plans;
mod load_bench;
mod metrics;
mod monitoring;
mod statements;
mod story_plans;
mod sweep_plans;
mod traces;
