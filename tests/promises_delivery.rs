//! The same content once, cascades, keys and what becomes of a hand-over (chapters 8 and 10).

mod shop;

use serde_json::{Value as Json, json};
use shop::{Shop, at, began, book, known, steps};
use throughline::{DeliveryError, Event, Input, Span};

fn cascade(stops: Json) -> Json {
    let mut book = book(json!({"j": steps(json!([{"id": "c", "cascade": {"message": "everywhere", "stops_on": stops,
        "attempts": [{"channels": ["email"], "wait": "24h"}, {"channels": ["push"], "wait": "24h"}, {"channels": ["in_app"]}]}}]))}));
    if stops.is_null() {
        book["journeys"]["j"]["steps"][0]["cascade"].as_object_mut().unwrap().remove("stops_on");
    }
    book
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
