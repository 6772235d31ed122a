//! Daily windows of local time: quiet hours, and the hours in which a law allows a message (promise 1.4).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::local::{DAY, LocalTime};
use super::zone::Zone;
use super::{Instant, ParseTimeError, Span};

/// How far ahead a common opening of several zones is sought.
const HORIZON: Span = Span::days(8);

/// A stretch of every local day, from `start` up to and without `end`, on the wall clock.
///
/// A window whose end is before its start crosses midnight. One that ends where it starts is empty: no time is inside.
/// Text is `22:00-06:00`; an end of `24:00` is read as midnight.
///
/// ```
/// use throughline::window::DailyWindow;
/// use throughline::zone::Zone;
///
/// let quiet: DailyWindow = "22:00-06:00".parse()?;
/// let berlin = Zone::parse("Europe/Berlin").unwrap_or(Zone::UTC);
/// let now = "2026-01-09T22:30:00Z".parse()?; // 23:30 in Berlin
/// assert!(quiet.contains(berlin, now));
/// assert_eq!(quiet.leave(berlin, now).to_string(), "2026-01-10T05:00:00Z");
/// # Ok::<(), throughline::ParseTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DailyWindow {
    /// The first time of day inside.
    pub start: LocalTime,
    /// The first time of day outside again.
    pub end: LocalTime,
}

impl DailyWindow {
    /// Whether no time of day is inside.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether the wall clock of the zone shows a time inside the window at that instant.
    pub fn contains(self, zone: Zone, at: Instant) -> bool {
        self.has(zone.wall(at))
    }

    /// The earliest instant at or after `now` whose local time is outside the window; `now` itself if it is outside.
    ///
    /// It is exact where a clock change jumps out of the window or back into it.
    pub fn leave(self, zone: Zone, now: Instant) -> Instant {
        let mut at = now;
        while self.contains(zone, at) && at < Instant::MAX {
            at = next_reading(zone, at, self.end);
        }
        at
    }

    /// The earliest instant at or after `now` whose local time is inside the window; `None` if the window is empty.
    pub fn enter(self, zone: Zone, now: Instant) -> Option<Instant> {
        let mut at = now;
        while !self.contains(zone, at) {
            // A change of clocks can jump over a short window, but not for days on end.
            if self.is_empty() || at - now > HORIZON || at == Instant::MAX {
                return None;
            }
            at = next_reading(zone, at, self.start);
        }
        Some(at)
    }

    /// The earliest instant at or after `now` that is outside the window in every one of the zones (promise 1.2);
    /// `None` if there is none within eight days.
    ///
    /// ```
    /// use throughline::country::zones_of_country;
    /// use throughline::window::DailyWindow;
    ///
    /// let closed: DailyWindow = "21:00-08:00".parse()?;
    /// let now = "2026-01-09T13:00:00Z".parse()?; // 08:00 in New York, 03:00 in Honolulu
    /// let open = closed.leave_all(zones_of_country("US"), now);
    /// assert_eq!(open, Some("2026-01-09T18:00:00Z".parse()?)); // 08:00 in Honolulu
    /// # Ok::<(), throughline::ParseTimeError>(())
    /// ```
    pub fn leave_all(self, zones: &[Zone], now: Instant) -> Option<Instant> {
        let mut at = now;
        // Each round moves to where some zone first opens: nothing before it is outside in that zone.
        while let Some(closed) = zones.iter().find(|zone| self.contains(**zone, at)) {
            at = self.leave(*closed, at);
            if at - now > HORIZON || at == Instant::MAX {
                return None;
            }
        }
        Some(at)
    }

    /// Whether a reading of the wall clock, in milliseconds of any local day, is inside.
    fn has(self, wall: i64) -> bool {
        let since_start = (wall - i64::from(self.start.as_millis())).rem_euclid(DAY);
        let length = (i64::from(self.end.as_millis()) - i64::from(self.start.as_millis())).rem_euclid(DAY);
        since_start < length
    }
}

/// The first instant after `at` at which the wall clock shows `time`, or is changed before it gets there.
fn next_reading(zone: Zone, at: Instant, time: LocalTime) -> Instant {
    let ahead = (i64::from(time.as_millis()) - zone.wall(at)).rem_euclid(DAY);
    let reached = at + Span::millis(if ahead == 0 { DAY } else { ahead });
    zone.change_within(at, reached).unwrap_or(reached)
}

impl FromStr for DailyWindow {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        let wrong = ParseTimeError { wanted: "a daily window such as 22:00-06:00" };
        let (start, end) = text.split_once(['-', '–']).ok_or_else(|| wrong.clone())?;
        let start = start.parse().map_err(|_| wrong.clone())?;
        let end = match end.trim() {
            // A whole day would come out as an empty one.
            "24:00" if start == LocalTime::MIDNIGHT => return Err(wrong),
            "24:00" => LocalTime::MIDNIGHT,
            end => end.parse().map_err(|_| wrong)?,
        };
        Ok(DailyWindow { start, end })
    }
}

impl fmt::Display for DailyWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

impl fmt::Debug for DailyWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for DailyWindow {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
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

    fn window(text: &str) -> DailyWindow {
        text.parse().unwrap()
    }

    #[test]
    fn promise_1_4_a_window_is_half_open_and_may_cross_midnight() {
        let quiet = window("22:00-06:00");
        for (now, inside) in [
            ("2026-01-09T21:59:59.999Z", false),
            ("2026-01-09T22:00:00Z", true),
            ("2026-01-10T00:00:00Z", true),
            ("2026-01-10T05:59:59.999Z", true),
            ("2026-01-10T06:00:00Z", false),
        ] {
            assert_eq!(quiet.contains(Zone::UTC, at(now)), inside, "{now}");
        }
        assert_eq!(quiet.leave(Zone::UTC, at("2026-01-09T22:00:00Z")), at("2026-01-10T06:00:00Z"));
        assert_eq!(quiet.leave(Zone::UTC, at("2026-01-10T06:00:00Z")), at("2026-01-10T06:00:00Z"));
        assert_eq!(quiet.enter(Zone::UTC, at("2026-01-10T06:00:00Z")), Some(at("2026-01-10T22:00:00Z")));
    }

    #[test]
    fn promise_1_4_a_window_that_ends_where_it_starts_is_empty() {
        let never = window("08:00-08:00");
        let now = at("2026-01-09T08:00:00Z");
        assert!(!never.contains(Zone::UTC, now));
        assert_eq!((never.leave(Zone::UTC, now), never.enter(Zone::UTC, now)), (now, None));
    }

    #[test]
    fn promise_1_4_leaving_sees_a_clock_change_coming() {
        // 02:00 to 02:59 does not exist: a window that ends at 02:30 is left when the clock jumps to 03:00.
        assert_eq!(
            window("01:00-02:30").leave(zone("Europe/Berlin"), at("2026-03-29T00:30:00Z")),
            at("2026-03-29T01:00:00Z")
        );
        // 02:00 to 02:59 comes twice: at 03:00 the clock jumps back into the window that ends there.
        assert_eq!(
            window("01:00-03:00").leave(zone("Europe/Berlin"), at("2026-10-25T00:30:00Z")),
            at("2026-10-25T02:00:00Z")
        );
        // A short window that the clocks jump over is next entered a day later.
        assert_eq!(
            window("02:10-02:50").enter(zone("Europe/Berlin"), at("2026-03-28T12:00:00Z")),
            Some(at("2026-03-30T00:10:00Z"))
        );
    }

    #[test]
    fn promise_1_2_several_zones_must_all_be_open() {
        let world = ["Asia/Tokyo", "Europe/Berlin", "America/Los_Angeles"].map(zone);
        let now = at("2026-01-09T12:00:00Z");
        // Open only from 12:00 to 13:00, the three are never open together.
        assert_eq!(window("13:00-12:00").leave_all(&world, now), None);
        // Open at all but five to six, they are soon.
        assert_eq!(window("05:00-06:00").leave_all(&world, now), Some(now));
        assert_eq!(window("05:00-06:00").leave_all(&[], now), Some(now));
    }

    #[test]
    fn a_window_reads_what_it_writes() {
        for text in ["22:00-06:00", "08:30:15-09:00", "00:00-00:00"] {
            assert_eq!(window(text).to_string(), text);
        }
        assert_eq!(window("18:00 - 24:00").to_string(), "18:00-00:00");
        for text in ["", "22:00", "22:00-", "22-06", "00:00-24:00", "24:00-06:00"] {
            assert!(text.parse::<DailyWindow>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_ends_of_time_are_reached_without_a_panic() {
        for edge in [Instant::MIN, Instant::MAX] {
            let zones = ["Pacific/Kiritimati", "Pacific/Niue"].map(zone);
            for text in ["22:00-06:00", "06:00-22:00"] {
                window(text).leave(zones[0], edge);
                window(text).enter(zones[0], edge);
                window(text).leave_all(&zones, edge);
            }
        }
    }

    /// A zone with an instant in the two days around one of its changes of offset.
    fn moment() -> impl Strategy<Value = (Zone, Instant)> {
        let zone = prop::sample::select(&chrono_tz::TZ_VARIANTS[..]).prop_map(Zone);
        (zone, 0i64..20_000, -1440i64..1440).prop_map(|(zone, day, minutes)| {
            let at = Instant::from_millis(day * DAY);
            let change = (0..60).find_map(|n| zone.change_within(at + Span::days(6 * n), at + Span::days(6 * n + 6)));
            let near = change.unwrap_or(at) + Span::minutes(minutes);
            (zone, near)
        })
    }

    fn any_window() -> impl Strategy<Value = DailyWindow> {
        (0u32..96, 0u32..96).prop_map(|(start, end)| DailyWindow {
            start: LocalTime::from_millis(start * 900_000).unwrap(),
            end: LocalTime::from_millis(end * 900_000).unwrap(),
        })
    }

    /// The first of every minute from `now` on, over eight days, that passes. Every change of offset since 1970 but
    /// one (Liberia, 1972) and every edge of the windows above fall on a whole minute.
    fn by_the_minute(now: Instant, passes: impl Fn(Instant) -> bool) -> Option<Instant> {
        let first = now.as_millis().div_euclid(60_000);
        (first..first + 8 * 1440).map(|minute| Instant::from_millis(minute * 60_000).max(now)).find(|at| passes(*at))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn promise_1_4_leave_and_enter_are_exactly_the_earliest((zone, now) in moment(), window in any_window()) {
            prop_assume!(zone.name() != "Africa/Monrovia" && zone.name() != "Liberia");
            let naive = by_the_minute(now, |at| !window.contains(zone, at));
            prop_assert_eq!(Some(window.leave(zone, now)), naive);
            let naive = by_the_minute(now, |at| window.contains(zone, at));
            prop_assert_eq!(window.enter(zone, now), naive);
        }

        #[test]
        fn promise_1_2_leave_all_is_exactly_the_earliest(
            (zone, now) in moment(),
            others in prop::collection::vec(prop::sample::select(&chrono_tz::TZ_VARIANTS[..]), 0..4),
            window in any_window(),
        ) {
            let zones: Vec<_> = others.into_iter().map(Zone).chain([zone]).collect();
            prop_assume!(zones.iter().all(|zone| zone.offset(now).as_millis() % 60_000 == 0));
            let naive = by_the_minute(now, |at| !zones.iter().any(|zone| window.contains(*zone, at)));
            prop_assert_eq!(window.leave_all(&zones, now), naive);
        }
    }
}
