//! The service as a document (`OpenAPI` 3.1), made of the routes themselves.
//!
//! A handler says what only it can know: what it is called, what a success answers, and the codes of its own problems (the
//! description of a 4xx or 5xx response is the list of them). Everything that follows from its path, its body and its guard is
//! added here. Knows nothing of what an operation does.

mod operations;
mod problems;
mod schemas;
pub(crate) mod serve;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

const DESCRIPTION: &str = "\
The life of a phone number between an MVNE and Sigan, Vivo's number inventory: numbers are pre-reserved, reserved, put on a line \
and given back.

Every error is `application/problem+json` (RFC 9457). Its `type` is stable and made for programs; an operation names the types \
that each status can have. Beyond these, a path that does not exist answers 404 `urn:oss:problem:unknown-route`, and a method that \
a path does not know 405 `urn:oss:problem:method-not-allowed` with `Allow`. A request whose head is not HTTP gets 400 \
`urn:oss:problem:malformed-head`, one whose head is too long 431 `urn:oss:problem:head-too-large`. `GET` is answered to `HEAD` too, without the body.

A 503, 504 or 409 with `Retry-After` may be repeated as it is; a 504 has to be, to learn what became of the request.

In a sandbox no key is needed unless clients are configured.";

/// The document of the routes.
pub(crate) fn document(routes: OpenApi) -> Value {
    // Maps with text for keys and no floats: nothing that JSON cannot hold.
    let mut document = serde_json::to_value(routes).unwrap_or_default();
    document["info"] = json!({
        "title": "vivo-mvne-oss",
        "description": DESCRIPTION,
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
    operations::complete(&mut document);
    document["components"] = schemas::components();
    document["components"]["schemas"].as_object_mut().into_iter().for_each(problems::add_schemas);
    document["components"]["examples"] = problems::examples(&document["paths"]);
    document
}
