//! Conditions on who the customer is and how they are reached.

use std::ops::Range;

use serde_json::json;

use super::CriteriaBuilder;
use super::limits::Age;
use crate::event::Basis;
use crate::primitives::{ChannelKind, DeviceKind, SegmentId, Span, Topic};
use crate::segment::ConsentState;

/// Is in a segment.
pub fn in_segment(id: impl Into<SegmentId>) -> CriteriaBuilder {
    CriteriaBuilder::of("segment", id.into().as_str())
}

/// A grant for a topic on a channel is on record and valid.
pub fn consented(channel: ChannelKind, topic: impl Into<Topic>) -> CriteriaBuilder {
    CriteriaBuilder::of("consent", json!({"channel": channel.as_str(), "topic": topic.into()}))
}

/// The same on one of these bases.
pub fn consented_on(
    bases: impl IntoIterator<Item = Basis>,
    channel: ChannelKind,
    topic: impl Into<Topic>,
) -> CriteriaBuilder {
    let bases: Vec<&str> = bases.into_iter().map(Basis::as_str).collect();
    CriteriaBuilder::of("consent", json!({"channel": channel.as_str(), "topic": topic.into(), "basis": bases}))
}

/// What is on record of a topic on a channel stands so.
pub fn consent_is(state: ConsentState, channel: ChannelKind, topic: impl Into<Topic>) -> CriteriaBuilder {
    let asked = json!({"channel": channel.as_str(), "topic": topic.into(), "state": state.as_str()});
    CriteriaBuilder::of("consent", asked)
}

/// There is a device of this kind with a token that is not blocked; for push and web push.
pub fn reachable_on(device: &DeviceKind, channel: ChannelKind) -> CriteriaBuilder {
    CriteriaBuilder::of("reachable", json!({"channel": channel.as_str(), "device": device.as_str()}))
}

/// There is a contact point that is not blocked, or the channel needs none.
pub fn reachable(channel: ChannelKind) -> CriteriaBuilder {
    CriteriaBuilder::of("reachable", channel.as_str())
}

/// Asked for this channel.
pub fn prefers(channel: ChannelKind) -> CriteriaBuilder {
    CriteriaBuilder::of("preferred_channel", channel.as_str())
}

/// Ever engaged with a message on a channel.
pub fn engaged(channel: ChannelKind) -> CriteriaBuilder {
    CriteriaBuilder::of("engaged", json!({"channel": channel.as_str()}))
}

/// Engaged with a message on a channel less than so long ago.
pub fn engaged_within(channel: ChannelKind, span: Span) -> CriteriaBuilder {
    CriteriaBuilder::of("engaged", json!({"channel": channel.as_str(), "within": span}))
}

/// The shop knows who it is.
pub fn identified() -> CriteriaBuilder {
    CriteriaBuilder::of("identified", true)
}

/// The shop does not know who it is.
pub fn not_identified() -> CriteriaBuilder {
    CriteriaBuilder::of("identified", false)
}

/// How long ago the first event was.
pub fn first_seen(age: Age) -> CriteriaBuilder {
    CriteriaBuilder::of("first_seen", age.0)
}

/// How long ago the latest event was.
pub fn last_seen(age: Age) -> CriteriaBuilder {
    CriteriaBuilder::of("last_seen", age.0)
}

/// The customer's stable draw of 100 for a purpose lies in this range.
pub fn in_bucket(of: &str, range: Range<u32>) -> CriteriaBuilder {
    CriteriaBuilder::of("bucket", json!({"of": of, "from": range.start, "to": range.end}))
}
