//! Sigan, Vivo's number inventory: what we ask of it, and what its answers mean.
//!
//! Vivo publishes no contract, so this module is ours, and the one place that an adapter to the real gateway changes.
//!
//! | call | request | answers |
//! |---|---|---|
//! | pre-reserve | `POST /pre-reservations` `{areaCode, quantity, brandId, holdSeconds, previousExternalId?}` | 201 `{externalId, msisdns[], expiresAt}` · 409 `NONE_LEFT` |
//! | reserve | `PUT /pre-reservations/{externalId}/reservations/{msisdn}` | 200 `{externalId, msisdn, reservedAt}` (again, ours: 200) · 404 `NOT_HELD` · 409 `TAKEN` · 410 `HOLD_OVER` |
//! | who holds it | `GET /pre-reservations/{externalId}/reservations/{msisdn}` | 200 `{state: PRE_RESERVED or RESERVED}` · 404 `NOT_HELD` |
//! | release | `DELETE /pre-reservations/{externalId}/reservations/{msisdn}` | 204 · 404 `NOT_HELD` |
//! | our holds | `GET /reservations?brandId=&after=&limit=` | 200 `{reservations: [{externalId, msisdn, reservedAt}], next?}` |
//!
//! A refusal is typed: `{code, externalId?}`, with our id in it where the request named one. A bare 404 is not a refusal: a
//! wrong address and a proxy answer so too.
//!
//! # What the contract promises
//!
//! No client can promise "never lost, never twice" without these, so an adapter to another inventory has to check them first:
//!
//! - an external id is never used twice;
//! - reserve and release are idempotent;
//! - a hold once released or cancelled never comes back: a late reserve on it gets 410;
//! - `previousExternalId` frees only what is still merely pre-reserved, never a reserved number;
//! - a pre-reservation lapses by itself;
//! - not-found is typed and carries our id.

mod absent;
mod client;
mod gate;
#[cfg(feature = "mock")]
pub mod mock;
pub mod wire;

use std::fmt;
use std::time::Duration;

pub(crate) use absent::NoSigan;
use async_trait::async_trait;
pub use client::{Credentials, HttpSigan, SiganConfig};
pub(crate) use gate::{Busy, COME_BACK, Gate, GateLimits, Lane, Turn};

use crate::domain::{BrandId, Ddd, ExternalId, Msisdn};
pub use crate::domain::{Hold, ListedHold};

/// A wish for numbers of an area code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreReserve {
    /// The area code.
    pub ddd: Ddd,
    /// How many numbers.
    pub quantity: u8,
    /// On whose behalf.
    pub brand: BrandId,
    /// How long Sigan is to keep them for us, in whole seconds.
    pub hold_for: Duration,
    /// A pre-reservation to be freed in the same step.
    pub previous: Option<ExternalId>,
}

/// Numbers that Sigan keeps for us for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreReservation {
    /// Sigan's name for it.
    pub external_id: ExternalId,
    /// The numbers: as many as were asked for, all different, all of the area code that was asked for.
    pub msisdns: Vec<Msisdn>,
}

/// How Sigan holds a number under a pre-reservation of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Reserved, until it is released.
    Reserved,
    /// Merely pre-reserved, for a while.
    PreReserved,
    /// Not at all.
    Nobody,
}

/// A page of the numbers that Sigan has reserved for a brand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldsPage {
    /// The holds, in the order of their numbers, each number once.
    pub holds: Vec<ListedHold>,
    /// How many more the page has that cannot be read.
    pub unreadable: u64,
    /// After which number the next page begins; none on the last.
    pub next: Option<Msisdn>,
}

/// Why a call to Sigan did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SiganError {
    /// Sigan said no. The call had no effect, for certain.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// No connection could be opened. The call had no effect, for certain.
    #[error("not reachable")]
    NotSent,
    /// The call may or may not have had its effect.
    #[error("no certain answer: {0}")]
    NoAnswer(Doubt),
}

impl SiganError {
    /// A short, stable name, for programs: `not-reachable`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::NotSent => "not-reachable",
            Self::NoAnswer(doubt) => doubt.code(),
        }
    }
}

/// A refusal of Sigan, which is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, strum::IntoStaticStr)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Refusal {
    /// Too few numbers are left in the area code.
    NoneLeft,
    /// The number is not held under the pre-reservation that was named.
    NotHeld,
    /// The number is held by another.
    Taken,
    /// The hold has ended: it lapsed, or was released.
    HoldOver,
    /// Our credentials were not accepted. An answer to a call whose effect matters is never certain of that: see
    /// [`Doubt::Credentials`].
    Credentials,
}

impl Refusal {
    /// Whether the same request can never be granted later. The contract promises it only of a hold that is over.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::HoldOver | Self::NoneLeft)
    }

    /// A short, stable name, for programs: `hold-over`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoneLeft => "no numbers are left in the area code",
            Self::NotHeld => "the number is not held under this pre-reservation; create another preview",
            Self::Taken => "the number is held by another; create another preview",
            Self::HoldOver => "the hold on the number has ended; create another preview",
            Self::Credentials => "our credentials were not accepted; check the configured token",
        })
    }
}

/// Why it is not known whether a call had its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Doubt {
    /// No answer in time.
    Timeout,
    /// The connection was lost after it was opened.
    ConnectionLost,
    /// An answer that the contract does not give for this call.
    Status(u16),
    /// Our credentials were not accepted, says an answer that is not typed and names no hold: a gateway may have given it after
    /// Sigan did its work.
    Credentials,
    /// An answer whose body could not be read, or names something else.
    Unreadable,
    /// This process stopped before the answer came.
    Interrupted,
}

impl Doubt {
    /// A short, stable name, for programs: `timeout`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no answer in time"),
            Self::ConnectionLost => f.write_str("connection lost"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Credentials => f.write_str("our credentials were not accepted; check the configured token"),
            Self::Unreadable => f.write_str("unreadable answer"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// Sigan, as the operations see it.
#[async_trait]
pub trait Sigan: Send + Sync + fmt::Debug {
    /// Asks for numbers of an area code. A lost answer loses nothing: a pre-reservation lapses by itself.
    async fn pre_reserve(&self, wish: &PreReserve) -> Result<PreReservation, SiganError>;

    /// Reserves one number of a pre-reservation. Slow: several seconds. Only a typed refusal that names the hold is
    /// [`SiganError::Refused`]: refused credentials are [`Doubt::Credentials`].
    async fn reserve(&self, hold: &Hold) -> Result<(), SiganError>;

    /// Releases one hold, and bars it for ever. That it is not held there any more counts as released.
    async fn release(&self, hold: &Hold) -> Result<(), SiganError>;

    /// Asks how a number is held under a pre-reservation of ours.
    async fn holder(&self, hold: &Hold) -> Result<Holder, SiganError>;

    /// Lists at most `limit` of the numbers reserved for a brand, from the one after `after` on.
    async fn holds(
        &self,
        brand: &BrandId,
        after: Option<Msisdn>,
        limit: usize,
    ) -> Result<HoldsPage, SiganError>;
}
