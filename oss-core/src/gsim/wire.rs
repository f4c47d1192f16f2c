//! The JSON that travels between GSIM and us. The client and the mock share these types, so they cannot drift apart.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::SimRefusal;
use crate::domain::{
    BrandId, DeviceChoice, DeviceModelId, Eid, Iccid, Imsi, MatchingId, Msisdn, ProfileState, SimId,
    SmdpAddress, Technology,
};
use crate::remote::TypedRefusal;

/// Answer 200: GSIM knows the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Whether it supports eSIM.
    pub supports_esim: bool,
    /// The device's model, if GSIM names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<DeviceModelId>,
}

/// Body of a refusal of the call about devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalBody {
    /// The reason of the refusal.
    pub code: RefusalCode,
}

/// The refusals of the call about devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefusalCode {
    /// GSIM does not know the device. Status 404.
    UnknownDevice,
}

/// The parameter that names a device in the query of `GET /devices`.
#[must_use]
pub fn parameter(choice: &DeviceChoice) -> (&'static str, &str) {
    match choice {
        DeviceChoice::Tac(tac) => ("tac", tac.as_str()),
        DeviceChoice::Code(code) => ("code", code.as_str()),
        DeviceChoice::Model(model) => ("model", model.as_str()),
    }
}

/// Body of `PUT /esim-orders/{reference}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EsimOrderBody {
    /// The number.
    pub msisdn: Msisdn,
    /// The brand on whose behalf it is ordered.
    pub brand_id: BrandId,
    /// The radio technology of the device.
    pub technology: Technology,
    /// The reference of the SIM that the number has now, if this one replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<SimId>,
}

/// Body of `PUT /card-activations/{reference}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CardActivationBody {
    /// The number.
    pub msisdn: Msisdn,
    /// The ICCID that is printed on the card.
    pub iccid: Iccid,
    /// The brand on whose behalf it is activated.
    pub brand_id: BrandId,
    /// The reference of the SIM that the number has now, if this one replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<SimId>,
}

/// Answer 200 about an order: the SIM. An eSIM has both the matching id and the address of its server, and a card has neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedBody {
    /// The reference, if GSIM repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<SimId>,
    /// The ICCID.
    pub iccid: Iccid,
    /// The IMSI.
    pub imsi: Imsi,
    /// The stand-in IMSI of a card that is not active yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hrs_imsi: Option<Imsi>,
    /// The token by which the SM-DP+ finds the profile of an eSIM. It is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "reveal")]
    pub matching_id: Option<MatchingId>,
    /// The server from which a phone downloads the profile of an eSIM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smdp_address: Option<SmdpAddress>,
    /// The state of the profile of an eSIM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_state: Option<ProfileState>,
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn reveal<S: Serializer>(matching_id: &Option<MatchingId>, serializer: S) -> Result<S::Ok, S::Error> {
    matching_id.as_ref().map(MatchingId::reveal).serialize(serializer)
}

/// One line of the list of our SIMs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedBody {
    /// Our reference.
    pub reference: SimId,
    /// The ICCID.
    pub iccid: Iccid,
    /// The IMSI.
    pub imsi: Imsi,
    /// The number.
    pub msisdn: Msisdn,
    /// The state of the profile. A card is ENABLED.
    pub profile_state: ProfileState,
}

/// Answer 200 to the list of our SIMs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersBody {
    /// The SIMs, in the order of their references.
    pub orders: Vec<ListedBody>,
    /// The value of `after` that asks for the next page; none on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<SimId>,
}

/// Body of a refusal of a call about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRefusalBody {
    /// The reason of the refusal.
    pub code: OrderRefusalCode,
    /// The reference that the request named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<SimId>,
}

/// The refusals of the calls about orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderRefusalCode {
    /// No profiles are left.
    NoneLeft,
    /// The number has a SIM, and the order does not replace it.
    NumberHasSim,
    /// No card has this ICCID.
    UnknownIccid,
    /// The card is active for another order.
    CardInUse,
    /// The order was cancelled, or its SIM deprogrammed.
    Cancelled,
    /// There is no order under the reference.
    UnknownOrder,
}

impl OrderRefusalCode {
    /// The status that goes with it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::UnknownIccid | Self::UnknownOrder => 404,
            Self::NoneLeft | Self::NumberHasSim | Self::CardInUse => 409,
            Self::Cancelled => 410,
        }
    }
}

impl From<OrderRefusalCode> for SimRefusal {
    fn from(code: OrderRefusalCode) -> Self {
        match code {
            OrderRefusalCode::NoneLeft => Self::NoneLeft,
            OrderRefusalCode::NumberHasSim => Self::NumberHasSim,
            OrderRefusalCode::UnknownIccid => Self::UnknownIccid,
            OrderRefusalCode::CardInUse => Self::CardInUse,
            OrderRefusalCode::Cancelled => Self::Cancelled,
            OrderRefusalCode::UnknownOrder => Self::UnknownOrder,
        }
    }
}

impl TypedRefusal for OrderRefusalBody {
    type Code = OrderRefusalCode;
    type Reason = SimRefusal;
    type Subject = SimId;

    fn code(&self) -> OrderRefusalCode {
        self.code
    }

    fn status(code: OrderRefusalCode) -> u16 {
        code.status()
    }

    fn subject(&self) -> Option<&SimId> {
        self.reference.as_ref()
    }
}

/// Body of GSIM's call-back `POST /gsim/notifications`: the profile of an eSIM has come to a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Our reference.
    pub reference: SimId,
    /// The state.
    pub profile_state: ProfileState,
    /// The time at which the profile came to it, by GSIM's clock.
    pub at: DateTime<Utc>,
    /// The reason of an error, in GSIM's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The chip that the profile is on, if GSIM knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eid: Option<Eid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_identifier_and_no_secret() {
        let issued = r#"{"iccid":"8955100000000000001","imsi":"724061000000002","hrsImsi":"724069000000003",
            "matchingId":"SECRET-4","smdpAddress":"smdp.example","profileState":"RELEASED"}"#;
        let issued: IssuedBody = serde_json::from_str(issued).unwrap();
        let order = EsimOrderBody {
            msisdn: "11999950001".parse().unwrap(),
            brand_id: "acme".parse().unwrap(),
            technology: Technology::FourG,
            replaces: None,
        };
        let debug = format!("{issued:?} {order:?}");
        for hidden in ["0000000001", "000000002", "000000003", "SECRET", "smdp.example", "99995"] {
            assert!(!debug.contains(hidden), "{hidden} in {debug}");
        }
        let sent = serde_json::to_string(&issued).unwrap();
        assert_eq!(serde_json::from_str::<IssuedBody>(&sent).unwrap(), issued, "the wire has all of it");
    }
}
