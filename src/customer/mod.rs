//! One record per person: who they are, where they are reached, what they allowed, what they did and what they got.

mod affinity;
mod arms;
mod at_point;
mod attributes;
mod bought;
mod cell;
mod column;
mod consent;
mod contact_log;
mod figure_rules;
mod figures;
mod habits;
mod history;
mod memberships;
mod order_line;
mod places;
mod points;
mod profile;
mod purchases;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod seen;
mod stage;
mod suppression;

pub(crate) use affinity::{Affinities, Affinity};
pub(crate) use at_point::AtPoint;
pub(crate) use cell::{Cell, Short};
pub(crate) use column::{Cells, Column, NONE};
pub(crate) use consent::{GrantOf, Word};
pub(crate) use contact_log::Changed;
pub(crate) use figures::Parts;
pub(crate) use habits::Habits;
pub(crate) use memberships::Standing;
pub(crate) use order_line::{Line, LineKind};
pub(crate) use purchases::{Purchases, Settled};

pub use affinity::Liked;
pub use arms::{Arm, Arms, Drawn};
pub use attributes::{Attribute, AttributeRef, Attributes};
pub use bought::{Bought, MoneyBasis};
pub use consent::{Consent, ConsentBook, ConsentRecord, ConsentRules, Says};
pub use contact_log::{
    ChannelTag, Contact, ContactLog, ContentKey, Copies, DeviceCopy, Engagement, HandOver, MessageTag, RunRef, SentTo,
    Status,
};
pub use figure_rules::FigureRules;
pub use figures::Figures;
pub use habits::{BestHour, DeviceRecord, LearnedChannel};
pub use history::{History, Occurrence, Recorded, Series};
pub use memberships::Memberships;
pub use points::{BlockReason, DeviceTag, Point, Points};
pub use profile::{ChannelRecord, Observed, Profile};
pub use seen::Seen;
pub use stage::{BuyerStage, BuyerStages, Lifecycle, LifecycleStages, Timed};
pub use suppression::{Block, Suppress, Suppression, SuppressionChange};

use crate::primitives::{ChannelKind, ContactPoint, CustomerId, DeviceKind, Instant, Key, SegmentId, Topic, ValueRef};

/// What the rules engine asks of a customer. [`Profile`] implements it; so may a host's own type, which is all that the
/// policy alone needs.
///
/// # Contract
/// - The required methods cannot fail open: an implementation that does not know a contact point answers
///   [`Reach::Unknown`], one that does not know about consent answers [`Consent::NoRecord`], and nothing is sent on the
///   strength of either where the topic is opt-in.
/// - Answers do not change while a decision is made: an implementation holds a consistent view.
/// - The optional methods answer `None` for "not known". Rules that need them then say so in the decision instead of
///   guessing; a frequency cap without a [`ContactLog`] is reported as unchecked.
/// - No method blocks, reads a clock or panics.
pub trait Customer {
    /// The stable id, from which buckets and idempotency keys derive.
    fn id(&self) -> CustomerId;
    /// An attribute by name.
    fn attribute(&self, key: &Key) -> Option<ValueRef<'_>>;
    /// Since when the attribute has had its value; `None` where that is not known, and then it has been so for no time.
    fn attribute_since(&self, key: &Key) -> Option<Instant> {
        let _ = key;
        None
    }
    /// Where a channel of this kind reaches the customer.
    fn contact_point(&self, channel: &ChannelKind) -> Reach<'_>;
    /// Whether this kind of channel reaches the customer on a device of this kind.
    fn reached_on(&self, channel: &ChannelKind, device: &DeviceKind) -> Option<bool> {
        let _ = (channel, device);
        None
    }
    /// What the customer allowed on this kind of channel for this topic, as of `now`.
    fn consent(&self, channel: &ChannelKind, topic: &Topic, now: Instant) -> Consent;
    /// The next instant after `now` at which the answer of [`consent`](Self::consent) may change by time alone: a grant
    /// that runs out. `None`: never.
    fn consent_until(&self, channel: &ChannelKind, topic: &Topic, now: Instant) -> Option<Instant> {
        let _ = (channel, topic, now);
        None
    }
    /// The library's own record, if this is one, which rules then read without a detour.
    fn as_profile(&self) -> Option<&Profile> {
        None
    }
    /// The IANA time zone.
    fn zone(&self) -> Option<&str> {
        None
    }
    /// The BCP 47 language tag.
    fn locale(&self) -> Option<&str> {
        None
    }
    /// The country: ISO 3166 alpha-2 or its English name.
    fn country(&self) -> Option<&str> {
        None
    }
    /// Whether the shop knows who this is, or only a browser.
    fn identified(&self) -> bool {
        true
    }
    /// When the customer was first and last seen.
    fn seen(&self) -> Option<(Instant, Instant)> {
        None
    }
    /// The events kept.
    fn history(&self) -> Option<&History> {
        None
    }
    /// What is derived: lifetime value, stages, affinities. A host that keeps sums of its own gives
    /// [`Figures::of_sums`].
    fn figures(&self) -> Option<&Figures> {
        None
    }
    /// The messages sent and the engagement with them.
    fn contacts(&self) -> Option<&ContactLog> {
        None
    }
    /// Whether the customer is in a segment.
    fn member_of(&self, segment: &SegmentId) -> Option<bool> {
        let _ = segment;
        None
    }
    /// The channel that the customer asked for.
    fn preferred_channel(&self) -> Option<&ChannelKind> {
        None
    }
    /// The kind of channel on which the customer engages best, with the evidence.
    fn learned_channel(&self) -> Option<LearnedChannel> {
        None
    }
    /// How the customer engaged on this kind of channel so far.
    fn channel_record(&self, channel: &ChannelKind) -> Option<ChannelRecord> {
        let _ = channel;
        None
    }
}

/// Where a channel reaches a customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reach<'a> {
    /// At a contact point.
    At(&'a ContactPoint),
    /// By the customer's id: the channel knows the rest.
    ById,
    /// Nowhere: there is no contact point.
    None,
    /// Not known; treated like [`Reach::None`].
    Unknown,
    /// There is a contact point, and it is blocked (promise 4.3).
    Blocked(BlockReason),
}

/// Whether a message needs marketing consent (promise 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageClass {
    /// Needs consent and obeys every rule.
    #[default]
    Marketing,
    /// The customer expects it: an order confirmation, a password. Ignores caps, quiet hours, holdouts and dedupe.
    Transactional,
}

#[cfg(test)]
mod tests {
    /// The trait is object-safe: rules see `&dyn Customer`.
    fn _obj_safe(_: &dyn super::Customer) {}
}
