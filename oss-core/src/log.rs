//! The log of the binaries: its levels and its form.
//!
//! The level applies to this project's own lines. Of other crates only warnings and errors are written, at every level, because
//! their other lines may show request paths and values, which carry phone numbers.

mod plain;

use std::io::{IsTerminal, stderr};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, registry};

use self::plain::Plain;

/// The level and the form of the log.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LogConfig {
    /// The least level of our own lines; none if it was not set, so that each binary has its own default.
    pub level: Option<tracing::Level>,
    /// The form: for people or for machines.
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

/// Starts the log on stderr, and passes the spans of the process to a further layer, such as a trace exporter. Before each line it
/// calls `before_line`, which may enter a span that the line then shows. `default` is the level if the configuration names none.
///
/// From then on a panic becomes a line of the log. The line has only the location, because the message may contain anything.
///
/// # Errors
///
/// [`AlreadySet`] on a second call in one process.
pub fn init_with_layer(
    spans: Option<impl Layer<Registry> + Send + Sync>,
    before_line: fn(),
    config: LogConfig,
    default: Level,
) -> Result<(), AlreadySet> {
    start(stderr, spans, before_line, config, default)
}

/// Starts the log on a writer instead of stderr, for a program that shows other text there too. The writer gets each line in one
/// piece.
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
    start(writer, spans, || {}, config, default)
}

fn start<W>(
    writer: W,
    spans: Option<impl Layer<Registry> + Send + Sync>,
    before_line: fn(),
    config: LogConfig,
    default: Level,
) -> Result<(), AlreadySet>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = filter(config.level.unwrap_or(default));
    let before_line = BeforeLine(before_line);
    match spans {
        Some(spans) => {
            let lines = lines(config.format, writer).with_filter(filter);
            registry().with(spans).with(lines).with(before_line).try_init()
        }
        // Without such a layer, spans that no line shows are not created at all.
        None => registry().with(lines(config.format, writer)).with(filter).with(before_line).try_init(),
    }
    .map_err(|_| AlreadySet)?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "A panic.");
    }));
    Ok(())
}

/// Calls a function before each line.
struct BeforeLine(fn());

impl<S: Subscriber> Layer<S> for BeforeLine {
    fn event_enabled(&self, _: &Event<'_>, _: Context<'_, S>) -> bool {
        (self.0)();
        true
    }
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
    // A target matches by its prefix, so this one covers the core, the server and the command line.
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
