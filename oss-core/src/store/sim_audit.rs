//! The audit of SIMs: reads ours for the comparison with GSIM's, and corrects differences.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use super::rows::DataRow;
use crate::domain::{
    ActiveSim, BrandId, KnownSim, Msisdn, SimDelivery, SimId, SimIdentity, SimStatus, Tenant,
};

/// A range of SIMs, in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimRange {
    /// The id before the first one, or none from the very first on.
    pub after: Option<SimId>,
    /// The last id, or none up to the very last.
    pub until: Option<SimId>,
}

/// The steps of the audit of SIMs.
#[async_trait]
pub trait SimAuditStore {
    /// Reads our records of SIMs that GSIM lists, each with its number, in the same order. A SIM is young if it changed within `young`.
    async fn known_sims(
        &self,
        listed: &[(SimId, Msisdn)],
        young: Duration,
    ) -> Result<Vec<KnownSim>, StoreError>;

    /// Reads at most `limit` SIMs of a range, in order, that are `ACTIVE` here, belong to a tenant and were ordered from GSIM.
    async fn active_sims(
        &self,
        tenant: &Tenant,
        range: SimRange,
        young: Duration,
        limit: u32,
    ) -> Result<Vec<ActiveSim>, StoreError>;

    /// Records that GSIM is to deprogram a SIM that it lists. Returns none if the SIM is active here or its order under way, or if its
    /// number is held here, because then a customer may have the SIM.
    async fn release_stray_sim(
        &self,
        id: SimId,
        msisdn: Msisdn,
        brand: &BrandId,
        deliver_within: Duration,
    ) -> Result<Option<SimDelivery>, StoreError>;
}

pub(super) fn known_sim(row: &impl DataRow) -> Result<KnownSim, sqlx::Error> {
    let status: Option<SimStatus> = row.maybe_text("sim_status")?.map(SimStatus::from);
    let active = match status {
        Some(SimStatus::Active) => Some(SimIdentity {
            iccid: row.text("iccid")?.to_owned(),
            imsi: row.text("vivo_imsi")?.to_owned(),
            msisdn: row.maybe_parsed("own_number")?,
        }),
        _ => None,
    };
    Ok(KnownSim {
        active,
        order: row.maybe_parsed("state")?,
        number: row.maybe_status("number_status")?,
        young: row.flag("young")?,
    })
}

pub(super) fn active_sim(row: &impl DataRow) -> Result<ActiveSim, sqlx::Error> {
    Ok(ActiveSim { id: row.id("id")?, msisdn: row.maybe_parsed("msisdn")?, young: row.flag("young")? })
}
