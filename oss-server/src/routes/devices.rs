//! `/brands` and `/device-models`

use axum::Json;
use axum::http::HeaderMap;
use axum::response::Response;
use oss_core::{
    BrandSlug, DataVersion, DeviceBrand, DeviceBrandId, DeviceChoice, DeviceCode, DeviceHash, DeviceModel,
    DeviceModelId, DisplayName, EsimCheck, EsimSource, EsimSupport, Tac,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Acting;
use crate::body::{Body, Fields, RequestBody, optional_text, text};
use crate::etag::tagged;
use crate::path::Params;
use crate::problem::Problem;

/// The brands with models that support eSIM, by name.
#[derive(Serialize, ToSchema)]
#[schema(as = DeviceBrands, examples(json!({
    "brands": [{ "id": "382b5349-40fd-5820-8dca-ce1baa10d8c8", "slug": "samsung", "name": "Samsung" }],
})))]
struct Brands<'a> {
    brands: Vec<Brand<'a>>,
}

/// A brand of devices.
#[derive(Serialize, ToSchema)]
#[schema(as = DeviceBrand, examples(json!({
    "id": "382b5349-40fd-5820-8dca-ce1baa10d8c8", "slug": "samsung", "name": "Samsung",
})))]
struct Brand<'a> {
    id: DeviceBrandId,
    /// The name in addresses and files.
    #[schema(value_type = String)]
    slug: &'a BrandSlug,
    #[schema(value_type = String)]
    name: &'a DisplayName,
}

/// The models of a brand that support eSIM, by name.
#[derive(Serialize, ToSchema)]
#[schema(as = DeviceModels, examples(json!({
    "models": [{ "model": "SAMSUNG_GALAXY_S25", "name": "Galaxy S25", "homologated": true }],
})))]
struct Models<'a> {
    models: Vec<ListedModel<'a>>,
}

/// A model of device.
#[derive(Serialize, ToSchema)]
#[schema(as = DeviceModel, examples(json!({
    "model": "SAMSUNG_GALAXY_S25", "name": "Galaxy S25", "homologated": true,
})))]
struct ListedModel<'a> {
    #[schema(value_type = DeviceModelId)]
    model: &'a DeviceModelId,
    #[schema(value_type = String)]
    name: &'a DisplayName,
    /// Whether Anatel has homologated it, according to the catalogue.
    homologated: bool,
}

/// Whether a device supports eSIM.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EsimCheck, examples(json!({
    "supportsEsim": true,
    "known": true,
    "support": "yes",
    "source": { "name": "catalogue", "lists": "list-A;list-U" },
    "listVersion": "00000000-0000-0000-0000-000000000000",
    "hash": "bcd1624a168e2722691c565e0c6dc479",
})))]
pub(super) struct Compatibility {
    /// Whether it certainly supports eSIM.
    supports_esim: bool,
    /// Whether a source knows the device. If it is false, `supportsEsim` is false because no source knows the device, and not
    /// because it has no eSIM.
    known: bool,
    /// The answer: yes, no or unknown.
    support: EsimSupport,
    /// The source that knows the device; left out if no source does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    source: Option<EsimSource>,
    /// The version of the device catalogue that was read, even if the device is not in it.
    #[schema(value_type = uuid::Uuid)]
    list_version: DataVersion,
    /// The name of this choice, with which an eSIM is requested later. It is given only if the device supports eSIM.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    hash: Option<DeviceHash>,
}

impl From<EsimCheck> for Compatibility {
    fn from(check: EsimCheck) -> Self {
        let (supports_esim, known) = (check.supports_esim(), check.support.is_known());
        let EsimCheck { support, source, list_version, hash, .. } = check;
        Self { supports_esim, known, support, source, list_version, hash }
    }
}

/// A device, by exactly one of three names.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = DeviceChoice)]
pub(super) enum ChosenDevice {
    Tac(ByTac),
    Code(ByDeviceCode),
    Model(ByDeviceModel),
}

/// A device, by its TAC.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "tac": "35050556" })))]
pub(super) struct ByTac {
    #[serde(deserialize_with = "text")]
    tac: Tac,
}

/// A device, by its maker's code.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "deviceCode": "iPhone15,2" })))]
pub(super) struct ByDeviceCode {
    #[serde(deserialize_with = "text")]
    device_code: DeviceCode,
}

/// A device, by its model.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "deviceModel": "SAMSUNG_GALAXY_S25" })))]
pub(super) struct ByDeviceModel {
    #[serde(deserialize_with = "text")]
    device_model: DeviceModelId,
}

/// The names of a body that has none of them or several. Only their forms are checked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "the body is refused")]
struct AnyNames {
    #[serde(default, deserialize_with = "optional_text")]
    tac: Option<Tac>,
    #[serde(default, deserialize_with = "optional_text")]
    device_code: Option<DeviceCode>,
    #[serde(default, deserialize_with = "optional_text")]
    device_model: Option<DeviceModelId>,
}

impl RequestBody for ChosenDevice {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let expected = "exactly one of tac, deviceCode and deviceModel";
        match fields.only_one_of::<AnyNames>(&["tac", "deviceCode", "deviceModel"], expected) {
            Some("tac") => fields.read().map(Self::Tac),
            Some("deviceCode") => fields.read().map(Self::Code),
            Some(_) => fields.read().map(Self::Model),
            None => Err(fields.refuse()),
        }
    }
}

impl From<ChosenDevice> for DeviceChoice {
    fn from(chosen: ChosenDevice) -> Self {
        match chosen {
            ChosenDevice::Tac(ByTac { tac }) => Self::Tac(tac),
            ChosenDevice::Code(ByDeviceCode { device_code }) => Self::Code(device_code),
            ChosenDevice::Model(ByDeviceModel { device_model }) => Self::Model(device_model),
        }
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
        (status = 200, description = "The brands, by name", body = Brands),
        (status = 304, description = "The caller has them"),
    ),
)]
pub(super) async fn brands(Acting(oss): Acting, headers: HeaderMap) -> Result<Response, Problem> {
    let listed = oss.brands().await?;
    let brands =
        listed.iter().map(|DeviceBrand { id, slug, name, .. }| Brand { id: *id, slug, name }).collect();
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
        (status = 200, description = "The models, by name", body = Models),
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
    let models = listed
        .iter()
        .map(|DeviceModel { model, name, homologated, .. }| ListedModel {
            model,
            name,
            homologated: *homologated,
        })
        .collect();
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
    request_body = ChosenDevice,
    responses(
        (status = 200, description = "Whether it does. A device that no source knows does not, and `known` is false", body = Compatibility),
    ),
)]
pub(super) async fn check(
    Acting(oss): Acting,
    Body(chosen): Body<ChosenDevice>,
) -> Result<Json<Compatibility>, Problem> {
    Ok(Json(oss.check_esim(&chosen.into()).await?.into()))
}
