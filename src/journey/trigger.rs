//! What begins a run.

use super::Signal;
use super::graph::EventMatch;
use crate::event::Event;
use crate::primitives::{Fields, Instant, Key, SegmentId};
use crate::segment::Criteria;

#[derive(Debug)]
pub(super) enum Trigger {
    Event {
        event: EventMatch,
        rule: Option<Criteria>,
    },
    /// `present`: also those who are in it when the journey is published, or whom a changed definition brings in.
    Entered {
        segment: SegmentId,
        rule: Option<Criteria>,
        present: bool,
    },
    Left {
        segment: SegmentId,
        rule: Option<Criteria>,
    },
}

/// Where a run's key comes from.
#[derive(Debug, Clone)]
pub(super) enum KeyOf {
    /// The trigger's `messageId`.
    Event,
    /// A property of the trigger.
    Property(Key),
}

/// What begins a run: when it happened, and the event if it was one.
pub(super) struct Begins<'a> {
    pub(super) at: Instant,
    pub(super) event: Option<&'a Event>,
    pub(super) rule: Option<&'a Criteria>,
}

impl Trigger {
    /// Whether a signal is what it waits for, its rule apart.
    pub(super) fn takes<'a>(&'a self, signal: &Signal<'a>) -> Option<Begins<'a>> {
        let (at, event, rule) = match (self, signal) {
            (Trigger::Event { event: wanted, rule }, Signal::Event { event, at }) => {
                (*at, wanted.matches(event, &Fields::new()).then_some(Some(*event))?, rule)
            }
            (Trigger::Entered { segment: wanted, rule, .. }, Signal::Entered { segment, at }) if wanted == *segment => {
                (*at, None, rule)
            }
            (Trigger::Left { segment: wanted, rule }, Signal::Left { segment, at }) if wanted == *segment => {
                (*at, None, rule)
            }
            _ => return None,
        };
        Some(Begins { at, event, rule: rule.as_ref() })
    }
}
