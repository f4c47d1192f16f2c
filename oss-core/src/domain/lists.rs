//! The versions of the lists that imports replace.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::uuid_id;
use super::msisdn::Malformed;

uuid_id! {
    /// One database, told from every other one. `oss migrate` chooses it at random.
    InstallationId
}

uuid_id! {
    /// One state of a list. Chosen anew by every import, so that no cache takes a list for another one.
    DataVersion
}

impl DataVersion {
    /// A version that no list has had.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// That of a list as the migrations left it.
    #[must_use]
    pub const fn of_migration() -> Self {
        Self(Uuid::nil())
    }
}

impl Default for DataVersion {
    fn default() -> Self {
        Self::new()
    }
}

/// The versions of all lists, and whose lists they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataVersions {
    /// The database that has the lists. Two databases may have the same versions.
    pub installation: InstallationId,
    /// That of the device catalogue.
    pub devices: DataVersion,
    /// That of the area codes.
    pub ddds: DataVersion,
}

/// A change of a list, over the version that was read.
#[derive(Debug, Clone)]
pub struct Edition<C> {
    /// The version that the changes were made for. Over any other one nothing is written.
    pub over: DataVersion,
    /// The version that the list then has, chosen by the caller.
    pub version: DataVersion,
    /// The changes.
    pub changes: C,
}
