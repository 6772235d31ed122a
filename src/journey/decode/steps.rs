//! The steps of a journey, from their JSON.

use std::collections::HashMap;
use std::sync::Arc;

use super::Decoder;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::calendar::weekdays;
use crate::journey::steps::{Awaited, CascadeAttempt, Next, Step, StepKind, StopsOn, number};
use crate::primitives::fault::{Node, Object, nearest};
use crate::primitives::local::{LocalTime, Weekdays};
use crate::primitives::{ChannelId, Keep, Key, MessageId, Span};

/// The fields of which a step has exactly one: what it does.
const KINDS: [&str; 13] = [
    "wait",
    "wait_until",
    "wait_for",
    "branch",
    "split",
    "message",
    "cascade",
    "digest",
    "call",
    "update",
    "goal",
    "go",
    "end",
];

impl<'a> Decoder<'a> {
    pub(super) fn steps(&mut self, node: &Node<'a>) -> Option<Vec<Step>> {
        let nodes = node.list()?;
        if nodes.is_empty() {
            node.fault("a journey has at least one step");
            return None;
        }
        let objects: Vec<Option<Object<'a>>> = nodes.iter().map(Node::open_object).collect();
        let ids: Vec<Option<&'a str>> = objects.iter().map(|object| object.as_ref()?.need("id")?.text()).collect();
        self.names = ids.iter().map(|id| id.unwrap_or_default()).collect();
        let mut whole = true;
        let mut steps: Vec<Step> = Vec::with_capacity(nodes.len());
        let mut numbers: HashMap<u32, &str> = HashMap::new();
        for (n, (node, id)) in nodes.iter().zip(&ids).enumerate() {
            if let Some(id) = id {
                if ["end", ""].contains(id) {
                    node.fault(format!("a step cannot be called `{id}`"));
                    whole = false;
                } else if self.names.iter().take(n).any(|earlier| earlier == id) {
                    node.fault(format!("a second step called `{id}`"));
                    whole = false;
                }
            }
            let kind = self.step(node, n);
            whole &= kind.is_some() && id.is_some();
            if let (Some(kind), Some(id)) = (kind, id) {
                let does = KINDS.into_iter().find(|kind| node.json().get(kind).is_some_and(|does| !does.is_null()));
                let number = number(id, does.unwrap_or_default());
                if let Some(other) = numbers.insert(number, id).filter(|other| other != id) {
                    // One pair in four thousand million.
                    node.fault(format!("`{id}` and `{other}` have the same hash; give one of them another name"));
                    whole = false;
                }
                steps.push(Step { name: Key::new(*id), number, kind });
            }
        }
        whole.then_some(steps)
    }

    fn step(&mut self, node: &Node<'a>, n: usize) -> Option<StepKind> {
        let object = node.open_object()?;
        let found: Vec<&str> = KINDS.into_iter().filter(|kind| object.get(kind).is_some()).collect();
        let &[kind] = found.as_slice() else {
            node.fault(format!("a step does exactly one thing: {}", KINDS.join(", ")));
            return None;
        };
        let (fields, field): (&[&str], _) = match kind {
            "wait_for" => (&["id", "wait_for", "then", "else", "note"], object.need(kind)?),
            "branch" => (&["id", "branch", "else", "note"], object.need(kind)?),
            "split" => (&["id", "split", "note"], object.need(kind)?),
            "message" => (&["id", "message", "channels", "next", "on_skip", "on_error", "note"], object.need(kind)?),
            "cascade" => (&["id", "cascade", "next", "engaged", "note"], object.need(kind)?),
            "end" => (&["id", "end", "note"], object.need(kind)?),
            "digest" => (&["id", "digest", "channels", "next", "on_skip", "on_error", "note"], object.need(kind)?),
            "call" => (&["id", "call", "next", "on_error", "note"], object.need(kind)?),
            "goal" => (&["id", "goal", "next", "note"], object.need(kind)?),
            "go" => (&["id", "go", "note"], object.need(kind)?),
            "wait" => (&["id", "wait", "next", "note"], object.need(kind)?),
            "wait_until" if object.need(kind)?.json().get("date").is_some() => {
                (&["id", "wait_until", "next", "else", "note"], object.need(kind)?)
            }
            "wait_until" => (&["id", "wait_until", "next", "note"], object.need(kind)?),
            _ => (&["id", "update", "next", "note"], object.need(kind)?),
        };
        let object = node.object(fields)?;
        let following = if n + 1 < self.names.len() { u32::try_from(n + 1).ok() } else { None };
        let next = self.goes(&object, "next", following);
        match kind {
            "wait" => Some(StepKind::Wait { span: field.span()?, next: next? }),
            "wait_until" if field.json().get("date").is_some() => {
                let date = field.object(&["date", "every", "offset", "time", "leap_day"])?;
                let date = self.at_date(&date);
                let otherwise = self.goes(&object, "else", next?);
                Some(StepKind::WaitDate { date: date?, next: next?, otherwise: otherwise? })
            }
            "wait_until" => {
                let (time, weekdays) = wait_until(&field)?;
                Some(StepKind::WaitUntil { time, weekdays, next: next? })
            }
            "wait_for" => self.wait_for(&field, &object, following),
            "branch" => self.branch(&field, &object, following),
            "split" => self.split(&field),
            "message" => {
                let message = self.message(&field);
                let only = self.channels(object.get("channels"));
                if let (Some(message), Some(only)) = (&message, &only) {
                    self.speaks(message, only.as_deref(), object.get("channels").as_ref().unwrap_or(&field));
                }
                let on_skip = self.goes(&object, "on_skip", next?);
                let on_error = self.on_error(&object);
                let (message, only, on_skip, on_error) = (message?, only?, on_skip?, on_error?);
                Some(StepKind::Message { message, only, next: next?, on_skip, on_error })
            }
            "cascade" => self.cascade(&field, &object, next?),
            "digest" => {
                let digest = self.digest(&field, &object);
                let (on_skip, on_error) = (self.goes(&object, "on_skip", next?), self.on_error(&object));
                let digest = Box::new(digest?);
                Some(StepKind::Digest { digest, next: next?, on_skip: on_skip?, on_error: on_error? })
            }
            "call" => {
                let on_error = self.on_error(&object);
                let (effect, payload, valid_for) = self.call(&field)?;
                Some(StepKind::Call { effect, payload, valid_for, next: next?, on_error: on_error? })
            }
            "update" => Some(StepKind::Update { changes: self.changes(&field)?, next: next? }),
            "goal" => {
                if field.json() != true {
                    field.fault("expected true");
                }
                Some(StepKind::Goal { next: next? })
            }
            "go" => Some(StepKind::Go { to: self.goes(&object, "go", None)? }),
            _ => {
                // Anything else says nothing, as it always did.
                let reason = field.json().as_str().filter(|reason| !reason.trim().is_empty());
                Some(StepKind::End { reason: reason.map(Arc::from) })
            }
        }
    }

    fn wait_for(&mut self, node: &Node<'a>, step: &Object<'a>, following: Next) -> Option<StepKind> {
        let object = node.object(&["event", "where", "rule", "timeout", "since"])?;
        let timeout = object.need("timeout").and_then(|node| node.span());
        let since_step = object.get("since").map_or(Some(false), |node| node.one_of(&[("run", false), ("step", true)]));
        let what = match (object.get("event"), object.get("rule")) {
            (Some(_), None) => {
                // An event wait looks back to the run's begin, so the event must still be on record then.
                let keep = Keep { last: 0, within: LOOK_BACK.max(timeout.unwrap_or(Span::ZERO)) };
                self.event_of(&object, keep).map(Awaited::Event)
            }
            (None, Some(rule)) => self.rule(&rule).map(Awaited::Rule),
            _ => {
                node.fault("expected either `event` or `rule`");
                None
            }
        };
        let then = self.goes(step, "then", following);
        let otherwise = self.goes(step, "else", following);
        Some(StepKind::WaitFor {
            what: what?,
            timeout: timeout?,
            since_step: since_step?,
            then: then?,
            otherwise: otherwise?,
        })
    }

    fn branch(&mut self, node: &Node<'a>, step: &Object<'a>, following: Next) -> Option<StepKind> {
        let mut arms = Vec::new();
        let mut whole = true;
        for arm in node.list()? {
            let decoded = arm.object(&["if", "next"]).and_then(|object| {
                let rule = object.need("if").and_then(|node| self.rule(&node));
                object.need("next")?;
                let next = self.goes(&object, "next", following);
                Some((rule?, next?))
            });
            whole &= decoded.is_some();
            arms.extend(decoded);
        }
        step.need("else")?;
        let otherwise = self.goes(step, "else", following)?;
        whole.then_some(StepKind::Branch { arms, otherwise })
    }

    fn split(&mut self, node: &Node<'a>) -> Option<StepKind> {
        let mut arms = Vec::new();
        let mut shares = 0;
        let mut whole = true;
        for arm in node.list()? {
            let decoded = arm.object(&["weight", "next"]).and_then(|object| {
                let weight = object.need("weight").and_then(|node| weight(&node));
                shares += usize::from(weight.is_some_and(|weight| matches!(weight, Weight::Percent(_))));
                object.need("next")?;
                let next = self.goes(&object, "next", None);
                let (Weight::Plain(weight) | Weight::Percent(weight)) = weight?;
                Some((weight, next?))
            });
            whole &= decoded.is_some();
            arms.extend(decoded);
        }
        if !whole {
            return None;
        }
        let total: u64 = arms.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let wrong = match shares {
            0 if total == 0 => "the weights of a split add up to zero".to_owned(),
            0 => return Some(StepKind::Split { arms }),
            _ if shares < arms.len() => {
                "some weights are percentages and others are not: write \"40%\" in each arm, or in none".to_owned()
            }
            _ if total == u64::from(HUNDRED) => return Some(StepKind::Split { arms }),
            _ => {
                let sum = Decimal::new(i64::try_from(total).unwrap_or(i64::MAX), 4).normalize();
                format!("the percentages of a split add up to {sum}%, not to 100%")
            }
        };
        node.fault(wrong);
        None
    }

    fn cascade(&mut self, node: &Node<'a>, step: &Object<'a>, next: Next) -> Option<StepKind> {
        let object = node.object(&["message", "attempts", "stops_on"])?;
        let message = object.need("message").and_then(|node| self.message(&node));
        let mut attempts = Vec::new();
        let mut whole = true;
        let nodes = object.need("attempts")?.list()?;
        let last = nodes.len().saturating_sub(1);
        for (n, node) in nodes.iter().enumerate() {
            let attempt = node.object(&["channels", "wait"]).and_then(|object| {
                let only = self.channels(object.get("channels"))?;
                if let Some(message) = &message {
                    self.speaks(message, only.as_deref(), object.get("channels").as_ref().unwrap_or(node));
                }
                let wait = object.get("wait").map_or(Some(None), |node| node.span().map(Some))?;
                if wait.is_none() && n < last {
                    node.fault("every attempt but the last says how long to `wait` for engagement");
                    return None;
                }
                Some(CascadeAttempt { only, wait })
            });
            whole &= attempt.is_some();
            attempts.extend(attempt);
        }
        if nodes.is_empty() {
            node.fault("a cascade has at least one attempt");
            whole = false;
        }
        let stops = self.stops_on(object.get("stops_on"));
        let engaged = self.goes(step, "engaged", next);
        whole.then_some(StepKind::Cascade { message: message?, attempts, stops: stops?, engaged: engaged?, next })
    }

    fn stops_on(&mut self, node: Option<Node<'a>>) -> Option<StopsOn> {
        let Some(node) = node else {
            return Some(StopsOn::Engagement(StopsOn::WAYS.into_iter().map(|(_, how)| how).collect()));
        };
        if node.json().is_array() {
            let listed: Vec<_> = node.list()?.iter().map(|node| node.one_of(&StopsOn::WAYS)).collect();
            return listed.into_iter().collect::<Option<Arc<[_]>>>().map(StopsOn::Engagement);
        }
        let event = self.event_match(&node, Keep::default(), &["about"])?;
        let about = node.open_object()?.get("about").map_or(Some(None), |node| node.key().map(Some))?;
        Some(StopsOn::Event { event, about })
    }

    pub(super) fn message(&mut self, node: &Node<'a>) -> Option<MessageId> {
        let name = node.text()?;
        let id = MessageId::new(name);
        match self.known.messages.iter().find(|(known, _)| *known == id) {
            Some((_, reads)) => {
                self.keeps.extend(reads.iter().cloned());
                Some(id)
            }
            None => {
                let all: Vec<&str> = self.known.messages.iter().map(|(id, _)| id.as_str()).collect();
                let hint = nearest(name, &all).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                node.fault(format!("the playbook has no message `{name}`{hint}"));
                None
            }
        }
    }

    /// Reports a message that none of the channels can carry which a step, or else the playbook, has for it.
    fn speaks(&mut self, message: &MessageId, only: Option<&[ChannelId]>, node: &Node<'a>) {
        let known = self.known.messages.iter().zip(self.known.spoken).find(|((known, _), _)| known == message);
        let Some((_, spoken)) = known else { return };
        if only.map_or(!spoken.is_empty(), |only| only.iter().any(|channel| spoken.contains(channel))) {
            return;
        }
        let has: Vec<&str> = spoken.iter().map(ChannelId::as_str).collect();
        let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
        node.fault(format!(
            "the message `{message}` has no variant for any channel here; it has {has}: add one, or name others"
        ));
        self.faulty = true;
    }

    pub(super) fn channels(&mut self, node: Option<Node<'a>>) -> Option<Option<Arc<[ChannelId]>>> {
        let Some(node) = node else { return Some(None) };
        let mut whole = true;
        let mut ids = Vec::new();
        for node in node.list()? {
            let id = node.text().map(ChannelId::new).filter(|id| self.known.channels.contains(id));
            if let (None, Some(name)) = (&id, node.json().as_str()) {
                let all: Vec<&str> = self.known.channels.iter().map(ChannelId::as_str).collect();
                let hint = nearest(name, &all).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                node.fault(format!("the playbook has no channel `{name}`{hint}"));
            }
            whole &= id.is_some();
            ids.extend(id);
        }
        whole.then(|| Some(ids.into()))
    }

    /// Where a field leads: the named step, `end`, or without the field where it leads by default.
    pub(super) fn goes(&self, object: &Object<'a>, field: &str, default: Next) -> Option<Next> {
        let Some(node) = object.get(field) else { return Some(default) };
        let name = node.text()?;
        if name == "end" {
            return Some(None);
        }
        match self.names.iter().position(|known| *known == name) {
            Some(n) => Some(u32::try_from(n).ok()),
            None => {
                let hint =
                    nearest(name, &self.names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                node.fault(format!("there is no step `{name}`{hint}"));
                None
            }
        }
    }
}

/// How many of the ten-thousandths in which percentages are held make up the whole.
const HUNDRED: u32 = 1_000_000;

/// What an arm of a split weighs.
#[derive(Clone, Copy)]
enum Weight {
    /// Against the sum of all.
    Plain(u32),
    /// So many ten-thousandths of a percent.
    Percent(u32),
}

fn weight(node: &Node<'_>) -> Option<Weight> {
    let Some(text) = node.json().as_str() else {
        let weight = node.integer(0..=1_000_000)?;
        return Some(Weight::Plain(u32::try_from(weight).ok()?));
    };
    let percent = text.strip_suffix('%').and_then(|number| number.parse::<Decimal>().ok());
    let parts = percent.and_then(|percent| percent.checked_mul(Decimal::from(10_000)));
    let parts = parts.filter(|parts| parts.fract().is_zero()).and_then(|parts| parts.to_u32());
    if parts.is_none_or(|parts| parts > HUNDRED) {
        node.fault(format!("expected a percentage from \"0%\" to \"100%\" of at most 4 decimals, found `{text}`"));
        return None;
    }
    parts.map(Weight::Percent)
}

/// How far back an event wait may look for what came before it in its run.
const LOOK_BACK: Span = Span::days(30);

fn wait_until(node: &Node<'_>) -> Option<(LocalTime, Weekdays)> {
    let object = node.object(&["time", "weekdays"])?;
    let time = object.need("time").and_then(|node| node.parsed::<LocalTime>());
    let days = object.get("weekdays").map_or(Some(Weekdays::ALL), |list| weekdays(&list));
    Some((time?, days?))
}
