//! Ages and windows: the conditions that change with time alone (promises 5.4 and 5.5).

use std::fmt;

use serde_json::{Map, Value as Json, json};

use super::{Effect, Membership};
use crate::primitives::fault::{Node, Object};
use crate::primitives::{Instant, Span};

/// How long ago something may be: `older_than` begins at the very instant at which the age is reached, where
/// `younger_than` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Age {
    older: Option<Span>,
    younger: Option<Span>,
}

impl Age {
    pub(super) const FIELDS: [&'static str; 2] = ["older_than", "younger_than"];

    /// At any time up to now.
    pub(super) const ANY: Age = Age { older: None, younger: None };

    pub(super) const fn older_than(span: Span) -> Age {
        Age { older: Some(span), younger: None }
    }

    pub(super) const fn younger_than(span: Span) -> Age {
        Age { older: None, younger: Some(span) }
    }

    pub(super) fn decode(node: &Node<'_>) -> Option<Age> {
        let object = node.object(&Age::FIELDS)?;
        let older = object.get("older_than").map(|node| node.span());
        let younger = object.get("younger_than").map(|node| node.span());
        let age = Age { older: transpose(older)?, younger: transpose(younger)? };
        match (age.older, age.younger) {
            (None, None) => node.fault("expected `older_than` or `younger_than`"),
            (Some(older), Some(younger)) if older >= younger => {
                node.fault("never holds: `older_than` has to be the shorter one");
            }
            _ => return Some(age),
        }
        None
    }

    /// The limits of this age under the names that they have there.
    pub(super) fn write(self, out: &mut Map<String, Json>, older: &str, younger: &str) {
        out.extend(self.older.map(|span| (older.to_owned(), json!(span))));
        out.extend(self.younger.map(|span| (younger.to_owned(), json!(span))));
    }

    pub(super) fn written(self) -> Json {
        let mut out = Map::new();
        self.write(&mut out, "older_than", "younger_than");
        out.into()
    }

    /// Whether what happened at `at` is of this age now; what never happened has none.
    pub(super) fn check(self, at: Option<Instant>, now: Instant) -> Membership {
        let Some(at) = at else { return Membership::steady(false) };
        if at > now {
            return Membership { inside: false, until: Some(at) };
        }
        let age = now - at;
        let inside = self.older.is_none_or(|span| age >= span) && self.younger.is_none_or(|span| age < span);
        let next = |span: Option<Span>| span.map(|span| at + span).filter(|turn| *turn > now);
        Membership::steady(inside).sooner(next(self.older)).sooner(next(self.younger))
    }

    /// What a younger occurrence can do to the answer about the latest one.
    pub(super) fn effect(self) -> Effect {
        match (self.older, self.younger) {
            (None, _) => Effect::Raises,
            (Some(_), None) => Effect::Lowers,
            (Some(_), Some(_)) => Effect::Either,
        }
    }

    /// How far back it reads, if what is older than that cannot make it true.
    pub(super) fn reach(self) -> Option<Span> {
        self.younger
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.older, self.younger) {
            (Some(older), Some(younger)) => write!(f, "at least {older} and less than {younger} ago"),
            (Some(older), None) => write!(f, "at least {older} ago"),
            (None, Some(younger)) => write!(f, "less than {younger} ago"),
            (None, None) => f.write_str("at any time"),
        }
    }
}

/// Which part of a history is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// All of it.
    Ever,
    /// `(now - span, now]`: an event leaves exactly so long after its timestamp.
    Last(Span),
    /// `[since, until)`.
    Fixed { since: Instant, until: Instant },
}

impl Window {
    pub(super) const FIELDS: [&'static str; 3] = ["within", "since", "until"];

    pub(super) fn decode(object: &Object<'_>) -> Option<Window> {
        let within = transpose(object.get("within").map(|node| node.span()));
        let since = transpose(object.get("since").map(|node| node.parsed::<Instant>()));
        let until = transpose(object.get("until").map(|node| node.parsed::<Instant>()));
        let (within, since, until) = (within?, since?, until?);
        let absolute = since.is_some() || until.is_some();
        let (since, until) = (since.unwrap_or(Instant::MIN), until.unwrap_or(Instant::MAX));
        match within {
            Some(_) if absolute => object.node().fault("`within` and `since` or `until` exclude each other"),
            Some(span) => return Some(Window::Last(span)),
            None if !absolute => return Some(Window::Ever),
            None if since >= until => object.node().fault("never holds: `until` has to be later than `since`"),
            None => return Some(Window::Fixed { since, until }),
        }
        None
    }

    pub(super) fn write(self, out: &mut Map<String, Json>) {
        let mut put = |name: &str, value: Json| drop(out.insert(name.to_owned(), value));
        match self {
            Window::Ever => {}
            Window::Last(span) => put("within", json!(span)),
            Window::Fixed { since, until } => {
                if since > Instant::MIN || until == Instant::MAX {
                    put("since", json!(since));
                }
                if until < Instant::MAX {
                    put("until", json!(until));
                }
            }
        }
    }

    /// The occurrences meant are those in `(after, upto]`.
    pub(super) fn bounds(self, now: Instant) -> (Instant, Instant) {
        const INSTANT: Span = Span::millis(1);
        match self {
            Window::Ever => (Instant::MIN, now),
            Window::Last(span) => (now - span, now),
            Window::Fixed { since, until } => (since - INSTANT, now.min(until - INSTANT)),
        }
    }

    /// When what happened at `at` leaves, if it ever does.
    pub(super) fn leaves(self, at: Instant) -> Option<Instant> {
        match self {
            Window::Last(span) => Some(at + span),
            Window::Ever | Window::Fixed { .. } => None,
        }
    }

    /// How far back it reads. How long ago a fixed date is, a definition cannot know.
    pub(super) fn reach(self) -> Span {
        match self {
            Window::Last(span) => span,
            Window::Ever | Window::Fixed { .. } => Span::MAX,
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::Ever => Ok(()),
            Window::Last(span) => write!(f, " in the last {span}"),
            Window::Fixed { since, until: Instant::MAX } => write!(f, " since {since}"),
            Window::Fixed { since: Instant::MIN, until } => write!(f, " before {until}"),
            Window::Fixed { since, until } => write!(f, " from {since} until before {until}"),
        }
    }
}

/// `None` inside: there and faulty; `None` outside the result: a fault; `Some(None)`: not there.
pub(super) fn transpose<T>(field: Option<Option<T>>) -> Option<Option<T>> {
    match field {
        None => Some(None),
        Some(None) => None,
        Some(value) => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{ask, day, faults, inside, on, outside};
    use super::*;
    use serde_json::json;

    #[test]
    fn promise_5_4_an_event_leaves_exactly_at_the_end_of_its_window() {
        let log = [on(1, "A", json!({}))];
        let within = |now| ask(json!({"event": "A", "within": "30d"}), &log, now);
        assert_eq!(within(day(31) - Span::millis(1)), inside(Some(day(31))));
        assert_eq!(within(day(31)), outside(None));
        let fixed = json!({"event": "A", "since": "1970-01-02", "until": "1970-01-03"});
        assert_eq!(ask(fixed, &log, day(9)), inside(None));
        assert_eq!(ask(json!({"event": "A", "until": "1970-01-02"}), &log, day(9)), outside(None));
    }

    #[test]
    fn promise_5_5_an_age_begins_and_ends_by_itself_at_the_exact_instant() {
        let log = [on(0, "A", json!({}))];
        let old = |now| ask(json!({"event": "A", "last": {"older_than": "90d"}}), &log, now);
        assert_eq!(old(day(89)), outside(Some(day(90))));
        assert_eq!(old(day(90)), inside(None));
        let minute = Span::seconds(60);
        let new = |now| ask(json!({"first_seen": {"younger_than": "60s"}}), &log, now);
        assert_eq!(new(day(0)), inside(Some(day(0) + minute)));
        assert_eq!(new(day(0) + minute), outside(None));
        let both = json!({"last_seen": {"older_than": "1d", "younger_than": "3d"}});
        assert_eq!(ask(both.clone(), &log, day(0)), outside(Some(day(1))));
        assert_eq!(ask(both, &log, day(2)), inside(Some(day(3))));
    }

    #[test]
    fn windows_and_ages_that_cannot_hold_are_faults() {
        assert!(faults(json!({"event": "A", "within": "0d"})).contains("$.within: expected a length of time above"));
        assert!(faults(json!({"event": "A", "within": "1d", "since": "2026-01-01"})).contains("exclude each other"));
        assert!(faults(json!({"event": "A", "since": "2026-02-01", "until": "2026-01-01"})).contains("later than"));
        assert!(faults(json!({"last_seen": {"older_than": "2d", "younger_than": "1d"}})).contains("the shorter one"));
        assert!(faults(json!({"first_seen": {}})).contains("$.first_seen: expected `older_than`"));
    }
}
