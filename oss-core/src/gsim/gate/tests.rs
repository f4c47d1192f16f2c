use super::*;
use crate::domain::Technology;
use crate::gsim::mock::{CallKind, Fault, GsimMock, OrderBook};
use crate::remote::FAILURES;

const CALL: Duration = Duration::from_secs(5);

fn gates(mock: &GsimMock) -> SimGates {
    let provider: Arc<dyn SimProvider> = Arc::new(mock.client(CALL));
    let share = "50".parse().unwrap();
    SimGates::new(&provider, GateLimits { calls: 2, queue: 0, share, call: CALL })
}

fn esim_order() -> EsimOrder {
    let (msisdn, brand) = ("11999950001".parse().unwrap(), brand());
    EsimOrder::new(SimId::new(), msisdn, brand, Technology::FourG)
}

fn activation() -> CardActivation {
    let msisdn = "11999950002".parse().unwrap();
    CardActivation::new(SimId::new(), msisdn, brand(), OrderBook::card(1))
}

fn brand() -> BrandId {
    "acme".parse().unwrap()
}

async fn turn(gates: &SimGates, sim_type: SimType) -> Result<SimTurn<'_>, SimsBusy> {
    gates.turn(sim_type, Lane::Caller { brand: &brand(), client: None }).await
}

#[tokio::test(start_paused = true)]
async fn esims_that_are_down_do_not_stop_cards() {
    let mock = GsimMock::new(OrderBook::new());
    let gates = gates(&mock);
    mock.always(CallKind::OrderEsim, Some(Fault::FailBefore));
    for _ in 0..FAILURES {
        let turn = turn(&gates, SimType::Esim).await.unwrap();
        assert!(turn.order_esim(&esim_order()).await.is_err());
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    let down_for = Some(Duration::from_millis(100) * FAILURES);
    let expected = SimsBusy { sim_type: SimType::Esim, reason: Busy::NoTurn, down_for };
    assert_eq!(turn(&gates, SimType::Esim).await.unwrap_err(), expected);
    let card = turn(&gates, SimType::SimCard).await.expect("cards work");
    assert!(card.activate_card(&activation()).await.is_ok());
    let down = |gates: &SimGates| gates.usage().map(|(sim_type, usage)| (sim_type, usage.down_for));
    assert_eq!(down(&gates), [(SimType::Esim, down_for), (SimType::SimCard, None)]);
    assert!(gates.answers(SimType::SimCard) && !gates.answers(SimType::Esim));

    tokio::time::advance(Duration::from_secs(1)).await;
    mock.always(CallKind::OrderEsim, None);
    let probe = turn(&gates, SimType::Esim).await.expect("a probe");
    assert!(probe.order_esim(&esim_order()).await.is_ok());
    assert_eq!(down(&gates), [(SimType::Esim, None), (SimType::SimCard, None)]);
}

#[tokio::test(start_paused = true)]
async fn the_next_outage_begins_with_its_own_first_call() {
    let mock = GsimMock::new(OrderBook::new());
    let gates = gates(&mock);
    let order = async || {
        let turn = turn(&gates, SimType::Esim).await.expect("the circuit is closed");
        turn.order_esim(&esim_order()).await
    };
    mock.next(CallKind::OrderEsim, Fault::FailBefore);
    assert!(order().await.is_err());
    assert!(order().await.is_ok(), "that was no outage");
    tokio::time::advance(Duration::from_hours(1)).await;
    mock.always(CallKind::OrderEsim, Some(Fault::FailBefore));
    for _ in 0..FAILURES {
        assert!(order().await.is_err());
    }
    let busy = turn(&gates, SimType::Esim).await.unwrap_err();
    assert_eq!(busy.down_for, Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn each_type_of_sim_has_slots_of_its_own() {
    let mock = GsimMock::new(OrderBook::new());
    let gates = gates(&mock);
    let _turns = [turn(&gates, SimType::Esim).await.unwrap(), turn(&gates, SimType::Esim).await.unwrap()];
    let busy = turn(&gates, SimType::Esim).await.unwrap_err();
    assert_eq!((busy.reason, busy.down_for), (Busy::NoTurn, None), "it is busy, and not down");
    assert!(turn(&gates, SimType::SimCard).await.is_ok());
    assert!(gates.turn(SimType::Esim, Lane::Upkeep).await.is_ok(), "upkeep has slots of its own");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_contract_is_an_answer() {
    let mock = GsimMock::new(OrderBook::new().with_esims(0));
    let gates = gates(&mock);
    for _ in 0..3 * FAILURES {
        let turn = turn(&gates, SimType::Esim).await.expect("the circuit stays closed");
        let refused = turn.order_esim(&esim_order()).await;
        assert_eq!(refused, Err(SimError::Refused(SimRefusal::NoneLeft)));
    }
}

#[tokio::test(start_paused = true)]
async fn upkeep_asks_cancels_and_lists_without_counting_against_callers() {
    let mock = GsimMock::new(OrderBook::new());
    let gates = gates(&mock);
    let order = esim_order();
    for kind in [CallKind::Order, CallKind::Cancel, CallKind::Orders] {
        mock.always(kind, Some(Fault::FailBefore));
    }
    for _ in 0..FAILURES {
        let turn = turn(&gates, SimType::Esim).await.expect("the circuit of callers stays closed");
        assert!(turn.order(order.reference).await.is_err());
        assert!(turn.cancel(order.reference).await.is_err());
        assert!(turn.orders(&order.brand, None, 1).await.is_err());
    }
    let states = gates.usage()[0].1.breakers;
    assert_eq!(states, [("caller", "closed"), ("upkeep", "open")]);
}
