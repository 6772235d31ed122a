//! The pure step: one input, one record, one instant.

use super::Playbook;
use super::input::{Input, Outcome, Refused, What};
use super::messages::Wanted;
use crate::primitives::Instant;
use crate::record::{CustomerState, Stage};
use crate::surroundings::Surroundings;

/// One input causes at most this many transitions over all journeys (promise 3.5). Timers that are late count as inputs of
/// their own, by the instant at which they were due.
pub(super) const MOST_TRANSITIONS: u32 = 1_000;

/// So many instants are caught up with in one step; a loop of waits with more in a downtime is stopped.
const MOST_INSTANTS: u32 = 50_000;

impl Playbook {
    /// Takes one input into one customer's record: the function that decides everything (see the crate page).
    ///
    /// Its order (promise 3.5): duplicate check, timers that were due before, record, segments, exits and goals, waits,
    /// entries, then all messages together by priority. The same arguments give the same record and the same outcome on
    /// every machine. `now` before the record's own latest instant counts as that instant (promise 1.1).
    ///
    /// # Errors
    /// [`Refused`], and the record is unchanged.
    pub fn step(
        &self,
        state: &mut CustomerState,
        input: &Input,
        around: &Surroundings,
        now: Instant,
    ) -> Result<Outcome, Refused> {
        if let Stage::Moved(to) = state.stage {
            return Ok(moved(to, input));
        }
        let stranger = |state: &CustomerState, event: &crate::event::Event| matches!((&state.profile.user_id, &event.user_id), (Some(ours), Some(theirs)) if ours != theirs);
        match input {
            Input::Event(event) if stranger(state, event) => return Err(Refused::OtherUser),
            // Only a visitor's record becomes part of another; a known user's is another person's (promise 2.2).
            Input::Seal { .. } if state.profile.user_id.is_some() => return Err(Refused::OtherUser),
            _ => {}
        }
        let now = now.max(state.last);
        state.last = now;
        let mut turn =
            Turn { book: self, state, around, now, out: Outcome::default(), wanted: Vec::new(), transitions: 0 };
        match input {
            Input::Event(event) => turn.event(event),
            Input::Wake => turn.fire_due(now, Upto::Including),
            Input::Settled { id, result } => turn.settled(*id, result),
            Input::GivenBack { id, due } => turn.given_back(*id, *due),
            Input::Seal { into, event } => turn.seal(*into, event),
            Input::Absorb { sealed, event } => turn.absorb(sealed, event),
        }
        turn.decide_all();
        Ok(turn.out)
    }
}

/// A record that became part of another hands everything on to it.
fn moved(to: crate::primitives::CustomerId, input: &Input) -> Outcome {
    let mut out = Outcome::default();
    match input {
        Input::Wake => {}
        // Sealed already: only the event is left to take.
        Input::Seal { event, .. } => out.forward.push((to, Input::Event(event.clone()))),
        other => out.forward.push((to, other.clone())),
    }
    out
}

/// One step under way.
pub(super) struct Turn<'a> {
    pub(super) book: &'a Playbook,
    pub(super) state: &'a mut CustomerState,
    pub(super) around: &'a Surroundings,
    pub(super) now: Instant,
    pub(super) out: Outcome,
    pub(super) wanted: Vec<Wanted>,
    pub(super) transitions: u32,
}

/// Whether timers due at the very limit fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upto {
    Including,
    Excluding,
}

impl Turn<'_> {
    /// Fires what is due, in order of its instant (promise 1.6): segments, then runs in the order in which they began,
    /// then claims.
    pub(super) fn fire_due(&mut self, limit: Instant, upto: Upto) {
        let (mut latest, mut instants) = (None, 0);
        loop {
            let due = self.state.due();
            if due > limit || (due == limit && upto == Upto::Excluding) || due == Instant::MAX {
                self.transitions = 0;
                return;
            }
            // One that was put off to the same instant again, or to an earlier one, is no progress.
            if latest < Some(due) {
                latest = Some(due);
                instants += 1;
                self.transitions = 0;
            }
            self.transitions += 1;
            if self.transitions > MOST_TRANSITIONS || instants > MOST_INSTANTS {
                self.end_runaways(due);
                self.transitions = 0;
                return;
            }
            if self.state.segments_due <= due {
                self.reassess_due(due);
            }
            self.wake_runs(due);
            self.wake_contacts(due);
            self.decide_all();
        }
    }

    fn seal(&mut self, into: crate::primitives::CustomerId, event: &std::sync::Arc<crate::event::Event>) {
        let mut sealed = CustomerState::new(self.state.profile.id, self.now);
        sealed.stage = Stage::Moved(into);
        sealed.last = self.now;
        // Nothing is left to be evaluated; an instant in the past would have it woken for ever.
        sealed.segments_due = Instant::MAX;
        let held = std::mem::replace(self.state, sealed);
        // Memberships go where the customer goes: whoever counts must not count both records.
        for (id, _) in self.book.segments.iter().filter(|(id, _)| inside(&held, id.key().hash())) {
            self.out.notice(self.now, What::SegmentLeft { segment: id.clone() });
        }
        self.out.forward.push((into, Input::Absorb { sealed: Box::new(held), event: event.clone() }));
    }

    fn absorb(&mut self, sealed: &CustomerState, event: &std::sync::Arc<crate::event::Event>) {
        let record = sealed.profile.id;
        for (id, _) in &self.book.segments {
            let hash = id.key().hash();
            if inside(sealed, hash) && !inside(self.state, hash) {
                self.out.notice(self.now, What::SegmentEntered { segment: id.clone() });
            }
        }
        let ended = self.state.absorb(sealed.clone(), sealed.profile.user_id.is_some());
        for run in ended {
            self.close(run, crate::journey::EndReason::Merged);
        }
        self.out.notice(self.now, What::Merged { record });
        self.event(event);
    }
}

fn inside(state: &CustomerState, segment: u64) -> bool {
    state.profile.memberships.contains(segment)
}
