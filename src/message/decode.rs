//! Messages as a playbook writes them.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::context::Given;
use super::template::{Form, Template, TemplateReads, TemplatesBuilder};
use super::variant::Variant;
use super::{Brand, DEFAULT_DEADLINE, Message, Reads, WhenBlocked, check};
use crate::channel::ChannelSpec;
use crate::customer::{MessageClass, MessageTag};
use crate::primitives::fault::{FaultSink, Node, Object, nearest};
use crate::primitives::{ChannelId, ChannelKind, Faults, MessageId, Span, Topic};

const FIELDS: [&str; 12] = [
    "topic",
    "class",
    "priority",
    "dedupe",
    "value",
    "caps",
    "when_capped",
    "when_closed",
    "valid_for",
    "content_key",
    "channels",
    "variants",
];

/// The object `messages`: messages by their ids, in the order of the ids. Their templates share one set.
pub(crate) fn decode_messages(node: &Node<'_>, brand: &Brand, channels: &[ChannelSpec]) -> Vec<Message> {
    let Some(object) = node.open_object() else { return Vec::new() };
    let mut builder = TemplatesBuilder::default();
    let decode = |(id, node): (&str, Node<'_>)| message(id, &node, brand, channels, &mut builder);
    let mut messages: Vec<Message> = object.fields().filter_map(decode).collect();
    // Not the text's order: a feature of serde_json that another crate switches on would change it.
    messages.sort_by(|a, b| a.id().as_str().cmp(b.id().as_str()));
    let templates = builder.finish();
    for message in &mut messages {
        message.templates = templates.clone();
    }
    messages
}

/// One message by itself.
pub(super) fn parse(id: &str, json: &str, brand: &Brand, channels: &[ChannelSpec]) -> Result<Message, Faults> {
    let sink = FaultSink::default();
    let mut builder = TemplatesBuilder::default();
    let message = match serde_json::from_str(json) {
        Ok(json) => message(id, &Node::root(&json, &sink), brand, channels, &mut builder),
        Err(wrong) => {
            sink.report("$", wrong.to_string());
            None
        }
    };
    match message {
        Some(message) if sink.is_empty() => Ok(Message { templates: builder.finish(), ..message }),
        _ => Err(sink.into_faults()),
    }
}

fn message(
    id: &str,
    node: &Node<'_>,
    brand: &Brand,
    channels: &[ChannelSpec],
    builder: &mut TemplatesBuilder,
) -> Option<Message> {
    if id.is_empty() {
        node.fault("a message needs a name");
        return None;
    }
    let object = node.object(&FIELDS)?;
    let classes = [("marketing", MessageClass::Marketing), ("transactional", MessageClass::Transactional)];
    let class = object.get("class").and_then(|node| node.one_of(&classes)).unwrap_or_default();
    let topic = object.get("topic").and_then(|node| node.key());
    let (obeys_caps, counts) = caps(&object, class);
    let tag = MessageTag {
        id: MessageId::new(id),
        topic: topic.map_or_else(|| default_topic(class), |topic| Topic::new(topic.as_str())),
        class,
        counts,
        dedupe: object.get("dedupe").and_then(|node| node.span()).unwrap_or(Span::days(30)),
    };
    let priority = object.get("priority").and_then(|node| node.integer(i32::MIN.into()..=i32::MAX.into()));
    let content_key = object
        .get("content_key")
        .and_then(|node| builder.compile(&node, node.text()?, Form::Line))
        .map(|template| (Given::new(&template.reads), template))
        .map(|(given, template)| (template, given));
    let only = object.get("channels").and_then(|node| restriction(&node, channels));
    let variants = variants(&object, channels, only.as_deref(), builder);
    Some(Message {
        tag: Arc::new(tag),
        priority: priority.and_then(|n| i32::try_from(n).ok()).unwrap_or_default(),
        obeys_caps,
        on_cap: when(&object, "when_capped").unwrap_or(WhenBlocked::NextChannel),
        on_closed: when(&object, "when_closed").unwrap_or(WhenBlocked::Wait),
        deadline: object.get("valid_for").and_then(|node| node.span()).unwrap_or(DEFAULT_DEADLINE),
        value: object.get("value").and_then(|node| value(&node)),
        channels: only,
        reads: reads(&variants, content_key.as_ref().map(|(template, _)| template)),
        warnings: check::check(class, &variants, brand),
        content_key,
        variants,
        templates: Default::default(),
    })
}

fn default_topic(class: MessageClass) -> Topic {
    match class {
        MessageClass::Marketing => Topic::new("marketing"),
        MessageClass::Transactional => Topic::new("transactional"),
    }
}

/// Whether it obeys frequency caps, and whether it counts in them.
fn caps(object: &Object<'_>, class: MessageClass) -> (bool, bool) {
    let marketing = class == MessageClass::Marketing;
    let Some(node) = object.get("caps") else { return (marketing, marketing) };
    let Some(caps) = node.object(&["obey", "count"]) else { return (marketing, marketing) };
    let flag = |name: &str| caps.get(name).and_then(|node| node.boolean()).unwrap_or(marketing);
    let (obeys, counts) = (flag("obey"), flag("count"));
    if obeys && !marketing {
        node.fault("a transactional message does not obey caps: leave `obey` out, or make its class marketing");
    }
    (obeys, counts)
}

fn when(object: &Object<'_>, field: &str) -> Option<WhenBlocked> {
    let words = [
        ("next_channel", WhenBlocked::NextChannel),
        ("wait", WhenBlocked::Wait),
        ("skip", WhenBlocked::Skip),
        ("end_run", WhenBlocked::EndRun),
    ];
    object.get(field)?.one_of(&words)
}

fn value(node: &Node<'_>) -> Option<Decimal> {
    let value = node.decimal()?;
    if value < Decimal::ZERO {
        node.fault("an engagement is not worth less than nothing");
    }
    Some(value)
}

/// The channels that a message is restricted to.
fn restriction(node: &Node<'_>, channels: &[ChannelSpec]) -> Option<Vec<ChannelId>> {
    let ids = node.list()?.into_iter().filter_map(|node| {
        let id = node.text()?;
        if channels.iter().any(|spec| spec.id().as_str() == id) {
            return Some(ChannelId::new(id));
        }
        let known: Vec<&str> = channels.iter().map(|spec| spec.id().as_str()).collect();
        node.fault(format!("the playbook has no channel `{id}`; {}", hint(id, &known)));
        None
    });
    Some(ids.collect())
}

fn variants(
    object: &Object<'_>,
    channels: &[ChannelSpec],
    only: Option<&[ChannelId]>,
    builder: &mut TemplatesBuilder,
) -> Vec<Variant> {
    let Some(all) = object.need("variants").and_then(|node| node.open_object()) else { return Vec::new() };
    let mut variants = Vec::new();
    let mut names = 0;
    for (name, node) in all.fields() {
        names += 1;
        let by_id = channels.iter().find(|spec| spec.id().as_str() == name).map(|spec| spec.kind().clone());
        let by_kind = || Some(ChannelKind::from_name(name)).filter(|kind| channels.iter().any(|c| c.kind() == kind));
        match by_id.or_else(by_kind) {
            Some(kind) => variants.extend(Variant::decode(name, &kind, &node, builder)),
            None => {
                let ids = channels.iter().map(|spec| spec.id().as_str());
                let mut known: Vec<&str> = ids.chain(channels.iter().map(|spec| spec.kind().as_str())).collect();
                known.sort_unstable();
                known.dedup();
                node.fault(format!("the playbook has no channel and no kind `{name}`; {}", hint(name, &known)));
            }
        }
    }
    variants.sort_by(|a, b| a.name.cmp(&b.name));
    if names == 0 {
        all.node().fault("a message needs a variant for at least one channel");
    }
    for id in only.unwrap_or_default() {
        let spec = channels.iter().find(|spec| spec.id() == id);
        let kind = spec.map_or("", |spec| spec.kind().as_str());
        let said = |(name, _): (&str, Node<'_>)| name == id.as_str() || ChannelKind::from_name(name).as_str() == kind;
        if names > 0 && !all.fields().any(said) {
            all.node().fault(format!("the message goes by `{id}` and has no variant for it"));
        }
    }
    variants
}

fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it has none at all".to_owned(),
        None => format!("it has {}", known.join(", ")),
    }
}

fn reads(variants: &[Variant], content_key: Option<&Template>) -> Reads {
    let mut all = TemplateReads::default();
    let templates = variants.iter().flat_map(Variant::wordings).flat_map(|wording| wording.templates());
    templates.chain(content_key).for_each(|template| all.extend(&template.reads));
    Reads { customer: TemplateReads::keys(&all.customer), trigger: TemplateReads::keys(&all.trigger) }
}
