//! The console: pages for operators, rendered by this server.
//!
//! Each page works without a script and loads nothing from another host. It uses the same operations and scopes as the other routes:
//! an operator signs in with a client's key, and may do on a page what that key may do in a request.
//!
//! No number, code or key is in a query: a form sends them in its body, and a page about a number has it in its path, which is never
//! logged.

mod assets;
mod charts;
mod forms;
mod frame;
mod pages;
mod problems;
mod sessions;
mod texts;
mod times;
mod visitor;

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::access::Access;
use crate::problem::Problem;
use crate::state::Shared;

/// The path of the console's first page.
pub(crate) const PATH: &str = "/console";

/// The wrong keys that are answered in a minute. A right key is never refused, so nobody can lock the operators out.
const WRONG_KEYS: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");

/// The parts that the pages of one server share.
#[derive(Debug)]
pub(crate) struct Console {
    access: Arc<Access>,
    /// Whether browsers reach this server over TLS.
    over_tls: bool,
    wrong_keys: DefaultDirectRateLimiter,
}

impl Console {
    /// The console of a server.
    pub(crate) fn new(access: Arc<Access>, over_tls: bool) -> Self {
        Self { access, over_tls, wrong_keys: RateLimiter::direct(Quota::per_minute(WRONG_KEYS)) }
    }
}

/// The routes of the console.
#[expect(
    clippy::disallowed_methods,
    reason = "the pages have sessions instead of scopes by route, and are not in the document"
)]
pub(crate) fn routes(console: Arc<Console>) -> Router<Shared> {
    use pages::{audit, events, in_doubt, list, number, overview, preview, search, sign_in, sim, webhooks};

    Router::new()
        .route(PATH, get(overview::show))
        .route("/console/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/brand", post(sign_in::select_brand))
        .route("/console/language", post(sign_in::select_language))
        .route("/console/search", get(search::show).post(search::search))
        .route("/console/numbers", get(list::show).post(list::next))
        .route("/console/releases", post(list::release))
        .route("/console/numbers/{msisdn}", get(number::show).post(number::act))
        .route("/console/previews/{id}", get(preview::show))
        .route("/console/sims/{simId}", get(sim::show))
        .route("/console/sims/{simId}/code", post(sim::show_code))
        .route("/console/in-doubt", get(in_doubt::show).post(in_doubt::next))
        .route("/console/audit", get(audit::show).post(audit::run))
        .route("/console/events", get(events::show))
        .route("/console/webhooks", get(webhooks::show).post(webhooks::replay))
        .route("/console/assets/{file}", get(assets::show))
        .route("/console/", get(async || Problem::of_path()))
        .route("/console/{*rest}", get(async || Problem::of_path()))
        .method_not_allowed_fallback(async || Problem::of_method())
        .layer(middleware::from_fn(problems::as_pages))
        .layer(Extension(console))
}
