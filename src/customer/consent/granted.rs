//! Whether a topic was granted, by the shortest way.

use super::{Consent, ConsentBook, Said};
use crate::primitives::{ChannelKind, Instant, Topic};

impl ConsentBook {
    /// Whether [`ask`](Self::ask) finds a grant. Where nothing was ever revoked any grant in force is one.
    #[inline]
    pub(crate) fn grants(
        &self,
        channel: &ChannelKind,
        topic: &Topic,
        point: impl Fn() -> Option<u64>,
        now: Instant,
    ) -> bool {
        let (mut granted, mut disputed) = (false, false);
        let topic_hash = topic.key().hash();
        // All of them, and without a branch on what each says: where it lies cannot be foretold.
        for Said { record, .. } in &self.said {
            let of_topic = record.topic.as_ref().is_none_or(|named| named.key().hash() == topic_hash);
            let about = (record.channel == *channel) & of_topic;
            let in_force = (record.at <= now) & (record.expires.unwrap_or(Instant::MAX) > now);
            granted |= about & in_force;
            disputed |= about & (record.grant.is_none() | record.point.is_some());
        }
        if disputed {
            return matches!(self.state(channel, Some(topic), point(), now), Consent::Granted { .. });
        }
        granted
    }
}
