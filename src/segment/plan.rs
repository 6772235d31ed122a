//! A rule in the form in which it is asked: what one look settles stands before what has to be worked out.

use super::criteria::Condition;
use super::part::{Leaf, Part};
use super::program::Program;
use super::{Facts, Membership};

/// The conditions of a rule, arranged for the two questions that are asked of it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    now: Program,
    lasting: Lasting,
}

/// Whether a part of a rule holds, and until when.
#[derive(Debug, Clone)]
enum Lasting {
    /// Time alone never changes the answer.
    Steady(Program),
    /// All of the parts (`decisive` false) or any of them (`decisive` true).
    Several {
        decisive: bool,
        /// Those whose answer time alone never changes, if there are any.
        steady: Option<Program>,
        timed: Box<[Lasting]>,
    },
    One(Leaf),
}

impl Plan {
    pub(super) fn of(condition: &Condition) -> Plan {
        let whole = Part::of(condition);
        Plan { now: Program::of(&whole), lasting: Lasting::of(whole) }
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        self.lasting.check(facts)
    }

    /// Whether it holds now, whatever comes.
    #[inline]
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        self.now.holds(facts)
    }
}

impl Lasting {
    fn of(part: Part) -> Lasting {
        match part {
            part if part.is_steady() => Lasting::Steady(Program::of(&part)),
            Part::Leaf(leaf) => Lasting::One(leaf),
            Part::Several { decisive, parts } => {
                let (steady, timed): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(Part::is_steady);
                let several = |parts| Program::of(&Part::Several { decisive, parts });
                Lasting::Several {
                    decisive,
                    steady: (!steady.is_empty()).then(|| several(steady)),
                    timed: timed.into_iter().map(Lasting::of).collect(),
                }
            }
        }
    }

    fn check(&self, facts: &Facts<'_>) -> Membership {
        match self {
            Lasting::Steady(program) => Membership::steady(program.holds(facts)),
            Lasting::One(leaf) => leaf.check(facts),
            Lasting::Several { decisive, steady, timed } => {
                if steady.as_ref().is_some_and(|steady| steady.holds(facts) == *decisive) {
                    return Membership::steady(*decisive);
                }
                match &**timed {
                    [part] => part.check(facts),
                    parts => Membership::combine(*decisive, parts.iter().map(|part| part.check(facts))),
                }
            }
        }
    }
}
