//! Whether something is granted, by the shortest way: it is asked of every customer by every other rule.

use super::{ConsentBook, Says};
use crate::primitives::{ChannelKind, Instant, Topic};

/// A topic on a channel, ready to be asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GrantOf {
    /// Of the topic on the channel, and of the whole channel.
    tags: [u64; 2],
}

/// A grant, until it runs out; or, ending before it begins, that it takes a look at what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    tag: u64,
    from: Instant,
    until: Instant,
}

impl GrantOf {
    pub(crate) fn new(channel: &ChannelKind, topic: &Topic) -> Self {
        GrantOf { tags: [tag(channel, Some(topic)), tag(channel, None)] }
    }
}

impl ConsentBook {
    /// Whether [`ask`](Self::ask) finds a grant, at whatever contact point; `None` if it has to be asked, since something
    /// was revoked, or granted for one contact point only.
    #[inline]
    pub(crate) fn grants(&self, asked: GrantOf, now: Instant) -> Option<bool> {
        let [topic, channel] = asked.tags;
        let (mut granted, mut disputed) = (false, false);
        // All of them, and without a branch on what each says: which one tells cannot be foretold.
        for Mark { tag, from, until } in &self.marks {
            let about = (*tag == topic) | (*tag == channel);
            granted |= about & (*from <= now) & (now < *until);
            disputed |= about & (until < from);
        }
        if disputed { None } else { Some(granted) }
    }

    /// After every change of what was said.
    pub(super) fn mark(&mut self) {
        let mark = |said: &super::Said| {
            let record = &said.record;
            let plain = matches!(record.says, Says::Granted(_)) && record.point.is_none();
            let until = if plain { record.expires.unwrap_or(Instant::MAX) } else { Instant::MIN };
            Mark { tag: tag(&record.channel, record.topic.as_ref()), from: record.at, until }
        };
        self.marks = self.said.iter().map(mark).collect();
    }
}

/// Tells apart what may be granted. Two that fell together would take the grant of the one for one of the other: of 64 bits
/// of hashes of the shop's own names none does.
fn tag(channel: &ChannelKind, topic: Option<&Topic>) -> u64 {
    let topic = topic.map_or(0, |topic| topic.key().hash());
    crate::primitives::Key::hash_of(channel.as_str()) ^ topic.rotate_left(1)
}
