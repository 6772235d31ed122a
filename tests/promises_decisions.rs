//! Which message goes out, on which channel, or why not (chapter 7).

mod shop;

use serde_json::{Value as Json, json};
use shop::{Shop, at, began, book, device, known, quiet, steps};
use throughline::{DeliveryError, Event, Playbook, Span, What};

fn capped(caps: Json, when: &str) -> Shop {
    let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "note"}]))}));
    book["policy"]["zone"] = "UTC".into();
    book["policy"]["frequency_caps"] = caps;
    book["messages"]["note"]["dedupe"] = "1ms".into();
    book["messages"]["note"]["when_capped"] = when.into();
    Shop::new(book)
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
