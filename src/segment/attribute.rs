//! Conditions on an attribute: its value, for how long it has been so, and the date that it gives.

use std::fmt;

use chrono::{Datelike, NaiveDate, NaiveTime};
use serde_json::{Map, Value as Json, json};

use super::compare::{Comparison, OPERATORS};
use super::path::Path;
use super::quick::Quick;
use super::time::{Age, transpose};
use super::{Facts, Membership};
use crate::primitives::fault::{Node, Object};
use crate::primitives::{Fields, Instant, Key, Needs, Span, ValueRef};

/// `{"attribute": ..}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AttributeCondition {
    path: Path,
    comparison: Comparison,
    /// Counted from the attribute's last change of value, whichever values it had before.
    lasting: Option<Span>,
    date: Option<DateTest>,
}

/// Where a date stands relative to now. All that are given must hold.
#[derive(Debug, Clone, PartialEq)]
struct DateTest {
    in_next: Option<Span>,
    age: Option<Age>,
    before_now: Option<bool>,
    anniversary: Option<Anniversary>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Anniversary {
    in_next: Option<Span>,
    in_last: Option<Span>,
}

impl AttributeCondition {
    pub(super) fn decode(object: &Object<'_>) -> Option<AttributeCondition> {
        let known: Vec<&str> = OPERATORS.into_iter().chain(["attribute", "for", "date"]).collect();
        let known = object.node().object(&known).map(|_| ());
        let path = object.get("attribute").and_then(|node| Path::decode(&node));
        let comparison = Comparison::decode_operators(object);
        let lasting = transpose(object.get("for").map(|node| node.span()));
        let date = transpose(object.get("date").map(|node| DateTest::decode(&node)));
        let condition = AttributeCondition { path: path?, comparison: comparison?, lasting: lasting?, date: date? };
        known?;
        if condition.comparison.is_empty() && condition.date.is_none() {
            object.node().fault(format!("expected `date` or an operator: {}", OPERATORS.join(", ")));
            return None;
        }
        if condition.lasting.is_some() && condition.comparison.is_empty() {
            object.node().fault("`for` says how long a comparison has held; add an operator");
            return None;
        }
        Some(condition)
    }

    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        out.insert("attribute".to_owned(), self.path.to_string().into());
        self.comparison.write(out);
        out.extend(self.lasting.map(|span| ("for".to_owned(), json!(span))));
        out.extend(self.date.as_ref().map(|date| ("date".to_owned(), date.written())));
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        let found = self.check_value(facts.who.attribute(self.path.first()), facts.trigger, facts.now);
        match self.lasting {
            Some(span) if found.inside || found.until.is_some() => {
                let since = facts.who.attribute_since(self.path.first());
                let lasting = Age::older_than(span).check(since, facts.now);
                Membership::combine(false, [lasting, found].into_iter())
            }
            _ => found,
        }
    }

    /// What a value, or the absence of one, says by itself.
    fn check_value(&self, value: Option<ValueRef<'_>>, trigger: Option<&Fields>, now: Instant) -> Membership {
        if !self.comparison.holds(value, &self.path, trigger) {
            return Membership::steady(false);
        }
        let Some(date) = &self.date else { return Membership::steady(true) };
        let mut at: Option<Instant> = None;
        if let Some(value) = value {
            self.path.any_below(value, &mut |value: ValueRef<'_>| {
                at = value.as_instant();
                at.is_some()
            });
        }
        match at {
            None => Membership::steady(false),
            Some(at) => date.check(at, now),
        }
    }

    /// The attribute that is read.
    pub(super) fn key(&self) -> &Key {
        self.path.first()
    }

    /// Whether the condition holds of a value, or of the absence of one; `None` if it reads more than that.
    pub(super) fn of_value(&self, now: Instant) -> Option<impl Fn(Option<ValueRef<'_>>) -> bool> {
        let quick = if self.is_steady() { self.quick() } else { None };
        self.lasting.is_none().then_some(move |value: Option<ValueRef<'_>>| match &quick {
            Some(test) => test.holds(value),
            None => self.check_value(value, None, now).inside,
        })
    }

    /// Whether time alone never changes the answer.
    pub(super) fn is_steady(&self) -> bool {
        self.lasting.is_none() && self.date.is_none()
    }

    /// The one test of the attribute itself, if that is all that is asked.
    pub(super) fn quick(&self) -> Option<Quick> {
        if self.path.is_name() { self.comparison.quick(self.path.first()) } else { None }
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        needs.merge(Needs { attributes: vec![self.path.first().clone()], ..Needs::default() });
    }
}

impl DateTest {
    fn decode(node: &Node<'_>) -> Option<DateTest> {
        let object = node.object(&["in_next", "in_last", "older_than", "before_now", "anniversary"])?;
        let span = |name: &str| transpose(object.get(name).map(|node| node.span()));
        let (in_next, in_last, older) = (span("in_next"), span("in_last"), span("older_than"));
        let before_now = transpose(object.get("before_now").map(|node| node.boolean()));
        let anniversary = transpose(object.get("anniversary").map(|node| Anniversary::decode(&node)));
        let age = match (in_last?, older?) {
            (Some(_), Some(_)) => {
                node.fault("`in_last` and `older_than` exclude each other; combine with `all`");
                return None;
            }
            (Some(span), None) => Some(Age::younger_than(span)),
            (None, Some(span)) => Some(Age::older_than(span)),
            (None, None) => None,
        };
        let test = DateTest { in_next: in_next?, age, before_now: before_now?, anniversary: anniversary? };
        if test == (DateTest { in_next: None, age: None, before_now: None, anniversary: None }) {
            node.fault("expected `in_next`, `in_last`, `older_than`, `before_now` or `anniversary`");
            return None;
        }
        Some(test)
    }

    fn written(&self) -> Json {
        let mut out = Map::new();
        out.extend(self.in_next.map(|span| ("in_next".to_owned(), json!(span))));
        if let Some(age) = self.age {
            age.write(&mut out, "older_than", "in_last");
        }
        out.extend(self.before_now.map(|passed| ("before_now".to_owned(), passed.into())));
        out.extend(self.anniversary.map(|Anniversary { in_next, in_last }| {
            let limits = [("in_next", in_next), ("in_last", in_last)];
            let given = limits.into_iter().filter_map(|(name, span)| Some((name.to_owned(), json!(span?))));
            ("anniversary".to_owned(), given.collect())
        }));
        out.into()
    }

    fn check(&self, date: Instant, now: Instant) -> Membership {
        let next = self.in_next.map(|span| upcoming(date, span, now));
        let age = self.age.map(|age| age.check(Some(date), now));
        let passed = self
            .before_now
            .map(|wanted| Membership { inside: (date <= now) == wanted, until: (date > now).then_some(date) });
        let anniversary = self.anniversary.map(|anniversary| anniversary.check(date, now));
        Membership::combine(false, [next, age, passed, anniversary].into_iter().flatten())
    }
}

impl Anniversary {
    fn decode(node: &Node<'_>) -> Option<Anniversary> {
        let object = node.object(&["in_next", "in_last"])?;
        let span = |name: &str| transpose(object.get(name).map(|node| node.span()));
        let (in_next, in_last) = (span("in_next"), span("in_last"));
        let anniversary = Anniversary { in_next: in_next?, in_last: in_last? };
        if anniversary.in_next.is_none() && anniversary.in_last.is_none() {
            node.fault("expected `in_next` or `in_last`");
            return None;
        }
        Some(anniversary)
    }

    fn check(self, date: Instant, now: Instant) -> Membership {
        let (last, next) = anniversaries(date, now);
        let coming = self.in_next.map(|span| match next {
            Some(next) => upcoming(next, span, now),
            None => Membership::steady(false),
        });
        let past = self.in_last.map(|span| Age::younger_than(span).check(last, now).sooner(next));
        Membership::combine(false, [coming, past].into_iter().flatten())
    }
}

/// Whether a date lies in `(now, now + span]`.
fn upcoming(date: Instant, span: Span, now: Instant) -> Membership {
    let begins = date - span;
    Membership {
        inside: begins <= now && now < date,
        until: if now < begins { Some(begins) } else { Some(date).filter(|date| *date > now) },
    }
}

/// The latest anniversary of a date at or before `now` and the first one after, each at its midnight in UTC. The day
/// itself is none.
fn anniversaries(date: Instant, now: Instant) -> (Option<Instant>, Option<Instant>) {
    let born = date.to_utc().date_naive();
    let this_year = now.to_utc().year();
    let first = (this_year - 1).max(born.year() + 1);
    let (mut last, mut next) = (None, None);
    for year in first..=first.max(this_year + 1) {
        // 29 February is 1 March in a common year.
        let day = born.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1));
        let at = day.map(|day| Instant::from_utc(day.and_time(NaiveTime::MIN).and_utc()));
        match at {
            Some(at) if at <= now => last = Some(at),
            at => next = next.or(at),
        }
    }
    (last, next)
}

impl fmt::Display for AttributeCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if !self.comparison.is_empty() {
            write!(f, " {}", self.comparison)?;
        }
        if let Some(span) = self.lasting {
            write!(f, " for at least {span}")?;
        }
        let Some(date) = &self.date else { return Ok(()) };
        let mut and = if self.comparison.is_empty() { "" } else { " and" };
        let mut part = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            write!(f, "{and} {text}")?;
            and = " and";
            Ok(())
        };
        if let Some(span) = date.in_next {
            part(f, format_args!("is in the next {span}"))?;
        }
        if let Some(age) = date.age {
            part(f, format_args!("was {age}"))?;
        }
        if let Some(passed) = date.before_now {
            part(f, format_args!("{}", if passed { "has passed" } else { "is still to come" }))?;
        }
        if let Some(Anniversary { in_next, in_last }) = date.anniversary {
            if let Some(span) = in_next {
                part(f, format_args!("has its anniversary in the next {span}"))?;
            }
            if let Some(span) = in_last {
                part(f, format_args!("had its anniversary in the last {span}"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{day, faults, inside, outside, rule};
    use super::super::{Membership, Segment};
    use crate::customer::Profile;
    use crate::primitives::{CustomerId, Instant, Span, Value};
    use serde_json::{Value as Json, json};

    fn ask(json: Json, value: impl Into<Value>, said: i64, now: Instant) -> Membership {
        let mut who = Profile::new(CustomerId::new("anna"), day(0));
        who.attributes.set(&"a".into(), value.into(), day(said));
        rule(json).evaluate(&who, now)
    }

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn promise_5_1_not_equals_holds_of_who_has_no_such_attribute() {
        let who = Profile::new(CustomerId::new("anna"), day(0));
        for json in
            [json!({"not": {"attribute": "env", "equals": "prod"}}), json!({"attribute": "env", "not_equals": "prod"})]
        {
            assert_eq!(rule(json).evaluate(&who, day(0)), inside(None));
        }
    }

    #[test]
    fn promise_5_2_has_been_so_for_a_time_begins_by_itself_and_is_not_reset_by_a_repetition() {
        let gold = json!({"attribute": "a", "equals": "gold", "for": "7d"});
        assert_eq!(ask(gold.clone(), "gold", 1, day(7)), outside(Some(day(8))));
        assert_eq!(ask(gold.clone(), "gold", 1, day(8)), inside(None));
        assert_eq!(ask(gold.clone(), "tin", 1, day(9)), outside(None));
        let mut who = Profile::new(CustomerId::new("anna"), day(0));
        for said in [1, 6] {
            who.attributes.set(&"a".into(), "gold".into(), day(said));
        }
        assert!(rule(gold).evaluate(&who, day(8)).inside);
    }

    #[test]
    fn promise_5_2_a_date_is_near_in_either_direction() {
        let ask = |date: Json, now| ask(json!({"attribute": "a", "date": date}), "1970-01-11", 0, now);
        let next = json!({"in_next": "7d"});
        assert_eq!(ask(next.clone(), day(2)), outside(Some(day(3))));
        assert_eq!(ask(next.clone(), day(3)), inside(Some(day(10))));
        assert_eq!(ask(next, day(10)), outside(None));
        let last = json!({"in_last": "7d"});
        assert_eq!(ask(last.clone(), day(9)), outside(Some(day(10))));
        assert_eq!(ask(last.clone(), day(10)), inside(Some(day(17))));
        assert_eq!(ask(last, day(17)), outside(None));
        assert_eq!(ask(json!({"before_now": true}), day(9)), outside(Some(day(10))));
        assert_eq!(ask(json!({"before_now": false}), day(10)), outside(None));
        assert_eq!(ask(json!({"older_than": "5d"}), day(12)), outside(Some(day(15))));
    }

    #[test]
    fn promise_5_2_what_is_no_date_is_near_nothing() {
        for date in
            [json!({"in_next": "7d"}), json!({"before_now": false}), json!({"anniversary": {"in_last": "400d"}})]
        {
            assert_eq!(ask(json!({"attribute": "a", "date": date}), "soon", 0, day(3)), outside(None));
            assert_eq!(ask(json!({"attribute": "a", "date": date}), 7, 0, day(3)), outside(None));
        }
    }

    #[test]
    fn promise_5_2_an_anniversary_comes_every_year_and_29_february_on_1_march() {
        let ask = |test: Json, now: &str| {
            ask(json!({"attribute": "a", "date": {"anniversary": test}}), "1996-02-29", 0, at(now))
        };
        let (next, today) = (json!({"in_next": "7d"}), json!({"in_last": "1d"}));
        assert_eq!(ask(next.clone(), "2025-02-20"), outside(Some(at("2025-02-22"))));
        assert_eq!(ask(next.clone(), "2025-02-22"), inside(Some(at("2025-03-01"))));
        assert_eq!(ask(next.clone(), "2025-03-01"), outside(Some(at("2026-02-22"))));
        assert_eq!(ask(next.clone(), "2024-02-28T23:00:00Z"), inside(Some(at("2024-02-29"))));
        assert_eq!(ask(today.clone(), "2025-02-28T23:59:59Z"), outside(Some(at("2025-03-01"))));
        assert_eq!(ask(today.clone(), "2025-03-01T15:00:00Z"), inside(Some(at("2025-03-02"))));
        assert_eq!(ask(today.clone(), "2024-02-29T15:00:00Z"), inside(Some(at("2024-03-01"))));
        assert_eq!(ask(today.clone(), "2024-03-01"), outside(Some(at("2025-03-01"))));
        // The day itself is no anniversary, nor is any day before it.
        assert_eq!(ask(today, "1996-02-29T01:00:00Z"), outside(Some(at("1997-03-01"))));
        assert_eq!(ask(next, "1990-06-01"), outside(Some(at("1997-03-01") - Span::days(7))));
    }

    #[test]
    fn promise_5_5_an_anniversary_never_changes_before_it_says() {
        let born = ["2000-02-29", "1999-12-31", "2001-01-01"];
        let tests = [
            json!({"in_next": "3d"}),
            json!({"in_last": "400d"}),
            json!({"in_next": "370d"}),
            json!({"in_last": "2d"}),
        ];
        for (born, test) in born.into_iter().flat_map(|born| tests.iter().map(move |test| (born, test))) {
            let rule = rule(json!({"attribute": "a", "date": {"anniversary": test}}));
            let mut who = Profile::new(CustomerId::new("anna"), day(0));
            who.attributes.set(&"a".into(), born.into(), day(0));
            let hours = |n: i64| at("1999-06-01") + Span::hours(12 * n);
            let (mut was, mut asked_again) = (rule.evaluate(&who, hours(0)), 0);
            for now in (1..3_000).map(hours) {
                let is = rule.evaluate(&who, now);
                if was.until.is_some_and(|until| until <= now) {
                    (was, asked_again) = (is, asked_again + 1);
                }
                assert_eq!(is.inside, was.inside, "{born} {test} at {now}");
            }
            assert!(asked_again <= 12, "{born} {test}: {asked_again}");
        }
    }

    #[test]
    fn what_stands_for_nothing_is_a_fault() {
        assert!(faults(json!({"attribute": "a", "date": {}})).contains("$.date: expected `in_next`"));
        assert!(
            faults(json!({"attribute": "a", "date": {"before_now": true}, "for": "1d"})).contains("add an operator")
        );
        assert!(
            faults(json!({"attribute": "a", "date": {"anniversary": {}}})).contains("$.date.anniversary: expected")
        );
    }
}
