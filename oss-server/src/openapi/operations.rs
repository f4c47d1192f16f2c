//! Adds the parts of an operation that its handler does not declare.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{problems, schemas};
use crate::access::BRAND;
use crate::problem::{
    BODY_TOO_LARGE, BODY_TOO_SLOW, FORBIDDEN, FOREIGN_BRAND, HEAD_TOO_LARGE, MALFORMED, MALFORMED_BODY,
    MALFORMED_HEAD, OVERLOADED, PROXY, ProblemType, TOO_MANY_REQUESTS, TOO_SLOW, UNAUTHENTICATED,
    UNSUPPORTED_MEDIA_TYPE,
};

type Object = Map<String, Value>;

/// The extension in which a handler lists the codes of its own problems.
const PROBLEMS: &str = "x-problems";

/// The extension with which a handler says that its body may be empty.
const OPTIONAL_BODY: &str = "x-optional-body";

/// The statuses with which a proxy answers for a server.
const BEHIND_PROXY: [StatusCode; 3] =
    [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];

/// Completes every operation of a document, and returns the problems that they name.
pub(super) fn complete(document: &mut Value) -> Vec<ProblemType> {
    let mut named = Vec::new();
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        let operations = item.as_object_mut().into_iter().flat_map(Object::values_mut);
        for operation in operations.filter_map(Value::as_object_mut) {
            named.extend(complete_one(path, operation));
        }
    }
    named
}

fn complete_one(path: &str, operation: &mut Object) -> Vec<ProblemType> {
    let parameters = parameters(path, operation);
    let tagged = parameters.iter().any(|name| name == "If-None-Match");
    // Neither is ever malformed: every text is a valid `If-None-Match`, and a brand is one of the client's own or refused.
    let takes_input = parameters.iter().any(|name| name != "If-None-Match" && name != BRAND);
    let problems = problems_of(operation, takes_input);
    let refer = |name: &String| json!({ "$ref": format!("#/components/parameters/{name}") });
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), parameters.iter().map(refer).collect());
    }
    let is_optional = operation.remove(OPTIONAL_BODY).is_some();
    if let Some(body) = operation.get_mut("requestBody") {
        body["required"] = (!is_optional).into();
    }
    // An open operation says so. Without this, nobody could tell it from one whose security was forgotten.
    operation.entry("security").or_insert_with(|| json!([]));
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter();
    responses.for_each(|responses| complete_responses(responses, &problems, tagged));
    problems
}

fn complete_responses(responses: &mut Object, problems: &[ProblemType], tagged: bool) {
    let mut statuses: Vec<StatusCode> = problems.iter().map(|problem| problem.status).collect();
    statuses.sort();
    statuses.dedup();
    for status in statuses {
        let same: Vec<ProblemType> =
            problems.iter().filter(|problem| problem.status == status).copied().collect();
        responses.insert(status.as_str().to_owned(), problems::response(&same));
    }
    for (status, response) in responses {
        complete_response(response, tagged && ["200", "304"].contains(&status.as_str()));
    }
}

/// The names of the parameters' components: those of the path, and those of the query and the headers that the handler reads.
fn parameters(path: &str, operation: &Object) -> Vec<String> {
    let of_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let declared = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let declared = declared.filter_map(|parameter| {
        let name = parameter["name"].as_str()?;
        Some(if parameter["in"] == "query" { schemas::query_component(name) } else { name.to_owned() })
    });
    of_path.map(str::to_owned).chain(declared).collect()
}

/// The problems of the handler and of the layers in front of it.
fn problems_of(operation: &mut Object, takes_input: bool) -> Vec<ProblemType> {
    let has_body = operation.contains_key("requestBody");
    // A guarded operation lists its keys, even if the server has no clients and the list is empty. An open one has no list yet.
    let keys = operation.get("security").and_then(Value::as_array).map(Vec::len);
    let own = operation.remove(PROBLEMS).unwrap_or_default();
    let mut problems = of_codes(&texts(&own));
    if !has_body {
        problems = problems.into_iter().map(ProblemType::in_path).collect();
    }
    problems.extend([MALFORMED_HEAD, HEAD_TOO_LARGE]);
    problems.extend(of_codes(&["internal"]));
    if takes_input || has_body {
        problems.push(MALFORMED);
    }
    if has_body {
        problems.extend([MALFORMED_BODY, BODY_TOO_SLOW, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE]);
    }
    if keys.is_some_and(|count| count > 0) {
        problems.extend([UNAUTHENTICATED, FORBIDDEN, FOREIGN_BRAND]);
    }
    if keys.is_some() {
        problems.extend(of_codes(&["client-share-exceeded", "database-failed", "database-unavailable"]));
        problems.extend([TOO_MANY_REQUESTS, OVERLOADED, TOO_SLOW]);
        problems.extend(BEHIND_PROXY.map(|status| ProblemType { status, ..PROXY }));
    }
    problems
}

fn of_codes(codes: &[&str]) -> Vec<ProblemType> {
    let of_code = |code: &&str| {
        let problem = ProblemType::of_code(code);
        debug_assert!(problem.is_some(), "no problem has the code {code}");
        problem
    };
    codes.iter().filter_map(of_code).collect()
}

/// Every text in a list, and in lists in it.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn complete_response(response: &mut Value, tagged: bool) {
    let mut headers = vec!["x-request-id", "Cache-Control"];
    if tagged {
        headers.push("ETag");
    }
    for name in headers {
        response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
    let schema = response["content"]["application/json"]["schema"]["$ref"].as_str();
    if let Some(links) = schema.and_then(schemas::links) {
        response["links"] = links;
    }
}
