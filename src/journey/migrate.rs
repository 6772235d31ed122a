//! Where the runs of an older version go on (promise 6.7).

use super::graph::Graph;
use super::steps::{Next, Step, StepKind};

/// Where a run goes on in a newer version of its journey. Key, data, begin and `since` stay in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Migration {
    /// At this step, which it is in the midst of: what it waits for, and what it asked for, go on.
    Stays(u32),
    /// At this step, which it begins: what its old step asked for and did not hand over is withdrawn.
    Begins(u32),
    /// It ends, as `migrated`.
    Ends,
}

/// What becomes of the runs of one older version.
#[derive(Debug)]
pub(super) struct Takeover {
    pub(super) from: u32,
    /// By the numbers of its steps.
    pub(super) steps: Vec<(u32, Migration)>,
}

impl Takeover {
    /// Of the version `old`, whose steps lead to these positions of `new`.
    pub(super) fn new(old: &Graph, new: &Graph, leads: &[Next]) -> Self {
        let steps = old.steps.iter().zip(leads).map(|(step, lead)| {
            let to = lead.and_then(|position| new.steps.get(position as usize));
            (step.number, to.map_or(Migration::Ends, |to| between(step, to)))
        });
        Takeover { from: old.version, steps: steps.collect() }
    }

    pub(super) fn of(&self, step: u32) -> Option<Migration> {
        self.steps.iter().find(|(number, _)| *number == step).map(|(_, migration)| *migration)
    }
}

/// A run that waits goes on waiting, and one that asked for a message goes on with it where the new step asks for the same.
fn between(old: &Step, new: &Step) -> Migration {
    let same = match (&old.kind, &new.kind) {
        (StepKind::Message { message: old, .. }, StepKind::Message { message: new, .. })
        | (StepKind::Cascade { message: old, .. }, StepKind::Cascade { message: new, .. }) => old == new,
        (StepKind::Digest { digest: old, .. }, StepKind::Digest { digest: new, .. }) => old.message == new.message,
        (StepKind::Call { effect: old, .. }, StepKind::Call { effect: new, .. }) => old == new,
        (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
    };
    if same { Migration::Stays(new.number) } else { Migration::Begins(new.number) }
}
