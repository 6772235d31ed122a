//! One walk of a run through its graph: from a signal to the next place where it waits.

use std::sync::Arc;

use super::calendar::{AtDate, Occasion, has_zone};
use super::graph::{Graph, Stretch, about, earlier};
use super::steps::{Awaited, CascadeAttempt, Next, Step, StepKind, StopsOn};
use super::{Act, EndReason, News, Place, RunView, Signal, Stuck};
use crate::customer::{Customer, Engagement};
use crate::policy::LocalTimes;
use crate::primitives::local::{LocalTime, Weekdays};
use crate::primitives::{Instant, Span};

/// One walk through the graph upon one signal.
pub(super) struct Walk<'a> {
    pub(super) graph: &'a Graph,
    pub(super) run: &'a RunView<'a>,
    pub(super) who: &'a dyn Customer,
    pub(super) now: Instant,
    pub(super) place: Place,
    pub(super) acts: Vec<Act>,
    pub(super) moved: bool,
}

impl Walk<'_> {
    /// Goes to a step and on through all that need no waiting; answers the wake.
    pub(super) fn enter(&mut self, next: Next, since: Instant) -> Result<Option<Instant>, Stuck> {
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
                    next = arms.iter().find(|(rule, _)| rule.holds(&facts)).map_or(*otherwise, |(_, next)| *next);
                }
                StepKind::Split { arms } => next = self.draw(found, arms),
                StepKind::Update { attribute, value, next: after } => {
                    self.acts.push(Act::Update { attribute: attribute.clone(), value: value.clone() });
                    next = *after;
                }
                StepKind::Message { .. } | StepKind::Cascade { .. } => return Ok(self.ask(found)),
                StepKind::Wait { .. }
                | StepKind::WaitUntil { .. }
                | StepKind::WaitDate { .. }
                | StepKind::WaitFor { .. } => match self.waited(found)? {
                    Waited::Until(wake) => return Ok(wake),
                    Waited::Over { next: after, at } => {
                        next = after;
                        since = at;
                    }
                },
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
            StepKind::WaitDate { date, otherwise, .. } => match self.date(date, since)? {
                Some(due) => Waited::Until(Some(due)),
                None => Waited::Over { next: *otherwise, at: since },
            },
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
        latest.ok_or_else(|| Stuck(NO_ZONE.to_owned()))
    }

    /// When the customer's date is that comes next; `None` if none is to come.
    fn date(&self, date: &AtDate, from: Instant) -> Result<Option<Instant>, Stuck> {
        let shop = self.graph.shop_zone;
        let found = date.occurs(self.who, shop, Occasion { date: i64::MIN, at: from });
        match found {
            Some(_) if !has_zone(self.who, shop) => Err(Stuck(NO_ZONE.to_owned())),
            found => Ok(found.map(|occasion| occasion.at)),
        }
    }

    /// Reacts to a signal at the present place.
    pub(super) fn react(&mut self, signal: &Signal<'_>) -> Result<Option<Instant>, Stuck> {
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
            StepKind::WaitDate { date, next, otherwise } => {
                // An event may have changed the date, to one that is over by then too. What was to come before it has come
                // before it (promise 1.6).
                let from = match signal {
                    Signal::Event { at, .. } => self.place.since.max(*at),
                    _ => self.place.since,
                };
                match (self.date(date, from)?, signal) {
                    (Some(due), Signal::Due { at }) if due <= *at => self.enter(*next, due),
                    (Some(due), _) => Ok(Some(due)),
                    (None, _) => self.enter(*otherwise, from),
                }
            }
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
                    self.handed_over(*at);
                    Ok(None)
                }
                Signal::Message(News::Accepted { at } | News::Parked { at }) => self.enter(*next, *at),
                // Of several devices, one took it and the last answered only after that one's came back.
                Signal::Message(News::Bounced) => self.enter(*next, self.place.since),
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
                self.handed_over(*at);
                Ok(wait.map(|wait| *at + wait))
            }
            (Signal::Message(News::Taken { at }), _) if wait.is_some() => {
                self.handed_over(*at);
                Ok(wait.map(|wait| *at + wait))
            }
            // Whoever is still to get it has not ignored it yet.
            (Signal::Message(News::Retried { .. }), _) => {
                self.place.awaiting = true;
                self.moved = true;
                Ok(None)
            }
            (Signal::Message(News::Accepted { at } | News::Parked { at }), _) => match wait {
                Some(wait) => {
                    self.handed_over(*at);
                    Ok(Some(*at + wait))
                }
                // Without a wait of its own the last attempt ends the cascade once it is out: until then late engagement
                // with an earlier one stops it.
                None => self.leave(next, *at),
            },
            (Signal::Message(News::Skipped { reason, end_run: true }), _) => Ok(self.end(EndReason::Message(reason))),
            (Signal::Message(News::Skipped { reason, .. }), _) if *reason == "engaged_already" => {
                self.leave(engaged, self.now)
            }
            (Signal::Message(News::Skipped { .. } | News::Refused | News::Bounced), _) => {
                self.further(step, attempts.len(), next, self.now)
            }
            (Signal::Due { at }, _) if due.is_some_and(|due| due <= *at) => {
                self.further(step, attempts.len(), next, due.unwrap_or(*at))
            }
            _ => Ok(due),
        }
    }

    /// What is waited for counts from here.
    fn handed_over(&mut self, at: Instant) {
        self.place.awaiting = false;
        self.place.since = at;
        self.moved = true;
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

/// Why a run can wait for no local time.
const NO_ZONE: &str = "waits for a local time, but neither the customer nor the shop has a zone";

/// What a waiting step says.
enum Waited {
    /// Not over, and when to ask again.
    Until(Option<Instant>),
    /// Over: where to go, and since when.
    Over { next: Next, at: Instant },
}
