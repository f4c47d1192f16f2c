//! What requests and answers are made of: the parts of the document that the operations refer to by name.
//!
//! Requests are described as the contract writes them; the parsers also take a number as people write it. Answers may gain
//! fields, so their schemas are open.

use serde_json::{Value, json};

use crate::access::SECURITY;

const MSISDN: &str = "^[1-9]{2}9[0-9]{8}$";
const DDD: &str = "^[0-9]{2}$";

/// The parts of the document. `has_keys` says whether callers show keys.
pub(super) fn components(has_keys: bool) -> Value {
    let mut schemas = requests();
    for answers in [answers(), number(), problem()] {
        schemas
            .as_object_mut()
            .into_iter()
            .for_each(|all| all.extend(answers.as_object().cloned().unwrap_or_default()));
    }
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
        "schemas": schemas,
    })
}

fn parameters() -> Value {
    let in_path = |name: &str, description: &str, schema: Value, example: Value| json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema, "example": example });
    let in_header = |name: &str, description: &str, schema: Value, example: &str| json!({ "name": name, "in": "header", "description": description, "schema": schema, "example": example });
    let uuid = || json!({ "type": "string", "format": "uuid" });
    json!({
        "previewId": in_path("previewId", "The id that the preview was answered with", uuid(), "01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10".into()),
        "index": in_path("index", "Which of the preview's numbers", json!({ "type": "integer", "minimum": 1, "maximum": 3 }), 2.into()),
        "msisdn": in_path("msisdn", "The number: DDD, 9 and eight digits", json!({ "type": "string", "pattern": MSISDN }), "11999950002".into()),
        "ddd": in_path("ddd", "The area code", json!({ "type": "string", "pattern": DDD }), "11".into()),
        "brandId": in_path("brandId", "The id of a listed brand", uuid(), "382b5349-40fd-5820-8dca-ce1baa10d8c8".into()),
        "Idempotency-Key": in_header(
            "Idempotency-Key",
            "Makes a repeat answer what the first call answered (draft-ietf-httpapi-idempotency-key-header): 1 to 255 visible \
             ASCII characters, bare or between quotes. Another request under the same key gets 422.",
            json!({ "type": "string", "pattern": "^([!#-~]{1,255}|\"[!#-~]{1,255}\")$" }),
            "order-4711",
        ),
        "If-None-Match": in_header(
            "If-None-Match",
            "The `ETag` of an earlier answer: 304 while it still holds",
            json!({ "type": "string" }),
            "\"2b5f0c3d8e1a49670b9c4d2e7f815a36\"",
        ),
    })
}

fn headers() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "x-request-id": {
            "description": "The request's id in the log: the caller's own where it sent a UUID",
            "required": true,
            "schema": { "type": "string", "format": "uuid" },
        },
        "Cache-Control": {
            "description": "`no-store`, or `no-cache` where the answer has an `ETag`",
            "required": true,
            "schema": text(),
        },
        "ETag": { "description": "Names this answer, for `If-None-Match`", "required": true, "schema": text() },
        "Retry-After": {
            "description": "After how many seconds a repeat is worth while",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "WWW-Authenticate": { "description": "What is wrong with the key (RFC 6750)", "required": true, "schema": text() },
    })
}

fn requests() -> Value {
    let closed = |required: &[&str], properties: Value, example: Value| {
        json!({
            "type": "object",
            "required": required,
            "properties": properties,
            "additionalProperties": false,
            "examples": [example],
        })
    };
    let area_code = || json!({ "type": "string", "pattern": DDD, "description": "The area code" });
    let previous = json!({
        "type": ["string", "null"],
        "format": "uuid",
        "description": "A preview that the new one replaces; Sigan frees its numbers",
    });
    let sim = json!({ "type": "string", "format": "uuid", "description": "The SIM, as GSIM issued it" });
    json!({
        "NewPreview": closed(
            &["areaCode"],
            json!({ "areaCode": area_code(), "previousId": previous }),
            json!({ "areaCode": "11" }),
        ),
        "NewReservation": closed(&["areaCode"], json!({ "areaCode": area_code() }), json!({ "areaCode": "11" })),
        "Assignment": closed(
            &["simId"],
            json!({ "simId": sim }),
            json!({ "simId": "01920e4b-9d21-7f3a-b5c6-6f2d8a40e1b7" }),
        ),
        "DeviceChoice": {
            "description": "A device, by exactly one of the three",
            "oneOf": [by("ByTac"), by("ByDeviceCode"), by("ByDeviceModel")],
        },
        "ByTac": one_of_three(
            "tac",
            json!({ "type": "string", "pattern": "^[0-9]{8}$", "description": "The first 8 digits of the IMEI" }),
            "35050556",
        ),
        "ByDeviceCode": one_of_three("deviceCode", name("What the maker calls the device"), "iPhone15,2"),
        "ByDeviceModel": one_of_three("deviceModel", name("A listed model"), "SAMSUNG_GALAXY_S25"),
    })
}

fn by(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// Some text of the catalogue: not blank, and without control characters.
fn name(description: &str) -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        "description": description,
    })
}

fn one_of_three(field: &str, schema: Value, example: &str) -> Value {
    let mut properties = json!({});
    properties[field] = schema;
    json!({
        "type": "object",
        "required": [field],
        "properties": properties,
        "additionalProperties": false,
        "examples": [{ field: example }],
    })
}

/// An object whose fields are always there, except for those that are named.
fn open(properties: Value, may_lack: &[&str], example: Value) -> Value {
    let names = properties.as_object().into_iter().flat_map(|fields| fields.keys());
    let required: Vec<&String> = names.filter(|name| !may_lack.contains(&name.as_str())).collect();
    let mut schema = json!({ "type": "object", "required": required });
    schema["properties"] = properties;
    schema["examples"] = Value::Array(vec![example]);
    schema
}

fn answers() -> Value {
    let text = || json!({ "type": "string" });
    let uuid = || json!({ "type": "string", "format": "uuid" });
    let offer = |index: u8| json!({ "preview": format!("(11) 9****-000{index}"), "index": index });
    let brand = json!({ "id": "382b5349-40fd-5820-8dca-ce1baa10d8c8", "name": "Samsung" });
    let model = json!({ "model": "SAMSUNG_GALAXY_S25", "name": "Galaxy S25" });
    let list = |of: &str| json!({ "type": "array", "items": by(of) });
    let count = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    json!({
        "Preview": open(
            json!({
                "id": uuid(),
                "msisdns": { "type": "array", "items": by("Offer"), "minItems": 3, "maxItems": 3 },
            }),
            &[],
            json!({ "id": "01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10", "msisdns": [offer(1), offer(2), offer(3)] }),
        ),
        "Offer": open(
            json!({
                "preview": {
                    "type": "string",
                    "pattern": "^\\([1-9]{2}\\) 9\\*{4}-[0-9]{4}$",
                    "description": "The number, masked",
                },
                "index": { "type": "integer", "minimum": 1, "maximum": 3, "description": "By which it is chosen" },
            }),
            &[],
            offer(1),
        ),
        "Reservation": open(
            json!({ "msisdn": { "type": "string", "pattern": MSISDN, "description": "The number, in full" } }),
            &[],
            json!({ "msisdn": "11999950002" }),
        ),
        "DeviceBrands": open(json!({ "brands": list("DeviceBrand") }), &[], json!({ "brands": [brand] })),
        "DeviceBrand": open(json!({ "id": uuid(), "name": text() }), &[], brand.clone()),
        "DeviceModels": open(json!({ "models": list("DeviceModel") }), &[], json!({ "models": [model] })),
        "DeviceModel": open(json!({ "model": text(), "name": text() }), &[], model.clone()),
        "OpenApiDocument": { "type": "object", "description": "OpenAPI 3.1" },
        "EsimCheck": open(
            json!({
                "supportsEsim": { "type": "boolean", "description": "Whether it does, for certain" },
                "known": {
                    "type": "boolean",
                    "description": "Whether a source knows the device. If it is false, `supportsEsim` is false because no source knows the device, and not because it has no eSIM",
                },
                "hash": {
                    "type": "string",
                    "pattern": "^[0-9a-f]{32}$",
                    "description": "The name of the choice, to ask for an eSIM with; only where it does",
                },
            }),
            &["hash"],
            json!({ "supportsEsim": true, "known": true, "hash": "bcd1624a168e2722691c565e0c6dc479" }),
        ),
        "SweepReport": open(
            json!({
                "expired": count("Abandoned numbers that were given back"),
                "assigned": count("Abandoned holds whose number another program had put on a line: they stay"),
                "recovered": count("Doubts that turned out to be holds of ours"),
                "released": count("Releases that Sigan was told of"),
                "rejected": count("Doubts that turned out to be none, cancelled in Sigan"),
                "failed": count("What Sigan could not be asked or told; it stays due"),
                "setAside": count("Rows that cannot be acted on and wait for a person: `oss audit` lists them"),
                "purged": count("Old previews that were deleted"),
            }),
            &[],
            json!({ "expired": 2, "assigned": 0, "recovered": 1, "released": 2, "rejected": 0, "failed": 0, "setAside": 0, "purged": 40 }),
        ),
    })
}

fn number() -> Value {
    let moment =
        |description: &str| json!({ "type": "string", "format": "date-time", "description": description });
    let maybe = |kind: &str, format: &str, description: &str| json!({ "type": [kind, "null"], "format": format, "description": description });
    let uuid = || json!({ "type": "string", "format": "uuid" });
    let hold = json!({
        "id": "01920e4c-02b1-7d90-9f3e-4a7c5b1e8d22",
        "previewId": "01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10",
        "externalId": "PR-0001",
        "state": "HELD",
        "reason": null,
        "holdExpiresAt": "2026-11-26T13:30:41Z",
        "createdAt": "2026-11-25T13:30:41Z",
        "updatedAt": "2026-11-25T13:30:43Z",
    });
    let states =
        ["PENDING", "HELD", "IN_DOUBT", "ASSIGNED", "RELEASING", "CANCELLING", "RELEASED", "REJECTED"];
    json!({
        "PhoneNumber": open(
            json!({
                "msisdn": { "type": "string", "pattern": MSISDN },
                "origin": { "type": "string", "description": "`VIVO`, or the carrier it was ported in from" },
                "status": {
                    "type": "string",
                    "description": "`RESERVED`, `IN_USE` or `RETURNED`. Any other word is one that another program wrote: it is shown as it is, and never acted on",
                },
                "assignedSimId": maybe("string", "uuid", "The SIM it is on, while in use"),
                "assignedAt": maybe("string", "date-time", "When it was last put on a line, unless that was another brand's"),
                "createdAt": moment("When we first held it for the brand that asks"),
                "updatedAt": moment("When its status last changed; left out if that is not recorded"),
                "history": { "type": "array", "items": by("Hold"), "description": "The latest first" },
            }),
            // Where every attempt to hold it was refused, it never was ours.
            &["origin", "status", "assignedSimId", "assignedAt", "createdAt", "updatedAt"],
            json!({
                "msisdn": "11999950002",
                "origin": "VIVO",
                "status": "RESERVED",
                "assignedSimId": null,
                "assignedAt": null,
                "createdAt": "2026-11-25T13:30:43Z",
                "updatedAt": "2026-11-25T13:30:43Z",
                "history": [hold],
            }),
        ),
        "Hold": open(
            json!({
                "id": uuid(),
                "previewId": maybe("string", "uuid", "The preview it came from; null for a random number"),
                "externalId": {
                    "type": "string",
                    "description": "Sigan's id of the pre-reservation; left out if it cannot be read",
                },
                "state": { "type": "string", "enum": states },
                "reason": { "type": ["string", "null"], "description": "Why it is in this state" },
                "holdExpiresAt": maybe("string", "date-time", "Until when it is held, unless it is put on a line"),
                "createdAt": moment("When it began"),
                "updatedAt": moment("When its state last changed"),
            }),
            &["externalId"],
            hold.clone(),
        ),
    })
}

fn problem() -> Value {
    json!({
        // Each type of problem adds its `type`.
        "Problem": open(
            json!({
                "title": { "type": "string", "description": "The name of the status" },
                "status": { "type": "integer", "minimum": 400, "maximum": 599 },
                "detail": { "type": "string", "description": "What was wrong and what to do, for people" },
                "instance": { "type": "string", "format": "uri", "description": "The request's id, as in `x-request-id`" },
                "field": { "type": "string", "description": "The input at fault, where it is one" },
                "errors": { "type": "array", "items": by("Fault"), "description": "Every input that is malformed" },
                "reason": {
                    "type": "string",
                    "enum": ["none-left", "not-held", "taken", "hold-over", "credentials"],
                    "description": "Why Sigan refused",
                },
                "retryAfterSeconds": { "type": "integer", "minimum": 1, "description": "The same as `Retry-After`" },
            }),
            &["field", "errors", "reason", "retryAfterSeconds"],
            json!({
                "title": "Not Found",
                "status": 404,
                "detail": "preview 01920e4b-5f3c-7cc0-8a4e-2f6d1c9b7a10 does not exist; create one first",
                "instance": "urn:uuid:01920e4c-1d3a-7b52-8c11-97d4e2f0a635",
                "field": "previewId",
            }),
        ),
        "Fault": open(
            json!({ "field": { "type": "string" }, "expected": { "type": "string" } }),
            &[],
            json!({ "field": "areaCode", "expected": "a DDD: two digits from 1 to 9, for example 11" }),
        ),
    })
}

/// What can be done next with an answer of this schema.
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
                "assign": link("assignNumber", number(), "Put it on a line"),
                "release": link("releaseNumber", number(), "Give it back"),
            }))
        }
        "DeviceBrands" => Some(json!({
            "models": link("listModels", json!({ "brandId": "$response.body#/brands/0/id" }), "See its models"),
        })),
        _ => None,
    }
}
