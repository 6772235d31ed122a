//! A customer as one envelope meets them: at the contact point to which it is addressed.

use super::{
    BlockReason, ChannelRecord, Consent, ContactLog, Customer, Figures, History, LearnedChannel, Profile, Reach,
};
use crate::primitives::{ChannelKind, CustomerId, DeviceKind, Instant, Key, SegmentId, Topic, ValueRef};

/// A profile whose contact point of one kind is this one, whichever would be taken today: blocks and consent are asked of
/// where the message really goes (promises 4.1, 4.3).
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtPoint<'a> {
    who: &'a Profile,
    kind: &'a ChannelKind,
    point: u64,
}

impl<'a> AtPoint<'a> {
    pub(crate) fn new(who: &'a Profile, kind: &'a ChannelKind, point: u64) -> Self {
        AtPoint { who, kind, point }
    }
}

// A method with a default that is not forwarded would silently lose the profile's own.
#[deny(clippy::missing_trait_methods)]
impl Customer for AtPoint<'_> {
    fn id(&self) -> CustomerId {
        self.who.id()
    }

    fn attribute(&self, key: &Key) -> Option<ValueRef<'_>> {
        self.who.attribute(key)
    }

    fn attribute_since(&self, key: &Key) -> Option<Instant> {
        self.who.attribute_since(key)
    }

    /// It is not the record as it stands: what the record says of its contact points is not what is asked here.
    fn as_profile(&self) -> Option<&Profile> {
        None
    }

    fn learned_channel(&self) -> Option<LearnedChannel> {
        Customer::learned_channel(self.who)
    }

    fn contact_point(&self, channel: &ChannelKind) -> Reach<'_> {
        if channel != self.kind {
            return self.who.contact_point(channel);
        }
        match self.who.points.find(channel, self.point) {
            Some(point) => self.who.points.block_of(self.point).map_or(Reach::At(&point.point), Reach::Blocked),
            // Dropped meanwhile. Not "none": a channel that reaches by id would take that for leave.
            None => Reach::Blocked(BlockReason::Invalid),
        }
    }

    fn reached_on(&self, channel: &ChannelKind, device: &DeviceKind) -> Option<bool> {
        self.who.reached_on(channel, device)
    }

    fn consent(&self, channel: &ChannelKind, topic: &Topic, now: Instant) -> Consent {
        if channel != self.kind {
            return self.who.consent(channel, topic, now);
        }
        let point = self.who.points.find(channel, self.point).map(|point| &point.point);
        self.who.consents.ask(channel, topic, point, now)
    }

    fn consent_until(&self, channel: &ChannelKind, topic: &Topic, now: Instant) -> Option<Instant> {
        self.who.consent_until(channel, topic, now)
    }

    fn zone(&self) -> Option<&str> {
        self.who.zone()
    }

    fn locale(&self) -> Option<&str> {
        self.who.locale()
    }

    fn country(&self) -> Option<&str> {
        self.who.country()
    }

    fn identified(&self) -> bool {
        self.who.identified()
    }

    fn seen(&self) -> Option<(Instant, Instant)> {
        self.who.seen()
    }

    fn history(&self) -> Option<&History> {
        self.who.history()
    }

    fn figures(&self) -> Option<&Figures> {
        self.who.figures()
    }

    fn contacts(&self) -> Option<&ContactLog> {
        self.who.contacts()
    }

    fn member_of(&self, segment: &SegmentId) -> Option<bool> {
        self.who.member_of(segment)
    }

    fn preferred_channel(&self) -> Option<&ChannelKind> {
        self.who.preferred_channel()
    }

    fn channel_record(&self, channel: &ChannelKind) -> Option<ChannelRecord> {
        self.who.channel_record(channel)
    }
}
