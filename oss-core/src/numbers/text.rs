//! Text that other systems chose and that a person can read.

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
}
