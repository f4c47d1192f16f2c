//! What must be nowhere but in answers to callers: whole numbers, and what opens a door.

use crate::server::TOKEN;

/// A key that a caller shows; no server knows it.
pub const CALLERS_KEY: &str = "k3y-of-a-caller";

/// Whether a text has eleven digits in a row that look like a number, or one as people write it.
#[must_use]
pub fn has_number(text: &str) -> bool {
    text.contains("99995-000")
        || ["1199995", "1199990", "2199995", "3199995"].iter().any(|number| text.contains(number))
}

/// Checks that a text shows neither.
pub fn shows_nothing(what: &str, text: &str) {
    assert!(!has_number(text), "a whole number is in {what}: {text}");
    assert!(!text.contains(TOKEN), "the token for Sigan is in {what}: {text}");
    assert!(!text.contains(CALLERS_KEY), "the key of a caller is in {what}: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_for_numbers_finds_them() {
        assert!(has_number("PUT /reservations/11999950001"));
        assert!(has_number("+55 (11) 99995-0001"));
        assert!(!has_number("(11) 9****-0001"));
    }
}
