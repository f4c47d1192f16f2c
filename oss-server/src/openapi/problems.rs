//! The problems that an operation can answer with, by their codes.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::problem::URN;

/// One type of problem.
struct Kind {
    code: &'static str,
    /// What it tells the caller.
    means: &'static str,
    /// Whether the answer says when to come back.
    retry: bool,
    /// The input it is about, where it is always the same.
    field: Option<&'static str>,
}

const fn kind(code: &'static str, means: &'static str) -> Kind {
    Kind { code, means, retry: false, field: None }
}

impl Kind {
    const fn of(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    const fn retry(self) -> Self {
        Self { retry: true, ..self }
    }
}

/// Every type of problem that an operation names.
const KINDS: &[Kind] = &[
    kind("malformed", "A parameter or a field is not what was expected; `errors` has every fault"),
    kind("malformed-body", "The body is no JSON object"),
    kind("malformed-head", "The head of the request is not HTTP; the connection is closed"),
    kind("head-too-large", "The head of the request is longer than 16 KiB; the connection is closed"),
    kind("unauthenticated", "The key is missing, or no client has it"),
    kind("forbidden", "The client's key does not have the scope of the operation"),
    kind("unknown-ddd", "No locality of Brazil has this area code").of("areaCode"),
    kind("unknown-previous-preview", "The preview to be replaced does not exist").of("previousId"),
    kind("unknown-preview", "The preview does not exist").of("previewId"),
    kind("unknown-index", "The preview has no number with this index").of("index"),
    kind("unknown-number", "The number was never held here").of("msisdn"),
    kind("unknown-sim", "The SIM does not exist").of("simId"),
    kind("unknown-brand", "The brand does not exist").of("brandId"),
    kind("body-too-slow", "The body did not arrive in time"),
    kind("preview-used", "The preview has given its number; create another").of("previewId"),
    kind("no-numbers-left", "Sigan has no numbers left in the area code").of("areaCode"),
    kind("reserve-in-flight", "Another call for the same number is under way").retry(),
    kind("idempotency-key-in-flight", "Another call with the same idempotency key is under way")
        .of("Idempotency-Key")
        .retry(),
    kind("idempotency-key-spent", "The number reserved under this idempotency key was given back")
        .of("Idempotency-Key"),
    kind("idempotency-key-reused", "The idempotency key came with another request before")
        .of("Idempotency-Key"),
    kind(
        "reservation-given-up",
        "The reservation was given up before Sigan answered; nothing is held, start again",
    ),
    kind("number-state", "What the number is now forbids this").of("msisdn"),
    kind("number-in-doubt", "Whether Sigan holds the number is not settled yet").of("msisdn").retry(),
    kind("assigned-elsewhere", "The number is already on another SIM").of("msisdn"),
    kind("sim-has-number", "The SIM already has another number; a SIM has one number").of("simId"),
    kind("preview-expired", "The preview has expired, or another one replaced it").of("previewId"),
    kind("body-too-large", "The body is longer than 16 KiB"),
    kind("unsupported-media-type", "The body was not sent as `application/json`, or it was sent encoded"),
    kind("too-many-requests", "The client asks more often than it may").retry(),
    kind("client-share-exceeded", "The client has its share of what others need too; nothing was done")
        .retry(),
    kind(
        "client-budget-exceeded",
        "The client has drawn as many numbers of the area code as it may; nothing was done",
    )
    .of("areaCode")
    .retry(),
    kind("internal", "A fault of this program; what was begun will be settled"),
    kind("database-failed", "The database did not do what it was asked"),
    kind("number-taken", "Sigan offered a number that is held or in use here: the inventories disagree"),
    kind(
        "number-unsettled",
        "An earlier attempt at the number that Sigan offered is not settled yet; try again for another number, or later",
    )
    .retry(),
    kind("sigan-refused", "Sigan refused, for certain; nothing is held, and `reason` says why"),
    kind("sigan-answer-unusable", "Sigan's answer cannot be used; nothing is held"),
    kind("sigan-unreachable", "Sigan cannot be reached; nothing was done").retry(),
    kind("sigan-busy", "Sigan has too much to do, or does not answer; nothing was done").retry(),
    kind("sigan-refuses-brand", "Sigan refuses what is asked for the client's brand; nothing was done")
        .retry(),
    kind("database-unavailable", "The database is down or too busy").retry(),
    kind("overloaded", "This server has as much to do as it can").retry(),
    kind("not-ready", "The server is stopping, or the database does not answer"),
    kind("outcome-unknown", "Sigan gave no certain answer; `detail` says what to do: repeat the same request, or simply call again")
        .retry(),
    kind(
        "proxy",
        "HAProxy answered for a server, as `examples/operations/haproxy.cfg` makes it; at 503 nothing was done, at 502 and 504 the request may have had an effect",
    )
    .retry(),
    kind("too-slow", "The request took too long and may have had an effect; repeat it or look"),
];

/// A response with these problems. A code that is not in the table names itself alone; a test finds it.
pub(super) fn response(status: &str, codes: &[&str]) -> Value {
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| codes.contains(&kind.code)).collect();
    let mut headers = json!({});
    if kinds.iter().any(|kind| kind.retry) {
        headers["Retry-After"] = json!({ "$ref": "#/components/headers/Retry-After" });
    }
    if ["401", "403"].contains(&status) {
        headers["WWW-Authenticate"] = json!({ "$ref": "#/components/headers/WWW-Authenticate" });
    }
    let schemas: Vec<Value> = codes.iter().map(|code| json!({ "$ref": schema_of(code) })).collect();
    let schema = match &schemas[..] {
        [only] => only.clone(),
        several => json!({ "oneOf": several, "discriminator": discriminator(codes) }),
    };
    let named = |code: &&str| {
        (code.to_string(), json!({ "$ref": format!("#/components/examples/{}", example_name(status, code)) }))
    };
    let examples: Map<String, Value> = codes.iter().map(named).collect();
    let means: Vec<String> = kinds.iter().map(|kind| format!("- `{}`: {}.", kind.code, kind.means)).collect();
    json!({
        "description": means.join("\n"),
        "headers": headers,
        "content": { "application/problem+json": { "schema": schema, "examples": examples } },
    })
}

fn discriminator(codes: &[&str]) -> Value {
    let mapping: Map<String, Value> =
        codes.iter().map(|code| (format!("{URN}{code}"), schema_of(code).into())).collect();
    json!({ "propertyName": "type", "mapping": mapping })
}

/// A schema for each type, so that a generated client can tell them apart.
pub(super) fn add_schemas(schemas: &mut Map<String, Value>) {
    for Kind { code, means, .. } in KINDS {
        let narrowed = json!({
            "description": format!("{means}."),
            "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                { "type": "object", "required": ["type"], "properties": { "type": { "type": "string", "const": format!("{URN}{code}") } } },
            ],
        });
        schemas.insert(schema_name(code), narrowed);
    }
}

/// An example for each status and type that the operations name.
pub(super) fn examples(paths: &Value) -> Value {
    let operations = paths.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object);
    let responses =
        operations.flat_map(Map::values).filter_map(|operation| operation["responses"].as_object());
    let named = responses.flatten().flat_map(|(status, response)| {
        let examples = response["content"]["application/problem+json"]["examples"].as_object();
        examples.into_iter().flat_map(Map::keys).map(move |code| (status.as_str(), code.as_str()))
    });
    named.filter_map(|(status, code)| Some((example_name(status, code), example(status, code)?))).collect()
}

fn example(status: &str, code: &str) -> Option<Value> {
    let kind = KINDS.iter().find(|kind| kind.code == code)?;
    let status: StatusCode = status.parse().ok()?;
    let mut value = json!({
        "type": format!("{URN}{code}"),
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": kind.means,
        "instance": "urn:uuid:01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10",
    });
    if let Some(field) = kind.field {
        value["field"] = field.into();
    }
    if kind.retry {
        value["retryAfterSeconds"] = 2.into();
    }
    match code {
        "sigan-refused" => value["reason"] = "hold-over".into(),
        "malformed" => {
            value["errors"] =
                json!([{ "field": "areaCode", "expected": "a DDD: two digits from 1 to 9, for example 11" }]);
        }
        _ => {}
    }
    Some(json!({ "summary": kind.means, "value": value }))
}

fn example_name(status: &str, code: &str) -> String {
    format!("{status}-{code}")
}

fn schema_of(code: &str) -> String {
    format!("#/components/schemas/{}", schema_name(code))
}

/// `preview-expired`: `PreviewExpiredProblem`
fn schema_name(code: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
    };
    code.split('-').map(capital).collect::<String>() + "Problem"
}
