//! The outcome of one pass over what is due.

use serde::Serialize;

/// The work of one sweep, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({
    "expired": 2, "assigned": 0, "recovered": 1, "released": 2, "rejected": 0, "failed": 0, "setAside": 0, "purged": 40,
}))))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SweepReport {
    /// Abandoned numbers that were given back.
    pub expired: u64,
    /// Abandoned holds whose number another program had put on a line: they stay.
    pub assigned: u64,
    /// Doubts that turned out to be holds of ours.
    pub recovered: u64,
    /// Releases that Sigan was told of.
    pub released: u64,
    /// Doubts that turned out to be none, cancelled in Sigan.
    pub rejected: u64,
    /// Rows of which Sigan could not be asked or told; they stay due.
    pub failed: u64,
    /// Rows that cannot be acted on, because they cannot be read or another program gave their number a status that is not
    /// known here. They are left to a person: `oss audit` lists them.
    pub set_aside: u64,
    /// Old previews that were deleted.
    pub purged: u64,
}
