//! Which definitions an input can affect, computed once from their needs.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::timers::Timed;
use crate::customer::Memberships;
use crate::primitives::{Derived, Keep, Key, Needs, SegmentId, Span};
use crate::segment::{Effect, Segment};

/// What the definitions make of one event name.
#[derive(Debug, Default)]
pub(super) struct EventPlan {
    /// What to keep of it in the history; nothing if no definition reads it there.
    pub(super) keep: Keep,
    /// The properties to keep with it.
    pub(super) columns: Vec<Key>,
    /// The segments that it can affect.
    pub(super) segments: Vec<Reader>,
    /// Positions of the journeys that it can begin or move.
    pub(super) journeys: Vec<u16>,
}

/// A segment that reads an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    pub(super) position: u16,
    /// The stable hash of its name.
    pub(super) segment: u64,
    pub(super) effect: Effect,
}

/// From names, by their stable hashes, to what they can affect.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) events: HashMap<u64, EventPlan, BuildHasherDefault<Hashed>>,
    /// Segments, by what a standing keeps of their name's hash, to their positions.
    pub(super) positions: HashMap<u64, u16, BuildHasherDefault<Hashed>>,
    /// Attributes to segments and journeys.
    pub(super) attributes: HashMap<u64, Vec<u16>, BuildHasherDefault<Hashed>>,
    /// Attributes to the journeys whose rules read them.
    pub(super) attribute_journeys: HashMap<u64, Vec<u16>, BuildHasherDefault<Hashed>>,
    /// Journeys whose rules read contact points, consent, engagement or who the customer is.
    pub(super) reachability_journeys: Vec<u16>,
    /// Segments that read contact points, consent, engagement or preferences.
    pub(super) reachability: Vec<u16>,
    /// Segments that read when the customer was last seen: every event can affect them.
    pub(super) seen: Vec<u16>,
    /// Segments, and journeys whose rules, read what is derived of a customer.
    pub(super) derived: Vec<(Derived, u16)>,
    pub(super) derived_journeys: Vec<(Derived, u16)>,
    /// Segments to the segments that read them.
    pub(super) dependents: HashMap<u64, Vec<u16>, BuildHasherDefault<Hashed>>,
    /// Segments to the journeys that they can begin or move.
    pub(super) segment_journeys: HashMap<u64, Vec<u16>, BuildHasherDefault<Hashed>>,
    /// Journeys that time alone begins, and the attributes that can move when it does.
    pub(super) timed: Vec<Timed>,
    pub(super) timed_attributes: Vec<u64>,
    /// The shared copy of every name that a definition uses.
    pub(super) names: HashMap<u64, Key, BuildHasherDefault<Hashed>>,
    /// Channels of kinds that the crate has never heard of: a trait of the kind's name is the contact point.
    pub(super) handles: Vec<crate::primitives::Key>,
    /// How far back contacts are kept.
    pub(super) contacts: Span,
}

impl Index {
    pub(super) fn add_segment(
        &mut self,
        position: u16,
        id: &SegmentId,
        segment: &dyn Segment,
        (reads_seen, reads_identified): (bool, bool),
    ) {
        let needs = &segment.needs();
        self.read(needs);
        self.positions.insert(Memberships::normal(id.key().hash()), position);
        for need in &needs.events {
            let reader = Reader { position, segment: id.key().hash(), effect: segment.effect(&need.event) };
            self.events.entry(need.event.hash()).or_default().segments.push(reader);
        }
        for key in &needs.attributes {
            push(self.attributes.entry(key.hash()).or_default(), position);
        }
        for id in &needs.segments {
            push(self.dependents.entry(id.key().hash()).or_default(), position);
        }
        if needs.reachability || reads_identified || needs.contacts > Span::ZERO {
            push(&mut self.reachability, position);
        }
        if reads_seen {
            push(&mut self.seen, position);
        }
        if needs.derived != Derived::NONE {
            self.derived.push((needs.derived, position));
        }
    }

    pub(super) fn add_journey(&mut self, position: u16, needs: &Needs) {
        self.read(needs);
        for need in &needs.events {
            push(&mut self.events.entry(need.event.hash()).or_default().journeys, position);
        }
        for key in &needs.attributes {
            push(self.attribute_journeys.entry(key.hash()).or_default(), position);
        }
        if needs.reachability || needs.contacts > Span::ZERO {
            push(&mut self.reachability_journeys, position);
        }
        if needs.derived != Derived::NONE {
            self.derived_journeys.push((needs.derived, position));
        }
        for id in &needs.segments {
            push(self.segment_journeys.entry(id.key().hash()).or_default(), position);
        }
    }

    pub(super) fn add_timed(&mut self, timed: Timed, needs: &Needs) {
        self.timed.push(timed);
        for key in &needs.attributes {
            push(&mut self.timed_attributes, key.hash());
        }
    }

    /// What has to be kept for these needs.
    pub(super) fn read(&mut self, needs: &Needs) {
        for need in &needs.events {
            self.names.insert(need.event.hash(), need.event.clone());
            let plan = self.events.entry(need.event.hash()).or_default();
            plan.keep = plan.keep.union(need.keep);
            for property in &need.properties {
                push(&mut plan.columns, property.clone());
            }
        }
        for key in &needs.attributes {
            self.names.insert(key.hash(), key.clone());
        }
        self.contacts = self.contacts.max(needs.contacts);
    }
}

/// Those of a list that read what has changed.
pub(super) fn reading(list: &[(Derived, u16)], changed: Derived) -> impl Iterator<Item = u16> {
    list.iter().filter(move |(reads, _)| reads.meets(changed)).map(|(_, position)| *position)
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// The keys are hashes already.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 ^= hash;
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 ^= (hash as u64) ^ ((hash >> 64) as u64);
    }
}
