//! The table of errors.

use std::collections::BTreeSet;

use super::*;

#[test]
fn each_type_of_error_has_a_code_of_its_own_and_a_summary() {
    let codes: BTreeSet<&str> = Error::TYPES.iter().map(|error| error.code).collect();
    assert_eq!(codes.len(), Error::TYPES.len());
    for ErrorType { code, summary, .. } in Error::TYPES {
        let is_sentence = summary.starts_with(|first: char| first.is_uppercase()) && !summary.ends_with('.');
        assert!(is_sentence, "{code}: {summary:?}");
    }
}
