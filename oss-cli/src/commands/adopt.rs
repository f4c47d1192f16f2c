//! `oss adopt`

use oss_core::{Adopted, BrandId, ExternalId, Msisdn, Oss, SimId};

use crate::exit::Failure;
use crate::output::Answer;

pub(crate) async fn run(
    oss: &Oss,
    msisdn: Msisdn,
    sim: SimId,
    brand: BrandId,
    external_id: Option<ExternalId>,
) -> Result<Adopted, Failure> {
    Ok(oss.adopt(msisdn, sim, brand).external_id(external_id).await?)
}

impl Answer for Adopted {
    fn table(&self, _oss: &str) -> String {
        let Self { msisdn, sim_id, brand_id, external_id, .. } = self;
        format!("{msisdn} is on the line of SIM {sim_id}, held for brand {brand_id} under {external_id}")
    }
}
