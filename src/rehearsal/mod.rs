//! A log of events through the step under virtual time, before launch: who would have got what, where, when, and why not
//! the rest.

mod compare;
mod log;
mod model;
mod summary;
mod tally;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;

pub use compare::{Change, ChangeCounts, Comparison, CustomerChanges, Difference, HandOvers, Sent};
pub use log::{LogLine, LogWhat};
pub use model::{ChannelModel, Modelled, Recording};
pub use summary::{JourneySummary, Summary};
use tally::Tally;

use futures::FutureExt;

use crate::customer::{Block, BlockReason, Suppress};
use crate::event::{Event, EventError};
use crate::playbook::{Begun, Call, Input, Outcome, Playbook, Refused};
use crate::primitives::{ChannelKind, ContactPoint, CustomerId, Fields, Instant, JourneyId, Span};
use crate::record::CustomerState;
use crate::store::{Binding, MemoryStore, MergeError, Named, Shell, Stepped, Stepper, Who, Work, take, to_merge};
use crate::surroundings::Surroundings;

/// Without an end of its own a rehearsal goes on for at most so long after the last event.
pub const AFTERWARDS: Span = Span::days(90);

/// A rehearsal: events go in, in the order of their time; every timer that falls due in between fires at its exact
/// instant and in the order of promise 1.6; messages go to a model of the channels. The step is the very one that serves
/// live, and the same playbook, events and model give the same log, byte for byte.
///
/// ```
/// use std::sync::Arc;
/// use throughline::{Event, Playbook, Rehearsal};
/// let playbook = Playbook::from_json(r#"{
///     "version": 1, "currency": "EUR", "channels": {"in_app": {}},
///     "messages": {"hello": {"class": "transactional", "variants": {"in_app": {"body": "Hello!"}}}},
///     "journeys": {"welcome": {"trigger": {"event": "Signed Up"}, "entry": "once",
///         "steps": [{"id": "a_day", "wait": "1d"}, {"id": "greet", "message": "hello"}]}}
/// }"#)?;
/// let mut rehearsal = Rehearsal::new(Arc::new(playbook));
/// rehearsal.event(Event::track("Signed Up").user("anna").at("2026-03-01T10:00:00Z".parse()?))?;
/// let summary = rehearsal.finish(None);
/// assert_eq!(summary.handed_over, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Rehearsal<'o> {
    playbook: Arc<Playbook>,
    store: MemoryStore,
    model: Box<dyn ChannelModel + 'o>,
    observer: Option<Told<'o>>,
    around: Surroundings,
    /// Receipts that the model announced, by their instant and the order of their making.
    receipts: BTreeMap<(Instant, u64), Event>,
    made: u64,
    now: Instant,
    last_event: Option<Instant>,
    tally: Tally,
}

/// Who is told of every line.
type Told<'o> = Box<dyn FnMut(&LogLine<'_>) + 'o>;

impl<'o> Rehearsal<'o> {
    /// A rehearsal of a playbook, with channels that take everything and answer nothing.
    pub fn new(playbook: Arc<Playbook>) -> Self {
        let tally = Tally::new(&playbook);
        Rehearsal {
            playbook,
            store: MemoryStore::with_shards(1),
            model: Box::new(Recording),
            observer: None,
            around: Surroundings::default(),
            receipts: BTreeMap::new(),
            made: 0,
            now: Instant::MIN,
            last_event: None,
            tally,
        }
    }

    /// With another model of the channels.
    #[must_use]
    pub fn with_model(mut self, model: impl ChannelModel + 'o) -> Self {
        self.model = Box::new(model);
        self
    }

    /// With somebody who is told of everything that happens, in order, with every decision explained.
    #[must_use]
    pub fn with_observer(mut self, observer: impl FnMut(&LogLine<'_>) + 'o) -> Self {
        self.observer = Some(Box::new(observer));
        self.around.explain = true;
        self
    }

    /// Without explanations of decisions and without a line per step: an observer that reads neither is told the rest sooner.
    #[must_use]
    pub fn unexplained(mut self) -> Self {
        self.around.explain = false;
        self
    }

    /// Takes the next event. One whose time is before an earlier one's is late: it is handled now, and keeps its time.
    ///
    /// # Errors
    /// When it has no `timestamp`; nothing else stops a rehearsal.
    pub fn event(&mut self, event: impl Into<Arc<Event>>) -> Result<(), EventError> {
        let event = event.into();
        let Some(at) = event.timestamp else {
            return Err(EventError { field: "timestamp".into(), problem: "missing; a rehearsal needs it".into() });
        };
        self.pass(at);
        self.last_event = self.last_event.max(Some(self.now));
        self.take(event);
        Ok(())
    }

    /// Lets time pass up to an instant: fires what is due before it. [`event`](Self::event) does so by itself.
    pub fn pass(&mut self, until: Instant) {
        self.advance(until, Limit::Before);
        self.now = self.now.max(until);
    }

    /// Counts a line that is no event.
    pub fn malformed(&mut self) {
        self.tally.malformed();
    }

    /// Fires what is left: up to `until` and including it, or without it until nothing is left or 90 days after the last
    /// event. What is due later is reported as pending.
    pub fn finish(mut self, until: Option<Instant>) -> Summary {
        self.run_until(until)
    }

    /// The same without giving the rehearsal up, so that records can be looked at.
    pub fn run_until(&mut self, until: Option<Instant>) -> Summary {
        let end = until.unwrap_or_else(|| self.last_event.map_or(self.now, |last| last + AFTERWARDS));
        self.advance(end, Limit::Including);
        self.now = self.now.max(end);
        let mut pending: HashMap<JourneyId, BTreeMap<String, u64>> = HashMap::new();
        let mut customers = 0;
        self.store.for_each(|state| {
            if !state.has_moved() {
                customers += 1;
                for run in &state.runs {
                    let journey = self.playbook.journey(&run.journey, run.version);
                    let step = journey.map_or("", |journey| journey.step_name(run.place.step)).to_owned();
                    *pending.entry(run.journey.clone()).or_default().entry(step).or_default() += 1;
                }
            }
        });
        self.tally.close(customers, pending, until);
        self.tally.summary()
    }

    /// The records as they stand.
    pub fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// The summary so far, put together anew each time.
    pub fn summary(&self) -> Summary {
        self.tally.summary()
    }

    /// How many messages were handed over so far.
    pub fn handed_over(&self) -> u64 {
        self.tally.handed_over()
    }

    /// Lets time pass: timers and receipts in the order of their instants, receipts first where both are at one.
    fn advance(&mut self, limit: Instant, kind: Limit) {
        loop {
            let receipt = self.receipts.first_key_value().map(|((at, _), _)| *at);
            let timer = self.store.first_due(limit);
            let next = [receipt, timer.map(|wake| wake.due)].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at < limit || (*at == limit && kind == Limit::Including)) else { return };
            self.now = self.now.max(at);
            if receipt == Some(at)
                && let Some((_, event)) = self.receipts.pop_first()
            {
                self.take(Arc::new(event));
            } else if let Some(wake) = timer {
                // A wake-up is never refused.
                let _ = self.work(Work { customer: wake.customer, input: Input::Wake, now: self.now });
            }
        }
    }

    /// Says that two customers are one person, as [`Engine::merge`](crate::Engine::merge) does, at the instant that the
    /// rehearsal has come to.
    ///
    /// # Errors
    /// When both are the same customer, or one of them is not known.
    pub fn merge(&mut self, one: impl Into<Who>, other: impl Into<Who>) -> Result<(), MergeError> {
        let (one, other) = (one.into(), other.into());
        let owners = [self.owner(&one), self.owner(&other)];
        let Some([one, other]) = to_merge([&one, &other], owners)? else { return Ok(()) };
        self.work(Work { customer: one, input: Input::Merge { with: other }, now: self.now }).map(|_| ()).map_err(
            |refused| match refused {
                Refused::Oneself => MergeError::Oneself,
            },
        )
    }

    fn owner(&self, who: &Who) -> Option<CustomerId> {
        match (who, who.key(self.playbook.identity())) {
            (_, Some(key)) => self.store.owner(key),
            (Who::Record(record), None) => self.store.with_record(*record, |state| state.profile.id),
            (Who::User(_), None) => None,
        }
    }

    /// Begins a run by the host's word, as [`Engine::begin`](crate::Engine::begin) does, at the instant that the rehearsal
    /// has come to. `None` if the customer is not known.
    pub fn begin(
        &mut self,
        journey: impl Into<JourneyId>,
        who: impl Into<Who>,
        id: &str,
        properties: Fields,
    ) -> Option<Begun> {
        let customer = self.owner(&who.into())?;
        self.last_event = self.last_event.max(Some(self.now));
        let call = Arc::new(Call { journey: journey.into(), id: id.into(), properties });
        // A call is never refused by the step, only by the record.
        let stepped = self.work(Work { customer, input: Input::Call(call), now: self.now }).ok()?;
        Some(stepped.begun.map_or(Begun::OnItsWay, |begun| *begun))
    }

    /// Erases a customer, as [`Engine::erase`](crate::Engine::erase) does, at the instant that the rehearsal has come to.
    pub fn erase(&mut self, who: impl Into<Who>) {
        let who = who.into();
        let named = who.key(self.playbook.identity());
        let customer = match (&who, named) {
            (_, Some(key)) => self.store.give(&Binding { key, to: key.candidate(), from: None }),
            (Who::Record(record), None) => *record,
            (Who::User(_), None) => return,
        };
        // An erasure is never refused.
        let _ = self.work(Work { customer, input: Input::Erase { named, until: self.now }, now: self.now });
    }

    /// Changes the suppression list, as [`Engine::suppress`](crate::Engine::suppress) does.
    pub fn suppress(&mut self, kind: &ChannelKind, point: &ContactPoint, reason: BlockReason) {
        let what = Suppress::Add(Block { reason, since: self.now });
        self.store.list(&self.playbook.identity().suppression(kind, point, what));
    }

    /// Takes an event to the record that it belongs to.
    fn take(&mut self, event: Arc<Event>) {
        let playbook = self.playbook.clone();
        // The store in memory never waits.
        let taken =
            pin!(take(&mut Taking { rehearsal: self, event: &event }, playbook.identity(), &event)).now_or_never();
        match taken {
            Some(Ok(Some(stepped))) => self.tally.event(stepped.duplicate),
            _ => self.tally.malformed(),
        }
    }

    /// Steps, and does what follows: hand-overs and their answers.
    fn work(&mut self, work: Work) -> Result<Stepped, Refused> {
        let mut queue = VecDeque::new();
        let stepped = self.step(work, &mut queue)?;
        while let Some(work) = queue.pop_front() {
            self.step(work, &mut queue)?;
        }
        Ok(stepped)
    }

    fn step(&mut self, work: Work, queue: &mut VecDeque<Work>) -> Result<Stepped, Refused> {
        let stepper = Plain { playbook: &self.playbook, around: &self.around };
        let outcome = self.store.step(&work, &stepper)?;
        let stepped = Stepped::of(&outcome);
        self.follow(work.customer, outcome, queue);
        Ok(stepped)
    }

    /// Tells of an outcome, hands over what it sends, and queues what the channels answer.
    fn follow(&mut self, customer: CustomerId, outcome: Outcome, queue: &mut VecDeque<Work>) {
        self.observe(customer, &outcome);
        for envelope in outcome.send {
            let listed = self.playbook.suppression_key(&envelope).and_then(|point| self.store.listed(point));
            if let Some(block) = self.playbook.stopped_by(listed, &envelope) {
                let input = Input::Suppressed { id: envelope.id, block };
                queue.push_back(Work { customer, input, now: self.now });
                self.tally.stopped(envelope.id, &outcome.notices);
                continue;
            }
            let Modelled { result, receipts } = self.model.send(&envelope, self.now);
            let settled = Input::Settled { id: envelope.id, result: result.map(|_| ()) };
            queue.push_back(Work { customer, input: settled, now: self.now });
            for (delay, event) in receipts {
                self.made += 1;
                let at = self.now + delay.max(Span::ZERO);
                self.receipts.insert((at, self.made), event.at(at));
            }
        }
        for (customer, followed) in outcome.followed {
            self.follow(customer, followed, queue);
        }
    }

    fn note_event(&mut self, customer: CustomerId, event: &Event) {
        let Some(observer) = &mut self.observer else { return };
        let who = event.user_id.as_deref().or(event.anonymous_id.as_deref());
        let what = LogWhat::Event { event: &event.name, id: event.id.as_deref() };
        observer(&LogLine { at: self.now, customer, who, what });
    }

    fn observe(&mut self, customer: CustomerId, outcome: &Outcome) {
        self.tally.count(outcome);
        let Some(observer) = &mut self.observer else { return };
        if outcome.duplicate {
            observer(&LogLine { at: self.now, customer, who: None, what: LogWhat::Duplicate });
        }
        if outcome.notices.is_empty() {
            return;
        }
        let who = self.store.with_record(customer, |state| state.profile.external_id().cloned()).flatten();
        for notice in &outcome.notices {
            let what = LogWhat::Notice(&notice.what);
            observer(&LogLine { at: notice.at, customer, who: who.as_deref(), what });
        }
    }
}

/// An event on its way into a rehearsal's records.
struct Taking<'r, 'o, 'e> {
    rehearsal: &'r mut Rehearsal<'o>,
    event: &'e Event,
}

impl Shell for Taking<'_, '_, '_> {
    type Error = Refused;

    async fn resolve(&mut self, named: &mut [Named]) -> Result<(), Refused> {
        named.iter_mut().for_each(|named| named.owner = self.rehearsal.store.owner(named.key));
        Ok(())
    }

    async fn bind(&mut self, bindings: &[Binding]) -> Result<Vec<CustomerId>, Refused> {
        Ok(bindings.iter().map(|binding| self.rehearsal.store.give(binding)).collect())
    }

    async fn step(&mut self, customer: CustomerId, input: Input) -> Result<Stepped, Refused> {
        if !matches!(input, Input::DeviceTaken { .. }) {
            self.rehearsal.note_event(customer, self.event);
        }
        self.rehearsal.work(Work { customer, input, now: self.rehearsal.now })
    }

    fn now(&self) -> Instant {
        self.rehearsal.now
    }

    async fn is_another_users(&mut self, record: CustomerId, user: &str) -> Result<bool, Refused> {
        let another = |state: &CustomerState| state.profile.user_id.is_some() && !state.profile.is_known_as(user);
        Ok(self.rehearsal.store.with_record(record, another).unwrap_or_default())
    }
}

/// Whether what is due at the very limit is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Before,
    Including,
}

/// The step, as a store runs it.
pub(crate) struct Plain<'a> {
    pub(crate) playbook: &'a Playbook,
    pub(crate) around: &'a Surroundings,
}

impl Stepper for Plain<'_> {
    fn step(&self, state: &mut CustomerState, work: &Work) -> Result<Outcome, Refused> {
        self.playbook.step(state, &work.input, self.around, work.now)
    }
}

impl std::fmt::Debug for Rehearsal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal").field("now", &self.now).field("store", &self.store).finish_non_exhaustive()
    }
}
