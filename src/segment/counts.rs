//! How often: a range of counts.

use std::fmt;
use std::ops::Bound;

use serde_json::{Map, Value as Json};

use super::range::Range;
use crate::primitives::fault::Object;

/// A range of counts, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) low: u64,
    pub(super) high: Option<u64>,
}

impl Counts {
    /// At least one.
    pub(super) const ANY: Counts = Counts { low: 1, high: None };
    /// None at all.
    pub(super) const NONE: Counts = Counts { low: 0, high: Some(0) };

    pub(super) fn decode(object: &Object<'_>) -> Option<Counts> {
        let range = Range::decode(object, |node| node.integer(0..=1_000_000))?;
        let count = |n: i64| u64::try_from(n).ok();
        let low = match range.low {
            Bound::Included(n) => n,
            Bound::Excluded(n) => n + 1,
            Bound::Unbounded => 0,
        };
        let high = match range.high {
            Bound::Included(n) => Some(n),
            Bound::Excluded(n) => Some(n - 1),
            Bound::Unbounded => None,
        };
        if high.is_some_and(|high| high < low) {
            object.node().fault("never holds: no count lies between these limits");
            return None;
        }
        Some(Counts { low: count(low)?, high: high.and_then(count) })
    }

    pub(super) fn write(self, out: &mut Map<String, Json>) {
        let high = self.high.map_or(Bound::Unbounded, Bound::Included);
        // "At most" says that there may be none.
        let low = if self.low == 0 && self.high.is_some_and(|high| high > 0) {
            Bound::Unbounded
        } else {
            Bound::Included(self.low)
        };
        Range { low, high }.write(out, Json::from);
    }

    /// As an adverb: `at least 3 times`, `exactly once`.
    pub(super) fn times(self) -> String {
        match self {
            Counts { low: 1, high: None } => "at least once".to_owned(),
            Counts { low: 0, high: Some(1) } => "at most once".to_owned(),
            Counts { low: 1, high: Some(1) } => "exactly once".to_owned(),
            several => format!("{several} times"),
        }
    }

    pub(super) fn contains(self, n: u64) -> bool {
        n >= self.low && self.high.is_none_or(|high| n <= high)
    }

    /// Whether more cannot change the answer.
    pub(super) fn settled(self, n: u64) -> bool {
        match self.high {
            None => n >= self.low,
            Some(high) => n > high,
        }
    }

    /// How many of the latest occurrences settle the answer.
    pub(super) fn decisive(self) -> u64 {
        self.high.map_or(self.low, |high| high + 1)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Counts { low: 0, high: Some(0) } => f.write_str("no"),
            Counts { low: 0, high: Some(high) } => write!(f, "at most {high}"),
            Counts { low, high: None } => write!(f, "at least {low}"),
            Counts { low, high: Some(high) } if low == high => write!(f, "exactly {low}"),
            Counts { low, high: Some(high) } => write!(f, "between {low} and {high}"),
        }
    }
}
