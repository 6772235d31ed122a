//! When things happen: one customer's clock, zone, windows and the order at one instant (chapter 1).

mod shop;

use serde_json::json;
use shop::{Shop, at, awaited, began, book, known, quiet, steps, then_note};
use throughline::{CustomerState, Event, Input, Instant, Playbook, Surroundings};

fn country(mut event: Event, country: &str) -> Event {
    event.place.get_or_insert_default().country = Some(country.into());
    event
}

#[test]
fn promise_1_1_a_clock_that_goes_back_fires_no_timer_twice_and_undoes_nothing() {
    let mut book = book(json!({"j": then_note(vec![json!({"id": "w", "wait": "1h"})])}));
    book["messages"]["note"]["dedupe"] = "1ms".into();
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.pass("2026-03-01T11:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-01T11:00:00Z note in_app"]);
    for back in ["2026-03-01T10:30:00Z", "2026-03-01T11:00:00Z", "2025-01-01T00:00:00Z"] {
        shop.input(Input::Wake, at(back));
    }
    shop.input(
        Input::Event(began("Begin").id("second").at(at("2026-03-01T10:30:00Z")).into()),
        at("2026-03-01T10:30:00Z"),
    );
    assert_eq!(shop.sent().len(), 1);
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.sent().len(), 2, "the second run waits its own hour, and once");
}

#[test]
fn promise_1_2_the_zone_is_the_customers_own_else_the_countrys_else_the_phones_else_the_shops() {
    let morning = "2026-01-10T07:30:00Z";
    // Who, and when the push arrives: 07:30Z is night in London and day in Berlin and Tokyo.
    let cases = [
        (known().zone("Europe/London"), "2026-01-10T08:00:00Z"),
        (country(known().zone("Asia/Tokyo"), "GB"), morning),
        (country(known().zone("Mars/Olympus_Mons"), "DE"), morning),
        (country(known().zone("Mars/Olympus_Mons"), "GB"), "2026-01-10T08:00:00Z"),
        (known().with_trait("phone", "+4915112345678"), morning),
        (known().with_trait("phone", "+447911123456"), "2026-01-10T08:00:00Z"),
        // Nobody knows where: the shop's zone serves.
        (known(), "2026-01-10T12:00:00Z"),
        // Several zones: it must be day in every one of them, and Honolulu wakes last.
        (country(known(), "US"), "2026-01-10T18:00:00Z"),
    ];
    for (who, arrives) in cases {
        let mut shop = quiet(json!({"zone": "Pacific/Pitcairn"}));
        let case = format!("{:?}", who.place);
        shop.event("2026-01-10T07:00:00Z", who);
        shop.event(morning, began("Begin"));
        shop.pass("2026-01-11T20:00:00Z");
        let wanted = if arrives == "2026-01-10T12:00:00Z" { "2026-01-10T16:00:00Z" } else { arrives };
        assert_eq!(shop.sent(), [format!("{wanted} push push")], "{case}");
    }
}

#[test]
fn promise_1_3_a_local_time_has_the_offset_of_its_target_and_follows_the_customer() {
    let nine = json!({"id": "w", "wait_until": {"time": "09:00"}});
    let monday = json!({"id": "w", "wait_until": {"time": "05:00", "weekdays": ["monday"]}});
    for (step, zone, asked, due) in [
        (&nine, "America/New_York", "2026-03-07T20:00:00Z", "2026-03-08T13:00:00Z"),
        (&nine, "America/New_York", "2026-10-31T20:00:00Z", "2026-11-01T14:00:00Z"),
        (&monday, "Asia/Tokyo", "2026-01-09T12:00:00Z", "2026-01-11T20:00:00Z"),
        // 02:30 does not exist that night: the first instant after the gap.
        (
            &json!({"id": "w", "wait_until": {"time": "02:30"}}),
            "America/New_York",
            "2026-03-08T00:00:00Z",
            "2026-03-08T07:00:00Z",
        ),
        // 01:30 comes twice: the first.
        (
            &json!({"id": "w", "wait_until": {"time": "01:30"}}),
            "America/New_York",
            "2026-11-01T00:00:00Z",
            "2026-11-01T05:30:00Z",
        ),
    ] {
        let mut shop = Shop::new(book(json!({"j": then_note(vec![step.clone()])})));
        shop.event(asked, known().zone(zone));
        shop.event(asked, began("Begin"));
        shop.pass("2026-12-01T00:00:00Z");
        assert_eq!(shop.sent(), [format!("{due} note in_app")]);
    }
    let mut shop = Shop::new(book(json!({"j": then_note(vec![nine])})));
    shop.event("2026-01-10T00:00:00Z", known().zone("Europe/Berlin"));
    shop.event("2026-01-10T00:00:00Z", began("Begin"));
    shop.event("2026-01-10T01:00:00Z", Event::track("Arrived").zone("America/New_York"));
    shop.pass("2026-01-12T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-01-10T14:00:00Z note in_app"]);
}

#[test]
fn promise_1_4_quiet_hours_are_half_open() {
    for (asked, arrives) in [
        ("2026-01-10T21:59:59.999Z", "2026-01-10T21:59:59.999Z"),
        ("2026-01-10T22:00:00Z", "2026-01-11T08:00:00Z"),
        ("2026-01-11T07:59:59.999Z", "2026-01-11T08:00:00Z"),
        ("2026-01-11T08:00:00Z", "2026-01-11T08:00:00Z"),
    ] {
        let mut shop = quiet(json!({"zone": "UTC"}));
        shop.event(asked, known());
        shop.event(asked, began("Begin"));
        shop.pass("2026-01-12T00:00:00Z");
        assert_eq!(shop.sent(), [format!("{arrives} push push")]);
    }
}

#[test]
fn promise_1_5_a_day_of_waiting_is_24_hours_also_over_a_clock_change() {
    let mut shop = Shop::new(book(json!({"j": then_note(vec![json!({"id": "w", "wait": "1d"})])})));
    shop.event("2026-03-07T20:00:00Z", known().zone("America/New_York"));
    shop.event("2026-03-07T20:00:00Z", began("Begin"));
    shop.pass("2026-03-10T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-08T20:00:00Z note in_app"]);
}

#[test]
fn promise_1_6_an_event_at_the_very_instant_of_a_timeout_is_in_time_and_a_later_one_is_not() {
    for (answer, said) in [("2026-03-01T11:00:00Z", "note"), ("2026-03-01T11:00:00.001Z", "other")] {
        let mut shop = Shop::new(book(awaited()));
        shop.event("2026-03-01T10:00:00Z", began("Begin"));
        shop.event(answer, began("Answer"));
        shop.pass("2026-03-02T00:00:00Z");
        assert_eq!(shop.sent(), [format!("2026-03-01T11:00:00Z {said} in_app")]);
    }
}

#[test]
fn promise_1_6_after_a_downtime_events_and_timers_still_act_in_the_order_of_their_instants() {
    // Nobody woke the record for hours; the events come late, in order, all handled at noon.
    let mut shop = Shop::new(book(awaited()));
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    let noon = at("2026-03-01T15:00:00Z");
    shop.input(Input::Event(began("Other").at(at("2026-03-01T10:30:00Z")).into()), noon);
    shop.input(Input::Event(began("Answer").at(at("2026-03-01T10:59:00Z")).into()), noon);
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-01T15:00:00Z note in_app"]);

    // A wait that follows a wait: its due instant is after the purchase, so the purchase comes first.
    let mut journey = then_note(vec![json!({"id": "a", "wait": "1h"}), json!({"id": "b", "wait": "1h"})]);
    journey["exit"] = json!([{"event": "Order Completed"}]);
    let mut shop = Shop::new(book(json!({"j": journey})));
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.input(Input::Event(began("Order Completed").at(at("2026-03-01T11:30:00Z")).into()), noon);
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.sent(), [""; 0]);
}

#[test]
fn promise_1_6_timers_of_several_runs_fire_by_their_due_instants_also_when_late() {
    let journeys = json!({
        "a": {"trigger": {"event": "Begin"}, "steps": [
            {"id": "1", "wait": "1h"}, {"id": "2", "wait": "1h"}, {"id": "say", "message": "note"}]},
        "b": {"trigger": {"event": "Begin"}, "steps": [{"id": "1", "wait": "90m"}, {"id": "say", "message": "other"}]}
    });
    let mut shop = Shop::new(book(journeys));
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.input(Input::Wake, at("2026-03-01T15:00:00Z"));
    assert_eq!(shop.sent(), ["2026-03-01T15:00:00Z other in_app", "2026-03-01T15:00:00Z note in_app"]);
}

#[test]
fn promise_1_6_a_wait_after_a_message_counts_from_its_hand_over() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([
        {"id": "first", "message": "note"}, {"id": "w", "wait": "1h"}, {"id": "second", "message": "other"}]))})));
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-01T10:00:00Z note in_app", "2026-03-01T11:00:00Z other in_app"]);
}

#[test]
fn promise_1_1_waking_a_record_with_nothing_due_changes_nothing() {
    let book = Playbook::from_json(&book(awaited()).to_string()).unwrap();
    let now: Instant = at("2026-03-01T10:00:00Z");
    let mut state = CustomerState::new(throughline::CustomerId::new("anna"), now);
    let around = Surroundings::default();
    book.step(&mut state, &Input::Event(began("Begin").at(now).into()), &around, now).unwrap();
    let before = state.clone();
    let out = book.step(&mut state, &Input::Wake, &around, now).unwrap();
    assert_eq!((state, out.notices.len()), (before, 0));
}
