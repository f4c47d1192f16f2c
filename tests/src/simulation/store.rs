//! The real SQLite store behind a simulated connection: a statement takes time, it may not arrive, and its answer may be lost.

use std::future::{Ready, ready};
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
    ExternalId, IdempotencyKey, LastAudit, ListedNumber, Msisdn, Number, NumberList, NumberPage, PreviewId,
    ProfileReport, ReservationId, Sim, SimFilter, SimId, SimRecord, UnsettledPage, UpstreamCall,
};
use uuid::Uuid;

use super::world::{Life, World};

/// The database behind the connection of one instance.
#[derive(Debug)]
pub(super) struct SimulatedStore {
    world: Arc<World>,
    life: Life,
    store: Arc<dyn Store>,
}

impl SimulatedStore {
    pub(super) fn new(world: Arc<World>, life: Life) -> Self {
        let store = world.store.on_behalf_of(None);
        Self { world, life, store }
    }

    /// Looks up reference data without a mishap. Its caches use the machine's time and not the simulated time, so a mishap here would
    /// make the run depend on more than the seed.
    fn look_up<T>(&self, statement: impl Future<Output = T>) -> Ready<T> {
        ready(self.world.database(statement))
    }

    /// Records calls to Sigan and GSIM. Nothing depends on these records, so a mishap here would only take the place of one that could show
    /// a fault.
    fn record<T>(
        &self,
        statement: impl Future<Output = Result<T, StoreError>>,
    ) -> Ready<Result<T, StoreError>> {
        let is_cut_off = self.world.database_is_cut_off();
        ready(if is_cut_off { Err(unavailable()) } else { self.world.database(statement) })
    }

    /// Executes a statement over the simulated connection.
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

/// Implements a trait of the store: each method executes the statement of the real store in the way that is named before it.
macro_rules! forward {
    ($store:ident: $($way:ident $method:ident($($argument:ident: $type:ty),* $(,)?) -> $answer:ty;)*) => {
        #[async_trait]
        impl $store for SimulatedStore {
            $(async fn $method(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                self.$way(self.store.$method($($argument),*)).await
            })*
        }
    };
}

forward! { PreviewStore:
    step previous_preview(scope: Scope<'_>, id: PreviewId) -> Option<PreviousPreview>;
    step keyed_preview(scope: Scope<'_>, key: &IdempotencyKey) -> Option<KeyedPreview>;
    step create_preview(preview: &NewPreview) -> Option<DateTime<Utc>>;
    step were_returned(msisdns: &[Msisdn], within: Duration) -> bool;
    step purge_previews(retention: Duration, limit: u32) -> u64;
}

forward! { AttemptStore:
    step begin_reservation(
        scope: Scope<'_>,
        id: ReservationId,
        preview: PreviewId,
        choice: Choice,
        intent: Intent,
    ) -> Begin;
    step confirm(lease: &Lease, hold_for: Duration) -> Confirmed;
    step abandon(leases: &[ReservationId]) -> Vec<ReservationId>;
    step doubt(lease: &Lease, reason: &str, retry_in: Duration) -> bool;
    step reject(lease: &Lease, reason: &str) -> ();
    step cancel(lease: &Lease, reason: &str, tell_within: Duration) -> Option<Delivery>;
}

forward! { RandomStore:
    step begin_random(
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        key: Option<&IdempotencyKey>,
        lease: Duration,
    ) -> BeginRandom;
    step resume_keyed(
        scope: Scope<'_>,
        id: ReservationId,
        key: &IdempotencyKey,
        ddd: Ddd,
        intent: Intent,
    ) -> Option<Keyed>;
}

forward! { ReleaseStore:
    step release(scope: Scope<'_>, msisdn: Msisdn, lease: Duration) -> Release;
    step look_at_release(scope: Scope<'_>, msisdn: Msisdn) -> Release;
    step record_delivery(id: ReservationId) -> Option<AttemptState>;
    step record_failed_delivery(delivery: &Delivery, reason: &str, retry_in: Duration) -> ();
}

forward! { ExtensionStore:
    step extend(scope: Scope<'_>, msisdn: Msisdn, extension: Extension) -> Extend;
}

forward! { ListStore:
    step list_numbers(scope: Scope<'_>, list: &NumberList) -> NumberPage;
}

forward! { LineStore:
    step assign(scope: Scope<'_>, msisdn: Msisdn, sim: SimId) -> Assign;
    step number(scope: Scope<'_>, msisdn: Msisdn) -> Option<Number>;
}

forward! { AdoptionStore:
    step adopt(tenant: &Tenant, id: ReservationId, adoption: &Adoption) -> AdoptOutcome;
}

forward! { SweepStore:
    step settle_overdue(limit: u32) -> Overdue;
    step claim_due(limit: u32, lease: Duration) -> Claims;
    step census(limit: u32) -> Census;
}

forward! { SearchStore:
    step find_number(scope: Scope<'_>, key: NumberKey) -> Option<ListedNumber>;
    step find_preview(scope: Scope<'_>, id: PreviewId) -> Option<StoredPreview>;
}

forward! { UnsettledStore:
    step unsettled_attempts(scope: Scope<'_>, after: Option<&Cursor>, limit: u32) -> UnsettledPage;
}

forward! { SettlementStore:
    step claim_attempt_of(scope: Scope<'_>, msisdn: Msisdn, lease: Duration) -> NumberClaims<Due>;
    step claim_orders_of(scope: Scope<'_>, msisdn: Msisdn, lease: Duration) -> NumberClaims<DueOrder>;
}

forward! { StatisticsStore:
    step count_events(limit: u32) -> u64;
    step attempt_counts() -> Vec<AttemptCount>;
    step backlogs() -> Vec<Backlog>;
    step changes(within: Duration) -> Vec<ChangeCount>;
    step add_draws(batch: &DrawBatch) -> ();
    step draws(within: Duration) -> Vec<DrawCount>;
    step record_audit(brand: &BrandId, differences: u64) -> ();
    step last_audits() -> Vec<LastAudit>;
}

forward! { StoryStore:
    record record_calls(calls: &[NewCall]) -> ();
    step purge_calls(retention: Duration, limit: u32) -> u64;
    step attempts_of_number(scope: Scope<'_>, msisdn: Msisdn, limit: u32) -> Vec<AttemptRecord>;
    step calls_of_number(scope: Scope<'_>, msisdn: Msisdn, limit: u32) -> Vec<UpstreamCall>;
    step events_of_number(scope: Scope<'_>, msisdn: Msisdn, limit: u32) -> Vec<EventRow>;
    step code_reads_of_number(scope: Scope<'_>, msisdn: Msisdn, limit: u32) -> Vec<(SimId, CodeRead)>;
    step calls_of_sim(sim: SimId, limit: u32) -> Vec<UpstreamCall>;
    step events_of_sim(sim: SimId, limit: u32) -> Vec<EventRow>;
    step calls_of_hold(external_id: &ExternalId, limit: u32) -> Vec<UpstreamCall>;
    step calls_of_request(scope: Scope<'_>, request: Uuid, limit: u32) -> Vec<UpstreamCall>;
}

forward! { EventStore:
    step events(scope: Scope<'_>, after: EventCursor, limit: u32) -> EventRows;
    step events_before(scope: Scope<'_>, between: (EventCursor, EventCursor), limit: u32) -> EventRows;
    step last_event() -> EventCursor;
    step has_place(place: EventCursor) -> bool;
    step events_since(time: DateTime<Utc>) -> EventCursor;
    step announce_expiring(notice: Duration, limit: u32) -> u64;
    step purge_events(retention: Duration, limit: u32) -> u64;
}

forward! { WebhookStore:
    step take_webhook(name: &ClientName, server: Uuid, lease: Duration) -> Option<WebhookTurn>;
    step advance_webhook(
        name: &ClientName,
        server: Uuid,
        to: EventCursor,
        delivered: bool,
        lease: Duration,
    ) -> bool;
    step record_failed_webhook(name: &ClientName, server: Uuid, reason: &str, retry_in: Duration) -> ();
    step leave_webhook(name: &ClientName, server: Uuid) -> ();
    step webhooks() -> Vec<WebhookStatus>;
    step replay_webhook(name: &ClientName, from: EventCursor) -> bool;
}

forward! { SessionStore:
    step open_session(token: &str, session: &OperatorSession, lasts: Duration) -> ();
    step session(token: &str) -> Option<OperatorSession>;
    step select_session_brand(token: &str, brand: &BrandId) -> ();
    step end_session(token: &str) -> ();
}

forward! { AuditStore:
    step known_holds(listed: &[ListedHold], young: Duration) -> Vec<KnownHold>;
    step holding_brands() -> Vec<BrandId>;
    step held_numbers(tenant: &Tenant, range: Range, young: Duration, limit: u32) -> HeldPage;
    step count_held_numbers() -> u64;
    step set_aside_rows(after: Option<ReservationId>, limit: u32) -> Vec<(ReservationId, UnreadableRow)>;
    step release_stray(
        id: ReservationId,
        hold: &Hold,
        brand: &BrandId,
        tell_within: Duration,
    ) -> Option<Delivery>;
    step release_lost(lease: &Lease, reason: &str, tell_within: Duration) -> Option<Delivery>;
    step give_back_lost(id: ReservationId, reason: &str, tell_within: Duration) -> Option<Delivery>;
}

forward! { OrderStore:
    step begin_order(scope: Scope<'_>, wish: &NewOrder) -> BeginOrder;
    step issue(lease: &OrderLease, issued: &IssuedSim, deliver_within: Duration) -> IssuedOrder;
    step doubt_order(lease: &OrderLease, reason: &str, retry_in: Duration) -> bool;
    step reject_order(lease: &OrderLease, reason: &str) -> ();
    step cancel_order(lease: &OrderLease, reason: &str, deliver_within: Duration) -> Option<SimDelivery>;
    step release_lost_order(lease: &OrderLease, deliver_within: Duration) -> Option<SimDelivery>;
    step end_line(scope: Scope<'_>, msisdn: Msisdn, deliver_within: Duration) -> EndLine;
    step record_sim_delivery(order: SimId) -> Option<AttemptState>;
    step record_failed_sim_delivery(delivery: &SimDelivery, reason: &str, retry_in: Duration) -> ();
    step claim_due_orders(limit: u32, lease: Duration) -> ClaimedOrders;
}

forward! { SimStore:
    step sim(scope: Scope<'_>, id: SimId) -> Option<SimRecord>;
    step find_sims(scope: Scope<'_>, filter: &SimFilter) -> Vec<Sim>;
    step read_code(scope: Scope<'_>, reading: &CodeReading) -> CodeAnswer;
    step record_profile(report: &ProfileReport) -> ProfileRecorded;
    step claim_silent(limit: u32, silent_for: Duration) -> Vec<SilentProfile>;
    step associations(scope: Scope<'_>, msisdn: Msisdn) -> Vec<Association>;
}

forward! { SimAuditStore:
    step known_sims(listed: &[(SimId, Msisdn)], young: Duration) -> Vec<KnownSim>;
    step active_sims(tenant: &Tenant, range: SimRange, young: Duration, limit: u32) -> Vec<ActiveSim>;
    step release_stray_sim(
        id: SimId,
        msisdn: Msisdn,
        brand: &BrandId,
        deliver_within: Duration,
    ) -> Option<SimDelivery>;
}

forward! { CatalogStore:
    look_up ddds_in_use() -> DddSet;
    look_up data_versions() -> DataVersions;
    look_up assortments() -> Vec<Assortment>;
    look_up device_codes() -> Vec<DeviceCode>;
    look_up esim_support(choice: &DeviceChoice) -> EsimAnswer;
    look_up keep_choice(choice: &DeviceChoice, hash: DeviceHash) -> ();
    look_up devices() -> (DataVersion, DeviceData);
    look_up change_devices(edition: Edition<DeviceChanges>) -> bool;
    look_up ddds() -> (DataVersion, DddData);
    look_up change_ddds(edition: Edition<DddChanges>) -> bool;
}

#[async_trait]
impl Store for SimulatedStore {
    fn on_behalf_of(&self, client: Option<ClientName>) -> Arc<dyn Store> {
        let store = self.store.on_behalf_of(client);
        Arc::new(Self { world: self.world.clone(), life: self.life.clone(), store })
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.step(self.store.check()).await
    }

    fn pools(&self) -> Vec<PoolUsage> {
        self.store.pools()
    }

    fn oldest_write(&self) -> Duration {
        self.store.oldest_write()
    }
}
