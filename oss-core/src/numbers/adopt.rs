//! Records a number that is on a line but has no record here, after a restore or after a failover that lost data.

use futures::future::BoxFuture;
use serde::Serialize;

use crate::domain::{BrandId, ExternalId, MaskedMsisdn, Msisdn, OLDER_BRAND, ReservationId, SimId};
use crate::error::Error;
use crate::oss::Oss;
use crate::sigan::{Hold, Lane};
use crate::store::{AdoptOutcome, AdoptRefusal, Adoption};
use crate::telemetry::Operation;

/// The size of a page of Sigan's list, if more holds have to be listed than the one that is looked for.
const PAGE: usize = 200;

/// The record of a number that is on a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Adopted {
    /// The number.
    pub msisdn: Msisdn,
    /// The SIM of its line.
    pub sim_id: SimId,
    /// The brand it is held for.
    pub brand_id: BrandId,
    /// Sigan's id of its hold.
    pub external_id: ExternalId,
}

/// The reason why a number was not adopted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The records of the number forbid it.
    #[error("number {number} cannot be adopted: {refusal}")]
    Refused {
        /// The number.
        number: MaskedMsisdn,
        /// The reason.
        refusal: AdoptRefusal,
    },
    /// Sigan does not hold the number for the brand, and no id of a hold was given.
    #[error(
        "Sigan lists no hold of brand {brand} on number {number}; check the brand, or give the external id of the hold"
    )]
    NotListed {
        /// The number.
        number: MaskedMsisdn,
        /// The brand.
        brand: BrandId,
    },
    /// There is no such SIM.
    #[error("SIM {0} is not known here; record the SIM first")]
    UnknownSim(SimId),
    /// The operation did not succeed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl AdoptError {
    /// A short, stable name of the error, for programs: `not-listed`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { refusal, .. } => refusal.code(),
            Self::NotListed { .. } => "not-listed",
            Self::UnknownSim(_) => "unknown-sim",
            Self::Failed(error) => error.code(),
        }
    }
}

/// A call of [`Oss::adopt`].
#[derive(Debug)]
#[must_use = "nothing is done until it is awaited"]
pub struct Adopt<'a> {
    oss: &'a Oss,
    brand: BrandId,
    adoption: Adoption,
}

impl Adopt<'_> {
    /// Gives Sigan's id of the hold, so that Sigan is not asked for it.
    pub fn external_id(mut self, external_id: impl Into<Option<ExternalId>>) -> Self {
        self.adoption.external_id = external_id.into();
        self
    }

    async fn run(self) -> Result<Adopted, AdoptError> {
        let Self { oss, brand, adoption } = self;
        let (msisdn, sim) = (adoption.msisdn, adoption.sim);
        let number = msisdn.masked();
        if brand.as_str() == OLDER_BRAND {
            return Err(AdoptError::Refused { number, refusal: AdoptRefusal::ReservedBrand });
        }
        let adopting = brand.clone();
        let work = move |oss: Oss| async move { oss.record_adoption(adopting, adoption).await };
        match oss.run_to_end(Operation::Adopt, work).await? {
            AdoptOutcome::Adopted(external_id) => {
                tracing::info!(%number, sim.id = %sim, %brand, "Number adopted.");
                Ok(Adopted { msisdn, sim_id: sim, brand_id: brand, external_id })
            }
            AdoptOutcome::NoExternalId => Err(AdoptError::NotListed { number, brand }),
            AdoptOutcome::Refused(refusal) => Err(AdoptError::Refused { number, refusal }),
            AdoptOutcome::UnknownSim => Err(AdoptError::UnknownSim(sim)),
        }
    }
}

impl<'a> IntoFuture for Adopt<'a> {
    type Output = Result<Adopted, AdoptError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Oss {
    /// Records that a number is on the line of a SIM for a brand, although the number is unknown, returned or only reserved
    /// here. It is meant for operators after a restore. A repeated call is no error.
    ///
    /// The record needs Sigan's id of the hold. If none is given, the id is taken from the attempt that is recorded here, or else
    /// from the hold that Sigan lists for the brand.
    ///
    /// # Errors
    ///
    /// [`AdoptError::Refused`] if the number is held otherwise here; [`AdoptError::NotListed`] if no id is given and Sigan does
    /// not hold the number for the brand.
    pub fn adopt(&self, msisdn: Msisdn, sim: SimId, brand: BrandId) -> Adopt<'_> {
        Adopt { oss: self, brand, adoption: Adoption { msisdn, sim, external_id: None } }
    }

    async fn record_adoption(&self, brand: BrandId, adoption: Adoption) -> Result<AdoptOutcome, Error> {
        let (tenant, id) = (self.tenant_of(brand), ReservationId::new());
        let outcome = self.store().adopt(&tenant, id, &adoption).await?;
        if outcome != AdoptOutcome::NoExternalId {
            return Ok(outcome);
        }
        let Some(hold) = self.listed_hold(tenant.brand(), adoption.msisdn).await? else { return Ok(outcome) };
        let adoption = Adoption { external_id: Some(hold.external_id), ..adoption };
        Ok(self.store().adopt(&tenant, id, &adoption).await?)
    }

    /// The hold on a number that Sigan lists for a brand.
    pub(super) async fn listed_hold(&self, brand: &BrandId, msisdn: Msisdn) -> Result<Option<Hold>, Error> {
        let mut after = predecessor(msisdn);
        let mut limit = if after.is_some() { 1 } else { PAGE };
        loop {
            let page = self.sigan().turn(Lane::Upkeep).await?.holds(brand, after, limit).await?;
            let is_past = page.holds.last().is_some_and(|last| last.hold.msisdn >= msisdn);
            let listed = page.holds.into_iter().map(|listed| listed.hold).find(|hold| hold.msisdn == msisdn);
            if listed.is_some() || is_past || page.next.is_none() {
                return Ok(listed);
            }
            (after, limit) = (page.next, PAGE);
        }
    }
}

/// The number before `msisdn`; none if `msisdn` is the first number of its area code.
fn predecessor(msisdn: Msisdn) -> Option<Msisdn> {
    let number: u64 = msisdn.as_str().parse().ok()?;
    number.checked_sub(1)?.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_before_a_number_has_the_same_area_code() {
        let before = |text: &str| predecessor(text.parse().unwrap()).map(|number| number.to_string());
        assert_eq!(before("11999950001").as_deref(), Some("11999950000"));
        assert_eq!(before("11900000000"), None);
    }
}
