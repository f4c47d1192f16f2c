//! `oss assign`: its answer.

use oss_core::{Msisdn, SimId};
use serde::Serialize;

use crate::output::Answer;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assigned {
    pub(crate) msisdn: Msisdn,
    pub(crate) sim_id: SimId,
}

impl Answer for Assigned {
    fn table(&self, _oss: &str) -> String {
        format!("{} is on the line of SIM {}", self.msisdn, self.sim_id)
    }
}
