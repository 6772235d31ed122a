//! One statement on consent, as it is kept.

use crate::event::{Basis, Evidence};
use crate::primitives::{ChannelKind, Instant, Key, Topic};

/// One grant or revocation, or one half of a double opt-in, with where it came from and what proves it.
///
/// ```
/// use throughline::{Basis, ChannelKind, ConsentRecord, Evidence, Instant};
/// let at = Instant::from_millis(0);
/// let imported = ConsentRecord {
///     topic: Some("offers".into()),
///     source: Some("import".into()),
///     evidence: Evidence::new("list-2019.csv, line 7"),
///     ..ConsentRecord::granted(ChannelKind::Email, Basis::Express, at)
/// };
/// assert!(!format!("{imported:?}").contains("list-2019"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    /// The kind of channel.
    pub channel: ChannelKind,
    /// The topic; `None` is every topic of the channel.
    pub topic: Option<Topic>,
    /// The hash of the contact point that it was given for; `None` is any.
    pub point: Option<u64>,
    /// When it was said.
    pub at: Instant,
    /// What was said.
    pub says: Says,
    /// When a grant runs out.
    pub expires: Option<Instant>,
    /// Where it came from, such as `import`, `checkout`, `preference_center`, `reply`, or the name of an event.
    pub source: Option<Key>,
    /// A short reference to what proves it.
    pub evidence: Option<Evidence>,
}

/// What a statement on consent says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// No.
    Revoked,
    /// Yes, on this basis.
    Granted(Basis),
    /// Yes, to be confirmed before this instant: by itself it allows nothing.
    SignedUp {
        /// From when on it is too late.
        until: Instant,
    },
    /// A sign-up was confirmed.
    Confirmed,
}

impl ConsentRecord {
    /// A grant for all of a kind of channel, without an end.
    pub fn granted(channel: ChannelKind, basis: Basis, at: Instant) -> Self {
        ConsentRecord::new(channel, Says::Granted(basis), at)
    }

    /// A revocation of all of a kind of channel.
    pub fn revoked(channel: ChannelKind, at: Instant) -> Self {
        ConsentRecord::new(channel, Says::Revoked, at)
    }

    pub(super) fn new(channel: ChannelKind, says: Says, at: Instant) -> Self {
        ConsentRecord { channel, topic: None, point: None, at, says, expires: None, source: None, evidence: None }
    }

    /// The basis of a grant; `None` is no grant.
    pub fn grant(&self) -> Option<Basis> {
        match self.says {
            Says::Granted(basis) => Some(basis),
            _ => None,
        }
    }

    /// Whether it takes back what was granted.
    pub fn revokes(&self) -> bool {
        self.says == Says::Revoked
    }

    /// Whether it is one half of a double opt-in, which says nothing until the other half comes.
    pub(crate) fn is_half(&self) -> bool {
        matches!(self.says, Says::SignedUp { .. } | Says::Confirmed)
    }
}
