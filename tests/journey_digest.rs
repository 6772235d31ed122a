//! Digests: events gathered under a key and sent as one message (promise 8.5).

mod shop;

use serde_json::{Value as Json, json};
use shop::{Shop, at, began, book};
use throughline::{Content, CustomerState, DeliveryError, Event, Input, Instant, Playbook, Rehearsal, Span};

const START: &str = "2026-03-01T00:00:00Z";

/// Tells of the sales in a section of the market.
fn sales(digest: Json, more: Json) -> Shop {
    Shop::new(market(digest, more))
}

fn market(digest: Json, more: Json) -> Json {
    let mut gathers = json!({"message": "sold", "keep": ["name"], "closes_after": "1h"});
    gathers.as_object_mut().unwrap().extend(digest.as_object().unwrap().clone());
    let mut journey = json!({
        "trigger": {"event": "Sold"}, "key": "section",
        "exit": [{"event": "Order Refunded", "where": {"order_id": {"trigger": "order_id"}}}],
        "steps": [{"id": "d", "digest": gathers, "next": "end", "on_skip": "skip"}, {"id": "skip", "end": "skipped"}]});
    journey.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut book = book(json!({"j": journey}));
    book["messages"]["sold"] = json!({"dedupe": "1ms", "variants": {"in_app": {
        "body": "{{ trigger.event_count }}:{% for sale in trigger.events %} {{ sale.name }}{% endfor %}"}}});
    book
}

fn sold(order: &str) -> Event {
    let event = began("Sold").property("section", "shoes").property("order_id", order);
    event.property("name", format!("n-{order}").as_str()).property("secret", "x")
}

fn told(shop: &Shop) -> Vec<String> {
    let text = |content: &Content| match content {
        Content::InApp(note) => note.body.clone(),
        _ => panic!("not in the app"),
    };
    shop.handed
        .iter()
        .map(|(at, envelope)| format!("{} {}", &at.to_string()[11..16], text(&envelope.content)))
        .collect()
}

fn stored_alike(shop: &Shop) {
    assert_eq!(CustomerState::decode(&shop.state.encode(), &()).unwrap(), shop.state);
}

#[test]
fn promise_8_5_ten_triggers_at_one_instant_are_one_message_with_ten_events() {
    let mut shop = sales(json!({}), json!({}));
    for n in 0..10 {
        shop.event(START, sold(&n.to_string()));
    }
    // A copy of one of them is none.
    shop.event(START, sold("10").id("m-1"));
    shop.event(START, sold("10").id("m-1"));
    stored_alike(&shop);
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(told(&shop), ["01:00 11: n-0 n-1 n-2 n-3 n-4 n-5 n-6 n-7 n-8 n-9 n-10"]);
    assert_eq!((shop.noted("run_begun"), shop.noted("run_gathered"), shop.noted("not_begun")), (1, 10, 0));
    assert_eq!((shop.ended(), shop.state.profile.contacts.len()), (vec!["completed".to_owned()], 1));
}

#[test]
fn promise_8_5_a_digest_closes_after_its_first_or_its_last_event_or_at_so_many() {
    let minutes = [0, 30, 55, 100, 170, 200];
    let cases = [
        (json!({}), vec!["01:00 3: n-0 n-30 n-55", "02:40 1: n-100", "03:50 2: n-170 n-200"]),
        (
            json!({"counting_from": "first", "at_most": "40m"}),
            vec!["00:40 2: n-0 n-30", "01:35 1: n-55", "02:20 1: n-100", "03:30 2: n-170 n-200"],
        ),
        (
            json!({"counting_from": "last", "at_most": "1d"}),
            vec!["02:40 4: n-0 n-30 n-55 n-100", "04:20 2: n-170 n-200"],
        ),
        (
            json!({"counting_from": "last", "at_most": "90m"}),
            vec!["01:30 3: n-0 n-30 n-55", "02:40 1: n-100", "04:20 2: n-170 n-200"],
        ),
        (json!({"events": 2}), vec!["00:30 2: n-0 n-30", "01:40 2: n-55 n-100", "03:20 2: n-170 n-200"]),
        (
            json!({"events": 1}),
            vec![
                "00:00 1: n-0",
                "00:30 1: n-30",
                "00:55 1: n-55",
                "01:40 1: n-100",
                "02:50 1: n-170",
                "03:20 1: n-200",
            ],
        ),
    ];
    for (digest, wanted) in cases {
        let mut shop = sales(digest.clone(), json!({}));
        for minute in minutes {
            shop.take(sold(&minute.to_string()).at(at(START) + Span::minutes(minute)));
        }
        shop.pass("2026-03-02T00:00:00Z");
        assert_eq!(told(&shop), wanted, "{digest}");
    }
}

#[test]
fn promise_8_5_an_exit_takes_its_event_out_and_an_empty_digest_is_dropped() {
    let mut shop = sales(json!({}), json!({}));
    for order in ["a", "b", "c"] {
        shop.event(START, sold(order));
    }
    shop.event("2026-03-01T00:10:00Z", began("Order Refunded").property("order_id", "b"));
    shop.event("2026-03-01T00:10:00Z", began("Order Refunded").property("order_id", "z"));
    stored_alike(&shop);
    shop.event("2026-03-01T00:20:00Z", sold("d"));
    shop.pass("2026-03-01T02:00:00Z");
    assert_eq!(told(&shop), ["01:00 3: n-a n-c n-d"]);
    // All of them out: nothing is sent, and the next one begins anew.
    shop.event("2026-03-02T00:00:00Z", sold("e"));
    shop.event("2026-03-02T00:10:00Z", began("Order Refunded").property("order_id", "e"));
    assert_eq!(shop.ended(), ["completed", "exited"]);
    shop.event("2026-03-02T00:30:00Z", sold("f"));
    // One that was refunded before it came is none.
    shop.event("2026-03-02T00:40:00Z", began("Order Refunded").property("order_id", "g"));
    shop.input(Input::Event(sold("g").at(at("2026-03-02T00:39:00Z")).into()), at("2026-03-02T00:41:00Z"));
    shop.pass("2026-03-03T00:00:00Z");
    assert_eq!(told(&shop)[1..], ["01:30 1: n-f"]);
    // An exit that names no property ends the whole.
    let mut shop =
        sales(json!({}), json!({"exit": [{"event": "Left"}, {"rule": {"attribute": "away", "equals": true}}]}));
    shop.event(START, sold("a"));
    shop.event(START, sold("b"));
    shop.event("2026-03-01T00:10:00Z", began("Left"));
    shop.pass("2026-03-03T00:00:00Z");
    assert_eq!((shop.ended(), shop.handed.len()), (vec!["exited".to_owned()], 0));
}

#[test]
fn promise_8_5_each_key_has_its_own_digest_and_without_a_key_there_is_one() {
    for (key, wanted) in [(json!("section"), 2), (Json::Null, 1)] {
        let mut shop = sales(json!({}), json!({"key": key}));
        shop.event(START, sold("a"));
        shop.event(START, sold("b").property("section", "hats"));
        shop.event(START, sold("c"));
        shop.pass("2026-03-02T00:00:00Z");
        assert_eq!(shop.handed.len(), wanted, "{key}");
    }
}

#[test]
fn promise_8_5_what_comes_while_the_closed_digest_waits_for_the_morning_is_in_it() {
    let mut market = market(json!({}), json!({}));
    market["policy"] = json!({"topics_default": "opt_out", "zone": "UTC"});
    market["policy"]["quiet_hours"] = json!({"window": "22:00-08:00", "spread": "0s"});
    market["messages"]["sold"]["variants"] = json!({"push": {"title": "Sold", "body": "{{ trigger.event_count }}"}});
    let mut shop = Shop::new(market);
    shop.hold_answers();
    shop.event(START, sold("a"));
    shop.event("2026-03-01T02:00:00Z", sold("b"));
    shop.pass("2026-03-01T08:00:00Z");
    let Content::Push(note) = &*shop.handed[0].1.content else { panic!("no push") };
    assert_eq!((shop.handed[0].0, &*note.body), (at("2026-03-01T08:00:00Z"), "2"));
    // Once it is out nothing joins it: what comes while it is under way begins nothing.
    shop.event("2026-03-01T08:00:10Z", sold("c"));
    assert_eq!((shop.noted("run_gathered"), shop.noted("not_begun")), (1, 1));
    let id = shop.handed[0].1.id;
    shop.input(Input::Settled { id, result: Ok(()) }, at("2026-03-01T08:00:20Z"));
    shop.event("2026-03-01T08:00:30Z", sold("d"));
    assert_eq!(shop.noted("run_begun"), 2);
}

#[test]
fn promise_8_5_a_refused_digest_is_one_message_that_failed() {
    let mut shop = sales(json!({}), json!({}));
    shop.answers([Err(DeliveryError::permanent("550"))]);
    shop.event(START, sold("a"));
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!((shop.handed.len(), shop.ended()), (1, vec!["skipped".to_owned()]));
}

#[test]
fn invariant_i15_of_more_than_a_hundred_events_only_the_number_is_kept() {
    let mut shop = sales(json!({}), json!({}));
    for n in 0..150 {
        shop.event(START, sold(&n.to_string()));
    }
    let throughline::Value::List(events) = shop.state.runs[0].data.get_str("events").unwrap() else {
        panic!("no list")
    };
    assert_eq!(events.len(), 100);
    assert!(!shop.state.encode().windows(6).any(|bytes| bytes == b"secret"));
    stored_alike(&shop);
    shop.event(START, began("Order Refunded").property("order_id", "7"));
    shop.pass("2026-03-02T00:00:00Z");
    assert!(told(&shop)[0].starts_with("01:00 149: n-0 n-1 "), "{:?}", told(&shop));
}

#[test]
fn promise_2_3_what_two_records_gathered_goes_out_as_one() {
    let playbook = Playbook::from_json(&market(json!({}), json!({})).to_string()).unwrap();
    let mut bodies: Vec<String> = Vec::new();
    let mut rehearsal = Rehearsal::new(playbook.into()).with_model(Hears(&mut bodies));
    for (n, who) in ["anna", "bert", "anna", "bert"].iter().enumerate() {
        let time = at(START) + Span::minutes(n as i64);
        rehearsal.event(sold(&n.to_string()).user(who).at(time)).unwrap();
    }
    rehearsal.merge("anna", "bert").unwrap();
    let summary = rehearsal.finish(None);
    assert_eq!((summary.handed_over, summary.journey("j").gathered), (1, 2));
    let mut words: Vec<&str> = bodies[0].split(' ').collect();
    words.sort_unstable();
    assert_eq!(words, ["4:", "n-0", "n-1", "n-2", "n-3"]);
}

struct Hears<'a>(&'a mut Vec<String>);

impl throughline::ChannelModel for Hears<'_> {
    fn send(&mut self, envelope: &throughline::Envelope, now: Instant) -> throughline::Modelled {
        if let Content::InApp(note) = &*envelope.content {
            self.0.push(note.body.clone());
        }
        throughline::Recording.send(envelope, now)
    }
}

#[test]
fn promise_6_1_a_digest_stands_first_in_a_journey_that_events_begin() {
    let faults = |journey: Json| -> Vec<String> {
        let faults = Playbook::from_json(&book(json!({"j": journey})).to_string()).unwrap_err();
        faults.iter().map(ToString::to_string).collect()
    };
    let digest = json!({"id": "d", "digest": {"message": "note", "closes_after": "1h"}});
    assert_eq!(
        faults(json!({"trigger": {"event": "Sold"}, "entry": "once", "exit": [{"event": "Gone"}], "steps": [
            digest, {"id": "e", "go": "d"}, {"id": "f", "digest": {"message": "note", "closes_after": "1h"}}]})),
        [
            "$.journeys.j.steps[2]: a digest is the first step of its journey",
            "$.journeys.j.steps[1]: nothing leads back to a digest: the next event begins another run",
            "$.journeys.j.entry: events join the digest of their `key`, and the next one begins after it; leave `entry` out",
            "$.journeys.j.steps[2]: no step leads here",
            "$.journeys.j.steps[0]: a cycle without a wait: d -> e; add a `wait` of some time, for what a `wait_until` waits for \
             may be now",
        ]
    );
    let wrong = faults(json!({"trigger": {"event": "Sold"}, "steps": [
        {"id": "d", "digest": {"message": "nose", "closes_after": "0s", "counting_from": "last", "events": 101, "keep": [""]}}]}));
    let places: Vec<&str> = wrong.iter().filter_map(|fault| fault.split(": ").next()).collect();
    let place = |more: &str| format!("$.journeys.j.steps[0].digest{more}");
    assert_eq!(places, [place(".message"), place(".closes_after"), place(""), place(".events"), place(".keep[0]")]);
    assert!(wrong[2].contains("say `at_most`"), "{wrong:?}");
}
