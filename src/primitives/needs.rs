//! What a definition reads: from this the indexes and the retention of history follow.

use super::{Key, SegmentId, Span};

/// What a segment, journey, rule or message reads.
///
/// From the needs of all its definitions a playbook knows which segments an event can affect, which journeys it can
/// trigger, and how much history a record has to keep. What is not declared here is not kept, and a definition that
/// reads it sees nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Needs {
    /// Attributes by name.
    pub attributes: Vec<Key>,
    /// Events, each with how much of it is read.
    pub events: Vec<EventNeed>,
    /// Membership in other segments.
    pub segments: Vec<SegmentId>,
    /// Consent, contact points or preferences.
    pub reachability: bool,
    /// Messages sent before, and the engagement with them, so far back; zero if they are not read.
    pub contacts: Span,
    /// What is derived of the customer: purchases, stages, affinities.
    pub derived: Derived,
}

/// Parts of what is derived of a customer, as a set: what a definition reads, or what an event changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Derived(u8);

impl Derived {
    /// Nothing.
    pub const NONE: Derived = Derived(0);
    /// Orders and money: lifetime value, RFM, and the stages that an order moves.
    pub const PURCHASES: Derived = Derived(1);
    /// The signs of the buyer's journey.
    pub const SIGNS: Derived = Derived(2);
    /// Scores of categories and brands.
    pub const AFFINITY: Derived = Derived(4);
    /// Visits of somebody who has not bought, which move the lifecycle.
    pub const VISITS: Derived = Derived(8);
    /// How many messages were sent on each channel, which the learned channel weighs.
    pub const SENDING: Derived = Derived(16);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Derived) -> Derived {
        Derived(self.0 | other.0)
    }

    /// Whether anything is in both.
    pub const fn meets(self, other: Derived) -> bool {
        self.0 & other.0 != 0
    }
}

/// How much of one kind of event a definition reads.
#[derive(Debug, Clone, PartialEq)]
pub struct EventNeed {
    /// The event's name.
    pub event: Key,
    /// The properties to keep with each occurrence.
    pub properties: Vec<Key>,
    /// What to keep.
    pub keep: Keep,
}

/// Which occurrences of an event a definition reads. An occurrence is dropped when no definition reads it; with nothing to
/// keep (the default) the event is heard and leaves no trace, not even in the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// The last so many, however old.
    pub last: u32,
    /// All that are younger than this, up to [`Keep::MOST`].
    pub within: Span,
}

impl Keep {
    /// The most occurrences of one event that a record keeps; counts and sums beyond it are marked inexact.
    pub const MOST: usize = 5_000;

    /// What both keep.
    pub fn union(self, other: Keep) -> Keep {
        Keep { last: self.last.max(other.last), within: self.within.max(other.within) }
    }
}

impl Needs {
    /// Adds what another definition reads.
    pub fn merge(&mut self, other: Needs) {
        for key in other.attributes {
            if !self.attributes.contains(&key) {
                self.attributes.push(key);
            }
        }
        for need in other.events {
            self.event(need);
        }
        for id in other.segments {
            if !self.segments.contains(&id) {
                self.segments.push(id);
            }
        }
        self.reachability |= other.reachability;
        self.contacts = self.contacts.max(other.contacts);
        self.derived = self.derived.and(other.derived);
    }

    /// Adds an event.
    pub fn event(&mut self, need: EventNeed) {
        match self.events.iter_mut().find(|known| known.event == need.event) {
            Some(known) => {
                known.keep = known.keep.union(need.keep);
                for property in need.properties {
                    if !known.properties.contains(&property) {
                        known.properties.push(property);
                    }
                }
            }
            None => self.events.push(need),
        }
    }
}
