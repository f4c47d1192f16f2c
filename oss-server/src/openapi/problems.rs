//! The problems that an operation can answer with.

use oss_core::{Error, ErrorKind, ErrorType};
use serde_json::{Map, Value, json};

use crate::problem::ProblemType;

/// The codes of the problems that every order of a SIM can have because of GSIM.
const OF_GSIM: [&str; 5] =
    ["gsim-answer-unusable", "gsim-unreachable", "gsim-refuses-brand", "gsim-busy", "sim-outcome-unknown"];

/// The codes of the problems that every call to Sigan can have.
pub(crate) fn of_sigan() -> Vec<&'static str> {
    let remote = [ErrorKind::SiganRefused, ErrorKind::SiganUnavailable, ErrorKind::OutcomeUnknown];
    let of_sigan = |error: &&ErrorType| remote.contains(&error.kind) && !OF_GSIM.contains(&error.code);
    Error::TYPES.iter().filter(of_sigan).map(|error| error.code).collect()
}

/// The codes of the problems that every order of a SIM can have, whatever its purpose and its kind.
pub(crate) fn of_order() -> Vec<&'static str> {
    let of_any = [
        "unknown-carrier",
        "order-in-flight",
        "order-given-up",
        "number-has-sim",
        "idempotency-key-reused",
        "idempotency-key-spent",
    ];
    [&of_any[..], &OF_GSIM].concat()
}

/// A response with these problems.
pub(super) fn response(problems: &[ProblemType]) -> Value {
    let mut headers = json!({});
    if problems.iter().any(|problem| problem.says_when) {
        headers["Retry-After"] = json!({ "$ref": "#/components/headers/Retry-After" });
    }
    if problems.iter().any(|problem| [401, 403].contains(&problem.status.as_u16())) {
        headers["WWW-Authenticate"] = json!({ "$ref": "#/components/headers/WWW-Authenticate" });
    }
    let schemas: Vec<Value> = problems.iter().map(|problem| json!({ "$ref": schema_of(problem) })).collect();
    let schema = match &schemas[..] {
        [only] => only.clone(),
        several => json!({ "oneOf": several, "discriminator": discriminator(problems) }),
    };
    let named = |problem: &ProblemType| {
        let example = json!({ "$ref": format!("#/components/examples/{}", example_name(problem)) });
        (problem.code.to_owned(), example)
    };
    let examples: Map<String, Value> = problems.iter().map(named).collect();
    let summaries: Vec<String> =
        problems.iter().map(|ProblemType { code, summary, .. }| format!("- `{code}`: {summary}.")).collect();
    json!({
        "description": summaries.join("\n"),
        "headers": headers,
        "content": { "application/problem+json": { "schema": schema, "examples": examples } },
    })
}

fn discriminator(problems: &[ProblemType]) -> Value {
    let mapping: Map<String, Value> =
        problems.iter().map(|problem| (urn(problem), schema_of(problem).into())).collect();
    json!({ "propertyName": "type", "mapping": mapping })
}

/// A schema for each type, so that a generated client can tell them apart.
pub(super) fn schemas(problems: &[ProblemType]) -> impl Iterator<Item = (String, Value)> {
    problems.iter().map(|problem| {
        let narrowed = json!({
            "description": format!("{}.", problem.summary),
            "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                { "type": "object", "required": ["type"], "properties": { "type": { "type": "string", "const": urn(problem) } } },
            ],
        });
        (schema_name(problem), narrowed)
    })
}

/// An example for each type and status.
pub(super) fn examples(problems: &[ProblemType]) -> Value {
    problems.iter().map(|problem| (example_name(problem), example(problem))).collect()
}

fn example(problem: &ProblemType) -> Value {
    let mut value = json!({
        "type": urn(problem),
        "title": problem.status.canonical_reason(),
        "status": problem.status.as_u16(),
        "detail": problem.summary,
        "instance": "urn:uuid:01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10",
    });
    if let Some(field) = problem.field {
        value["field"] = field.into();
    }
    if problem.says_when {
        value["retryAfterSeconds"] = 2.into();
    }
    match problem.code {
        "sigan-refused" => value["reason"] = "hold-over".into(),
        "malformed" => {
            value["errors"] =
                json!([{ "field": "areaCode", "expected": "a DDD: two digits, for example 11" }]);
        }
        _ => {}
    }
    json!({ "summary": problem.summary, "value": value })
}

fn urn(problem: &ProblemType) -> String {
    format!("{}{}", ErrorType::URN, problem.code)
}

fn example_name(problem: &ProblemType) -> String {
    format!("{}-{}", problem.status.as_u16(), problem.code)
}

fn schema_of(problem: &ProblemType) -> String {
    format!("#/components/schemas/{}", schema_name(problem))
}

/// `preview-expired`: `PreviewExpiredProblem`
fn schema_name(problem: &ProblemType) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
    };
    problem.code.split('-').map(capital).collect::<String>() + "Problem"
}
