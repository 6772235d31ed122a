//! Membership follows from what is known: re-evaluated where an input can have changed it, and when time can.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::index::{Reader, reading};
use super::input::What;
use super::step::Turn;
use crate::customer::{Memberships, Observed, Recorded, Standing};
use crate::journey::Signal;
use crate::primitives::{Derived, Instant, JourneyId, Key, SegmentId, Span};
use crate::segment::{Effect, Membership};

/// A change of membership that some journey listens to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    segment: &'a SegmentId,
    inside: bool,
    at: Instant,
    /// Who listens.
    pub(super) journeys: &'a [u16],
}

impl<'a> Change<'a> {
    pub(super) fn signal(&self) -> Signal<'a> {
        let (segment, at) = (self.segment, self.at);
        if self.inside { Signal::Entered { segment, at } } else { Signal::Left { segment, at } }
    }
}

impl<'a> Turn<'a> {
    /// Evaluates as of now the segments that an event can have changed, and those that read a segment that changed.
    pub(super) fn reassess(
        &mut self,
        readers: &[Reader],
        recorded: Recorded,
        observed: &Observed,
        reachable: bool,
    ) -> Vec<Change<'a>> {
        let index = &self.book.index;
        let plain = observed.attributes.is_empty()
            && !observed.identified
            && !observed.place
            && reading(&index.derived, observed.derived).next().is_none();
        if plain && !reachable && index.seen.is_empty() {
            return self.reassess_readers(readers, recorded);
        }
        let turning = readers.iter().filter(|reader| self.may_turn(reader, recorded));
        let mut queue: Vec<u16> = turning.map(|reader| reader.position).collect();
        queue.extend_from_slice(&index.seen);
        queue.extend(reading(&index.derived, observed.derived));
        for hash in &observed.attributes {
            queue.extend(index.attributes.get(hash).into_iter().flatten());
        }
        if reachable || observed.identified {
            queue.extend_from_slice(&index.reachability);
        }
        if observed.place {
            for name in ["country", "locale", "timezone"] {
                queue.extend(index.attributes.get(&Key::hash_of(name)).into_iter().flatten());
            }
        }
        queue.sort_unstable();
        queue.dedup();
        self.assess_queue(queue, self.now)
    }

    /// The same for an event that says nothing of the customer: most do not, and then no list need be made.
    fn reassess_readers(&mut self, readers: &[Reader], recorded: Recorded) -> Vec<Change<'a>> {
        let (mut changes, mut dependents) = (Vec::new(), Vec::new());
        for reader in readers {
            if self.may_turn(reader, recorded) {
                self.assess(reader.position, self.now, &mut changes, &mut dependents);
            }
        }
        dependents.sort_unstable();
        dependents.dedup();
        changes.append(&mut self.assess_queue(dependents, self.now));
        changes
    }

    /// Whether one more event can turn a segment's answer.
    fn may_turn(&self, reader: &Reader, recorded: Recorded) -> bool {
        let inside = || self.state.profile.memberships.contains(reader.segment);
        match reader.effect {
            Effect::Raises => !inside(),
            // Of what never happened the first occurrence may begin what a later instant then turns.
            Effect::Lowers if recorded == Recorded::Further => inside(),
            Effect::None | Effect::Lowers | Effect::Either => true,
        }
    }

    /// Evaluates all of them as of now, and forgets those that are no longer defined.
    pub(super) fn reassess_all(&mut self) -> Vec<Change<'a>> {
        let positions = &self.book.index.positions;
        let segments = self.book.segments.len();
        self.state.profile.memberships.retain(|segment| positions.contains_key(&segment));
        self.state.profile.memberships.make_room(segments);
        let changes = self.assess_queue((0..).take(segments).collect(), self.now);
        self.state.profile.memberships.make_room(0);
        self.state.judged = self.book.judgement;
        self.set_timers();
        changes
    }

    /// Evaluates all of them if they were last evaluated by other definitions. What that changes is told as such and begins
    /// no run but of journeys that take in present members (promises 5.8 and 6.8); runs that are under way hear of it.
    pub(super) fn reclassify(&mut self) {
        let state = &*self.state;
        if state.judged == self.book.judgement || state.segments_due == Instant::MIN || state.awaits() {
            return;
        }
        let told = self.out.notices.len();
        let changes = self.reassess_all();
        for notice in self.out.notices.iter_mut().skip(told) {
            notice.what = match std::mem::replace(&mut notice.what, What::TooOld) {
                What::SegmentEntered { segment } => What::Reclassified { segment, inside: true },
                What::SegmentLeft { segment } => What::Reclassified { segment, inside: false },
                other => other,
            };
        }
        for change in &changes {
            self.signal_runs(change.journeys, &change.signal());
        }
        self.enrol_members();
    }

    /// Offers who is in a segment to the journeys that take in its present members.
    fn enrol_members(&mut self) {
        let book = self.book;
        for (position, journey) in (0..).zip(&book.journeys) {
            let Some(segment) = journey.enrols() else { continue };
            let member = self.state.profile.memberships.contains(segment.key().hash());
            if member && !self.ever_began(journey.id()) {
                self.enter(&[position], &Signal::Entered { segment, at: self.now }, None);
            }
        }
    }

    /// Whether a run of a journey that takes in present members ever began.
    pub(super) fn ever_began(&self, journey: &JourneyId) -> bool {
        let hash = journey.key().hash();
        self.state.runs.iter().any(|run| run.journey == *journey)
            || self.state.holds.iter().any(|hold| hold.journey == hash && hold.after == Span::MAX)
    }

    /// Evaluates the segments whose time has come, as of that instant, which may be past, and raises the changes with it
    /// (promise 5.5).
    pub(super) fn reassess_due(&mut self, due: Instant) {
        let positions = &self.book.index.positions;
        let changes = if due == Instant::MIN {
            self.reassess_all()
        } else {
            let standings = self.state.profile.memberships.iter().filter(|standing| standing.until() <= due);
            let mut queue: Vec<u16> = standings.filter_map(|known| positions.get(&known.segment()).copied()).collect();
            queue.sort_unstable();
            if queue.is_empty() {
                // What is due is of segments that are no longer defined.
                self.state.profile.memberships.retain(|segment| positions.contains_key(&segment));
            }
            self.assess_queue(queue, due)
        };
        for change in &changes {
            let signal = change.signal();
            self.signal_runs(change.journeys, &signal);
            // An entry found late that is already left again begins no run: what holds now decides.
            if change.at >= self.now || self.stands(change) {
                self.enter(change.journeys, &signal, None);
            }
        }
    }

    /// Has the segments that read an attribute asked again by the next wake, which is at once.
    pub(super) fn ask_again_soon(&mut self, attribute: &Key) {
        let book = self.book;
        self.ask_soon(book.index.attributes.get(&attribute.hash()).into_iter().flatten().copied());
    }

    /// The same of those that read how many messages were sent on each channel.
    pub(super) fn sending_changed(&mut self) {
        let book = self.book;
        self.ask_soon(reading(&book.index.derived, Derived::SENDING));
    }

    /// The same of those that read where the customer is reached, or engagement, which a run found in an event after they
    /// were asked.
    pub(super) fn reachability_changed(&mut self) {
        let book = self.book;
        self.ask_soon(book.index.reachability.iter().copied());
    }

    fn ask_soon(&mut self, positions: impl Iterator<Item = u16>) {
        let book = self.book;
        for position in positions {
            let Some((id, _)) = book.segments.get(usize::from(position)) else { continue };
            let segment = id.key().hash();
            let members = &mut self.state.profile.memberships;
            members.set(Standing::new(segment, members.contains(segment), self.now));
            self.state.segments_due = self.state.segments_due.min(self.now);
        }
    }

    /// Segments stand after those they read, so one pass in order suffices.
    fn assess_queue(&mut self, mut queue: Vec<u16>, at: Instant) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        let mut found = Vec::new();
        let mut next = 0;
        while let Some(position) = queue.get(next).copied() {
            next += 1;
            self.assess(position, at, &mut changes, &mut found);
            for dependent in found.drain(..) {
                if let Err(at) = queue.binary_search(&dependent) {
                    queue.insert(at.max(next), dependent);
                }
            }
        }
        self.state.segments_due = self.state.profile.memberships.next().min(self.visitor_due());
        changes
    }

    /// Whether a change found late still holds now.
    fn stands(&self, change: &Change<'_>) -> bool {
        let position = self.book.index.positions.get(&Memberships::normal(change.segment.key().hash()));
        let segment = position.and_then(|position| self.book.segments.get(usize::from(*position)));
        segment.is_none_or(|(_, segment)| segment.evaluate(&self.state.profile, self.now).inside == change.inside)
    }

    fn assess(&mut self, position: u16, at: Instant, changes: &mut Vec<Change<'a>>, queue: &mut Vec<u16>) {
        let book = self.book;
        let Some((id, segment)) = book.segments.get(usize::from(position)) else { return };
        let hash = id.key().hash();
        let place = self.state.profile.memberships.place(hash);
        let known = self.state.profile.memberships.at(place);
        let inside = known.is_some_and(Standing::inside);
        // A segment of the host's that panics says nothing: membership stays as it is.
        let evaluate = || segment.evaluate(&self.state.profile, at);
        let found = catch_unwind(AssertUnwindSafe(evaluate)).unwrap_or(Membership::steady(inside));
        // One that wants to be asked again at once, for ever, is not.
        let until = found.until.filter(|until| *until > at).unwrap_or(Instant::MAX);
        let standing = Standing::new(hash, found.inside, until);
        if known != Some(standing) {
            self.state.profile.memberships.set_at(place, standing);
        }
        if inside == found.inside {
            return;
        }
        let segment = id.clone();
        let what = if found.inside { What::SegmentEntered { segment } } else { What::SegmentLeft { segment } };
        self.out.notice(at, what);
        let journeys = book.index.segment_journeys.get(&hash).map(Vec::as_slice).unwrap_or_default();
        if !journeys.is_empty() {
            changes.push(Change { segment: id, inside: found.inside, at, journeys });
        }
        if let Some(dependents) = book.index.dependents.get(&hash) {
            queue.extend_from_slice(dependents);
        }
    }
}
