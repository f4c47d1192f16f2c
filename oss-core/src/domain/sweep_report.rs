//! The counts of one sweep.

use serde::{Deserialize, Serialize};

/// The counts of one sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({
    "expired": 2, "assigned": 0, "recovered": 1, "released": 2, "rejected": 0, "failed": 0, "setAside": 0, "purged": 40,
    "simsIssued": 1, "simsDeprogrammed": 1, "simsFailed": 0,
}))))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SweepReport {
    /// Abandoned numbers that were given back.
    pub expired: u64,
    /// Abandoned holds whose number another program had put on a line. They stay.
    pub assigned: u64,
    /// Attempts in doubt that Sigan turned out to hold for us.
    pub recovered: u64,
    /// Releases that Sigan was told of.
    pub released: u64,
    /// Attempts in doubt that Sigan did not hold, or that were given up. Sigan cancelled them.
    pub rejected: u64,
    /// Rows for which a call to Sigan failed. They stay due.
    pub failed: u64,
    /// Rows that cannot be read, or whose number has a status of another program. They wait for a person: `oss audit` lists
    /// them.
    pub set_aside: u64,
    /// Old previews that were deleted.
    pub purged: u64,
    /// Orders in doubt whose SIM GSIM turned out to have.
    pub sims_issued: u64,
    /// SIMs that GSIM was told to deprogram, and orders that it was told to cancel.
    pub sims_deprogrammed: u64,
    /// Orders for which a call to GSIM failed, or that GSIM is still at work on. They stay due.
    pub sims_failed: u64,
}
