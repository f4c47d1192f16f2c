//! A SIM: its profile, who read its activation code, and its story.

use askama::Template;
use axum::response::Response;
use oss_core::access::Scope;
use oss_core::sims::{Activation, qr_svg};
use oss_core::{Error, LineId, MaskedMsisdn, Msisdn, ProfileState, SimHistory, SimId, SimRecord, SimType};

use super::or_dash;
use super::story::{ShownEntry, shown_story};
use crate::console::frame::{Frame, page};
use crate::console::texts::Texts;
use crate::console::times::Moment;
use crate::console::visitor::{Sent, TurnedAway, Visitor};
use crate::path::Params;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/sim.html")]
struct SimPage {
    frame: Frame,
    sim: ShownSim,
    /// The steps of an eSIM; none for a card.
    funnel: Vec<Step>,
    reads: Vec<Read>,
    code: Option<ShownCode>,
    may_show_code: bool,
    reports: Vec<Report>,
    story: Vec<ShownEntry>,
}

struct ShownSim {
    id: SimId,
    status: String,
    sim_type: String,
    /// The last state of the profile; none for a card.
    profile: String,
    technology: String,
    number: Option<ShownNumber>,
    line: LineId,
    iccid: String,
    imsi: String,
    created_at: Moment,
    updated_at: Moment,
}

struct ShownNumber {
    msisdn: Msisdn,
    masked: MaskedMsisdn,
}

struct Step {
    text: &'static str,
    is_reached: bool,
}

struct Read {
    at: Moment,
    client: String,
}

struct Report {
    at: Moment,
    state: String,
    reason: String,
    applied: bool,
}

/// The code, which is only on the page that answers the form.
struct ShownCode {
    text: String,
    qr: String,
    ios: String,
    android: String,
}

pub(in crate::console) async fn show(visitor: Visitor, params: Params) -> Result<Response, TurnedAway> {
    sim_page(visitor, params.get("simId")?, None).await
}

/// Shows the activation code. The read is counted, as every read of it is.
pub(in crate::console) async fn show_code(
    params: Params,
    Sent { visitor, .. }: Sent,
) -> Result<Response, TurnedAway> {
    visitor.require(Scope::SimsRead)?;
    visitor.require(Scope::SimsActivate)?;
    let id: SimId = params.get("simId")?;
    let code = visitor.oss.activation_code(id).await.map_err(Problem::from)?;
    let Activation { code: text, install_urls, .. } = Activation::from(&code);
    let qr = qr_svg(&code).map_err(Problem::from)?;
    // The image is a part of the page, so it is no document of its own.
    let qr = qr.split_once("?>").map_or(qr.as_str(), |(_, image)| image).to_owned();
    let shown = ShownCode { text, qr, ios: install_urls.ios, android: install_urls.android };
    sim_page(visitor, id, Some(shown)).await
}

async fn sim_page(visitor: Visitor, id: SimId, code: Option<ShownCode>) -> Result<Response, TurnedAway> {
    visitor.require(Scope::SimsRead)?;
    let in_path = |error: Error| Problem::in_path(&error, "simId");
    let SimHistory { sim: record, timeline, .. } = visitor.oss.sim_history(id).await.map_err(in_path)?;
    let t = visitor.frame.t;
    let may_show_code = visitor.may(Scope::SimsActivate) && record.sim.sim_type == SimType::Esim;
    Ok(page(&SimPage {
        funnel: funnel(&record, t),
        reads: reads(&record),
        reports: reports(&record),
        sim: shown(record),
        code,
        may_show_code,
        story: shown_story(timeline, t),
        // The code is on no page that can be opened again.
        frame: Frame { path: format!("/console/sims/{id}"), ..visitor.frame },
    }))
}

fn shown(record: SimRecord) -> ShownSim {
    let sim = record.sim;
    ShownSim {
        id: sim.id,
        status: sim.status.to_string(),
        sim_type: sim.sim_type.to_string(),
        profile: or_dash(sim.profile_state),
        technology: sim.technology.to_string(),
        number: sim.msisdn.map(|msisdn| ShownNumber { msisdn, masked: msisdn.masked() }),
        line: sim.line_id,
        iccid: sim.iccid,
        imsi: sim.imsi,
        created_at: sim.created_at.into(),
        updated_at: sim.updated_at.into(),
    }
}

/// The steps of an eSIM from its order to its use, and those that it has reached.
fn funnel(record: &SimRecord, t: &'static Texts) -> Vec<Step> {
    if record.sim.sim_type != SimType::Esim {
        return Vec::new();
    }
    let was = |states: &[ProfileState]| {
        let reported = record.profile_reports.iter().any(|report| states.contains(&report.state));
        reported || record.sim.profile_state.as_ref().is_some_and(|state| states.contains(state))
    };
    let enabled = was(&[ProfileState::Enabled, ProfileState::Disabled]);
    let installed = enabled || was(&[ProfileState::Installed]);
    let downloaded = installed || was(&[ProfileState::Downloaded]);
    let read = downloaded || !record.code_reads.is_empty();
    [
        (t.ordered, true),
        (t.code_read, read),
        (t.downloaded, downloaded),
        (t.installed, installed),
        (t.enabled, enabled),
    ]
    .map(|(text, is_reached)| Step { text, is_reached })
    .into()
}

fn reads(record: &SimRecord) -> Vec<Read> {
    let read = |read: &oss_core::CodeRead| Read { at: read.read_at.into(), client: read.client.clone() };
    record.code_reads.iter().map(read).collect()
}

fn reports(record: &SimRecord) -> Vec<Report> {
    let reports = record.profile_reports.iter();
    let shown = |report: &oss_core::RecordedReport| Report {
        at: report.at.into(),
        state: report.state.to_string(),
        reason: or_dash(report.reason.as_ref()),
        applied: report.applied,
    };
    reports.map(shown).collect()
}
