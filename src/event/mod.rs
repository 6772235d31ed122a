//! Events as the [Segment Spec](https://segment.com/docs/connections/spec/) writes them, in and out, and the receipts
//! of messages among them (promises 3.1 to 3.4).

mod consent;
mod device;
mod parse;
mod receipt;

use std::fmt;
use std::sync::Arc;

pub(crate) use consent::source;
pub use consent::{Basis, Evidence, Subscription, SubscriptionStatus};
pub use device::Device;
pub use parse::EventError;
pub(crate) use parse::is_placeholder;
pub use receipt::{Receipt, ReceiptKind, ReceiptTarget};

use crate::primitives::{ChannelKind, Fields, Instant, Key, Topic, Value};

/// Which call of the Segment Spec an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// Something the customer did.
    Track,
    /// Who the customer is.
    Identify,
    /// A page of the site was seen.
    Page,
    /// A screen of the app was seen.
    Screen,
    /// Two identifiers are one customer.
    Alias,
    /// The customer belongs to an organisation.
    Group,
}

/// One event of one customer.
///
/// Shops emit these as JSON ([`Event::from_json`]); tests and hosts may build them:
///
/// ```
/// use throughline::Event;
/// let event = Event::track("Product Added").user("42").id("m-1").property("product_id", "sku-7");
/// assert_eq!(event.name.as_str(), "Product Added");
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Event {
    /// Which call it is.
    pub kind: EventKind,
    /// The event's name for `track`; the lower-case name of the call (`identify`, `page`, ...) for the others.
    pub name: Key,
    /// The `messageId`, by which a second copy is known (promise 3.2). Without one an event is never a duplicate.
    pub id: Option<Arc<str>>,
    /// The shop's own id of the customer.
    pub user_id: Option<Arc<str>>,
    /// The id of a visitor who is not known yet.
    pub anonymous_id: Option<Arc<str>>,
    /// The former identifier in an `alias`.
    pub previous_id: Option<Arc<str>>,
    /// When it happened; without it, when it is handled.
    pub timestamp: Option<Instant>,
    /// The `properties` of the event.
    pub properties: Fields,
    /// The `traits` of an `identify`, or of the `context` of any other call.
    pub traits: Fields,
    /// The `context`, without its traits.
    pub context: Fields,
    /// What the event says of a message, if it is a receipt.
    pub receipt: Option<Box<Receipt>>,
    /// What the `context` says of where the customer is, if anything.
    pub place: Option<Box<Whereabouts>>,
    /// The `context.device` that it came from, if it says any.
    pub device: Option<Box<Device>>,
    /// Consent as given in `messaging_subscriptions`.
    pub subscriptions: Vec<Subscription>,
}

/// Where the customer is, from the `context`.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Whereabouts {
    /// The IANA zone of `context.timezone`, as it was written.
    pub zone: Option<Arc<str>>,
    /// `context.locale`.
    pub locale: Option<Arc<str>>,
    /// `context.country`, `context.location.country` or the address's country.
    pub country: Option<Arc<str>>,
}

impl Event {
    /// A `track` of this name.
    pub fn track(name: &str) -> Self {
        let mut event = Event::of(EventKind::Track, Key::new(name));
        event.find_receipt();
        event
    }

    /// An `identify`.
    pub fn identify() -> Self {
        Event::of(EventKind::Identify, Key::new("identify"))
    }

    /// An `alias`: what was known under `previous` is this user's.
    pub fn alias(previous: &str, user: &str) -> Self {
        let mut event = Event::of(EventKind::Alias, Key::new("alias")).user(user);
        event.previous_id = named(previous);
        event
    }

    fn of(kind: EventKind, name: Key) -> Self {
        Event {
            kind,
            name,
            id: None,
            user_id: None,
            anonymous_id: None,
            previous_id: None,
            timestamp: None,
            properties: Fields::new(),
            traits: Fields::new(),
            context: Fields::new(),
            receipt: None,
            place: None,
            device: None,
            subscriptions: Vec::new(),
        }
    }

    /// Sets the `messageId`.
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the `userId`; a placeholder such as `0` or `null` names nobody and is left out (promise 2.2).
    pub fn user(mut self, id: &str) -> Self {
        self.user_id = named(id);
        self
    }

    /// Sets the `anonymousId`; a placeholder names nobody and is left out.
    pub fn anonymous(mut self, id: &str) -> Self {
        self.anonymous_id = named(id);
        self
    }

    /// Sets the `timestamp`.
    pub fn at(mut self, at: Instant) -> Self {
        self.timestamp = Some(at);
        self
    }

    /// Sets a property.
    pub fn property(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.properties.insert(Key::new(name), value.into());
        self.find_receipt();
        self
    }

    /// Sets a trait.
    pub fn with_trait(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.traits.insert(Key::new(name), value.into());
        self
    }

    /// Adds a subscription, as `context.messaging_subscriptions` would.
    pub fn subscription(mut self, channel: ChannelKind, topic: Option<Topic>, status: SubscriptionStatus) -> Self {
        let mut said = Subscription::new(channel, status);
        said.topic = topic;
        self.subscriptions.push(said);
        self
    }

    /// Sets the customer's IANA time zone, as `context.timezone` would.
    pub fn zone(mut self, zone: &str) -> Self {
        self.place.get_or_insert_default().zone = Some(zone.into());
        self
    }

    /// What a preference centre's `Preferences Updated` says of the customer, as traits of these names would.
    pub(crate) fn preferences(&self) -> impl Iterator<Item = (&Key, &Value)> {
        let said = (self.name.as_str() == "Preferences Updated").then_some(&self.properties);
        let names = ["frequency", "pause_until", "preferred_channel"];
        said.into_iter().flat_map(Fields::iter).filter(move |(key, _)| names.contains(&key.as_str()))
    }

    /// Sets the device that it came from, as `context.device` would.
    pub fn from_device(mut self, device: Device) -> Self {
        self.device = Some(Box::new(device));
        self
    }

    fn find_receipt(&mut self) {
        if self.kind == EventKind::Track {
            self.receipt = Receipt::of(&self.name, &self.properties).map(Box::new);
        }
    }
}

fn named(id: &str) -> Option<Arc<str>> {
    (!parse::is_placeholder(id)).then(|| id.into())
}

/// Names, ids' presence and time only: values may be personal (promise 2.5).
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("timestamp", &self.timestamp)
            .field("identified", &self.user_id.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Whereabouts { zone, locale, country } = self;
        f.debug_struct("Whereabouts")
            .field("zone", &zone.is_some())
            .field("locale", &locale.is_some())
            .field("country", &country.is_some())
            .finish()
    }
}
