//! Conditions on what a customer did.

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::limits::{self, Age, Limits, Test};
use super::{CriteriaBuilder, put};
use crate::primitives::{Currency, Instant, Span};

/// Which occurrences of an event are meant. By itself it says that there is one at least.
#[derive(Debug, Clone)]
#[must_use]
pub struct EventWords(Map<String, Json>);

/// Occurrences of an event.
pub fn event(name: &str) -> EventWords {
    EventWords(Map::from_iter([("event".to_owned(), name.into())]))
}

impl EventWords {
    /// Only those with a property that passes; a dotted path leads into it.
    pub fn with(mut self, property: &str, test: impl Into<Test>) -> Self {
        filter(&mut self.0, "where", property, test.into());
        self
    }

    /// Only those with the property that the triggering event has at a path: for the rules of journeys.
    pub fn same_as_trigger(self, property: &str, path: &str) -> Self {
        self.with(property, of_trigger(path))
    }

    /// Only those in `(now - span, now]` (promise 5.4).
    pub fn within(mut self, span: Span) -> Self {
        put(&mut self.0, "within", json!(span));
        self
    }

    /// Only those from this instant on.
    pub fn since(mut self, at: Instant) -> Self {
        put(&mut self.0, "since", json!(at));
        self
    }

    /// Only those before this instant.
    pub fn until(mut self, at: Instant) -> Self {
        put(&mut self.0, "until", json!(at));
        self
    }

    /// Without those of another currency.
    pub fn in_currency(mut self, currency: Currency) -> Self {
        put(&mut self.0, "currency", json!(currency));
        self
    }

    /// For `Order Completed`: as if nothing had been sent back (promise 5.6).
    pub fn gross(mut self) -> Self {
        put(&mut self.0, "money", "gross".into());
        self
    }

    /// There is one at least.
    pub fn happened(self) -> CriteriaBuilder {
        CriteriaBuilder::from_fields(self.0)
    }

    /// There is none.
    pub fn never(self) -> CriteriaBuilder {
        self.ask("never", true.into())
    }

    /// There are so many or more.
    pub fn at_least(self, times: u32) -> CriteriaBuilder {
        self.count(limits::at_least(times))
    }

    /// There are so many or fewer.
    pub fn at_most(self, times: u32) -> CriteriaBuilder {
        self.count(limits::at_most(times))
    }

    /// There are just so many.
    pub fn exactly(self, times: u32) -> CriteriaBuilder {
        self.count(limits::equals(times))
    }

    /// There are between so many and so many.
    pub fn between(self, low: u32, high: u32) -> CriteriaBuilder {
        self.count(limits::between(low, high))
    }

    /// Their number.
    pub fn count(self, times: Limits<u32>) -> CriteriaBuilder {
        self.ask("count", times.counts().into())
    }

    /// The sum of a property.
    pub fn sum<N: Into<Decimal>>(self, of: &str, limits: Limits<N>) -> CriteriaBuilder {
        self.statistic("sum", of, limits.numbers())
    }

    /// The average of a property.
    pub fn average<N: Into<Decimal>>(self, of: &str, limits: Limits<N>) -> CriteriaBuilder {
        self.statistic("average", of, limits.numbers())
    }

    /// The least of a property.
    pub fn min<N: Into<Decimal>>(self, of: &str, limits: Limits<N>) -> CriteriaBuilder {
        self.statistic("min", of, limits.numbers())
    }

    /// The greatest of a property.
    pub fn max<N: Into<Decimal>>(self, of: &str, limits: Limits<N>) -> CriteriaBuilder {
        self.statistic("max", of, limits.numbers())
    }

    /// How many different values of a property they have.
    pub fn distinct(self, of: &str, times: Limits<u32>) -> CriteriaBuilder {
        self.statistic("distinct", of, times.counts())
    }

    /// How long ago the first was.
    pub fn first(self, age: Age) -> CriteriaBuilder {
        self.ask("first", age.0.into())
    }

    /// How long ago the latest was.
    pub fn last(self, age: Age) -> CriteriaBuilder {
        self.ask("last", age.0.into())
    }

    /// The time between the latest and the one before.
    pub fn gap(self, limits: Limits<Span>) -> CriteriaBuilder {
        self.ask("gap", limits.spans().into())
    }

    fn statistic(self, name: &str, of: &str, mut limits: Map<String, Json>) -> CriteriaBuilder {
        limits.insert("of".to_owned(), of.into());
        self.ask(name, limits.into())
    }

    fn ask(mut self, name: &str, wanted: Json) -> CriteriaBuilder {
        put(&mut self.0, name, wanted);
        self.happened()
    }
}

impl From<EventWords> for CriteriaBuilder {
    fn from(words: EventWords) -> CriteriaBuilder {
        words.happened()
    }
}

/// One event after another, without more that is asked of them.
#[derive(Debug, Clone)]
#[must_use]
pub struct SequenceWords(Map<String, Json>);

/// These events one after another, each at the same instant as the one before or later; 2 to 8.
pub fn sequence<S: Into<StepWords>>(steps: impl IntoIterator<Item = S>) -> SequenceWords {
    let steps = steps.into_iter().map(|step| step.into().0);
    SequenceWords(Map::from_iter([("sequence".to_owned(), steps.collect())]))
}

impl SequenceWords {
    /// From the first to the last at most so long.
    pub fn within(mut self, span: Span) -> Self {
        put(&mut self.0, "within", json!(span));
        self
    }

    /// The last of them less than so long ago.
    pub fn in_last(mut self, span: Span) -> Self {
        put(&mut self.0, "in_last", json!(span));
        self
    }

    /// It happened so.
    pub fn happened(self) -> CriteriaBuilder {
        CriteriaBuilder::from_fields(self.0)
    }
}

impl From<SequenceWords> for CriteriaBuilder {
    fn from(words: SequenceWords) -> CriteriaBuilder {
        words.happened()
    }
}

/// One event of a [`sequence`].
#[derive(Debug, Clone)]
#[must_use]
pub struct StepWords(Json);

/// An event of a sequence; one of which nothing more is asked may stand there by its name alone.
pub fn step(event: &str) -> StepWords {
    StepWords(json!({"event": event}))
}

impl StepWords {
    /// With a property that passes.
    pub fn with(mut self, property: &str, test: impl Into<Test>) -> Self {
        if let Some(fields) = self.0.as_object_mut() {
            filter(fields, "where", property, test.into());
        }
        self
    }

    /// With the property that the triggering event has at a path: for the rules of journeys.
    pub fn same_as_trigger(self, property: &str, path: &str) -> Self {
        self.with(property, of_trigger(path))
    }
}

impl From<&str> for StepWords {
    fn from(event: &str) -> StepWords {
        step(event)
    }
}

/// What the event that a journey's run began with has to be like.
#[derive(Debug, Clone)]
#[must_use]
pub struct TriggerWords(Map<String, Json>);

/// The triggering event: for the rules of journeys. By itself it says that there is one.
pub fn trigger() -> TriggerWords {
    TriggerWords(Map::from_iter([("trigger".to_owned(), json!({}))]))
}

impl TriggerWords {
    /// It has a property that passes.
    pub fn with(mut self, property: &str, test: impl Into<Test>) -> Self {
        filter(&mut self.0, "trigger", property, test.into());
        self
    }

    /// One property of it is the same as another of it, at a path.
    pub fn same_as_trigger(self, property: &str, path: &str) -> Self {
        self.with(property, of_trigger(path))
    }

    /// It is so.
    pub fn holds(self) -> CriteriaBuilder {
        CriteriaBuilder::from_fields(self.0)
    }
}

impl From<TriggerWords> for CriteriaBuilder {
    fn from(words: TriggerWords) -> CriteriaBuilder {
        words.holds()
    }
}

fn of_trigger(path: &str) -> Test {
    Test(Map::from_iter([("trigger".to_owned(), path.into())]))
}

/// Several tests of one property must all hold.
fn filter(fields: &mut Map<String, Json>, name: &str, property: &str, test: Test) {
    let clauses = fields.entry(name).or_insert_with(|| json!({}));
    if let Some(clause) = clauses.as_object_mut().map(|clauses| clauses.entry(property).or_insert_with(|| json!({})))
        && let Some(operators) = clause.as_object_mut()
    {
        test.0.into_iter().for_each(|(operator, wanted)| put(operators, &operator, wanted));
    }
}
