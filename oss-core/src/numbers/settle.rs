//! Asking Sigan and GSIM about one number now.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lanes::Settled;
use super::release::log_set_aside;
use crate::calls::LeaseClock;
use crate::domain::{AttemptState, HoldRecord, Msisdn, Number, NumberStatus, SweepReport};
use crate::error::{Error, RETRY_SOON};
use crate::oss::Oss;
use crate::sigan::{Hold, Holder, Turn};
use crate::telemetry::Operation;

/// A number after [`Oss::settle`], and what Sigan says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Settlement {
    /// The number, as it is recorded now.
    pub number: Number,
    /// Sigan's answer, if the number was settled before: `RESERVED`, `PRE_RESERVED` or `NOBODY`. Otherwise null: the answer is recorded,
    /// and the number shows it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true))]
    pub sigan: Option<Holder>,
    /// Whether our record and Sigan's agree: nothing is left in doubt or untold, and Sigan holds the number if it is held here.
    pub agrees: bool,
}

impl Oss {
    /// Settles one number now, as the sweep would when it is due: it asks Sigan about an attempt in doubt, tells Sigan of a release or a
    /// cancellation, and does the same at GSIM for the orders of SIMs for the number. If a system gives no certain answer, the row stays
    /// due, and [`Settlement::agrees`] is false.
    ///
    /// If nothing about the number is unsettled, it asks Sigan who holds the number, and changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownNumber`]; [`Error::SettlementInFlight`] while another call or the sweep works on the number; and the errors of
    /// Sigan if the number is settled and Sigan does not say who holds it.
    pub async fn settle(&self, msisdn: Msisdn) -> Result<Settlement, Error> {
        self.run_to_end(Operation::Settle, move |oss| async move { oss.settle_number(msisdn).await }).await
    }

    async fn settle_number(&self, msisdn: Msisdn) -> Result<Settlement, Error> {
        self.number_now(msisdn).await?;
        let orders = self.settle_orders_of(msisdn).await?;
        let turn = match self.sigan_turn(self.caller_lane()).await {
            Ok(turn) => turn,
            // GSIM was asked, so the caller learns what became of that. The attempt stays due.
            Err(_) if orders.is_some() => return self.settlement_of(msisdn, orders).await,
            Err(busy) => return Err(busy.into()),
        };
        let attempt = match self.settle_attempt_of(&turn, msisdn).await {
            Err(Error::SettlementInFlight { .. }) if orders.is_some() => None,
            attempt => attempt?,
        };
        if orders.is_none() && attempt.is_none() {
            return self.compare_with_sigan(&turn, msisdn).await;
        }
        let is_done = attempt.is_none_or(|settled| settled != Settled::Failed);
        self.settlement_of(msisdn, Some(is_done && orders.unwrap_or(true))).await
    }

    async fn number_now(&self, msisdn: Msisdn) -> Result<Number, Error> {
        self.store().number(self.scope(), msisdn).await?.ok_or(Error::UnknownNumber(msisdn.masked()))
    }

    /// The number after something was settled. `is_done` says whether every system gave a certain answer.
    async fn settlement_of(&self, msisdn: Msisdn, is_done: Option<bool>) -> Result<Settlement, Error> {
        let number = self.number_now(msisdn).await?;
        let agrees = is_done == Some(true) && !number.history.iter().any(is_unsettled);
        Ok(Settlement { number, sigan: None, agrees })
    }

    /// Settles the orders of a number. Returns whether GSIM gave a certain answer to each, or none if there was nothing to settle.
    async fn settle_orders_of(&self, msisdn: Msisdn) -> Result<Option<bool>, Error> {
        let lease_for = self.settings().lease();
        let clock = LeaseClock::start(lease_for);
        let claims = self.store().claim_orders_of(self.scope(), msisdn, lease_for).await?;
        claims.set_aside.iter().for_each(log_set_aside);
        if claims.due.is_empty() {
            return is_free(msisdn, claims.busy_for).map(|()| None);
        }
        let mut report = SweepReport::default();
        self.settle_claimed_orders(claims.due, clock, &mut report).await;
        tracing::info!(number = %msisdn.masked(), failed = report.sims_failed, "Orders were settled on request.");
        Ok(Some(report.sims_failed == 0 && claims.busy_for.is_none()))
    }

    /// Settles the latest attempt at a number; none if it is settled.
    async fn settle_attempt_of(&self, turn: &Turn<'_>, msisdn: Msisdn) -> Result<Option<Settled>, Error> {
        let lease_for = self.settings().lease();
        let clock = LeaseClock::start(lease_for);
        let claims = self.store().claim_attempt_of(self.scope(), msisdn, lease_for).await?;
        claims.set_aside.iter().for_each(log_set_aside);
        let Some(due) = claims.due.into_iter().next() else {
            return is_free(msisdn, claims.busy_for).map(|()| None);
        };
        let settled = self.settle_due(turn, due, clock).await;
        tracing::info!(number = %msisdn.masked(), ?settled, "An attempt was settled on request.");
        Ok(Some(settled))
    }

    /// Asks Sigan who holds a settled number.
    async fn compare_with_sigan(&self, turn: &Turn<'_>, msisdn: Msisdn) -> Result<Settlement, Error> {
        // An attempt may have ended while this call waited for its turn.
        let number = self.number_now(msisdn).await?;
        let holder = match hold_of(&number) {
            Some(hold) => turn.holder(&hold).await?,
            // Older data has no id of the hold.
            None => match self.listed_hold(self.brand(), number.msisdn).await? {
                Some(_) => Holder::Reserved,
                None => Holder::Nobody,
            },
        };
        let is_held = matches!(number.status(), Some(NumberStatus::Reserved | NumberStatus::InUse));
        let agrees = is_held == (holder == Holder::Reserved);
        if !agrees && self.number_now(msisdn).await? != number {
            // A call about the number ended while Sigan was asked, so the answer is about an earlier moment.
            return Err(Error::SettlementInFlight { number: msisdn.masked(), retry_after: RETRY_SOON });
        }
        Ok(Settlement { number, sigan: Some(holder), agrees })
    }
}

/// The hold about which Sigan is asked: that of the attempt that holds the number, or else that of the latest attempt.
fn hold_of(number: &Number) -> Option<Hold> {
    let holds = |record: &&HoldRecord| matches!(record.state, AttemptState::Held | AttemptState::Assigned);
    let record = number.history.iter().find(holds).or(number.history.first())?;
    Some(Hold { external_id: record.external_id.clone()?, msisdn: number.msisdn })
}

fn is_unsettled(record: &HoldRecord) -> bool {
    matches!(
        record.state,
        AttemptState::Pending | AttemptState::InDoubt | AttemptState::Releasing | AttemptState::Cancelling
    )
}

/// An error if another call may have the lease of a row of the number.
fn is_free(msisdn: Msisdn, busy_for: Option<Duration>) -> Result<(), Error> {
    let busy = |retry_after| Error::SettlementInFlight { number: msisdn.masked(), retry_after };
    busy_for.map_or(Ok(()), |wait| Err(busy(wait)))
}
