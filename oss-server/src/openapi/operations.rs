//! What the document says of an operation beyond its handler's own words.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{problems, schemas};

type Object = Map<String, Value>;

/// The codes of problems, by status.
type Problems = BTreeMap<String, Vec<String>>;

/// Completes every operation of a document.
pub(super) fn complete(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        let operations = item.as_object_mut().into_iter().flat_map(Object::values_mut);
        operations.filter_map(Value::as_object_mut).for_each(|operation| complete_one(path, operation));
    }
}

fn complete_one(path: &str, operation: &mut Object) {
    let parameters = parameters(path, operation);
    let tagged = parameters.iter().any(|name| name == "If-None-Match");
    // Any text may be asked about as a tag.
    let takes_input = parameters.iter().any(|name| name != "If-None-Match");
    let problems = problems_of(operation, takes_input);
    let refer = |name: &String| json!({ "$ref": format!("#/components/parameters/{name}") });
    if !parameters.is_empty() {
        operation.insert("parameters".to_owned(), parameters.iter().map(refer).collect());
    }
    if let Some(body) = operation.get_mut("requestBody") {
        body["required"] = true.into();
    }
    // An open operation says so. Without this, nobody could tell it from one whose security was forgotten.
    operation.entry("security").or_insert_with(|| json!([]));
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, codes) in problems {
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        responses.insert(status.clone(), problems::response(&status, &codes));
    }
    for (status, response) in responses {
        complete_response(response, tagged && ["200", "304"].contains(&status.as_str()));
    }
}

/// The names of the parameters: those of the path, and the headers that the handler reads.
fn parameters(path: &str, operation: &Object) -> Vec<String> {
    let of_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let told = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    of_path.chain(told.filter_map(|parameter| parameter["name"].as_str())).map(str::to_owned).collect()
}

/// The handler's own problems, and those of what stands before it.
fn problems_of(operation: &Object, takes_input: bool) -> Problems {
    let mut problems = Problems::new();
    let mut add =
        |status: &str, code: &str| problems.entry(status.to_owned()).or_default().push(code.to_owned());
    let has_body = operation.contains_key("requestBody");
    add("400", "malformed-head");
    add("431", "head-too-large");
    if takes_input || has_body {
        add("400", "malformed");
    }
    if has_body {
        add("400", "malformed-body");
        add("408", "body-too-slow");
        add("413", "body-too-large");
        add("415", "unsupported-media-type");
    }
    // A guarded operation lists its keys, also if the server has no clients and the list is empty. An open one has no list yet.
    let security = operation.get("security").and_then(Value::as_array);
    if security.is_some_and(|keys| !keys.is_empty()) {
        add("401", "unauthenticated");
        add("403", "forbidden");
    }
    if security.is_some() {
        add("429", "too-many-requests");
        add("429", "client-share-exceeded");
        add("500", "database-failed");
        add("503", "database-unavailable");
        add("503", "overloaded");
        add("504", "too-slow");
        for status in ["502", "503", "504"] {
            add(status, "proxy");
        }
    }
    add("500", "internal");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        if status.starts_with(['4', '5']) {
            let codes = response["description"].as_str().unwrap_or_default();
            codes.split(", ").for_each(|code| add(status, code));
        }
    }
    problems
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
