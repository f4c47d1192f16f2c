//! The modules of each crate lie in layers: a module uses only modules of lower layers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The layers of a crate, the lowest first, each with its modules.
struct Layers {
    crate_folder: &'static str,
    layers: &'static [&'static [&'static str]],
}

const CRATES: [Layers; 3] = [
    Layers {
        crate_folder: "oss-core",
        layers: &[
            &["domain", "telemetry", "log", "outage"],
            &["http", "access", "cache", "lists"],
            &["remote", "webhooks"],
            &["sigan", "gsim"],
            &["store"],
            &["calls", "error", "lookups"],
            &["settings"],
            &["config"],
            &["oss"],
            &["numbers", "devices", "areas", "events", "reference", "connect", "operators"],
            &["sandbox", "search", "sims"],
        ],
    },
    Layers {
        crate_folder: "oss-server",
        layers: &[
            &["accept", "request_id", "request_span", "telemetry"],
            &["problem"],
            &["etag", "limits", "path"],
            &["body", "state"],
            &["query", "access", "middleware"],
            &["key", "openapi", "serve", "audit_stream"],
            &["console"],
            &["routes"],
            &["start"],
        ],
    },
    Layers {
        crate_folder: "oss-cli",
        layers: &[
            &["exit", "examples", "form", "calls"],
            &["usage", "status_line", "prompt"],
            &["args", "output", "service"],
            &["server"],
            &["commands", "interruption", "sandbox"],
            &["session"],
        ],
    },
];

/// The place in a source file where a module uses another one.
struct Use {
    from: String,
    to: String,
    place: String,
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it is read").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The module of a file: the first part of its path below `src`. None for the crate's own file.
fn module(src: &Path, file: &Path) -> Option<String> {
    let below = file.strip_prefix(src).expect("it is below");
    let first = below.components().next().expect("a file has a name").as_os_str().to_string_lossy();
    let name = first.trim_end_matches(".rs").to_owned();
    (!matches!(name.as_str(), "lib" | "main")).then_some(name)
}

/// The uses in a file: each `crate::module`, and each module of a `crate::{…}`, outside comments.
fn uses(src: &Path, file: &Path) -> Vec<Use> {
    let Some(from) = module(src, file) else { return Vec::new() };
    let text = std::fs::read_to_string(file).expect("it is read");
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: Vec<&str> = text.lines().map(|line| if is_code(&line) { line } else { "" }).collect();
    let code = code.join("\n");
    let found = code.match_indices("crate::").flat_map(|(at, path)| {
        let line = code[..at].lines().count();
        names(&code[at + path.len()..]).into_iter().map(move |name| (name, line))
    });
    found
        .map(|(to, line)| Use { from: from.clone(), to, place: format!("{}:{line}", file.display()) })
        .collect()
}

/// The names that a path from the crate's root begins with.
fn names(path: &str) -> Vec<String> {
    let first = |path: &str| path.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
    match path.strip_prefix('{') {
        Some(group) => {
            let group = group.split('}').next().unwrap_or_default();
            group.split(',').map(str::trim).filter(|path| !path.is_empty()).map(first).collect()
        }
        None => vec![first(path)],
    }
}

#[test]
fn a_module_uses_only_lower_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut faults = Vec::new();
    for Layers { crate_folder, layers } in CRATES {
        let src = root.join(crate_folder).join("src");
        let layer = |name: &str| layers.iter().position(|layer| layer.contains(&name));
        let files = sources(&src);
        let modules: BTreeSet<String> = files.iter().filter_map(|file| module(&src, file)).collect();
        let listed: BTreeSet<String> =
            layers.iter().flat_map(|layer| layer.iter()).map(ToString::to_string).collect();
        assert_eq!(modules, listed, "the modules of {crate_folder} are those of its layers");
        for Use { from, to, place } in files.iter().flat_map(|file| uses(&src, file)) {
            let used = layer(&to);
            assert!(used.is_some(), "{place}: {to} is no module of {crate_folder}");
            if from != to && layer(&from) <= used {
                faults.push(format!("{place}: {from} uses {to}, which is not below it"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
