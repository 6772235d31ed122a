//! The one thing that changes: everything the engine knows of one customer, under one version.

mod absorb;
pub mod encoding;
mod erase;
mod merge;
mod timers;

use std::sync::Arc;

pub use encoding::{DecodeError, DecodeProblem, Names};
pub use erase::Tombstone;
pub(crate) use merge::Erase;
pub use merge::{Awaiting, Carried, Cause, Rank, Side, Standing};
pub use timers::Timer;

use crate::customer::{Contact, Engagement, Profile};
use crate::journey::Place;
use crate::primitives::{ChannelId, CustomerId, Fields, Instant, JourneyId, MessageId, Span};

/// A customer's record: the profile, the runs of journeys, and the timers that both imply.
///
/// Only [`Playbook::step`](crate::Playbook::step) changes it. The host's store keeps it whole.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CustomerState {
    /// The customer. Implements [`Customer`](crate::Customer), so that a run is advanced while it is read.
    pub profile: Profile,
    /// The runs that live, in the order in which they began.
    pub runs: Vec<Run>,
    /// Keys of runs, living and past, that keep others from beginning.
    pub holds: Vec<Hold>,
    /// What the record is now.
    pub stage: Stage,
    /// The records that became part of this one.
    pub absorbed: Vec<CustomerId>,
    /// When the customer, or somebody whose identifiers lead here since, was erased last; [`Instant::MIN`] if never. Of
    /// events dated until then nothing is taken but opt-outs (promise 2.4).
    pub erased: Instant,
    /// By which definitions of segments the memberships were found, as [`Playbook::judgement`](crate::Playbook::judgement)
    /// names them; 0 before the first evaluation.
    pub judged: u64,
    /// The latest instant at which it was stepped: time does not go back (promise 1.1).
    pub last: Instant,
    /// When a segment may change by time alone; [`Instant::MIN`] before the first evaluation.
    pub segments_due: Instant,
    /// When time alone begins runs, by journey.
    pub timers: Vec<Timer>,
}

/// What a record is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Stage {
    /// A customer's.
    #[default]
    Live,
    /// A customer's that is about to become one with others: until then it holds its sends.
    Awaiting(Box<Awaiting>),
    /// Without content: it became part of another, to which late events go on (promise 2.3). What is left is which events
    /// it took, so that a copy of one goes no further.
    Moved(CustomerId),
    /// Without content: the customer was erased (promise 2.4).
    Erased(Box<Tombstone>),
}

/// One run of a journey. `Debug` leaves out its key, which may name an order (promise 2.5).
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Run {
    /// The journey.
    pub journey: JourneyId,
    /// The version that it began with.
    pub version: u32,
    /// Its name: a stable hash of customer, journey, key and begin.
    pub id: u64,
    /// What tells it from other runs of the journey.
    pub key: Option<Arc<str>>,
    /// What it is about.
    pub about: Option<u64>,
    /// When it began.
    pub began: Instant,
    /// Where it is.
    pub place: Place,
    /// When it wants to be woken.
    pub wake: Option<Instant>,
    /// What it kept of its trigger.
    pub data: Fields,
    /// How many messages it handed over.
    pub sent: u32,
    /// A message that waits to be decided anew.
    pub pending: Option<Box<Pending>>,
}

/// A deferred message: it reserves nothing and is decided anew when its time comes (promise 7.5).
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Which.
    pub message: MessageId,
    /// On which channels; `None` is any.
    pub only: Option<Arc<[ChannelId]>>,
    /// Which engagement stops the cascade that it is an attempt of.
    pub cascade: Option<Arc<[Engagement]>>,
    /// When it was first decided: what its deadline counts from.
    pub first: Instant,
    /// When to decide anew.
    pub retry: Instant,
}

/// The key of a run, held while the run lives and for a time after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The stable hash of the journey's name.
    pub journey: u64,
    /// The stable hash of the run's key; 0 for a run without one.
    pub key: u64,
    /// What the run is, or was, about.
    pub about: Option<u64>,
    /// The run.
    pub run: u64,
    /// When it began.
    pub began: Instant,
    /// When the run ended; [`Instant::MAX`] while it lives.
    pub ended: Instant,
    /// For how long after its end it is remembered.
    pub after: Span,
}

impl CustomerState {
    /// An empty record.
    pub fn new(id: CustomerId, now: Instant) -> Self {
        CustomerState {
            profile: Profile::new(id, now),
            runs: Vec::new(),
            holds: Vec::new(),
            stage: Stage::Live,
            absorbed: Vec::new(),
            erased: Instant::MIN,
            judged: 0,
            last: Instant::MIN,
            segments_due: Instant::MIN,
            timers: Vec::new(),
        }
    }

    /// The next instant at which the record wants to be woken; [`Instant::MAX`] if never. A store indexes this.
    pub fn due(&self) -> Instant {
        // What others settle is not to be waited for by the clock.
        if !matches!(self.stage, Stage::Live) {
            return Instant::MAX;
        }
        let runs = self.runs.iter().map(Run::due);
        let contacts = self.profile.contacts.iter().filter_map(Contact::due);
        let timers = self.timers.iter().map(Timer::due);
        runs.chain(contacts).chain(timers).min().unwrap_or(Instant::MAX).min(self.segments_due)
    }

    /// Whether it has become part of another.
    pub fn has_moved(&self) -> bool {
        matches!(self.stage, Stage::Moved(_))
    }

    /// Whether it waits to become one with another.
    pub(crate) fn awaits(&self) -> bool {
        matches!(self.stage, Stage::Awaiting(_))
    }

    /// Whether a run began last of those of its journey that are about the same and began by `at`.
    pub fn is_latest(&self, journey: u64, about: Option<u64>, run: u64, at: Instant) -> bool {
        let latest = self
            .holds
            .iter()
            .filter(|hold| hold.journey == journey && hold.about == about && hold.began <= at)
            // Of two that began at one instant the later entered wins: max_by_key takes the last.
            .max_by_key(|hold| hold.began);
        latest.is_none_or(|hold| hold.run == run)
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("journey", &self.journey)
            .field("version", &self.version)
            .field("began", &self.began)
            .field("place", &self.place)
            .field("wake", &self.wake)
            .finish_non_exhaustive()
    }
}

impl Run {
    /// When the run wants to be woken, for its step or for its deferred message.
    pub fn due(&self) -> Instant {
        let retry = self.pending.as_ref().map(|pending| pending.retry);
        self.wake.into_iter().chain(retry).min().unwrap_or(Instant::MAX)
    }
}
