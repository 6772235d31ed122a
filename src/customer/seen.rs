//! Which events have been taken already (promise 3.2), in six bytes each.

use crate::primitives::{Instant, Key, Span};

/// The `messageId`s of the dedupe horizon, as 48 bits of their stable hash, grouped by the day they were taken on.
///
/// False negatives: none within the horizon. False positives: an event is taken for a copy with a chance of
/// n / 2^48, n being the events of this one customer within the horizon; at 1,000 events that is 1 in 280 thousand million.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    // Apart, so that the first is searched four bytes wide, which compilers turn into vector instructions.
    low: Vec<u32>,
    high: Vec<u16>,
    days: Vec<Day>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Day {
    day: u32,
    count: u32,
}

impl Seen {
    /// Takes an event's id at an instant; `false` if it was taken before within the horizon.
    pub fn take(&mut self, id: &str, now: Instant, horizon: Span) -> bool {
        let hash = Key::hash_of(id);
        let (low, high) = (hash as u32, (hash >> 32) as u16);
        let day = u32::try_from(now.day()).unwrap_or(0);
        if self.days.last().is_none_or(|last| last.day != day) {
            self.forget((now - horizon).day());
        }
        if self.contains(low, high) {
            return false;
        }
        push_tight(&mut self.low, low);
        push_tight(&mut self.high, high);
        match self.days.last_mut() {
            // A clock that went back adds to the latest day: kept longer, never shorter.
            Some(last) if last.day >= day => last.count += 1,
            _ => push_tight(&mut self.days, Day { day, count: 1 }),
        }
        true
    }

    /// How many ids are held.
    pub fn len(&self) -> usize {
        self.low.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.low.is_empty()
    }

    /// Takes all that another holds.
    pub fn absorb(&mut self, other: Seen) {
        let day = self.days.last().map_or(0, |last| last.day).max(other.days.last().map_or(0, |last| last.day));
        for (low, high) in other.low.into_iter().zip(other.high) {
            if !self.contains(low, high) {
                self.low.push(low);
                self.high.push(high);
                match self.days.last_mut() {
                    Some(last) => last.count += 1,
                    None => self.days.push(Day { day, count: 1 }),
                }
            }
        }
        if let Some(last) = self.days.last_mut() {
            last.day = day;
        }
    }

    fn contains(&self, low: u32, high: u16) -> bool {
        // A whole chunk is compared without a branch; the rare hit is looked at again.
        let hit = self.low.chunks(64).any(|chunk| chunk.iter().fold(false, |hit, known| hit | (*known == low)));
        hit && self.low.iter().zip(&self.high).any(|(l, h)| *l == low && *h == high)
    }

    fn forget(&mut self, before: i64) {
        let old = self.days.iter().take_while(|day| i64::from(day.day) < before).count();
        if old > 0 {
            let gone: usize = self.days.drain(..old).map(|day| day.count as usize).sum();
            self.low.drain(..gone.min(self.low.len()));
            self.high.drain(..gone.min(self.high.len()));
        }
    }
}

/// Pushes, growing by an eighth instead of doubling: these lists are most of what a record weighs.
pub(super) fn push_tight<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(4));
    }
    list.push(item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const HORIZON: Span = Span::days(30);

    #[test]
    fn promise_3_2_a_second_copy_is_known_within_the_horizon_and_forgotten_a_day_after() {
        let mut seen = Seen::default();
        let start = Instant::from_millis(0);
        assert!(seen.take("a", start, HORIZON));
        assert!(!seen.take("a", start + Span::days(30), HORIZON));
        assert!(seen.take("b", start + Span::days(31), HORIZON));
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
                    Some(taken) if now - *taken > Span::days(31) => prop_assert!(fresh),
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
