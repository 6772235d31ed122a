//! What an event does to a customer, what consent forbids, and who enters a segment by time (chapters 3 to 5).

mod shop;

use serde_json::json;
use shop::{Shop, at, began, book, known, steps, then_note};
use throughline::{ChannelKind, DeliveryError, Event, Input, Span, SubscriptionStatus};

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
