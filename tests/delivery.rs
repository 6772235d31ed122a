//! What becomes of a message after its decision: retries, late answers and bounces, and what a cascade makes of them. One
//! customer, exact instants, and answers that the test gives.

mod shop;

use serde_json::{Value as Json, json};
use shop::{Shop, at, book, known, steps};
use throughline::{DeliveryError, Event, Input, Span, What};

fn refused_for(wait: Span) -> Result<(), DeliveryError> {
    Err(DeliveryError::Transient { reason: "451".into(), after: Some(wait) })
}

/// A cascade by e-mail, then push, a day each, then in the app, and a note at its end; whoever engages gets another one.
fn cascade() -> Json {
    book(json!({"j": steps(json!([
        {"id": "c", "cascade": {"message": "everywhere", "attempts": [
            {"channels": ["email"], "wait": "24h"}, {"channels": ["push"], "wait": "24h"}, {"channels": ["in_app"]}]},
            "engaged": "thank", "next": "say"},
        {"id": "say", "message": "note", "next": "end"},
        {"id": "thank", "message": "other"}]))}))
}

/// A shop whose customer began the cascade on 1 March at 10:00.
fn cascading(book: Json, answers: impl IntoIterator<Item = Result<(), DeliveryError>>) -> Shop {
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T00:00:00Z", known());
    shop.answers(answers);
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    shop
}

/// Day, time, message and channel of every hand-over.
fn sent(shop: &Shop) -> Vec<String> {
    shop.sent().iter().map(|line| line[8..].to_owned()).collect()
}

#[test]
fn promise_8_2_while_an_attempt_is_queued_for_a_retry_its_cascade_waits_for_the_outcome_and_then_from_that_hand_over() {
    // The channel wants it again later than the cascade's wait.
    let mut shop = cascading(cascade(), [refused_for(Span::hours(30))]);
    shop.pass("2026-03-10T00:00:00Z");
    let wanted = [
        "01T10:00:00Z everywhere email",
        "02T16:00:00Z everywhere email",
        "03T16:00:00Z everywhere push",
        "04T16:00:00Z everywhere in_app",
        "04T16:00:00Z note in_app",
    ];
    assert_eq!((sent(&shop), shop.noted("cancelled")), (wanted.map(str::to_owned).to_vec(), 0));
    assert_eq!(shop.handed[0].1.id, shop.handed[1].1.id);
}

#[test]
fn promise_8_2_a_retry_that_is_refused_for_good_goes_on_at_once() {
    let mut shop = cascading(cascade(), [refused_for(Span::hours(30)), Err(DeliveryError::permanent("550"))]);
    shop.pass("2026-03-03T00:00:00Z");
    assert_eq!(sent(&shop)[1..], ["02T16:00:00Z everywhere email", "02T16:00:00Z everywhere push"]);
}

#[test]
fn promise_8_2_the_wait_counts_from_the_last_hand_over_that_may_have_been_delivered() {
    let lost = || Err(DeliveryError::unknown("lost"));
    let mut book = cascade();
    book["channels"]["email"]["key_memory"] = "72h".into();
    book["channels"]["email"]["retry"] = json!({"attempts": 2, "first": "1h", "at_most": "1h"});
    // Taken at the second try, or parked after it.
    for answers in [vec![lost()], vec![lost(), lost()]] {
        let mut shop = cascading(book.clone(), answers);
        shop.pass("2026-03-02T23:00:00Z");
        let wanted = ["01T10:00:00Z everywhere email", "01T11:00:00Z everywhere email", "02T11:00:00Z everywhere push"];
        assert_eq!(sent(&shop), wanted);
    }
}

#[test]
fn promise_8_2_engagement_with_an_attempt_that_is_queued_for_a_retry_stops_it_and_the_cascade() {
    let mut shop = cascading(cascade(), [refused_for(Span::hours(30))]);
    // The provider had it after all.
    shop.event("2026-03-01T12:00:00Z", opened(&shop, 0));
    shop.pass("2026-03-10T00:00:00Z");
    assert_eq!(sent(&shop), ["01T10:00:00Z everywhere email", "01T12:00:00Z other in_app"]);
}

#[test]
fn promise_8_2_late_engagement_stops_a_last_attempt_that_is_queued_for_a_retry() {
    let mut shop = cascading(cascade(), [Ok(()), Ok(()), refused_for(Span::hours(2))]);
    shop.pass("2026-03-03T10:00:00Z");
    assert_eq!(shop.handed.len(), 3);
    shop.event("2026-03-03T11:00:00Z", opened(&shop, 0));
    shop.pass("2026-03-10T00:00:00Z");
    assert_eq!(sent(&shop)[2..], ["03T10:00:00Z everywhere in_app", "03T11:00:00Z other in_app"]);
    assert_eq!((shop.noted("cancelled"), shop.outbox.len()), (1, 0));
}

#[test]
fn promise_8_2_what_follows_a_last_attempt_counts_from_the_hand_over_that_was_taken() {
    let mut book = cascade();
    book["journeys"]["j"]["steps"][1] = json!({"id": "say", "wait": "1h"});
    let mut shop = cascading(book, [Ok(()), Ok(()), refused_for(Span::hours(2))]);
    shop.pass("2026-03-10T00:00:00Z");
    assert_eq!(sent(&shop)[2..4], ["03T10:00:00Z everywhere in_app", "03T12:00:00Z everywhere in_app"]);
    assert_eq!(sent(&shop)[4..], ["03T13:00:00Z other in_app"]);
}

#[test]
fn promise_8_2_an_attempt_that_fails_after_the_next_one_went_out_is_not_tried_again_and_moves_nothing() {
    let mut book = cascade();
    book["journeys"]["j"]["steps"][0]["cascade"]["attempts"][0]["wait"] = "10s".into();
    for answer in [DeliveryError::transient("451"), DeliveryError::permanent("550")] {
        let mut shop = Shop::new(book.clone());
        shop.event("2026-03-01T00:00:00Z", known());
        shop.hold_answers();
        shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
        shop.pass("2026-03-01T10:00:10Z");
        let ids: Vec<_> = shop.handed.iter().map(|(_, envelope)| envelope.id).collect();
        shop.input(Input::Settled { id: ids[1], result: Ok(()) }, at("2026-03-01T10:00:11Z"));
        // The mail's answer comes last: the push waits its own day all the same.
        shop.input(Input::Settled { id: ids[0], result: Err(answer.clone()) }, at("2026-03-01T10:00:12Z"));
        shop.pass("2026-03-02T10:00:09Z");
        assert_eq!(sent(&shop), ["01T10:00:00Z everywhere email", "01T10:00:10Z everywhere push"], "{answer}");
        shop.pass("2026-03-02T10:00:10Z");
        assert_eq!(sent(&shop)[2..], ["02T10:00:10Z everywhere in_app"], "{answer}");
    }
}

#[test]
fn promise_1_6_what_follows_a_message_counts_from_the_hand_over_that_was_taken() {
    let journey =
        steps(json!([{"id": "s", "message": "mail"}, {"id": "w", "wait": "1h"}, {"id": "n", "message": "note"}]));
    let mut shop = cascading(book(json!({"j": journey})), [refused_for(Span::hours(3))]);
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(sent(&shop), ["01T10:00:00Z mail email", "01T13:00:00Z mail email", "01T14:00:00Z note in_app"]);
}

/// What comes back of the mail that was handed over first.
fn bounced(shop: &Shop) -> Event {
    Event::track("Email Bounced").property("envelope_id", shop.handed[0].1.id.to_string().as_str())
}

#[test]
fn promise_7_4_a_message_that_bounced_keeps_its_place_and_its_content_key() {
    let mut book = book(json!({
        "a": steps(json!([{"id": "s", "message": "everywhere", "channels": ["email"]}])),
        "b": {"trigger": {"event": "Again"}, "steps": [{"id": "s", "message": "everywhere"}]},
        "c": {"trigger": {"event": "Other"}, "steps": [{"id": "s", "message": "push"}]}}));
    book["policy"]["frequency_caps"] = json!([{"at_most": 1, "rolling": "24h"}]);
    book["messages"]["everywhere"]["dedupe"] = "3d".into();
    book["messages"]["push"]["when_capped"] = "skip".into();
    let mut shop = cascading(book, []);
    shop.event("2026-03-01T10:05:00Z", bounced(&shop));
    shop.event("2026-03-02T09:59:59Z", Event::track("Other"));
    shop.event("2026-03-02T10:00:00Z", Event::track("Again"));
    assert_eq!(shop.skipped(), ["push frequency_cap", "everywhere duplicate"]);
    shop.event("2026-03-02T10:00:01Z", Event::track("Other"));
    assert_eq!(sent(&shop), ["01T10:00:00Z everywhere email", "02T10:00:01Z push push"]);
    let email = shop.state.profile.channels.iter().find(|(kind, _)| *kind == throughline::ChannelKind::Email);
    assert_eq!(email.map(|(_, record)| record.sent), Some(0), "a dead address says nothing about e-mail");
}

#[test]
fn promise_10_3_a_message_that_bounced_is_not_decided_anew_and_its_journey_goes_on() {
    let journey = steps(json!([{"id": "s", "message": "everywhere", "channels": ["email", "push"]},
        {"id": "w", "wait": "1h"}, {"id": "n", "message": "note"}]));
    let mut book = book(json!({"j": journey}));
    book["messages"]["everywhere"]["variants"]["push"] = json!({"title": "T", "body": "B"});
    for before_the_answer in [false, true] {
        let mut shop = Shop::new(book.clone());
        shop.event("2026-03-01T00:00:00Z", known());
        if before_the_answer {
            shop.hold_answers();
        }
        shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
        let (first, id) = (sent(&shop), shop.handed[0].1.id);
        shop.event(
            "2026-03-01T10:00:30Z",
            Event::track("Email Bounced").property("envelope_id", id.to_string().as_str()),
        );
        shop.input(Input::Settled { id, result: Ok(()) }, at("2026-03-01T10:00:40Z"));
        shop.pass("2026-03-02T00:00:00Z");
        assert_eq!(first, ["01T10:00:00Z everywhere email"]);
        assert_eq!(sent(&shop)[1..], ["01T11:00:00Z note in_app"], "{before_the_answer}");
        // It was accepted, once, and came back.
        let mail = |what: &str| {
            shop.notes
                .iter()
                .filter(|note| {
                    let line = serde_json::to_value(note).unwrap();
                    line["what"] == what && line["id"] == id.to_string()
                })
                .count()
        };
        assert_eq!(["accepted", "bounced", "failed"].map(mail), [1, 1, 0], "{before_the_answer}");
    }
}

#[test]
fn promise_8_2_a_bounce_that_comes_after_the_next_attempt_moves_nothing() {
    let mut shop = cascading(cascade(), []);
    shop.pass("2026-03-02T10:00:00Z");
    shop.event("2026-03-02T11:00:00Z", bounced(&shop));
    shop.pass("2026-03-03T09:59:59Z");
    assert_eq!(sent(&shop), ["01T10:00:00Z everywhere email", "02T10:00:00Z everywhere push"]);
    shop.pass("2026-03-03T10:00:00Z");
    assert_eq!(sent(&shop)[2..3], ["03T10:00:00Z everywhere in_app"]);
}

#[test]
fn promise_8_2_a_bounce_that_comes_while_the_next_attempt_waits_for_the_morning_moves_nothing() {
    let mut book = cascade();
    book["policy"]["zone"] = "UTC".into();
    book["policy"]["quiet_hours"] = json!({"window": "09:00-15:00", "spread": "0s"});
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T00:00:00Z", known());
    shop.event("2026-03-01T08:00:00Z", Event::track("Begin"));
    // The mail was opened by nobody; the push is due at 08:00 and is deferred by a change of the zone.
    shop.event("2026-03-02T07:00:00Z", Event::track("Arrived").zone("Europe/Berlin"));
    shop.pass("2026-03-02T08:30:00Z");
    assert_eq!(shop.noted("deferred"), 1);
    shop.event("2026-03-02T09:00:00Z", bounced(&shop));
    shop.pass("2026-03-02T14:00:00Z");
    assert_eq!(sent(&shop), ["01T08:00:00Z everywhere email", "02T14:00:00Z everywhere push"]);
}

#[test]
fn promise_10_1_every_hand_over_is_told_once_and_a_further_try_with_its_number() {
    let mut shop = cascading(
        book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))})),
        [refused_for(Span::hours(1)), refused_for(Span::hours(1))],
    );
    shop.pass("2026-03-02T00:00:00Z");
    let lines = shop.notes.iter().map(|note| serde_json::to_value(note).unwrap());
    let told: Vec<Json> = lines.filter(|line| line["what"].as_str().unwrap().starts_with("handed_over")).collect();
    let id = shop.handed[0].1.id.to_string();
    assert_eq!((shop.handed.len(), told.len()), (3, 3));
    assert_eq!(
        (&told[0]["what"], &told[0]["cost"], &told[0]["try"]),
        (&json!("handed_over"), &json!("0"), &Json::Null)
    );
    let again = |time: &str, n: u16| {
        json!({"at": time, "what": "handed_over_again", "id": id, "message": "mail", "channel": "email", "journey": "j",
            "try": n})
    };
    assert_eq!(told[1..], [again("2026-03-01T11:00:00Z", 2), again("2026-03-01T12:00:00Z", 3)]);
}

#[test]
fn promise_10_1_a_claim_that_is_given_back_is_told_and_counts_as_no_try() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "s", "message": "mail"}]))})));
    shop.event("2026-03-01T00:00:00Z", known());
    shop.hold_answers();
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    let id = shop.handed[0].1.id;
    shop.input(Input::GivenBack { id, due: at("2026-03-01T10:01:00Z") }, at("2026-03-01T10:00:30Z"));
    shop.pass("2026-03-01T10:01:00Z");
    shop.input(Input::Settled { id, result: Ok(()) }, at("2026-03-01T10:01:01Z"));
    let lines: Vec<Json> = shop.notes.iter().map(|note| serde_json::to_value(note).unwrap()).collect();
    let told: Vec<&Json> = lines.iter().map(|line| &line["what"]).filter(|what| !what.is_null()).collect();
    let from = told.iter().position(|what| **what == "handed_over").unwrap();
    assert_eq!(told[from..from + 4], ["handed_over", "given_back", "handed_over_again", "accepted"]);
    assert_eq!(lines.iter().find(|line| line["what"] == "handed_over_again").unwrap()["try"], 1);
}

#[test]
fn promise_6_6_an_exit_by_engagement_acts_when_the_receipt_arrives_and_so_does_a_wait() {
    let engaged = json!({"engaged": {"channel": "email", "within": "30d"}});
    let mut waits = steps(json!([{"id": "w", "wait": "9d"}, {"id": "n", "message": "note"}]));
    waits["exit"] = json!([{"rule": engaged}]);
    let asks = steps(json!([{"id": "w", "wait_for": {"rule": engaged, "timeout": "9d"}, "then": "n", "else": "end"},
        {"id": "n", "message": "other"}]));
    let mails = steps(json!([{"id": "s", "message": "mail"}]));
    let mut shop = cascading(book(json!({"mails": mails, "waits": waits, "asks": asks})), []);
    let ended = |shop: &Shop| {
        let ends = shop.notes.iter().filter_map(|note| match &note.what {
            What::RunEnded { run, reason } if run.journey.as_str() == "waits" => {
                Some((note.at, reason.word().to_owned()))
            }
            _ => None,
        });
        ends.collect::<Vec<_>>()
    };
    assert_eq!((ended(&shop).len(), sent(&shop).len()), (0, 1));
    // Of another journey's message: nothing of these runs' own.
    shop.event("2026-03-02T12:00:00Z", opened(&shop, 0));
    assert_eq!(ended(&shop), [(at("2026-03-02T12:00:00Z"), "exited".to_owned())]);
    assert_eq!(sent(&shop)[1..], ["02T12:00:00Z other in_app"]);
}

#[test]
fn promise_6_6_an_exit_by_a_rule_over_an_attribute_acts_when_the_attribute_changes() {
    let mut waits = steps(json!([{"id": "w", "wait": "9d"}, {"id": "n", "message": "note"}]));
    waits["exit"] = json!([{"rule": {"attribute": "tier", "equals": "gold"}}]);
    let mut shop = cascading(book(json!({"j": waits})), []);
    shop.event("2026-03-02T12:00:00Z", Event::identify().with_trait("tier", "gold"));
    let ended = shop.notes.iter().find(|note| matches!(note.what, What::RunEnded { .. })).map(|note| note.at);
    assert_eq!(ended, Some(at("2026-03-02T12:00:00Z")));
}

/// Looks every hour whether the customer has bought, for ever.
fn hourly() -> Json {
    steps(json!([{"id": "hour", "wait": "1h"},
        {"id": "look", "branch": [{"if": {"event": "Order Completed"}, "next": "say"}], "else": "hour"},
        {"id": "say", "message": "note"}]))
}

fn ended(shop: &Shop) -> Vec<String> {
    let ends = shop.notes.iter().filter_map(|note| match &note.what {
        What::RunEnded { reason, .. } => Some(reason.word().to_owned()),
        _ => None,
    });
    ends.collect()
}

#[test]
fn promise_6_9_a_long_downtime_makes_no_runaway_of_a_run_that_waits() {
    for event_first in [false, true] {
        let mut shop = Shop::new(book(json!({"j": hourly()})));
        shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
        // Nobody ran anything for half a year.
        let now = at("2026-09-01T10:30:00Z");
        if event_first {
            shop.input(Input::Event(Event::track("Order Completed").at(now).into()), now);
            shop.pass("2026-09-01T11:00:00Z");
            assert_eq!(
                (ended(&shop), sent(&shop)),
                (vec!["completed".to_owned()], vec!["01T11:00:00Z note in_app".to_owned()])
            );
        } else {
            shop.input(Input::Wake, now);
            assert_eq!((ended(&shop).len(), shop.state.due()), (0, at("2026-09-01T11:00:00Z")));
        }
    }
}

#[test]
fn promise_6_9_waits_too_short_to_be_caught_up_with_end_as_runaway() {
    let mut journey = hourly();
    journey["steps"][0]["wait"] = "10ms".into();
    let mut shop = Shop::new(book(
        json!({"j": journey, "k": steps(json!([{"id": "w", "wait": "1d"}, {"id": "n", "message": "other"}]))}),
    ));
    shop.event("2026-03-01T10:00:00Z", Event::track("Begin"));
    shop.input(Input::Wake, at("2026-03-03T10:00:00Z"));
    assert_eq!(ended(&shop), ["runaway"]);
    shop.pass("2026-03-03T10:00:00Z");
    assert_eq!((ended(&shop).len(), sent(&shop).len()), (2, 1), "the other run goes on");
}

/// The mail program shows one of the messages handed over.
fn opened(shop: &Shop, handed: usize) -> Event {
    Event::track("Email Opened").property("envelope_id", shop.handed[handed].1.id.to_string().as_str())
}
