//! The real SQLite store behind a simulated connection: a statement takes time, it may not arrive, and its answer may be lost.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use oss_core::sigan::{Hold, ListedHold};
use oss_core::store::{
    ActiveSim, AdoptOutcome, Adoption, AdoptionStore, Assign, AttemptStore, AuditStore, Begin, BeginOrder,
    BeginRandom, CatalogStore, Census, ClaimedOrders, Claims, CodeAnswer, CodeReading, Confirmed, Delivery,
    DrawBatch, Due, DueOrder, EndLine, EventCursor, EventRow, EventRows, EventStore, Extend, Extension,
    ExtensionStore, HeldPage, Intent, IssuedOrder, IssuedSim, Keyed, KeyedPreview, KnownHold, KnownSim,
    Lease, LineStore, ListStore, NewCall, NewOrder, NewPreview, NumberClaims, NumberKey, OperatorSession,
    OrderLease, OrderStore, Overdue, PoolUsage, PreviewStore, PreviousPreview, ProfileRecorded, RandomStore,
    Range, Release, ReleaseStore, Scope, SearchStore, SessionStore, SettlementStore, SilentProfile,
    SimAuditStore, SimDelivery, SimRange, SimStore, StatisticsStore, Store, StoreError, StoredPreview,
    StoryStore, SweepStore, Tenant, UnreadableRow, UnsettledStore, WebhookStatus, WebhookStore, WebhookTurn,
};
use oss_core::{
    Association, Assortment, AttemptCount, AttemptRecord, AttemptState, Backlog, BrandId, ChangeCount,
    Choice, ClientName, CodeRead, Cursor, DataVersion, DataVersions, Ddd, DddChanges, DddData, DddSet,
    DeviceChanges, DeviceChoice, DeviceCode, DeviceData, DeviceHash, DrawCount, Edition, EsimAnswer,
    IdempotencyKey, LastAudit, ListedNumber, Msisdn, Number, NumberList, NumberPage, PreviewId,
    ProfileReport, ReservationId, Sim, SimFilter, SimId, SimRecord, UnsettledPage, UpstreamCall,
};
use uuid::Uuid;

use super::world::{Life, World};

/// The database behind the connection of one instance.
#[derive(Debug)]
pub(super) struct SimulatedStore {
    world: Arc<World>,
    life: Life,
}

impl SimulatedStore {
    pub(super) fn new(world: Arc<World>, life: Life) -> Self {
        Self { world, life }
    }

    /// Looks up reference data without a mishap. Its caches use the machine's time and not the simulated time, so a mishap here would
    /// make the run depend on more than the seed.
    fn look_up<T>(&self, statement: impl Future<Output = T>) -> T {
        self.world.database(statement)
    }

    async fn step<T>(
        &self,
        statement: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.life.pass_time(&self.world).await;
        if self.world.database_is_cut_off() || self.world.mishap(0.005) {
            return Err(unavailable());
        }
        let done = self.world.database(statement);
        self.life.pass_time(&self.world).await;
        if self.world.mishap(0.005) {
            self.world.count("the answer of the database was lost");
            return Err(unavailable());
        }
        done
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { reason: "simulated".to_owned() }
}

#[async_trait]
impl PreviewStore for SimulatedStore {
    async fn previous_preview(
        &self,
        scope: Scope<'_>,
        id: PreviewId,
    ) -> Result<Option<PreviousPreview>, StoreError> {
        self.step(self.world.store.previous_preview(scope, id)).await
    }

    async fn keyed_preview(
        &self,
        scope: Scope<'_>,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyedPreview>, StoreError> {
        self.step(self.world.store.keyed_preview(scope, key)).await
    }

    async fn create_preview(&self, preview: &NewPreview) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.step(self.world.store.create_preview(preview)).await
    }

    async fn were_returned(&self, msisdns: &[Msisdn], within: Duration) -> Result<bool, StoreError> {
        self.step(self.world.store.were_returned(msisdns, within)).await
    }

    async fn purge_previews(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        self.step(self.world.store.purge_previews(retention, limit)).await
    }
}

#[async_trait]
impl AttemptStore for SimulatedStore {
    async fn begin_reservation(
        &self,
        scope: Scope<'_>,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        intent: Intent,
    ) -> Result<Begin, StoreError> {
        self.step(self.world.store.begin_reservation(scope, id, preview, choice, intent)).await
    }

    async fn confirm(&self, lease: &Lease, hold_for: Duration) -> Result<Confirmed, StoreError> {
        self.step(self.world.store.confirm(lease, hold_for)).await
    }

    async fn abandon(&self, leases: &[ReservationId]) -> Result<Vec<ReservationId>, StoreError> {
        self.step(self.world.store.abandon(leases)).await
    }

    async fn doubt(&self, lease: &Lease, reason: &str, retry_in: Duration) -> Result<bool, StoreError> {
        self.step(self.world.store.doubt(lease, reason, retry_in)).await
    }

    async fn reject(&self, lease: &Lease, reason: &str) -> Result<(), StoreError> {
        self.step(self.world.store.reject(lease, reason)).await
    }

    async fn cancel(
        &self,
        lease: &Lease,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        self.step(self.world.store.cancel(lease, reason, tell_within)).await
    }
}

#[async_trait]
impl RandomStore for SimulatedStore {
    async fn begin_random(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        key: Option<&IdempotencyKey>,
        lease: Duration,
    ) -> Result<BeginRandom, StoreError> {
        self.step(self.world.store.begin_random(id, hold, brand, key, lease)).await
    }

    async fn resume_keyed(
        &self,
        scope: Scope<'_>,
        id: ReservationId,
        key: &IdempotencyKey,
        ddd: Ddd,
        intent: Intent,
    ) -> Result<Option<Keyed>, StoreError> {
        self.step(self.world.store.resume_keyed(scope, id, key, ddd, intent)).await
    }
}

#[async_trait]
impl ReleaseStore for SimulatedStore {
    async fn release(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<Release, StoreError> {
        self.step(self.world.store.release(scope, msisdn, lease)).await
    }

    async fn look_at_release(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Release, StoreError> {
        self.step(self.world.store.look_at_release(scope, msisdn)).await
    }

    async fn record_delivery(&self, id: ReservationId) -> Result<Option<AttemptState>, StoreError> {
        self.step(self.world.store.record_delivery(id)).await
    }

    async fn record_failed_delivery(
        &self,
        delivery: &Delivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        self.step(self.world.store.record_failed_delivery(delivery, reason, retry_in)).await
    }
}

#[async_trait]
impl ExtensionStore for SimulatedStore {
    async fn extend(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        extension: Extension,
    ) -> Result<Extend, StoreError> {
        self.step(self.world.store.extend(scope, msisdn, extension)).await
    }
}

#[async_trait]
impl ListStore for SimulatedStore {
    async fn list_numbers(&self, scope: Scope<'_>, list: &NumberList) -> Result<NumberPage, StoreError> {
        self.step(self.world.store.list_numbers(scope, list)).await
    }
}

#[async_trait]
impl LineStore for SimulatedStore {
    async fn assign(&self, scope: Scope<'_>, msisdn: Msisdn, sim: SimId) -> Result<Assign, StoreError> {
        self.step(self.world.store.assign(scope, msisdn, sim)).await
    }

    async fn number(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Option<Number>, StoreError> {
        self.step(self.world.store.number(scope, msisdn)).await
    }
}

#[async_trait]
impl AdoptionStore for SimulatedStore {
    async fn adopt(
        &self,
        tenant: &Tenant,
        id: ReservationId,
        adoption: &Adoption,
    ) -> Result<AdoptOutcome, StoreError> {
        self.step(self.world.store.adopt(tenant, id, adoption)).await
    }
}

#[async_trait]
impl SweepStore for SimulatedStore {
    async fn settle_overdue(&self, limit: u32) -> Result<Overdue, StoreError> {
        self.step(self.world.store.settle_overdue(limit)).await
    }

    async fn claim_due(&self, limit: u32, lease: Duration) -> Result<Claims, StoreError> {
        self.step(self.world.store.claim_due(limit, lease)).await
    }

    async fn census(&self, limit: u32) -> Result<Census, StoreError> {
        self.step(self.world.store.census(limit)).await
    }
}

#[async_trait]
impl SearchStore for SimulatedStore {
    async fn find_number(
        &self,
        scope: Scope<'_>,
        key: NumberKey,
    ) -> Result<Option<ListedNumber>, StoreError> {
        self.step(self.world.store.find_number(scope, key)).await
    }

    async fn find_preview(
        &self,
        scope: Scope<'_>,
        id: PreviewId,
    ) -> Result<Option<StoredPreview>, StoreError> {
        self.step(self.world.store.find_preview(scope, id)).await
    }
}

#[async_trait]
impl UnsettledStore for SimulatedStore {
    async fn unsettled_attempts(
        &self,
        scope: Scope<'_>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<UnsettledPage, StoreError> {
        self.step(self.world.store.unsettled_attempts(scope, after, limit)).await
    }
}

#[async_trait]
impl SettlementStore for SimulatedStore {
    async fn claim_attempt_of(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<NumberClaims<Due>, StoreError> {
        self.step(self.world.store.claim_attempt_of(scope, msisdn, lease)).await
    }

    async fn claim_orders_of(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        lease: Duration,
    ) -> Result<NumberClaims<DueOrder>, StoreError> {
        self.step(self.world.store.claim_orders_of(scope, msisdn, lease)).await
    }
}

#[async_trait]
impl StatisticsStore for SimulatedStore {
    async fn count_events(&self, limit: u32) -> Result<u64, StoreError> {
        self.step(self.world.store.count_events(limit)).await
    }

    async fn attempt_counts(&self) -> Result<Vec<AttemptCount>, StoreError> {
        self.step(self.world.store.attempt_counts()).await
    }

    async fn backlogs(&self) -> Result<Vec<Backlog>, StoreError> {
        self.step(self.world.store.backlogs()).await
    }

    async fn changes(&self, within: Duration) -> Result<Vec<ChangeCount>, StoreError> {
        self.step(self.world.store.changes(within)).await
    }

    async fn add_draws(&self, batch: &DrawBatch) -> Result<(), StoreError> {
        self.step(self.world.store.add_draws(batch)).await
    }

    async fn draws(&self, within: Duration) -> Result<Vec<DrawCount>, StoreError> {
        self.step(self.world.store.draws(within)).await
    }

    async fn record_audit(&self, brand: &BrandId, differences: u64) -> Result<(), StoreError> {
        self.step(self.world.store.record_audit(brand, differences)).await
    }

    async fn last_audits(&self) -> Result<Vec<LastAudit>, StoreError> {
        self.step(self.world.store.last_audits()).await
    }
}

#[async_trait]
impl StoryStore for SimulatedStore {
    async fn record_calls(&self, calls: &[NewCall]) -> Result<(), StoreError> {
        // Nothing depends on these records. So a mishap here would only take the place of one that could show a fault.
        if self.world.database_is_cut_off() {
            return Err(unavailable());
        }
        self.look_up(self.world.store.record_calls(calls))
    }

    async fn purge_calls(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        self.step(self.world.store.purge_calls(retention, limit)).await
    }

    async fn attempts_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<AttemptRecord>, StoreError> {
        self.step(self.world.store.attempts_of_number(scope, msisdn, limit)).await
    }

    async fn calls_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<UpstreamCall>, StoreError> {
        self.step(self.world.store.calls_of_number(scope, msisdn, limit)).await
    }

    async fn events_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        self.step(self.world.store.events_of_number(scope, msisdn, limit)).await
    }

    async fn code_reads_of_number(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        limit: u32,
    ) -> Result<Vec<(SimId, CodeRead)>, StoreError> {
        self.step(self.world.store.code_reads_of_number(scope, msisdn, limit)).await
    }

    async fn calls_of_sim(&self, sim: SimId, limit: u32) -> Result<Vec<UpstreamCall>, StoreError> {
        self.step(self.world.store.calls_of_sim(sim, limit)).await
    }

    async fn events_of_sim(&self, sim: SimId, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        self.step(self.world.store.events_of_sim(sim, limit)).await
    }

    async fn calls_of_request(
        &self,
        scope: Scope<'_>,
        request: Uuid,
        limit: u32,
    ) -> Result<Vec<UpstreamCall>, StoreError> {
        self.step(self.world.store.calls_of_request(scope, request, limit)).await
    }
}

#[async_trait]
impl EventStore for SimulatedStore {
    async fn events(
        &self,
        scope: Scope<'_>,
        after: EventCursor,
        limit: u32,
    ) -> Result<EventRows, StoreError> {
        self.step(self.world.store.events(scope, after, limit)).await
    }

    async fn last_event(&self) -> Result<EventCursor, StoreError> {
        self.step(self.world.store.last_event()).await
    }

    async fn has_place(&self, place: EventCursor) -> Result<bool, StoreError> {
        self.step(self.world.store.has_place(place)).await
    }

    async fn events_since(&self, time: DateTime<Utc>) -> Result<EventCursor, StoreError> {
        self.step(self.world.store.events_since(time)).await
    }

    async fn announce_expiring(&self, notice: Duration, limit: u32) -> Result<u64, StoreError> {
        self.step(self.world.store.announce_expiring(notice, limit)).await
    }

    async fn purge_events(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        self.step(self.world.store.purge_events(retention, limit)).await
    }
}

#[async_trait]
impl WebhookStore for SimulatedStore {
    async fn take_webhook(
        &self,
        name: &ClientName,
        server: Uuid,
        lease: Duration,
    ) -> Result<Option<WebhookTurn>, StoreError> {
        self.step(self.world.store.take_webhook(name, server, lease)).await
    }

    async fn advance_webhook(
        &self,
        name: &ClientName,
        server: Uuid,
        to: EventCursor,
        delivered: bool,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        self.step(self.world.store.advance_webhook(name, server, to, delivered, lease)).await
    }

    async fn record_failed_webhook(
        &self,
        name: &ClientName,
        server: Uuid,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        self.step(self.world.store.record_failed_webhook(name, server, reason, retry_in)).await
    }

    async fn leave_webhook(&self, name: &ClientName, server: Uuid) -> Result<(), StoreError> {
        self.step(self.world.store.leave_webhook(name, server)).await
    }

    async fn webhooks(&self) -> Result<Vec<WebhookStatus>, StoreError> {
        self.step(self.world.store.webhooks()).await
    }

    async fn replay_webhook(&self, name: &ClientName, from: EventCursor) -> Result<bool, StoreError> {
        self.step(self.world.store.replay_webhook(name, from)).await
    }
}

#[async_trait]
impl SessionStore for SimulatedStore {
    async fn open_session(
        &self,
        token: &str,
        session: &OperatorSession,
        lasts: Duration,
    ) -> Result<(), StoreError> {
        self.step(self.world.store.open_session(token, session, lasts)).await
    }

    async fn session(&self, token: &str) -> Result<Option<OperatorSession>, StoreError> {
        self.step(self.world.store.session(token)).await
    }

    async fn select_session_brand(&self, token: &str, brand: &BrandId) -> Result<(), StoreError> {
        self.step(self.world.store.select_session_brand(token, brand)).await
    }

    async fn end_session(&self, token: &str) -> Result<(), StoreError> {
        self.step(self.world.store.end_session(token)).await
    }
}

#[async_trait]
impl AuditStore for SimulatedStore {
    async fn known_holds(
        &self,
        listed: &[ListedHold],
        young: Duration,
    ) -> Result<Vec<KnownHold>, StoreError> {
        self.step(self.world.store.known_holds(listed, young)).await
    }

    async fn holding_brands(&self) -> Result<Vec<BrandId>, StoreError> {
        self.step(self.world.store.holding_brands()).await
    }

    async fn held_numbers(
        &self,
        tenant: &Tenant,
        range: Range,
        young: Duration,
        limit: u32,
    ) -> Result<HeldPage, StoreError> {
        self.step(self.world.store.held_numbers(tenant, range, young, limit)).await
    }

    async fn count_held_numbers(&self) -> Result<u64, StoreError> {
        self.step(self.world.store.count_held_numbers()).await
    }

    async fn set_aside_rows(
        &self,
        after: Option<ReservationId>,
        limit: u32,
    ) -> Result<Vec<(ReservationId, UnreadableRow)>, StoreError> {
        self.step(self.world.store.set_aside_rows(after, limit)).await
    }

    async fn release_stray(
        &self,
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        self.step(self.world.store.release_stray(id, hold, brand, tell_within)).await
    }

    async fn release_lost(
        &self,
        lease: &Lease,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        self.step(self.world.store.release_lost(lease, reason, tell_within)).await
    }

    async fn give_back_lost(
        &self,
        id: ReservationId,
        reason: &str,
        tell_within: Duration,
    ) -> Result<Option<Delivery>, StoreError> {
        self.step(self.world.store.give_back_lost(id, reason, tell_within)).await
    }
}

#[async_trait]
impl OrderStore for SimulatedStore {
    async fn begin_order(&self, scope: Scope<'_>, wish: &NewOrder) -> Result<BeginOrder, StoreError> {
        self.step(self.world.store.begin_order(scope, wish)).await
    }

    async fn issue(
        &self,
        lease: &OrderLease,
        issued: &IssuedSim,
        deliver_within: Duration,
    ) -> Result<IssuedOrder, StoreError> {
        self.step(self.world.store.issue(lease, issued, deliver_within)).await
    }

    async fn doubt_order(
        &self,
        lease: &OrderLease,
        reason: &str,
        retry_in: Duration,
    ) -> Result<bool, StoreError> {
        self.step(self.world.store.doubt_order(lease, reason, retry_in)).await
    }

    async fn reject_order(&self, lease: &OrderLease, reason: &str) -> Result<(), StoreError> {
        self.step(self.world.store.reject_order(lease, reason)).await
    }

    async fn cancel_order(
        &self,
        lease: &OrderLease,
        reason: &str,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError> {
        self.step(self.world.store.cancel_order(lease, reason, deliver_within)).await
    }

    async fn release_lost_order(
        &self,
        lease: &OrderLease,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError> {
        self.step(self.world.store.release_lost_order(lease, deliver_within)).await
    }

    async fn end_line(
        &self,
        scope: Scope<'_>,
        msisdn: Msisdn,
        deliver_within: Duration,
    ) -> Result<EndLine, StoreError> {
        self.step(self.world.store.end_line(scope, msisdn, deliver_within)).await
    }

    async fn record_sim_delivery(&self, order: SimId) -> Result<Option<AttemptState>, StoreError> {
        self.step(self.world.store.record_sim_delivery(order)).await
    }

    async fn record_failed_sim_delivery(
        &self,
        delivery: &SimDelivery,
        reason: &str,
        retry_in: Duration,
    ) -> Result<(), StoreError> {
        self.step(self.world.store.record_failed_sim_delivery(delivery, reason, retry_in)).await
    }

    async fn claim_due_orders(&self, limit: u32, lease: Duration) -> Result<ClaimedOrders, StoreError> {
        self.step(self.world.store.claim_due_orders(limit, lease)).await
    }
}

#[async_trait]
impl SimStore for SimulatedStore {
    async fn sim(&self, scope: Scope<'_>, id: SimId) -> Result<Option<SimRecord>, StoreError> {
        self.step(self.world.store.sim(scope, id)).await
    }

    async fn find_sims(&self, scope: Scope<'_>, filter: &SimFilter) -> Result<Vec<Sim>, StoreError> {
        self.step(self.world.store.find_sims(scope, filter)).await
    }

    async fn read_code(&self, scope: Scope<'_>, reading: &CodeReading) -> Result<CodeAnswer, StoreError> {
        self.step(self.world.store.read_code(scope, reading)).await
    }

    async fn record_profile(&self, report: &ProfileReport) -> Result<ProfileRecorded, StoreError> {
        self.step(self.world.store.record_profile(report)).await
    }

    async fn claim_silent(&self, limit: u32, silent_for: Duration) -> Result<Vec<SilentProfile>, StoreError> {
        self.step(self.world.store.claim_silent(limit, silent_for)).await
    }

    async fn associations(&self, scope: Scope<'_>, msisdn: Msisdn) -> Result<Vec<Association>, StoreError> {
        self.step(self.world.store.associations(scope, msisdn)).await
    }
}

#[async_trait]
impl SimAuditStore for SimulatedStore {
    async fn known_sims(
        &self,
        listed: &[(SimId, Msisdn)],
        young: Duration,
    ) -> Result<Vec<KnownSim>, StoreError> {
        self.step(self.world.store.known_sims(listed, young)).await
    }

    async fn active_sims(
        &self,
        tenant: &Tenant,
        range: SimRange,
        young: Duration,
        limit: u32,
    ) -> Result<Vec<ActiveSim>, StoreError> {
        self.step(self.world.store.active_sims(tenant, range, young, limit)).await
    }

    async fn release_stray_sim(
        &self,
        id: SimId,
        msisdn: Msisdn,
        brand: &BrandId,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError> {
        self.step(self.world.store.release_stray_sim(id, msisdn, brand, deliver_within)).await
    }
}

#[async_trait]
impl CatalogStore for SimulatedStore {
    async fn ddds_in_use(&self) -> Result<DddSet, StoreError> {
        self.look_up(self.world.store.ddds_in_use())
    }

    async fn data_versions(&self) -> Result<DataVersions, StoreError> {
        self.look_up(self.world.store.data_versions())
    }

    async fn assortments(&self) -> Result<Vec<Assortment>, StoreError> {
        self.look_up(self.world.store.assortments())
    }

    async fn device_codes(&self) -> Result<Vec<DeviceCode>, StoreError> {
        self.look_up(self.world.store.device_codes())
    }

    async fn esim_support(&self, choice: &DeviceChoice) -> Result<EsimAnswer, StoreError> {
        self.look_up(self.world.store.esim_support(choice))
    }

    async fn keep_choice(&self, choice: &DeviceChoice, hash: DeviceHash) -> Result<(), StoreError> {
        self.look_up(self.world.store.keep_choice(choice, hash))
    }

    async fn devices(&self) -> Result<(DataVersion, DeviceData), StoreError> {
        self.look_up(self.world.store.devices())
    }

    async fn change_devices(&self, edition: Edition<DeviceChanges>) -> Result<bool, StoreError> {
        self.look_up(self.world.store.change_devices(edition))
    }

    async fn ddds(&self) -> Result<(DataVersion, DddData), StoreError> {
        self.look_up(self.world.store.ddds())
    }

    async fn change_ddds(&self, edition: Edition<DddChanges>) -> Result<bool, StoreError> {
        self.look_up(self.world.store.change_ddds(edition))
    }
}

#[async_trait]
impl Store for SimulatedStore {
    async fn check(&self) -> Result<(), StoreError> {
        self.step(self.world.store.check()).await
    }

    fn pools(&self) -> Vec<PoolUsage> {
        self.world.store.pools()
    }

    fn oldest_write(&self) -> Duration {
        self.world.store.oldest_write()
    }
}
