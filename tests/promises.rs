//! The promises that a few events of one customer show end to end: a small playbook, exact instants, what was handed over.

mod shop;

use serde_json::{Value as Json, json};
use shop::{Shop, at, book, device, known, steps};
use throughline::{
    Admission, Advance, ChannelKind, Customer, CustomerState, DeliveryError, Entry, Event, EventNeed, Input, Instant,
    Journey, JourneyId, Keep, Needs, Playbook, RunView, Signal, Span, Stuck, SubscriptionStatus, Surroundings, What,
};

fn began(name: &str) -> Event {
    Event::track(name)
}

/// A journey that begins with `Begin` and says `note` at the end of these steps.
fn then_note(mut before: Vec<Json>) -> Json {
    before.push(json!({"id": "say", "message": "note"}));
    json!({"trigger": {"event": "Begin"}, "steps": before})
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

/// Sends `push` on `Begin`; quiet from 22:00 to 08:00.
fn quiet(policy: Json) -> Shop {
    let mut book = book(json!({"j": {"trigger": {"event": "Begin"}, "steps": [{"id": "s", "message": "push"}]}}));
    book["policy"] = policy;
    book["policy"]["topics_default"] = "opt_out".into();
    book["policy"]["quiet_hours"] = json!({"window": "22:00-08:00", "spread": "0s"});
    Shop::new(book)
}

fn country(mut event: Event, country: &str) -> Event {
    event.place.get_or_insert_default().country = Some(country.into());
    event
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

fn awaited() -> Json {
    json!({"j": {"trigger": {"event": "Begin"}, "steps": [
        {"id": "w", "wait_for": {"event": "Answer", "timeout": "1h"}, "then": "yes", "else": "no"},
        {"id": "yes", "message": "note", "next": "end"},
        {"id": "no", "message": "other", "next": "end"}]}})
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
fn promise_3_2_a_second_copy_changes_nothing_and_what_is_older_than_the_horizon_triggers_nothing() {
    let mut shop = Shop::new(book(json!({"j": then_note(vec![])})));
    shop.event("2026-03-01T10:00:00Z", began("Begin").id("m-1"));
    let before = shop.state.clone();
    shop.event("2026-03-01T10:00:00Z", began("Begin").id("m-1"));
    assert_eq!((shop.duplicates, &shop.state), (1, &before));
    let old = began("Begin").id("m-2").at(at("2026-01-01T00:00:00Z"));
    shop.input(Input::Event(old.into()), at("2026-03-02T00:00:00Z"));
    assert_eq!((shop.sent().len(), shop.noted("too_old")), (1, 1));
}

#[test]
fn promise_3_3_a_trigger_may_be_late_for_as_long_as_the_journey_says() {
    for (late_by, hours, begins) in
        [(None, 24, true), (None, 25, false), (Some("1h"), 2, false), (Some("48h"), 47, true)]
    {
        let mut journey = then_note(vec![]);
        if let Some(late_by) = late_by {
            journey["late_by"] = late_by.into();
        }
        let mut shop = Shop::new(book(json!({"j": journey})));
        let now = at("2026-03-05T00:00:00Z");
        shop.input(Input::Event(began("Begin").at(now - Span::hours(hours)).into()), now);
        assert_eq!((shop.sent().len() == 1, shop.noted("not_begun") == 0), (begins, begins), "{late_by:?} {hours}");
    }
}

#[test]
fn promise_3_3_a_run_begins_at_its_triggers_timestamp() {
    let mut shop = Shop::new(book(json!({"j": then_note(vec![json!({"id": "w", "wait": "5h"})])})));
    let trigger = began("Begin").at(at("2026-03-05T00:00:00Z"));
    shop.input(Input::Event(trigger.into()), at("2026-03-05T02:00:00Z"));
    shop.pass("2026-03-06T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-05T05:00:00Z note in_app"]);
}

#[test]
fn promise_3_3_an_offline_batch_may_bring_the_exit_before_its_trigger() {
    for (ordered, begins) in [("2026-03-05T00:30:00Z", false), ("2026-03-04T23:30:00Z", true)] {
        for ending in ["exit", "goal"] {
            let mut journey = then_note(vec![json!({"id": "w", "wait": "1d"})]);
            let order = json!({"event": "Order Completed"});
            journey[ending] = if ending == "exit" { json!([order]) } else { order };
            let mut shop = Shop::new(book(json!({"j": journey})));
            let now = at("2026-03-05T02:00:00Z");
            shop.input(Input::Event(began("Order Completed").at(at(ordered)).into()), now);
            shop.input(Input::Event(began("Begin").at(at("2026-03-05T00:00:00Z")).into()), now);
            shop.pass("2026-03-10T00:00:00Z");
            assert_eq!(shop.sent().len() == 1, begins, "{ending} at {ordered}");
        }
    }
}

#[test]
fn promise_3_3_the_trigger_is_not_its_own_exit_goal_or_awaited_event() {
    // "Come back and buy again" ends with the next order, and begins with this one.
    for ending in ["exit", "goal"] {
        let mut journey = json!({"trigger": {"event": "Order Completed"}, "steps": [
            {"id": "w", "wait": "30d"}, {"id": "say", "message": "note"}]});
        let order = json!({"event": "Order Completed"});
        journey[ending] = if ending == "exit" { json!([order]) } else { order };
        let mut shop = Shop::new(book(json!({"j": journey})));
        shop.event("2026-03-01T10:00:00Z", began("Order Completed").id("o-1"));
        assert_eq!((shop.noted("run_begun"), shop.noted("not_begun")), (1, 0), "{ending}");
        // The next order ends it, and begins another run.
        shop.event("2026-03-21T10:00:00Z", began("Order Completed").id("o-2"));
        shop.pass("2026-06-01T00:00:00Z");
        assert_eq!(shop.sent(), ["2026-04-20T10:00:00Z note in_app"], "{ending}");
    }
    let mut shop = Shop::new(book(json!({"j": {"trigger": {"event": "Order Completed"}, "entry": "once", "steps": [
        {"id": "w", "wait_for": {"event": "Order Completed", "timeout": "30d"}, "then": "end", "else": "say"},
        {"id": "say", "message": "note"}]}})));
    shop.event("2026-03-01T10:00:00Z", began("Order Completed"));
    shop.pass("2026-06-01T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-31T10:00:00Z note in_app"]);
}

#[test]
fn promise_3_3_a_second_order_of_the_same_instant_is_another_one() {
    let mut journey = then_note(vec![json!({"id": "w", "wait": "1d"})]);
    journey["trigger"] = json!({"event": "Order Completed", "where": {"order_id": "b"}});
    journey["exit"] = json!([{"event": "Order Completed"}]);
    let mut shop = Shop::new(book(json!({"j": journey})));
    shop.event("2026-03-01T10:00:00Z", began("Order Completed").property("order_id", "a"));
    shop.event("2026-03-01T10:00:00Z", began("Order Completed").property("order_id", "b"));
    assert_eq!((shop.noted("run_begun"), shop.noted("not_begun")), (0, 1));
}

#[test]
fn promise_3_3_an_event_from_the_future_is_taken_as_of_now_and_noted() {
    let mut shop = Shop::new(book(json!({"j": then_note(vec![json!({"id": "w", "wait": "1h"})])})));
    let event = began("Begin").at(at("2030-01-01T00:00:00Z"));
    shop.input(Input::Event(event.into()), at("2026-03-05T00:00:00Z"));
    assert_eq!(shop.noted("clamped"), 1);
    shop.pass("2026-03-06T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-05T01:00:00Z note in_app"]);
}

#[test]
fn promise_3_5_an_input_that_ended_a_run_may_begin_a_new_one_and_exits_come_before_entries() {
    let mut shop = Shop::new(book(json!({
        "a": {"trigger": {"event": "Cart Updated"}, "exit": [{"event": "Cart Updated"}],
              "steps": [{"id": "w", "wait": "1h"}, {"id": "say", "message": "note"}]}})));
    shop.event("2026-03-01T10:00:00Z", began("Cart Updated"));
    shop.event("2026-03-01T10:30:00Z", began("Cart Updated"));
    assert_eq!((shop.noted("run_begun"), shop.noted("run_ended")), (2, 1));
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-01T11:30:00Z note in_app"]);
}

#[test]
fn promise_3_5_messages_of_one_input_are_decided_together_by_priority() {
    let mut book = book(json!({
        "a": steps(json!([{"id": "s", "message": "note"}])), "b": steps(json!([{"id": "s", "message": "other"}]))}));
    book["messages"]["other"]["priority"] = 10.into();
    book["policy"]["frequency_caps"] = json!([{"at_most": 1, "rolling": "1d"}]);
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    assert_eq!(shop.sent(), ["2026-03-01T10:00:00Z other in_app"]);
}

/// `mail` on `Begin`, which needs consent; topic `offers`.
fn opt_in() -> Shop {
    let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))}));
    book["policy"]["topics_default"] = "opt_in".into();
    Shop::new(book)
}

fn consent(yes: bool, topic: Option<&str>) -> Event {
    let status = if yes { SubscriptionStatus::Subscribed } else { SubscriptionStatus::Unsubscribed };
    Event::track("Consent Given").subscription(ChannelKind::Email, topic.map(Into::into), status)
}

#[test]
fn promise_4_1_consent_is_folded_by_timestamp_and_a_revocation_wins_at_equal_times() {
    let said = |shop: &mut Shop, time: &str, yes: bool| {
        shop.input(Input::Event(consent(yes, None).at(at(time)).into()), at("2026-03-05T00:00:00Z"));
    };
    // What is said, in the order of arrival, and whether the mail goes out.
    let cases: [(&[(&str, bool)], bool); 6] = [
        (&[], false),
        (&[("2026-03-01", true)], true),
        (&[("2026-03-01", true), ("2026-03-02", false)], false),
        (&[("2026-03-02", false), ("2026-03-01", true)], false),
        (&[("2026-03-02", true), ("2026-03-02", false)], false),
        (&[("2026-03-02", false), ("2026-03-03", true)], true),
    ];
    for (records, goes) in cases {
        let mut shop = opt_in();
        shop.event("2026-03-01T00:00:00Z", known());
        records.iter().for_each(|(time, yes)| said(&mut shop, time, *yes));
        shop.event("2026-03-06T00:00:00Z", began("Begin"));
        assert_eq!(shop.sent().len() == 1, goes, "{records:?}");
    }
}

#[test]
fn promise_4_1_an_opt_in_topic_needs_a_record_and_an_opt_out_topic_none() {
    for (mode, goes) in [("opt_in", false), ("opt_out", true)] {
        let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))}));
        book["policy"] = json!({"topics_default": "opt_in", "topics": {"offers": mode}});
        let mut shop = Shop::new(book);
        shop.event("2026-03-01T00:00:00Z", known());
        shop.event("2026-03-01T00:00:00Z", began("Begin"));
        assert_eq!(shop.sent().len() == 1, goes, "{mode}");
    }
}

#[test]
fn promise_4_2_a_transactional_message_needs_no_consent_and_ignores_caps_quiet_hours_and_dedupe() {
    let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "receipt"}]))}));
    book["policy"] = json!({"zone": "UTC", "topics_default": "opt_in", "quiet_hours": {"window": "22:00-08:00"},
        "frequency_caps": [{"at_most": 1, "rolling": "1d"}], "minimum_gap": {"any_channel": "1h"}});
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T00:00:00Z", known());
    shop.event("2026-03-01T00:00:00Z", consent(false, None));
    for _ in 0..3 {
        shop.event("2026-03-01T23:00:00Z", began("Begin"));
    }
    assert_eq!(shop.sent().len(), 3);
    // But not to an address that does not exist.
    shop.event("2026-03-01T23:10:00Z", Event::track("Email Bounced"));
    shop.event("2026-03-01T23:20:00Z", began("Begin"));
    assert_eq!((shop.sent().len(), shop.skipped()), (3, vec!["receipt suppressed".to_owned()]));
}

#[test]
fn promise_4_3_a_complaint_or_opt_out_blocks_marketing_on_that_channel_only() {
    for receipt in ["Email Marked as Spam", "Email Unsubscribed", "Unsubscribed"] {
        let mut shop = Shop::new(book(json!({
            "m": steps(json!([{"id": "s", "message": "mail"}])),
            "r": steps(json!([{"id": "s", "message": "receipt"}])),
            "n": steps(json!([{"id": "s", "message": "note"}]))})));
        shop.event("2026-03-01T00:00:00Z", known());
        shop.event("2026-03-02T00:00:00Z", Event::track(receipt));
        shop.event("2026-03-03T00:00:00Z", began("Begin"));
        let mut sent = shop.sent();
        sent.sort();
        assert_eq!(sent, ["2026-03-03T00:00:00Z note in_app", "2026-03-03T00:00:00Z receipt email"], "{receipt}");
    }
}

#[test]
fn promise_4_3_a_hard_bounce_blocks_the_address_that_bounced_and_no_other() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))})));
    shop.event("2026-03-01T00:00:00Z", known());
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.event("2026-03-01T10:05:00Z", Event::track("Email Bounced").property("bounce_type", "soft"));
    shop.event("2026-03-01T10:06:00Z", Event::track("Email Bounced"));
    shop.event("2026-05-01T10:00:00Z", began("Begin"));
    assert_eq!(shop.sent().len(), 1);
    // Saying the dead address again does not bring it back; a new one does.
    shop.event("2026-06-01T00:00:00Z", known());
    shop.event("2026-06-02T00:00:00Z", began("Begin"));
    assert_eq!(shop.sent().len(), 1);
    shop.event("2026-07-01T00:00:00Z", Event::identify().with_trait("email", "new@shop.example"));
    shop.event("2026-07-02T00:00:00Z", began("Begin"));
    assert_eq!(shop.sent().len(), 2);
}

#[test]
fn promise_4_3_a_second_copy_of_a_bounce_changes_nothing() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))})));
    shop.event("2026-03-01T00:00:00Z", known());
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    let id = shop.handed[0].1.id.to_string();
    for minute in ["10:06", "10:07"] {
        let bounce = Event::track("Email Bounced").property("envelope_id", id.as_str());
        shop.event(&format!("2026-03-01T{minute}:00Z"), bounce);
    }
    assert_eq!((shop.noted("bounced"), shop.noted("accepted"), shop.noted("failed")), (1, 1, 0));
}

#[test]
fn promise_4_3_what_is_queued_for_a_blocked_address_does_not_go_there_though_another_address_is_open() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))})));
    shop.event("2026-03-01T00:00:00Z", known());
    shop.answers([Err(DeliveryError::Transient { reason: "451".into(), after: Some(Span::hours(1)) })]);
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    let old = shop.handed[0].1.clone();
    let id = old.id.to_string();
    shop.event("2026-03-01T10:10:00Z", Event::identify().with_trait("email", "new@shop.example"));
    // The old address turns out to be none: another message to it came back.
    shop.state
        .profile
        .points
        .block(&throughline::ContactPoint::email("anna@shop.example").unwrap(), throughline::BlockReason::HardBounce);
    shop.pass("2026-03-02T00:00:00Z");
    let to_old = shop.handed.iter().filter(|(_, envelope)| envelope.address() == "anna@shop.example").count();
    assert_eq!(to_old, 1, "only before the block; {id}");
}

#[test]
fn promise_4_4_consent_is_asked_again_at_the_claim() {
    let mut shop = opt_in();
    shop.event("2026-03-01T00:00:00Z", known());
    shop.event("2026-03-01T00:00:00Z", consent(true, Some("offers")));
    shop.answers([Err(DeliveryError::transient("451"))]);
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    assert_eq!(shop.handed.len(), 1);
    shop.event("2026-03-01T10:00:00.500Z", consent(false, Some("offers")));
    shop.pass("2026-03-05T00:00:00Z");
    assert_eq!((shop.handed.len(), shop.noted("cancelled")), (1, 1));
}

#[test]
fn promise_4_5_a_missing_contact_point_is_a_skip_with_a_reason_and_the_journey_goes_on() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([
        {"id": "a", "message": "mail"}, {"id": "b", "message": "note"}]))})));
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    assert_eq!(shop.skipped(), ["mail reachable"]);
    assert_eq!(shop.sent(), ["2026-03-01T10:00:00Z note in_app"]);
}

#[test]
fn promise_5_5_a_segment_entered_by_time_alone_starts_a_journey_at_the_exact_instant() {
    let mut book = book(json!({"j": {"trigger": {"entered": "dormant"}, "steps": [{"id": "s", "message": "note"}]},
        "k": {"trigger": {"left": "fresh"}, "steps": [{"id": "s", "message": "other"}]}}));
    book["segments"] = json!({
        "dormant": {"event": "Order Completed", "last": {"older_than": "90d"}},
        "fresh": {"event": "Order Completed", "within": "60s"}});
    let mut shop = Shop::new(book);
    shop.event("2026-01-01T10:00:00Z", began("Order Completed"));
    shop.pass("2026-12-01T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-01-01T10:01:00Z other in_app", "2026-04-01T10:00:00Z note in_app"]);
}

#[test]
fn promise_6_3_each_entry_policy_lets_in_whom_it_says() {
    // The journey takes a day; triggers come at these hours; so many messages go out.
    let cases = [
        (json!("once"), None, vec![0, 1, 48], 1),
        (json!("after_end"), None, vec![0, 1, 48], 2),
        (json!({"cooldown": "72h"}), None, vec![0, 1, 48, 95, 97], 2),
        (json!("keyed"), Some("order_id"), vec![0, 1, 2, 48], 1),
        (json!({"keyed": "1h"}), Some("order_id"), vec![0, 1, 2, 48], 2),
    ];
    for (entry, key, hours, messages) in cases {
        let mut journey = then_note(vec![json!({"id": "w", "wait": "24h"})]);
        journey["entry"] = entry.clone();
        if let Some(key) = key {
            journey["key"] = key.into();
        }
        let mut book = book(json!({"j": journey}));
        book["messages"]["note"]["dedupe"] = "1ms".into();
        let mut shop = Shop::new(book);
        for hour in hours {
            let event = began("Begin").property("order_id", "o-1").at(at("2026-03-01T00:00:00Z") + Span::hours(hour));
            shop.take(event);
        }
        shop.pass("2026-06-01T00:00:00Z");
        assert_eq!(shop.handed.len(), messages, "{entry}");
    }
}

#[test]
fn promise_6_3_keyed_runs_live_side_by_side_and_cancelling_one_leaves_the_others() {
    let mut journey = then_note(vec![json!({"id": "w", "wait": "24h"})]);
    journey["key"] = "order_id".into();
    journey["exit"] = json!([{"event": "Order Cancelled", "where": {"order_id": {"trigger": "order_id"}}}]);
    let mut shop = Shop::new(book(json!({"j": journey})));
    for order in ["a", "b", "c"] {
        shop.event("2026-03-01T00:00:00Z", began("Begin").property("order_id", order));
    }
    shop.event("2026-03-01T01:00:00Z", began("Order Cancelled").property("order_id", "b"));
    shop.pass("2026-06-01T00:00:00Z");
    assert_eq!(shop.handed.len(), 2);
    let keys: Vec<&str> = shop.handed.iter().map(|(_, envelope)| &*envelope.content_key).collect();
    assert!(keys.iter().all(|key| !key.contains("b")), "{keys:?}");
}

#[test]
fn promise_6_3_restart_is_a_debounce_until_something_was_sent() {
    let mut journey = then_note(vec![json!({"id": "w", "wait": "1h"})]);
    journey["steps"].as_array_mut().unwrap().push(json!({"id": "more", "wait": "10h"}));
    journey["entry"] = "restart".into();
    let mut shop = Shop::new(book(json!({"j": journey})));
    for minute in [0, 30, 60, 61] {
        shop.take(began("Begin").at(at("2026-03-01T00:00:00Z") + Span::minutes(minute)));
    }
    shop.event("2026-03-01T05:00:00Z", began("Begin"));
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-01T02:01:00Z note in_app"]);
    assert_eq!((shop.noted("run_restarted"), shop.noted("not_begun")), (3, 1));
}

#[test]
fn promise_6_4_a_branch_takes_the_first_rule_that_holds_else_its_else() {
    for (tier, message) in [(Some("gold"), "note"), (Some("silver"), "other"), (None, "receipt")] {
        let mut shop = Shop::new(book(json!({"j": steps(json!([
            {"id": "b", "branch": [
                {"if": {"attribute": "tier", "equals": "gold"}, "next": "gold"},
                {"if": {"attribute": "tier", "exists": true}, "next": "any"}], "else": "none"},
            {"id": "gold", "message": "note", "next": "end"},
            {"id": "any", "message": "other", "next": "end"},
            {"id": "none", "message": "receipt", "next": "end"}]))})));
        let who = tier.into_iter().fold(known(), |who, tier| who.with_trait("tier", tier));
        shop.event("2026-03-01T00:00:00Z", who);
        shop.event("2026-03-01T00:00:00Z", began("Begin"));
        let sent: Vec<String> = shop.handed.iter().map(|(_, e)| e.message.id.to_string()).collect();
        assert_eq!(sent, [message]);
    }
}

#[test]
fn promise_6_4_a_random_split_is_stable_for_a_customer_and_shares_customers_out() {
    let journey = json!({"trigger": {"event": "Begin"}, "steps": [
        {"id": "draw", "split": [{"weight": 1, "next": "a"}, {"weight": 3, "next": "b"}]},
        {"id": "a", "message": "note", "next": "end"}, {"id": "b", "message": "other", "next": "end"}]});
    let mut book = book(json!({"j": journey}));
    for message in ["note", "other"] {
        book["messages"][message]["dedupe"] = "1ms".into();
    }
    let mut first = 0;
    for n in 0..200 {
        let mut shop = Shop::of(&format!("customer-{n}"), book.clone());
        shop.event("2026-03-01T00:00:00Z", began("Begin"));
        shop.event("2026-03-02T00:00:00Z", began("Begin"));
        let sent: Vec<&str> = shop.handed.iter().map(|(_, e)| e.message.id.as_str()).collect();
        assert_eq!((sent.len(), sent[0]), (2, sent[1]));
        first += usize::from(sent[0] == "note");
    }
    assert!((30..=70).contains(&first), "a quarter of 200: {first}");
}

#[test]
fn promise_6_4_an_update_is_seen_by_the_next_branch_and_by_segments() {
    let mut book = book(json!({
        "j": steps(json!([
            {"id": "u", "update": {"attribute": "tier", "value": "gold"}},
            {"id": "w", "wait": "1h"},
            {"id": "b", "branch": [{"if": {"attribute": "tier", "equals": "gold"}, "next": "yes"}], "else": "end"},
            {"id": "yes", "message": "note"}])),
        "k": {"trigger": {"entered": "gold"}, "steps": [{"id": "s", "message": "other"}]}}));
    book["segments"] = json!({"gold": {"attribute": "tier", "equals": "gold"}});
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T00:00:00Z", began("Begin"));
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-01T00:00:00Z other in_app", "2026-03-01T01:00:00Z note in_app"]);
}

#[test]
fn promise_6_5_waiting_for_what_already_holds_goes_on_at_once_and_since_step_looks_only_ahead() {
    for (since, at_once) in [("run", true), ("step", false)] {
        let mut shop = Shop::new(book(json!({"j": steps(json!([
            {"id": "w", "wait": "1h"},
            {"id": "f", "wait_for": {"event": "Answer", "timeout": "2h", "since": since}, "then": "yes", "else": "no"},
            {"id": "yes", "message": "note", "next": "end"}, {"id": "no", "message": "other", "next": "end"}]))})));
        shop.event("2026-03-01T00:00:00Z", began("Begin"));
        shop.event("2026-03-01T00:30:00Z", began("Answer"));
        shop.pass("2026-03-02T00:00:00Z");
        let wanted = if at_once { "2026-03-01T01:00:00Z note in_app" } else { "2026-03-01T03:00:00Z other in_app" };
        assert_eq!(shop.sent(), [wanted], "{since}");
    }
}

#[test]
fn promise_6_5_since_step_does_not_count_what_led_to_the_step() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([
        {"id": "one", "wait_for": {"event": "Answer", "timeout": "1d"}, "then": "two", "else": "end"},
        {"id": "two", "wait_for": {"event": "Answer", "timeout": "1d", "since": "step"}, "then": "say", "else": "end"},
        {"id": "say", "message": "note"}]))})));
    shop.event("2026-03-01T00:00:00Z", began("Begin"));
    shop.event("2026-03-01T01:00:00Z", began("Answer"));
    // Late, and before the second wait began.
    shop.input(Input::Event(began("Answer").at(at("2026-03-01T00:30:00Z")).into()), at("2026-03-01T02:00:00Z"));
    assert_eq!(shop.sent(), [""; 0]);
    shop.event("2026-03-01T03:00:00Z", began("Answer"));
    assert_eq!(shop.sent(), ["2026-03-01T03:00:00Z note in_app"]);
}

#[test]
fn promise_6_5_an_event_after_the_timeout_does_not_also_fire_the_event_branch() {
    let mut shop = Shop::new(book(awaited()));
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.event("2026-03-01T12:00:00Z", began("Answer"));
    shop.event("2026-03-01T12:01:00Z", began("Answer"));
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-01T11:00:00Z other in_app"]);
}

#[test]
fn promise_6_5_a_wait_looks_at_this_runs_own_key() {
    let journey = json!({"trigger": {"event": "Begin"}, "key": "order_id", "steps": [
        {"id": "w", "wait_for": {"event": "Paid", "where": {"order_id": {"trigger": "order_id"}}, "timeout": "1h"},
         "then": "end", "else": "say"},
        {"id": "say", "message": "note"}]});
    let mut shop = Shop::new(book(json!({"j": journey})));
    for order in ["a", "b"] {
        shop.event("2026-03-01T00:00:00Z", began("Begin").property("order_id", order));
    }
    shop.event("2026-03-01T00:30:00Z", began("Paid").property("order_id", "a"));
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-01T01:00:00Z note in_app"]);
}

#[test]
fn promise_6_6_who_buys_before_the_reminder_gets_none_also_when_it_is_queued_for_a_retry() {
    let mut journey = steps(json!([{"id": "w", "wait": "1h"}, {"id": "s", "message": "mail"}]));
    journey["goal"] = json!({"event": "Order Completed"});
    let mut shop = Shop::new(book(json!({"j": journey.clone()})));
    shop.event("2026-03-01T00:00:00Z", known());
    shop.event("2026-03-01T00:00:00Z", began("Begin"));
    shop.event("2026-03-01T00:59:59Z", began("Order Completed"));
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!((shop.sent().len(), shop.noted("goal")), (0, 1));
    assert!(shop.notes.iter().any(|n| matches!(&n.what, What::Goal { before_any_message: true, .. })));

    let mut shop = Shop::new(book(json!({"j": journey})));
    shop.event("2026-03-01T00:00:00Z", known());
    shop.event("2026-03-01T00:00:00Z", began("Begin"));
    shop.answers([Err(DeliveryError::Transient { reason: "451".into(), after: Some(Span::hours(1)) })]);
    shop.pass("2026-03-01T01:00:00Z");
    shop.event("2026-03-01T01:30:00Z", began("Order Completed"));
    shop.pass("2026-03-03T00:00:00Z");
    assert_eq!((shop.handed.len(), shop.noted("cancelled")), (1, 1));
}

#[test]
fn promise_6_6_a_hand_over_that_fails_after_the_exit_is_not_tried_again() {
    let mut journey = steps(json!([{"id": "s", "message": "mail"}]));
    journey["exit"] = json!([{"event": "Order Completed"}]);
    let mut shop = Shop::new(book(json!({"j": journey})));
    shop.event("2026-03-01T00:00:00Z", known());
    shop.hold_answers();
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.event("2026-03-01T10:00:01Z", began("Order Completed"));
    let id = shop.handed[0].1.id;
    let result = Err(DeliveryError::transient("451"));
    shop.input(Input::Settled { id, result }, at("2026-03-01T10:00:02Z"));
    shop.pass("2026-03-03T00:00:00Z");
    assert_eq!(shop.handed.len(), 1);
}

/// A host's journey that asks to be woken at once, for ever.
#[derive(Debug)]
struct Restless(JourneyId);

impl Journey for Restless {
    fn id(&self) -> &JourneyId {
        &self.0
    }

    fn version(&self) -> u32 {
        1
    }

    fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        needs.event(EventNeed { event: "Begin".into(), properties: Vec::new(), keep: Keep::default() });
        needs
    }

    fn admit(&self, signal: &Signal<'_>, _: &dyn Customer, now: Instant) -> Option<Admission> {
        matches!(signal, Signal::Event { .. }).then(|| Admission {
            key: None,
            about: None,
            entry: Entry::Once,
            began: now,
            data: Default::default(),
            refused: None,
        })
    }

    fn advance(&self, _: &RunView<'_>, _: &Signal<'_>, _: &dyn Customer, now: Instant) -> Result<Advance, Stuck> {
        Ok(Advance::stay(Some(now)))
    }

    fn step_name(&self, _: u32) -> &str {
        "restless"
    }
}

#[test]
fn promise_6_9_a_run_that_loops_without_waiting_ends_with_a_reason_and_others_go_on() {
    let json = book(json!({"fine": then_note(vec![json!({"id": "w", "wait": "1h"})])}));
    let mut shop = Shop::new(json.clone());
    shop.book = Playbook::builder().with_journey(Restless("loops".into())).build(&json.to_string()).unwrap();
    shop.event("2026-03-01T00:00:00Z", began("Begin"));
    shop.pass("2026-03-01T02:00:00Z");
    let ended: Vec<&str> = shop
        .notes
        .iter()
        .filter_map(|note| match &note.what {
            What::RunEnded { run, reason } if run.journey.as_str() == "loops" => Some(reason.word()),
            _ => None,
        })
        .collect();
    assert_eq!(ended, ["runaway"]);
    assert_eq!(shop.sent(), ["2026-03-01T01:00:00Z note in_app"]);
}

#[test]
fn promise_7_1_an_inbound_channel_goes_in_quiet_hours_and_every_rejected_channel_keeps_its_reason() {
    let mut shop = quiet(json!({"zone": "UTC"}));
    shop.book = Playbook::from_json(
        &{
            let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "everywhere"}]))}));
            book["policy"] = json!({"zone": "UTC", "topics_default": "opt_out",
                "quiet_hours": {"window": "22:00-08:00", "spread": "0s"}});
            book["messages"]["everywhere"]["when_closed"] = "next_channel".into();
            book
        }
        .to_string(),
    )
    .unwrap();
    shop.around.explain = true;
    shop.event("2026-03-01T00:00:00Z", known());
    shop.event("2026-03-01T23:00:00Z", began("Begin"));
    assert_eq!(shop.sent(), ["2026-03-01T23:00:00Z everywhere in_app"]);
    let decision = shop.notes.iter().find_map(|note| match &note.what {
        What::Decided(decision) => Some(decision.to_string()),
        _ => None,
    });
    let decision = decision.unwrap();
    assert!(decision.contains("quiet_hours") || decision.contains("quiet hours"), "{decision}");
}

#[test]
fn promise_7_2_when_the_best_channel_is_not_reachable_or_does_not_render_the_next_one_is_taken() {
    // No e-mail address, and then one whose template reads a name that is not known.
    let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "s", "message": "everywhere"}]))})));
    shop.event("2026-03-01T10:00:00Z", device(Event::track("App Opened"), "token-1"));
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    assert_eq!(shop.handed.len(), 1);
    let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "named"}]))}));
    book["messages"]["named"] = json!({"variants": {
        "email": {"subject": "S", "text": "Dear {{ customer.name }} {{ unsubscribe_url }}"}, "in_app": {"body": "Hello"}}});
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T00:00:00Z", known());
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    assert_eq!(shop.sent(), ["2026-03-01T10:00:00Z named in_app"]);
}

fn capped(caps: Json, when: &str) -> Shop {
    let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "note"}]))}));
    book["policy"]["zone"] = "UTC".into();
    book["policy"]["frequency_caps"] = caps;
    book["messages"]["note"]["dedupe"] = "1ms".into();
    book["messages"]["note"]["when_capped"] = when.into();
    Shop::new(book)
}

#[test]
fn promise_7_4_a_rolling_window_is_open_at_its_start_and_closed_at_its_end() {
    let mut shop = capped(json!([{"at_most": 2, "rolling": "24h"}]), "skip");
    for time in ["01T00:00:00Z", "01T12:00:00Z", "01T23:59:59.999Z", "02T00:00:00Z", "02T11:59:59.999Z", "02T12:00:00Z"]
    {
        shop.event(&format!("2026-03-{time}"), began("Begin"));
    }
    let wanted = ["01T00:00:00Z", "01T12:00:00Z", "02T00:00:00Z", "02T12:00:00Z"];
    assert_eq!(shop.sent(), wanted.map(|time| format!("2026-03-{time} note in_app")));
}

#[test]
fn promise_7_4_a_calendar_day_is_the_customers_own_and_a_cap_of_zero_is_none() {
    let mut shop = capped(json!([{"at_most": 1, "calendar": "day"}, {"at_most": 0, "rolling": "1h"}]), "skip");
    shop.event("2026-03-01T00:00:00Z", known().zone("Asia/Tokyo"));
    for time in ["2026-03-01T14:00:00Z", "2026-03-01T14:59:59.999Z", "2026-03-01T15:00:00Z", "2026-03-02T14:00:00Z"] {
        shop.event(time, began("Begin"));
    }
    assert_eq!(shop.sent(), ["2026-03-01T14:00:00Z note in_app", "2026-03-01T15:00:00Z note in_app"]);
}

#[test]
fn promise_7_4_a_refused_message_gives_its_place_back_and_a_parked_one_keeps_it() {
    for (answer, second) in [(DeliveryError::permanent("no"), true), (DeliveryError::unknown("lost"), false)] {
        let mut shop = capped(json!([{"at_most": 1, "rolling": "24h"}]), "skip");
        shop.answers([Err(answer.clone())]);
        shop.event("2026-03-01T00:00:00Z", began("Begin"));
        shop.event("2026-03-01T01:00:00Z", began("Begin"));
        assert_eq!(shop.handed.len() == 2, second, "{answer}");
    }
}

#[test]
fn promise_7_5_on_a_full_cap_a_message_waits_is_skipped_or_ends_its_run_as_it_says() {
    for (when, sent, ended) in [("wait", 2, 0), ("skip", 1, 0), ("next_channel", 1, 0), ("end_run", 1, 1)] {
        let mut shop = capped(json!([{"at_most": 1, "rolling": "24h"}]), when);
        shop.event("2026-03-01T00:00:00Z", began("Begin"));
        shop.event("2026-03-01T06:00:00Z", began("Begin"));
        shop.pass("2026-04-01T00:00:00Z");
        let for_the_cap = shop
            .notes
            .iter()
            .filter(|note| matches!(&note.what, What::RunEnded { reason, .. } if reason.word() == "frequency_cap"));
        assert_eq!((shop.handed.len(), for_the_cap.count()), (sent, ended), "{when}");
        if when == "wait" {
            assert_eq!(shop.sent()[1], "2026-03-02T00:00:00Z note in_app");
        }
    }
}

#[test]
fn promise_7_5_a_deferred_message_that_became_pointless_is_dropped_and_one_past_its_deadline_is_skipped() {
    let mut journey = steps(json!([{"id": "s", "message": "push"}]));
    journey["exit"] = json!([{"event": "Order Completed"}]);
    for (buys, valid_for, sent) in [(false, "72h", 1), (true, "72h", 0), (false, "1h", 0)] {
        let mut book = book(json!({"j": journey.clone()}));
        book["policy"] = json!({"zone": "UTC", "topics_default": "opt_out",
            "quiet_hours": {"window": "22:00-08:00", "spread": "0s"}});
        book["messages"]["push"]["valid_for"] = valid_for.into();
        let mut shop = Shop::new(book);
        shop.event("2026-03-01T23:00:00Z", began("Begin"));
        if buys {
            shop.event("2026-03-02T03:00:00Z", began("Order Completed"));
        }
        shop.pass("2026-03-10T00:00:00Z");
        assert_eq!(shop.handed.len(), sent, "{buys} {valid_for}");
    }
}

#[test]
fn promise_7_3_the_minimum_gap_lies_between_any_two_marketing_messages() {
    let mut shop = capped(json!([]), "wait");
    shop.book = {
        let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "note"}]))}));
        book["policy"]["minimum_gap"] = json!({"any_channel": "1h"});
        book["messages"]["note"]["dedupe"] = "1ms".into();
        book["messages"]["note"]["when_capped"] = "wait".into();
        Playbook::from_json(&book.to_string()).unwrap()
    };
    for minute in [0, 30, 90] {
        shop.take(began("Begin").at(at("2026-03-01T00:00:00Z") + Span::minutes(minute)));
    }
    shop.pass("2026-03-02T00:00:00Z");
    let wanted = ["00:00", "01:00", "02:00"].map(|time| format!("2026-03-01T{time}:00Z note in_app"));
    assert_eq!(shop.sent(), wanted);
}

#[test]
fn promise_8_1_a_content_key_comes_once_per_window_over_all_channels() {
    let mut book = book(json!({
        "a": steps(json!([{"id": "s", "message": "everywhere", "channels": ["in_app"]}])),
        "b": steps(json!([{"id": "s", "message": "everywhere", "channels": ["email"]}]))}));
    book["messages"]["everywhere"]["dedupe"] = "10d".into();
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T00:00:00Z", known());
    for day in ["01", "05", "10", "11"] {
        shop.event(&format!("2026-03-{day}T10:00:00Z"), began("Begin"));
    }
    let days: Vec<String> = shop.sent().iter().map(|line| line[..10].to_owned()).collect();
    assert_eq!(days, ["2026-03-01", "2026-03-11"]);
    assert!(shop.skipped().iter().all(|reason| reason == "everywhere duplicate"));
}

fn cascade(stops: Json) -> Json {
    let mut book = book(json!({"j": steps(json!([{"id": "c", "cascade": {"message": "everywhere", "stops_on": stops,
        "attempts": [{"channels": ["email"], "wait": "24h"}, {"channels": ["push"], "wait": "24h"}, {"channels": ["in_app"]}]}}]))}));
    if stops.is_null() {
        book["journeys"]["j"]["steps"][0]["cascade"].as_object_mut().unwrap().remove("stops_on");
    }
    book
}

#[test]
fn promise_8_2_a_cascade_moves_on_only_without_engagement() {
    let opened = |machine: bool| {
        let event = Event::track("Email Opened");
        if machine { event.property("machine", true) } else { event }
    };
    let all = ["01 email", "02 push", "03 in_app"];
    let cases = [
        (Json::Null, None, &all[..]),
        (Json::Null, Some(opened(false)), &all[..1]),
        // An image proxy: the cascade moves on.
        (Json::Null, Some(opened(true)), &all[..]),
        (json!(["click"]), Some(opened(false)), &all[..]),
        (json!(["click"]), Some(Event::track("Email Link Clicked")), &all[..1]),
    ];
    for (stops, receipt, wanted) in cases {
        let mut shop = Shop::new(cascade(stops.clone()));
        shop.event("2026-03-01T00:00:00Z", known());
        shop.event("2026-03-01T10:00:00Z", began("Begin"));
        if let Some(receipt) = receipt {
            shop.event("2026-03-01T12:00:00Z", receipt);
        }
        shop.pass("2026-03-10T00:00:00Z");
        let sent: Vec<String> =
            shop.handed.iter().map(|(at, e)| format!("{} {}", &at.to_string()[8..10], e.channel.id)).collect();
        assert_eq!(sent, wanted, "{stops}");
    }
}

#[test]
fn promise_8_2_a_refused_or_bounced_attempt_goes_on_at_once_and_a_parked_one_is_waited_out() {
    let cases: [(Option<DeliveryError>, bool, &str); 3] = [
        (Some(DeliveryError::permanent("no")), false, "2026-03-01T10:00:00Z everywhere push"),
        (Some(DeliveryError::unknown("lost")), false, "2026-03-02T10:00:00Z everywhere push"),
        (None, true, "2026-03-01T10:30:00Z everywhere push"),
    ];
    for (answer, bounces, second) in cases {
        let mut shop = Shop::new(cascade(Json::Null));
        shop.event("2026-03-01T00:00:00Z", known());
        shop.answers(answer.map(Err));
        shop.event("2026-03-01T10:00:00Z", began("Begin"));
        if bounces {
            shop.event("2026-03-01T10:30:00Z", Event::track("Email Bounced"));
        }
        shop.pass("2026-03-02T10:00:00Z");
        assert_eq!(shop.sent()[1], second);
    }
}

#[test]
fn promise_8_2_late_engagement_stops_an_attempt_that_failed_meanwhile() {
    let mut shop = Shop::new(cascade(Json::Null));
    shop.event("2026-03-01T00:00:00Z", known());
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.hold_answers();
    shop.pass("2026-03-02T10:00:00Z");
    assert_eq!(shop.handed.len(), 2);
    shop.event("2026-03-02T10:00:01Z", Event::track("Email Opened"));
    let id = shop.handed[1].1.id;
    shop.input(Input::Settled { id, result: Err(DeliveryError::transient("503")) }, at("2026-03-02T10:00:02Z"));
    shop.pass("2026-03-10T00:00:00Z");
    assert_eq!(shop.handed.len(), 2);
}

#[test]
fn promise_8_3_of_50_who_get_the_mail_25_open_and_exactly_25_get_the_push() {
    let (mut mails, mut pushes) = (0, 0);
    for n in 0..50 {
        let mut shop = Shop::of(&format!("customer-{n}"), cascade(Json::Null));
        shop.event("2026-03-01T00:00:00Z", known());
        shop.event("2026-03-01T10:00:00Z", began("Begin"));
        if n % 2 == 0 {
            // At the very instant of the next attempt is still in time.
            let hour = if n % 4 == 0 { "2026-03-02T10:00:00Z" } else { "2026-03-01T11:00:00Z" };
            shop.event(hour, Event::track("Email Opened"));
        }
        shop.pass("2026-03-03T09:00:00Z");
        mails += shop.handed.iter().filter(|(_, e)| e.channel.id.as_str() == "email").count();
        pushes += shop.handed.iter().filter(|(_, e)| e.channel.id.as_str() == "push").count();
    }
    assert_eq!((mails, pushes), (50, 25));
}

#[test]
fn promise_8_4_retries_carry_the_same_key_and_the_same_content() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))})));
    shop.event("2026-03-01T00:00:00Z", known());
    shop.answers([Err(DeliveryError::transient("451")), Err(DeliveryError::Throttled { after: None }), Ok(())]);
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.handed.len(), 3);
    assert!(shop.handed.windows(2).all(|pair| pair[0].1 == pair[1].1));
}

#[test]
fn promise_10_3_what_is_decided_anew_has_a_new_key_and_the_same_content_key() {
    let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))}));
    book["policy"]["zone"] = "UTC".into();
    book["policy"]["quiet_hours"] = json!({"window": "22:00-08:00", "spread": "0s"});
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T00:00:00Z", known());
    // Refused for now at 21:59:30; when it is due again the night has begun, so it is withdrawn and decided anew.
    shop.answers([Err(DeliveryError::Transient { reason: "451".into(), after: Some(Span::minutes(1)) })]);
    shop.event("2026-03-01T21:59:30Z", began("Begin"));
    shop.pass("2026-03-03T00:00:00Z");
    let [(_, first), (_, second)] = shop.handed.as_slice() else { panic!("{:?}", shop.sent()) };
    assert_eq!(shop.sent()[1], "2026-03-02T08:00:00Z mail email");
    assert_ne!(first.id, second.id);
    assert_eq!(first.content_key, second.content_key);
}

#[test]
fn promise_10_2_every_answer_ends_as_what_it_says() {
    let cases = [
        (vec![Ok(())], "accepted", 1),
        (vec![Err(DeliveryError::permanent("no"))], "failed", 1),
        (vec![Err(DeliveryError::invalid_contact_point("nobody"))], "failed", 1),
        (vec![Err(DeliveryError::unknown("lost"))], "parked", 1),
        (vec![Err(DeliveryError::transient("451")); 9], "failed", 5),
        (vec![Err(DeliveryError::transient("451")), Err(DeliveryError::unknown("lost"))], "parked", 2),
        (vec![Err(DeliveryError::transient("451")), Ok(())], "accepted", 2),
    ];
    for (answers, ends, hand_overs) in cases {
        let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))})));
        shop.event("2026-03-01T00:00:00Z", known());
        shop.answers(answers.clone());
        shop.event("2026-03-01T10:00:00Z", began("Begin"));
        shop.pass("2026-03-10T00:00:00Z");
        let finals = ["accepted", "failed", "parked", "cancelled", "expired"].map(|what| (what, shop.noted(what)));
        assert_eq!(shop.handed.len(), hand_overs, "{answers:?}");
        assert!(finals.iter().all(|(what, n)| *n == usize::from(*what == ends)), "{answers:?}: {finals:?}");
        assert!(shop.outbox.is_empty(), "{answers:?}");
    }
}

#[test]
fn promise_10_2_an_invalid_contact_point_is_blocked() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "s", "message": "receipt"}]))})));
    shop.event("2026-03-01T00:00:00Z", known());
    shop.answers([Err(DeliveryError::invalid_contact_point("nobody"))]);
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.event("2026-03-01T11:00:00Z", began("Begin"));
    assert_eq!(shop.handed.len(), 1);
    assert!(shop.skipped().contains(&"receipt suppressed".to_owned()));
}

#[test]
fn promise_10_1_an_unknown_outcome_is_retried_only_while_the_provider_honours_the_key() {
    // Memory of the channel, class of the message, and how often it is handed over.
    for (memory, message, hand_overs) in
        [(None, "mail", 1), (Some("3s"), "mail", 2), (Some("24h"), "mail", 5), (None, "receipt", 5)]
    {
        let mut book = book(json!({"j": steps(json!([{"id": "s", "message": message}]))}));
        if let Some(memory) = memory {
            book["channels"]["email"]["key_memory"] = memory.into();
        }
        let mut shop = Shop::new(book);
        shop.event("2026-03-01T00:00:00Z", known());
        shop.answers(vec![Err(DeliveryError::unknown("lost")); 9]);
        shop.event("2026-03-01T10:00:00Z", began("Begin"));
        shop.pass("2026-03-10T00:00:00Z");
        assert_eq!((shop.handed.len(), shop.noted("parked")), (hand_overs, 1), "{memory:?} {message}");
    }
}

#[test]
fn promise_10_1_a_late_yes_or_a_receipt_stops_the_resending() {
    for receipt in [false, true] {
        let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "s", "message": "receipt"}]))})));
        shop.event("2026-03-01T00:00:00Z", known());
        shop.answers([Err(DeliveryError::unknown("timeout"))]);
        shop.event("2026-03-01T10:00:00Z", began("Begin"));
        let id = shop.handed[0].1.id;
        if receipt {
            let opened = Event::track("Email Opened").property("envelope_id", id.to_string().as_str());
            shop.event("2026-03-01T10:00:00.500Z", opened);
        } else {
            shop.input(Input::Settled { id, result: Ok(()) }, at("2026-03-01T10:00:00.500Z"));
        }
        shop.pass("2026-03-02T00:00:00Z");
        assert_eq!((shop.handed.len(), shop.noted("accepted")), (1, 1), "receipt: {receipt}");
    }
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
