//! `oss gsim-mock`, as a process of its own.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use oss_core::gsim::wire::Notification;
use oss_core::gsim::{EsimOrder, GsimConfig, HttpGsim, OrderProgress, OrderState, SimDetails, SimProvider};
use oss_core::{ProfileState, SimId, Technology};
use oss_tests::cli::oss;
use oss_tests::eventually::eventually;
use oss_tests::process::Mortal;
use tokio::net::TcpListener;

/// The call-backs that came with the right key.
type CallBacks = Arc<Mutex<Vec<Notification>>>;

async fn accept(State(accepted): State<CallBacks>, uri: Uri, headers: HeaderMap, body: String) -> StatusCode {
    if headers["authorization"] != "Bearer k3y" || uri.path() != "/gsim/notifications" {
        return StatusCode::FORBIDDEN;
    }
    accepted.lock().unwrap().push(serde_json::from_str(&body).expect("it is a call-back"));
    StatusCode::NO_CONTENT
}

/// Accepts call-backs until the test ends. Returns the address.
async fn service(accepted: &CallBacks) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(accept).with_state(accepted.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Runs the mock, and returns a client of it.
fn start(arguments: &[&str]) -> (Mortal, HttpGsim) {
    let mut command = oss(&[]);
    command.args(["gsim-mock", "--listen", "127.0.0.1:0"]).args(arguments).stderr(Stdio::piped());
    let mut mock = Mortal(command.spawn().expect("oss runs"));
    let mut notice = String::new();
    BufReader::new(mock.0.stderr.take().unwrap()).read_line(&mut notice).unwrap();
    let url = notice.rsplit(' ').next().and_then(|url| url.trim().parse().ok());
    let config = GsimConfig::new(url.unwrap_or_else(|| panic!("it says where it listens: {notice}")));
    (mock, HttpGsim::new(&config).unwrap())
}

fn esim_order() -> EsimOrder {
    let (msisdn, brand) = ("11999950001".parse().unwrap(), "acme".parse().unwrap());
    EsimOrder::new(SimId::new(), msisdn, brand, Technology::FourG)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_lives_by_itself_and_the_server_learns_of_each_state_twice() {
    let accepted = CallBacks::default();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "k3y\n").unwrap();
    let service = service(&accepted).await;
    let (_mock, gsim) = start(&[
        "--later",
        "1",
        "--profile-step",
        "10ms",
        "--notify",
        &service,
        "--notify-key",
        key.to_str().unwrap(),
        "--notify-every",
        "10ms",
        "--notify-delivery",
        "twice",
    ]);
    let order = esim_order();
    assert_eq!(gsim.order_esim(&order).await, Ok(OrderProgress::Accepted));
    assert_eq!(gsim.order(order.reference).await, Ok(OrderState::Accepted));
    eventually(async || match gsim.order(order.reference).await {
        Ok(OrderState::Issued(sim)) => match sim.details {
            SimDetails::Esim { profile_state: ProfileState::Enabled, .. } => Ok(()),
            other => Err(format!("{other:?}")),
        },
        other => Err(format!("{other:?}")),
    })
    .await;
    let told = || {
        let accepted = accepted.lock().unwrap();
        accepted.iter().map(|told| (told.reference, told.profile_state)).collect::<Vec<_>>()
    };
    let states =
        [ProfileState::Released, ProfileState::Downloaded, ProfileState::Installed, ProfileState::Enabled];
    let twice: Vec<_> = states.into_iter().flat_map(|state| [(order.reference, state); 2]).collect();
    eventually(async || if told().len() < twice.len() { Err("some are missing") } else { Ok(()) }).await;
    assert_eq!(told(), twice);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_esims_run_out() {
    let (_mock, gsim) = start(&["--esims", "0"]);
    let refused = gsim.order_esim(&esim_order()).await.unwrap_err();
    assert_eq!(refused.code(), "none-left");
}
