//! Steps that go on, end, record a goal or change the customer (chapter 6).

mod shop;

use serde_json::{Value as Json, json};
use shop::{Shop, at, began, book, known, steps, then_note};
use throughline::{DeliveryError, Event, Key, Playbook, Rehearsal, Span, ValueRef, What};

const START: &str = "2026-03-01T00:00:00Z";

fn faults(journeys: Json) -> Vec<String> {
    let faults = Playbook::from_json(&book(journeys).to_string()).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

fn reason(shop: &Shop) -> Json {
    let ended = shop.notes.iter().rev().find(|note| matches!(note.what, What::RunEnded { .. })).unwrap();
    serde_json::to_value(ended).unwrap()["reason"].clone()
}

fn goals(shop: &Shop) -> Vec<bool> {
    let goals = shop.notes.iter().filter_map(|note| match &note.what {
        What::Goal { before_any_message, .. } => Some(*before_any_message),
        _ => None,
    });
    goals.collect()
}

#[test]
fn promise_6_4_a_jump_goes_where_it_says_and_a_circle_of_jumps_is_a_fault() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([
        {"id": "a", "go": "c"},
        {"id": "b", "message": "other", "next": "end"},
        {"id": "c", "wait": "1h"},
        {"id": "d", "branch": [{"if": {"attribute": "vip", "equals": true}, "next": "b"}], "else": "e"},
        {"id": "e", "go": "end"}]))})));
    shop.event(START, known().with_trait("vip", true));
    shop.event(START, began("Begin"));
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-01T01:00:00Z other in_app"]);
    let mut circle = steps(json!([{"id": "a", "go": "b"}, {"id": "b", "go": "a"}]));
    circle["exit"] = json!([{"event": "Order Completed"}]);
    let [fault] = &faults(json!({"j": circle}))[..] else { panic!("not one fault") };
    assert!(fault.starts_with("$.journeys.j.steps[0]: a cycle without a wait: a -> b;"), "{fault}");
    assert_eq!(
        faults(json!({"j": steps(json!([{"id": "remind", "go": "remnid"}]))})),
        ["$.journeys.j.steps[0].go: there is no step `remnid`; did you mean `remind`?"]
    );
}

#[test]
fn promise_6_9_an_end_says_why_in_the_journeys_own_words() {
    for (end, word, told) in [
        (json!("gave up"), "gave up", json!("gave up")),
        (json!(true), "completed", json!("completed")),
        (json!({}), "completed", json!("completed")),
        (json!(""), "completed", json!("completed")),
    ] {
        let journeys = json!({"j": steps(json!([{"id": "m", "message": "note"}, {"id": "z", "end": end}]))});
        let mut shop = Shop::new(book(journeys.clone()));
        shop.event(START, began("Begin"));
        assert_eq!((shop.ended(), reason(&shop)), (vec![word.to_owned()], told));
        let playbook = Playbook::from_json(&book(journeys).to_string()).unwrap();
        let mut rehearsal = Rehearsal::new(playbook.into());
        rehearsal.event(began("Begin").user("anna").at(at(START))).unwrap();
        assert_eq!(rehearsal.finish(None).journey("j").ended, [(word.to_owned(), 1)].into());
    }
}

#[test]
fn promise_10_2_a_told_end_leaves_what_is_under_way_to_be_tried_again() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([
        {"id": "c", "cascade": {"message": "mail", "attempts": [{"wait": "1h"}]}}, {"id": "z", "end": "enough"}]))})));
    shop.hold_answers();
    shop.event(START, known());
    shop.event(START, began("Begin"));
    shop.pass("2026-03-01T00:00:30Z");
    let id = shop.handed[0].1.id;
    shop.input(
        throughline::Input::Settled { id, result: Err(DeliveryError::transient("451")) },
        at("2026-03-01T00:00:30Z"),
    );
    shop.pass("2026-03-01T00:00:40Z");
    assert_eq!(shop.handed.len(), 2);
}

#[test]
fn promise_6_4_a_goal_step_records_the_goal_once_and_goes_on() {
    let mut journey = steps(json!([
        {"id": "x", "goal": true}, {"id": "say", "message": "note"}, {"id": "again", "goal": true}, {"id": "w", "wait": "1d"}]));
    journey["goal"] = json!({"event": "Order Completed", "within": "7d"});
    let mut shop = Shop::new(book(json!({"j": journey})));
    shop.event(START, began("Begin"));
    assert_eq!((goals(&shop), shop.handed.len(), shop.ended().len()), (vec![true], 1, 0));
    // The goal's own event still ends the run, and is recorded no second time, neither now nor after the end.
    shop.event("2026-03-01T01:00:00Z", began("Order Completed"));
    shop.event("2026-03-01T02:00:00Z", began("Order Completed"));
    assert_eq!((goals(&shop), shop.ended()), (vec![true], vec!["goal".to_owned()]));
    let wrong = faults(json!({"j": steps(json!([{"id": "x", "goal": "reached"}]))}));
    assert_eq!(wrong, ["$.journeys.j.steps[0].goal: expected true"]);
}

#[test]
fn promise_6_4_an_update_sets_adds_copies_and_removes_in_its_order() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([
        {"id": "u", "update": [
            {"attribute": "plan", "value": "gold"},
            {"attribute": "points", "add": 10},
            {"attribute": "points", "add": "0.5"},
            {"attribute": "last_order", "from": "order_id"},
            {"attribute": "total", "from": "cart.total"},
            {"attribute": "missing", "from": "nothing"},
            {"attribute": "name", "add": 1},
            {"attribute": "cart", "value": null}]},
        {"id": "v", "update": {"attribute": "done", "value": true}},
        {"id": "w", "wait": "1d"}]))})));
    shop.event(START, known().with_trait("points", 5_i64).with_trait("name", "Anna").with_trait("cart", "full"));
    let mut cart = throughline::Fields::new();
    cart.insert("total".into(), 20_i64.into());
    let begin = began("Begin").property("order_id", "o-1").property("cart", throughline::Value::Map(Box::new(cart)));
    shop.event("2026-03-01T00:00:01Z", begin);
    let attribute = |name: &str| shop.state.profile.attributes.value(&Key::new(name));
    assert_eq!(attribute("plan"), Some(ValueRef::Text("gold")));
    assert_eq!(attribute("points").and_then(ValueRef::as_decimal), Some("15.5".parse().unwrap()));
    assert_eq!(attribute("last_order"), Some(ValueRef::Text("o-1")));
    assert_eq!(attribute("total"), Some(ValueRef::Int(20)));
    assert_eq!((attribute("missing"), attribute("cart")), (None, None));
    assert_eq!((attribute("name"), attribute("done")), (Some(ValueRef::Text("Anna")), Some(ValueRef::Bool(true))));
}

#[test]
fn promise_5_5_a_removed_attribute_moves_segments() {
    let mut book = book(json!({
        "j": steps(json!([{"id": "u", "update": {"attribute": "cart", "value": null}}, {"id": "w", "wait": "1d"}]))}));
    book["segments"] = json!({"shopping": {"attribute": "cart", "exists": true}});
    let mut shop = Shop::new(book);
    shop.event(START, known().with_trait("cart", "full"));
    shop.event(START, began("Begin"));
    shop.pass("2026-03-01T00:00:01Z");
    assert_eq!((shop.noted("segment_entered"), shop.noted("segment_left")), (1, 1));
}

#[test]
fn promise_6_1_every_fault_of_a_change_is_reported_with_its_place() {
    let wrong = faults(json!({"j": steps(json!([{"id": "u", "update": [
        {"attribute": "a"}, {"attribute": "b", "value": 1, "add": 1}, {"attribute": "c", "add": "much"},
        {"attribute": "", "from": "x"}, {"attribute": "d", "from": "x..y"}, {"attribute": "e", "vale": 1}]}]))}));
    let places: Vec<&str> = wrong.iter().filter_map(|fault| fault.split(": ").next()).collect();
    let place = |n: usize, more: &str| format!("$.journeys.j.steps[0].update[{n}]{more}");
    let wanted = [
        place(0, ""),
        place(1, ""),
        place(2, ".add"),
        place(3, ".attribute"),
        place(4, ".from"),
        place(5, ".vale"),
        place(5, ""),
    ];
    assert_eq!(places, wanted);
    assert!(wrong[0].contains("exactly one of `value` (null removes the attribute), `from` and `add`"), "{wrong:?}");
    assert_eq!(
        faults(json!({"j": steps(json!([{"id": "u", "update": []}]))})),
        ["$.journeys.j.steps[0].update: expected at least one change"]
    );
}

/// Sends by e-mail, else by push, and goes on to notes that tell which way it went.
fn failing(fields: Json) -> Shop {
    let mut message = json!({"id": "m", "message": "everywhere", "channels": ["email", "push"], "next": "next"});
    message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let mut book = book(json!({"j": steps(json!([
        {"id": "start", "split": [{"weight": 1, "next": "m"}, {"weight": 0, "next": "skip"}, {"weight": 0, "next": "error"}]},
        message,
        {"id": "next", "end": "next"}, {"id": "skip", "end": "skip"}, {"id": "error", "end": "error"}]))}));
    book["messages"]["everywhere"]["dedupe"] = "1ms".into();
    let mut shop = Shop::new(book);
    shop.event(START, known());
    shop
}

#[test]
fn promise_6_9_a_message_that_every_channel_refused_takes_the_error_branch() {
    let refused = || Err(DeliveryError::permanent("550"));
    let invalid = || Err(DeliveryError::invalid_contact_point("550 5.1.1"));
    let both = json!({"on_skip": "skip", "on_error": "error"});
    // What the channels say, where it leads with an error branch, and where without.
    let cases = [
        (vec![refused(), refused()], "error", "skip"),
        (vec![invalid(), refused()], "error", "skip"),
        (vec![refused()], "next", "next"),
        (vec![Err(DeliveryError::unknown("lost"))], "error", "next"),
        (vec![], "next", "next"),
    ];
    for (answers, with, without) in cases {
        for (fields, end) in [(both.clone(), with), (json!({"on_skip": "skip"}), without)] {
            let mut shop = failing(fields);
            shop.answers(answers.clone());
            shop.event("2026-03-01T00:00:01Z", began("Begin"));
            shop.pass("2026-03-02T00:00:00Z");
            assert_eq!(shop.ended(), [end], "{answers:?}");
        }
    }
    // A skip is no failure, with or without an error branch.
    let mut shop = failing(both);
    shop.book = Playbook::from_json(
        &{
            let mut book = book(json!({"j": steps(json!([
                {"id": "m", "message": "mail", "next": "end", "on_skip": "skip", "on_error": "error"},
                {"id": "skip", "end": "skip"}, {"id": "error", "end": "error"}]))}));
            book["policy"] = json!({"topics_default": "opt_in"});
            book
        }
        .to_string(),
    )
    .unwrap();
    shop.event("2026-03-01T00:00:01Z", began("Begin"));
    assert_eq!(shop.ended(), ["skip"]);
}

#[test]
fn promise_6_9_a_run_that_ends_upon_a_failed_message_says_so() {
    let mut shop = Shop::new(book(json!({"j": steps(json!([{"id": "m", "message": "mail"}]))})));
    shop.event(START, known());
    shop.answers([Err(DeliveryError::permanent("550"))]);
    shop.event(START, began("Begin"));
    assert_eq!((shop.ended(), reason(&shop)), (vec!["failed".to_owned()], json!({"failed": "m: refused"})));
}

/// Says a note at once, then ends; an order within a week of the begin is the goal.
fn goal(more: Json) -> Shop {
    let mut journey = then_note(vec![]);
    journey["goal"] = json!({"event": "Order Completed", "within": "7d", "where": {"cart": {"trigger": "cart"}}});
    journey.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Shop::new(book(json!({"j": journey})))
}

fn order(cart: &str) -> Event {
    began("Order Completed").property("cart", cart)
}

#[test]
fn promise_6_6_a_goal_counts_within_its_window_also_after_the_run_and_once() {
    let cases = [
        ("2026-03-07T23:59:59Z", "c-1", 1),
        // The very instant at which the window ends is in it.
        ("2026-03-08T00:00:00Z", "c-1", 1),
        ("2026-03-08T00:00:01Z", "c-1", 0),
        ("2026-03-02T00:00:00Z", "c-2", 0),
    ];
    for (time, cart, counted) in cases {
        let mut shop = goal(json!({}));
        shop.event(START, began("Begin").property("cart", "c-1").property("secret", "x"));
        assert_eq!(shop.ended(), ["completed"]);
        assert_eq!((shop.state.goals.len(), shop.state.goals[0].data.len()), (1, 1));
        let stored = throughline::CustomerState::decode(&shop.state.encode(), &()).unwrap();
        assert_eq!(stored, shop.state);
        shop.event(time, order(cart));
        shop.event(time, order(cart));
        assert_eq!(goals(&shop), vec![false; counted], "{time} {cart}");
        assert_eq!(shop.state.goals.len(), 1 - counted);
    }
}

#[test]
fn promise_6_6_a_late_event_of_its_window_counts_and_one_of_before_does_not() {
    let mut shop = goal(json!({}));
    shop.event("2026-03-01T12:00:00Z", began("Begin").property("cart", "c-1"));
    shop.input(
        throughline::Input::Event(order("c-1").at(at("2026-03-01T11:00:00Z")).into()),
        at("2026-03-01T13:00:00Z"),
    );
    assert_eq!(goals(&shop), [false; 0]);
    shop.input(
        throughline::Input::Event(order("c-1").at(at("2026-03-02T11:00:00Z")).into()),
        at("2026-03-20T13:00:00Z"),
    );
    assert_eq!(goals(&shop), [false]);
}

#[test]
fn promise_6_6_a_goal_within_the_run_keeps_to_its_window() {
    for (time, ended) in [("2026-03-08T00:00:00Z", "goal"), ("2026-03-09T00:00:00Z", "completed")] {
        let mut journey = then_note(vec![json!({"id": "w", "wait": "10d"})]);
        journey["goal"] = json!({"event": "Order Completed", "within": "7d"});
        let mut shop = Shop::new(book(json!({"j": journey})));
        shop.event(START, began("Begin"));
        shop.event(time, began("Order Completed"));
        shop.pass("2026-04-01T00:00:00Z");
        assert_eq!((shop.ended(), goals(&shop).len()), (vec![ended.to_owned()], usize::from(ended == "goal")));
        assert!(goals(&shop).iter().all(|before| *before));
    }
}

#[test]
fn promise_6_6_an_exit_by_the_goals_own_event_is_told_as_the_goal_before_any_message() {
    let mut journey = then_note(vec![json!({"id": "w", "wait": "1d"})]);
    journey["goal"] = json!({"event": "Order Completed", "within": "7d"});
    journey["exit"] = json!([{"event": "Order Completed"}]);
    let mut shop = Shop::new(book(json!({"j": journey})));
    shop.event(START, began("Begin"));
    shop.event("2026-03-01T01:00:00Z", began("Order Completed"));
    shop.pass("2026-03-05T00:00:00Z");
    assert_eq!((shop.ended(), goals(&shop), shop.handed.len()), (vec!["exited".to_owned()], vec![true], 0));
}

#[test]
fn invariant_i15_only_so_many_ended_runs_are_remembered_for_their_goals() {
    let mut shop = goal(json!({"key": "cart", "entry": {"keyed": "1h"}}));
    for n in 0..100 {
        let time = at(START) + Span::minutes(n);
        shop.take(began("Begin").property("cart", format!("c-{n}").as_str()).at(time));
    }
    assert_eq!(shop.state.goals.len(), 32);
    // Each run has a goal of its own, told by its key.
    for n in [99, 98, 99, 3] {
        shop.take(order(&format!("c-{n}")).at(at("2026-03-02T00:00:00Z")));
    }
    assert_eq!(goals(&shop).len(), 2);
    // What no longer counts goes when the next run ends.
    shop.event("2026-03-20T00:00:00Z", began("Begin").property("cart", "new"));
    assert_eq!(shop.state.goals.len(), 1);
}
