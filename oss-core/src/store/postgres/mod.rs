//! The store on PostgreSQL. Each step is one statement and one round trip; time is the database's.
//!
//! A statement reads the facts, writes under guards that repeat what it read, and returns both. Where a guard finds that
//! the rows have changed since, nothing was written and the statement is run again. Rows of `reservation` are locked before
//! those of `phone_number`, so that two statements do not wait for each other.

mod adopt;
mod audit;
mod borrowing;
mod catalog;
mod connections;
mod faults;
mod lines;
mod migrate;
mod previews;
mod random;
mod releases;
mod repeats;
mod reservations;
mod upkeep;
mod writable;

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use sqlx::Row;
use sqlx::postgres::{PgConnectOptions, PgPool};

pub use self::connections::bounded;
use self::connections::{Connections, store_error};
use super::{
    AdoptOutcome, Adoption, Assign, Begin, BeginRandom, CatalogStore, Census, Claims, Confirmed, Delivery,
    HeldPage, Keyed, KeyedPreview, KnownHold, Lease, MigrationReport, NewPreview, Overdue, PoolUsage,
    PreviousPreview, Range, Release, Store, StoreError, Tenant, UnreadableRow,
};
use crate::domain::{
    Assortment, BrandId, Choice, DataVersion, DataVersions, Ddd, DeviceChoice, DeviceCode, DeviceHash,
    Edition, EsimAnswer, IdempotencyKey, Intent, Msisdn, Number, PreviewId, ReservationId, ReservationState,
    SimId,
};
use crate::lists::{DddChanges, DddData, DeviceChanges, DeviceData};
use crate::sigan::{Hold, ListedHold};

/// The store on PostgreSQL.
#[derive(Debug)]
pub struct PostgresStore {
    connections: Connections,
}

impl PostgresStore {
    /// A store on the database at `url`, with a pool of `size` connections. Opens none yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where the URL is not one of PostgreSQL.
    pub fn new(url: &SecretString, size: u32) -> Result<Self, StoreError> {
        Ok(Self::with_options(connections::options(url)?.application_name("oss"), size))
    }

    /// A store with a pool of `size` connections of its own, which it [bounds](bounded). Opens none yet.
    #[must_use]
    pub fn with_options(options: PgConnectOptions, size: u32) -> Self {
        Self::with_pool(connections::pool(options, size))
    }

    /// A store on a pool that others may use too. Its sessions have to be [`bounded`]: [`Store::check`] tells whether they are.
    #[must_use]
    pub fn with_pool(pool: PgPool) -> Self {
        Self { connections: Connections::new(pool) }
    }

    /// Brings the tables of the database at `url` to this version, and records a reservation of each number that was held before
    /// there were any. One that is not on a line is held for `reservation_ttl` from now on.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be reached, is not encoded in UTF-8, or a migration fails.
    pub async fn migrate(
        url: &SecretString,
        reservation_ttl: Duration,
    ) -> Result<MigrationReport, StoreError> {
        migrate::migrate(url, reservation_ttl).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn check(&self) -> Result<(), StoreError> {
        migrate::check(&self.connections).await?;
        self.connections.check_bounds().await
    }

    async fn ddd_exists(&self, ddd: Ddd) -> Result<bool, StoreError> {
        let row = self
            .connections
            .one(|| {
                sqlx::query("select exists (select from location_ddd where ddd = $1::char(2))")
                    .bind(ddd.to_string())
            })
            .await?;
        row.try_get(0).map_err(|error| store_error(&error))
    }

    async fn previous_preview(
        &self,
        tenant: Option<&Tenant>,
        id: PreviewId,
    ) -> Result<Option<PreviousPreview>, StoreError> {
        previews::previous(&self.connections, tenant, id).await
    }

    async fn keyed_preview(
        &self,
        tenant: Option<&Tenant>,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyedPreview>, StoreError> {
        previews::keyed(&self.connections, tenant, key).await
    }

    async fn create_preview(&self, preview: &NewPreview) -> Result<bool, StoreError> {
        previews::create(&self.connections, preview).await
    }

    async fn begin_reservation(
        &self,
        tenant: Option<&Tenant>,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        intent: Intent,
    ) -> Result<Begin, StoreError> {
        reservations::begin(&self.connections, tenant, id, preview, choice, intent).await
    }

    async fn begin_random(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        key: Option<&IdempotencyKey>,
        lease: Duration,
    ) -> Result<BeginRandom, StoreError> {
        random::begin(&self.connections, id, hold, brand, key, lease).await
    }

    async fn resume_keyed(
        &self,
        tenant: Option<&Tenant>,
        id: ReservationId,
        key: &IdempotencyKey,
        ddd: Ddd,
        intent: Intent,
    ) -> Result<Option<Keyed>, StoreError> {
        random::resume(&self.connections, tenant, id, key, ddd, intent).await
    }

    async fn confirm(&self, lease: &Lease, hold_for: Duration) -> Result<Confirmed, StoreError> {
        reservations::confirm(&self.connections, lease, hold_for).await
    }

    async fn abandon(&self, leases: &[ReservationId]) -> Result<Vec<ReservationId>, StoreError> {
        reservations::abandon(&self.connections, leases).await
    }

    async fn doubt(&self, lease: &Lease, reason: &str, retry_in: Duration) -> Result<bool, StoreError> {
        reservations::doubt(&self.connections, lease, reason, retry_in).await
    }

    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError> {
        reservations::reject(&self.connections, lease, reason).await
    }

    async fn cancel(
        &self,
        lease: &Lease,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        reservations::cancel(&self.connections, lease, reason, tell_within).await
    }

    async fn release_lost(
        &self,
        lease: &Lease,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        audit::release_lost(&self.connections, lease, reason, tell_within).await
    }

    async fn release(
        &self,
        tenant: Option<&Tenant>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<Release, StoreError> {
        releases::release(&self.connections, tenant, msisdn, lease).await
    }

    async fn delivered(&self, id: ReservationId) -> Result<Option<ReservationState>, StoreError> {
        releases::delivered(&self.connections, id).await
    }

    async fn undelivered(
        &self,
        delivery: &Delivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        releases::undelivered(&self.connections, delivery, reason, retry_in).await
    }

    async fn assign(
        &self,
        tenant: Option<&Tenant>,
        msisdn: Msisdn,
        sim: SimId,
    ) -> Result<Assign, StoreError> {
        lines::assign(&self.connections, tenant, msisdn, sim).await
    }

    async fn adopt(
        &self,
        tenant: &Tenant,
        id: ReservationId,
        adoption: &Adoption,
    ) -> Result<AdoptOutcome, StoreError> {
        adopt::adopt(&self.connections, tenant, id, adoption).await
    }

    async fn number(&self, tenant: Option<&Tenant>, msisdn: Msisdn) -> Result<Option<Number>, StoreError> {
        lines::number(&self.connections, tenant, msisdn).await
    }

    async fn settle_overdue(&self, limit: u32) -> Result<Overdue, StoreError> {
        upkeep::settle_overdue(&self.connections, limit).await
    }

    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Claims, StoreError> {
        upkeep::claim_due(&self.connections, limit, lease).await
    }

    async fn purge_previews(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        previews::purge(&self.connections, retention, limit).await
    }

    async fn census(&self, limit: u32) -> Result<Census, StoreError> {
        upkeep::census(&self.connections, limit).await
    }

    fn pools(&self) -> Vec<PoolUsage> {
        vec![self.connections.usage()]
    }

    async fn known_holds(
        &self,
        listed: &[ListedHold],
        young: Duration,
    ) -> Result<Vec<KnownHold>, StoreError> {
        audit::known_holds(&self.connections, listed, young).await
    }

    async fn holding_brands(&self) -> Result<Vec<BrandId>, StoreError> {
        audit::holding_brands(&self.connections).await
    }

    async fn held_numbers(
        &self,
        tenant: &Tenant,
        range: Range,
        young: Duration,
        limit: u32,
    ) -> Result<HeldPage, StoreError> {
        audit::held_numbers(&self.connections, tenant, range, young, limit).await
    }

    async fn count_held_numbers(&self) -> Result<u64, StoreError> {
        audit::count_held_numbers(&self.connections).await
    }

    async fn set_aside_rows(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<(ReservationId, UnreadableRow)>, StoreError> {
        audit::set_aside_rows(&self.connections, after, limit).await
    }

    async fn release_stray(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        audit::release_stray(&self.connections, id, hold, brand, tell_within).await
    }

    async fn give_back_lost(
        &self,
        id: ReservationId,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        audit::give_back_lost(&self.connections, id, reason, tell_within).await
    }
}

#[async_trait]
impl CatalogStore for PostgresStore {
    async fn data_versions(&self) -> Result<DataVersions, StoreError> {
        catalog::versions(&self.connections).await
    }

    async fn assortments(&self) -> Result<Vec<Assortment>, StoreError> {
        catalog::assortments(&self.connections).await
    }

    async fn device_codes(&self) -> Result<Vec<DeviceCode>, StoreError> {
        catalog::device_codes(&self.connections).await
    }

    async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError> {
        catalog::esim_support(&self.connections, choice).await
    }

    async fn keep_choice(&self, choice: &DeviceChoice, hash: DeviceHash) -> Result<(), StoreError> {
        catalog::keep_choice(&self.connections, choice, hash).await
    }

    async fn devices(&self) -> Result<(DataVersion, DeviceData), StoreError> {
        catalog::devices(&self.connections).await
    }

    async fn change_devices(&self, edition: Edition<DeviceChanges>) -> Result<bool, StoreError> {
        catalog::change_devices(&self.connections, &edition).await
    }

    async fn ddds(&self) -> Result<(DataVersion, DddData), StoreError> {
        catalog::ddds(&self.connections).await
    }

    async fn change_ddds(&self, edition: Edition<DddChanges>) -> Result<bool, StoreError> {
        catalog::change_ddds(&self.connections, &edition).await
    }
}
