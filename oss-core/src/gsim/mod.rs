//! GSIM, Vivo's SIM system: what we ask of it about devices and SIMs, and what its answers mean.
//!
//! Vivo publishes no contract, so this module is ours, and the one place that an adapter to the real system changes.
//!
//! | call | request | answers |
//! |---|---|---|
//! | does a device support eSIM? | `GET /devices?tac=35123456`, `?code=iPhone15,2` or `?model=SAMSUNG_S25` | 200 `{supportsEsim, model?}` · 404 `{"code":"UNKNOWN_DEVICE"}` |
//! | order an eSIM | `PUT /esim-orders/{reference}` `{msisdn, brandId, technology, replaces?}` | 200 `{iccid, imsi, matchingId, smdpAddress, profileState}` (the same if repeated) · 202 accepted, ask later · 409 `NONE_LEFT`, `NUMBER_HAS_SIM` · 410 `CANCELLED` |
//! | activate a card | `PUT /card-activations/{reference}` `{msisdn, iccid, brandId, replaces?}` | 200 `{iccid, imsi, hrsImsi?}` (the same if repeated) · 202 accepted, ask later · 404 `UNKNOWN_ICCID` · 409 `CARD_IN_USE`, `NUMBER_HAS_SIM` · 410 `CANCELLED` |
//! | ask for an order | `GET /orders/{reference}` | 200 as above, for an eSIM with its current `profileState` · 202 still being made · 404 `UNKNOWN_ORDER`: it never arrived, is still on its way, or was cancelled or deprogrammed |
//! | cancel or deprogram | `DELETE /orders/{reference}` | 204, also if GSIM does not know the reference: then it bars a late arrival of the order · 404 `UNKNOWN_ORDER`: it was cancelled before |
//! | our SIMs | `GET /orders?brandId=&after=&limit=` | 200 `{orders: [{reference, iccid, imsi, msisdn, profileState}], next?}`; a card is `ENABLED` |
//!
//! Each request has a bearer token if one is configured. The reference is a UUID of ours ([`SimId`](crate::SimId)): one id for an
//! order and its SIM.
//!
//! # Devices
//!
//! The question has exactly one of the three parameters. It has no effect, so it may be repeated. A "not found" answer is typed: a
//! bare 404 counts as no answer, because a wrong address and a proxy answer it too.
//!
//! GSIM is asked only about devices that the local catalogue does not know, and no caller waits longer than its timeout. If it
//! gives no answer, the local answer stands: the device is unknown, which is not a "no".
//!
//! # Orders
//!
//! A refusal is typed: `{code, reference}`. Only a typed refusal that names our reference is certain, and so is a connection that
//! was never opened. Any other answer leaves the order in doubt: a bare 404, 409 or 410, a 401 or 403, and everything else that the
//! table does not have.
//!
//! GSIM refuses an order for a number that has a SIM, unless `replaces` names the reference of that SIM. Then both exist until the
//! old one is deprogrammed.
//!
//! GSIM reports each state of a profile with the call-back `POST /gsim/notifications` `{reference, profileState, at, reason?, eid?}`. A
//! call-back may be late, be lost, arrive twice or after a later one.
//!
//! # What the contract promises
//!
//! Without these promises no client can guarantee "never lost, never twice". Check them before you write an adapter to another
//! system:
//!
//! - a reference is never used twice: it names one order for ever, whatever becomes of it;
//! - orders are idempotent: an order under a reference that GSIM knows makes no second SIM and gets the same answer, so the client
//!   sends it once more if a kept connection closes before the answer begins;
//! - cancellations are idempotent, and succeed whether or not the order has arrived;
//! - a cancelled or deprogrammed order never comes back: a late order under its reference gets 410;
//! - the list is complete: it has each SIM that is issued and not deprogrammed, whatever the state of its profile, in the order of
//!   the references; an order that is still being made, or was cancelled, is not in it;
//! - no two SIMs that are not deprogrammed have the same ICCID or IMSI; the ICCID of a deprogrammed SIM may be used again;
//! - a "not found" answer is typed and carries our reference;
//! - the server keeps an idle connection for more than four seconds.

mod client;
mod gate;
#[cfg(feature = "mock")]
pub mod mock;
mod orders;
pub mod wire;

use std::fmt;

use async_trait::async_trait;

pub use self::client::{GsimClient, GsimConfig, HttpGsim};
pub(crate) use self::gate::{SimGates, SimTurn, SimsBusy};
pub(crate) use self::orders::NoSims;
pub use self::orders::{
    CardActivation, EsimOrder, ListedOrder, OrderProgress, OrderState, OrdersPage, SimError, SimProvider,
    SimRefusal,
};
use crate::domain::DeviceChoice;
pub use crate::domain::{IssuedSim, SimDetails};
pub use crate::remote::{CallError, Doubt};

/// GSIM, as the look-ups of devices see it. [`SimProvider`] has its calls about orders.
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
