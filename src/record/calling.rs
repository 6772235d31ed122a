//! What a run waits for beside messages and time: the host's answer, and a goal that counts after its end.

use std::sync::Arc;

use crate::customer::Arm;
use crate::primitives::{EffectId, Fields, IdempotencyKey, Instant, JourneyId};

/// An effect that a run called and that is not answered yet. `Debug` leaves its payload out (promise 2.5).
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Calling {
    /// The call, and its idempotency key.
    pub id: IdempotencyKey,
    /// Which effect.
    pub effect: EffectId,
    /// Until when it is tried.
    pub deadline: Instant,
    /// How many times it was claimed.
    pub tries: u16,
    /// Where it stands.
    pub stage: CallStage,
    /// Its payload, while the record waits to become one with another: until then the outbox has none. Or its answer, while
    /// the run does not hear.
    pub held: Option<Fields>,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStage {
    /// To be claimed at this instant.
    Queued {
        /// When.
        due: Instant,
    },
    /// Claimed: the host may have it.
    InFlight {
        /// Until when the claim holds; afterwards it is tried again.
        lease: Instant,
    },
    /// Answered while the run's journey is paused: the run hears of it when that is over. The values, or the `reason` why
    /// not, are [held](Calling::held).
    Answered {
        /// When.
        at: Instant,
        /// Whether it was done.
        done: bool,
    },
}

impl Calling {
    /// When it wants to be claimed, its claim runs out, or it was answered.
    pub fn due(&self) -> Instant {
        match self.stage {
            CallStage::Queued { due } => due,
            CallStage::InFlight { lease } => lease,
            CallStage::Answered { at, .. } => at,
        }
    }

    /// Whether it waits for its claim.
    pub fn is_queued(&self) -> bool {
        matches!(self.stage, CallStage::Queued { .. })
    }

    /// Whether the host may have it.
    pub fn is_in_flight(&self) -> bool {
        matches!(self.stage, CallStage::InFlight { .. })
    }
}

impl std::fmt::Debug for Calling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calling")
            .field("id", &self.id)
            .field("effect", &self.effect)
            .field("deadline", &self.deadline)
            .field("tries", &self.tries)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

/// A run that has ended, whose goal still counts for a while. `Debug` leaves out what it kept (promise 2.5).
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct OpenGoal {
    /// The journey.
    pub journey: JourneyId,
    /// The version that the run began with.
    pub version: u32,
    /// The run.
    pub run: u64,
    /// What told it from other runs of the journey.
    pub key: Option<Arc<str>>,
    /// When it began.
    pub began: Instant,
    /// Until when the goal counts.
    pub until: Instant,
    /// What the goal compares with.
    pub data: Fields,
    /// How many messages the run handed over.
    pub sent: u32,
    /// The arm that the run began in.
    pub arm: Option<Arm>,
}

impl std::fmt::Debug for OpenGoal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenGoal")
            .field("journey", &self.journey)
            .field("began", &self.began)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
