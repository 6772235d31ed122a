//! A rule in the form in which it is asked: what one look settles stands before what has to be worked out.

use std::sync::Arc;

use super::attribute::AttributeCondition;
use super::criteria::Condition;
use super::event::EventCondition;
use super::figure::FigureCondition;
use super::filter::Filter;
use super::person::PersonCondition;
use super::quick::Quick;
use super::recent::Recent;
use super::sequence::Sequence;
use super::{Facts, Membership};
use crate::customer::GrantOf;

/// The conditions of a rule, arranged by what they cost. The answer does not depend on their order: a part that never
/// changes and decides the whole does so wherever it stands, and among the others the least and the latest instant count.
#[derive(Debug, Clone)]
pub(super) struct Plan(Several);

/// All of the parts (`decisive` false) or any of them (`decisive` true).
#[derive(Debug, Clone)]
struct Several {
    decisive: bool,
    steady: Box<[Steady]>,
    timed: Box<[Timed]>,
}

/// A condition whose answer time alone never changes.
#[derive(Debug, Clone)]
enum Steady {
    /// One test of an attribute itself, by far the most common condition.
    Quick(Quick),
    Attribute(Arc<AttributeCondition>),
    Person(PersonCondition),
    Trigger(Arc<Filter>),
    Several {
        decisive: bool,
        parts: Box<[Steady]>,
    },
    Not(Box<Steady>),
}

/// A condition whose answer may change by time alone.
#[derive(Debug, Clone)]
enum Timed {
    Several(Several),
    Not(Box<Timed>),
    Attribute(Arc<AttributeCondition>),
    Event(Arc<EventCondition>),
    /// The event is the same: a count of the latest occurrences is read off one or two of their times.
    Recent(Recent, Arc<EventCondition>),
    Sequence(Arc<Sequence>),
    Person(PersonCondition),
    /// The condition is the same: whether something is granted.
    Grant(GrantOf, PersonCondition),
    Figure(Arc<FigureCondition>),
}

enum Part {
    Steady(Steady),
    Timed(Timed),
}

impl Plan {
    pub(super) fn of(condition: &Condition) -> Plan {
        let one = |steady: Vec<Steady>, timed: Vec<Timed>| Several::new(false, steady, timed);
        Plan(match Part::of(condition) {
            Part::Steady(Steady::Several { decisive, parts }) => Several::new(decisive, parts.into(), Vec::new()),
            Part::Steady(part) => one(vec![part], Vec::new()),
            Part::Timed(Timed::Several(several)) => several,
            Part::Timed(part) => one(Vec::new(), vec![part]),
        })
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        self.0.check(facts)
    }

    /// Whether it holds now, whatever comes.
    #[inline]
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        self.0.holds(facts)
    }
}

impl Part {
    fn of(condition: &Condition) -> Part {
        match condition {
            Condition::All(parts) => Part::several(false, parts),
            Condition::Any(parts) => Part::several(true, parts),
            Condition::Not(part) => match Part::of(part) {
                Part::Steady(part) => Part::Steady(Steady::Not(Box::new(part))),
                Part::Timed(Timed::Not(part)) => Part::Timed(*part),
                Part::Timed(part) => Part::Timed(Timed::Not(Box::new(part))),
            },
            Condition::Attribute(attribute) if attribute.is_steady() => Part::Steady(match attribute.quick() {
                Some(test) => Steady::Quick(test),
                None => Steady::Attribute(attribute.clone()),
            }),
            Condition::Attribute(attribute) => Part::Timed(Timed::Attribute(attribute.clone())),
            Condition::Event(event) => Part::Timed(match event.recent() {
                Some(recent) => Timed::Recent(recent, event.clone()),
                None => Timed::Event(event.clone()),
            }),
            Condition::Sequence(sequence) => Part::Timed(Timed::Sequence(sequence.clone())),
            Condition::Person(person) if person.is_steady() => Part::Steady(Steady::Person(person.clone())),
            Condition::Person(person) => Part::Timed(match person.grant() {
                Some(grant) => Timed::Grant(grant, person.clone()),
                None => Timed::Person(person.clone()),
            }),
            Condition::Figure(figure) => Part::Timed(Timed::Figure(figure.clone())),
            Condition::Trigger(filter) => Part::Steady(Steady::Trigger(filter.clone())),
        }
    }

    fn several(decisive: bool, parts: &[Condition]) -> Part {
        let (mut steady, mut timed) = (Vec::new(), Vec::new());
        for part in parts {
            match Part::of(part) {
                Part::Steady(Steady::Several { decisive: same, parts }) if same == decisive => steady.extend(parts),
                Part::Steady(part) => steady.push(part),
                Part::Timed(Timed::Several(inner)) if inner.decisive == decisive => {
                    steady.extend(inner.steady);
                    timed.extend(inner.timed);
                }
                Part::Timed(part) => timed.push(part),
            }
        }
        if timed.is_empty() {
            return Part::Steady(Steady::Several { decisive, parts: steady.into() });
        }
        Part::Timed(Timed::Several(Several::new(decisive, steady, timed)))
    }
}

impl Several {
    fn new(decisive: bool, mut steady: Vec<Steady>, mut timed: Vec<Timed>) -> Several {
        steady.sort_by_key(Steady::cost);
        timed.sort_by_key(Timed::cost);
        Several { decisive, steady: steady.into(), timed: timed.into() }
    }

    fn check(&self, facts: &Facts<'_>) -> Membership {
        let Several { decisive, steady, timed } = self;
        if steady.iter().any(|part| part.holds(facts) == *decisive) {
            return Membership::steady(*decisive);
        }
        match &**timed {
            [] => Membership::steady(!decisive),
            [part] => part.check(facts),
            parts => Membership::combine(*decisive, parts.iter().map(|part| part.check(facts))),
        }
    }

    #[inline]
    fn holds(&self, facts: &Facts<'_>) -> bool {
        let Several { decisive, steady, timed } = self;
        let found = steady.iter().any(|part| part.holds(facts) == *decisive)
            || timed.iter().any(|part| part.holds(facts) == *decisive);
        found == *decisive
    }
}

impl Steady {
    /// A rank, the cheapest first.
    fn cost(&self) -> u8 {
        match self {
            Steady::Quick(..) => 0,
            Steady::Person(_) => 1,
            Steady::Attribute(_) | Steady::Trigger(_) => 2,
            Steady::Not(part) => part.cost(),
            Steady::Several { .. } => 3,
        }
    }

    #[inline]
    fn holds(&self, facts: &Facts<'_>) -> bool {
        if let (Steady::Quick(test), Some(profile)) = (self, facts.profile)
            && let Some(answer) = test.at_a_glance(profile)
        {
            return answer;
        }
        self.holds_otherwise(facts)
    }

    /// Apart, so that the common case needs no room for the others.
    #[inline(never)]
    fn holds_otherwise(&self, facts: &Facts<'_>) -> bool {
        match self {
            Steady::Quick(test) => test.holds_of(facts.who),
            Steady::Attribute(attribute) => attribute.check(facts).inside,
            Steady::Person(person) => person.check(facts).inside,
            Steady::Trigger(filter) => facts.trigger.is_some_and(|fields| filter.matches(fields, Some(fields))),
            Steady::Several { decisive, parts } => parts.iter().any(|part| part.holds(facts) == *decisive) == *decisive,
            Steady::Not(part) => !part.holds(facts),
        }
    }
}

impl Timed {
    /// A rank, the cheapest first.
    fn cost(&self) -> u8 {
        match self {
            Timed::Attribute(_) => 0,
            Timed::Event(_) | Timed::Recent(..) => 1,
            Timed::Person(_) | Timed::Grant(..) => 2,
            Timed::Not(part) => part.cost(),
            Timed::Several(_) | Timed::Sequence(_) | Timed::Figure(_) => 3,
        }
    }

    fn check(&self, facts: &Facts<'_>) -> Membership {
        match self {
            Timed::Several(several) => several.check(facts),
            Timed::Not(part) => !part.check(facts),
            Timed::Attribute(attribute) => attribute.check(facts),
            Timed::Event(event) | Timed::Recent(_, event) => event.check(facts),
            Timed::Sequence(sequence) => sequence.check(facts),
            Timed::Person(person) | Timed::Grant(_, person) => person.check(facts),
            Timed::Figure(figure) => figure.check(facts),
        }
    }

    #[inline]
    fn holds(&self, facts: &Facts<'_>) -> bool {
        let answer = match (self, facts.profile) {
            (Timed::Recent(recent, _), Some(profile)) => recent.at_a_glance(&profile.history, facts.now),
            (Timed::Grant(grant, _), Some(profile)) => profile.consents.grants(*grant, facts.now),
            _ => None,
        };
        match answer {
            Some(answer) => answer,
            None => self.holds_otherwise(facts),
        }
    }

    /// Apart, so that the common case needs no room for the others.
    #[inline(never)]
    fn holds_otherwise(&self, facts: &Facts<'_>) -> bool {
        match self {
            Timed::Several(several) => several.holds(facts),
            Timed::Not(part) => !part.holds(facts),
            _ => self.check(facts).inside,
        }
    }
}
