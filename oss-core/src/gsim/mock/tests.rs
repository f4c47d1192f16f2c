//! The client against each face of the mock, and the call-backs.

use axum::Router;
use axum::extract::State as Extracted;
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::net::TcpListener;
use url::Url;

use super::*;
use crate::domain::Technology;
use crate::gsim::{
    CardActivation, Doubt, EsimOrder, Gsim, GsimConfig, HttpGsim, IssuedSim, OrderProgress, OrderState,
    SimDetails, SimError, SimProvider, SimRefusal,
};

/// The longest that one call may take.
const CALL: Duration = Duration::from_secs(2);

fn client(url: Url) -> HttpGsim {
    let config = GsimConfig { order_timeout: CALL, timeout: CALL, ..GsimConfig::new(url) };
    HttpGsim::new(&config).unwrap()
}

/// An order for a number that no other order of this test has.
fn esim_order() -> EsimOrder {
    let reference = SimId::new();
    let number = format!("119{:08}", reference.as_uuid().as_u128() % 100_000_000);
    EsimOrder::new(reference, number.parse().unwrap(), "acme".parse().unwrap(), Technology::FourG)
}

fn activation(serial: u64) -> CardActivation {
    let EsimOrder { reference, msisdn, brand, .. } = esim_order();
    CardActivation::new(reference, msisdn, brand, OrderBook::card(serial))
}

fn is_issued(progress: &Result<OrderProgress, SimError>) -> bool {
    matches!(progress, Ok(OrderProgress::Issued(_)))
}

async fn state(gsim: &impl SimProvider, reference: SimId) -> ProfileState {
    match gsim.order(reference).await {
        Ok(OrderState::Issued(IssuedSim { details: SimDetails::Esim { profile_state, .. }, .. })) => {
            profile_state
        }
        other => panic!("{other:?}"),
    }
}

async fn orders_are_made_asked_for_listed_and_cancelled(mock: &GsimMock, gsim: &(impl SimProvider + Gsim)) {
    let (order, activation) = (esim_order(), activation(1));
    let Ok(OrderProgress::Issued(esim)) = gsim.order_esim(&order).await else { panic!("it is issued") };
    assert_eq!(gsim.order_esim(&order).await, Ok(OrderProgress::Issued(esim.clone())), "again");
    let Ok(OrderProgress::Issued(card)) = gsim.activate_card(&activation).await else { panic!("issued") };
    assert_eq!(gsim.order(order.reference).await, Ok(OrderState::Issued(esim.clone())));
    assert_eq!(gsim.order(activation.reference).await, Ok(OrderState::Issued(card.clone())));
    let other = EsimOrder { reference: SimId::new(), ..order.clone() };
    assert_eq!(gsim.order_esim(&other).await, Err(SimError::Refused(SimRefusal::NumberHasSim)));
    assert_eq!(gsim.order(other.reference).await, Ok(OrderState::Unknown));
    assert!(is_issued(&gsim.order_esim(&other.replacing(Some(order.reference))).await));

    let first = gsim.orders(&order.brand, None, 2).await.unwrap();
    let second = gsim.orders(&order.brand, first.next, 2).await.unwrap();
    let listed: Vec<_> = first.orders.iter().chain(&second.orders).collect();
    assert_eq!((listed.len(), second.next), (3, None));
    assert!(listed.iter().any(|sim| sim.imsi == esim.imsi && sim.msisdn == order.msisdn));
    assert!(listed.iter().any(|sim| sim.iccid == card.iccid));

    for reference in [order.reference, activation.reference, SimId::new()] {
        assert_eq!(gsim.cancel(reference).await, Ok(()));
        assert_eq!(gsim.cancel(reference).await, Ok(()), "again");
        assert_eq!(gsim.order(reference).await, Ok(OrderState::Unknown));
    }
    assert_eq!(gsim.order_esim(&order).await, Err(SimError::Refused(SimRefusal::Cancelled)));
    assert_eq!(mock.book().sims().len(), 1);

    let device = DeviceChoice::Tac("00000001".parse().unwrap());
    assert_eq!(gsim.supports_esim(&device).await, Ok(None));
    mock.knows(&device, true);
    assert_eq!(gsim.supports_esim(&device).await, Ok(Some(true)));
}

async fn each_fault_is_what_it_is(mock: &GsimMock, gsim: &impl SimProvider) {
    let doubt = |doubt| Err(SimError::NoAnswer(doubt));
    let cases = [
        (Fault::Refuse(OrderRefusalCode::NoneLeft), Err(SimError::Refused(SimRefusal::NoneLeft)), false),
        (Fault::Unauthorized, doubt(Doubt::Credentials), false),
        (Fault::Forbid, doubt(Doubt::Credentials), true),
        (Fault::FailBefore, doubt(Doubt::Status(503)), false),
        (Fault::Status(410), doubt(Doubt::Status(410)), false),
        (Fault::Garble, doubt(Doubt::Unreadable), true),
        (Fault::LoseRequest, doubt(Doubt::ConnectionLost), false),
        (Fault::LoseAnswer, doubt(Doubt::ConnectionLost), true),
        (Fault::Slow(Duration::from_secs(10)), doubt(Doubt::Timeout), true),
    ];
    for (fault, expected, takes_effect) in cases {
        let order = esim_order();
        mock.next(CallKind::OrderEsim, fault);
        assert_eq!(gsim.order_esim(&order).await, expected, "{fault:?}");
        assert_eq!(mock.book().profile_state(order.reference).is_some(), takes_effect, "{fault:?}");
        assert!(is_issued(&gsim.order_esim(&order).await), "after {fault:?}");
        assert_eq!(gsim.cancel(order.reference).await, Ok(()));
    }
    mock.always(CallKind::Order, Some(Fault::Status(404)));
    for _ in 0..2 {
        assert_eq!(gsim.order(SimId::new()).await, Err(SimError::NoAnswer(Doubt::Status(404))));
    }
    mock.always(CallKind::Order, None);
    assert_eq!(gsim.order(SimId::new()).await, Ok(OrderState::Unknown));
}

async fn an_order_on_a_kept_connection_that_closes_is_sent_once_more(mock: &GsimMock, url: Url) {
    let gsim = client(url);
    assert_eq!(gsim.order(SimId::new()).await, Ok(OrderState::Unknown), "this opens the connection");
    let (order, calls) = (esim_order(), mock.calls(CallKind::OrderEsim));
    mock.next(CallKind::OrderEsim, Fault::CloseUnanswered);
    assert!(is_issued(&gsim.order_esim(&order).await));
    assert_eq!(mock.calls(CallKind::OrderEsim), calls + 2);

    // No third one is sent, and nothing but a success is certain.
    for second in [Fault::CloseUnanswered, Fault::Refuse(OrderRefusalCode::NumberHasSim)] {
        let (order, calls) = (esim_order(), mock.calls(CallKind::OrderEsim));
        assert_eq!(gsim.order(SimId::new()).await, Ok(OrderState::Unknown));
        mock.next(CallKind::OrderEsim, Fault::CloseUnanswered);
        mock.next(CallKind::OrderEsim, second);
        let doubt = Err(SimError::NoAnswer(Doubt::ConnectionLost));
        assert_eq!(gsim.order_esim(&order).await, doubt, "{second:?}");
        assert_eq!(mock.calls(CallKind::OrderEsim), calls + 2, "{second:?}");
    }
}

#[tokio::test]
async fn the_wiremock_face_keeps_the_contract() {
    let running = GsimMock::new(OrderBook::new()).start().await;
    orders_are_made_asked_for_listed_and_cancelled(&running, &client(running.url())).await;
    each_fault_is_what_it_is(&running, &client(running.url())).await;
    an_order_on_a_kept_connection_that_closes_is_sent_once_more(&running, running.url()).await;
}

#[tokio::test]
async fn the_axum_face_keeps_the_contract() {
    let mock = GsimMock::new(OrderBook::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let serving = tokio::spawn(serve(mock.clone(), listener, std::future::pending()));
    orders_are_made_asked_for_listed_and_cancelled(&mock, &client(url.clone())).await;
    each_fault_is_what_it_is(&mock, &client(url.clone())).await;
    an_order_on_a_kept_connection_that_closes_is_sent_once_more(&mock, url).await;
    serving.abort();
}

#[tokio::test(start_paused = true)]
async fn the_face_without_a_server_keeps_the_contract() {
    let mock = GsimMock::new(OrderBook::new());
    orders_are_made_asked_for_listed_and_cancelled(&mock, &mock.client(CALL)).await;
    each_fault_is_what_it_is(&mock, &mock.client(CALL)).await;
}

#[tokio::test]
async fn a_closed_port_is_certain_to_be_without_effect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let gsim = client(url);
    assert_eq!(gsim.order_esim(&esim_order()).await, Err(SimError::NotSent));
    assert_eq!(gsim.cancel(SimId::new()).await, Err(SimError::NotSent));
}

/// An eSIM is ordered, is made slowly, and its customer downloads, installs, switches on and deletes its profile.
#[tokio::test(start_paused = true)]
async fn a_profile_lives_from_its_order_to_its_end() {
    const STEP: Duration = Duration::from_hours(6);
    let mock = GsimMock::new(OrderBook::new().with_life(STEP));
    let (gsim, order) = (mock.client(CALL), esim_order());
    mock.set_pace(Pace::After(1));
    mock.behave(Behaviour { latency: Duration::from_secs(1), ..Behaviour::default() });
    let begun = Instant::now();
    assert_eq!(gsim.order_esim(&order).await, Ok(OrderProgress::Accepted));
    assert_eq!(gsim.order(order.reference).await, Ok(OrderState::Accepted));
    for expected in [
        ProfileState::Released,
        ProfileState::Downloaded,
        ProfileState::Installed,
        ProfileState::Enabled,
        ProfileState::Enabled,
    ] {
        assert_eq!(state(&gsim, order.reference).await, expected);
        tokio::time::sleep(STEP).await;
    }
    assert!(mock.delete_profile(order.reference));
    assert_eq!(state(&gsim, order.reference).await, ProfileState::Deleted);
    let page = gsim.orders(&order.brand, None, 9).await.unwrap();
    assert_eq!(page.orders[0].profile_state, ProfileState::Deleted, "GSIM has it until it is deprogrammed");
    assert_eq!(gsim.cancel(order.reference).await, Ok(()));
    assert_eq!(gsim.order(order.reference).await, Ok(OrderState::Unknown));

    let told = mock.take_notifications();
    let states: Vec<_> = told.iter().map(|told| told.profile_state.as_str()).collect();
    assert_eq!(states, ["RELEASED", "DOWNLOADED", "INSTALLED", "ENABLED", "DELETED"]);
    assert!(
        told.is_sorted_by_key(|told| told.at) && told.iter().all(|told| told.reference == order.reference)
    );
    let lived = (told[4].at - told[0].at).to_std().unwrap();
    assert!(lived >= 5 * STEP && begun.elapsed() >= lived, "the mock's clock follows the time of tokio");
}

/// A service that keeps the call-backs it accepts, and accepts them only if it has an answer of success.
#[derive(Clone, Default)]
struct Service {
    accepted: Arc<Mutex<Vec<(SimId, ProfileState)>>>,
    status: Arc<Mutex<StatusCode>>,
}

impl Service {
    async fn start(&self) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/base", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new().fallback(accept).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }
}

async fn accept(
    Extracted(service): Extracted<Service>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    assert_eq!((method.as_str(), uri.path()), ("POST", "/base/gsim/notifications"));
    assert_eq!(headers["authorization"], "Bearer t0ken");
    let status = *service.status.lock();
    if status.is_success() {
        let told: Notification = serde_json::from_str(&body).unwrap();
        service.accepted.lock().push((told.reference, told.profile_state));
    }
    status
}

#[tokio::test]
async fn call_backs_come_late_twice_or_out_of_order() {
    let (mock, service) = (GsimMock::new(OrderBook::new()), Service::default());
    let call_back = CallBack::new(&service.start().await, Some("t0ken".to_owned().into())).unwrap();
    let (gsim, order) = (mock.client(CALL), esim_order());
    let (released, downloaded, installed) =
        (ProfileState::Released, ProfileState::Downloaded, ProfileState::Installed);
    assert!(is_issued(&gsim.order_esim(&order).await));
    assert_eq!(mock.send_notifications(Delivery::InOrder).await, 0, "there is no address yet");
    mock.call_back(Some(call_back));
    let accepted = || std::mem::take(&mut *service.accepted.lock());
    let told =
        |states: &[ProfileState]| states.iter().map(|state| (order.reference, *state)).collect::<Vec<_>>();

    *service.status.lock() = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(mock.send_notifications(Delivery::InOrder).await, 0);
    assert!(mock.set_profile_state(order.reference, downloaded));
    *service.status.lock() = StatusCode::NO_CONTENT;
    assert_eq!(mock.send_notifications(Delivery::InOrder).await, 2);
    assert_eq!(accepted(), told(&[released, downloaded]), "late, and in order");
    assert_eq!(mock.send_notifications(Delivery::InOrder).await, 0, "each is sent until it is accepted");

    assert!(mock.set_profile_state(order.reference, installed));
    assert_eq!(mock.send_notifications(Delivery::Twice).await, 2);
    assert_eq!(accepted(), told(&[installed, installed]));

    assert!(mock.set_profile_state(order.reference, ProfileState::Enabled));
    assert!(mock.delete_profile(order.reference));
    assert_eq!(mock.send_notifications(Delivery::Reversed).await, 2);
    assert_eq!(accepted(), told(&[ProfileState::Deleted, ProfileState::Enabled]));
}
