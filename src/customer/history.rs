//! What a customer did, as far back as the playbook's definitions read.

mod forget;

use std::sync::LazyLock;

use super::column::{Column, insert_tight};
use crate::primitives::{Instant, Keep, Key, Span, Value, ValueRef};

/// The events of one customer that some definition reads: a time series per event name, in order of `timestamp`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    series: Vec<Series>,
    /// Whether an order on record was ever named by a refund or a cancellation on record.
    returns: bool,
}

/// Whether an occurrence was the first of its event that the record ever saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The first.
    First,
    /// One more.
    Further,
}

/// The property by which orders are named, and the events that give and take them (promise 5.6).
static ORDER_ID: LazyLock<Key> = LazyLock::new(|| Key::new("order_id"));
static ORDER: LazyLock<Key> = LazyLock::new(|| Key::new("Order Completed"));
static TAKES_BACK: LazyLock<[Key; 2]> = LazyLock::new(|| ["Order Refunded", "Order Cancelled"].map(Key::new));

/// One event name's occurrences.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    event: Key,
    /// Occurrences ever, also those that are no longer kept.
    total: u32,
    first: Instant,
    /// The latest occurrence that is no longer kept; the earliest instant if all are.
    dropped: Instant,
    times: Vec<Instant>,
    columns: Vec<Column>,
}

/// One kept occurrence.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence<'a> {
    series: &'a Series,
    row: usize,
    /// When it happened.
    pub at: Instant,
}

impl History {
    /// The series of an event, if it ever occurred since a definition reads it.
    #[inline]
    pub fn series(&self, event: &Key) -> Option<&Series> {
        self.series.iter().find(|series| series.event == *event)
    }

    /// All series.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Series> {
        self.series.iter()
    }

    /// Adds an occurrence at its place in time, late ones too, with the properties to keep. Says whether it was the first.
    pub fn record<'p>(
        &mut self,
        event: &Key,
        at: Instant,
        columns: &[Key],
        property: impl Fn(&Key) -> Option<&'p Value>,
        keep: Keep,
        now: Instant,
    ) -> Recorded {
        let index = match self.series.iter().position(|series| series.event == *event) {
            Some(index) => index,
            None => {
                self.series.reserve_exact(1);
                self.series.push(Series::new(event, at));
                self.series.len() - 1
            }
        };
        if let Some(series) = self.series.get_mut(index) {
            series.insert(at, columns, &property);
            series.trim(keep, now);
        }
        if !self.returns && columns.contains(&ORDER_ID) {
            self.returns = property(&ORDER_ID).is_some_and(|id| self.is_return(event, id.as_ref()));
        }
        let total = self.series.get(index).map_or(0, Series::total);
        if total <= 1 { Recorded::First } else { Recorded::Further }
    }

    /// Whether an order may have been taken back: if not, orders count as they are, and nobody need look.
    #[inline]
    pub fn has_returns(&self) -> bool {
        self.returns
    }

    /// From what a stored record kept.
    pub(crate) fn from_parts(series: Vec<Series>, returns: bool) -> Self {
        History { series, returns }
    }

    fn is_return(&self, event: &Key, id: ValueRef<'_>) -> bool {
        let named = |other: &Key| {
            self.series(other).is_some_and(|series| series.column(&ORDER_ID).is_some_and(|column| column.contains(id)))
        };
        if *event == *ORDER { TAKES_BACK.iter().any(named) } else { TAKES_BACK.contains(event) && named(&ORDER) }
    }

    /// Takes all that another history holds.
    pub fn absorb(&mut self, other: History) {
        // An order of the one may be named by a refund of the other: from now on somebody looks.
        self.returns |= other.returns || (!self.series.is_empty() && !other.series.is_empty());
        for theirs in other.series {
            match self.series.iter_mut().find(|series| series.event == theirs.event) {
                Some(ours) => ours.absorb(&theirs),
                None => self.series.push(theirs),
            }
        }
    }
}

impl Series {
    fn new(event: &Key, first: Instant) -> Self {
        Series { event: event.clone(), total: 0, first, dropped: Instant::MIN, times: Vec::new(), columns: Vec::new() }
    }

    /// From what a stored record kept: occurrences ever, the first, the latest dropped, and what is held of each kept
    /// one, earliest first.
    pub(crate) fn from_parts(
        event: Key,
        total: u32,
        [first, dropped]: [Instant; 2],
        times: Vec<Instant>,
        columns: Vec<Column>,
    ) -> Self {
        Series { event, total, first, dropped, times, columns }
    }

    /// The latest occurrence that is no longer kept.
    pub(crate) fn dropped(&self) -> Instant {
        self.dropped
    }

    /// The properties kept.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The event's name.
    pub fn event(&self) -> &Key {
        &self.event
    }

    /// Occurrences ever, also those that are no longer kept.
    pub fn total(&self) -> u64 {
        u64::from(self.total)
    }

    /// The first occurrence ever.
    pub fn first(&self) -> Instant {
        self.first
    }

    /// The latest occurrence.
    pub fn last(&self) -> Option<Instant> {
        self.times.last().copied()
    }

    /// The latest occurrence but `n`: 0 is the latest, 1 the one before.
    pub fn last_but(&self, n: usize) -> Option<Instant> {
        self.times.iter().rev().nth(n).copied()
    }

    /// The times kept, earliest first.
    #[inline]
    pub fn times(&self) -> &[Instant] {
        &self.times
    }

    /// The kept occurrence at a place in [`times`](Self::times).
    pub fn row(&self, row: usize) -> Option<Occurrence<'_>> {
        self.times.get(row).map(|at| Occurrence { series: self, row, at: *at })
    }

    /// Whether every occurrence after `from` is kept, so that counts from there on are exact.
    pub fn complete_after(&self, from: Instant) -> bool {
        self.dropped <= from
    }

    /// The occurrences in `(after, until]`, earliest first.
    pub fn within(&self, after: Instant, until: Instant) -> impl DoubleEndedIterator<Item = Occurrence<'_>> + '_ {
        let start = self.times.partition_point(|at| *at <= after);
        let end = self.times.partition_point(|at| *at <= until);
        let times = self.times.get(start..end).unwrap_or_default();
        times.iter().enumerate().map(move |(n, at)| Occurrence { series: self, row: start + n, at: *at })
    }

    fn column(&self, property: &Key) -> Option<&Column> {
        self.columns.iter().find(|column| column.property == *property)
    }

    fn insert<'p>(&mut self, at: Instant, columns: &[Key], property: impl Fn(&Key) -> Option<&'p Value>) {
        self.total = self.total.saturating_add(1);
        self.first = self.first.min(at);
        // Equal times keep the order of arrival.
        let row = match self.times.last() {
            Some(last) if *last > at => self.times.partition_point(|known| *known <= at),
            _ => self.times.len(),
        };
        insert_tight(&mut self.times, row, at);
        let mut missing = columns.len();
        for column in &mut self.columns {
            let kept = columns.contains(&column.property);
            missing -= usize::from(kept);
            column.insert(row, if kept { property(&column.property) } else { None });
        }
        if missing == 0 {
            return;
        }
        if self.columns.is_empty() {
            self.columns.reserve_exact(columns.len());
        }
        // A column begins with its first value.
        for key in columns {
            if let Some(value) = property(key)
                && !self.columns.iter().any(|column| column.property == *key)
            {
                self.columns.push(Column::new(key, row, value));
            }
        }
    }

    /// Drops what no definition reads: neither among the last so many nor young enough.
    fn trim(&mut self, keep: Keep, now: Instant) {
        let spare = self.times.len().saturating_sub(keep.last as usize);
        let horizon = if keep.within == Span::MAX { Instant::MIN } else { now - keep.within };
        let old = self.times.iter().take(spare).take_while(|at| **at <= horizon).count();
        let over = self.times.len().saturating_sub(Keep::MOST.max(keep.last as usize));
        let gone = old.max(over);
        // In batches: each removal moves the whole list.
        if gone > self.times.len() / 8 || over > 0 {
            self.dropped = self.times.drain(..gone).fold(self.dropped, Instant::max);
            for column in &mut self.columns {
                column.drop_front(gone);
            }
        }
    }

    fn absorb(&mut self, theirs: &Series) {
        let columns: Vec<Key> = theirs.columns.iter().map(|column| column.property.clone()).collect();
        for row in theirs.within(Instant::MIN, Instant::MAX) {
            let values: Vec<_> = columns.iter().map(|key| row.property(key).map(ValueRef::to_value)).collect();
            let value =
                |key: &Key| columns.iter().position(|column| column == key).and_then(|n| values.get(n)?.as_ref());
            self.insert(row.at, &columns, value);
        }
        self.total = self.total.saturating_add(theirs.total.saturating_sub(theirs.times.len() as u32));
        self.first = self.first.min(theirs.first);
        self.dropped = self.dropped.max(theirs.dropped);
    }
}

impl<'a> Occurrence<'a> {
    /// A kept property.
    pub fn property(&self, key: &Key) -> Option<ValueRef<'a>> {
        self.series.column(key)?.get(self.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Instant {
        Instant::from_millis(0) + Span::days(day)
    }

    #[test]
    fn late_events_fall_into_place_with_their_properties() {
        let (event, size) = (Key::new("Order Completed"), Key::new("size"));
        let mut history = History::default();
        let keep = Keep { last: 0, within: Span::days(100) };
        for (day, n) in [(5, 50), (1, 10), (9, 90)] {
            let value = Value::Int(n);
            history.record(&event, at(day), std::slice::from_ref(&size), |_| Some(&value), keep, at(9));
        }
        let series = history.series(&event).unwrap();
        let rows: Vec<_> =
            series.within(at(1), at(9)).map(|row| (row.at, row.property(&size).map(ValueRef::to_value))).collect();
        assert_eq!(rows, [(at(5), Some(Value::Int(50))), (at(9), Some(Value::Int(90)))]);
        assert_eq!((series.first(), series.total(), series.last_but(1)), (at(1), 3, Some(at(5))));
    }

    #[test]
    fn promise_5_4_what_no_definition_reads_is_dropped_and_the_total_stays() {
        let event = Key::new("Product Viewed");
        let mut history = History::default();
        for day in 0..1_000 {
            history.record(&event, at(day), &[], |_| None, Keep { last: 3, within: Span::days(30) }, at(day));
        }
        let series = history.series(&event).unwrap();
        assert_eq!(series.total(), 1_000);
        assert!((30..=40).contains(&series.times().len()), "{}", series.times().len());
        assert!(series.complete_after(at(969)) && !series.complete_after(at(10)));
    }
}
