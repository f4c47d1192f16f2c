//! The caller of a request that the guard let in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use oss_core::access::{Client, Scope};
use oss_core::{BrandId, ClientName, Oss};

use super::keys::forbidden;
use crate::problem::Problem;
use crate::request_span;
use crate::state::Shared;

/// The sender of a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The name under which its limits and its idempotency keys are kept.
    pub(crate) name: ClientName,
    /// The brand that it acts for. None if anyone may call: then it is the configured brand.
    pub(crate) brand: Option<BrandId>,
    /// Whether it may see numbers.
    pub(crate) sees_numbers: bool,
    /// Whether it may see SIMs.
    pub(crate) sees_sims: bool,
    /// Whether there are other clients. If so, it gets at most its share.
    pub(super) has_others: bool,
}

impl Caller {
    pub(super) fn new(client: &Client, brand: BrandId, has_others: bool) -> Self {
        let (name, brand) = (client.name.clone(), Some(brand));
        let (sees_numbers, sees_sims) = (client.may(Scope::NumbersRead), client.may(Scope::SimsRead));
        Self { name, brand, sees_numbers, sees_sims, has_others }
    }

    /// Refuses a caller that may not see numbers.
    pub(crate) fn require_numbers_read(&self) -> Result<(), Problem> {
        if self.sees_numbers { Ok(()) } else { Err(forbidden(Scope::NumbersRead)) }
    }

    /// The library's handle, which acts for the caller's brand.
    pub(crate) fn acting(&self, oss: &Oss) -> Result<Oss, Problem> {
        let oss = match request_span::current_id() {
            Some(id) => oss.clone().for_request(id),
            None => oss.clone(),
        };
        let Some(brand) = self.brand.clone() else { return Ok(oss) };
        let oss = oss.acting_for(brand).map_err(|_| {
            // The configuration accepts no such client.
            tracing::error!("A client acts for a brand that nobody may act for.");
            Problem::internal("nobody may act for this client's brand")
        })?;
        let oss = oss.on_behalf_of(self.name.clone());
        Ok(if self.has_others { oss } else { oss.without_share() })
    }

    /// The caller that the guard of the route let in. A route without a guard always answers 500.
    pub(crate) fn of(parts: &Parts) -> Result<&Self, Problem> {
        parts.extensions.get().ok_or_else(|| {
            tracing::error!("A route has no guard.");
            Problem::internal("this route is not open to anyone")
        })
    }
}

/// The library's handle, which acts for the caller's brand and for its request.
pub(crate) struct Acting(pub(crate) Oss);

impl FromRequestParts<Shared> for Acting {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        Caller::of(parts)?.acting(&state.oss).map(Self)
    }
}
