//! Reads the files of `examples/operations` as their programs read them.

use std::path::{Path, PathBuf};

/// A file of `examples/operations`.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    repository().join("examples/operations").join(name)
}

/// The text of a file of `examples/operations`.
#[must_use]
pub fn text(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The root of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The lines `name=value` of a file: of an `EnvironmentFile` or a unit.
#[must_use]
pub fn assignments(name: &str) -> Vec<(String, String)> {
    let text = text(name);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let split = lines.filter_map(|line| line.split_once('='));
    split.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The value of one assignment of a file.
#[must_use]
pub fn assigned(name: &str, key: &str) -> String {
    let found = assignments(name).into_iter().find(|(name, _)| name == key);
    found.unwrap_or_else(|| panic!("{name} has no {key}")).1
}

/// One instruction of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Its keyword.
    pub keyword: String,
    /// The rest of the instruction, on one line.
    pub rest: String,
}

/// The instructions of the Dockerfile.
#[must_use]
pub fn dockerfile() -> Vec<Instruction> {
    let text = text("Dockerfile");
    let code: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = code.join("\n").replace("\\\n", " ");
    let instruction = |line: &str| {
        let (keyword, rest) = line.split_once(' ')?;
        Some(Instruction { keyword: keyword.to_owned(), rest: rest.trim().to_owned() })
    };
    joined.lines().filter_map(instruction).collect()
}

/// The rest of the only instruction with this keyword.
#[must_use]
pub fn only(keyword: &str) -> String {
    let found: Vec<_> = dockerfile().into_iter().filter(|found| found.keyword == keyword).collect();
    assert_eq!(found.len(), 1, "one {keyword}: {found:?}");
    found[0].rest.clone()
}

/// The variables that the image sets.
#[must_use]
pub fn image_environment() -> Vec<(String, String)> {
    let set = only("ENV");
    let split = set.split_whitespace().filter_map(|assignment| assignment.split_once('='));
    split.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// An example with some of its text changed.
#[must_use]
pub fn example(name: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text(name), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {name}");
        text.replace(from, to)
    })
}
