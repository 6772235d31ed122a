//! Conditions on an attribute.

use serde_json::{Map, Value as Json, json};

use super::limits::{self, Age, Limits, Test};
use super::{CriteriaBuilder, put};
use crate::primitives::{Span, Value};

/// A condition on an attribute, without what is asked of it.
#[derive(Debug, Clone)]
#[must_use]
pub struct AttributeWords(Map<String, Json>);

/// An attribute; a dotted path leads into it.
pub fn attribute(path: &str) -> AttributeWords {
    AttributeWords(Map::from_iter([("attribute".to_owned(), path.into())]))
}

impl AttributeWords {
    /// Its value is this.
    pub fn equals(self, value: impl Into<Value>) -> CriteriaBuilder {
        self.is(limits::equals(value.into()))
    }

    /// Its value is not this, or there is none.
    pub fn not_equals(self, value: impl Into<Value>) -> CriteriaBuilder {
        self.is(limits::not_equals(value))
    }

    /// Its value is more.
    pub fn above(self, limit: impl Into<Value>) -> CriteriaBuilder {
        self.is(limits::above(limit.into()))
    }

    /// Its value is less.
    pub fn below(self, limit: impl Into<Value>) -> CriteriaBuilder {
        self.is(limits::below(limit.into()))
    }

    /// Its value is this or more.
    pub fn at_least(self, limit: impl Into<Value>) -> CriteriaBuilder {
        self.is(limits::at_least(limit.into()))
    }

    /// Its value is this or less.
    pub fn at_most(self, limit: impl Into<Value>) -> CriteriaBuilder {
        self.is(limits::at_most(limit.into()))
    }

    /// Its value lies between these, both included.
    pub fn between(self, low: impl Into<Value>, high: impl Into<Value>) -> CriteriaBuilder {
        let both: Limits<Value> = limits::between(low.into(), high.into());
        self.is(both)
    }

    /// Its value is one of these.
    pub fn one_of<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> CriteriaBuilder {
        self.is(limits::one_of(values))
    }

    /// Its value is none of these, or there is none.
    pub fn none_of<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> CriteriaBuilder {
        self.is(limits::none_of(values))
    }

    /// Its value is a text with this part, or a list with this member.
    pub fn contains(self, part: impl Into<Value>) -> CriteriaBuilder {
        self.is(limits::contains(part))
    }

    /// Its value is a text that begins so.
    pub fn starts_with(self, part: &str) -> CriteriaBuilder {
        self.is(limits::starts_with(part))
    }

    /// Its value is a text that ends so.
    pub fn ends_with(self, part: &str) -> CriteriaBuilder {
        self.is(limits::ends_with(part))
    }

    /// There is a value.
    pub fn exists(self) -> CriteriaBuilder {
        self.is(limits::exists())
    }

    /// There is no value.
    pub fn is_missing(self) -> CriteriaBuilder {
        self.is(limits::is_missing())
    }

    /// Its value passes a test.
    pub fn is(mut self, test: impl Into<Test>) -> CriteriaBuilder {
        self.0.extend(test.into().0);
        CriteriaBuilder::from_fields(self.0)
    }

    /// Its value passes a test, and has not changed for a time: `has_been(equals("gold")).for_at_least(days(7))`. Setting the
    /// same value again is no change.
    pub fn has_been(mut self, test: impl Into<Test>) -> LastingWords {
        self.0.extend(test.into().0);
        LastingWords(self.0)
    }

    /// Its value is a date that stands so to now.
    pub fn date(self, when: impl Into<When>) -> CriteriaBuilder {
        CriteriaBuilder::from_fields(self.dated(when).0)
    }

    /// The same, to go on with what its value is besides.
    pub fn dated(mut self, when: impl Into<When>) -> Self {
        put(&mut self.0, "date", when.into().0.into());
        self
    }
}

/// A condition on what an attribute has been, without for how long.
#[derive(Debug, Clone)]
#[must_use]
pub struct LastingWords(Map<String, Json>);

impl LastingWords {
    /// For so long or longer.
    pub fn for_at_least(mut self, span: Span) -> CriteriaBuilder {
        put(&mut self.0, "for", json!(span));
        CriteriaBuilder::from_fields(self.0)
    }
}

/// Where a date stands to now: [`in_next`], [`in_last`], [`older_than`](super::older_than), [`has_passed`], [`is_to_come`],
/// [`anniversary_in_next`], [`anniversary_in_last`].
#[derive(Debug, Clone)]
#[must_use]
pub struct When(Map<String, Json>);

impl When {
    /// Both hold: `in_next(days(7)).and(anniversary_in_last(days(1)))`.
    pub fn and(mut self, other: impl Into<When>) -> Self {
        for (name, wanted) in other.into().0 {
            match (self.0.get_mut(&name), wanted) {
                (Some(Json::Object(known)), Json::Object(more)) => {
                    more.into_iter().for_each(|(name, span)| put(known, &name, span));
                }
                (_, wanted) => put(&mut self.0, &name, wanted),
            }
        }
        self
    }

    fn of(name: &str, wanted: Json) -> When {
        When(Map::from_iter([(name.to_owned(), wanted)]))
    }
}

/// A date that is younger than a time lies in the last so long.
impl From<Age> for When {
    fn from(age: Age) -> When {
        let named = |(name, span)| (if name == "younger_than" { "in_last".to_owned() } else { name }, span);
        When(age.0.into_iter().map(named).collect())
    }
}

/// It is in `(now, now + span]`.
pub fn in_next(span: Span) -> When {
    When::of("in_next", json!(span))
}

/// It is in `(now - span, now]`.
pub fn in_last(span: Span) -> When {
    When::of("in_last", json!(span))
}

/// It is now or before.
pub fn has_passed() -> When {
    When::of("before_now", true.into())
}

/// It is after now.
pub fn is_to_come() -> When {
    When::of("before_now", false.into())
}

/// Its next anniversary is in `(now, now + span]`.
pub fn anniversary_in_next(span: Span) -> When {
    When::of("anniversary", json!({"in_next": span}))
}

/// Its latest anniversary is in `(now - span, now]`.
pub fn anniversary_in_last(span: Span) -> When {
    When::of("anniversary", json!({"in_last": span}))
}
