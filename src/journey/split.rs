//! Random splits: an arm is drawn once per run and step, by a stable hash, and kept (promise 6.4).

use super::Act;
use super::graph::Graph;
use super::steps::{Next, Step};
use super::walk::Walk;
use crate::primitives::Key;

/// The arm of a split that a run was drawn to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitArm {
    /// The stable hash of the step's name: versions of a journey may move it in their lists.
    pub step: u64,
    /// Which arm, from 0.
    pub arm: u32,
}

/// The arms that a run was drawn to, in the order in which it came to the splits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Splits(Box<[SplitArm]>);

impl Splits {
    /// From a stored record.
    pub(crate) fn from_list(arms: Vec<SplitArm>) -> Self {
        Splits(arms.into())
    }

    /// Which arm of a step, from 0, if the run was there before.
    pub fn arm(&self, step: &Key) -> Option<u32> {
        self.0.iter().find(|drawn| drawn.step == step.hash()).map(|drawn| drawn.arm)
    }

    /// Keeps which arm of a step was drawn.
    pub(crate) fn keep(&mut self, step: &Key, arm: u32) {
        let mut all = std::mem::take(&mut self.0).into_vec();
        match all.iter_mut().find(|drawn| drawn.step == step.hash()) {
            Some(known) => known.arm = arm,
            None => {
                all.reserve_exact(1);
                all.push(SplitArm { step: step.hash(), arm });
            }
        }
        self.0 = all.into();
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &SplitArm> {
        self.0.iter()
    }

    /// Whether the run came to no split yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Graph {
    /// A stable draw by customer and step, in proportion to the weights.
    fn draw_arm(&self, walk: &Walk<'_>, step: &Step, arms: &[(u32, Next)]) -> usize {
        let total = arms.iter().fold(0u32, |sum, (weight, _)| sum.saturating_add(*weight));
        let purpose = format!("{}/{}", self.id, step.name);
        let mut at = walk.who.id().bucket(&purpose, total);
        for (n, (weight, _)) in arms.iter().enumerate() {
            match at.checked_sub(*weight) {
                None => return n,
                Some(rest) => at = rest,
            }
        }
        0
    }
}

impl Walk<'_> {
    /// Where the run's arm of a split leads: the one it was drawn to before, whatever the weights are by now.
    pub(super) fn split(&mut self, step: &Step, arms: &[(u32, Next)]) -> Next {
        let kept = self.run.splits.arm(&step.name).and_then(|arm| arms.get(usize::try_from(arm).ok()?));
        if let Some((_, next)) = kept {
            return *next;
        }
        let drawn = self.graph.draw_arm(self, step, arms);
        if let Ok(arm) = u32::try_from(drawn) {
            self.acts.push(Act::Split { step: self.place.step, arm });
        }
        arms.get(drawn).and_then(|(_, next)| *next)
    }
}
