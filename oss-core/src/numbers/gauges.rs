//! Gauges: they show the current state, while counters show events.
//!
//! The state of this process is read when it is asked for. The rows of the database are counted in the background, by a statement
//! of bounded cost: it reads at most [`CENSUS`] entries of the index of the reservations that are not over, in the order in which
//! they are due. After each count, a pause lasts a hundred times as long as the count took. So the counts take at most one percent
//! of the time of one connection, however much is stored.

use std::convert::Infallible;
use std::time::Duration;

use metrics::gauge;
use tokio::time::Instant;

use crate::domain::{AttemptState, BrandId};
use crate::oss::Oss;
use crate::store::{Census, StoreError};
use crate::telemetry::names;

/// The most reservations that a count reads.
const CENSUS: u32 = 100_000;

/// The pause after a count is as long as the count, times this.
const REST: u32 = 100;

/// The longest pause.
const LONGEST_REST: Duration = Duration::from_mins(5);

/// The longest pause between two checks of Redis, so that an outage is noticed in time.
const LONGEST_UNCHECKED: Duration = Duration::from_secs(30);

/// The value of a gauge. Beyond 2^53 the last digits are lost, which does not matter for a gauge.
#[expect(clippy::cast_precision_loss, reason = "said above")]
pub(super) fn float(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

impl Oss {
    /// Sets the gauges of this process: the turns at Sigan and GSIM, their circuit breakers, the connections to the database, its
    /// oldest write, and whether Redis answers. It is cheap: it calls nothing and waits for nothing. Call it just before the
    /// metrics are read.
    pub fn record_gauges(&self) {
        let gate = self.sigan().usage();
        for lane in gate.lanes {
            gauge!(names::SIGAN_IN_FLIGHT, "lane" => lane.name).set(float(lane.in_flight));
            gauge!(names::SIGAN_LIMIT, "lane" => lane.name).set(float(lane.limit));
        }
        gauge!(names::SIGAN_WAITING).set(float(gate.waiting));
        for (lane, current) in gate.breakers {
            for state in ["closed", "open", "probing"] {
                let is_current = u8::from(state == current);
                gauge!(names::SIGAN_BREAKER, "lane" => lane, "state" => state).set(is_current);
            }
        }
        self.record_brands(&gate.brands);
        self.record_gsim();
        for pool in self.store().pools() {
            let gauge = |state| gauge!(names::DATABASE_CONNECTIONS, "pool" => pool.name, "state" => state);
            gauge("idle").set(pool.idle);
            gauge("in_use").set(pool.in_use);
            gauge!(names::DATABASE_CONNECTIONS_LIMIT, "pool" => pool.name).set(pool.limit);
        }
        gauge!(names::DATABASE_OLDEST_WRITE).set(self.store().oldest_write().as_secs_f64());
        if let Some(redis) = self.redis() {
            gauge!(names::REDIS_UP).set(u8::from(redis.is_up()));
        }
    }

    /// Sets the gauges of GSIM, for each type of SIM.
    fn record_gsim(&self) {
        for (sim_type, gate) in self.gsim().usage() {
            let sim_type = sim_type.as_str();
            for lane in gate.lanes {
                gauge!(names::GSIM_IN_FLIGHT, "sim_type" => sim_type, "lane" => lane.name)
                    .set(float(lane.in_flight));
                gauge!(names::GSIM_LIMIT, "sim_type" => sim_type, "lane" => lane.name).set(float(lane.limit));
            }
            gauge!(names::GSIM_WAITING, "sim_type" => sim_type).set(float(gate.waiting));
            let down_for = gate.down_for.unwrap_or_default();
            gauge!(names::GSIM_DOWN, "sim_type" => sim_type).set(down_for.as_secs_f64());
        }
    }

    /// Sets the gauge of each brand, also of the configured brands that were never refused, so that each has a series.
    fn record_brands(&self, refused: &[(BrandId, bool)]) {
        let never_refused =
            self.configured_brands().filter(|brand| refused.iter().all(|(other, _)| other != *brand));
        let brands = never_refused.map(|brand| (brand, false));
        for (brand, is_refused) in
            brands.chain(refused.iter().map(|(brand, is_refused)| (brand, *is_refused)))
        {
            gauge!(names::SIGAN_BRAND_REFUSED, "brand" => brand.to_string()).set(u8::from(is_refused));
        }
    }

    /// Counts the reservations of the database again and again, in a task that ends with [`Oss::shutdown`]: those that are not
    /// over by state, how many are due, and since when. It is meant for a process whose metrics are read.
    ///
    /// A count takes at most as long as a scan of 100,000 entries of an index, and at most one percent of the time.
    ///
    /// Another task asks Redis now and then whether it answers, because look-ups out of memory do not show it.
    pub fn count_in_background(&self) {
        self.check_redis_in_background();
        let oss = self.clone();
        self.spawn(async move {
            while !oss.stopping().is_cancelled() {
                let begun = Instant::now();
                if let Err(error) = oss.count_rows().await {
                    // The sweep needs the same database and logs a warning.
                    tracing::debug!(%error, "What is stored could not be counted.");
                }
                if let Err(error) = oss.record_webhooks().await {
                    tracing::debug!(%error, "The lag of the webhooks could not be read.");
                }
                let rest = begun.elapsed().saturating_mul(REST);
                let rest = rest.clamp(oss.settings().sweep_interval.min(LONGEST_REST), LONGEST_REST);
                oss.stopping().run_until_cancelled(tokio::time::sleep(rest)).await;
            }
        });
    }

    /// Asks Redis now and then, in a task that ends with [`Oss::shutdown`].
    fn check_redis_in_background(&self) {
        let Some(redis) = self.redis().cloned() else { return };
        let rest = self.settings().sweep_interval.min(LONGEST_UNCHECKED);
        let check = async move {
            loop {
                redis.check().await;
                tokio::time::sleep(rest).await;
            }
        };
        let stopping = self.stopping().clone();
        self.spawn(async move {
            let _: Option<Infallible> = stopping.run_until_cancelled(check).await;
        });
    }

    async fn count_rows(&self) -> Result<(), StoreError> {
        record_census(&self.store().census(CENSUS).await?);
        self.record_statistics().await
    }
}

fn record_census(census: &Census) {
    for state in AttemptState::UNSETTLED {
        gauge!(names::RESERVATIONS, "state" => state.as_str()).set(float(census.of(state)));
    }
    gauge!(names::DUE).set(float(census.due));
    gauge!(names::SET_ASIDE).set(float(census.set_aside));
    gauge!(names::DUE_OLDEST_AGE).set(census.oldest_due.unwrap_or_default().as_secs_f64());
}
