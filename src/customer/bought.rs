//! Orders and money, counted together (promise 5.6).

use rust_decimal::Decimal;

use crate::primitives::Instant;

/// Amounts are held in ten-thousandths of the major unit.
pub(super) const PLACES: u32 = 4;

/// Whether what was sent back is taken off (promise 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyBasis {
    /// Refunds take their money off; an order that was wholly taken back, or cancelled, does not count.
    #[default]
    Net,
    /// As if nothing had ever been sent back.
    Gross,
}

/// Orders and money, counted together.
///
/// `Debug` shows the number of orders only (promise 2.5).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Bought {
    /// How many orders.
    pub orders: u32,
    /// Of these, how many say an amount in the shop's currency.
    pub priced: u32,
    /// Their money in ten-thousandths of the major unit, less refunds that name no known order.
    pub(crate) units: i64,
    /// Orders and refunds whose money is in another currency, and so is not in this sum.
    pub left_out: u32,
    /// The first order.
    pub first: Option<Instant>,
    /// The latest order.
    pub last: Option<Instant>,
    /// The latest but one.
    pub previous: Option<Instant>,
}

impl std::fmt::Debug for Bought {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bought").field("orders", &self.orders).finish_non_exhaustive()
    }
}

impl Bought {
    /// The lifetime value, in major units of the shop's currency.
    pub fn value(&self) -> Decimal {
        Decimal::new(self.units, PLACES)
    }

    /// The money of an average order; `None` if no order says an amount.
    pub fn average(&self) -> Option<Decimal> {
        self.value().checked_div(Decimal::from(self.priced))
    }

    pub(super) fn order(&mut self, at: Instant) {
        self.orders = self.orders.saturating_add(1);
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.seen(at);
    }

    fn seen(&mut self, at: Instant) {
        if self.last.is_none_or(|last| at >= last) {
            self.previous = self.last.replace(at);
        } else {
            self.previous = self.previous.max(Some(at));
        }
    }

    pub(super) fn add(&mut self, other: &Bought) {
        self.orders = self.orders.saturating_add(other.orders);
        self.priced = self.priced.saturating_add(other.priced);
        self.units = self.units.saturating_add(other.units);
        self.left_out = self.left_out.saturating_add(other.left_out);
        self.first = [self.first, other.first].into_iter().flatten().min();
        [other.previous, other.last].into_iter().flatten().for_each(|at| self.seen(at));
    }

    /// What it says of money is in a currency that is no longer the shop's.
    pub(super) fn leave_out(&mut self) {
        self.left_out = self.left_out.saturating_add(self.priced);
        (self.priced, self.units) = (0, 0);
    }
}
