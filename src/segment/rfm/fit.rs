//! A model from a population.

use rust_decimal::Decimal;

use super::{RfmGroup, RfmModel};
use crate::customer::{Customer, MoneyBasis};
use crate::primitives::{Currency, Instant, Span};

/// Gathers a population, customer by customer, as a store's pages come, and fits a model.
///
/// Only customers with an order that counts are taken; of several currencies that of the first customer.
///
/// ```
/// use throughline::{CustomerId, Instant, MoneyBasis, Profile, RfmFit};
/// let now = Instant::from_millis(0);
/// let mut fit = RfmFit::new(now).with_money(MoneyBasis::Gross);
/// fit.add(&Profile::new(CustomerId::new("a visitor"), now));
/// assert!(fit.finish().is_none(), "nobody has bought");
/// ```
#[derive(Debug, Clone)]
pub struct RfmFit {
    now: Instant,
    money: MoneyBasis,
    bands: u8,
    groups: Option<Vec<RfmGroup>>,
    currency: Option<Currency>,
    recency: Vec<Span>,
    frequency: Vec<u32>,
    monetary: Vec<Decimal>,
}

impl RfmFit {
    /// Five bands of net money, as of an instant.
    pub fn new(now: Instant) -> Self {
        RfmFit {
            now,
            money: MoneyBasis::Net,
            bands: 5,
            groups: None,
            currency: None,
            recency: Vec::new(),
            frequency: Vec::new(),
            monetary: Vec::new(),
        }
    }

    /// As another model was fitted, as of a later instant: its bands, its money and its groups.
    pub fn like(model: &RfmModel, now: Instant) -> Self {
        let groups = Some(model.groups.clone());
        RfmFit { money: model.money, bands: model.bands, groups, currency: model.currency, ..RfmFit::new(now) }
    }

    /// Takes refunds off, or not.
    #[must_use]
    pub fn with_money(mut self, money: MoneyBasis) -> Self {
        self.money = money;
        self
    }

    /// Cuts each measure into so many bands, from 2 to 100.
    #[must_use]
    pub fn with_bands(mut self, bands: u8) -> Self {
        self.bands = bands.clamp(2, 100);
        self
    }

    /// Names other groups than the usual ones.
    #[must_use]
    pub fn with_groups(mut self, groups: impl IntoIterator<Item = RfmGroup>) -> Self {
        self.groups = Some(groups.into_iter().collect());
        self
    }

    /// Takes a customer into the population.
    pub fn add(&mut self, who: &dyn Customer) {
        let Some(figures) = who.figures() else { return };
        let bought = figures.bought(self.money);
        let Some(last) = bought.last else { return };
        if self.currency.is_none() {
            self.currency = figures.currency();
        }
        if figures.currency() == self.currency {
            self.recency.push((self.now - last).max(Span::ZERO));
            self.frequency.push(bought.orders);
            self.monetary.push(bought.value());
        }
    }

    /// The model; `None` of a population in which nobody has bought.
    pub fn finish(self) -> Option<RfmModel> {
        let RfmFit { now, money, bands, groups, currency, recency, frequency, monetary } = self;
        if recency.is_empty() {
            return None;
        }
        Some(RfmModel {
            fitted: now,
            customers: recency.len() as u64,
            bands,
            money,
            currency,
            recency: edges(recency, bands),
            frequency: edges(frequency, bands),
            monetary: edges(monetary, bands),
            groups: groups.unwrap_or_else(|| RfmGroup::usual(bands)),
        })
    }
}

/// The values of nearest rank: of n values in order the one at ceil(k n / bands), for each k below the number of bands.
fn edges<T: Ord + Copy>(mut values: Vec<T>, bands: u8) -> Vec<T> {
    values.sort_unstable();
    let rank = |k: u8| (usize::from(k) * values.len()).div_ceil(usize::from(bands)).saturating_sub(1);
    (1..bands).filter_map(|k| values.get(rank(k)).copied()).collect()
}
