//! What a customer did: series by series, packed as it is held.

use super::read::{Reader, Result, unzigzag};
use super::write::{Writer, zigzag};
use crate::customer::{Cells, Column, History, NONE, Seen, Series};
use crate::primitives::ValueRef;

impl<'a> Writer<'a> {
    pub(super) fn history(&mut self, history: &'a History) {
        self.count(history.iter().len());
        for series in history.iter() {
            self.text(series.event().as_str());
            self.number(series.total());
            self.instant(series.first());
            self.instant(series.dropped());
            self.times(series.times());
            self.count(series.columns().len());
            series.columns().iter().for_each(|column| self.column(column));
        }
    }

    fn column(&mut self, column: &'a Column) {
        self.text(column.property.as_str());
        let rows = (0..column.len()).map(|row| column.get(row));
        match column.cells() {
            Cells::Numbers(numbers) => {
                self.byte(0);
                self.count(numbers.len());
                self.numbers(numbers);
            }
            Cells::Texts { .. } => {
                self.byte(1);
                self.count(column.len());
                for text in rows.map(|value| value.and_then(ValueRef::as_str)) {
                    self.number(text.map_or(0, |text| text.len() as u64 + 1));
                    self.raw(text.unwrap_or_default().as_bytes());
                }
            }
            Cells::Any(_) => {
                self.byte(2);
                self.count(column.len());
                for value in rows {
                    match value {
                        Some(value) => self.value(value),
                        None => self.byte(0),
                    }
                }
            }
        }
    }

    /// Numbers are held in ten-thousandths, and few have so many places.
    fn numbers(&mut self, numbers: &[i64]) {
        let held = || numbers.iter().filter(|number| **number != NONE);
        let (code, unit) = [(4, 10_000), (3, 1_000), (2, 100), (1, 10)]
            .into_iter()
            .find(|(_, unit)| held().all(|number| number % unit == 0))
            .unwrap_or((0, 1));
        self.byte(code);
        for number in numbers {
            // The one number whose code would not have room for the 1 stands for no value.
            self.number(if *number == NONE { 0 } else { zigzag(number / unit) + 1 });
        }
    }

    pub(super) fn seen(&mut self, seen: &Seen) {
        let (periods, ids) = seen.parts();
        self.count(periods.len());
        let mut before = 0;
        for (period, count) in periods {
            self.signed(i64::from(period) - before);
            self.number(count);
            before = i64::from(period);
        }
        for (low, high) in ids {
            self.raw(&low.to_le_bytes());
            self.raw(&high.to_le_bytes());
        }
    }
}

impl Reader<'_> {
    pub(super) fn history(&mut self, returns: bool) -> Result<History> {
        Ok(History::from_parts(self.list(6, Self::series)?, returns))
    }

    fn series(&mut self) -> Result<Series> {
        let (event, total) = (self.key()?, self.number()?);
        let bounds = [self.instant()?, self.instant()?];
        let times = self.times()?;
        let columns = self.list(3, Self::column)?;
        Ok(Series::from_parts(event, total, bounds, times, columns))
    }

    fn column(&mut self) -> Result<Column> {
        let property = self.key()?;
        let at = self.at();
        let cells = match self.byte()? {
            0 => self.numbers()?,
            1 => self.texts()?,
            2 => Cells::Any(self.list(1, |from| {
                let at = from.at();
                Ok(match from.byte()? {
                    0 => None,
                    tag => Some(from.tagged(at, tag, 0)?),
                })
            })?),
            _ => return self.expected(at, "a kind of column"),
        };
        Ok(Column::from_cells(property, cells))
    }

    fn numbers(&mut self) -> Result<Cells> {
        let count = self.count(1)?;
        let at = self.at();
        let unit = match self.byte()? {
            code @ 0..=4 => 10_i64.pow(code.into()),
            _ => return self.expected(at, "a unit of numbers"),
        };
        let mut numbers = Vec::with_capacity(count);
        for _ in 0..count {
            let at = self.at();
            let number: u64 = self.number()?;
            numbers.push(match number.checked_sub(1) {
                None => NONE,
                Some(number) => match unzigzag(number).checked_mul(unit).filter(|number| *number != NONE) {
                    Some(number) => number,
                    None => return self.expected(at, "a smaller number"),
                },
            });
        }
        Ok(Cells::Numbers(numbers))
    }

    fn texts(&mut self) -> Result<Cells> {
        let at = self.at();
        let texts: Vec<Option<&str>> = self.list(1, |from| {
            let length: usize = from.number()?;
            length.checked_sub(1).map(|length| from.utf8(length)).transpose()
        })?;
        Cells::texts(texts.into_iter()).map_or_else(|| self.expected(at, "less text"), Ok)
    }

    pub(super) fn seen(&mut self) -> Result<Seen> {
        let mut before = 0_i64;
        let mut total = 0;
        let periods: Vec<(u16, u16)> = self.list(2, |from| {
            let at = from.at();
            let period = before.checked_add(from.signed()?).and_then(|period| u16::try_from(period).ok());
            let Some(period) = period else { return from.expected(at, "a period of four days") };
            before = i64::from(period);
            let count = from.number()?;
            total += usize::from(count);
            Ok((period, count))
        })?;
        let ids = self.raw(total.saturating_mul(6))?.chunks_exact(6);
        let (low, high) = ids
            .map(|id| match *id {
                [a, b, c, d, e, f] => (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f])),
                _ => (0, 0),
            })
            .unzip();
        Ok(Seen::from_parts(periods, low, high))
    }
}
