//! Requests and responses of Sigan, independent of the HTTP library that carries them.

use axum::http::Method;

use crate::domain::{BrandId, ExternalId, Msisdn};
use crate::remote::mock::Response;
use crate::sigan::Hold;
use crate::sigan::wire::{PreReserveBody, RefusalBody, RefusalCode};

/// The count of holds on a page if the request names none.
const PAGE: usize = 100;

/// A request that Sigan understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Asks for numbers.
    PreReserve(PreReserveBody),
    /// Reserves a number.
    Reserve(Hold),
    /// Asks who holds a number.
    Holder(Hold),
    /// Releases a hold.
    Release(Hold),
    /// Lists the numbers that a brand holds.
    Holds {
        /// The brand.
        brand: BrandId,
        /// The last number of the page before.
        after: Option<Msisdn>,
        /// At most this many holds are returned.
        limit: usize,
    },
}

/// The kinds of calls in the contract, to count them and to give one of them a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// `POST /pre-reservations`
    PreReserve,
    /// `PUT …/reservations/{msisdn}`
    Reserve,
    /// `GET …/reservations/{msisdn}`
    Holder,
    /// `DELETE …/reservations/{msisdn}`
    Release,
    /// `GET /reservations`
    Holds,
}

pub(super) fn refused(code: RefusalCode, external_id: Option<ExternalId>) -> Response {
    Response::json(code.status(), &RefusalBody { code, external_id })
}

impl Request {
    /// Reads a request. If the contract does not have it, the answer is 404; if it is malformed, 400.
    pub(super) fn parse(method: &Method, path: &str, query: &str, body: &[u8]) -> Result<Self, Response> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method.as_str(), segments.as_slice()) {
            ("POST", ["pre-reservations"]) => {
                serde_json::from_slice(body).map(Self::PreReserve).map_err(|_| Response::malformed())
            }
            ("PUT", ["pre-reservations", id, "reservations", msisdn]) => hold(id, msisdn).map(Self::Reserve),
            ("GET", ["pre-reservations", id, "reservations", msisdn]) => hold(id, msisdn).map(Self::Holder),
            ("DELETE", ["pre-reservations", id, "reservations", msisdn]) => {
                hold(id, msisdn).map(Self::Release)
            }
            ("GET", ["reservations"]) => holds(query),
            _ => Err(Response::json(404, &"no such path in Sigan's contract")),
        }
    }

    pub(super) fn kind(&self) -> CallKind {
        match self {
            Self::PreReserve(_) => CallKind::PreReserve,
            Self::Reserve(_) => CallKind::Reserve,
            Self::Holder(_) => CallKind::Holder,
            Self::Release(_) => CallKind::Release,
            Self::Holds { .. } => CallKind::Holds,
        }
    }
}

fn hold(external_id: &str, msisdn: &str) -> Result<Hold, Response> {
    let external_id = external_id.parse().map_err(|_| Response::malformed())?;
    Ok(Hold { external_id, msisdn: msisdn.parse().map_err(|_| Response::malformed())? })
}

fn holds(query: &str) -> Result<Request, Response> {
    let (mut brand, mut after, mut limit) = (None, None, PAGE);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "brandId" => brand = Some(value.parse().map_err(|_| Response::malformed())?),
            "after" => after = Some(value.parse().map_err(|_| Response::malformed())?),
            "limit" => limit = value.parse().map_err(|_| Response::malformed())?,
            _ => return Err(Response::malformed()),
        }
    }
    Ok(Request::Holds { brand: brand.ok_or_else(Response::malformed)?, after, limit })
}
