//! The built-in journey: a graph of steps, walked one signal at a time.

use std::sync::Arc;

use super::{Act, Admission, Advance, EndReason, Entry, Journey, News, Place, RunView, Signal, Stuck};
use crate::customer::{Customer, Engagement};
use crate::event::Event;
use crate::policy::LocalTimes;
use crate::primitives::local::{LocalTime, Weekdays};
use crate::primitives::zone::Zone;
use crate::primitives::{ChannelId, Fields, Instant, JourneyId, Key, MessageId, Needs, SegmentId, Span, Value};
use crate::segment::{Criteria, Facts, Filter};

/// A journey made from JSON; see the guide for its form.
#[derive(Debug)]
pub struct Graph {
    pub(super) id: JourneyId,
    pub(super) version: u32,
    pub(super) trigger: Trigger,
    /// How late a trigger may be handled (promise 3.3).
    pub(super) late_by: Span,
    pub(super) key: Option<KeyOf>,
    pub(super) about: Option<Key>,
    pub(super) entry: Entry,
    pub(super) exits: Vec<Exit>,
    pub(super) goal: Option<EventMatch>,
    pub(super) steps: Vec<Step>,
    /// The trigger's properties that a run keeps.
    pub(super) keeps: Vec<Key>,
    pub(super) needs: Needs,
    pub(super) shop_zone: Option<Zone>,
}

/// A step of a [`Graph`].
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) name: Key,
    pub(super) kind: StepKind,
}

/// Where a step leads: the place of another step, or the end.
pub(super) type Next = Option<u32>;

/// What a step does.
#[derive(Debug, Clone)]
pub(super) enum StepKind {
    /// Waits for a time.
    Wait { span: Span, next: Next },
    /// Waits until a local time of day, on some weekdays.
    WaitUntil { time: LocalTime, weekdays: Weekdays, next: Next },
    /// Waits for an event or a condition, with a timeout.
    WaitFor { what: Awaited, timeout: Span, since_step: bool, then: Next, otherwise: Next },
    /// Goes where the first rule that holds leads.
    Branch { arms: Vec<(Criteria, Next)>, otherwise: Next },
    /// Goes where a stable draw leads, by weights.
    Split { arms: Vec<(u32, Next)> },
    /// Sends a message on the next best channel.
    Message { message: MessageId, only: Option<Arc<[ChannelId]>>, next: Next, on_skip: Next },
    /// Sends on one channel after another until the customer engages.
    Cascade { message: MessageId, attempts: Vec<CascadeAttempt>, stops: StopsOn, engaged: Next, next: Next },
    /// Sets an attribute.
    Update { attribute: Key, value: Value, next: Next },
    /// Ends the run.
    End,
}

/// What a [`StepKind::WaitFor`] waits for.
#[derive(Debug, Clone)]
pub(super) enum Awaited {
    /// An event.
    Event(EventMatch),
    /// A rule that holds.
    Rule(Criteria),
}

/// One attempt of a cascade.
#[derive(Debug, Clone)]
pub(super) struct CascadeAttempt {
    pub(super) only: Option<Arc<[ChannelId]>>,
    pub(super) wait: Option<Span>,
}

/// What stops a cascade (promise 8.2).
#[derive(Debug, Clone)]
pub(super) enum StopsOn {
    /// Engagement with the message, in one of these ways.
    Engagement(Arc<[Engagement]>),
    /// An event of the shop's own.
    Event {
        /// Which.
        event: EventMatch,
        /// The property by which it belongs to the latest run that is about the same.
        about: Option<Key>,
    },
}

/// An event by name, with a filter on its properties.
#[derive(Debug, Clone)]
pub(super) struct EventMatch {
    pub(super) event: Key,
    pub(super) filter: Filter,
}

#[derive(Debug)]
pub(super) enum Trigger {
    Event { event: EventMatch, rule: Option<Criteria> },
    Entered { segment: SegmentId, rule: Option<Criteria> },
    Left { segment: SegmentId, rule: Option<Criteria> },
}

/// Where a run's key comes from.
#[derive(Debug, Clone)]
pub(super) enum KeyOf {
    /// The trigger's `messageId`.
    Event,
    /// A property of the trigger.
    Property(Key),
}

/// What ends a run at once, wherever it stands (promise 6.6).
#[derive(Debug)]
pub(super) enum Exit {
    Event(EventMatch),
    Entered(SegmentId),
    Left(SegmentId),
    Rule(Criteria),
}

impl EventMatch {
    pub(super) fn matches(&self, event: &Event, data: &Fields) -> bool {
        event.name == self.event && self.filter.matches(&event.properties, Some(data))
    }

    /// The first occurrence in a stretch of time that is on record.
    fn first_in(&self, who: &dyn Customer, stretch: &Stretch, data: &Fields) -> Option<Instant> {
        let series = who.history()?.series(&self.event)?;
        let after = if stretch.inclusive { stretch.from - Span::millis(1) } else { stretch.from };
        // The trigger is on record too, and neither an answer to itself nor its own end.
        let mut own = usize::from(stretch.with_trigger);
        series
            .within(after, stretch.until)
            .filter(|occurrence| self.filter.matches_occurrence(occurrence, Some(data)))
            .map(|occurrence| occurrence.at)
            .find(|at| {
                let trigger = own > 0 && *at == stretch.from;
                own -= usize::from(trigger);
                !trigger
            })
    }
}

/// A stretch of time in which an event is looked for.
struct Stretch {
    from: Instant,
    /// Whether what happened at `from` itself counts.
    inclusive: bool,
    /// Whether one of the occurrences at `from` is the run's trigger.
    with_trigger: bool,
    until: Instant,
}

impl Graph {
    fn step(&self, step: u32) -> Option<&Step> {
        self.steps.get(step as usize)
    }

    /// Whether runs begin with an event of this name.
    fn begins_with(&self, name: &Key) -> bool {
        matches!(&self.trigger, Trigger::Event { event, .. } if event.event == *name)
    }

    fn facts<'a>(&self, who: &'a dyn Customer, now: Instant, data: &'a Fields) -> Facts<'a> {
        Facts { who, now, trigger: Some(data) }
    }

    /// Whether an exit rule or the goal holds over what is known since the run's begin.
    fn over_already(
        &self,
        who: &dyn Customer,
        began: Instant,
        now: Instant,
        trigger: Option<&Event>,
    ) -> Option<&'static str> {
        let none = Fields::new();
        let data = trigger.map_or(&none, |event| &event.properties);
        let happened = |wanted: &EventMatch| {
            let with_trigger = trigger.is_some_and(|event| wanted.matches(event, data));
            wanted.first_in(who, &Stretch { from: began, inclusive: true, with_trigger, until: now }, data).is_some()
        };
        let exited = self.exits.iter().any(|exit| match exit {
            Exit::Event(event) => happened(event),
            Exit::Rule(rule) => rule.check(&self.facts(who, now, data)).inside,
            Exit::Entered(_) | Exit::Left(_) => false,
        });
        if exited {
            return Some("exit_holds");
        }
        self.goal.as_ref().is_some_and(happened).then_some("goal_reached")
    }

    /// Whether a signal ends the run, and until when a rule's no is good.
    fn ends(
        &self,
        run: &RunView<'_>,
        signal: &Signal<'_>,
        who: &dyn Customer,
        now: Instant,
    ) -> (Option<EndReason>, Option<Instant>) {
        let mut until = None;
        for exit in &self.exits {
            let holds = match (exit, signal) {
                (Exit::Event(wanted), Signal::Event { event, at }) => {
                    *at >= run.began && wanted.matches(event, run.data)
                }
                (Exit::Entered(wanted), Signal::Entered { segment, .. }) => wanted == *segment,
                (Exit::Left(wanted), Signal::Left { segment, .. }) => wanted == *segment,
                (Exit::Rule(rule), _) => {
                    let found = rule.check(&self.facts(who, now, run.data));
                    until = earlier(until, found.until);
                    found.inside
                }
                _ => false,
            };
            if holds {
                return (Some(EndReason::Exited), None);
            }
        }
        if let (Some(goal), Signal::Event { event, at }) = (&self.goal, signal)
            && *at >= run.began
            && goal.matches(event, run.data)
        {
            return (Some(EndReason::Goal), None);
        }
        (None, until)
    }
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Journey for Graph {
    fn id(&self) -> &JourneyId {
        &self.id
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn admit(&self, signal: &Signal<'_>, who: &dyn Customer, now: Instant) -> Option<Admission> {
        let none = Fields::new();
        let (at, rule, event) = match (&self.trigger, signal) {
            (Trigger::Event { event: wanted, rule }, Signal::Event { event, at }) => {
                if !wanted.matches(event, &none) {
                    return None;
                }
                (*at, rule, Some(*event))
            }
            (Trigger::Entered { segment: wanted, rule }, Signal::Entered { segment, at }) if wanted == *segment => {
                (*at, rule, None)
            }
            (Trigger::Left { segment: wanted, rule }, Signal::Left { segment, at }) if wanted == *segment => {
                (*at, rule, None)
            }
            _ => return None,
        };
        let properties = event.map_or(&none, |event| &event.properties);
        if let Some(rule) = rule
            && !rule.check(&Facts { who, now, trigger: Some(properties) }).inside
        {
            return None;
        }
        let data: Fields =
            self.keeps.iter().filter_map(|key| Some((key.clone(), properties.get(key)?.clone()))).collect();
        let key = match &self.key {
            None => None,
            Some(KeyOf::Event) => event.and_then(|event| event.id.clone()),
            Some(KeyOf::Property(key)) => {
                properties.get(key).and_then(|value| value.as_ref().to_key_text()).map(Arc::from)
            }
        };
        let about = self.about.as_ref().and_then(|key| about(properties, key));
        let refused = match () {
            () if now - at > self.late_by => Some("too_late"),
            () if self.key.is_some() && key.is_none() => Some("no_key"),
            () => self.over_already(who, at, now, event),
        };
        Some(Admission { key, about, entry: self.entry, began: at, data, refused })
    }

    fn advance(
        &self,
        run: &RunView<'_>,
        signal: &Signal<'_>,
        who: &dyn Customer,
        now: Instant,
    ) -> Result<Advance, Stuck> {
        let (over, until) = self.ends(run, signal, who, now);
        if let Some(reason) = over {
            let mut acts = Vec::with_capacity(2);
            if let (EndReason::Goal, Signal::Event { at, .. }) = (&reason, signal) {
                acts.push(Act::Goal { at: *at });
            }
            acts.push(Act::End(reason));
            return Ok(Advance { place: None, acts, wake: None });
        }
        let mut walk = Walk { graph: self, run, who, now, place: run.place.clone(), acts: Vec::new(), moved: false };
        let wake = match signal {
            Signal::Begun => walk.enter(Some(0), run.began)?,
            _ => walk.react(signal)?,
        };
        let place = walk.moved.then_some(walk.place);
        Ok(Advance { place, acts: walk.acts, wake: earlier(wake, until) })
    }

    fn step_name(&self, step: u32) -> &str {
        self.step(step).map_or("", |step| step.name.as_str())
    }
}

/// What an event is about, by one of its properties.
pub(super) fn about(properties: &Fields, key: &Key) -> Option<u64> {
    properties.get(key).and_then(|value| value.as_ref().to_key_text()).map(|text| Key::hash_of(&text))
}

/// One walk through the graph upon one signal.
struct Walk<'a> {
    graph: &'a Graph,
    run: &'a RunView<'a>,
    who: &'a dyn Customer,
    now: Instant,
    place: Place,
    acts: Vec<Act>,
    moved: bool,
}

impl Walk<'_> {
    /// Goes to a step and on through all that need no waiting; answers the wake.
    fn enter(&mut self, next: Next, since: Instant) -> Result<Option<Instant>, Stuck> {
        let (mut next, mut since) = (next, since);
        // A cycle without a wait is refused at validation; this bounds one that rules close at run time.
        for _ in 0..1_000 {
            let Some(step) = next else {
                self.acts.push(Act::End(EndReason::Completed));
                return Ok(None);
            };
            let Some(found) = self.graph.step(step) else {
                return Err(Stuck(format!("step {step} does not exist in version {}", self.graph.version)));
            };
            let visit = self.place.visit + u32::from(self.moved || self.place.visit == 0 || step != self.place.step);
            self.place = Place { step, visit, since, ..Place::default() };
            self.moved = true;
            match &found.kind {
                StepKind::End => next = None,
                StepKind::Branch { arms, otherwise } => {
                    let facts = self.graph.facts(self.who, self.now, self.run.data);
                    next =
                        arms.iter().find(|(rule, _)| rule.check(&facts).inside).map_or(*otherwise, |(_, next)| *next);
                }
                StepKind::Split { arms } => next = self.draw(found, arms),
                StepKind::Update { attribute, value, next: after } => {
                    self.acts.push(Act::Update { attribute: attribute.clone(), value: value.clone() });
                    next = *after;
                }
                StepKind::Message { .. } | StepKind::Cascade { .. } => return Ok(self.ask(found)),
                StepKind::Wait { .. } | StepKind::WaitUntil { .. } | StepKind::WaitFor { .. } => {
                    match self.waited(found)? {
                        Waited::Until(wake) => return Ok(wake),
                        Waited::Over { next: after, at } => {
                            next = after;
                            since = at;
                        }
                    }
                }
            }
        }
        Err(Stuck("1,000 steps without a wait".to_owned()))
    }

    /// The arm of a stable draw: the same for a customer at a step of a journey, for ever.
    fn draw(&self, step: &Step, arms: &[(u32, Next)]) -> Next {
        let total = arms.iter().fold(0u32, |sum, (weight, _)| sum.saturating_add(*weight));
        let purpose = format!("{}/{}", self.graph.id, step.name);
        let mut at = self.who.id().bucket(&purpose, total);
        for (weight, next) in arms {
            match at.checked_sub(*weight) {
                None => return *next,
                Some(rest) => at = rest,
            }
        }
        None
    }

    /// Asks for the message of the step at the present attempt.
    fn ask(&mut self, step: &Step) -> Option<Instant> {
        let (message, only, cascade) = match &step.kind {
            StepKind::Message { message, only, .. } => (message, only, None),
            StepKind::Cascade { message, attempts, stops, .. } => {
                let attempt = attempts.get(usize::from(self.place.attempt))?;
                let stops = match stops {
                    StopsOn::Engagement(ways) => ways.clone(),
                    StopsOn::Event { .. } => Arc::from([Engagement::Conversion]),
                };
                (message, &attempt.only, Some(stops))
            }
            _ => return None,
        };
        self.place.awaiting = true;
        self.moved = true;
        self.acts.push(Act::Message { message: message.clone(), only: only.clone(), cascade });
        None
    }

    /// Whether the wait at the present place is over.
    fn waited(&self, step: &Step) -> Result<Waited, Stuck> {
        let since = self.place.since;
        // Only its own timer ends a wait, also one that is due already: events and other timers that come before that
        // instant and are handled late come first all the same (promise 1.6).
        Ok(match &step.kind {
            StepKind::Wait { span, .. } => Waited::Until(Some(since + *span)),
            StepKind::WaitUntil { time, weekdays, .. } => Waited::Until(Some(self.local(*time, *weekdays)?)),
            StepKind::WaitFor { what, timeout, since_step, then, .. } => {
                let due = since + *timeout;
                let mut until = None;
                let held = match what {
                    Awaited::Event(event) => {
                        let from = if *since_step { since } else { self.run.began };
                        let stretch = Stretch {
                            from,
                            inclusive: !*since_step,
                            with_trigger: !*since_step && self.graph.begins_with(&event.event),
                            until: self.now.min(due),
                        };
                        event.first_in(self.who, &stretch, self.run.data)
                    }
                    Awaited::Rule(rule) => {
                        let found = rule.check(&self.graph.facts(self.who, self.now, self.run.data));
                        until = found.until;
                        found.inside.then_some(self.now)
                    }
                };
                match held {
                    Some(at) => Waited::Over { next: *then, at: at.max(since) },
                    None => Waited::Until(earlier(Some(due), until)),
                }
            }
            _ => Waited::Until(None),
        })
    }

    fn local(&self, time: LocalTime, weekdays: Weekdays) -> Result<Instant, Stuck> {
        let local = LocalTimes::of(self.who, self.graph.shop_zone);
        let after = self.place.since - Span::millis(1);
        // Where several zones are possible it has to be that late in each of them (promise 1.2).
        let latest = local.zones().iter().map(|zone| zone.next_at(after, time, weekdays)).max();
        latest
            .ok_or_else(|| Stuck("waits for a local time, but neither the customer nor the shop has a zone".to_owned()))
    }

    /// Reacts to a signal at the present place.
    fn react(&mut self, signal: &Signal<'_>) -> Result<Option<Instant>, Stuck> {
        let graph = self.graph;
        let Some(step) = graph.step(self.place.step) else {
            return Err(Stuck(format!("step {} does not exist in version {}", self.place.step, graph.version)));
        };
        match &step.kind {
            StepKind::Wait { next, .. } | StepKind::WaitUntil { next, .. } => match (self.waited(step)?, signal) {
                (Waited::Until(Some(due)), Signal::Due { at }) if due <= *at => self.enter(*next, due),
                (Waited::Until(due), _) => Ok(due),
                (Waited::Over { next, at }, _) => self.enter(next, at),
            },
            StepKind::WaitFor { what, timeout, since_step, then, otherwise } => {
                let due = self.place.since + *timeout;
                let from = if *since_step { self.place.since } else { self.run.began };
                match (what, signal) {
                    // An event at the very instant of the timeout is in time; a later one is not (promise 6.5).
                    (Awaited::Event(wanted), Signal::Event { event, at })
                        if *at <= due && *at >= from && wanted.matches(event, self.run.data) =>
                    {
                        return self.enter(*then, (*at).max(self.place.since));
                    }
                    _ => {}
                }
                match (self.waited(step)?, signal) {
                    (Waited::Over { next, at }, _) => self.enter(next, at),
                    (Waited::Until(_), Signal::Due { at }) if due <= *at => self.enter(*otherwise, due),
                    (Waited::Until(wake), _) => Ok(wake),
                }
            }
            StepKind::Message { next, on_skip, .. } => match signal {
                // The run stays until the outcome is known, so that a refused message can still take another channel;
                // what follows counts from the hand-over all the same.
                Signal::Message(News::HandedOver { at, .. }) => {
                    self.place.awaiting = false;
                    self.place.since = *at;
                    self.moved = true;
                    Ok(None)
                }
                Signal::Message(News::Accepted | News::Parked) => self.enter(*next, self.place.since),
                Signal::Message(News::Skipped { reason, end_run: true }) => Ok(self.end(EndReason::Message(reason))),
                Signal::Message(News::Skipped { .. }) => self.enter(*on_skip, self.now),
                Signal::Message(News::Refused) => Ok(self.ask(step)),
                _ => Ok(None),
            },
            StepKind::Cascade { attempts, stops, engaged, next, .. } => {
                self.cascade(step, attempts, stops, *engaged, *next, signal)
            }
            StepKind::Branch { .. } | StepKind::Split { .. } | StepKind::Update { .. } | StepKind::End => Ok(None),
        }
    }

    fn cascade(
        &mut self,
        step: &Step,
        attempts: &[CascadeAttempt],
        stops: &StopsOn,
        engaged: Next,
        next: Next,
        signal: &Signal<'_>,
    ) -> Result<Option<Instant>, Stuck> {
        let attempt = attempts.get(usize::from(self.place.attempt));
        // Without a wait of its own the last attempt ends the cascade at its hand-over.
        let wait = attempt.and_then(|attempt| attempt.wait);
        let due = wait.filter(|_| !self.place.awaiting).map(|wait| self.place.since + wait);
        match (signal, stops) {
            (Signal::Message(News::Engaged { how, at }), StopsOn::Engagement(stopping)) if stopping.contains(how) => {
                self.acts.push(Act::Withdraw);
                self.leave(engaged, *at)
            }
            (Signal::Event { event, at }, StopsOn::Event { event: wanted, about: by })
                if *at >= self.run.began && wanted.matches(event, self.run.data) =>
            {
                let ours = by.as_ref().is_none_or(|key| {
                    self.run.latest && about(&event.properties, key).is_some_and(|about| self.run.about == Some(about))
                });
                if !ours {
                    return Ok(due);
                }
                self.acts.push(Act::Engaged { how: Engagement::Conversion, at: *at });
                self.acts.push(Act::Withdraw);
                self.leave(engaged, *at)
            }
            (Signal::Message(News::HandedOver { at, .. }), _) => {
                self.place.awaiting = false;
                self.place.since = *at;
                self.moved = true;
                match wait {
                    Some(wait) => Ok(Some(*at + wait)),
                    None => self.leave(next, *at),
                }
            }
            (Signal::Message(News::Skipped { reason, end_run: true }), _) => Ok(self.end(EndReason::Message(reason))),
            (Signal::Message(News::Skipped { reason, .. }), _) if *reason == "engaged_already" => {
                self.leave(engaged, self.now)
            }
            (Signal::Message(News::Skipped { .. } | News::Refused), _) => {
                self.further(step, attempts.len(), next, self.now)
            }
            (Signal::Due { at }, _) if due.is_some_and(|due| due <= *at) => {
                self.further(step, attempts.len(), next, due.unwrap_or(*at))
            }
            _ => Ok(due),
        }
    }

    /// The next attempt, or out of the cascade.
    fn further(&mut self, step: &Step, attempts: usize, next: Next, at: Instant) -> Result<Option<Instant>, Stuck> {
        if usize::from(self.place.attempt) + 1 >= attempts {
            return self.leave(next, at);
        }
        self.place.attempt += 1;
        self.place.since = at;
        Ok(self.ask(step))
    }

    fn leave(&mut self, next: Next, at: Instant) -> Result<Option<Instant>, Stuck> {
        self.acts.push(Act::CascadeOver);
        self.enter(next, at)
    }

    fn end(&mut self, reason: EndReason) -> Option<Instant> {
        self.acts.push(Act::End(reason));
        None
    }
}

/// What a waiting step says.
enum Waited {
    /// Not over, and when to ask again.
    Until(Option<Instant>),
    /// Over: where to go, and since when.
    Over { next: Next, at: Instant },
}
