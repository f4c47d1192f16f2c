//! The caller of a request, once known.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use oss_core::access::Client;
use oss_core::{BrandId, ClientName, Oss};

use crate::problem::Problem;
use crate::state::Shared;

/// Who asked.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Under which name its limits and its idempotency keys are kept.
    pub(crate) name: ClientName,
    /// The brand it acts for; none where anyone may call, and the configured one is meant.
    pub(crate) brand: Option<BrandId>,
    /// Whether there are other clients, so that it gets no more than its share.
    pub(super) has_others: bool,
}

impl Caller {
    pub(super) fn new(client: &Client, has_others: bool) -> Self {
        Self { name: client.name.clone(), brand: Some(client.brand.clone()), has_others }
    }

    /// The caller that the guard of the route let in. A route without a guard answers nothing but 500.
    pub(crate) fn of(parts: &Parts) -> Result<&Self, Problem> {
        parts.extensions.get().ok_or_else(|| {
            tracing::error!("A route has no guard.");
            Problem::internal("this route is not open to anyone")
        })
    }
}

/// The client of the library, acting for the caller's brand.
pub(crate) struct Acting(pub(crate) Oss);

impl FromRequestParts<Shared> for Acting {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        let caller = Caller::of(parts)?;
        let Some(brand) = caller.brand.clone() else { return Ok(Self(state.oss.clone())) };
        let oss = state.oss.acting_for(brand).map_err(|_| {
            // The configuration has no such client.
            tracing::error!("A client acts for a brand that nobody may act for.");
            Problem::internal("nobody may act for this client's brand")
        })?;
        let oss = oss.on_behalf_of(caller.name.clone());
        Ok(Self(if caller.has_others { oss } else { oss.without_share() }))
    }
}
