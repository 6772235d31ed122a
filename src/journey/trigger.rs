//! What begins a run.

use std::borrow::Cow;

use super::Signal;
use super::calendar::{AtDate, Occasion, Schedule, date_data};
use super::graph::EventMatch;
use crate::customer::Customer;
use crate::event::Event;
use crate::primitives::zone::Zone;
use crate::primitives::{Fields, Instant, Key, SegmentId, Span};
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
    /// Time alone, for the members of a segment if one is named.
    Time {
        when: When,
        segment: Option<SegmentId>,
        rule: Option<Criteria>,
    },
    /// The host.
    Call {
        rule: Option<Criteria>,
    },
}

/// What gives the dates of a trigger by time.
#[derive(Debug)]
pub(super) enum When {
    Date(AtDate),
    Schedule(Schedule),
}

/// Where a run's key comes from.
#[derive(Debug, Clone)]
pub(super) enum KeyOf {
    /// The trigger's `messageId`, or the id of the host's call.
    Event,
    /// A property of the trigger.
    Property(Key),
}

/// What begins a run: when it happened, what is known of it, and the event if it was one.
pub(super) struct Begins<'a> {
    pub(super) at: Instant,
    pub(super) event: Option<&'a Event>,
    /// The id of the host's call.
    pub(super) id: Option<&'a str>,
    pub(super) data: Cow<'a, Fields>,
    pub(super) segment: Option<&'a SegmentId>,
    pub(super) rule: Option<&'a Criteria>,
}

impl Trigger {
    /// Whether a signal is what it waits for, its rule and its segment apart.
    pub(super) fn takes<'a>(
        &'a self,
        signal: &Signal<'a>,
        who: &dyn Customer,
        shop: Option<Zone>,
    ) -> Option<Begins<'a>> {
        let mut begins =
            Begins { at: Instant::MIN, event: None, id: None, data: Cow::default(), segment: None, rule: None };
        match (self, signal) {
            (Trigger::Event { event: wanted, rule }, Signal::Event { event, at }) => {
                if !wanted.matches(event, &Fields::new()) {
                    return None;
                }
                let data = Cow::Borrowed(&event.properties);
                begins = Begins { at: *at, event: Some(event), data, rule: rule.as_ref(), ..begins };
            }
            (Trigger::Entered { segment: wanted, rule, .. }, Signal::Entered { segment, at }) if wanted == *segment => {
                begins = Begins { at: *at, rule: rule.as_ref(), ..begins };
            }
            (Trigger::Left { segment: wanted, rule }, Signal::Left { segment, at }) if wanted == *segment => {
                begins = Begins { at: *at, rule: rule.as_ref(), ..begins };
            }
            (Trigger::Time { when, segment, rule }, Signal::Occurred { occasion }) => {
                let data = match when {
                    When::Date(date) => date.data(who, shop, *occasion),
                    When::Schedule(_) => date_data(*occasion),
                };
                let (data, segment) = (Cow::Owned(data), segment.as_ref());
                begins = Begins { at: occasion.at, data, segment, rule: rule.as_ref(), ..begins };
            }
            (Trigger::Call { rule }, Signal::Called { id, properties, at }) => {
                let data = Cow::Borrowed(*properties);
                begins = Begins { at: *at, id: Some(id), data, rule: rule.as_ref(), ..begins };
            }
            _ => return None,
        }
        Some(begins)
    }

    /// Whether time alone begins runs, and how far back an occasion may lie when it becomes known. The date that an
    /// attribute gives is the customer's and counts as long as a trigger may be late; a schedule is the shop's, and what
    /// was before it, or before the customer, is nobody's.
    pub(super) fn timed(&self, late_by: Span) -> Option<Span> {
        match self {
            Trigger::Time { when: When::Date(_), .. } => Some(late_by),
            Trigger::Time { when: When::Schedule(_), .. } => Some(Span::ZERO),
            _ => None,
        }
    }

    pub(super) fn occurs(&self, who: &dyn Customer, shop: Option<Zone>, after: Occasion) -> Option<Occasion> {
        match self {
            Trigger::Time { when: When::Date(date), .. } => date.occurs(who, shop, after),
            Trigger::Time { when: When::Schedule(schedule), .. } => schedule.occurs(who, shop, after),
            _ => None,
        }
    }
}
