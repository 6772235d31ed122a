//! What a merge keeps (promise 2.3). It does not depend on the order in which records became one, nor on which of them
//! survives.

use super::{CustomerState, Run};
use crate::customer::Profile;
use crate::primitives::{ChannelKind, Instant, Key};

impl CustomerState {
    /// Takes all that a sealed record held, as of a merge at `now`. Opt-outs, caps, dedupe keys and the older of two runs of
    /// one key survive. Answers the runs that end, each with the run that goes on in its place.
    pub(crate) fn absorb(&mut self, other: CustomerState, now: Instant) -> Vec<(Run, u64)> {
        self.absorbed.push(other.profile.id);
        self.absorbed.extend(other.absorbed);
        self.profile.absorb(other.profile, now);
        for hold in other.holds {
            if !self.holds.contains(&hold) {
                self.holds.push(hold);
            }
        }
        self.last = self.last.max(other.last);
        self.erased = self.erased.max(other.erased);
        self.absorb_timers(other.timers);
        // Everything is evaluated anew.
        self.segments_due = Instant::MIN;
        self.absorb_runs(other.runs)
    }

    fn absorb_runs(&mut self, theirs: Vec<Run>) -> Vec<(Run, u64)> {
        let mut ended = Vec::new();
        for run in theirs {
            let same = |known: &&mut Run| known.journey == run.journey && known.key == run.key;
            match self.runs.iter_mut().find(same) {
                Some(known) => {
                    let (stays, ends) = if (known.began, known.id) <= (run.began, run.id) {
                        (known.id, run)
                    } else {
                        (run.id, std::mem::replace(known, run))
                    };
                    known.sent = known.sent.saturating_add(ends.sent);
                    ended.push((ends, stays));
                }
                None => self.runs.push(run),
            }
        }
        self.runs.sort_by_key(|run| (run.began, run.id));
        ended
    }
}

impl Profile {
    fn absorb(&mut self, theirs: Profile, now: Instant) {
        self.absorb_attributes(theirs.attributes, theirs.user_id.is_some());
        let more = theirs.user_id.into_iter().chain(theirs.aliases);
        for user in more {
            if self.user_id.is_none() {
                self.user_id = Some(user);
            } else if !self.is_known_as(&user) {
                self.aliases.push(user);
            }
        }
        for visitor in theirs.anonymous_ids {
            if !self.anonymous_ids.contains(&visitor) {
                self.anonymous_ids.push(visitor);
            }
        }
        self.points.absorb(theirs.points);
        self.consents.absorb(theirs.consents, now);
        self.history.absorb(theirs.history);
        self.figures.absorb(theirs.figures);
        self.contacts.absorb(theirs.contacts);
        self.events_seen.absorb(theirs.events_seen);
        for (kind, record) in theirs.channels {
            self.update_channel(&kind, |known| {
                known.sent = known.sent.saturating_add(record.sent);
                known.engaged = known.engaged.saturating_add(record.engaged);
                known.last_engaged = known.last_engaged.max(record.last_engaged);
            });
        }
        self.memberships.absorb(theirs.memberships);
        // What was asked for is an attribute as well, with its time.
        let said = self.attributes.get(&Key::new("preferred_channel")).and_then(|said| said.value.as_str());
        let preferred = said.map(ChannelKind::from_name);
        self.preferred = preferred.or(self.preferred.take()).or(theirs.preferred);
        self.place = match (self.place.take(), theirs.place) {
            (Some(ours), Some(theirs)) => {
                let newer = ours.1.cmp(&theirs.1).then_with(|| ours.0.zone.cmp(&theirs.0.zone)).is_ge();
                let ((mut place, said), (older, _)) = if newer { (*ours, *theirs) } else { (*theirs, *ours) };
                place.zone = place.zone.or(older.zone);
                place.locale = place.locale.or(older.locale);
                place.country = place.country.or(older.country);
                Some(Box::new((place, said)))
            }
            (ours, theirs) => ours.or(theirs),
        };
        self.first_seen = self.first_seen.min(theirs.first_seen);
        self.last_seen = self.last_seen.max(theirs.last_seen);
    }

    /// An anonymous value never overwrites an identified one.
    fn absorb_attributes(&mut self, mut theirs: crate::customer::Attributes, identified: bool) {
        if !identified {
            theirs.mark_anonymous();
        }
        if self.user_id.is_none() {
            self.attributes.mark_anonymous();
        }
        self.attributes.absorb(theirs);
        if self.user_id.is_none() && !identified {
            self.attributes.unmark_anonymous();
        }
    }
}
