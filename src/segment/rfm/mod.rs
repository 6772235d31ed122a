//! RFM: how lately, how often and for how much a customer bought, against a population.
//!
//! A model is fitted over a population on demand ([`RfmFit`]): for each of the three measures the edges of equal parts by
//! nearest rank. A customer's band is 1 more than the number of edges below their own value, so that ties fall low; recency is
//! turned round, so that the highest band is always the best. The model is data: a shop stores it as JSON and gives it to
//! the playbook (section `rfm`), or to its builder.

mod condition;
mod decode;
mod fit;
mod groups;

pub(super) use condition::RfmCondition;
pub use fit::RfmFit;
pub use groups::RfmGroup;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::customer::{Customer, MoneyBasis};
use crate::primitives::{Currency, Instant, Span};

/// The edges of a fitted population, and the named groups of its bands.
///
/// ```
/// use throughline::{Instant, RfmModel};
/// let model = RfmModel::from_json(r#"{
///     "fitted": "2026-03-01T00:00:00Z", "customers": 1000, "bands": 5, "money": "net", "currency": "EUR",
///     "recency": ["10d", "30d", "60d", "120d"], "frequency": [1, 1, 2, 4], "monetary": ["20", "45", "90", "200"]
/// }"#)?;
/// // Bought 9 days ago, five times, for 300 in all.
/// let score = model.score_of(throughline::Span::days(9), 5, "300".parse()?);
/// assert_eq!((score.recency, score.frequency, score.monetary), (5, 5, 5));
/// assert_eq!(model.group(score), Some("champions"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RfmModel {
    /// As of when it was fitted.
    pub fitted: Instant,
    /// Over how many customers with an order.
    pub customers: u64,
    /// Into how many bands each measure is cut.
    pub bands: u8,
    /// Whether refunds were taken off.
    pub money: MoneyBasis,
    /// The currency of the monetary edges; customers with money in another one have no score.
    pub currency: Option<Currency>,
    /// The upper edges of the lowest bands, ascending, one fewer than bands: the time since the latest order.
    pub recency: Vec<Span>,
    /// The same of the number of orders.
    pub frequency: Vec<u32>,
    /// The same of the money, in major units.
    #[serde(serialize_with = "as_text")]
    pub monetary: Vec<Decimal>,
    /// The named groups; the first that a score lies in is its own.
    pub groups: Vec<RfmGroup>,
}

/// As text: JSON readers take numbers for floats.
fn as_text<S: serde::Serializer>(amounts: &[Decimal], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(amounts.iter().map(|amount| amount.normalize().to_string()))
}

/// The bands of one customer, each from 1 (worst) to the model's number of bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct RfmScore {
    /// How lately.
    pub recency: u8,
    /// How often.
    pub frequency: u8,
    /// For how much.
    pub monetary: u8,
}

impl RfmModel {
    /// The bands of a customer as of an instant; `None` of somebody without an order that counts, or whose money is in
    /// another currency than the model's.
    pub fn score(&self, who: &dyn Customer, now: Instant) -> Option<RfmScore> {
        self.timed(who, now).map(|(score, _)| score)
    }

    /// The bands of whoever bought last so long ago, so often, and for so much in all.
    pub fn score_of(&self, recency: Span, orders: u32, value: Decimal) -> RfmScore {
        let worst = self.bands.saturating_add(1);
        RfmScore {
            recency: worst.saturating_sub(band(&self.recency, recency.max(Span::ZERO))),
            frequency: band(&self.frequency, orders),
            monetary: band(&self.monetary, value),
        }
    }

    /// The name of the first group that a score lies in.
    pub fn group(&self, score: RfmScore) -> Option<&str> {
        self.groups.iter().find(|group| group.holds(score)).map(|group| &*group.name)
    }

    /// The score, and when time alone changes it: an edge is passed one millisecond after it is reached.
    fn timed(&self, who: &dyn Customer, now: Instant) -> Option<(RfmScore, Option<Instant>)> {
        let figures = who.figures()?;
        if figures.currency() != self.currency {
            return None;
        }
        let bought = figures.bought(self.money);
        let last = bought.last?;
        let score = self.score_of(now - last, bought.orders, bought.value());
        let turns = self.recency.iter().map(|edge| last + *edge + Span::millis(1));
        Some((score, turns.filter(|turn| *turn > now).min()))
    }
}

/// 1 more than the number of edges below a value.
fn band<T: PartialOrd>(edges: &[T], value: T) -> u8 {
    u8::try_from(1 + edges.iter().filter(|edge| **edge < value).count()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::{FigureRules, Figures, Profile};
    use crate::event::Event;
    use crate::primitives::CustomerId;

    fn day(n: i64) -> Instant {
        Instant::from_millis(0) + Span::days(n)
    }

    /// Bought on these days, for so much each time.
    fn buyer(days: &[i64], total: i64) -> Profile {
        let mut who = Profile::new(CustomerId::new("anna"), day(0));
        for n in days {
            let event = Event::track("Order Completed").property("total", total);
            who.figures.observe(&event, day(*n), &FigureRules::default(), "EUR".parse().unwrap());
        }
        who
    }

    fn population() -> Vec<Profile> {
        // Ten customers: the n-th bought n days ago for n, the last three twice.
        (1..=10).map(|n| buyer(if n > 7 { &[90, 100][..] } else { &[100] }, n)).collect()
    }

    #[test]
    fn edges_are_of_the_nearest_rank_and_ties_fall_low() {
        let mut fit = RfmFit::new(day(100));
        population().iter().for_each(|who| fit.add(who));
        fit.add(&Profile::new(CustomerId::new("visitor"), day(0)));
        let model = fit.finish().unwrap();
        assert_eq!((model.customers, &model.frequency[..]), (10, &[1, 1, 1, 2][..]));
        assert_eq!(model.monetary, [2, 4, 6, 16].map(Decimal::from));
        assert_eq!(model.recency, [Span::ZERO; 4]);
        let scores: Vec<u8> = population().iter().map(|who| model.score(who, day(100)).unwrap().frequency).collect();
        assert_eq!(scores, [1, 1, 1, 1, 1, 1, 1, 4, 4, 4]);
        assert_eq!(model.score(&population()[0], day(100)).unwrap().recency, 5);
        assert_eq!(model.score(&population()[0], day(101)).unwrap().recency, 1);
        assert_eq!(RfmFit::new(day(0)).finish(), None);
    }

    #[test]
    fn a_model_comes_back_from_its_json_and_is_fitted_anew_as_it_was() {
        let mut fit = RfmFit::new(day(100)).with_money(MoneyBasis::Gross).with_bands(3);
        population().iter().for_each(|who| fit.add(who));
        let mut model = fit.finish().unwrap();
        assert!(model.groups.is_empty(), "the usual groups are of five bands");
        model.groups = vec![RfmGroup::new("best", 2..=3, 1..=3, 3..=3)];
        let json = serde_json::to_string(&model).unwrap();
        assert_eq!(RfmModel::from_json(&json).unwrap(), model);
        assert_eq!(serde_json::from_str::<RfmModel>(&json).unwrap(), model);
        let mut again = RfmFit::like(&model, day(100));
        population().iter().for_each(|who| again.add(who));
        assert_eq!(again.finish().unwrap(), model);
    }

    #[test]
    fn promise_5_6_money_in_another_currency_has_no_score() {
        let mut fit = RfmFit::new(day(100));
        population().iter().for_each(|who| fit.add(who));
        let mut other = Profile::new(CustomerId::new("ben"), day(0));
        let value = crate::primitives::Money { amount: Decimal::from(9), currency: "USD".parse().unwrap() };
        other.figures = Figures::of_sums(value, 2, day(1), day(9));
        fit.add(&other);
        let model = fit.finish().unwrap();
        assert_eq!((model.customers, model.score(&other, day(100))), (10, None));
    }
}
