//! The audit compares our holds with Sigan's and our SIMs with GSIM's, reports every difference by kind, and settles those that can be settled safely.
//!
//! Each brand is audited by itself, because Sigan lists its holds by brand. Both sides are walked in pages, in the order of the
//! numbers, and the next page is read while one is compared. For each page, Sigan's list is read before our rows. So a hold made in
//! between is young here, and never looks as if only Sigan knew it. The audit does not change numbers that are young or not settled
//! yet, because the sweep and the callers are still at work on them.

mod compare;
mod mend;
mod pages;
mod report;
mod sims;

use std::collections::{BTreeSet, HashMap};

use self::compare::Verdict;
use self::mend::Repair;
use self::pages::{OUR_PAGE, Page, Pages};
pub use self::report::{AuditOptions, AuditReport, Difference, DifferenceKind, Found, Outcome};
use crate::domain::{BrandId, ExternalId, Msisdn, ReservationId};
use crate::error::Error;
use crate::oss::Oss;
use crate::sigan::ListedHold;
use crate::store::{HeldNumber, HeldPage, Tenant, UnreadableRow};

/// The size of a page of rows that are set aside.
const SET_ASIDE_PAGE: u32 = 200;

/// At most this many holds are released unless the operator forces it: more differences suggest a wrong address and not a leak.
const RELEASES: u64 = 20;

/// The audit of one brand.
struct Audit<'a, F> {
    oss: &'a Oss,
    tenant: Tenant,
    options: AuditOptions,
    /// It continues the report of the brand before.
    report: AuditReport,
    on_found: F,
}

impl Oss {
    /// Compares our holds with Sigan's and our SIMs with GSIM's, and calls `on_found` for every difference as soon as it is found.
    ///
    /// It covers every known brand: that of the configuration, those of its clients, and those with live reservations. If the
    /// client [acts for](Oss::acting_for) one brand, it covers that brand alone.
    ///
    /// # Errors
    ///
    /// The errors of Sigan and of the store. The differences that were reported and settled before the error stay so.
    pub async fn audit(
        &self,
        options: AuditOptions,
        mut on_found: impl FnMut(Found) + Send,
    ) -> Result<AuditReport, Error> {
        let mut report = AuditReport::default();
        for brand in self.audited_brands().await? {
            let is_own = brand == *self.brand();
            on_found(Found::Brand(brand.clone()));
            let tenant = self.tenant_of(brand);
            let mut audit =
                Audit { oss: self, tenant: tenant.clone(), options, report, on_found: &mut on_found };
            audit.walk().await?;
            audit.walk_sims().await?;
            // The brand of these rows may be the part that cannot be read, so they are reported once, and not for one brand.
            if is_own && self.scope().is_all_brands() {
                audit.walk_set_aside().await?;
            }
            let before = report.differences();
            report = audit.report;
            self.record_audit(tenant.brand(), report.differences() - before).await;
        }
        Ok(report)
    }

    /// The count of the numbers that are held here, of every brand. [`Oss::audit`] will look at about as many, if it misses no
    /// brand. This reads every number.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub async fn count_held_numbers(&self) -> Result<u64, Error> {
        Ok(self.store().count_held_numbers().await?)
    }

    async fn audited_brands(&self) -> Result<BTreeSet<BrandId>, Error> {
        let mut brands = BTreeSet::from([self.brand().clone()]);
        if self.scope().is_all_brands() {
            brands.extend(self.configured_brands().cloned());
            brands.extend(self.store().holding_brands().await?);
        }
        Ok(brands)
    }
}

impl<F: FnMut(Found) + Send> Audit<'_, F> {
    async fn walk(&mut self) -> Result<(), Error> {
        let mut pages = Pages::read_ahead(self.oss, &self.tenant, self.options.young);
        while let Some(page) = pages.next().await? {
            for _ in 0..page.listed.unreadable {
                self.report_unreadable(format!("a hold that Sigan lists for {}", self.tenant.brand()));
            }
            self.compare(page).await?;
            (self.on_found)(Found::Progress(self.report));
        }
        Ok(())
    }

    async fn compare(&mut self, Page { mut range, listed, known, mut held }: Page) -> Result<(), Error> {
        let mut repairs = Vec::new();
        for (ListedHold { hold, .. }, known) in listed.holds.iter().zip(known) {
            self.report.listed += 1;
            let verdict = compare::verdict_on_listed(&known);
            let found = Difference {
                msisdn: Some(hold.msisdn),
                external_id: Some(hold.external_id.clone()),
                state: known.state,
                status: known.status,
                ..Difference::of(DifferenceKind::UnknownHere)
            };
            repairs.extend(self.repair(verdict, found, None));
        }
        self.settle(repairs).await?;
        let listed_ids: HashMap<Msisdn, &ExternalId> =
            listed.holds.iter().map(|listed| (listed.hold.msisdn, &listed.hold.external_id)).collect();
        loop {
            range.after = held.next.clone();
            self.compare_ours(held, &listed_ids).await?;
            if range.after.is_none() {
                return Ok(());
            }
            let young = self.options.young;
            held = self.oss.store().held_numbers(&self.tenant, range.clone(), young, OUR_PAGE).await?;
        }
    }

    async fn compare_ours(
        &mut self,
        held: HeldPage,
        listed_ids: &HashMap<Msisdn, &ExternalId>,
    ) -> Result<(), Error> {
        held.unreadable.iter().for_each(|row| self.report_row(row));
        let mut repairs = Vec::new();
        for number in held.numbers {
            self.report.held += 1;
            let verdict = compare::verdict_on_held(&number, listed_ids.get(&number.msisdn).copied());
            let HeldNumber { msisdn, status, live, .. } = number;
            let found = Difference {
                msisdn: Some(msisdn),
                external_id: live.as_ref().map(|live| live.external_id.clone()),
                state: live.as_ref().map(|live| live.state),
                status: Some(status),
                ..Difference::of(DifferenceKind::UnknownThere)
            };
            repairs.extend(self.repair(verdict, found, live.map(|live| live.reservation)));
        }
        self.settle(repairs).await
    }

    fn report_row(&mut self, UnreadableRow { table, key, reason }: &UnreadableRow) {
        self.report_unreadable(format!("{table} {key}: {reason}"));
    }

    /// Reports a row that cannot be read. A person has to act on it.
    fn report_unreadable(&mut self, row: String) {
        let unreadable = Difference::of(DifferenceKind::Unreadable);
        let difference = Difference { row: Some(row), outcome: Outcome::Person, ..unreadable };
        self.report.count(difference.kind);
        (self.on_found)(Found::Difference(difference));
    }

    /// Reports the reservations that are set aside.
    async fn walk_set_aside(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let rows = self.oss.store().set_aside_rows(after, SET_ASIDE_PAGE).await?;
            for (_, row) in &rows {
                self.report_row(row);
            }
            after = rows.last().map(|(id, _)| *id);
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// The repair that follows from a verdict, if there is one. Counts the numbers that are not settled.
    fn repair(
        &mut self,
        verdict: Verdict,
        found: Difference,
        reservation: Option<ReservationId>,
    ) -> Option<Repair> {
        match verdict {
            Verdict::Agrees => None,
            Verdict::Unsettled => {
                self.report.unsettled += 1;
                None
            }
            Verdict::Differs(kind, remedy) => {
                Some(Repair::new(Difference { kind, ..found }, remedy, reservation))
            }
        }
    }
}
