//! What a value, a figure or an age has to be.

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::super::range::{exact, number};
use super::put;
use crate::primitives::{Span, Value};

/// Where a number, a count or a length of time has to lie.
#[derive(Debug, Clone)]
#[must_use]
pub struct Limits<T>(Vec<(&'static str, Vec<T>)>);

/// It is this.
pub fn equals<T>(value: T) -> Limits<T> {
    Limits(vec![("equals", vec![value])])
}

/// It is more.
pub fn above<T>(limit: T) -> Limits<T> {
    Limits(vec![("above", vec![limit])])
}

/// It is less.
pub fn below<T>(limit: T) -> Limits<T> {
    Limits(vec![("below", vec![limit])])
}

/// It is this or more.
pub fn at_least<T>(limit: T) -> Limits<T> {
    Limits(vec![("at_least", vec![limit])])
}

/// It is this or less.
pub fn at_most<T>(limit: T) -> Limits<T> {
    Limits(vec![("at_most", vec![limit])])
}

/// It lies between these, both included.
pub fn between<T>(low: T, high: T) -> Limits<T> {
    Limits(vec![("between", vec![low, high])])
}

impl<T> Limits<T> {
    /// Both hold: `above(5).and(below(10))`.
    pub fn and(mut self, other: Limits<T>) -> Self {
        self.0.extend(other.0);
        self
    }

    fn written(self, limit: impl Fn(T) -> Json) -> Map<String, Json> {
        let mut fields = Map::new();
        for (name, limits) in self.0 {
            let mut limits: Vec<Json> = limits.into_iter().map(&limit).collect();
            let value = if limits.len() == 1 { limits.pop().unwrap_or_default() } else { Json::Array(limits) };
            put(&mut fields, name, value);
        }
        fields
    }

    pub(super) fn numbers(self) -> Map<String, Json>
    where
        T: Into<Decimal>,
    {
        self.written(|limit| number(limit.into()))
    }
}

impl Limits<u32> {
    pub(super) fn counts(self) -> Map<String, Json> {
        self.written(Json::from)
    }
}

impl Limits<Span> {
    pub(super) fn spans(self) -> Map<String, Json> {
        self.written(|span| json!(span))
    }
}

/// What the value of an attribute or of a property has to be. A missing or wrongly typed value passes none but those that say
/// the opposite: [`not_equals`], [`none_of`], [`is_missing`] (promise 5.1).
#[derive(Debug, Clone)]
#[must_use]
pub struct Test(pub(super) Map<String, Json>);

impl<T: Into<Value>> From<Limits<T>> for Test {
    fn from(limits: Limits<T>) -> Test {
        Test(limits.written(|limit| scalar(&limit.into())))
    }
}

impl Test {
    /// Both hold: `starts_with("A").and(not_equals("ABC"))`.
    pub fn and(mut self, other: impl Into<Test>) -> Self {
        for (name, wanted) in other.into().0 {
            put(&mut self.0, &name, wanted);
        }
        self
    }

    fn of(name: &str, wanted: Json) -> Test {
        Test(Map::from_iter([(name.to_owned(), wanted)]))
    }
}

/// It is not this, or there is none.
pub fn not_equals(value: impl Into<Value>) -> Test {
    Test::of("not_equals", scalar(&value.into()))
}

/// It is one of these.
pub fn one_of<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Test {
    Test::of("in", values.into_iter().map(|value| scalar(&value.into())).collect())
}

/// It is none of these, or there is none.
pub fn none_of<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Test {
    Test::of("not_in", values.into_iter().map(|value| scalar(&value.into())).collect())
}

/// It is a text with this part, or a list with this member.
pub fn contains(part: impl Into<Value>) -> Test {
    Test::of("contains", scalar(&part.into()))
}

/// It is a text that begins so.
pub fn starts_with(part: &str) -> Test {
    Test::of("starts_with", part.into())
}

/// It is a text that ends so.
pub fn ends_with(part: &str) -> Test {
    Test::of("ends_with", part.into())
}

/// There is one.
pub fn exists() -> Test {
    Test::of("exists", true.into())
}

/// There is none.
pub fn is_missing() -> Test {
    Test::of("exists", false.into())
}

/// A number of more digits than JSON keeps becomes an object of its text, which no comparison takes: a fault, where rounding
/// would change the rule.
fn scalar(value: &Value) -> Json {
    exact(value).unwrap_or_else(|| match value {
        Value::Decimal(number) => json!({"number": number.to_string()}),
        other => json!({"value": format!("{other:?}")}),
    })
}

/// How long ago something was.
#[derive(Debug, Clone)]
#[must_use]
pub struct Age(pub(super) Map<String, Json>);

/// It was so long ago or longer.
pub fn older_than(span: Span) -> Age {
    Age(Map::from_iter([("older_than".to_owned(), json!(span))]))
}

/// It was less than so long ago.
pub fn younger_than(span: Span) -> Age {
    Age(Map::from_iter([("younger_than".to_owned(), json!(span))]))
}

impl Age {
    /// Both hold: `older_than(days(7)).and(younger_than(days(30)))`.
    pub fn and(mut self, other: Age) -> Self {
        for (name, span) in other.0 {
            put(&mut self.0, &name, span);
        }
        self
    }
}
