//! What a record keeps of the past under `retention.events` (promise 5.4): nothing that reads further back is taken, and what
//! is forgotten is missed by nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use throughline::{
    Criteria, CustomerId, CustomerState, Event, Input, Instant, MoneyBasis, Playbook, Rehearsal, Span, What,
};

fn day(days: i64) -> Instant {
    Instant::from_millis(1_700_000_000_000) + Span::days(days)
}

fn book(segments: &Json, events: Option<&str>) -> Json {
    let mut book = json!({"version": 1, "currency": "EUR", "dedupe_horizon": "5d", "segments": segments});
    if let Some(events) = events {
        book["retention"] = json!({"events": events});
    }
    book
}

fn rehearsal(segments: &Json, events: Option<&str>) -> Rehearsal<'static> {
    let json = book(segments, events).to_string();
    Rehearsal::new(Arc::new(Playbook::from_json(&json).unwrap_or_else(|faults| panic!("{faults}"))))
}

fn faults(segments: &Json, events: &str) -> Vec<(String, String)> {
    match Playbook::from_json(&book(segments, Some(events)).to_string()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(|fault| (fault.path.clone(), fault.problem.clone())).collect(),
    }
}

fn only<T>(rehearsal: &Rehearsal<'_>, ask: impl FnOnce(&CustomerState) -> T) -> T {
    let id = rehearsal.store().owner(throughline::IdentityKey::new(throughline::IdentityKind::User, "u")).unwrap();
    rehearsal.store().with_record(id, ask).unwrap()
}

fn order(n: i64) -> Event {
    Event::track("Order Completed").user("u").property("order_id", format!("o{n:04}").as_str()).property("total", 10)
}

#[test]
fn promise_5_4_what_reads_further_back_than_is_kept_is_refused_with_its_place() {
    let segments = json!({
        "a": {"event": "A", "where": {"x": 1}, "within": "400d"},
        "b": {"all": [{"event": "A", "sum": {"of": "n", "above": 1}}, {"event": "A", "last": {"older_than": "90d"}}]},
        "c": {"sequence": ["A", "B"], "within": "200d", "in_last": "200d"},
        "d": {"event": "Order Completed", "count": {"at_least": 2}},
        "e": {"event": "A", "gap": {"at_least": "60d"}},
        "f": {"event": "A", "first": {"older_than": "9d"}, "where": {"x": 1}},
    });
    let found = faults(&segments, "365d");
    let paths: BTreeSet<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    let wanted = ["a", "b.all[0]", "b.all[1]", "c", "d", "e", "f"].map(|place| format!("$.segments.{place}"));
    assert_eq!(paths, wanted.iter().map(String::as_str).collect(), "{found:?}");
    assert!(found[0].1.starts_with("looks back 400d, but `retention.events` keeps 365d"), "{found:?}");
}

#[test]
fn promise_5_4_what_needs_no_occurrence_so_old_is_taken() {
    let segments = json!({
        "a": {"event": "A", "sum": {"of": "n", "above": 1}, "within": "365d"},
        "b": {"event": "A", "last": {"older_than": "90d", "younger_than": "365d"}},
        "c": {"sequence": ["A", "B"], "within": "165d", "in_last": "200d"},
        "d": {"event": "Order Completed", "money": "gross", "count": {"at_least": 2}},
        "e": {"event": "A", "first": {"older_than": "900d"}},
        "f": {"event": "A", "never": true},
        "g": {"orders": {"at_least": 3}},
        "h": {"event": "Order Completed", "sum": {"of": "total", "above": 1}, "within": "90d"},
    });
    assert_eq!(faults(&segments, "365d"), []);
}

#[test]
fn promise_5_4_a_condition_of_a_journey_reads_no_further_back_either() {
    let mut json = book(&json!({}), Some("20d"));
    json["journeys"] = json!({"j": {"trigger": {"event": "A"}, "steps": [
        {"id": "look", "branch": [{"if": {"event": "B", "within": "30d"}, "next": "end"}], "else": "end"},
    ]}});
    let found = Playbook::from_json(&json.to_string()).unwrap_err();
    let looks = |path: &str| path.starts_with("$.journeys.j.steps") && path.contains("branch");
    assert!(found.len() == 1 && found.iter().all(|fault| looks(&fault.path)), "{found}");
}

#[test]
fn promise_5_4_the_hosts_own_rules_are_held_to_it_and_no_event_is_forgotten_before_its_copy() {
    let far = Criteria::from_json(r#"{"event": "A", "where": {"x": 1}, "within": "30d"}"#).unwrap();
    let refused = Playbook::builder().with_segment("far", far).build(&book(&json!({}), Some("20d")).to_string());
    let found = refused.unwrap_err();
    assert!(found.iter().any(|fault| fault.path == "$.retention.events" && fault.problem.contains("`far`")), "{found}");
    let (path, problem) = faults(&json!({}), "2d").remove(0);
    assert!(path == "$.retention.events" && problem.contains("dedupe_horizon"), "{problem}");
}

#[test]
fn promise_5_4_ten_years_weigh_no_more_than_one() {
    let segments = json!({
        "ever": {"event": "Order Completed", "money": "gross", "count": {"at_least": 1}},
        "year": {"event": "Order Completed", "sum": {"of": "total", "above": 100}, "within": "365d"},
    });
    let weighs = |days: i64| {
        let mut rehearsal = rehearsal(&segments, Some("365d"));
        for n in 0..days {
            rehearsal.event(order(n).at(day(n))).unwrap();
        }
        rehearsal.pass(day(days));
        only(&rehearsal, |state| {
            let series = state.profile.history.series(&"Order Completed".into()).unwrap();
            assert_eq!((series.total(), series.first()), (days as u64, day(0)));
            assert_eq!(state.profile.figures.bought(MoneyBasis::Net).orders as i64, days);
            (series.times().len(), state.encode().len())
        })
    };
    let ((one, small), (ten, large)) = (weighs(365), weighs(3_650));
    assert!(one <= 365 && ten <= 365, "{one} and {ten}");
    // The total and the sums are written in as many bytes as they have digits.
    assert!(large <= small + 16, "{large} against {small}");
}

#[test]
fn promise_5_4_what_comes_too_late_to_be_kept_enters_no_history() {
    let segments = json!({"a": {"event": "Order Completed", "count": {"at_least": 1}, "within": "30d"}});
    let playbook = Playbook::from_json(&book(&segments, Some("30d")).to_string()).unwrap();
    let mut state = CustomerState::new(CustomerId::new("u"), day(0));
    let around = throughline::Surroundings::default();
    let late = Input::Event(Arc::new(order(1).id("m1").at(day(0))));
    let out = playbook.step(&mut state, &late, &around, day(30)).unwrap();
    assert!(out.notices.iter().any(|notice| matches!(notice.what, What::TooOld)));
    assert!(state.profile.history.series(&"Order Completed".into()).is_none());
    assert_eq!(state.profile.figures.bought(MoneyBasis::Net).orders, 1);
    assert!(playbook.step(&mut state, &late, &around, day(30)).unwrap().duplicate);
}

#[test]
fn promise_5_5_what_is_still_to_be_evaluated_as_of_an_earlier_instant_misses_nothing() {
    let segments = json!({"once": {"event": "A", "count": {"equals": 1}, "within": "20d"}});
    let playbook = Playbook::from_json(&book(&segments, Some("20d")).to_string()).unwrap();
    let mut state = CustomerState::new(CustomerId::new("u"), day(0));
    let mut step = |input: Input, now: i64| {
        playbook.step(&mut state, &input, &throughline::Surroundings::default(), day(now)).unwrap().notices
    };
    let event = |name: &str, at: i64| Input::Event(Arc::new(Event::track(name).user("u").at(day(at))));
    step(event("A", 0), 0);
    step(event("A", 15), 15);
    // Too old to fire timers, it reaches the record before the wake that is late.
    step(event("B", 5), 39);
    let told = step(Input::Wake, 39);
    let told: Vec<_> = told
        .iter()
        .filter_map(|notice| match notice.what {
            What::SegmentEntered { .. } => Some((notice.at, true)),
            What::SegmentLeft { .. } => Some((notice.at, false)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(day(20), true), (day(35), false)]);
    let times = state.profile.history.series(&"A".into()).unwrap().times();
    assert!(times.is_empty(), "{times:?}");
}

#[test]
fn promise_5_6_a_refund_of_a_forgotten_order_lowers_the_lifetime_value_only() {
    let segments = json!({"a": {"event": "Order Completed", "sum": {"of": "total", "below": 0}, "within": "30d"}});
    let mut rehearsal = rehearsal(&segments, Some("30d"));
    rehearsal.event(order(1).at(day(0))).unwrap();
    rehearsal.event(order(2).at(day(20))).unwrap();
    let refund = Event::track("Order Refunded").user("u").property("order_id", "o0001").property("total", 10);
    rehearsal.event(refund.at(day(60))).unwrap();
    only(&rehearsal, |state| {
        let bought = state.profile.figures.bought(MoneyBasis::Net);
        assert_eq!((bought.orders, bought.value().to_string()), (2, "10.0000".to_owned()));
        assert!(!state.profile.memberships.contains(throughline::Key::hash_of("a")));
    });
}

/// What windows of at most 20 days may ask.
fn rules() -> Json {
    json!({
        "count": {"event": "A", "count": {"at_least": 2}, "within": "20d"},
        "none": {"event": "A", "never": true, "within": "10d"},
        "sum": {"event": "A", "sum": {"of": "n", "at_least": 4}, "within": "20d"},
        "last": {"event": "A", "last": {"older_than": "7d", "younger_than": "20d"}},
        "first": {"event": "A", "first": {"older_than": "15d"}},
        "row": {"sequence": ["A", "B"], "within": "8d", "in_last": "12d"},
        "net": {"event": "Order Completed", "count": {"at_least": 1}, "within": "20d"},
        "orders": {"orders": {"at_least": 2}},
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// The record that keeps everything is the reference: its rules cut its history by their windows, within the retention.
    #[test]
    fn promise_5_4_what_is_forgotten_is_missed_by_nobody_at_any_instant(
        log in prop::collection::vec((0..6i64, 0..19i64, 0..4usize, 1..4i64), 1..25)
    ) {
        let rules = rules();
        let (mut kept, mut all) = (rehearsal(&rules, Some("20d")), rehearsal(&rules, None));
        let mut now = 0;
        for (n, (pause, late, name, value)) in log.into_iter().enumerate() {
            now += pause;
            let name = ["A", "B", "Order Completed", "A"][name];
            let event = Event::track(name).user("u").id(&format!("m{n}")).property("n", value);
            let event = event.property("order_id", format!("o{n}").as_str()).at(day(now - late));
            kept.pass(day(now));
            all.pass(day(now));
            kept.event(event.clone()).unwrap();
            all.event(event).unwrap();
            for instant in [day(now), day(now) + Span::millis(1)] {
                kept.pass(instant);
                all.pass(instant);
                agree(&rules, &kept, &all)?;
            }
        }
        for next in now + 1..now + 30 {
            for instant in [day(next), day(next) + Span::millis(1)] {
                kept.pass(instant);
                all.pass(instant);
                agree(&rules, &kept, &all)?;
            }
        }
    }
}

fn agree(rules: &Json, kept: &Rehearsal<'_>, all: &Rehearsal<'_>) -> Result<(), TestCaseError> {
    for name in rules.as_object().unwrap().keys() {
        let inside =
            |of: &Rehearsal<'_>| only(of, |state| state.profile.memberships.contains(throughline::Key::hash_of(name)));
        prop_assert_eq!(inside(kept), inside(all), "{}", name);
    }
    Ok(())
}
