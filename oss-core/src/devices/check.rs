//! Tells whether a device supports eSIM. Specification: "Validar compatibilidade com eSIM".

use serde::{Deserialize, Serialize};

use crate::domain::{DataVersion, DeviceChoice, DeviceHash, EsimAnswer, EsimSource, EsimSupport};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

/// Whether a device supports eSIM, and the source that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EsimCheck {
    /// The answer: yes, no or unknown.
    pub support: EsimSupport,
    /// The source that has the device; none if no source has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<EsimSource>,
    /// The version of the device catalogue that was read, even if the device is not in it.
    pub list_version: DataVersion,
    /// The hash of the choice, which an order of an eSIM names; only if the answer is yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<DeviceHash>,
}

impl EsimCheck {
    /// Whether the device supports eSIM for certain, as the contract's `supportsEsim` says it: an unknown device does not.
    #[must_use]
    pub fn supports_esim(&self) -> bool {
        self.support == EsimSupport::Yes
    }
}

impl Oss {
    /// Checks whether a device supports eSIM. If it does, the choice is stored once under its hash.
    ///
    /// An unknown device is no error: the answer is [`EsimSupport::Unknown`]. "No" means that the catalogue or GSIM knows the
    /// device and says that it has no eSIM. A code is looked up without regard to case and to suffixes such as
    /// `/DS`, and its hash is that of the catalogue's spelling.
    ///
    /// ```
    /// use oss_core::{DeviceChoice, EsimSupport};
    ///
    /// # async fn example(oss: oss_core::Oss) -> Result<(), Box<dyn std::error::Error>> {
    /// let check = oss.check_esim(&DeviceChoice::Code("iPhone15,2".parse()?)).await?;
    /// assert_eq!(check.support, EsimSupport::Yes);
    /// assert_eq!(check.hash.unwrap().to_string(), "bcd1624a168e2722691c565e0c6dc479");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if the database cannot be asked.
    pub async fn check_esim(&self, choice: &DeviceChoice) -> Result<EsimCheck, Error> {
        self.observe(Operation::CheckEsim, self.check(choice)).await
    }

    async fn check(&self, choice: &DeviceChoice) -> Result<EsimCheck, Error> {
        let choice = &self.catalog().catalogue_spelling(choice).await?;
        let EsimAnswer { support, source, list_version } = self.devices().esim_support(choice).await?;
        let mut check = EsimCheck { support, source, list_version, hash: None };
        if check.supports_esim() {
            let hash = DeviceHash::of(choice);
            self.store().keep_choice(choice, hash).await?;
            check.hash = Some(hash);
        }
        Ok(check)
    }
}
