//! A journey from its JSON, with every fault at once.

use std::sync::Arc;

use super::graph::{Awaited, CascadeAttempt, EventMatch, Exit, Graph, KeyOf, Next, Step, StepKind, StopsOn, Trigger};
use super::{Entry, validate};
use crate::customer::Engagement;
use crate::primitives::fault::{Node, Object, nearest};
use crate::primitives::local::{LocalTime, Weekday, Weekdays};
use crate::primitives::zone::Zone;
use crate::primitives::{ChannelId, EventNeed, JourneyId, Keep, Key, MessageId, Needs, SegmentId, Span, Value};
use crate::segment::{Criteria, Filter};

/// What a journey may refer to.
pub(crate) struct Known<'a> {
    pub(crate) channels: &'a [ChannelId],
    pub(crate) segments: &'a [SegmentId],
    /// Each message with the trigger's properties that its templates read.
    pub(crate) messages: &'a [(MessageId, Vec<Key>)],
    pub(crate) zone: Option<Zone>,
}

/// A held key outlives its run by this much where the journey does not say (promise 6.3).
const KEY_HELD: Span = Span::days(30);
/// How late a trigger may be where the journey does not say (promise 3.3).
const LATE_BY: Span = Span::hours(24);

/// Decodes one journey. `None` if a fault was reported.
pub(crate) fn decode(name: &str, node: &Node<'_>, known: &Known<'_>) -> Option<Graph> {
    let object = node.object(&[
        "version",
        "description",
        "trigger",
        "late_by",
        "key",
        "about",
        "entry",
        "exit",
        "goal",
        "steps",
    ])?;
    let mut decoder = Decoder { known, names: Vec::new(), keeps: Vec::new(), needs: Needs::default(), faulty: false };
    let version = object.get("version").map_or(Some(1), |node| node.integer(1..=i64::from(u32::MAX)));
    let late_by = object.get("late_by").map_or(Some(LATE_BY), |node| node.span());
    let trigger = object.need("trigger").and_then(|node| decoder.trigger(&node));
    let key = match object.get("key").map(|node| node.key()) {
        None => Some(None),
        Some(key) => key.map(|key| Some(if key.as_str() == "messageId" { KeyOf::Event } else { KeyOf::Property(key) })),
    };
    let about = object.get("about").map_or(Some(None), |node| node.key().map(Some));
    let entry = decoder.entry(object.get("entry"), key.as_ref().is_some_and(Option::is_some));
    let exits = decoder.exits(object.get("exit"), late_by.unwrap_or(LATE_BY));
    if let Some(node) = object.get("key")
        && object.get("trigger").is_some_and(|trigger| trigger.json().get("event").is_none())
    {
        node.fault("only an `event` trigger has properties to take a key from");
        decoder.faulty = true;
    }
    let goal = object.get("goal").map_or(Some(None), |node| {
        decoder.event_match(&node, Keep { last: 0, within: late_by.unwrap_or(LATE_BY) }, &[]).map(Some)
    });
    let steps = object.need("steps").and_then(|node| decoder.steps(&node));
    let (trigger, steps) = (trigger?, steps?);
    let mut keeps = decoder.keeps;
    keeps.sort();
    keeps.dedup();
    let graph = Graph {
        id: JourneyId::new(name),
        version: u32::try_from(version?).ok()?,
        trigger,
        late_by: late_by?,
        key: key?,
        about: about?,
        entry: entry?,
        exits: exits?,
        goal: goal?,
        steps,
        keeps,
        needs: decoder.needs,
        shop_zone: known.zone,
    };
    let sound = validate::check(&graph, &object);
    (sound && !decoder.faulty).then_some(graph)
}

struct Decoder<'a> {
    known: &'a Known<'a>,
    names: Vec<&'a str>,
    keeps: Vec<Key>,
    needs: Needs,
    faulty: bool,
}

impl<'a> Decoder<'a> {
    fn trigger(&mut self, node: &Node<'a>) -> Option<Trigger> {
        let object = node.object(&["event", "where", "entered", "left", "if", "present_members"])?;
        let present = object.get("present_members").map_or(Some(false), |node| node.boolean());
        if let (Some(members), None) = (object.get("present_members"), object.get("entered")) {
            members.fault("only a segment that is `entered` has members");
            self.faulty = true;
        }
        let rule = object.get("if").map_or(Some(None), |node| self.rule(&node).map(Some));
        if let (Some(filter), None) = (object.get("where"), object.get("event")) {
            filter.fault("only an `event` has properties to filter by");
            self.faulty = true;
        }
        match (object.get("event"), object.get("entered"), object.get("left")) {
            (Some(_), None, None) => {
                let event = self.event_of(&object, Keep::default())?;
                Some(Trigger::Event { event, rule: rule? })
            }
            (None, Some(segment), None) => {
                Some(Trigger::Entered { segment: self.segment(&segment)?, rule: rule?, present: present? })
            }
            (None, None, Some(segment)) => Some(Trigger::Left { segment: self.segment(&segment)?, rule: rule? }),
            _ => {
                node.fault("a trigger has exactly one of `event`, `entered` and `left`");
                None
            }
        }
    }

    fn entry(&mut self, node: Option<Node<'a>>, keyed: bool) -> Option<Entry> {
        let Some(node) = node else { return Some(if keyed { Entry::Keyed(KEY_HELD) } else { Entry::AfterEnd }) };
        if node.json().is_object() {
            let object = node.object(&["cooldown", "keyed"])?;
            return match (object.get("cooldown"), object.get("keyed")) {
                (Some(span), None) => Some(Entry::Cooldown(span.span()?)),
                (None, Some(span)) => Some(Entry::Keyed(span.parsed()?)),
                _ => {
                    node.fault("expected {\"cooldown\": \"30d\"} or {\"keyed\": \"30d\"}");
                    None
                }
            };
        }
        if node.json() == "keyed" && !keyed {
            node.fault("`keyed` needs a `key`: a property of the trigger, or `messageId`");
            return None;
        }
        node.one_of(&[
            ("once", Entry::Once),
            ("after_end", Entry::AfterEnd),
            ("keyed", Entry::Keyed(KEY_HELD)),
            ("restart", Entry::Restart),
        ])
    }

    fn exits(&mut self, node: Option<Node<'a>>, late_by: Span) -> Option<Vec<Exit>> {
        let mut whole = true;
        let mut exits = Vec::new();
        for node in node.map_or(Some(Vec::new()), |node| node.list())? {
            let exit = self.exit(&node, late_by);
            whole &= exit.is_some();
            exits.extend(exit);
        }
        whole.then_some(exits)
    }

    fn exit(&mut self, node: &Node<'a>, late_by: Span) -> Option<Exit> {
        let object = node.object(&["event", "where", "entered", "left", "rule"])?;
        if let (Some(filter), None) = (object.get("where"), object.get("event")) {
            filter.fault("only an `event` has properties to filter by");
            return None;
        }
        match (object.get("event"), object.get("entered"), object.get("left"), object.get("rule")) {
            // Kept for as long as a trigger may be late: an offline batch may bring the exit first (promise 3.3).
            (Some(_), None, None, None) => self.event_of(&object, Keep { last: 0, within: late_by }).map(Exit::Event),
            (None, Some(segment), None, None) => self.segment(&segment).map(Exit::Entered),
            (None, None, Some(segment), None) => self.segment(&segment).map(Exit::Left),
            (None, None, None, Some(rule)) => self.rule(&rule).map(Exit::Rule),
            _ => {
                node.fault("an exit has exactly one of `event`, `entered`, `left` and `rule`");
                None
            }
        }
    }

    fn event_match(&mut self, node: &Node<'a>, keep: Keep, more: &[&str]) -> Option<EventMatch> {
        let mut fields = vec!["event", "where"];
        fields.extend_from_slice(more);
        let object = node.object(&fields)?;
        self.event_of(&object, keep)
    }

    fn event_of(&mut self, object: &Object<'a>, keep: Keep) -> Option<EventMatch> {
        let event = object.need("event").and_then(|node| node.key());
        let filter = object.get("where").map_or(Some(Filter::default()), |node| Filter::decode(&node));
        let (event, filter) = (event?, filter?);
        self.keeps.extend(filter.trigger_properties());
        let properties = if keep == Keep::default() { Vec::new() } else { filter.properties() };
        self.needs.event(EventNeed { event: event.clone(), properties, keep });
        Some(EventMatch { event, filter })
    }

    fn rule(&mut self, node: &Node<'a>) -> Option<Criteria> {
        let rule = Criteria::decode(node)?;
        let needs = crate::segment::Segment::needs(&rule);
        for segment in needs.segments.iter().filter(|id| !self.known.segments.contains(id)) {
            node.fault(format!("names the segment `{segment}`, which the playbook does not define"));
            self.faulty = true;
        }
        self.needs.merge(needs);
        self.needs.reachability |= rule.reads_identified();
        self.keeps.extend(rule.trigger_properties());
        Some(rule)
    }

    fn segment(&mut self, node: &Node<'a>) -> Option<SegmentId> {
        let name = node.text()?;
        let id = SegmentId::new(name);
        if !self.known.segments.contains(&id) {
            let all: Vec<&str> = self.known.segments.iter().map(SegmentId::as_str).collect();
            let hint = nearest(name, &all).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            node.fault(format!("the playbook has no segment `{name}`{hint}"));
            return None;
        }
        if !self.needs.segments.contains(&id) {
            self.needs.segments.push(id.clone());
        }
        Some(id)
    }

    fn steps(&mut self, node: &Node<'a>) -> Option<Vec<Step>> {
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
            "wait_until" => (&["id", "wait_until", "next", "note"], object.need(kind)?),
            _ => (&["id", "update", "next", "note"], object.need(kind)?),
        };
        let object = node.object(fields)?;
        let following = if n + 1 < self.names.len() { u32::try_from(n + 1).ok() } else { None };
        let next = self.goes(&object, "next", following);
        match kind {
            "wait" => Some(StepKind::Wait { span: field.span()?, next: next? }),
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
        let ways = [
            ("open", Engagement::Open),
            ("click", Engagement::Click),
            ("reply", Engagement::Reply),
            ("visit", Engagement::Visit),
            ("conversion", Engagement::Conversion),
        ];
        let Some(node) = node else {
            return Some(StopsOn::Engagement(ways.into_iter().map(|(_, how)| how).collect()));
        };
        if node.json().is_array() {
            let listed: Vec<_> = node.list()?.iter().map(|node| node.one_of(&ways)).collect();
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
    let days = match object.get("weekdays") {
        None => Some(Weekdays::ALL),
        Some(list) => {
            let days: Option<Vec<Weekday>> = list.list()?.iter().map(|node| node.parsed()).collect();
            let set = Weekdays::new(days?);
            if set.is_none() {
                list.fault("name at least one weekday");
            }
            set
        }
    };
    Some((time?, days?))
}
