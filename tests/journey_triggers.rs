//! What begins a run beyond events and segments: dates, schedules, the host's call (promises 6.2, 6.3, 1.2, 1.3, 5.5).

mod shop;

use serde_json::{Value as Json, json};
use shop::{Shop, at, book};
use throughline::{Event, Instant, What};

/// A journey that begins so and says `note`.
fn triggered(trigger: Json) -> Json {
    json!({"trigger": trigger, "steps": [{"id": "say", "message": "note"}]})
}

/// A shop in Berlin with this one journey, called `j`.
fn shop(journey: Json) -> Shop {
    let mut book = book(json!({"j": journey}));
    book["policy"]["zone"] = "Europe/Berlin".into();
    Shop::new(book)
}

fn born(date: &str) -> Event {
    Event::identify().user("anna").with_trait("birthday", date)
}

fn birthday(more: Json) -> Json {
    let mut trigger = json!({"date": "birthday", "every": "year"});
    trigger.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    triggered(trigger)
}

/// When each run began, and its key.
fn begun(shop: &Shop) -> Vec<String> {
    let begun = shop.notes.iter().filter_map(|note| match &note.what {
        What::RunBegun(run) => Some(format!("{} {}", note.at, run.key.as_deref().unwrap_or("-"))),
        _ => None,
    });
    begun.collect()
}

/// Why runs did not begin.
fn refused(shop: &Shop) -> Vec<&'static str> {
    let refused = shop.notes.iter().filter_map(|note| match &note.what {
        What::NotBegun { reason, .. } => Some(*reason),
        _ => None,
    });
    refused.collect()
}

#[test]
fn promise_6_2_a_birthday_comes_every_year_so_many_days_ahead_at_a_local_time() {
    let mut shop = shop(birthday(json!({"offset": "-7d", "time": "18:30"})));
    shop.event("2026-01-05T10:00:00Z", born("1990-06-10"));
    shop.pass("2029-01-01T00:00:00Z");
    assert_eq!(
        begun(&shop),
        ["2026-06-03T16:30:00Z 2026-06-10", "2027-06-03T16:30:00Z 2027-06-10", "2028-06-03T16:30:00Z 2028-06-10"]
    );
    assert_eq!(shop.handed.len(), 3);
}

#[test]
fn promise_6_2_an_offset_counts_calendar_days_not_24_hours() {
    // The clocks go forward on 29 March and back on 25 October.
    for (date, runs) in [("1990-03-30", "2026-03-28T08:00:00Z"), ("1990-10-26", "2026-10-24T07:00:00Z")] {
        let mut shop = shop(birthday(json!({"offset": "-2d"})));
        shop.event("2026-01-05T10:00:00Z", born(date));
        shop.pass("2027-01-01T00:00:00Z");
        assert_eq!(begun(&shop), [format!("{runs} 2026-{}", &date[5..])]);
    }
    let mut shop = shop(birthday(json!({"offset": "3d"})));
    shop.event("2026-01-05T10:00:00Z", born("1990-12-30"));
    shop.pass("2027-12-31T00:00:00Z");
    assert_eq!(begun(&shop), ["2027-01-02T08:00:00Z 2026-12-30"]);
}

#[test]
fn promise_6_2_29_february_is_28_february_or_1_march_in_common_years() {
    for (more, days) in [
        (json!({}), ["2026-02-28", "2027-02-28", "2028-02-29", "2029-02-28"]),
        (json!({"leap_day": "february_28"}), ["2026-02-28", "2027-02-28", "2028-02-29", "2029-02-28"]),
        (json!({"leap_day": "march_1"}), ["2026-03-01", "2027-03-01", "2028-02-29", "2029-03-01"]),
    ] {
        let mut shop = shop(birthday(more));
        shop.event("2026-01-05T10:00:00Z", born("1996-02-29"));
        shop.pass("2029-12-31T00:00:00Z");
        assert_eq!(begun(&shop), days.map(|day| format!("{day}T08:00:00Z {day}")));
    }
    // A century without one.
    let mut shop = shop(birthday(json!({})));
    shop.event("2099-12-05T10:00:00Z", born("2096-02-29"));
    shop.pass("2100-12-31T00:00:00Z");
    assert_eq!(begun(&shop), ["2100-02-28T08:00:00Z 2100-02-28"]);
}

#[test]
fn promise_6_2_the_day_itself_is_no_anniversary_of_it() {
    let mut shop = shop(birthday(json!({})));
    shop.event("2026-01-05T10:00:00Z", born("2026-06-10"));
    shop.pass("2027-12-31T00:00:00Z");
    assert_eq!(begun(&shop), ["2027-06-10T07:00:00Z 2027-06-10"]);
}

#[test]
fn promise_6_2_a_one_time_date_begins_one_run() {
    let mut shop = shop(triggered(json!({"date": "renewal", "offset": "-30d", "time": "10:00"})));
    let renewal = |date: &str| Event::identify().user("anna").with_trait("renewal", date);
    shop.event("2026-01-05T10:00:00Z", renewal("2026-12-31"));
    shop.pass("2026-12-20T00:00:00Z");
    assert_eq!(begun(&shop), ["2026-12-01T09:00:00Z 2026-12-31"]);
    // The contract is renewed: another date, another run. The same date once more is none.
    shop.event("2026-12-20T10:00:00Z", renewal("2026-12-31"));
    shop.event("2026-12-31T10:00:00Z", renewal("2027-12-31"));
    shop.pass("2029-01-01T00:00:00Z");
    assert_eq!(begun(&shop)[1..], ["2027-12-01T09:00:00Z 2027-12-31"]);
}

#[test]
fn promise_6_2_of_an_instant_the_local_date_counts() {
    for (zone, date) in [("America/Los_Angeles", "2026-06-09"), ("Pacific/Auckland", "2026-06-10")] {
        let mut shop = shop(birthday(json!({"time": "12:00"})));
        shop.event("2026-01-05T10:00:00Z", born("1990-06-10T03:00:00+02:00").zone(zone));
        shop.pass("2027-01-01T00:00:00Z");
        assert_eq!(begun(&shop)[0][21..], *date, "{zone}");
    }
}

#[test]
fn promise_6_2_what_is_no_date_begins_nothing() {
    for text in ["", "10.06.1990", "1990-13-01", "1990-02-30", "soon"] {
        let mut shop = shop(birthday(json!({})));
        shop.event("2026-01-05T10:00:00Z", born(text));
        shop.pass("2028-01-01T00:00:00Z");
        assert!(begun(&shop).is_empty() && refused(&shop).is_empty(), "{text}");
        assert!(shop.state.timers.is_empty(), "nothing is kept of it");
    }
    let mut shop = shop(birthday(json!({})));
    shop.event("2026-01-05T10:00:00Z", Event::identify().user("anna").with_trait("birthday", 19_900_610_i64));
    assert_eq!(shop.state.due(), Instant::MAX);
}

#[test]
fn promise_1_2_zones_at_both_ends_of_the_world() {
    for (zone, runs) in [
        ("Pacific/Kiritimati", "2026-06-09T19:00:00Z"),
        ("Pacific/Apia", "2026-06-09T20:00:00Z"),
        ("Pacific/Pago_Pago", "2026-06-10T20:00:00Z"),
        ("Mars/Olympus", "2026-06-10T07:00:00Z"),
    ] {
        let mut shop = shop(birthday(json!({})));
        shop.event("2026-01-05T10:00:00Z", born("1990-06-10").zone(zone));
        shop.pass("2027-01-01T00:00:00Z");
        assert_eq!(begun(&shop), [format!("{runs} 2026-06-10")], "{zone}");
    }
}

#[test]
fn promise_1_2_where_several_zones_are_possible_it_is_that_late_in_each() {
    let mut shop = shop(birthday(json!({})));
    // A number of the United States: 09:00 comes last in Honolulu and on the Aleutians.
    shop.event("2026-01-05T10:00:00Z", born("1990-06-10").with_trait("phone", "+12125550123"));
    shop.pass("2027-01-01T00:00:00Z");
    assert_eq!(begun(&shop), ["2026-06-10T19:00:00Z 2026-06-10"]);
}

#[test]
fn promise_1_2_without_any_zone_no_run_begins_and_the_reason_is_told() {
    let mut shop = Shop::new(book(json!({"j": birthday(json!({}))})));
    shop.event("2026-01-05T10:00:00Z", born("1990-06-10"));
    shop.pass("2026-12-01T00:00:00Z");
    assert_eq!((begun(&shop).len(), refused(&shop)), (0, vec!["no_zone"]));
    // Once it is known where the customer is, it is the next year's turn.
    shop.event("2026-12-01T10:00:00Z", Event::track("Page Viewed").user("anna").zone("Asia/Tokyo"));
    shop.pass("2028-01-01T00:00:00Z");
    assert_eq!(begun(&shop), ["2027-06-10T00:00:00Z 2027-06-10"]);
}

#[test]
fn promise_1_3_a_clock_change_moves_the_instant_by_the_rules_of_local_times() {
    // 02:30 does not exist on 29 March 2026 in Berlin, and comes twice on 25 October.
    for (date, runs) in [("1990-03-29", "2026-03-29T01:00:00Z"), ("1990-10-25", "2026-10-25T00:30:00Z")] {
        let mut shop = shop(birthday(json!({"time": "02:30"})));
        shop.event("2026-01-05T10:00:00Z", born(date));
        shop.pass("2027-01-01T00:00:00Z");
        assert_eq!(begun(&shop), [format!("{runs} 2026-{}", &date[5..])]);
    }
}

#[test]
fn promise_6_2_a_changed_date_moves_the_timer() {
    let mut shop = shop(birthday(json!({})));
    shop.event("2026-01-05T10:00:00Z", born("1990-06-10"));
    shop.event("2026-02-01T10:00:00Z", born("1990-04-20"));
    shop.event("2026-03-01T10:00:00Z", born("1990-05-01"));
    assert_eq!(shop.state.due(), at("2026-05-01T07:00:00Z"));
    // A date that is over for this year begins nothing, and next year's counts.
    shop.event("2026-04-10T10:00:00Z", born("1990-02-02"));
    shop.pass("2027-02-03T00:00:00Z");
    assert_eq!(begun(&shop), ["2027-02-02T08:00:00Z 2027-02-02"]);
    assert!(refused(&shop).is_empty());
    // One that is none any more begins nothing at all.
    shop.event("2027-02-03T10:00:00Z", born("unknown"));
    assert_eq!(shop.state.due(), Instant::MAX);
}

#[test]
fn promise_6_2_a_date_found_in_the_past_counts_for_as_long_as_a_trigger_may_be_late() {
    for (late_by, found, expected) in
        [("24h", "2026-06-11T06:59:59Z", 1), ("24h", "2026-06-11T07:00:01Z", 0), ("3d", "2026-06-13T06:00:00Z", 1)]
    {
        let mut journey = birthday(json!({}));
        journey["late_by"] = late_by.into();
        let mut shop = shop(journey);
        shop.event("2026-01-05T10:00:00Z", Event::track("Page Viewed").user("anna"));
        shop.event(found, born("1990-06-10"));
        shop.pass("2026-12-31T00:00:00Z");
        assert_eq!(begun(&shop).len(), expected, "{late_by} {found}");
    }
}

#[test]
fn promise_6_2_the_run_knows_the_date_and_the_years() {
    let mut wanted = book(
        json!({"j": {"trigger": {"date": "birthday", "every": "year", "if": {"trigger": {"years": {"at_least": 36}}}},
        "steps": [{"id": "say", "message": "wish"}]}}),
    );
    wanted["policy"]["zone"] = "Europe/Berlin".into();
    wanted["messages"]["wish"] = json!({"variants": {"in_app": {"body": "{{ trigger.date }} {{ trigger.years }}"}}});
    let mut shop = Shop::new(wanted);
    shop.event("2025-01-05T10:00:00Z", born("1990-06-10"));
    shop.pass("2026-12-31T00:00:00Z");
    assert_eq!(shop.handed.len(), 1, "none at 35");
    assert!(serde_json::to_string(&*shop.handed[0].1.content).unwrap().contains("2026-06-10 36"));
}
