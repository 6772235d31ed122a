//! Two books become one: an opt-out of either side stands until an express grant made after the merge, and what a side
//! had settled by itself stays settled (promises 2.3, 4.1).

use std::collections::BTreeSet;

use super::{ConsentBook, ConsentRecord, Level, Said};
use crate::event::Basis;
use crate::primitives::{ChannelKind, Instant, Span, Topic};

/// What is spoken of: a channel, a topic or any other, a contact point or any other.
type Matter<'a> = (&'a ChannelKind, Option<&'a Topic>, Option<u64>);

/// In so many rounds grants and revocations of one person have found their places; there are but a few levels.
const MOST_ROUNDS: usize = 8;

impl ConsentBook {
    /// Takes all that another book says, as of a merge at `now`. A missing record restricts nothing.
    ///
    /// Each revocation that stands on its own side is raised to the merge, so that only what is said later lifts it. A
    /// grant that was in force on its own side, and that the other side had not revoked, is raised above it.
    pub fn absorb(&mut self, other: ConsentBook, now: Instant) {
        let sides = [std::mem::take(self), other];
        self.merged = sides.iter().filter_map(|side| side.merged).chain([now]).max();
        for said in sides.iter().flat_map(|side| &side.said) {
            // A confirmation on one side does not complete a sign-up on the other: neither had allowed anything.
            if said.record.is_half() {
                self.keep_half(said);
                continue;
            }
            let stands = |side: &ConsentBook| side.said.contains(said) && side.is_standing(&said.record);
            let stands = said.record.revokes() && sides.iter().any(stands);
            let counts = if stands { said.counts.max(now) } else { said.counts };
            self.take(Said { counts, ..said.clone() }, |said| in_force(&sides, &said.record));
        }
        for _ in 0..MOST_ROUNDS {
            self.keep_settled(&sides);
            self.keep_crossed(&sides);
            // The last word is the revocation's.
            if !self.keep_revoked(&sides) {
                break;
            }
        }
        self.mark();
    }

    /// Of two grants the one that is in force stands, though it be older, and of two that are the one that lasts longer: what
    /// one side allows does not end with what the other allowed. Of two revocations the later stands. Either counts as the
    /// one that counts last.
    fn take(&mut self, said: Said, in_force: impl Fn(&Said) -> [bool; 2]) {
        let rank = |said: &Said| said.record.grant().map(|_| in_force(said));
        match self.said.iter_mut().find(|known| known.replaces(&said)) {
            Some(known) if rank(known) == rank(&said) => {
                let counts = known.counts.max(said.counts);
                if known.lasting() < said.lasting() {
                    known.record = said.record;
                }
                known.counts = counts;
            }
            Some(known) if rank(known) > rank(&said) => {}
            Some(known) => *known = said,
            None => self.said.push(said),
        }
    }

    /// Whether a revocation stands, of the topic or of the whole channel, as it is itself.
    pub(super) fn is_standing(&self, revocation: &ConsentRecord) -> bool {
        let [channel, topic] = Level::both(self.about_matter(matter(revocation)));
        if revocation.topic.is_some() { topic.stands() } else { channel.stands() }
    }

    /// Whether no revocation took a grant back: none at all, and none of its topic.
    fn is_in_force(&self, grant: &ConsentRecord) -> [bool; 2] {
        let Some(grant) = self.said.iter().find(|said| said.record == *grant) else { return [false; 2] };
        let matter = matter(&grant.record);
        let [_, topic] = Level::both(self.about_matter(matter));
        [self.bar(matter), topic.gone.map(|gone| gone.counts)].map(|bar| bar < Some(grant.counts))
    }

    /// The latest revocation of a matter.
    fn bar(&self, matter: Matter<'_>) -> Option<Instant> {
        self.about_matter(matter).filter(|said| said.record.revokes()).map(|said| said.counts).max()
    }

    fn about_matter(&self, (channel, topic, point): Matter<'_>) -> impl Iterator<Item = &Said> {
        self.about(channel, topic, point)
    }

    fn keep_settled(&mut self, sides: &[ConsentBook; 2]) {
        let both = self.clone();
        for said in self.said.iter_mut().filter(|said| said.record.grant().is_some()) {
            let matter = matter(&said.record);
            let [at_all, of_topic] = in_force(sides, &said.record);
            let [_, topic] = Level::both(both.about_matter(matter));
            let bar = match revoked(sides, matter) {
                [false, false] if at_all => both.bar(matter),
                // The topic was settled, and is when the channel is granted again.
                [true, false] if of_topic => topic.gone.map(|gone| gone.counts),
                _ => None,
            };
            if let Some(bar) = bar.filter(|bar| *bar >= said.counts) {
                said.counts = bar + Span::millis(1);
            }
        }
    }

    /// One side may have granted a contact point, the other a topic. Then both allow the topic at the contact point, though
    /// neither grant is in force as a whole: it gets one of its own. So does what a side allows for longer than the other
    /// one's grant, which lifted a revocation there, lasts.
    fn keep_crossed(&mut self, sides: &[ConsentBook; 2]) {
        let (channels, topics, points) = self.named();
        for (channel, topic) in channels.iter().flat_map(|channel| topics.iter().map(move |topic| (channel, topic))) {
            for point in &points {
                let matter = (channel, topic.as_ref(), *point);
                if revoked(sides, matter) != [false; 2] {
                    continue;
                }
                let longest = |wanted: fn(Basis) -> bool| {
                    let both = sides.iter().filter_map(|side| side.longest(matter, wanted));
                    both.max_by(|a, b| a.lasting().cmp(&b.lasting())).cloned()
                };
                let stands = Level::both(self.about_matter(matter)).iter().any(Level::stands);
                let lifts = longest(|basis| basis == Basis::Express).filter(|_| stands);
                lifts.into_iter().for_each(|said| self.cross(said, matter));
                let known = self.longest(matter, |_| true).map(Said::until);
                let longer = longest(|_| true).filter(|said| known < Some(said.until()));
                longer.into_iter().for_each(|said| self.cross(said, matter));
            }
        }
    }

    /// Of the grants of a matter that no revocation took back the one that lasts longest.
    fn longest(&self, matter: Matter<'_>, wanted: fn(Basis) -> bool) -> Option<&Said> {
        let bar = self.bar(matter);
        let grants = self.about_matter(matter).filter(|said| said.record.grant().is_some_and(wanted));
        grants.filter(|said| Some(said.counts) > bar).max_by(|a, b| a.lasting().cmp(&b.lasting()))
    }

    /// Gives a matter a grant of its own, above what was revoked of it.
    fn cross(&mut self, mut said: Said, (channel, topic, point): Matter<'_>) {
        let Some(bar) = self.bar((channel, topic, point)) else { return };
        said.record.topic = topic.cloned();
        said.record.point = point;
        said.counts = bar + Span::millis(1);
        self.take(said, |_| [true; 2]);
    }

    /// All that either side speaks of: channels, topics and any other, contact points and any other.
    fn named(&self) -> (BTreeSet<ChannelKind>, BTreeSet<Option<Topic>>, BTreeSet<Option<u64>>) {
        let channels = self.iter().map(|record| record.channel.clone()).collect();
        let topics = self.iter().map(|record| record.topic.clone()).chain([None]).collect();
        let points = self.iter().map(|record| record.point).chain([None]).collect();
        (channels, topics, points)
    }

    /// A raised grant may reach further than the one that it was raised for: where a side had revoked, the revocation is
    /// raised as well. Says whether any was.
    fn keep_revoked(&mut self, sides: &[ConsentBook; 2]) -> bool {
        let (channels, topics, points) = self.named();
        let mut raised = false;
        for (channel, topic) in channels.iter().flat_map(|channel| topics.iter().map(move |topic| (channel, topic))) {
            for point in &points {
                raised |= self.raise((channel, topic.as_ref(), *point), sides);
            }
        }
        raised
    }

    fn raise(&mut self, matter: Matter<'_>, sides: &[ConsentBook; 2]) -> bool {
        let [of_channel, of_topic] = revoked(sides, matter);
        let [channel, topic] = Level::both(self.about_matter(matter));
        // Where the topic is revoked, whoever lifts that lifts what is said of the channel too.
        let (of_topics, lifted) = match (of_topic, of_channel) {
            (true, _) if !topic.stands() => (true, topic.lifted),
            (false, true) if !channel.stands() => (false, channel.lifted),
            _ => return false,
        };
        let (kind, named, point) = matter;
        for gone in self.said.iter_mut().filter(|said| said.is_about(kind, named, point)) {
            if gone.record.revokes() && gone.record.topic.is_some() == of_topics {
                gone.counts = gone.counts.max(lifted.unwrap_or(gone.counts));
            }
        }
        true
    }
}

impl Said {
    /// Of two that two sides said of one matter the greater stands: the one that lasts longer, then the later.
    fn lasting(&self) -> impl Ord + use<'_> {
        (self.until(), self.order_said())
    }

    fn until(&self) -> Instant {
        self.record.expires.unwrap_or(Instant::MAX)
    }
}

/// Whether a side had revoked a matter: the channel, and the topic.
fn revoked(sides: &[ConsentBook; 2], matter: Matter<'_>) -> [bool; 2] {
    sides.iter().fold([false; 2], |[channel, topic], side| {
        let [of_channel, of_topic] = Level::both(side.about_matter(matter));
        [channel || of_channel.stands(), topic || of_topic.stands()]
    })
}

/// Whether a grant was in force on a side, at all, and as to its topic.
fn in_force(sides: &[ConsentBook; 2], grant: &ConsentRecord) -> [bool; 2] {
    sides.iter().fold([false; 2], |[at_all, of_topic], side| {
        let [all, topic] = side.is_in_force(grant);
        [at_all || all, of_topic || topic]
    })
}

fn matter(record: &ConsentRecord) -> Matter<'_> {
    (&record.channel, record.topic.as_ref(), record.point)
}
