//! The pure step: one input, one record, one instant.

use super::Playbook;
use std::sync::Arc;

use super::input::{Input, Outcome, Refused, What};
use super::messages::Wanted;
use crate::event::Event;
use crate::primitives::{CustomerId, Instant, Span};
use crate::record::{CustomerState, Stage};
use crate::surroundings::Surroundings;

/// One input causes at most this many transitions over all journeys (promise 3.5).
pub(super) const MOST_TRANSITIONS: u32 = 1_000;

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
            return Ok(moved(state, to, input, now));
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
            Input::Absorb { sealed, event } => turn.absorb(sealed, event.as_ref()),
            // Only a record that was sealed has something to let go of.
            Input::Absorbed => {}
        }
        turn.decide_all();
        Ok(turn.out)
    }
}

/// When a record that was sealed offers its content again, if the other has not said that it took it.
const OFFERED_AGAIN: Span = Span::minutes(1);

/// A record that became part of another hands everything on to it. It keeps its content until the other has it: a crash
/// between the two commits loses no opt-out and no cap.
fn moved(state: &mut CustomerState, to: CustomerId, input: &Input, now: Instant) -> Outcome {
    let mut out = Outcome::default();
    let keeps = state.segments_due < Instant::MAX;
    let offer = |state: &CustomerState, event| Input::Absorb { sealed: Box::new(state.clone()), event };
    match input {
        Input::Wake if keeps && state.segments_due <= now => {
            state.segments_due = now + OFFERED_AGAIN;
            out.forward.push((to, offer(state, None)));
        }
        Input::Wake => {}
        Input::Seal { event, .. } if keeps => out.forward.push((to, offer(state, Some(event.clone())))),
        // Sealed already: only the event is left to take.
        Input::Seal { event, .. } => out.forward.push((to, Input::Event(event.clone()))),
        Input::Absorbed => {
            let mut empty = CustomerState::new(state.profile.id, now);
            empty.stage = state.stage;
            empty.last = state.last;
            empty.segments_due = Instant::MAX;
            *state = empty;
        }
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
        loop {
            let due = self.state.due();
            if due > limit || (due == limit && upto == Upto::Excluding) || due == Instant::MAX {
                return;
            }
            self.transitions += 1;
            if self.transitions > MOST_TRANSITIONS {
                self.end_runaways(due);
                return;
            }
            if self.state.segments_due <= due {
                self.reassess_all(if due == Instant::MIN { self.now } else { due });
            }
            self.wake_runs(due);
            self.wake_contacts(due);
            self.decide_all();
        }
    }

    fn seal(&mut self, into: CustomerId, event: &Arc<Event>) {
        let held = self.state.clone();
        self.state.stage = Stage::Moved(into);
        // Nothing is left to be evaluated; what is left is to be taken.
        self.state.segments_due = self.now + OFFERED_AGAIN;
        // Memberships go where the customer goes: whoever counts must not count both records.
        for (id, _) in self.book.segments.iter().filter(|(id, _)| inside(&held, id.key().hash())) {
            self.out.notice(self.now, What::SegmentLeft { segment: id.clone() });
        }
        self.out.forward.push((into, Input::Absorb { sealed: Box::new(held), event: Some(event.clone()) }));
    }

    fn absorb(&mut self, sealed: &CustomerState, event: Option<&Arc<Event>>) {
        let record = sealed.profile.id;
        self.out.forward.push((record, Input::Absorbed));
        // Offered twice, it is taken once.
        if self.state.profile.events_seen.take(&format!("merged {record}"), self.now, self.book.horizon) {
            self.take_in(sealed);
        }
        if let Some(event) = event {
            self.event(event);
        }
    }

    fn take_in(&mut self, sealed: &CustomerState) {
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
    }
}

fn inside(state: &CustomerState, segment: u64) -> bool {
    state.profile.memberships.contains(&segment)
}
