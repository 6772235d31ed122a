//! What becomes of a message after its decision: retries, late answers and bounces, and what a cascade makes of them. One
//! customer, exact instants, and answers that the test gives.

mod shop;

use serde_json::{Value as Json, json};
use shop::{Shop, at, book, known, steps};
use throughline::{DeliveryError, Event, Input, Span};

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

/// The mail program shows one of the messages handed over.
fn opened(shop: &Shop, handed: usize) -> Event {
    Event::track("Email Opened").property("envelope_id", shop.handed[handed].1.id.to_string().as_str())
}
