//! The log of the binaries: what is written, and in which form.
//!
//! A level applies to this project's own lines. Lines of other crates are written from warnings upwards, whatever the level:
//! below that they may show request paths and values, and those carry phone numbers.

mod plain;

use std::io::{IsTerminal, stderr};

use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::{Identity, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, registry};

use self::plain::Plain;

/// The level and the form of the log.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LogConfig {
    /// The least level of our own lines; none where it was not set, so that each face has its own default.
    pub level: Option<tracing::Level>,
    /// Lines for people or for machines.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A log was set up before in this process.
#[derive(Debug, thiserror::Error)]
#[error("a log is set up already")]
pub struct AlreadySet;

/// Writes the log to stderr. `default` is the level where the configuration names none.
///
/// From then on a panic is a line of the log, which tells the place alone: its message may carry anything.
///
/// # Errors
///
/// [`AlreadySet`] on a second call in one process.
pub fn init(config: LogConfig, default: Level) -> Result<(), AlreadySet> {
    init_beside(None::<Identity>, config, default)
}

/// Starts the log of a process that does more with its spans than to show them there.
///
/// # Errors
///
/// [`AlreadySet`] on a second call in one process.
pub fn init_beside(
    spans: Option<impl Layer<Registry> + Send + Sync>,
    config: LogConfig,
    default: Level,
) -> Result<(), AlreadySet> {
    init_through(stderr, spans, config, default)
}

/// Starts the log through a writer that a program puts before stderr, because it shows more there than the log. The writer gets each
/// line whole.
///
/// # Errors
///
/// [`AlreadySet`] on a second call in one process.
pub fn init_through<W>(
    writer: W,
    spans: Option<impl Layer<Registry> + Send + Sync>,
    config: LogConfig,
    default: Level,
) -> Result<(), AlreadySet>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = filter(config.level.unwrap_or(default));
    match spans {
        Some(spans) => {
            registry().with(spans).with(lines(config.format, writer).with_filter(filter)).try_init()
        }
        // What no line shows is not made at all.
        None => registry().with(lines(config.format, writer)).with(filter).try_init(),
    }
    .map_err(|_| AlreadySet)?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "A panic.");
    }));
    Ok(())
}

fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = layer().with_writer(writer);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        // Colours are of no use in a file; the crate itself honours NO_COLOR.
        LogFormat::Text if stderr().is_terminal() => lines.boxed(),
        LogFormat::Text => lines.with_ansi(false).fmt_fields(Plain).boxed(),
    }
}

fn filter(level: Level) -> Targets {
    let others = if level == Level::ERROR { LevelFilter::ERROR } else { LevelFilter::WARN };
    // A target is matched by how it begins, so this one is the core, the server and the command line.
    Targets::new().with_default(others).with_target("oss", level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_for_our_own_lines() {
        let filter = filter(Level::TRACE);
        for own in ["oss", "oss_core::numbers", "oss_server::middleware"] {
            assert!(filter.would_enable(own, &Level::TRACE), "{own}");
        }
        for other in ["hyper", "sqlx::query", "reqwest", "redis"] {
            assert!(filter.would_enable(other, &Level::WARN), "{other}");
            assert!(!filter.would_enable(other, &Level::INFO), "{other}");
        }
    }
}
