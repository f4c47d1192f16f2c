use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use metrics_util::debugging::DebuggingRecorder;
use tokio::time::Instant;

use super::*;
use crate::remote::{Busy, DELIVERY_WAIT, FAILURES, GateLimits, Lane, OPEN, QUEUE, UPKEEP, Verdict};
use crate::sigan::Doubt;
use crate::telemetry::names::CLIENT_REFUSALS;

const DOWN: SiganError = SiganError::NoAnswer(Doubt::Status(503));

/// A Sigan without state: it answers as the script says, and a reserve takes a second.
#[derive(Debug, Default)]
struct Scripted {
    /// The error of reserves, if they fail.
    reserves: Mutex<Option<SiganError>>,
    /// The error of all other calls, if they fail.
    rest: Mutex<Option<SiganError>>,
    calls: AtomicUsize,
}

impl Scripted {
    fn reserves_fail(&self, error: Option<SiganError>) {
        *self.reserves.lock().unwrap() = error;
    }

    fn everything_fails(&self, error: Option<SiganError>) {
        self.reserves_fail(error.clone());
        *self.rest.lock().unwrap() = error;
    }

    fn done<T>(error: &Mutex<Option<SiganError>>, done: T) -> Result<T, SiganError> {
        error.lock().unwrap().clone().map_or(Ok(done), Err)
    }
}

#[async_trait]
impl Sigan for Scripted {
    async fn pre_reserve(&self, _: &PreReserve) -> Result<PreReservation, SiganError> {
        Err(SiganError::Refused(Refusal::NoneLeft))
    }

    async fn reserve(&self, _: &Hold) -> Result<(), SiganError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        Self::done(&self.reserves, ())
    }

    async fn release(&self, _: &Hold) -> Result<(), SiganError> {
        Self::done(&self.rest, ())
    }

    async fn holder(&self, _: &Hold) -> Result<Holder, SiganError> {
        Self::done(&self.rest, Holder::Nobody)
    }

    async fn holds(&self, _: &BrandId, _: Option<Msisdn>, _: usize) -> Result<HoldsPage, SiganError> {
        Ok(HoldsPage { holds: Vec::new(), unreadable: 0, next: None })
    }
}

fn hold() -> Hold {
    Hold { external_id: "PR-1".parse().unwrap(), msisdn: "11999950001".parse().unwrap() }
}

fn wish() -> PreReserve {
    let (ddd, brand) = ("11".parse().unwrap(), "acme".parse().unwrap());
    PreReserve { ddd, quantity: 1, brand, hold_for: OPEN, previous: None }
}

fn gate(calls: usize, queue: usize) -> (Arc<Gate>, Arc<Scripted>) {
    let sigan = Arc::new(Scripted::default());
    let (share, call) = ("50".parse().unwrap(), Duration::from_secs(15));
    (Arc::new(Gate::new(sigan.clone(), SIGAN, GateLimits { calls, queue, share, call })), sigan)
}

async fn turn<'a>(gate: &'a Gate, brand: &str, client: Option<&str>) -> Result<Turn<'a>, Busy> {
    let (brand, client) = (brand.parse().unwrap(), client.map(|name| name.parse().unwrap()));
    gate.turn(Lane::Caller { brand: &brand, client: client.as_ref() }).await
}

/// Reserves for a brand. Returns none if the reserve got no turn.
async fn reserve(gate: &Gate, brand: &str) -> Option<Result<(), SiganError>> {
    match turn(gate, brand, None).await {
        Ok(turn) => Some(turn.reserve(&hold()).await),
        Err(_) => None,
    }
}

async fn call(gate: &Gate) -> Option<Result<(), SiganError>> {
    reserve(gate, "acme").await
}

fn breakers(gate: &Gate) -> [&'static str; 2] {
    gate.usage().breakers.map(|(_, state)| state)
}

#[tokio::test(start_paused = true)]
async fn what_is_beyond_the_limit_and_its_queue_is_told_at_once() {
    let (gate, sigan) = gate(2, 1);
    let callers: Vec<_> = (0..3)
        .map(|_| {
            let gate = gate.clone();
            tokio::spawn(async move { call(&gate).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let asked = Instant::now();
    assert!(turn(&gate, "acme", None).await.is_err(), "two in flight and one waits: there is no slot");
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert!(gate.turn(Lane::Upkeep).await.is_ok(), "upkeep has slots of its own");
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Some(Ok(())));
    }
    assert_eq!(sigan.calls.load(Ordering::SeqCst), 3);
    assert_eq!(gate.usage().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_does_not_wait_for_long() {
    let (gate, _) = gate(1, 5);
    let _turn = turn(&gate, "acme", None).await.unwrap();
    let asked = Instant::now();
    assert_eq!(turn(&gate, "acme", None).await.unwrap_err(), Busy::NoTurn);
    assert_eq!(asked.elapsed(), QUEUE);
    assert_eq!(gate.usage().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_sigan_that_is_down() {
    let (gate, sigan) = gate(1, 5);
    sigan.everything_fails(Some(DOWN));
    let turn_of_another = turn(&gate, "acme", None).await.unwrap();
    for _ in 0..FAILURES {
        assert!(turn_of_another.reserve(&hold()).await.is_err());
    }
    let asked = Instant::now();
    assert!(turn(&gate, "acme", None).await.is_err());
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_sigan_that_is_down_is_left_alone_and_found_again() {
    let (gate, sigan) = gate(100, 0);
    sigan.everything_fails(Some(DOWN));
    for _ in 0..FAILURES {
        assert!(matches!(call(&gate).await, Some(Err(_))));
    }
    assert_eq!(call(&gate).await, None, "left alone");
    assert_eq!(sigan.calls.load(Ordering::SeqCst), FAILURES as usize);

    tokio::time::advance(OPEN).await;
    let probe = turn(&gate, "acme", None).await.expect("the probe");
    assert_eq!(call(&gate).await, None, "one probe at a time");
    assert!(probe.reserve(&hold()).await.is_err());
    drop(probe);
    assert_eq!(call(&gate).await, None, "the probe failed");

    sigan.everything_fails(None);
    tokio::time::advance(OPEN).await;
    assert_eq!(call(&gate).await, Some(Ok(())), "the probe");
    assert_eq!(call(&gate).await, Some(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn upkeep_leaves_a_sigan_that_is_down_alone_too() {
    let (gate, sigan) = gate(100, 0);
    sigan.everything_fails(Some(DOWN));
    for turn in gate.upkeep_turns().await.iter().take(FAILURES as usize) {
        assert!(turn.release(&hold()).await.is_err());
    }
    assert_eq!(breakers(&gate), ["closed", "open"]);
    assert!(gate.upkeep_turns().await.is_empty());
    let asked = Instant::now();
    assert_eq!(gate.turn(Lane::Delivery).await.unwrap_err(), Busy::NoTurn);
    assert_eq!(asked.elapsed(), Duration::ZERO, "a delivery waits for no slot of a system that is down");

    tokio::time::advance(OPEN).await;
    let probes = gate.upkeep_turns().await;
    assert_eq!(probes.len(), 1, "one probe at a time");
    sigan.everything_fails(None);
    assert!(probes[0].release(&hold()).await.is_ok());
    drop(probes);
    assert_eq!(gate.upkeep_turns().await.len(), UPKEEP);
}

#[tokio::test(start_paused = true)]
async fn releases_that_fail_never_cost_callers_their_turn() {
    let (gate, sigan) = gate(100, 0);
    *sigan.rest.lock().unwrap() = Some(DOWN);
    for turn in &gate.upkeep_turns().await {
        assert!(turn.release(&hold()).await.is_err());
    }
    // This also holds for releases in a caller's turn.
    for _ in 0..2 * FAILURES {
        let turn = turn(&gate, "acme", None).await.unwrap();
        assert!(turn.release(&hold()).await.is_err());
    }
    assert_eq!(breakers(&gate), ["closed", "open"]);
    assert_eq!(call(&gate).await, Some(Ok(())));
    assert_eq!(breakers(&gate), ["closed", "closed"], "an answer to anybody shows that Sigan is there");
}

#[tokio::test(start_paused = true)]
async fn callers_without_an_answer_do_not_stop_upkeep() {
    let (gate, sigan) = gate(100, 0);
    sigan.reserves_fail(Some(DOWN));
    for _ in 0..FAILURES {
        assert!(matches!(call(&gate).await, Some(Err(_))));
    }
    assert_eq!(breakers(&gate), ["open", "closed"]);
    assert!(gate.turn(Lane::Delivery).await.unwrap().release(&hold()).await.is_ok());
    assert_eq!(breakers(&gate), ["closed", "closed"]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_not_used_keeps_no_probe() {
    let (gate, sigan) = gate(100, 0);
    sigan.everything_fails(Some(DOWN));
    for _ in 0..FAILURES {
        call(&gate).await;
    }
    tokio::time::advance(OPEN).await;
    sigan.everything_fails(None);
    // This caller only looked, and found its answer here.
    drop(turn(&gate, "acme", None).await.unwrap());
    // This one only gave a number back, which does not show whether Sigan answers callers.
    sigan.everything_fails(Some(DOWN));
    let released = turn(&gate, "acme", None).await.unwrap();
    assert!(released.release(&hold()).await.is_err());
    drop(released);
    sigan.everything_fails(None);
    assert_eq!(call(&gate).await, Some(Ok(())), "the next one probes at once");
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_probe_failed_does_not_end_the_next_probe() {
    let (gate, sigan) = gate(100, 0);
    sigan.everything_fails(Some(DOWN));
    for _ in 0..FAILURES {
        call(&gate).await;
    }
    tokio::time::advance(OPEN).await;
    let failed = turn(&gate, "acme", None).await.expect("a probe");
    assert!(failed.reserve(&hold()).await.is_err());
    tokio::time::advance(OPEN).await;
    let _probe = turn(&gate, "acme", None).await.expect("the next probe");
    drop(failed);
    assert_eq!(call(&gate).await, None, "one probe at a time");
}

#[tokio::test(start_paused = true)]
async fn a_brand_that_is_refused_is_left_alone_and_no_other() {
    for refused in [
        SiganError::Refused(Refusal::Credentials),
        SiganError::NoAnswer(Doubt::Credentials),
        SiganError::NoAnswer(Doubt::Status(400)),
    ] {
        let (gate, sigan) = gate(100, 0);
        let brand: BrandId = "refused".parse().unwrap();
        sigan.reserves_fail(Some(refused.clone()));
        for _ in 0..FAILURES {
            assert_eq!(reserve(&gate, "refused").await, Some(Err(refused.clone())));
        }
        assert_eq!(turn(&gate, "refused", None).await.unwrap_err(), Busy::Refused(brand.clone()));
        assert_eq!(gate.usage().brands, [(brand.clone(), true)]);
        assert_eq!(breakers(&gate), ["closed", "closed"]);
        sigan.reserves_fail(None);
        let healthy = turn(&gate, "healthy", None).await.unwrap();
        assert_eq!(healthy.pre_reserve(&wish()).await, Err(SiganError::Refused(Refusal::NoneLeft)));
        assert_eq!(gate.upkeep_turns().await.len(), UPKEEP);
        assert_eq!(
            reserve(&gate, "refused").await,
            None,
            "what another brand is answered says nothing of it"
        );

        tokio::time::advance(OPEN).await;
        let probe = turn(&gate, "refused", None).await.expect("the probe");
        assert_eq!(reserve(&gate, "refused").await, None, "one probe at a time");
        assert!(probe.reserve(&hold()).await.is_ok());
        assert_eq!(reserve(&gate, "refused").await, Some(Ok(())));
        assert_eq!(gate.usage().brands, [(brand, false)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_brands_probe_without_an_answer_is_repeated_soon() {
    let (gate, sigan) = gate(100, 0);
    sigan.reserves_fail(Some(SiganError::Refused(Refusal::Credentials)));
    for _ in 0..FAILURES {
        reserve(&gate, "refused").await;
    }
    for unclear in [SiganError::NoAnswer(Doubt::Timeout), SiganError::NoAnswer(Doubt::Unreadable)] {
        tokio::time::advance(OPEN).await;
        sigan.reserves_fail(Some(unclear.clone()));
        assert_eq!(reserve(&gate, "refused").await, Some(Err(unclear)));
        assert_eq!(reserve(&gate, "refused").await, None);
    }
    tokio::time::advance(OPEN).await;
    drop(turn(&gate, "refused", None).await.unwrap());
    sigan.reserves_fail(None);
    assert_eq!(reserve(&gate, "refused").await, Some(Ok(())), "nor does one that was not sent count");
}

#[tokio::test(start_paused = true)]
async fn a_client_takes_no_more_than_its_share() {
    let recorder = DebuggingRecorder::new();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let (gate, _) = gate(4, 4);
    let mut turns = Vec::new();
    for _ in 0..2 {
        turns.push(turn(&gate, "acme", Some("greedy")).await.unwrap());
    }
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let gate = gate.clone();
            tokio::spawn(async move { turn(&gate, "acme", Some("greedy")).await.map(drop) })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(gate.usage().waiting, 2);
    let refused = turn(&gate, "acme", Some("greedy")).await.unwrap_err();
    assert_eq!(refused, Busy::Share(ClientLimit::SiganQueue));
    let counted = recorder.snapshotter().snapshot().into_vec();
    assert!(counted.iter().any(|(series, _, _, _)| series.key().name() == CLIENT_REFUSALS), "{counted:?}");
    for _ in 0..2 {
        turns.push(turn(&gate, "acme", Some("modest")).await.unwrap());
    }
    for waits in waiting {
        assert_eq!(waits.await.unwrap().unwrap_err(), Busy::Share(ClientLimit::SiganCalls));
    }
    let usage = gate.usage();
    assert_eq!((usage.lanes[0].in_flight, usage.lanes[0].limit, usage.waiting), (4, 4, 0));
    drop(turns);
    assert!(turn(&gate, "acme", Some("greedy")).await.is_ok(), "its slots are free again");
    assert_eq!(gate.usage().lanes[0].in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_a_client_learns_whose_limit_it_met() {
    let (gate, _) = gate(4, 0);
    let mut turns = Vec::new();
    for client in ["greedy", "greedy", "modest", "modest"] {
        turns.push(turn(&gate, "acme", Some(client)).await.unwrap());
    }
    let refused = turn(&gate, "acme", Some("greedy")).await.unwrap_err();
    assert_eq!(refused, Busy::Share(ClientLimit::SiganCalls));
    assert_eq!(turn(&gate, "acme", Some("late")).await.unwrap_err(), Busy::NoTurn);
}

#[tokio::test(start_paused = true)]
async fn a_client_within_its_share_waits_for_a_place_like_anybody() {
    let (gate, _) = gate(4, 4);
    let mut turns = Vec::new();
    for client in ["a", "a", "b", "b"] {
        turns.push(turn(&gate, "acme", Some(client)).await.unwrap());
    }
    assert_eq!(
        turn(&gate, "acme", Some("c")).await.unwrap_err(),
        Busy::NoTurn,
        "there is nothing left for it"
    );
    let waits = tokio::spawn({
        let gate = gate.clone();
        async move { turn(&gate, "acme", Some("c")).await.map(drop) }
    });
    tokio::task::yield_now().await;
    turns.pop();
    assert_eq!(waits.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_waits_only_a_moment_for_its_slot() {
    let (gate, _) = gate(100, 0);
    let mut turns = Vec::new();
    for _ in 0..UPKEEP {
        turns.push(gate.turn(Lane::Delivery).await.unwrap());
    }
    assert_eq!(gate.usage().lanes.map(|lane| lane.in_flight), [0, UPKEEP, 0]);
    let asked = Instant::now();
    assert_eq!(gate.turn(Lane::Delivery).await.unwrap_err(), Busy::NoTurn);
    assert_eq!(asked.elapsed(), DELIVERY_WAIT);
    let waits = tokio::spawn({
        let gate = gate.clone();
        async move { gate.turn(Lane::Delivery).await.map(drop) }
    });
    tokio::task::yield_now().await;
    turns.pop();
    assert_eq!(waits.await.unwrap(), Ok(()), "a slot became free in time");
    assert_eq!(gate.upkeep_turns().await.len(), UPKEEP, "the sweep has slots of its own");
    assert!(turn(&gate, "acme", None).await.is_ok(), "and so have callers");
}

#[tokio::test(start_paused = true)]
async fn two_batches_of_upkeep_share_the_places() {
    let (gate, _) = gate(100, 0);
    let first = gate.upkeep_turns().await;
    let second = tokio::spawn({
        let gate = gate.clone();
        async move { gate.upkeep_turns().await.len() }
    });
    tokio::task::yield_now().await;
    assert!(!second.is_finished(), "it waits for a slot before it claims anything");
    drop(first);
    assert_eq!(second.await.unwrap(), UPKEEP);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_contract_is_an_answer() {
    let (gate, sigan) = gate(100, 0);
    sigan.everything_fails(Some(DOWN));
    for _ in 0..3 * FAILURES {
        assert!(matches!(call(&gate).await, Some(Err(_))));
        assert!(turn(&gate, "acme", None).await.unwrap().pre_reserve(&wish()).await.is_err());
    }
}

#[test]
fn only_a_missing_answer_says_that_sigan_is_away() {
    let refused = |refusal| Err(SiganError::Refused(refusal));
    let doubt = |doubt| Err(SiganError::NoAnswer(doubt));
    for (outcome, verdict) in [
        (Ok(()), Verdict::Serves),
        (refused(Refusal::NoneLeft), Verdict::Serves),
        (refused(Refusal::NotHeld), Verdict::Serves),
        (refused(Refusal::Taken), Verdict::Serves),
        (refused(Refusal::HoldOver), Verdict::Serves),
        (refused(Refusal::Credentials), Verdict::Refuses),
        (doubt(Doubt::Credentials), Verdict::Refuses),
        (doubt(Doubt::Status(400)), Verdict::Refuses),
        (doubt(Doubt::Status(401)), Verdict::Refuses),
        (doubt(Doubt::Status(403)), Verdict::Refuses),
        (doubt(Doubt::Status(404)), Verdict::Refuses),
        (doubt(Doubt::Status(200)), Verdict::Unusable),
        (doubt(Doubt::Status(302)), Verdict::Unusable),
        (doubt(Doubt::Unreadable), Verdict::Unusable),
        (doubt(Doubt::Status(429)), Verdict::Missing),
        (doubt(Doubt::Status(500)), Verdict::Missing),
        (doubt(Doubt::Status(503)), Verdict::Missing),
        (doubt(Doubt::Timeout), Verdict::Missing),
        (doubt(Doubt::ConnectionLost), Verdict::Missing),
        (Err(SiganError::NotSent), Verdict::Missing),
    ] {
        assert_eq!(Verdict::of(&outcome), verdict, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_alone_is_told_from_a_sigan_that_is_away() {
    let (gate, sigan) = gate(100, 0);
    assert!(!gate.answers(), "nobody has asked it yet");
    assert_eq!(call(&gate).await, Some(Ok(())));
    *sigan.rest.lock().unwrap() = Some(DOWN);
    let release = async || gate.turn(Lane::Delivery).await.unwrap().release(&hold()).await;
    assert!(release().await.is_err());
    assert!(gate.answers(), "callers are answered");
    sigan.reserves_fail(Some(DOWN));
    for _ in 1..FAILURES {
        assert!(gate.answers());
        assert!(matches!(call(&gate).await, Some(Err(_))));
    }
    assert!(!gate.answers(), "nobody is answered any more");
    assert!(release().await.is_err());
    sigan.reserves_fail(None);
    assert_eq!(call(&gate).await, Some(Ok(())));
    assert!(gate.answers());
    tokio::time::advance(Duration::from_mins(2)).await;
    assert!(!gate.answers(), "that was long ago");
}
