//! Time alone begins runs: the dates and schedules of journeys, each as a timer of the record (promise 6.2).

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::step::Turn;
use crate::customer::Observed;
use crate::journey::{Journey, Occasion, Signal};
use crate::primitives::{Instant, Key, Span};
use crate::record::Timer;

/// A journey that time alone begins, in the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    pub(super) position: u16,
    /// The stable hash of its name.
    pub(super) journey: u64,
    pub(super) looks_back: Span,
}

/// What a journey was that is not in the playbook any more is remembered for so many days: one that comes back begins
/// nothing a second time.
const REMEMBERED: i64 = 400;

/// Of what was missed only the latest counts, and it is looked for within a year.
const MISSED: Span = Span::days(366);

/// A journey of the host's that names occasion after occasion at one instant is listened to so often.
const MOST: usize = 1_000;

impl Turn<'_> {
    /// Finds anew when time alone next begins runs.
    pub(super) fn set_timers(&mut self) {
        let timed = &self.book.index.timed;
        if timed.is_empty() && self.state.timers.is_empty() {
            return;
        }
        let today = self.now.day();
        self.state.timers.retain_mut(|timer| {
            if timed.iter().any(|known| known.journey == timer.journey) {
                return true;
            }
            timer.next = None;
            timer.done.is_some_and(|done| today.saturating_sub(done) < REMEMBERED)
        });
        for timed in timed {
            self.set_timer(*timed);
        }
    }

    /// The same if what an event said of the customer can have moved any of them.
    pub(super) fn move_timers(&mut self, observed: &Observed) {
        let index = &self.book.index;
        if index.timed.is_empty() {
            return;
        }
        // A phone number tells a country, and so a zone.
        let elsewhere = observed.place || observed.reachability;
        if elsewhere || observed.attributes.iter().any(|hash| index.timed_attributes.contains(hash)) {
            self.set_timers();
        }
    }

    /// The same after a run set an attribute.
    pub(super) fn move_timers_by(&mut self, attribute: &Key) {
        if self.book.index.timed_attributes.contains(&attribute.hash()) {
            self.set_timers();
        }
    }

    fn set_timer(&mut self, timed: Timed) {
        let Some(journey) = self.book.journeys.get(usize::from(timed.position)) else { return };
        let known = self.state.timer(timed.journey);
        let (done, armed) = (known.and_then(|known| known.done), known.and_then(|known| known.next));
        let date = done.unwrap_or(i64::MIN);
        let since = self.now - timed.looks_back;
        // What was to come, and has not come yet, is not lost by a change in between: neither at its instant nor, where
        // the customer is now in another zone, on its date.
        let at = armed.map_or(since, |armed| armed.at.min(since));
        let by_instant = self.occurs(&**journey, Occasion { date, at });
        let by_date = armed.and_then(|armed| {
            let date = date.max(armed.date.saturating_sub(1));
            self.occurs(&**journey, Occasion { date, at: Instant::MIN })
        });
        let next = [by_instant, by_date].into_iter().flatten().min();
        self.state.set_timer(Timer { journey: timed.journey, done, next });
    }

    /// Offers the journeys whose time has come, in the playbook's order. Of several occasions that were missed only the
    /// latest is offered, at its own instant.
    pub(super) fn begin_timed(&mut self, due: Instant) {
        if self.state.timers.iter().all(|timer| timer.due() > due) {
            return;
        }
        let book = self.book;
        for timed in &book.index.timed {
            let Some(journey) = book.journeys.get(usize::from(timed.position)) else { continue };
            let Some(timer) = self.state.timer(timed.journey) else { continue };
            let Some(next) = timer.next.filter(|next| next.at <= due) else { continue };
            let latest = self.latest(&**journey, next);
            if latest != next {
                self.state.set_timer(Timer { done: Some(latest.date.saturating_sub(1)), next: Some(latest), ..timer });
                continue;
            }
            let following = self.occurs(&**journey, next);
            self.state.set_timer(Timer { done: Some(next.date), next: following, ..timer });
            self.enter(&[timed.position], &Signal::Occurred { occasion: next }, None);
        }
        // What no journey asks for fires nothing, and not again.
        for timer in self.state.timers.iter_mut().filter(|timer| timer.due() <= due) {
            if !book.index.timed.iter().any(|timed| timed.journey == timer.journey) {
                timer.next = None;
            }
        }
    }

    /// The latest occasion by now, from one on that has come.
    fn latest(&self, journey: &dyn Journey, from: Occasion) -> Occasion {
        let mut latest = from;
        let mut after = Occasion { at: from.at.max(self.now - MISSED), ..from };
        for _ in 0..MOST {
            match self.occurs(journey, after).filter(|later| later.at <= self.now) {
                Some(later) => (latest, after) = (later, later),
                None => break,
            }
        }
        latest
    }

    /// A journey of the host's that panics, or names what does not follow, names nothing.
    fn occurs(&self, journey: &dyn Journey, after: Occasion) -> Option<Occasion> {
        let occurs = || journey.occurs(&self.state.profile, after);
        catch_unwind(AssertUnwindSafe(occurs)).unwrap_or_default().filter(|found| found.follows(after))
    }
}
