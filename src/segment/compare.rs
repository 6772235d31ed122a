//! Comparisons of one value.

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Value as Json, json};

use super::path::Path;
use super::quick::Quick;
use super::range::{exact, pair};
use crate::primitives::fault::{Node, Object};
use crate::primitives::{Fields, Key, Value, ValueRef};

/// The operators of a [`Comparison`], as definitions write them.
pub(super) const OPERATORS: [&str; 13] = [
    "equals",
    "not_equals",
    "above",
    "below",
    "at_least",
    "at_most",
    "between",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
    "exists",
];

/// One or more tests of one value, all of which must hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comparison(Box<[Test]>);

#[derive(Debug, Clone, PartialEq)]
struct Test {
    operator: Operator,
    /// `not_equals`, `not_in`, `exists: false`: exactly the opposite, so true for a missing value (promise 5.1).
    negated: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operator {
    Equals(Value),
    Above(Value),
    Below(Value),
    AtLeast(Value),
    AtMost(Value),
    Between(Value, Value),
    In(Box<[Value]>),
    Contains(Value),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Exists,
    /// Equals the triggering event's property at this path.
    Trigger(Path),
}

impl Comparison {
    /// Whether the value at the rest of a path holds against all tests; a missing value is `None`.
    pub(super) fn holds(&self, value: Option<ValueRef<'_>>, path: &Path, trigger: Option<&Fields>) -> bool {
        self.0.iter().all(|test| {
            let found = value.is_some_and(|value| path.any_below(value, &mut |v| test.operator.holds(v, trigger)));
            found != test.negated
        })
    }

    /// From a scalar (`equals`), or from an object of operators, or `{"trigger": "path"}`.
    pub(super) fn decode(node: &Node<'_>) -> Option<Comparison> {
        if !matches!(node.json(), Json::Object(_)) {
            return Some(Comparison::of(Operator::Equals(scalar(node)?)));
        }
        let known: Vec<&str> = OPERATORS.into_iter().chain(["trigger"]).collect();
        let object = node.object(&known)?;
        let mut found = Comparison::decode_operators(&object);
        if let Some(path) = object.get("trigger") {
            let test = Test { operator: Operator::Trigger(Path::decode(&path)?), negated: false };
            let mut tests = found?.0.into_vec();
            tests.push(test);
            found = Some(Comparison(tests.into()));
        }
        found.filter(|comparison| {
            if comparison.0.is_empty() {
                node.fault(format!("expected an operator: {}", OPERATORS.join(", ")));
            }
            !comparison.0.is_empty()
        })
    }

    /// From the operators among the fields of an object; there may be none.
    pub(super) fn decode_operators(object: &Object<'_>) -> Option<Comparison> {
        let tests: Vec<Option<Test>> = OPERATORS
            .iter()
            .filter_map(|name| Some((*name, object.get(name)?)))
            .map(|(name, node)| decode_test(name, &node))
            .collect();
        tests.into_iter().collect::<Option<Vec<Test>>>().map(|tests| Comparison(tests.into()))
    }

    /// The operators that say these tests.
    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        out.extend(self.0.iter().map(|test| {
            let (name, wanted) = test.written();
            (name.to_owned(), wanted)
        }));
    }

    /// As a filter writes it: a value that is to be equalled stands by itself.
    pub(super) fn to_json(&self) -> Json {
        if let [Test { operator: Operator::Equals(wanted), negated: false }] = &*self.0 {
            return value(wanted);
        }
        let mut operators = Map::new();
        self.write(&mut operators);
        operators.into()
    }

    /// The only test, if there is one only and it reads nothing but the value.
    pub(super) fn quick(&self, key: &Key) -> Option<Quick> {
        match &*self.0 {
            [Test { operator, negated }] => Quick::of(key, operator, *negated),
            _ => None,
        }
    }

    pub(super) fn reads_trigger(&self) -> bool {
        self.0.iter().any(|test| matches!(test.operator, Operator::Trigger(_)))
    }

    /// The outermost names of the trigger's properties that are compared with.
    pub(super) fn trigger_properties(&self) -> impl Iterator<Item = &Key> {
        self.0.iter().filter_map(|test| match &test.operator {
            Operator::Trigger(path) => Some(path.first()),
            _ => None,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(operator: Operator) -> Comparison {
        Comparison(Box::new([Test { operator, negated: false }]))
    }
}

impl Test {
    /// The name of the operator, and what it compares with.
    fn written(&self) -> (&'static str, Json) {
        let either = |name, opposite| if self.negated { opposite } else { name };
        match &self.operator {
            Operator::Equals(wanted) => (either("equals", "not_equals"), value(wanted)),
            Operator::Above(limit) => ("above", value(limit)),
            Operator::Below(limit) => ("below", value(limit)),
            Operator::AtLeast(limit) => ("at_least", value(limit)),
            Operator::AtMost(limit) => ("at_most", value(limit)),
            Operator::Between(low, high) => ("between", json!([value(low), value(high)])),
            Operator::In(list) => (either("in", "not_in"), list.iter().map(value).collect()),
            Operator::Contains(part) => ("contains", value(part)),
            Operator::StartsWith(part) => ("starts_with", (&**part).into()),
            Operator::EndsWith(part) => ("ends_with", (&**part).into()),
            Operator::Exists => ("exists", (!self.negated).into()),
            Operator::Trigger(path) => ("trigger", path.to_string().into()),
        }
    }
}

/// What was read from JSON is exact in it.
fn value(value: &Value) -> Json {
    exact(value).unwrap_or_default()
}

fn decode_test(name: &str, node: &Node<'_>) -> Option<Test> {
    let operator = match name {
        "equals" | "not_equals" => Operator::Equals(scalar(node)?),
        "above" => Operator::Above(ordered(node)?),
        "below" => Operator::Below(ordered(node)?),
        "at_least" => Operator::AtLeast(ordered(node)?),
        "at_most" => Operator::AtMost(ordered(node)?),
        "between" => {
            let [low, high] = pair(node, ordered)?;
            if !matches!(low.as_ref().order(high.as_ref()), Some(Ordering::Less | Ordering::Equal)) {
                node.fault("never holds: expected two numbers or two texts, the smaller first");
                return None;
            }
            Operator::Between(low, high)
        }
        "in" | "not_in" => {
            let list: Vec<Option<Value>> = node.list()?.iter().map(scalar).collect();
            if list.is_empty() {
                node.fault("expected at least one value");
                return None;
            }
            Operator::In(list.into_iter().collect::<Option<_>>()?)
        }
        "contains" => Operator::Contains(scalar(node)?),
        "starts_with" => Operator::StartsWith(node.text()?.into()),
        "ends_with" => Operator::EndsWith(node.text()?.into()),
        _ => return Some(Test { operator: Operator::Exists, negated: !node.boolean()? }),
    };
    Some(Test { operator, negated: name.starts_with("not_") })
}

impl Operator {
    pub(super) fn holds(&self, value: ValueRef<'_>, trigger: Option<&Fields>) -> bool {
        let order = |other: &Value| value.order(other.as_ref());
        match self {
            Operator::Equals(wanted) => value.same(wanted.as_ref()),
            Operator::Above(limit) => order(limit) == Some(Ordering::Greater),
            Operator::Below(limit) => order(limit) == Some(Ordering::Less),
            Operator::AtLeast(limit) => order(limit).is_some_and(Ordering::is_ge),
            Operator::AtMost(limit) => order(limit).is_some_and(Ordering::is_le),
            Operator::Between(low, high) => {
                order(low).is_some_and(Ordering::is_ge) && order(high).is_some_and(Ordering::is_le)
            }
            Operator::In(list) => list.iter().any(|wanted| value.same(wanted.as_ref())),
            Operator::Contains(part) => match (value, part) {
                (ValueRef::Text(text), Value::Text(part)) => text.contains(&**part),
                (ValueRef::List(list), part) => list.iter().any(|member| member.as_ref().same(part.as_ref())),
                _ => false,
            },
            Operator::StartsWith(part) => value.as_str().is_some_and(|text| text.starts_with(&**part)),
            Operator::EndsWith(part) => value.as_str().is_some_and(|text| text.ends_with(&**part)),
            Operator::Exists => true,
            Operator::Trigger(path) => trigger
                .and_then(|fields| fields.get(path.first()))
                .is_some_and(|known| path.any_below(known.as_ref(), &mut |known| value.same(known))),
        }
    }
}

/// True or false, a number or text.
fn scalar(node: &Node<'_>) -> Option<Value> {
    match node.json() {
        Json::Bool(_) | Json::String(_) => Value::from_json(node.json()),
        Json::Number(_) => match Value::from_json(node.json())? {
            // What has more digits than a number can hold is kept as text, which no number equals.
            Value::Text(_) => node.decimal().map(Value::from),
            number => Some(number),
        },
        _ => {
            node.fault("expected true, false, a number or text");
            None
        }
    }
}

/// A number or text: what has an order.
fn ordered(node: &Node<'_>) -> Option<Value> {
    match node.json() {
        Json::Bool(_) => {
            node.fault("expected a number or text, found a boolean");
            None
        }
        _ => scalar(node),
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, test) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(" and ")?;
            }
            fmt::Display::fmt(test, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is = if self.negated { "is not" } else { "is" };
        match &self.operator {
            Operator::Equals(value) => write!(f, "{is} {}", Shown(value)),
            Operator::Above(value) => write!(f, "is above {}", Shown(value)),
            Operator::Below(value) => write!(f, "is below {}", Shown(value)),
            Operator::AtLeast(value) => write!(f, "is at least {}", Shown(value)),
            Operator::AtMost(value) => write!(f, "is at most {}", Shown(value)),
            Operator::Between(low, high) => write!(f, "is between {} and {}", Shown(low), Shown(high)),
            Operator::In(list) => {
                write!(f, "{is} one of")?;
                list.iter()
                    .enumerate()
                    .try_for_each(|(n, value)| write!(f, "{}{}", if n == 0 { " " } else { ", " }, Shown(value)))
            }
            Operator::Contains(value) => write!(f, "contains {}", Shown(value)),
            Operator::StartsWith(part) => write!(f, "starts with \"{part}\""),
            Operator::EndsWith(part) => write!(f, "ends with \"{part}\""),
            Operator::Exists => f.write_str(if self.negated { "is not known" } else { "is known" }),
            Operator::Trigger(path) => write!(f, "is the trigger's {path}"),
        }
    }
}

/// A value of a definition, which is not personal and may be shown.
struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) => write!(f, "\"{text}\""),
            other => f.write_str(&other.as_ref().to_key_text().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::super::trial::{faults, fields};
    use serde_json::{Value as Json, json};

    fn holds(test: Json, value: Json) -> bool {
        Filter::from_json(&json!({"v": test}).to_string()).unwrap().matches(&fields(&json!({"v": value})), None)
    }

    #[test]
    fn promise_5_2_every_operator_compares_as_it_says() {
        for (test, yes, no) in [
            (json!("a"), json!("a"), json!("b")),
            (json!({"equals": 1}), json!(1.0), json!("1")),
            (json!({"not_equals": true}), json!(false), json!(true)),
            (json!({"above": 2}), json!(2.5), json!(2)),
            (json!({"below": "b"}), json!("a"), json!("b")),
            (json!({"at_least": 18}), json!(18), json!(17.99)),
            (json!({"at_most": 18}), json!(18), json!("7")),
            (json!({"between": [1, 3]}), json!(3), json!(4)),
            (json!({"in": [1, "x"]}), json!("x"), json!("1")),
            (json!({"not_in": [1, "x"]}), json!(2), json!(1)),
            (json!({"contains": "ell"}), json!("hello"), json!("Hallo")),
            (json!({"contains": "red"}), json!(["blue", "red"]), json!(["reddish"])),
            (json!({"starts_with": "ab"}), json!("abc"), json!("cab")),
            (json!({"ends_with": "ab"}), json!("cab"), json!(7)),
            (json!({"exists": true}), json!(0), json!(null)),
            (json!({"exists": false}), json!(null), json!(0)),
            (json!({"at_least": 1, "not_equals": 2}), json!(3), json!(2)),
        ] {
            assert!(holds(test.clone(), yes.clone()), "{test} {yes}");
            assert!(!holds(test.clone(), no.clone()), "{test} {no}");
        }
    }

    #[test]
    fn promise_5_1_a_missing_or_wrongly_typed_value_is_false_and_its_opposite_true() {
        for missing in [json!(null), json!({"x": 1}), json!([1])] {
            for test in [json!(1), json!({"at_least": 0}), json!({"below": 9}), json!({"in": [1, 2]})] {
                assert!(!holds(test.clone(), missing.clone()), "{test} {missing}");
            }
            assert!(holds(json!({"not_equals": 1}), missing.clone()));
            assert!(holds(json!({"not_in": [1, 2]}), missing));
        }
    }

    #[test]
    fn comparisons_that_mean_nothing_are_faults_at_their_place() {
        for (rule, fault) in [
            (json!({"attribute": "a"}), "$: expected `date` or an operator"),
            (json!({"attribute": "a", "equal": 1}), "$.equal: unknown field; did you mean `equals`?"),
            (json!({"attribute": "a", "between": [3, 1]}), "$.between: never holds"),
            (json!({"attribute": "a", "between": [1]}), "$.between: expected a list of two"),
            (json!({"attribute": "a", "in": []}), "$.in: expected at least one value"),
            (json!({"attribute": "a", "above": true}), "$.above: expected a number or text"),
            (json!({"attribute": "a", "equals": [1]}), "$.equals: expected true, false, a number or text"),
            (json!({"attribute": "a..b", "equals": 1}), "$.attribute: expected a name"),
            (json!({"event": "A", "where": {"b": {}}}), "$.where.b: expected an operator"),
            (json!({"event": "A", "count": {"at_least": 3, "at_most": 2}}), "$.count: never holds"),
            (json!({"event": "A", "count": {"at_least": 3, "above": 2}}), "$.count: two limits on one side"),
            (json!({"event": "A", "count": {"below": 0}}), "$.count: never holds"),
            (json!({"event": "A", "count": {}}), "$.count: expected a limit"),
        ] {
            let found = faults(rule);
            assert!(found.contains(fault), "{found}");
        }
    }
}
