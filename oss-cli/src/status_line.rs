//! The lines at the bottom of a terminal that say how far a command is. They are drawn on standard error if that is a terminal, and
//! erased afterwards. Everything else that a command writes goes through [`aside`], so that it does not break them.

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

/// Draws a line, and draws it again and again until it is dropped.
pub(crate) fn draw(style: ProgressStyle) -> Line {
    let line = Line::new(style);
    line.enable_steady_tick(TICK);
    line
}

/// The style of a template, which is a constant: one that cannot be read leaves the default.
pub(crate) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Writes something else while no line is drawn.
pub(crate) fn aside<T>(write: impl FnOnce() -> T) -> T {
    LINES.suspend(write)
}

/// Says something to the person at the terminal, and not to a program.
#[expect(clippy::print_stderr, reason = "said to the person at the terminal, not to a program")]
pub(crate) fn tell(text: &str) {
    aside(|| eprintln!("{text}"));
}

/// Does some work. If it waits for one thing for longer than a second, a line says for what and for how long.
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

/// The wait that began at `begun` or later, in words, if it is too long to say nothing.
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
        aside(|| io::stderr().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
