//! `oss adopt`: how its answer looks.

use oss_core::Adopted;

use crate::output::Answer;

impl Answer for Adopted {
    fn table(&self, _oss: &str) -> String {
        let Self { msisdn, sim_id, brand_id, external_id, .. } = self;
        format!("{msisdn} is on the line of SIM {sim_id}, held for brand {brand_id} under {external_id}")
    }
}
