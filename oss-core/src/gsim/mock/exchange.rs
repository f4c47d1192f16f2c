//! Requests and responses of GSIM, independent of the HTTP library that carries them.

use axum::http::Method;

use crate::domain::{BrandId, SimId};
use crate::gsim::wire::{CardActivationBody, EsimOrderBody, OrderRefusalBody, OrderRefusalCode};
use crate::remote::mock::Response;

/// The count of entries on a page if the request names none.
const PAGE: usize = 100;

/// A request that GSIM understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Asks for a device, by the parameter that names it.
    Device(String, String),
    /// Orders an eSIM.
    OrderEsim(SimId, EsimOrderBody),
    /// Activates a card.
    ActivateCard(SimId, CardActivationBody),
    /// Asks for an order.
    Order(SimId),
    /// Cancels an order or deprograms its SIM.
    Cancel(SimId),
    /// Lists the SIMs of a brand.
    Orders {
        /// The brand.
        brand: BrandId,
        /// The last reference of the page before.
        after: Option<SimId>,
        /// At most this many entries are returned.
        limit: usize,
    },
}

/// The kinds of calls in the contract, to count them and to give them faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// `GET /devices`
    Device,
    /// `PUT /esim-orders/{reference}`
    OrderEsim,
    /// `PUT /card-activations/{reference}`
    ActivateCard,
    /// `GET /orders/{reference}`
    Order,
    /// `DELETE /orders/{reference}`
    Cancel,
    /// `GET /orders`
    Orders,
}

/// A typed refusal.
pub(super) fn refused(code: OrderRefusalCode, reference: Option<SimId>) -> Response {
    Response::json(code.status(), &OrderRefusalBody { code, reference })
}

impl Request {
    /// Reads a request. If the contract does not have it, the client is wrong: the answer is 400, because a bare 404 would hide
    /// that.
    pub(super) fn parse(method: &Method, path: &str, query: &str, body: &[u8]) -> Result<Self, Response> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let request = match (method.as_str(), segments.as_slice()) {
            ("GET", ["devices"]) => device(query),
            ("PUT", ["esim-orders", reference]) => reference
                .parse()
                .ok()
                .and_then(|reference| Some(Self::OrderEsim(reference, serde_json::from_slice(body).ok()?))),
            ("PUT", ["card-activations", reference]) => reference.parse().ok().and_then(|reference| {
                Some(Self::ActivateCard(reference, serde_json::from_slice(body).ok()?))
            }),
            ("GET", ["orders", reference]) => reference.parse().map(Self::Order).ok(),
            ("DELETE", ["orders", reference]) => reference.parse().map(Self::Cancel).ok(),
            ("GET", ["orders"]) => orders(query),
            _ => None,
        };
        request.ok_or_else(Response::malformed)
    }

    pub(super) fn kind(&self) -> CallKind {
        match self {
            Self::Device(..) => CallKind::Device,
            Self::OrderEsim(..) => CallKind::OrderEsim,
            Self::ActivateCard(..) => CallKind::ActivateCard,
            Self::Order(_) => CallKind::Order,
            Self::Cancel(_) => CallKind::Cancel,
            Self::Orders { .. } => CallKind::Orders,
        }
    }

    /// The reference that it names.
    pub(super) fn reference(&self) -> Option<SimId> {
        match self {
            Self::OrderEsim(reference, _)
            | Self::ActivateCard(reference, _)
            | Self::Order(reference)
            | Self::Cancel(reference) => Some(*reference),
            Self::Device(..) | Self::Orders { .. } => None,
        }
    }
}

fn device(query: &str) -> Option<Request> {
    let mut parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    let (name, value) = parameters.next()?;
    parameters.next().is_none().then_some(Request::Device(name, value))
}

fn orders(query: &str) -> Option<Request> {
    let (mut brand, mut after, mut limit) = (None, None, PAGE);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "brandId" => brand = Some(value.parse().ok()?),
            "after" => after = Some(value.parse().ok()?),
            "limit" => limit = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(Request::Orders { brand: brand?, after, limit })
}
