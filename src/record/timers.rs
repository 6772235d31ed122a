//! When time alone next begins runs (promise 6.2).

use super::CustomerState;
use crate::journey::Occasion;
use crate::primitives::Instant;

/// When time alone next offers a journey to the customer, and which of its occasions were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timer {
    /// The stable hash of the journey's name.
    pub journey: u64,
    /// The date of the latest occasion that was, whether a run began or not: none of that date or an earlier one comes
    /// again, whatever happens to the zone, the definitions or the record.
    pub done: Option<i64>,
    /// The next one.
    pub next: Option<Occasion>,
}

impl Timer {
    /// When it fires; [`Instant::MAX`] if nothing is to come.
    pub fn due(&self) -> Instant {
        self.next.map_or(Instant::MAX, |next| next.at)
    }
}

impl CustomerState {
    /// The timer of a journey, by the stable hash of its name.
    pub(crate) fn timer(&self, journey: u64) -> Option<Timer> {
        self.timers.iter().find(|timer| timer.journey == journey).copied()
    }

    /// Sets a journey's timer; of one that says nothing nothing is kept.
    pub(crate) fn set_timer(&mut self, timer: Timer) {
        let place = self.timers.iter().position(|known| known.journey == timer.journey);
        match place {
            Some(place) if timer.done.is_none() && timer.next.is_none() => {
                self.timers.swap_remove(place);
            }
            Some(place) => self.timers.iter_mut().skip(place).take(1).for_each(|known| *known = timer),
            None if timer.done.is_none() && timer.next.is_none() => {}
            None => {
                self.timers.reserve_exact(1);
                self.timers.push(timer);
            }
        }
        self.timers.sort_unstable_by_key(|timer| timer.journey);
    }

    /// Takes over what another record was offered: what was offered to either was offered to the customer.
    pub(super) fn absorb_timers(&mut self, theirs: Vec<Timer>) {
        for timer in theirs {
            let known = self.timer(timer.journey);
            let done = timer.done.max(known.and_then(|known| known.done));
            let next = known.and_then(|known| known.next).or(timer.next);
            let next = next.filter(|next| done < Some(next.date));
            self.set_timer(Timer { done, next, ..timer });
        }
    }
}
