//! What the shop says of consent: which events imply it and for how long, what has to be confirmed, which replies revoke.

use super::words::{Word, Words};
use crate::event::{Basis, Event, ReceiptKind};
use crate::primitives::fault::Node;
use crate::primitives::{ChannelKind, Key, Period, Span, Topic, Value};

/// The section `consent` of a [playbook](crate::guide::playbook#consent).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConsentRules {
    implied: Box<[Implied]>,
    double: Box<[DoubleOptIn]>,
    words: Words,
}

/// Events that imply consent for a time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Implied {
    /// The stable hashes of their names.
    events: Box<[u64]>,
    pub(super) basis: Basis,
    pub(super) lasts: Period,
    pub(super) channels: Box<[ChannelKind]>,
    /// Empty: all of the channel.
    pub(super) topics: Box<[Topic]>,
}

/// What has to be confirmed.
#[derive(Debug, Clone, PartialEq)]
struct DoubleOptIn {
    channel: Option<ChannelKind>,
    topic: Option<Topic>,
    within: Span,
}

/// How long a sign-up waits where the playbook does not say.
const WITHIN: Span = Span::days(7);

/// The event of the Segment spec that is a purchase.
const PURCHASE: &str = "Order Completed";

impl ConsentRules {
    /// From the section of a playbook, whose channels are of these kinds. All faults are reported.
    pub(crate) fn decode(node: &Node<'_>, kinds: &[ChannelKind]) -> ConsentRules {
        let fields = ["implied", "double_opt_in", "stop_words", "start_words"];
        let Some(object) = node.object(&fields) else { return ConsentRules::default() };
        let mut implied = Vec::new();
        if let Some(parts) = object.get("implied").and_then(|node| node.object(&["purchase", "inquiry"])) {
            let decode = |name, basis| Implied::decode(&parts.get(name)?, basis, kinds);
            implied.extend(decode("purchase", Basis::ImpliedPurchase));
            implied.extend(decode("inquiry", Basis::ImpliedInquiry));
        }
        let double = object.get("double_opt_in").and_then(|node| node.list()).unwrap_or_default();
        let double: Vec<DoubleOptIn> = double.iter().filter_map(|node| DoubleOptIn::decode(node, kinds)).collect();
        ConsentRules { implied: implied.into(), double: double.into(), words: Words::decode(&object) }
    }

    /// What an event of this name implies.
    pub(super) fn implied_by(&self, event: &Key) -> impl Iterator<Item = &Implied> {
        self.implied.iter().filter(|implied| implied.events.contains(&event.hash()))
    }

    /// How long a sign-up for this waits for its confirmation; `None` if it needs none. What is said of all topics is
    /// said of one that needs it, too.
    pub(super) fn confirmed_within(&self, channel: &ChannelKind, topic: Option<&Topic>) -> Option<Span> {
        let asks = |rule: &&DoubleOptIn| {
            rule.channel.as_ref().is_none_or(|named| named == channel)
                && (topic.is_none() || rule.topic.as_ref().is_none_or(|named| Some(named) == topic))
        };
        self.double.iter().filter(asks).map(|rule| rule.within).min()
    }

    /// The topics that are named as to be confirmed.
    pub(crate) fn double_opt_in_topics(&self) -> impl Iterator<Item = &Topic> {
        self.double.iter().filter_map(|rule| rule.topic.as_ref())
    }

    /// What a reply asks for, if it consists of one of the words.
    pub(crate) fn word(&self, event: &Event) -> Option<Word> {
        event.receipt.as_ref().filter(|receipt| receipt.kind == ReceiptKind::Replied)?;
        let text = |name| event.properties.get_str(name).and_then(Value::as_str);
        self.words.read(text("text").or_else(|| text("body"))?)
    }
}

impl Implied {
    fn decode(node: &Node<'_>, basis: Basis, kinds: &[ChannelKind]) -> Option<Implied> {
        let object = node.object(&["events", "for", "channels", "topics"])?;
        let lasts = object.need("for").and_then(|node| period(&node));
        let channels = object.need("channels").map(|node| texts(&node)).unwrap_or_default();
        let channels: Vec<ChannelKind> =
            channels.into_iter().filter_map(|(node, name)| known_kind(&node, name, kinds)).collect();
        let topics = object.get("topics").map(|node| texts(&node)).unwrap_or_default();
        let events: Vec<u64> = match (object.get("events"), basis) {
            (Some(node), _) => texts(&node).into_iter().map(|(_, name)| Key::hash_of(name)).collect(),
            (None, Basis::ImpliedPurchase) => vec![Key::hash_of(PURCHASE)],
            (None, _) => {
                object.need("events");
                return None;
            }
        };
        Some(Implied {
            events: events.into(),
            basis,
            lasts: lasts?,
            channels: channels.into(),
            topics: topics.into_iter().map(|(_, name)| Topic::new(name)).collect(),
        })
    }
}

impl DoubleOptIn {
    fn decode(node: &Node<'_>, kinds: &[ChannelKind]) -> Option<DoubleOptIn> {
        let object = node.object(&["channel", "topic", "within"])?;
        let channel = object.get("channel").map(|node| node.text().and_then(|name| known_kind(&node, name, kinds)));
        let topic = object.get("topic").map(|node| node.key());
        if channel.is_none() && topic.is_none() {
            node.fault("expected a `topic`, a `channel`, or both: what has to be confirmed");
            return None;
        }
        let within = object.get("within").map_or(Some(WITHIN), |node| node.span());
        let channel = channel.map_or(Some(None), |channel| channel.map(Some))?;
        let topic = topic.map_or(Some(None), |topic| topic.map(|topic| Some(Topic::new(topic.as_str()))))?;
        Some(DoubleOptIn { channel, topic, within: within? })
    }
}

fn period(node: &Node<'_>) -> Option<Period> {
    let period: Period = node.parsed()?;
    if period.is_zero() {
        node.fault("expected a length of time above zero");
        return None;
    }
    Some(period)
}

/// A kind of channel that the playbook has; another would be consented to in vain.
fn known_kind(node: &Node<'_>, name: &str, kinds: &[ChannelKind]) -> Option<ChannelKind> {
    let kind = ChannelKind::from_name(name);
    if kinds.contains(&kind) {
        return Some(kind);
    }
    let all: Vec<&str> = kinds.iter().map(ChannelKind::as_str).collect();
    node.fault(format!("the playbook has no channel of the kind `{kind}`; its kinds: {}", all.join(", ")));
    None
}

/// Texts that are not empty, each with its place.
pub(super) fn texts<'a>(node: &Node<'a>) -> Vec<(Node<'a>, &'a str)> {
    let list = node.list().unwrap_or_default();
    if list.is_empty() && node.json().is_array() {
        node.fault("expected at least one");
    }
    list.into_iter().filter_map(|node| node.key().and_then(|_| node.text()).map(|text| (node, text))).collect()
}
