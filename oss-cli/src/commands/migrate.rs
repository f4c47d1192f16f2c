//! `oss migrate`: its answer.

use serde::Serialize;

use crate::output::Answer;

#[derive(Debug, Serialize)]
pub(crate) struct Migrated {
    pub(crate) migrated: bool,
}

impl Answer for Migrated {
    fn table(&self, _oss: &str) -> String {
        "The database has the tables and the reference data of this version".to_owned()
    }
}
