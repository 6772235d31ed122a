//! Two books become one: an opt-out of either side stands until an express grant made after the merge, and what a side
//! had settled by itself stays settled (promises 2.3, 4.1).

use std::collections::BTreeSet;

use super::{Consent, ConsentBook, Said};
use crate::primitives::{ChannelKind, Instant, Span, Topic};

impl ConsentBook {
    /// Takes all that another book says, as of a merge at `now`. A missing record restricts nothing.
    ///
    /// Each revocation that stands on its own side is raised to the merge, so that only what is said later lifts it. A
    /// grant that had lifted a revocation of its own side, where the other side had not revoked, is raised above it.
    pub fn absorb(&mut self, other: ConsentBook, now: Instant) {
        let mut sides = [std::mem::take(self), other];
        let before = sides.clone();
        self.merged = sides.iter().filter_map(|side| side.merged).chain([now]).max();
        for side in &mut sides {
            side.close(now);
        }
        for side in sides {
            for said in side.said {
                self.take(said);
            }
        }
        let revoked = |channel: &ChannelKind, topic: Option<&Topic>, point: Option<u64>| {
            let gone = |side: &ConsentBook| matches!(side.state(channel, topic, point, now), Consent::Revoked { .. });
            before.iter().any(gone)
        };
        self.keep_settled(revoked);
        self.keep_revoked(revoked, now);
    }

    fn take(&mut self, said: Said) {
        match self.said.iter_mut().find(|known| known.replaces(&said)) {
            Some(known) if known.order() >= said.order() => {}
            Some(known) => *known = said,
            None => self.said.push(said),
        }
    }

    /// What a revocation took back is dropped, so that it cannot return; what is still revoked is raised to the merge.
    fn close(&mut self, now: Instant) {
        let before = self.clone();
        self.said.retain(|said| said.record.grant.is_none() || before.bar(said).is_none_or(|bar| said.counts > bar));
        for said in self.said.iter_mut().filter(|said| said.record.grant.is_none()) {
            let record = &said.record;
            let state = before.state(&record.channel, record.topic.as_ref(), record.point, now);
            if matches!(state, Consent::Revoked { .. }) {
                said.counts = said.counts.max(now);
            }
        }
    }

    /// The latest revocation of all that a record speaks of.
    fn bar(&self, said: &Said) -> Option<Instant> {
        let record = &said.record;
        let about = |gone: &&Said| gone.is_about(&record.channel, record.topic.as_ref(), record.point);
        self.said.iter().filter(|gone| gone.record.grant.is_none()).filter(about).map(|gone| gone.counts).max()
    }

    fn keep_settled(&mut self, revoked: impl Fn(&ChannelKind, Option<&Topic>, Option<u64>) -> bool) {
        let both = self.clone();
        for said in self.said.iter_mut().filter(|said| said.record.grant.is_some()) {
            let record = &said.record;
            let bar = both.bar(said).filter(|bar| *bar >= said.counts);
            if let Some(bar) = bar
                && !revoked(&record.channel, record.topic.as_ref(), record.point)
            {
                said.counts = bar + Span::millis(1);
            }
        }
    }

    /// A raised grant may reach further than the one that it was raised for: where a side had revoked, the revocation is
    /// raised as well.
    fn keep_revoked(&mut self, revoked: impl Fn(&ChannelKind, Option<&Topic>, Option<u64>) -> bool, now: Instant) {
        let channels: BTreeSet<ChannelKind> = self.iter().map(|record| record.channel.clone()).collect();
        let topics: BTreeSet<Option<Topic>> = self.iter().map(|record| record.topic.clone()).chain([None]).collect();
        let points: BTreeSet<Option<u64>> = self.iter().map(|record| record.point).chain([None]).collect();
        let all = channels
            .iter()
            .flat_map(|channel| topics.iter().map(move |topic| (channel, topic.as_ref())))
            .flat_map(|(channel, topic)| points.iter().map(move |point| (channel, topic, *point)));
        for (channel, topic, point) in all {
            let wanted = revoked(channel, topic, point);
            if !wanted || matches!(self.state(channel, topic, point, now), Consent::Revoked { .. }) {
                continue;
            }
            let about = |said: &&mut Said| said.is_about(channel, topic, point);
            let lifting = self.said.iter_mut().filter(about).map(|said| said.counts).max();
            for gone in self.said.iter_mut().filter(|said| said.record.grant.is_none()).filter(about) {
                gone.counts = gone.counts.max(lifting.unwrap_or(now));
            }
        }
    }
}
