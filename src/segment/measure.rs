//! What is asked of the occurrences in a window: how many, how much, and the like.

use std::fmt;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::Effect;
use super::counts::Counts;
use super::path::Path;
use super::range::{Range, number};
use super::returns::same_code;
use crate::customer::Occurrence;
use crate::primitives::ValueRef;
use crate::primitives::fault::Object;

/// A figure over the occurrences in a window, and where it has to lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Measure {
    /// How many there are.
    Count(Counts),
    /// How many different values of a property they have.
    Distinct(Path, Counts),
    /// A statistic of a property.
    Number(Statistic, Path, Range<Decimal>),
}

/// A statistic of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statistic {
    Sum,
    Average,
    Min,
    Max,
}

impl Measure {
    pub(super) const FIELDS: [&'static str; 6] = ["count", "sum", "average", "min", "max", "distinct"];

    /// From the value of the field `name`, one of [`Measure::FIELDS`].
    pub(super) fn decode(name: &str, event: &Object<'_>) -> Option<Measure> {
        let node = event.get(name)?;
        if name == "count" {
            let object = node.object(&Range::OPERATORS)?;
            return Counts::decode(&object).map(Measure::Count);
        }
        let known: Vec<&str> = Range::OPERATORS.into_iter().chain(["of"]).collect();
        let object = node.object(&known)?;
        let of = object.need("of").and_then(|node| Path::decode(&node));
        if name == "distinct" {
            let counts = Counts::decode(&object);
            return Some(Measure::Distinct(of?, counts?));
        }
        let range = Range::decode(&object, |node| node.decimal());
        let statistic = match name {
            "sum" => Statistic::Sum,
            "average" => Statistic::Average,
            "min" => Statistic::Min,
            _ => Statistic::Max,
        };
        Some(Measure::Number(statistic, of?, range?))
    }

    /// The field that says it; a plain occurrence needs none.
    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        let mut limits = Map::new();
        limits.extend(self.of().map(|of| ("of".to_owned(), of.to_string().into())));
        let name = match self {
            Measure::Count(Counts::ANY) => return,
            Measure::Count(counts) => {
                counts.write(&mut limits);
                "count"
            }
            Measure::Distinct(_, counts) => {
                counts.write(&mut limits);
                "distinct"
            }
            Measure::Number(statistic, _, range) => {
                range.write(&mut limits, number);
                match statistic {
                    Statistic::Sum => "sum",
                    Statistic::Average => "average",
                    Statistic::Min => "min",
                    Statistic::Max => "max",
                }
            }
        };
        out.insert(name.to_owned(), limits.into());
    }

    /// The property read.
    pub(super) fn of(&self) -> Option<&Path> {
        match self {
            Measure::Count(_) => None,
            Measure::Distinct(of, _) | Measure::Number(_, of, _) => Some(of),
        }
    }

    /// Whether it adds or compares money, of which different currencies never mix.
    pub(super) fn is_money(&self) -> bool {
        const MONEY: [&str; 8] = ["total", "revenue", "subtotal", "value", "price", "tax", "shipping", "discount"];
        matches!(self, Measure::Number(_, of, _) if MONEY.iter().any(|name| of.is(name)))
    }

    /// What one more occurrence can do to the answer.
    pub(super) fn effect(&self) -> Effect {
        match self {
            Measure::Count(Counts { high: None, .. }) | Measure::Distinct(_, Counts { high: None, .. }) => {
                Effect::Raises
            }
            Measure::Count(Counts { low: 0, .. }) | Measure::Distinct(_, Counts { low: 0, .. }) => Effect::Lowers,
            _ => Effect::Either,
        }
    }

    /// Whether a refund of no known order changes it.
    pub(super) fn adds_up(&self) -> bool {
        matches!(self, Measure::Number(Statistic::Sum | Statistic::Average, ..))
    }
}

/// The figure over the occurrences added so far, latest first.
///
/// Every set of the latest occurrences is what the window will hold at some later instant. The last addition that turned
/// the answer is therefore the next one whose departure does.
#[derive(Debug)]
pub(super) struct Tally<'m, 'a> {
    measure: &'m Measure,
    count: u64,
    sum: Decimal,
    extreme: Option<Decimal>,
    distinct: Distinct,
    currency: Option<ValueRef<'a>>,
    mixed: bool,
}

impl<'m, 'a> Tally<'m, 'a> {
    pub(super) fn new(measure: &'m Measure) -> Self {
        let (sum, distinct) = (Decimal::ZERO, Distinct::default());
        Tally { measure, count: 0, sum, extreme: None, distinct, currency: None, mixed: false }
    }

    /// Adds an occurrence of which `taken` was taken back.
    pub(super) fn add(&mut self, row: &Occurrence<'a>, taken: Decimal, currency: Option<ValueRef<'a>>) {
        match self.measure {
            Measure::Count(_) => self.count += 1,
            Measure::Distinct(of, _) => {
                if let Some(value) = row.property(of.first()) {
                    of.any_below(value, &mut |value| {
                        self.distinct.add(value);
                        false
                    });
                }
            }
            Measure::Number(_, of, _) => {
                if let Some(number) = of.number(row) {
                    let number = if taken.is_zero() { number } else { (number - taken).max(Decimal::ZERO) };
                    self.count += 1;
                    self.number(number, currency);
                }
            }
        }
    }

    /// Takes away what was refunded without naming a known order: it lowers the sum, and is no occurrence.
    pub(super) fn take(&mut self, amount: Decimal, currency: Option<ValueRef<'a>>) {
        self.mix(currency);
        self.sum = self.sum.saturating_sub(amount);
    }

    /// Whether the figure lies where it has to.
    pub(super) fn holds(&self) -> bool {
        match self.measure {
            Measure::Count(counts) => counts.contains(self.count),
            Measure::Distinct(_, counts) => counts.contains(self.distinct.len()),
            Measure::Number(statistic, _, range) => {
                let number = match statistic {
                    Statistic::Sum => Some(self.sum),
                    Statistic::Average => self.sum.checked_div(Decimal::from(self.count)),
                    Statistic::Min | Statistic::Max => self.extreme,
                };
                !self.mixed && number.is_some_and(|number| range.contains(number))
            }
        }
    }

    /// Whether earlier occurrences cannot change the answer.
    pub(super) fn settled(&self) -> bool {
        match self.measure {
            Measure::Count(counts) => counts.settled(self.count),
            Measure::Distinct(_, counts) => counts.settled(self.distinct.len()),
            Measure::Number(..) => self.mixed,
        }
    }

    fn number(&mut self, number: Decimal, currency: Option<ValueRef<'a>>) {
        self.mix(currency);
        self.sum = self.sum.saturating_add(number);
        self.extreme = Some(match (self.measure, self.extreme) {
            (_, None) => number,
            (Measure::Number(Statistic::Min, ..), Some(known)) => known.min(number),
            (_, Some(known)) => known.max(number),
        });
    }

    fn mix(&mut self, currency: Option<ValueRef<'a>>) {
        if currency.is_some() {
            self.mixed |= self.currency.is_some() && !same_code(self.currency, currency);
            self.currency = currency;
        }
    }
}

/// How many different scalars there are, by their stable hashes. The first sixteen need no memory of their own.
#[derive(Debug, Default)]
struct Distinct {
    few: [u64; 16],
    len: usize,
    more: Vec<u64>,
}

impl Distinct {
    fn len(&self) -> u64 {
        (self.len + self.more.len()) as u64
    }

    fn add(&mut self, value: ValueRef<'_>) {
        let Some(hash) = hash_of(value) else { return };
        if self.few.iter().take(self.len).any(|known| *known == hash) || self.more.contains(&hash) {
            return;
        }
        match self.few.get_mut(self.len) {
            Some(slot) => {
                *slot = hash;
                self.len += 1;
            }
            None => self.more.push(hash),
        }
    }
}

fn hash_of(value: ValueRef<'_>) -> Option<u64> {
    use xxhash_rust::xxh3::xxh3_64_with_seed;
    Some(match value {
        ValueRef::Bool(b) => u64::from(b),
        ValueRef::Text(text) => xxh3_64_with_seed(text.as_bytes(), 1),
        ValueRef::Int(_) | ValueRef::Decimal(_) => xxh3_64_with_seed(&value.as_decimal()?.normalize().serialize(), 2),
        ValueRef::List(_) | ValueRef::Map(_) => return None,
    })
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Statistic::Sum => "sum of",
            Statistic::Average => "average",
            Statistic::Min => "least",
            Statistic::Max => "greatest",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{Logged, ask, day, inside, on, outside};
    use serde_json::{Value as Json, json};

    fn opens(n: i64) -> Vec<Logged> {
        (0..n).map(|n| on(n, "Email Opened", json!({"n": n}))).collect()
    }

    #[test]
    fn promise_5_3_counts_hold_of_whom_they_name_also_without_any_history() {
        for (range, holds) in [
            (json!({"at_least": 3}), vec![3, 5]),
            (json!({"at_most": 3}), vec![0, 1, 3]),
            (json!({"exactly": 0}), vec![0]),
            (json!({"equals": 0}), vec![0]),
            (json!({"at_most": 0}), vec![0]),
            (json!({"above": 1, "below": 5}), vec![3]),
            (json!({"between": [1, 3]}), vec![1, 3]),
        ] {
            for more in [
                json!({}),
                json!({"within": "9d"}),
                json!({"where": {"n": {"at_least": 0}}}),
                json!({"since": "1970-01-01"}),
            ] {
                let mut rule = json!({"event": "Email Opened", "count": range});
                rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                let found: Vec<i64> =
                    [0, 1, 3, 5].into_iter().filter(|n| ask(rule.clone(), &opens(*n), day(5)).inside).collect();
                assert_eq!(found, holds, "{rule}");
            }
        }
        assert!(ask(json!({"event": "Email Opened", "never": true}), &[], day(5)).inside);
        assert!(!ask(json!({"event": "Email Opened", "never": true}), &opens(1), day(5)).inside);
    }

    #[test]
    fn promise_5_5_a_count_names_the_event_whose_leaving_turns_it() {
        let count =
            |range: Json| ask(json!({"event": "Email Opened", "count": range, "within": "10d"}), &opens(5), day(6));
        assert_eq!(count(json!({"at_least": 3})), inside(Some(day(12))));
        assert_eq!(count(json!({"at_most": 3})), outside(Some(day(11))));
        assert_eq!(count(json!({"equals": 5})), inside(Some(day(10))));
        assert_eq!(count(json!({"between": [1, 2]})), outside(Some(day(12))));
        assert_eq!(count(json!({"at_least": 6})), outside(None));
        assert_eq!(count(json!({"at_least": 0})), inside(None));
    }

    #[test]
    fn promise_5_5_a_filtered_range_that_is_crossed_twice_names_the_nearer_crossing() {
        let rule =
            json!({"event": "Email Opened", "where": {"n": {"above": 0}}, "count": {"equals": 2}, "within": "10d"});
        assert_eq!(ask(rule.clone(), &opens(5), day(6)), outside(Some(day(12))));
        assert_eq!(ask(rule, &opens(5), day(12)), inside(Some(day(13))));
        let rule = json!({"event": "Email Opened", "sum": {"of": "n", "between": [4, 7]}, "within": "10d"});
        assert_eq!(ask(rule.clone(), &opens(5), day(6)), outside(Some(day(12))));
        assert_eq!(ask(rule, &opens(5), day(12)), inside(Some(day(14))));
    }

    #[test]
    fn promise_5_2_statistics_of_a_property() {
        let log = [
            on(1, "A", json!({"n": 2, "tag": "x", "lines": [{"q": 1, "id": "p"}, {"q": 4, "id": "q"}]})),
            on(2, "A", json!({"n": 4.5, "tag": "y"})),
            on(3, "A", json!({"n": "7", "tag": "x", "lines": [{"q": 2, "id": "q"}]})),
        ];
        let lies = |name: &str, of: &str, at: f64| {
            let rule = json!({"event": "A", name: {"of": of, "equals": at}});
            ask(rule, &log, day(5)).inside
        };
        assert!(lies("sum", "n", 6.5));
        assert!(lies("average", "n", 3.25));
        assert!(lies("min", "n", 2.0));
        assert!(lies("max", "n", 4.5));
        assert!(lies("sum", "lines.q", 7.0));
        assert!(lies("max", "lines.q", 5.0));
        let distinct =
            |of: &str, n: u32| ask(json!({"event": "A", "distinct": {"of": of, "equals": n}}), &log, day(5)).inside;
        assert!(distinct("tag", 2) && distinct("lines.id", 2) && distinct("n", 3) && distinct("none", 0));
    }

    #[test]
    fn promise_5_3_the_sum_of_nothing_is_zero_and_the_average_of_nothing_is_nothing() {
        for (name, holds) in [("sum", true), ("distinct", true), ("average", false), ("min", false), ("max", false)] {
            assert_eq!(
                ask(json!({"event": "A", name: {"of": "n", "at_most": 9}}), &[], day(1)).inside,
                holds,
                "{name}"
            );
        }
    }

    #[test]
    fn many_different_values_are_counted_one_by_one() {
        let log: Vec<Logged> = (0..200).map(|n| on(n / 9, "A", json!({"id": format!("p{}", n % 50)}))).collect();
        assert!(ask(json!({"event": "A", "distinct": {"of": "id", "equals": 50}}), &log, day(99)).inside);
    }

    #[test]
    fn promise_5_6_money_of_different_currencies_is_never_added() {
        let log = [("EUR", 10), ("eur", 20), ("USD", 400)]
            .map(|(code, total)| on(1, "A", json!({"total": total, "currency": code})));
        let sum = |more: Json, at_least: u32| {
            let mut rule = json!({"event": "A", "sum": {"of": "total", "at_least": at_least}});
            rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            ask(rule, &log, day(2)).inside
        };
        assert!(!sum(json!({}), 0));
        assert!(sum(json!({"currency": "EUR"}), 30) && !sum(json!({"currency": "EUR"}), 31));
        assert!(ask(json!({"event": "A", "currency": "USD", "count": {"equals": 1}}), &log, day(2)).inside);
    }
}
