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
//! A refusal is typed: `{code, externalId?}`, with our id in it if the request named one. A bare 404 is not a refusal, because
//! a wrong address and a proxy answer it too.
//!
//! # What the contract promises
//!
//! Without these promises no client can guarantee "never lost, never twice". Check them before you write an adapter to another
//! inventory:
//!
//! - an external id is never used twice;
//! - reserve and release are idempotent: the client sends a reserve once more if a kept connection closes before the answer begins;
//! - a hold that was released or cancelled never comes back: a late reserve on it gets 410;
//! - `previousExternalId` frees only numbers that are still merely pre-reserved, never a reserved one;
//! - a pre-reservation lapses by itself;
//! - the server keeps an idle connection for more than four seconds;
//! - a "not found" answer is typed and carries our id.

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
pub(crate) use gate::{Gate, SIGAN, Turn};

use crate::domain::{BrandId, Ddd, ExternalId, Msisdn};
pub use crate::domain::{Hold, ListedHold};
pub(crate) use crate::remote::{Busy, GateLimits, Lane, RETRY_WHEN_BUSY};
pub use crate::remote::{CallError, Doubt};

/// A request for numbers of an area code.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreReserve {
    /// The area code.
    pub ddd: Ddd,
    /// The count of numbers.
    pub quantity: u8,
    /// The brand on whose behalf Sigan is asked.
    pub brand: BrandId,
    /// The time for which Sigan is to keep them for us, in whole seconds.
    pub hold_for: Duration,
    /// A pre-reservation to be freed in the same step.
    pub previous: Option<ExternalId>,
}

/// Numbers that Sigan keeps for us for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreReservation {
    /// Sigan's name for it.
    pub external_id: ExternalId,
    /// The numbers: as many as were asked for, all different, all of the area code that was asked for.
    pub msisdns: Vec<Msisdn>,
}

impl PreReserve {
    /// A request that replaces no pre-reservation.
    #[must_use]
    pub fn new(ddd: Ddd, quantity: u8, brand: BrandId, hold_for: Duration) -> Self {
        Self { ddd, quantity, brand, hold_for, previous: None }
    }
}

impl PreReservation {
    /// The numbers that an inventory holds under an id of its own.
    #[must_use]
    pub fn new(external_id: ExternalId, msisdns: Vec<Msisdn>) -> Self {
        Self { external_id, msisdns }
    }
}

/// The way in which Sigan holds a number under a pre-reservation of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Holder {
    /// It is reserved until it is released.
    Reserved,
    /// It is merely pre-reserved, for a while.
    PreReserved,
    /// Sigan does not hold it for us.
    Nobody,
}

/// A page of the numbers that Sigan has reserved for a brand.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HoldsPage {
    /// The holds, in the order of their numbers, each number once.
    pub holds: Vec<ListedHold>,
    /// The count of further holds on the page, which cannot be read.
    pub unreadable: u64,
    /// The number after which the next page begins; none on the last page.
    pub next: Option<Msisdn>,
}

impl HoldsPage {
    /// A page that can be read as a whole.
    #[must_use]
    pub fn new(holds: Vec<ListedHold>, next: Option<Msisdn>) -> Self {
        Self { holds, unreadable: 0, next }
    }
}

/// The reason why a call to Sigan did not succeed.
pub type SiganError = CallError<Refusal>;

/// The reason for which Sigan refused a call.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, strum::IntoStaticStr, thiserror::Error,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Refusal {
    /// Too few numbers are left in the area code.
    #[error("no numbers are left in the area code")]
    NoneLeft,
    /// The number is not held under the pre-reservation that was named.
    #[error("the number is not held under this pre-reservation; create another preview")]
    NotHeld,
    /// Another client of Sigan holds the number.
    #[error("the number is held by another; create another preview")]
    Taken,
    /// The hold has ended: it lapsed, or was released.
    #[error("the hold on the number has ended; create another preview")]
    HoldOver,
    /// Our credentials were not accepted. A call whose effect matters gets [`Doubt::Credentials`] instead, because no such answer
    /// is certain.
    #[error("our credentials were not accepted; check the configured token")]
    Credentials,
}

impl Refusal {
    /// Whether the same request can never be granted later. The contract promises that only for a hold that is over.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::HoldOver | Self::NoneLeft)
    }

    /// A short, stable name, for programs: `hold-over`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// The calls to Sigan that the operations make.
#[async_trait]
pub trait Sigan: Send + Sync + fmt::Debug {
    /// Asks for numbers of an area code. A lost answer loses no number, because a pre-reservation lapses by itself.
    async fn pre_reserve(&self, wish: &PreReserve) -> Result<PreReservation, SiganError>;

    /// Reserves one number of a pre-reservation, which takes several seconds. Only a typed refusal that names the hold is
    /// [`SiganError::Refused`]; refused credentials are [`Doubt::Credentials`].
    async fn reserve(&self, hold: &Hold) -> Result<(), SiganError>;

    /// Releases one hold, and bars it for ever. Succeeds also if Sigan does not hold it any more.
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
