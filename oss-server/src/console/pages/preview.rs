//! A preview: for whom it was made, its numbers, and the calls to Sigan about it.

use askama::Template;
use axum::response::Response;
use oss_core::access::Scope;
use oss_core::{Error, MaskedMsisdn, Msisdn, OfferedNumber, PreviewHistory, PreviewId};

use super::or_dash;
use super::story::{ShownEntry, shown_story};
use crate::console::frame::{Frame, page};
use crate::console::texts::Texts;
use crate::console::times::{Moment, now};
use crate::console::visitor::{TurnedAway, Visitor};
use crate::path::Params;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/preview.html")]
struct PreviewPage {
    frame: Frame,
    id: PreviewId,
    state: &'static str,
    brand: String,
    client: String,
    area_code: String,
    external_id: String,
    created_at: Moment,
    expires_at: Moment,
    offers: Vec<ShownOffer>,
    story: Vec<ShownEntry>,
}

struct ShownOffer {
    index: u8,
    masked: MaskedMsisdn,
    /// The number, if it has a page.
    page: Option<Msisdn>,
    is_reserved: bool,
}

pub(in crate::console) async fn show(visitor: Visitor, params: Params) -> Result<Response, TurnedAway> {
    visitor.require(Scope::NumbersRead)?;
    let id: PreviewId = params.get("id")?;
    let in_path = |error: Error| Problem::in_path(&error, "id");
    let preview = visitor.oss.preview_history(id).await.map_err(in_path)?;
    Ok(page(&preview_page(visitor.frame, preview)))
}

fn preview_page(frame: Frame, preview: PreviewHistory) -> PreviewPage {
    let t = frame.t;
    PreviewPage {
        id: preview.id,
        state: state(&preview, t),
        area_code: or_dash(preview.offers.first().map(|offer| offer.msisdn.ddd())),
        offers: preview.offers.iter().map(|offer| shown_offer(*offer, preview.reserved)).collect(),
        brand: preview.brand.to_string(),
        client: or_dash(preview.client),
        external_id: or_dash(preview.external_id),
        created_at: preview.created_at.into(),
        expires_at: preview.expires_at.into(),
        story: shown_story(preview.calls, t),
        frame,
    }
}

fn state(preview: &PreviewHistory, t: &'static Texts) -> &'static str {
    match preview.reserved {
        Some(_) => t.preview_used,
        None if preview.expires_at <= now() => t.preview_over,
        None => t.preview_open,
    }
}

fn shown_offer(offer: OfferedNumber, reserved: Option<Msisdn>) -> ShownOffer {
    ShownOffer {
        index: offer.choice.get(),
        masked: offer.msisdn.masked(),
        page: offer.is_known.then_some(offer.msisdn),
        is_reserved: reserved == Some(offer.msisdn),
    }
}
