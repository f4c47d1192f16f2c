//! Rules for text that other systems chose and that people read.

/// Characters that nobody can see, as ranges of code points: controls, odd spaces, and marks that change how text is shown. A
/// text that contains one looks like another text, and a control character can forge a line of a log.
pub(crate) const INVISIBLE: [(u32, u32); 11] = [
    (0x00, 0x1f),
    (0x7f, 0xa0),
    (0xad, 0xad),
    (0x1680, 0x1680),
    (0x180e, 0x180e),
    (0x2000, 0x200f),
    (0x2028, 0x202f),
    (0x205f, 0x206f),
    (0x3000, 0x3000),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
];

/// Whether a character cannot be seen. A plain space can: it stands between two others.
pub(crate) fn is_invisible(char: char) -> bool {
    INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(char)))
}

/// A text in which each character that cannot be seen is a `?`.
pub(crate) fn visible(text: &str) -> Box<str> {
    text.chars().map(|char| if is_invisible(char) { '?' } else { char }).collect()
}

/// The ASCII character that a character of a copied identifier stands for, or none for a mark that only changes how a text is
/// shown: phones, spreadsheets and PDFs put such marks around copied text.
pub(crate) fn plain(char: char) -> Option<char> {
    match char {
        // Full-width forms repeat ASCII at a distance.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xfee0),
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Some('-'),
        '\u{61c}' => None,
        _ if char.is_whitespace() => Some(' '),
        _ if is_invisible(char) && !char.is_control() => None,
        _ => Some(char),
    }
}

/// Whether a character is one that a person who reads a refused identifier cannot see: a control, a filler or a tag.
pub(crate) fn is_hidden(char: char) -> bool {
    is_invisible(char)
        || matches!(
            char,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{e0000}'
                ..='\u{e0fff}'
        )
}

/// A text without the spaces and invisible characters around it. A control is left for the parser to refuse.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(|char: char| char.is_whitespace() || is_hidden(char) && !char.is_control())
}

/// Whether a text has 1 to `longest` characters, each of which can be seen.
pub(crate) fn is_visible_text(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.chars().count() <= longest && !text.chars().any(is_invisible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_visible_if_each_of_its_characters_is() {
        for text in ["a", "OLD.4:x", "OLD 3/ç", "电%2e", &"ç".repeat(64)] {
            assert!(is_visible_text(text, 64), "{text:?}");
        }
        for text in ["", "a\nb", "\u{200b}", "a\u{202a}", "a\u{a0}b", "\u{feff}a", &"ç".repeat(65)] {
            assert!(!is_visible_text(text, 64), "{text:?}");
        }
    }

    #[test]
    fn a_copied_character_stands_for_a_plain_one() {
        let kept = [('a', 'a'), ('-', '-'), ('ç', 'ç'), ('\n', ' '), ('\u{a0}', ' '), ('\u{3000}', ' ')];
        let dashes =
            ['\u{2010}', '\u{2015}', '\u{2043}', '\u{2212}', '\u{fe58}', '\u{fe63}'].map(|dash| (dash, '-'));
        let wide = [('\u{ff01}', '!'), ('\u{ff11}', '1'), ('\u{ff21}', 'A'), ('\u{ff5e}', '~')];
        for (copied, meant) in kept.into_iter().chain(dashes).chain(wide) {
            assert_eq!(plain(copied), Some(meant), "{copied:?}");
        }
        for mark in ['\u{61c}', '\u{200b}', '\u{200e}', '\u{202a}', '\u{feff}'] {
            assert_eq!(plain(mark), None, "{mark:?}");
        }
        assert_eq!(plain('\0'), Some('\0'), "a control is left for the parser to refuse");
    }

    #[test]
    fn a_text_is_trimmed_but_for_controls() {
        assert_eq!(trimmed("\u{feff} a b\u{200b}\u{3164} "), "a b");
        assert_eq!(trimmed("\0a"), "\0a");
    }
}
