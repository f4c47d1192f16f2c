use async_trait::async_trait;

use super::*;
use crate::sigan::Doubt;

/// A Sigan that holds nothing: it answers, or does not, as it is told, after a second.
#[derive(Debug, Default)]
struct Scripted {
    down: Mutex<bool>,
    calls: AtomicUsize,
}

#[async_trait]
impl Sigan for Scripted {
    async fn pre_reserve(&self, _: &PreReserve) -> Result<PreReservation, SiganError> {
        Err(SiganError::Refused(Refusal::NoneLeft))
    }

    async fn reserve(&self, _: &Hold) -> Result<(), SiganError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        if *self.down.lock().unwrap() { Err(SiganError::NoAnswer(Doubt::Status(503))) } else { Ok(()) }
    }

    async fn release(&self, _: &Hold) -> Result<(), SiganError> {
        Ok(())
    }

    async fn holder(&self, _: &Hold) -> Result<Holder, SiganError> {
        Ok(Holder::Nobody)
    }

    async fn holds(&self, _: &BrandId, _: Option<Msisdn>, _: usize) -> Result<HoldsPage, SiganError> {
        Ok(HoldsPage { holds: Vec::new(), unreadable: 0, next: None })
    }
}

fn hold() -> Hold {
    Hold { external_id: "PR-1".parse().unwrap(), msisdn: "11999950001".parse().unwrap() }
}

fn gate(calls: usize, queue: usize) -> (Arc<Gate>, Arc<Scripted>) {
    let sigan = Arc::new(Scripted::default());
    (Arc::new(Gate::new(sigan.clone(), calls, queue, Duration::from_secs(15))), sigan)
}

/// What became of a call: nothing where it had no turn.
async fn call(gate: &Gate) -> Option<Result<(), SiganError>> {
    match gate.turn(Lane::Caller).await {
        Ok(turn) => Some(turn.reserve(&hold()).await),
        Err(_) => None,
    }
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
    assert!(gate.turn(Lane::Caller).await.is_err(), "two in flight and one waits: there is no place");
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert!(gate.turn(Lane::Upkeep).await.is_ok(), "upkeep has places of its own");
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Some(Ok(())));
    }
    assert_eq!(sigan.calls.load(Ordering::SeqCst), 3);
    assert_eq!(gate.waiting.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_does_not_wait_for_long() {
    let (gate, _) = gate(1, 5);
    let _turn = gate.turn(Lane::Caller).await.unwrap();
    let asked = Instant::now();
    assert_eq!(gate.turn(Lane::Caller).await.unwrap_err(), COME_BACK);
    assert_eq!(asked.elapsed(), QUEUE);
    assert_eq!(gate.waiting.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sigan_that_is_down_is_left_alone_and_found_again() {
    let (gate, sigan) = gate(100, 0);
    *sigan.down.lock().unwrap() = true;
    for _ in 0..FAILURES {
        assert!(matches!(call(&gate).await, Some(Err(_))));
    }
    assert_eq!(call(&gate).await, None, "left alone");
    assert!(gate.upkeep_turns().await.is_empty());
    assert_eq!(sigan.calls.load(Ordering::SeqCst), FAILURES as usize);

    tokio::time::advance(OPEN).await;
    let probe = gate.upkeep_turns().await.pop().expect("the probe");
    assert_eq!(call(&gate).await, None, "one probe at a time");
    assert!(probe.reserve(&hold()).await.is_err());
    drop(probe);
    assert_eq!(call(&gate).await, None, "the probe failed");

    *sigan.down.lock().unwrap() = false;
    tokio::time::advance(OPEN).await;
    assert_eq!(call(&gate).await, Some(Ok(())), "the probe");
    assert_eq!(call(&gate).await, Some(Ok(())));
    assert_eq!(gate.upkeep_turns().await.len(), UPKEEP);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_not_used_keeps_no_probe() {
    let (gate, sigan) = gate(100, 0);
    *sigan.down.lock().unwrap() = true;
    for _ in 0..FAILURES {
        call(&gate).await;
    }
    tokio::time::advance(OPEN).await;
    *sigan.down.lock().unwrap() = false;
    // A caller who only looked, and found the answer here.
    drop(gate.turn(Lane::Caller).await.unwrap());
    assert_eq!(gate.upkeep_turns().await.len(), 1);
    assert_eq!(call(&gate).await, Some(Ok(())), "the next one probes at once");
    assert_eq!(gate.upkeep_turns().await.len(), UPKEEP);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_without_a_place_does_not_wait() {
    let (gate, _) = gate(100, 0);
    let mut turns = Vec::new();
    for _ in 0..UPKEEP {
        turns.push(gate.turn(Lane::Delivery).await.unwrap());
    }
    let asked = Instant::now();
    assert_eq!(gate.turn(Lane::Delivery).await.unwrap_err(), COME_BACK);
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert_eq!(gate.upkeep_turns().await.len(), UPKEEP, "the sweep has places of its own");
    assert!(gate.turn(Lane::Caller).await.is_ok(), "and so have callers");
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
    assert!(!second.is_finished(), "it waits for a place before it claims anything");
    drop(first);
    assert_eq!(second.await.unwrap(), UPKEEP);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_contract_is_an_answer() {
    let (gate, sigan) = gate(100, 0);
    *sigan.down.lock().unwrap() = true;
    let wish = PreReserve {
        ddd: "11".parse().unwrap(),
        quantity: 1,
        brand: "b".parse().unwrap(),
        hold_for: OPEN,
        previous: None,
    };
    for _ in 0..3 * FAILURES {
        assert!(matches!(call(&gate).await, Some(Err(_))));
        assert!(gate.turn(Lane::Caller).await.unwrap().pre_reserve(&wish).await.is_err());
    }
    assert!(!answers::<()>(&Err(SiganError::Refused(Refusal::Credentials))));
}
