//! GSIM, Vivo's SIM system: what we ask it about devices, and what its answers mean.
//!
//! Vivo publishes no contract, so this module is ours, and the one place that an adapter to the real system changes.
//!
//! | call | request | answers |
//! |---|---|---|
//! | does a device support eSIM? | `GET /devices?tac=35123456`, `?code=iPhone15,2` or `?model=SAMSUNG_S25` | 200 `{supportsEsim, model?}` · 404 `{"code":"UNKNOWN_DEVICE"}` |
//!
//! A request has exactly one of the three parameters, and a bearer token if one is configured. A "not found" answer is typed: a
//! bare 404 counts as no answer, because a wrong address and a proxy answer it too. The call has no effect, so it may be
//! repeated.
//!
//! GSIM is asked only about devices that the local catalogue does not know, and no caller waits longer than its timeout. If it
//! gives no answer, the local answer stands: the device is unknown, which is not a "no".

mod client;
#[cfg(feature = "mock")]
pub mod mock;
pub mod wire;

use std::fmt;

use async_trait::async_trait;

pub use self::client::{GsimConfig, HttpGsim};
use crate::domain::DeviceChoice;

/// GSIM, as the look-ups see it.
#[async_trait]
pub trait Gsim: Send + Sync + fmt::Debug {
    /// Asks whether a device supports eSIM; none if it is not known. A caller waits for the answer, so each call has to be bounded
    /// in time.
    async fn supports_esim(&self, choice: &DeviceChoice) -> Result<Option<bool>, GsimError>;
}

/// The reason why GSIM gave no answer. No reason says anything about the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum GsimError {
    /// Too many look-ups are under way, so GSIM was not asked.
    #[error("too many look-ups under way")]
    Busy,
    /// No connection could be opened.
    #[error("not reachable")]
    NotReachable,
    /// No answer came in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection was lost.
    #[error("connection lost")]
    ConnectionLost,
    /// Our credentials were not accepted.
    #[error("our credentials were not accepted; check the configured token")]
    Credentials,
    /// The answer is none that the contract gives.
    #[error("status {0}")]
    Status(u16),
    /// The answer's body cannot be read.
    #[error("unreadable answer")]
    Unreadable,
}

impl GsimError {
    /// A short, stable name, for programs: `timeout`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}
