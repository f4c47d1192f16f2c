//! The answer of `oss migrate`.

use std::fmt::Write;

use oss_core::store::MigrationReport;
use serde::Serialize;

use crate::output::Answer;

#[derive(Debug, Serialize)]
pub(crate) struct Migrated {
    pub(crate) migrated: bool,
    #[serde(flatten)]
    pub(crate) report: MigrationReport,
}

impl Answer for Migrated {
    fn table(&self, oss: &str) -> String {
        let MigrationReport { adopted, without_external_id, unreadable, sharing_sim, .. } = self.report;
        let mut text = "The database has the tables and the reference data of this version".to_owned();
        for (count, what) in [
            (adopted, "Numbers that were held before and now have a reservation".to_owned()),
            (
                without_external_id,
                "Reserved numbers that do not expire, because no id of Sigan is recorded".to_owned(),
            ),
            (sharing_sim, "Numbers that share a SIM with another number and are left as they are".to_owned()),
            (unreadable, format!("Rows that cannot be read and are left as they are; see `{oss} audit`")),
        ] {
            if count > 0 {
                // Writing to a string does not fail.
                let _ = write!(text, "\n{what}: {count}");
            }
        }
        text
    }
}
