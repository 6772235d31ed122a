//! What is derived of a customer.

use super::codes::Code;
use super::read::{Reader, Result};
use super::write::Writer;
use crate::customer::{
    Affinities, Affinity, Bought, DeviceRecord, Figures, Habits, Line, LineKind, Parts, Purchases, Settled,
};
use crate::primitives::{Currency, Instant};

/// The bits of a line beside its kind.
const NAMED: u8 = 4;
const PRICED: u8 = 8;
const SHOPS: u8 = 16;
const FOREIGN: u8 = 32;

impl<'a> Writer<'a> {
    pub(super) fn figures(&mut self, parts: &'a Parts) {
        let Parts { purchases, considered, decided, affinities, habits } = parts;
        self.flags([
            purchases.currency.is_some(),
            !purchases.lines.is_empty(),
            purchases.settled.is_some(),
            considered.is_some(),
            decided.is_some(),
            !affinities.held.is_empty(),
            habits.is_some(),
        ]);
        purchases.currency.iter().for_each(|currency| self.raw(currency.as_str().as_bytes()));
        if !purchases.lines.is_empty() {
            self.lines(purchases);
        }
        if let Some(settled) = &purchases.settled {
            self.bought(&settled.net);
            self.bought(&settled.gross);
        }
        considered.iter().chain(decided).for_each(|at| self.instant(*at));
        if !affinities.held.is_empty() {
            self.affinities(affinities);
        }
        if let Some(habits) = habits {
            self.habits(habits);
        }
    }

    fn lines(&mut self, purchases: &Purchases) {
        let times: Vec<Instant> = purchases.lines.iter().map(|line| line.at).collect();
        self.times(&times);
        let amounts = || purchases.lines.iter().filter_map(|line| line.amount);
        let unit = (0..=4_u8).rev().find(|code| amounts().all(|amount| amount % 10_i64.pow(u32::from(*code)) == 0));
        let unit = unit.unwrap_or(0);
        self.byte(unit);
        for line in &purchases.lines {
            let shops = line.currency.is_some() && line.currency == purchases.currency;
            let foreign = line.currency.filter(|_| !shops);
            let bit = |is: bool, bit: u8| if is { bit } else { 0 };
            self.byte(
                line.kind.code()
                    | bit(line.order != 0, NAMED)
                    | bit(line.amount.is_some(), PRICED)
                    | bit(shops, SHOPS)
                    | bit(foreign.is_some(), FOREIGN),
            );
            if line.order != 0 {
                self.raw(line.order.to_le_bytes().get(..6).unwrap_or_default());
            }
            line.amount.into_iter().for_each(|amount| self.signed(amount / 10_i64.pow(u32::from(unit))));
            foreign.iter().for_each(|currency| self.raw(currency.as_str().as_bytes()));
        }
    }

    fn bought(&mut self, sum: &Bought) {
        let times = [sum.first, sum.last, sum.previous];
        self.flags(times.map(|at| at.is_some()));
        [sum.orders, sum.priced, sum.left_out].into_iter().for_each(|n| self.number(n));
        self.signed(sum.units);
        times.into_iter().flatten().for_each(|at| self.instant(at));
    }

    fn affinities(&mut self, affinities: &'a Affinities) {
        self.number(affinities.half_life);
        self.signed(affinities.landmark);
        self.count(affinities.held.len());
        for held in &affinities.held {
            self.code(held.of);
            self.text(held.name.as_str());
            self.number(held.score);
        }
    }

    fn habits(&mut self, habits: &'a Habits) {
        self.flags(habits.hours.map(|count| count > 0));
        habits.hours.into_iter().filter(|count| *count > 0).for_each(|count| self.number(count));
        self.count(habits.devices.len());
        for (name, on) in &habits.devices {
            self.text(name.as_str());
            for count in [on.delivered, on.engaged, on.clicked] {
                self.number(count);
            }
        }
    }
}

impl Reader<'_> {
    pub(super) fn figures(&mut self) -> Result<Figures> {
        let [currency, lines, settled, considered, decided, affinities, habits] = self.flags()?;
        let mut purchases = Purchases::default();
        if currency {
            purchases.currency = Some(self.currency()?);
        }
        if lines {
            purchases.lines = self.lines(purchases.currency)?;
        }
        if settled {
            let (net, gross) = (self.bought()?, self.bought()?);
            purchases.settled = Some(Box::new(Settled { net, gross }));
        }
        let mut instant = |given: bool| given.then(|| self.instant()).transpose();
        let (considered, decided) = (instant(considered)?, instant(decided)?);
        let affinities = if affinities { self.affinities()? } else { Affinities::default() };
        let habits = if habits { Some(Box::new(self.habits()?)) } else { None };
        Ok(Figures::from_parts(Parts { purchases, considered, decided, affinities, habits }))
    }

    fn currency(&mut self) -> Result<Currency> {
        let at = self.at();
        let code = self.raw(3)?;
        let code = std::str::from_utf8(code).ok().and_then(|code| code.parse().ok());
        code.map_or_else(|| self.expected(at, "a currency"), Ok)
    }

    fn lines(&mut self, shop: Option<Currency>) -> Result<Vec<Line>> {
        let times = self.times()?;
        let at = self.at();
        let unit = match self.byte()? {
            code @ 0..=4 => 10_i64.pow(u32::from(code)),
            _ => return self.expected(at, "a unit of money"),
        };
        let mut lines = Vec::with_capacity(times.len());
        for time in times {
            let at = self.at();
            let bits = self.byte()?;
            if bits >= 2 * FOREIGN || (bits & SHOPS != 0 && bits & FOREIGN != 0) {
                return self.expected(at, "an order or a return");
            }
            let kind: LineKind = self.coded(at, bits & (NAMED - 1))?;
            let order = if bits & NAMED != 0 {
                let [a, b, c, d, e, f] = self.array()?;
                u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
            } else {
                0
            };
            let amount = if bits & PRICED != 0 {
                let at = self.at();
                match self.signed()?.checked_mul(unit) {
                    Some(amount) => Some(amount),
                    None => return self.expected(at, "a smaller amount"),
                }
            } else {
                None
            };
            let currency = match (bits & SHOPS != 0, bits & FOREIGN != 0) {
                (true, _) => shop,
                (_, true) => Some(self.currency()?),
                _ => None,
            };
            lines.push(Line { at: time, kind, order, amount, currency });
        }
        // They were written in this order; whoever changes them relies on it.
        lines.sort_unstable();
        Ok(lines)
    }

    fn bought(&mut self) -> Result<Bought> {
        let [first, last, previous] = self.flags()?;
        let mut sum = Bought::default();
        (sum.orders, sum.priced, sum.left_out) = (self.number()?, self.number()?, self.number()?);
        sum.units = self.signed()?;
        let mut instant = |given: bool| given.then(|| self.instant()).transpose();
        (sum.first, sum.last, sum.previous) = (instant(first)?, instant(last)?, instant(previous)?);
        Ok(sum)
    }

    fn affinities(&mut self) -> Result<Affinities> {
        let half_life = self.number()?;
        let at = self.at();
        let landmark = self.signed()?;
        // Steps of a period are counted from 1970 as well.
        if landmark.unsigned_abs() > u64::from(u32::MAX) {
            return self.expected(at, "a period of this age");
        }
        let mut held =
            self.list(3, |from| Ok(Affinity { of: from.code()?, name: from.key()?, score: from.number()? }))?;
        held.sort_by_key(|held| (held.of, held.name.hash()));
        held.dedup_by_key(|held| (held.of, held.name.hash()));
        Ok(if held.is_empty() { Affinities::default() } else { Affinities { half_life, landmark, held } })
    }

    fn habits(&mut self) -> Result<Habits> {
        let mut habits = Habits::default();
        let given: [bool; 24] = self.flags()?;
        for (count, _) in habits.hours.iter_mut().zip(given).filter(|(_, given)| *given) {
            *count = self.number()?;
        }
        habits.devices = self.list(4, |from| {
            let name = from.key()?;
            let (delivered, engaged, clicked) = (from.number()?, from.number()?, from.number()?);
            Ok((name, DeviceRecord { delivered, engaged, clicked }))
        })?;
        habits.devices.sort_by_key(|(name, _)| name.hash());
        habits.devices.dedup_by_key(|(name, _)| name.hash());
        Ok(habits)
    }
}
