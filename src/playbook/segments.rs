//! Membership follows from what is known: re-evaluated where an input can have changed it, and when time can.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::index::reading;
use super::input::What;
use super::step::Turn;
use crate::customer::Observed;
use crate::journey::Signal;
use crate::primitives::{Instant, SegmentId};

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

/// The positions of segments to evaluate.
pub(super) enum Touched<'a> {
    /// Those of one event, and nothing else.
    Event(&'a [u16]),
    /// Of several sources, in order.
    Several(Vec<u16>),
}

impl<'a> Turn<'a> {
    /// Which segments an event can have changed.
    pub(super) fn touched(&self, event: Option<&'a [u16]>, observed: &Observed, reachable: bool) -> Touched<'a> {
        let index = &self.book.index;
        let event = event.unwrap_or_default();
        let plain = observed.attributes.is_empty()
            && !observed.identified
            && !observed.place
            && reading(&index.derived, observed.derived).next().is_none();
        if plain && !reachable && index.seen.is_empty() {
            return Touched::Event(event);
        }
        let mut positions = event.to_vec();
        positions.extend_from_slice(&index.seen);
        positions.extend(reading(&index.derived, observed.derived));
        for hash in &observed.attributes {
            positions.extend(index.attributes.get(hash).into_iter().flatten());
        }
        if reachable || observed.identified {
            positions.extend_from_slice(&index.reachability);
        }
        if observed.place {
            for name in ["country", "locale", "timezone"] {
                positions.extend(index.attributes.get(&crate::primitives::Key::hash_of(name)).into_iter().flatten());
            }
        }
        positions.sort_unstable();
        positions.dedup();
        Touched::Several(positions)
    }

    /// All of them.
    pub(super) fn every_segment(&self) -> Touched<'a> {
        Touched::Several((0..).take(self.book.segments.len()).collect())
    }

    /// Evaluates these segments as of now, and those that read a segment that changed.
    pub(super) fn reassess(&mut self, touched: Touched<'_>) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        match touched {
            Touched::Event(positions) => {
                let mut queue = Vec::new();
                for position in positions {
                    self.assess(*position, self.now, &mut changes, &mut queue);
                }
                queue.sort_unstable();
                queue.dedup();
                self.assess_queue(queue, &mut changes);
            }
            Touched::Several(positions) => self.assess_queue(positions, &mut changes),
        }
        changes
    }

    /// Segments stand after those they read, so one pass in order suffices.
    fn assess_queue(&mut self, mut queue: Vec<u16>, changes: &mut Vec<Change<'a>>) {
        let mut next = 0;
        let mut found = Vec::new();
        while let Some(position) = queue.get(next).copied() {
            next += 1;
            self.assess(position, self.now, changes, &mut found);
            for dependent in found.drain(..) {
                if let Err(at) = queue.binary_search(&dependent) {
                    queue.insert(at.max(next), dependent);
                }
            }
        }
    }

    /// Evaluates every segment as of an instant that may be past, raises the changes with that instant, and sets the one
    /// timer anew (promise 5.5).
    pub(super) fn reassess_all(&mut self, at: Instant) {
        self.state.segments_due = Instant::MAX;
        let mut changes = Vec::new();
        for position in 0..self.book.segments.len() {
            self.assess(position as u16, at, &mut changes, &mut Vec::new());
        }
        for change in &changes {
            let signal = change.signal();
            self.signal_runs(change.journeys, &signal);
            // An entry found late that is already left again begins no run: what holds now decides.
            let stands = at >= self.now || self.stands(change);
            if stands {
                self.enter(change.journeys, &signal, None);
            }
        }
    }

    /// Whether a change found late still holds now.
    fn stands(&self, change: &Change<'_>) -> bool {
        let segment = self.book.segments.iter().find(|(id, _)| id == change.segment);
        segment.is_none_or(|(_, segment)| segment.evaluate(&self.state.profile, self.now).inside == change.inside)
    }

    fn assess(&mut self, position: u16, at: Instant, changes: &mut Vec<Change<'a>>, queue: &mut Vec<u16>) {
        let book = self.book;
        let Some((id, segment)) = book.segments.get(usize::from(position)) else { return };
        // A segment of the host's that panics says nothing: membership stays as it is.
        let evaluate = || segment.evaluate(&self.state.profile, at);
        let Ok(found) = catch_unwind(AssertUnwindSafe(evaluate)) else { return };
        if let Some(until) = found.until {
            self.state.segments_due = self.state.segments_due.min(until);
        }
        let members = &mut self.state.profile.memberships;
        let hash = id.key().hash();
        let known = members.iter().position(|member| *member == hash);
        match (known, found.inside) {
            (None, true) => {
                members.reserve_exact(1);
                members.push(hash);
                self.out.notice(at, What::SegmentEntered { segment: id.clone() });
            }
            (Some(member), false) => {
                members.remove(member);
                self.out.notice(at, What::SegmentLeft { segment: id.clone() });
            }
            _ => return,
        }
        let journeys = book.index.segment_journeys.get(&hash).map(Vec::as_slice).unwrap_or_default();
        if !journeys.is_empty() {
            changes.push(Change { segment: id, inside: found.inside, at, journeys });
        }
        if let Some(dependents) = book.index.dependents.get(&hash) {
            queue.extend_from_slice(dependents);
        }
    }
}
