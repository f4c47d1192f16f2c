//! The third side of the audit: the SIMs that GSIM has for us, and ours.
//!
//! Both are walked in pages, in the order of our references. Each page of GSIM's list is read before our rows of its range.

mod compare;

use std::collections::HashSet;

use backon::{ExponentialBuilder, Retryable};

use self::compare::{Verdict, verdict_on_active, verdict_on_listed};
use super::Audit;
use super::report::{Difference, Found, Outcome};
use crate::domain::{Msisdn, SimId, SimType};
use crate::error::Error;
use crate::gsim::{OrderState, OrdersPage};
use crate::remote::Lane;
use crate::store::SimRange;

/// The size of a page of either side.
const PAGE: u32 = 1000;

/// The most times that a page of GSIM's list is asked for again.
const REPEATS: usize = 3;

impl<F: FnMut(Found) + Send> Audit<'_, F> {
    /// Compares the SIMs of the brand, if there is a GSIM.
    pub(super) async fn walk_sims(&mut self) -> Result<(), Error> {
        if !self.oss.has_gsim() {
            return Ok(());
        }
        let mut after = None;
        loop {
            let page = self.list_sims(after).await?;
            for _ in 0..page.unreadable {
                self.report_unreadable(format!("a SIM that GSIM lists for {}", self.tenant.brand()));
            }
            self.compare_listed_sims(&page).await?;
            self.compare_active_sims(&page, SimRange { after, until: page.next }).await?;
            (self.on_found)(Found::Progress(self.report));
            if page.next.is_none() {
                return Ok(());
            }
            after = page.next;
        }
    }

    async fn list_sims(&self, after: Option<SimId>) -> Result<OrdersPage, Error> {
        let tries = ExponentialBuilder::default().with_max_times(REPEATS).with_jitter();
        let ask = || async {
            let turn = self.oss.gsim().turn(SimType::Esim, Lane::Upkeep).await?;
            Ok(turn.orders(self.tenant.brand(), after, PAGE as usize).await?)
        };
        ask.retry(tries).await
    }

    async fn compare_listed_sims(&mut self, page: &OrdersPage) -> Result<(), Error> {
        let listed: Vec<_> = page.orders.iter().map(|order| (order.reference, order.msisdn)).collect();
        let known = self.oss.store().known_sims(&listed, self.options.young).await?;
        for (order, known) in page.orders.iter().zip(known) {
            self.report.sims_listed += 1;
            match verdict_on_listed(order, &known) {
                Verdict::Agrees => {}
                Verdict::Unsettled => self.report.unsettled += 1,
                Verdict::Differs { kind, stray } => {
                    let outcome = self.mend_sim(order.reference, order.msisdn, stray).await?;
                    let found = Difference { fixable: stray, ..Difference::of(kind) };
                    self.report_sim(found, order.reference, Some(order.msisdn), outcome);
                }
            }
        }
        Ok(())
    }

    async fn compare_active_sims(&mut self, page: &OrdersPage, mut range: SimRange) -> Result<(), Error> {
        let listed: HashSet<SimId> = page.orders.iter().map(|order| order.reference).collect();
        loop {
            let ours = self.oss.store().active_sims(&self.tenant, range, self.options.young, PAGE).await?;
            for sim in &ours {
                match verdict_on_active(sim, listed.contains(&sim.id)) {
                    Verdict::Agrees => {}
                    Verdict::Unsettled => self.report.unsettled += 1,
                    Verdict::Differs { kind, .. } => {
                        let outcome = if self.options.fix { Outcome::Person } else { Outcome::Reported };
                        self.report_sim(Difference::of(kind), sim.id, sim.msisdn, outcome);
                    }
                }
            }
            if ours.len() < PAGE as usize {
                return Ok(());
            }
            range.after = ours.last().map(|sim| sim.id);
        }
    }

    /// Has a stray SIM deprogrammed, if the options allow it.
    async fn mend_sim(&self, id: SimId, msisdn: Msisdn, stray: bool) -> Result<Outcome, Error> {
        if !self.options.fix {
            return Ok(Outcome::Reported);
        }
        if !stray {
            return Ok(Outcome::Person);
        }
        if self.releases_left() == 0 {
            return Ok(Outcome::Limit);
        }
        if !self.is_issued(id).await? {
            return Ok(Outcome::Moved);
        }
        let (brand, lease) = (self.tenant.brand(), self.oss.settings().lease());
        let delivery = self.oss.store().release_stray_sim(id, msisdn, brand, lease).await?;
        let Some(delivery) = delivery else { return Ok(Outcome::Moved) };
        let told = match self.oss.gsim_turn(delivery.sim_type, Lane::Upkeep).await {
            Ok(turn) => self.oss.deprogram(&turn, &delivery).await,
            Err(_) => false,
        };
        Ok(if told { Outcome::Fixed } else { Outcome::BeingTold })
    }

    /// Whether GSIM has a SIM now. Its list may have been older than the end of the SIM.
    async fn is_issued(&self, id: SimId) -> Result<bool, Error> {
        let turn = self.oss.gsim_turn(SimType::Esim, Lane::Upkeep).await?;
        // Without an answer, the next audit asks again.
        Ok(matches!(turn.order(id).await, Ok(OrderState::Issued(_))))
    }

    fn report_sim(&mut self, found: Difference, id: SimId, msisdn: Option<Msisdn>, outcome: Outcome) {
        self.report.count_outcome(outcome);
        self.report.count(found.kind);
        let found = Difference { sim: Some(id), msisdn, outcome, ..found };
        (self.on_found)(Found::Difference(found));
    }
}
