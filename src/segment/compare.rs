//! Comparisons of one value, and ranges of numbers and lengths of time.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Bound, RangeBounds};

use serde_json::Value as Json;

use super::path::Path;
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
enum Operator {
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
    fn holds(&self, value: ValueRef<'_>, trigger: Option<&Fields>) -> bool {
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

fn pair<T>(node: &Node<'_>, read: impl Fn(&Node<'_>) -> Option<T>) -> Option<[T; 2]> {
    match &*node.list()? {
        [low, high] => match (read(low), read(high)) {
            (Some(low), Some(high)) => Some([low, high]),
            _ => None,
        },
        _ => {
            node.fault("expected a list of two: the smallest and the largest that hold");
            None
        }
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

/// From here to there: `at_least`, `at_most`, `above`, `below`, `between` or `equals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range<T> {
    pub(super) low: Bound<T>,
    pub(super) high: Bound<T>,
}

impl Range<()> {
    /// The operators of a range, as definitions write them; `exactly` is `equals` for those who count.
    pub(super) const OPERATORS: [&'static str; 7] =
        ["equals", "exactly", "above", "below", "at_least", "at_most", "between"];
}

impl<T: PartialOrd + Copy> Range<T> {
    pub(super) fn contains(&self, value: T) -> bool {
        (self.low, self.high).contains(&value)
    }

    /// From the operators among the fields of an object, each limit read by `read`.
    pub(super) fn decode(object: &Object<'_>, read: impl Fn(&Node<'_>) -> Option<T>) -> Option<Range<T>> {
        let limit = |name: &str| object.get(name).map(|node| read(&node));
        let mut lows: Vec<Option<Bound<T>>> = Vec::new();
        let mut highs: Vec<Option<Bound<T>>> = Vec::new();
        for name in ["equals", "exactly"] {
            if let Some(value) = limit(name) {
                lows.push(value.map(Bound::Included));
                highs.push(value.map(Bound::Included));
            }
        }
        if let Some(node) = object.get("between") {
            let both = pair(&node, &read);
            lows.push(both.map(|[low, _]| Bound::Included(low)));
            highs.push(both.map(|[_, high]| Bound::Included(high)));
        }
        lows.extend(limit("at_least").map(|value| value.map(Bound::Included)));
        lows.extend(limit("above").map(|value| value.map(Bound::Excluded)));
        highs.extend(limit("at_most").map(|value| value.map(Bound::Included)));
        highs.extend(limit("below").map(|value| value.map(Bound::Excluded)));
        if lows.is_empty() && highs.is_empty() {
            object.node().fault(format!("expected a limit: {}", Range::OPERATORS.join(", ")));
            return None;
        }
        if lows.len() > 1 || highs.len() > 1 {
            object.node().fault("two limits on one side; keep the narrower one");
            return None;
        }
        let low = lows.pop().unwrap_or(Some(Bound::Unbounded));
        let high = highs.pop().unwrap_or(Some(Bound::Unbounded));
        let range = Range { low: low?, high: high? };
        if range.is_never() {
            object.node().fault("never holds: the lower limit is above the upper one");
            return None;
        }
        Some(range)
    }

    fn is_never(&self) -> bool {
        match (self.low, self.high) {
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => low >= high,
            _ => false,
        }
    }
}

impl<T: fmt::Display + PartialEq> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.low, &self.high) {
            (Bound::Included(low), Bound::Included(high)) if low == high => return write!(f, "exactly {low}"),
            (Bound::Included(low), Bound::Included(high)) => return write!(f, "between {low} and {high}"),
            _ => {}
        }
        match &self.low {
            Bound::Included(low) => write!(f, "at least {low}")?,
            Bound::Excluded(low) => write!(f, "above {low}")?,
            Bound::Unbounded => {}
        }
        if !matches!(self.low, Bound::Unbounded) && !matches!(self.high, Bound::Unbounded) {
            f.write_str(" and ")?;
        }
        match &self.high {
            Bound::Included(high) => write!(f, "at most {high}"),
            Bound::Excluded(high) => write!(f, "below {high}"),
            Bound::Unbounded => Ok(()),
        }
    }
}
