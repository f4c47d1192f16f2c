//! The operations that the commands use, on a database or through a server.
//!
//! A command does not know which of both it works on. To give the commands another operation, add a method here, and implement it
//! for [`Oss`] and for the client of a server.

use std::time::Duration;

use chrono::{DateTime, Utc};
use oss_core::search::{SearchAmong, SearchResults, SearchTerm};
use oss_core::{
    ActivationCode, Association, AuditOptions, AuditReport, BulkMode, Choice, ClientName, Ddd, DeviceBrand,
    DeviceBrandId, DeviceChoice, DeviceModel, EsimCheck, EventCursor, EventPage, Found, IdempotencyKey,
    LineId, Msisdn, Number, NumberHistory, NumberList, NumberPage, Oss, Preview, PreviewId, ReleaseResult,
    Released, Reservation, Settlement, Sim, SimFilter, SimId, SimRecord, Statistics, SweepReport, WantedSim,
    WebhookStatus,
};

use crate::exit::Failure;

/// The place from which to read events.
#[derive(Debug, Clone, Copy)]
pub(crate) enum EventStart {
    /// After a place.
    After(EventCursor),
    /// Shortly before a time.
    Since(DateTime<Utc>),
    /// After the last event.
    Latest,
}

/// The options of an audit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Audit {
    /// Whether to settle the differences that are safe to settle.
    pub(crate) fix: bool,
    /// Whether more than 20 holds may be released.
    pub(crate) force: bool,
    /// Numbers and holds that changed within this time are skipped.
    pub(crate) min_age: Duration,
}

/// A number, and what became of its release.
pub(crate) type Release = (Msisdn, Result<Released, Failure>);

/// The operations, with a method for each.
pub(crate) trait Service {
    /// Pre-reserves three numbers of an area code.
    async fn create_preview(
        &self,
        ddd: Ddd,
        previous: Option<PreviewId>,
        key: Option<IdempotencyKey>,
    ) -> Result<Preview, Failure>;

    /// Reserves a number of a preview.
    async fn reserve(&self, preview: PreviewId, choice: Choice) -> Result<Reservation, Failure>;

    /// Reserves a random number of an area code.
    async fn reserve_random(&self, ddd: Ddd, key: Option<IdempotencyKey>) -> Result<Reservation, Failure>;

    /// Gives numbers back, and returns the result of each.
    async fn release_all(&self, msisdns: Vec<Msisdn>, mode: BulkMode) -> Result<Vec<Release>, Failure>;

    /// Holds a reserved number for longer.
    async fn extend_reservation(&self, msisdn: Msisdn) -> Result<Reservation, Failure>;

    /// Puts a number on the line of a SIM.
    async fn assign(&self, msisdn: Msisdn, sim: SimId) -> Result<(), Failure>;

    /// A number and every hold it has had.
    async fn number(&self, msisdn: Msisdn) -> Result<Number, Failure>;

    /// The attempts to hold a number, and its timeline.
    async fn number_history(&self, msisdn: Msisdn) -> Result<NumberHistory, Failure>;

    /// A page of numbers.
    async fn list_numbers(&self, list: &NumberList) -> Result<NumberPage, Failure>;

    /// The things that an identifier names.
    async fn search(&self, term: &SearchTerm) -> Result<SearchResults, Failure>;

    /// Orders a SIM for a reserved number, and puts the number on a line.
    async fn order_sim(
        &self,
        msisdn: Msisdn,
        line: LineId,
        wanted: WantedSim,
        key: Option<IdempotencyKey>,
    ) -> Result<Sim, Failure>;

    /// Puts a number in use on another SIM.
    async fn replace_sim(
        &self,
        msisdn: Msisdn,
        wanted: WantedSim,
        key: Option<IdempotencyKey>,
    ) -> Result<Sim, Failure>;

    /// A SIM and its history.
    async fn sim(&self, id: SimId) -> Result<SimRecord, Failure>;

    /// The SIMs that a filter finds, the latest first.
    async fn find_sims(&self, filter: &SimFilter) -> Result<Vec<Sim>, Failure>;

    /// The activation code of an eSIM. The read is recorded.
    async fn activation_code(&self, id: SimId) -> Result<ActivationCode, Failure>;

    /// Ends the line of a number.
    async fn end_line(&self, msisdn: Msisdn) -> Result<(), Failure>;

    /// The SIMs and lines that a number was on, or those at a time.
    async fn associations(
        &self,
        msisdn: Msisdn,
        at: Option<DateTime<Utc>>,
    ) -> Result<Vec<Association>, Failure>;

    /// The counts of every brand.
    async fn statistics(&self) -> Result<Statistics, Failure>;

    /// Settles a number, and compares it with Sigan.
    async fn settle(&self, msisdn: Msisdn) -> Result<Settlement, Failure>;

    /// Runs one clean-up pass.
    async fn sweep(&self) -> Result<SweepReport, Failure>;

    /// The pause between two clean-up passes.
    fn sweep_interval(&self) -> Duration;

    /// Audits, and hands over everything that is found when it is found.
    async fn audit(&self, options: Audit, on_found: impl FnMut(Found) + Send)
    -> Result<AuditReport, Failure>;

    /// The count of the numbers that an audit will look at; none if it is not known.
    async fn count_held_numbers(&self) -> Result<Option<u64>, Failure>;

    /// How far each webhook is.
    async fn webhooks(&self) -> Result<Vec<WebhookStatus>, Failure>;

    /// Delivers the events since a time to a webhook again. Returns false if there is no such webhook.
    async fn replay_webhook(&self, name: &ClientName, from: DateTime<Utc>) -> Result<bool, Failure>;

    /// Whether an area code exists.
    async fn ddd_exists(&self, ddd: Ddd) -> Result<bool, Failure>;

    /// The brands of devices that support eSIM.
    async fn brands(&self) -> Result<Vec<DeviceBrand>, Failure>;

    /// The id of the brand with this name, slug or id.
    async fn find_brand(&self, text: &str) -> Result<DeviceBrandId, Failure>;

    /// The models of a brand that support eSIM.
    async fn models(&self, brand: DeviceBrandId) -> Result<Vec<DeviceModel>, Failure>;

    /// Whether a device supports eSIM.
    async fn check_esim(&self, choice: &DeviceChoice) -> Result<EsimCheck, Failure>;

    /// The events from a place on. If there is none yet, waits up to `wait` for one.
    async fn events(&self, start: EventStart, limit: u32, wait: Duration) -> Result<EventPage, Failure>;
}

impl Service for Oss {
    async fn create_preview(
        &self,
        ddd: Ddd,
        previous: Option<PreviewId>,
        key: Option<IdempotencyKey>,
    ) -> Result<Preview, Failure> {
        Ok(Self::create_preview(self, ddd).replacing(previous).idempotency_key(key).await?)
    }

    async fn reserve(&self, preview: PreviewId, choice: Choice) -> Result<Reservation, Failure> {
        Ok(Self::reserve(self, preview, choice).await?)
    }

    async fn reserve_random(&self, ddd: Ddd, key: Option<IdempotencyKey>) -> Result<Reservation, Failure> {
        Ok(Self::reserve_random(self, ddd).idempotency_key(key).await?)
    }

    async fn release_all(&self, msisdns: Vec<Msisdn>, mode: BulkMode) -> Result<Vec<Release>, Failure> {
        let results = Self::release_all(self, msisdns, mode).await;
        let read = |ReleaseResult { msisdn, result, .. }| (msisdn, result.map_err(Failure::from));
        Ok(results.into_iter().map(read).collect())
    }

    async fn extend_reservation(&self, msisdn: Msisdn) -> Result<Reservation, Failure> {
        Ok(Self::extend_reservation(self, msisdn).await?)
    }

    async fn assign(&self, msisdn: Msisdn, sim: SimId) -> Result<(), Failure> {
        Ok(Self::assign(self, msisdn, sim).await?)
    }

    async fn number(&self, msisdn: Msisdn) -> Result<Number, Failure> {
        Ok(Self::number(self, msisdn).await?)
    }

    async fn number_history(&self, msisdn: Msisdn) -> Result<NumberHistory, Failure> {
        Ok(Self::number_history(self, msisdn).await?)
    }

    async fn list_numbers(&self, list: &NumberList) -> Result<NumberPage, Failure> {
        Ok(Self::list_numbers(self, list).await?)
    }

    async fn search(&self, term: &SearchTerm) -> Result<SearchResults, Failure> {
        Ok(Self::search(self, term, SearchAmong::NumbersAndSims).await?)
    }

    async fn order_sim(
        &self,
        msisdn: Msisdn,
        line: LineId,
        wanted: WantedSim,
        key: Option<IdempotencyKey>,
    ) -> Result<Sim, Failure> {
        Ok(Self::order_sim(self, msisdn, line, wanted).idempotency_key(key).await?)
    }

    async fn replace_sim(
        &self,
        msisdn: Msisdn,
        wanted: WantedSim,
        key: Option<IdempotencyKey>,
    ) -> Result<Sim, Failure> {
        Ok(Self::replace_sim(self, msisdn, wanted).idempotency_key(key).await?)
    }

    async fn sim(&self, id: SimId) -> Result<SimRecord, Failure> {
        Ok(Self::sim(self, id).await?)
    }

    async fn find_sims(&self, filter: &SimFilter) -> Result<Vec<Sim>, Failure> {
        Ok(Self::find_sims(self, filter).await?)
    }

    async fn activation_code(&self, id: SimId) -> Result<ActivationCode, Failure> {
        Ok(Self::activation_code(self, id).await?)
    }

    async fn end_line(&self, msisdn: Msisdn) -> Result<(), Failure> {
        Ok(Self::end_line(self, msisdn).await?)
    }

    async fn associations(
        &self,
        msisdn: Msisdn,
        at: Option<DateTime<Utc>>,
    ) -> Result<Vec<Association>, Failure> {
        Ok(Self::associations(self, msisdn, at).await?)
    }

    async fn statistics(&self) -> Result<Statistics, Failure> {
        Ok(Self::statistics(self).await?)
    }

    async fn settle(&self, msisdn: Msisdn) -> Result<Settlement, Failure> {
        Ok(Self::settle(self, msisdn).await?)
    }

    async fn sweep(&self) -> Result<SweepReport, Failure> {
        Ok(Self::sweep(self).await?)
    }

    fn sweep_interval(&self) -> Duration {
        Self::sweep_interval(self)
    }

    async fn audit(
        &self,
        Audit { fix, force, min_age }: Audit,
        on_found: impl FnMut(Found) + Send,
    ) -> Result<AuditReport, Failure> {
        let options = AuditOptions::default().fix(fix).force(force).min_age(min_age);
        Ok(Self::audit(self, options, on_found).await?)
    }

    async fn count_held_numbers(&self) -> Result<Option<u64>, Failure> {
        Ok(Some(Self::count_held_numbers(self).await?))
    }

    async fn webhooks(&self) -> Result<Vec<WebhookStatus>, Failure> {
        Ok(Self::webhooks(self).await?)
    }

    async fn replay_webhook(&self, name: &ClientName, from: DateTime<Utc>) -> Result<bool, Failure> {
        Ok(Self::replay_webhook(self, name, from).await?)
    }

    async fn ddd_exists(&self, ddd: Ddd) -> Result<bool, Failure> {
        Ok(Self::ddd_exists(self, ddd).await?)
    }

    async fn brands(&self) -> Result<Vec<DeviceBrand>, Failure> {
        Ok(Self::brands(self).await?)
    }

    async fn find_brand(&self, text: &str) -> Result<DeviceBrandId, Failure> {
        Ok(Self::find_brand(self, text).await?)
    }

    async fn models(&self, brand: DeviceBrandId) -> Result<Vec<DeviceModel>, Failure> {
        Ok(Self::models(self, brand).await?)
    }

    async fn check_esim(&self, choice: &DeviceChoice) -> Result<EsimCheck, Failure> {
        Ok(Self::check_esim(self, choice).await?)
    }

    async fn events(&self, start: EventStart, limit: u32, wait: Duration) -> Result<EventPage, Failure> {
        let after = match start {
            EventStart::After(cursor) => cursor,
            EventStart::Since(time) => self.events_since(time).await?,
            EventStart::Latest => self.latest_event().await?,
        };
        Ok(Self::events(self, after).limit(limit).wait(wait).await?)
    }
}
