//! GSIM, Vivo's SIM system: what we ask of it about devices, and what its answers mean.
//!
//! Vivo publishes no contract, so this module is ours, and the one place that an adapter to the real system changes.
//!
//! | call | request | answers |
//! |---|---|---|
//! | does a device support eSIM? | `GET /devices?tac=35123456`, `?code=iPhone15,2` or `?model=SAMSUNG_S25` | 200 `{supportsEsim, model?}` · 404 `{"code":"UNKNOWN_DEVICE"}` |
//!
//! Exactly one of the three is asked for. A bearer token where one is configured. Not-found is typed: a bare 404 is what a
//! wrong address and a proxy answer too, and counts as no answer. Asking has no effect, so it may be repeated.
//!
//! GSIM is asked only about devices that the local catalogue does not know, and never waited for beyond its timeout. Where it
//! gives no answer, the local one stands: the device is unknown, which is not a "no".

mod client;
#[cfg(feature = "mock")]
pub mod mock;
pub mod wire;

pub use self::client::{GsimConfig, HttpGsim};

/// Why GSIM gave no answer. None of them says anything of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum GsimError {
    /// Too many look-ups are under way, so GSIM was not asked.
    #[error("too many look-ups under way")]
    Busy,
    /// No connection could be opened.
    #[error("not reachable")]
    NotReachable,
    /// Nothing in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection was lost.
    #[error("connection lost")]
    ConnectionLost,
    /// Our credentials were not accepted.
    #[error("our credentials were not accepted; check the configured token")]
    Credentials,
    /// An answer that the contract does not give.
    #[error("status {0}")]
    Status(u16),
    /// An answer whose body could not be read.
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
