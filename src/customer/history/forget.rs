//! What is past keeping leaves a history; how often and when first it happened is known all the same.

use super::{History, Series};
use crate::primitives::Instant;

impl History {
    /// Forgets every occurrence at or before `horizon`, with its properties. Totals and the first instants stay.
    pub(crate) fn forget(&mut self, horizon: Instant) {
        self.series.iter_mut().for_each(|series| series.forget(horizon));
    }
}

impl Series {
    fn forget(&mut self, horizon: Instant) {
        if self.times.first().is_none_or(|earliest| *earliest > horizon) {
            return;
        }
        let gone = self.times.partition_point(|at| *at <= horizon);
        self.dropped = self.times.drain(..gone).fold(self.dropped, Instant::max);
        self.columns.iter_mut().for_each(|column| column.drop_front(gone));
        self.columns.retain(|column| column.len() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{Keep, Key, Span, Value};

    #[test]
    fn promise_5_4_what_is_past_keeping_goes_with_its_properties_and_the_total_stays() {
        let (event, size) = (Key::new("A"), Key::new("size"));
        let at = |day: i64| Instant::from_millis(0) + Span::days(day);
        let mut history = History::default();
        for day in 0..5 {
            let value = Value::Int(day);
            let keep = Keep { last: 0, within: Span::MAX };
            history.record(&event, at(day), std::slice::from_ref(&size), |_| Some(&value), keep, at(day));
        }
        history.forget(at(2));
        let series = history.series(&event).unwrap();
        assert_eq!((series.times(), series.total(), series.first()), ([at(3), at(4)].as_slice(), 5, at(0)));
        assert!(series.row(0).unwrap().property(&size).unwrap().same(Value::Int(3).as_ref()));
        assert!(series.complete_after(at(2)) && !series.complete_after(at(1)));
        history.forget(at(9));
        let series = history.series(&event).unwrap();
        assert_eq!((series.last(), series.total(), series.columns().len()), (None, 5, 0));
    }
}
