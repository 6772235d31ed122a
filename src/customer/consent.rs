//! What a customer allowed, folded by the time at which it was said (promise 4.1).

mod granted;
mod intake;
mod merge;
mod opt_outs;
mod record;
mod rules;
mod sign_up;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use granted::GrantOf;
pub use record::{ConsentRecord, Says};
pub use rules::ConsentRules;
pub(crate) use words::Word;

use granted::Mark;

use crate::event::Basis;
use crate::primitives::{ChannelKind, ContactPoint, Instant, Topic};

/// The answer to "may this be sent?" before the topic's own default is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Granted, at this instant, on this basis.
    Granted {
        /// When.
        since: Instant,
        /// On what basis.
        basis: Basis,
    },
    /// Signed up for, and not confirmed yet: nothing is allowed by that.
    Pending {
        /// When it was signed up for.
        since: Instant,
        /// From when on it is too late to confirm.
        until: Instant,
    },
    /// Revoked, at this instant.
    Revoked {
        /// When.
        since: Instant,
    },
    /// Granted once, and run out at this instant.
    Expired {
        /// When it ran out.
        since: Instant,
    },
    /// Nothing is on record: an opt-in topic takes it for no, an opt-out topic for yes.
    NoRecord,
}

/// All that a customer said on consent: the latest revocation, and of each basis the latest grant, of each channel, topic
/// and contact point, from which the order of arrival cannot be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsentBook {
    said: Vec<Said>,
    /// Of each record what tells soonest whether something is granted.
    marks: Box<[Mark]>,
    /// The latest merge: what was revoked before it and is heard of later stands until an express grant after it.
    merged: Option<Instant>,
}

/// A record, and where it stands among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    record: ConsentRecord,
    /// The instant that decides between a grant and a revocation: when it was said, unless a merge raised it. Of a sign-up:
    /// when it was said, or once it is confirmed what follows that.
    counts: Instant,
}

impl Said {
    /// Whether the later of the two stands alone: both revoke, or both grant on one basis. A purchase does not end what an
    /// inquiry implied, nor an implied grant an express one.
    fn replaces(&self, other: &Said) -> bool {
        let (ours, theirs) = (&self.record, &other.record);
        ours.says == theirs.says
            && ours.channel == theirs.channel
            && ours.topic == theirs.topic
            && ours.point == theirs.point
    }

    /// Whether it speaks of this channel, topic and contact point; without a topic, of all topics.
    #[inline]
    fn is_about(&self, channel: &ChannelKind, topic: Option<&Topic>, point: Option<u64>) -> bool {
        let record = &self.record;
        record.channel == *channel
            && (record.topic.is_none() || record.topic.as_ref() == topic)
            && (record.point.is_none() || record.point == point)
    }
}

/// What was revoked of a channel, or of a topic on it, and what lifts that.
#[derive(Debug, Clone, Copy, Default)]
struct Level<'a> {
    /// The revocation that counts last.
    gone: Option<&'a Said>,
    /// From when an express grant counts.
    lifted: Option<Instant>,
}

impl<'a> Level<'a> {
    /// Of the channel, and of the topic: a grant for the topic lifts both, one for the channel its own.
    fn both(about: impl Iterator<Item = &'a Said>) -> [Level<'a>; 2] {
        let (mut channel, mut topic) = (Level::default(), Level::default());
        for said in about {
            let named = said.record.topic.is_some();
            let own = if named { &mut topic } else { &mut channel };
            match said.record.says {
                Says::Revoked if own.gone.is_none_or(|known| known.counts < said.counts) => own.gone = Some(said),
                Says::Granted(Basis::Express) => {
                    own.lifted = own.lifted.max(Some(said.counts));
                    channel.lifted = channel.lifted.max(Some(said.counts));
                }
                _ => {}
            }
        }
        [channel, topic]
    }

    fn stands(&self) -> bool {
        self.gone.is_some_and(|gone| self.lifted <= Some(gone.counts))
    }
}

impl ConsentBook {
    /// Takes a record; says whether it told anything new.
    pub fn record(&mut self, record: ConsentRecord) -> bool {
        let news = if record.is_half() {
            self.record_half(record)
        } else {
            let at = record.at;
            // Whose it was before the merge cannot be told any more: it stands against the grants of both sides.
            let counts = if record.revokes() { self.merged.map_or(at, |merged| merged.max(at)) } else { at };
            self.put(Said { record, counts })
        };
        if news {
            self.mark();
        }
        news
    }

    fn put(&mut self, said: Said) -> bool {
        match self.said.iter_mut().find(|known| known.replaces(&said)) {
            // A copy of what was settled before a merge unsettles nothing.
            Some(known) if known.record == said.record => false,
            Some(known) if known.order() >= said.order() => false,
            Some(known) => {
                *known = said;
                true
            }
            None => {
                self.said.reserve_exact(1);
                self.said.push(said);
                true
            }
        }
    }

    /// The state of a topic on a channel at a contact point.
    ///
    /// A revocation of the whole channel is lifted by any later express grant for the topic or the channel; a revocation
    /// of the topic only by a later express grant for that topic. At equal times the revocation wins. One that a merge
    /// met is lifted only by what is said after the merge (promise 2.3). A grant in force comes before a sign-up, and a
    /// sign-up that waits for its confirmation before a revocation that is older than it.
    pub fn ask(&self, channel: &ChannelKind, topic: &Topic, point: Option<&ContactPoint>, now: Instant) -> Consent {
        self.ask_at(channel, topic, || point.map(ContactPoint::hash), now)
    }

    /// The same, where the contact point is looked for only if a record names one.
    pub(super) fn ask_at(
        &self,
        channel: &ChannelKind,
        topic: &Topic,
        point: impl FnOnce() -> Option<u64>,
        now: Instant,
    ) -> Consent {
        if self.said.is_empty() {
            return Consent::NoRecord;
        }
        let named = self.said.iter().any(|said| said.record.point.is_some() && said.record.channel == *channel);
        self.state(channel, topic, if named { point() } else { None }, now)
    }

    fn state(&self, channel: &ChannelKind, topic: &Topic, point: Option<u64>, now: Instant) -> Consent {
        let about = || self.about(channel, Some(topic), point).filter(|said| said.record.at <= now);
        let levels = Level::both(about());
        let gone = levels.iter().rev().find(|level| level.stands()).and_then(|level| level.gone);
        let bar = levels.iter().filter_map(|level| level.gone).map(|gone| gone.counts).max();
        let (mut valid, mut ran_out) = (None, None);
        // What a revocation took back does not return when a later grant runs out.
        for said in about().filter(|said| gone.is_none() && Some(said.counts) > bar) {
            let Says::Granted(basis) = said.record.says else { continue };
            match said.record.expires.filter(|expires| *expires <= now) {
                Some(end) => ran_out = ran_out.max(Some(end)),
                None => valid = valid.max(Some((said.record.at, basis))),
            }
        }
        if let Some((since, basis)) = valid {
            return Consent::Granted { since, basis };
        }
        // By when it was said, whatever a merge made a revocation count for.
        let revoked = || about().filter(|said| said.record.revokes()).map(|said| said.record.at).max();
        let sign_ups = about().filter_map(|said| Some((said.record.at, said.waits(now)?)));
        let waiting = sign_ups.max().filter(|(since, _)| Some(*since) > revoked());
        match (waiting, gone, ran_out) {
            (Some((since, until)), ..) => Consent::Pending { since, until },
            (None, Some(gone), _) => Consent::Revoked { since: gone.record.at },
            (None, None, Some(since)) => Consent::Expired { since },
            (None, None, None) => Consent::NoRecord,
        }
    }

    fn about(&self, channel: &ChannelKind, topic: Option<&Topic>, point: Option<u64>) -> impl Iterator<Item = &Said> {
        self.said.iter().filter(move |said| said.is_about(channel, topic, point))
    }

    /// The next instant after `now` at which the state of a topic on a channel may change by time alone: a grant runs out,
    /// a sign-up lapses, or a record of a later time begins to hold. May be earlier than the change, never later.
    pub fn next_change(&self, channel: &ChannelKind, topic: &Topic, now: Instant) -> Option<Instant> {
        let mut next = None;
        for Said { record, .. } in &self.said {
            if record.channel != *channel || record.topic.as_ref().is_some_and(|named| named != topic) {
                continue;
            }
            let lapses = match record.says {
                Says::SignedUp { until } => Some(until),
                _ => None,
            };
            for at in [Some(record.at), record.expires, lapses].into_iter().flatten().filter(|at| *at > now) {
                next = Some(next.map_or(at, |next: Instant| next.min(at)));
            }
        }
        next
    }

    /// The records, in no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ConsentRecord> {
        self.said.iter().map(|said| &said.record)
    }

    /// What a stored record keeps: each record with the instant at which it counts, and the latest merge.
    pub(crate) fn parts(&self) -> (impl ExactSizeIterator<Item = (&ConsentRecord, Instant)>, Option<Instant>) {
        (self.said.iter().map(|said| (&said.record, said.counts)), self.merged)
    }

    /// From what [`parts`](Self::parts) gave.
    pub(crate) fn from_parts(said: Vec<(ConsentRecord, Instant)>, merged: Option<Instant>) -> Self {
        let said = said.into_iter().map(|(record, counts)| Said { record, counts }).collect();
        let mut book = ConsentBook { said, marks: Box::default(), merged };
        book.mark();
        book
    }
}
