//! A number with its whole story, and the actions on it.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Redirect, Response};
use oss_core::access::Scope;
use oss_core::{
    Association, AttemptRecord, AttemptState, Error, Line, LineId, Msisdn, NumberHistory, NumberStatus,
    PreviewId, SimId,
};

use super::or_dash;
use super::story::{ShownEntry, shown_story};
use crate::console::forms::Form;
use crate::console::frame::{Frame, page};
use crate::console::texts::Texts;
use crate::console::times::Moment;
use crate::console::visitor::{Sent, TurnedAway, Visitor};
use crate::path::Params;
use crate::problem::{Fault, Problem};

#[derive(Template)]
#[template(path = "console/number.html")]
struct NumberPage {
    frame: Frame,
    msisdn: Msisdn,
    done: Option<&'static str>,
    fault: Option<&'static str>,
    line: Option<ShownLine>,
    actions: Vec<ShownAction>,
    attempts: Vec<ShownAttempt>,
    sims: Vec<ShownSim>,
    story: Vec<ShownEntry>,
}

struct ShownLine {
    status: String,
    sim: Option<SimId>,
    assigned_at: Option<Moment>,
    created_at: Moment,
    updated_at: Option<Moment>,
    origin: String,
}

struct ShownAttempt {
    state: AttemptState,
    brand: String,
    client: String,
    created_at: Moment,
    updated_at: Moment,
    expires_at: Option<Moment>,
    reason: String,
    external_id: String,
    preview: Option<PreviewId>,
}

struct ShownSim {
    id: SimId,
    line: LineId,
    since: Moment,
}

struct ShownAction {
    name: &'static str,
    text: &'static str,
    explained: &'static str,
    is_final: bool,
}

/// An action on a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Settle,
    Extend,
    Release,
    EndLine,
}

impl Action {
    const ALL: [Self; 4] = [Self::Settle, Self::Extend, Self::Release, Self::EndLine];

    /// The name in the form.
    fn name(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Extend => "extend",
            Self::Release => "release",
            Self::EndLine => "end-line",
        }
    }

    /// The scopes that the same action needs over HTTP.
    fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Settle => &[Scope::Operations, Scope::NumbersRead],
            Self::Extend => &[Scope::NumbersReserve],
            Self::Release => &[Scope::NumbersRelease],
            Self::EndLine => &[Scope::SimsOrder],
        }
    }

    /// Whether a number with this status may be offered the action. The operation itself decides.
    fn fits(self, status: Option<&NumberStatus>) -> bool {
        match self {
            Self::Settle => true,
            Self::Extend | Self::Release => status == Some(&NumberStatus::Reserved),
            Self::EndLine => status == Some(&NumberStatus::InUse),
        }
    }

    /// Whether a customer may lose something by it.
    fn is_final(self) -> bool {
        matches!(self, Self::Release | Self::EndLine)
    }

    fn shown(self, t: &'static Texts) -> ShownAction {
        let (text, explained) = match self {
            Self::Settle => (t.settle, t.settle_explained),
            Self::Extend => (t.extend, t.extend_explained),
            Self::Release => (t.release, t.release_explained),
            Self::EndLine => (t.end_line, t.end_line_explained),
        };
        ShownAction { name: self.name(), text, explained, is_final: self.is_final() }
    }
}

/// The result of an action, as the page says it after the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Released,
    Extended,
    Ended,
    Agrees,
    Differs,
    Settled,
    Unsettled,
    Unsure,
}

impl Done {
    const ALL: [Self; 8] = [
        Self::Released,
        Self::Extended,
        Self::Ended,
        Self::Agrees,
        Self::Differs,
        Self::Settled,
        Self::Unsettled,
        Self::Unsure,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Extended => "extended",
            Self::Ended => "ended",
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::Settled => "settled",
            Self::Unsettled => "unsettled",
            Self::Unsure => "unsure",
        }
    }

    /// The text if it is good, or the text if it is not.
    fn text(self, t: &'static Texts) -> Result<&'static str, &'static str> {
        match self {
            Self::Released => Ok(t.done_released),
            Self::Extended => Ok(t.done_extended),
            Self::Ended => Ok(t.done_ended),
            Self::Agrees => Ok(t.done_agrees),
            Self::Differs => Err(t.done_differs),
            Self::Settled => Ok(t.done_settled),
            Self::Unsettled => Err(t.done_unsettled),
            Self::Unsure => Err(t.confirm_first),
        }
    }
}

pub(in crate::console) async fn show(
    visitor: Visitor,
    params: Params,
    RawQuery(query): RawQuery,
) -> Result<Response, TurnedAway> {
    visitor.require(Scope::NumbersRead)?;
    let msisdn: Msisdn = params.get("msisdn")?;
    let in_path = |error: Error| Problem::in_path(&error, "msisdn");
    let history = visitor.oss.number_history(msisdn).await.map_err(in_path)?;
    let history = if visitor.may(Scope::SimsRead) { history } else { history.without_sims() };
    let query = Form::of_query(query.as_deref());
    let done = Done::ALL.into_iter().find(|done| done.name() == query.text("done"));
    Ok(page(&number_page(visitor, history, done)))
}

fn number_page(visitor: Visitor, number: NumberHistory, done: Option<Done>) -> NumberPage {
    let t = visitor.frame.t;
    let said = done.map(|done| done.text(t));
    let status = number.current.as_ref().map(|line| line.status.clone());
    let fits = |action: &Action| {
        action.fits(status.as_ref()) && action.scopes().iter().all(|scope| visitor.may(*scope))
    };
    NumberPage {
        msisdn: number.msisdn,
        done: said.and_then(Result::ok),
        fault: said.and_then(Result::err),
        actions: Action::ALL.into_iter().filter(fits).map(|action| action.shown(t)).collect(),
        line: number.current.map(shown_line),
        attempts: number.attempts.into_iter().map(shown_attempt).collect(),
        sims: number.associations.iter().map(shown_sim).collect(),
        story: shown_story(number.timeline, t),
        frame: visitor.frame,
    }
}

fn shown_line(line: Line) -> ShownLine {
    ShownLine {
        status: line.status.to_string(),
        sim: line.assigned_sim_id,
        assigned_at: line.assigned_at.map(Moment),
        created_at: line.created_at.into(),
        updated_at: line.updated_at.map(Moment),
        origin: line.origin,
    }
}

fn shown_attempt(AttemptRecord { hold, brand, client, .. }: AttemptRecord) -> ShownAttempt {
    ShownAttempt {
        state: hold.state,
        brand: brand.to_string(),
        client: or_dash(client),
        created_at: hold.created_at.into(),
        updated_at: hold.updated_at.into(),
        expires_at: hold.hold_expires_at.map(Moment),
        reason: hold.reason.unwrap_or_default(),
        external_id: or_dash(hold.external_id),
        preview: hold.preview,
    }
}

fn shown_sim(association: &Association) -> ShownSim {
    ShownSim { id: association.sim_id, line: association.line_id, since: association.since.into() }
}

/// Does what the operator chose, with the operation and the scope that a request over HTTP would have.
pub(in crate::console) async fn act(
    params: Params,
    Sent { visitor, form }: Sent,
) -> Result<Response, TurnedAway> {
    let msisdn: Msisdn = params.get("msisdn")?;
    let action = Action::ALL.into_iter().find(|action| action.name() == form.text("action"));
    let action = action
        .ok_or_else(|| Problem::malformed(vec![Fault::expecting("action", "an action of the page")]))?;
    action.scopes().iter().try_for_each(|scope| visitor.require(*scope))?;
    let done = if action.is_final() && !form.is_marked("sure") {
        Done::Unsure
    } else {
        let done = run(&visitor, action, msisdn).await;
        done.map_err(|error| Problem::in_path(&error, "msisdn"))?
    };
    Ok(Redirect::to(&format!("/console/numbers/{msisdn}?done={}", done.name())).into_response())
}

async fn run(visitor: &Visitor, action: Action, msisdn: Msisdn) -> Result<Done, Error> {
    let oss = &visitor.oss;
    match action {
        Action::Release => oss.release(msisdn).await.map(|()| Done::Released),
        Action::Extend => oss.extend_reservation(msisdn).await.map(|_| Done::Extended),
        Action::EndLine => oss.end_line(msisdn).await.map(|()| Done::Ended),
        Action::Settle => {
            let settlement = oss.settle(msisdn).await?;
            Ok(match (settlement.sigan, settlement.agrees) {
                (None, true) => Done::Settled,
                (None, false) => Done::Unsettled,
                (Some(_), true) => Done::Agrees,
                (Some(_), false) => Done::Differs,
            })
        }
    }
}
