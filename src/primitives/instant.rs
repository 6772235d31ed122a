//! Points in time and lengths of time, in whole milliseconds.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
///
/// Every instant in this crate is UTC (promise 1.1) and comes in as an argument: nothing here reads a clock. Text is
/// RFC 3339 in both directions.
///
/// ```
/// use throughline::{Instant, Span};
/// let at: Instant = "2026-03-07T20:00:00Z".parse()?;
/// assert_eq!((at + Span::hours(1)).to_string(), "2026-03-07T21:00:00Z");
/// # Ok::<(), throughline::ParseTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(i64);

impl Instant {
    /// The earliest instant that text can express (year -9999).
    pub const MIN: Instant = Instant(-377_705_116_800_000);
    /// The latest instant that text can express (end of year 9999).
    pub const MAX: Instant = Instant(253_402_300_799_999);

    /// From milliseconds since the Unix epoch, clamped to [`Instant::MIN`] ..= [`Instant::MAX`].
    pub const fn from_millis(millis: i64) -> Self {
        if millis < Self::MIN.0 {
            Self::MIN
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Instant(millis)
        }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole days since the Unix epoch, in UTC.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }

    pub(crate) fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    pub(crate) fn from_utc(at: DateTime<Utc>) -> Self {
        Self::from_millis(at.timestamp_millis())
    }
}

impl From<std::time::SystemTime> for Instant {
    fn from(at: std::time::SystemTime) -> Self {
        let millis = match at.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        Self::from_millis(millis)
    }
}

impl FromStr for Instant {
    type Err = ParseTimeError;

    /// Reads RFC 3339 (`2026-03-07T20:00:00.123Z`, also with an offset) or a bare date (its midnight in UTC).
    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::from_utc(at.with_timezone(&Utc)));
        }
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(Self::from_utc(date.and_time(chrono::NaiveTime::MIN).and_utc()));
        }
        Err(ParseTimeError { wanted: "a time such as 2026-03-07T20:00:00Z" })
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if self.0 % 1000 == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
        f.write_str(&self.to_utc().to_rfc3339_opts(format, true))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Add<Span> for Instant {
    type Output = Instant;

    fn add(self, span: Span) -> Instant {
        Instant::from_millis(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Instant {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Instant {
    type Output = Instant;

    fn sub(self, span: Span) -> Instant {
        Instant::from_millis(self.0.saturating_sub(span.0))
    }
}

impl Sub for Instant {
    type Output = Span;

    fn sub(self, earlier: Instant) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A length of time in milliseconds. A day is 24 hours (promise 1.5); calendar days are a matter of local time.
///
/// Text is a number with a unit, or several: `90m`, `24h`, `30d`, `1d12h`, `2 weeks`. Units are `ms`, `s`, `m`, `h`,
/// `d` and `w`, or their English names.
///
/// ```
/// use throughline::Span;
/// assert_eq!("1d12h".parse::<Span>()?, Span::hours(36));
/// assert_eq!("2 weeks".parse::<Span>()?, Span::days(14));
/// assert_eq!(Span::days(30).to_string(), "30d");
/// # Ok::<(), throughline::ParseTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// Longer than any history: "ever".
    pub const MAX: Span = Span(i64::MAX);

    /// So many milliseconds.
    pub const fn millis(n: i64) -> Self {
        Span(n)
    }

    /// So many seconds.
    pub const fn seconds(n: i64) -> Self {
        Span(n.saturating_mul(1000))
    }

    /// So many minutes.
    pub const fn minutes(n: i64) -> Self {
        Self::seconds(n.saturating_mul(60))
    }

    /// So many hours.
    pub const fn hours(n: i64) -> Self {
        Self::minutes(n.saturating_mul(60))
    }

    /// So many times 24 hours.
    pub const fn days(n: i64) -> Self {
        Self::hours(n.saturating_mul(24))
    }

    /// The number of milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// As a standard duration; a negative span is zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }
}

impl FromStr for Span {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        let wrong = ParseTimeError { wanted: "a length of time such as 24h, 30d or 1d12h" };
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(wrong);
        }
        let mut total = 0i64;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let after = after.trim_start();
            let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, next) = after.split_at(letters);
            let unit = match unit {
                "ms" | "millis" | "milliseconds" => 1,
                "s" | "sec" | "second" | "seconds" => 1_000,
                "m" | "min" | "minute" | "minutes" => 60_000,
                "h" | "hour" | "hours" => 3_600_000,
                "d" | "day" | "days" => 86_400_000,
                "w" | "week" | "weeks" => 604_800_000,
                _ => return Err(wrong),
            };
            let number: i64 = number.parse().map_err(|_| wrong.clone())?;
            total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(|| wrong.clone())?;
            rest = next.trim_start();
        }
        Ok(Span(total))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")] {
            if rest >= unit {
                write!(f, "{}{name}", rest / unit)?;
                rest %= unit;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Text that is not a time, or not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {wanted}")]
pub struct ParseTimeError {
    pub(crate) wanted: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_what_it_writes() {
        for text in ["2015-09-18T02:35:01.562Z", "2018-07-27T00:00:00Z", "1969-12-31T23:59:59.999Z"] {
            assert_eq!(text.parse::<Instant>().unwrap().to_string(), text);
        }
        assert_eq!("2026-03-07T22:00:00+02:00".parse::<Instant>().unwrap().to_string(), "2026-03-07T20:00:00Z");
        assert_eq!("2018-07-27".parse::<Instant>().unwrap().to_string(), "2018-07-27T00:00:00Z");
        for text in ["", "yesterday", "2026-13-01", "2026-02-30T00:00:00Z"] {
            assert!(text.parse::<Instant>().is_err(), "{text}");
        }
    }

    #[test]
    fn arithmetic_at_the_ends_of_time_saturates() {
        assert_eq!(Instant::MAX + Span::MAX, Instant::MAX);
        assert_eq!(Instant::MIN - Span::MAX, Instant::MIN);
        assert_eq!(Instant::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_span_reads_what_it_writes() {
        for text in ["24h", "1d12h", "90m", "2 weeks", "1 day", "1500ms"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
        for text in ["", "h", "12", "-1d", "1 fortnight", "99999999999999999w"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
