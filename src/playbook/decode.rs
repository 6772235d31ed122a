//! A playbook from its JSON, with every fault at once.

use std::collections::HashMap;
use std::sync::Arc;

use super::identity::Identity;
use super::index::Index;
use super::retention::Retention;
use super::timers::Timed;
use super::{Playbook, PlaybookBuilder, shelf};
use crate::channel::{ChannelSpec, decode_channels};
use crate::customer::{ConsentRules, FigureRules};
use crate::delivery::decode_effects;
use crate::journey::{Journey, Known, decode_journey};
use crate::message::{Message, decode_brand, decode_messages};
use crate::policy::{Policy, TopicMode};
use crate::primitives::fault::{FaultSink, Node, Object};
use crate::primitives::zone::Zone;
use crate::primitives::{ChannelId, ChannelKind, Currency, EffectId, Fault, Faults, Key, MessageId, SegmentId, Span};
use crate::segment::{CriteriaBuilder, RfmModel, Segment, decode_segments};

/// How long a second copy of an event is known where the playbook does not say (promise 3.2).
const HORIZON: Span = Span::days(30);

pub(super) fn playbook(json: &str, host: PlaybookBuilder) -> Result<Playbook, Faults> {
    let sink = FaultSink::default();
    let mut json: serde_json::Value = match serde_json::from_str(json) {
        Ok(json) => json,
        Err(wrong) => {
            sink.report("$", format!("not JSON: {wrong}"));
            return Err(sink.into_faults());
        }
    };
    // The builder's model takes the place of the JSON's: conditions look it up there.
    if let (Some(model), Some(sections)) = (&host.rfm, json.as_object_mut()) {
        sections.insert("rfm".to_owned(), serde_json::to_value(model).unwrap_or_default());
    }
    add_criteria(&mut json, &host.criteria, &sink);
    shelf::add(&mut json, &host.templates, &sink);
    let made = shelf::make(&mut json, &sink);
    let root = Node::playbook(&json, &sink);
    let decoded = root
        .object(&[
            "version",
            "name",
            "description",
            "currency",
            "dedupe_horizon",
            "identity",
            "retention",
            "brand",
            "figures",
            "rfm",
            "channels",
            "consent",
            "segments",
            "messages",
            "effects",
            "policy",
            "journeys",
            "shelf",
        ])
        .and_then(|object| read(&object, host));
    match decoded {
        Some(playbook) if sink.is_empty() => Ok(playbook),
        _ => Err(made.tell(sink.into_faults())),
    }
}

/// The builder's rules stand among the JSON's, so that both are checked together.
fn add_criteria(json: &mut serde_json::Value, criteria: &[(SegmentId, CriteriaBuilder)], sink: &FaultSink) {
    let Some(sections) = json.as_object_mut().filter(|_| !criteria.is_empty()) else { return };
    let segments = sections.entry("segments").or_insert_with(|| serde_json::json!({}));
    if segments.is_null() {
        *segments = serde_json::json!({});
    }
    let Some(segments) = segments.as_object_mut() else { return };
    for (id, rule) in criteria {
        if segments.insert(id.as_str().to_owned(), rule.clone().into_json()).is_some() {
            sink.report(format!("$.segments.{id}"), "the builder adds a segment of this name too; keep one");
        }
    }
}

fn read(object: &Object<'_>, host: PlaybookBuilder) -> Option<Playbook> {
    object.need("version").and_then(|node| node.integer(1..=1));
    let currency = object.need("currency").and_then(|node| node.parsed::<Currency>());
    let horizon = object.get("dedupe_horizon").map_or(Some(HORIZON), |node| node.span());
    let figures = object.get("figures").map(|node| FigureRules::decode(&node)).unwrap_or_default();
    let rfm = object.get("rfm").and_then(|node| RfmModel::decode(&node));
    let identity = object.get("identity").map_or_else(|| Some(Identity::default()), |node| Identity::decode(&node));
    let retention = object.get("retention");
    let retention = retention.map_or_else(|| Some(Retention::default()), |node| Retention::decode(&node, horizon));
    if let Some(retention) = &retention {
        hosts_read(object, retention, &host);
    }
    let brand = object.get("brand").map(|node| decode_brand(&node)).unwrap_or_default();
    let channels = object.get("channels").map(|node| decode_channels(&node)).unwrap_or_default();
    let channel_ids: Vec<ChannelId> = channels.iter().map(|spec| spec.tag.id.clone()).collect();
    let host_ids: Vec<SegmentId> = host.segments.iter().map(|(id, _)| id.clone()).collect();
    let definitions = object.get("segments").map(|node| decode_segments(&node, &host_ids)).unwrap_or_default();
    let messages = object.get("messages").map(|node| decode_messages(&node, &brand, &channels)).unwrap_or_default();
    let effects = object.get("effects").map(|node| decode_effects(&node)).unwrap_or_default();
    let effect_ids: Vec<EffectId> = effects.iter().map(|spec| spec.id.clone()).collect();
    let policy = object.get("policy");
    let policy = Policy::decode(policy.as_ref(), &channel_ids, &host.policy);
    super::topics::check(object);
    let consent = consent(object, &channels, policy.as_ref());
    let secret = host.secret;
    let mut segments = host.segments;
    let mut reads = vec![(false, false); segments.len()];
    for definition in definitions {
        reads.push((definition.rule.reads_seen(), definition.rule.reads_identified()));
        segments.push((definition.id, Arc::new(definition.rule) as Arc<dyn Segment>));
    }
    let segment_ids: Vec<SegmentId> = segments.iter().map(|(id, _)| id.clone()).collect();
    let message_ids: Vec<(MessageId, Vec<_>)> =
        messages.iter().map(|message| (message.tag.id.clone(), message.reads().trigger.clone())).collect();
    let speaks = |message: &Message| {
        let spoken = channels.iter().filter(|spec| message.speaks(spec));
        spoken.map(|spec| spec.tag.id.clone()).collect::<Vec<_>>()
    };
    let spoken: Vec<Vec<ChannelId>> = messages.iter().map(speaks).collect();
    let known = Known {
        channels: &channel_ids,
        segments: &segment_ids,
        messages: &message_ids,
        effects: &effect_ids,
        spoken: &spoken,
        zone: policy.as_ref().and_then(Policy::zone),
    };
    let mut journeys = host.journeys;
    if let Some(node) = object.get("journeys") {
        for (name, node) in node.open_object()?.fields() {
            for graph in decode_journey(name, &node, &known) {
                let again = |other: &&Arc<dyn Journey>| other.id() == graph.id() && other.version() == graph.version();
                if let Some(other) = journeys.iter().find(again) {
                    let version = other.version();
                    node.fault(format!("the builder adds version {version} of this journey too; raise one of them"));
                }
                journeys.push(Arc::new(graph));
            }
        }
    }
    let judgement = judgement(object, &host_ids, &journeys, known.zone);
    let warnings: Vec<Fault> = messages.iter().flat_map(Message::warnings).cloned().collect();
    let mut playbook = Playbook {
        name: object.get("name").and_then(|node| node.text()).map(str::to_owned),
        currency: currency?,
        brand,
        by_message: HashMap::default(),
        by_journey: HashMap::default(),
        newest: Vec::new(),
        paused: Vec::new(),
        migrations: HashMap::default(),
        channels,
        messages,
        effects,
        segments,
        journeys,
        policy: policy?,
        figures,
        consent,
        rfm,
        horizon: horizon?,
        judgement,
        identity: identity?.under(secret),
        retention: retention?,
        lease: Span::minutes(1),
        warnings,
        index: Index::default(),
    };
    playbook.index(&reads);
    Some(playbook)
}

/// Reports what the host's own definitions read of which less is kept.
fn hosts_read(object: &Object<'_>, retention: &Retention, host: &PlaybookBuilder) {
    let Some(kept) = retention.events() else { return };
    let segments = host.segments.iter().map(|(id, segment)| (format!("segment `{id}`"), segment.needs()));
    let journeys = host.journeys.iter().map(|journey| (format!("journey `{}`", journey.id()), journey.needs()));
    for (definition, needs) in segments.chain(journeys) {
        for need in needs.events.iter().filter(|need| need.keep.within > kept) {
            object.node().fault_at(
                "$.retention.events",
                format!(
                    "keeps {kept}, but the host's {definition} reads further back in `{}`; keep events longer, or have it \
                     need less (rules are best added by `with_criteria`)",
                    need.event
                ),
            );
        }
    }
}

fn consent(object: &Object<'_>, channels: &[ChannelSpec], policy: Option<&Policy>) -> ConsentRules {
    let Some(node) = object.get("consent") else { return ConsentRules::default() };
    let kinds: Vec<ChannelKind> = channels.iter().map(|spec| spec.tag.kind.clone()).collect();
    let rules = ConsentRules::decode(&node, &kinds);
    for topic in rules.double_opt_in_topics() {
        if policy.is_some_and(|policy| policy.topic_mode(topic) == TopicMode::OptOut) {
            let place = format!("{}.double_opt_in", node.path());
            node.fault_at(
                &place,
                format!("`{topic}` is opt-out, so nobody need sign up; make it opt_in in policy.topics"),
            );
        }
    }
    rules
}

/// A stable hash, never 0, of all that decides who is in which segment, when a record is to be looked at, which journeys
/// take in who is there already, and which time alone begins.
fn judgement(object: &Object<'_>, host: &[SegmentId], journeys: &[Arc<dyn Journey>], zone: Option<Zone>) -> u64 {
    let mut text: String = host.iter().map(|id| format!("{id}\n")).collect();
    for name in ["currency", "segments", "figures", "rfm", "retention"] {
        text.extend(object.get(name).map(|node| format!("{name}: {}\n", node.json())));
    }
    // Whom a paused journey would have taken in it takes in when it is resumed.
    for journey in journeys.iter().filter(|journey| !journey.is_paused()) {
        text.extend(journey.enrols().map(|segment| format!("{} enrols {segment}\n", journey.id())));
    }
    // When time alone begins runs lies in the records too.
    let json = object.get("journeys").map(|node| node.json());
    let older = |journey: &Arc<dyn Journey>| {
        journeys.iter().any(|other| other.id() == journey.id() && other.version() > journey.version())
    };
    for journey in journeys.iter().filter(|journey| !older(journey)) {
        let Some(looks_back) = journey.timed() else { continue };
        let (id, version) = (journey.id(), journey.version());
        let trigger = json.and_then(|journeys| journeys.get(id.as_str())?.get("trigger"));
        text.extend([format!("{id} {version} is timed: {trigger:?} {looks_back} {zone:?}\n")]);
    }
    Key::hash_of(&text).max(1)
}

impl Playbook {
    fn index(&mut self, reads: &[(bool, bool)]) {
        let mut index = Index::default();
        index.read(&self.policy.needs());
        index.handles = self
            .channels
            .iter()
            .filter_map(|spec| match &spec.tag.kind {
                ChannelKind::Other(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        for (position, ((id, segment), reads)) in self.segments.iter().zip(reads).enumerate() {
            index.add_segment(u16::try_from(position).unwrap_or(u16::MAX), id, &**segment, *reads);
        }
        for (position, journey) in self.journeys.iter().enumerate() {
            index.add_journey(u16::try_from(position).unwrap_or(u16::MAX), &journey.needs());
        }
        let by_message =
            self.messages.iter().enumerate().map(|(n, message)| (message.tag.id.key().hash(), n)).collect();
        // A claim must outlive the slowest channel's, or effect's, own time limit, else its outcome would be unknown while it runs.
        let timeouts =
            self.channels.iter().map(|spec| spec.timeout).chain(self.effects.iter().map(|spec| spec.timeout));
        let slowest = timeouts.max().unwrap_or(Span::ZERO);
        self.lease = Span::millis(slowest.as_millis().saturating_mul(2)).max(Span::minutes(1));
        if let Some(kept) = self.retention.events() {
            index.events.values_mut().for_each(|plan| plan.keep.within = plan.keep.within.min(kept));
        }
        self.by_message = by_message;
        let named = |journey: &Arc<dyn Journey>| (journey.id().key().hash(), journey.version());
        self.by_journey = (0u16..).zip(&self.journeys).map(|(n, journey)| (named(journey), n)).collect();
        self.newest = self
            .journeys
            .iter()
            .map(|journey| {
                !self.journeys.iter().any(|other| other.id() == journey.id() && other.version() > journey.version())
            })
            .collect();
        for (position, (journey, newest)) in (0u16..).zip(self.journeys.iter().zip(&self.newest)) {
            if let Some(looks_back) = journey.timed().filter(|_| *newest) {
                let timed = Timed { position, journey: journey.id().key().hash(), looks_back };
                index.add_timed(timed, &journey.needs());
            }
        }
        let paused = self.journeys.iter().filter(|journey| journey.is_paused());
        self.paused = paused.map(|journey| journey.id().key().hash()).collect();
        let mut in_order: Vec<(u16, &Arc<dyn Journey>)> = (0u16..).zip(&self.journeys).collect();
        in_order.sort_by_key(|(_, journey)| journey.version());
        // A later version takes them over from an earlier one.
        self.migrations = in_order
            .into_iter()
            .flat_map(|(position, journey)| {
                let older = journey.migrates().into_iter().filter(|from| *from < journey.version());
                older.map(move |from| ((journey.id().key().hash(), from), position))
            })
            .collect();
        self.index = index;
    }
}
