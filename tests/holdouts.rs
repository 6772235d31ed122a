//! Holdouts and random splits: arms drawn once, what is held out of them, and what is measured by it (promises 6.10, 6.4).

mod random;
mod shop;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use random::Random;
use serde_json::{Value as Json, json};
use shop::{Shop, at, began, book, known, steps};
use throughline::{
    Arm, Choice, CustomerId, CustomerState, DeliveryError, Drawn, Event, HeldOutBy, Holdout, IdentityKey, IdentityKind,
    Input, Instant, MessageClass, Notice, Outcome, Playbook, Rehearsal, Share, Span, Stage, Status, Summary,
    Surroundings, What,
};

fn compile(book: &Json) -> Playbook {
    Playbook::from_json(&book.to_string()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// A journey with a holdout of its own.
fn held(mut journey: Json, share: impl Into<Json>) -> Json {
    journey["holdout"] = json!({"share": share.into()});
    journey
}

/// Sends a message as soon as it begins.
fn says(message: &str) -> Json {
    steps(json!([{"id": "say", "message": message}]))
}

fn with_global(mut book: Json, share: impl Into<Json>) -> Json {
    book["policy"]["holdout"] = json!({"share": share.into(), "salt": "2026"});
    book
}

fn held_out(notes: &[Notice]) -> Vec<String> {
    let held_out = notes.iter().filter_map(|note| match &note.what {
        What::HeldOut(held) => Some(format!("{} {} {} {}", note.at, held.journey, held.message, held.channel)),
        _ => None,
    });
    held_out.collect()
}

fn arms(state: &CustomerState) -> Vec<Drawn> {
    state.profile.arms.iter().copied().collect()
}

fn binomial(n: u32, share: f64) -> std::ops::RangeInclusive<u32> {
    let (mean, deviation) = (f64::from(n) * share, (f64::from(n) * share * (1.0 - share)).sqrt());
    // Five standard deviations: one in two million.
    (mean - 5.0 * deviation) as u32..=(mean + 5.0 * deviation) as u32
}

#[test]
fn promise_6_10_of_ten_thousand_customers_the_share_is_held_out_globally_and_per_journey() {
    for (global, journey) in [("5%", "20%"), ("20%", "5%")] {
        let part = |share: &str| f64::from(share.parse::<Share>().unwrap().millionths()) / 1e6;
        let playbook = compile(&with_global(book(json!({"j": held(says("note"), journey)})), global));
        let (mut of_all, mut of_journey, mut of_both, mut sent) = (0, 0, 0, 0);
        for n in 0..10_000 {
            let mut state = CustomerState::new(CustomerId::new(&format!("customer {n}")), at("2026-03-01T00:00:00Z"));
            let event = Input::Event(began("Begin").at(at("2026-03-01T00:00:00Z")).into());
            let out = playbook.step(&mut state, &event, &Surroundings::default(), at("2026-03-01T00:00:00Z")).unwrap();
            let held = |key| state.profile.arms.of(key).unwrap().arm == Arm::HeldOut;
            let everywhere = held(playbook.policy().holdout().unwrap().key());
            let here = held(playbook.journeys().next().unwrap().holdout().unwrap().key());
            assert_eq!(out.send.is_empty(), everywhere || here);
            of_all += u32::from(everywhere);
            of_journey += u32::from(here);
            of_both += u32::from(everywhere && here);
            sent += u32::from(!out.send.is_empty());
        }
        assert!(binomial(10_000, part(global)).contains(&of_all), "{of_all} of {global}");
        assert!(binomial(10_000, part(journey)).contains(&of_journey), "{of_journey} of {journey}");
        // Two holdouts are drawn apart from each other.
        assert!(binomial(10_000, part(global) * part(journey)).contains(&of_both), "{of_both} of both");
        assert_eq!(sent, 10_000 - of_all - of_journey + of_both);
    }
}

#[test]
fn promise_6_10_another_salt_draws_anew_and_a_greater_share_keeps_whom_the_smaller_one_held_out() {
    let drawn = |salt: &str, share: &str| -> BTreeSet<u32> {
        let holdout = Holdout::global(salt, share.parse().unwrap());
        (0..10_000).filter(|n| holdout.draw(CustomerId::new(&n.to_string())) == Arm::HeldOut).collect()
    };
    let (small, great, other) = (drawn("a", "5%"), drawn("a", "20%"), drawn("b", "20%"));
    assert!(small.is_subset(&great));
    assert!(binomial(10_000, 0.04).contains(&(great.intersection(&other).count() as u32)));
    assert!(drawn("a", "0%").is_empty());
    assert_eq!(drawn("a", "100%").len(), 10_000);
}

#[test]
fn promise_6_10_held_out_is_the_last_rule_and_means_would_have_been_sent_now() {
    // Whoever cannot be reached, has not consented or waits for the morning is not held out, but skipped or deferred.
    let mut book = with_global(book(json!({"j": says("mail")})), "100%");
    book["policy"]["zone"] = "UTC".into();
    book["policy"]["quiet_hours"] = json!({"window": "22:00-08:00", "spread": "0s"});
    let mut shop = Shop::new(book.clone());
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    assert_eq!((shop.skipped(), held_out(&shop.notes)), (vec!["mail reachable".to_owned()], vec![]));
    shop.event("2026-03-01T11:00:00Z", known());
    shop.event("2026-03-01T23:00:00Z", began("Begin"));
    assert_eq!((shop.noted("deferred"), shop.noted("held_out")), (1, 0));
    shop.pass("2026-03-02T12:00:00Z");
    assert_eq!(held_out(&shop.notes), ["2026-03-02T08:00:00Z j mail email"]);
    book["policy"]["topics_default"] = "opt_in".into();
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T10:00:00Z", known());
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    assert_eq!((shop.skipped(), held_out(&shop.notes)), (vec!["mail consent".to_owned()], vec![]));
    assert!(shop.handed.is_empty());
}

#[test]
fn promise_6_10_a_channel_that_does_not_render_is_not_the_one_that_would_have_been_taken() {
    let mut book = with_global(book(json!({"j": says("named")})), "100%");
    book["messages"]["named"] = json!({"variants": {
        "email": {"subject": "S", "text": "Dear {{ customer.name }} {{ unsubscribe_url }}"}, "in_app": {"body": "Hello"}}});
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T10:00:00Z", known());
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    assert_eq!(held_out(&shop.notes), ["2026-03-01T10:00:00Z j named in_app"]);
}

#[test]
fn promise_6_10_transactional_messages_are_never_held_out() {
    let journeys = json!({"r": held(says("receipt"), 1), "m": says("mail")});
    let mut shop = Shop::new(with_global(book(journeys), 1));
    shop.event("2026-03-01T10:00:00Z", known());
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    assert_eq!(shop.sent(), ["2026-03-01T10:00:00Z receipt email"]);
    assert_eq!(held_out(&shop.notes), ["2026-03-01T10:00:00Z m mail email"]);
}

#[test]
fn promise_6_10_a_held_out_message_takes_no_cap_no_gap_no_content_key_and_counts_on_no_channel() {
    // Both journeys say the same, under one content key; one of them is held out.
    let mut book = book(json!({"a": held(says("note"), "100%"), "b": steps(json!([
        {"id": "w", "wait": "1h"}, {"id": "say", "message": "note"}]))}));
    book["policy"]["frequency_caps"] = json!([{"at_most": 1, "rolling": "30d"}]);
    book["policy"]["minimum_gap"] = json!({"any_channel": "2h"});
    book["messages"]["note"]["content_key"] = "one".into();
    let mut shop = Shop::new(book);
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.event("2026-03-01T10:00:01Z", began("Begin"));
    let held = shop.state.profile.contacts.iter().next().unwrap();
    assert_eq!((held.status, held.status.holds(), held.counted()), (Status::HeldOut, false, None));
    assert!(shop.state.profile.channels.is_empty());
    shop.pass("2026-03-02T00:00:00Z");
    assert_eq!(held_out(&shop.notes).len(), 2);
    assert_eq!(shop.sent(), ["2026-03-01T11:00:00Z note in_app"]);
    // It is on record, without a claim and without a contact point.
    let statuses: Vec<Status> = shop.state.profile.contacts.iter().map(|contact| contact.status).collect();
    assert_eq!(statuses, [Status::HeldOut, Status::HeldOut, Status::Accepted]);
}

#[test]
fn promise_6_10_caps_count_only_what_was_handed_over_in_random_histories() {
    let mut met = [0; 3];
    for seed in 0..60 {
        let mut random = Random(seed);
        let share = ["0%", "30%", "60%"][random.place(3)];
        let mut journeys = json!({});
        for (n, message) in ["note", "other", "push"].into_iter().enumerate() {
            journeys[format!("j{n}")] = held(steps(json!([{"id": "s", "message": message}])), share);
            journeys[format!("j{n}")]["trigger"]["event"] = format!("Begin {n}").into();
        }
        let mut book = book(journeys);
        book["policy"]["frequency_caps"] = json!([{"at_most": 2, "rolling": "24h"}]);
        for message in ["note", "other", "push"] {
            book["messages"][message]["dedupe"] = "1ms".into();
            book["messages"][message]["when_capped"] = "skip".into();
        }
        let mut shop = Shop::of(&format!("customer {seed}"), book);
        let (mut now, mut handed) = (at("2026-03-01T00:00:00Z"), Vec::<Instant>::new());
        for _ in 0..60 {
            now += Span::minutes(1 + random.below(600) as i64);
            let (n, before) = (random.place(3), shop.notes.len());
            shop.take(began(&format!("Begin {n}")).at(now));
            let full = handed.iter().filter(|at| **at > now - Span::hours(24)).count() >= 2;
            let is = |what: &str| {
                shop.notes[before..].iter().any(|note| serde_json::to_value(note).unwrap()["what"] == what)
            };
            assert_eq!(is("skipped"), full, "seed {seed} at {now}");
            assert_ne!(is("held_out"), is("handed_over") || full, "seed {seed} at {now}");
            handed.extend(is("handed_over").then_some(now));
            for (n, what) in ["skipped", "held_out", "handed_over"].into_iter().enumerate() {
                met[n] += u32::from(is(what));
            }
        }
    }
    assert!(met.iter().all(|met| *met > 100), "{met:?}");
}

/// What a run did, whether its messages were sent or held out.
fn way(shop: &Shop) -> Vec<String> {
    let told = shop.notes.iter().filter_map(|note| {
        let mut json = serde_json::to_value(note).unwrap();
        let fields = json.as_object_mut().unwrap();
        match fields["what"].as_str().unwrap() {
            "accepted" => return None,
            "handed_over" | "held_out" => {
                fields.retain(|name, _| {
                    ["at", "message", "channel", "journey", "step", "attempt"].contains(&name.as_str())
                });
            }
            _ => _ = fields.remove("arm"),
        }
        Some(json.to_string())
    });
    // A channel's answer comes after all else of its instant, and nobody is asked for what is held out.
    let mut told: Vec<String> = told.collect();
    told.sort();
    told
}

#[test]
fn promise_6_10_a_held_out_run_goes_on_as_if_accepted_and_its_cascade_as_not_engaged() {
    let journeys = |share: &str| {
        let mut cascade = held(
            steps(json!([
                {"id": "c", "cascade": {"message": "everywhere", "attempts": [
                    {"channels": ["email"], "wait": "6h"}, {"channels": ["push"], "wait": "3h"},
                    {"channels": ["email", "in_app"]}]}, "engaged": "yes", "next": "no"},
                {"id": "yes", "message": "note", "next": "end"},
                {"id": "no", "wait": "2h"}, {"id": "late", "message": "mail"}])),
            share,
        );
        cascade["key"] = "order".into();
        let mut again = held(
            steps(json!([{"id": "w", "wait": "1h"}, {"id": "m", "message": "mail"},
                {"id": "f", "wait_for": {"event": "Answer", "timeout": "5h"}, "then": "end", "else": "more"},
                {"id": "more", "message": "other"}])),
            share,
        );
        again["entry"] = "restart".into();
        again["goal"] = json!({"event": "Order Completed"});
        let mut book = book(json!({"cascade": cascade, "again": again}));
        for message in ["note", "mail", "other", "everywhere"] {
            book["messages"][message]["dedupe"] = "1ms".into();
        }
        book
    };
    for seed in 0..40 {
        let lives = |share| {
            let (mut random, mut shop) = (Random(seed), Shop::new(journeys(share)));
            shop.around.explain = false;
            shop.event("2026-03-01T00:00:00Z", known());
            let mut now = at("2026-03-01T00:00:00Z");
            for n in 0..12 {
                now += Span::minutes(random.below(500) as i64);
                shop.take(match random.place(4) {
                    0 => began("Answer").at(now),
                    1 => began("Order Completed").at(now),
                    _ => began("Begin").property("order", n).at(now),
                });
            }
            shop.pass("2026-06-01T00:00:00Z");
            shop
        };
        let (treated, held) = (lives("0%"), lives("100%"));
        assert_eq!(way(&treated), way(&held), "seed {seed}");
        assert!(held.handed.is_empty() && held.state.runs.is_empty());
        assert_eq!(treated.handed.len(), held.noted("held_out"));
    }
}

#[test]
fn promise_6_10_the_next_attempt_of_a_held_out_cascade_takes_the_next_channel() {
    let cascade = steps(json!([{"id": "c", "cascade": {"message": "everywhere",
        "attempts": [{"wait": "1h"}, {"wait": "1h"}, {"wait": "1h"}]}}]));
    let mut shop = Shop::new(with_global(book(json!({"j": cascade})), 1));
    shop.event("2026-03-01T10:00:00Z", known());
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    shop.pass("2026-03-02T00:00:00Z");
    let channels: BTreeSet<String> =
        held_out(&shop.notes).iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(channels, ["email", "in_app", "push"].map(str::to_owned).into());
    assert_eq!(held_out(&shop.notes).len(), 3);
}

#[test]
fn promise_6_10_arms_are_drawn_once_stored_and_read_from_then_on_whatever_becomes_of_the_shares() {
    for seed in 0..150 {
        let mut random = Random(seed);
        let id = CustomerId::new(&format!("customer {seed}"));
        let mut state = CustomerState::new(id, at("2026-03-01T00:00:00Z"));
        let mut now = at("2026-03-01T00:00:00Z");
        let mut first: BTreeMap<u64, Drawn> = BTreeMap::new();
        for _ in 0..12 {
            now += Span::hours(1 + random.below(50) as i64);
            let share = |random: &mut Random| ["0%", "5%", "50%", "95%", "100%"][random.place(5)];
            let mut json = book(json!({"a": says("note"), "b": says("other")}));
            for journey in ["a", "b"] {
                if random.chance(60) {
                    json["journeys"][journey]["holdout"] = json!({"share": share(&mut random)});
                }
            }
            if random.chance(60) {
                json["policy"]["holdout"] = json!({"share": share(&mut random)});
            }
            let book = compile(&json);
            state = CustomerState::decode(&state.encode(), &()).unwrap();
            let begin = Input::Event(began("Begin").at(now).into());
            let out = book.step(&mut state, &begin, &Surroundings::default(), now).unwrap();
            for drawn in arms(&state) {
                assert_eq!(*first.entry(drawn.of).or_insert(drawn), drawn, "seed {seed}");
            }
            // Who was not drawn before is drawn by the share of the day.
            for holdout in book.journeys().filter_map(|j| j.holdout()).chain(book.policy().holdout()) {
                let drawn = first[&holdout.key()];
                assert!(drawn.at < now || drawn.arm == holdout.draw(id), "seed {seed}");
            }
            let global = book.policy().holdout().is_some_and(|h| first[&h.key()].arm == Arm::HeldOut);
            let of = |name: &str| {
                let holdout = book.journeys().find(|j| j.id().as_str() == name).unwrap().holdout();
                holdout.is_some_and(|h| first[&h.key()].arm == Arm::HeldOut)
            };
            assert!(out.send.iter().all(|e| !global && !of(e.run.as_ref().unwrap().journey.as_str())), "seed {seed}");
        }
    }
}

#[test]
fn promise_6_10_a_run_belongs_to_the_arm_at_its_begin() {
    let journey = || steps(json!([{"id": "w", "wait": "1d"}, {"id": "s", "message": "note"}]));
    let plain = book(json!({"j": journey()}));
    let all_out = book(json!({"j": held(journey(), 1)}));
    // Held out at its begin, it stays so when the holdout is over; the next run is treated.
    let mut shop = Shop::new(all_out.clone());
    shop.event("2026-03-01T00:00:00Z", began("Begin"));
    shop.book = compile(&plain);
    shop.pass("2026-03-03T00:00:00Z");
    assert_eq!(held_out(&shop.notes), ["2026-03-02T00:00:00Z j note in_app"]);
    assert!(shop.notes.iter().any(|n| matches!(&n.what, What::HeldOut(held) if held.by == HeldOutBy::Run)));
    shop.event("2026-03-03T00:00:00Z", began("Begin"));
    shop.pass("2026-03-05T00:00:00Z");
    assert_eq!(shop.sent(), ["2026-03-04T00:00:00Z note in_app"]);
    // Begun before there was a holdout it counts in no arm, and whoever is held out by then gets nothing all the same.
    let mut shop = Shop::new(plain);
    shop.event("2026-03-01T00:00:00Z", began("Begin"));
    shop.book = compile(&all_out);
    shop.pass("2026-03-03T00:00:00Z");
    assert!(shop.handed.is_empty());
    let arms = shop.notes.iter().filter_map(|note| match &note.what {
        What::RunBegun(run) | What::RunEnded { run, .. } => Some(run.arm),
        _ => None,
    });
    assert_eq!(arms.collect::<Vec<_>>(), [None, None]);
}

#[test]
fn promise_6_10_nothing_is_stored_or_told_without_a_holdout() {
    let mut shop = Shop::new(book(json!({"j": says("note")})));
    shop.event("2026-03-01T00:00:00Z", began("Begin"));
    assert!(shop.state.profile.arms.is_empty());
    assert!(shop.notes.iter().all(|note| serde_json::to_value(note).unwrap().get("arm").is_none()));
    let (_, summary) = rehearse(&book(json!({"j": says("note")})), [began("Begin").user("u").at(day(0))]);
    let journey = serde_json::to_value(&summary.journeys["j"]).unwrap();
    assert!(["lift", "held_out", "splits"].iter().all(|field| journey.get(*field).is_none()), "{journey}");
}

#[test]
fn what_is_drawn_takes_a_few_bytes_and_nothing_else_does() {
    let stored = |book: Json| {
        let mut shop = Shop::new(book);
        shop.event("2026-03-01T00:00:00Z", began("Begin"));
        assert_eq!(shop.state.runs.len(), 1);
        shop.state.encode().len()
    };
    let journey = || steps(json!([{"id": "say", "message": "receipt"}, {"id": "w", "wait": "1d"}]));
    let plain = stored(book(json!({"j": journey()})));
    let of_journey = stored(book(json!({"j": held(journey(), "50%")}))) - plain;
    let global = stored(with_global(book(json!({"j": journey()})), "50%")) - plain;
    let split = steps(json!([{"id": "d", "split": [{"weight": 1, "next": "w"}]}, {"id": "w", "wait": "1d"}]));
    let waits = stored(book(json!({"j": steps(json!([{"id": "w", "wait": "1d"}, {"id": "d", "wait": "1d"}]))})));
    let split = stored(book(json!({"j": split}))) - waits;
    assert!(of_journey <= 15 && global <= 15 && split <= 15, "{of_journey}, {global}, {split}");
}

#[test]
fn promise_6_10_a_decision_that_is_held_out_says_so_beside_every_other_verdict() {
    let mut book = with_global(book(json!({"j": says("everywhere")})), 1);
    book["policy"]["zone"] = "UTC".into();
    book["policy"]["quiet_hours"] = json!({"window": "22:00-08:00", "spread": "0s"});
    book["messages"]["everywhere"]["when_closed"] = "next_channel".into();
    let mut shop = Shop::new(book);
    shop.around.explain = true;
    shop.event("2026-03-01T10:00:00Z", known());
    shop.event("2026-03-01T23:00:00Z", began("Begin"));
    let decision = shop.notes.iter().find_map(|note| match &note.what {
        What::Decided(decision) => Some(decision),
        _ => None,
    });
    let told = serde_json::to_value(decision.unwrap()).unwrap();
    assert_eq!(told["chosen"], json!({"choice": "held_out", "channel": "in_app", "by": "global"}));
    let rules = |channel: &str| {
        let candidates = told["candidates"].as_array().unwrap();
        let rules = candidates.iter().find(|c| c["channel"] == channel).unwrap()["rules"].as_array().unwrap().clone();
        rules.iter().map(|r| format!("{} {}", r["rule"], r["verdict"]).replace('"', "")).collect::<Vec<_>>()
    };
    assert_eq!(rules("email"), ["quiet_hours deny"]);
    assert_eq!(rules("in_app"), ["holdout held_out"]);
    assert!(decision.unwrap().to_string().contains("would be sent on in_app, but held out of all marketing"));
    // The decision alone says the same, by the arm on record.
    let choice = shop.book.decide(&shop.state.profile, &"everywhere".into(), at("2026-03-02T12:00:00Z")).unwrap();
    assert!(matches!(choice, Choice::HeldOut { by: HeldOutBy::Global, .. }), "{choice:?}");
}

fn day(days: i64) -> Instant {
    at("2026-03-01T10:00:00Z") + Span::days(days)
}

/// The lines of the log, and the summary.
fn rehearse(book: &Json, events: impl IntoIterator<Item = Event>) -> (Vec<Json>, Summary) {
    let mut lines = Vec::new();
    let mut rehearsal =
        Rehearsal::new(Arc::new(compile(book))).with_observer(|line| lines.push(serde_json::to_value(line).unwrap()));
    events.into_iter().for_each(|event| rehearsal.event(event).unwrap());
    let summary = rehearsal.finish(None);
    (lines, summary)
}

/// The record that an identifier leads to first.
fn candidate(kind: IdentityKind, name: &str) -> CustomerId {
    IdentityKey::new(kind, name).candidate()
}

#[test]
fn promise_6_10_goals_by_arm_are_in_the_summary_with_runs_and_rates() {
    let mut journey = held(steps(json!([{"id": "s", "message": "note"}, {"id": "w", "wait": "10d"}])), "30%");
    journey["goal"] = json!({"event": "Order Completed"});
    journey["entry"] = "once".into();
    let json = book(json!({"j": journey}));
    let holdout = Holdout::of_journey(&"j".into(), "30%".parse().unwrap());
    let (mut events, mut wanted) = (Vec::new(), BTreeMap::from([(Arm::Treated, (0, 0)), (Arm::HeldOut, (0, 0))]));
    for n in 0..400 {
        let user = format!("u{n}");
        let arm = holdout.draw(candidate(IdentityKind::User, &user));
        let buys = n % 3 == 0 || (arm == Arm::Treated && n % 5 == 0);
        let (runs, goals) = wanted.get_mut(&arm).unwrap();
        *runs += 1;
        *goals += u64::from(buys);
        events.push(began("Begin").user(&user).at(day(0) + Span::minutes(n)));
        events.extend(buys.then(|| began("Order Completed").user(&user).at(day(1) + Span::minutes(n))));
    }
    events.sort_by_key(|event| event.timestamp);
    let (lines, summary) = rehearse(&json, events);
    let journey = summary.journey("j");
    let lift = journey.lift.unwrap();
    for (arm, told) in [(Arm::Treated, &lift.treated), (Arm::HeldOut, &lift.held_out)] {
        assert_eq!((told.runs, told.goals), wanted[&arm]);
        let rate: f64 = told.rate().unwrap().to_string().parse().unwrap();
        assert!((rate - told.goals as f64 / told.runs as f64).abs() < 1e-6);
    }
    assert_eq!(lift.left_out, 0);
    assert_eq!((summary.handed_over, summary.held_out["note"]["in_app"]), (lift.treated.runs, lift.held_out.runs));
    assert_eq!(journey.held_out, BTreeMap::from([("s".to_owned(), lift.held_out.runs)]));
    // A held-out message stands in both arms for the same place on the way: no goal is before it.
    assert_eq!(journey.goal_before_any_message, 0);
    // The log alone tells as much.
    let of =
        |what: &str, arm: &str| lines.iter().filter(|line| line["what"] == what && line["arm"] == arm).count() as u64;
    assert_eq!((of("run_begun", "held_out"), of("goal", "held_out")), (lift.held_out.runs, lift.held_out.goals));
    assert_eq!((of("run_begun", "treated"), of("goal", "treated")), (lift.treated.runs, lift.treated.goals));
    let line = lines.iter().find(|line| line["what"] == "held_out").unwrap();
    assert_eq!((&line["journey"], &line["message"], &line["channel"]), (&json!("j"), &json!("note"), &json!("in_app")));
    let told = serde_json::to_value(&summary.journeys["j"]).unwrap();
    assert_eq!(told["lift"]["left_out"], 0);
    assert!(told["lift"]["held_out"]["rate"].is_string(), "{told}");
}

#[test]
fn promise_6_10_a_merge_of_different_arms_keeps_the_older_and_is_left_out_of_lift_with_its_number() {
    for (global, holdout) in [
        (true, Holdout::global("2026", "50%".parse().unwrap())),
        (false, Holdout::of_journey(&"j".into(), "50%".parse().unwrap())),
    ] {
        let journey = steps(json!([{"id": "w", "wait": "5d"}, {"id": "s", "message": "note"}]));
        let mut json = book(json!({"j": if global { journey } else { held(journey, "50%") }}));
        if global {
            json = with_global(json, "50%");
        }
        json["journeys"]["j"]["key"] = "n".into();
        json["journeys"]["j"]["goal"] = json!({"event": "Order Completed"});
        let arm = |kind, name: &str| holdout.draw(candidate(kind, name));
        let (mut met, mut left_out) = (BTreeSet::new(), 0);
        for n in 0..40 {
            let (user, visitor) = (format!("u{n}"), format!("v{n}"));
            let [older, newer] = [arm(IdentityKind::Anonymous, &visitor), arm(IdentityKind::User, &user)];
            met.insert((older, newer));
            let (lines, summary) = rehearse(
                &json,
                [
                    began("Begin").anonymous(&visitor).property("n", 1).at(day(0)),
                    began("Begin").user(&user).property("n", 2).at(day(1)),
                    Event::identify().user(&user).anonymous(&visitor).at(day(2)),
                    began("Begin").user(&user).property("n", 3).at(day(3)),
                    began("Order Completed").user(&user).at(day(9)),
                ],
            );
            let lift = summary.journey("j").lift.unwrap();
            let begun: Vec<&Json> =
                lines.iter().filter(|line| line["what"] == "run_begun").map(|l| &l["arm"]).collect();
            assert_eq!(begun, [&json!(older), &json!(newer), &json!(older)]);
            let mixed = lines.iter().filter(|line| line["what"] == "arms_mixed").count();
            let runs = lift.treated.runs + lift.held_out.runs;
            if older == newer {
                assert_eq!((mixed, lift.left_out, runs), (0, 0, 3));
            } else {
                assert_eq!((mixed, lift.left_out, runs, lift.treated.goals + lift.held_out.goals), (1, 3, 0, 0));
                left_out += 1;
            }
            // Nothing is sent to whoever is held out by now, nor by a run that began so.
            let sent = [older, if older == Arm::HeldOut { older } else { newer }, older];
            let sent = sent.iter().filter(|arm| **arm == Arm::Treated).count() as u64;
            assert_eq!(
                (summary.handed_over, summary.journey("j").held_out.get("s").copied().unwrap_or(0)),
                (sent, 3 - sent)
            );
        }
        assert_eq!(met.len(), 4);
        assert!(left_out > 5);
    }
}

/// Steps a record and whatever it forwards; the channels answer as they may. Tells what every step did.
fn step(
    book: &Playbook,
    records: &mut BTreeMap<CustomerId, CustomerState>,
    (to, input): (CustomerId, Input),
    now: Instant,
    random: &mut Random,
    mut look: impl FnMut(&CustomerState, &Outcome),
) {
    let mut inputs = VecDeque::from([(to, input)]);
    while let Some((to, input)) = inputs.pop_front() {
        let state = records.entry(to).or_insert_with(|| CustomerState::new(to, now));
        let out = book.step(state, &input, &Surroundings::default(), now).unwrap();
        look(state, &out);
        for id in out.send.iter().map(|envelope| envelope.id).chain(out.resend.iter().copied()) {
            let result = match random.place(4) {
                0 => Err(DeliveryError::transient("later")),
                1 => Err(DeliveryError::unknown("who knows")),
                _ => Ok(()),
            };
            inputs.push_back((to, Input::Settled { id, result }));
        }
        inputs.extend(out.forward);
    }
}

#[test]
fn promise_6_10_no_marketing_ever_leaves_for_a_held_out_customer_and_transactional_messages_do() {
    let mut met: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..250 {
        let mut random = Random(seed);
        let cascade =
            json!([{"id": "c", "cascade": {"message": "everywhere", "attempts": [{"wait": "9h"}, {"wait": "5h"}]}}]);
        let waits = json!([{"id": "w", "wait": "7h"}, {"id": "s", "message": "note"}]);
        let mut json = with_global(
            book(json!({"a": held(steps(cascade), "30%"), "b": steps(waits), "r": says("receipt")})),
            ["10%", "40%"][random.place(2)],
        );
        json["journeys"]["b"]["key"] = "n".into();
        for channel in ["email", "push", "in_app"] {
            json["channels"][channel]["key_memory"] = "1d".into();
        }
        for message in ["note", "everywhere"] {
            json["messages"][message]["dedupe"] = "1ms".into();
        }
        let book = compile(&json);
        let holdout = book.policy().holdout().unwrap();
        let keys: BTreeMap<&str, u64> =
            book.journeys().filter_map(|j| Some((j.id().as_str(), j.holdout()?.key()))).collect();
        let ids: Vec<CustomerId> = (0..4).map(|n| CustomerId::new(&format!("{seed} {n}"))).collect();
        let (mut records, mut now, mut merged) = (BTreeMap::new(), day(0), BTreeSet::new());
        for n in 0..60 {
            now += Span::minutes(random.below(300) as i64);
            let to = ids[random.place(4)];
            let input = match random.place(10) {
                0..5 => Input::Wake,
                5 if n > 20 && records.len() > 1 => {
                    let with = ids[random.place(4)];
                    if with == to || !records.contains_key(&with) || !records.contains_key(&to) {
                        continue;
                    }
                    merged.extend([to, with]);
                    Input::Merge { with }
                }
                6 => Input::Event(Event::identify().with_trait("email", "a@shop.example").at(now).into()),
                _ => Input::Event(began("Begin").property("n", n).at(now).into()),
            };
            step(&book, &mut records, (to, input), now, &mut random, |state, out| {
                let sending = out.send.iter().map(|envelope| envelope.id).chain(out.resend.iter().copied());
                for id in sending {
                    let contact = state.profile.contacts.get(id).unwrap();
                    let asked = contact.run.as_ref().unwrap();
                    let arm = |key: u64| state.profile.arms.of(key).map(|drawn| drawn.arm);
                    let global = arm(holdout.key()) == Some(Arm::HeldOut);
                    if contact.message.class == MessageClass::Transactional {
                        *met.entry("transactional to the held out").or_default() += u32::from(global);
                        continue;
                    }
                    *met.entry("marketing").or_default() += 1;
                    *met.entry("handed over again").or_default() += u32::from(out.resend.contains(&id));
                    let key = keys.get(asked.journey.as_str());
                    let run = state.runs.iter().find(|run| run.id == asked.run);
                    assert!(!global, "seed {seed}");
                    assert!(key.is_none_or(|key| arm(*key) != Some(Arm::HeldOut)), "seed {seed}");
                    assert!(run.is_none_or(|run| run.arm != Some(Arm::HeldOut)), "seed {seed}");
                    // By the draw alone, of whom no merge has changed.
                    let apart = !merged.contains(&state.profile.id);
                    assert!(!apart || holdout.draw(state.profile.id) == Arm::Treated, "seed {seed}");
                }
                for note in &out.notices {
                    match &note.what {
                        What::HeldOut(_) => *met.entry("held out").or_default() += 1,
                        What::ArmsMixed { .. } => *met.entry("mixed").or_default() += 1,
                        What::Cancelled { reason, .. } if &**reason == "holdout" => {
                            *met.entry("held out at the claim").or_default() += 1;
                        }
                        _ => {}
                    }
                }
            });
        }
        assert!(records.values().any(|state: &CustomerState| state.stage == Stage::Live));
    }
    let situations = [
        "transactional to the held out",
        "marketing",
        "handed over again",
        "held out",
        "mixed",
        "held out at the claim",
    ];
    assert!(situations.iter().all(|what| met.get(what).is_some_and(|met| *met >= 10)), "{met:?}");
}

/// A journey that comes to a split every day.
fn splits(weights: [u32; 2]) -> Json {
    let mut json = book(json!({"j": steps(json!([
        {"id": "draw", "split": [{"weight": weights[0], "next": "a"}, {"weight": weights[1], "next": "b"}]},
        {"id": "a", "message": "note", "next": "w"}, {"id": "b", "message": "other", "next": "w"},
        {"id": "w", "wait": "1d", "next": "draw"}]))}));
    json["journeys"]["j"]["exit"] = json!([{"event": "Gone"}]);
    for message in ["note", "other"] {
        json["messages"][message]["dedupe"] = "1ms".into();
    }
    json
}

#[test]
fn promise_6_4_the_arm_of_a_split_is_stored_in_the_run_and_changed_weights_move_nobody() {
    let mut met = [0; 2];
    for n in 0..200 {
        let mut random = Random(n);
        let mut shop = Shop::of(&format!("customer {n}"), splits([50, 50]));
        shop.event("2026-03-01T00:00:00Z", began("Begin"));
        for days in 1..8 {
            shop.book = compile(&splits([random.below(3) as u32, 1 + random.below(3) as u32]));
            shop.state = CustomerState::decode(&shop.state.encode(), &()).unwrap();
            shop.pass(&(at("2026-03-01T00:00:00Z") + Span::days(days)).to_string());
        }
        let sent: BTreeSet<&str> = shop.handed.iter().map(|(_, envelope)| envelope.message.id.as_str()).collect();
        assert_eq!((sent.len(), shop.handed.len()), (1, 8));
        // Told once, where it was drawn.
        let split = shop.notes.iter().filter_map(|note| match &note.what {
            What::Split { step, split_arm, .. } => Some((step.to_string(), *split_arm)),
            _ => None,
        });
        let arm = if sent.contains("note") { 1 } else { 2 };
        assert_eq!(split.collect::<Vec<_>>(), [("draw".to_owned(), arm)]);
        met[arm as usize - 1] += 1;
    }
    assert!(binomial(200, 0.5).contains(&met[0]), "{met:?}");
}

#[test]
fn promise_6_4_a_merge_moves_no_run_that_was_drawn() {
    let book = compile(&splits([50, 50]));
    let mut met = BTreeSet::new();
    for n in 0..60 {
        let [one, other] = ["one", "other"].map(|name| CustomerId::new(&format!("{name} {n}")));
        let (mut records, mut random) = (BTreeMap::new(), Random(n));
        let mut sent: Vec<(CustomerId, String)> = Vec::new();
        let mut steps = |records: &mut _, to, input, now| {
            step(&book, records, (to, input), now, &mut random, |state, out| {
                sent.extend(out.send.iter().map(|e| (state.profile.id, e.message.id.to_string())));
            });
        };
        // The loser's run began first, so that it is the one that goes on.
        steps(&mut records, other, Input::Event(began("Begin").at(day(0)).into()), day(0));
        steps(&mut records, one, Input::Event(Event::identify().user("u").at(day(0)).into()), day(0));
        steps(&mut records, one, Input::Merge { with: other }, day(0) + Span::hours(1));
        let drawn: Vec<_> = records[&one].runs.iter().flat_map(|run| run.splits.iter().copied()).collect();
        assert_eq!(drawn.len(), 1);
        steps(&mut records, one, Input::Wake, day(1));
        steps(&mut records, one, Input::Wake, day(2));
        let (first, later) = (sent[0].1.clone(), sent.last().unwrap().clone());
        assert_eq!((later.0, &later.1), (one, &first));
        // What the survivor itself would have drawn.
        met.insert((first, one.bucket("j/draw", 100) < 50));
    }
    assert_eq!(met.len(), 4, "{met:?}");
}

#[test]
fn promise_6_4_the_arms_of_a_split_are_in_the_log_and_in_the_summary() {
    let events = (0..100).map(|n| began("Begin").user(&format!("u{n}")).at(day(0) + Span::minutes(n)));
    let mut json = splits([20, 80]);
    json["journeys"]["j"]["steps"][3] = json!({"id": "w", "wait": "1d"});
    let (lines, summary) = rehearse(&json, events);
    let journey = summary.journey("j");
    let [first, second] = [journey.splits["draw"][&1], journey.splits["draw"][&2]];
    assert_eq!((first + second, first, second), (100, journey.handed_over["a"], journey.handed_over["b"]));
    assert!(binomial(100, 0.2).contains(&(first as u32)));
    let told = lines.iter().filter(|line| line["what"] == "split" && line["step"] == "draw" && line["split_arm"] == 1);
    assert_eq!(told.count() as u64, first);
}

#[test]
fn promise_6_1_faults_of_holdouts_name_their_places_and_say_what_to_do() {
    let faults = |policy: Json, journey: Json| {
        let mut json = book(json!({"j": says("note")}));
        json["policy"]["holdout"] = policy;
        json["journeys"]["j"]["holdout"] = journey;
        Playbook::from_json(&json.to_string()).unwrap_err().to_string()
    };
    assert_eq!(
        faults(json!({"share": 5, "salt": 7}), json!({"share": "5", "salt": "x"})),
        "4 faults
  $.policy.holdout.share: a share is at most 1, which is all; write percent as text such as \"5%\", found 5
  $.policy.holdout.salt: expected text, found a number
  $.journeys.j.holdout.salt: unknown field; known here: share
  $.journeys.j.holdout.share: a share is at most 1, which is all; write percent as text such as \"5%\", found 5"
    );
    let told = faults(json!({}), json!({"share": "five%"}));
    assert!(told.contains("$.policy.holdout: the field `share` is missing"), "{told}");
    assert!(
        told.contains("expected a share from 0 to 1 such as 0.05, or text such as \"5%\", found `five%`"),
        "{told}"
    );
    let told = faults(json!({"share": "0.00001%"}), json!("5%"));
    assert!(
        told.contains("at most six decimals") && told.contains("$.journeys.j.holdout: expected an object"),
        "{told}"
    );
}

#[test]
fn promise_6_10_an_effect_that_is_marketing_is_not_done_for_whoever_is_held_out() {
    let journey = steps(json!([
        {"id": "ticket", "call": {"effect": "open_ticket"}},
        {"id": "coupon", "call": {"effect": "issue_coupon"}, "next": "say", "on_error": "end"},
        {"id": "say", "message": "note"}]));
    for (share, called) in [("100%", vec!["open_ticket"]), ("0%", vec!["open_ticket", "issue_coupon"])] {
        let mut book = with_global(book(json!({"j": journey})), share);
        book["effects"] = json!({"issue_coupon": {"marketing": true}, "open_ticket": {}});
        let mut shop = Shop::new(book);
        shop.event("2026-03-01T10:00:00Z", began("Begin"));
        let calls: Vec<&str> = shop.called.iter().map(|(_, call)| call.effect.as_str()).collect();
        assert_eq!((calls, shop.noted("effect")), (called, if share == "0%" { 2 } else { 1 }));
        // The run goes on as if it had been done: to the message, which is held out too.
        assert_eq!(held_out(&shop.notes).len() + shop.handed.len(), 1);
        let how = |note: &Notice| match &note.what {
            What::EffectEnded { effect, how, .. } => Some(format!("{effect} {}", how.word())),
            _ => None,
        };
        let ends: Vec<String> = shop.notes.iter().filter_map(how).collect();
        let coupon = if share == "0%" { "issue_coupon done" } else { "issue_coupon held_out" };
        assert_eq!(ends, ["open_ticket done", coupon]);
        assert_eq!(shop.ended(), ["completed"]);
    }
}

#[test]
fn promise_6_10_a_cascade_that_was_held_out_in_a_pause_goes_on_as_not_engaged() {
    let journey = steps(json!([{"id": "c", "cascade": {"message": "note", "attempts": [{"wait": "1d"}, {}]}}]));
    let mut shop = Shop::new(with_global(book(json!({"j": journey})), "100%"));
    shop.event("2026-03-01T10:00:00Z", began("Begin"));
    let mut paused = journey;
    paused["paused"] = true.into();
    shop.book = compile(&with_global(book(json!({"j": paused.clone()})), "100%"));
    shop.pass("2026-03-01T12:00:00Z");
    shop.event("2026-03-01T12:00:00Z", began("Else"));
    paused["paused"] = false.into();
    shop.book = compile(&with_global(book(json!({"j": paused})), "100%"));
    shop.event("2026-03-01T13:00:00Z", began("Else"));
    shop.pass("2026-03-04T00:00:00Z");
    assert_eq!(held_out(&shop.notes).len(), 1, "the second attempt's only channel was tried");
    assert_eq!((shop.handed.len(), shop.ended()), (0, vec!["completed".to_owned()]));
}
