//! A rule in the form in which it is asked: what one look settles stands before what has to be worked out.

use std::sync::Arc;

use super::attribute::AttributeCondition;
use super::criteria::Condition;
use super::event::EventCondition;
use super::figure::FigureCondition;
use super::filter::Filter;
use super::person::PersonCondition;
use super::quick::Quick;
use super::sequence::Sequence;
use super::{Facts, Membership};
use crate::primitives::Key;

/// The conditions of a rule, arranged by what they cost. The answer does not depend on their order: a part that never
/// changes and decides the whole does so wherever it stands, and among the others the least and the latest instant count.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    Steady(Steady),
    Several(Several),
    Not(Box<Plan>),
    Attribute(Arc<AttributeCondition>),
    Event(Arc<EventCondition>),
    Sequence(Arc<Sequence>),
    Person(PersonCondition),
    Figure(Arc<FigureCondition>),
}

/// All of the parts (`decisive` false) or any of them (`decisive` true).
#[derive(Debug, Clone)]
pub(super) struct Several {
    decisive: bool,
    steady: Box<[Steady]>,
    timed: Box<[Plan]>,
}

/// A condition whose answer time alone never changes.
#[derive(Debug, Clone)]
pub(super) enum Steady {
    /// One test of an attribute itself, by far the most common condition.
    Quick {
        key: Key,
        test: Quick,
    },
    Attribute(Arc<AttributeCondition>),
    Person(PersonCondition),
    Trigger(Arc<Filter>),
    Several {
        decisive: bool,
        parts: Box<[Steady]>,
    },
    Not(Box<Steady>),
}

impl Plan {
    pub(super) fn of(condition: &Condition) -> Plan {
        match condition {
            Condition::All(parts) => Plan::several(false, parts),
            Condition::Any(parts) => Plan::several(true, parts),
            Condition::Not(part) => match Plan::of(part) {
                Plan::Steady(part) => Plan::Steady(Steady::Not(Box::new(part))),
                Plan::Not(part) => *part,
                part => Plan::Not(Box::new(part)),
            },
            Condition::Attribute(attribute) if attribute.is_steady() => Plan::Steady(match attribute.quick() {
                Some((key, test)) => Steady::Quick { key, test },
                None => Steady::Attribute(attribute.clone()),
            }),
            Condition::Attribute(attribute) => Plan::Attribute(attribute.clone()),
            Condition::Event(event) => Plan::Event(event.clone()),
            Condition::Sequence(sequence) => Plan::Sequence(sequence.clone()),
            Condition::Person(person) if person.is_steady() => Plan::Steady(Steady::Person(person.clone())),
            Condition::Person(person) => Plan::Person(person.clone()),
            Condition::Figure(figure) => Plan::Figure(figure.clone()),
            Condition::Trigger(filter) => Plan::Steady(Steady::Trigger(filter.clone())),
        }
    }

    fn several(decisive: bool, parts: &[Condition]) -> Plan {
        let (mut steady, mut timed) = (Vec::new(), Vec::new());
        for part in parts {
            match Plan::of(part) {
                Plan::Steady(Steady::Several { decisive: same, parts }) if same == decisive => steady.extend(parts),
                Plan::Steady(part) => steady.push(part),
                Plan::Several(inner) if inner.decisive == decisive => {
                    steady.extend(inner.steady);
                    timed.extend(inner.timed);
                }
                part => timed.push(part),
            }
        }
        if timed.is_empty() {
            return Plan::Steady(Steady::Several { decisive, parts: steady.into() });
        }
        timed.sort_by_key(Plan::cost);
        Plan::Several(Several { decisive, steady: steady.into(), timed: timed.into() })
    }

    /// A rank, the cheapest first.
    fn cost(&self) -> u8 {
        match self {
            Plan::Steady(_) | Plan::Attribute(_) => 0,
            Plan::Person(_) => 1,
            Plan::Event(_) => 2,
            Plan::Not(part) => part.cost(),
            Plan::Several(_) | Plan::Sequence(_) | Plan::Figure(_) => 3,
        }
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        match self {
            Plan::Steady(steady) => Membership::steady(steady.holds(facts)),
            Plan::Several(Several { decisive, steady, timed }) => {
                if steady.iter().any(|part| part.holds(facts) == *decisive) {
                    return Membership::steady(*decisive);
                }
                match &**timed {
                    [part] => part.check(facts),
                    parts => Membership::combine(*decisive, parts.iter().map(|part| part.check(facts))),
                }
            }
            Plan::Not(part) => !part.check(facts),
            Plan::Attribute(attribute) => attribute.check(facts),
            Plan::Event(event) => event.check(facts),
            Plan::Sequence(sequence) => sequence.check(facts),
            Plan::Person(person) => person.check(facts),
            Plan::Figure(figure) => figure.check(facts),
        }
    }
}

impl Steady {
    #[inline]
    fn holds(&self, facts: &Facts<'_>) -> bool {
        match self {
            Steady::Quick { key, test } => test.holds(&facts.who.attribute(key)),
            other => other.holds_otherwise(facts),
        }
    }

    /// Apart, so that the common case needs no room for the others.
    #[inline(never)]
    fn holds_otherwise(&self, facts: &Facts<'_>) -> bool {
        match self {
            Steady::Quick { .. } => self.holds(facts),
            Steady::Attribute(attribute) => attribute.check(facts).inside,
            Steady::Person(person) => person.check(facts).inside,
            Steady::Trigger(filter) => facts.trigger.is_some_and(|fields| filter.matches(fields, Some(fields))),
            Steady::Several { decisive, parts } => {
                if parts.iter().any(|part| part.holds(facts) == *decisive) {
                    *decisive
                } else {
                    !*decisive
                }
            }
            Steady::Not(part) => !part.holds(facts),
        }
    }
}
