//! A rule: conditions on a customer, compiled once and asked often.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::attribute::AttributeCondition;
use super::columns::Columns;
use super::event::EventCondition;
use super::figure::FigureCondition;
use super::filter::Filter;
use super::person::PersonCondition;
use super::plan::Plan;
use super::select::{SelectError, Selection};
use super::sequence::Sequence;
use super::{Effect, Facts, Membership, Segment};
use crate::customer::Customer;
use crate::primitives::fault::{Node, Object};
use crate::primitives::{Faults, Instant, Keep, Key, Needs, SegmentId};

/// How deeply conditions may be nested.
pub(super) const DEEPEST: usize = 32;

/// The fields that name a condition, one of which every object of a rule has.
pub(super) const KINDS: [&str; 26] = [
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
    "lifecycle",
    "buyer_stage",
    "affinity",
    "lifetime_value",
    "orders",
    "average_order",
    "rfm",
    "best_hour",
    "learned_channel",
    "device",
    "trigger",
];

/// A two-valued predicate over a customer (promise 5.1), compiled from its definition in JSON: the forms are listed at
/// [`segment`](crate::segment#conditions).
///
/// ```
/// use throughline::{CustomerId, Instant, Profile, Criteria, Segment};
/// let rule = Criteria::from_json(r#"{"all": [
///     {"event": "Order Completed", "count": {"at_least": 3}, "within": "90d"},
///     {"not": {"attribute": "country", "in": ["US", "CA"]}}
/// ]}"#)?;
/// assert_eq!(
///     rule.to_string(),
///     "(Order Completed at least 3 times in the last 90d and not (country is one of \"US\", \"CA\"))"
/// );
/// let now = Instant::from_millis(0);
/// assert!(!rule.evaluate(&Profile::new(CustomerId::new("anna"), now), now).inside);
/// # Ok::<(), throughline::Faults>(())
/// ```
#[derive(Debug, Clone)]
pub struct Criteria {
    /// As it was written.
    root: Condition,
    /// As it is asked.
    plan: Plan,
    /// The segments read, each with the place that names it, to report one that does not exist.
    references: Box<[(SegmentId, Box<str>)]>,
}

/// A condition as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    All(Box<[Condition]>),
    Any(Box<[Condition]>),
    Not(Box<Condition>),
    Attribute(Arc<AttributeCondition>),
    Event(Arc<EventCondition>),
    Sequence(Arc<Sequence>),
    Person(PersonCondition),
    Figure(Arc<FigureCondition>),
    Trigger(Arc<Filter>),
}

impl Criteria {
    /// From its JSON.
    ///
    /// # Errors
    /// All faults at once, each with its path.
    ///
    /// ```
    /// use throughline::Criteria;
    /// let faults = Criteria::from_json(r#"{"any": [{"event": "A", "within": "0d"}, {"atribute": "age"}]}"#).unwrap_err();
    /// assert_eq!(faults.len(), 2);
    /// ```
    pub fn from_json(text: &str) -> Result<Criteria, Faults> {
        super::read(text, Criteria::decode)
    }

    /// Its JSON, from which [`from_json`](Self::from_json) makes the same again: every condition in its plainest form. What a
    /// condition takes from its playbook (the thresholds of stages, the RFM model) stays there.
    ///
    /// ```
    /// use throughline::Criteria;
    /// let rule = Criteria::from_json(r#"{"event": "Order Completed", "never": true, "within": "4w"}"#)?;
    /// assert_eq!(rule.to_json(), r#"{"count":{"equals":0},"event":"Order Completed","within":"28d"}"#);
    /// # Ok::<(), throughline::Faults>(())
    /// ```
    pub fn to_json(&self) -> String {
        self.root.to_json().to_string()
    }

    pub(crate) fn decode(node: &Node<'_>) -> Option<Criteria> {
        let mut references = Vec::new();
        let root = Condition::decode(node, DEEPEST, &mut references)?;
        Some(Criteria { plan: Plan::of(&root), root, references: references.into() })
    }

    /// Whether the rule holds of these facts, and until when.
    pub fn check(&self, facts: &Facts<'_>) -> Membership {
        let answer = self.plan.check(facts);
        // At the end of time nothing is later.
        Membership { until: answer.until.filter(|until| *until > facts.now), ..answer }
    }

    /// Whether the rule holds of these facts: the answer of [`check`](Self::check), sooner, since nobody asks until when.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        self.plan.holds(facts)
    }

    /// Whom the rule holds of among many customers at once, for previews and enrolment: exactly those whom
    /// [`evaluate`](Segment::evaluate) finds inside.
    ///
    /// # Errors
    /// The rule reads more than the values of attributes, or an attribute that has no column.
    pub fn select(&self, columns: &Columns, now: Instant) -> Result<Selection, SelectError> {
        let mut within = Selection::everyone(columns.len());
        self.root.narrow(columns, now, &mut within)?;
        Ok(within)
    }

    /// What the rule reads of a customer. What it reads of a trigger is not among it: that comes with the event.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.root.needs(&mut needs);
        // A count over all time reads no occurrence, but it does read that there were any.
        for need in &mut needs.events {
            if need.keep == Keep::default() {
                need.keep.last = 1;
            }
        }
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

impl Segment for Criteria {
    fn evaluate(&self, who: &dyn Customer, now: Instant) -> Membership {
        self.check(&Facts::new(who, now))
    }

    fn needs(&self) -> Needs {
        Criteria::needs(self)
    }

    fn effect(&self, event: &Key) -> Effect {
        self.root.effect(event)
    }
}

/// By what they ask: where in a document a rule stands does not matter.
impl PartialEq for Criteria {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

/// As [`to_json`](Criteria::to_json) writes it.
impl Serialize for Criteria {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.root.to_json().serialize(to)
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
            "attribute" => AttributeCondition::decode(&object).map(|part| Condition::Attribute(Arc::new(part))),
            "event" => EventCondition::decode(&object).map(|part| Condition::Event(Arc::new(part))),
            "sequence" => Sequence::decode(&object).map(|part| Condition::Sequence(Arc::new(part))),
            "lifecycle" | "buyer_stage" | "affinity" | "lifetime_value" | "orders" | "average_order" | "rfm"
            | "best_hour" | "learned_channel" | "device" => {
                FigureCondition::decode(kind, &object).map(|part| Condition::Figure(Arc::new(part)))
            }
            "trigger" => {
                node.object(&[kind]).and(Filter::decode(&field)).map(|filter| Condition::Trigger(Arc::new(filter)))
            }
            _ => {
                let person = PersonCondition::decode(kind, &object)?;
                if let PersonCondition::Segment(id) = &person {
                    references.push((id.clone(), field.path().into()));
                }
                Some(Condition::Person(person))
            }
        }
    }

    fn to_json(&self) -> Json {
        let mut out = Map::new();
        let mut put = |name: &str, value: Json| drop(out.insert(name.to_owned(), value));
        match self {
            Condition::All(parts) => put("all", parts.iter().map(Condition::to_json).collect()),
            Condition::Any(parts) => put("any", parts.iter().map(Condition::to_json).collect()),
            Condition::Not(part) => put("not", part.to_json()),
            Condition::Trigger(filter) => put("trigger", filter.written()),
            Condition::Attribute(attribute) => attribute.write(&mut out),
            Condition::Event(event) => event.write(&mut out),
            Condition::Sequence(sequence) => sequence.write(&mut out),
            Condition::Person(person) => person.write(&mut out),
            Condition::Figure(figure) => figure.write(&mut out),
        }
        out.into()
    }

    fn effect(&self, event: &Key) -> Effect {
        match self {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().fold(Effect::None, |effect, part| effect.and(part.effect(event)))
            }
            Condition::Not(part) => !part.effect(event),
            Condition::Event(condition) => condition.effect(event),
            Condition::Sequence(sequence) => sequence.effect(event),
            // What else an event changes of a customer is found by other ways than its name.
            Condition::Attribute(_) | Condition::Person(_) | Condition::Figure(_) | Condition::Trigger(_) => {
                Effect::None
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
            Condition::Figure(figure) => figure.needs(needs),
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
impl fmt::Display for Criteria {
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
            Condition::Figure(figure) => fmt::Display::fmt(figure, f),
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

#[cfg(test)]
mod tests {
    use super::super::trial::{customer, day, faults, fields, rule};
    use super::*;
    use serde_json::{Value as Json, json};

    #[test]
    fn promise_6_1_all_faults_are_reported_at_once_with_their_places() {
        let found = faults(json!({"all": [
            {"event": "A", "within": "0d"},
            {"not": {"atribute": "age"}},
            {"any": []},
            {"segment": "x", "identified": true},
            {"segment": "x", "where": {}},
            7,
        ]}));
        let lines: Vec<&str> = found.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "6 faults",
                "$.all[0].within: expected a length of time above zero",
                "$.all[1].not: no condition is named; did you mean `attribute`?",
                "$.all[2].any: never holds: expected at least one condition",
                "$.all[3]: `segment` and `identified` are two conditions; combine them with `all`",
                "$.all[4].where: unknown field; known here: segment",
                "$.all[5]: expected an object, found a number",
            ]
        );
        assert!(Criteria::from_json("{").unwrap_err().to_string().contains("$: not JSON"));
    }

    #[test]
    fn a_rule_may_be_nested_32_deep_and_no_deeper() {
        let nested = |depth: usize| (1..depth).fold(json!({"identified": true}), |inner, _| json!({"not": inner}));
        assert!(Criteria::from_json(&nested(32).to_string()).is_ok());
        assert!(faults(nested(33)).contains("nested more than 32 deep"));
    }

    #[test]
    fn promise_6_4_the_triggering_event_is_seen_where_there_is_one() {
        let who = customer(&[], &Needs::default());
        let (now, order) = (day(1), fields(&json!({"total": 80})));
        let big = rule(json!({"trigger": {"total": {"at_least": 50}}}));
        assert!(big.check(&Facts::new(&who, now).with_trigger(&order)).inside);
        assert!(!big.evaluate(&who, now).inside);
        assert!(big.reads_trigger() && big.needs() == Needs::default());
    }

    #[test]
    fn a_rule_says_what_it_reads() {
        let seen = |json: Json| rule(json).reads_seen();
        assert!(seen(json!({"not": {"all": [{"last_seen": {"older_than": "1d"}}]}})));
        assert!(!seen(json!({"identified": true})) && rule(json!({"any": [{"identified": true}]})).reads_identified());
        let needs =
            rule(json!({"all": [{"attribute": "a.b", "equals": 1}, {"segment": "x"}, {"reachable": "sms"}]})).needs();
        assert_eq!((needs.attributes, needs.segments, needs.reachability), (vec!["a".into()], vec!["x".into()], true));
    }
}
