//! Callers that wait at the same time share one statement, and so one commit.
//!
//! A caller that finds no batch of its step under way is sent at once; nobody waits for others, except in a step that nobody waits for.
//! While a batch is under way, callers queue, and the next batch takes them together: once that batch ends, or earlier in another slot
//! if [`MANY`] callers wait. A batch runs in a task of its own, so a caller that goes away does not stop the statement of the
//! others. If it was not sent yet, it is left out. If it was, its part is executed, as that of any caller whose answer is lost.
//! The task ends with its batch, and the end of a batch starts the next one, so no task waits without work.

mod progress;

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use self::progress::{End, Progress};
use super::StoreError;

/// The most callers that share one statement.
const LARGEST: usize = 64;

/// The count of waiting callers for which a batch begins while another one is under way. A statement costs the database as much as many
/// rows, so fewer callers would not gain by one of their own.
const MANY: usize = LARGEST / 2;

/// The database that batches run on.
pub(super) trait Engine: fmt::Debug + Send + Sync + 'static {
    /// The most batches of one step that run at once.
    const SLOTS: usize;

    /// The time after which a batch no longer counts as one of them, so that a lock or a dead connection does not stop the others.
    const SLOW: Duration;

    /// The longest wait of a caller for its batch to begin.
    const PATIENCE: Duration;

    /// The error for a caller whose batch did not begin in time.
    fn too_busy(&self) -> StoreError;
}

/// One caller's part of a step that callers take together.
pub(super) trait Member: Send + Sync + Sized + 'static {
    /// The database.
    type Engine: Engine;

    /// The result of this caller.
    type Answer: Send + 'static;

    /// The time for which the first member of a batch waits for others: zero, unless no caller waits for the step.
    const GATHER: Duration = Duration::ZERO;

    /// The keys of what the step touches. Members that share one are never executed at the same time: a statement does not see
    /// what another part of it writes, and two statements would wait for each other.
    fn keys(&self) -> Vec<Key>;

    /// Executes the step for all members, and returns the result of each, in their order.
    fn run(engine: &Self::Engine, members: &[Self]) -> impl Future<Output = Answers<Self::Answer>> + Send;
}

/// The result of each member of a batch, or the reason why it failed as a whole.
pub(super) type Answers<T> = Result<Vec<Result<T, StoreError>>, BatchError>;

/// Stands for a row, or for a value that is unique. If two have the same key by chance, the later one waits for one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

impl Key {
    pub(super) fn of(value: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The reason why a batch failed as a whole. Nothing of it was written, unless its answer was lost.
#[derive(Debug)]
pub(super) enum BatchError {
    /// The database cannot be used now, whoever the members are.
    Unreachable(StoreError),
    /// One member may be the reason, so each is tried alone.
    Refused(StoreError),
}

/// Executes a step for the callers that wait at the same time.
pub(super) struct Batcher<M: Member> {
    shared: Arc<Shared<M>>,
}

struct Shared<M: Member> {
    engine: Arc<M::Engine>,
    queue: Mutex<Queue<M>>,
}

struct Queue<M: Member> {
    waiting: VecDeque<Waiting<M>>,
    /// The keys of the members that are being executed.
    busy: HashSet<Key>,
    /// The count of slots in use.
    running: usize,
    /// Whether the first member of the next batch is waiting for others.
    gathering: bool,
    next_ticket: u64,
    progress: Progress,
}

struct Waiting<M: Member> {
    ticket: u64,
    member: M,
    keys: Vec<Key>,
    caller: Caller<M>,
}

type Caller<M> = oneshot::Sender<Result<<M as Member>::Answer, StoreError>>;

impl<M: Member> fmt::Debug for Batcher<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.shared.lock();
        let (waiting, running) = (queue.waiting.len(), queue.running);
        f.debug_struct("Batcher")
            .field("waiting", &waiting)
            .field("running", &running)
            .finish_non_exhaustive()
    }
}

impl<M: Member> Batcher<M> {
    pub(super) fn new(engine: Arc<M::Engine>) -> Self {
        let queue = Queue {
            waiting: VecDeque::new(),
            busy: HashSet::new(),
            running: 0,
            gathering: false,
            next_ticket: 0,
            progress: Progress::default(),
        };
        Self { shared: Arc::new(Shared { engine, queue: Mutex::new(queue) }) }
    }

    /// The time for which the oldest batch has been waiting for the database.
    pub(super) fn oldest(&self) -> Duration {
        self.shared.lock().progress.oldest(Instant::now())
    }

    /// Executes the step for one caller, together with those that wait.
    pub(super) async fn execute(&self, member: M) -> Result<M::Answer, StoreError> {
        let (ticket, mut answer) = self.shared.join(member);
        self.shared.start();
        let answered = match timeout(M::Engine::PATIENCE, &mut answer).await {
            Ok(answered) => answered,
            Err(_) if self.shared.withdraw(ticket) => return Err(self.shared.engine.too_busy()),
            // Its batch began, and does not take long any more.
            Err(_) => answer.await,
        };
        answered.unwrap_or_else(|_| Err(StoreError::unavailable("the step was stopped")))
    }
}

impl<M: Member> Shared<M> {
    fn lock(&self) -> MutexGuard<'_, Queue<M>> {
        self.queue.lock()
    }

    fn join(&self, member: M) -> (u64, oneshot::Receiver<Result<M::Answer, StoreError>>) {
        let (caller, answer) = oneshot::channel();
        let keys = member.keys();
        let mut queue = self.lock();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push_back(Waiting { ticket, member, keys, caller });
        (ticket, answer)
    }

    /// Takes a caller out of the queue. Returns false if its batch began.
    fn withdraw(&self, ticket: u64) -> bool {
        let mut queue = self.lock();
        let at = queue.waiting.iter().position(|waiting| waiting.ticket == ticket);
        at.and_then(|at| queue.waiting.remove(at)).is_some()
    }

    /// Starts a batch in each free slot, while callers wait.
    fn start(self: &Arc<Self>) {
        // Without a runtime this process is about to end.
        let Ok(runtime) = Handle::try_current() else { return };
        if M::GATHER.is_zero() {
            self.start_now(&runtime);
        } else if !std::mem::replace(&mut self.lock().gathering, true) {
            let shared = self.clone();
            runtime.spawn(async move {
                sleep(M::GATHER).await;
                shared.lock().gathering = false;
                shared.start_now(&Handle::current());
            });
        }
    }

    fn start_now(self: &Arc<Self>, runtime: &Handle) {
        while let Some(batch) = self.next_batch() {
            runtime.spawn(batch.run());
        }
    }

    fn next_batch(self: &Arc<Self>) -> Option<Batch<M>> {
        let mut queue = self.lock();
        if !queue.has_slot(M::Engine::SLOTS) {
            return None;
        }
        let taken = queue.take();
        if taken.is_empty() {
            return None;
        }
        queue.running += 1;
        let mut batch = Batch {
            members: Vec::with_capacity(taken.len()),
            callers: Vec::with_capacity(taken.len()),
            turn: Turn::new(self.clone(), &mut queue, Vec::new(), true),
        };
        for waiting in taken {
            batch.members.push(waiting.member);
            batch.callers.push(waiting.caller);
            batch.turn.keys.extend(waiting.keys);
        }
        Some(batch)
    }
}

impl<M: Member> Queue<M> {
    /// Whether a batch may begin now.
    fn has_slot(&self, slots: usize) -> bool {
        self.running == 0 || self.running < slots && self.waiting.len() >= MANY
    }

    /// Takes the callers of a batch, the first ones first. A caller whose keys are in use waits on, and so does each later caller
    /// that shares a key with it.
    fn take(&mut self) -> Vec<Waiting<M>> {
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        let mut left_keys: HashSet<Key> = HashSet::new();
        while taken.len() < LARGEST
            && let Some(waiting) = self.waiting.pop_front()
        {
            let is_free = |key| !self.busy.contains(key) && !left_keys.contains(key);
            if waiting.caller.is_closed() {
                // The caller went away.
            } else if waiting.keys.iter().all(is_free) {
                self.busy.extend(&waiting.keys);
                taken.push(waiting);
            } else {
                left_keys.extend(&waiting.keys);
                left.push(waiting);
            }
        }
        for waiting in left.into_iter().rev() {
            self.waiting.push_front(waiting);
        }
        taken
    }
}

/// Callers whose step is executed together.
struct Batch<M: Member> {
    members: Vec<M>,
    callers: Vec<Caller<M>>,
    turn: Turn<M>,
}

impl<M: Member> Batch<M> {
    async fn run(self) {
        let Self { members, callers, mut turn } = self;
        let answers = match turn.run(&members).await {
            Ok(answers) => answers,
            Err(BatchError::Refused(_)) if members.len() > 1 => {
                return turn.split(members.into_iter().zip(callers));
            }
            Err(BatchError::Unreachable(error) | BatchError::Refused(error)) => {
                callers.iter().map(|_| Err(error.clone())).collect()
            }
        };
        // The next batch begins before these callers are told, because they may come again at once.
        drop(turn);
        for (caller, answer) in callers.into_iter().zip(answers) {
            // The caller may have gone away.
            let _ = caller.send(answer);
        }
    }
}

/// The slot and the keys of a batch. When it is dropped, also by a panic, the next batch begins.
struct Turn<M: Member> {
    shared: Arc<Shared<M>>,
    keys: Vec<Key>,
    has_slot: bool,
    began: Instant,
    end: End,
}

impl<M: Member> Turn<M> {
    fn new(shared: Arc<Shared<M>>, queue: &mut Queue<M>, keys: Vec<Key>, has_slot: bool) -> Self {
        let began = Instant::now();
        queue.progress.begin(began);
        Self { shared, keys, has_slot, began, end: End::Unanswered }
    }

    async fn run(&mut self, members: &[M]) -> Answers<M::Answer> {
        let shared = self.shared.clone();
        let mut step = pin!(M::run(&shared.engine, members));
        let outcome = if let Ok(outcome) = timeout(M::Engine::SLOW, &mut step).await {
            outcome
        } else {
            self.give_up_slot();
            step.await
        };
        self.end = match outcome {
            Ok(_) => End::Written,
            Err(BatchError::Refused(_)) => End::Refused,
            Err(BatchError::Unreachable(_)) => End::Unanswered,
        };
        outcome
    }

    fn give_up_slot(&mut self) {
        if std::mem::take(&mut self.has_slot) {
            self.shared.lock().running -= 1;
            self.shared.start();
        }
    }

    /// Executes each member alone, so that nobody fails because of another. They need no slot, because one of them may wait for
    /// long, and the connections limit their number. Their keys stay in use.
    fn split(mut self, members: impl Iterator<Item = (M, Caller<M>)>) {
        self.keys.clear();
        for (member, caller) in members {
            let shared = self.shared.clone();
            let turn = Self::new(shared.clone(), &mut shared.lock(), member.keys(), false);
            tokio::spawn(Batch { members: vec![member], callers: vec![caller], turn }.run());
        }
    }
}

impl<M: Member> Drop for Turn<M> {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.running -= usize::from(self.has_slot);
        queue.progress.end(self.began, self.end, Instant::now());
        for key in &self.keys {
            queue.busy.remove(key);
        }
        drop(queue);
        self.shared.start();
    }
}

#[cfg(test)]
mod tests;
