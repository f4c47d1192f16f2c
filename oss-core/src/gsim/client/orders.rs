//! Decides what an answer about an order means, without I/O, so that every case stands in a table of tests.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::SimId;
use crate::gsim::wire::{IssuedBody, ListedBody, OrderRefusalBody, OrderRefusalCode as Code};
use crate::gsim::{
    CardActivation, EsimOrder, IssuedSim, ListedOrder, OrderProgress, OrderState, OrdersPage, SimDetails,
    SimError, SimRefusal,
};
use crate::http::Received;
use crate::remote::{Answers, Doubt, classify, rising};

/// The answers that the contract gives to a call.
type Contract<'a> = Answers<'a, OrderRefusalBody>;

const UNREADABLE: SimError = SimError::NoAnswer(Doubt::Unreadable);

/// The result of a request, depending on whether it was sent a second time.
pub(super) fn of_repeated<T>(is_repeated: bool, result: Result<T, SimError>) -> Result<T, SimError> {
    if is_repeated { result.map_err(SimError::of_repeated) } else { result }
}

/// The result of an order of an eSIM.
pub(super) fn esim_result(order: &EsimOrder, received: Received) -> Result<OrderProgress, SimError> {
    let progress =
        progress(order.reference, &[Code::NoneLeft, Code::NumberHasSim, Code::Cancelled], received)?;
    match &progress {
        OrderProgress::Issued(IssuedSim { details: SimDetails::Card { .. }, .. }) => Err(UNREADABLE),
        _ => Ok(progress),
    }
}

/// The result of an activation. A success has to name the card.
pub(super) fn card_result(
    activation: &CardActivation,
    received: Received,
) -> Result<OrderProgress, SimError> {
    let refusals = &[Code::UnknownIccid, Code::CardInUse, Code::NumberHasSim, Code::Cancelled];
    let progress = progress(activation.reference, refusals, received)?;
    match &progress {
        OrderProgress::Accepted => Ok(progress),
        OrderProgress::Issued(IssuedSim { iccid, details: SimDetails::Card { .. }, .. })
            if *iccid == activation.iccid =>
        {
            Ok(progress)
        }
        OrderProgress::Issued(_) => Err(UNREADABLE),
    }
}

/// The state of an order. A "not found" is believed only if it is the contract's and names our reference.
pub(super) fn order_result(reference: SimId, received: Received) -> Result<OrderState, SimError> {
    match progress(reference, &[Code::UnknownOrder], received) {
        Ok(OrderProgress::Issued(sim)) => Ok(OrderState::Issued(sim)),
        Ok(OrderProgress::Accepted) => Ok(OrderState::Accepted),
        Err(SimError::Refused(SimRefusal::UnknownOrder)) => Ok(OrderState::Unknown),
        Err(error) => Err(error),
    }
}

/// The result of a cancellation. It succeeded also if the order was cancelled before.
pub(super) fn cancel_result(reference: SimId, received: Received) -> Result<(), SimError> {
    let contract = Contract { success: &[204], refusals: &[Code::UnknownOrder], subject: Some(&reference) };
    match classify(received, &contract) {
        Ok(_) | Err(SimError::Refused(SimRefusal::UnknownOrder)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn progress(
    reference: SimId,
    refusals: &'static [Code],
    received: Received,
) -> Result<OrderProgress, SimError> {
    let contract = Contract { success: &[200, 202], refusals, subject: Some(&reference) };
    match classify(received, &contract)? {
        (202, _) => Ok(OrderProgress::Accepted),
        (_, body) => issued(reference, &body).map(OrderProgress::Issued).ok_or(UNREADABLE),
    }
}

/// The SIM that a body names; none if the body cannot be read or names another order.
fn issued(reference: SimId, body: &[u8]) -> Option<IssuedSim> {
    let body: IssuedBody = serde_json::from_slice(body).ok()?;
    if body.reference.is_some_and(|named| named != reference) {
        return None;
    }
    let details = match (body.matching_id, body.smdp_address) {
        (Some(matching_id), Some(smdp_address)) => {
            SimDetails::Esim { smdp_address, matching_id, profile_state: body.profile_state? }
        }
        (None, None) => SimDetails::Card { hrs_imsi: body.hrs_imsi },
        _ => return None,
    };
    Some(IssuedSim { iccid: body.iccid, imsi: body.imsi, details })
}

/// A page of the list of our SIMs. Its references have to rise.
pub(super) fn orders_result(after: Option<SimId>, received: Received) -> Result<OrdersPage, SimError> {
    let contract = Contract { success: &[200], refusals: &[], subject: None };
    let (_, body) = classify(received, &contract)?;
    let Page { orders, next } = serde_json::from_slice(&body).map_err(|_| UNREADABLE)?;
    let rising = rising(after, orders, next, |order: &ListedBody| order.reference).ok_or(UNREADABLE)?;
    let orders = rising.rows.into_iter().map(|row| {
        let ListedBody { reference, iccid, imsi, msisdn, profile_state } = row;
        ListedOrder { reference, iccid, imsi, msisdn, profile_state }
    });
    Ok(OrdersPage { orders: orders.collect(), unreadable: rising.unreadable, next })
}

/// A page of the list of our SIMs, whose entries are not read yet.
#[derive(Deserialize)]
struct Page {
    orders: Vec<Value>,
    #[serde(default)]
    next: Option<SimId>,
}

#[cfg(test)]
mod tests;
