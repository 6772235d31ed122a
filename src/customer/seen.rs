//! Which events have been taken already (promise 3.2), in six bytes each.

use super::column::insert_tight;
use crate::primitives::{Instant, Key, Span};

/// The `messageId`s of the dedupe horizon, as 48 bits of their stable hash, grouped by the four days in which they were
/// taken: an id is held for the horizon and up to four days more.
///
/// False negatives: none within the horizon. False positives: an event is taken for a copy with a chance of
/// n / 2^48, n being the events of this one customer within the horizon; at 1,000 events that is 1 in 280 thousand million.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    // Apart, so that the first is searched four bytes wide, which compilers turn into vector instructions.
    low: Vec<u32>,
    high: Vec<u16>,
    periods: Vec<Period>,
}

/// So many ids were taken in a period of four days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Period {
    period: u16,
    count: u16,
}

/// Counted from the epoch, in steps of four days: until the year 2687.
fn period(at: Instant) -> u16 {
    u16::try_from(at.day().max(0) / 4).unwrap_or(u16::MAX)
}

impl Seen {
    /// Takes an event's id at an instant; `false` if it was taken before within the horizon.
    pub fn take(&mut self, id: &str, now: Instant, horizon: Span) -> bool {
        let hash = Key::hash_of(id);
        let (low, high) = (hash as u32, (hash >> 32) as u16);
        let period = period(now);
        // Asked each time: the horizon enters a new period at another moment than `now` does.
        self.forget(self::period(now - horizon));
        if self.contains(low, high) {
            return false;
        }
        let at = self.low.len();
        insert_tight(&mut self.low, at, low);
        insert_tight(&mut self.high, at, high);
        match self.periods.last_mut() {
            // A clock that went back adds to the latest day: kept longer, never shorter.
            Some(last) if last.period >= period && last.count < u16::MAX => last.count += 1,
            last => {
                let period = last.map_or(period, |last| last.period.max(period));
                let at = self.periods.len();
                insert_tight(&mut self.periods, at, Period { period, count: 1 });
            }
        }
        true
    }

    /// Whether an event's id is held.
    pub(crate) fn contains_id(&self, id: &str) -> bool {
        let hash = Key::hash_of(id);
        self.contains(hash as u32, (hash >> 32) as u16)
    }

    /// How many ids are held.
    pub fn len(&self) -> usize {
        self.low.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.low.is_empty()
    }

    /// Takes all that another holds, as of the later of both.
    pub fn absorb(&mut self, other: Seen) {
        let latest = self.periods.last().max(other.periods.last()).map_or(0, |last| last.period);
        for (low, high) in other.low.into_iter().zip(other.high) {
            if self.contains(low, high) {
                continue;
            }
            self.low.push(low);
            self.high.push(high);
            match self.periods.last_mut() {
                Some(last) if last.period == latest && last.count < u16::MAX => last.count += 1,
                _ => self.periods.push(Period { period: latest, count: 1 }),
            }
        }
    }

    /// The periods with how many ids each has, and the 48 bits of each id: what a stored record keeps.
    pub(crate) fn parts(&self) -> (impl ExactSizeIterator<Item = (u16, u16)>, impl Iterator<Item = (u32, u16)>) {
        let ids = self.low.iter().copied().zip(self.high.iter().copied());
        (self.periods.iter().map(|known| (known.period, known.count)), ids)
    }

    /// From what [`parts`](Self::parts) gave.
    pub(crate) fn from_parts(periods: Vec<(u16, u16)>, low: Vec<u32>, high: Vec<u16>) -> Self {
        let periods = periods.into_iter().map(|(period, count)| Period { period, count }).collect();
        Seen { low, high, periods }
    }

    fn contains(&self, low: u32, high: u16) -> bool {
        // A whole chunk is compared without a branch; the rare hit is looked at again.
        let hit = self.low.chunks(64).any(|chunk| chunk.iter().fold(false, |hit, known| hit | (*known == low)));
        hit && self.low.iter().zip(&self.high).any(|(l, h)| *l == low && *h == high)
    }

    fn forget(&mut self, before: u16) {
        let old = self.periods.iter().take_while(|known| known.period < before).count();
        if old > 0 {
            let gone: usize = self.periods.drain(..old).map(|period| usize::from(period.count)).sum();
            self.low.drain(..gone.min(self.low.len()));
            self.high.drain(..gone.min(self.high.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const HORIZON: Span = Span::days(30);

    #[test]
    fn promise_3_2_a_second_copy_is_known_within_the_horizon_and_forgotten_soon_after() {
        let mut seen = Seen::default();
        let start = Instant::from_millis(0);
        assert!(seen.take("a", start, HORIZON));
        assert!(!seen.take("a", start + Span::days(30), HORIZON));
        assert!(seen.take("b", start + Span::days(38), HORIZON));
        assert_eq!(seen.len(), 1);
    }

    proptest! {
        #[test]
        fn taking_agrees_with_a_naive_set(ids in proptest::collection::vec((0..40u32, 0..20_000i64), 1..300)) {
            let mut minutes = 0;
            let mut seen = Seen::default();
            let mut naive: HashMap<u32, Instant> = HashMap::new();
            for (id, step) in ids {
                minutes += step;
                let now = Instant::from_millis(minutes * 60_000);
                let fresh = seen.take(&id.to_string(), now, HORIZON);
                match naive.get(&id) {
                    Some(taken) if now - *taken <= HORIZON => prop_assert!(!fresh),
                    Some(taken) if now - *taken > Span::days(38) => prop_assert!(fresh),
                    Some(_) => {}
                    None => prop_assert!(fresh),
                }
                if fresh {
                    naive.insert(id, now);
                }
            }
        }
    }
}
