//! A property over the occurrences of an event, packed by what it holds: order numbers and money are most of a history.

use rust_decimal::Decimal;

use crate::primitives::{Key, Value, ValueRef};

/// One property's values, a row per kept occurrence. Rows beyond the last that has a value are not stored. `Debug` shows
/// the property's name only (promise 2.5).
#[derive(Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) property: Key,
    cells: Cells,
}

/// What a column holds, and how.
#[derive(Clone, PartialEq)]
pub(crate) enum Cells {
    /// Numbers of at most four decimal places, in ten-thousandths.
    Numbers(Vec<i64>),
    /// Texts one after the other, with the end of each; the top bit of an end marks a row without a value.
    Texts { text: String, ends: Vec<u32> },
    /// Everything else.
    Any(Vec<Option<Value>>),
}

/// Texts grow by at least so many bytes: an order's number at a time would move them with each order.
const FEW_TEXTS: usize = 24;
/// No value, among the numbers.
pub(crate) const NONE: i64 = i64::MIN;
/// No value, among the texts.
const GAP: u32 = 1 << 31;
/// Decimal places of packed numbers.
const SCALE: u32 = 4;
/// By which a number of so many decimal places is packed.
const PACKING: [i64; SCALE as usize + 1] = [10_000, 1_000, 100, 10, 1];

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.property, f)
    }
}

impl Column {
    /// A column whose first value stands in this row.
    pub(super) fn new(property: &Key, row: usize, value: &Value) -> Self {
        let cells = match value {
            Value::Int(_) | Value::Decimal(_) if packed(value).is_some() => Cells::Numbers(Vec::new()),
            Value::Text(_) => Cells::Texts { text: String::new(), ends: Vec::new() },
            _ => Cells::Any(Vec::new()),
        };
        let mut column = Column { property: property.clone(), cells };
        column.insert(row, Some(value));
        column
    }

    /// From what a stored record kept.
    pub(crate) fn from_cells(property: Key, cells: Cells) -> Self {
        Column { property, cells }
    }

    /// As it is packed.
    pub(crate) fn cells(&self) -> &Cells {
        &self.cells
    }

    /// Puts a row in, moving later rows on.
    pub(super) fn insert(&mut self, row: usize, value: Option<&Value>) {
        if value.is_none() && row >= self.len() {
            return;
        }
        if value.is_some_and(|value| !self.fits(value)) {
            self.cells = Cells::Any((0..self.len()).map(|row| self.get(row).map(ValueRef::to_value)).collect());
        }
        self.pad(row);
        match &mut self.cells {
            Cells::Numbers(numbers) => insert_tight(numbers, row, value.and_then(packed).unwrap_or(NONE)),
            Cells::Texts { text, ends } => {
                let start = end_before(ends, row);
                let new = value.and_then(Value::as_str).unwrap_or_default();
                if text.capacity() - text.len() < new.len() {
                    text.reserve_exact(new.len().max(FEW_TEXTS).max(text.len() / 8));
                }
                text.insert_str(start, new);
                for end in ends.iter_mut().skip(row) {
                    *end += new.len() as u32;
                }
                let gap = if value.is_some() { 0 } else { GAP };
                insert_tight(ends, row, (start + new.len()) as u32 | gap);
            }
            Cells::Any(values) => insert_tight(values, row, value.cloned()),
        }
    }

    /// The value in a row.
    pub(crate) fn get(&self, row: usize) -> Option<ValueRef<'_>> {
        match &self.cells {
            Cells::Numbers(numbers) => {
                numbers.get(row).filter(|number| **number != NONE).map(|number| unpacked(*number))
            }
            Cells::Texts { text, ends } => {
                let end = *ends.get(row)?;
                if end & GAP != 0 {
                    return None;
                }
                text.get(end_before(ends, row)..end as usize).map(ValueRef::Text)
            }
            Cells::Any(values) => values.get(row)?.as_ref().map(Value::as_ref),
        }
    }

    /// Whether any row has this value.
    pub(super) fn contains(&self, value: ValueRef<'_>) -> bool {
        (0..self.len()).any(|row| self.get(row).is_some_and(|known| known.same(value)))
    }

    /// Drops the first rows.
    pub(super) fn drop_front(&mut self, rows: usize) {
        let rows = rows.min(self.len());
        match &mut self.cells {
            Cells::Numbers(numbers) => drop(numbers.drain(..rows)),
            Cells::Texts { text, ends } => {
                let gone = end_before(ends, rows);
                ends.drain(..rows);
                text.drain(..gone);
                ends.iter_mut().for_each(|end| *end -= gone as u32);
            }
            Cells::Any(values) => drop(values.drain(..rows)),
        }
    }

    /// How many rows are stored.
    pub(crate) fn len(&self) -> usize {
        match &self.cells {
            Cells::Numbers(numbers) => numbers.len(),
            Cells::Texts { ends, .. } => ends.len(),
            Cells::Any(values) => values.len(),
        }
    }

    fn fits(&self, value: &Value) -> bool {
        match &self.cells {
            Cells::Numbers(_) => packed(value).is_some(),
            Cells::Texts { text, .. } => value.as_str().is_some_and(|new| text.len() + new.len() < GAP as usize),
            Cells::Any(_) => true,
        }
    }

    fn pad(&mut self, rows: usize) {
        match &mut self.cells {
            Cells::Numbers(numbers) if numbers.len() < rows => numbers.resize(rows, NONE),
            Cells::Texts { text, ends } if ends.len() < rows => ends.resize(rows, text.len() as u32 | GAP),
            Cells::Any(values) if values.len() < rows => values.resize(rows, None),
            _ => {}
        }
    }
}

impl Cells {
    /// Texts, a row each; `None` if they are too long to be packed.
    pub(crate) fn texts<'t>(rows: impl Iterator<Item = Option<&'t str>>) -> Option<Cells> {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for row in rows {
            text.push_str(row.unwrap_or_default());
            let end = u32::try_from(text.len()).ok().filter(|end| *end < GAP)?;
            ends.push(if row.is_some() { end } else { end | GAP });
        }
        Some(Cells::Texts { text, ends })
    }
}

fn end_before(ends: &[u32], row: usize) -> usize {
    row.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| (*end & !GAP) as usize)
}

fn packed(value: &Value) -> Option<i64> {
    match value {
        Value::Int(n) => n.checked_mul(10_i64.pow(SCALE)),
        Value::Decimal(n) => {
            let packing = PACKING.get(usize::try_from(n.scale()).ok()?)?;
            i64::try_from(n.mantissa()).ok()?.checked_mul(*packing)
        }
        _ => None,
    }
    .filter(|packed| *packed != NONE)
}

fn unpacked(number: i64) -> ValueRef<'static> {
    let one = 10_i64.pow(SCALE);
    if number % one == 0 { ValueRef::Int(number / one) } else { ValueRef::Decimal(Decimal::new(number, SCALE)) }
}

/// Inserts, growing by an eighth instead of doubling: these lists are most of what a record weighs.
pub(super) fn insert_tight<T>(list: &mut Vec<T>, at: usize, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(4));
    }
    list.insert(at, item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Option<Value>> {
        prop_oneof![
            Just(None),
            any::<i64>().prop_map(|n| Some(Value::Int(n))),
            (-1_000_000..1_000_000_i64, 0..6_u32).prop_map(|(n, scale)| Some(Value::from(Decimal::new(n, scale)))),
            "[a-zß]{0,4}".prop_map(|text| Some(Value::text(text))),
            any::<bool>().prop_map(|b| Some(Value::Bool(b))),
        ]
    }

    proptest! {
        #[test]
        fn a_column_gives_back_what_was_put_in_whatever_it_holds(
            rows in proptest::collection::vec((value(), 0..100usize), 1..40), gone in 0..10usize
        ) {
            let mut naive: Vec<Option<Value>> = Vec::new();
            let mut column: Option<Column> = None;
            for (value, at) in rows {
                let at = at % (naive.len() + 1);
                match (&mut column, &value) {
                    (None, Some(value)) => column = Some(Column::new(&"x".into(), at, value)),
                    (Some(column), value) => column.insert(at, value.as_ref()),
                    (None, None) => {}
                }
                naive.insert(at, value);
            }
            let gone = gone.min(naive.len());
            naive.drain(..gone);
            if let Some(column) = &mut column {
                column.drop_front(gone);
            }
            for (row, wanted) in naive.iter().enumerate() {
                let found = column.as_ref().and_then(|column| column.get(row));
                match (found, wanted) {
                    (None, None) => {}
                    (Some(found), Some(wanted)) => prop_assert!(found.same(wanted.as_ref())),
                    _ => prop_assert!(false, "row {row}"),
                }
            }
        }
    }
}
