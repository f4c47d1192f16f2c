//! Statistics: what is in which state, what waits, what is drawn, and when everything was last compared.
//!
//! Nothing here scans a table of numbers. The sweep counts the events that came since the last look, so the counts cost what changed.

use std::time::Duration;

use metrics::{counter, gauge};

use crate::domain::{AttemptCount, BrandId, Ddd, LastAudit, Statistics};
use crate::error::Error;
use crate::oss::Oss;
use crate::store::StoreError;
use crate::telemetry::{Operation, names};

/// At most this many events are counted by one statement.
const BATCH: u32 = 5000;

/// The time whose draws and changes are shown.
const SHOWN: Duration = Duration::from_hours(24);

impl Oss {
    /// The counts of attempts by brand, area code and state, the backlogs and their ages, the draws and the changes of the last
    /// day by hour, and the latest audits, of every brand.
    ///
    /// It includes every change that [`Oss::events`] shows. The draws of a process are added when it sweeps and when it ends.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn statistics(&self) -> Result<Statistics, Error> {
        self.observe(Operation::Statistics, async {
            self.sweep_statistics().await?;
            self.read_statistics().await
        })
        .await
    }

    /// The statistics as the latest sweep of any process left them. It counts nothing itself, so it costs the same however much changed.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn counted_statistics(&self) -> Result<Statistics, Error> {
        self.observe(Operation::Statistics, self.read_statistics()).await
    }

    async fn read_statistics(&self) -> Result<Statistics, Error> {
        let mut attempts = self.store().attempt_counts().await?;
        attempts.retain(|count| count.attempts > 0);
        Ok(Statistics {
            attempts,
            backlogs: self.store().backlogs().await?,
            draws: self.store().draws(SHOWN).await?,
            changes: self.store().changes(SHOWN).await?,
            audits: self.store().last_audits().await?,
        })
    }

    /// The part of the sweep that belongs to statistics.
    pub(crate) async fn sweep_statistics(&self) -> Result<(), StoreError> {
        while !self.stopping().is_cancelled() && self.store().count_events(BATCH).await? >= u64::from(BATCH) {
        }
        self.store_draws().await
    }

    /// Stores the draws that this process has counted.
    pub(crate) async fn store_draws(&self) -> Result<(), StoreError> {
        self.tally().store_with(|batch| async move { self.store().add_draws(&batch).await }).await
    }

    /// Counts a draw that Sigan answered.
    pub(super) fn count_draw<T>(&self, ddd: Ddd, offered: &Result<T, Error>) {
        let none_left = matches!(offered, Err(Error::NoNumbersLeft(_)));
        if offered.is_ok() || none_left {
            self.tally().count(ddd, none_left);
            counter!(names::DRAWS, "ddd" => ddd.to_string()).increment(1);
            counter!(names::NO_NUMBERS_LEFT, "ddd" => ddd.to_string()).increment(u64::from(none_left));
        }
    }

    /// Records that an audit compared everything of a brand. If that fails, the audit is worth no less.
    pub(super) async fn record_audit(&self, brand: &BrandId, differences: u64) {
        if let Err(error) = self.store().record_audit(brand, differences).await {
            tracing::warn!(%error, "The end of an audit could not be recorded.");
        }
    }

    /// Sets the gauges of the statistics.
    pub(super) async fn record_statistics(&self) -> Result<(), StoreError> {
        for AttemptCount { brand_id, area_code, state, attempts } in self.store().attempt_counts().await? {
            let labels = [
                ("brand", brand_id.to_string()),
                ("ddd", area_code.to_string()),
                ("state", state.to_string()),
            ];
            gauge!(names::ATTEMPTS, &labels).set(super::gauges::float(attempts));
        }
        let audits = self.store().last_audits().await?;
        for brand in
            self.configured_brands().filter(|brand| audits.iter().all(|audit| audit.brand_id != **brand))
        {
            gauge!(names::LAST_AUDIT, "brand" => brand.to_string()).set(0);
        }
        for LastAudit { brand_id, finished_at, .. } in audits {
            let gauge = gauge!(names::LAST_AUDIT, "brand" => brand_id.to_string());
            gauge.set(super::gauges::float(finished_at.timestamp()));
        }
        Ok(())
    }
}
