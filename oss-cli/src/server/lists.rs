//! The parameters of a list of numbers, as a server reads them.

use chrono::{DateTime, SecondsFormat, Utc};
use oss_core::{NumberFilter, NumberList};

/// A parameter, with its name.
type Parameter = (&'static str, String);

/// The parameters that ask for a page.
pub(super) fn parameters(list: &NumberList) -> Vec<Parameter> {
    let mut parameters = filter(&list.filter);
    parameters.extend(list.brand.as_ref().map(|brand| ("brandId", brand.to_string())));
    parameters.extend(list.after.as_ref().map(|after| ("after", after.to_string())));
    parameters.push(("limit", list.limit.to_string()));
    parameters
}

fn filter(filter: &NumberFilter) -> Vec<Parameter> {
    match filter {
        NumberFilter::Numbers { status, ddd } => {
            let status = status.as_ref().map(|status| ("status", status.to_string()));
            status.into_iter().chain(ddd.map(|ddd| ("ddd", ddd.to_string()))).collect()
        }
        NumberFilter::State { state, ddd } => {
            let ddd = ddd.map(|ddd| ("ddd", ddd.to_string()));
            [("state", state.to_string())].into_iter().chain(ddd).collect()
        }
        NumberFilter::Created { state, after, before } => {
            let after = after.map(|after| ("createdAfter", time(after)));
            let before = before.map(|before| ("createdBefore", time(before)));
            [("state", state.to_string())].into_iter().chain(after).chain(before).collect()
        }
        NumberFilter::Expiring(before) => vec![("expiresBefore", time(*before))],
        NumberFilter::Sim(sim) => vec![("simId", sim.to_string())],
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
