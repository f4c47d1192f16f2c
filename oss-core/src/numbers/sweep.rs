//! The sweep works on numbers without a caller: it gives abandoned numbers back, resolves unknown outcomes, delivers releases to
//! Sigan and deletes old previews. It includes the automatic release that the specification leaves open.
//!
//! Any number of processes may sweep at once, because each row is claimed by one of them, with a lease.

use std::time::Duration;

use metrics::counter;
use tokio::sync::watch;
use tokio::time::Instant;

use super::lanes::{Lanes, Settled};
use super::release::log_set_aside;
use crate::calls::Running;
use crate::calls::{LeaseClock, retry_within_lease};
use crate::domain::{AttemptState, SweepReport};
use crate::error::Error;
use crate::oss::Oss;
use crate::sigan::{Holder, Lane, SiganError, Turn};
use crate::store::{Claims, Delivery, Due, Lease, StoreError};
use crate::telemetry::Operation;
use crate::telemetry::names::SETTLED_BY_SWEEP;

/// At most this many rows are settled by one statement, if Sigan is not needed.
const BATCH: u32 = 500;

/// The longest wait before the first repeat. It doubles with each repeat.
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// The longest wait before a repeat.
const LONGEST_RETRY: Duration = Duration::from_mins(5);

impl SweepReport {
    /// Adds the counts to the metrics, and logs them if anything was done.
    fn record(&self) {
        let Self {
            expired,
            assigned,
            recovered,
            released,
            rejected,
            failed,
            set_aside,
            purged,
            sims_issued,
            sims_deprogrammed,
            sims_failed,
        } = *self;
        if *self != Self::default() {
            tracing::info!(
                expired,
                assigned,
                recovered,
                released,
                rejected,
                failed,
                set_aside,
                purged,
                sims_issued,
                sims_deprogrammed,
                sims_failed,
                "Swept."
            );
        }
        for (result, count) in [
            ("expired", expired),
            ("assigned", assigned),
            ("recovered", recovered),
            ("released", released),
            ("rejected", rejected),
            ("failed", failed),
            ("set_aside", set_aside),
            ("purged", purged),
            ("sims_issued", sims_issued),
            ("sims_deprogrammed", sims_deprogrammed),
            ("sims_failed", sims_failed),
        ] {
            counter!(SETTLED_BY_SWEEP, "result" => result).increment(count);
        }
    }
}

impl Oss {
    /// Runs one clean-up pass: gives abandoned numbers back, resolves unknown outcomes, delivers releases to Sigan and deletes old
    /// previews. While Sigan does not answer, it tries one call and leaves the rest due.
    ///
    /// A client runs one sweep at a time. If one runs already, also the one in the background, this call waits for its end and
    /// returns its report. A sweep goes on if nobody waits for it any more.
    ///
    /// # Errors
    ///
    /// [`Error::Store`]. The work that was done before the error stays done, and the rest stays due.
    pub async fn sweep(&self) -> Result<SweepReport, Error> {
        let mut report = self.sweeps().join_or_start(|| self.start_sweep());
        let ended = report.wait_for(Option::is_some).await;
        // Without a report the sweep has panicked. The text of the panic is not shown, because it may contain anything.
        ended.ok().and_then(|ended| ended.clone()).unwrap_or_else(|| {
            tracing::error!("A sweep stopped half-way; the next one goes on.");
            Err(Error::Internal)
        })
    }

    fn start_sweep(&self) -> Running<Result<SweepReport, Error>> {
        let (sender, result) = watch::channel(None);
        let oss = self.for_itself();
        let task = self.spawn(async move {
            let swept = oss.observe(Operation::Sweep, oss.sweep_once()).await;
            sender.send_replace(Some(swept));
        });
        Running { task: task.abort_handle(), result }
    }

    /// Sweeps at the interval of the settings, in a task that ends with [`Oss::shutdown`].
    pub fn sweep_in_background(&self) {
        let oss = self.clone();
        self.spawn(async move {
            while !oss.stopping().is_cancelled() {
                let begun = Instant::now();
                if let Err(error) = oss.sweep().await {
                    tracing::warn!(%error, "A sweep ended early; the next one goes on.");
                }
                let rest = oss.settings().sweep_interval.saturating_sub(begun.elapsed());
                oss.stopping().run_until_cancelled(tokio::time::sleep(rest)).await;
            }
        });
    }

    async fn sweep_once(&self) -> Result<SweepReport, Error> {
        let mut report = SweepReport::default();
        let outcome = self.sweep_into(&mut report).await;
        // If there was an error, the work before it is recorded too.
        report.record();
        outcome.map(|()| report)
    }

    async fn sweep_into(&self, report: &mut SweepReport) -> Result<(), Error> {
        // Numbers that expire soon are announced before those that are due are settled, which may take long.
        self.announce_expiring().await?;
        self.settle_overdue(report).await?;
        self.settle_orders(report).await?;
        self.ask_about_silent().await?;
        self.settle_claimed(report).await?;
        // Events are counted before they may be deleted.
        self.sweep_statistics().await?;
        self.purge_old_events().await?;
        self.purge(report).await?;
        self.purge_calls().await;
        Ok(())
    }

    /// Settles the rows for which the database alone is needed.
    async fn settle_overdue(&self, report: &mut SweepReport) -> Result<(), StoreError> {
        while !self.stopping().is_cancelled() {
            let overdue = self.store().settle_overdue(BATCH).await?;
            report.expired += overdue.expired;
            report.assigned += overdue.assigned;
            report.set_aside += overdue.set_aside;
            if overdue.rows() < u64::from(BATCH) {
                break;
            }
        }
        Ok(())
    }

    /// Settles the rows for which Sigan has to be called. It claims a row for each turn that is free, while others are settled.
    async fn settle_claimed(&self, report: &mut SweepReport) -> Result<(), StoreError> {
        let mut lanes = Lanes::new(report);
        let mut goes_on = Ok(true);
        // The turns are taken before the leases, so that no lease runs while something waits.
        let turns = || self.stopping().run_until_cancelled(self.sigan().upkeep_turns());
        while goes_on == Ok(true)
            && let Some(turns) = lanes.meanwhile(turns()).await
        {
            goes_on = if turns.is_empty() {
                // Sigan does not answer, unless it is about to answer one of these rows.
                Ok(lanes.settle_one().await)
            } else {
                self.fill(&mut lanes, turns).await
            };
        }
        while lanes.settle_one().await {}
        goes_on.map(drop)
    }

    /// Claims a row for each turn and begins to settle it. Returns whether more rows may be due.
    async fn fill<'a>(&'a self, lanes: &mut Lanes<'a>, turns: Vec<Turn<'a>>) -> Result<bool, StoreError> {
        let lease_for = self.settings().lease();
        let clock = LeaseClock::start(lease_for);
        let limit = u32::try_from(turns.len()).unwrap_or(u32::MAX);
        let claims = lanes.meanwhile(self.store().claim_due(limit, lease_for)).await;
        let Claims { due, set_aside } = claims?;
        set_aside.iter().for_each(log_set_aside);
        lanes.report.set_aside += u64::try_from(set_aside.len()).unwrap_or(u64::MAX);
        let may_be_more = due.len() + set_aside.len() == turns.len();
        for (turn, due) in turns.into_iter().zip(due) {
            lanes.start(async move { self.settle_due(&turn, due, clock).await });
        }
        Ok(may_be_more)
    }

    async fn purge(&self, report: &mut SweepReport) -> Result<(), StoreError> {
        while !self.stopping().is_cancelled() {
            let purged = self.store().purge_previews(self.settings().preview_retention, BATCH).await?;
            report.purged += purged;
            if purged < u64::from(BATCH) {
                break;
            }
        }
        Ok(())
    }

    /// Settles a claimed row.
    pub(super) async fn settle_due(&self, turn: &Turn<'_>, due: Due, clock: LeaseClock) -> Settled {
        match due {
            Due::Delivery(delivery) => self.deliver(turn, &delivery).await,
            Due::Doubtful { lease, nameable: true } => self.recover(turn, &lease, clock).await,
            // The caller had no idempotency key, so nobody can ever claim this number, whether it is held or not.
            Due::Doubtful { lease, nameable: false } => {
                self.give_up(turn, &lease, clock, "nobody can name it").await
            }
        }
    }

    /// Asks Sigan who holds the number of an attempt in doubt, and records the answer.
    async fn recover(&self, turn: &Turn<'_>, lease: &Lease, clock: LeaseClock) -> Settled {
        match turn.holder(&lease.hold).await {
            Ok(Holder::Reserved) => match self.record_hold(lease, clock).await {
                Ok(_) => Settled::Recovered,
                Err(Error::GivenUp) => Settled::Elsewhere,
                Err(_) => Settled::Failed,
            },
            Ok(Holder::PreReserved | Holder::Nobody) => {
                self.give_up(turn, lease, clock, "not held in Sigan").await
            }
            Err(error) => {
                self.record_doubt(lease, clock, reason(&error)).await;
                Settled::Failed
            }
        }
    }

    /// Gives up an attempt although an earlier call of it may still arrive. The decision is recorded first, so that nobody confirms
    /// the attempt any more. Then the hold is cancelled in Sigan, so that the late call has no effect.
    pub(super) async fn give_up(
        &self,
        turn: &Turn<'_>,
        lease: &Lease,
        clock: LeaseClock,
        reason: &str,
    ) -> Settled {
        let deliver_within = self.settings().lease();
        match retry_within_lease(clock, || self.store().cancel(lease, reason, deliver_within)).await {
            Ok(Some(delivery)) => self.deliver(turn, &delivery).await,
            // A newer call has the attempt, or its row is gone.
            Ok(None) => {
                drop(self.release_lost(lease, clock).await);
                Settled::Elsewhere
            }
            Err(error) => {
                tracing::error!(reservation.id = %lease.reservation, %error, "An attempt could not be given up; recovery will settle it.");
                Settled::Failed
            }
        }
    }

    /// Tells Sigan of a release, in a task of its own that [`Oss::shutdown`] waits for. If too many deliveries are under way, the
    /// sweep tells it.
    pub(super) fn deliver_in_background(&self, delivery: Delivery) {
        let oss = self.clone();
        self.spawn(async move {
            match oss.sigan_turn(Lane::Delivery).await {
                Ok(turn) => {
                    let answer = turn.release(&delivery.hold).await;
                    // Others may call Sigan while this is recorded.
                    drop(turn);
                    oss.record_told(&delivery, answer).await;
                }
                Err(_) => oss.postpone(&delivery).await,
            }
        });
    }

    /// Leaves it to the sweep to tell Sigan of a release.
    pub(super) async fn postpone(&self, delivery: &Delivery) {
        if let Err(error) =
            self.store().record_failed_delivery(delivery, "Sigan is busy", Duration::ZERO).await
        {
            log_unrecorded_delivery(delivery, &error);
        }
    }

    /// Tells Sigan of a release. If the call fails, the row stays due, so this never fails for good.
    pub(super) async fn deliver(&self, turn: &Turn<'_>, delivery: &Delivery) -> Settled {
        let answer = turn.release(&delivery.hold).await;
        self.record_told(delivery, answer).await
    }

    async fn record_told(&self, delivery: &Delivery, answer: Result<(), SiganError>) -> Settled {
        let id = delivery.reservation;
        let recorded = match &answer {
            Ok(()) => self.store().record_delivery(id).await,
            Err(error) => {
                tracing::warn!(reservation.id = %id, %error, "Sigan could not be told of a release; it stays due.");
                let retry_in = self.retry_in(delivery.attempts);
                self.store().record_failed_delivery(delivery, reason(error), retry_in).await.map(|()| None)
            }
        };
        match recorded {
            Ok(Some(AttemptState::Rejected)) => Settled::Rejected,
            Ok(Some(_)) => Settled::Released,
            Ok(None) if answer.is_ok() => Settled::Elsewhere,
            Ok(None) => Settled::Failed,
            Err(error) => {
                log_unrecorded_delivery(delivery, &error);
                Settled::Failed
            }
        }
    }

    /// The wait until a row that failed for the `attempts`-th time is due again: a random part of a time that doubles with each
    /// attempt. While Sigan answers others, the row fails for a reason of its own, and waits for minutes in the end. Otherwise
    /// it waits no longer than the sweep rests, so that everything is settled soon once Sigan is back. In that case the breaker,
    /// and not this wait, protects Sigan.
    pub(crate) fn retry_in(&self, attempts: i32) -> Duration {
        self.retry_of(self.sigan().answers(), attempts)
    }

    /// The wait as above, for a row about which a system is asked that `answers` others.
    pub(crate) fn retry_of(&self, answers: bool, attempts: i32) -> Duration {
        let longest = if answers { LONGEST_RETRY } else { self.settings().sweep_interval };
        retry_bound(attempts, longest).mul_f64(fastrand::f64())
    }
}

fn retry_bound(attempts: i32, longest: Duration) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or_default();
    FIRST_RETRY.saturating_mul(1 << doublings).min(longest).min(LONGEST_RETRY)
}

/// Logs that the outcome of a delivery could not be recorded. Nothing else is needed: the row keeps its lease, so it is due again
/// when the lease runs out, and a release may be repeated.
fn log_unrecorded_delivery(delivery: &Delivery, error: &StoreError) {
    tracing::warn!(reservation.id = %delivery.reservation, %error, "The delivery of a release could not be recorded.");
}

fn reason(error: &SiganError) -> &'static str {
    match error {
        SiganError::Refused(refusal) => refusal.code(),
        SiganError::NotSent => "not-reachable",
        SiganError::NoAnswer(_) => "no-answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_and_again_rests_for_minutes() {
        let bounds = |longest: Duration| {
            [0, 1, 2, 3, 9, 10, i32::MAX].map(|attempts| retry_bound(attempts, longest).as_millis())
        };
        assert_eq!(bounds(LONGEST_RETRY), [500, 1000, 2000, 4000, 256_000, 300_000, 300_000]);
        assert_eq!(bounds(Duration::from_secs(5)), [500, 1000, 2000, 4000, 5000, 5000, 5000]);
        assert_eq!(bounds(Duration::from_hours(1))[6], 300_000, "also if sweeps are rare");
    }
}
