//! What the steps of a graph are.

use std::sync::Arc;

use super::calendar::AtDate;
use super::graph::EventMatch;
use crate::customer::Engagement;
use crate::primitives::local::{LocalTime, Weekdays};
use crate::primitives::{ChannelId, Key, MessageId, Span, Value};
use crate::segment::Criteria;

/// A step of a [`Graph`].
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) name: Key,
    pub(super) kind: StepKind,
}

/// Where a step leads: the place of another step, or the end.
pub(super) type Next = Option<u32>;

/// What a step does.
#[derive(Debug, Clone)]
pub(super) enum StepKind {
    /// Waits for a time.
    Wait { span: Span, next: Next },
    /// Waits until a local time of day, on some weekdays.
    WaitUntil { time: LocalTime, weekdays: Weekdays, next: Next },
    /// Waits until a date of the customer's; goes another way where there is none to come.
    WaitDate { date: AtDate, next: Next, otherwise: Next },
    /// Waits for an event or a condition, with a timeout.
    WaitFor { what: Awaited, timeout: Span, since_step: bool, then: Next, otherwise: Next },
    /// Goes where the first rule that holds leads.
    Branch { arms: Vec<(Criteria, Next)>, otherwise: Next },
    /// Goes where a stable draw leads, by weights.
    Split { arms: Vec<(u32, Next)> },
    /// Sends a message on the next best channel.
    Message { message: MessageId, only: Option<Arc<[ChannelId]>>, next: Next, on_skip: Next },
    /// Sends on one channel after another until the customer engages.
    Cascade { message: MessageId, attempts: Vec<CascadeAttempt>, stops: StopsOn, engaged: Next, next: Next },
    /// Sets an attribute.
    Update { attribute: Key, value: Value, next: Next },
    /// Ends the run.
    End,
}

/// What a [`StepKind::WaitFor`] waits for.
#[derive(Debug, Clone)]
pub(super) enum Awaited {
    /// An event.
    Event(EventMatch),
    /// A rule that holds.
    Rule(Criteria),
}

/// One attempt of a cascade.
#[derive(Debug, Clone)]
pub(super) struct CascadeAttempt {
    pub(super) only: Option<Arc<[ChannelId]>>,
    pub(super) wait: Option<Span>,
}

/// What stops a cascade (promise 8.2).
#[derive(Debug, Clone)]
pub(super) enum StopsOn {
    /// Engagement with the message, in one of these ways.
    Engagement(Arc<[Engagement]>),
    /// An event of the shop's own.
    Event {
        /// Which.
        event: EventMatch,
        /// The property by which it belongs to the latest run that is about the same.
        about: Option<Key>,
    },
}

impl StopsOn {
    /// Every way to engage with a message, by its name.
    pub(super) const WAYS: [(&str, Engagement); 5] = [
        ("open", Engagement::Open),
        ("click", Engagement::Click),
        ("reply", Engagement::Reply),
        ("visit", Engagement::Visit),
        ("conversion", Engagement::Conversion),
    ];
}

impl StepKind {
    /// Where it may lead, each way by the field of the JSON that names it.
    pub(super) fn ways(&self) -> Vec<(&'static str, Next)> {
        match self {
            StepKind::Wait { next, .. } | StepKind::WaitUntil { next, .. } | StepKind::Update { next, .. } => {
                vec![("next", *next)]
            }
            StepKind::WaitDate { next, otherwise, .. } => vec![("next", *next), ("else", *otherwise)],
            StepKind::WaitFor { then, otherwise, .. } => vec![("then", *then), ("else", *otherwise)],
            StepKind::Branch { arms, otherwise } => {
                arms.iter().map(|(_, next)| ("if", *next)).chain([("else", *otherwise)]).collect()
            }
            StepKind::Split { arms } => arms.iter().map(|(_, next)| ("weight", *next)).collect(),
            StepKind::Message { next, on_skip, .. } => vec![("next", *next), ("on_skip", *on_skip)],
            StepKind::Cascade { engaged, next, .. } => vec![("engaged", *engaged), ("next", *next)],
            StepKind::End => Vec::new(),
        }
    }
}
