//! The words in which a rule is said in Rust: every condition that JSON can say, so that it reads like its sentence.
//!
//! ```
//! use throughline::Criteria;
//! use throughline::words::{attribute, days, event, in_segment, not};
//!
//! let loyal = Criteria::all([
//!     event("Order Completed").within(days(30)).at_least(3),
//!     attribute("city").equals("Berlin"),
//!     not(in_segment("staff")),
//! ])
//! .build()?;
//! assert_eq!(loyal, Criteria::from_json(r#"{"all": [
//!     {"event": "Order Completed", "within": "30d", "count": {"at_least": 3}},
//!     {"attribute": "city", "equals": "Berlin"},
//!     {"not": {"segment": "staff"}}
//! ]}"#)?);
//! # Ok::<(), throughline::Faults>(())
//! ```
//!
//! A condition first narrows what it looks at ([`within`](EventWords::within), [`with`](EventWords::with), ..) and then says
//! what it asks of that ([`at_least`](EventWords::at_least), [`equals`](AttributeWords::equals), ..), which makes it a
//! [`CriteriaBuilder`]. What it says is checked when it is [built](CriteriaBuilder::build), and all that is wrong is told at
//! once, at the paths that the rule has as JSON.

mod attribute;
mod event;
mod figure;
mod learned;
mod limits;
mod person;

use serde_json::{Map, Value as Json, json};

pub use attribute::{
    AttributeWords, LastingWords, When, anniversary_in_last, anniversary_in_next, attribute, has_passed, in_last,
    in_next, is_to_come,
};
pub use event::{EventWords, SequenceWords, StepWords, TriggerWords, event, sequence, step, trigger};
pub use figure::{
    LikingWords, RfmWords, SpendingWords, average_order, buyer_stage, gross, lifecycle, lifetime_value, likes_brand,
    likes_category, orders, rfm,
};
pub use learned::{BestHourWords, DeviceWords, LearnedChannelWords, best_hour, device, learned_channel};
pub use limits::{
    Age, Limits, Test, above, at_least, at_most, below, between, contains, ends_with, equals, exists, is_missing,
    none_of, not_equals, older_than, one_of, starts_with, younger_than,
};
pub use person::{
    consent_is, consented, consented_on, engaged, engaged_within, first_seen, identified, in_bucket, in_segment,
    last_seen, not_identified, prefers, reachable, reachable_on,
};

use super::Criteria;
use super::criteria::DEEPEST;
use crate::primitives::fault::{FaultSink, Node};
use crate::primitives::{Faults, Span};

/// A rule that is said and not yet checked.
#[derive(Debug, Clone)]
#[must_use = "a rule is checked and compiled by `build`"]
pub struct CriteriaBuilder {
    json: Json,
    /// How deeply conditions are nested in it.
    depth: usize,
}

impl CriteriaBuilder {
    /// Checks and compiles the rule. Conditions on stages take the usual thresholds; for those of a playbook, and for RFM, give
    /// the rule to [`PlaybookBuilder::with_criteria`](crate::PlaybookBuilder::with_criteria).
    ///
    /// # Errors
    /// All faults at once, each with the path that it has in the rule's [JSON](Self::to_json).
    ///
    /// ```
    /// use throughline::words::{any, days, event, in_bucket};
    /// let faults = any([event("A").within(days(0)).never(), in_bucket("x", 7..7)]).build().unwrap_err();
    /// let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    /// assert_eq!(paths, ["$.any[0].within", "$.any[1].bucket"]);
    /// ```
    pub fn build(self) -> Result<Criteria, Faults> {
        let sink = FaultSink::default();
        let rule = Criteria::decode(&Node::root(&self.json, &sink));
        match rule {
            Some(rule) if sink.is_empty() => Ok(rule),
            _ => Err(sink.into_faults()),
        }
    }

    /// The same rule as JSON, whether it has faults or not.
    pub fn to_json(&self) -> String {
        self.json.to_string()
    }

    pub(crate) fn into_json(self) -> Json {
        self.json
    }

    fn of(name: &str, value: impl Into<Json>) -> CriteriaBuilder {
        let fields = Map::from_iter([(name.to_owned(), value.into())]);
        CriteriaBuilder { json: fields.into(), depth: 1 }
    }

    fn from_fields(fields: Map<String, Json>) -> CriteriaBuilder {
        CriteriaBuilder { json: fields.into(), depth: 1 }
    }

    fn list<C: Into<CriteriaBuilder>>(name: &str, parts: impl IntoIterator<Item = C>) -> CriteriaBuilder {
        let parts: Vec<CriteriaBuilder> = parts.into_iter().map(Into::into).collect();
        let depth = parts.iter().map(|part| part.depth).max().unwrap_or(0) + 1;
        CriteriaBuilder { json: json!({name: parts.into_iter().map(|part| part.json).collect::<Vec<_>>()}), depth }
            .bounded()
    }

    /// What is nested too deeply is refused however deep it is; without this bound a generated rule could exhaust the stack.
    fn bounded(mut self) -> CriteriaBuilder {
        if self.depth > 2 * DEEPEST {
            let inner = self.json.as_object_mut().and_then(|fields| fields.values_mut().next()).map(Json::take);
            let deepest = match inner {
                Some(Json::Array(list)) => list.into_iter().max_by_key(depth_of),
                inner => inner,
            };
            return CriteriaBuilder { json: deepest.unwrap_or_default(), depth: self.depth - 1 };
        }
        self
    }
}

/// How deeply conditions are nested in the JSON of a builder.
fn depth_of(rule: &Json) -> usize {
    let inner = |name: &str| match rule.get(name) {
        Some(Json::Array(list)) => list.iter().map(depth_of).max(),
        Some(part) => Some(depth_of(part)),
        None => None,
    };
    1 + ["all", "any", "not"].into_iter().filter_map(inner).max().unwrap_or(0)
}

impl Criteria {
    /// Everyone of whom all of these hold.
    pub fn all<C: Into<CriteriaBuilder>>(parts: impl IntoIterator<Item = C>) -> CriteriaBuilder {
        all(parts)
    }

    /// Everyone of whom any of these holds.
    pub fn any<C: Into<CriteriaBuilder>>(parts: impl IntoIterator<Item = C>) -> CriteriaBuilder {
        any(parts)
    }
}

/// All of these hold.
pub fn all<C: Into<CriteriaBuilder>>(parts: impl IntoIterator<Item = C>) -> CriteriaBuilder {
    CriteriaBuilder::list("all", parts)
}

/// Any of these holds.
pub fn any<C: Into<CriteriaBuilder>>(parts: impl IntoIterator<Item = C>) -> CriteriaBuilder {
    CriteriaBuilder::list("any", parts)
}

/// This does not hold.
pub fn not(part: impl Into<CriteriaBuilder>) -> CriteriaBuilder {
    let CriteriaBuilder { json, depth } = part.into();
    CriteriaBuilder { json: json!({"not": json}), depth: depth + 1 }.bounded()
}

/// It always holds.
pub fn everyone() -> CriteriaBuilder {
    CriteriaBuilder::of("all", Vec::<Json>::new())
}

/// So many times 24 hours.
pub const fn days(n: i64) -> Span {
    Span::days(n)
}

/// So many hours.
pub const fn hours(n: i64) -> Span {
    Span::hours(n)
}

/// So many minutes.
pub const fn minutes(n: i64) -> Span {
    Span::minutes(n)
}

/// Adds a field. One that is said twice becomes a list of both, which no field takes: a fault, and nothing is lost silently.
fn put(fields: &mut Map<String, Json>, name: &str, value: Json) {
    let both = match fields.remove(name) {
        None => value,
        Some(earlier) => Json::Array(vec![earlier, value]),
    };
    fields.insert(name.to_owned(), both);
}

#[cfg(test)]
mod tests;
