//! How a run goes its way: entry, steps, waits, exits (chapter 6).

mod shop;

use serde_json::json;
use shop::{Shop, at, awaited, began, book, known, steps, then_note};
use throughline::{
    Admission, Advance, Customer, DeliveryError, Entry, EventNeed, Input, Instant, Journey, JourneyId, Keep, Needs,
    Playbook, RunView, Signal, Span, Stuck, What,
};

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
