//! What is asked of the occurrences in a window: how many, how much, and the like.

use std::fmt;
use std::ops::Bound;

use rust_decimal::Decimal;

use super::compare::Range;
use super::path::Path;
use super::returns::same_code;
use crate::customer::Occurrence;
use crate::primitives::fault::Object;
use crate::primitives::{Value, ValueRef};

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

/// A range of counts, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) low: u64,
    pub(super) high: Option<u64>,
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

    /// Whether a refund of no known order changes it.
    pub(super) fn adds_up(&self) -> bool {
        matches!(self, Measure::Number(Statistic::Sum | Statistic::Average, ..))
    }
}

impl Counts {
    /// At least one.
    pub(super) const ANY: Counts = Counts { low: 1, high: None };
    /// None at all.
    pub(super) const NONE: Counts = Counts { low: 0, high: Some(0) };

    fn decode(object: &Object<'_>) -> Option<Counts> {
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

    pub(super) fn contains(self, n: u64) -> bool {
        n >= self.low && self.high.is_none_or(|high| n <= high)
    }

    /// Whether more cannot change the answer.
    fn settled(self, n: u64) -> bool {
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
    currency: Option<&'a Value>,
    mixed: bool,
}

impl<'m, 'a> Tally<'m, 'a> {
    pub(super) fn new(measure: &'m Measure) -> Self {
        let (sum, distinct) = (Decimal::ZERO, Distinct::default());
        Tally { measure, count: 0, sum, extreme: None, distinct, currency: None, mixed: false }
    }

    /// Adds an occurrence of which `taken` was taken back.
    pub(super) fn add(&mut self, row: &Occurrence<'a>, taken: Decimal, currency: Option<&'a Value>) {
        match self.measure {
            Measure::Count(_) => self.count += 1,
            Measure::Distinct(of, _) => {
                if let Some(value) = row.property(of.first()) {
                    of.any_below(value.as_ref(), &mut |value| {
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
    pub(super) fn take(&mut self, amount: Decimal, currency: Option<&'a Value>) {
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

    fn number(&mut self, number: Decimal, currency: Option<&'a Value>) {
        self.mix(currency);
        self.sum = self.sum.saturating_add(number);
        self.extreme = Some(match (self.measure, self.extreme) {
            (_, None) => number,
            (Measure::Number(Statistic::Min, ..), Some(known)) => known.min(number),
            (_, Some(known)) => known.max(number),
        });
    }

    fn mix(&mut self, currency: Option<&'a Value>) {
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

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Counts { low: 0, high: Some(0) } => f.write_str("never"),
            Counts { low: 0, high: Some(high) } => write!(f, "at most {high} times"),
            Counts { low: 1, high: None } => f.write_str("at least once"),
            Counts { low, high: None } => write!(f, "at least {low} times"),
            Counts { low, high: Some(high) } if low == high => write!(f, "exactly {low} times"),
            Counts { low, high: Some(high) } => write!(f, "between {low} and {high} times"),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Statistic::Sum => "sum",
            Statistic::Average => "average",
            Statistic::Min => "least",
            Statistic::Max => "greatest",
        })
    }
}
