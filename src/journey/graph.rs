//! The built-in journey: a graph of steps, walked one signal at a time.

use super::calendar::has_zone;
use super::steps::Step;
use super::trigger::{Begins, KeyOf, Trigger};
use super::walk::Walk;
use super::{Act, Admission, Advance, Diagram, EndReason, Entry, Journey, Occasion, RunView, Signal, Stuck};
use crate::customer::Customer;
use crate::event::Event;
use crate::primitives::zone::Zone;
use crate::primitives::{Fields, Instant, JourneyId, Key, Needs, SegmentId, Span, Value};
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

/// An event by name, with a filter on its properties.
#[derive(Debug, Clone)]
pub(super) struct EventMatch {
    pub(super) event: Key,
    pub(super) filter: Filter,
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
    pub(super) fn first_in(&self, who: &dyn Customer, stretch: &Stretch, data: &Fields) -> Option<Instant> {
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
pub(super) struct Stretch {
    pub(super) from: Instant,
    /// Whether what happened at `from` itself counts.
    pub(super) inclusive: bool,
    /// Whether one of the occurrences at `from` is the run's trigger.
    pub(super) with_trigger: bool,
    pub(super) until: Instant,
}

impl Graph {
    pub(super) fn step(&self, step: u32) -> Option<&Step> {
        self.steps.get(step as usize)
    }

    /// Whether runs begin with an event of this name.
    pub(super) fn begins_with(&self, name: &Key) -> bool {
        matches!(&self.trigger, Trigger::Event { event, .. } if event.event == *name)
    }

    pub(super) fn facts<'a>(&self, who: &'a dyn Customer, now: Instant, data: &'a Fields) -> Facts<'a> {
        Facts::new(who, now).with_trigger(data)
    }

    /// Whether an exit rule or the goal holds over what is known since the run's begin.
    fn over_already(
        &self,
        who: &dyn Customer,
        began: Instant,
        now: Instant,
        trigger: Option<&Event>,
        data: &Fields,
    ) -> Option<&'static str> {
        let happened = |wanted: &EventMatch| {
            let with_trigger = trigger.is_some_and(|event| wanted.matches(event, data));
            wanted.first_in(who, &Stretch { from: began, inclusive: true, with_trigger, until: now }, data).is_some()
        };
        let exited = self.exits.iter().any(|exit| match exit {
            Exit::Event(event) => happened(event),
            Exit::Rule(rule) => rule.holds(&self.facts(who, now, data)),
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

pub(super) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
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

    fn enrols(&self) -> Option<&SegmentId> {
        match &self.trigger {
            Trigger::Entered { segment, present: true, .. } => Some(segment),
            _ => None,
        }
    }

    fn timed(&self) -> Option<Span> {
        self.trigger.timed(self.late_by)
    }

    fn occurs(&self, who: &dyn Customer, after: Occasion) -> Option<Occasion> {
        self.trigger.occurs(who, self.shop_zone, after)
    }

    fn admit(&self, signal: &Signal<'_>, who: &dyn Customer, now: Instant) -> Option<Admission> {
        let Begins { at, event, id, data: properties, segment, rule } =
            self.trigger.takes(signal, who, self.shop_zone)?;
        let properties = &*properties;
        if segment.is_some_and(|segment| who.member_of(segment) != Some(true)) {
            return None;
        }
        if let Some(rule) = rule
            && !rule.holds(&Facts::new(who, now).with_trigger(properties))
        {
            return None;
        }
        let data = properties.only(&self.keeps);
        let key = match &self.key {
            None => None,
            Some(KeyOf::Event) => event.map_or_else(|| id.map(Into::into), |event| event.id.clone()),
            Some(KeyOf::Property(key)) => properties.get(key).and_then(Value::to_shared_key_text),
        };
        let about = self.about.as_ref().and_then(|key| about(properties, key));
        let timed = matches!(signal, Signal::Occurred { .. });
        let refused = match () {
            () if timed && !has_zone(who, self.shop_zone) => Some("no_zone"),
            () if now - at > self.late_by => Some("too_late"),
            () if self.key.is_some() && key.is_none() => Some("no_key"),
            () => self.over_already(who, at, now, event, properties),
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

    fn diagram(&self) -> Option<Diagram> {
        Some(self.draw())
    }
}

/// What an event is about, by one of its properties.
pub(super) fn about(properties: &Fields, key: &Key) -> Option<u64> {
    properties.get(key).and_then(|value| value.as_ref().to_key_text()).map(|text| Key::hash_of(&text))
}
