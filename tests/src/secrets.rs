//! Secrets that only answers to callers may have: full numbers, and never the token or a key.

use crate::server::TOKEN;

/// A key that a caller shows and that no server has.
pub const CALLERS_KEY: &str = "k3y-of-a-caller";

/// Whether a text has a full number, in digits or as people write it.
#[must_use]
pub fn has_number(text: &str) -> bool {
    text.contains("99995-000")
        || ["1199995", "1199990", "2199995", "3199995"].iter().any(|number| text.contains(number))
}

/// Checks that a text has no full number, token or key.
pub fn assert_no_secrets(what: &str, text: &str) {
    assert!(!has_number(text), "a full number is in {what}: {text}");
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
