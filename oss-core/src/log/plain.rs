//! Writes the fields of a line without colours, as `tracing_subscriber` does: `name=value`, with texts in quotes.
//!
//! We do it ourselves because every request has a span, whose fields are written when it begins. That crate checks for a colour
//! at each part of each field, and lets the text grow piece by piece, which costs twice as much.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// The capacity for a line: enough for the fields of a request.
const ROOM: usize = 160;

pub(super) struct Plain;

impl<'w> FormatFields<'w> for Plain {
    fn format_fields<R: RecordFields>(&self, mut line: Writer<'w>, fields: R) -> fmt::Result {
        let mut text = Text(String::with_capacity(ROOM));
        fields.record(&mut text);
        line.write_str(&text.0)
    }
}

struct Text(String);

impl Text {
    fn begin(&mut self, field: &Field) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        if field.name() != "message" {
            self.0.push_str(field.name());
            self.0.push('=');
        }
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            return self.record_debug(field, &format_args!("{value}"));
        }
        if !value.bytes().all(is_plain) {
            return self.record_debug(field, &value);
        }
        self.begin(field);
        self.0.extend(["\"", value, "\""]);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.begin(field);
        let start = self.0.len();
        // Writing to a string does not fail. An error of a value's own `Debug` must not end the line.
        let _ = write!(self.0, "{value:?}");
        // A value must neither control the terminal nor begin a line.
        if self.0[start..].contains(char::is_control) {
            let raw = self.0.split_off(start);
            push_escaped(&mut self.0, &raw);
        }
    }
}

/// Whether this byte looks the same inside quotes.
fn is_plain(byte: u8) -> bool {
    (byte == b' ' || byte.is_ascii_graphic()) && !matches!(byte, b'"' | b'\\')
}

fn push_escaped(text: &mut String, raw: &str) {
    for char in raw.chars() {
        if char.is_control() { text.extend(char.escape_default()) } else { text.push(char) }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::{MakeWriter, layer};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn written(fields: impl for<'w> FormatFields<'w> + Send + Sync + 'static, odd: &str) -> String {
        let lines = Lines::default();
        let layer = layer().with_ansi(false).without_time().with_writer(lines.clone()).fmt_fields(fields);
        tracing::subscriber::with_default(registry().with(layer), || {
            let span = tracing::info_span!("request", kind = "server", id = %7, none = tracing::field::Empty);
            span.in_scope(|| {
                tracing::info!(text = "a \"b\"\n", count = 3, ok = true, %odd, "The {}.", "line");
            });
        });
        let written = lines.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn a_line_is_what_the_crate_makes_of_it() {
        let theirs = written(tracing_subscriber::fmt::format::DefaultFields::new(), "plain");
        assert_eq!(written(Plain, "plain"), theirs);
        assert!(theirs.contains("request{kind=\"server\" id=7}"), "{theirs}");
    }

    #[test]
    fn a_value_neither_steers_a_terminal_nor_begins_a_line() {
        let line = written(Plain, "\u{1b}[31mred\nnext");
        assert!(line.contains(r"odd=\u{1b}[31mred\nnext"), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}
