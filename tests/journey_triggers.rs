//! What begins a run beyond events and segments: dates, schedules, the host's call (promises 6.2, 6.3, 1.2, 1.3, 5.5).

mod rig;
mod shop;

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use proptest::prelude::*;
use rig::{Does, Rig};
use serde_json::{Value as Json, json};
use shop::{Shop, at, book, then_note};
use throughline::local::{LocalTime, date_of, day_of};
use throughline::zone::Zone;
use throughline::{
    Begun, CustomerState, Event, Fields, IdentityKey, IdentityKind, Input, Instant, LogWhat, MemoryStore, Playbook,
    Rehearsal, Span, What,
};

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

/// `Page Viewed` makes the customer known to the shop, and nothing more.
fn seen() -> Event {
    Event::track("Page Viewed").user("anna")
}

fn mondays() -> Json {
    triggered(json!({"every": "week", "weekdays": ["mon"], "time": "18:00"}))
}

#[test]
fn promise_6_2_a_schedule_comes_at_its_local_time() {
    let mut weekly = shop(triggered(json!({"every": "week", "weekdays": ["mon", "thu"], "time": "18:00"})));
    // A Friday; the clocks go forward on the Sunday after.
    weekly.event("2026-03-27T10:00:00Z", seen());
    weekly.pass("2026-04-07T00:00:00Z");
    let mondays =
        ["2026-03-30T16:00:00Z 2026-03-30", "2026-04-02T16:00:00Z 2026-04-02", "2026-04-06T16:00:00Z 2026-04-06"];
    assert_eq!(begun(&weekly), mondays);

    let mut daily = shop(triggered(json!({"every": "day"})));
    daily.event("2026-03-27T10:00:00Z", seen());
    daily.pass("2026-03-30T00:00:00Z");
    assert_eq!(begun(&daily), ["2026-03-28T08:00:00Z 2026-03-28", "2026-03-29T07:00:00Z 2026-03-29"]);
}

#[test]
fn promise_6_2_the_31st_of_a_month_is_its_last_day() {
    let mut shop = shop(triggered(json!({"every": "month", "day": 31, "time": "12:00"})));
    shop.event("2027-12-01T10:00:00Z", seen());
    shop.pass("2028-05-15T00:00:00Z");
    let days: Vec<String> = begun(&shop).iter().map(|line| line[21..].to_owned()).collect();
    assert_eq!(days, ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]);
}

#[test]
fn promise_6_2_a_schedule_is_for_members_and_for_whom_its_rule_holds() {
    let mut wanted = book(json!({"j": triggered(json!({
        "every": "day", "segment": "fresh", "if": {"attribute": "plan", "equals": "gold"}}))}));
    wanted["policy"]["zone"] = "UTC".into();
    wanted["segments"] = json!({"fresh": {"event": "Order Completed", "within": "48h"}});
    let mut shop = Shop::new(wanted);
    shop.event("2026-03-01T09:00:00Z", Event::identify().user("anna").with_trait("plan", "free"));
    shop.event("2026-03-02T09:00:00Z", Event::track("Order Completed").user("anna"));
    shop.event("2026-03-03T08:00:00Z", Event::identify().user("anna").with_trait("plan", "gold"));
    // The order leaves the segment on 4 March at 09:00 sharp, and segments come first (promise 1.6).
    shop.pass("2026-03-06T00:00:00Z");
    assert_eq!(begun(&shop), ["2026-03-03T09:00:00Z 2026-03-03"]);
    assert!(refused(&shop).is_empty(), "who is not meant is no refusal");
}

#[test]
fn promise_6_2_of_what_a_downtime_missed_only_the_latest_begins_a_run_and_not_too_late() {
    for (woken, expected, reasons) in
        [("2026-03-24T10:00:00Z", 1, vec![]), ("2026-03-25T10:00:00Z", 0, vec!["too_late"])]
    {
        let mut shop = shop(mondays());
        shop.event("2026-03-01T10:00:00Z", seen());
        // Three Mondays go by.
        shop.input(Input::Wake, at(woken));
        assert_eq!((begun(&shop).len(), refused(&shop)), (expected, reasons), "{woken}");
        shop.pass("2026-03-31T00:00:00Z");
        assert_eq!(begun(&shop).last().unwrap(), "2026-03-30T16:00:00Z 2026-03-30");
    }
    // A wait counts from the instant at which it should have begun.
    let mut late = mondays();
    late["steps"] = json!([{"id": "w", "wait": "20h"}, {"id": "say", "message": "note"}]);
    let mut shop = shop(late);
    shop.event("2026-03-01T10:00:00Z", seen());
    shop.input(Input::Wake, at("2026-03-24T10:00:00Z"));
    shop.pass("2026-03-25T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-24T13:00:00Z note in_app"]);
}

#[test]
fn promise_6_2_an_event_that_comes_late_finds_the_missed_occasion_still_to_come() {
    let mut shop = shop(mondays());
    shop.event("2026-03-01T10:00:00Z", seen());
    // Of the time between two missed Mondays, handled after both.
    shop.input(Input::Event(seen().at(at("2026-03-05T10:00:00Z")).into()), at("2026-03-09T20:00:00Z"));
    assert!(begun(&shop).is_empty());
    shop.pass("2026-03-10T00:00:00Z");
    assert_eq!(begun(&shop).len(), 1);
    assert!(begun(&shop)[0].ends_with(" 2026-03-09"), "{:?}", begun(&shop));
}

#[test]
fn promise_6_2_a_schedule_begins_with_the_first_occasion_after_the_customer_came() {
    let mut shop = shop(triggered(json!({"every": "day", "time": "18:00"})));
    shop.event("2026-03-02T17:30:00Z", seen());
    shop.pass("2026-03-03T12:00:00Z");
    assert!(begun(&shop).is_empty());
    shop.pass("2026-03-03T17:00:00Z");
    assert_eq!(begun(&shop), ["2026-03-03T17:00:00Z 2026-03-03"]);
}

#[test]
fn promise_1_3_a_change_of_zone_moves_an_occasion_and_never_doubles_it() {
    let goes = |zone: &str| seen().zone(zone);
    // Monday's comes in Auckland; in Honolulu it would come again.
    let mut west = shop(mondays());
    west.event("2026-03-01T10:00:00Z", goes("Pacific/Auckland"));
    west.pass("2026-03-02T05:00:00Z");
    assert_eq!(begun(&west), ["2026-03-02T05:00:00Z 2026-03-02"]);
    west.event("2026-03-02T06:00:00Z", goes("Pacific/Honolulu"));
    west.pass("2026-03-09T12:00:00Z");
    assert_eq!(begun(&west).len(), 1);
    west.pass("2026-03-10T12:00:00Z");
    assert_eq!(begun(&west)[1..], ["2026-03-10T04:00:00Z 2026-03-09"]);

    // Monday's has not come yet in Honolulu; in Auckland it is over since half an hour, and is not lost.
    let mut east = shop(mondays());
    east.event("2026-03-01T10:00:00Z", goes("Pacific/Honolulu"));
    east.event("2026-03-02T05:30:00Z", goes("Pacific/Auckland"));
    east.pass("2026-03-02T06:00:00Z");
    assert_eq!(begun(&east), ["2026-03-02T05:30:00Z 2026-03-02"]);

    // A number that tells the country tells the zone.
    let mut phone = shop(mondays());
    phone.event("2026-03-01T10:00:00Z", seen());
    phone.event("2026-03-01T11:00:00Z", Event::identify().user("anna").with_trait("phone", "+819012345678"));
    assert_eq!(phone.state.due(), at("2026-03-02T09:00:00Z"));
}

#[test]
fn promise_1_3_a_date_that_a_zone_left_out_is_an_occasion_all_the_same() {
    // Samoa had no 30 December 2011.
    let mut shop = shop(triggered(json!({"every": "day", "time": "00:00"})));
    shop.event("2011-12-28T12:00:00Z", seen().zone("Pacific/Apia"));
    shop.pass("2012-01-01T00:00:00Z");
    let days: Vec<String> = begun(&shop).iter().map(|line| line[21..].to_owned()).collect();
    assert_eq!(days, ["2011-12-29", "2011-12-31", "2012-01-01"], "of two at one instant the later is the one");
}

#[test]
fn promise_6_2_doubled_wake_ups_and_restarts_begin_nothing_twice() {
    let mut shop = shop(birthday(json!({})));
    shop.event("2026-01-05T10:00:00Z", born("1990-06-10"));
    for _ in 0..3 {
        shop.input(Input::Wake, at("2026-06-10T07:00:00Z"));
        // What is stored is all there is after a restart.
        shop.state = CustomerState::decode(&shop.state.encode(), &()).unwrap();
    }
    shop.event("2026-06-10T09:00:00Z", born("1990-06-10"));
    shop.pass("2026-06-20T00:00:00Z");
    assert_eq!(begun(&shop).len(), 1);
}

#[test]
fn promise_6_3_each_date_is_a_key_and_an_entry_policy_may_say_otherwise() {
    let daily = |more: Json| {
        let mut journey = json!({"trigger": {"every": "day"}, "steps": [{"id": "w", "wait": "36h"}]});
        journey.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut shop = shop(journey);
        shop.event("2026-03-01T10:00:00Z", seen());
        shop.pass("2026-03-06T12:00:00Z");
        (begun(&shop).len(), refused(&shop))
    };
    // Runs overlap; with one key per customer they do not.
    assert_eq!(daily(json!({})), (5, vec![]));
    assert_eq!(daily(json!({"entry": {"keyed": "1d"}})), (5, vec![]));
    assert_eq!(daily(json!({"entry": "after_end"})), (3, vec!["running", "running"]));
    assert_eq!(
        daily(json!({"entry": "once"})),
        (1, vec!["running", "entered_before", "entered_before", "entered_before"])
    );
    assert_eq!(daily(json!({"entry": "once", "key": "date"})), (5, vec![]));
}

#[test]
fn promise_6_2_who_is_erased_is_offered_nothing() {
    let mut shop = shop(birthday(json!({})));
    shop.event("2026-01-05T10:00:00Z", born("1990-06-10"));
    shop.input(Input::Erase { named: None, until: at("2026-02-01T00:00:00Z") }, at("2026-02-01T00:00:00Z"));
    assert_eq!((shop.state.due(), shop.state.timers.len()), (Instant::MAX, 0));
    shop.pass("2027-01-01T00:00:00Z");
    assert!(begun(&shop).is_empty());
}

fn rehearsal(journey: Json) -> (Rehearsal<'static>, Arc<Mutex<Vec<String>>>) {
    let mut wanted = book(json!({"j": journey}));
    wanted["policy"]["zone"] = "Europe/Berlin".into();
    let playbook = Playbook::from_json(&wanted.to_string()).unwrap_or_else(|faults| panic!("{faults}"));
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = told.clone();
    let rehearsal = Rehearsal::new(Arc::new(playbook)).with_observer(move |line| {
        if let LogWhat::Notice(What::RunBegun(run)) = &line.what {
            heard.lock().unwrap().push(format!("{} {}", line.at, run.key.as_deref().unwrap_or("-")));
        }
    });
    (rehearsal, told)
}

#[test]
fn promise_2_3_of_two_records_that_become_one_each_date_begins_one_run() {
    // Each of both had its birthday greeting, or one of them, before they were known to be one.
    for merged in ["2026-06-10T06:00:00Z", "2026-06-10T12:00:00Z"] {
        let (mut rehearsal, told) = rehearsal(birthday(json!({})));
        rehearsal.event(born("1990-06-10").at(at("2026-01-05T10:00:00Z"))).unwrap();
        let other = Event::identify().user("ann").with_trait("birthday", "1990-06-10").zone("America/Lima");
        rehearsal.event(other.at(at("2026-01-06T10:00:00Z"))).unwrap();
        rehearsal.pass(at(merged));
        rehearsal.merge("anna", "ann").unwrap();
        rehearsal.run_until(Some(at("2027-06-30T00:00:00Z")));
        let told = told.lock().unwrap().clone();
        assert_eq!(told.iter().filter(|line| line.ends_with("2026-06-10")).count(), 1, "{merged} {told:?}");
        assert_eq!(told.iter().filter(|line| line.ends_with("2027-06-10")).count(), 1, "{merged} {told:?}");
    }
}

#[test]
fn promise_6_2_a_published_journey_reaches_customers_whom_nothing_touches() {
    let store = Arc::new(MemoryStore::new());
    let on = |journeys: Json| {
        let mut wanted = book(journeys);
        wanted["policy"]["zone"] = "Europe/Berlin".into();
        Rig::on(wanted, |_, _| Does::Answers(Ok(())), store.clone())
    };
    let before = on(json!({}));
    before.ingest(born("1990-03-20"));
    before.ingest(Event::identify().user("ben"));
    let timers = |rig: &Rig| -> usize {
        let states = block_on(rig.engine.store().scan(None, 10)).unwrap();
        states.iter().map(|state| state.timers.len()).sum()
    };
    assert_eq!((block_on(before.engine.next_due()).unwrap(), timers(&before)), (None, 0));

    let after = on(json!({"j": birthday(json!({}))}));
    assert_eq!(block_on(after.engine.enroll(None, 10)).unwrap().evaluated, 2);
    assert_eq!(timers(&after), 1, "who has no birthday has no timer");
    assert_eq!(block_on(after.engine.next_due()).unwrap(), Some(at("2026-03-20T08:00:00Z")));
    // Another time of day is another definition.
    let later = on(json!({"j": birthday(json!({"time": "11:00"}))}));
    assert_eq!(block_on(later.engine.enroll(None, 10)).unwrap().evaluated, 2);
    assert_eq!(block_on(later.engine.next_due()).unwrap(), Some(at("2026-03-20T10:00:00Z")));
    later.clock.advance_to(at("2026-03-20T10:00:00Z"));
    block_on(later.engine.run_due()).unwrap();
    assert_eq!(later.sent(), ["10:00:00Z note in_app"]);
    // A journey that is gone leaves no timer; one that comes back begins no second run of that date.
    let gone = on(json!({}));
    gone.clock.advance_to(at("2026-03-20T11:00:00Z"));
    assert_eq!(block_on(gone.engine.enroll(None, 10)).unwrap().evaluated, 2);
    assert_eq!(block_on(gone.engine.next_due()).unwrap(), None);
    let back = on(json!({"j": birthday(json!({"time": "13:00"}))}));
    back.clock.advance_to(at("2026-03-20T14:00:00Z"));
    block_on(back.engine.enroll(None, 10)).unwrap();
    assert_eq!(block_on(back.engine.next_due()).unwrap(), Some(at("2027-03-20T12:00:00Z")));
}

fn said(name: &str, value: &str) -> Fields {
    [(name.into(), value.into())].into_iter().collect()
}

#[test]
fn promise_6_2_the_host_begins_a_run_once_per_call() {
    let mut wanted = book(json!({"j": {"trigger": {"call": true, "if": {"trigger": {"show": {"exists": true}}}},
        "key": "show", "steps": [{"id": "say", "message": "invite"}]},
        "other": triggered(json!({"event": "Begin"}))}));
    wanted["messages"]["invite"] = json!({"variants": {"in_app": {"body": "Come to {{ trigger.show }}."}}});
    let store = Arc::new(MemoryStore::new());
    let rig = Rig::on(wanted.clone(), |_, _| Does::Answers(Ok(())), store.clone());
    let call = |rig: &Rig, journey: &str, id: &str, data: Fields| match block_on(
        rig.engine.begin(journey, "anna", id, data),
    ) {
        Ok(Begun::Run(run)) => format!("run {}", run.key.as_deref().unwrap_or("-")),
        Ok(Begun::Not { reason }) => reason.to_owned(),
        Ok(Begun::Duplicate) => "duplicate".to_owned(),
        other => format!("{other:?}"),
    };
    assert!(call(&rig, "j", "c1", said("show", "Aida")).contains("Unknown"), "nobody is known by that name");
    rig.ingest(Event::identify().user("anna"));
    assert_eq!(call(&rig, "j", "c1", said("show", "Aida")), "run Aida");
    assert_eq!(call(&rig, "j", "c1", said("show", "Tosca")), "duplicate");
    assert_eq!(call(&rig, "j", "c2", Fields::new()), "not_admitted");
    assert_eq!(call(&rig, "other", "c3", Fields::new()), "not_admitted");
    assert_eq!(call(&rig, "jj", "c4", Fields::new()), "unknown_journey");
    assert_eq!(call(&rig, "j", "c5", said("show", "Tosca")), "run Tosca");
    assert_eq!(call(&rig, "j", "c6", said("show", "Aida")), "running");
    block_on(rig.engine.run_due()).unwrap();
    assert_eq!(rig.sent(), ["10:00:00Z invite in_app", "10:00:00Z invite in_app"]);
    // The process is another one, the record is the same.
    let again = Rig::on(wanted, |_, _| Does::Answers(Ok(())), store);
    assert_eq!(call(&again, "j", "c1", said("show", "Aida")), "duplicate");
    assert_eq!(call(&again, "j", "c7", said("show", "Aida")), "entered_before");
    block_on(again.engine.erase("anna")).unwrap();
    assert_eq!(call(&again, "j", "c8", said("show", "Lulu")), "erased");
}

#[test]
fn promise_6_2_a_call_is_known_again_by_the_record_that_the_customers_became() {
    let (mut rehearsal, told) = rehearsal(triggered(json!({"call": true})));
    for user in ["anna", "ann"] {
        rehearsal.event(Event::identify().user(user).at(at("2026-01-05T10:00:00Z"))).unwrap();
    }
    assert!(matches!(rehearsal.begin("j", "ann", "c1", Fields::new()), Some(Begun::Run(_))));
    assert!(rehearsal.begin("j", "nobody", "c1", Fields::new()).is_none());
    let records =
        ["anna", "ann"].map(|user| rehearsal.store().owner(IdentityKey::new(IdentityKind::User, user)).unwrap());
    rehearsal.merge("anna", "ann").unwrap();
    rehearsal.pass(at("2026-01-06T10:00:00Z"));
    // By whichever record the host names the customer.
    for record in records {
        assert!(matches!(rehearsal.begin("j", record, "c1", Fields::new()), Some(Begun::Duplicate)));
    }
    for (record, id) in records.into_iter().zip(["c2", "c3"]) {
        assert!(matches!(rehearsal.begin("j", record, id, Fields::new()), Some(Begun::Run(_))));
        rehearsal.pass(at("2026-01-07T10:00:00Z"));
    }
    assert_eq!(told.lock().unwrap().len(), 3);
}

/// Waits from `Begin` until the renewal, three days ahead, and says `note`; without one it says `other`.
fn until_renewal(more: Json) -> Shop {
    let mut until = json!({"date": "renewal", "offset": "-3d", "time": "10:00"});
    until.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop(json!({"trigger": {"event": "Begin"}, "steps": [
        {"id": "w", "wait_until": until, "next": "yes", "else": "no"},
        {"id": "yes", "message": "note", "next": "end"},
        {"id": "no", "message": "other", "next": "end"}]}))
}

fn renewal(date: &str) -> Event {
    Event::identify().user("anna").with_trait("renewal", date)
}

#[test]
fn promise_6_4_a_wait_lasts_until_a_date_of_the_customers() {
    let mut shop = until_renewal(json!({}));
    shop.event("2026-03-01T10:00:00Z", renewal("2026-04-01"));
    shop.event("2026-03-01T11:00:00Z", Event::track("Begin").user("anna"));
    shop.pass("2026-12-31T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-29T08:00:00Z note in_app"]);
}

#[test]
fn promise_6_4_without_a_date_to_come_the_run_goes_on_at_once_another_way() {
    for known in [seen(), renewal("2026-03-03"), renewal("soon")] {
        let mut shop = until_renewal(json!({}));
        shop.event("2026-03-01T10:00:00Z", known);
        shop.event("2026-03-01T11:00:00Z", Event::track("Begin").user("anna"));
        assert_eq!(shop.sent(), ["2026-03-01T11:00:00Z other in_app"]);
    }
    // By default it is the same way.
    let mut same = shop(then_note(vec![json!({"id": "w", "wait_until": {"date": "renewal"}})]));
    same.event("2026-03-01T11:00:00Z", Event::track("Begin").user("anna"));
    assert_eq!(same.sent(), ["2026-03-01T11:00:00Z note in_app"]);
    // An anniversary always comes.
    let mut yearly = until_renewal(json!({"every": "year"}));
    yearly.event("2026-03-01T10:00:00Z", renewal("2020-01-01"));
    yearly.event("2026-03-01T11:00:00Z", Event::track("Begin").user("anna"));
    yearly.pass("2027-03-01T00:00:00Z");
    assert_eq!(yearly.sent(), ["2026-12-29T09:00:00Z note in_app"]);
}

#[test]
fn promise_6_4_a_changed_date_moves_the_wait() {
    for (new, sent) in [
        ("2026-05-01", "2026-04-28T08:00:00Z note in_app"),
        ("2026-03-25", "2026-03-22T09:00:00Z note in_app"),
        // Over by then, or none.
        ("2026-03-12", "2026-03-10T10:00:00Z other in_app"),
        ("never", "2026-03-10T10:00:00Z other in_app"),
    ] {
        let mut shop = until_renewal(json!({}));
        shop.event("2026-03-01T10:00:00Z", renewal("2026-04-01"));
        shop.event("2026-03-01T11:00:00Z", Event::track("Begin").user("anna"));
        shop.event("2026-03-10T10:00:00Z", renewal(new));
        shop.pass("2026-12-31T00:00:00Z");
        assert_eq!(shop.sent(), [sent], "{new}");
    }
    // A change of zone moves it too.
    let mut shop = until_renewal(json!({}));
    shop.event("2026-03-01T10:00:00Z", renewal("2026-04-01"));
    shop.event("2026-03-01T11:00:00Z", Event::track("Begin").user("anna"));
    shop.event("2026-03-10T10:00:00Z", seen().zone("Asia/Tokyo"));
    shop.pass("2026-12-31T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-29T01:00:00Z note in_app"]);
}

fn faults(journey: Json) -> String {
    let book = book(json!({"j": journey}));
    let faults = Playbook::from_json(&book.to_string()).err();
    faults.map(|faults| faults.to_string()).unwrap_or_default()
}

#[test]
fn promise_6_1_faults_of_triggers_have_their_path_and_a_hint() {
    for (trigger, wanted) in [
        (json!({"date": "b", "every": "month"}), "trigger.every: a `date` comes once, or `every` \"year\""),
        (
            json!({"date": "b", "offset": "36h"}),
            "trigger.offset: expected a signed number of whole days up to ten years, such as -7d or 3d, found `36h`",
        ),
        (
            json!({"date": "b", "leap_day": "march_1"}),
            "trigger.leap_day: only a date that comes `every` \"year\" meets common years",
        ),
        (
            json!({"date": "b", "every": "year", "leap_day": "march"}),
            "trigger.leap_day: expected one of february_28, march_1, found `march`",
        ),
        (json!({"date": "b", "weekdays": ["mon"]}), "trigger.weekdays: unknown field; known here: date, every, offset"),
        (json!({"every": "year"}), "trigger.every: a year is counted from a `date`: name an attribute"),
        (json!({"every": "week"}), "trigger: the field `weekdays` is missing"),
        (json!({"every": "week", "weekdays": []}), "trigger.weekdays: name at least one weekday"),
        (json!({"every": "month", "day": 32}), "trigger.day: expected a whole number from 1 to 31, found 32"),
        (json!({"every": "day", "day": 3}), "trigger.day: only what comes `every` \"month\" has it"),
        (json!({"every": "fortnight"}), "trigger.every: expected one of day, week, month, found `fortnight`"),
        (json!({"every": "day", "time": "25:00"}), "trigger.time: expected a time of day"),
        (json!({"every": "day", "segment": "vips"}), "trigger.segment: the playbook has no segment `vips`"),
        (json!({"call": false}), "trigger.call: write true, or name another trigger"),
        (json!({"call": true, "where": {}}), "trigger.where: unknown field; known here: call, if"),
        (json!({"event": "A", "call": true}), "trigger: a trigger has exactly one of"),
        (json!({}), "trigger: a trigger has exactly one of"),
    ] {
        let found = faults(triggered(trigger.clone()));
        assert!(found.contains(&format!("$.journeys.j.{wanted}")), "{trigger}: {found}");
    }
    let mut keyed = triggered(json!({"every": "day"}));
    keyed["key"] = "years".into();
    assert!(faults(keyed).contains("$.journeys.j.key: of time alone only the `date` is known"));
    let circle = json!({"trigger": {"event": "A"}, "steps": [
        {"id": "w", "wait_until": {"date": "renewal"}, "next": "end", "else": "again"},
        {"id": "again", "update": {"attribute": "a", "value": 1}, "next": "w"}]});
    assert!(faults(circle).contains("a cycle without a wait: w -> again"));
    let weekdays =
        json!({"trigger": {"event": "A"}, "steps": [{"id": "w", "wait_until": {"date": "d", "weekdays": ["mon"]}}]});
    assert!(faults(weekdays).contains("$.journeys.j.steps[0].wait_until.weekdays: unknown field; known here: date"));
}

/// The first quarter of an hour at which the clock of a zone shows a date and time or, where it jumps over them, a later one.
fn shown(zone: Zone, date: i64, time: LocalTime) -> Instant {
    // No zone is further ahead of UTC than 14 hours.
    let mut at = Instant::from_millis(date * 86_400_000 + i64::from(time.as_millis())) - Span::hours(15);
    while (zone.local(at).day, zone.local(at).time) < (date, time) {
        at += Span::minutes(15);
    }
    at
}

/// The dates of a trigger by looking at every day of some years.
fn dates(trigger: &Json, born: i64, days: std::ops::Range<i64>) -> Vec<i64> {
    let wanted = |day: i64| {
        let (year, month, of_month) = date_of(day);
        let last = date_of(day + 1).1 != month;
        let weekday = throughline::local::Weekday::of_day(day);
        match trigger["every"].as_str() {
            None => day == born,
            Some("year") => {
                let (since, born_month, born_day) = date_of(born);
                let leap = day_of(year, 2, 29).is_some();
                let instead = match trigger["leap_day"].as_str() {
                    Some("march_1") => (3, 1),
                    _ => (2, 28),
                };
                let due = if (born_month, born_day) == (2, 29) && !leap { instead } else { (born_month, born_day) };
                year > since && (month, of_month) == due
            }
            Some("day") => true,
            Some("week") => {
                let named = trigger["weekdays"].as_array().unwrap();
                named.iter().any(|name| name.as_str().unwrap().parse() == Ok(weekday))
            }
            _ => {
                let day = trigger["day"].as_u64().unwrap() as u32;
                of_month == day || (last && of_month < day)
            }
        }
    };
    days.filter(|day| wanted(*day)).collect()
}

fn text(day: i64) -> String {
    let (year, month, day) = date_of(day);
    format!("{year:04}-{month:02}-{day:02}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn promise_6_2_occasions_are_those_of_a_calendar_looked_through_day_by_day(
        kind in 0..5_usize,
        (offset, quarter, day, weekdays) in (-40..40_i64, 0..96_u32, 1..=31_u32, 1..128_u32),
        (born, march) in (prop_oneof![Just(9_555_i64), -3_000..21_500_i64], any::<bool>()),
        zone in prop::sample::select(vec![
            "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe", "Asia/Kathmandu",
            "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca", "UTC",
        ]),
        start in 14_000..21_000_i64,
        steps in prop::collection::vec(1..90_i64, 1..5),
    ) {
        let time = LocalTime::from_millis(quarter * 900_000).unwrap();
        let mut trigger = match kind {
            0 => json!({"date": "day"}),
            1 => json!({"date": "day", "every": "year", "leap_day": if march { "march_1" } else { "february_28" }}),
            2 => json!({"every": "day"}),
            3 => {
                let names = throughline::local::Weekday::WEEK.iter().enumerate();
                let named: Vec<String> =
                    names.filter(|(n, _)| weekdays >> n & 1 == 1).map(|(_, day)| day.to_string()).collect();
                json!({"every": "week", "weekdays": named})
            }
            _ => json!({"every": "month", "day": day}),
        };
        trigger["time"] = json!(time);
        if kind < 2 {
            trigger["offset"] = json!(format!("{offset}d"));
        }
        let mut journey = triggered(trigger.clone());
        journey["steps"] = json!([{"id": "stop", "end": true}]);
        let mut wanted = book(json!({"j": journey}));
        wanted["policy"]["zone"] = zone.into();
        let mut shop = Shop::new(wanted);
        let zone = Zone::parse(zone).unwrap();
        let begin = Instant::from_millis(start * 86_400_000 + 37_123_000);
        shop.take(Event::identify().user("anna").with_trait("day", text(born).as_str()).at(begin));
        let mut end = begin;
        for days in steps {
            // In small steps and large, and with events in between.
            end += Span::days(days);
            shop.take(seen().at(end));
        }
        shop.pass(&end.to_string());
        let back = if kind < 2 { Span::hours(24) } else { Span::ZERO };
        let ahead = if kind < 2 { offset } else { 0 };
        let all = dates(&trigger, born, start - 45..end.day() + 45);
        let instants = all.into_iter().map(|date| (shown(zone, date + ahead, time), date));
        let expected = instants.filter(|(at, _)| *at >= begin - back && *at <= end);
        // Two dates may share the instant after a day that the zone left out: then only the later one comes.
        let mut expected: Vec<(Instant, i64)> = expected.collect();
        expected.reverse();
        expected.dedup_by_key(|(at, _)| *at);
        expected.reverse();
        let expected: Vec<String> =
            expected.into_iter().map(|(at, date)| format!("{} {}", at.max(begin), text(date))).collect();
        prop_assert_eq!(begun(&shop), expected);
    }
}
