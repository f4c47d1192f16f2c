use proptest::prelude::*;

use super::*;

const REFERENCE: &str = "018f0000-0000-7000-8000-000000000001";
const OTHER: &str = "018f0000-0000-7000-8000-000000000002";
const ESIM: &str = r#"{"iccid":"8955100000000000001","imsi":"724061000000001","matchingId":"A-1","smdpAddress":"smdp.example","profileState":"RELEASED"}"#;
const CARD: &str = r#"{"iccid":"8955200000000000001","imsi":"724062000000001","hrsImsi":"724069000000001"}"#;
const TIMEOUT: SimError = SimError::NoAnswer(Doubt::Timeout);
const LOST: SimError = SimError::NoAnswer(Doubt::ConnectionLost);
const CREDENTIALS: SimError = SimError::NoAnswer(Doubt::Credentials);

fn reference() -> SimId {
    REFERENCE.parse().unwrap()
}

fn esim_order() -> EsimOrder {
    let (msisdn, brand) = ("11999950001".parse().unwrap(), "acme".parse().unwrap());
    EsimOrder::new(reference(), msisdn, brand, "4G".into())
}

fn activation() -> CardActivation {
    let (msisdn, brand) = ("11999950001".parse().unwrap(), "acme".parse().unwrap());
    CardActivation::new(reference(), msisdn, brand, "8955200000000000001".parse().unwrap())
}

fn answer(status: u16, body: &str) -> Received {
    Received::Answer { status, body: body.into() }
}

fn refusal(status: u16, code: &str) -> Received {
    answer(status, &format!(r#"{{"code":"{code}","reference":"{REFERENCE}"}}"#))
}

fn doubt(status: u16) -> SimError {
    SimError::NoAnswer(Doubt::Status(status))
}

fn esim() -> IssuedSim {
    let details = SimDetails::Esim {
        smdp_address: "smdp.example".parse().unwrap(),
        matching_id: "A-1".parse().unwrap(),
        profile_state: crate::domain::ProfileState::Released,
    };
    IssuedSim::new("8955100000000000001".parse().unwrap(), "724061000000001".parse().unwrap(), details)
}

fn card() -> IssuedSim {
    let details = SimDetails::Card { hrs_imsi: Some("724069000000001".parse().unwrap()) };
    IssuedSim::new("8955200000000000001".parse().unwrap(), "724062000000001".parse().unwrap(), details)
}

/// A body that names a reference too.
fn naming(body: &str, reference: &str) -> String {
    body.replacen('{', &format!(r#"{{"reference":"{reference}","#), 1)
}

/// The answers that mean the same for each call about one order.
fn common_cases() -> Vec<(Received, SimError)> {
    let foreign = format!(r#"{{"code":"CANCELLED","reference":"{OTHER}"}}"#);
    vec![
        (Received::NotOpened, SimError::NotSent),
        (Received::TimedOut, TIMEOUT),
        (Received::Lost, LOST),
        (Received::Unanswered, LOST),
        (Received::TooLong, UNREADABLE),
        // They are not typed, and may come after the effect.
        (answer(401, ""), CREDENTIALS),
        (answer(403, "no"), CREDENTIALS),
        (refusal(403, "CANCELLED"), CREDENTIALS),
        // Refusals that are bare, name another reference or none, or have another status or an unknown code.
        (answer(404, ""), doubt(404)),
        (answer(404, "<html>not found</html>"), doubt(404)),
        (answer(409, ""), doubt(409)),
        (answer(410, ""), doubt(410)),
        (answer(404, r#"{"code":"UNKNOWN_ORDER"}"#), doubt(404)),
        (answer(410, &foreign), doubt(410)),
        (refusal(404, "CANCELLED"), doubt(404)),
        (refusal(409, "UNKNOWN_ORDER"), doubt(409)),
        (refusal(404, "UNKNOWN_DEVICE"), doubt(404)),
        (refusal(409, "LATER"), doubt(409)),
        (refusal(503, "NONE_LEFT"), doubt(503)),
        // Other answers of a gateway.
        (answer(307, ""), doubt(307)),
        (answer(400, ""), doubt(400)),
        (answer(429, ""), doubt(429)),
        (answer(500, ESIM), doubt(500)),
        (answer(502, ""), doubt(502)),
    ]
}

/// The bodies with status 200 that say nothing for certain about a call that makes or asks for a SIM.
fn unreadable_bodies() -> Vec<String> {
    let without = |field: &str| {
        let mut body: Value = serde_json::from_str(ESIM).unwrap();
        body.as_object_mut().unwrap().remove(field);
        body.to_string()
    };
    let mut bodies: Vec<String> =
        ["iccid", "imsi", "matchingId", "smdpAddress", "profileState"].map(without).into();
    bodies.extend([
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        ESIM[..60].to_owned(),
        naming(ESIM, OTHER),
        naming(CARD, OTHER),
        ESIM.replace("8955100", "8956100"),
        ESIM.replace("7240610", "0"),
        ESIM.replace("A-1", "A$1"),
        ESIM.replace("RELEASED", "SOLD"),
    ]);
    bodies
}

#[test]
fn an_answer_to_an_order_of_an_esim_means_one_thing() {
    let refused = |refusal| Err(SimError::Refused(refusal));
    let mut cases = vec![
        (answer(200, ESIM), Ok(OrderProgress::Issued(esim()))),
        (answer(200, &naming(ESIM, REFERENCE)), Ok(OrderProgress::Issued(esim()))),
        (answer(202, ""), Ok(OrderProgress::Accepted)),
        (answer(202, ESIM), Ok(OrderProgress::Accepted)),
        (refusal(409, "NONE_LEFT"), refused(SimRefusal::NoneLeft)),
        (refusal(409, "NUMBER_HAS_SIM"), refused(SimRefusal::NumberHasSim)),
        (refusal(410, "CANCELLED"), refused(SimRefusal::Cancelled)),
        // The contract does not give these to this call.
        (refusal(404, "UNKNOWN_ICCID"), Err(doubt(404))),
        (refusal(409, "CARD_IN_USE"), Err(doubt(409))),
        (refusal(404, "UNKNOWN_ORDER"), Err(doubt(404))),
        (answer(200, CARD), Err(UNREADABLE)),
        (answer(201, ESIM), Err(doubt(201))),
        (answer(204, ""), Err(doubt(204))),
    ];
    cases.extend(common_cases().into_iter().map(|(received, error)| (received, Err(error))));
    cases.extend(unreadable_bodies().iter().map(|body| (answer(200, body), Err(UNREADABLE))));
    for (received, expected) in cases {
        assert_eq!(esim_result(&esim_order(), received.clone()), expected, "{received:?}");
    }
}

#[test]
fn an_answer_to_an_activation_means_one_thing() {
    let refused = |refusal| Err(SimError::Refused(refusal));
    let without_stand_in = CARD.replace(r#","hrsImsi":"724069000000001""#, "");
    let no_stand_in = IssuedSim { details: SimDetails::Card { hrs_imsi: None }, ..card() };
    let mut cases = vec![
        (answer(200, CARD), Ok(OrderProgress::Issued(card()))),
        (answer(200, &without_stand_in), Ok(OrderProgress::Issued(no_stand_in))),
        (answer(202, ""), Ok(OrderProgress::Accepted)),
        (refusal(404, "UNKNOWN_ICCID"), refused(SimRefusal::UnknownIccid)),
        (refusal(409, "CARD_IN_USE"), refused(SimRefusal::CardInUse)),
        (refusal(409, "NUMBER_HAS_SIM"), refused(SimRefusal::NumberHasSim)),
        (refusal(410, "CANCELLED"), refused(SimRefusal::Cancelled)),
        (refusal(409, "NONE_LEFT"), Err(doubt(409))),
        (refusal(404, "UNKNOWN_ORDER"), Err(doubt(404))),
        // A success has to name the card.
        (answer(200, &CARD.replace("0001\",\"imsi", "0002\",\"imsi")), Err(UNREADABLE)),
        (answer(200, ESIM), Err(UNREADABLE)),
    ];
    cases.extend(common_cases().into_iter().map(|(received, error)| (received, Err(error))));
    cases.extend(unreadable_bodies().iter().map(|body| (answer(200, body), Err(UNREADABLE))));
    for (received, expected) in cases {
        assert_eq!(card_result(&activation(), received.clone()), expected, "{received:?}");
    }
}

#[test]
fn an_answer_to_the_question_for_an_order_means_one_thing() {
    let mut cases = vec![
        (answer(200, ESIM), Ok(OrderState::Issued(esim()))),
        (answer(200, CARD), Ok(OrderState::Issued(card()))),
        (answer(202, ""), Ok(OrderState::Accepted)),
        (refusal(404, "UNKNOWN_ORDER"), Ok(OrderState::Unknown)),
        (refusal(410, "CANCELLED"), Err(doubt(410))),
        (refusal(404, "UNKNOWN_ICCID"), Err(doubt(404))),
        (answer(204, ""), Err(doubt(204))),
    ];
    cases.extend(common_cases().into_iter().map(|(received, error)| (received, Err(error))));
    // Without both of its own fields a body is that of a card.
    cases.extend(unreadable_bodies().iter().map(|body| (answer(200, body), Err(UNREADABLE))));
    for (received, expected) in cases {
        assert_eq!(order_result(reference(), received.clone()), expected, "{received:?}");
    }
}

#[test]
fn an_answer_to_a_cancellation_means_one_thing() {
    let mut cases = vec![
        (answer(204, ""), Ok(())),
        (refusal(404, "UNKNOWN_ORDER"), Ok(())),
        (answer(200, ""), Err(doubt(200))),
        (answer(202, ""), Err(doubt(202))),
        (refusal(410, "CANCELLED"), Err(doubt(410))),
    ];
    cases.extend(common_cases().into_iter().map(|(received, error)| (received, Err(error))));
    for (received, expected) in cases {
        assert_eq!(cancel_result(reference(), received.clone()), expected, "{received:?}");
    }
}

#[test]
fn only_a_success_of_a_repeated_order_is_certain() {
    for (received, expected) in [
        (answer(200, ESIM), Ok(OrderProgress::Issued(esim()))),
        (answer(202, ""), Ok(OrderProgress::Accepted)),
        (refusal(409, "NUMBER_HAS_SIM"), Err(LOST)),
        (refusal(410, "CANCELLED"), Err(LOST)),
        (Received::NotOpened, Err(LOST)),
        (Received::TimedOut, Err(TIMEOUT)),
        (answer(503, ""), Err(doubt(503))),
    ] {
        let result = esim_result(&esim_order(), received.clone());
        assert_eq!(of_repeated(true, result), expected, "{received:?}");
    }
    assert_eq!(
        of_repeated(false, esim_result(&esim_order(), refusal(409, "NONE_LEFT"))),
        Err(SimError::Refused(SimRefusal::NoneLeft))
    );
}

#[test]
fn a_list_of_orders_rises() {
    let id = |last: u8| format!("018f0000-0000-7000-8000-0000000000{last:02}");
    let row = |last: u8| {
        let rest = r#""iccid":"8955100000000000001","imsi":"724061000000001","msisdn":"11999950001","profileState":"ENABLED""#;
        format!(r#"{{"reference":"{}",{rest}}}"#, id(last))
    };
    let page = |rows: &[String], next: Option<u8>| {
        let next = next.map(|next| format!(r#","next":"{}""#, id(next))).unwrap_or_default();
        answer(200, &format!(r#"{{"orders":[{}]{next}}}"#, rows.join(",")))
    };
    let list =
        |after: Option<u8>, received| orders_result(after.map(|after| id(after).parse().unwrap()), received);
    let odd = || row(2).replace("ENABLED", "SOLD");

    let whole = list(None, page(&[row(1), row(2)], Some(2))).unwrap();
    assert_eq!((whole.orders.len(), whole.unreadable, whole.next), (2, 0, Some(id(2).parse().unwrap())));
    assert_eq!(list(Some(2), page(&[row(3)], None)).unwrap().next, None);
    assert!(list(None, page(&[], None)).unwrap().orders.is_empty());
    let read = list(None, page(&[row(1), odd(), row(3)], Some(3))).unwrap();
    assert_eq!((read.orders.len(), read.unreadable), (2, 1), "one unusual row does not hide the others");
    let odd_last = list(None, page(&[row(1), odd()], Some(2))).unwrap();
    assert_eq!((odd_last.orders.len(), odd_last.unreadable), (1, 1), "the list goes on after it");
    for (after, wrong) in [
        (None, page(&[row(2), row(1)], None)),
        (None, page(&[row(1), row(1)], None)),
        (Some(1), page(&[row(1), row(2)], None)),
        (None, page(&[row(1), row(2)], Some(3))),
        (None, page(&[], Some(1))),
        (Some(2), page(&[odd()], Some(2))),
        (None, answer(200, "[]")),
        (None, answer(200, "")),
    ] {
        assert_eq!(list(after, wrong.clone()), Err(UNREADABLE), "{wrong:?}");
    }
    assert_eq!(list(None, answer(404, "")), Err(doubt(404)));
    assert_eq!(list(None, refusal(404, "UNKNOWN_ORDER")), Err(doubt(404)));
}

proptest! {
    #[test]
    fn only_the_contracts_own_answers_are_certain(status in 100_u16..600, body in ".*") {
        match esim_result(&esim_order(), answer(status, &body)) {
            Ok(OrderProgress::Accepted) => prop_assert_eq!(status, 202),
            Ok(OrderProgress::Issued(_)) => prop_assert_eq!(status, 200),
            Err(SimError::Refused(_)) => prop_assert!(matches!(status, 404 | 409 | 410)),
            Err(SimError::NotSent) => prop_assert!(false),
            Err(SimError::NoAnswer(_)) => {}
        }
    }
}
