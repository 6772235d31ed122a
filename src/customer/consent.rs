//! What a customer allowed, folded by the time at which it was said (promise 4.1).

use crate::primitives::{ChannelKind, ContactPoint, Instant, Topic};

/// On what a grant rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
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
pub struct ConsentBook(Vec<ConsentRecord>);

impl ConsentBook {
    /// Takes a record; says whether it told anything new.
    pub fn record(&mut self, record: ConsentRecord) -> bool {
        let same = |known: &&mut ConsentRecord| {
            known.channel == record.channel
                && known.topic == record.topic
                && known.point == record.point
                && known.grant.is_some() == record.grant.is_some()
        };
        match self.0.iter_mut().find(same) {
            Some(known) if known.at >= record.at => false,
            Some(known) => {
                *known = record;
                true
            }
            None => {
                self.0.push(record);
                true
            }
        }
    }

    /// The state of a topic on a channel at a contact point.
    ///
    /// A revocation of the whole channel is lifted by any later grant for the topic or the channel; a revocation of the
    /// topic only by a later grant for that topic. At equal times the revocation wins.
    pub fn ask(&self, channel: &ChannelKind, topic: &Topic, point: Option<&ContactPoint>, now: Instant) -> Consent {
        let point = point.map(ContactPoint::hash);
        let mut grant: [Option<&ConsentRecord>; 2] = [None; 2];
        let mut revocation: [Option<Instant>; 2] = [None; 2];
        for record in &self.0 {
            let named = record.topic.is_some();
            let about = record.channel == *channel
                && record.topic.as_ref().is_none_or(|named| named == topic)
                && (record.point.is_none() || record.point == point);
            // Index 0: said of the channel; 1: said of this topic.
            let [of_channel, of_topic] = &mut grant;
            let grant = if named { of_topic } else { of_channel };
            let [gone_channel, gone_topic] = &mut revocation;
            let gone = if named { gone_topic } else { gone_channel };
            if !about || record.at > now {
                continue;
            }
            match record.grant {
                Some(_) if grant.is_none_or(|known| known.at < record.at) => *grant = Some(record),
                Some(_) => {}
                None => *gone = (*gone).max(Some(record.at)),
            }
        }
        let [channel_grant, topic_grant] = grant;
        let [channel_revoked, topic_revoked] = revocation;
        if let Some(since) = topic_revoked.filter(|since| topic_grant.is_none_or(|grant| grant.at <= *since)) {
            return Consent::Revoked { since };
        }
        let newest = [topic_grant, channel_grant].into_iter().flatten().max_by_key(|grant| grant.at);
        if let Some(since) = channel_revoked.filter(|since| newest.is_none_or(|grant| grant.at <= *since)) {
            return Consent::Revoked { since };
        }
        match newest {
            None => Consent::NoRecord,
            Some(grant) => match grant.expires {
                Some(since) if since <= now => Consent::Expired { since },
                _ => Consent::Granted { since: grant.at, basis: grant.grant.unwrap_or_default() },
            },
        }
    }

    /// The next instant after `now` at which the state of a topic on a channel may change by time alone: a grant runs out,
    /// or a record of a later time begins to hold. May be earlier than the change, never later.
    pub fn next_change(&self, channel: &ChannelKind, topic: &Topic, now: Instant) -> Option<Instant> {
        self.0
            .iter()
            .filter(|record| record.channel == *channel && record.topic.as_ref().is_none_or(|named| named == topic))
            .flat_map(|record| [Some(record.at), record.expires])
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    /// The records, in no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ConsentRecord> {
        self.0.iter()
    }

    /// From a stored record.
    pub(crate) fn from_list(records: Vec<ConsentRecord>) -> Self {
        ConsentBook(records)
    }

    /// Takes all that another book says: a grant is never widened and a revocation never lost (promise 2.3).
    pub fn absorb(&mut self, other: ConsentBook) {
        for record in other.0 {
            self.record(record);
        }
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
