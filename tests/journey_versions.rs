//! Journeys change while runs are under way: versions, migration, pause (promises 6.1, 6.7, 6.8, 6.9).

mod rig;
mod shop;

use std::sync::Arc;

use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use shop::{Shop, at, began, book, known, steps};
use throughline::{
    Channel, ChannelSpec, Content, CustomerState, DeliveryError, EffectError, Engine, Envelope, Event, Fields, Input,
    Instant, Lack, LiveRuns, ManualClock, MemoryStore, Playbook, Span, What, async_trait,
};

const BEGIN: &str = "2026-03-01T10:00:00Z";

fn playbook(book: &Json) -> Playbook {
    Playbook::from_json(&book.to_string()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn faults(journey: Json) -> Vec<String> {
    let faults = Playbook::from_json(&book(json!({"j": journey})).to_string()).unwrap_err();
    faults.iter().map(|fault| fault.to_string()).collect()
}

impl Shop {
    /// Another playbook from now on.
    fn publish(&mut self, journey: Json) {
        self.book = playbook(&book(json!({"j": journey})));
    }

    fn begin(journey: Json) -> Shop {
        let mut shop = Shop::new(book(json!({"j": journey})));
        shop.event("2026-03-01T09:00:00Z", known());
        shop.event(BEGIN, began("Begin"));
        shop
    }

    fn not_begun(&self) -> Vec<&'static str> {
        let reasons = self.notes.iter().filter_map(|note| match note.what {
            What::NotBegun { reason, .. } => Some(reason),
            _ => None,
        });
        reasons.collect()
    }

    /// The step at which the only run stands.
    fn step(&self) -> String {
        let run = &self.state.runs[0];
        let journey = self.book.journeys().find(|journey| journey.version() == run.version).unwrap();
        journey.step_name(run.place.step).to_owned()
    }
}

/// Waits so long, then says a message.
fn waits(span: &str, message: &str) -> Json {
    steps(json!([{"id": "w", "wait": span}, {"id": "say", "message": message}]))
}

fn version(version: u32, mut journey: Json) -> Json {
    journey["version"] = version.into();
    journey
}

fn with(mut journey: Json, field: &str, value: Json) -> Json {
    journey[field] = value;
    journey
}

// Versions.

#[test]
fn promise_6_7_a_run_keeps_the_version_that_it_began_with_and_a_new_one_takes_new_entries() {
    let old = waits("10d", "note");
    let mut shop = Shop::begin(with(old.clone(), "entry", json!({"cooldown": "1h"})));
    shop.publish(with(version(2, waits("1d", "other")), "earlier", json!([with(old, "entry", json!("once"))])));
    shop.pass("2026-03-20T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-11T10:00:00Z note in_app"]);
    shop.event("2026-03-20T10:00:00Z", began("Begin"));
    shop.pass("2026-04-20T00:00:00Z");
    assert_eq!(shop.sent()[1..], ["2026-03-21T10:00:00Z other in_app"]);
}

#[test]
fn promise_6_1_two_definitions_of_one_version_and_one_that_is_not_earlier_are_faults() {
    let of = |n: u32| version(n, waits("1d", "note"));
    let twice = faults(with(of(3), "earlier", json!([of(1), of(2), of(1)])));
    assert_eq!(
        twice,
        ["$.journeys.j.earlier[2]: a second definition of version 1; a run must know which one it began with"]
    );
    let later = faults(with(of(3), "earlier", json!([of(3), of(4)])));
    assert!(later[0].contains("version 3 is not earlier than version 3; raise the `version` of the journey above"));
    assert_eq!(later.len(), 2);
    // Faults of an earlier version are told at its own place, all at once with the others.
    let broken = faults(with(of(2), "earlier", json!([steps(json!([{"id": "w", "wait": "soon"}]))])));
    assert!(broken[0].starts_with("$.journeys.j.earlier[0].steps[0].wait"), "{broken:?}");
    let nested = faults(with(of(2), "earlier", json!([with(of(1), "paused", json!(true))])));
    assert!(nested[0].starts_with("$.journeys.j.earlier[0].paused: unknown field"), "{nested:?}");
}

#[test]
fn promise_6_7_other_steps_in_another_order_under_one_version_move_no_run() {
    let mut shop = Shop::begin(steps(json!([
        {"id": "a", "wait": "2d"}, {"id": "say", "message": "note", "next": "end"}
    ])));
    // New steps before it, and itself at the end of the list.
    shop.publish(steps(json!([
        {"id": "first", "message": "other"}, {"id": "second", "wait": "1h", "next": "a"},
        {"id": "say", "message": "note", "next": "end"}, {"id": "a", "wait": "2d", "next": "say"}
    ])));
    assert_eq!(shop.step(), "a");
    shop.pass("2026-04-01T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-03T10:00:00Z note in_app"]);
    assert_eq!(shop.ended(), ["completed"]);
}

#[test]
fn promise_6_9_a_run_whose_step_is_gone_or_of_another_kind_ends_with_a_reason_and_goes_to_no_other() {
    for changed in [
        json!([{"id": "b", "wait": "2d"}, {"id": "say", "message": "note"}]),
        json!([{"id": "a", "message": "note"}]),
        json!([{"id": "a", "wait_until": {"time": "10:00"}}]),
    ] {
        let mut shop = Shop::begin(steps(json!([{"id": "a", "wait": "2d"}, {"id": "say", "message": "note"}])));
        shop.publish(steps(changed));
        shop.pass("2026-04-01T00:00:00Z");
        assert_eq!(shop.handed.len(), 0);
        assert_eq!(shop.ended(), ["stuck"]);
        let told = shop.notes.iter().any(|note| format!("{:?}", note.what).contains("raise the version when steps go"));
        assert!(told, "{:?}", shop.notes);
    }
}

#[test]
fn promise_6_9_a_run_whose_version_is_gone_ends_with_what_to_do() {
    let mut shop = Shop::begin(waits("2d", "note"));
    shop.publish(version(2, waits("2d", "note")));
    shop.pass("2026-04-01T00:00:00Z");
    assert_eq!(shop.ended(), ["stuck"]);
    let reason = "version 1 of the journey is not in the playbook: keep it under `earlier`, and `migrate` its runs";
    assert!(shop.notes.iter().any(|note| format!("{:?}", note.what).contains(reason)));
}

// Migration.

/// A new version of these steps that takes over the old one's runs by this map.
fn taking_over(old: &Json, new: Json, map: Json) -> Json {
    let new = version(2, steps(new));
    with(with(new, "earlier", json!([old])), "migrate", json!({"from": 1, "steps": map}))
}

#[test]
fn promise_6_7_a_migration_moves_a_run_at_its_step_and_keeps_since_when() {
    let old = waits("10d", "note");
    let mut shop = Shop::begin(old.clone());
    shop.publish(taking_over(
        &old,
        json!([{"id": "new", "message": "mail"}, {"id": "later", "wait": "4d"}, {"id": "say", "message": "other"}]),
        json!({"w": "later"}),
    ));
    shop.input(Input::Wake, at("2026-03-02T10:00:00Z"));
    assert_eq!((shop.state.runs[0].version, shop.step().as_str()), (2, "later"));
    assert_eq!(shop.noted("run_migrated"), 1);
    shop.pass("2026-04-01T00:00:00Z");
    // It counts from when the run came to the old step, and goes on as the new version says.
    assert_eq!(shop.sent(), ["2026-03-05T10:00:00Z other in_app"]);
    assert_eq!((shop.noted("run_migrated"), shop.ended()), (1, vec!["completed".to_owned()]));
}

#[test]
fn promise_6_7_a_step_of_the_same_name_needs_no_entry_and_one_that_is_gone_does() {
    let old = steps(json!([{"id": "w", "wait": "10d"}, {"id": "x", "wait": "1d"}, {"id": "say", "message": "note"}]));
    let new = json!([{"id": "say", "message": "note"}, {"id": "y", "wait": "1d"}, {"id": "w", "wait": "1d"}]);
    let told = faults(taking_over(&old, new.clone(), json!({})));
    assert_eq!(
        told,
        [
            "$.journeys.j.migrate: does not say where a run goes on that stands at `x` of version 1, which version 2 does \
          not have; add \"x\": \"<a step, or end>\" to `steps`"
        ]
    );
    let told = faults(taking_over(&old, new.clone(), json!({"x": "why", "zzzzz": "end", "w": 7})));
    let expected = [
        "$.journeys.j.migrate.steps.w: expected text, found a number",
        "$.journeys.j.migrate.steps.x: version 2 has no step `why`",
        "$.journeys.j.migrate.steps.zzzzz: version 1 has no step `zzzzz`",
    ];
    assert_eq!(told, expected);
    let mut shop = Shop::begin(old.clone());
    shop.publish(taking_over(&old, new, json!({"x": "end"})));
    shop.pass("2026-04-01T00:00:00Z");
    assert_eq!((shop.handed.len(), shop.noted("run_migrated"), shop.ended()), (0, 1, vec!["completed".to_owned()]));
}

#[test]
fn promise_6_7_a_migration_names_an_earlier_version_that_is_there() {
    let of = |n: u32, from: Json| with(version(n, waits("1d", "note")), "migrate", json!({"from": from}));
    let told = faults(of(3, json!(1)));
    assert!(told[0].starts_with("$.journeys.j.migrate.from: version 1 is not under `earlier`; keep it"), "{told:?}");
    let told = faults(of(3, json!(3)));
    assert_eq!(told, ["$.journeys.j.migrate.from: version 3 is not earlier than version 3"]);
    let twice = with(version(3, waits("1d", "note")), "migrate", json!([{"from": 1}, {"from": 1}]));
    let told = faults(with(twice, "earlier", json!([waits("1d", "note")])));
    assert_eq!(told, ["$.journeys.j.migrate[1]: says a second time where the runs of version 1 go on"]);
}

#[test]
fn promise_6_7_a_step_mapped_to_the_end_ends_its_runs_as_migrated() {
    let old = waits("10d", "note");
    let mut shop = Shop::begin(old.clone());
    shop.publish(taking_over(&old, json!([{"id": "say", "message": "note"}]), json!({"w": "end"})));
    shop.input(Input::Wake, at("2026-03-02T10:00:00Z"));
    assert_eq!((shop.ended(), shop.handed.len()), (vec!["migrated".to_owned()], 0));
}

#[test]
fn promise_6_7_runs_go_on_through_several_versions_at_once() {
    let one = waits("10d", "note");
    let of = |n: u32, name: &str, from: u32, map: Json| {
        let new = steps(json!([{"id": name, "wait": "10d"}, {"id": "say", "message": "other"}]));
        with(version(n, new), "migrate", json!({"from": from, "steps": map}))
    };
    let two = of(2, "w2", 1, json!({"w": "w2"}));
    let three = of(3, "w3", 2, json!({"w2": "w3"}));
    let mut shop = Shop::begin(one.clone());
    shop.publish(with(three, "earlier", json!([two, one])));
    shop.input(Input::Wake, at("2026-03-02T10:00:00Z"));
    assert_eq!((shop.state.runs[0].version, shop.step().as_str(), shop.noted("run_migrated")), (3, "w3", 2));
    shop.pass("2026-04-01T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-11T10:00:00Z other in_app"]);
}

/// A mail whose answer is not known yet, and the versions that take it over: what the new step is, how the provider
/// answers, and what goes out in all.
#[test]
fn promise_6_7_what_was_asked_for_follows_the_run_to_a_step_that_asks_for_the_same_and_is_let_go_elsewhere() {
    let old = steps(
        json!([{"id": "m", "message": "everywhere"}, {"id": "w", "wait": "1d"}, {"id": "n", "message": "other"}]),
    );
    let same =
        json!([{"id": "renamed", "message": "everywhere"}, {"id": "w", "wait": "2d"}, {"id": "n", "message": "note"}]);
    let apart = json!([{"id": "w", "wait": "2d"}, {"id": "n", "message": "note"}]);
    for (new, to) in [(same, "renamed"), (apart, "w")] {
        let mut shop = Shop::new(book(json!({"j": old})));
        shop.event("2026-03-01T09:00:00Z", known());
        shop.hold_answers();
        shop.event(BEGIN, began("Begin"));
        shop.publish(taking_over(&old, new, json!({"m": to})));
        shop.input(Input::Wake, at("2026-03-01T10:00:10Z"));
        assert_eq!(shop.step(), to);
        let id = shop.handed[0].1.id;
        shop.input(Input::Settled { id, result: Ok(()) }, at("2026-03-01T10:00:20Z"));
        shop.pass("2026-04-01T00:00:00Z");
        let sent: Vec<_> = shop.handed.iter().map(|(at, e)| format!("{at} {}", e.message.id)).collect();
        assert_eq!(sent, ["2026-03-01T10:00:00Z everywhere", "2026-03-03T10:00:00Z note"], "{to}");
    }
}

#[test]
fn promise_6_7_a_refused_message_takes_the_next_channel_also_after_a_migration() {
    let old = steps(json!([{"id": "m", "message": "everywhere"}]));
    let mut shop = Shop::new(book(json!({"j": old})));
    shop.event("2026-03-01T09:00:00Z", known());
    shop.hold_answers();
    shop.event(BEGIN, began("Begin"));
    shop.publish(taking_over(&old, json!([{"id": "n", "message": "everywhere"}]), json!({"m": "n"})));
    let id = shop.handed[0].1.id;
    let no = DeliveryError::permanent("no");
    shop.input(Input::Settled { id, result: Err(no) }, at("2026-03-01T10:00:20Z"));
    let channels: Vec<_> = shop.handed.iter().map(|(_, e)| e.channel.id.as_str().to_owned()).collect();
    assert_eq!(channels.len(), 2);
    assert_ne!(channels[0], channels[1]);
}

#[test]
fn promise_6_7_a_cascade_goes_on_where_it_was_also_with_fewer_attempts() {
    let cascade = |name: &str, attempts: Json| {
        json!([
            {"id": name, "cascade": {"message": "everywhere", "attempts": attempts}}, {"id": "n", "message": "note"}
        ])
    };
    let three = json!([{"channels": ["email"], "wait": "1d"}, {"channels": ["push"], "wait": "1d"}, {"channels": ["in_app"], "wait": "1d"}]);
    for (fewer, sent) in [
        (json!([{"channels": ["email"], "wait": "1d"}]), 3),
        (json!([{"channels": ["email"], "wait": "1d"}, {"channels": ["push"]}]), 3),
        (
            json!([{"channels": ["email"], "wait": "1d"}, {"channels": ["push"], "wait": "2d"}, {"channels": ["in_app"]}]),
            4,
        ),
    ] {
        let old = steps(cascade("c", three.clone()));
        let mut shop = Shop::begin(old.clone());
        shop.pass("2026-03-02T12:00:00Z");
        assert_eq!(shop.handed.len(), 2);
        shop.publish(taking_over(&old, cascade("d", fewer.clone()), json!({"c": "d"})));
        shop.input(Input::Wake, at("2026-03-02T13:00:00Z"));
        shop.pass("2026-04-01T00:00:00Z");
        assert_eq!(
            (shop.handed.len(), shop.ended()),
            (sent, vec!["completed".to_owned()]),
            "{fewer}: {:?}",
            shop.sent()
        );
    }
}

#[test]
fn promise_6_7_a_deferred_message_follows_the_run_with_its_deadline() {
    let quiet = |journey: Json| {
        let mut book = book(json!({"j": journey}));
        book["policy"] = json!({"zone": "UTC", "topics_default": "opt_out", "quiet_hours": {"window": "22:00-08:00", "spread": "0s"}});
        book["messages"]["push"]["valid_for"] = "20h".into();
        book
    };
    let old = steps(json!([{"id": "m", "message": "push"}]));
    for (new, sent) in [
        (json!([{"id": "n", "message": "push"}]), vec!["push"]),
        (json!([{"id": "n", "wait": "1d"}, {"id": "o", "message": "note"}]), vec!["note"]),
    ] {
        let mut shop = Shop::new(quiet(old.clone()));
        shop.event("2026-03-01T09:00:00Z", shop::device(known(), "t"));
        shop.event("2026-03-01T23:00:00Z", began("Begin"));
        assert!(shop.state.runs[0].pending.is_some());
        shop.book = playbook(&quiet(taking_over(&old, new, json!({"m": "n"}))));
        shop.pass("2026-04-01T00:00:00Z");
        let said: Vec<_> = shop.handed.iter().map(|(_, e)| e.message.id.as_str().to_owned()).collect();
        assert_eq!(said, sent, "{:?}", shop.skipped());
    }
}

// Pause.

/// A journey that is paused now and was not when the run began.
fn paused(journey: &Json) -> Json {
    with(journey.clone(), "paused", json!(true))
}

#[test]
fn promise_6_7_a_paused_journey_takes_no_step_is_not_woken_in_a_loop_and_catches_up_once() {
    let journey = with(waits("2d", "note"), "entry", json!({"cooldown": "1h"}));
    let mut shop = Shop::begin(journey.clone());
    shop.publish(paused(&journey));
    assert_eq!(shop.state.due(), at("2026-03-03T10:00:00Z"));
    shop.pass("2026-03-10T00:00:00Z");
    assert_eq!((shop.state.due(), shop.handed.len(), shop.step().as_str()), (Instant::MAX, 0, "w"));
    shop.event("2026-03-11T00:00:00Z", began("Begin"));
    assert_eq!(shop.not_begun(), ["paused"]);
    assert!(shop.state.paused);

    shop.publish(journey);
    assert!(shop.book.journeys().count() == 1 && shop.state.due() == Instant::MAX, "found by the next touch");
    shop.input(Input::Wake, at("2026-03-12T10:00:00Z"));
    shop.input(Input::Wake, at("2026-03-12T10:00:01Z"));
    assert_eq!(shop.sent(), ["2026-03-12T10:00:00Z note in_app"]);
    assert_eq!((shop.ended(), shop.state.paused), (vec!["completed".to_owned()], false));
    shop.event("2026-03-13T00:00:00Z", began("Begin"));
    assert_eq!(shop.noted("run_begun"), 2);
}

#[test]
fn promise_6_7_a_short_pause_changes_nothing() {
    let journey = waits("2d", "note");
    let mut shop = Shop::begin(journey.clone());
    shop.publish(paused(&journey));
    shop.input(Input::Wake, at("2026-03-01T11:00:00Z"));
    shop.publish(journey);
    shop.input(Input::Wake, at("2026-03-01T12:00:00Z"));
    shop.pass("2026-04-01T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-03T10:00:00Z note in_app"]);
}

#[test]
fn promise_6_7_what_fell_due_in_a_pause_fires_in_the_order_in_which_it_did() {
    let keyed = |span: &str| {
        with(
            with(
                steps(json!([{"id": "w", "wait": span}, {"id": "u", "update": {"attribute": "last", "value": span}}])),
                "key",
                json!("order_id"),
            ),
            "entry",
            json!("keyed"),
        )
    };
    let both = |paused: bool| {
        let mut later = with(keyed("3d"), "paused", json!(paused));
        later["trigger"]["event"] = "Begin".into();
        book(json!({"a": later, "b": with(keyed("2d"), "paused", json!(paused))}))
    };
    let mut shop = Shop::new(both(false));
    shop.around.explain = true;
    shop.event(BEGIN, began("Begin").property("order_id", "o"));
    shop.book = playbook(&both(true));
    shop.pass("2026-03-20T00:00:00Z");
    shop.book = playbook(&both(false));
    shop.input(Input::Wake, at("2026-03-20T00:00:00Z"));
    let ended: Vec<_> = shop
        .notes
        .iter()
        .filter_map(|note| match &note.what {
            What::RunEnded { run, .. } => Some(run.journey.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(ended, ["b", "a"]);
}

#[test]
fn promise_6_6_exits_and_goals_act_while_the_journey_is_paused() {
    for (field, rule, event, reason) in [
        ("exit", json!([{"event": "Order Completed"}]), "Order Completed", "exited"),
        ("goal", json!({"event": "Order Completed"}), "Order Completed", "goal"),
        ("exit", json!([{"rule": {"event": "Page Viewed", "count": {"at_least": 1}}}]), "Page Viewed", "exited"),
    ] {
        let journey = with(waits("2d", "note"), field, rule);
        let mut shop = Shop::begin(journey.clone());
        shop.publish(paused(&journey));
        shop.event("2026-03-05T10:00:00Z", began(event));
        assert_eq!((shop.ended(), shop.handed.len()), (vec![reason.to_owned()], 0), "{event}");
        assert_eq!(shop.noted("goal"), usize::from(reason == "goal"));
    }
}

#[test]
fn promise_6_6_an_exit_rule_that_holds_by_time_alone_acts_in_a_pause_at_its_instant() {
    let rule = json!([{"rule": {"not": {"event": "Page Viewed", "within": "7d"}}}]);
    let journey = with(waits("30d", "note"), "exit", rule);
    let mut shop = Shop::new(book(json!({"j": journey})));
    shop.event("2026-03-01T09:00:00Z", began("Page Viewed"));
    shop.event(BEGIN, began("Begin"));
    shop.publish(paused(&journey));
    shop.input(Input::Wake, at("2026-03-02T00:00:00Z"));
    assert_eq!(shop.state.due(), at("2026-03-08T09:00:00Z"));
    shop.event("2026-03-03T09:00:00Z", began("Page Viewed"));
    shop.pass("2026-03-30T00:00:00Z");
    let end = shop.notes.iter().find(|note| matches!(note.what, What::RunEnded { .. })).unwrap();
    assert_eq!((end.at, shop.ended()), (at("2026-03-10T09:00:00Z"), vec!["exited".to_owned()]));
}

#[test]
fn promise_6_5_an_event_in_a_pause_counts_when_the_journey_is_resumed() {
    let journey = steps(json!([
        {"id": "w", "wait_for": {"event": "Answer", "timeout": "2d"}, "then": "yes", "else": "no"},
        {"id": "yes", "message": "note", "next": "end"}, {"id": "no", "message": "other", "next": "end"}
    ]));
    for (answered, sent) in
        [(Some("2026-03-02T10:00:00Z"), "note"), (Some("2026-03-04T10:00:00Z"), "other"), (None, "other")]
    {
        for resumed in ["2026-03-02T12:00:00Z", "2026-03-20T00:00:00Z"] {
            let mut shop = Shop::begin(journey.clone());
            shop.publish(paused(&journey));
            if let Some(answered) = answered.filter(|answered| at(answered) < at(resumed)) {
                shop.event(answered, began("Answer"));
            }
            shop.pass(resumed);
            assert_eq!(shop.handed.len(), 0);
            shop.publish(journey.clone());
            shop.input(Input::Wake, at(resumed));
            let later = answered.filter(|answered| at(answered) > at(resumed));
            later.into_iter().for_each(|answered| shop.event(answered, began("Answer")));
            shop.pass("2026-04-01T00:00:00Z");
            assert_eq!(shop.handed.len(), 1);
            assert_eq!(shop.handed[0].1.message.id.as_str(), sent, "{answered:?} {resumed}");
        }
    }
}

#[test]
fn promise_6_7_an_answer_of_a_channel_in_a_pause_is_heard_when_the_journey_is_resumed() {
    let journey =
        steps(json!([{"id": "m", "message": "everywhere"}, {"id": "w", "wait": "1d"}, {"id": "n", "message": "note"}]));
    for (answer, messages) in [(Ok(()), 2), (Err(DeliveryError::permanent("no")), 3)] {
        let mut shop = Shop::new(book(json!({"j": journey})));
        shop.event("2026-03-01T09:00:00Z", known());
        shop.hold_answers();
        shop.event(BEGIN, began("Begin"));
        shop.publish(paused(&journey));
        let id = shop.handed[0].1.id;
        shop.input(Input::Settled { id, result: answer }, at("2026-03-01T10:00:20Z"));
        shop.pass("2026-03-02T00:00:00Z");
        assert_eq!((shop.handed.len(), shop.step().as_str()), (1, "m"));
        shop.publish(journey.clone());
        shop.input(Input::Wake, at("2026-03-02T00:00:00Z"));
        for n in 1..messages {
            if let Some(id) = shop.handed.get(n).map(|(_, envelope)| envelope.id) {
                shop.input(Input::Settled { id, result: Ok(()) }, at("2026-03-02T00:00:20Z"));
            }
        }
        shop.pass("2026-04-01T00:00:00Z");
        assert_eq!(shop.handed.len(), messages, "{:?}", shop.sent());
    }
}

#[test]
fn promise_8_2_engagement_in_a_pause_stops_the_cascade() {
    let of = |stops: Json| {
        steps(json!([
            {"id": "c", "cascade": {"message": "everywhere", "stops_on": stops,
                "attempts": [{"channels": ["email"], "wait": "2d"}, {"channels": ["push"]}]}, "engaged": "end"},
            {"id": "n", "message": "note"}
        ]))
    };
    let opened =
        |shop: &Shop| Event::track("Email Opened").property("envelope_id", shop.handed[0].1.id.to_string().as_str());
    for (stops, by_receipt) in [(json!(["open"]), true), (json!({"event": "Offer Taken"}), false)] {
        let journey = of(stops);
        let mut shop = Shop::begin(journey.clone());
        shop.publish(paused(&journey));
        let event = if by_receipt { opened(&shop) } else { began("Offer Taken") };
        shop.event("2026-03-02T10:00:00Z", event);
        shop.pass("2026-03-10T00:00:00Z");
        assert_eq!(shop.state.runs.len(), 1);
        shop.publish(journey);
        shop.input(Input::Wake, at("2026-03-10T00:00:00Z"));
        shop.pass("2026-04-01T00:00:00Z");
        assert_eq!(
            (shop.handed.len(), shop.ended()),
            (1, vec!["completed".to_owned()]),
            "{by_receipt}: {:?}",
            shop.sent()
        );
    }
}

#[test]
fn promise_6_7_nothing_is_tried_again_in_a_pause() {
    let journey = steps(json!([{"id": "m", "message": "note"}]));
    let mut shop = Shop::new(book(json!({"j": journey})));
    shop.event("2026-03-01T09:00:00Z", known());
    shop.answers([Err(DeliveryError::transient("later"))]);
    shop.event(BEGIN, began("Begin"));
    shop.publish(paused(&journey));
    shop.pass("2026-03-01T22:00:00Z");
    assert_eq!((shop.handed.len(), shop.state.paused), (1, true));
    assert!(shop.state.due() > at("2026-03-02T00:00:00Z"));
    shop.publish(journey);
    shop.input(Input::Wake, at("2026-03-02T00:00:00Z"));
    shop.pass("2026-04-01T00:00:00Z");
    assert_eq!((shop.handed.len(), shop.ended(), shop.state.paused), (2, vec!["completed".to_owned()], false));
}

#[test]
fn promise_6_7_what_the_host_answers_in_a_pause_is_heard_when_the_journey_is_resumed() {
    let journey = steps(json!([
        {"id": "coupon", "call": {"effect": "issue_coupon"}, "next": "say", "on_error": "sorry"},
        {"id": "say", "message": "told", "next": "end"}, {"id": "sorry", "message": "other"}]));
    let listed = |journey: &Json| {
        let mut book = book(json!({"j": journey}));
        book["effects"] = json!({"issue_coupon": {"retry": {"attempts": 1}}});
        book["messages"]["told"] = json!({"variants": {"in_app": {"body": "Take {{ trigger.coupon.code }}."}}});
        book
    };
    let code: Fields = [("code".into(), "X-1".into())].into_iter().collect();
    for (result, message) in
        [(Ok(code), "told"), (Err(EffectError::failed("no")), "other"), (Err(EffectError::for_now("busy")), "other")]
    {
        let mut shop = Shop::new(listed(&journey));
        shop.hold_answers();
        shop.event(BEGIN, began("Begin"));
        shop.answer_again();
        let id = shop.called[0].1.id;
        shop.book = playbook(&listed(&paused(&journey)));
        shop.event("2026-03-01T11:00:00Z", began("Else"));
        let after = |minutes: i64| at("2026-03-01T11:00:00Z") + Span::minutes(minutes);
        shop.input(Input::Answered { id, result }, after(1));
        // A second answer changes nothing, and no time passes that would.
        shop.input(Input::Answered { id, result: Err(EffectError::failed("late")) }, after(2));
        shop.pass("2026-03-05T00:00:00Z");
        assert_eq!((shop.handed.len(), shop.noted("effect_ended"), shop.step()), (0, 1, "coupon".to_owned()));
        assert_eq!(CustomerState::decode(&shop.state.encode(), &()).unwrap(), shop.state);
        shop.book = playbook(&listed(&journey));
        shop.event("2026-03-05T10:00:00Z", began("Else"));
        assert_eq!(shop.sent(), [format!("2026-03-05T10:00:00Z {message} in_app")]);
        assert_eq!((shop.noted("effect_ended"), shop.ended()), (1, vec!["completed".to_owned()]));
    }
}

#[test]
fn promise_6_7_a_call_that_goes_elsewhere_is_withdrawn_and_one_that_stays_is_answered() {
    let journey =
        |effect: &str| steps(json!([{"id": "c", "call": {"effect": effect}}, {"id": "say", "message": "note"}]));
    let listed = |journey: &Json| {
        let mut book = book(json!({"j": journey}));
        book["effects"] = json!({"coupon": {}, "ticket": {}});
        book
    };
    for (effect, ends) in [("coupon", vec!["done"]), ("ticket", vec!["abandoned", "done"])] {
        let old = journey("coupon");
        let mut shop = Shop::new(listed(&old));
        shop.hold_answers();
        shop.event(BEGIN, began("Begin"));
        let new = with(version(2, journey(effect)), "earlier", json!([old]));
        shop.book = playbook(&listed(&with(new, "migrate", json!({"from": 1}))));
        shop.event("2026-03-01T11:00:00Z", began("Else"));
        shop.answer_again();
        let last = shop.called.last().unwrap().1.clone();
        assert_eq!(last.effect.as_str(), effect);
        shop.input(Input::Answered { id: last.id, result: Ok(Fields::new()) }, at("2026-03-01T12:00:00Z"));
        let how = shop.notes.iter().filter_map(|note| match &note.what {
            What::EffectEnded { how, .. } => Some(how.word()),
            _ => None,
        });
        assert_eq!(how.collect::<Vec<_>>(), ends);
        assert_eq!((shop.handed.len(), shop.ended()), (1, vec!["completed".to_owned()]));
    }
}

#[test]
fn promise_8_5_a_digest_gathers_on_in_a_pause_and_what_is_taken_out_of_it_is_gone() {
    let journey = json!({
        "trigger": {"event": "Sold"}, "key": "shop", "exit": [{"event": "Back", "where": {"order": {"trigger": "order"}}}],
        "steps": [{"id": "d", "digest": {"message": "told", "keep": ["order"], "closes_after": "1h"}}]});
    let listed = |journey: &Json| {
        let mut book = book(json!({"j": journey}));
        book["messages"]["told"] = json!({"variants": {"in_app": {
            "body": "{% for sale in trigger.events %}{{ sale.order }} {% endfor %}"}}});
        book
    };
    let of = |event: &str, order: &str| began(event).property("shop", "s").property("order", order);
    for back in [false, true] {
        let mut shop = Shop::new(listed(&journey));
        shop.event(BEGIN, of("Sold", "a"));
        shop.book = playbook(&listed(&paused(&journey)));
        shop.event("2026-03-01T10:10:00Z", of("Sold", "b"));
        shop.event("2026-03-01T10:20:00Z", of("Back", "a"));
        if back {
            shop.event("2026-03-01T10:30:00Z", of("Back", "b"));
            assert_eq!((shop.state.runs.len(), shop.ended()), (0, vec!["exited".to_owned()]));
        }
        shop.pass("2026-03-02T00:00:00Z");
        assert_eq!(shop.handed.len(), 0);
        shop.book = playbook(&listed(&journey));
        shop.event("2026-03-02T10:00:00Z", began("Else"));
        let texts = shop.handed.iter().map(|(_, envelope)| match &*envelope.content {
            Content::InApp(note) => note.body.clone(),
            _ => panic!("not in the app"),
        });
        assert_eq!(texts.collect::<Vec<_>>(), if back { vec![] } else { vec!["b ".to_owned()] });
    }
}

#[test]
fn promise_6_7_runs_stay_in_their_version_in_a_pause_and_migrate_when_it_is_over() {
    let old = waits("2d", "note");
    let new =
        taking_over(&old, json!([{"id": "v", "wait": "4d"}, {"id": "say", "message": "other"}]), json!({"w": "v"}));
    let mut shop = Shop::begin(old);
    shop.publish(paused(&new));
    shop.pass("2026-03-10T00:00:00Z");
    assert_eq!((shop.state.runs[0].version, shop.noted("run_migrated")), (1, 0));
    shop.publish(new);
    shop.input(Input::Wake, at("2026-03-10T00:00:00Z"));
    assert_eq!((shop.sent(), shop.noted("run_migrated")), (vec!["2026-03-10T00:00:00Z other in_app".to_owned()], 1));
}

// Many customers: enrolment and the check before.

#[derive(Debug)]
struct Silent(ChannelSpec);

#[async_trait]
impl Channel for Silent {
    fn spec(&self) -> &ChannelSpec {
        &self.0
    }

    async fn send(&self, _: &Envelope) -> Result<throughline::Accepted, DeliveryError> {
        Ok(throughline::Accepted::default())
    }
}

fn engine(book: &Json, store: &Arc<MemoryStore>, now: &str) -> Engine {
    let playbook = Arc::new(playbook(book));
    let mut builder = Engine::builder(playbook.clone()).store(store.clone()).clock(ManualClock::at(at(now)));
    for spec in playbook.channels() {
        builder = builder.channel(Silent(spec.clone()));
    }
    builder.build().unwrap()
}

async fn all(engine: &Engine) -> usize {
    let (mut after, mut evaluated) = (None, 0);
    loop {
        let page = engine.enroll(after, 7).await.unwrap();
        evaluated += page.evaluated;
        after = page.next;
        if after.is_none() {
            return evaluated;
        }
    }
}

async fn checked(engine: &Engine, next: &Json) -> LiveRuns {
    let (mut runs, mut after) = (LiveRuns::default(), None);
    let next = playbook(next);
    loop {
        after = engine.check(&next, &mut runs, after, 7).await.unwrap().next;
        if after.is_none() {
            return runs;
        }
    }
}

/// So many customers in the midst of a journey.
fn crowd(book: &Json, customers: usize) -> (Arc<MemoryStore>, Engine) {
    let store = Arc::new(MemoryStore::new());
    let engine = engine(book, &store, BEGIN);
    block_on(async {
        for n in 0..customers {
            engine.ingest(Event::track("Begin").user(&format!("c{n}")).at(at(BEGIN))).await.unwrap();
        }
        engine.run_due().await.unwrap();
    });
    (store, engine)
}

#[test]
fn promise_6_7_enrolment_moves_and_resumes_everybody_once() {
    let old = waits("2d", "note");
    let (store, _) = crowd(&book(json!({"j": old})), 20);
    let new =
        taking_over(&old, json!([{"id": "v", "wait": "4d"}, {"id": "say", "message": "other"}]), json!({"w": "v"}));
    let halted = engine(&book(json!({"j": paused(&new)})), &store, "2026-03-09T00:00:00Z");
    block_on(async {
        assert_eq!((all(&halted).await, all(&halted).await), (20, 0));
        assert_eq!(halted.run_due().await.unwrap().handed_over, 0);
        assert_eq!(halted.next_due().await.unwrap(), None, "nobody is woken in a pause");
    });
    let resumed = engine(&book(json!({"j": new})), &store, "2026-03-10T00:00:00Z");
    block_on(async {
        assert_eq!((all(&resumed).await, all(&resumed).await), (20, 0));
        assert_eq!(resumed.run_due().await.unwrap().handed_over, 20);
    });
}

#[test]
fn promise_6_8_whom_a_paused_journey_would_have_taken_in_it_takes_in_when_it_is_resumed() {
    let of = |paused: bool| {
        let mut book = book(json!({"j": {"trigger": {"entered": "s", "present_members": true}, "paused": paused,
            "steps": [{"id": "say", "message": "note"}]}}));
        book["segments"] = json!({"s": {"event": "Begin"}});
        book
    };
    let (store, _) = crowd(&of(true), 5);
    let resumed = engine(&of(false), &store, "2026-03-10T00:00:00Z");
    block_on(async {
        all(&resumed).await;
        assert_eq!(resumed.run_due().await.unwrap().handed_over, 5);
    });
}

#[test]
fn promise_6_7_what_live_runs_need_and_a_playbook_lacks_is_told_with_their_number() {
    let old = steps(json!([{"id": "w", "wait": "2d"}, {"id": "say", "message": "note"}]));
    let now = book(json!({"j": old, "k": waits("3d", "other")}));
    let (_, engine) = crowd(&now, 20);
    let told = |journeys: Json| block_on(checked(&engine, &book(journeys)));
    let same = told(json!({"j": old, "k": waits("9d", "note")}));
    assert_eq!((same.verdict(), same.of(&"j".into(), 1), same.iter().count()), (Ok(()), 20, 2));

    let other = json!([{"id": "v", "wait": "2d"}, {"id": "say", "message": "note"}]);
    let lacking = told(json!({"j": steps(other.clone())})).verdict().unwrap_err();
    let found: Vec<_> =
        lacking.iter().map(|lacking| (lacking.journey.as_str(), lacking.lack.clone(), lacking.runs)).collect();
    assert_eq!(found, [("j", Lack::Step("w".to_owned()), 20), ("k", Lack::Journey, 20)]);
    assert_eq!(
        lacking.to_string(),
        "the new playbook lacks what live runs need\n  $.journeys.j version 1, 20 runs: the step `w` at which they stand is \
         gone or of another kind; raise the `version`, keep this one under `earlier`, and `migrate` from it\n  $.journeys.k \
         version 1, 20 runs: the journey is gone; keep it, `paused` if nobody is to enter any more, until none is left"
    );
    let lacking =
        told(json!({"j": version(2, steps(other.clone())), "k": waits("3d", "other")})).verdict().unwrap_err();
    assert!(
        lacking.to_string().contains("keep it under `earlier` until none is left, or `migrate` its runs"),
        "{lacking}"
    );
    assert_eq!(
        told(json!({"j": taking_over(&old, other, json!({"w": "v"})), "k": waits("3d", "other")})).verdict(),
        Ok(())
    );
}

#[test]
fn promise_6_7_a_deferred_message_that_is_to_go_is_told() {
    let of = |message: &str| {
        let mut book = book(json!({"j": steps(json!([{"id": "m", "message": message}]))}));
        book["policy"]["zone"] = "UTC".into();
        book["policy"]["quiet_hours"] = json!({"window": "08:00-22:00", "spread": "0s"});
        book["messages"][message] = json!({"variants": {"push": {"title": "T", "body": "B"}}});
        book
    };
    let (_, engine) = crowd(&of("one"), 3);
    let after = of("two");
    let lacking = block_on(checked(&engine, &after)).verdict().unwrap_err();
    let found: Vec<_> = lacking.iter().map(|lacking| (lacking.lack.clone(), lacking.runs)).collect();
    assert_eq!(found, [(Lack::Message("one".into()), 3)]);
}

// Any edit at all.

/// What an author does to one step.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Edit {
    Keep,
    Rename,
    Remove,
}

/// A step by what it is to its author, whatever its name and place in the list: it leads to the next greater one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Made {
    number: usize,
    waits: bool,
    renamed: bool,
}

impl Made {
    fn name(self) -> String {
        format!("{}{}", if self.renamed { "new" } else { "s" }, self.number)
    }
}

/// The number of a step by its name.
fn number(name: &str) -> usize {
    name.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().unwrap()
}

/// A journey of these steps, of which all but the first are listed in another order.
fn listed(made: &[Made], order: u64) -> Json {
    let mut list: Vec<(u64, Json)> = made
        .iter()
        .enumerate()
        .map(|(n, step)| {
            let next = made.get(n + 1).map_or("end".to_owned(), |next| next.name());
            let mut json = json!({"id": step.name(), "next": next});
            let (does, what) = if step.waits { ("wait", "1d") } else { ("message", "receipt") };
            json[does] = what.into();
            let place = if n == 0 { 0 } else { (order ^ n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 };
            (place, json)
        })
        .collect();
    list.sort_by_key(|(place, _)| *place);
    let journey = steps(list.into_iter().map(|(_, step)| step).collect());
    with(with(journey, "key", json!("order_id")), "entry", json!("keyed"))
}

/// Of each step whether it waits, what is done to it, and whether what is added after it, if anything is, waits.
type Edits = Vec<(bool, Edit, Option<bool>)>;

/// Edits, and the orders in which both versions are listed.
fn edits() -> impl Strategy<Value = (Edits, u64, u64)> {
    let edit = prop_oneof![3 => Just(Edit::Keep), 1 => Just(Edit::Rename), 1 => Just(Edit::Remove)];
    let added = prop_oneof![3 => Just(None), 1 => any::<bool>().prop_map(Some)];
    (prop::collection::vec((any::<bool>(), edit, added), 1..8), any::<u64>(), any::<u64>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Runs in every place, of any graph, under any edit: they go on where the author says and nowhere else, and take no
    /// step twice.
    #[test]
    fn promise_6_7_no_edit_moves_a_run_where_the_author_did_not_say(
        (made, before, after) in edits(), raised in any::<bool>(), halted in any::<bool>(),
    ) {
        let old: Vec<Made> = made.iter().zip((0..).step_by(10))
            .map(|((waits, _, _), number)| Made { number, waits: *waits, renamed: false })
            .collect();
        let mut new = Vec::new();
        for (step, (_, edit, added)) in old.iter().zip(&made) {
            if *edit != Edit::Remove {
                new.push(Made { renamed: *edit == Edit::Rename, ..*step });
            }
            new.extend(added.map(|waits| Made { number: step.number + 5, waits, renamed: false }));
        }
        prop_assume!(!new.is_empty());
        let leads = |step: &Made| new.iter().find(|made| made.number >= step.number).copied();
        let of = |journey: &Json| book(json!({"j": journey}));
        let old_journey = listed(&old, before);
        let mut shop = Shop::new(of(&old_journey));
        shop.around.explain = true;
        shop.event("2026-03-01T09:00:00Z", known());
        let start = at(BEGIN);
        for day in 0..=old.len() as i64 {
            shop.take(began("Begin").property("order_id", format!("o{day}").as_str()).at(start + Span::days(day)));
        }
        let published = start + Span::days(old.len() as i64) + Span::hours(1);
        let standing: Vec<(u64, Made)> = shop.state.runs.iter().map(|run| {
            let journey = shop.book.journeys().next().unwrap();
            (run.id, *old.iter().find(|step| step.name() == journey.step_name(run.place.step)).unwrap())
        }).collect();
        let mut journey = listed(&new, after);
        if raised {
            let map: Json = old.iter().filter(|step| !new.iter().any(|made| made.name() == step.name()))
                .map(|step| (step.name(), Json::from(leads(step).map_or("end".to_owned(), Made::name))))
                .collect::<serde_json::Map<_, _>>().into();
            journey = with(version(2, journey), "earlier", json!([old_journey]));
            journey["migrate"] = json!({"from": 1, "steps": map});
        }
        let mut now = published;
        if halted {
            shop.book = playbook(&of(&paused(&journey)));
            shop.input(Input::Wake, published);
            prop_assert_eq!(shop.state.due(), Instant::MAX);
            now = published + Span::hours(30);
        }
        shop.book = playbook(&of(&journey));
        shop.input(Input::Wake, now);
        shop.pass("2026-06-01T00:00:00Z");
        prop_assert!(shop.state.runs.is_empty());
        for (run, stood) in standing {
            // The steps that it came to: by itself, or by the migration, which may let it begin that step.
            let mut taken: Vec<usize> = Vec::new();
            let mut moved = None;
            for note in &shop.notes {
                match &note.what {
                    What::Step { run: of, step } if of.run == run && moved.take() != Some(number(step)) => {
                        taken.push(number(step));
                    }
                    What::RunMigrated { run: of, step, .. } if of.run == run => {
                        moved = Some(number(step));
                        taken.extend(moved.filter(|to| taken.last() != Some(to)));
                    }
                    _ => {}
                }
            }
            prop_assert!(taken.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", taken);
            let ended = shop.notes.iter().find_map(|note| match &note.what {
                What::RunEnded { run: named, reason } if named.run == run => Some(reason.word().to_owned()),
                _ => None,
            });
            let same = new.iter().find(|made| made.name() == stood.name() && made.waits == stood.waits);
            let goes_on = if raised { leads(&stood) } else { same.copied() };
            let expected: Vec<usize> = old.iter().map(|step| step.number).filter(|number| *number <= stood.number)
                .chain(goes_on.iter().flat_map(|to| {
                    new.iter().map(|step| step.number).filter(|number| *number >= to.number && *number > stood.number)
                }))
                .collect();
            let reason = match (goes_on, raised) {
                (Some(_), _) => "completed",
                (None, true) => "migrated",
                (None, false) => "stuck",
            };
            prop_assert_eq!((taken, ended.as_deref()), (expected, Some(reason)));
        }
    }
}
