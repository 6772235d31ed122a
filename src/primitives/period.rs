//! Lengths of time that a law counts by the calendar: years and months.

use std::fmt;
use std::str::FromStr;

use chrono::Months;

use super::{Instant, ParseTimeError, Span};

/// A length of time in calendar years and months, or in hours and days.
///
/// Text is `2y`, `6mo`, `1y6mo`, or whatever a [`Span`] reads: `730d`. It ends at the same time of day in UTC; where the
/// month has no such day, on its last.
///
/// ```
/// use throughline::{Instant, Period};
/// let bought: Instant = "2024-02-29T12:00:00Z".parse()?;
/// assert_eq!("2y".parse::<Period>()?.after(bought).to_string(), "2026-02-28T12:00:00Z");
/// assert_eq!("6mo".parse::<Period>()?.after(bought).to_string(), "2024-08-29T12:00:00Z");
/// # Ok::<(), throughline::ParseTimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    months: u32,
    rest: Span,
}

/// A century is longer than any law's.
const MOST_MONTHS: u32 = 1_200;

impl Period {
    /// When it ends if it begins at this instant.
    pub fn after(self, at: Instant) -> Instant {
        let months = at.to_utc().checked_add_months(Months::new(self.months)).map_or(Instant::MAX, Instant::from_utc);
        if self.months == 0 { at + self.rest } else { months }
    }

    /// Whether it has no length.
    pub fn is_zero(self) -> bool {
        self.months == 0 && self.rest <= Span::ZERO
    }
}

impl From<Span> for Period {
    fn from(rest: Span) -> Self {
        Period { months: 0, rest }
    }
}

impl FromStr for Period {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        match months(text.trim()) {
            Some(months) if months <= MOST_MONTHS => Ok(Period { months, rest: Span::ZERO }),
            Some(_) => Err(ParseTimeError { wanted: "at most 100 years" }),
            None => text
                .parse::<Span>()
                .map(Period::from)
                .map_err(|_| ParseTimeError { wanted: "a length of time such as 2y, 6mo or 730d" }),
        }
    }
}

/// `2y`, `6mo` and both; `None` if it is of another form.
fn months(text: &str) -> Option<u32> {
    let (mut rest, mut total) = (text, 0u32);
    for (units, each) in [(["y", "year", "years"], 12), (["mo", "month", "months"], 1)] {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        if units.contains(&unit) {
            total = total.saturating_add(number.parse::<u32>().ok()?.saturating_mul(each));
            rest = next.trim_start();
        }
    }
    (rest.is_empty() && !text.is_empty()).then_some(total)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.months / 12, self.months % 12) {
            (0, 0) => self.rest.fmt(f),
            (0, months) => write!(f, "{months}mo"),
            (years, 0) => write!(f, "{years}y"),
            (years, months) => write!(f, "{years}y{months}mo"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_and_months_are_the_calendars_and_the_rest_is_hours() {
        let after = |text: &str, at: &str| text.parse::<Period>().unwrap().after(at.parse().unwrap()).to_string();
        assert_eq!(after("2y", "2026-03-07T10:00:00Z"), "2028-03-07T10:00:00Z");
        assert_eq!(after("1y 6mo", "2025-08-31T10:00:00Z"), "2027-02-28T10:00:00Z");
        assert_eq!(after("730d", "2026-03-07T10:00:00Z"), "2028-03-06T10:00:00Z");
        for (text, printed) in [("2 years", "2y"), ("18mo", "1y6mo"), ("36h", "1d12h")] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), printed);
        }
        for text in ["", "y", "2", "6mo2y", "2y3", "-1y", "101y", "2y1d"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
