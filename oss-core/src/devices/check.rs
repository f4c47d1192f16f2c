//! Does a device support eSIM? Specification: "Validar compatibilidade com eSIM".

use serde::Serialize;

use super::{DeviceChoice, DeviceHash};
use crate::error::Error;
use crate::oss::Oss;
use crate::telemetry::Operation;

/// Whether a device supports eSIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EsimCheck {
    /// Whether it does, for certain. A device that nobody knows does not.
    pub supports_esim: bool,
    /// The name of the choice, to ask for an eSIM with; only where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<DeviceHash>,
}

impl Oss {
    /// Whether a device supports eSIM. A choice that does is stored, once, under its hash.
    ///
    /// An unknown device is no error: it is not supported. A code is looked up without regard to case and to suffixes such as
    /// `/DS`, and its hash is that of the catalogue's spelling.
    ///
    /// ```
    /// use oss_core::DeviceChoice;
    ///
    /// # async fn example(oss: oss_core::Oss) -> Result<(), Box<dyn std::error::Error>> {
    /// let check = oss.check_esim(&DeviceChoice::Code("iPhone15,2".parse()?)).await?;
    /// assert!(check.supports_esim);
    /// assert_eq!(check.hash.unwrap().to_string(), "bcd1624a168e2722691c565e0c6dc479");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Store`] where the database cannot be asked.
    pub async fn check_esim(&self, choice: &DeviceChoice) -> Result<EsimCheck, Error> {
        self.timings().observed(Operation::CheckEsim, self.check(choice)).await
    }

    async fn check(&self, choice: &DeviceChoice) -> Result<EsimCheck, Error> {
        let choice = &self.catalog().spelled(choice).await?;
        let known = self.devices().supports_esim(choice).await?;
        if known != Some(true) {
            return Ok(EsimCheck { supports_esim: false, hash: None });
        }
        let hash = DeviceHash::of(choice);
        self.store().keep_choice(choice, hash).await?;
        Ok(EsimCheck { supports_esim: true, hash: Some(hash) })
    }
}
