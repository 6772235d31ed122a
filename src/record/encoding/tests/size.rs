//! A stored record stays small.

use std::sync::Arc;

use super::rehearsed::BEGIN;
use super::round;
use crate::event::Event;
use crate::primitives::{CustomerId, Instant, Span};
use crate::record::CustomerState;
use crate::{Input, Playbook, Surroundings};

/// Reads back far enough that every event is kept, sends two messages, and keeps two runs alive.
const PLAYBOOK: &str = r#"{
    "version": 1, "currency": "EUR", "channels": {"in_app": {}}, "policy": {"topics_default": "opt_out"},
    "segments": {
        "browsing": {"event": "Product Viewed", "within": "900d", "count": {"at_least": 2000}},
        "left_a_cart": {"event": "Product Added", "within": "900d", "count": {"at_least": 2000}},
        "big_spenders": {"event": "Order Completed", "sum": {"of": "total", "at_least": 250}, "within": "900d"}
    },
    "messages": {
        "welcome": {"topic": "news", "dedupe": "900d", "variants": {"in_app": {"body": "Welcome!"}}},
        "cart_reminder": {"topic": "cart_help", "dedupe": "900d", "variants": {"in_app": {"body": "Your cart waits."}}}
    },
    "journeys": {
        "welcome": {"trigger": {"event": "Product Viewed"}, "entry": "once",
                    "steps": [{"id": "greet", "message": "welcome"}, {"id": "rest", "wait": "900d"}]},
        "cart_reminder": {"trigger": {"event": "Product Added"}, "entry": "once", "steps": [
            {"id": "a_day", "wait": "24h"},
            {"id": "remind", "message": "cart_reminder"},
            {"id": "rest", "wait": "900d"}]}
    }
}"#;

/// A customer of so many events in sessions of ten every three days: nine views of ten, eight products added and two
/// orders of a hundred. Every event has a `messageId`, and a time of whole ticks of milliseconds.
fn customer(book: &Playbook, events: usize, tick: i64) -> CustomerState {
    let mut state = CustomerState::new(CustomerId::new("anna"), BEGIN);
    let around = Surroundings::default();
    let mut step = |input: Input, now: Instant| {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let outcome = book.step(&mut state, &input, &around, now).unwrap();
            inputs.extend(outcome.send.iter().map(|envelope| Input::Settled { id: envelope.id, result: Ok(()) }));
        }
        state.due()
    };
    let (mut now, mut due) = (BEGIN, Instant::MAX);
    for n in 0..events {
        now += if n % 10 == 0 {
            Span::days(3)
        } else {
            Span::millis((40_000 + (n as i64 * 7_919) % 90_000) / tick * tick)
        };
        while due < now {
            due = step(Input::Wake, due);
        }
        let event = match n % 100 {
            49 | 98 => {
                let total = rust_decimal::Decimal::new(4_990 + n as i64, 2);
                let event = Event::track("Order Completed").property("order_id", format!("R-{}", 100_000 + n).as_str());
                event.property("total", total).property("currency", "EUR")
            }
            6 | 17 | 28 | 39 | 62 | 73 | 84 | 99 => Event::track("Product Added").property("product_id", "sku-1"),
            _ => Event::track("Product Viewed").property("product_id", "sku-2").property("category", "tea"),
        };
        let event = event.user("customer-4711").id(&format!("ev-{n}")).at(now);
        due = step(Input::Event(Arc::new(event)), now);
    }
    state
}

#[test]
fn a_customer_of_a_hundred_events_is_about_a_kibibyte() {
    let book = Playbook::from_json(PLAYBOOK).unwrap();
    for (events, tick, most) in [(1, 1, 250), (10, 1, 450), (100, 1, 1_360), (100, 1_000, 1_200), (1_000, 1, 10_000)] {
        let state = customer(&book, events, tick);
        round(&state);
        let bytes = state.encode().len();
        assert_eq!(state.profile.history.iter().map(|series| series.times().len()).sum::<usize>(), events);
        assert!(bytes <= most, "{events} events: {bytes} bytes");
        let mut plain = state.clone();
        plain.profile.figures = crate::Figures::default();
        let figures = bytes - plain.encode().len();
        assert!(figures <= 100 || events > 100, "{events} events: {figures} bytes of figures");
    }
}
