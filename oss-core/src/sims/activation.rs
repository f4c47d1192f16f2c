//! An activation code as its reader gets it.

use std::fmt;

use serde::Serialize;

use crate::domain::ActivationCode;

/// An activation code in clear, as in the HTTP answer. Whoever has it can take the line, so it is only for the customer.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({
    "code": "LPA:1$smdp.example.com$04386-AGYFT-A74Y8-3F815",
    "confirmationCodeRequired": false,
    "installUrls": {
        "ios": "https://esimsetup.apple.com/esim_qrcode_provisioning?carddata=LPA%3A1%24smdp.example.com%2404386-AGYFT-A74Y8-3F815",
        "android": "https://esimsetup.android.com/esim_qrcode_provisioning?carddata=LPA%3A1%24smdp.example.com%2404386-AGYFT-A74Y8-3F815",
    },
}))))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Activation {
    /// The text of the QR code, which a customer may also type.
    pub code: String,
    /// Whether the phone asks for a confirmation code too.
    pub confirmation_code_required: bool,
    /// Links that install the profile. They contain the code.
    pub install_urls: InstallUrls,
}

/// Links that install a profile on the phone that opens them. They contain the activation code.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct InstallUrls {
    /// For an iPhone.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub ios: String,
    /// For an Android phone.
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub android: String,
}

impl From<&ActivationCode> for Activation {
    fn from(code: &ActivationCode) -> Self {
        Self {
            code: code.to_qr_text(),
            confirmation_code_required: code.confirmation_code_required(),
            install_urls: InstallUrls { ios: code.install_url_ios(), android: code.install_url_android() },
        }
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Activation(****)")
    }
}

impl fmt::Debug for InstallUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallUrls(****)")
    }
}
