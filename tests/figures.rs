//! What is derived of customers, through the whole path: events in, segments entered and left at exact instants.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use throughline::{Event, Instant, LogWhat, MoneyBasis, Playbook, Rehearsal, What};

fn day(n: i64) -> Instant {
    "2026-03-01".parse::<Instant>().unwrap() + throughline::Span::days(n)
}

fn playbook(sections: Json) -> Arc<Playbook> {
    let mut json = json!({"version": 1, "currency": "EUR"});
    sections.as_object().unwrap().iter().for_each(|(name, section)| json[name] = section.clone());
    Arc::new(Playbook::from_json(&json.to_string()).unwrap_or_else(|faults| panic!("{faults}")))
}

/// Which segments were entered (`+`) and left (`-`), and when.
fn moves(playbook: &Arc<Playbook>, events: Vec<Event>, until: Instant) -> Vec<(String, Instant)> {
    let mut moves = Vec::new();
    let mut rehearsal = Rehearsal::new(playbook.clone()).with_observer(|line| {
        if let LogWhat::Notice(what) = &line.what {
            match what {
                What::SegmentEntered { segment } => moves.push((format!("+{segment}"), line.at)),
                What::SegmentLeft { segment } => moves.push((format!("-{segment}"), line.at)),
                _ => {}
            }
        }
    });
    events.into_iter().for_each(|event| rehearsal.event(event).unwrap());
    rehearsal.finish(Some(until));
    moves
}

fn of(name: &str, at: i64) -> Event {
    Event::track(name).user("anna").at(day(at))
}

fn order(id: &str, total: i64, at: i64) -> Event {
    of("Order Completed", at).property("order_id", id).property("total", total)
}

fn told(moves: &[(String, Instant)]) -> Vec<(&str, Instant)> {
    moves.iter().map(|(name, at)| (name.as_str(), *at)).collect()
}

#[test]
fn promise_5_5_the_lifecycle_moves_by_itself_by_the_shops_own_thresholds() {
    let playbook = playbook(json!({
        "figures": {"lifecycle": {"new_for": "10d", "at_risk_after": "20d", "dormant_after": "40d", "won_back_for": "5d"}},
        "segments": {
            "new": {"lifecycle": "new"}, "active": {"lifecycle": "active"}, "risk": {"lifecycle": "at_risk"},
            "dormant": {"lifecycle": "dormant"}, "back": {"lifecycle": "won_back"}}}));
    let events = vec![of("page", 0), of("page", 5), order("a", 10, 6), order("b", 10, 50)];
    let found = moves(&playbook, events, day(80));
    let wanted = [
        ("+new", 0),
        ("+active", 16),
        ("-new", 16),
        ("-active", 26),
        ("+risk", 26),
        ("+dormant", 46),
        ("-risk", 46),
        ("+back", 50),
        ("-dormant", 50),
        ("+active", 55),
        ("-back", 55),
        ("-active", 70),
        ("+risk", 70),
    ];
    assert_eq!(told(&found), wanted.map(|(name, at)| (name, day(at))));
}

#[test]
fn promise_5_5_a_decision_falls_back_and_an_order_ends_it() {
    let playbook = playbook(json!({
        "figures": {"buyer_journey": {"decision": {"events": ["Quote Requested"], "lasts": "3d"}}},
        "segments": {"deciding": {"buyer_stage": "decision"}, "bought": {"buyer_stage": "post_purchase"}}}));
    let events = vec![of("Quote Requested", 0), of("Quote Requested", 5), order("a", 10, 6)];
    let found = moves(&playbook, events, day(50));
    let wanted =
        [("+deciding", 0), ("-deciding", 3), ("+deciding", 5), ("+bought", 6), ("-deciding", 6), ("-bought", 36)];
    assert_eq!(told(&found), wanted.map(|(name, at)| (name, day(at))));
}

#[test]
fn promise_5_6_money_that_is_sent_back_leaves_the_segments_of_money_at_once() {
    let playbook = playbook(json!({"segments": {
        "big": {"lifetime_value": {"at_least": 100}}, "often": {"orders": {"at_least": 2}},
        "fond": {"affinity": {"category": "tea", "score": {"at_least": 1}}}}}));
    let back = of("Order Refunded", 3).property("order_id", "b").property("total", 60);
    let tea = of("Product Viewed", 4).property("category", "tea");
    let found = moves(&playbook, vec![order("a", 50, 0), order("b", 60, 1), back, tea], day(30));
    let faded = day(4) + throughline::Span::minutes(30 * 90);
    assert_eq!(
        found[..5].iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["+big", "+often", "-big", "-often", "+fond"]
    );
    let (last, at) = &found[5];
    // The step of the half-life that follows the one of the view.
    assert!(last == "-fond" && *at > day(4) && *at <= faded, "{found:?}");
    assert_eq!(found[2].1, day(3));
}

#[test]
fn promise_2_3_figures_of_a_visitor_become_the_customers() {
    let playbook = playbook(json!({"segments": {"both": {"lifetime_value": {"at_least": 30}}}}));
    let mut rehearsal = Rehearsal::new(playbook);
    let visit = order("a", 10, 0);
    let mut visit = visit.anonymous("v");
    visit.user_id = None;
    for event in [visit, order("b", 20, 1), Event::identify().user("anna").anonymous("v").at(day(2))] {
        rehearsal.event(event).unwrap();
    }
    let mut seen = Vec::new();
    rehearsal.store().for_each(|state| {
        let bought = state.profile.figures.bought(MoneyBasis::Net);
        seen.extend((bought.orders > 0).then(|| (bought.orders, bought.value().normalize().to_string())));
    });
    assert_eq!(seen, [(2, "30".to_owned())]);
    assert_eq!(rehearsal.finish(None).segments["both"], 1);
}

#[test]
fn the_best_hour_the_device_and_the_learned_channel_come_from_what_was_engaged_with() {
    let playbook = playbook(json!({
        "channels": {"in_app": {}}, "policy": {"topics_default": "opt_out", "zone": "Europe/Berlin"},
        "messages": {"m": {"variants": {"in_app": {"body": "Hello"}}}},
        "journeys": {"j": {"trigger": {"event": "A"}, "key": "messageId", "steps": [{"id": "send", "message": "m"}]}}}));
    let mut rehearsal = Rehearsal::new(playbook);
    rehearsal.event(of("A", 0).id("1")).unwrap();
    let opened = r#"{"type": "track", "event": "In-App Opened", "userId": "anna", "messageId": "o",
        "timestamp": "2026-03-01T18:20:00Z", "context": {"device": {"type": "ios"}}}"#;
    rehearsal.event(Event::from_json(opened).unwrap()).unwrap();
    // A second opening of the same message is no more evidence.
    rehearsal.event(Event::from_json(&opened.replace("18:20", "20:20").replace("\"o\"", "\"p\"")).unwrap()).unwrap();
    rehearsal.store().for_each(|state| {
        let best = state.profile.figures.best_hour().unwrap();
        assert_eq!((best.hour, best.engagements, best.of), (19, 1, 1), "19:20 in Berlin");
        let devices: Vec<_> = state.profile.figures.devices().map(|(name, n)| (name.to_string(), n)).collect();
        assert_eq!(devices, [("ios".to_owned(), 1)]);
        let learned = state.profile.learned_channel().unwrap();
        assert_eq!((learned.channel.as_str(), learned.sent, learned.engaged), ("in_app", 1, 1));
    });
}

#[test]
fn promise_6_1_faults_of_figures_and_models_are_told_with_the_others() {
    let faults = Playbook::from_json(
        r#"{"version": 1, "currency": "EUR", "figures": {"lifecycle": {"dormant_after": "10d"}},
            "segments": {"a": {"rfm": {"group": "champions"}}, "b": {"lifecycle": "old"}}}"#,
    )
    .unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["$.figures.lifecycle", "$.segments.a.rfm", "$.segments.b.lifecycle"], "{faults}");
    let faults = Playbook::from_json(
        r#"{"version": 1, "currency": "EUR", "rfm": {"fitted": "2026-01-01", "currency": "EUR", "recency": ["1d", "2d", "3d", "4d"],
            "frequency": [1, 2, 3, 4], "monetary": [1, 2, 3, 4]},
            "segments": {"a": {"rfm": {"group": "champion"}}, "b": {"rfm": {"recency": {"above": 7}}}}}"#,
    )
    .unwrap_err()
    .to_string();
    assert!(
        faults.contains("$.segments.a.rfm.group: there is no group `champion`; did you mean `champions`?"),
        "{faults}"
    );
    assert!(
        faults.contains("$.segments.b.rfm.recency.above: expected a whole number from 1 to 5, found 7"),
        "{faults}"
    );
}

/// What engagement with two messages in the evening teaches, and what it makes true.
#[test]
fn promises_5_2_and_5_5_what_is_learned_makes_members_at_the_instant_at_which_it_is_learned() {
    let playbook = playbook(json!({
        "channels": {"in_app": {}}, "policy": {"topics_default": "opt_out", "zone": "Europe/Berlin"},
        "segments": {
            "evening": {"best_hour": {"hour": {"between": [18, 21]}}},
            "proved": {"best_hour": {"engagements": {"at_least": 2}}},
            "ios": {"device": {"kind": "ios", "share": {"above": "0.5"}}},
            "learned": {"learned_channel": {"channel": "in_app"}},
            "two_sent": {"learned_channel": {"channel": "in_app", "sent": {"at_least": 2}}}
        },
        "messages": {"m": {"dedupe": "1ms", "content_key": "{{ trigger.n }}", "variants": {"in_app": {"body": "Hello"}}}},
        "journeys": {"j": {"trigger": {"event": "A"}, "key": "messageId", "steps": [{"id": "send", "message": "m"}]}}}));
    let opened = |n: i64, device: &str| {
        let text = format!(
            r#"{{"type": "track", "event": "In-App Opened", "userId": "anna", "messageId": "o{n}",
            "timestamp": "2026-03-0{n}T18:20:00Z", "context": {{"device": {{"type": "{device}"}}}}}}"#
        );
        Event::from_json(&text).unwrap()
    };
    let (first, second) = (opened(1, "ios"), opened(3, "android"));
    let at = |event: &Event| event.timestamp.unwrap();
    let sent = day(1);
    let events = vec![
        of("A", 0).id("1").property("n", 1_i64),
        first.clone(),
        of("A", 1).id("2").property("n", 2_i64),
        second.clone(),
    ];
    let mut found = moves(&playbook, events, day(9));
    found.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    let told: Vec<(&str, Instant)> = found.iter().map(|(name, at)| (name.as_str(), *at)).collect();
    assert_eq!(
        told,
        [
            ("+evening", at(&first)),
            ("+ios", at(&first)),
            ("+learned", at(&first)),
            // A further message changes the evidence without any event of the customer's.
            ("+two_sent", sent),
            ("+proved", at(&second)),
            ("-ios", at(&second)),
        ]
    );
}

#[test]
fn promise_5_5_engagement_that_a_cascade_finds_in_an_event_makes_members_at_once() {
    let playbook = playbook(json!({
        "channels": {"in_app": {}}, "policy": {"topics_default": "opt_out"},
        "segments": {"engaged": {"engaged": {"channel": "in_app"}}},
        "messages": {"m": {"variants": {"in_app": {"body": "Hello"}}}},
        "journeys": {"j": {"trigger": {"event": "A"}, "steps": [{"id": "send", "cascade": {
            "message": "m", "attempts": [{"wait": "3d"}, {}], "stops_on": {"event": "B"}}}]}}}));
    let found = moves(&playbook, vec![of("A", 0), of("B", 1)], day(9));
    assert_eq!(found, [("+engaged".to_owned(), day(1))]);
}

#[test]
fn a_rule_in_words_stands_among_those_of_the_json() {
    use throughline::words::{days, event, in_segment, lifecycle, not, rfm};
    use throughline::{Lifecycle, Playbook};
    let json = json!({
        "version": 1, "currency": "EUR",
        "figures": {"lifecycle": {"at_risk_after": "10d", "dormant_after": "20d"}},
        "rfm": {"fitted": "2026-01-01", "currency": "EUR", "recency": ["1d", "2d", "3d", "4d"],
            "frequency": [1, 2, 3, 4], "monetary": [1, 2, 3, 4]},
        "segments": {"buyers": {"event": "Order Completed"}, "some": {"segment": "loyal"}}
    });
    let add = |json: &Json| {
        Playbook::builder()
            .with_criteria("loyal", event("Order Completed").within(days(90)).at_least(2))
            .with_criteria("at_risk", lifecycle([Lifecycle::AtRisk]))
            .with_criteria("others", not(in_segment("buyers")))
            .with_criteria("best", rfm().group("champions"))
            .build(&json.to_string())
    };
    let playbook = Arc::new(add(&json).unwrap());
    // With the playbook's own threshold.
    let found = moves(&playbook, vec![order("a", 10, 0), of("Page Viewed", 30)], day(30));
    assert!(found.contains(&("+at_risk".to_owned(), day(10))), "{found:?}");

    let mut twice = json.clone();
    twice["segments"]["loyal"] = json!({"identified": true});
    twice["segments"]["buyers"] = json!({"segment": "others"});
    let faults = add(&twice).unwrap_err();
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "$.segments.loyal: the builder adds a segment of this name too; keep one",
            "$.segments.others.not.segment: segments read each other in a circle: buyers -> others -> buyers",
        ]
    );
}
