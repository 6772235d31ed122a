//! A journey from its JSON, with every fault at once.

mod calendar;
mod steps;
mod trigger;

use super::graph::{EventMatch, Exit, Graph};
use super::trigger::{KeyOf, Trigger, When};
use super::{Entry, validate};
use crate::primitives::fault::{Node, Object, nearest};
use crate::primitives::zone::Zone;
use crate::primitives::{ChannelId, EventNeed, JourneyId, Keep, Key, MessageId, Needs, SegmentId, Span};
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
    let timed = matches!(&trigger, Some(Trigger::Time { .. }));
    let keyed = timed || key.as_ref().is_some_and(Option::is_some);
    let entry = match object.get("entry") {
        // Of each occurrence the record itself remembers that it was: the key only lets runs overlap.
        None if timed => Some(Entry::AfterEnd),
        said => decoder.entry(said, keyed),
    };
    let dated = timed && matches!((object.get("entry"), entry), (None, _) | (_, Some(Entry::Keyed(_))));
    let key = key.map(|key| key.or_else(|| dated.then(|| KeyOf::Property("date".into()))));
    let exits = decoder.exits(object.get("exit"), late_by.unwrap_or(LATE_BY));
    if let (Some(node), Some(trigger)) = (object.get("key"), &trigger)
        && let Some(fault) = no_key(trigger, node.text().unwrap_or_default())
    {
        node.fault(fault);
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

/// Why a trigger has no such key, if it has none.
fn no_key(trigger: &Trigger, key: &str) -> Option<&'static str> {
    match trigger {
        Trigger::Event { .. } | Trigger::Call { .. } => None,
        Trigger::Entered { .. } | Trigger::Left { .. } => {
            Some("only an `event` trigger has properties to take a key from, and a `call`")
        }
        Trigger::Time { .. } if key == "date" => None,
        Trigger::Time { when: When::Date(_), .. } if key == "years" => None,
        Trigger::Time { .. } => Some("of time alone only the `date` is known, and of an anniversary the `years`"),
    }
}

struct Decoder<'a> {
    known: &'a Known<'a>,
    names: Vec<&'a str>,
    keeps: Vec<Key>,
    needs: Needs,
    faulty: bool,
}

impl<'a> Decoder<'a> {
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
}
