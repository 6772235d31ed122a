//! IANA time zones: what the wall clock of a customer shows, and when it will show something (promise 1.3).

use std::fmt;
use std::str::FromStr;

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;
use serde::{Serialize, Serializer};

use super::local::{DAY, Local, LocalTime, Weekday, Weekdays, date_of, day_of};
use super::{Instant, Span};

/// An IANA time zone such as `Europe/Berlin`, with the rules that are compiled into this crate.
///
/// Local times are evaluated with the offset at the instant that they name, never with the offset of now. Where a
/// clock change leaves a local time out, it stands for the first instant after the gap; where it repeats one, for the
/// first of the two (promise 1.3).
///
/// ```
/// use throughline::Instant;
/// use throughline::local::Weekdays;
/// use throughline::zone::Zone;
///
/// let zone = Zone::parse("America/New_York").unwrap_or(Zone::UTC);
/// let now: Instant = "2026-03-07T20:00:00Z".parse()?;
/// // The clocks go forward that night, so nine o'clock comes an hour sooner than the offset of now would say.
/// let nine = zone.next_at(now, "09:00".parse()?, Weekdays::ALL);
/// assert_eq!(nine.to_string(), "2026-03-08T13:00:00Z");
/// # Ok::<(), throughline::ParseTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(pub(super) Tz);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Zone = Zone(Tz::UTC);

    /// Reads the name of a zone, as the IANA database spells it; `None` if it has no such zone.
    pub fn parse(name: &str) -> Option<Self> {
        Tz::from_str(name.trim()).ok().map(Zone)
    }

    /// The name in the IANA database.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// How far local time is ahead of UTC at that instant; negative west of Greenwich.
    pub fn offset(self, at: Instant) -> Span {
        let offset = self.0.offset_from_utc_datetime(&at.to_utc().naive_utc()).fix();
        Span::seconds(i64::from(offset.local_minus_utc()))
    }

    /// What calendar and clock show at that instant.
    pub fn local(self, at: Instant) -> Local {
        Local::from_millis(self.wall(at))
    }

    /// The instant of a local date (days since 1970-01-01) and time: the first at which the calendar and clock of the
    /// zone show it or, where they jump over it, something later.
    ///
    /// A date that the zone left out as a whole (Samoa had no 30 December 2011) stands for the first instant after it.
    pub fn resolve(self, day: i64, time: LocalTime) -> Instant {
        let wall = Instant::from_millis(day.saturating_mul(DAY).saturating_add(i64::from(time.as_millis())));
        // No zone is as much as a day away from UTC, so these are surely before and after the instant sought.
        let (early, late) = (wall - Span::days(1), wall + Span::days(1));
        let (before, after) = (self.offset(early), self.offset(late));
        match self.change_within(early, late) {
            Some(change) if wall - before >= change => change.max(wall - after),
            _ => wall - before,
        }
    }

    /// The first instant strictly after `after` at which an occurrence of this time on these weekdays falls.
    ///
    /// Each local date has one occurrence, where [`resolve`](Self::resolve) puts it. At the end of time it is
    /// [`Instant::MAX`].
    pub fn next_at(self, after: Instant, time: LocalTime, on: Weekdays) -> Instant {
        self.next_occurrence(after, time, on).1
    }

    /// As [`next_at`](Self::next_at), with the local date (days since 1970-01-01) that the occurrence belongs to.
    ///
    /// The date is what keys an occurrence: a gap can move one past midnight, where the calendar already shows the
    /// next date, which has an occurrence of its own.
    pub fn next_occurrence(self, after: Instant, time: LocalTime, on: Weekdays) -> (i64, Instant) {
        let today = self.local(after).day;
        // A week reaches every weekday; two days more reach past a date line that moved.
        (today..=today + 9)
            .filter(|day| on.contains(Weekday::of_day(*day)))
            .map(|day| (day, self.resolve(day, time)))
            .find(|(_, at)| *at > after)
            .unwrap_or((today, Instant::MAX))
    }

    /// The first instant of the local day that `at` falls into.
    ///
    /// A day goes from its first instant to the first of the next, so days neither overlap nor leave anything out: an
    /// hour before midnight that the clocks repeat after midnight belongs to the day that has begun. Weeks and months
    /// consist of such days.
    pub fn start_of_day(self, at: Instant) -> Instant {
        self.begin(self.day_containing(at))
    }

    /// The first instant of the local day after the one that `at` falls into; later than `at`.
    pub fn start_of_next_day(self, at: Instant) -> Instant {
        self.begin(self.day_containing(at) + 1)
    }

    /// The first instant of the local week that `at` falls into, for weeks that begin on `first`.
    pub fn start_of_week(self, at: Instant, first: Weekday) -> Instant {
        self.begin(week_of(self.day_containing(at), first))
    }

    /// The first instant of the local week after the one that `at` falls into; later than `at`.
    pub fn start_of_next_week(self, at: Instant, first: Weekday) -> Instant {
        self.begin(week_of(self.day_containing(at), first) + 7)
    }

    /// The first instant of the local calendar month that `at` falls into.
    pub fn start_of_month(self, at: Instant) -> Instant {
        let (year, month, _) = date_of(self.day_containing(at));
        self.begin_month(year, month)
    }

    /// The first instant of the local calendar month after the one that `at` falls into; later than `at`.
    pub fn start_of_next_month(self, at: Instant) -> Instant {
        match date_of(self.day_containing(at)) {
            (year, 12, _) => self.begin_month(year.saturating_add(1), 1),
            (year, month, _) => self.begin_month(year, month + 1),
        }
    }

    /// The first instant in `(after, until]` with another offset than `after` has, for stretches of up to six days.
    ///
    /// Two changes of one zone are never closer than 6.9 days in the database (tzdata 2025b, all zones, 1800 to
    /// 2100), so equal offsets at both ends mean that there is no change between them, and else there is one.
    pub(super) fn change_within(self, after: Instant, until: Instant) -> Option<Instant> {
        let old = self.offset(after);
        if self.offset(until) == old {
            return None;
        }
        let (mut same, mut changed) = (after.as_millis(), until.as_millis());
        while changed - same > 1 {
            let middle = same + (changed - same) / 2;
            if self.offset(Instant::from_millis(middle)) == old {
                same = middle;
            } else {
                changed = middle;
            }
        }
        Some(Instant::from_millis(changed))
    }

    /// Milliseconds since 1970-01-01T00:00 of the local calendar.
    pub(super) fn wall(self, at: Instant) -> i64 {
        at.as_millis() + self.offset(at).as_millis()
    }

    fn begin(self, day: i64) -> Instant {
        self.resolve(day, LocalTime::MIDNIGHT)
    }

    fn begin_month(self, year: i32, month: u32) -> Instant {
        day_of(year, month, 1).map_or(Instant::MAX, |day| self.begin(day))
    }

    /// The latest date that has begun.
    fn day_containing(self, at: Instant) -> i64 {
        let shown = self.local(at).day;
        // The calendar can show a date again after the next one had begun, at most a day back.
        if self.begin(shown + 1) <= at { shown + 1 } else { shown }
    }
}

/// The first date of the week of a date.
fn week_of(day: i64, first: Weekday) -> i64 {
    day - Weekday::of_day(day).days_after(first)
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::parse(name).unwrap()
    }

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn time(text: &str) -> LocalTime {
        text.parse().unwrap()
    }

    fn resolve(name: &str, date: (i32, u32, u32), of_day: &str) -> String {
        zone(name).resolve(day_of(date.0, date.1, date.2).unwrap(), time(of_day)).to_string()
    }

    #[test]
    fn promise_1_2_an_unknown_zone_name_is_none() {
        for name in ["", "Mars/Olympus", "europe/berlin", "+02:00", "Europe/Berlin\0"] {
            assert_eq!(Zone::parse(name), None, "{name}");
        }
        assert_eq!(zone("Europe/Berlin").to_string(), "Europe/Berlin");
        assert_eq!(serde_json::to_string(&Zone::UTC).unwrap(), "\"UTC\"");
    }

    #[test]
    fn promise_1_3_a_local_time_has_the_offset_of_its_target() {
        let york = zone("America/New_York");
        for (now, next) in
            [("2026-03-07T20:00:00Z", "2026-03-08T13:00:00Z"), ("2026-10-31T20:00:00Z", "2026-11-01T14:00:00Z")]
        {
            assert_eq!(york.next_at(at(now), time("09:00"), Weekdays::ALL), at(next));
        }
        let monday = zone("Asia/Tokyo").next_at(at("2026-01-09T12:00:00Z"), time("05:00"), Weekday::Monday.into());
        assert_eq!(monday, at("2026-01-11T20:00:00Z"));
    }

    #[test]
    fn promise_1_3_a_time_in_a_gap_is_the_first_instant_after_it() {
        assert_eq!(resolve("Europe/Berlin", (2026, 3, 29), "02:30"), "2026-03-29T01:00:00Z");
        assert_eq!(resolve("Australia/Lord_Howe", (2026, 10, 4), "02:10"), "2026-10-03T15:30:00Z");
        assert_eq!(resolve("America/Sao_Paulo", (2017, 10, 15), "00:00"), "2017-10-15T03:00:00Z");
        assert_eq!(resolve("Pacific/Apia", (2011, 12, 30), "09:00"), "2011-12-30T10:00:00Z");
        assert_eq!(resolve("Pacific/Kwajalein", (1993, 8, 21), "09:00"), "1993-08-21T12:00:00Z");
    }

    #[test]
    fn promise_1_3_a_time_that_comes_twice_is_the_first_of_the_two() {
        assert_eq!(resolve("Europe/Berlin", (2026, 10, 25), "02:30"), "2026-10-25T00:30:00Z");
        assert_eq!(resolve("Australia/Lord_Howe", (2026, 4, 5), "01:45"), "2026-04-04T14:45:00Z");
        assert_eq!(resolve("America/Sao_Paulo", (2018, 2, 17), "23:30"), "2018-02-18T01:30:00Z");
        // Asked between the two, the next is tomorrow's: an occurrence happens at most once.
        let next = zone("Europe/Berlin").next_at(at("2026-10-25T00:45:00Z"), time("02:30"), Weekdays::ALL);
        assert_eq!(next, at("2026-10-26T01:30:00Z"));
    }

    #[test]
    fn promise_1_3_an_occurrence_is_keyed_by_its_date() {
        let apia = zone("Pacific/Apia");
        let (skipped, first) = apia.next_occurrence(at("2011-12-30T09:59:00Z"), time("09:00"), Weekdays::ALL);
        let (day, second) = apia.next_occurrence(first, time("09:00"), Weekdays::ALL);
        assert_eq!((skipped, first), (day_of(2011, 12, 30).unwrap(), at("2011-12-30T10:00:00Z")));
        assert_eq!((day, second), (day_of(2011, 12, 31).unwrap(), at("2011-12-30T19:00:00Z")));
    }

    #[test]
    fn promise_7_4_days_weeks_and_months_follow_the_local_calendar() {
        let auckland = zone("Pacific/Auckland");
        let now = at("2026-05-31T13:00:00Z"); // Monday 1 June, 01:00
        assert_eq!(auckland.start_of_day(now), at("2026-05-31T12:00:00Z"));
        assert_eq!(auckland.start_of_week(now, Weekday::Monday), at("2026-05-31T12:00:00Z"));
        assert_eq!(auckland.start_of_week(now, Weekday::Sunday), at("2026-05-30T12:00:00Z"));
        assert_eq!(auckland.start_of_next_week(now, Weekday::Monday), at("2026-06-07T12:00:00Z"));
        assert_eq!(auckland.start_of_month(now), at("2026-05-31T12:00:00Z"));
        assert_eq!(auckland.start_of_next_month(now), at("2026-06-30T12:00:00Z"));
        assert_eq!(Zone::UTC.start_of_next_month(at("2026-12-05")), at("2027-01-01"));
    }

    #[test]
    fn promise_7_4_days_around_odd_midnights() {
        // Midnight does not exist on 15 October 2017, and comes an hour late on 18 February 2018.
        let paulo = zone("America/Sao_Paulo");
        assert_eq!(paulo.start_of_day(at("2017-10-15T12:00:00Z")), at("2017-10-15T03:00:00Z"));
        assert_eq!(paulo.start_of_next_day(at("2018-02-18T02:30:00Z")), at("2018-02-18T03:00:00Z"));
        // Samoa went from the 29th to the 31st.
        let apia = zone("Pacific/Apia");
        assert_eq!(apia.start_of_next_day(at("2011-12-30T09:00:00Z")), at("2011-12-30T10:00:00Z"));
        assert_eq!(apia.start_of_next_day(at("2011-12-30T10:00:00Z")), at("2011-12-31T10:00:00Z"));
        // A minute after midnight the clocks of Saint John's went back an hour, into the day before.
        let johns = zone("America/St_Johns");
        for now in ["2010-11-07T02:30:30Z", "2010-11-07T03:00:00Z", "2010-11-07T12:00:00Z"] {
            assert_eq!(johns.start_of_day(at(now)), at("2010-11-07T02:30:00Z"), "{now}");
            assert_eq!(johns.start_of_next_day(at(now)), at("2010-11-08T03:30:00Z"), "{now}");
        }
    }

    #[test]
    fn the_ends_of_time_are_reached_without_a_panic() {
        for edge in [Instant::MIN, Instant::MAX] {
            for name in ["Pacific/Kiritimati", "Pacific/Niue", "Europe/Berlin"] {
                let zone = zone(name);
                zone.resolve(if edge == Instant::MIN { i64::MIN } else { i64::MAX }, time("23:59"));
                zone.next_at(edge, time("09:00"), Weekday::Friday.into());
                zone.start_of_week(zone.start_of_next_week(edge, Weekday::Sunday), Weekday::Sunday);
                zone.start_of_day(zone.start_of_next_day(edge));
                zone.start_of_month(zone.start_of_next_month(edge));
            }
        }
    }

    /// Every zone, at some instant between 1900 and 2099, half of them near a change of its offset.
    fn moment() -> impl Strategy<Value = (Zone, Instant)> {
        let zone = prop::sample::select(&chrono_tz::TZ_VARIANTS[..]).prop_map(Zone);
        (zone, -25_567i64..47_400, 0..DAY, prop::bool::ANY, -50i64..50).prop_map(|(zone, day, of_day, near, hours)| {
            let at = Instant::from_millis(day * DAY + of_day);
            let change = (0..60).find_map(|n| zone.change_within(at + Span::days(6 * n), at + Span::days(6 * n + 6)));
            (zone, change.filter(|_| near).map_or(at, |change| change + Span::minutes(30 * hours)))
        })
    }

    proptest! {
        #[test]
        fn promise_1_3_resolve_is_the_first_instant_that_shows_the_time_or_later(
            (zone, near) in moment(), minute in 0u32..1440,
        ) {
            let day = zone.local(near).day;
            let wanted = LocalTime::from_millis(minute * 60_000).unwrap();
            let found = zone.resolve(day, wanted);
            let wall = day * DAY + i64::from(wanted.as_millis());
            prop_assert!(zone.wall(found) >= wall);
            for minutes in 0..(2 * 1440) {
                let earlier = found - Span::millis(1) - Span::minutes(minutes);
                prop_assert!(zone.wall(earlier) < wall, "{zone} {earlier}");
            }
        }

        #[test]
        fn promise_1_3_no_occurrence_lies_before_the_next_one(
            (zone, now) in moment(), minute in 0u32..1440, bits in 1u8..128,
        ) {
            let of_day = LocalTime::from_millis(minute * 60_000).unwrap();
            let on = Weekdays::new(Weekday::WEEK.into_iter().filter(|day| bits & (1 << *day as u8) != 0)).unwrap();
            let today = zone.local(now).day;
            let naive = (today - 3..today + 12)
                .filter(|day| on.contains(Weekday::of_day(*day)))
                .map(|day| zone.resolve(day, of_day))
                .filter(|at| *at > now)
                .min();
            prop_assert_eq!(Some(zone.next_at(now, of_day, on)), naive);
        }

        #[test]
        fn promise_7_4_calendar_days_weeks_and_months_are_a_partition((zone, now) in moment()) {
            let spans = [
                (zone.start_of_day(now), zone.start_of_next_day(now), zone.start_of_day(zone.start_of_next_day(now))),
                (
                    zone.start_of_week(now, Weekday::Monday),
                    zone.start_of_next_week(now, Weekday::Monday),
                    zone.start_of_week(zone.start_of_next_week(now, Weekday::Monday), Weekday::Monday),
                ),
                (
                    zone.start_of_month(now),
                    zone.start_of_next_month(now),
                    zone.start_of_month(zone.start_of_next_month(now)),
                ),
            ];
            for (start, next, again) in spans {
                prop_assert!(start <= now && now < next);
                prop_assert_eq!(next, again);
                prop_assert_eq!(zone.start_of_next_day(next - Span::millis(1)), next);
            }
        }
    }
}
