//! Journeys: what happens to a customer over time, as validated, versioned data or as a host's own code.

mod calendar;
mod cycles;
mod decode;
mod diagram;
mod digest;
mod drawing;
mod graph;
mod migrate;
#[cfg(feature = "schema")]
pub(crate) mod schema;
pub mod shelf;
mod split;
mod steps;
mod trigger;
mod validate;
mod walk;

use std::fmt;
use std::sync::Arc;

use rust_decimal::Decimal;

pub use calendar::Occasion;
pub(crate) use decode::{Known, versions as decode_journey};
pub use diagram::{Diagram, Shape, Spot};
pub(crate) use digest::joined as join_digests;
pub use graph::Graph;
pub use migrate::Migration;
#[cfg(feature = "schema")]
pub(crate) use shelf::schema as shelf_schema;
pub use shelf::{JourneyTemplate, ParameterKind, TemplateParameter};
pub(crate) use shelf::{Offered, expand};
pub use split::{SplitArm, Splits};

use crate::customer::{Customer, Engagement};
use crate::event::Event;
use crate::message::Payload;
use crate::policy::Holdout;
use crate::primitives::{
    ChannelId, EffectId, Fields, Instant, JourneyId, Key, MessageId, Needs, SegmentId, Span, Value,
};

/// A journey: who enters it, and what a run does next. [`Graph`] is the built-in one, made from JSON; a host may bring
/// its own.
///
/// A run asks for things by [`Act`]s and hears of them by [`Signal`]s. Between two signals it is nothing but its
/// [`Place`], which is stored with the customer's record.
///
/// # Contract
/// - `admit` and `advance` are functions of their arguments: no clock, no randomness, no state outside of [`Place`].
///   The same arguments give the same answer on every machine (promise 7.10).
/// - `needs` names every event, segment and attribute that `admit` or `advance` reads or reacts to. Of other events the
///   journey hears nothing.
/// - A run is signalled after each input that its needs name, at its wake, and of its own messages. A signal that means
///   nothing to it is answered by [`Advance::stay`] with the wake it already had.
/// - After an [`Act::Message`] the run hears exactly one of handed over and skipped; after handed over any number of
///   retried, then exactly one of accepted, refused and parked. All of these are of the message that it asked for last,
///   and only while it is at the visit of the step that asked. What was accepted or parked may still bounce. A message is queued for a retry only until the run asks for
///   a further attempt, ends its cascade, or ends: then it is not tried again.
/// - After an [`Act::Call`] the run hears exactly one [`Signal::Answered`], unless it leaves that visit of the step before:
///   then the call is withdrawn, or its answer is not heard. It calls once per visit.
/// - It hears of engagement with any message of the present visit whenever that happens.
/// - A panic in `admit` begins no run, one in `advance` ends the run as stuck; neither harms the record. [`Stuck`] says the
///   same with a reason.
pub trait Journey: fmt::Debug + Send + Sync {
    /// Its name.
    fn id(&self) -> &JourneyId;

    /// Its version: runs keep the one they began with (promise 6.7).
    fn version(&self) -> u32;

    /// What it reads and reacts to.
    fn needs(&self) -> Needs;

    /// The segment whose present members it takes in when it is published, and those whom a change of the segment's definition
    /// brings in (promises 5.8 and 6.8): each is offered to [`admit`](Self::admit) as entering now, if no run of it ever began
    /// for them. Without one only those begin a run who enter by what they do, or by time.
    fn enrols(&self) -> Option<&SegmentId> {
        None
    }

    /// Whether time alone begins runs, at occasions that [`occurs`](Self::occurs) names; and if so, how far an occasion
    /// may lie back when the record first hears of it: of a new date, a new journey, a new customer (promise 6.2).
    fn timed(&self) -> Option<Span> {
        None
    }

    /// The first occasion for this customer that [follows](Occasion::follows) another. Asked again when an attribute
    /// that [`needs`](Self::needs) names changes, or where the customer is; when its instant has come,
    /// [`admit`](Self::admit) hears [`Signal::Occurred`]. Dates and instants ascend together.
    fn occurs(&self, who: &dyn Customer, after: Occasion) -> Option<Occasion> {
        let _ = (who, after);
        None
    }

    /// Who gets none of its marketing, to measure what it does (promise 6.10). A run does not hear of its arm: it goes on as
    /// if its messages had been accepted.
    fn holdout(&self) -> Option<&Holdout> {
        None
    }

    /// Whether this signal begins a run, and which.
    fn admit(&self, signal: &Signal<'_>, who: &dyn Customer, now: Instant) -> Option<Admission>;

    /// What the run does upon a signal.
    ///
    /// # Errors
    /// When the run can go nowhere from here; it ends as `stuck`.
    fn advance(
        &self,
        run: &RunView<'_>,
        signal: &Signal<'_>,
        who: &dyn Customer,
        now: Instant,
    ) -> Result<Advance, Stuck>;

    /// For how long after a run's begin its goal counts, also once the run has ended; `None` if it ends with the run.
    fn goal_within(&self) -> Option<Span> {
        None
    }

    /// Whether an event is the goal of a run that has ended, asked within [`goal_within`](Self::goal_within) of its begin.
    fn reaches_goal(&self, data: &Fields, event: &Event) -> bool {
        let _ = (data, event);
        false
    }

    /// What of a run's data [`reaches_goal`](Self::reaches_goal) reads: the rest is forgotten with the run.
    fn goal_reads(&self) -> &[Key] {
        &[]
    }

    /// The name of a step, for logs and idempotency keys.
    fn step_name(&self, step: u32) -> &str;

    /// A picture of it, with a box of each step's name; `None` if it has none.
    fn diagram(&self) -> Option<Diagram> {
        None
    }

    /// Whether there is a step of this number. A run at one that is not there goes nowhere, and
    /// [`LiveRuns`](crate::LiveRuns) tells so before the playbook is used.
    fn has_step(&self, step: u32) -> bool {
        let _ = step;
        true
    }

    /// Whether a signal ends the run wherever it stands, by an exit rule or the goal. It is asked while the journey is paused,
    /// when [`advance`](Self::advance) is not.
    fn exits(&self, run: &RunView<'_>, signal: &Signal<'_>, who: &dyn Customer, now: Instant) -> Ending {
        let _ = (run, signal, who, now);
        Ending::default()
    }

    /// Whether the journey is paused: its runs, of all versions, keep their places, and no run begins.
    fn is_paused(&self) -> bool {
        false
    }

    /// The older versions whose runs go on in this one (promise 6.7).
    fn migrates(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Where a run goes on that stands at this step of such a version; `None` leaves it where it is.
    fn migrate(&self, from: u32, step: u32) -> Option<Migration> {
        let _ = (from, step);
        None
    }
}

/// Whether a run is over wherever it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// Why, if it is.
    pub over: Option<EndReason>,
    /// Until when a no is good; `None` is until the run hears something.
    pub until: Option<Instant>,
}

/// What a journey or a run hears.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Signal<'a> {
    /// An event, which happened at this instant.
    Event {
        /// The event.
        event: &'a Event,
        /// When it happened, clamped to `now`.
        at: Instant,
    },
    /// The customer entered a segment at this instant.
    Entered {
        /// Which.
        segment: &'a SegmentId,
        /// When.
        at: Instant,
    },
    /// The customer left a segment at this instant.
    Left {
        /// Which.
        segment: &'a SegmentId,
        /// When.
        at: Instant,
    },
    /// The run has just begun.
    Begun,
    /// The run's wake has come: this is the instant that it asked for.
    Due {
        /// When it was due.
        at: Instant,
    },
    /// The customer's zone changed: local waits are computed anew (promise 1.3).
    Moved,
    /// News of the run's own message.
    Message(News<'a>),
    /// The run goes on at its step, after a pause of its journey or in another version: what it waits for is looked at
    /// anew. News of its message that came in the pause follow.
    Resumed,
    /// A migration put the run at this step, which begins now; what it waits for counts from [`Place::since`].
    Arrived,
    /// What came of the run's own call of an effect.
    Answered(Answer<'a>),
    /// An event that would begin a run of the same key, of a journey whose runs [gather](Entry::Gather).
    Gathered {
        /// What the run would have kept of it.
        data: &'a Fields,
        /// When it happened.
        at: Instant,
    },
    /// An occasion that the journey named has come. Only [`Journey::admit`] hears it.
    Occurred {
        /// Which.
        occasion: Occasion,
    },
    /// The host calls the journey. Only [`Journey::admit`] hears it.
    Called {
        /// The call's id.
        id: &'a str,
        /// What the host says with it.
        properties: &'a Fields,
        /// When.
        at: Instant,
    },
}

/// What came of an effect that a run called.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Answer<'a> {
    /// It was done.
    Done {
        /// What the host answered.
        values: &'a Fields,
        /// When.
        at: Instant,
    },
    /// It was not done and is not tried again.
    Failed {
        /// Why, in the host's words; `expired` if its time ran out before it was handed over.
        reason: &'a str,
        /// When.
        at: Instant,
    },
}

/// What became of a message that a run asked for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum News<'a> {
    /// It was handed over.
    HandedOver {
        /// On this channel.
        channel: &'a ChannelId,
        /// When.
        at: Instant,
    },
    /// It was not sent.
    Skipped {
        /// The rule that stood in the way.
        reason: &'static str,
        /// Whether the message wants the run to end.
        end_run: bool,
        /// Whether it failed: at least one channel refused it for good, at this visit of the step, and no other is left.
        failed: bool,
    },
    /// It did not come to an outcome: it is queued to be handed over again.
    Retried {
        /// When, if all rules still pass then.
        due: Instant,
    },
    /// The provider certainly does not have it, or it was withdrawn at its claim: it may be asked for again.
    Refused,
    /// The provider took it for one of several devices, and others may still get it: until the last of them has answered
    /// what is left can be withdrawn.
    Taken {
        /// When it was handed over.
        at: Instant,
    },
    /// The provider took it, and of several devices the last has answered.
    Accepted {
        /// When it was handed over: what follows counts from here (promises 1.6, 8.2).
        at: Instant,
    },
    /// Nobody knows whether the provider has it, and it is not sent again.
    Parked {
        /// When it was last handed over.
        at: Instant,
    },
    /// The provider took it, and it came back: there is nobody at its contact point, which is blocked.
    Bounced,
    /// The customer engaged with it.
    Engaged {
        /// How.
        how: Engagement,
        /// When.
        at: Instant,
    },
}

/// A run that is to begin. `Debug` leaves out its key, which may name an order (promise 2.5).
#[derive(Clone)]
pub struct Admission {
    /// Tells this run from others of the journey; `None` is one run per customer.
    pub key: Option<Arc<str>>,
    /// What the run is about, such as an offer: events about it belong to the run that began last.
    pub about: Option<u64>,
    /// What happens if there is, or was, a run with this key.
    pub entry: Entry,
    /// When the run begins: its trigger's instant (promise 3.3).
    pub began: Instant,
    /// The properties of the trigger that the run and its messages read.
    pub data: Fields,
    /// Why no run begins after all, such as an exit rule that holds already.
    pub refused: Option<&'static str>,
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("entry", &self.entry)
            .field("began", &self.began)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

/// Who may enter again (promise 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// Once ever.
    Once,
    /// Again after the previous run ended.
    AfterEnd,
    /// Again so long after the previous run ended.
    Cooldown(Span),
    /// One run per key; a key is held while its run lives and for this long after.
    Keyed(Span),
    /// A trigger with the same key sets a run that has sent nothing back to its start.
    Restart,
    /// A trigger with the same key joins the run, as long as that gathers; again after the previous run ended.
    Gather,
}

/// A run, as its journey sees it. `Debug` leaves out its key, which may name an order (promise 2.5).
#[derive(Clone, Copy)]
pub struct RunView<'a> {
    /// Where it is.
    pub place: &'a Place,
    /// When it began.
    pub began: Instant,
    /// What tells it from others.
    pub key: Option<&'a str>,
    /// What it is about.
    pub about: Option<u64>,
    /// What it kept of its trigger.
    pub data: &'a Fields,
    /// Whether no later run of this journey that began by the signal's instant is about the same.
    pub latest: bool,
    /// Which arms of splits it was drawn to, as it asked by [`Act::Split`].
    pub splits: &'a Splits,
}

impl fmt::Debug for RunView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunView").field("place", &self.place).field("began", &self.began).finish_non_exhaustive()
    }
}

/// Where a run is: all that a journey may remember. `Debug` leaves out the host's own state (promise 2.5).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The step, by the number that the journey gives it.
    pub step: u32,
    /// How many steps the run has entered: tells two visits of one step apart.
    pub visit: u32,
    /// Since when it is at this step: what a wait counts from.
    pub since: Instant,
    /// Which attempt of a cascade, from 0.
    pub attempt: u16,
    /// Whether it waits to hear of its message.
    pub awaiting: bool,
    /// A host's own state.
    pub note: Option<Box<str>>,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("step", &self.step)
            .field("visit", &self.visit)
            .field("since", &self.since)
            .field("attempt", &self.attempt)
            .field("awaiting", &self.awaiting)
            .finish_non_exhaustive()
    }
}

/// What a run does upon a signal.
#[derive(Debug, Clone, Default)]
pub struct Advance {
    /// Where it is now; `None` if it has not moved.
    pub place: Option<Place>,
    /// What it asks for, in order.
    pub acts: Vec<Act>,
    /// When it wants to be woken; `None` is not at all. Replaces the wake it had.
    pub wake: Option<Instant>,
}

impl Advance {
    /// Stays where it is and keeps this wake.
    pub fn stay(wake: Option<Instant>) -> Self {
        Advance { place: None, acts: Vec::new(), wake }
    }
}

/// What a run asks for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Act {
    /// Send a message on the next best channel.
    Message {
        /// Which.
        message: MessageId,
        /// On one of these; `None` is any.
        only: Option<Arc<[ChannelId]>>,
        /// Which engagement stops the cascade that this is an attempt of; its content key stays held while the cascade
        /// lives (promise 8.1). `None` outside of a cascade.
        cascade: Option<Arc<[Engagement]>>,
    },
    /// The customer engaged with what this visit of the step sent, by an event of the shop's own.
    Engaged {
        /// How.
        how: Engagement,
        /// When.
        at: Instant,
    },
    /// Let go of the content key: the cascade is over.
    CascadeOver,
    /// What of this run is under way is not wanted any more: it is withdrawn, or not tried again if it fails.
    Withdraw,
    /// Set an attribute.
    Update {
        /// Which.
        attribute: Key,
        /// To what.
        value: Value,
    },
    /// The goal was reached. It is recorded once per run.
    Goal {
        /// When.
        at: Instant,
    },
    /// End the run for this reason.
    End(EndReason),
    /// Have the host do something.
    Call {
        /// What.
        effect: EffectId,
        /// With what.
        payload: Arc<Payload>,
        /// For how long it is tried; `None` is as the effect says.
        valid_for: Option<Span>,
    },
    /// Keep a value with what the run kept of its trigger.
    Keep {
        /// Under which name; what had that name is replaced.
        name: Key,
        /// What.
        value: Value,
    },
    /// Add to an attribute that is a number, or is not there and counts as zero; any other stays as it is.
    Add {
        /// Which.
        attribute: Key,
        /// How much.
        amount: Decimal,
    },
    /// Remove an attribute.
    Remove {
        /// Which.
        attribute: Key,
    },
    /// Keep which arm of a split was drawn (promise 6.4).
    Split {
        /// The step, by the number that the journey gives it.
        step: u32,
        /// Which arm, from 0.
        arm: u32,
    },
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndReason {
    /// It came to an end step, or past the last one.
    Completed,
    /// An exit rule held.
    Exited,
    /// The goal was reached.
    Goal,
    /// A message wanted it (`when_capped: end_run`).
    Message(&'static str),
    /// It could go nowhere.
    Stuck(String),
    /// It made too many steps at once (promise 3.5).
    Runaway,
    /// Its record became part of another that has a run of this key.
    Merged,
    /// The customer was erased (promise 2.4).
    Erased,
    /// A new version of its journey mapped its step to the end (promise 6.7).
    Migrated,
    /// A step failed for good and says nowhere to go then (promise 6.9).
    Failed(String),
    /// An end step said so, in the journey's own words.
    #[serde(untagged)]
    Told(Arc<str>),
}

impl EndReason {
    /// Whether the run came to its own end: what it has handed over goes on.
    pub(crate) fn is_own_end(&self) -> bool {
        matches!(self, EndReason::Completed | EndReason::Told(_))
    }

    /// One word for reports.
    pub fn word(&self) -> &str {
        match self {
            EndReason::Completed => "completed",
            EndReason::Exited => "exited",
            EndReason::Goal => "goal",
            EndReason::Message(rule) => rule,
            EndReason::Stuck(_) => "stuck",
            EndReason::Runaway => "runaway",
            EndReason::Merged => "merged",
            EndReason::Erased => "erased",
            EndReason::Failed(_) => "failed",
            EndReason::Told(reason) => reason,
            EndReason::Migrated => "migrated",
        }
    }
}

/// A run that can go nowhere, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Stuck(pub String);

#[cfg(test)]
mod tests {
    fn _obj_safe(_: &dyn super::Journey) {}
}
