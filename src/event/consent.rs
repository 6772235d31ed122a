//! What an event says of consent: Segment's subscriptions, and three events of the crate's own (promise 4.1).

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::{Event, EventError};
use crate::primitives::{ChannelKind, Instant, Key, Topic, Value};

/// On what a grant rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Basis {
    /// The customer said yes.
    #[default]
    Express,
    /// Implied by a purchase.
    ImpliedPurchase,
    /// Implied by an inquiry.
    ImpliedInquiry,
    /// An existing customer may be told of similar goods.
    SoftOptIn,
    /// A legitimate interest of the shop.
    LegitimateInterest,
}

impl Basis {
    pub(crate) const WORDS: &'static [(&'static str, Basis)] = &[
        ("express", Basis::Express),
        ("implied_purchase", Basis::ImpliedPurchase),
        ("implied_inquiry", Basis::ImpliedInquiry),
        ("soft_opt_in", Basis::SoftOptIn),
        ("legitimate_interest", Basis::LegitimateInterest),
    ];

    pub(crate) fn of_word(word: &str) -> Option<Basis> {
        Basis::WORDS.iter().find(|(known, _)| *known == word).map(|(_, basis)| *basis)
    }

    /// The name as events and playbooks write it.
    pub fn as_str(self) -> &'static str {
        Basis::WORDS.iter().find(|(_, basis)| *basis == self).map_or("", |(word, _)| *word)
    }
}

/// A short reference to what proves a statement: a `messageId`, the id of a form and its version, a file of an import.
/// At most [`Evidence::MOST`] bytes; what is longer is cut. It may be personal, so it prints masked (promise 2.5).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Evidence(Arc<str>);

impl Evidence {
    /// So many bytes at most.
    pub const MOST: usize = 200;

    /// From its text; `None` if that is empty.
    pub fn new(text: impl AsRef<str> + Into<Arc<str>>) -> Option<Self> {
        let whole = text.as_ref();
        let cut = cut(whole, Self::MOST);
        let text = if cut.len() < whole.len() { cut.into() } else { text.into() };
        (!text.is_empty()).then_some(Evidence(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of a sign-up and of its confirmation.
    pub(crate) fn both(one: Option<&Evidence>, other: Option<&Evidence>) -> Option<Evidence> {
        match (one, other) {
            (Some(one), Some(other)) => {
                let half = |evidence| cut(Evidence::as_str(evidence), Self::MOST / 2 - 2).to_owned();
                Evidence::new(half(one) + " + " + &half(other))
            }
            (one, other) => one.or(other).cloned(),
        }
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Evidence {
    /// In full: what is serialized is for the shop's own eyes, as an export is.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

/// The longest prefix of at most so many bytes that ends with a character.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// Where a statement came from: a name of at most 64 bytes.
pub(crate) fn source(name: &str) -> Option<Key> {
    let name = cut(name, 64);
    (!name.is_empty()).then(|| Key::new(name))
}

/// One statement on consent, as Segment's `messaging_subscriptions` make it and with what they leave out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription {
    /// The contact point it was given for, if it names one.
    pub point: Option<Arc<str>>,
    /// The kind of channel.
    pub channel: ChannelKind,
    /// The topic (Segment's subscription group); `None` is all of the channel.
    pub topic: Option<Topic>,
    /// Whether it grants or revokes.
    pub status: SubscriptionStatus,
    /// On what a grant rests.
    pub basis: Basis,
    /// When a grant runs out.
    pub expires: Option<Instant>,
    /// Where it came from, such as `checkout` or `preference_center`; without one, the event's name.
    pub source: Option<Key>,
    /// What proves it; without one, the event's `messageId`.
    pub evidence: Option<Evidence>,
}

/// What a subscription says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionStatus {
    /// `SUBSCRIBED`.
    Subscribed,
    /// `UNSUBSCRIBED`.
    Unsubscribed,
    /// `DID_NOT_SUBSCRIBE`: no record either way.
    DidNotSubscribe,
    /// A sign-up is confirmed (double opt-in).
    Confirmed,
}

impl Subscription {
    pub(super) fn new(channel: ChannelKind, status: SubscriptionStatus) -> Self {
        let (point, topic, source, evidence) = (None, None, None, None);
        Subscription { point, channel, topic, status, basis: Basis::Express, expires: None, source, evidence }
    }

    /// A grant for all of a kind of channel; an express one without an end, unless more is said.
    pub fn granted(channel: ChannelKind) -> Self {
        Subscription::new(channel, SubscriptionStatus::Subscribed)
    }

    /// A revocation of all of a kind of channel.
    pub fn revoked(channel: ChannelKind) -> Self {
        Subscription::new(channel, SubscriptionStatus::Unsubscribed)
    }

    /// The confirmation of a sign-up.
    pub fn confirmed(channel: ChannelKind) -> Self {
        Subscription::new(channel, SubscriptionStatus::Confirmed)
    }

    /// Of this topic only.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<Topic>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// At this contact point only.
    #[must_use]
    pub fn point(mut self, point: &str) -> Self {
        self.point = Some(point.into());
        self
    }

    /// On this basis.
    #[must_use]
    pub fn basis(mut self, basis: Basis) -> Self {
        self.basis = basis;
        self
    }

    /// Until this instant.
    #[must_use]
    pub fn expires(mut self, at: Instant) -> Self {
        self.expires = Some(at);
        self
    }

    /// From here, such as `import`; at most 64 bytes.
    #[must_use]
    pub fn source(mut self, name: &str) -> Self {
        self.source = source(name);
        self
    }

    /// With this to prove it.
    #[must_use]
    pub fn evidence(mut self, text: &str) -> Self {
        self.evidence = Evidence::new(text);
        self
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("channel", &self.channel)
            .field("topic", &self.topic)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Event {
    /// A statement on consent as an event: `Consent Given`, `Consent Revoked` or `Consent Confirmed`, by which journeys
    /// may begin too.
    pub fn consent(said: Subscription) -> Self {
        let name = match said.status {
            SubscriptionStatus::Unsubscribed | SubscriptionStatus::DidNotSubscribe => "Consent Revoked",
            SubscriptionStatus::Subscribed => "Consent Given",
            SubscriptionStatus::Confirmed => "Consent Confirmed",
        };
        let mut event = Event::track(name);
        event.subscriptions.push(said);
        event
    }

    /// What the event's own name and properties say of consent.
    pub(crate) fn consent_by_name(&self) -> Result<Option<Subscription>, EventError> {
        let status = match self.name.as_str().strip_prefix("Consent ") {
            Some("Given") => SubscriptionStatus::Subscribed,
            Some("Revoked") => SubscriptionStatus::Unsubscribed,
            Some("Confirmed") => SubscriptionStatus::Confirmed,
            _ => return Ok(None),
        };
        let text = |name: &str| self.properties.get_str(name).and_then(Value::as_str);
        let Some(channel) = text("channel") else {
            // It was built with the statement itself.
            return match self.subscriptions.is_empty() {
                true => Err(EventError::new("properties.channel", "missing; it names the kind of channel")),
                false => Ok(None),
            };
        };
        let mut said = Subscription::new(ChannelKind::from_name(channel), status);
        said.topic = text("topic").map(Topic::new);
        said.point = text("contact_point").map(Into::into);
        said.read_terms(&text, "properties")?;
        Ok(Some(said))
    }
}

impl Subscription {
    /// Reads `basis`, `expires`, `source` and `evidence`.
    pub(super) fn read_terms<'a>(
        &mut self,
        text: &impl Fn(&str) -> Option<&'a str>,
        field: &str,
    ) -> Result<(), EventError> {
        if let Some(word) = text("basis") {
            self.basis = Basis::of_word(word).ok_or_else(|| {
                let words: Vec<&str> = Basis::WORDS.iter().map(|(word, _)| *word).collect();
                EventError::new(format!("{field}.basis"), format!("expected one of {}", words.join(", ")))
            })?;
        }
        if let Some(at) = text("expires") {
            let wrong = |wrong| EventError::new(format!("{field}.expires"), format!("{wrong}"));
            self.expires = Some(at.parse().map_err(wrong)?);
        }
        if let Some(name) = text("source") {
            self.source = source(name);
        }
        if let Some(proof) = text("evidence") {
            self.evidence = Evidence::new(proof);
        }
        Ok(())
    }
}
