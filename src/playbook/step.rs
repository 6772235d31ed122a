//! The pure step: one input, one record, one instant.

use super::Playbook;
use super::calls::Begun;
use super::input::{Elsewhere, Input, Outcome, Refused, What};
use super::linking::{Asked, TWO_USERS};
use super::messages::Wanted;
use crate::event::Event;
use crate::primitives::{CustomerId, IdentityKind, Instant};
use crate::record::{Carried, CustomerState, Stage};
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
        match (input, &state.stage) {
            (Input::Merge { with }, _) if *with == state.profile.id => return Err(Refused::Oneself),
            (Input::Gone { identities }, Stage::Moved(_)) => {
                return Ok(Outcome { remove: Some(identities.clone()), ..Outcome::default() });
            }
            (Input::Gone { .. }, _) => return Ok(Outcome::default()),
            (Input::Forget, _) => {
                state.forget_moved();
                return Ok(Outcome::default());
            }
            (_, Stage::Moved(to)) => return Ok(moved(state, *to, input)),
            _ => {}
        }
        if let Some(own) = stranger(self, state, input) {
            return Ok(turned_away(own, input, now));
        }
        let now = now.max(state.last);
        state.last = now;
        let mut turn =
            Turn { book: self, state, around, now, out: Outcome::default(), wanted: Vec::new(), transitions: 0 };
        match input {
            Input::Event(event) => turn.event(event),
            Input::Wake if turn.state.is_erased() => {}
            Input::Wake => {
                turn.reclassify();
                turn.fire_due(now, Upto::Including);
            }
            Input::Settled { id, result } => turn.settled(*id, result),
            Input::GivenBack { id, due } => turn.given_back(*id, *due),
            Input::DeviceTaken { token, by, at } => turn.device_taken(*token, *by, *at),
            Input::Merge { with } => turn.link(*with, Carried::by_host()),
            Input::Link { with, then } => turn.link(*with, then.clone()),
            Input::Seal { into, link, side, begun, standing, then } => {
                turn.asked_to_seal(&Asked { into: *into, link: *link, side: *side, begun: *begun, standing }, then);
            }
            Input::Absorb { sealed, then, .. } if turn.state.is_erased() => turn.erase_sealed(sealed, then),
            Input::Absorb { sealed, link, then } => turn.absorb(sealed, *link, then),
            Input::Release { link, then, refused, erased } => {
                turn.state.erased = turn.state.erased.max(*erased);
                turn.released(*link, then.as_ref(), *refused);
            }
            Input::Erase { named, until } => turn.erase(*named, *until),
            Input::EraseVisitor { until } => turn.erase_visitor(*until),
            Input::Suppressed { id, block } => turn.suppressed(*id, *block),
            Input::Call(call) => turn.called(call),
            // Done above.
            Input::Forget | Input::Gone { .. } => {}
        }
        if turn.state.awaits() {
            turn.hold_all();
        } else {
            turn.decide_all();
        }
        Ok(turn.out)
    }
}

/// A record that became part of another hands everything on to it, but for copies of events that it took itself: they
/// may come there before its content.
fn moved(state: &CustomerState, to: CustomerId, input: &Input) -> Outcome {
    let mut out = Outcome { elsewhere: Some(Elsewhere::Moved(to)), ..Outcome::default() };
    let taken = |event: &Event| event.id.as_deref().is_some_and(|id| state.profile.events_seen.contains_id(id));
    let mut onward = match input {
        Input::Wake => return Outcome::default(),
        Input::Event(event) | Input::Link { then: Carried { event: Some(event), .. }, .. } if taken(event) => {
            out.duplicate = true;
            return out;
        }
        Input::Call(call) if state.profile.events_seen.contains_id(&call.copy_id()) => {
            out.duplicate = true;
            out.begun = Some(Box::new(Begun::Duplicate));
            return out;
        }
        Input::Merge { with } => Input::Link { with: *with, then: Carried::by_host() },
        other => other.clone(),
    };
    if let Input::Seal { then, .. } | Input::Absorb { then, .. } | Input::Release { then: Some(then), .. } = &mut onward
    {
        then.event.take_if(|event| taken(event));
    }
    out.forward.push((to, onward));
    out
}

/// The own record of the user whom an event names, if this record is another user's: a shared device (promise 2.2).
fn stranger(book: &Playbook, state: &CustomerState, input: &Input) -> Option<CustomerId> {
    let event = match input {
        Input::Event(event) | Input::Link { then: Carried { event: Some(event), .. }, .. } => event,
        _ => return None,
    };
    let user = event.user_id.as_deref()?;
    let known = match &state.stage {
        Stage::Erased(tombstone) => !book.is_strange_to(tombstone, event),
        _ => state.profile.user_id.is_none() || state.profile.is_known_as(user),
    };
    if known {
        return None;
    }
    let own = book.identity.key(IdentityKind::User, user).candidate();
    // The user's own record may have become part of this one before it was known whose it is.
    (own != state.profile.id && !state.absorbed.contains(&own)).then_some(own)
}

fn turned_away(own: CustomerId, input: &Input, now: Instant) -> Outcome {
    let mut out = Outcome::default();
    out.notice(now, What::MergeRefused { record: own, reason: TWO_USERS });
    out.forward.push((own, input.clone()));
    out.elsewhere = Some(Elsewhere::OtherUser(own));
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
    /// Fires what is due, in order of its instant (promise 1.6): segments, then what time alone begins, then runs in the
    /// order in which they began, then claims.
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
            if self.state.segments_due <= due && self.lets_go(due) {
                return;
            }
            if self.state.segments_due <= due {
                self.reassess_due(due);
            }
            self.begin_timed(due);
            self.wake_runs(due);
            self.wake_contacts(due);
            self.decide_all();
        }
    }
}
