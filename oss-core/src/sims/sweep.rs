//! The part of the sweep that settles orders: it resolves unknown outcomes, and tells GSIM which SIMs to deprogram.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::calls::LeaseClock;
use crate::domain::{DueOrder, OrderLease, ProfileReport, SilentProfile, SimType, SweepReport};
use crate::error::Error;
use crate::gsim::{OrderState, SimDetails, SimTurn};
use crate::oss::Oss;
use crate::remote::Lane;
use crate::store::StoreError;

/// At most this many orders are settled at the same time.
const BATCH: u32 = 16;

/// The time for which GSIM may tell nothing of a profile whose code was read.
const SILENT: Duration = Duration::from_mins(10);

/// The outcome of the work on a claimed order.
enum SettledOrder {
    Issued,
    Deprogrammed,
    Elsewhere,
    Failed,
}

impl SweepReport {
    fn count_order(&mut self, settled: &SettledOrder) {
        match settled {
            SettledOrder::Issued => self.sims_issued += 1,
            SettledOrder::Deprogrammed => self.sims_deprogrammed += 1,
            SettledOrder::Failed => self.sims_failed += 1,
            SettledOrder::Elsewhere => {}
        }
    }
}

impl Oss {
    /// Settles the orders that are due. An order whose type of SIM has an outage waits for the next sweep.
    pub(crate) async fn settle_orders(&self, report: &mut SweepReport) -> Result<(), StoreError> {
        while !self.stopping().is_cancelled() {
            let lease_for = self.settings().lease();
            let clock = LeaseClock::start(lease_for);
            let claims = self.store().claim_due_orders(BATCH, lease_for).await?;
            claims.set_aside.iter().for_each(crate::numbers::log_set_aside);
            report.set_aside += u64::try_from(claims.set_aside.len()).unwrap_or(u64::MAX);
            let more = claims.due.len() + claims.set_aside.len() == BATCH as usize;
            self.settle_claimed_orders(claims.due, clock, report).await;
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Settles claimed orders, all at the same time.
    pub(crate) async fn settle_claimed_orders(
        &self,
        due: Vec<DueOrder>,
        clock: LeaseClock,
        report: &mut SweepReport,
    ) {
        let mut orders: FuturesUnordered<_> =
            due.into_iter().map(|due| self.settle_order(due, clock)).collect();
        while let Some(settled) = orders.next().await {
            report.count_order(&settled);
        }
    }

    /// Asks GSIM about eSIMs whose code was read and of which it has told nothing for a while, because a call-back can be lost.
    pub(crate) async fn ask_about_silent(&self) -> Result<(), StoreError> {
        let silent = self.store().claim_silent(BATCH, SILENT).await?;
        let mut questions: FuturesUnordered<_> =
            silent.into_iter().map(|silent| self.ask_about(silent)).collect();
        while questions.next().await.is_some() {}
        Ok(())
    }

    async fn ask_about(&self, SilentProfile { sim, state, asked_at }: SilentProfile) {
        // Without an answer, the next question follows after a while.
        let Ok(turn) = self.gsim().turn(SimType::Esim, Lane::Upkeep).await else { return };
        let Ok(OrderState::Issued(issued)) = turn.look_at_order(sim).await else { return };
        if let SimDetails::Esim { profile_state, .. } = issued.details
            && state != Some(profile_state)
        {
            let report = ProfileReport::new(sim, profile_state, asked_at, None);
            if let Err(error) = self.record_profile(report).await {
                tracing::warn!(sim.id = %sim, %error, "The state of a profile could not be recorded.");
            }
        }
    }

    async fn settle_order(&self, due: DueOrder, clock: LeaseClock) -> SettledOrder {
        match due {
            DueOrder::Delivery(delivery) => {
                let Ok(turn) = self.gsim_turn(delivery.sim_type, Lane::Delivery).await else {
                    self.postpone_sim(&delivery, "GSIM is busy", Duration::ZERO).await;
                    return SettledOrder::Failed;
                };
                if self.deprogram(&turn, &delivery).await {
                    SettledOrder::Deprogrammed
                } else {
                    SettledOrder::Failed
                }
            }
            DueOrder::Doubtful(lease) => {
                let Ok(turn) = self.gsim_turn(lease.wanted.sim_type(), Lane::Upkeep).await else {
                    self.record_sim_doubt(&lease, clock, "GSIM is busy").await;
                    return SettledOrder::Failed;
                };
                self.recover_order(&turn, &lease, clock).await
            }
        }
    }

    /// Asks GSIM for an order in doubt, by our reference, and records the answer.
    async fn recover_order(&self, turn: &SimTurn<'_>, lease: &OrderLease, clock: LeaseClock) -> SettledOrder {
        match turn.order(lease.order).await {
            Ok(OrderState::Issued(issued)) => match self.record_sim(lease, clock, issued).await {
                Ok(_) => SettledOrder::Issued,
                Err(Error::OrderGivenUp) => SettledOrder::Elsewhere,
                Err(_) => SettledOrder::Failed,
            },
            Ok(OrderState::Accepted) => {
                self.record_sim_doubt(lease, clock, "accepted").await;
                SettledOrder::Failed
            }
            Ok(OrderState::Unknown) => {
                if self.give_up_order(turn, lease, clock, "not known in GSIM").await {
                    SettledOrder::Deprogrammed
                } else {
                    SettledOrder::Failed
                }
            }
            Err(error) => {
                self.record_sim_doubt(lease, clock, error.code()).await;
                SettledOrder::Failed
            }
        }
    }
}
