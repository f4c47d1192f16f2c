//! Decides what an answer of Sigan means, without I/O, so that every case stands in a table of tests.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::Msisdn;
use crate::http::Received;
use crate::remote::{Answers, classify, rising};
use crate::sigan::wire::{Holding, HoldingState, PreReserved, RefusalBody, RefusalCode, Reserved};
use crate::sigan::{
    Doubt, Hold, Holder, HoldsPage, ListedHold, PreReservation, PreReserve, Refusal, SiganError,
};

/// The answers that the contract gives to a call.
type Contract<'a> = Answers<'a, RefusalBody>;

const UNREADABLE: SiganError = SiganError::NoAnswer(Doubt::Unreadable);

/// The result of a pre-reserve. Checks that the numbers are as many as were asked for, distinct and of the area code.
pub(super) fn pre_reserve_result(
    wish: &PreReserve,
    received: Received,
) -> Result<PreReservation, SiganError> {
    let contract = Contract { success: &[201], refusals: &[RefusalCode::NoneLeft], subject: None };
    let (_, body) = classify(received, &contract)?;
    let PreReserved { external_id, msisdns, .. } = serde_json::from_slice(&body).map_err(|_| UNREADABLE)?;
    let distinct = msisdns.iter().enumerate().all(|(at, number)| !msisdns[..at].contains(number));
    let as_asked =
        msisdns.len() == usize::from(wish.quantity) && msisdns.iter().all(|number| number.ddd() == wish.ddd);
    if distinct && as_asked { Ok(PreReservation { external_id, msisdns }) } else { Err(UNREADABLE) }
}

/// The result of a reserve. A success has to name the hold.
pub(super) fn reserve_result(hold: &Hold, received: Received) -> Result<(), SiganError> {
    let refusals = &[RefusalCode::NotHeld, RefusalCode::Taken, RefusalCode::HoldOver];
    let (_, body) =
        classify(received, &Contract { success: &[200], refusals, subject: Some(&hold.external_id) })?;
    let Reserved { external_id, msisdn, .. } = serde_json::from_slice(&body).map_err(|_| UNREADABLE)?;
    if external_id == hold.external_id && msisdn == hold.msisdn { Ok(()) } else { Err(UNREADABLE) }
}

/// The result of a reserve that was sent a second time. Only a success is certain, because the first call may still have its effect.
pub(super) fn repeated_reserve_result(hold: &Hold, received: Received) -> Result<(), SiganError> {
    reserve_result(hold, received).map_err(SiganError::of_repeated)
}

/// The result of a release. It succeeded also if Sigan does not hold the number any more.
pub(super) fn release_result(hold: &Hold, received: Received) -> Result<(), SiganError> {
    let contract =
        Contract { success: &[204], refusals: &[RefusalCode::NotHeld], subject: Some(&hold.external_id) };
    match classify(received, &contract) {
        Ok(_) | Err(SiganError::Refused(Refusal::NotHeld)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The answer to "who holds it".
pub(super) fn holder_result(hold: &Hold, received: Received) -> Result<Holder, SiganError> {
    let contract =
        Contract { success: &[200], refusals: &[RefusalCode::NotHeld], subject: Some(&hold.external_id) };
    let (_, body) = match classify(received, &contract) {
        Err(SiganError::Refused(Refusal::NotHeld)) => return Ok(Holder::Nobody),
        answered => answered?,
    };
    match serde_json::from_slice(&body) {
        Ok(Holding { state: HoldingState::Reserved }) => Ok(Holder::Reserved),
        Ok(Holding { state: HoldingState::PreReserved }) => Ok(Holder::PreReserved),
        Err(_) => Err(UNREADABLE),
    }
}

/// A page of the list of our holds. Its numbers have to rise, from the one after `after` on, because a list that goes in circles
/// or skips numbers would be taken for the whole list.
pub(super) fn holds_result(after: Option<Msisdn>, received: Received) -> Result<HoldsPage, SiganError> {
    let (_, body) = classify(received, &Contract { success: &[200], refusals: &[], subject: None })?;
    let ListedPage { reservations, next } = serde_json::from_slice(&body).map_err(|_| UNREADABLE)?;
    let rising = rising(after, reservations, next, |hold: &Reserved| hold.msisdn).ok_or(UNREADABLE)?;
    let holds = rising.rows.into_iter().map(|Reserved { external_id, msisdn, reserved_at }| ListedHold {
        hold: Hold { external_id, msisdn },
        reserved_at,
    });
    Ok(HoldsPage { holds: holds.collect(), unreadable: rising.unreadable, next })
}

/// A page of the list of our holds, whose holds are not read yet.
#[derive(Deserialize)]
struct ListedPage {
    reservations: Vec<Value>,
    #[serde(default)]
    next: Option<Msisdn>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn hold() -> Hold {
        Hold { external_id: "PR-1".parse().unwrap(), msisdn: "11999950001".parse().unwrap() }
    }

    fn wish() -> PreReserve {
        PreReserve {
            ddd: "11".parse().unwrap(),
            quantity: 2,
            brand: "b".parse().unwrap(),
            hold_for: Duration::from_mins(1),
            previous: None,
        }
    }

    fn answer(status: u16, body: &str) -> Received {
        Received::Answer { status, body: body.as_bytes().to_vec() }
    }

    const HELD: &str = r#"{"externalId":"PR-1","msisdn":"11999950001","reservedAt":"2026-01-01T00:00:00Z"}"#;
    const DOUBT_TIMEOUT: SiganError = SiganError::NoAnswer(Doubt::Timeout);
    const DOUBT_CREDENTIALS: SiganError = SiganError::NoAnswer(Doubt::Credentials);
    const DOUBT_LOST: SiganError = SiganError::NoAnswer(Doubt::ConnectionLost);

    fn doubt(status: u16) -> SiganError {
        SiganError::NoAnswer(Doubt::Status(status))
    }

    #[test]
    fn what_an_answer_to_a_reserve_means() {
        let refused = |refusal| Err(SiganError::Refused(refusal));
        let cases = [
            (answer(200, HELD), Ok(())),
            (answer(404, r#"{"code":"NOT_HELD","externalId":"PR-1"}"#), refused(Refusal::NotHeld)),
            (answer(409, r#"{"code":"TAKEN","externalId":"PR-1"}"#), refused(Refusal::Taken)),
            (answer(410, r#"{"code":"HOLD_OVER","externalId":"PR-1"}"#), refused(Refusal::HoldOver)),
            // It is not typed, and may come after the effect.
            (answer(401, ""), Err(DOUBT_CREDENTIALS)),
            (answer(403, "no"), Err(DOUBT_CREDENTIALS)),
            (answer(403, r#"{"code":"TAKEN","externalId":"PR-1"}"#), Err(DOUBT_CREDENTIALS)),
            (Received::NotOpened, Err(SiganError::NotSent)),
            (Received::TimedOut, Err(DOUBT_TIMEOUT)),
            (Received::Lost, Err(DOUBT_LOST)),
            (Received::Unanswered, Err(DOUBT_LOST)),
            (Received::TooLong, Err(UNREADABLE)),
            // A success that names another hold or none, or is cut off.
            (answer(200, &HELD.replace("PR-1", "PR-2")), Err(UNREADABLE)),
            (answer(200, &HELD.replace("0001", "0002")), Err(UNREADABLE)),
            (answer(200, &HELD[..40]), Err(UNREADABLE)),
            (answer(200, ""), Err(UNREADABLE)),
            (answer(201, HELD), Err(doubt(201))),
            // Refusals that are not typed, name another hold, or come with another status.
            (answer(404, "not found"), Err(doubt(404))),
            (answer(404, r#"{"code":"NOT_HELD"}"#), Err(doubt(404))),
            (answer(404, r#"{"code":"NOT_HELD","externalId":"PR-2"}"#), Err(doubt(404))),
            (answer(409, r#"{"code":"NOT_HELD","externalId":"PR-1"}"#), Err(doubt(409))),
            (answer(409, r#"{"code":"NONE_LEFT","externalId":"PR-1"}"#), Err(doubt(409))),
            // Other answers of a gateway.
            (answer(307, ""), Err(doubt(307))),
            (answer(400, ""), Err(doubt(400))),
            (answer(408, ""), Err(doubt(408))),
            (answer(425, ""), Err(doubt(425))),
            (answer(429, ""), Err(doubt(429))),
            (answer(500, HELD), Err(doubt(500))),
            (answer(502, ""), Err(doubt(502))),
            (answer(503, r#"{"code":"TAKEN","externalId":"PR-1"}"#), Err(doubt(503))),
        ];
        for (received, expected) in cases {
            assert_eq!(reserve_result(&hold(), received.clone()), expected, "{received:?}");
        }
    }

    #[test]
    fn no_refusal_of_a_repeated_reserve_is_certain() {
        let taken = answer(409, r#"{"code":"TAKEN","externalId":"PR-1"}"#);
        for (received, expected) in [
            (answer(200, HELD), Ok(())),
            (taken, Err(DOUBT_LOST)),
            (Received::NotOpened, Err(DOUBT_LOST)),
            (Received::TimedOut, Err(DOUBT_TIMEOUT)),
            (answer(503, ""), Err(doubt(503))),
        ] {
            assert_eq!(repeated_reserve_result(&hold(), received.clone()), expected, "{received:?}");
        }
    }

    #[test]
    fn what_an_answer_to_a_release_means() {
        let cases = [
            (answer(204, ""), Ok(())),
            (answer(404, r#"{"code":"NOT_HELD","externalId":"PR-1"}"#), Ok(())),
            (answer(404, r#"{"code":"NOT_HELD","externalId":"PR-2"}"#), Err(doubt(404))),
            (answer(404, ""), Err(doubt(404))),
            (answer(200, ""), Err(doubt(200))),
            (answer(401, ""), Err(DOUBT_CREDENTIALS)),
            (Received::NotOpened, Err(SiganError::NotSent)),
            (Received::TimedOut, Err(DOUBT_TIMEOUT)),
        ];
        for (received, expected) in cases {
            assert_eq!(release_result(&hold(), received.clone()), expected, "{received:?}");
        }
    }

    #[test]
    fn what_an_answer_to_who_holds_it_means() {
        let cases = [
            (answer(200, r#"{"state":"RESERVED"}"#), Ok(Holder::Reserved)),
            (answer(200, r#"{"state":"PRE_RESERVED"}"#), Ok(Holder::PreReserved)),
            (answer(404, r#"{"code":"NOT_HELD","externalId":"PR-1"}"#), Ok(Holder::Nobody)),
            // A negative answer is believed only if it is the contract's and names our hold.
            (answer(404, r#"{"code":"NOT_HELD","externalId":"PR-2"}"#), Err(doubt(404))),
            (answer(404, "not found"), Err(doubt(404))),
            (answer(200, r#"{"state":"SOLD"}"#), Err(UNREADABLE)),
            (answer(200, ""), Err(UNREADABLE)),
            (answer(503, ""), Err(doubt(503))),
            (Received::TimedOut, Err(DOUBT_TIMEOUT)),
        ];
        for (received, expected) in cases {
            assert_eq!(holder_result(&hold(), received.clone()), expected, "{received:?}");
        }
    }

    #[test]
    fn a_list_of_holds_rises() {
        let page = |numbers: &[&str], next: Option<&str>| {
            let held = |number: &&str| HELD.replace("11999950001", number);
            let next = next.map(|next| format!(r#","next":"{next}""#)).unwrap_or_default();
            let holds: Vec<String> = numbers.iter().map(held).collect();
            answer(200, &format!(r#"{{"reservations":[{}]{next}}}"#, holds.join(",")))
        };
        let (one, two, three) = ("11999950001", "11999950002", "11999950003");
        let list =
            |after: Option<&str>, received| holds_result(after.map(|after| after.parse().unwrap()), received);
        assert_eq!(list(None, page(&[one, two], Some(two))).unwrap().holds.len(), 2);
        assert_eq!(list(Some(two), page(&[three], None)).unwrap().next, None);
        assert!(list(None, page(&[], None)).unwrap().holds.is_empty());
        let odd = page(&[one, "nonsense", three], Some(three));
        let read = list(None, odd).unwrap();
        assert_eq!((read.holds.len(), read.unreadable, read.next), (2, 1, Some(three.parse().unwrap())));
        let odd_last = list(None, page(&[one, "nonsense"], Some(two))).unwrap();
        assert_eq!((odd_last.holds.len(), odd_last.unreadable), (1, 1), "the page goes on after it");
        for (after, wrong) in [
            (None, page(&[two, one], None)),
            (Some(two), page(&["nonsense"], Some(two))),
            (None, page(&["nonsense", two], Some(one))),
            (None, page(&[one, one], None)),
            (Some(one), page(&[one, two], None)),
            (None, page(&[one, two], Some(three))),
            (None, page(&[], Some(one))),
            (None, answer(200, "[]")),
        ] {
            assert_eq!(list(after, wrong.clone()), Err(UNREADABLE), "{wrong:?}");
        }
    }

    #[test]
    fn a_pre_reservation_gives_what_was_asked_for() {
        let offer = |numbers: &str| {
            answer(
                201,
                &format!(
                    r#"{{"externalId":"PR-1","msisdns":[{numbers}],"expiresAt":"2026-01-01T00:00:00Z"}}"#
                ),
            )
        };
        assert!(pre_reserve_result(&wish(), offer(r#""11999950001","11999950002""#)).is_ok());
        for wrong in [
            r#""11999950001""#,
            r#""11999950001","11999950002","11999950003""#,
            r#""11999950001","11999950001""#,
            r#""11999950001","21999950001""#,
            r#""11999950001","nonsense""#,
        ] {
            assert_eq!(pre_reserve_result(&wish(), offer(wrong)), Err(UNREADABLE), "{wrong}");
        }
        let hostile = offer(r#""11999950001","11999950002""#);
        let Received::Answer { body, .. } = hostile else { unreachable!() };
        for id in ["..", ".", " ", "a\u{200b}", "a\\nb", ""] {
            let body = String::from_utf8(body.clone()).unwrap().replace("PR-1", id);
            assert_eq!(pre_reserve_result(&wish(), answer(201, &body)), Err(UNREADABLE), "{id}");
        }
        assert_eq!(
            pre_reserve_result(&wish(), answer(409, r#"{"code":"NONE_LEFT"}"#)),
            Err(SiganError::Refused(Refusal::NoneLeft))
        );
        assert_eq!(pre_reserve_result(&wish(), answer(200, "")), Err(doubt(200)));
    }

    proptest! {
        #[test]
        fn only_the_contracts_own_answers_are_certain(status in 100u16..600, body in ".*") {
            match reserve_result(&hold(), answer(status, &body)) {
                Ok(()) => prop_assert_eq!(status, 200),
                Err(SiganError::Refused(_)) => prop_assert!(matches!(status, 404 | 409 | 410)),
                Err(SiganError::NotSent) => prop_assert!(false),
                Err(SiganError::NoAnswer(_)) => {}
            }
        }
    }
}
