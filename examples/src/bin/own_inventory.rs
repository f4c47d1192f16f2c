//! Embedding with your own inventory: the numbers come from an adapter of yours, and the rows go through a pool of yours.
//!
//! `cargo run -p oss-examples --bin own_inventory` works in memory; with the URL of an empty PostgreSQL database as its argument,
//! it works there. `oss_core::sigan` says what an inventory has to promise.
#![expect(clippy::print_stdout, reason = "a program that tells a story")]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use oss_core::sigan::{
    Hold, Holder, HoldsPage, ListedHold, PreReservation, PreReserve, Refusal, Sigan, SiganError,
};
use oss_core::store::{self, DatabaseConfig, PgPoolOptions, bounded};
use oss_core::{BrandId, Choice, ExternalId, Msisdn, Oss, OssBuilder, Settings};
use uuid::Uuid;

/// An inventory in the memory of this process. A real one calls a system of yours, and says so if it got no certain answer.
#[derive(Debug, Default)]
struct Stock {
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    /// The number of offers so far.
    offered: usize,
    /// The numbers that each pre-reservation still keeps.
    kept: HashMap<ExternalId, Vec<Msisdn>>,
    /// The reserved numbers, in their order, each with the brand that has it.
    reserved: BTreeMap<Msisdn, (BrandId, ListedHold)>,
    /// The brand of each pre-reservation.
    brands: HashMap<ExternalId, BrandId>,
}

impl Stock {
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn keeps(&self, hold: &Hold) -> bool {
        self.kept.get(&hold.external_id).is_some_and(|msisdns| msisdns.contains(&hold.msisdn))
    }

    fn has_reserved(&self, hold: &Hold) -> bool {
        self.reserved.get(&hold.msisdn).is_some_and(|(_, listed)| listed.hold == *hold)
    }
}

#[async_trait]
impl Sigan for Stock {
    async fn pre_reserve(&self, wish: &PreReserve) -> Result<PreReservation, SiganError> {
        let mut shelves = self.shelves();
        // Only numbers that are still pre-reserved are freed.
        if let Some(previous) = &wish.previous {
            shelves.kept.remove(previous);
        }
        let from = shelves.offered;
        shelves.offered += usize::from(wish.quantity);
        let numbered = |at| format!("{}97777{at:04}", wish.ddd).parse();
        let msisdns: Result<Vec<Msisdn>, _> = (from..shelves.offered).map(numbered).collect();
        let msisdns = msisdns.map_err(|_| SiganError::Refused(Refusal::NoneLeft))?;
        // An external id is never used twice.
        let external_id: ExternalId =
            format!("STOCK-{}", Uuid::now_v7()).parse().expect("it is short and visible");
        shelves.kept.insert(external_id.clone(), msisdns.clone());
        shelves.brands.insert(external_id.clone(), wish.brand.clone());
        Ok(PreReservation::new(external_id, msisdns))
    }

    #[expect(clippy::disallowed_methods, reason = "the clock of the inventory")]
    async fn reserve(&self, hold: &Hold) -> Result<(), SiganError> {
        let mut shelves = self.shelves();
        if shelves.has_reserved(hold) {
            return Ok(()); // Reserve is idempotent.
        }
        if !shelves.keeps(hold) {
            return Err(SiganError::Refused(Refusal::HoldOver));
        }
        let brand = shelves.brands[&hold.external_id].clone();
        let listed = ListedHold::new(hold.clone(), chrono::Utc::now());
        shelves.reserved.insert(hold.msisdn, (brand, listed));
        Ok(())
    }

    async fn release(&self, hold: &Hold) -> Result<(), SiganError> {
        let mut shelves = self.shelves();
        if shelves.has_reserved(hold) {
            shelves.reserved.remove(&hold.msisdn);
        }
        // A released hold never comes back.
        if let Some(msisdns) = shelves.kept.get_mut(&hold.external_id) {
            msisdns.retain(|msisdn| *msisdn != hold.msisdn);
        }
        Ok(())
    }

    async fn holder(&self, hold: &Hold) -> Result<Holder, SiganError> {
        let shelves = self.shelves();
        Ok(match (shelves.has_reserved(hold), shelves.keeps(hold)) {
            (true, _) => Holder::Reserved,
            (false, true) => Holder::PreReserved,
            (false, false) => Holder::Nobody,
        })
    }

    async fn holds(
        &self,
        brand: &BrandId,
        after: Option<Msisdn>,
        limit: usize,
    ) -> Result<HoldsPage, SiganError> {
        let shelves = self.shelves();
        let of_brand = shelves.reserved.values().filter(|(holder, _)| holder == brand);
        let mut rest = of_brand.filter(|(_, listed)| after.is_none_or(|after| listed.hold.msisdn > after));
        let holds: Vec<_> = rest.by_ref().take(limit).map(|(_, listed)| listed.clone()).collect();
        let next = holds.last().map(|last| last.hold.msisdn).filter(|_| rest.next().is_some());
        Ok(HoldsPage::new(holds, next))
    }
}

/// Connects through a pool that the rest of the program may use too. Its sessions must have time limits.
async fn on_own_pool(builder: OssBuilder, url: &str) -> Result<Oss, Box<dyn std::error::Error>> {
    let pool = PgPoolOptions::new().max_connections(5).connect_lazy_with(bounded(url.parse()?));
    Ok(builder.connect(pool).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stock = Arc::new(Stock::default());
    let mut settings = Settings::default();
    settings.reservation_ttl = Duration::from_hours(2);
    let builder = Oss::builder("acme".parse()?).sigan(stock.clone()).settings(settings.clone());
    let oss = match std::env::args().nth(1) {
        Some(url) => {
            // In production this is a step of the deployment, like `oss migrate`.
            store::migrate(&DatabaseConfig::new(&*url), settings.reservation_ttl).await?;
            on_own_pool(builder, &url).await?
        }
        None => builder.connect(&DatabaseConfig::new("sqlite::memory:")).await?,
    };

    let preview = oss.create_preview("11".parse()?).await?;
    println!("On offer: {}", preview.offers[0].masked);
    let reservation = oss.reserve(preview.id, Choice::try_from(1)?).await?;
    println!("Reserved: {}", reservation.msisdn);
    println!("In the stock: {} reserved", stock.shelves().reserved.len());

    oss.release(reservation.msisdn).await?;
    oss.shutdown().await; // Waits until the inventory got the release.
    println!("In the stock: {} reserved", stock.shelves().reserved.len());
    Ok(())
}
