//! The document of the service (`OpenAPI` 3.1), made from the routes.
//!
//! A handler declares its name, its answer on success, and the codes of its own problems (in the extension `x-problems`). This
//! module adds everything that follows from its path, its body, its guard and the table of problems. It does not know what an
//! operation does.

mod operations;
mod problems;
mod schemas;
mod text;

pub(crate) use problems::{of_order, of_sigan};
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

/// The document of the routes. `has_keys` says whether callers show keys.
pub(crate) fn document(routes: OpenApi, has_keys: bool) -> Value {
    // JSON can hold it: the keys of its maps are texts, and it has no floats.
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
        { "name": "SIMs", "description": "The SIM of a line, from its order to its end." },
        { "name": "Areas", "description": "Area codes." },
        { "name": "Devices", "description": "Devices that support eSIM." },
        { "name": "Events", "description": "Every change, in order." },
        { "name": "Operations", "description": "For the operators of the service." },
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
