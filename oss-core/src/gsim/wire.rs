//! The JSON that travels between GSIM and us. The client and the mock share these types, so they cannot drift apart.

use serde::{Deserialize, Serialize};

use crate::domain::{DeviceChoice, DeviceModelId};

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

/// Body of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalBody {
    /// The reason of the refusal.
    pub code: RefusalCode,
}

/// The refusals of the contract.
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
