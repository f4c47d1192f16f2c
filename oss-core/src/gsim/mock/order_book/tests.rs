use super::*;
use crate::gsim::wire::{IssuedBody, OrderRefusalBody};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn id(last: u8) -> SimId {
    format!("018f0000-0000-7000-8000-0000000000{last:02}").parse().unwrap()
}

fn esim(last: u8, msisdn: &str, replaces: Option<SimId>) -> Request {
    let (msisdn, brand_id) = (msisdn.parse().unwrap(), "acme".parse().unwrap());
    Request::OrderEsim(id(last), EsimOrderBody { msisdn, brand_id, technology: "4G".into(), replaces })
}

fn card(last: u8, msisdn: &str, serial: u64) -> Request {
    let (msisdn, brand_id) = (msisdn.parse().unwrap(), "acme".parse().unwrap());
    let iccid = OrderBook::card(serial);
    Request::ActivateCard(id(last), CardActivationBody { msisdn, iccid, brand_id, replaces: None })
}

const ONE: &str = "11999950001";
const TWO: &str = "11999950002";

fn status(book: &mut OrderBook, request: &Request) -> u16 {
    book.handle(at(0), request).status
}

fn issued(book: &mut OrderBook, request: &Request) -> IssuedBody {
    let response = book.handle(at(0), request);
    assert_eq!(response.status, 200, "{request:?}");
    serde_json::from_slice(&response.body).unwrap()
}

fn refusal(book: &mut OrderBook, request: &Request) -> OrderRefusalCode {
    let response = book.handle(at(0), request);
    let refused: OrderRefusalBody = serde_json::from_slice(&response.body).expect("it is typed");
    assert_eq!((response.status, refused.reference), (refused.code.status(), request.reference()));
    refused.code
}

#[test]
fn a_repeated_order_makes_no_second_sim() {
    let mut book = OrderBook::new();
    for request in [esim(1, ONE, None), card(2, TWO, 5)] {
        let first = issued(&mut book, &request);
        assert_eq!(issued(&mut book, &request), first);
        assert_eq!(issued(&mut book, &Request::Order(request.reference().unwrap())), first);
    }
    assert_eq!(book.sims().len(), 2);
    assert_eq!(status(&mut book, &esim(1, TWO, None)), 400, "a reference is never used twice");
}

#[test]
fn two_sims_have_nothing_in_common() {
    let mut book = OrderBook::new();
    let (first, second) = (issued(&mut book, &esim(1, ONE, None)), issued(&mut book, &esim(2, TWO, None)));
    assert!(first.iccid != second.iccid && first.imsi != second.imsi);
    assert!(first.matching_id.is_some() && first.matching_id != second.matching_id);
    let card = issued(&mut book, &card(3, "11999950003", 1));
    assert_eq!(card.iccid, OrderBook::card(1));
    assert!(card.hrs_imsi.is_some() && card.hrs_imsi.as_ref() != Some(&card.imsi));
    assert!(card.imsi != first.imsi && card.matching_id.is_none() && card.profile_state.is_none());
}

#[test]
fn a_cancelled_order_never_comes_back() {
    let mut book = OrderBook::new();
    let (arrived, late) = (esim(1, ONE, None), esim(2, TWO, None));
    issued(&mut book, &arrived);
    for request in [&arrived, &late] {
        let reference = request.reference().unwrap();
        assert_eq!(status(&mut book, &Request::Cancel(reference)), 204);
        assert_eq!(refusal(&mut book, &Request::Cancel(reference)), OrderRefusalCode::UnknownOrder);
        assert_eq!(refusal(&mut book, request), OrderRefusalCode::Cancelled);
        assert_eq!(refusal(&mut book, &Request::Order(reference)), OrderRefusalCode::UnknownOrder);
        assert!(book.is_cancelled(reference));
    }
    assert_eq!(book.sims(), []);
    issued(&mut book, &esim(3, ONE, None));
}

#[test]
fn an_order_that_never_arrived_is_unknown_and_may_still_arrive() {
    let mut book = OrderBook::new();
    assert_eq!(refusal(&mut book, &Request::Order(id(1))), OrderRefusalCode::UnknownOrder);
    issued(&mut book, &esim(1, ONE, None));
}

#[test]
fn a_number_has_one_sim_unless_the_next_one_replaces_it() {
    let mut book = OrderBook::new();
    issued(&mut book, &esim(1, ONE, None));
    assert_eq!(refusal(&mut book, &esim(2, ONE, None)), OrderRefusalCode::NumberHasSim);
    assert_eq!(refusal(&mut book, &card(2, ONE, 1)), OrderRefusalCode::NumberHasSim);
    assert_eq!(refusal(&mut book, &esim(2, ONE, Some(id(9)))), OrderRefusalCode::NumberHasSim);
    issued(&mut book, &esim(2, ONE, Some(id(1))));
    assert_eq!(book.sims().len(), 2, "both exist");
    // The second one is replaced before the first one is deprogrammed.
    assert_eq!(refusal(&mut book, &esim(3, ONE, Some(id(1)))), OrderRefusalCode::NumberHasSim);
    issued(&mut book, &esim(3, ONE, Some(id(2))));
    // Its replacement is taken back, so the second one is the number's SIM again.
    assert_eq!(status(&mut book, &Request::Cancel(id(3))), 204);
    assert_eq!(refusal(&mut book, &esim(4, ONE, None)), OrderRefusalCode::NumberHasSim);
    for last in [1, 2] {
        assert_eq!(status(&mut book, &Request::Cancel(id(last))), 204);
    }
    issued(&mut book, &esim(4, ONE, None));
}

#[test]
fn esims_run_out_and_cards_do_not() {
    let mut book = OrderBook::new().with_esims(1);
    issued(&mut book, &esim(1, ONE, None));
    assert_eq!(refusal(&mut book, &esim(2, TWO, None)), OrderRefusalCode::NoneLeft);
    issued(&mut book, &card(3, TWO, 1));
    issued(&mut book, &esim(1, ONE, None));
    book.set_esims(None);
    issued(&mut book, &esim(2, "11999950003", None));
}

#[test]
fn a_card_is_active_for_one_order() {
    let mut book = OrderBook::new();
    issued(&mut book, &card(1, ONE, 7));
    assert_eq!(refusal(&mut book, &card(2, TWO, 7)), OrderRefusalCode::CardInUse);
    let stranger = CardActivationBody {
        msisdn: TWO.parse().unwrap(),
        iccid: "8955990000000000000".parse().unwrap(),
        brand_id: "acme".parse().unwrap(),
        replaces: None,
    };
    assert_eq!(refusal(&mut book, &Request::ActivateCard(id(2), stranger)), OrderRefusalCode::UnknownIccid);
    assert_eq!(status(&mut book, &Request::Cancel(id(1))), 204);
    assert_eq!(refusal(&mut book, &card(2, TWO, 7)), OrderRefusalCode::CardInUse, "it was used");
}

#[test]
fn an_iccid_is_used_again_only_after_its_sim_was_deprogrammed() {
    let mut book = OrderBook::new().reusing_iccids();
    let first = issued(&mut book, &esim(1, ONE, None));
    assert_ne!(issued(&mut book, &esim(2, TWO, None)).iccid, first.iccid);
    assert_eq!(status(&mut book, &Request::Cancel(id(1))), 204);
    let again = issued(&mut book, &esim(3, ONE, None));
    assert_eq!(again.iccid, first.iccid);
    assert!(again.imsi != first.imsi && again.matching_id != first.matching_id);
    // A cancellation that comes twice does not free the ICCID of the new SIM.
    assert_eq!(refusal(&mut book, &Request::Cancel(id(1))), OrderRefusalCode::UnknownOrder);
    assert_ne!(issued(&mut book, &esim(4, "11999950003", None)).iccid, again.iccid);

    issued(&mut book, &card(5, "11999950004", 1));
    assert_eq!(status(&mut book, &Request::Cancel(id(5))), 204);
    issued(&mut book, &card(6, "11999950004", 1));
}

#[test]
fn an_iccid_is_not_used_again_without_the_switch() {
    let mut book = OrderBook::new();
    let first = issued(&mut book, &esim(1, ONE, None));
    assert_eq!(status(&mut book, &Request::Cancel(id(1))), 204);
    assert_ne!(issued(&mut book, &esim(2, ONE, None)).iccid, first.iccid);
}

#[test]
fn an_order_is_answered_later_after_so_many_calls() {
    let mut book = OrderBook::new();
    book.set_pace(Pace::After(2));
    let (order, ask) = (esim(1, ONE, None), Request::Order(id(1)));
    assert_eq!([&order, &ask, &order].map(|request| status(&mut book, request)), [202, 202, 202]);
    assert_eq!(book.sims(), [], "a SIM that is still being made is not listed");
    assert_eq!(refusal(&mut book, &esim(2, ONE, None)), OrderRefusalCode::NumberHasSim);
    assert_eq!(book.take_notifications(), []);
    issued(&mut book, &ask);
    assert_eq!((book.sims().len(), book.being_made(), book.take_notifications().len()), (1, vec![], 1));
}

#[test]
fn an_order_is_answered_when_the_mock_is_told() {
    let mut book = OrderBook::new();
    book.set_pace(Pace::WhenTold);
    for _ in 0..9 {
        assert_eq!(status(&mut book, &esim(1, ONE, None)), 202);
        assert_eq!(status(&mut book, &Request::Order(id(1))), 202);
    }
    assert_eq!(status(&mut book, &card(2, TWO, 1)), 202);
    assert_eq!(book.being_made(), [id(1), id(2)]);
    assert!(book.finish(at(1), id(1)) && !book.finish(at(1), id(1)), "once");
    issued(&mut book, &Request::Order(id(1)));
    assert_eq!(status(&mut book, &Request::Cancel(id(2))), 204);
    assert!(!book.finish(at(1), id(2)), "a cancelled order never comes back");
}

#[test]
fn each_state_of_a_profile_is_called_back_in_order() {
    let mut book = OrderBook::new().with_life(Duration::from_mins(1));
    issued(&mut book, &esim(1, ONE, None));
    issued(&mut book, &card(2, TWO, 1));
    book.live(at(59));
    assert_eq!(book.profile_state(id(1)), Some(ProfileState::Released));
    book.live(at(150));
    assert_eq!(book.profile_state(id(1)), Some(ProfileState::Installed));
    assert!(book.set_profile_state(at(160), id(1), ProfileState::Error, Some("no memory")));
    book.live(at(1000));
    assert!(!book.set_profile_state(at(170), id(2), ProfileState::Deleted, None), "a card has no profile");
    let told: Vec<_> = book
        .take_notifications()
        .into_iter()
        .map(|told| (told.reference, told.profile_state, told.at, told.reason))
        .collect();
    let (downloaded, installed) = (ProfileState::Downloaded, ProfileState::Installed);
    assert_eq!(
        told,
        [
            (id(1), ProfileState::Released, at(0), None),
            (id(1), downloaded, at(60), None),
            (id(1), installed, at(120), None),
            (id(1), ProfileState::Error, at(160), Some("no memory".to_owned())),
        ]
    );
    assert_eq!(book.take_notifications(), []);
}

#[test]
fn our_sims_come_in_pages_by_brand() {
    let mut book = OrderBook::new();
    for last in [4, 1, 3, 2] {
        issued(&mut book, &esim(last, &format!("1199995000{last}"), None));
    }
    let brand_id = "other".parse().unwrap();
    let of_other = EsimOrderBody {
        msisdn: "11999950009".parse().unwrap(),
        brand_id,
        technology: "4G".into(),
        replaces: None,
    };
    issued(&mut book, &Request::OrderEsim(id(5), of_other));
    assert!(book.set_profile_state(at(1), id(1), ProfileState::Deleted, None));
    assert_eq!(status(&mut book, &Request::Cancel(id(3))), 204);
    let page = |book: &mut OrderBook, after| -> OrdersBody {
        let request = Request::Orders { brand: "acme".parse().unwrap(), after, limit: 2 };
        serde_json::from_slice(&book.handle(at(2), &request).body).unwrap()
    };
    let first = page(&mut book, None);
    let listed = |page: &OrdersBody| page.orders.iter().map(|order| order.reference).collect::<Vec<_>>();
    assert_eq!((listed(&first), first.next), (vec![id(1), id(2)], Some(id(2))));
    assert_eq!(first.orders[0].profile_state, ProfileState::Deleted, "it is listed until it is deprogrammed");
    let second = page(&mut book, first.next);
    assert_eq!((listed(&second), second.next), (vec![id(4)], None));
}

#[test]
fn the_state_survives_being_written_down() {
    let mut book = OrderBook::new();
    let sim = issued(&mut book, &esim(1, ONE, None));
    issued(&mut book, &card(2, TWO, 1));
    status(&mut book, &Request::Cancel(id(3)));
    let text = serde_json::to_string(&book).unwrap();
    assert!(!text.contains(sim.matching_id.as_ref().unwrap().reveal()), "no secret is written");
    let mut again: OrderBook = serde_json::from_str(&text).unwrap();
    assert_eq!(issued(&mut again, &esim(1, ONE, None)), sim);
    assert_eq!(refusal(&mut again, &card(4, "11999950003", 1)), OrderRefusalCode::CardInUse);
    assert_eq!(refusal(&mut again, &esim(3, "11999950003", None)), OrderRefusalCode::Cancelled);
    assert_ne!(issued(&mut again, &esim(4, "11999950003", None)).iccid, sim.iccid);
}
