//! What the steps of a graph are.

use std::sync::Arc;

use super::calendar::AtDate;
use rust_decimal::Decimal;

use super::digest::Digest;
use super::graph::EventMatch;
use crate::customer::Engagement;
use crate::message::Payload;
use crate::primitives::local::{LocalTime, Weekdays};
use crate::primitives::{ChannelId, EffectId, Key, MessageId, Span, Value};
use crate::segment::Criteria;

/// A step of a [`Graph`].
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) name: Key,
    /// What a run at this step keeps of it: see [`number`].
    pub(super) number: u32,
    pub(super) kind: StepKind,
}

/// The number by which a run's place names a step: a stable hash of what it is called and of what kind it is. So a list that
/// was put in another order moves no run, and under a name that came to mean something else no run stands (promise 6.7).
pub(super) fn number(name: &str, kind: &str) -> u32 {
    let hash = Key::hash_of(&format!("{kind} {name}"));
    (hash ^ (hash >> 32)) as u32
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
    Message { message: MessageId, only: Option<Arc<[ChannelId]>>, next: Next, on_skip: Next, on_error: OnError },
    /// Sends on one channel after another until the customer engages.
    Cascade { message: MessageId, attempts: Vec<CascadeAttempt>, stops: StopsOn, engaged: Next, next: Next },
    /// Changes attributes.
    Update { changes: Vec<Change>, next: Next },
    /// Ends the run, for the reason that it names.
    End { reason: Option<Arc<str>> },
    /// Has the host do something, and waits for the answer.
    Call { effect: EffectId, payload: Arc<Payload>, valid_for: Option<Span>, next: Next, on_error: OnError },
    /// Records the run's goal as reached.
    Goal { next: Next },
    /// Goes to another step.
    Go { to: Next },
    /// Gathers events and sends them as one message.
    Digest { digest: Box<Digest>, next: Next, on_skip: Next, on_error: OnError },
}

/// Where a step leads that failed for good; `None` where it does not say.
pub(super) type OnError = Option<Next>;

/// One change of an attribute.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) attribute: Key,
    pub(super) to: To,
}

/// What an attribute is changed to.
#[derive(Debug, Clone)]
pub(super) enum To {
    /// A value.
    Value(Value),
    /// What the run kept under this path; nothing changes where it kept none.
    Kept(Vec<Key>),
    /// So much more.
    Plus(Decimal),
    /// Nothing: it is removed.
    Nothing,
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
            StepKind::Message { next, on_skip, on_error, .. } | StepKind::Digest { next, on_skip, on_error, .. } => {
                [("next", *next), ("on_skip", *on_skip)]
                    .into_iter()
                    .chain(on_error.map(|to| ("on_error", to)))
                    .collect()
            }
            StepKind::Cascade { engaged, next, .. } => vec![("engaged", *engaged), ("next", *next)],
            StepKind::End { .. } => Vec::new(),
            StepKind::Call { next, on_error, .. } => {
                [("next", *next)].into_iter().chain(on_error.map(|to| ("on_error", to))).collect()
            }
            StepKind::Goal { next } => vec![("next", *next)],
            StepKind::Go { to } => vec![("go", *to)],
        }
    }
}
