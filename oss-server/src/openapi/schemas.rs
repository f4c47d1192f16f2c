//! The parts of the document that the operations refer to by name and that no type of Rust describes.

use oss_core::{AttemptState, Ddd, Eid, Iccid, Imsi, LineId, Msisdn, PageLength, SimId, Timestamp};
use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::access::{BRAND, SECURITY};
use crate::problem::ProblemBody;

/// The components of the document, which include the schemas of `types`. `has_keys` says whether callers show keys.
pub(super) fn components(types: &Value, has_keys: bool) -> Value {
    let key = json!({
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "oss_ and 64 hexadecimal digits",
        "description": "The client's key. `oss keys new NAME` makes one; the operation names the scope that it needs.",
    });
    json!({
        "securitySchemes": if has_keys { json!({ SECURITY: key }) } else { json!({}) },
        "parameters": parameters(),
        "headers": headers(),
        "schemas": schemas(&types["schemas"]),
    })
}

/// The schemas of the routes' types, and those that no route names as its answer.
fn schemas(of_routes: &Value) -> Value {
    let mut of_problems = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut of_problems);
    let mut schemas = of_routes.clone();
    schemas["OpenApiDocument"] = json!({ "type": "object", "description": "OpenAPI 3.1" });
    for (name, schema) in of_problems {
        schemas[name] = json!(schema);
    }
    schemas
}

/// The component of a parameter in a query. A parameter of a path may have its name.
pub(super) fn query_component(name: &str) -> String {
    format!("{name}-in-query")
}

fn parameters() -> Value {
    let mut parameters = in_path_and_head();
    for (name, description, schema, example) in [
        ("iccid", "The number of the SIM", Iccid::schema(), "8955100000000000017"),
        ("imsi", "The number of the subscriber in the network", Imsi::schema(), "724060000000001"),
        (
            "eid",
            "The number of the phone's chip that an eSIM was last reported to be on",
            Eid::schema(),
            "89049032000100000123456789012326",
        ),
        ("msisdn", "The phone number that is on the SIM", Msisdn::schema(), "11999950002"),
        ("lineId", "The line of the SIM", LineId::schema(), "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
        (
            "at",
            "A time; only the SIM that the number was on then is listed",
            Timestamp::schema(),
            "2026-11-25T13:30:43Z",
        ),
        ("ddd", "Numbers of this area code", Ddd::schema(), "11"),
        ("brandId", "Numbers of this brand; a client sees only its own", text_schema(), "acme"),
        ("simId", "The number that is on this SIM", SimId::schema(), "01920e4d-7a10-7b3c-9c55-1e8f4b2a6d03"),
        ("state", "Numbers with an attempt in this state", AttemptState::schema(), "HELD"),
        (
            "createdAfter",
            "Numbers whose attempt began after this time; with an unsettled `state`",
            Timestamp::schema(),
            "2026-11-25T13:30:43Z",
        ),
        (
            "createdBefore",
            "Numbers whose attempt began before this time; with an unsettled `state`",
            Timestamp::schema(),
            "2026-11-25T13:30:43Z",
        ),
        (
            "expiresBefore",
            "Numbers whose hold ends before this time",
            Timestamp::schema(),
            "2026-11-25T13:30:43Z",
        ),
        (
            "after",
            "The place after which to read: the `next` of the page before; without it, the first page is read",
            text_schema(),
            "6e3131393939393530303031",
        ),
    ] {
        parameters[query_component(name)] = json!({ "name": name, "in": "query", "description": description, "schema": schema, "example": example });
    }
    for (name, description, schema, example) in [
        (
            "status",
            "Numbers with this status",
            json!({ "type": "string", "enum": ["RESERVED", "IN_USE", "RETURNED"] }),
            json!("RESERVED"),
        ),
        (
            "limit",
            "The most entries of the page",
            json!({ "type": "integer", "minimum": 1, "maximum": PageLength::MAX.get(), "default": 100 }),
            json!(100),
        ),
    ] {
        parameters[query_component(name)] = json!({ "name": name, "in": "query", "description": description, "schema": schema, "example": example });
    }
    for (name, description, schema, example) in of_events() {
        parameters[query_component(name)] = json!({ "name": name, "in": "query", "description": description, "schema": schema, "example": example });
    }
    parameters
}

/// The parameters of pages of events alone.
fn of_events() -> [(&'static str, &'static str, Value, Value); 2] {
    [
        (
            "since",
            "A time: the page begins shortly before it, and after every event if the time is later than all of them; not together with \
             `after`",
            json!(Timestamp::schema()),
            "2026-11-25T13:30:43Z".into(),
        ),
        (
            "wait",
            "The longest time to wait for an event if there is none, from `0s` to `30s`",
            json!({ "type": "string", "pattern": "^([0-9]|[12][0-9]|30)s$", "default": "0s" }),
            "30s".into(),
        ),
    ]
}

fn text_schema() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

fn in_path_and_head() -> Value {
    let in_path = |name: &str, description: &str, schema: Value, example: Value| json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema, "example": example });
    let in_header = |name: &str, description: &str, schema: Value, example: &str| json!({ "name": name, "in": "header", "description": description, "schema": schema, "example": example });
    let of_type = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    json!({
        "previewId": in_path("previewId", "The id of the preview", of_type("PreviewId"), "01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10".into()),
        "index": in_path("index", "The index of one of the preview's numbers", of_type("Choice"), 2.into()),
        "msisdn": in_path("msisdn", "The number: DDD, 9 and eight digits", of_type("Msisdn"), "11999950002".into()),
        "name": in_path(
            "name",
            "The name of the webhook in the file of the servers",
            json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" }),
            "billing".into(),
        ),
        "simId": in_path("simId", "The id of the SIM", of_type("SimId"), "01920e4d-7a10-7b3c-9c55-1e8f4b2a6d03".into()),
        "ddd": in_path("ddd", "The area code", of_type("Ddd"), "11".into()),
        "brandId": in_path("brandId", "The id of a listed brand", of_type("DeviceBrandId"), "382b5349-40fd-5820-8dca-ce1baa10d8c8".into()),
        "Idempotency-Key": in_header(
            "Idempotency-Key",
            "Makes a repeat answer what the first call answered (draft-ietf-httpapi-idempotency-key-header): 1 to 255 visible \
             ASCII characters, bare or between quotes. Another request under the same key gets 422.",
            json!({ "type": "string", "pattern": "^([!#-~]{1,255}|\"[!#-~]{1,255}\")$" }),
            "order-4711",
        ),
        BRAND: in_header(
            BRAND,
            "The brand to act for, one of the client's own; without it, the first of them. Any other brand gets 403.",
            json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" }),
            "acme",
        ),
        "If-None-Match": in_header(
            "If-None-Match",
            "The `ETag` of an earlier answer; the answer is 304 if that one is still current",
            json!({ "type": "string" }),
            "\"2b5f0c3d8e1a49670b9c4d2e7f815a36\"",
        ),
    })
}

fn headers() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "x-request-id": {
            "description": "The request's id in the log: the caller's own if it sent a UUID",
            "required": true,
            "schema": { "type": "string", "format": "uuid" },
        },
        "Cache-Control": {
            "description": "`no-store`, or `no-cache` if the answer has an `ETag`",
            "required": true,
            "schema": text(),
        },
        "ETag": { "description": "Names this answer, for `If-None-Match`", "required": true, "schema": text() },
        "Retry-After": {
            "description": "The number of seconds after which a repeat makes sense",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "WWW-Authenticate": { "description": "What is wrong with the key (RFC 6750)", "required": true, "schema": text() },
    })
}

/// The operations that can follow an answer of this schema.
pub(super) fn links(schema: &str) -> Option<Value> {
    let link = |operation: &str, parameters: Value, description: &str| json!({ "operationId": operation, "parameters": parameters, "description": description });
    match schema.rsplit('/').next()? {
        "Preview" => Some(json!({
            "reserve": link(
                "reserveFromPreview",
                json!({ "previewId": "$response.body#/id", "index": "$response.body#/msisdns/1/index" }),
                "Reserve one of the three",
            ),
        })),
        "Reservation" => {
            let number = || json!({ "msisdn": "$response.body#/msisdn" });
            Some(json!({
                "show": link("showNumber", number(), "See what became of it"),
                "history": link("showNumberHistory", number(), "See each step, and each call to Sigan and GSIM"),
                "assign": link("assignNumber", number(), "Put it on a line"),
                "associations": link("listAssociations", number(), "See which SIMs it was on"),
                "extend": link("extendReservation", number(), "Hold it for longer"),
                "release": link("releaseNumber", number(), "Give it back"),
                "settle": link("settleNumber", number(), "Ask Sigan about it"),
            }))
        }
        "Sim" => {
            let sim = || json!({ "simId": "$response.body#/id" });
            Some(json!({
                "show": link("showSim", sim(), "See what became of it"),
                "activation": link("showActivationCode", sim(), "Get its activation code"),
            }))
        }
        "DeviceBrands" => Some(json!({
            "models": link("listModels", json!({ "brandId": "$response.body#/brands/0/id" }), "See its models"),
        })),
        _ => None,
    }
}
