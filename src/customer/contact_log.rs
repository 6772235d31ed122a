//! What was sent to a customer, what became of it, and what it still holds: places in caps, content keys.

mod copies;

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

pub(crate) use copies::Changed;
pub use copies::{Copies, DeviceCopy, HandOver, SentTo};

use super::MessageClass;
use crate::primitives::{ChannelId, ChannelKind, IdempotencyKey, Instant, JourneyId, Key, MessageId, Span, Topic};

/// What a message says, as far as "the same content never twice" goes (promise 8.1): the stable hash of its text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentKey(u64);

impl ContentKey {
    /// From its text.
    pub fn new(text: &str) -> Self {
        ContentKey(Key::hash_of(text))
    }

    /// From the hash that a stored record kept.
    pub(crate) const fn from_u64(hash: u64) -> Self {
        ContentKey(hash)
    }

    /// The hash.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for ContentKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{self:?}"))
    }
}

/// What a contact log keeps of a message's definition; one copy serves every customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTag {
    /// The message.
    pub id: MessageId,
    /// What it is about.
    pub topic: Topic,
    /// Marketing or transactional.
    pub class: MessageClass,
    /// Whether it takes places in frequency caps.
    pub counts: bool,
    /// For how long its content key is held after the last hand-over.
    pub dedupe: Span,
}

/// What a contact log keeps of a channel's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelTag {
    /// The channel.
    pub id: ChannelId,
    /// What it is to the customer.
    pub kind: ChannelKind,
}

/// The run that asked for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRef {
    /// The journey.
    pub journey: JourneyId,
    /// The run, by the hash that names it.
    pub run: u64,
    /// The visit of the step: attempts of one cascade share it.
    pub visit: u64,
}

/// Where a message stands. Every decided message ends as exactly one of accepted, refused, parked, cancelled, expired and
/// held out (promise 10.2); what was accepted or parked may still come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Decided, and to be claimed at this instant.
    Queued {
        /// When.
        due: Instant,
    },
    /// Claimed: the provider may have it.
    InFlight {
        /// Until when the claim holds; afterwards the outcome is unknown.
        lease: Instant,
    },
    /// The provider took it.
    Accepted,
    /// The provider certainly does not have it.
    Refused,
    /// The outcome is unknown and it is not sent again.
    Parked,
    /// Withdrawn before it was claimed.
    Cancelled,
    /// Its time ran out before it was claimed.
    Expired,
    /// Not sent, to measure what sending does.
    HeldOut,
    /// The provider took it, and it came back: there is nobody at its contact point.
    Bounced,
}

impl Status {
    /// Whether it waits for its claim.
    pub fn is_queued(self) -> bool {
        matches!(self, Status::Queued { .. })
    }

    /// When it wants to be claimed, or its claim runs out; `None` once it has come to its end.
    pub fn due(self) -> Option<Instant> {
        match self {
            Status::Queued { due } => Some(due),
            Status::InFlight { lease } => Some(lease),
            _ => None,
        }
    }

    /// Whether the provider may have it, or may still get it: it holds its content key and its places in caps (promise 7.4).
    pub fn holds(self) -> bool {
        !matches!(self, Status::Refused | Status::Cancelled | Status::Expired | Status::HeldOut)
    }
}

/// How a customer engaged with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Engagement {
    /// Opened it.
    Open,
    /// Followed a link.
    Click,
    /// Answered it.
    Reply,
    /// Came to the site by it.
    Visit,
    /// Did what the message was for.
    Conversion,
}

/// One message to one customer on one channel. If it went to several devices, its tries, claims and status are what those
/// of the [copies](Self::copies) come to together.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// The envelope's id, which is its idempotency key; of several the first one's.
    pub id: IdempotencyKey,
    /// The message.
    pub message: Arc<MessageTag>,
    /// The channel.
    pub channel: Arc<ChannelTag>,
    /// What it says.
    pub content: ContentKey,
    /// The run that asked for it.
    pub run: Option<RunRef>,
    /// Where it went.
    pub to: SentTo,
    /// When it was decided.
    pub decided: Instant,
    /// When it is no longer wanted.
    pub deadline: Instant,
    /// How many times it was claimed.
    pub tries: u16,
    /// Whether a try with an unknown outcome may have delivered it: it stays counted whatever a later try says.
    pub doubt: bool,
    /// The first and the last claim that may have delivered it.
    pub claims: Option<(Instant, Instant)>,
    /// Where it stands.
    pub status: Status,
    /// How the customer engaged, and when first.
    pub engaged: Option<(Engagement, Instant)>,
    /// Whether a cascade with its content key lives (promise 8.1).
    pub cascading: bool,
}

impl Contact {
    /// Whether its channel was tried, whatever came of it: it was claimed, or it was held out, which goes on as if it had
    /// been (promise 6.10).
    pub fn claims_made(&self) -> bool {
        match self.status {
            Status::HeldOut => true,
            status => self.tries > 0 && !matches!(status, Status::Cancelled | Status::Expired),
        }
    }

    /// The instant from which it counts: the last claim, or for ever while it is open.
    pub fn counted(&self) -> Option<Instant> {
        match self.status {
            _ if self.waits() => Some(Instant::MAX),
            status if status.holds() => self.claims.map(|(_, last)| last),
            _ => None,
        }
    }
}

/// The messages to one customer, as far back as caps, gaps and dedupe windows reach.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContactLog(Vec<Contact>);

impl ContactLog {
    /// Adds a message.
    pub fn push(&mut self, contact: Contact) {
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact((self.0.len() / 4).max(1));
        }
        self.0.push(contact);
    }

    /// From a stored record.
    pub(crate) fn from_list(contacts: Vec<Contact>) -> Self {
        ContactLog(contacts)
    }

    /// The message that has this envelope.
    pub fn get(&self, id: IdempotencyKey) -> Option<&Contact> {
        self.0.iter().rev().find(|contact| contact.has_envelope(id))
    }

    /// The message that has this envelope, to change it.
    pub fn get_mut(&mut self, id: IdempotencyKey) -> Option<&mut Contact> {
        self.0.iter_mut().rev().find(|contact| contact.has_envelope(id))
    }

    /// In the order in which they were decided.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Contact> {
        self.0.iter()
    }

    /// In the order in which they were decided, to change them.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Contact> {
        self.0.iter_mut()
    }

    /// The latest hand-over at or before `at` that did not come back and that `wanted` accepts.
    pub fn latest(&self, at: Instant, wanted: impl Fn(&Contact) -> bool) -> Option<&Contact> {
        self.0
            .iter()
            .filter(|contact| contact.status.holds() && contact.status != Status::Bounced && wanted(contact))
            .filter_map(|contact| Some((contact.claims.filter(|(first, _)| *first <= at)?.1, contact)))
            .max_by_key(|(last, _)| *last)
            .map(|(_, contact)| contact)
    }

    /// Drops what holds nothing any more: neither open, nor in a living cascade, nor younger than `keep`.
    pub fn trim(&mut self, now: Instant, keep: Span) {
        let horizon = now - keep;
        self.0.retain(|contact| {
            let closed = contact.due().is_none();
            let last = contact.claims.map_or(contact.decided, |(_, last)| last);
            // Strictly younger windows end after `keep`; dedupe windows are the message's own.
            !(closed && !contact.cascading && last <= horizon && last + contact.message.dedupe <= now)
        });
    }

    /// Takes the messages of another record, so that caps and dedupe survive a merge.
    pub fn absorb(&mut self, other: ContactLog) {
        for contact in other.0 {
            if self.get(contact.id).is_none() {
                self.0.push(contact);
            }
        }
        self.0.sort_by_key(|contact| (contact.decided, contact.id));
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
