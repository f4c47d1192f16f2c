//! The versions of the lists that imports replace.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::{own_uuid_id, uuid_id};
use super::msisdn::Malformed;

uuid_id! {
    /// The identity of one database. `oss migrate` chooses it at random.
    InstallationId
}

own_uuid_id! {
    /// The version of a list. Every import chooses a new one, so that no cache mistakes one list for another.
    DataVersion
}

impl DataVersion {
    /// The version of a list as the migrations left it.
    #[must_use]
    pub const fn of_migration() -> Self {
        Self(Uuid::nil())
    }
}

/// The versions of all lists of one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataVersions {
    /// The database that has the lists. Two databases may have the same versions.
    pub installation: InstallationId,
    /// The version of the device catalogue.
    pub devices: DataVersion,
    /// The version of the list of area codes.
    pub ddds: DataVersion,
}

/// A change of a list, over the version that was read.
#[derive(Debug, Clone)]
pub struct Edition<C> {
    /// The version that the changes were made for. If the list has another one, nothing is written.
    pub over: DataVersion,
    /// The version that the list then has, chosen by the caller.
    pub version: DataVersion,
    /// The changes.
    pub changes: C,
}
