//! The civil calendar as a wall clock shows it: times of day, weekdays and dates, without a zone.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::ParseTimeError;

pub(super) const DAY: i64 = 86_400_000;

/// A time of day on a wall clock, from 00:00 to 23:59:59.999, in whole milliseconds.
///
/// Text is `HH:MM`, with seconds and milliseconds where they are not zero: `22:00`, `08:30:15`, `08:30:15.250`.
///
/// ```
/// use throughline::local::LocalTime;
/// let evening: LocalTime = "22:00".parse()?;
/// assert!(evening > LocalTime::MIDNIGHT);
/// assert_eq!((evening.hour(), evening.minute()), (22, 0));
/// assert!("24:00".parse::<LocalTime>().is_err());
/// # Ok::<(), throughline::ParseTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LocalTime(u32);

impl LocalTime {
    /// 00:00, the first moment of most days.
    pub const MIDNIGHT: LocalTime = LocalTime(0);

    /// From milliseconds since 00:00; `None` from 24 hours on.
    pub const fn from_millis(millis: u32) -> Option<Self> {
        if millis < DAY as u32 { Some(LocalTime(millis)) } else { None }
    }

    /// From an hour (0 to 23) and a minute (0 to 59); `None` outside these.
    pub const fn from_hour_minute(hour: u32, minute: u32) -> Option<Self> {
        if hour < 24 && minute < 60 { Some(LocalTime((hour * 60 + minute) * 60_000)) } else { None }
    }

    /// Milliseconds since 00:00 on the wall clock.
    pub const fn as_millis(self) -> u32 {
        self.0
    }

    /// The hour, 0 to 23.
    pub const fn hour(self) -> u32 {
        self.0 / 3_600_000
    }

    /// The minute within the hour, 0 to 59.
    pub const fn minute(self) -> u32 {
        self.0 / 60_000 % 60
    }
}

impl FromStr for LocalTime {
    type Err = ParseTimeError;

    /// Reads `H:MM`, `HH:MM`, `HH:MM:SS` and `HH:MM:SS.mmm`.
    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        read_time(text.trim()).ok_or(ParseTimeError { wanted: "a time of day such as 22:00 or 08:30:15" })
    }
}

fn read_time(text: &str) -> Option<LocalTime> {
    let mut fields = text.split(':');
    let hour = read_digits(fields.next()?, 1, 2)?;
    let minute = read_digits(fields.next()?, 2, 2)?;
    let (second, millis) = match fields.next() {
        None => (0, 0),
        Some(second) => match second.split_once('.') {
            None => (read_digits(second, 2, 2)?, 0),
            Some((second, millis)) => (read_digits(second, 2, 2)?, read_digits(millis, 3, 3)?),
        },
    };
    let whole = LocalTime::from_hour_minute(hour, minute)?;
    (fields.next().is_none() && second < 60).then_some(LocalTime(whole.0 + second * 1000 + millis))
}

fn read_digits(text: &str, least: usize, most: usize) -> Option<u32> {
    let plain = (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour(), self.minute())?;
        match (self.0 / 1000 % 60, self.0 % 1000) {
            (0, 0) => Ok(()),
            (second, 0) => write!(f, ":{second:02}"),
            (second, millis) => write!(f, ":{second:02}.{millis:03}"),
        }
    }
}

impl fmt::Debug for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A day of the week, Monday first as in ISO 8601.
///
/// Text is the English name, whole or its first three letters, in any case; it is written whole.
///
/// ```
/// use throughline::local::Weekday;
/// assert_eq!("tue".parse(), Ok(Weekday::Tuesday));
/// assert_eq!(Weekday::of_day(0), Weekday::Thursday); // 1970-01-01
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Weekday {
    /// Day 1 of the ISO week.
    #[default]
    Monday,
    /// Day 2 of the ISO week.
    Tuesday,
    /// Day 3 of the ISO week.
    Wednesday,
    /// Day 4 of the ISO week.
    Thursday,
    /// Day 5 of the ISO week.
    Friday,
    /// Day 6 of the ISO week.
    Saturday,
    /// Day 7 of the ISO week.
    Sunday,
}

impl Weekday {
    /// The seven, from Monday on.
    pub const WEEK: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    /// The weekday of a date given as days since 1970-01-01.
    pub const fn of_day(day: i64) -> Self {
        match day.rem_euclid(7) {
            0 => Weekday::Thursday,
            1 => Weekday::Friday,
            2 => Weekday::Saturday,
            3 => Weekday::Sunday,
            4 => Weekday::Monday,
            5 => Weekday::Tuesday,
            _ => Weekday::Wednesday,
        }
    }

    /// How many days this weekday comes after `start` in a week that begins there, 0 to 6.
    pub const fn days_after(self, start: Weekday) -> i64 {
        (self as i64 - start as i64).rem_euclid(7)
    }
}

impl FromStr for Weekday {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        let text = text.trim();
        let named = |day: &&Weekday| {
            let name = day.name();
            name.eq_ignore_ascii_case(text) || name.get(..3).is_some_and(|short| short.eq_ignore_ascii_case(text))
        };
        Self::WEEK.iter().find(named).copied().ok_or(ParseTimeError { wanted: "a weekday such as Monday or mon" })
    }
}

impl Weekday {
    const fn name(self) -> &'static str {
        match self {
            Weekday::Monday => "Monday",
            Weekday::Tuesday => "Tuesday",
            Weekday::Wednesday => "Wednesday",
            Weekday::Thursday => "Thursday",
            Weekday::Friday => "Friday",
            Weekday::Saturday => "Saturday",
            Weekday::Sunday => "Sunday",
        }
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Weekday {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// One or more days of the week. It cannot be empty, so that a schedule on it always has a next occurrence.
///
/// ```
/// use throughline::local::{Weekday, Weekdays};
/// let weekend = Weekdays::new([Weekday::Saturday, Weekday::Sunday]).unwrap_or_default();
/// assert!(weekend.contains(Weekday::Sunday) && !weekend.contains(Weekday::Monday));
/// assert_eq!(Weekdays::new([]), None);
/// assert_eq!(Weekdays::default(), Weekdays::ALL);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Every day.
    pub const ALL: Weekdays = Weekdays(0b111_1111);

    /// The given days; `None` if there are none.
    pub fn new(days: impl IntoIterator<Item = Weekday>) -> Option<Self> {
        let bits = days.into_iter().fold(0, |bits, day| bits | 1 << day as u8);
        (bits != 0).then_some(Weekdays(bits))
    }

    /// Whether the day is one of them.
    pub const fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day as u8) != 0
    }

    /// The days, from Monday on.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        Weekday::WEEK.into_iter().filter(move |day| self.contains(*day))
    }
}

impl Default for Weekdays {
    fn default() -> Self {
        Self::ALL
    }
}

impl From<Weekday> for Weekdays {
    fn from(day: Weekday) -> Self {
        Weekdays(1 << day as u8)
    }
}

impl fmt::Debug for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Weekdays {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        for day in self.iter() {
            list.serialize_element(&day)?;
        }
        list.end()
    }
}

/// What calendar and clock show at some instant in some zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Local {
    /// The date, as days since 1970-01-01 of the local calendar.
    pub day: i64,
    /// The time of day.
    pub time: LocalTime,
    /// The weekday of the date.
    pub weekday: Weekday,
}

impl Local {
    /// From milliseconds since 1970-01-01T00:00 of the local calendar.
    pub(super) fn from_millis(millis: i64) -> Self {
        let day = millis.div_euclid(DAY);
        Local { day, time: LocalTime(millis.rem_euclid(DAY) as u32), weekday: Weekday::of_day(day) }
    }

    /// Year, month (1 to 12) and day of the month (1 to 31).
    pub fn year_month_day(&self) -> (i32, u32, u32) {
        date_of(self.day)
    }
}

/// The date of a year, month (1 to 12) and day of the month, as days since 1970-01-01; `None` if the calendar has no
/// such date.
///
/// ```
/// use throughline::local::{date_of, day_of};
/// assert_eq!(day_of(2026, 3, 8).map(date_of), Some((2026, 3, 8)));
/// assert_eq!(day_of(2026, 2, 29), None);
/// ```
pub fn day_of(year: i32, month: u32, day: u32) -> Option<i64> {
    NaiveDate::from_ymd_opt(year, month, day).map(|date| i64::from(date.to_epoch_days()))
}

/// Year, month (1 to 12) and day of the month of a date given as days since 1970-01-01, in the proleptic Gregorian
/// calendar; beyond 260,000 years it stays at the last date.
pub fn date_of(day: i64) -> (i32, u32, u32) {
    let bound = if day < 0 { NaiveDate::MIN } else { NaiveDate::MAX };
    let date = i32::try_from(day).ok().and_then(NaiveDate::from_epoch_days).unwrap_or(bound);
    (date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_reads_what_it_writes() {
        for text in ["00:00", "22:00", "08:30:15", "23:59:59.999", "08:00:00.001"] {
            assert_eq!(text.parse::<LocalTime>().unwrap().to_string(), text);
        }
        assert_eq!("9:05".parse::<LocalTime>().unwrap().to_string(), "09:05");
        for text in ["", "9", "24:00", "12:60", "12:00:60", "12:0", "+1:00", "12:00:00.5", "12:00:00:00", "1２:00"] {
            assert!(text.parse::<LocalTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_weekday_is_read_in_any_case_whole_or_short() {
        for day in Weekday::WEEK {
            for text in [day.to_string(), day.to_string().to_uppercase(), day.to_string()[..3].to_lowercase()] {
                assert_eq!(text.parse(), Ok(day));
            }
        }
        for text in ["", "mo", "tues", "Montag"] {
            assert!(text.parse::<Weekday>().is_err(), "{text}");
        }
    }

    #[test]
    fn weekdays_repeat_every_seven_days_before_and_after_the_epoch() {
        assert_eq!(Weekday::of_day(day_of(2026, 3, 8).unwrap()), Weekday::Sunday);
        assert_eq!(Weekday::of_day(day_of(1969, 7, 20).unwrap()), Weekday::Sunday);
        for day in -20..20 {
            assert_eq!(Weekday::of_day(day).days_after(Weekday::Thursday), day.rem_euclid(7));
        }
    }

    #[test]
    fn weekdays_print_as_a_list() {
        let days = Weekdays::new([Weekday::Sunday, Weekday::Monday]).unwrap();
        assert_eq!(serde_json::to_string(&days).unwrap(), r#"["Monday","Sunday"]"#);
        assert_eq!(format!("{days:?}"), "{Monday, Sunday}");
    }

    #[test]
    fn the_calendar_ends_without_a_panic() {
        assert_eq!(date_of(i64::MIN).0, NaiveDate::MIN.year());
        assert_eq!(date_of(i64::MAX).0, NaiveDate::MAX.year());
    }
}
