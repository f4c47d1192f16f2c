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
        Ok(HoldsPage { holds: Vec::new(), next: None })
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
    assert_eq!(gate.upkeep_wanted(), 0);
    assert_eq!(sigan.calls.load(Ordering::SeqCst), FAILURES as usize);

    tokio::time::advance(OPEN).await;
    assert_eq!(gate.upkeep_wanted(), 1);
    let probe = gate.turn(Lane::Upkeep).await.unwrap();
    assert_eq!(call(&gate).await, None, "one probe at a time");
    assert!(probe.reserve(&hold()).await.is_err());
    assert_eq!(call(&gate).await, None, "the probe failed");

    *sigan.down.lock().unwrap() = false;
    tokio::time::advance(OPEN).await;
    assert_eq!(call(&gate).await, Some(Ok(())), "the probe");
    assert_eq!(call(&gate).await, Some(Ok(())));
    assert_eq!(gate.upkeep_wanted(), UPKEEP);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_tells_is_not_waited_for_for_ever() {
    let (gate, sigan) = gate(100, 0);
    *sigan.down.lock().unwrap() = true;
    for _ in 0..FAILURES {
        call(&gate).await;
    }
    tokio::time::advance(OPEN).await;
    drop(gate.turn(Lane::Caller).await.unwrap());
    assert_eq!(call(&gate).await, None);
    tokio::time::advance(Duration::from_secs(15)).await;
    assert!(call(&gate).await.is_some());
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
