//! A Sigan that grants everything at once, so that only the library and its database are measured.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use oss_core::sigan::{Hold, Holder, HoldsPage, PreReservation, PreReserve, Sigan, SiganError};
use oss_core::{BrandId, ExternalId, Msisdn};

#[derive(Debug, Default)]
pub(super) struct Prompt {
    offered: AtomicU32,
}

impl Prompt {
    /// Offers new numbers under a new external id.
    pub(super) fn offer(&self, ddd: impl std::fmt::Display, quantity: u8) -> (ExternalId, Vec<Msisdn>) {
        let first = self.offered.fetch_add(quantity.into(), Ordering::Relaxed);
        let number = |at| format!("{ddd}9{at:08}").parse().expect("a number");
        let numbers = (first..).take(quantity.into()).map(number).collect();
        (format!("PR-{first}").parse().expect("an external id"), numbers)
    }
}

#[async_trait]
impl Sigan for Prompt {
    async fn pre_reserve(&self, wish: &PreReserve) -> Result<PreReservation, SiganError> {
        let (external_id, msisdns) = self.offer(wish.ddd, wish.quantity);
        Ok(PreReservation::new(external_id, msisdns))
    }

    async fn reserve(&self, _: &Hold) -> Result<(), SiganError> {
        Ok(())
    }

    async fn release(&self, _: &Hold) -> Result<(), SiganError> {
        Ok(())
    }

    async fn holder(&self, _: &Hold) -> Result<Holder, SiganError> {
        Ok(Holder::Reserved)
    }

    async fn holds(&self, _: &BrandId, _: Option<Msisdn>, _: usize) -> Result<HoldsPage, SiganError> {
        Ok(HoldsPage::new(Vec::new(), None))
    }
}
