//! A count of an event's latest occurrences, in the form in which it is quickest told.

use super::counts::Counts;
use crate::customer::{History, Series};
use crate::primitives::{Instant, Key, Span};

/// How often an event occurred in the last so long, whatever its properties.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    pub(super) event: Key,
    pub(super) counts: Counts,
    pub(super) span: Span,
    /// Whether what was taken back does not count (promise 5.6).
    pub(super) net: bool,
}

impl Recent {
    /// Whether so many lie in the window; `None` if it takes more than a look at their times.
    #[inline(always)]
    pub(super) fn at_a_glance(&self, history: &History, now: Instant) -> Option<bool> {
        if self.net && history.has_returns() {
            return None;
        }
        let times = history.series(&self.event).map_or(&[][..], Series::times);
        if times.last().is_some_and(|last| *last > now) {
            return None;
        }
        let after = now - self.span;
        Some(at_least(self.counts.low, times, after) && self.counts.high.is_none_or(|n| !at_least(n + 1, times, after)))
    }
}

/// Whether at least so many of the times, earliest first, lie after an instant.
#[inline]
fn at_least(n: u64, times: &[Instant], after: Instant) -> bool {
    match usize::try_from(n) {
        Ok(0) => true,
        // Where there are fewer it lies before the beginning, and so nowhere.
        Ok(n) => times.get(times.len().wrapping_sub(n)).is_some_and(|at| *at > after),
        Err(_) => false,
    }
}
