//! Goals that count after their runs have ended (promise 6.6).

use super::input::{RunNamed, What};
use super::step::Turn;
use crate::event::Event;
use crate::journey::EndReason;
use crate::primitives::Instant;
use crate::record::{OpenGoal, Run};

/// So many runs that have ended are remembered for their goals; beyond them the one that ended first is let go.
const MOST_OPEN: usize = 32;

impl Turn<'_> {
    /// Remembers a run that ends without its goal, for as long as that counts.
    pub(super) fn await_goal(&mut self, run: &Run, reason: &EndReason) {
        if run.reached || matches!(reason, EndReason::Goal | EndReason::Merged | EndReason::Erased) {
            return;
        }
        let Some(journey) = self.journey(run) else { return };
        let Some(until) = journey.goal_within().map(|within| run.began + within).filter(|until| *until >= self.now)
        else {
            return;
        };
        let now = self.now;
        self.state.goals.retain(|goal| goal.until >= now);
        let over = (self.state.goals.len() + 1).saturating_sub(MOST_OPEN);
        self.state.goals.drain(..over);
        self.state.goals.push(OpenGoal {
            journey: run.journey.clone(),
            version: run.version,
            run: run.id,
            key: run.key.clone(),
            began: run.began,
            until,
            data: run.data.only(journey.goal_reads()),
            sent: run.sent,
            arm: run.arm,
        });
    }

    /// Records the goals of runs that have ended which an event reaches, each once.
    pub(super) fn reach_goals(&mut self, event: &Event, at: Instant) {
        if self.state.goals.is_empty() {
            return;
        }
        let book = self.book;
        let reached = self.state.goals.extract_if(.., |goal| {
            let position = book.by_journey.get(&(goal.journey.key().hash(), goal.version));
            let journey = position.and_then(|position| book.journeys.get(usize::from(*position)));
            let in_time = goal.began <= at && at <= goal.until;
            in_time && journey.is_some_and(|journey| journey.reaches_goal(&goal.data, event))
        });
        let reached: Vec<OpenGoal> = reached.collect();
        for OpenGoal { journey, version, run, key, sent, arm, .. } in reached {
            let run = RunNamed { journey, version, run, key, arm };
            self.out.notice(self.now, What::Goal { run, before_any_message: sent == 0 });
        }
    }
}
