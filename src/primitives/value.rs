//! Values of attributes and event properties.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{Instant, Key};

/// A value of an attribute or of an event's property. What JSON calls `null` is the absence of a value.
///
/// Numbers are exact: integers where they fit, decimals elsewhere; a number is never a float. `Debug` shows the type
/// only, because values may be personal (promise 2.5).
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number of up to 28 digits.
    Decimal(Decimal),
    /// Text.
    Text(Arc<str>),
    /// Values in order.
    List(Box<[Value]>),
    /// Named values.
    Map(Box<Fields>),
}

impl Value {
    /// The same as a [key text](ValueRef::to_key_text), shared with the value where it is text.
    pub(crate) fn to_shared_key_text(&self) -> Option<Arc<str>> {
        match self {
            Value::Text(text) => Some(text.clone()),
            value => value.as_ref().to_key_text().map(Arc::from),
        }
    }

    /// Text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Value::Text(text.into())
    }

    /// Borrows the value.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Bool(b) => ValueRef::Bool(*b),
            Value::Int(n) => ValueRef::Int(*n),
            Value::Decimal(n) => ValueRef::Decimal(*n),
            Value::Text(text) => ValueRef::Text(text),
            Value::List(list) => ValueRef::List(list),
            Value::Map(map) => ValueRef::Map(map),
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// From a JSON value; `null` is `None`.
    pub(crate) fn from_json(json: &serde_json::Value) -> Option<Value> {
        Some(match json {
            serde_json::Value::Null => return None,
            serde_json::Value::Bool(b) => Value::Bool(*b),
            serde_json::Value::Number(number) => number_from_json(number),
            serde_json::Value::String(text) => Value::Text(text.as_str().into()),
            serde_json::Value::Array(list) => Value::List(list.iter().filter_map(Value::from_json).collect()),
            serde_json::Value::Object(map) => Value::Map(Box::new(Fields::from_json(map))),
        })
    }
}

fn number_from_json(number: &serde_json::Number) -> Value {
    if let Some(n) = number.as_i64() {
        return Value::Int(n);
    }
    let text = number.to_string();
    let decimal = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text));
    match decimal {
        Ok(decimal) => decimal_value(decimal),
        // Beyond 28 digits: kept as it was written rather than rounded.
        Err(_) => Value::Text(text.into()),
    }
}

fn decimal_value(decimal: Decimal) -> Value {
    match decimal.to_i64() {
        Some(n) if decimal.fract().is_zero() => Value::Int(n),
        _ => Value::Decimal(decimal),
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Int(n)
    }
}

impl From<Decimal> for Value {
    fn from(n: Decimal) -> Self {
        decimal_value(n)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_ref(), f)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(to)
    }
}

/// A borrowed [`Value`]: what a host's own customer type hands out without copying.
#[derive(Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Decimal(Decimal),
    /// Text.
    Text(&'a str),
    /// Values in order.
    List(&'a [Value]),
    /// Named values.
    Map(&'a Fields),
}

impl<'a> ValueRef<'a> {
    /// The number, if it is one.
    pub fn as_decimal(self) -> Option<Decimal> {
        match self {
            ValueRef::Int(n) => Some(Decimal::from(n)),
            ValueRef::Decimal(n) => Some(n),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            ValueRef::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The time that a text expresses, if it does.
    pub fn as_instant(self) -> Option<Instant> {
        self.as_str()?.parse().ok()
    }

    /// Owns the value.
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Bool(b) => Value::Bool(b),
            ValueRef::Int(n) => Value::Int(n),
            ValueRef::Decimal(n) => Value::Decimal(n),
            ValueRef::Text(text) => Value::Text(text.into()),
            ValueRef::List(list) => Value::List(list.into()),
            ValueRef::Map(map) => Value::Map(Box::new(map.clone())),
        }
    }

    /// Whether both are the same value: numbers by value (`1` is `1.0`), everything else by type and content.
    pub fn same(self, other: ValueRef<'_>) -> bool {
        match (self, other) {
            (ValueRef::Int(a), ValueRef::Int(b)) => a == b,
            (ValueRef::Text(a), ValueRef::Text(b)) => a == b,
            (ValueRef::Bool(a), ValueRef::Bool(b)) => a == b,
            (ValueRef::List(a), ValueRef::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.as_ref().same(b.as_ref()))
            }
            (ValueRef::Map(a), ValueRef::Map(b)) => a == b,
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }

    /// The order of two numbers or two texts; `None` between values that have no order (promise 5.1).
    pub fn order(self, other: ValueRef<'_>) -> Option<Ordering> {
        match (self, other) {
            (ValueRef::Int(a), ValueRef::Int(b)) => Some(a.cmp(&b)),
            (ValueRef::Text(a), ValueRef::Text(b)) => Some(a.cmp(b)),
            _ => Some(self.as_decimal()?.cmp(&other.as_decimal()?)),
        }
    }

    /// A short text of a scalar, for run keys and content keys: numbers without trailing zeros, text as it is.
    pub(crate) fn to_key_text(self) -> Option<Cow<'a, str>> {
        Some(match self {
            ValueRef::Bool(b) => b.to_string().into(),
            ValueRef::Int(n) => n.to_string().into(),
            ValueRef::Decimal(n) => n.normalize().to_string().into(),
            ValueRef::Text(text) => text.into(),
            ValueRef::List(_) | ValueRef::Map(_) => return None,
        })
    }
}

impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValueRef::Bool(_) => "<bool>",
            ValueRef::Int(_) | ValueRef::Decimal(_) => "<number>",
            ValueRef::Text(_) => "<text>",
            ValueRef::List(_) => "<list>",
            ValueRef::Map(_) => "<map>",
        })
    }
}

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            ValueRef::Bool(b) => to.serialize_bool(*b),
            ValueRef::Int(n) => to.serialize_i64(*n),
            // As the nearest float's shortest text, which is what JSON readers make of a decimal anyway.
            ValueRef::Decimal(n) => to.serialize_f64(n.to_f64().unwrap_or(f64::MAX)),
            ValueRef::Text(text) => to.serialize_str(text),
            ValueRef::List(list) => {
                let mut seq = to.serialize_seq(Some(list.len()))?;
                for value in *list {
                    seq.serialize_element(value)?;
                }
                seq.end()
            }
            ValueRef::Map(map) => map.serialize(to),
        }
    }
}

/// Named values, looked up by the stable hash of the name.
#[derive(Clone, Default, PartialEq)]
pub struct Fields(Vec<(Key, Value)>);

impl Fields {
    /// No fields.
    pub const fn new() -> Self {
        Fields(Vec::new())
    }

    /// The value under a name.
    pub fn get(&self, key: &Key) -> Option<&Value> {
        self.position(key.hash()).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    /// The value under a name given as text.
    pub fn get_str(&self, name: &str) -> Option<&Value> {
        self.position(Key::hash_of(name)).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    /// Those under these names.
    pub(crate) fn only(&self, names: &[Key]) -> Fields {
        let mut fields = Vec::with_capacity(names.len());
        fields.extend(names.iter().filter_map(|key| Some((key.clone(), self.get(key)?.clone()))));
        fields.into_iter().collect()
    }

    /// Sets a value and returns the one it replaces.
    pub fn insert(&mut self, key: Key, value: Value) -> Option<Value> {
        match self.position(key.hash()) {
            Ok(at) => self.0.get_mut(at).map(|slot| std::mem::replace(&mut slot.1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Removes a value.
    pub fn remove(&mut self, key: &Key) -> Option<Value> {
        self.position(key.hash()).ok().map(|at| self.0.remove(at).1)
    }

    /// The names and values, in the order of the names' hashes.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at a path of names, through nested maps.
    pub fn at<'a>(&'a self, path: &[Key]) -> Option<&'a Value> {
        let (first, rest) = path.split_first()?;
        let value = self.get(first)?;
        if rest.is_empty() {
            return Some(value);
        }
        match value {
            Value::Map(map) => map.at(rest),
            _ => None,
        }
    }

    pub(crate) fn from_json(map: &serde_json::Map<String, serde_json::Value>) -> Self {
        map.iter().filter_map(|(name, json)| Some((Key::new(name.as_str()), Value::from_json(json)?))).collect()
    }

    fn position(&self, hash: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&hash, |(key, _)| key.hash())
    }
}

impl FromIterator<(Key, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (Key, Value)>>(items: I) -> Self {
        let mut fields: Vec<_> = items.into_iter().collect();
        fields.sort_by_key(|(key, _)| key.hash());
        fields.dedup_by(|a, b| a.0 == b.0);
        fields.shrink_to_fit();
        Fields(fields)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Fields {
    /// In the order of the names, so that equal fields give equal text.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        let mut map = to.serialize_map(Some(sorted.len()))?;
        for (key, value) in sorted {
            map.serialize_entry(key.as_str(), value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        Value::from_json(&serde_json::from_str(json).unwrap()).unwrap()
    }

    #[test]
    fn numbers_are_exact_and_compare_by_value() {
        assert_eq!(value("139.12"), Value::Decimal("139.12".parse().unwrap()));
        assert!(value("1.0").as_ref().same(value("1").as_ref()));
        assert_eq!(value("2.5").as_ref().order(value("2").as_ref()), Some(Ordering::Greater));
        assert_eq!(value("1e3"), Value::Int(1000));
        assert!(matches!(value("1e300"), Value::Text(_)));
        assert_eq!(value("1").as_ref().order(value("\"1\"").as_ref()), None);
    }

    #[test]
    fn fields_find_nested_values_and_forget_null() {
        let Value::Map(fields) = value(r#"{"a": {"b": 1}, "gone": null}"#) else { unreachable!() };
        assert_eq!(fields.at(&["a".into(), "b".into()]), Some(&Value::Int(1)));
        assert_eq!((fields.len(), fields.get_str("gone")), (1, None));
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", value(r#"{"email": "anna@example.com"}"#)), r#"<map>"#);
    }
}
