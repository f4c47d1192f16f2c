//! `oss find`

use oss_core::search::{FoundPreview, SearchResults};
use oss_core::{ListedNumber, Sim};

use super::show::time;
use super::sims;
use crate::output::Answer;

impl Answer for SearchResults {
    fn table(&self, oss: &str) -> String {
        let sim = |sim: &Sim| format!("{}\nFor its history: {oss} sim show {}", sims::sim(sim), sim.id);
        let previews = self.previews.iter().map(of_preview);
        let numbers = self.numbers.iter().map(|number| of_number(number, oss));
        let parts: Vec<_> = previews.chain(numbers).chain(self.sims.iter().map(sim)).collect();
        if parts.is_empty() { "Nothing found".to_owned() } else { parts.join("\n\n") }
    }
}

fn of_number(number: &ListedNumber, oss: &str) -> String {
    let ListedNumber { msisdn, status, state, brand_id, expires_at, .. } = number;
    let fields = [
        ("status", status.as_ref().map(ToString::to_string)),
        ("attempt", state.map(|state| state.to_string())),
        ("brand", brand_id.as_ref().map(ToString::to_string)),
        ("SIM", number.assigned_sim_id.map(|sim| sim.to_string())),
        ("until", expires_at.map(time)),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some(format!("\n  {name:<8}  {}", value?)));
    let fields: String = fields.collect();
    format!("Number {msisdn}{fields}\nFor its history: {oss} show {msisdn}")
}

fn of_preview(preview: &FoundPreview) -> String {
    let FoundPreview { id, brand_id, msisdns, reserved_msisdn, created_at, expires_at, .. } = preview;
    let offers: Vec<String> =
        msisdns.iter().map(|offer| format!("\n  {:<8}  {}", offer.choice, offer.masked)).collect();
    let reserved = reserved_msisdn.map(|msisdn| format!("\n  reserved  {msisdn}")).unwrap_or_default();
    let (from, until) = (time(*created_at), time(*expires_at));
    format!("Preview {id} of {brand_id}, from {from} to {until}{}{reserved}", offers.concat())
}
