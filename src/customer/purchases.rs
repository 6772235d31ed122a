//! What a customer bought and sent back (promise 5.6).

use super::bought::{Bought, MoneyBasis};
use super::column::insert_tight;
use super::order_line::{Line, LineKind, units};
use crate::event::Event;
use crate::primitives::{Currency, Instant, Key, Money};

/// How many orders and returns are held one by one. What is older is summed up: a return that names one of those still
/// lowers the money, but no longer the number of orders.
const HELD: usize = 32;

/// What one customer bought and sent back: the latest orders and returns one by one, what is older in sums.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Purchases {
    /// The shop's currency, in which sums are; none before the first order.
    pub(crate) currency: Option<Currency>,
    /// Earliest first.
    pub(crate) lines: Vec<Line>,
    pub(crate) settled: Option<Box<Settled>>,
}

/// What is no longer held one by one.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Settled {
    pub(crate) net: Bought,
    pub(crate) gross: Bought,
}

impl Purchases {
    /// Sums that a host keeps itself: so many orders of so much, the first and the latest.
    pub(super) fn of_sums(value: Money, orders: u32, first: Instant, last: Instant) -> Self {
        let mut sum = Bought::default();
        (sum.units, sum.orders, sum.priced) = (units(value.amount).unwrap_or_default(), orders, orders);
        if orders > 0 {
            (sum.first, sum.last) = (Some(first.min(last)), Some(last.max(first)));
        }
        let settled = Some(Box::new(Settled { net: sum, gross: sum }));
        Purchases { currency: Some(value.currency), lines: Vec::new(), settled }
    }

    /// Takes an event at its instant; says whether it changed anything.
    pub(super) fn observe(
        &mut self,
        event: &Event,
        kind: LineKind,
        at: Instant,
        shop: Currency,
        converted: Option<&Key>,
    ) -> bool {
        let line = Line::of(event, kind, at, shop, converted);
        if !line.says() {
            return false;
        }
        self.rebase(shop);
        self.insert(line);
        self.settle();
        true
    }

    /// Whether any order counts.
    pub(super) fn is_buyer(&self) -> bool {
        let orders = || self.lines.iter().filter(|line| line.kind == LineKind::Order);
        self.settled.as_ref().is_some_and(|settled| settled.net.orders > 0)
            || orders().any(|order| self.kept(order).is_some())
    }

    /// Takes all that another record bought.
    pub(super) fn absorb(&mut self, mut other: Purchases) {
        match (self.currency, other.currency) {
            // The customer's own record says what the shop's currency is now; a sum in another one cannot be added.
            (Some(ours), Some(_)) => other.rebase(ours),
            (None, theirs) => self.currency = theirs,
            _ => {}
        }
        other.lines.into_iter().for_each(|line| self.insert(line));
        if let Some(theirs) = other.settled {
            let ours = self.settled.get_or_insert_default();
            ours.net.add(&theirs.net);
            ours.gross.add(&theirs.gross);
        }
        self.settle();
    }

    /// Orders and money as of now.
    pub(super) fn bought(&self, basis: MoneyBasis) -> Bought {
        let settled = self.settled.as_deref().copied().unwrap_or_default();
        let mut sum = if basis == MoneyBasis::Net { settled.net } else { settled.gross };
        let returns = self.lines.iter().any(|line| line.kind != LineKind::Order);
        for line in &self.lines {
            match (basis, line.kind) {
                (MoneyBasis::Gross, LineKind::Order) => self.count(&mut sum, line, line.amount),
                (MoneyBasis::Net, LineKind::Order) if !returns => self.count(&mut sum, line, line.amount),
                (MoneyBasis::Net, LineKind::Order) => {
                    if let Some(kept) = self.kept(line) {
                        self.count(&mut sum, line, kept);
                    }
                }
                (MoneyBasis::Net, LineKind::Refund) if !self.has_order(line.order) => self.lose(&mut sum, line),
                _ => {}
            }
        }
        sum
    }

    /// Counts an order of so much.
    fn count(&self, sum: &mut Bought, order: &Line, amount: Option<i64>) {
        sum.order(order.at);
        match amount {
            Some(_) if self.is_foreign(order) => sum.left_out = sum.left_out.saturating_add(1),
            Some(amount) => {
                sum.priced = sum.priced.saturating_add(1);
                sum.units = sum.units.saturating_add(amount);
            }
            None => {}
        }
    }

    /// A refund that names no known order.
    fn lose(&self, sum: &mut Bought, refund: &Line) {
        match refund.amount {
            Some(_) if self.is_foreign(refund) => sum.left_out = sum.left_out.saturating_add(1),
            Some(amount) => sum.units = sum.units.saturating_sub(amount.abs()),
            None => {}
        }
    }

    /// What is left of an order's amount; `None` if the order no longer counts.
    fn kept(&self, order: &Line) -> Option<Option<i64>> {
        let (mut taken, mut any) = (0_i64, false);
        for back in self.returns_of(order.order) {
            if back.kind == LineKind::Cancel {
                return None;
            }
            if back.currency.is_some_and(|code| Some(code) != order.currency.or(self.currency)) {
                continue;
            }
            // A refund that says no amount takes the whole order back.
            taken = taken.saturating_add(back.amount?.abs());
            any = true;
        }
        match order.amount {
            Some(whole) if any && taken >= whole => None,
            amount => Some(amount.map(|whole| whole.saturating_sub(taken))),
        }
    }

    fn returns_of(&self, order: u64) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| order != 0 && line.order == order && line.kind != LineKind::Order)
    }

    fn has_order(&self, order: u64) -> bool {
        order != 0 && self.lines.iter().any(|line| line.order == order && line.kind == LineKind::Order)
    }

    fn is_foreign(&self, line: &Line) -> bool {
        line.currency.is_some_and(|code| Some(code) != self.currency)
    }

    fn insert(&mut self, line: Line) {
        let at = match self.lines.last() {
            Some(last) if *last > line => self.lines.partition_point(|known| *known <= line),
            _ => self.lines.len(),
        };
        insert_tight(&mut self.lines, at, line);
    }

    /// Sums up the oldest of what is held beyond the limit.
    fn settle(&mut self) {
        while self.lines.len() > HELD {
            let Some(at) = self.oldest() else { return };
            self.settle_line(at);
        }
    }

    /// Sums up what happened at or before an instant.
    pub(super) fn settle_upto(&mut self, horizon: Instant) {
        while let Some(at) = self.oldest()
            && self.lines.get(at).is_some_and(|line| line.at <= horizon)
        {
            self.settle_line(at);
        }
    }

    /// A return of an order that is held goes with the order.
    fn oldest(&self) -> Option<usize> {
        self.lines.iter().position(|line| line.kind == LineKind::Order || !self.has_order(line.order))
    }

    fn settle_line(&mut self, at: usize) {
        let Some(line) = self.lines.get(at).copied() else { return };
        let mut settled = self.settled.take().unwrap_or_default();
        match line.kind {
            LineKind::Order => {
                self.count(&mut settled.gross, &line, line.amount);
                if let Some(kept) = self.kept(&line) {
                    self.count(&mut settled.net, &line, kept);
                }
            }
            LineKind::Refund => self.lose(&mut settled.net, &line),
            LineKind::Cancel => {}
        }
        self.settled = Some(settled);
        self.lines.remove(at);
        // The last order of this name takes its returns along.
        if line.kind == LineKind::Order && line.order != 0 && !self.has_order(line.order) {
            self.lines.retain(|other| other.order != line.order);
        }
    }

    /// The shop's currency is this one now.
    fn rebase(&mut self, shop: Currency) {
        if let Some(before) = self.currency.filter(|before| *before != shop) {
            self.lines.iter_mut().for_each(|line| line.currency = line.currency.or(Some(before)));
            self.lines.sort_unstable();
            if let Some(settled) = &mut self.settled {
                settled.net.leave_out();
                settled.gross.leave_out();
            }
        }
        self.currency = Some(shop);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::Span;
    use proptest::prelude::*;
    use rust_decimal::Decimal;
    use std::collections::BTreeMap;

    fn eur() -> Currency {
        "EUR".parse().unwrap()
    }

    fn day(n: i64) -> Instant {
        Instant::from_millis(0) + Span::days(n)
    }

    fn event(name: &str, order: &str, total: Option<&str>) -> Event {
        let mut event = Event::track(name);
        if !order.is_empty() {
            event = event.property("order_id", order);
        }
        match total {
            Some(total) => event.property("total", total.parse::<Decimal>().unwrap()),
            None => event,
        }
    }

    fn after(log: &[(i64, Event)]) -> Purchases {
        let mut purchases = Purchases::default();
        for (n, event) in log {
            let kind = LineKind::EVENTS.iter().find(|(name, _)| *name == event.name.as_str()).unwrap().1;
            purchases.observe(event, kind, day(*n), eur(), Some(&Key::new("total_eur")));
        }
        purchases
    }

    fn net(log: &[(i64, Event)]) -> (u32, String) {
        let bought = after(log).bought(MoneyBasis::Net);
        (bought.orders, bought.value().normalize().to_string())
    }

    fn order(n: i64, id: &str, total: &str) -> (i64, Event) {
        (n, event("Order Completed", id, Some(total)))
    }

    fn refund(n: i64, id: &str, total: &str) -> (i64, Event) {
        (n, event("Order Refunded", id, Some(total)))
    }

    #[test]
    fn promise_5_6_refunds_take_orders_back_whenever_they_arrive() {
        let part = [order(1, "a", "100"), order(5, "b", "50.5"), refund(9, "a", "30")];
        assert_eq!(net(&part), (2, "120.5".into()));
        let early = [refund(9, "a", "30"), order(5, "b", "50.5"), order(1, "a", "100")];
        assert_eq!(net(&early), (2, "120.5".into()));
        let whole = [order(1, "a", "100"), order(5, "b", "50"), refund(9, "b", "20"), refund(11, "b", "30")];
        assert_eq!(net(&whole), (1, "100".into()));
        assert_eq!(after(&whole).bought(MoneyBasis::Net).last, Some(day(1)));
        assert_eq!(after(&whole).bought(MoneyBasis::Gross).last, Some(day(5)));
        let cancelled = [order(1, "a", "100"), (2, event("Order Cancelled", "a", None))];
        assert_eq!(net(&cancelled), (0, "0".into()));
        let silent = [order(1, "a", "100"), (2, event("Order Refunded", "a", None))];
        assert_eq!(net(&silent), (0, "0".into()));
    }

    #[test]
    fn promise_5_6_a_refund_of_no_known_order_lowers_the_money_and_no_count() {
        let log = [order(1, "a", "100"), refund(2, "till-7", "30"), refund(3, "", "-5")];
        assert_eq!(net(&log), (1, "65".into()));
        assert_eq!(after(&log).bought(MoneyBasis::Gross).value(), Decimal::from(100));
    }

    #[test]
    fn promise_5_6_money_of_another_currency_is_left_out_and_counted() {
        let dollars = |event: Event| event.property("currency", "usd");
        let log = [order(1, "a", "100"), (2, dollars(order(2, "b", "70").1)), (3, dollars(refund(3, "a", "40").1))];
        let bought = after(&log).bought(MoneyBasis::Net);
        assert_eq!((bought.orders, bought.priced, bought.left_out, bought.value()), (2, 1, 1, Decimal::from(100)));
        assert_eq!(bought.average(), Some(Decimal::from(100)));
        // Taken back in its own currency the order counts no more.
        let back = [(2, dollars(order(2, "b", "70").1)), (3, dollars(refund(3, "b", "70").1))];
        assert_eq!(after(&back).bought(MoneyBasis::Net).orders, 0);
        let converted = [(2, dollars(order(2, "b", "70").1).property("total_eur", 64))];
        assert_eq!(net(&converted), (1, "64".into()));
    }

    #[test]
    fn promise_5_6_a_shop_that_changes_its_currency_adds_nothing_of_the_old_one() {
        let mut purchases = after(&[order(1, "a", "100"), refund(2, "x", "10")]);
        let dollars: Currency = "USD".parse().unwrap();
        purchases.observe(&order(3, "b", "7").1, LineKind::Order, day(3), dollars, None);
        let bought = purchases.bought(MoneyBasis::Net);
        assert_eq!((bought.orders, bought.left_out, bought.value()), (2, 2, Decimal::from(7)));
    }

    #[test]
    fn a_record_of_many_orders_stays_small_and_its_sums_exact() {
        let mut log: Vec<_> = (0..500).map(|n| order(n, &n.to_string(), "1.05")).collect();
        log.extend((0..500).map(|n| refund(n + 20, &format!("till-{n}"), "0.05")));
        log.sort_by_key(|(n, _)| *n);
        let purchases = after(&log);
        assert_eq!(purchases.lines.len(), HELD);
        let bought = purchases.bought(MoneyBasis::Net);
        assert_eq!((bought.orders, bought.value()), (500, Decimal::from(500)));
        assert_eq!((bought.first, bought.last, bought.previous), (Some(day(0)), Some(day(499)), Some(day(498))));
    }

    /// What is drawn: the day, which of six orders (0 names none), and the amount in tenths.
    #[derive(Debug, Clone, Copy)]
    struct Drawn(i64, u8, u8, i64);

    fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
        // At most one order of each name: a shop's names are its own.
        proptest::collection::vec((0..40_i64, 0..6_u8, 0..4_u8, 0..40_i64), 0..HELD).prop_map(|list| {
            let mut sold = std::collections::BTreeSet::new();
            let fresh = |d: &Drawn| d.2 > 1 || d.1 == 0 || sold.insert(d.1);
            list.into_iter().map(|(a, b, c, d)| Drawn(a, b, c, d)).filter(fresh).collect()
        })
    }

    fn of(Drawn(day, which, kind, tenths): Drawn) -> (i64, Event) {
        let name = ["Order Completed", "Order Completed", "Order Refunded", "Order Cancelled"][usize::from(kind)];
        let id = if which == 0 { String::new() } else { format!("R-{which}") };
        let total = (tenths % 7 != 6).then(|| format!("{}.{}", tenths / 10, tenths % 10));
        (day, event(name, &id, total.as_deref()))
    }

    /// The sorted, unique list, folded as promise 5.6 reads.
    fn naive(list: &[Drawn]) -> (u32, Decimal, Option<i64>, Option<i64>) {
        let says = |d: &Drawn| (d.3 % 7 != 6).then_some(Decimal::new(d.3, 1));
        let mut sorted = list.to_vec();
        sorted.sort_by_key(|d| d.0);
        let (mut orders, mut money, mut days) = (0, Decimal::ZERO, Vec::new());
        let mut back: BTreeMap<u8, (bool, Decimal, bool)> = BTreeMap::new();
        let known: Vec<u8> = sorted.iter().filter(|d| d.2 < 2 && d.1 != 0).map(|d| d.1).collect();
        for d in sorted.iter().filter(|d| d.2 >= 2) {
            let entry = back.entry(d.1).or_default();
            match (d.2, known.contains(&d.1), says(d)) {
                (3, ..) | (2, true, None) => entry.0 |= d.1 != 0,
                (_, true, Some(amount)) => (entry.1, entry.2) = (entry.1 + amount, true),
                (_, _, amount) => money -= amount.unwrap_or_default(),
            }
        }
        for d in sorted.iter().filter(|d| d.2 < 2) {
            let (gone, taken, any) =
                if d.1 == 0 { Default::default() } else { back.get(&d.1).copied().unwrap_or_default() };
            if gone || (any && says(d).is_some_and(|whole| taken >= whole)) {
                continue;
            }
            orders += 1;
            money += says(d).map_or(Decimal::ZERO, |whole| whole - taken);
            days.push(d.0);
        }
        (orders, money, days.first().copied(), days.last().copied())
    }

    proptest! {
        #[test]
        fn promise_5_6_figures_agree_with_a_naive_fold_in_any_order(list in drawn(), seed in any::<u64>()) {
            let mut shuffled = list.clone();
            shuffled.sort_by_key(|d| Key::hash_of(&format!("{seed} {d:?}")));
            let bought = after(&shuffled.iter().map(|d| of(*d)).collect::<Vec<_>>()).bought(MoneyBasis::Net);
            let (orders, money, first, last) = naive(&list);
            prop_assert_eq!((bought.orders, bought.value()), (orders, money));
            prop_assert_eq!((bought.first, bought.last), (first.map(day), last.map(day)));
        }

        #[test]
        fn promise_2_3_purchases_of_two_records_add_up_whichever_takes_the_other(
            list in drawn(), parts in proptest::collection::vec(0..3_usize, 40)
        ) {
            let part = |n: usize| {
                let chosen: Vec<_> = list.iter().zip(&parts).filter(|(_, p)| **p == n).map(|(d, _)| of(*d)).collect();
                after(&chosen)
            };
            let merged = |order: [usize; 3]| {
                let mut all = Purchases::default();
                order.into_iter().for_each(|n| all.absorb(part(n)));
                all
            };
            let whole = after(&list.iter().map(|d| of(*d)).collect::<Vec<_>>());
            for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
                prop_assert!(merged(order) == whole);
            }
        }
    }
}
