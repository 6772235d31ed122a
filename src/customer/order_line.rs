//! One order, refund or cancellation, as an event tells it.

use std::sync::LazyLock;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::bought::PLACES;
use crate::event::Event;
use crate::primitives::{Currency, Fields, Instant, Key};

/// The largest amount, ten thousand million in major units: sums of these cannot overflow in practice.
const LARGEST: i64 = 100_000_000_000_000;

static ORDER_ID: LazyLock<Key> = LazyLock::new(|| Key::new("order_id"));
static MONEY: LazyLock<[Key; 2]> = LazyLock::new(|| ["total", "revenue"].map(Key::new));
static CURRENCY: LazyLock<Key> = LazyLock::new(|| Key::new("currency"));

/// What an event says of purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LineKind {
    /// `Order Completed`.
    Order,
    /// `Order Refunded`.
    Refund,
    /// `Order Cancelled`.
    Cancel,
}

impl LineKind {
    /// By the name of the event.
    pub(super) const EVENTS: [(&'static str, LineKind); 3] = [
        ("Order Completed", LineKind::Order),
        ("Order Refunded", LineKind::Refund),
        ("Order Cancelled", LineKind::Cancel),
    ];
}

/// One order, refund or cancellation. In order of time; ties in an order of their own, so that the order of arrival does
/// not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) at: Instant,
    pub(crate) kind: LineKind,
    /// 48 bits of the stable hash of the order's name; 0 if it has none.
    pub(crate) order: u64,
    /// In ten-thousandths; `None`: not said.
    pub(crate) amount: Option<i64>,
    /// `None`: not said, which is the shop's.
    pub(crate) currency: Option<Currency>,
}

impl Line {
    /// The bits of an order's hash that are kept: two of a customer's orders are taken for one with a chance of one in
    /// 2^48 a pair.
    pub(crate) const NAME: u64 = (1 << 48) - 1;

    pub(super) fn of(event: &Event, kind: LineKind, at: Instant, shop: Currency, converted: Option<&Key>) -> Line {
        let properties = &event.properties;
        let order = properties.get(&ORDER_ID).and_then(|id| id.as_ref().to_key_text());
        let mut currency =
            properties.get(&CURRENCY).and_then(|code| code.as_str()).and_then(|code| code.parse::<Currency>().ok());
        let mut amount = MONEY.iter().find_map(|name| money(properties, name));
        if currency.is_some_and(|stated| stated != shop)
            && let Some(value) = converted.and_then(|name| money(properties, name))
        {
            (amount, currency) = (Some(value), Some(shop));
        }
        // A hash of 0 would be no name.
        let order = order.map_or(0, |name| (Key::hash_of(&name) & Line::NAME).max(1));
        Line { at, kind, order, amount, currency }
    }

    /// Whether it says anything: a return of no order and no amount does not.
    pub(super) fn says(&self) -> bool {
        match self.kind {
            LineKind::Order => true,
            LineKind::Refund => self.order != 0 || self.amount.is_some(),
            LineKind::Cancel => self.order != 0,
        }
    }
}

fn money(properties: &Fields, name: &Key) -> Option<i64> {
    units(properties.get(name)?.as_ref().as_decimal()?)
}

/// An amount in ten-thousandths.
pub(super) fn units(amount: Decimal) -> Option<i64> {
    let units = match PLACES.checked_sub(amount.scale()) {
        // No amount that fits is rounded then, and its digits are far from the bounds of 128 bits.
        Some(places) => i64::try_from(amount.mantissa() * 10_i128.pow(places)).ok(),
        None => amount.checked_mul(Decimal::from(10_i64.pow(PLACES)))?.round().to_i64(),
    };
    units.map(|units| units.clamp(-LARGEST, LARGEST))
}
