//! The store on PostgreSQL. Each step is one statement and one round trip; time is the database's.
//!
//! A statement reads the facts, writes under guards that repeat what it read, and returns both. Where a guard finds that
//! the rows have changed since, nothing was written and the statement is run again. Rows of `phone_number` are locked before
//! those of `reservation` wherever both are known beforehand, so that two statements do not wait for each other.

mod catalog;
mod connections;
mod lines;
mod previews;
mod releases;
mod reservations;

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use sqlx::Row;

use self::connections::{Connections, store_error};
use super::{
    Assign, Begin, CatalogStore, Confirmed, Lease, NewPreview, PreviousPreview, Release, Store, StoreError,
    migrations,
};
use crate::areas::{DddChanges, DddData};
use crate::devices::{Assortment, DeviceChanges, DeviceChoice, DeviceData, DeviceHash};
use crate::numbers::{BrandId, Choice, Ddd, Msisdn, Number, PreviewId, ReservationId, SimId};
use crate::reference::{DataVersion, DataVersions, Edition};
use crate::sigan::Hold;

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
        Ok(Self { connections: Connections::new(url, size)? })
    }

    /// Brings the tables of the database at `url` to this version.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where it cannot be reached, or a migration fails.
    pub async fn migrate(url: &SecretString) -> Result<(), StoreError> {
        connections::migrate(url).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn check(&self) -> Result<(), StoreError> {
        let versions = migrations::versions();
        let row = self
            .connections
            .one(|| {
                sqlx::query("select count(*) from _sqlx_migrations where success and version = any($1)")
                    .bind(versions.clone())
            })
            .await?;
        migrations::all_applied(row.try_get(0).map_err(|error| store_error(&error))?)
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

    async fn previous_preview(&self, id: PreviewId) -> Result<Option<PreviousPreview>, StoreError> {
        previews::previous(&self.connections, id).await
    }

    async fn create_preview(&self, preview: &NewPreview) -> Result<(), StoreError> {
        previews::create(&self.connections, preview).await
    }

    async fn begin_reservation(
        &self,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        lease: Duration,
    ) -> Result<Begin, StoreError> {
        reservations::begin(&self.connections, id, preview, choice, lease).await
    }

    async fn begin_random(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        lease: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        reservations::begin_random(&self.connections, id, hold, brand, lease).await
    }

    async fn confirm(&self, lease: &Lease, hold_for: Duration) -> Result<Confirmed, StoreError> {
        reservations::confirm(&self.connections, lease, hold_for).await
    }

    async fn doubt(&self, lease: &Lease, reason: &str, retry_in: Duration) -> Result<(), StoreError> {
        reservations::doubt(&self.connections, lease, reason, retry_in).await
    }

    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError> {
        reservations::reject(&self.connections, lease, reason).await
    }

    async fn release(&self, msisdn: Msisdn, lease: Duration) -> Result<Release, StoreError> {
        releases::release(&self.connections, msisdn, lease).await
    }

    async fn delivered(&self, id: ReservationId) -> Result<(), StoreError> {
        releases::delivered(&self.connections, id).await
    }

    async fn undelivered(
        &self,
        id: ReservationId,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        releases::undelivered(&self.connections, id, reason, retry_in).await
    }

    async fn assign(&self, msisdn: Msisdn, sim: SimId) -> Result<Assign, StoreError> {
        lines::assign(&self.connections, msisdn, sim).await
    }

    async fn number(&self, msisdn: Msisdn) -> Result<Option<Number>, StoreError> {
        lines::number(&self.connections, msisdn).await
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

    async fn supports_esim(&self, choice: &DeviceChoice) -> Result<Option<bool>, StoreError> {
        catalog::supports_esim(&self.connections, choice).await
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
