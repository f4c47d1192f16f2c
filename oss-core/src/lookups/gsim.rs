//! Asks the local catalogue first, and GSIM if the catalogue does not know a device.
//!
//! GSIM never makes an answer worse. If it does not answer, is slow or answers nonsense, the local answer stands, GSIM is not
//! called for a while, and the log says so once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};

use crate::cache::{Keep, Lookups, RedisCache};
use crate::domain::{DeviceChoice, DeviceHash, EsimAnswer, InstallationId};
use crate::gsim::{Gsim, GsimError};
use crate::outage::Outage;
use crate::store::{Store, StoreError};
use crate::telemetry::{System, call};

/// The time for which a "yes" is kept: a device does not lose its eSIM.
const SUPPORTED: Duration = Duration::from_hours(24);

/// The time for which a "no" and an "unknown" are kept: GSIM may learn of the device at any time.
const NOT_SUPPORTED: Duration = Duration::from_mins(10);

/// The time for which GSIM is not called after a call failed.
const PAUSE: Duration = Duration::from_secs(10);

/// At most this many look-ups may be under way. A client may ask about any number of devices that do not exist, and neither GSIM
/// nor this process should have to handle all of them at once.
const LOOKUPS: usize = 64;

/// The local catalogue with GSIM behind it, if there is a GSIM.
#[derive(Debug)]
pub(crate) struct Devices {
    store: Arc<dyn Store>,
    installation: OnceCell<InstallationId>,
    gsim: Option<GsimAnswers>,
}

impl Devices {
    /// Creates a catalogue over both. GSIM's answers are kept in memory, and in Redis if there is one.
    pub(crate) fn new(store: Arc<dyn Store>, gsim: Option<Arc<dyn Gsim>>, redis: Option<RedisCache>) -> Self {
        let gsim = gsim.map(|gsim| GsimAnswers::new(gsim, redis));
        Self { store, installation: OnceCell::new(), gsim }
    }

    /// Returns whether a device supports eSIM, and which source says so.
    pub(crate) async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError> {
        let answer = self.store.esim_support(choice).await?;
        let Some(gsim) = self.gsim.as_ref().filter(|_| !answer.support.is_known()) else { return Ok(answer) };
        let of_gsim = gsim.cached_answer(self.installation().await?, choice).await;
        Ok(answer.or_of_gsim(of_gsim.ok().flatten()))
    }

    /// The id of the database that has the catalogue. It never changes, so it is read once.
    async fn installation(&self) -> Result<InstallationId, StoreError> {
        let load = async || Ok(self.store.data_versions().await?.installation);
        self.installation.get_or_try_init(load).await.copied()
    }
}

/// The answers of GSIM.
#[derive(Debug)]
struct GsimAnswers {
    gsim: Arc<dyn Gsim>,
    lookups: Semaphore,
    answers: Lookups<DeviceHash, Option<bool>>,
    outage: Outage,
}

impl GsimAnswers {
    fn new(gsim: Arc<dyn Gsim>, redis: Option<RedisCache>) -> Self {
        let keep = |answer: &Option<bool>| {
            let keep = if *answer == Some(true) { SUPPORTED } else { NOT_SUPPORTED };
            Keep { memory: keep, redis: keep }
        };
        let answers = Lookups::with_keep("gsim", redis, keep);
        Self { gsim, lookups: Semaphore::new(LOOKUPS), answers, outage: Outage::new(PAUSE) }
    }

    /// Returns GSIM's answer from the cache, or asks GSIM.
    async fn cached_answer(
        &self,
        installation: InstallationId,
        choice: &DeviceChoice,
    ) -> Result<Option<bool>, GsimError> {
        self.answers.get_or_load(installation, DeviceHash::of(choice), || self.ask(choice)).await
    }

    async fn ask(&self, choice: &DeviceChoice) -> Result<Option<bool>, GsimError> {
        if self.outage.is_pausing() {
            return Err(GsimError::NotReachable);
        }
        let answer =
            call(System::Gsim, "supports_esim", GsimError::code, self.ask_within_limit(choice)).await;
        match answer {
            // GSIM was not asked, so this says nothing about it.
            Err(GsimError::Busy) => {}
            Ok(_) if self.outage.record_answer() => tracing::info!("GSIM answers again."),
            Err(reason) if self.outage.record_failure() => {
                tracing::warn!(%reason, "GSIM gives no answer; the local catalogue decides alone meanwhile.");
            }
            _ => {}
        }
        answer
    }

    /// Asks GSIM, unless too many look-ups are under way: then the local catalogue decides alone.
    async fn ask_within_limit(&self, choice: &DeviceChoice) -> Result<Option<bool>, GsimError> {
        let _place = self.lookups.try_acquire().map_err(|_| GsimError::Busy)?;
        self.gsim.supports_esim(choice).await
    }
}
