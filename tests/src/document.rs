//! Compares the answers that tests get with the server's committed document.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use reqwest::{Method, StatusCode};
use serde_json::Value;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../oss-server/openapi.json")).expect("the document is JSON")
});

/// Checks that the document has this answer.
pub fn check(method: &Method, path: &str, status: StatusCode, problem: Option<&str>) {
    let message = format!("{method} {path} answers {status} {problem:?}, which openapi.json does not have");
    let Some(operation) = operation(method, path) else {
        assert!(matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED), "{message}");
        return;
    };
    let answer = &operation["responses"][status.as_str()];
    assert!(answer.is_object(), "{message}");
    if let Some(problem) = problem {
        let examples = &answer["content"]["application/problem+json"]["examples"];
        let codes: BTreeSet<&String> =
            examples.as_object().into_iter().flat_map(|examples| examples.keys()).collect();
        assert!(
            codes.iter().any(|code| problem == format!("urn:oss:problem:{code}")),
            "{message}: {codes:?}"
        );
    }
}

fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
    let paths = DOCUMENT["paths"].as_object()?;
    let (_, item) = paths.iter().find(|(template, _)| fits(template, path))?;
    item.get(method)
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let same =
        |(name, part): (&&str, &&str)| if name.starts_with('{') { !part.is_empty() } else { name == part };
    template.len() == path.len() && template.iter().zip(&path).all(same)
}
