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
    /// Whether there are other clients. If so, it gets at most its share.
    pub(super) has_others: bool,
}

impl Caller {
    pub(super) fn new(client: &Client, brand: BrandId, has_others: bool) -> Self {
        let (name, brand) = (client.name.clone(), Some(brand));
        Self { name, brand, sees_numbers: client.may(Scope::NumbersRead), has_others }
    }

    /// Refuses a caller that may not see numbers.
    pub(crate) fn require_numbers_read(&self) -> Result<(), Problem> {
        if self.sees_numbers { Ok(()) } else { Err(forbidden(Scope::NumbersRead)) }
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
        let caller = Caller::of(parts)?;
        let oss = match request_span::current_id() {
            Some(id) => state.oss.clone().for_request(id),
            None => state.oss.clone(),
        };
        let Some(brand) = caller.brand.clone() else { return Ok(Self(oss)) };
        let oss = oss.acting_for(brand).map_err(|_| {
            // The configuration accepts no such client.
            tracing::error!("A client acts for a brand that nobody may act for.");
            Problem::internal("nobody may act for this client's brand")
        })?;
        let oss = oss.on_behalf_of(caller.name.clone());
        Ok(Self(if caller.has_others { oss } else { oss.without_share() }))
    }
}
