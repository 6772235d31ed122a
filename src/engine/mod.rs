//! The async shell: takes events in, wakes records, hands messages to channels, brings their answers back.

mod begin;
mod clock;
mod dispatch;
mod enroll;
mod erase;
mod ingest;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use begin::BeginError;
pub use clock::{Clock, ManualClock, SystemClock};
use dispatch::{Lane, Ready};
pub use enroll::Enrolled;
pub use erase::Erasure;
pub use ingest::{ConsentError, IngestError, Ingested};

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::channel::ChannelSpec;
use crate::delivery::Channel;
use crate::playbook::{Input, Notice, Outcome, Playbook};
use crate::primitives::{CustomerId, Instant, Span};
use crate::rehearsal::Plain;
use crate::store::{Claim, MemoryStore, Stepped, Store, StoreError, Work};
use crate::surroundings::Surroundings;

/// A jump of the wall clock beyond this is held back until the host confirms it (promise 1.1).
const JUMP: Span = Span::hours(1);
/// Records woken per round.
const BATCH: usize = 256;

/// The engine: a playbook, a store, the host's channels and a clock.
///
/// # Roles and order of calls
/// 1. [`Engine::builder`] puts it together; `build` checks that every channel of the playbook has an implementation.
/// 2. [`ingest`](Engine::ingest) takes an event and answers once it is committed: a revocation that was ingested is never
///    followed by a marketing message (promise 4.4). It sends nothing itself.
/// 3. [`run_due`](Engine::run_due) fires what is due by now and hands over what was decided, until nothing is left for
///    now. Call it after ingesting, and when [`next_due`](Engine::next_due) comes; or let [`run`](Engine::run) do both.
///
/// It may be shared by any number of tasks on any executor. Dropping one of its futures loses nothing that was committed;
/// a hand-over under way then counts as unknown (promise 10.1).
///
/// The crate page shows a complete program.
pub struct Engine {
    playbook: Arc<Playbook>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    observer: Option<Observer>,
    around: Surroundings,
    lanes: Mutex<Vec<Lane>>,
    /// Answers of channels that the store could not take.
    unsettled: Mutex<VecDeque<Work>>,
    time: Mutex<Option<(Instant, Span)>>,
}

type Observer = Arc<dyn Fn(CustomerId, &Notice) + Send + Sync>;

/// Puts an [`Engine`] together.
pub struct EngineBuilder {
    playbook: Arc<Playbook>,
    store: Option<Arc<dyn Store>>,
    channels: Vec<Arc<dyn Channel>>,
    clock: Option<Arc<dyn Clock>>,
    observer: Option<Observer>,
    explain: bool,
}

/// What [`Engine::run_due`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ran {
    /// Records woken.
    pub woken: usize,
    /// Messages handed to channels, with retries.
    pub handed_over: usize,
    /// Of these, accepted.
    pub accepted: usize,
}

/// Why an engine cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Channels of the playbook without an implementation.
    #[error("no implementation for the playbook's channels: {}", .0.join(", "))]
    MissingChannels(Vec<String>),
    /// An implementation whose channel the playbook does not define.
    #[error("the playbook defines no channel `{0}`")]
    UnknownChannel(String),
}

impl Engine {
    /// Begins to put an engine together. Without more it keeps everything in memory and reads the system's clock.
    pub fn builder(playbook: impl Into<Arc<Playbook>>) -> EngineBuilder {
        EngineBuilder {
            playbook: playbook.into(),
            store: None,
            channels: Vec::new(),
            clock: None,
            observer: None,
            explain: false,
        }
    }

    /// Fires what is due by now and hands over what was decided, until nothing is left for now.
    ///
    /// # Errors
    /// When the store fails; what was committed stays, and what is left is found by the next call.
    pub async fn run_due(&self) -> Result<Ran, StoreError> {
        self.pump(&AtomicBool::new(false)).await
    }

    /// Wakes records and hands over, side by side: while a channel hangs, the others go on, also with what falls due
    /// meanwhile. Once `stopping` it finishes what was begun.
    async fn pump(&self, stopping: &AtomicBool) -> Result<Ran, StoreError> {
        let mut ran = Ran::default();
        let mut under_way = FuturesUnordered::new();
        let mut wrong = None;
        loop {
            let now = self.now();
            self.give_back(now);
            if let Err(failed) = self.settle_waiting().await {
                wrong = wrong.or(Some(failed));
            }
            while let Some(held) = wrong.is_none().then(|| self.next_ready(now)).flatten() {
                under_way.push(self.hand_over(held));
            }
            if wrong.is_none() && !stopping.load(Ordering::Relaxed) {
                match self.wake(now).await {
                    Ok(0) => {}
                    Ok(woken) => {
                        ran.woken += woken;
                        continue;
                    }
                    Err(failed) => wrong = Some(failed),
                }
            }
            let soon = now + Span::seconds(1);
            let next = self.next_due().await.ok().flatten().filter(|due| *due > now).map_or(soon, |due| due.min(soon));
            // By the wall clock, which may be ahead of or behind the engine's time.
            let next = self.clock.now() + (next - now);
            // After a failure what is under way is brought to its end, and no more begun.
            match select(under_way.next(), self.clock.sleep_until(next)).await {
                Either::Left((None, _)) => return wrong.map_or(Ok(ran), Err),
                Either::Left((Some(Ok(accepted)), _)) => {
                    ran.handed_over += 1;
                    ran.accepted += usize::from(accepted);
                }
                Either::Left((Some(Err(failed)), _)) => wrong = wrong.or(Some(failed)),
                Either::Right(_) => {}
            }
        }
    }

    /// Wakes a batch of the records that are due, and answers how many.
    async fn wake(&self, now: Instant) -> Result<usize, StoreError> {
        let claim = Claim { now, limit: BATCH, lease: self.playbook.lease() };
        let woken = self.store.claim(&claim).await?;
        if woken.is_empty() {
            return Ok(0);
        }
        let work: Vec<Work> =
            woken.iter().map(|wake| Work { customer: wake.customer, input: Input::Wake, now }).collect();
        self.transact(work).await?;
        Ok(woken.len())
    }

    /// Runs until `shutdown` is done: wakes when something is due, and looks for new work at least once a second. What was
    /// begun is finished before it returns.
    ///
    /// # Errors
    /// When the store fails for good; what can be tried again is.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Result<(), StoreError> {
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let stopping = AtomicBool::new(false);
            let mut pump = std::pin::pin!(self.pump(&stopping));
            let ran = match select(shutdown.as_mut(), pump.as_mut()).await {
                Either::Left(_) => {
                    stopping.store(true, Ordering::Relaxed);
                    return pump.await.map(|_| ());
                }
                Either::Right((ran, _)) => ran,
            };
            match ran {
                Ok(_) => {}
                Err(wrong) if wrong.retryable() => {}
                Err(wrong) => return Err(wrong),
            }
            let now = self.now();
            let soon = now + Span::seconds(1);
            // What is due already and was not done is leased to somebody: looking again at once would not help.
            let next = self.next_due().await.ok().flatten().filter(|due| *due > now).map_or(soon, |due| due.min(soon));
            let sleep = self.clock.sleep_until(self.clock.now() + (next - now));
            if let Either::Left(_) = select(shutdown.as_mut(), sleep).await {
                return Ok(());
            }
        }
    }

    /// When something is due next: a timer, or a message that waits for its channel's rate.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        let waiting = locked(&self.lanes).iter().filter_map(Lane::due).min();
        Ok(self.store.next_due().await?.into_iter().chain(waiting).min())
    }

    /// The engine's time: the wall clock, except that a jump ahead of more than an hour is held back until
    /// [`confirm_clock`](Self::confirm_clock) (promise 1.1).
    pub fn now(&self) -> Instant {
        let (wall, elapsed) = (self.clock.now(), self.clock.elapsed());
        let mut time = locked(&self.time);
        let now = match *time {
            Some((last, since)) => {
                let expected = last + Span::millis(elapsed.as_millis() - since.as_millis());
                if wall - expected > JUMP { expected } else { wall.max(last) }
            }
            None => wall,
        };
        *time = Some((now, elapsed));
        now
    }

    /// Says that the wall clock is right although it jumped.
    pub fn confirm_clock(&self) {
        *locked(&self.time) = None;
    }

    /// The playbook.
    pub fn playbook(&self) -> &Playbook {
        &self.playbook
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Steps, and answers what routing has to know of the first. What an outcome forwards the store steps itself.
    async fn transact(&self, work: Vec<Work>) -> Result<Stepped, StoreError> {
        let stepper = Plain { playbook: &self.playbook, around: &self.around };
        let mut stepped = None;
        let mut wrong = None;
        let results = self.store.transact(&work, &stepper).await;
        for (work, result) in work.iter().zip(results) {
            match result {
                Ok(outcome) => {
                    stepped.get_or_insert_with(|| Stepped::of(&outcome));
                    self.follow(work, outcome);
                }
                // The rest of the batch is not held up by one record; the first failure is reported.
                Err(failed) => wrong = wrong.or(Some(failed)),
            }
        }
        match wrong {
            Some(wrong) => Err(wrong),
            None => Ok(stepped.unwrap_or_default()),
        }
    }

    /// Tells of an outcome, and puts what it sends in the lanes.
    fn follow(&self, work: &Work, outcome: Outcome) {
        for (customer, followed) in outcome.followed {
            self.follow(&Work { customer, ..work.clone() }, followed);
        }
        if let Some(observer) = &self.observer {
            outcome.notices.iter().for_each(|notice| observer(work.customer, notice));
        }
        // What an event sends waits for the next run: until then more events may come.
        let waited = matches!(work.input, Input::Event(_) | Input::Call(_) | Input::Link { .. } | Input::Merge { .. });
        let lease = work.now + self.playbook.lease();
        outcome.send.into_iter().for_each(|envelope| self.enqueue(Ready { envelope, lease, waited }));
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("store", &self.store).field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl EngineBuilder {
    /// Keeps records here instead of in memory.
    #[must_use]
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Adds the implementation of a channel of the playbook.
    #[must_use]
    pub fn channel(mut self, channel: impl Channel + 'static) -> Self {
        self.channels.push(Arc::new(channel));
        self
    }

    /// Reads the time here instead of from the system.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Tells of everything that happens, after it is committed.
    #[must_use]
    pub fn observer(mut self, observer: impl Fn(CustomerId, &Notice) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Explains every decision in the notices.
    #[must_use]
    pub fn explained(mut self) -> Self {
        self.explain = true;
        self
    }

    /// Builds the engine.
    ///
    /// # Errors
    /// When the channels given and those of the playbook are not the same.
    pub fn build(self) -> Result<Engine, BuildError> {
        let mut channels = HashMap::new();
        for channel in self.channels {
            let id = channel.spec().tag.id.clone();
            if self.playbook.channel(&id).is_none() {
                return Err(BuildError::UnknownChannel(id.to_string()));
            }
            channels.insert(id, channel);
        }
        let missing: Vec<String> = self
            .playbook
            .channels()
            .iter()
            .filter(|spec| !channels.contains_key(&spec.tag.id))
            .map(|spec| spec.tag.id.to_string())
            .collect();
        if !missing.is_empty() {
            return Err(BuildError::MissingChannels(missing));
        }
        let lane = |spec: &ChannelSpec| Some(Lane::new(channels.get(&spec.tag.id)?.clone(), spec.clone()));
        let lanes = self.playbook.channels().iter().filter_map(lane).collect();
        Ok(Engine {
            playbook: self.playbook,
            store: self.store.unwrap_or_else(|| Arc::new(MemoryStore::new())),
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
            observer: self.observer,
            around: Surroundings { number: 0, explain: self.explain },
            lanes: Mutex::new(lanes),
            unsettled: Mutex::default(),
            time: Mutex::default(),
        })
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder").field("channels", &self.channels.len()).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
