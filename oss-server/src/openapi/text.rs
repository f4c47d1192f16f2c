//! The text at the head of the document, with which `/docs` begins.

use oss_core::ErrorType;

use crate::problem::{METHOD_NOT_ALLOWED, PROXY, UNKNOWN_ROUTE};

/// The product, and the life of a number.
const LIFE: &str = "\
`vivo-mvne-oss` stands between an MVNE and two systems of Vivo: Sigan, the number inventory, and GSIM, which makes SIMs. It \
pre-reserves phone numbers, reserves them, puts them on the SIMs of lines and gives them back.

## The life of a number

1. **Preview.** `POST /previews` pre-reserves three numbers of an area code (DDD) and shows them masked. They are held for 15 \
minutes, or as long as the operator says.
2. **Reserve.** `PUT /previews/{previewId}/reservations/{index}` reserves one of the three and shows it in full. \
`POST /reservations` reserves a random number without a preview.
3. **Order the SIM.** `POST /esims` orders an eSIM, `POST /sim-cards` activates a plastic card, and both put the number on the \
line. A number that is on no line in time (24 hours, or as long as the operator says) is given back automatically, and \
`DELETE /reservations/{msisdn}` gives it back at once.
4. **Install.** `GET /sims/{simId}/activation` gives the activation code of an eSIM, also as a QR code.
5. **Replace.** `PUT /numbers/{msisdn}/sim` puts the number on another SIM.
6. **End.** `DELETE /numbers/{msisdn}/line` deprograms the SIM and gives the number back.

`GET /numbers/{msisdn}` shows at any time what a number is now.

## A first request

";

/// Errors and the protocol.
fn rules() -> String {
    let [unknown_route, method_not_allowed, proxy] = [UNKNOWN_ROUTE, METHOD_NOT_ALLOWED, PROXY]
        .map(|problem| format!("`{}{}`", ErrorType::URN, problem.code));
    format!(
        "

## Errors

Every error is `application/problem+json` (RFC 9457). Its `type` is stable and meant for programs; an operation names the types \
that each status can have. In addition, a path that does not exist answers 404 {unknown_route}, and a method that \
a path does not have answers 405 {method_not_allowed} with `Allow`. {proxy} comes from the proxy that the \
operator put in front of the servers, if that is HAProxy with our configuration.

A 503, 504 or 409 with `Retry-After` may be repeated as it is. After a 504 the next step depends on the operation, and `detail` \
names it. Repeat `PUT /previews/…`, an order of a SIM or a request with an `Idempotency-Key` to learn its outcome. After `POST /previews` nothing is \
reserved, and a number that a `POST /reservations` without a key may have reserved is given back automatically, so call again.

## HTTP

The server speaks HTTP/1.1 only, over TLS too. A proxy in front of it can speak HTTP/2 to callers. A path that has \
`GET` also answers `HEAD`, without the body."
    )
}

/// The whole text. `has_keys` says whether callers show keys.
pub(super) fn description(has_keys: bool) -> String {
    let (before, header) = if has_keys {
        (
            "Put your client's key into `OSS_KEY` (`oss keys new NAME` makes one), then:",
            " -H \"authorization: Bearer $OSS_KEY\"",
        )
    } else {
        ("This server needs no key:", "")
    };
    let first = format!(
        "{before}

```sh
curl -s{header} http://localhost:8080/previews -H 'content-type: application/json' -d '{{\"areaCode\":\"11\"}}'
```

The answer has the `id` of the preview and three masked numbers. Reserve the second one with that id:

```sh
curl -s{header} -X PUT http://localhost:8080/previews/PREVIEW_ID/reservations/2
```"
    );
    [LIFE, &first, &rules()].concat()
}
