//! The local catalogue first, and GSIM where it does not know a device.
//!
//! GSIM never makes an answer worse: where it is gone, slow or answers nonsense, the local answer stands, it is left alone for
//! a moment, and the log says so once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};

use crate::cache::{Keep, Lookups, RedisCache};
use crate::domain::{DeviceChoice, DeviceHash, EsimAnswer, InstallationId};
use crate::gsim::{Gsim, GsimError};
use crate::outage::Outage;
use crate::store::{Store, StoreError};
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

/// The local catalogue, and behind it GSIM, if there is one.
#[derive(Debug)]
pub(crate) struct Devices {
    store: Arc<dyn Store>,
    installation: OnceCell<InstallationId>,
    gsim: Option<GsimAnswers>,
}

impl Devices {
    /// GSIM's answers are kept in memory, and in Redis where there is one.
    pub(crate) fn new(store: Arc<dyn Store>, gsim: Option<Arc<dyn Gsim>>, redis: Option<RedisCache>) -> Self {
        let gsim = gsim.map(|gsim| GsimAnswers::new(gsim, redis));
        Self { store, installation: OnceCell::new(), gsim }
    }

    /// Whether a device supports eSIM, and which source says so.
    pub(crate) async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError> {
        let answer = self.store.esim_support(choice).await?;
        let Some(gsim) = self.gsim.as_ref().filter(|_| !answer.support.is_known()) else { return Ok(answer) };
        let remembered = gsim.remembered(self.installation().await?, choice).await;
        Ok(answer.or_of_gsim(remembered.ok().flatten()))
    }

    /// The database that has the catalogue. It stays the same, so it is asked once.
    async fn installation(&self) -> Result<InstallationId, StoreError> {
        let load = async || Ok(self.store.data_versions().await?.installation);
        self.installation.get_or_try_init(load).await.copied()
    }
}

#[derive(Debug)]
struct GsimAnswers {
    gsim: Arc<dyn Gsim>,
    lookups: Semaphore,
    answers: Lookups<DeviceHash, Option<bool>>,
    outage: Outage,
}

impl GsimAnswers {
    fn new(gsim: Arc<dyn Gsim>, redis: Option<RedisCache>) -> Self {
        let keep = |known: &Option<bool>| {
            let keep = if *known == Some(true) { SUPPORTED } else { NOT_SUPPORTED };
            Keep { memory: keep, redis: keep }
        };
        let answers = Lookups::keeping("gsim", redis, keep);
        Self { gsim, lookups: Semaphore::new(LOOKUPS), answers, outage: Outage::new(PAUSE) }
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
