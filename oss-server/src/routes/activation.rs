//! `/sims/{simId}/activation`
//!
//! The activation code is a credential, so this route has a scope of its own, and no other answer contains a code.

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use oss_core::sims::{Activation, qr_svg};

use crate::accept::quality;
use crate::access::Acting;
use crate::path::Params;
use crate::problem::Problem;

const SVG: &str = "image/svg+xml";

/// Get the activation code of an eSIM
///
/// Every read is recorded with the client and the time, and the history of the SIM shows it. The code ends once the profile is
/// installed or the SIM is deprogrammed, and the operator limits how often and how long it can be read. With
/// `Accept: image/svg+xml` the answer is the QR code.
#[utoipa::path(
    get,
    path = "/sims/{simId}/activation",
    operation_id = "showActivationCode",
    tag = "SIMs",
    responses(
        (status = 200, description = "The code, as text and links or as an image", content(
            (Activation = "application/json"),
            (String = "image/svg+xml"),
        )),
    ),
    extensions(("x-problems" = json!([
        "unknown-sim-id", "no-activation-code", "sim-deprogrammed", "activation-code-used", "activation-code-limit",
    ]))),
)]
pub(super) async fn show(
    Acting(oss): Acting,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let code = oss.activation_code(params.get("simId")?).await?;
    if prefers_image(&headers) {
        return Ok(([(header::CONTENT_TYPE, SVG)], qr_svg(&code)?).into_response());
    }
    Ok(Json(Activation::from(&code)).into_response())
}

/// Whether a caller names the image, and prefers it to JSON if it names that too (RFC 9110, 12.5.1).
fn prefers_image(headers: &HeaderMap) -> bool {
    quality_of(headers, SVG) > quality_of(headers, "application/json")
}

/// The quality with which a caller names a media type; 0 if it does not name it.
pub(super) fn quality_of(headers: &HeaderMap, media_type: &str) -> f32 {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges =
        values.flat_map(|value| value.split(',')).map(|range| range.split_once(';').unwrap_or((range, "")));
    let mut of_type = ranges.filter(|(kind, _)| kind.trim().eq_ignore_ascii_case(media_type));
    of_type.next_back().map_or(0.0, |(_, parameters)| quality(parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_sent_only_if_the_caller_prefers_it() {
        for (accept, expected) in [
            ("image/svg+xml", true),
            ("Image/SVG+XML", true),
            ("image/avif,image/webp,image/svg+xml,image/*;q=0.8,*/*;q=0.5", true),
            ("application/json;q=0.5, image/svg+xml", true),
            ("application/json, image/svg+xml;q=0.9", false),
            ("image/svg+xml;q=0", false),
            ("application/json", false),
            ("*/*", false),
            ("image/*", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(prefers_image(&headers), expected, "{accept}");
        }
        assert!(!prefers_image(&HeaderMap::new()));
    }
}
