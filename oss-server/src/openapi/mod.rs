//! The service as a document (`OpenAPI` 3.1), made of the routes themselves.
//!
//! A handler says what only it can know: what it is called, what a success answers, and the codes of its own problems (in the
//! extension `x-problems`). Everything that follows from its path, its body, its guard and the table of problems is added here.
//! Knows nothing of what an operation does.

mod operations;
mod problems;
mod schemas;
mod text;

pub(crate) use problems::of_sigan;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

/// The document of the routes. `has_keys` says whether callers show keys.
pub(crate) fn document(routes: OpenApi, has_keys: bool) -> Value {
    // Maps with text for keys and no floats: nothing that JSON cannot hold.
    let mut document = serde_json::to_value(routes).unwrap_or_default();
    document["info"] = json!({
        "title": "vivo-mvne-oss",
        "description": text::description(has_keys),
        "contact": { "name": "The maintainers of vivo-mvne-oss" },
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "Apache License 2.0", "identifier": "Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/", "description": "The server that this document is from" }]);
    document["tags"] = json!([
        { "name": "Numbers", "description": "The life of a number, from its preview to its release." },
        { "name": "Areas", "description": "Area codes." },
        { "name": "Devices", "description": "What supports eSIM." },
        { "name": "Operations", "description": "For those who run the service." },
    ]);
    let named = operations::complete(&mut document);
    document["components"] = schemas::components(&document["components"], has_keys);
    document["components"]["schemas"]
        .as_object_mut()
        .into_iter()
        .for_each(|schemas| schemas.extend(problems::schemas(&named)));
    document["components"]["examples"] = problems::examples(&named);
    document
}
