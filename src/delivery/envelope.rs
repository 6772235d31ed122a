//! One message on its way to one customer.

use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::channel::ChannelSpec;
use crate::customer::{ChannelTag, ContentKey, MessageTag, RunRef};
use crate::message::Content;
use crate::primitives::{ContactPoint, CustomerId, IdempotencyKey, Instant, JourneyId, Money};

/// Where an envelope goes. `Debug`, `Display` and `Serialize` are masked; [`plain`](Self::plain) is for the provider.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// To a contact point.
    Point(ContactPoint),
    /// To a customer whom the channel knows by this id: the shop's own, else a visitor id.
    Id(Arc<str>),
}

impl Address {
    /// The plain text, for the provider.
    pub fn plain(&self) -> &str {
        match self {
            Address::Point(point) => point.as_str(),
            Address::Id(id) => id,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Point(point) => fmt::Display::fmt(point, f),
            // Shops use e-mail addresses as ids.
            Address::Id(_) => f.write_str("<id>"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// One message on its way to one customer on one channel, rendered at the decision and unchanged ever after.
///
/// `Debug` and `Serialize` are for logs: the address is masked and the content is shown by its kind and sizes. The plain
/// text is in [`address`](Self::address) and in [`content`](Self::content), for the provider and for the store.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Envelope {
    /// Its id, which is its idempotency key (promise 8.4).
    pub id: IdempotencyKey,
    /// The message that it is of, as notices name it: its own id, or of a message to several devices that of the first.
    pub of: IdempotencyKey,
    /// To whom.
    pub customer: CustomerId,
    /// Where to.
    pub to: Address,
    /// On which channel, and of which kind that is.
    pub channel: Arc<ChannelTag>,
    /// Which message, with its topic and class.
    pub message: Arc<MessageTag>,
    /// What it says, as far as "the same content never twice" goes. Personal, since it may name an order.
    pub content_key: Arc<str>,
    /// The rendered message.
    pub content: Arc<Content>,
    /// The run that asked for it; `None` for a message outside journeys.
    pub run: Option<RunRef>,
    /// The step of that run, by its name.
    pub step: Option<Arc<str>>,
    /// The attempt of the cascade, from 1; never the delivery try.
    pub attempt: u16,
    /// When it was decided.
    pub decided: Instant,
    /// From when on it may be claimed.
    pub due: Instant,
    /// Until when; later it expires.
    pub deadline: Instant,
    /// What the hand-over costs.
    pub cost: Money,
    /// The parts of an SMS; 1 elsewhere.
    pub parts: u32,
}

impl Envelope {
    /// An envelope that is due at once and outside any journey; the fields are public, to change what is otherwise.
    pub fn new(
        id: IdempotencyKey,
        (customer, to): (CustomerId, Address),
        channel: &ChannelSpec,
        message: &Arc<MessageTag>,
        content: Arc<Content>,
        cost: Money,
        now: Instant,
    ) -> Self {
        Envelope {
            id,
            of: id,
            customer,
            to,
            channel: channel.tag.clone(),
            message: message.clone(),
            content_key: message.id.as_str().into(),
            content,
            run: None,
            step: None,
            attempt: 1,
            decided: now,
            due: now,
            deadline: now + crate::message::DEFAULT_DEADLINE,
            cost,
            parts: 1,
        }
    }

    /// The key by which a provider refuses a second copy: 36 characters, the same for every hand-over of this envelope.
    pub fn idempotency_key(&self) -> String {
        self.id.to_string()
    }

    /// Where to, in plain text, for the provider. Never for a log.
    pub fn address(&self) -> &str {
        self.to.plain()
    }

    /// The journey that asked for it.
    pub fn journey(&self) -> Option<&JourneyId> {
        self.run.as_ref().map(|run| &run.journey)
    }

    /// The hash of the content key, as the contact log keeps it.
    pub fn content_key(&self) -> ContentKey {
        ContentKey::new(&self.content_key)
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id)
            .field("of", &self.of)
            .field("customer", &self.customer)
            .field("to", &self.to)
            .field("channel", &self.channel.id)
            .field("message", &self.message.id)
            .field("content_key", &self.content_key())
            .field("content", &self.content)
            .field("journey", &self.journey())
            .field("step", &self.step)
            .field("attempt", &self.attempt)
            .field("decided", &self.decided)
            .field("due", &self.due)
            .field("deadline", &self.deadline)
            .field("cost", &self.cost)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

impl Serialize for Envelope {
    /// For logs: no address, no content, no content key in plain text.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("Envelope", 21)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("of", &self.of)?;
        fields.serialize_field("customer", &self.customer)?;
        fields.serialize_field("to", &self.to)?;
        fields.serialize_field("channel", &self.channel.id)?;
        fields.serialize_field("kind", &self.channel.kind)?;
        fields.serialize_field("message", &self.message.id)?;
        fields.serialize_field("topic", &self.message.topic)?;
        fields.serialize_field("class", &self.message.class)?;
        fields.serialize_field("content_key", &self.content_key())?;
        fields.serialize_field("content", &format!("{:?}", self.content))?;
        fields.serialize_field("journey", &self.journey())?;
        fields.serialize_field("run", &self.run.as_ref().map(|run| format!("{:016x}", run.run)))?;
        fields.serialize_field("visit", &self.run.as_ref().map(|run| run.visit))?;
        fields.serialize_field("step", &self.step)?;
        fields.serialize_field("attempt", &self.attempt)?;
        fields.serialize_field("decided", &self.decided)?;
        fields.serialize_field("due", &self.due)?;
        fields.serialize_field("deadline", &self.deadline)?;
        fields.serialize_field("cost", &self.cost)?;
        fields.serialize_field("parts", &self.parts)?;
        fields.end()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::customer::MessageClass;
    use crate::primitives::{MessageId, Span, Topic};

    pub(in crate::delivery) fn envelope(channel: &ChannelSpec, text: &str, to: Address) -> Envelope {
        let message = MessageTag {
            id: MessageId::new("welcome"),
            topic: Topic::new("news"),
            class: MessageClass::Marketing,
            counts: true,
            dedupe: Span::days(30),
        };
        let now = "2026-03-07T20:00:00Z".parse().unwrap();
        let cost = Money { amount: "0.08".parse().unwrap(), currency: "EUR".parse().unwrap() };
        let content = Arc::new(Content::Sms { text: text.to_owned() });
        let id = IdempotencyKey::derive(&[b"anna", b"welcome"]);
        Envelope::new(id, (CustomerId::new("anna"), to), channel, &Arc::new(message), content, cost, now)
    }

    #[test]
    fn promise_2_5_neither_debug_nor_json_shows_the_customer() {
        let mail = Address::Point(ContactPoint::email("marker-mail@shop.example").unwrap());
        let id = Address::Id("marker-id@shop.example".into());
        for to in [mail, id] {
            let mut envelope = envelope(&ChannelSpec::new("sms"), "marker-text", to);
            envelope.content_key = "marker-key".into();
            assert!(envelope.address().starts_with("marker-"));
            let shown = [
                format!("{envelope:?}"),
                format!("{:#?}", Some(&envelope)),
                serde_json::to_string(&envelope).unwrap(),
                format!("{:?} {}", envelope.to, envelope.to),
            ];
            for text in shown {
                assert!(!text.contains("marker-"), "{text}");
            }
        }
    }

    #[test]
    fn a_log_line_names_the_message_and_the_money() {
        let envelope = envelope(&ChannelSpec::new("sms"), "Hello", Address::Id("a".into()));
        let json = serde_json::to_value(&envelope).unwrap();
        assert_eq!((json["message"].as_str(), json["cost"].as_str()), (Some("welcome"), Some("0.08 EUR")));
        assert_eq!((json["topic"].as_str(), json["class"].as_str()), (Some("news"), Some("marketing")));
        assert_eq!((json["kind"].as_str(), json["content"].as_str()), (Some("sms"), Some("sms(text: 5 bytes)")));
    }

    #[test]
    fn promise_8_4_the_idempotency_key_is_the_id_in_36_characters() {
        let envelope = envelope(&ChannelSpec::new("sms"), "Hello", Address::Id("a".into()));
        let retried = Envelope { content: envelope.content.clone(), ..envelope.clone() };
        assert_eq!(envelope.idempotency_key().len(), 36);
        assert_eq!(retried.idempotency_key(), envelope.idempotency_key());
    }
}
