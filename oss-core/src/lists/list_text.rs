//! The text of a list's file as spreadsheets write it: its encoding, and the character that separates its columns.

use std::borrow::Cow;

/// The characters that may separate columns. The first one is the default.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The longest part of a value that a fault repeats.
const SHOWN: usize = 60;

/// A file's text in UTF-8, without a byte order mark and without a `sep=` line.
#[derive(Debug)]
pub(super) struct ListText {
    bytes: Cow<'static, [u8]>,
    /// The length of the `sep=` line in bytes; 0 if there is none.
    start: usize,
    /// The byte that separates columns.
    pub(super) separator: u8,
}

impl ListText {
    /// Decodes UTF-8, or UTF-16 with a byte order mark, and finds the separator.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the file as a whole, in words.
    pub(super) fn decode(bytes: Cow<'static, [u8]>) -> Result<Self, String> {
        let bytes = match &*bytes {
            [0xff, 0xfe, rest @ ..] => Cow::Owned(utf8(rest, u16::from_le_bytes)?.into_bytes()),
            [0xfe, 0xff, rest @ ..] => Cow::Owned(utf8(rest, u16::from_be_bytes)?.into_bytes()),
            [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Owned(rest.to_vec()),
            _ => bytes,
        };
        if bytes.contains(&b'\r') && !bytes.contains(&b'\n') {
            return Err("each line ends with a carriage return alone; save it with line feeds".to_owned());
        }
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        let first = String::from_utf8_lossy(&bytes[..end]);
        let (separator, start) = match named_separator(&first)? {
            Some(separator) => (separator, end),
            None => (likely_separator(&first), 0),
        };
        // Each separator is ASCII, so it is one byte.
        Ok(Self { separator: separator as u8, start, bytes })
    }

    /// The rows, with the headings first.
    pub(super) fn rows(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The line of the file in which the record at a byte of [`ListText::rows`] begins. The reader gives the end of the
    /// previous record, so this skips empty lines and the rest of a line end.
    pub(super) fn line(&self, at: &csv::Position) -> u64 {
        let from = usize::try_from(at.byte()).unwrap_or(usize::MAX);
        let before = self.rows().get(from..).unwrap_or_default();
        let skipped =
            before.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
        at.line() + skipped.count() as u64 + u64::from(self.start > 0)
    }
}

fn utf8(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    const FAULT: &str = "it begins as UTF-16, but it is not; save it as CSV in UTF-8";
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().copied().map(unit).collect();
    if rest.is_empty() {
        String::from_utf16(&units).map_err(|_| FAULT.to_owned())
    } else {
        Err(FAULT.to_owned())
    }
}

/// The separator that a first line `sep=;` names. Excel reads and writes this line.
fn named_separator(line: &str) -> Result<Option<char>, String> {
    let line = line.trim_end_matches(['\r', '\n']).trim_start_matches('"');
    let Some(named) = line.get(..4).filter(|start| start.eq_ignore_ascii_case("sep=")).map(|_| &line[4..])
    else {
        return Ok(None);
    };
    // A spreadsheet that does not know the line writes it back as a field: with quotation marks, and padded with separators.
    let separator = SEPARATORS.into_iter().find(|separator| named.starts_with(*separator));
    let rest_is_padding = named.chars().all(|char| char == '"' || SEPARATORS.contains(&char));
    match separator {
        Some(separator) if rest_is_padding => Ok(Some(separator)),
        _ => Err(format!("the line sep= names {}; expected a comma, a semicolon or a tab", quoted(named))),
    }
}

/// The separator that the headings use. No heading contains one.
fn likely_separator(headings: &str) -> char {
    SEPARATORS.into_iter().find(|separator| headings.contains(*separator)).unwrap_or(SEPARATORS[0])
}

/// A value in quotation marks, for a fault. A phone number may be in a file by mistake, so the digits of a long value are masked.
pub(super) fn quoted(value: &str) -> String {
    let masked = value.chars().filter(char::is_ascii_digit).count() > 8;
    let mask = |char: char| if masked && char.is_ascii_digit() { '*' } else { char };
    let text: String = value.chars().take(SHOWN).map(mask).collect();
    let cut = if value.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("\"{}{cut}\"", text.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_is_named_or_found_in_the_headings() {
        for (text, separator, rows) in [
            ("a,b\n", b',', "a,b\n"),
            ("a;b\n", b';', "a;b\n"),
            ("a\tb\r\n", b'\t', "a\tb\r\n"),
            ("a\n", b',', "a\n"),
            ("", b',', ""),
            ("\u{feff}sep=;\r\na;b\n", b';', "a;b\n"),
            ("SEP=,\na,b\n", b',', "a,b\n"),
            ("\"sep=\t\"\na\n", b'\t', "a\n"),
            ("\"sep=,\",,,\na\n", b',', "a\n"),
        ] {
            let read = ListText::decode(Cow::Owned(text.into())).unwrap();
            assert_eq!((read.separator, read.rows()), (separator, rows.as_bytes()), "{text:?}");
        }
        for text in ["sep=\n", "sep=|\n", "sep=;x\n", "a,b\r1,2\r"] {
            assert!(ListText::decode(Cow::Owned(text.into())).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_value_is_shown_without_a_number_of_a_person() {
        assert_eq!(quoted("35000001"), "\"35000001\"");
        assert_eq!(quoted("11 99999-0001"), "\"** *****-****\"");
        assert_eq!(quoted("a\0\u{200b}"), "\"a\\0\\u{200b}\"");
        assert_eq!(quoted(&"x".repeat(61)), format!("\"{}…\"", "x".repeat(60)));
    }
}
