//! Two records become one (promise 2.3).

use super::{CustomerState, Run};
use crate::primitives::Instant;

impl CustomerState {
    /// Takes all that a sealed record held. Opt-outs, caps, dedupe keys and the older of two runs of one key survive.
    /// Answers the runs of the other record that end because ours is older, and of ours because theirs is.
    pub(crate) fn absorb(&mut self, other: CustomerState, identified: bool) -> Vec<Run> {
        let theirs = other.profile;
        let ours = &mut self.profile;
        for visitor in theirs.anonymous_ids {
            if !ours.anonymous_ids.contains(&visitor) {
                ours.anonymous_ids.push(visitor);
            }
        }
        for attribute in theirs.attributes.iter() {
            // An anonymous value never overwrites an identified one.
            if identified || ours.attributes.get(attribute.key).is_none() {
                ours.attributes.set(attribute.key, attribute.value.to_value(), attribute.said);
            }
        }
        ours.points.absorb(theirs.points);
        ours.consents.absorb(theirs.consents);
        ours.history.absorb(theirs.history);
        ours.figures.absorb(theirs.figures);
        ours.contacts.absorb(theirs.contacts);
        ours.events_seen.absorb(theirs.events_seen);
        for (kind, record) in theirs.channels {
            ours.update_channel(&kind, |known| {
                known.sent += record.sent;
                known.engaged += record.engaged;
                known.last_engaged = known.last_engaged.max(record.last_engaged);
            });
        }
        ours.memberships.absorb(theirs.memberships);
        ours.preferred = ours.preferred.take().or(theirs.preferred);
        ours.place = ours.place.take().or(theirs.place);
        ours.first_seen = ours.first_seen.min(theirs.first_seen);
        ours.last_seen = ours.last_seen.max(theirs.last_seen);
        self.holds.extend(other.holds);
        self.last = self.last.max(other.last);
        // What both were in is evaluated anew.
        self.segments_due = Instant::MIN;
        self.absorb_runs(other.runs)
    }

    fn absorb_runs(&mut self, theirs: Vec<Run>) -> Vec<Run> {
        let mut ended = Vec::new();
        for run in theirs {
            let same = |known: &Run| known.journey == run.journey && known.key == run.key;
            match self.runs.iter_mut().find(|known| same(known)) {
                Some(known) if known.began <= run.began => ended.push(run),
                Some(known) => ended.push(std::mem::replace(known, run)),
                None => self.runs.push(run),
            }
        }
        self.runs.sort_by_key(|run| run.began);
        ended
    }
}
