//! The stand-in for Sigan in a client that has no settings for it.

use async_trait::async_trait;

use super::{Hold, Holder, HoldsPage, PreReservation, PreReserve, Sigan, SiganError};
use crate::domain::{BrandId, Msisdn};

/// A Sigan that cannot be reached: it sends nothing.
#[derive(Debug)]
pub(crate) struct NoSigan;

#[async_trait]
impl Sigan for NoSigan {
    async fn pre_reserve(&self, _wish: &PreReserve) -> Result<PreReservation, SiganError> {
        Err(SiganError::NotSent)
    }

    async fn reserve(&self, _hold: &Hold) -> Result<(), SiganError> {
        Err(SiganError::NotSent)
    }

    async fn release(&self, _hold: &Hold) -> Result<(), SiganError> {
        Err(SiganError::NotSent)
    }

    async fn holder(&self, _hold: &Hold) -> Result<Holder, SiganError> {
        Err(SiganError::NotSent)
    }

    async fn holds(
        &self,
        _brand: &BrandId,
        _after: Option<Msisdn>,
        _limit: usize,
    ) -> Result<HoldsPage, SiganError> {
        Err(SiganError::NotSent)
    }
}
