//! For how long a visitor is remembered of whom nothing is heard any more, and what is kept of anybody's past.

use super::Playbook;
use super::input::{Input, What};
use super::step::Turn;
use crate::customer::Profile;
use crate::primitives::fault::Node;
use crate::primitives::{CustomerId, IdentityKind, Instant, Span};
use crate::record::Stage;

/// A visitor who is in the middle of something is looked at again after so long.
const AGAIN: Span = Span::days(1);

/// A playbook's `retention`. By default nothing is removed for its age alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    visitors: Option<Span>,
    events: Option<Span>,
}

impl Retention {
    pub(super) fn decode(node: &Node<'_>, horizon: Option<Span>) -> Option<Self> {
        let object = node.object(&["visitors", "events"])?;
        let [visitors, events] = ["visitors", "events"].map(|name| match object.get(name) {
            None => Some(None),
            Some(node) => Self::span(&node, horizon).map(Some),
        });
        Some(Retention { visitors: visitors?, events: events? })
    }

    fn span(node: &Node<'_>, horizon: Option<Span>) -> Option<Span> {
        let span = node.span()?;
        if horizon.is_some_and(|horizon| span < horizon) {
            node.fault(
                "is shorter than `dedupe_horizon`, within which no event may act twice; make it at least as long, \
                 or shorten the other",
            );
        }
        Some(span)
    }

    /// For how long a record is kept of a visitor who was never known and is not seen any more; `None` is for ever.
    pub fn visitors(&self) -> Option<Span> {
        self.visitors
    }

    /// For how long occurrences of events, and orders one by one, are kept; `None` is for as long as a definition reads them
    /// (promise 5.4).
    pub fn events(&self) -> Option<Span> {
        self.events
    }
}

impl Turn<'_> {
    /// Forgets what is past keeping. No definition reads it, so it makes no difference when this is done; what is still to
    /// be evaluated as of an earlier instant keeps what it reads.
    pub(super) fn forget_past(&mut self) {
        let Some(kept) = self.book.retention.events else { return };
        let evaluated = self.state.due().min(self.now);
        self.state.profile.history.forget(evaluated - kept);
        self.state.profile.figures.sum_up(self.now - kept);
    }

    /// Whether an event of this instant is still to enter the history.
    pub(super) fn keeps(&self, at: Instant) -> bool {
        self.book.retention.events.is_none_or(|kept| at > self.now - kept)
    }

    /// When the record is to go because its visitor was not seen for so long; the end of time if it is to stay.
    pub(super) fn visitor_due(&self) -> Instant {
        let Some(kept) = self.book.retention.visitors else { return Instant::MAX };
        let profile = &self.state.profile;
        // What was erased stays known as such.
        let never_erased = self.state.erased == Instant::MIN;
        if self.state.stage != Stage::Live || !never_erased || !self.book.is_visitor(profile) {
            return Instant::MAX;
        }
        let due = profile.last_seen + kept;
        let busy = !self.state.runs.is_empty() || profile.contacts.iter().any(|contact| contact.due().is_some());
        if busy { due.max(self.now + AGAIN) } else { due }
    }

    /// Lets a visitor go whose time has come; says whether it did.
    pub(super) fn lets_go(&mut self, due: Instant) -> bool {
        if self.visitor_due() > due {
            return false;
        }
        for (segment, _) in &self.book.segments {
            if self.state.profile.memberships.contains(segment.key().hash()) {
                self.out.notice(due, What::SegmentLeft { segment: segment.clone() });
            }
        }
        self.out.notice(due, What::VisitorForgotten);
        let visitors = self.state.profile.anonymous_ids.iter();
        let keys: Vec<_> = visitors.map(|visitor| self.book.identity.key(IdentityKind::Anonymous, visitor)).collect();
        let gone = |record: &CustomerId| (*record, Input::Gone { identities: keys.clone() });
        self.out.forward.extend(self.state.absorbed.iter().map(gone));
        let mut empty = crate::record::CustomerState::new(self.state.profile.id, self.now);
        empty.last = self.now;
        empty.segments_due = Instant::MAX;
        *self.state = empty;
        self.out.remove = Some(keys);
        true
    }
}

impl Playbook {
    /// Whether nobody knows who it is, nor has anything by which to reach them or that they said of it.
    fn is_visitor(&self, profile: &Profile) -> bool {
        profile.user_id.is_none()
            && profile.points.iter().len() == 0
            && profile.consents.iter().len() == 0
            && !self.identity.strong_names().any(|name| profile.attributes.get(name).is_some())
    }
}
