//! Whose event is it? Identifiers lead to records; an event that carries two of them links or merges (promise 2.2).

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::event::Event;
use crate::primitives::CustomerId;

/// What an identifier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdentityKind {
    /// The shop's own id of a known customer.
    User,
    /// The id of a visitor.
    Anonymous,
}

/// An identifier by its stable hash: what the index holds is not personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentityKey(u128);

impl IdentityKey {
    /// The key of an identifier.
    pub fn new(kind: IdentityKind, id: &str) -> Self {
        // The seeds keep kinds apart: a visitor id never passes for a user id.
        let seed = match kind {
            IdentityKind::User => 0x7573_6572,
            IdentityKind::Anonymous => 0x616e_6f6e,
        };
        IdentityKey(xxh3_128_with_seed(id.as_bytes(), seed))
    }

    /// The 128 bits.
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// The record that is opened for it if it has none: the same on every machine.
    pub fn candidate(self) -> CustomerId {
        CustomerId::from_u128(self.0)
    }
}

/// Gives an identifier to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The identifier.
    pub key: IdentityKey,
    /// The record.
    pub to: CustomerId,
    /// Whether it is taken from another record that has it.
    pub replace: bool,
}

/// Where an event goes.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// The record that takes it.
    pub(crate) customer: CustomerId,
    /// What to bind before.
    pub(crate) bind: Vec<Binding>,
    /// What else the event reveals.
    pub(crate) link: Link,
}

/// What an event with two identifiers reveals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Nothing new.
    None,
    /// The visitor's record is becoming a known user's. If it is another user's already, the event opens or finds the
    /// user's own record, which takes over the visitor id.
    Identified { own: CustomerId, user: IdentityKey, visitor: IdentityKey },
    /// The visitor's record is to become part of the user's, unless it is another user's.
    Merge { loser: CustomerId, visitor: IdentityKey },
}

/// The identifiers of an event, the strongest first.
pub(crate) fn keys(event: &Event) -> (Option<IdentityKey>, Option<IdentityKey>) {
    let key = |kind, id: &Option<Arc<str>>| id.as_deref().map(|id| IdentityKey::new(kind, id));
    let visitor =
        key(IdentityKind::Anonymous, &event.previous_id).or(key(IdentityKind::Anonymous, &event.anonymous_id));
    (key(IdentityKind::User, &event.user_id), visitor)
}

/// Decides where an event goes, given whose its identifiers are. `None` if it names nobody.
pub(crate) fn route(event: &Event, owner: impl Fn(IdentityKey) -> Option<CustomerId>) -> Option<Route> {
    let bind = |key, to| Binding { key, to, replace: false };
    let plain = |customer, bind| Route { customer, bind, link: Link::None };
    Some(match keys(event) {
        (None, None) => return None,
        (Some(key), None) | (None, Some(key)) => match owner(key) {
            Some(customer) => plain(customer, Vec::new()),
            None => plain(key.candidate(), vec![bind(key, key.candidate())]),
        },
        (Some(user), Some(visitor)) => match (owner(user), owner(visitor)) {
            (None, None) => {
                let own = user.candidate();
                plain(own, vec![bind(user, own), bind(visitor, own)])
            }
            (None, Some(record)) => {
                let link = Link::Identified { own: user.candidate(), user, visitor };
                Route { customer: record, bind: vec![bind(user, record)], link }
            }
            (Some(own), None) => plain(own, vec![bind(visitor, own)]),
            (Some(own), Some(record)) if own == record => plain(own, Vec::new()),
            (Some(own), Some(loser)) => Route { customer: own, bind: Vec::new(), link: Link::Merge { loser, visitor } },
        },
    })
}
