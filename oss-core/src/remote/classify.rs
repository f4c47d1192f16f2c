//! Decides what an answer of an external system means, without I/O.
//!
//! An outcome is certain only if the contract gives that answer, or if no connection was opened. Any other answer may come from
//! a proxy, a wrong address or a system that failed after its work: then it is not known whether the call had its effect.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::outcome::answer;
use super::{CallError, Doubt};
use crate::http::Received;

/// The body of a refusal of a contract.
pub(crate) trait TypedRefusal: DeserializeOwned {
    /// The code of a refusal.
    type Code: Copy + PartialEq + Into<Self::Reason> + 'static;
    /// The reason that a caller is given.
    type Reason;
    /// The name of the subject of a call.
    type Subject: PartialEq;

    fn code(&self) -> Self::Code;

    /// The status that goes with a code.
    fn status(code: Self::Code) -> u16;

    /// The subject that the refusal names.
    fn subject(&self) -> Option<&Self::Subject>;
}

/// The answers that a contract gives to a call.
pub(crate) struct Answers<'a, R: TypedRefusal> {
    /// The statuses of success.
    pub(crate) success: &'static [u16],
    /// The refusals that it gives to this call.
    pub(crate) refusals: &'static [R::Code],
    /// The subject that the call names: a refusal has to name it too.
    pub(crate) subject: Option<&'a R::Subject>,
}

/// Decides between success (with its status and its body), a certain refusal and doubt.
pub(crate) fn classify<R: TypedRefusal>(
    received: Received,
    contract: &Answers<'_, R>,
) -> Result<(u16, Vec<u8>), CallError<R::Reason>> {
    let (status, body) = answer(received)?;
    match status {
        _ if contract.success.contains(&status) => Ok((status, body)),
        // It is neither typed nor about our call: a gateway in between may answer so after the system did its work.
        401 | 403 => Err(CallError::NoAnswer(Doubt::Credentials)),
        _ => Err(refusal(status, &body, contract)
            .map_or(CallError::NoAnswer(Doubt::Status(status)), CallError::Refused)),
    }
}

fn refusal<R: TypedRefusal>(status: u16, body: &[u8], contract: &Answers<'_, R>) -> Option<R::Reason> {
    let refused: R = serde_json::from_slice(body).ok()?;
    let code = refused.code();
    let known = contract.refusals.contains(&code) && R::status(code) == status;
    let ours = contract.subject.is_none() || contract.subject == refused.subject();
    (known && ours).then(|| code.into())
}

/// The rows of a page of a list.
pub(crate) struct Rising<T> {
    pub(crate) rows: Vec<T>,
    /// The count of further rows, which cannot be read.
    pub(crate) unreadable: u64,
}

/// Reads the rows of a page. Their keys have to rise, from the one after `after` on, and `next` has to be the last: a list that
/// goes in circles or skips rows would be taken for the whole list.
pub(crate) fn rising<T: DeserializeOwned, K: Copy + Ord>(
    after: Option<K>,
    page: Vec<Value>,
    next: Option<K>,
    key: impl Fn(&T) -> K,
) -> Option<Rising<T>> {
    let (mut last, mut rows, mut unreadable) = (after, Vec::with_capacity(page.len()), 0);
    // One unusual row must not hide the others.
    for row in page {
        let Ok(row) = serde_json::from_value(row) else {
            unreadable += 1;
            continue;
        };
        if last.is_some_and(|last| key(&row) <= last) {
            return None;
        }
        last = Some(key(&row));
        rows.push(row);
    }
    let is_next =
        |next| if unreadable == 0 { Some(next) == last && !rows.is_empty() } else { Some(next) > after };
    let is_wrong = next.is_some_and(|next| !is_next(next) || Some(next) < last);
    (!is_wrong).then_some(Rising { rows, unreadable })
}
