//! Frequency preference: the customer's own wish for at most N messages per time, and for a pause (promise 7.4). No
//! message is exempt from it but a transactional one: what the shop lets pass its caps does not pass this.

use std::sync::LazyLock;

use crate::customer::{Contact, Customer, MessageClass};
use crate::policy::frequency_cap::leaves;
use crate::policy::rules::blocked;
use crate::policy::{Ask, Candidate, Rule, Verdict, Witness};
use crate::primitives::{ChannelKind, Fields, Instant, Key, Span, Topic, Value, ValueRef};

#[derive(Debug)]
pub(in crate::policy) struct FrequencyPreference;

/// What a customer wishes, from the attributes `frequency` and `pause_until`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::policy) struct Wishes {
    caps: Vec<Wish>,
    paused: Option<Instant>,
}

/// At most so many messages in any so long.
#[derive(Debug, Clone, PartialEq)]
struct Wish {
    at_most: usize,
    per: Span,
    channel: Option<ChannelKind>,
    topic: Option<Topic>,
}

static FREQUENCY: LazyLock<Key> = LazyLock::new(|| Key::new("frequency"));
static PAUSE: LazyLock<Key> = LazyLock::new(|| Key::new("pause_until"));

/// A longer time counts as this, so that the log of messages stays bounded.
const LONGEST: Span = Span::days(365);

impl Wishes {
    pub(in crate::policy) fn of(who: &dyn Customer) -> Wishes {
        let caps = match who.attribute(&FREQUENCY) {
            Some(ValueRef::Map(wish)) => Wish::read(wish).into_iter().collect(),
            Some(ValueRef::List(list)) => list.iter().filter_map(Wish::read_value).collect(),
            _ => Vec::new(),
        };
        Wishes { caps, paused: who.attribute(&PAUSE).and_then(ValueRef::as_instant) }
    }

    /// How far back the messages are read.
    pub(in crate::policy) fn reach(&self) -> Span {
        self.caps.iter().map(|wish| wish.per).max().unwrap_or(Span::ZERO)
    }
}

impl Wish {
    fn read_value(value: &Value) -> Option<Wish> {
        match value {
            Value::Map(wish) => Wish::read(wish),
            _ => None,
        }
    }

    /// `{"at_most": 1, "per": "7d", "channel": "email", "topic": "offers"}`.
    fn read(wish: &Fields) -> Option<Wish> {
        let text = |name| wish.get_str(name).and_then(Value::as_str);
        let Some(Value::Int(at_most)) = wish.get_str("at_most") else { return None };
        let per: Span = text("per")?.parse().ok().filter(|per| *per > Span::ZERO)?;
        Some(Wish {
            at_most: usize::try_from(*at_most).ok()?,
            per: per.min(LONGEST),
            channel: text("channel").map(ChannelKind::from_name),
            topic: text("topic").map(Topic::new),
        })
    }

    fn covers(&self, channel: &ChannelKind, topic: &Topic) -> bool {
        self.channel.as_ref().is_none_or(|named| named == channel)
            && self.topic.as_ref().is_none_or(|named| named == topic)
    }

    /// The messages in its window, each with when it was handed over; an open one is in every window.
    fn places<'c>(&self, ask: &'c Ask<'_>) -> impl Iterator<Item = (Instant, &'c Contact)> {
        ask.who.contacts().into_iter().flat_map(|log| log.iter()).filter_map(|contact| {
            let counts = contact.message.class == MessageClass::Marketing
                && Some(contact.id) != ask.own
                && self.covers(&contact.channel.kind, &contact.message.topic);
            contact.counted().filter(|at| counts && *at > ask.now - self.per).map(|at| (at, contact))
        })
    }

    fn is_full(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> bool {
        self.covers(&candidate.spec.tag.kind, &ask.message.tag.topic) && self.places(ask).count() >= self.at_most
    }
}

impl Rule for FrequencyPreference {
    fn id(&self) -> &'static str {
        "frequency_preference"
    }

    fn check(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> Verdict {
        let wishes = ask.memo.wishes.get_or_init(|| Wishes::of(ask.who));
        if ask.transactional() || *wishes == Wishes::default() {
            return Verdict::Pass;
        }
        let mut verdict = match wishes.paused.filter(|until| *until > ask.now) {
            Some(until) => blocked(ask.message.on_cap, Some(until), ask.now),
            None => Verdict::Pass,
        };
        for wish in &wishes.caps {
            if ask.who.contacts().is_none() {
                verdict = verdict.and(Verdict::Unchecked);
            } else if wish.is_full(ask, candidate) {
                let frees = leaves(wish.places(ask).map(|(at, _)| at).collect(), wish.at_most, wish.per);
                verdict = verdict.and(blocked(ask.message.on_cap, frees, ask.now));
            }
        }
        verdict
    }

    fn witness(&self, ask: &Ask<'_>, candidate: &Candidate<'_>, out: &mut Vec<Witness>) {
        let wishes = Wishes::of(ask.who);
        out.extend(wishes.paused.filter(|until| *until > ask.now).map(|until| Witness::Paused { until }));
        for wish in wishes.caps.iter().filter(|wish| wish.is_full(ask, candidate)) {
            out.push(Witness::Wish { at_most: wish.at_most, per: wish.per });
            out.extend(wish.places(ask).map(|(_, contact)| Witness::contact(contact)));
        }
    }
}
