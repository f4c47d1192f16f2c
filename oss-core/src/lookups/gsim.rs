//! The local catalogue first, and GSIM where it does not know a device.
//!
//! GSIM never makes an answer worse: where it is gone, slow or answers nonsense, the local answer stands, it is left alone for
//! a moment, and the log says so once.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::cache::{Keep, Lookups, RedisCache};
use crate::domain::{DeviceChoice, DeviceHash, EsimAnswer, InstallationId};
use crate::gsim::{GsimError, HttpGsim};
use crate::lookups::{DeviceCatalog, LocalCatalog};
use crate::outage::Outage;
use crate::store::StoreError;
use crate::telemetry::{System, called};

/// How long it is remembered that a device supports eSIM: that does not change.
const SUPPORTED: Duration = Duration::from_hours(24);

/// How long it is remembered that a device does not, or is not known: GSIM may learn of it any time.
const NOT_SUPPORTED: Duration = Duration::from_mins(10);

/// How long GSIM is left alone after a call that failed.
const PAUSE: Duration = Duration::from_secs(10);

/// How many look-ups may be under way. A client may ask about any number of devices that do not exist, and neither GSIM nor this
/// process should bear all of them at once.
const LOOKUPS: usize = 64;

/// The local catalogue, and behind it GSIM.
#[derive(Debug)]
pub struct GsimCatalog {
    local: LocalCatalog,
    gsim: HttpGsim,
    lookups: Semaphore,
    answers: Lookups<DeviceHash, Option<bool>>,
    outage: Outage,
}

impl GsimCatalog {
    /// A catalogue over the two. GSIM's answers are kept in memory, and in Redis where there is one.
    #[must_use]
    pub fn new(local: LocalCatalog, gsim: HttpGsim, redis: Option<RedisCache>) -> Self {
        let keep = |known: &Option<bool>| {
            let keep = if *known == Some(true) { SUPPORTED } else { NOT_SUPPORTED };
            Keep { memory: keep, redis: keep }
        };
        let answers = Lookups::keeping("gsim", redis, keep);
        Self { local, gsim, lookups: Semaphore::new(LOOKUPS), answers, outage: Outage::new(PAUSE) }
    }

    /// GSIM's answer, where it has given one.
    async fn remembered(
        &self,
        installation: InstallationId,
        choice: &DeviceChoice,
    ) -> Result<Option<bool>, GsimError> {
        self.answers.get_or_load(installation, DeviceHash::of(choice), || self.asked(choice)).await
    }

    async fn asked(&self, choice: &DeviceChoice) -> Result<Option<bool>, GsimError> {
        if self.outage.is_pausing() {
            return Err(GsimError::NotReachable);
        }
        let answer = called(System::Gsim, "supports_esim", GsimError::code, self.bounded(choice)).await;
        match answer {
            // It says nothing of GSIM.
            Err(GsimError::Busy) => {}
            Ok(_) if self.outage.answered() => tracing::info!("GSIM answers again."),
            Err(reason) if self.outage.failed() => {
                tracing::warn!(%reason, "GSIM gives no answer; the local catalogue decides alone meanwhile.");
            }
            _ => {}
        }
        answer
    }

    /// Asks GSIM, unless as many look-ups as may be are under way: then the local catalogue decides alone.
    async fn bounded(&self, choice: &DeviceChoice) -> Result<Option<bool>, GsimError> {
        let _place = self.lookups.try_acquire().map_err(|_| GsimError::Busy)?;
        self.gsim.supports_esim(choice).await
    }
}

#[async_trait]
impl DeviceCatalog for GsimCatalog {
    async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError> {
        let answer = self.local.esim_support(choice).await?;
        if answer.support.is_known() {
            return Ok(answer);
        }
        let remembered = self.remembered(self.local.installation().await?, choice).await;
        Ok(answer.or_of_gsim(remembered.ok().flatten()))
    }
}
