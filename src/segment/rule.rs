//! A rule: conditions on a customer, compiled once and asked often.

use std::fmt;

use super::attribute::AttributeCondition;
use super::event::EventCondition;
use super::filter::Filter;
use super::person::PersonCondition;
use super::sequence::Sequence;
use super::{Facts, Membership, Segment};
use crate::customer::Customer;
use crate::primitives::fault::{Node, Object};
use crate::primitives::{Faults, Instant, Key, Needs, SegmentId};

/// How deeply conditions may be nested.
const DEEPEST: usize = 32;

/// The fields that name a condition, one of which every object of a rule has.
const KINDS: [&str; 16] = [
    "all",
    "any",
    "not",
    "attribute",
    "event",
    "sequence",
    "segment",
    "consent",
    "reachable",
    "preferred_channel",
    "engaged",
    "identified",
    "first_seen",
    "last_seen",
    "bucket",
    "trigger",
];

/// A two-valued predicate over a customer (promise 5.1), compiled from its definition in JSON: the forms are listed at
/// [`segment`](crate::segment#conditions).
///
/// ```
/// use throughline::{CustomerId, Instant, Profile, Rule, Segment};
/// let rule = Rule::from_json(r#"{"all": [
///     {"event": "Order Completed", "count": {"at_least": 3}, "within": "90d"},
///     {"not": {"attribute": "country", "in": ["US", "CA"]}}
/// ]}"#)?;
/// assert_eq!(
///     rule.to_string(),
///     "(Order Completed in the last 90d at least 3 times and not (country is one of \"US\", \"CA\"))"
/// );
/// let now = Instant::from_millis(0);
/// assert!(!rule.evaluate(&Profile::new(CustomerId::new("anna"), now), now).inside);
/// # Ok::<(), throughline::Faults>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rule {
    root: Condition,
    /// The segments read, each with the place that names it, to report one that does not exist.
    references: Box<[(SegmentId, Box<str>)]>,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    All(Box<[Condition]>),
    Any(Box<[Condition]>),
    Not(Box<Condition>),
    Attribute(Box<AttributeCondition>),
    Event(Box<EventCondition>),
    Sequence(Box<Sequence>),
    Person(PersonCondition),
    Trigger(Filter),
}

impl Rule {
    /// From its JSON.
    ///
    /// # Errors
    /// All faults at once, each with its path.
    ///
    /// ```
    /// use throughline::Rule;
    /// let faults = Rule::from_json(r#"{"any": [{"event": "A", "within": "0d"}, {"atribute": "age"}]}"#).unwrap_err();
    /// assert_eq!(faults.len(), 2);
    /// ```
    pub fn from_json(text: &str) -> Result<Rule, Faults> {
        super::read(text, Rule::decode)
    }

    pub(crate) fn decode(node: &Node<'_>) -> Option<Rule> {
        let mut references = Vec::new();
        let root = Condition::decode(node, DEEPEST, &mut references)?;
        Some(Rule { root, references: references.into() })
    }

    /// Whether the rule holds of these facts, and until when.
    pub fn check(&self, facts: &Facts<'_>) -> Membership {
        let answer = self.root.check(facts);
        // At the end of time nothing is later.
        Membership { until: answer.until.filter(|until| *until > facts.now), ..answer }
    }

    /// What the rule reads of a customer. What it reads of a trigger is not among it: that comes with the event.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.root.needs(&mut needs);
        needs
    }

    /// Whether it reads when the customer was first or last seen, which any event may change.
    pub fn reads_seen(&self) -> bool {
        self.root.any(&|condition| {
            matches!(condition, Condition::Person(PersonCondition::FirstSeen(_) | PersonCondition::LastSeen(_)))
        })
    }

    /// Whether it reads if the shop knows who the customer is.
    pub fn reads_identified(&self) -> bool {
        self.root.any(&|condition| matches!(condition, Condition::Person(PersonCondition::Identified(_))))
    }

    /// Whether it reads the triggering event, so that it holds of nobody where there is none.
    pub fn reads_trigger(&self) -> bool {
        self.root.any(&|condition| match condition {
            Condition::Trigger(_) => true,
            Condition::Event(event) => event.reads_trigger(),
            Condition::Sequence(sequence) => sequence.reads_trigger(),
            _ => false,
        })
    }

    /// The outermost names of the trigger's properties that are read: what a run has to keep of its trigger.
    pub fn trigger_properties(&self) -> Vec<Key> {
        let mut names = Vec::new();
        self.root.each(&mut |condition| match condition {
            Condition::Trigger(filter) => {
                names.extend(filter.properties());
                names.extend(filter.trigger_properties());
            }
            Condition::Event(event) => names.extend(event.trigger_properties()),
            Condition::Sequence(sequence) => names.extend(sequence.trigger_properties()),
            _ => {}
        });
        names
    }

    /// The segments read, each with the JSON path that names it.
    pub(crate) fn references(&self) -> impl Iterator<Item = (&SegmentId, &str)> {
        self.references.iter().map(|(id, path)| (id, &**path))
    }
}

impl Segment for Rule {
    fn evaluate(&self, who: &dyn Customer, now: Instant) -> Membership {
        self.check(&Facts { who, now, trigger: None })
    }

    fn needs(&self) -> Needs {
        Rule::needs(self)
    }
}

/// By what they ask: where in a document a rule stands does not matter.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Condition {
    fn decode(node: &Node<'_>, depth: usize, references: &mut Vec<(SegmentId, Box<str>)>) -> Option<Condition> {
        if depth == 0 {
            node.fault(format!("nested more than {DEEPEST} deep; make a part of it a segment of its own"));
            return None;
        }
        let object = node.open_object()?;
        let kind = kind_of(&object)?;
        let field = object.get(kind)?;
        match kind {
            "all" | "any" => {
                let only = node.object(&[kind]);
                let parts: Vec<Option<Condition>> =
                    field.list()?.iter().map(|part| Condition::decode(part, depth - 1, references)).collect();
                if kind == "any" && parts.is_empty() {
                    field.fault("never holds: expected at least one condition");
                    return None;
                }
                let parts = parts.into_iter().collect::<Option<Box<[Condition]>>>();
                only.and(parts).map(if kind == "all" { Condition::All } else { Condition::Any })
            }
            "not" => {
                let only = node.object(&[kind]);
                let part = Condition::decode(&field, depth - 1, references);
                only.and(part).map(|part| Condition::Not(Box::new(part)))
            }
            "attribute" => AttributeCondition::decode(&object).map(|part| Condition::Attribute(Box::new(part))),
            "event" => EventCondition::decode(&object).map(|part| Condition::Event(Box::new(part))),
            "sequence" => Sequence::decode(&object).map(|part| Condition::Sequence(Box::new(part))),
            "trigger" => node.object(&[kind]).and(Filter::decode(&field)).map(Condition::Trigger),
            _ => {
                let person = PersonCondition::decode(kind, &object)?;
                if let PersonCondition::Segment(id) = &person {
                    references.push((id.clone(), field.path().into()));
                }
                Some(Condition::Person(person))
            }
        }
    }

    fn check(&self, facts: &Facts<'_>) -> Membership {
        match self {
            Condition::All(parts) => Membership::combine(false, parts.iter().map(|part| part.check(facts))),
            Condition::Any(parts) => Membership::combine(true, parts.iter().map(|part| part.check(facts))),
            Condition::Not(part) => !part.check(facts),
            Condition::Attribute(attribute) => attribute.check(facts),
            Condition::Event(event) => event.check(facts),
            Condition::Sequence(sequence) => sequence.check(facts),
            Condition::Person(person) => person.check(facts),
            Condition::Trigger(filter) => {
                Membership::steady(facts.trigger.is_some_and(|fields| filter.matches(fields, Some(fields))))
            }
        }
    }

    fn needs(&self, needs: &mut Needs) {
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| part.needs(needs)),
            Condition::Not(part) => part.needs(needs),
            Condition::Attribute(attribute) => attribute.needs(needs),
            Condition::Event(event) => event.needs(needs),
            Condition::Sequence(sequence) => sequence.needs(needs),
            Condition::Person(person) => person.needs(needs),
            Condition::Trigger(_) => {}
        }
    }

    /// Whether `wanted` holds of this condition or of one inside it.
    fn each<'c>(&'c self, visit: &mut dyn FnMut(&'c Condition)) {
        visit(self);
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| part.each(visit)),
            Condition::Not(part) => part.each(visit),
            _ => {}
        }
    }

    fn any(&self, wanted: &dyn Fn(&Condition) -> bool) -> bool {
        wanted(self)
            || match self {
                Condition::All(parts) | Condition::Any(parts) => parts.iter().any(|part| part.any(wanted)),
                Condition::Not(part) => part.any(wanted),
                _ => false,
            }
    }
}

/// The one field that names the condition.
fn kind_of(object: &Object<'_>) -> Option<&'static str> {
    let mut kinds = KINDS.into_iter().filter(|kind| object.get(kind).is_some());
    match (kinds.next(), kinds.next()) {
        (Some(kind), None) => Some(kind),
        (Some(one), Some(other)) => {
            object.node().fault(format!("`{one}` and `{other}` are two conditions; combine them with `all`"));
            None
        }
        (None, _) => {
            let near = object.fields().find_map(|(name, _)| crate::primitives::fault::nearest(name, &KINDS));
            object.node().fault(match near {
                Some(near) => format!("no condition is named; did you mean `{near}`?"),
                None => format!("no condition is named; expected one of {}", KINDS.join(", ")),
            });
            None
        }
    }
}

/// A sentence that a marketer can read back.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.root, f)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::All(parts) if parts.is_empty() => f.write_str("everyone"),
            Condition::All(parts) => joined(f, parts, " and "),
            Condition::Any(parts) => joined(f, parts, " or "),
            // A list brings its own brackets.
            Condition::Not(part) => match &**part {
                Condition::All(list) | Condition::Any(list) if list.len() > 1 => write!(f, "not {part}"),
                _ => write!(f, "not ({part})"),
            },
            Condition::Attribute(attribute) => fmt::Display::fmt(attribute, f),
            Condition::Event(event) => fmt::Display::fmt(event, f),
            Condition::Sequence(sequence) => fmt::Display::fmt(sequence, f),
            Condition::Person(person) => fmt::Display::fmt(person, f),
            Condition::Trigger(filter) if filter.is_empty() => f.write_str("there is a trigger"),
            Condition::Trigger(filter) => write!(f, "the trigger's {filter}"),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Condition], with: &str) -> fmt::Result {
    if let [part] = parts {
        return fmt::Display::fmt(part, f);
    }
    for (n, part) in parts.iter().enumerate() {
        write!(f, "{}{part}", if n == 0 { "(" } else { with })?;
    }
    f.write_str(")")
}
