//! Dates and schedules: on which local dates time alone begins a run or ends a wait, and at which instant (promise 6.2).

use std::str::FromStr;

use crate::customer::Customer;
use crate::policy::LocalTimes;
use crate::primitives::local::{LocalTime, Weekday, Weekdays, date_of, day_of};
use crate::primitives::zone::Zone;
use crate::primitives::{Fields, Instant, Key, ParseTimeError, Span, Value};

/// One of the times at which time alone offers a journey to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occasion {
    /// The local date that it is of, as days since 1970-01-01. It names the occasion: a customer who moves to another
    /// zone finds it at another instant, and still at most once (promise 1.3).
    pub date: i64,
    /// When it is, where the customer is now.
    pub at: Instant,
}

impl Occasion {
    /// Whether it is of a later date than another and not before its instant: what
    /// [`Journey::occurs`](super::Journey::occurs) looks for.
    pub fn follows(&self, after: Occasion) -> bool {
        self.date > after.date && self.at >= after.at && self.at < Instant::MAX
    }
}

/// The dates that an attribute gives.
#[derive(Debug, Clone)]
pub(super) struct AtDate {
    pub(super) attribute: Key,
    pub(super) recurs: Recurs,
    pub(super) offset: Offset,
    pub(super) time: LocalTime,
}

/// How often a date comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recurs {
    Once,
    /// On each of its anniversaries, of which it is none itself.
    Yearly(LeapDay),
}

/// When 29 February is in a common year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum LeapDay {
    #[default]
    February28,
    March1,
}

/// The dates that the calendar gives to everybody.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub(super) days: Days,
    pub(super) time: LocalTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    Every,
    OfWeek(Weekdays),
    /// From 1 on; in a month that has no such day it is the last.
    OfMonth(u32),
}

/// A signed number of calendar days, such as `-7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Offset(pub(super) i64);

impl AtDate {
    pub(super) fn occurs(&self, who: &dyn Customer, shop: Option<Zone>, after: Occasion) -> Option<Occasion> {
        let here = Here::of(who, shop);
        let date = self.date(who, &here)?;
        let on = |date: i64| Occasion { date, at: here.at(date.saturating_add(self.offset.0), self.time) };
        let Recurs::Yearly(leap_day) = self.recurs else { return Some(on(date)).filter(|found| found.follows(after)) };
        let (born, ..) = date_of(date);
        // No instant is as much as two days from its local date in UTC: a year back is surely early enough.
        let (by_instant, ..) = date_of(after.at.day().saturating_sub(self.offset.0));
        let (by_date, ..) = date_of(after.date);
        let from = (born.saturating_add(1)).max(by_instant.saturating_sub(1)).max(by_date);
        (from..from.saturating_add(5))
            .filter_map(|year| anniversary(date, year, leap_day))
            .map(on)
            .find(|found| found.follows(after))
    }

    /// What a run begun by an occasion knows of it, as properties of its trigger.
    pub(super) fn data(&self, who: &dyn Customer, shop: Option<Zone>, occasion: Occasion) -> Fields {
        let mut data = date_data(occasion);
        if let (Recurs::Yearly(_), Some(date)) = (self.recurs, self.date(who, &Here::of(who, shop))) {
            let ((born, ..), (year, ..)) = (date_of(date), date_of(occasion.date));
            data.insert("years".into(), Value::Int(i64::from(year) - i64::from(born)));
        }
        data
    }

    /// The date that the attribute holds now. Of an instant it is the local one and, where several zones are possible, the
    /// latest of these.
    fn date(&self, who: &dyn Customer, here: &Here) -> Option<i64> {
        let value = who.attribute(&self.attribute)?;
        let at = value.as_instant()?;
        let is_instant = value.as_str().is_some_and(|text| text.contains(':'));
        Some(if is_instant { here.day(at) } else { at.day() })
    }
}

fn anniversary(date: i64, year: i32, leap_day: LeapDay) -> Option<i64> {
    let (_, month, day) = date_of(date);
    day_of(year, month, day).or_else(|| match leap_day {
        LeapDay::February28 => day_of(year, 2, 28),
        LeapDay::March1 => day_of(year, 3, 1),
    })
}

impl Schedule {
    pub(super) fn occurs(&self, who: &dyn Customer, shop: Option<Zone>, after: Occasion) -> Option<Occasion> {
        let here = Here::of(who, shop);
        let from = after.date.saturating_add(1).max(after.at.day() - 2);
        // Two months hold two days of any kind, and the first of them may still be too early.
        (from..from.saturating_add(70))
            .filter(|date| self.days.contain(*date))
            .map(|date| Occasion { date, at: here.at(date, self.time) })
            .find(|found| found.follows(after))
    }
}

impl Days {
    fn contain(self, date: i64) -> bool {
        match self {
            Days::Every => true,
            Days::OfWeek(weekdays) => weekdays.contains(Weekday::of_day(date)),
            Days::OfMonth(wanted) => {
                let (_, month, day) = date_of(date);
                day == wanted || (day < wanted && date_of(date.saturating_add(1)).1 != month)
            }
        }
    }
}

/// What the run of an occasion reads of it.
pub(super) fn date_data(occasion: Occasion) -> Fields {
    let (year, month, day) = date_of(occasion.date);
    [("date".into(), Value::text(format!("{year:04}-{month:02}-{day:02}")))].into_iter().collect()
}

/// Where the customer may be.
struct Here(LocalTimes);

impl Here {
    fn of(who: &dyn Customer, shop: Option<Zone>) -> Self {
        Here(LocalTimes::of(who, shop))
    }

    /// Where several zones are possible it has to be that late in each of them (promise 1.2). With none at all it is
    /// nowhere, and no run begins; but there is an instant at which to say so.
    fn at(&self, date: i64, time: LocalTime) -> Instant {
        let latest = self.0.zones().iter().map(|zone| zone.resolve(date, time)).max();
        latest.unwrap_or_else(|| Zone::UTC.resolve(date, time))
    }

    fn day(&self, at: Instant) -> i64 {
        self.0.zones().iter().map(|zone| zone.local(at).day).max().unwrap_or_else(|| at.day())
    }
}

/// Whether it is known at all what local time the customer has.
pub(super) fn has_zone(who: &dyn Customer, shop: Option<Zone>) -> bool {
    !LocalTimes::of(who, shop).zones().is_empty()
}

impl FromStr for Offset {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        const MOST: i64 = 3_660;
        let wrong = ParseTimeError { wanted: "a signed number of whole days up to ten years, such as -7d or 3d" };
        let text = text.trim();
        let (sign, length) = match text.strip_prefix('-') {
            Some(length) => (-1, length),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let span: Span = length.parse().map_err(|_| wrong.clone())?;
        let day = Span::days(1).as_millis();
        let days = span.as_millis() / day;
        if span.as_millis() % day == 0 && days <= MOST { Ok(Offset(sign * days)) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_whole_calendar_days_of_either_sign() {
        let read = |text: &str| text.parse::<Offset>().map(|offset| offset.0);
        assert_eq!((read("-7d"), read("+3d"), read("2w"), read("0d")), (Ok(-7), Ok(3), Ok(14), Ok(0)));
        for wrong in ["", "-", "7", "--7d", "36h", "20000d", "d", "-7 d 1h"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(read("48h"), Ok(2));
    }

    #[test]
    fn the_last_day_of_a_month_stands_for_those_that_it_does_not_have() {
        let on = |wanted, (year, month, day)| Days::OfMonth(wanted).contain(day_of(year, month, day).unwrap());
        assert!(on(31, (2026, 2, 28)) && on(29, (2026, 2, 28)) && on(30, (2026, 4, 30)));
        assert!(!on(31, (2028, 2, 28)) && on(31, (2028, 2, 29)) && !on(28, (2028, 2, 29)));
        assert!(on(1, (2026, 1, 1)) && !on(1, (2026, 1, 31)) && on(31, (2026, 12, 31)));
    }
}
