//! `/esims`, `/sim-cards`, `/sims` and `/numbers/{msisdn}/sim`

use axum::Json;
use axum::http::StatusCode;
use oss_core::{
    AddressHash, DeviceHash, Eid, Iccid, Imsi, LineId, Msisdn, Sim, SimFilter, SimRecord, WantedSim,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Acting;
use crate::body::{Body, Fields, RequestBody, optional_text, text};
use crate::key::Key;
use crate::openapi::of_order;
use crate::path::Params;
use crate::problem::Problem;
use crate::query::Query;

/// An eSIM to order for a reserved number.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({
    "msisdn": "11999950002",
    "lineId": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "deviceModelHash": "bcd1624a168e2722691c565e0c6dc479",
})))]
pub(super) struct NewEsim {
    /// The number.
    #[serde(deserialize_with = "text")]
    msisdn: Msisdn,
    /// The line on which to put the number.
    #[serde(deserialize_with = "text")]
    line_id: LineId,
    /// The device, by the hash that the check of it gave.
    #[serde(deserialize_with = "text")]
    device_model_hash: DeviceHash,
}

impl RequestBody for NewEsim {}

/// A plastic card to activate for a reserved number.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({
    "msisdn": "11999950002",
    "lineId": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "iccid": "8955100000000000017",
    "deliveryAddressHash": "014338fee969ef8655b64f83fcee7a89",
})))]
pub(super) struct NewSimCard {
    /// The number.
    #[serde(deserialize_with = "text")]
    msisdn: Msisdn,
    /// The line on which to put the number.
    #[serde(deserialize_with = "text")]
    line_id: LineId,
    /// The number that is printed on the card.
    #[serde(deserialize_with = "text")]
    iccid: Iccid,
    /// The address to which the card was sent.
    #[serde(deserialize_with = "text")]
    delivery_address_hash: AddressHash,
}

impl RequestBody for NewSimCard {}

/// Another SIM for a number in use: an eSIM or a plastic card.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum ReplacementSim {
    Esim(ReplacementEsim),
    Card(ReplacementCard),
}

/// An eSIM for a device.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({ "deviceModelHash": "bcd1624a168e2722691c565e0c6dc479" })))]
pub(super) struct ReplacementEsim {
    /// The device, by the hash that the check of it gave.
    #[serde(deserialize_with = "text")]
    device_model_hash: DeviceHash,
}

/// A plastic card.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({
    "iccid": "8955100000000000017",
    "deliveryAddressHash": "014338fee969ef8655b64f83fcee7a89",
})))]
pub(super) struct ReplacementCard {
    /// The number that is printed on the card.
    #[serde(deserialize_with = "text")]
    iccid: Iccid,
    /// The address to which the card was sent.
    #[serde(deserialize_with = "text")]
    delivery_address_hash: AddressHash,
}

/// The fields of a body that names neither an eSIM nor a card, or both. Only their forms are checked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "the body is refused")]
struct AnyReplacement {
    #[serde(default, deserialize_with = "optional_text")]
    device_model_hash: Option<DeviceHash>,
    #[serde(default, deserialize_with = "optional_text")]
    iccid: Option<Iccid>,
    #[serde(default, deserialize_with = "optional_text")]
    delivery_address_hash: Option<AddressHash>,
}

impl RequestBody for ReplacementSim {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let expected = "exactly one of deviceModelHash and iccid";
        match fields.only_one_of::<AnyReplacement>(&["deviceModelHash", "iccid"], expected) {
            Some("deviceModelHash") => fields.read().map(Self::Esim),
            Some(_) => fields.read().map(Self::Card),
            None => Err(fields.refuse()),
        }
    }
}

impl From<ReplacementSim> for WantedSim {
    fn from(replacement: ReplacementSim) -> Self {
        match replacement {
            ReplacementSim::Esim(ReplacementEsim { device_model_hash }) => Self::Esim(device_model_hash),
            ReplacementSim::Card(ReplacementCard { iccid, delivery_address_hash: address }) => {
                Self::Card { iccid, address }
            }
        }
    }
}

/// The SIMs that a search found, the latest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Sims)]
pub(super) struct FoundSims {
    #[schema(max_items = 100)]
    sims: Vec<Sim>,
}

/// The parameters of a search. Only their forms are checked.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Search {
    #[serde(default, deserialize_with = "optional_text")]
    iccid: Option<Iccid>,
    #[serde(default, deserialize_with = "optional_text")]
    imsi: Option<Imsi>,
    #[serde(default, deserialize_with = "optional_text")]
    eid: Option<Eid>,
    #[serde(default, deserialize_with = "optional_text")]
    msisdn: Option<Msisdn>,
    #[serde(default, deserialize_with = "optional_text")]
    line_id: Option<LineId>,
}

impl Search {
    fn read(mut fields: Fields) -> Result<SimFilter, Problem> {
        let expected = "exactly one of iccid, imsi, eid, msisdn and lineId";
        if fields.only_one_of::<Self>(&["iccid", "imsi", "eid", "msisdn", "lineId"], expected).is_none() {
            return Err(fields.refuse());
        }
        let Self { iccid, imsi, eid, msisdn, line_id } = fields.read()?;
        let filter = iccid.map(SimFilter::Iccid).or(imsi.map(SimFilter::Imsi)).or(eid.map(SimFilter::Eid));
        let filter = filter.or(msisdn.map(SimFilter::Msisdn)).or(line_id.map(SimFilter::Line));
        filter.ok_or_else(|| Problem::internal("a search has one parameter"))
    }
}

/// Order an eSIM
///
/// Orders an eSIM for a reserved number, which takes GSIM some seconds, and puts the number on the line. Repeating the call
/// answers the same eSIM and settles an unknown outcome, also without an `Idempotency-Key`: a number has one SIM.
#[utoipa::path(
    post,
    path = "/esims",
    operation_id = "orderEsim",
    tag = "SIMs",
    params(("Idempotency-Key" = String, Header)),
    request_body = NewEsim,
    responses(
        (status = 201, description = "The eSIM; repeated, the same again", body = Sim),
    ),
    extensions(("x-problems" = json!([
        "unknown-number-reference", "unknown-device", "unknown-line", "number-state", "number-in-doubt",
        "no-profiles-left", of_order(),
    ]))),
)]
pub(super) async fn order_esim(
    Acting(oss): Acting,
    Key(key): Key,
    Body(NewEsim { msisdn, line_id, device_model_hash }): Body<NewEsim>,
) -> Result<(StatusCode, Json<Sim>), Problem> {
    let wanted = WantedSim::Esim(device_model_hash);
    let sim = oss.order_sim(msisdn, line_id, wanted).idempotency_key(key).await?;
    Ok((StatusCode::CREATED, Json(sim)))
}

/// Activate a plastic card
///
/// Activates a card that was sent to a customer for a reserved number, which takes GSIM some seconds, and puts the number on the
/// line. Repeating the call answers the same SIM and settles an unknown outcome.
#[utoipa::path(
    post,
    path = "/sim-cards",
    operation_id = "activateSimCard",
    tag = "SIMs",
    params(("Idempotency-Key" = String, Header)),
    request_body = NewSimCard,
    responses(
        (status = 201, description = "The SIM; repeated, the same again", body = Sim),
    ),
    extensions(("x-problems" = json!([
        "unknown-number-reference", "unknown-line", "unknown-address", "unknown-card", "number-state",
        "number-in-doubt", "card-in-use", of_order(),
    ]))),
)]
pub(super) async fn activate_card(
    Acting(oss): Acting,
    Key(key): Key,
    Body(NewSimCard { msisdn, line_id, iccid, delivery_address_hash: address }): Body<NewSimCard>,
) -> Result<(StatusCode, Json<Sim>), Problem> {
    let wanted = WantedSim::Card { iccid, address };
    let sim = oss.order_sim(msisdn, line_id, wanted).idempotency_key(key).await?;
    Ok((StatusCode::CREATED, Json(sim)))
}

/// Replace the SIM of a number
///
/// For a new phone, a lost card, or a change between card and eSIM. The number stays on its line, and the old SIM is
/// deprogrammed. Repeating the call for the same device or card answers the same SIM, unless its profile was deleted or failed.
/// An `Idempotency-Key` asks for another one, for example for another phone of the same model.
#[utoipa::path(
    put,
    path = "/numbers/{msisdn}/sim",
    operation_id = "replaceSim",
    tag = "SIMs",
    params(("Idempotency-Key" = String, Header)),
    request_body = ReplacementSim,
    responses(
        (status = 200, description = "The new SIM; repeated, the same again", body = Sim),
    ),
    extensions(("x-problems" = json!([
        "unknown-number", "unknown-device", "unknown-address", "unknown-card", "not-on-line", "no-profiles-left",
        "card-in-use", of_order(),
    ]))),
)]
pub(super) async fn replace(
    Acting(oss): Acting,
    params: Params,
    Key(key): Key,
    fields: Fields,
) -> Result<Json<Sim>, Problem> {
    let msisdn = params.get("msisdn")?;
    let wanted = ReplacementSim::read(fields)?.into();
    Ok(Json(oss.replace_sim(msisdn, wanted).idempotency_key(key).await?))
}

/// Show a SIM
///
/// The answer has the SIM, every read of its activation code, and every report of GSIM on its profile.
#[utoipa::path(
    get,
    path = "/sims/{simId}",
    operation_id = "showSim",
    tag = "SIMs",
    responses(
        (status = 200, description = "The SIM and its history", body = SimRecord),
    ),
    extensions(("x-problems" = json!(["unknown-sim-id"]))),
)]
pub(super) async fn show(Acting(oss): Acting, params: Params) -> Result<Json<SimRecord>, Problem> {
    Ok(Json(oss.sim(params.get("simId")?).await?))
}

/// Find SIMs
///
/// Give exactly one parameter. An ICCID may belong to several SIMs, because GSIM uses the ICCID of a deprogrammed SIM again.
#[utoipa::path(
    get,
    path = "/sims",
    operation_id = "findSims",
    tag = "SIMs",
    params(
        ("iccid" = Option<String>, Query),
        ("imsi" = Option<String>, Query),
        ("eid" = Option<String>, Query),
        ("msisdn" = Option<String>, Query),
        ("lineId" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "The latest hundred of them, the latest first", body = FoundSims),
    ),
)]
pub(super) async fn find(Acting(oss): Acting, Query(parameters): Query) -> Result<Json<FoundSims>, Problem> {
    let filter = Search::read(parameters)?;
    Ok(Json(FoundSims { sims: oss.find_sims(&filter).await? }))
}
