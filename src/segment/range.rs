//! Ranges of counts, numbers and lengths of time.

use std::fmt;
use std::ops::{Bound, RangeBounds};

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use crate::primitives::Value;
use crate::primitives::fault::{Node, Object};

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

    /// The operators that say this range, each limit written by `limit`.
    pub(super) fn write(&self, out: &mut Map<String, Json>, limit: impl Fn(T) -> Json) {
        let mut put = |name: &str, value: Json| out.insert(name.to_owned(), value);
        if let (Bound::Included(low), Bound::Included(high)) = (self.low, self.high) {
            if low == high {
                put("equals", limit(low))
            } else {
                put("between", json!([limit(low), limit(high)]))
            };
            return;
        }
        match self.low {
            Bound::Included(low) => drop(put("at_least", limit(low))),
            Bound::Excluded(low) => drop(put("above", limit(low))),
            Bound::Unbounded => {}
        }
        match self.high {
            Bound::Included(high) => drop(put("at_most", limit(high))),
            Bound::Excluded(high) => drop(put("below", limit(high))),
            Bound::Unbounded => {}
        }
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

/// A number as JSON where that holds it exactly, else as text, which is read as the same number.
pub(super) fn number(number: Decimal) -> Json {
    exact(&Value::from(number)).unwrap_or_else(|| number.to_string().into())
}

/// A true or false, a number or text as JSON; `None` of a number of more digits than a number of JSON keeps.
pub(super) fn exact(value: &Value) -> Option<Json> {
    match value {
        Value::Bool(b) => Some((*b).into()),
        Value::Int(n) => Some((*n).into()),
        Value::Text(text) => Some((&**text).into()),
        Value::Decimal(number) => {
            let json: Json = serde_json::from_str(&number.normalize().to_string()).ok()?;
            (Value::from_json(&json).as_ref() == Some(value)).then_some(json)
        }
        Value::List(_) | Value::Map(_) => None,
    }
}

/// A list of two.
pub(super) fn pair<T>(node: &Node<'_>, read: impl Fn(&Node<'_>) -> Option<T>) -> Option<[T; 2]> {
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
