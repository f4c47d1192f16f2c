//! The store on SQLite. Each step is one transaction that holds the write lock, so what it read cannot change before it writes.
//!
//! Time is that of the [`Clock`] given, since the database is in this process.

mod adopt;
mod audit;
mod catalog;
mod connections;
mod faults;
mod lines;
mod previews;
mod random;
mod releases;
mod reservations;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use sqlx::Row;

use self::connections::Connections;
pub use self::connections::{Clock, SystemClock};
use super::{
    AdoptOutcome, Adoption, Assign, Begin, BeginRandom, CatalogStore, Census, Claims, Confirmed, Delivery,
    HeldPage, Keyed, KeyedPreview, KnownHold, Lease, NewPreview, Overdue, PoolUsage, PreviousPreview, Range,
    Release, Store, StoreError, Tenant, UnreadableRow, migrations,
};
use crate::domain::{
    Assortment, BrandId, Choice, DataVersion, DataVersions, Ddd, DeviceChoice, DeviceCode, DeviceHash,
    Edition, EsimAnswer, IdempotencyKey, Intent, Msisdn, Number, PreviewId, ReservationId, ReservationState,
    SimId,
};
use crate::lists::{DddChanges, DddData, DeviceChanges, DeviceData};
use crate::sigan::{Hold, ListedHold};

/// The store on SQLite.
#[derive(Debug)]
pub struct SqliteStore {
    connections: Connections,
}

impl SqliteStore {
    /// A store on the file that `url` names (`sqlite://path`), or in memory (`sqlite::memory:`).
    ///
    /// A database in memory has its tables at once; a file has them from [`SqliteStore::migrate`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] where the URL is not one of SQLite.
    pub async fn open(url: &SecretString, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let connections = Connections::new(url, clock)?;
        if connections::is_in_memory(url) {
            connections.migrate_in_memory().await?;
        }
        Ok(Self { connections })
    }

    /// Creates the file that `url` names where there is none, and brings its tables to this version.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the file cannot be used, or a migration fails.
    pub async fn migrate(url: &SecretString) -> Result<(), StoreError> {
        connections::migrate(url).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn check(&self) -> Result<(), StoreError> {
        const SQL: &str = "
            select count(*) from oss_migrations
            where success and version in (select value from json_each($1))";
        let versions = format!("{:?}", migrations::versions());
        let count = self.connections.read(|connection| {
            Box::pin(async move { sqlx::query(SQL).bind(versions).fetch_one(connection).await?.try_get(0) })
        });
        migrations::all_applied(count.await?)
    }

    async fn ddd_exists(&self, ddd: Ddd) -> Result<bool, StoreError> {
        const SQL: &str = "select exists (select 1 from location_ddd where ddd = $1)";
        let exists = self.connections.read(|connection| {
            Box::pin(
                async move { sqlx::query(SQL).bind(ddd.to_string()).fetch_one(connection).await?.try_get(0) },
            )
        });
        exists.await
    }

    async fn previous_preview(
        &self,
        tenant: Option<&Tenant>,
        id: PreviewId,
    ) -> Result<Option<PreviousPreview>, StoreError> {
        let tenant = tenant.cloned();
        self.connections.read(|connection| Box::pin(previews::previous(connection, tenant, id))).await
    }

    async fn keyed_preview(
        &self,
        tenant: Option<&Tenant>,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyedPreview>, StoreError> {
        let (tenant, key) = (tenant.cloned(), key.clone());
        self.connections.read(|connection| Box::pin(previews::keyed(connection, tenant, key))).await
    }

    async fn create_preview(&self, preview: &NewPreview) -> Result<bool, StoreError> {
        let preview = preview.clone();
        self.connections.write(|connection, now| Box::pin(previews::create(connection, now, preview))).await
    }

    async fn begin_reservation(
        &self,
        tenant: Option<&Tenant>,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        intent: Intent,
    ) -> Result<Begin, StoreError> {
        let tenant = tenant.cloned();
        self.connections
            .write(move |connection, now| {
                Box::pin(reservations::begin(connection, now, tenant, id, preview, choice, intent))
            })
            .await
    }

    async fn begin_random(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        key: Option<&IdempotencyKey>,
        lease: Duration,
    ) -> Result<BeginRandom, StoreError> {
        let started = Lease { reservation: id, call: 1, brand: brand.clone(), hold: hold.clone() };
        let key = key.cloned();
        self.connections
            .write(move |connection, now| Box::pin(random::begin(connection, now, started, key, lease)))
            .await
    }

    async fn resume_keyed(
        &self,
        tenant: Option<&Tenant>,
        id: ReservationId,
        key: &IdempotencyKey,
        ddd: Ddd,
        intent: Intent,
    ) -> Result<Option<Keyed>, StoreError> {
        let (tenant, key) = (tenant.cloned(), key.clone());
        self.connections
            .write(move |connection, now| {
                Box::pin(random::resume(connection, now, tenant, id, key, ddd, intent))
            })
            .await
    }

    async fn confirm(&self, lease: &Lease, hold_for: Duration) -> Result<Confirmed, StoreError> {
        let lease = lease.clone();
        self.connections
            .write(move |connection, now| Box::pin(reservations::confirm(connection, now, lease, hold_for)))
            .await
    }

    async fn abandon(&self, leases: &[ReservationId]) -> Result<Vec<ReservationId>, StoreError> {
        let leases = leases.to_vec();
        self.connections
            .write(move |connection, now| Box::pin(reservations::abandon(connection, now, leases)))
            .await
    }

    async fn doubt(&self, lease: &Lease, reason: &str, retry_in: Duration) -> Result<bool, StoreError> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        self.connections
            .write(move |connection, now| {
                Box::pin(reservations::doubt(connection, now, lease, reason, retry_in))
            })
            .await
    }

    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        self.connections
            .write(move |connection, now| Box::pin(reservations::reject(connection, now, lease, reason)))
            .await
    }

    async fn cancel(
        &self,
        lease: &Lease,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        self.connections
            .write(move |connection, now| {
                Box::pin(reservations::cancel(connection, now, lease, reason, tell_within))
            })
            .await
    }

    async fn release_lost(
        &self,
        lease: &Lease,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let (lease, reason) = (lease.clone(), reason.to_owned());
        self.connections
            .write(move |connection, now| {
                Box::pin(audit::release_lost(connection, now, lease, reason, tell_within))
            })
            .await
    }

    async fn release(
        &self,
        tenant: Option<&Tenant>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<Release, StoreError> {
        let tenant = tenant.cloned();
        self.connections
            .write(move |connection, now| Box::pin(releases::release(connection, now, tenant, msisdn, lease)))
            .await
    }

    async fn delivered(&self, id: ReservationId) -> Result<Option<ReservationState>, StoreError> {
        self.connections
            .write(move |connection, now| Box::pin(releases::delivered(connection, now, id)))
            .await
    }

    async fn undelivered(
        &self,
        delivery: &Delivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        let (delivery, reason) = (delivery.clone(), reason.to_owned());
        self.connections
            .write(move |connection, now| {
                Box::pin(releases::undelivered(connection, now, delivery, reason, retry_in))
            })
            .await
    }

    async fn assign(
        &self,
        tenant: Option<&Tenant>,
        msisdn: Msisdn,
        sim: SimId,
    ) -> Result<Assign, StoreError> {
        let tenant = tenant.cloned();
        self.connections
            .write(move |connection, now| Box::pin(lines::assign(connection, now, tenant, msisdn, sim)))
            .await
    }

    async fn adopt(
        &self,
        tenant: &Tenant,
        id: ReservationId,
        adoption: &Adoption,
    ) -> Result<AdoptOutcome, StoreError> {
        let (tenant, adoption) = (tenant.clone(), adoption.clone());
        self.connections
            .write(move |connection, now| Box::pin(adopt::adopt(connection, now, tenant, id, adoption)))
            .await
    }

    async fn number(&self, tenant: Option<&Tenant>, msisdn: Msisdn) -> Result<Option<Number>, StoreError> {
        let tenant = tenant.cloned();
        self.connections.read(move |connection| Box::pin(lines::number(connection, tenant, msisdn))).await
    }

    async fn settle_overdue(&self, limit: u32) -> Result<Overdue, StoreError> {
        self.connections
            .write(move |connection, now| Box::pin(upkeep::settle_overdue(connection, now, limit)))
            .await
    }

    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Claims, StoreError> {
        self.connections
            .write(move |connection, now| Box::pin(upkeep::claim_due(connection, now, limit, lease)))
            .await
    }

    async fn purge_previews(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        self.connections
            .write(move |connection, now| Box::pin(previews::purge(connection, now, retention, limit)))
            .await
    }

    async fn census(&self, limit: u32) -> Result<Census, StoreError> {
        let now = self.connections.now();
        self.connections.read(move |connection| Box::pin(upkeep::census(connection, now, limit))).await
    }

    fn pools(&self) -> Vec<PoolUsage> {
        self.connections.usage()
    }

    async fn known_holds(
        &self,
        listed: &[ListedHold],
        young: Duration,
    ) -> Result<Vec<KnownHold>, StoreError> {
        let (listed, now) = (listed.to_vec(), self.connections.now());
        self.connections
            .read(move |connection| Box::pin(audit::known_holds(connection, now, listed, young)))
            .await
    }

    async fn holding_brands(&self) -> Result<Vec<BrandId>, StoreError> {
        self.connections.read(|connection| Box::pin(audit::holding_brands(connection))).await
    }

    async fn held_numbers(
        &self,
        tenant: &Tenant,
        range: Range,
        young: Duration,
        limit: u32,
    ) -> Result<HeldPage, StoreError> {
        let (tenant, now) = (tenant.clone(), self.connections.now());
        self.connections
            .read(move |connection| {
                Box::pin(audit::held_numbers(connection, now, tenant, range, young, limit))
            })
            .await
    }

    async fn count_held_numbers(&self) -> Result<u64, StoreError> {
        self.connections.read(|connection| Box::pin(audit::count_held_numbers(connection))).await
    }

    async fn set_aside_rows(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<(ReservationId, UnreadableRow)>, StoreError> {
        self.connections
            .read(move |connection| Box::pin(audit::set_aside_rows(connection, after, limit)))
            .await
    }

    async fn release_stray(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let (hold, brand) = (hold.clone(), brand.clone());
        self.connections
            .write(move |connection, now| {
                Box::pin(audit::release_stray(connection, now, id, hold, brand, tell_within))
            })
            .await
    }

    async fn give_back_lost(
        &self,
        id: ReservationId,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        let reason = reason.to_owned();
        self.connections
            .write(move |connection, now| {
                Box::pin(audit::give_back_lost(connection, now, id, reason, tell_within))
            })
            .await
    }
}

#[async_trait]
impl CatalogStore for SqliteStore {
    async fn data_versions(&self) -> Result<DataVersions, StoreError> {
        self.connections.read(|connection| Box::pin(catalog::versions(connection))).await
    }

    async fn assortments(&self) -> Result<Vec<Assortment>, StoreError> {
        self.connections.read(|connection| Box::pin(catalog::assortments(connection))).await
    }

    async fn device_codes(&self) -> Result<Vec<DeviceCode>, StoreError> {
        self.connections.read(|connection| Box::pin(catalog::device_codes(connection))).await
    }

    async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError> {
        let choice = choice.clone();
        self.connections.read(|connection| Box::pin(catalog::esim_support(connection, choice))).await
    }

    async fn keep_choice(&self, choice: &DeviceChoice, hash: DeviceHash) -> Result<(), StoreError> {
        let choice = choice.clone();
        self.connections
            .write(move |connection, now| Box::pin(catalog::keep_choice(connection, now, choice, hash)))
            .await
    }

    async fn devices(&self) -> Result<(DataVersion, DeviceData), StoreError> {
        self.connections.read(|connection| Box::pin(catalog::devices(connection))).await
    }

    async fn change_devices(&self, edition: Edition<DeviceChanges>) -> Result<bool, StoreError> {
        self.connections
            .write(move |connection, _| Box::pin(catalog::change_devices(connection, edition)))
            .await
    }

    async fn ddds(&self) -> Result<(DataVersion, DddData), StoreError> {
        self.connections.read(|connection| Box::pin(catalog::ddds(connection))).await
    }

    async fn change_ddds(&self, edition: Edition<DddChanges>) -> Result<bool, StoreError> {
        self.connections.write(move |connection, _| Box::pin(catalog::change_ddds(connection, edition))).await
    }
}
