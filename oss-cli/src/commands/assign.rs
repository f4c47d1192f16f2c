//! `oss assign`

use oss_core::{Msisdn, Oss, SimId};
use serde::Serialize;

use crate::exit::Failure;
use crate::output::Answer;

pub(crate) async fn run(oss: &Oss, msisdn: Msisdn, sim: SimId) -> Result<Assigned, Failure> {
    oss.assign(msisdn, sim).await?;
    Ok(Assigned { msisdn: msisdn.to_string(), sim_id: sim })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assigned {
    msisdn: String,
    sim_id: SimId,
}

impl Answer for Assigned {
    fn table(&self, _oss: &str) -> String {
        format!("{} is on the line of SIM {}", self.msisdn, self.sim_id)
    }
}
