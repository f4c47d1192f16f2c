//! Checks that the document is complete and equal to the committed one.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use oss_core::Error;
use oss_core::access::Clients;
use serde_json::{Value, json};

use super::routes_and_document;
use crate::access::{Access, ClientLimits};

/// The document of a server with clients.
fn document() -> Value {
    let limits = ClientLimits::new(NonZeroU32::MAX, 1, "50".parse().unwrap());
    routes_and_document(&Arc::new(Access::clients(Clients::default(), limits)), false).2
}

/// A value and every value in it.
fn nodes(value: &Value) -> Vec<&Value> {
    let inner: Vec<&Value> = match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    std::iter::once(value).chain(inner.into_iter().flat_map(nodes)).collect()
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
}

/// The codes of problems that the operations name.
fn codes(document: &Value) -> BTreeSet<&str> {
    let answers =
        operations(document).flat_map(|operation| operation["responses"].as_object().unwrap().values());
    let examples =
        answers.filter_map(|answer| answer["content"]["application/problem+json"]["examples"].as_object());
    examples.flat_map(|examples| examples.keys().map(String::as_str)).collect()
}

#[test]
fn the_committed_document_is_that_of_the_code() {
    let ours = document();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = std::fs::read_to_string(folder.join("openapi.json")).unwrap_or_default();
    if serde_json::from_str::<Value>(&committed).ok().as_ref() == Some(&ours) {
        return;
    }
    let text = serde_json::to_string_pretty(&ours).unwrap() + "\n";
    std::fs::write(folder.join("../target/openapi.json"), text).unwrap();
    panic!("the code says something else; look at it, then: cp target/openapi.json oss-server/openapi.json");
}

#[test]
fn every_error_of_the_library_is_a_problem_of_some_operation() {
    let document = document();
    let named = codes(&document);
    let missing: Vec<_> = Error::TYPES.iter().filter(|error| !named.contains(error.code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = 0;
    for node in nodes(&document) {
        let mapped = node["mapping"].as_object().into_iter().flat_map(|mapping| mapping.values());
        for reference in node.get("$ref").into_iter().chain(mapped).filter_map(Value::as_str) {
            let target = document.pointer(reference.trim_start_matches('#'));
            assert!(target.is_some(), "{reference}");
            references += 1;
        }
    }
    assert!(references > 100, "{references}");
}

#[test]
fn everything_that_an_operation_has_is_described() {
    let document = document();
    for operation in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{id}");
        assert!(operation["description"].as_str().is_some_and(|text| !text.is_empty()), "{id}");
        for (status, answer) in operation["responses"].as_object().unwrap() {
            assert!(answer["description"].as_str().is_some_and(|text| !text.is_empty()), "{id} {status}");
        }
    }
}

#[test]
fn no_property_is_always_null_and_every_constant_has_a_type() {
    let document = document();
    let mut constants = 0;
    for node in nodes(&document["components"]["schemas"]) {
        assert_ne!(node["type"], "null", "{node}");
        let is_typed = node.get("const").is_none_or(|_| node["type"].is_string());
        assert!(is_typed, "{node}");
        constants += usize::from(node.get("const").is_some());
    }
    assert!(constants > 20, "{constants}");
}

#[test]
fn an_operation_says_whether_it_needs_a_key_and_without_clients_none_does() {
    let with_clients = document();
    let open: Vec<&str> = operations(&with_clients)
        .filter(|operation| operation["security"] == json!([]))
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(open, ["isLive", "isReady", "showDocument"]);

    let anyone = Access::anyone(NonZeroU32::MAX).unwrap();
    let document = routes_and_document(&Arc::new(anyone), false).2;
    for operation in operations(&document) {
        let id = &operation["operationId"];
        assert_eq!(operation["security"], json!([]), "{id}");
        let keys = ["401", "403"].map(|status| operation["responses"].get(status));
        assert_eq!(keys, [None, None], "{id}");
    }
    assert_eq!(document["components"]["securitySchemes"], json!({}));
    assert!(!document["info"]["description"].as_str().unwrap().contains("authorization"));
}
