//! `/brands` and `/device-models`

use axum::Json;
use axum::http::HeaderMap;
use axum::response::Response;
use oss_core::{
    DeviceBrand, DeviceBrandId, DeviceChoice, DeviceHash, DeviceModel, DeviceModelId, DisplayName, EsimCheck,
};
use serde::Serialize;

use crate::access::Acting;
use crate::body::Fields;
use crate::etag::tagged;
use crate::path::Params;
use crate::problem::Problem;

/// The catalogue knows more of a brand and of a model than the contract tells.
#[derive(Serialize)]
struct Brands<'a> {
    brands: Vec<Brand<'a>>,
}

#[derive(Serialize)]
struct Brand<'a> {
    id: DeviceBrandId,
    name: &'a DisplayName,
}

#[derive(Serialize)]
struct Models<'a> {
    models: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    model: &'a DeviceModelId,
    name: &'a DisplayName,
}

/// The contract's answer, and whether a source knows the device.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Compatibility {
    supports_esim: bool,
    known: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<DeviceHash>,
}

impl From<EsimCheck> for Compatibility {
    fn from(check: EsimCheck) -> Self {
        Self { supports_esim: check.supports_esim(), known: check.support.is_known(), hash: check.hash }
    }
}

/// List the device brands that support eSIM
///
/// A brand is listed if the catalogue has a model of it that supports eSIM. Send the `ETag` of an earlier answer as
/// `If-None-Match` to learn cheaply whether the list has changed.
#[utoipa::path(
    get,
    path = "/brands",
    operation_id = "listBrands",
    tag = "Devices",
    params(("If-None-Match" = String, Header)),
    responses(
        (status = 200, description = "The brands, by name", body = ref("#/components/schemas/DeviceBrands")),
        (status = 304, description = "The caller has them"),
    ),
)]
pub(super) async fn brands(Acting(oss): Acting, headers: HeaderMap) -> Result<Response, Problem> {
    let listed = oss.brands().await?;
    let brands = listed.iter().map(|DeviceBrand { id, name, .. }| Brand { id: *id, name }).collect();
    tagged(&headers, &Brands { brands })
}

/// List the models of a brand that support eSIM
///
/// Send the `ETag` of an earlier answer as `If-None-Match` to learn cheaply whether the list has changed.
#[utoipa::path(
    get,
    path = "/brands/{brandId}/models",
    operation_id = "listModels",
    tag = "Devices",
    params(("If-None-Match" = String, Header)),
    responses(
        (status = 200, description = "The models, by name", body = ref("#/components/schemas/DeviceModels")),
        (status = 304, description = "The caller has them"),
    ),
    extensions(("x-problems" = json!(["unknown-brand"]))),
)]
pub(super) async fn models(
    Acting(oss): Acting,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let listed = oss.models(params.get("brandId")?).await?;
    let models = listed.iter().map(|DeviceModel { model, name, .. }| Model { model, name }).collect();
    tagged(&headers, &Models { models })
}

/// Check whether a device supports eSIM
///
/// The device is named by exactly one of its TAC, its code and a listed model. If it supports eSIM, the answer has the hash
/// that names this choice when an eSIM is requested later.
#[utoipa::path(
    put,
    path = "/device-models",
    operation_id = "checkEsim",
    tag = "Devices",
    request_body = ref("#/components/schemas/DeviceChoice"),
    responses(
        (status = 200, description = "Whether it does. A device that no source knows does not, and `known` is false", body = ref("#/components/schemas/EsimCheck")),
    ),
)]
pub(super) async fn check(Acting(oss): Acting, mut fields: Fields) -> Result<Json<Compatibility>, Problem> {
    let (tac, code, model) =
        (fields.optional("tac"), fields.optional("deviceCode"), fields.optional("deviceModel"));
    let one = fields.together(&["tac", "deviceCode", "deviceModel"], DeviceChoice::one_of(tac, code, model));
    let choice = fields.finish(one)?;
    Ok(Json(oss.check_esim(&choice).await?.into()))
}
