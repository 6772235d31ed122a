//! Whether a rule holds now: its conditions one after the other, most of them settled by one look at the record.

use super::Facts;
use super::part::{Leaf, Part};
use super::quick::Quick;
use super::recent::Recent;
use crate::customer::{GrantOf, Profile};
use crate::primitives::Instant;

/// Conditions in the order in which they are asked. The last one that is asked answers for the whole.
#[derive(Debug, Clone)]
pub(super) struct Program {
    steps: Box<[Step]>,
    /// Of each step what it asks, for where a look does not tell.
    leaves: Box<[Leaf]>,
}

#[derive(Debug, Clone)]
struct Step {
    look: Look,
    /// The answer that settles what the next steps are part of.
    settles: bool,
    /// How many steps need not be asked then; beyond the last one there is nothing more to ask.
    spares: usize,
}

/// A condition in the form in which it is quickest told of the library's own record.
#[derive(Debug, Clone)]
enum Look {
    /// One test of an attribute itself, by far the most common condition.
    Attribute(Quick),
    Further(Further),
}

/// What is asked less often.
#[derive(Debug, Clone)]
enum Further {
    /// Whether something is granted.
    Grant { grant: GrantOf, wanted: bool },
    /// A count of the latest occurrences is read off one or two of their times.
    Recent { recent: Recent, wanted: bool },
    /// It takes more than a look.
    Vain,
}

impl Program {
    pub(super) fn of(part: &Part) -> Program {
        let (mut steps, mut leaves) = (Vec::new(), Vec::new());
        Program::add(part, [0, 0], &mut steps, &mut leaves);
        steps.reverse();
        leaves.reverse();
        Program { steps: steps.into(), leaves: leaves.into() }
    }

    /// Adds a part in front of what comes after it, the last step first. Where its answer leads is told by how many steps
    /// are left from there: of its two ways one leads to the next step.
    fn add(part: &Part, [if_not, if_so]: [usize; 2], steps: &mut Vec<Step>, leaves: &mut Vec<Leaf>) {
        match part {
            Part::Several { decisive, parts } => {
                let mut ways = [if_not, if_so];
                for part in parts.iter().rev() {
                    Program::add(part, ways, steps, leaves);
                    let next = steps.len();
                    ways = if *decisive { [next, if_so] } else { [if_not, next] };
                }
            }
            Part::Leaf(leaf) => {
                let next = steps.len();
                let settles = if_so != next;
                let to = if settles { if_so } else { if_not };
                steps.push(Step {
                    look: Look::of(leaf),
                    settles,
                    spares: if to == 0 { usize::MAX } else { next - to },
                });
                leaves.push(leaf.clone());
            }
        }
    }

    #[inline]
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        let Some(profile) = facts.profile else { return self.holds_of_stranger(facts) };
        let mut rest = &*self.steps;
        let mut answer = true;
        while let [step, next @ ..] = rest {
            let seen = match &step.look {
                Look::Attribute(test) => test.at_a_glance(profile),
                Look::Further(look) => look.tells(profile, facts.now),
            };
            answer = match seen {
                Some(answer) => answer,
                None => self.ask(next.len(), facts),
            };
            rest = next;
            if answer == step.settles {
                match next.get(step.spares..) {
                    Some(spared) => rest = spared,
                    None => break,
                }
            }
        }
        answer
    }

    /// Of a customer that is not the library's own record.
    #[inline(never)]
    fn holds_of_stranger(&self, facts: &Facts<'_>) -> bool {
        let mut rest = &*self.steps;
        let mut answer = true;
        while let [step, next @ ..] = rest {
            answer = self.ask(next.len(), facts);
            rest = if answer == step.settles { next.get(step.spares..).unwrap_or_default() } else { next };
        }
        answer
    }

    /// The condition itself, behind which so many are left. Apart, so that the common case needs no room for the others.
    #[inline(never)]
    fn ask(&self, left: usize, facts: &Facts<'_>) -> bool {
        self.leaves.iter().nth_back(left).is_some_and(|leaf| leaf.check(facts).inside)
    }
}

impl Look {
    fn of(leaf: &Leaf) -> Look {
        let wanted = !leaf.negated;
        if let Some(test) = leaf.quick() {
            Look::Attribute(test)
        } else if let Some(grant) = leaf.grant() {
            Look::Further(Further::Grant { grant, wanted })
        } else if let Some(recent) = leaf.recent() {
            Look::Further(Further::Recent { recent, wanted })
        } else {
            Look::Further(Further::Vain)
        }
    }
}

impl Further {
    #[inline(never)]
    fn tells(&self, profile: &Profile, now: Instant) -> Option<bool> {
        match self {
            Further::Grant { grant, wanted } => Some(profile.consents.grants(*grant, now)? == *wanted),
            Further::Recent { recent, wanted } => Some(recent.at_a_glance(&profile.history, now)? == *wanted),
            Further::Vain => None,
        }
    }
}
