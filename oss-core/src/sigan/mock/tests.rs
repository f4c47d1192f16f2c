//! The client against both servers of the mock.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::*;
use crate::sigan::wire::RefusalCode;
use crate::sigan::{
    Credentials, Doubt, Hold, HttpSigan, PreReserve, Refusal, Sigan, SiganConfig, SiganError,
};

fn client(url: Url) -> HttpSigan {
    let brand = "b".parse().unwrap();
    HttpSigan::new(&SiganConfig {
        url,
        brand,
        credentials: Credentials::None,
        timeout: Duration::from_secs(2),
    })
    .unwrap()
}

async fn offered(sigan: &HttpSigan) -> Hold {
    let wish = PreReserve {
        ddd: "11".parse().unwrap(),
        quantity: 3,
        brand: "b".parse().unwrap(),
        hold_for: Duration::from_mins(1),
        previous: None,
    };
    let offer = sigan.pre_reserve(&wish).await.unwrap();
    Hold { external_id: offer.external_id, msisdn: offer.msisdns[0] }
}

async fn the_life_of_a_hold(mock: &SiganMock, url: Url) {
    let sigan = client(url);
    let hold = offered(&sigan).await;
    assert_eq!(sigan.reserve(&hold).await, Ok(()));
    assert_eq!(sigan.reserve(&hold).await, Ok(()), "again, ours");
    assert_eq!(mock.inventory().reserved(), std::slice::from_ref(&hold));
    assert_eq!(sigan.release(&hold).await, Ok(()));
    assert_eq!(sigan.release(&hold).await, Ok(()), "not held there counts as released");
    assert_eq!(sigan.reserve(&hold).await, Err(SiganError::Refused(Refusal::HoldOver)));
}

async fn each_fault_is_what_it_is(mock: &SiganMock, url: Url) {
    let sigan = client(url);
    let doubt = |doubt| Err(SiganError::NoAnswer(doubt));
    let refused = |refusal| Err(SiganError::Refused(refusal));
    let cases = [
        (Fault::Refuse(RefusalCode::Taken), refused(Refusal::Taken), false),
        (Fault::Refuse(RefusalCode::NotHeld), refused(Refusal::NotHeld), false),
        (Fault::Unauthorized, doubt(Doubt::Credentials), false),
        (Fault::Forbid, doubt(Doubt::Credentials), true),
        (Fault::FailBefore, doubt(Doubt::Status(503)), false),
        (Fault::Garble, doubt(Doubt::Unreadable), true),
        (Fault::Slow(Duration::from_secs(10)), doubt(Doubt::Timeout), true),
    ];
    for (fault, expected, takes_effect) in cases {
        let hold = offered(&sigan).await;
        mock.next(CallKind::Reserve, fault);
        assert_eq!(sigan.reserve(&hold).await, expected, "{fault:?}");
        assert_eq!(mock.inventory().holder_of(hold.msisdn).is_some(), takes_effect, "{fault:?}");
        assert_eq!(sigan.reserve(&hold).await, Ok(()), "after {fault:?}");
    }
}

async fn a_lost_answer_is_in_doubt(mock: &SiganMock, url: Url) {
    let sigan = client(url);
    let hold = offered(&sigan).await;
    mock.next(CallKind::Reserve, Fault::LoseAnswer);
    let before = mock.calls(CallKind::Reserve);
    assert!(matches!(sigan.reserve(&hold).await, Err(SiganError::NoAnswer(_))));
    assert_eq!(mock.calls(CallKind::Reserve), before + 1, "what may have had its effect is not sent again");
    assert_eq!(mock.inventory().holder_of(hold.msisdn), Some(hold.external_id.clone()));
    assert_eq!(sigan.reserve(&hold).await, Ok(()));
}

async fn a_reserve_on_a_kept_connection_that_closes_is_sent_once_more(mock: &SiganMock, url: Url) {
    let sigan = client(url.clone());
    let hold = offered(&sigan).await;
    let before = mock.calls(CallKind::Reserve);
    mock.next(CallKind::Reserve, Fault::CloseUnanswered);
    assert_eq!(sigan.reserve(&hold).await, Ok(()));
    assert_eq!(mock.calls(CallKind::Reserve), before + 2);
    assert_eq!(mock.inventory().holder_of(hold.msisdn), Some(hold.external_id.clone()));

    // No third one is sent, and nothing but a success is certain.
    for second in [Fault::CloseUnanswered, Fault::LoseAnswer, Fault::Refuse(RefusalCode::Taken)] {
        let hold = offered(&sigan).await;
        let before = mock.calls(CallKind::Reserve);
        mock.next(CallKind::Reserve, Fault::CloseUnanswered);
        mock.next(CallKind::Reserve, second);
        let doubt = Err(SiganError::NoAnswer(Doubt::ConnectionLost));
        assert_eq!(sigan.reserve(&hold).await, doubt, "{second:?}");
        assert_eq!(mock.calls(CallKind::Reserve), before + 2, "{second:?}");
    }

    // On a connection of its own, Sigan has had the time for its work, so the answer is lost.
    let hold = offered(&sigan).await;
    let before = mock.calls(CallKind::Reserve);
    mock.next(CallKind::Reserve, Fault::CloseUnanswered);
    let doubt = Err(SiganError::NoAnswer(Doubt::ConnectionLost));
    assert_eq!(client(url).reserve(&hold).await, doubt);
    assert_eq!(mock.calls(CallKind::Reserve), before + 1);
}

#[tokio::test]
async fn the_wiremock_face_keeps_the_contract() {
    let mock = SiganMock::new(Inventory::new("PR"));
    let running = mock.start().await;
    the_life_of_a_hold(&mock, running.url()).await;
    each_fault_is_what_it_is(&mock, running.url()).await;
    a_lost_answer_is_in_doubt(&mock, running.url()).await;
    a_reserve_on_a_kept_connection_that_closes_is_sent_once_more(&mock, running.url()).await;
}

#[tokio::test]
async fn the_axum_face_keeps_the_contract() {
    let mock = SiganMock::new(Inventory::new("PR"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let serving = tokio::spawn(serve(mock.clone(), listener, std::future::pending()));
    the_life_of_a_hold(&mock, url.clone()).await;
    each_fault_is_what_it_is(&mock, url.clone()).await;
    a_lost_answer_is_in_doubt(&mock, url.clone()).await;
    a_reserve_on_a_kept_connection_that_closes_is_sent_once_more(&mock, url).await;
    serving.abort();
}

/// Answers every request with the same bytes, and counts them.
async fn answering(bytes: Vec<u8>) -> (Url, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = count.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let _ = socket.write_all(&bytes).await;
        }
    });
    (url, count)
}

fn a_hold() -> Hold {
    Hold { external_id: "PR-1".parse().unwrap(), msisdn: "11999950001".parse().unwrap() }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let moved =
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_vec();
    let (url, count) = answering(moved).await;
    assert_eq!(client(url).reserve(&a_hold()).await, Err(SiganError::NoAnswer(Doubt::Status(307))));
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_too_long_is_not_read() {
    let mut long = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec();
    long.resize(1_000_000, b' ');
    let (url, _) = answering(long).await;
    assert_eq!(client(url).reserve(&a_hold()).await, Err(SiganError::NoAnswer(Doubt::Unreadable)));
}

#[tokio::test]
async fn a_closed_port_is_certain_to_be_without_effect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    assert_eq!(client(url).reserve(&a_hold()).await, Err(SiganError::NotSent));
}

#[tokio::test]
async fn credentials_and_a_base_path_are_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/base/", listener.local_addr().unwrap()).parse().unwrap();
    let config = SiganConfig {
        url,
        brand: "b".parse().unwrap(),
        credentials: Credentials::Bearer("t0ken".to_owned().into()),
        timeout: Duration::from_secs(2),
    };
    let call = tokio::spawn(async move { HttpSigan::new(&config).unwrap().reserve(&a_hold()).await });
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 4096];
    let read = socket.read(&mut request).await.unwrap();
    let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
    assert!(request.starts_with("put /base/pre-reservations/pr-1/reservations/11999950001 http/1.1"));
    assert!(request.contains("authorization: bearer t0ken"));
    drop(socket);
    assert_eq!(call.await.unwrap(), Err(SiganError::NoAnswer(Doubt::ConnectionLost)));
}
