//! What a customer allowed, folded by the time at which it was said (promise 4.1).

mod merge;
mod opt_outs;

use std::cmp::Reverse;

use crate::primitives::{ChannelKind, ContactPoint, Instant, Topic};

/// On what a grant rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Basis {
    /// The customer said yes.
    #[default]
    Express,
    /// Implied by a purchase.
    ImpliedPurchase,
    /// Implied by an inquiry.
    ImpliedInquiry,
    /// An existing customer may be told of similar goods.
    SoftOptIn,
    /// A legitimate interest of the shop.
    LegitimateInterest,
}

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

/// One grant or revocation.
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
    /// The basis of a grant; `None` is a revocation.
    pub grant: Option<Basis>,
    /// When a grant runs out.
    pub expires: Option<Instant>,
}

/// All that a customer said on consent: the latest grant and the latest revocation of each channel, topic and contact
/// point, from which the order of arrival cannot be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsentBook {
    said: Vec<Said>,
    /// The latest merge: what was revoked before it and is heard of later stands until an express grant after it.
    merged: Option<Instant>,
}

/// A record, and where it stands among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    record: ConsentRecord,
    /// The instant that decides between a grant and a revocation: when it was said, unless a merge raised it.
    counts: Instant,
}

impl Said {
    /// What two records have in common of which one replaces the other. An express grant does not give way to an
    /// implied one, which lifts nothing.
    fn replaces(&self, other: &Said) -> bool {
        let class = |record: &ConsentRecord| record.grant.map(|basis| basis == Basis::Express);
        let (ours, theirs) = (&self.record, &other.record);
        ours.channel == theirs.channel
            && ours.topic == theirs.topic
            && ours.point == theirs.point
            && class(ours) == class(theirs)
    }

    /// Of two that replace each other the greater stands; at equal times the one that allows less.
    fn order(&self) -> impl Ord + use<> {
        let record = &self.record;
        (self.counts, record.at, Reverse(record.expires.unwrap_or(Instant::MAX)), record.grant)
    }

    /// Whether it speaks of this channel, topic and contact point; without a topic, of all topics.
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
            match said.record.grant {
                None if own.gone.is_none_or(|known| known.counts < said.counts) => own.gone = Some(said),
                Some(Basis::Express) => {
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
        let at = record.at;
        // Whose it was before the merge cannot be told any more: it stands against the grants of both sides.
        let counts = if record.grant.is_some() { at } else { self.merged.map_or(at, |merged| merged.max(at)) };
        self.put(Said { record, counts })
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
                self.said.push(said);
                true
            }
        }
    }

    /// The state of a topic on a channel at a contact point.
    ///
    /// A revocation of the whole channel is lifted by any later express grant for the topic or the channel; a revocation
    /// of the topic only by a later express grant for that topic. At equal times the revocation wins. One that a merge
    /// met is lifted only by what is said after the merge (promise 2.3).
    pub fn ask(&self, channel: &ChannelKind, topic: &Topic, point: Option<&ContactPoint>, now: Instant) -> Consent {
        self.state(channel, Some(topic), point.map(ContactPoint::hash), now)
    }

    fn state(&self, channel: &ChannelKind, topic: Option<&Topic>, point: Option<u64>, now: Instant) -> Consent {
        let about = || self.about(channel, topic, point).filter(|said| said.record.at <= now);
        let [of_channel, of_topic] = Level::both(about());
        for level in [&of_topic, &of_channel] {
            if let Some(gone) = level.gone.filter(|_| level.stands()) {
                return Consent::Revoked { since: gone.record.at };
            }
        }
        let bar = [of_channel, of_topic].into_iter().filter_map(|level| level.gone).map(|gone| gone.counts).max();
        let expired = |said: &Said| said.record.expires.filter(|expires| *expires <= now);
        // What a revocation took back does not return when a later grant runs out.
        let newest = about()
            .filter(|said| said.record.grant.is_some() && Some(said.counts) > bar)
            .max_by_key(|said| (expired(said).is_none(), said.record.at));
        match newest.map(|said| (&said.record, expired(said))) {
            None => Consent::NoRecord,
            Some((_, Some(since))) => Consent::Expired { since },
            Some((grant, None)) => Consent::Granted { since: grant.at, basis: grant.grant.unwrap_or_default() },
        }
    }

    fn about(&self, channel: &ChannelKind, topic: Option<&Topic>, point: Option<u64>) -> impl Iterator<Item = &Said> {
        self.said.iter().filter(move |said| said.is_about(channel, topic, point))
    }

    /// The next instant after `now` at which the state of a topic on a channel may change by time alone: a grant runs out,
    /// or a record of a later time begins to hold. May be earlier than the change, never later.
    pub fn next_change(&self, channel: &ChannelKind, topic: &Topic, now: Instant) -> Option<Instant> {
        self.iter()
            .filter(|record| record.channel == *channel && record.topic.as_ref().is_none_or(|named| named == topic))
            .flat_map(|record| [Some(record.at), record.expires])
            .flatten()
            .filter(|at| *at > now)
            .min()
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
        ConsentBook { said: said.into_iter().map(|(record, counts)| Said { record, counts }).collect(), merged }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(topic: Option<&str>, at: i64, grant: bool) -> ConsentRecord {
        ConsentRecord {
            channel: ChannelKind::Email,
            topic: topic.map(Topic::from),
            point: None,
            at: Instant::from_millis(at),
            grant: grant.then_some(Basis::Express),
            expires: None,
        }
    }

    fn ask(book: &ConsentBook, topic: &str) -> Consent {
        book.ask(&ChannelKind::Email, &topic.into(), None, Instant::from_millis(1_000))
    }

    #[test]
    fn promise_4_1_at_equal_times_the_revocation_wins_and_a_late_older_grant_changes_nothing() {
        let mut book = ConsentBook::default();
        assert_eq!(ask(&book, "offers"), Consent::NoRecord);
        book.record(record(None, 5, true));
        book.record(record(None, 5, false));
        assert!(matches!(ask(&book, "offers"), Consent::Revoked { .. }));
        book.record(record(None, 4, true));
        assert!(matches!(ask(&book, "offers"), Consent::Revoked { .. }));
        book.record(record(None, 6, true));
        assert!(matches!(ask(&book, "offers"), Consent::Granted { .. }));
    }

    #[test]
    fn a_topic_that_was_left_stays_left_when_the_channel_is_granted_again() {
        let mut book = ConsentBook::default();
        book.record(record(Some("offers"), 5, false));
        book.record(record(None, 6, true));
        assert!(matches!(ask(&book, "offers"), Consent::Revoked { .. }));
        assert!(matches!(ask(&book, "news"), Consent::Granted { .. }));
    }

    #[test]
    fn a_grant_covers_only_the_contact_point_it_was_given_for_and_runs_out() {
        let (ours, other) = (ContactPoint::email("a@b.de").unwrap(), ContactPoint::email("c@b.de").unwrap());
        let mut book = ConsentBook::default();
        let expires = Some(Instant::from_millis(100));
        book.record(ConsentRecord { point: Some(ours.hash()), expires, ..record(None, 5, true) });
        let ask = |point, now| book.ask(&ChannelKind::Email, &"x".into(), Some(point), Instant::from_millis(now));
        assert!(matches!(ask(&ours, 99), Consent::Granted { .. }));
        assert!(matches!(ask(&ours, 100), Consent::Expired { .. }));
        assert_eq!(ask(&other, 99), Consent::NoRecord);
    }

    proptest! {
        #[test]
        fn consent_does_not_depend_on_the_order_of_arrival(
            said in proptest::collection::vec((0..3usize, 0..20i64, any::<bool>()), 0..12), rotate in 0..12usize
        ) {
            let topics = [None, Some("offers"), Some("news")];
            let mut turned = said.clone();
            turned.rotate_left(rotate.min(said.len()));
            turned.reverse();
            let fold = |said: &[(usize, i64, bool)]| {
                let mut book = ConsentBook::default();
                for (topic, at, grant) in said {
                    book.record(record(topics[*topic], *at, *grant));
                }
                [ask(&book, "offers"), ask(&book, "news")]
            };
            prop_assert_eq!(fold(&said), fold(&turned));
        }
    }
}
