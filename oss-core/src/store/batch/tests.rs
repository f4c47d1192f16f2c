use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::*;

const COST: Duration = Duration::from_millis(10);

/// A database that records its batches.
#[derive(Debug, Default)]
struct Recorder {
    /// The ids of the members of each batch.
    batches: Mutex<Vec<Vec<u64>>>,
    /// The keys of the members that are being executed.
    in_use: Mutex<HashSet<u64>>,
    is_down: bool,
}

impl Engine for Recorder {
    const SLOTS: usize = 2;
    const SLOW: Duration = Duration::from_millis(100);
    const PATIENCE: Duration = Duration::from_secs(1);

    fn too_busy(&self) -> StoreError {
        StoreError::unavailable("too busy")
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Fine,
    Refused,
    Slow(Duration),
    Panics,
}

/// A member that touches `key`, and maybe another one.
#[derive(Debug, Clone, Copy)]
struct Part {
    id: u64,
    key: u64,
    other_key: Option<u64>,
    fate: Fate,
}

impl Member for Part {
    type Engine = Recorder;
    type Answer = u64;

    fn keys(&self) -> Vec<Key> {
        [Some(self.key), self.other_key].into_iter().flatten().map(Key::of).collect()
    }

    async fn run(engine: &Recorder, members: &[Self]) -> Answers<u64> {
        engine.batches.lock().push(members.iter().map(|member| member.id).collect());
        for member in members {
            assert!(engine.in_use.lock().insert(member.key), "a key is used twice at once");
        }
        sleep(COST).await;
        for member in members {
            if let Fate::Slow(time) = member.fate {
                sleep(time).await;
            }
        }
        for member in members {
            engine.in_use.lock().remove(&member.key);
        }
        assert!(members.iter().all(|member| member.fate != Fate::Panics), "as the test wants");
        if engine.is_down {
            return Err(BatchError::Unreachable(StoreError::unavailable("down")));
        }
        if members.iter().any(|member| member.fate == Fate::Refused) {
            return Err(BatchError::Refused(StoreError::failed("a value is refused")));
        }
        Ok(members.iter().map(|member| Ok(member.id)).collect())
    }
}

fn part(id: u64) -> Part {
    Part { id, key: id, other_key: None, fate: Fate::Fine }
}

fn batcher() -> Batcher<Part> {
    Batcher::new(Arc::new(Recorder::default()))
}

/// Executes all parts at once, and returns their answers.
async fn execute(batcher: &Batcher<Part>, parts: &[Part]) -> Vec<Result<u64, StoreError>> {
    join_all(parts.iter().map(|part| batcher.execute(*part))).await
}

/// The ids of the members of each batch.
fn executed(batcher: &Batcher<Part>) -> Vec<Vec<u64>> {
    batcher.shared.engine.batches.lock().clone()
}

fn sizes(batcher: &Batcher<Part>) -> Vec<usize> {
    executed(batcher).iter().map(Vec::len).collect()
}

#[tokio::test(start_paused = true)]
async fn a_single_caller_is_sent_at_once() {
    let (batcher, begun) = (batcher(), Instant::now());
    assert_eq!(batcher.execute(part(1)).await, Ok(1));
    assert_eq!(begun.elapsed(), COST, "nobody waits for others");
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_are_taken_together() {
    let batcher = batcher();
    let parts: Vec<Part> = (0..150).map(part).collect();
    let expected: Vec<_> = (0..150).map(Ok).collect();
    assert_eq!(execute(&batcher, &parts).await, expected, "each gets its own answer");
    assert_eq!(sizes(&batcher), [1, 32, 64, 53], "the second slot takes no fewer than 32");
}

#[tokio::test(start_paused = true)]
async fn a_few_callers_wait_for_the_batch_under_way() {
    let (batcher, begun) = (batcher(), Instant::now());
    let parts: Vec<Part> = (0..32).map(part).collect();
    assert!(execute(&batcher, &parts).await.iter().all(Result::is_ok));
    assert_eq!((sizes(&batcher), begun.elapsed()), (vec![1, 31], COST * 2));
}

#[tokio::test(start_paused = true)]
async fn members_with_the_same_key_are_never_executed_at_once() {
    let batcher = batcher();
    let parts: Vec<Part> = (0..60).map(|id| Part { key: id % 20, ..part(id) }).collect();
    let answers = execute(&batcher, &parts).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let executed = executed(&batcher);
    let order = |id: u64| executed.iter().position(|batch| batch.contains(&id));
    assert!((0..40).all(|id| order(id) < order(id + 20)), "the first is executed first: {executed:?}");
    assert!(executed.len() < 10, "others do not wait for them: {executed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_waits_for_a_key_is_not_overtaken() {
    let batcher = batcher();
    let parts = [part(0), Part { key: 0, other_key: Some(2), ..part(1) }, part(2)];
    let answers = execute(&batcher, &parts).await;
    assert_eq!(answers, [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(executed(&batcher), [[0], [1], [2]]);
}

#[tokio::test(start_paused = true)]
async fn only_the_member_that_is_refused_fails() {
    let batcher = batcher();
    let mut parts: Vec<Part> = (0..12).map(part).collect();
    parts[7].fate = Fate::Refused;
    let answers = execute(&batcher, &parts).await;
    let failed: Vec<usize> = (0..12).filter(|at| answers[*at].is_err()).collect();
    assert_eq!(failed, [7]);
    // One caller was sent at once. The other eleven were tried together, and then one by one.
    assert_eq!(sizes(&batcher), [&[1, 11][..], &[1; 11]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_retried_keeps_its_key() {
    let batcher = batcher();
    let mut parts: Vec<Part> = (0..12).map(part).collect();
    parts[7].fate = Fate::Refused;
    let again = async {
        // The batch has failed, and its members are retried.
        sleep(COST * 5 / 2).await;
        batcher.execute(Part { id: 20, ..part(8) }).await
    };
    let (_, again) = tokio::join!(execute(&batcher, &parts), again);
    assert_eq!(again, Ok(20));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_retried_while_the_database_is_down() {
    let batcher = Batcher::new(Arc::new(Recorder { is_down: true, ..Recorder::default() }));
    let parts: Vec<Part> = (0..10).map(part).collect();
    let answers = execute(&batcher, &parts).await;
    assert!(answers.iter().all(|answer| *answer == Err(StoreError::unavailable("down"))), "{answers:?}");
    assert_eq!(sizes(&batcher), [1, 9]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_harms_no_other() {
    let batcher = batcher();
    let parts: Vec<Part> = (0..6).map(part).collect();
    let first = async {
        // One is being executed, and three more wait.
        tokio::select! {
            _ = execute(&batcher, &parts[..4]) => panic!("it takes longer"),
            () = sleep(COST / 2) => {}
        }
    };
    let others = async {
        sleep(COST / 4).await;
        execute(&batcher, &parts[4..]).await
    };
    let ((), others) = tokio::join!(first, others);
    assert_eq!(others, [Ok(4), Ok(5)]);
    assert_eq!(executed(&batcher), [&[0][..], &[4, 5]], "those that left the queue are not executed");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_a_batch_does_not_stop_it() {
    let batcher = batcher();
    let parts: Vec<Part> = (0..4).map(part).collect();
    let leaver = async {
        sleep(Duration::ZERO).await;
        tokio::select! {
            _ = batcher.execute(part(9)) => panic!("it takes longer"),
            // The second round is half done.
            () = sleep(COST * 3 / 2) => {}
        }
    };
    let (answers, ()) = tokio::join!(execute(&batcher, &parts), leaver);
    assert_eq!(answers, [Ok(0), Ok(1), Ok(2), Ok(3)]);
    assert_eq!(executed(&batcher), [&[0][..], &[1, 2, 3, 9]]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_without_end_for_a_turn() {
    let batcher = batcher();
    let stuck = Part { fate: Fate::Slow(Duration::from_mins(1)), ..part(1) };
    let same_key = Part { id: 2, ..stuck };
    let begun = Instant::now();
    let second = async {
        let answer = batcher.execute(same_key).await;
        (answer, begun.elapsed())
    };
    let (first, (second, waited)) = tokio::join!(batcher.execute(stuck), second);
    assert_eq!(first, Ok(1), "what has begun is waited for");
    assert_eq!((second, waited), (Err(StoreError::unavailable("too busy")), Recorder::PATIENCE));
}

#[tokio::test(start_paused = true)]
async fn a_slow_batch_does_not_keep_its_slot() {
    let batcher = batcher();
    let slow = Part { fate: Fate::Slow(Duration::from_secs(30)), ..part(1) };
    let begun = Instant::now();
    let quick = async {
        sleep(COST).await;
        let answers = execute(&batcher, &[part(3), part(4)]).await;
        (answers, begun.elapsed())
    };
    let (_, (answers, waited)) = tokio::join!(batcher.execute(slow), quick);
    assert_eq!((answers, waited), (vec![Ok(3), Ok(4)], Recorder::SLOW + COST));
    assert_eq!(sizes(&batcher), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_batch_alone() {
    let batcher = batcher();
    let mut parts: Vec<Part> = (0..5).map(part).collect();
    parts[0].fate = Fate::Panics;
    let answers = execute(&batcher, &parts).await;
    assert!(matches!(answers[0], Err(StoreError::Unavailable { .. })), "{answers:?}");
    assert!(answers[1..].iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(batcher.execute(part(0)).await, Ok(0), "its slot and its key are free again");
}
