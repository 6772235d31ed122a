//! What refunds and cancellations take back from orders (promise 5.6).

use rust_decimal::Decimal;

use super::path::Path;
use crate::customer::{History, Occurrence, Series};
use crate::primitives::{EventNeed, Instant, Keep, Key, Needs, Span, ValueRef};

/// The event that orders come in, whose figures are net unless a rule says `gross`.
pub(super) const ORDER: &str = "Order Completed";

/// The names that the Segment Spec gives to what is taken back, hashed once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Returns {
    refunded: Key,
    cancelled: Key,
    order_id: Key,
    total: Key,
    revenue: Key,
    currency: Key,
}

/// What one customer sent back, as of now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ledger<'a> {
    names: &'a Returns,
    orders: Option<&'a Series>,
    refunds: Option<&'a Series>,
    cancels: Option<&'a Series>,
    now: Instant,
}

impl Returns {
    pub(super) fn new() -> Returns {
        Returns {
            refunded: Key::new("Order Refunded"),
            cancelled: Key::new("Order Cancelled"),
            order_id: Key::new("order_id"),
            total: Key::new("total"),
            revenue: Key::new("revenue"),
            currency: Key::new("currency"),
        }
    }

    /// What was taken back up to now; `None` for the many customers who never sent anything back.
    pub(super) fn ledger<'a>(
        &'a self,
        history: &'a History,
        orders: Option<&'a Series>,
        now: Instant,
    ) -> Option<Ledger<'a>> {
        let refunds = history.series(&self.refunded);
        let cancels = history.series(&self.cancelled);
        (refunds.is_some() || cancels.is_some()).then_some(Ledger { names: self, orders, refunds, cancels, now })
    }

    /// Whether this event takes orders back.
    pub(super) fn is_return(&self, event: &Key) -> bool {
        *event == self.refunded || *event == self.cancelled
    }

    /// The properties by which an order is found again and known to be wholly taken back.
    pub(super) fn properties(&self) -> [&Key; 4] {
        [&self.order_id, &self.total, &self.revenue, &self.currency]
    }

    /// `properties`: what else is read of a refund.
    pub(super) fn needs(&self, needs: &mut Needs, properties: &[Key], within: Span) {
        // What is taken back from an order comes after it, within the order's own window.
        let keep = Keep { last: 0, within };
        let mut all: Vec<Key> = self.properties().into_iter().cloned().collect();
        all.extend(properties.iter().filter(|key| !self.properties().contains(key)).cloned());
        needs.event(EventNeed { event: self.refunded.clone(), properties: all, keep });
        needs.event(EventNeed { event: self.cancelled.clone(), properties: vec![self.order_id.clone()], keep });
    }
}

impl<'a> Ledger<'a> {
    /// How much of an order's figure `of` was taken back; `None` if the order no longer counts.
    pub(super) fn taken(&self, order: &Occurrence<'_>, of: Option<&Path>) -> Option<Decimal> {
        let Some(id) = order.property(&self.names.order_id) else { return Some(Decimal::ZERO) };
        if past(self.cancels, self.now).any(|cancel| self.names(&cancel, id)) {
            return None;
        }
        let (mut taken, mut money, mut any) = (Decimal::ZERO, Decimal::ZERO, false);
        for refund in past(self.refunds, self.now).filter(|refund| self.names(refund, id)) {
            if self.foreign(&refund, order) {
                continue;
            }
            // A refund that says no amount takes the whole order back.
            let amount = self.money(&refund)?;
            any = true;
            money = money.saturating_add(amount.abs());
            taken = taken.saturating_add(self.amount(&refund, of).unwrap_or_default());
        }
        match self.money(order) {
            Some(whole) if any && money >= whole => None,
            _ => Some(taken),
        }
    }

    /// The refunds in `(after, upto]` that name no known order, latest first.
    pub(super) fn unmatched(self, after: Instant, upto: Instant) -> impl Iterator<Item = Occurrence<'a>> {
        let refunds = self.refunds.into_iter().flat_map(move |series| series.within(after, upto).rev());
        refunds.filter(move |refund| !self.is_known(refund))
    }

    /// What a refund takes from the figure `of`, without its sign: the refund's own figure of that name, else its money
    /// if `of` is an order's money.
    pub(super) fn amount(&self, refund: &Occurrence<'_>, of: Option<&Path>) -> Option<Decimal> {
        let of = of?;
        let amount = of.number(refund).or_else(|| {
            let is_money = ["total", "revenue", "subtotal", "value"].iter().any(|name| of.is(name));
            if is_money { self.money(refund) } else { None }
        });
        amount.map(|amount| amount.abs())
    }

    /// The next refund or cancellation that is still to come, if the history holds such.
    pub(super) fn next(&self) -> Option<Instant> {
        let next = |series: Option<&Series>| series.and_then(|series| coming(series, self.now));
        next(self.refunds).into_iter().chain(next(self.cancels)).min()
    }

    fn is_known(&self, refund: &Occurrence<'_>) -> bool {
        let (Some(id), Some(orders)) = (refund.property(&self.names.order_id), self.orders) else { return false };
        // Where orders were dropped, a refund that names none of the others names one of these.
        !orders.complete_after(Instant::MIN) || past(Some(orders), self.now).any(|order| self.names(&order, id))
    }

    fn names(&self, row: &Occurrence<'_>, id: ValueRef<'_>) -> bool {
        row.property(&self.names.order_id).is_some_and(|known| known.same(id))
    }

    fn money(&self, row: &Occurrence<'_>) -> Option<Decimal> {
        let number = |key: &Key| row.property(key).and_then(|value| value.as_decimal());
        number(&self.names.total).or_else(|| number(&self.names.revenue))
    }

    /// Whether a refund is in another currency than its order, from which it then cannot be taken.
    fn foreign(&self, refund: &Occurrence<'_>, order: &Occurrence<'_>) -> bool {
        let code = |row: &Occurrence<'_>| row.property(&self.names.currency).is_some();
        code(refund)
            && code(order)
            && !same_code(refund.property(&self.names.currency), order.property(&self.names.currency))
    }
}

fn past<'a>(series: Option<&'a Series>, now: Instant) -> impl DoubleEndedIterator<Item = Occurrence<'a>> {
    series.into_iter().flat_map(move |series| series.within(Instant::MIN, now))
}

/// The first kept occurrence after now: clocks differ, and a log may be read as of an earlier instant.
pub(super) fn coming(series: &Series, now: Instant) -> Option<Instant> {
    // Nearly always there is none.
    if series.last().is_none_or(|last| last <= now) {
        return None;
    }
    let times = series.times();
    times.get(times.partition_point(|at| *at <= now)).copied()
}

/// Whether two properties name one currency, in any case.
pub(super) fn same_code(a: Option<ValueRef<'_>>, b: Option<ValueRef<'_>>) -> bool {
    match (a.and_then(|a| a.as_str()), b.and_then(|b| b.as_str())) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{Logged, ask, customer, day, faults, inside, on, order, outside, refund, rule};
    use super::super::{Membership, Segment};
    use serde_json::{Value as Json, json};

    fn spent(log: &[Logged], n: i64) -> bool {
        ask(json!({"event": "Order Completed", "sum": {"of": "total", "equals": n}}), log, day(40)).inside
    }

    fn orders(log: &[Logged], n: i64) -> bool {
        ask(json!({"event": "Order Completed", "count": {"equals": n}}), log, day(40)).inside
    }

    #[test]
    fn promise_5_6_a_refund_takes_its_money_from_the_order_it_names_at_the_orders_time() {
        let log = [order(1, "a", 100), order(9, "b", 50), refund(20, "a", 30)];
        assert!(spent(&log, 120) && orders(&log, 2));
        // Ten days back from day 18 there is only the second order; the refund is not its loss.
        let recent = |now| {
            ask(json!({"event": "Order Completed", "sum": {"of": "total", "equals": 50}, "within": "15d"}), &log, now)
        };
        assert_eq!(recent(day(21)), inside(Some(day(24))));
    }

    #[test]
    fn promise_5_6_an_order_that_is_wholly_taken_back_or_cancelled_counts_no_more() {
        let whole = [order(1, "a", 100), order(2, "b", 50), refund(3, "a", 60), refund(4, "a", 40)];
        assert!(spent(&whole, 50) && orders(&whole, 1));
        let cancelled = [order(1, "a", 100), on(3, "Order Cancelled", json!({"order_id": "a", "total": 1}))];
        assert!(spent(&cancelled, 0) && orders(&cancelled, 0));
        let silent = [order(1, "a", 100), on(3, "Order Refunded", json!({"order_id": "a"}))];
        assert!(spent(&silent, 0) && orders(&silent, 0));
        let never = json!({"event": "Order Completed", "never": true});
        assert!(ask(never, &cancelled, day(9)).inside);
        let revenue = [
            on(1, "Order Completed", json!({"order_id": 7, "revenue": 80})),
            on(2, "Order Refunded", json!({"order_id": 7, "revenue": 80})),
        ];
        assert!(orders(&revenue, 0));
    }

    #[test]
    fn promise_5_6_a_refund_of_no_known_order_lowers_the_sum_at_its_own_time_and_no_count() {
        let log = [order(1, "a", 100), refund(9, "till-7", 30), on(9, "Order Refunded", json!({"total": -5}))];
        assert!(spent(&log, 65) && orders(&log, 1));
        let loss = json!({"event": "Order Completed", "sum": {"of": "total", "below": 0}, "within": "5d"});
        assert_eq!(ask(loss.clone(), &log, day(10)), inside(Some(day(14))));
        assert_eq!(ask(loss, &log, day(14)), outside(None));
    }

    #[test]
    fn promise_5_6_a_sum_may_be_gross() {
        let log = [order(1, "a", 100), refund(3, "a", 100), refund(4, "b", 7)];
        let gross = |ask: Json| json!({"event": "Order Completed", "money": "gross", "count": ask});
        assert!(ask(gross(json!({"equals": 1})), &log, day(9)).inside);
        let sum = json!({"event": "Order Completed", "money": "gross", "sum": {"of": "total", "equals": 100}});
        assert!(ask(sum.clone(), &log, day(9)).inside);
        assert_eq!(rule(sum).needs().events.len(), 1);
        assert!(
            faults(json!({"event": "A", "money": "gross"})).contains("$.money: only `Order Completed` has refunds")
        );
    }

    #[test]
    fn promise_5_6_a_refund_in_another_currency_is_not_taken_from_the_order() {
        let sold =
            |code: &str, name, at, total| on(at, name, json!({"order_id": "a", "total": total, "currency": code}));
        let log = [sold("EUR", "Order Completed", 1, 100), sold("USD", "Order Refunded", 2, 100)];
        assert!(orders(&log, 1) && spent(&log, 100));
    }

    #[test]
    fn promise_5_6_of_other_figures_only_whole_orders_are_taken_back() {
        let with = |at, name, id: &str, total, items: Option<u32>| {
            on(at, name, json!({"order_id": id, "total": total, "items": items}))
        };
        let log = [
            with(1, "Order Completed", "a", 100, Some(4)),
            with(2, "Order Completed", "b", 50, Some(2)),
            with(3, "Order Refunded", "a", 20, None),
            with(4, "Order Refunded", "b", 50, None),
        ];
        assert!(ask(json!({"event": "Order Completed", "sum": {"of": "items", "equals": 4}}), &log, day(9)).inside);
        assert!(ask(json!({"event": "Order Completed", "max": {"of": "total", "equals": 80}}), &log, day(9)).inside);
    }

    #[test]
    fn promise_5_6_a_late_refund_of_an_order_that_left_the_window_is_not_a_loss_of_the_window() {
        let log = [order(1, "old", 100), order(38, "new", 40), refund(39, "old", 100)];
        let recent = rule(json!({"event": "Order Completed", "sum": {"of": "total", "at_least": 40}, "within": "5d"}));
        let answer: Membership = recent.evaluate(&customer(&log, &recent.needs()), day(40));
        assert_eq!(answer, inside(Some(day(43))));
        // Whereas one that names none of all the orders is.
        let log = [order(1, "old", 100), order(38, "new", 40), refund(39, "till-7", 10)];
        assert_eq!(recent.evaluate(&customer(&log, &recent.needs()), day(40)), outside(None));
    }

    #[test]
    fn promise_5_5_what_was_lost_weighs_more_once_the_order_has_left() {
        let log = [order(1, "a", 130), refund(5, "till-7", 120)];
        let even = json!({"event": "Order Completed", "sum": {"of": "total", "at_least": 0}, "within": "10d"});
        assert_eq!(ask(even.clone(), &log, day(6)), inside(Some(day(11))));
        assert_eq!(ask(even, &log, day(11)), outside(Some(day(15))));
    }

    #[test]
    fn promise_5_6_an_order_gives_back_no_more_than_it_brought() {
        let sale = on(1, "Order Completed", json!({"order_id": "a", "total": 120, "subtotal": 100}));
        let log = [sale, order(2, "b", 7), refund(3, "a", 110)];
        let subtotal = json!({"event": "Order Completed", "sum": {"of": "subtotal", "equals": 0}});
        assert!(ask(subtotal, &log, day(9)).inside);
    }

    #[test]
    fn promise_5_5_a_refund_that_is_still_to_come_in_a_log_names_its_instant() {
        let log = [order(1, "a", 100), refund(9, "a", 100)];
        assert_eq!(ask(json!({"event": "Order Completed"}), &log, day(5)), inside(Some(day(9))));
    }
}
