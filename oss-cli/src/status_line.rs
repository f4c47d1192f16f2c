//! The lines at the bottom of a terminal that show the progress of a command. They are drawn on standard error if that is a
//! terminal, and erased afterwards. Everything else that a command writes goes through [`write_aside`], so that it does not
//! break them.

use std::io::{self, Write};
use std::ops::Deref;
use std::pin::pin;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::calls;

/// The time after which a line says that the program waits for a call.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pause until a line is drawn again.
const TICK: Duration = Duration::from_millis(200);

/// A process has one standard error, and so one set of lines.
static LINES: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A line that is erased when it is dropped.
#[derive(Debug)]
pub(crate) struct Line(ProgressBar);

/// Whether there is a terminal to draw on.
pub(crate) fn is_visible() -> bool {
    !LINES.is_hidden()
}

/// Draws a line, and redraws it until it is dropped.
pub(crate) fn draw(style: ProgressStyle) -> Line {
    let line = Line::new(style);
    line.enable_steady_tick(TICK);
    line
}

/// The style of a template; the default style if the template cannot be read.
pub(crate) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Writes something else while no line is drawn.
pub(crate) fn write_aside<T>(write: impl FnOnce() -> T) -> T {
    LINES.suspend(write)
}

/// Prints a notice for the person at the terminal.
#[expect(clippy::print_stderr, reason = "it is for the person at the terminal, not for a program")]
pub(crate) fn print_notice(text: &str) {
    write_aside(|| eprintln!("{text}"));
}

/// Does some work. If it waits for one answer for longer than `PATIENCE`, a line names the answer and the seconds.
pub(crate) async fn while_waiting<F: Future>(work: F) -> F::Output {
    if !is_visible() {
        return work.await;
    }
    let (mut work, begun) = (pin!(work), Instant::now());
    let mut ticks = tokio::time::interval(TICK);
    let mut line = None;
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = ticks.tick() => show_wait(&mut line, begun),
        }
    }
}

fn show_wait(line: &mut Option<Line>, begun: Instant) {
    let Some(wait) = wait(begun) else {
        *line = None;
        return;
    };
    let line = line.get_or_insert_with(|| Line::new(style("{spinner} {wide_msg}")));
    line.set_message(wait);
    line.tick();
}

/// The wait that began at `begun` or later, in words; none if it is shorter than `PATIENCE`.
pub(crate) fn wait(begun: Instant) -> Option<String> {
    let (awaited, since) = calls::awaited();
    let waited = since.max(begun).elapsed();
    (waited >= PATIENCE).then(|| format!("waiting for {awaited} ({} s)", waited.as_secs()))
}

impl Line {
    fn new(style: ProgressStyle) -> Self {
        Self(LINES.add(ProgressBar::no_length().with_style(style)))
    }
}

impl Deref for Line {
    type Target = ProgressBar;

    fn deref(&self) -> &ProgressBar {
        &self.0
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.finish_and_clear();
        LINES.remove(&self.0);
    }
}

/// Writes lines of the log to standard error.
#[derive(Debug)]
pub(crate) struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        write_aside(|| io::stderr().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
