//! The steps of a journey, from their JSON.

use std::sync::Arc;

use super::Decoder;
use super::calendar::weekdays;
use crate::journey::steps::{Awaited, CascadeAttempt, Next, Step, StepKind, StopsOn};
use crate::primitives::fault::{Node, Object, nearest};
use crate::primitives::local::{LocalTime, Weekdays};
use crate::primitives::{ChannelId, Keep, Key, MessageId, Span, Value};

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
        let mut steps = Vec::with_capacity(nodes.len());
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
                steps.push(Step { name: Key::new(*id), kind });
            }
        }
        whole.then_some(steps)
    }

    fn step(&mut self, node: &Node<'a>, n: usize) -> Option<StepKind> {
        const KINDS: [&str; 9] =
            ["wait", "wait_until", "wait_for", "branch", "split", "message", "cascade", "update", "end"];
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
            "message" => (&["id", "message", "channels", "next", "on_skip", "note"], object.need(kind)?),
            "cascade" => (&["id", "cascade", "next", "engaged", "note"], object.need(kind)?),
            "end" => (&["id", "end", "note"], object.need(kind)?),
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
                let on_skip = self.goes(&object, "on_skip", next?);
                Some(StepKind::Message { message: message?, only: only?, next: next?, on_skip: on_skip? })
            }
            "cascade" => self.cascade(&field, &object, next?),
            "update" => {
                let update = field.object(&["attribute", "value"])?;
                let attribute = update.need("attribute")?.key()?;
                let value = Value::from_json(update.need("value")?.json())?;
                Some(StepKind::Update { attribute, value, next: next? })
            }
            _ => Some(StepKind::End),
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
        let mut whole = true;
        for arm in node.list()? {
            let decoded = arm.object(&["weight", "next"]).and_then(|object| {
                let weight = object.need("weight").and_then(|node| node.integer(0..=1_000_000));
                object.need("next")?;
                let next = self.goes(&object, "next", None);
                Some((u32::try_from(weight?).ok()?, next?))
            });
            whole &= decoded.is_some();
            arms.extend(decoded);
        }
        if whole && arms.iter().all(|(weight, _)| *weight == 0) {
            node.fault("the weights of a split add up to zero");
            return None;
        }
        whole.then_some(StepKind::Split { arms })
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

    fn message(&mut self, node: &Node<'a>) -> Option<MessageId> {
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

    fn channels(&mut self, node: Option<Node<'a>>) -> Option<Option<Arc<[ChannelId]>>> {
        let Some(node) = node else { return Some(None) };
        let mut whole = true;
        let mut ids = Vec::new();
        for node in node.list()? {
            let id = node.text().map(ChannelId::new).filter(|id| self.known.channels.contains(id));
            if id.is_none() && node.json().is_string() {
                node.fault("names a channel that the playbook does not define");
            }
            whole &= id.is_some();
            ids.extend(id);
        }
        whole.then(|| Some(ids.into()))
    }

    /// Where a field leads: the named step, `end`, or without the field where it leads by default.
    fn goes(&self, object: &Object<'a>, field: &str, default: Next) -> Option<Next> {
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

/// How far back an event wait may look for what came before it in its run.
const LOOK_BACK: Span = Span::days(30);

fn wait_until(node: &Node<'_>) -> Option<(LocalTime, Weekdays)> {
    let object = node.object(&["time", "weekdays"])?;
    let time = object.need("time").and_then(|node| node.parsed::<LocalTime>());
    let days = object.get("weekdays").map_or(Some(Weekdays::ALL), |list| weekdays(&list));
    Some((time?, days?))
}
