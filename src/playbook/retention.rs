//! For how long a visitor is remembered of whom nothing is heard any more.

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
}

impl Retention {
    pub(super) fn decode(node: &Node<'_>, horizon: Option<Span>) -> Option<Self> {
        let object = node.object(&["visitors"])?;
        let visitors = match object.get("visitors") {
            None => None,
            Some(node) => {
                let span = node.span()?;
                if horizon.is_some_and(|horizon| span < horizon) {
                    node.fault(
                        "is shorter than `dedupe_horizon`, within which no event may act twice; make it at least as long, \
                         or shorten the other",
                    );
                }
                Some(span)
            }
        };
        Some(Retention { visitors })
    }

    /// For how long a record is kept of a visitor who was never known and is not seen any more; `None` is for ever.
    pub fn visitors(&self) -> Option<Span> {
        self.visitors
    }
}

impl Turn<'_> {
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
