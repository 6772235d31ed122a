//! The host begins a run by its own word (promise 6.2).

use std::sync::Arc;

use super::input::{Outcome, RunNamed, What};
use super::step::{Turn, Upto};
use crate::journey::Signal;
use crate::primitives::{Fields, JourneyId};

/// A host's call for a run. `Debug` shows the journey only (promise 2.5).
#[derive(Clone)]
pub struct Call {
    /// The journey, whose trigger is `call`.
    pub journey: JourneyId,
    /// Names the call: a second one of this id begins nothing.
    pub id: Arc<str>,
    /// What the run and its messages read, as they read the properties of an event.
    pub properties: Fields,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("journey", &self.journey).finish_non_exhaustive()
    }
}

impl Call {
    /// The name under which the record knows a second copy; no event should be named so.
    pub(super) fn copy_id(&self) -> String {
        format!("call {}", self.id)
    }
}

/// What became of a host's call for a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Begun {
    /// A run began.
    Run(RunNamed),
    /// A run that had sent nothing was set back to its start (`restart`).
    Restarted(RunNamed),
    /// No run began.
    Not {
        /// Why: what a notice `not_begun` says; `not_admitted` if the journey takes no calls or its `if` does not hold,
        /// `unknown_journey`, or `erased`.
        reason: &'static str,
    },
    /// A call of this id was taken before, within the playbook's `dedupe_horizon`; nothing changed.
    Duplicate,
    /// The customer's record became part of another, to which the store brings the call later. The log will tell.
    OnItsWay,
}

impl Begun {
    /// What an outcome, or what followed from it, says of a call.
    pub(crate) fn of(outcome: &Outcome) -> Option<Box<Begun>> {
        outcome.begun.clone().or_else(|| outcome.followed.iter().find_map(|(_, followed)| Begun::of(followed)))
    }
}

impl Turn<'_> {
    pub(super) fn called(&mut self, call: &Call) {
        if self.state.is_erased() {
            return self.refuse(call, "erased");
        }
        if !self.state.profile.events_seen.take(&call.copy_id(), self.now, self.book.horizon) {
            self.out.duplicate = true;
            self.out.begun = Some(Box::new(Begun::Duplicate));
            return;
        }
        self.reclassify();
        self.fire_due(self.now, Upto::Excluding);
        let journeys = (0u16..).zip(self.book.journeys.iter().zip(&self.book.newest));
        let found = journeys.into_iter().find(|(_, (journey, newest))| **newest && *journey.id() == call.journey);
        let Some((position, _)) = found else { return self.refuse(call, "unknown_journey") };
        let told = self.out.notices.len();
        let signal = Signal::Called { id: &call.id, properties: &call.properties, at: self.now };
        self.enter(&[position], &signal, Some(&call.id));
        let begun = self.out.notices.iter().skip(told).find_map(|notice| match &notice.what {
            What::RunBegun(run) => Some(Begun::Run(run.clone())),
            What::RunRestarted(run) => Some(Begun::Restarted(run.clone())),
            What::NotBegun { reason, .. } => Some(Begun::Not { reason }),
            _ => None,
        });
        match begun {
            Some(begun) => self.out.begun = Some(Box::new(begun)),
            None => self.refuse(call, "not_admitted"),
        }
    }

    fn refuse(&mut self, call: &Call, reason: &'static str) {
        self.out.notice(self.now, What::NotBegun { journey: call.journey.clone(), reason });
        self.out.begun = Some(Box::new(Begun::Not { reason }));
    }
}
