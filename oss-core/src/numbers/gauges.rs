//! What is true now, rather than what happened.
//!
//! What this process knows of itself is read when it is asked for. What the database knows is counted in the background, by a
//! statement whose cost is bounded: it reads at most [`CENSUS`] entries of the index of what is not over, in the order in which
//! they are due. After each count it rests for a hundred times as long as it took, so that it takes at most one percent of the
//! time of one connection, however much is stored.

use std::time::Duration;

use metrics::gauge;
use tokio::time::Instant;

use crate::domain::{BrandId, ReservationState};
use crate::oss::Oss;
use crate::store::Census;
use crate::telemetry::names;

/// How many reservations a count reads at most.
const CENSUS: u32 = 100_000;

/// How many times as long as a count took the rest after it lasts.
const REST: u32 = 100;

/// The longest rest.
const LONGEST_REST: Duration = Duration::from_mins(5);

/// A count as a gauge. Beyond 2^53 the last digits are lost, which no reader of a gauge would miss.
#[expect(clippy::cast_precision_loss, reason = "said above")]
fn float(count: u64) -> f64 {
    count as f64
}

fn float_of(count: usize) -> f64 {
    float(u64::try_from(count).unwrap_or(u64::MAX))
}

impl Oss {
    /// Sets the gauges of what this process knows of itself: the turns at Sigan, its circuit breakers, the connections to the
    /// database. Cheap: nothing is asked or waited for. Called just before the metrics are read.
    pub fn record_gauges(&self) {
        let gate = self.sigan().usage();
        for lane in gate.lanes {
            gauge!(names::SIGAN_IN_FLIGHT, "lane" => lane.name).set(float_of(lane.in_flight));
            gauge!(names::SIGAN_LIMIT, "lane" => lane.name).set(float_of(lane.limit));
        }
        gauge!(names::SIGAN_WAITING).set(float_of(gate.waiting));
        for (lane, is) in gate.breakers {
            for state in ["closed", "open", "probing"] {
                gauge!(names::SIGAN_BREAKER, "lane" => lane, "state" => state).set(u8::from(is == state));
            }
        }
        self.record_brands(&gate.brands);
        for pool in self.store().pools() {
            let gauge = |state| gauge!(names::DATABASE_CONNECTIONS, "pool" => pool.name, "state" => state);
            gauge("idle").set(pool.idle);
            gauge("in_use").set(pool.in_use);
            gauge!(names::DATABASE_CONNECTIONS_LIMIT, "pool" => pool.name).set(pool.limit);
        }
    }

    /// Also those of the settings that were never refused, so that each has a series.
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

    /// Counts again and again what is not over in the database, in a task that ends with [`Oss::shutdown`]: the reservations by
    /// state, what is due, and since when. For a process whose metrics are read.
    ///
    /// A count takes at most as long as a scan of 100,000 entries of an index, and at most one percent of the time.
    pub fn count_in_background(&self) {
        let oss = self.clone();
        self.spawn(async move {
            while !oss.stopping().is_cancelled() {
                let begun = Instant::now();
                match oss.store().census(CENSUS).await {
                    Ok(census) => record(&census),
                    // The sweep, which needs the same database, says so louder.
                    Err(error) => tracing::debug!(%error, "What is due could not be counted."),
                }
                let rest = begun.elapsed().saturating_mul(REST);
                let rest = rest.clamp(oss.settings().sweep_interval.min(LONGEST_REST), LONGEST_REST);
                oss.stopping().run_until_cancelled(tokio::time::sleep(rest)).await;
            }
        });
    }
}

fn record(census: &Census) {
    for state in ReservationState::UNSETTLED {
        gauge!(names::RESERVATIONS, "state" => state.as_str()).set(float(census.of(state)));
    }
    gauge!(names::DUE).set(float(census.due));
    gauge!(names::SET_ASIDE).set(float(census.set_aside));
    gauge!(names::DUE_OLDEST_AGE).set(census.oldest_due.unwrap_or_default().as_secs_f64());
}
