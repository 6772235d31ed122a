//! Which occurrences of an event are meant: a conjunction over its properties.

use std::fmt;

use super::compare::Comparison;
use super::path::Path;
use crate::customer::Occurrence;
use crate::primitives::fault::Node;
use crate::primitives::{Faults, Fields, Key, Value, ValueRef};

/// A conjunction of comparisons over the properties of one event.
///
/// Each field names a property (`total`, `cart.total`, or `products.category` for any line of an order) and gives a value
/// that it equals, or an object with [operators](crate::segment#comparisons), or `{"trigger": "path"}`: it equals the
/// triggering event's property at that path.
///
/// ```
/// use throughline::{Event, Filter};
/// let filter = Filter::from_json(r#"{"offer_type": "bogo", "total": {"at_least": 50}}"#)?;
/// let event = Event::track("Order Completed").property("offer_type", "bogo").property("total", 50_i64);
/// assert!(filter.matches(&event.properties, None));
/// assert_eq!(filter.to_string(), "offer_type is \"bogo\" and total is at least 50");
/// # Ok::<(), throughline::Faults>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter(Box<[Clause]>);

#[derive(Debug, Clone, PartialEq)]
struct Clause {
    path: Path,
    comparison: Comparison,
}

impl Filter {
    /// From its JSON.
    ///
    /// # Errors
    /// All faults at once, each with its path.
    pub fn from_json(text: &str) -> Result<Filter, Faults> {
        super::read(text, Filter::decode)
    }

    pub(crate) fn decode(node: &Node<'_>) -> Option<Filter> {
        let object = node.open_object()?;
        let clauses: Vec<Option<Clause>> = object
            .fields()
            .map(|(name, node)| {
                let path = Path::new(name);
                if path.is_none() {
                    node.fault("expected a property's name, or names with dots between them such as `cart.total`");
                }
                let comparison = Comparison::decode(&node)?;
                Some(Clause { path: path?, comparison })
            })
            .collect();
        clauses.into_iter().collect::<Option<_>>().map(Filter)
    }

    /// Its JSON, from which [`from_json`](Self::from_json) makes the same again.
    pub fn to_json(&self) -> String {
        self.written().to_string()
    }

    pub(super) fn written(&self) -> serde_json::Value {
        self.0.iter().map(|clause| (clause.path.to_string(), clause.comparison.to_json())).collect()
    }

    /// Whether an event's properties pass. Without a `trigger`, what compares with the trigger does not hold.
    pub fn matches(&self, fields: &Fields, trigger: Option<&Fields>) -> bool {
        self.holds(|name| fields.get(name).map(Value::as_ref), trigger)
    }

    /// Whether a kept occurrence passes, by the properties that [`properties`](Self::properties) names.
    pub fn matches_occurrence(&self, row: &Occurrence<'_>, trigger: Option<&Fields>) -> bool {
        self.holds(|name| row.property(name), trigger)
    }

    /// The outermost names of the properties read.
    pub fn properties(&self) -> Vec<Key> {
        let mut names: Vec<Key> = Vec::with_capacity(self.0.len());
        for clause in &self.0 {
            if !names.contains(clause.path.first()) {
                names.push(clause.path.first().clone());
            }
        }
        names
    }

    pub(super) fn reads_trigger(&self) -> bool {
        self.0.iter().any(|clause| clause.comparison.reads_trigger())
    }

    /// The outermost names of the trigger's properties that are compared with: what a run has to keep of its trigger.
    pub fn trigger_properties(&self) -> Vec<Key> {
        self.0.iter().flat_map(|clause| clause.comparison.trigger_properties()).cloned().collect()
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn holds<'v>(&self, property: impl Fn(&Key) -> Option<ValueRef<'v>>, trigger: Option<&Fields>) -> bool {
        self.0.iter().all(|clause| {
            let value = property(clause.path.first());
            clause.comparison.holds(value, &clause.path, trigger)
        })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, clause) in self.0.iter().enumerate() {
            write!(f, "{}{} {}", if n == 0 { "" } else { " and " }, clause.path, clause.comparison)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{ask, day, fields, inside, on, outside};
    use super::*;
    use serde_json::json;

    fn filter(json: serde_json::Value) -> Filter {
        Filter::from_json(&json.to_string()).unwrap()
    }

    #[test]
    fn a_path_leads_into_objects_and_to_every_member_of_a_list() {
        let order = fields(&json!({
            "shipping": {"country": "DE"},
            "products": [{"category": "shoes"}, {"category": "hats"}, "odd"],
        }));
        assert!(filter(json!({"shipping.country": {"in": ["DE", "AT"]}})).matches(&order, None));
        assert!(filter(json!({"products.category": "hats"})).matches(&order, None));
        assert!(!filter(json!({"products.category": "bags"})).matches(&order, None));
        // Exactly the opposite: no line is of that category.
        assert!(!filter(json!({"products.category": {"not_equals": "hats"}})).matches(&order, None));
        assert!(filter(json!({"products.size": {"exists": false}, "shipping.country": "DE"})).matches(&order, None));
        assert_eq!(filter(json!({"a.b": 1, "a.c": 2, "d": 3})).properties().len(), 2);
    }

    #[test]
    fn promise_6_5_a_filter_looks_at_the_triggers_own_property() {
        let same = filter(json!({"offer_id": {"trigger": "offer.id"}}));
        let event = fields(&json!({"offer_id": 7}));
        assert!(same.matches(&event, Some(&fields(&json!({"offer": {"id": 7}})))));
        assert!(!same.matches(&event, Some(&fields(&json!({"offer": {"id": 8}})))));
        assert!(!same.matches(&event, Some(&fields(&json!({})))));
        assert!(!same.matches(&event, None));
        assert_eq!(same.to_string(), "offer_id is the trigger's offer.id");
    }

    #[test]
    fn history_keeps_the_outermost_property_that_a_filter_reads() {
        let log = [on(1, "A", json!({"cart": {"total": 9}})), on(2, "A", json!({}))];
        let count = |n: u32| json!({"event": "A", "where": {"cart.total": {"at_least": 9}}, "count": {"equals": n}});
        assert_eq!(ask(count(1), &log, day(3)), inside(None));
        assert_eq!(ask(count(2), &log, day(3)), outside(None));
    }
}
