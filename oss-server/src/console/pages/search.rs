//! The search for any identifier. The text comes in a form, so that no address and no log has it.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use oss_core::access::Scope;
use oss_core::search::{FoundPreview, SearchAmong, SearchTerm};
use oss_core::{Msisdn, Oss, Sim, UpstreamCall};

use super::or_dash;
use crate::console::frame::{Frame, page};
use crate::console::texts::Texts;
use crate::console::visitor::{Sent, TurnedAway, Visitor};
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/search.html")]
struct SearchPage {
    frame: Frame,
    fault: Option<&'static str>,
    /// None before a search.
    found: Option<Vec<Hit>>,
}

/// A thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hit {
    kind: &'static str,
    /// The path of its page, if it has one.
    path: Option<String>,
    text: String,
    details: String,
}

pub(in crate::console) async fn show(visitor: Visitor) -> Response {
    page(&SearchPage { frame: visitor.frame, fault: None, found: None })
}

/// Leads to the page of what was found, or lists it if it has none or if there are several.
pub(in crate::console) async fn search(Sent { visitor, form }: Sent) -> Result<Response, TurnedAway> {
    visitor.require(Scope::NumbersRead)?;
    let t = visitor.frame.t;
    let (found, fault) = match form.text("text").parse::<SearchTerm>() {
        Ok(term) => {
            let sims = visitor.may(Scope::SimsRead);
            (Some(hits(&visitor.oss, &term, sims, t).await?), None)
        }
        Err(_) => (None, Some(t.not_searchable)),
    };
    if let Some([Hit { path: Some(path), .. }]) = found.as_deref() {
        return Ok(Redirect::to(path.as_str()).into_response());
    }
    Ok(page(&SearchPage { frame: visitor.frame, fault, found }))
}

async fn hits(oss: &Oss, term: &SearchTerm, sims: bool, t: &'static Texts) -> Result<Vec<Hit>, Problem> {
    let among = if sims { SearchAmong::NumbersAndSims } else { SearchAmong::Numbers };
    let found = oss.search(term, among).await?;
    let numbers =
        found.numbers.iter().map(|number| of_number(number.msisdn, or_dash(number.status.as_ref()), t));
    let mut hits: Vec<Hit> = numbers.collect();
    hits.extend(found.sims.iter().map(|sim| of_sim(sim, t)));
    hits.extend(found.previews.iter().map(|preview| of_preview(preview, t)));
    if let SearchTerm::Id(id) = term {
        for call in oss.calls_of_request(*id).await? {
            hits.extend(of_call(&call, sims, t).filter(|hit| !hits.contains(hit)));
        }
    }
    Ok(hits)
}

fn of_number(msisdn: Msisdn, details: String, t: &'static Texts) -> Hit {
    let path = Some(format!("/console/numbers/{msisdn}"));
    Hit { kind: t.number, path, text: msisdn.masked().to_string(), details }
}

fn of_preview(preview: &FoundPreview, t: &'static Texts) -> Hit {
    let offers: Vec<String> = preview.msisdns.iter().map(|offer| offer.masked.to_string()).collect();
    let path = Some(format!("/console/previews/{}", preview.id));
    Hit { kind: t.preview, path, text: preview.id.to_string(), details: offers.join(", ") }
}

fn of_sim(sim: &Sim, t: &'static Texts) -> Hit {
    let path = Some(format!("/console/sims/{}", sim.id));
    Hit { kind: t.sim, path, text: sim.id.to_string(), details: format!("{} {}", sim.sim_type, sim.status) }
}

/// The number or the SIM that a request was about.
fn of_call(call: &UpstreamCall, sims: bool, t: &'static Texts) -> Option<Hit> {
    if let Some(msisdn) = call.msisdn {
        return Some(of_number(msisdn, t.request.to_owned(), t));
    }
    let sim = call.sim_id.filter(|_| sims)?;
    let (path, text) = (Some(format!("/console/sims/{sim}")), sim.to_string());
    Some(Hit { kind: t.sim, path, text, details: t.request.to_owned() })
}
