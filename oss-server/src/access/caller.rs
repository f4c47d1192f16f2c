//! The caller of a request, once known.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use oss_core::access::Client;
use oss_core::{BrandId, ClientName, Oss};

use crate::problem::Problem;
use crate::routes::Shared;

/// Who asked.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Under which name its limits and its idempotency keys are kept.
    pub(crate) name: ClientName,
    /// The brand it acts for; none where anyone may call, and the configured one is meant.
    pub(crate) brand: Option<BrandId>,
}

impl From<&Client> for Caller {
    fn from(client: &Client) -> Self {
        Self { name: client.name.clone(), brand: Some(client.brand.clone()) }
    }
}

impl Caller {
    /// The caller that the guard of the route let in. A route without a guard answers nothing but 500.
    pub(crate) fn of(parts: &Parts) -> Result<&Self, Problem> {
        parts.extensions.get().ok_or_else(|| {
            tracing::error!("A route has no guard.");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this route is not open to anyone")
        })
    }
}

/// The client of the library, acting for the caller's brand.
pub(crate) struct Acting(pub(crate) Oss);

impl FromRequestParts<Shared> for Acting {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        let Some(brand) = Caller::of(parts)?.brand.clone() else { return Ok(Self(state.oss.clone())) };
        state.oss.acting_for(brand).map(Self).map_err(|_| {
            // The configuration has no such client.
            tracing::error!("A client acts for a brand that nobody may act for.");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "nobody may act for this client's brand",
            )
        })
    }
}
