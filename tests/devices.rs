//! Push to several devices: one decision, one place in every cap, an envelope for each device, and one outcome.

mod shop;

use serde_json::{Value as Json, json};
use shop::{Shop, at, book, device, known, steps};
use throughline::{ChannelKind, ContactPoint, DeliveryError, Device, Event, Input, Span, Status};

fn pushes(more: Json) -> Json {
    let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "push"}]))}));
    book["channels"]["push"] = json!({"tariff": {"per_message": "0.01"}});
    book["messages"]["push"]["variants"]["in_app"] = json!({"body": "B"});
    let more = more.as_object().unwrap().clone();
    more.into_iter().for_each(|(field, value)| book[&field] = value);
    book
}

/// A customer with these devices, the last one the freshest.
fn with(book: Json, tokens: &[&str]) -> Shop {
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T00:00:00Z", known().with_trait("preferred_channel", "push"));
    for (n, token) in tokens.iter().enumerate() {
        shop.event(&format!("2026-03-01T0{n}:00:01Z"), device(Event::track("Application Opened"), token));
    }
    shop
}

fn invalid() -> Result<(), DeliveryError> {
    Err(DeliveryError::invalid_contact_point("410 Unregistered"))
}

fn later(hours: i64) -> Result<(), DeliveryError> {
    Err(DeliveryError::Transient { reason: "503".into(), after: Some(Span::hours(hours)) })
}

/// Time, channel and address of every hand-over.
fn handed(shop: &Shop) -> Vec<String> {
    shop.handed.iter().map(|(at, e)| format!("{} {} {}", &at.to_string()[8..16], e.channel.id, e.address())).collect()
}

fn tokens(shop: &Shop) -> Vec<&str> {
    shop.state.profile.points.of_kind(&ChannelKind::Push).map(|point| point.point.as_str()).collect()
}

fn statuses(shop: &Shop) -> Vec<Status> {
    shop.state.profile.contacts.iter().map(|contact| contact.status).collect()
}

fn ends(shop: &Shop) -> [(&'static str, usize); 5] {
    ["accepted", "failed", "parked", "cancelled", "expired"].map(|what| (what, shop.noted(what)))
}

#[test]
fn promise_7_1_a_push_goes_to_all_devices_and_counts_as_one() {
    let cap = json!({"topics_default": "opt_out", "frequency_caps": [{"at_most": 2, "rolling": "24h"}]});
    let mut shop = with(pushes(json!({"policy": cap})), &["a", "b", "c"]);
    for time in ["10:00", "11:00", "12:00"] {
        shop.event(&format!("2026-03-01T{time}:00Z"), Event::track("Begin"));
    }
    let wanted = ["c", "b", "a"].map(|token| format!("01T10:00 push {token}"));
    assert_eq!(handed(&shop)[..3], wanted, "the one last heard of first");
    assert_eq!(handed(&shop).len(), 6, "two places are taken, not six");
    assert_eq!(shop.skipped(), ["push frequency_cap"]);
    assert_eq!((shop.noted("handed_over"), shop.noted("accepted"), shop.noted("copy")), (2, 2, 6));
    assert_eq!(shop.state.profile.contacts.len(), 2);
    let sent = shop.state.profile.channels.iter().find(|(kind, _)| *kind == ChannelKind::Push).unwrap().1.sent;
    assert_eq!(sent, 2);
    let told =
        shop.notes.iter().map(|note| serde_json::to_value(note).unwrap()).find(|note| note["what"] == "handed_over");
    let told = told.unwrap();
    assert_eq!((&told["cost"], told["copies"].as_array().unwrap().len()), (&json!("0.03"), 2));
}

#[test]
fn promise_8_4_each_device_has_a_key_of_its_own_and_all_say_the_same() {
    let mut shop = with(pushes(json!({})), &["a", "b"]);
    shop.answers([later(1), Ok(())]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    shop.pass("2026-03-02T10:00:00Z");
    let [(_, b), (_, a), (at_last, again)] = shop.handed.as_slice() else { panic!("{:?}", handed(&shop)) };
    assert_eq!((b, *at_last), (again, at("2026-03-01T11:00:00Z")), "the same key and bytes at the second try");
    assert_ne!(a.id, b.id);
    assert_eq!((a.of, b.of), (b.id, b.id));
    assert_eq!((&a.content, &a.content_key), (&b.content, &b.content_key));
    assert!(shop.outbox.is_empty());
}

#[test]
fn promise_7_1_a_channel_may_keep_to_the_latest_device() {
    let mut book = pushes(json!({}));
    book["channels"]["push"]["devices"] = "latest".into();
    let mut shop = with(book, &["a", "b"]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    assert_eq!((handed(&shop), shop.noted("copy")), (vec!["01T10:00 push b".to_owned()], 0));
}

#[test]
fn promise_10_2_a_rejected_token_is_dropped_and_the_other_devices_go_on() {
    let mut shop = with(pushes(json!({})), &["a", "b"]);
    shop.answers([invalid(), Ok(())]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    assert_eq!(tokens(&shop), ["a"]);
    assert_eq!(ends(&shop), [("accepted", 1), ("failed", 0), ("parked", 0), ("cancelled", 0), ("expired", 0)]);
    shop.event("2026-03-01T11:00:00Z", Event::track("Begin"));
    assert_eq!(handed(&shop), ["01T10:00 push b", "01T10:00 push a", "01T11:00 push a"]);
    assert_eq!(statuses(&shop), [Status::Accepted; 2]);
}

#[test]
fn promise_10_3_when_the_last_device_is_rejected_the_message_is_decided_anew_on_another_channel() {
    let mut shop = with(pushes(json!({})), &["a", "b"]);
    shop.answers([invalid(), invalid()]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    assert_eq!(handed(&shop), ["01T10:00 push b", "01T10:00 push a", "01T10:00 in_app anna"]);
    assert_eq!((tokens(&shop).len(), shop.noted("failed")), (0, 1));
    assert_eq!(statuses(&shop), [Status::Refused, Status::Accepted]);
    let push = shop.state.profile.channels.iter().find(|(kind, _)| *kind == ChannelKind::Push).unwrap().1;
    assert_eq!(push.sent, 0);
}

#[test]
fn promise_10_2_a_message_is_parked_if_a_device_may_have_it_and_none_surely_has() {
    let mut shop = with(pushes(json!({})), &["a", "b", "c"]);
    shop.answers([invalid(), Err(DeliveryError::unknown("lost")), Err(DeliveryError::permanent("400"))]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    shop.pass("2026-03-02T10:00:00Z");
    assert_eq!(ends(&shop), [("accepted", 0), ("failed", 0), ("parked", 1), ("cancelled", 0), ("expired", 0)]);
    assert_eq!((handed(&shop).len(), statuses(&shop)), (3, vec![Status::Parked]));
}

#[test]
fn promise_10_2_a_point_that_is_rejected_after_an_unknown_outcome_is_not_tried_again() {
    for (answer, left) in [(invalid(), 0), (Err(DeliveryError::permanent("400")), 1)] {
        let mut book = pushes(json!({}));
        book["channels"]["push"]["key_memory"] = "24h".into();
        let mut shop = with(book, &["a"]);
        shop.answers([Err(DeliveryError::unknown("lost")), answer]);
        shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
        shop.pass("2026-03-02T10:00:00Z");
        assert_eq!((handed(&shop).len(), tokens(&shop).len(), statuses(&shop)), (2, left, vec![Status::Parked]));
    }
}

/// A cascade by push, a day, then in the app.
fn cascade() -> Json {
    let mut book = pushes(json!({"journeys": {"j": steps(json!([
        {"id": "c", "cascade": {"message": "push", "attempts": [
            {"channels": ["push"], "wait": "24h"}, {"channels": ["in_app"]}]}}]))}}));
    book["messages"]["push"]["dedupe"] = "5d".into();
    book
}

#[test]
fn promise_8_2_a_cascade_waits_from_the_first_device_that_took_it_and_then_withdraws_the_others() {
    let mut shop = with(cascade(), &["a", "b"]);
    shop.answers([later(30), Ok(())]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    shop.pass("2026-03-04T00:00:00Z");
    assert_eq!(handed(&shop), ["01T10:00 push b", "01T10:00 push a", "02T10:00 in_app anna"]);
    assert_eq!(ends(&shop), [("accepted", 2), ("failed", 0), ("parked", 0), ("cancelled", 0), ("expired", 0)]);
    assert!(shop.outbox.is_empty());
}

#[test]
fn promise_8_2_while_no_device_has_it_and_all_wait_for_a_retry_so_does_the_cascade() {
    let mut shop = with(cascade(), &["a", "b"]);
    shop.answers([later(30), later(40)]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    shop.pass("2026-03-05T00:00:00Z");
    let wanted = ["01T10:00 push b", "01T10:00 push a", "02T16:00 push b", "03T02:00 push a", "03T16:00 in_app anna"];
    assert_eq!(handed(&shop), wanted);
}

#[test]
fn promise_8_2_engagement_on_any_device_counts_for_the_message_and_stops_what_is_left_of_it() {
    let mut shop = with(cascade(), &["a", "b"]);
    shop.answers([later(2), Ok(())]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    let second = shop.handed[1].1.id.to_string();
    shop.event("2026-03-01T11:00:00Z", Event::track("Push Opened").property("envelope_id", second.as_str()));
    shop.pass("2026-03-05T00:00:00Z");
    assert_eq!(handed(&shop), ["01T10:00 push b", "01T10:00 push a"]);
    let contact = shop.state.profile.contacts.iter().next().unwrap().clone();
    assert!(contact.engaged.is_some() && shop.outbox.is_empty());
    assert_eq!(shop.noted("engaged"), 1);
    let devices: Vec<_> = shop.state.profile.figures.devices().map(|(kind, n)| (kind.as_str(), n)).collect();
    assert_eq!(devices, [("ios", 1)], "the kind of the device to which it went");
    let clicked = Event::track("Push Tapped").property("envelope_id", second.as_str());
    shop.event("2026-03-05T00:00:01Z", clicked.clone());
    shop.event("2026-03-05T00:00:02Z", clicked);
    let (kind, on) = shop.state.profile.figures.on_devices().next().unwrap();
    assert_eq!((kind.as_str(), on.delivered, on.engaged, on.clicked), ("ios", 1, 1, 1));
    let told = shop.notes.iter().map(|note| serde_json::to_value(note).unwrap()).find(|note| note["what"] == "engaged");
    assert_eq!(told.unwrap()["id"], contact.id.to_string(), "by the message's own name");
}

#[test]
fn promise_6_6_an_exit_withdraws_what_no_device_has_yet_and_a_run_that_is_done_does_not() {
    let mut book = cascade();
    book["journeys"]["j"]["exit"] = json!([{"event": "Order Completed"}]);
    for (exits, hand_overs) in [(true, 2), (false, 3)] {
        let mut shop = with(if exits { book.clone() } else { pushes(json!({})) }, &["a", "b"]);
        shop.answers([later(2), Ok(())]);
        shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
        shop.event("2026-03-01T11:00:00Z", Event::track("Order Completed"));
        shop.pass("2026-03-05T00:00:00Z");
        assert_eq!((handed(&shop).len(), shop.outbox.len()), (hand_overs, 0), "exits: {exits}");
        assert_eq!(statuses(&shop), [Status::Accepted]);
    }
}

#[test]
fn promise_4_4_a_further_device_is_asked_for_again_at_its_claim() {
    use throughline::SubscriptionStatus::Unsubscribed;
    let mut shop = with(pushes(json!({})), &["a", "b"]);
    shop.answers([later(2), Ok(())]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    shop.event("2026-03-01T11:00:00Z", Event::track("Saved").subscription(ChannelKind::Push, None, Unsubscribed));
    shop.pass("2026-03-05T00:00:00Z");
    assert_eq!((handed(&shop).len(), shop.outbox.len()), (2, 0));
    assert_eq!(ends(&shop)[0], ("accepted", 1));
}

#[test]
fn promise_4_1_a_grant_for_one_token_reaches_no_other_device() {
    let mut shop = with(pushes(json!({"policy": {"topics_default": "opt_in"}})), &["a", "b"]);
    let mut grant = Event::track("Saved");
    let json = r#"{"type": "track", "event": "Saved", "userId": "anna", "context": {
        "messaging_subscriptions": [{"key": "b", "type": "PUSH", "status": "SUBSCRIBED"}]}}"#;
    grant.subscriptions = Event::from_json(json).unwrap().subscriptions;
    shop.event("2026-03-01T09:00:00Z", grant);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    assert_eq!(handed(&shop), ["01T10:00 push b"]);
}

#[test]
fn promise_10_1_the_claim_of_each_device_is_given_back_and_made_anew_on_its_own() {
    let mut shop = with(pushes(json!({})), &["a", "b"]);
    shop.hold_answers();
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    let [b, a] = [0, 1].map(|n: usize| shop.handed[n].1.id);
    shop.input(Input::GivenBack { id: a, due: at("2026-03-01T10:01:00Z") }, at("2026-03-01T10:00:10Z"));
    shop.input(Input::Settled { id: b, result: Ok(()) }, at("2026-03-01T10:00:20Z"));
    shop.pass("2026-03-01T10:01:00Z");
    assert_eq!(handed(&shop)[2..], ["01T10:01 push a"]);
    // Its lease runs out: nobody knows, and the message is accepted all the same.
    shop.pass("2026-03-05T00:00:00Z");
    assert_eq!((statuses(&shop), shop.noted("parked"), shop.outbox.len()), (vec![Status::Accepted], 0, 0));
}

#[test]
fn promise_10_2_what_came_back_of_one_device_is_that_devices_alone() {
    let bounced = || Event::track("Push Bounced");
    let mut shop = with(pushes(json!({})), &["a", "b"]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    shop.event("2026-03-01T10:01:00Z", bounced());
    assert_eq!((tokens(&shop).len(), shop.noted("stray_receipt")), (2, 1), "it does not say which");
    let a = shop.handed[1].1.id.to_string();
    shop.event("2026-03-01T10:02:00Z", bounced().property("envelope_id", a.as_str()));
    assert_eq!((tokens(&shop), statuses(&shop), shop.noted("bounced")), (vec!["b"], vec![Status::Accepted], 0));
    let b = shop.handed[0].1.id.to_string();
    shop.event("2026-03-01T10:03:00Z", bounced().property("envelope_id", b.as_str()));
    assert_eq!((tokens(&shop).len(), statuses(&shop), shop.noted("bounced")), (0, vec![Status::Bounced], 1));
}

#[test]
fn promise_6_9_a_run_goes_on_when_the_device_that_had_it_bounced_before_the_last_one_answered() {
    let lost = || Err(DeliveryError::unknown("lost"));
    for (answer, status) in [(lost(), Status::Parked), (invalid(), Status::Bounced), (Ok(()), Status::Accepted)] {
        let journey =
            json!([{"id": "s", "message": "push"}, {"id": "w", "wait": "1h"}, {"id": "n", "message": "note"}]);
        let mut shop = with(pushes(json!({"journeys": {"j": steps(journey)}})), &["a", "b"]);
        shop.answers([Ok(()), later(2), answer]);
        shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
        let b = shop.handed[0].1.id.to_string();
        shop.event("2026-03-01T11:00:00Z", Event::track("Push Bounced").property("envelope_id", b.as_str()));
        shop.pass("2026-03-03T00:00:00Z");
        assert_eq!(handed(&shop).last().unwrap().split(' ').nth(1), Some("in_app"), "{status:?}: {:?}", handed(&shop));
        assert_eq!((statuses(&shop)[0], shop.state.runs.len()), (status, 0));
    }
}

#[test]
fn promise_10_2_what_came_back_of_a_device_while_another_still_waited_had_been_taken() {
    let mut shop = with(pushes(json!({})), &["a", "b"]);
    shop.answers([Err(DeliveryError::unknown("lost")), later(2), invalid()]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    let b = shop.handed[0].1.id.to_string();
    shop.event("2026-03-01T11:00:00Z", Event::track("Push Bounced").property("envelope_id", b.as_str()));
    shop.pass("2026-03-03T00:00:00Z");
    assert_eq!(["accepted", "bounced", "failed", "parked"].map(|what| shop.noted(what)), [1, 1, 0, 0]);
    assert_eq!((statuses(&shop), tokens(&shop).len(), shop.state.runs.len()), (vec![Status::Bounced], 0, 0));
}

#[test]
fn promise_7_1_an_open_makes_its_contact_point_the_one_taken_next() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))})));
    let address = |address: &str| Event::identify().with_trait("email", address);
    shop.event("2026-03-01T00:00:00Z", address("old@shop.example"));
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    shop.event("2026-03-01T11:00:00Z", address("new@shop.example"));
    shop.event("2026-03-01T12:00:00Z", Event::track("Begin"));
    // An image proxy is nobody.
    let first = |event: Event, shop: &Shop| event.property("envelope_id", shop.handed[0].1.id.to_string().as_str());
    shop.event("2026-03-01T13:00:00Z", first(Event::track("Email Opened").property("machine", true), &shop));
    shop.event("2026-03-01T14:00:00Z", Event::track("Begin"));
    shop.event("2026-03-01T15:00:00Z", first(Event::track("Email Opened"), &shop));
    shop.event("2026-03-01T16:00:00Z", Event::track("Begin"));
    let [old, new] = ["old", "new"].map(|name| format!("email {name}@shop.example"));
    let wanted =
        [("10", &old), ("12", &new), ("14", &new), ("16", &old)].map(|(hour, to)| format!("01T{hour}:00 {to}"));
    assert_eq!(handed(&shop), wanted);
}

#[test]
fn a_new_token_of_a_device_replaces_its_old_one_also_for_what_is_queued() {
    let opened = |token: &str| {
        Event::track("Application Opened").from_device(Device::of_kind("iOS").with_id("D").with_token(token))
    };
    let mut shop = with(pushes(json!({})), &[]);
    shop.event("2026-03-01T09:00:00Z", opened("old"));
    shop.answers([later(2)]);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    shop.event("2026-03-01T11:00:00Z", opened("new"));
    shop.pass("2026-03-01T13:00:00Z");
    // Withdrawn at its claim and decided anew.
    assert_eq!(handed(&shop), ["01T10:00 push old", "01T12:00 push new"]);
    assert_eq!((tokens(&shop), shop.noted("cancelled")), (vec!["new"], 1));
    let device = shop.state.profile.points.best(&ChannelKind::Push).unwrap().device.as_ref().unwrap();
    assert_eq!(device.kind.as_ref().unwrap().as_str(), "ios");
}

#[test]
fn an_app_that_is_removed_and_a_customer_who_signs_out_take_the_device_along() {
    let phone = || Device::of_kind("ios").with_id("D").with_token("t");
    for (name, said) in [
        ("Application Uninstalled", phone()),
        ("Signed Out", Device::default().with_token("t")),
        ("Device Removed", Device::default().with_id("D")),
    ] {
        let mut shop = with(pushes(json!({})), &["other"]);
        shop.event("2026-03-01T05:00:00Z", Event::track("Application Opened").from_device(phone()));
        shop.event("2026-03-01T06:00:00Z", Event::track(name).from_device(said));
        assert_eq!(tokens(&shop), ["other"], "{name}");
        // An event from before comes late; signing in again comes later.
        let late = Event::track("Application Opened").from_device(phone()).at(at("2026-03-01T05:30:00Z"));
        shop.input(Input::Event(late.into()), at("2026-03-01T06:30:00Z"));
        assert_eq!(tokens(&shop), ["other"], "{name}");
        shop.event("2026-03-01T07:00:00Z", Event::track("Signed In").from_device(phone()));
        assert_eq!(tokens(&shop), ["other", "t"], "{name}");
    }
}

#[test]
fn a_device_that_was_not_heard_of_for_270_days_is_passed_over() {
    let mut shop = with(pushes(json!({})), &["a"]);
    shop.event("2026-11-26T00:00:00Z", Event::track("Begin"));
    shop.event("2026-11-26T00:00:02Z", Event::track("Begin"));
    assert_eq!(handed(&shop), ["26T00:00 push a", "26T00:00 in_app anna"]);
    assert!(ContactPoint::token("a").is_ok() && tokens(&shop).is_empty());
}
