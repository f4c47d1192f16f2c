//! The examples for operators, as they are, on the ports of a test.

use std::path::Path;

/// An example with some of its text changed.
///
/// # Panics
///
/// Where there is no such example, or what is to be changed is not in it once.
#[must_use]
pub fn example(name: &str, changes: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/operations").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    changes.iter().fold(text, |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {name}");
        text.replace(from, to)
    })
}
