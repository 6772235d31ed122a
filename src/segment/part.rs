//! A rule's conditions without what is said twice: `not` stands at single conditions only, and the cheapest come first.

use super::criteria::Condition;
use super::quick::Quick;
use super::recent::Recent;
use super::{Facts, Membership};
use crate::customer::GrantOf;

/// A part of a rule. The answer does not depend on the order of parts: one that never changes and decides the whole does so
/// wherever it stands, and among the others the least and the latest instant count.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// All of the parts (`decisive` false) or any of them (`decisive` true), none of them of the same kind as the whole.
    Several {
        decisive: bool,
        parts: Vec<Part>,
    },
    Leaf(Leaf),
}

/// One condition, or the opposite of it.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) condition: Condition,
    pub(super) negated: bool,
}

impl Part {
    pub(super) fn of(condition: &Condition) -> Part {
        Part::signed(condition, false)
    }

    fn signed(condition: &Condition, negated: bool) -> Part {
        match condition {
            Condition::Not(part) => Part::signed(part, !negated),
            Condition::All(parts) if !parts.is_empty() => Part::several(negated, parts, negated),
            Condition::Any(parts) if !parts.is_empty() => Part::several(!negated, parts, negated),
            _ => Part::Leaf(Leaf { condition: condition.clone(), negated }),
        }
    }

    fn several(decisive: bool, conditions: &[Condition], negated: bool) -> Part {
        let mut parts = Vec::new();
        for condition in conditions {
            match Part::signed(condition, negated) {
                Part::Several { decisive: same, parts: inner } if same == decisive => parts.extend(inner),
                part => parts.push(part),
            }
        }
        parts.sort_by_key(Part::cost);
        match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => {
                parts.extend(last);
                Part::Several { decisive, parts }
            }
        }
    }

    /// A rank, the cheapest first.
    fn cost(&self) -> u8 {
        match self {
            Part::Several { parts, .. } => parts.iter().map(Part::cost).max().unwrap_or_default(),
            Part::Leaf(leaf) if leaf.quick().is_some() => 0,
            Part::Leaf(leaf) => match &leaf.condition {
                Condition::Event(_) => 1,
                Condition::Attribute(_) | Condition::Trigger(_) | Condition::Person(_) => 2,
                _ => 3,
            },
        }
    }

    /// Whether time alone never changes the answer.
    pub(super) fn is_steady(&self) -> bool {
        match self {
            Part::Several { parts, .. } => parts.iter().all(Part::is_steady),
            Part::Leaf(leaf) => leaf.is_steady(),
        }
    }
}

impl Leaf {
    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        let membership = match &self.condition {
            Condition::Attribute(attribute) => attribute.check(facts),
            Condition::Event(event) => event.check(facts),
            Condition::Sequence(sequence) => sequence.check(facts),
            Condition::Person(person) => person.check(facts),
            Condition::Figure(figure) => figure.check(facts),
            Condition::Trigger(filter) => {
                Membership::steady(facts.trigger.is_some_and(|fields| filter.matches(fields, Some(fields))))
            }
            // Of these only the empty ones are leaves: all of nothing is true.
            Condition::All(_) => Membership::steady(true),
            Condition::Any(_) | Condition::Not(_) => Membership::steady(false),
        };
        if self.negated { !membership } else { membership }
    }

    fn is_steady(&self) -> bool {
        match &self.condition {
            Condition::Attribute(attribute) => attribute.is_steady(),
            Condition::Person(person) => person.is_steady(),
            Condition::Event(_) | Condition::Sequence(_) | Condition::Figure(_) => false,
            Condition::Trigger(_) | Condition::All(_) | Condition::Any(_) | Condition::Not(_) => true,
        }
    }

    pub(super) fn quick(&self) -> Option<Quick> {
        match &self.condition {
            Condition::Attribute(attribute) => attribute.quick(self.negated),
            _ => None,
        }
    }

    pub(super) fn grant(&self) -> Option<GrantOf> {
        match &self.condition {
            Condition::Person(person) => person.grant(),
            _ => None,
        }
    }

    pub(super) fn recent(&self) -> Option<Recent> {
        match &self.condition {
            Condition::Event(event) => event.recent(),
            _ => None,
        }
    }
}
