//! One log through two playbooks, and journeys that draw themselves.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use throughline::{Change, ChangeCounts, Comparison, Event, HandOvers, Instant, Playbook, Rehearsal, Span};

fn book(wait: &str, cap: u32, channels: &[&str]) -> Json {
    let all = |value: Json| {
        channels.iter().map(|name| ((*name).to_owned(), value.clone())).collect::<serde_json::Map<_, _>>()
    };
    json!({
        "version": 1, "currency": "EUR", "channels": all(json!({})),
        "policy": {"topics_default": "opt_out", "frequency_caps": [{"at_most": cap, "rolling": "7d"}]},
        "messages": {"reminder": {"when_capped": "skip", "variants": all(json!({"title": "Hello", "body": "Your cart is still here."}))}},
        "journeys": {"cart": {
            "trigger": {"event": "Product Added"}, "key": "messageId",
            "steps": [{"id": "a_while", "wait": wait}, {"id": "remind", "message": "reminder"}]
        }}
    })
}

fn hand_overs(book: &Json, log: &[Event]) -> HandOvers {
    let playbook = Arc::new(Playbook::from_json(&book.to_string()).unwrap_or_else(|faults| panic!("{faults}")));
    let mut heard = HandOvers::default();
    let mut rehearsal = Rehearsal::new(playbook).with_observer(|line| heard.hear(line)).unexplained();
    log.iter().for_each(|event| rehearsal.event(event.clone()).unwrap());
    let summary = rehearsal.finish(None);
    let comparison = Comparison::of(&heard, &HandOvers::default());
    assert_eq!(comparison.all.before, summary.handed_over);
    heard
}

fn added(user: &str, at: &str) -> Event {
    Event::track("Product Added").user(user).id(&format!("{user} {at}")).at(at.parse().unwrap())
}

fn counts(all: ChangeCounts) -> [u64; 6] {
    [all.same, all.more, all.less, all.earlier, all.later, all.other_channel]
}

#[test]
fn a_comparison_tells_who_gets_what_more_less_earlier_and_later() {
    let log = [
        added("anna", "2026-03-01T10:00:00Z"),
        added("ben", "2026-03-01T11:00:00Z"),
        added("ben", "2026-03-02T11:00:00Z"),
    ];
    let first = hand_overs(&book("1d", 1, &["in_app"]), &log);
    // Ben's second reminder was capped.
    let later = Comparison::of(&first, &hand_overs(&book("2d", 2, &["in_app"]), &log));
    assert_eq!(counts(later.all), [0, 1, 0, 0, 2, 0]);
    assert_eq!((later.all.before, later.all.after), (2, 3));
    assert_eq!((later.customers.more, later.customers.as_many, later.customers.newly_reached), (1, 1, 0));
    assert_eq!(later.channels["in_app"], [2, 3]);
    let told: Vec<_> = later.changes.iter().map(|one| (one.who(), one.change)).collect();
    let day = Change::Later { by: Span::days(1) };
    assert_eq!(told, [("anna", day), ("ben", day), ("ben", Change::More)]);
    let line = serde_json::to_value(&later.changes[0]).unwrap();
    assert_eq!((&line["who"], &line["change"], &line["by"]), (&json!("anna"), &json!("later"), &json!("1d")));
    assert_eq!(line["after"]["step"], "remind");
    assert!(!format!("{:?}", later.changes).contains("anna"), "promise 2.5");

    let earlier = Comparison::of(&first, &hand_overs(&book("1h", 1, &["in_app"]), &log));
    assert_eq!(counts(earlier.all), [0, 0, 0, 2, 0, 0]);
    let nothing = Comparison::of(&first, &HandOvers::default());
    assert_eq!((counts(nothing.all), nothing.customers.no_longer_reached), ([0, 0, 2, 0, 0, 0], 2));
    let elsewhere = Comparison::of(&first, &hand_overs(&book("1d", 1, &["inbox"]), &log));
    assert_eq!(counts(elsewhere.all), [0, 0, 0, 0, 0, 2]);
    assert_eq!((elsewhere.channels["in_app"], elsewhere.channels["inbox"]), ([2, 0], [0, 2]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_comparison_adds_up_and_is_the_other_way_round_the_opposite(
        log in proptest::collection::vec((0..4u8, 0..400i64), 1..30), waits in (1..50u32, 1..50u32), caps in (1..4u32, 1..4u32)
    ) {
        let start: Instant = "2026-03-01T00:00:00Z".parse().unwrap();
        let mut log = log;
        log.sort_by_key(|(_, hour)| *hour);
        let event = |(who, hour): &(u8, i64)| added(&format!("u{who}"), &(start + Span::hours(*hour)).to_string());
        let log: Vec<Event> = log.iter().map(event).collect();
        let one = hand_overs(&book(&format!("{}h", waits.0), caps.0, &["in_app"]), &log);
        let other = hand_overs(&book(&format!("{}h", waits.1), caps.1, &["in_app"]), &log);
        prop_assert!(Comparison::of(&one, &one).changes.is_empty());
        let there = Comparison::of(&one, &other);
        let back = Comparison::of(&other, &one);
        let ([same, more, less, earlier, later, elsewhere], back) = (counts(there.all), counts(back.all));
        prop_assert_eq!([same, less, more, later, earlier, elsewhere], back);
        prop_assert_eq!(there.all.before, same + less + earlier + later + elsewhere);
        prop_assert_eq!(there.all.after, same + more + earlier + later + elsewhere);
        prop_assert_eq!(there.changes.len() as u64, more + less + earlier + later + elsewhere);
    }
}

#[test]
fn every_journey_of_the_examples_draws_each_of_its_steps() {
    for name in ["demo", "abandoned_cart", "offers", "after_purchase"] {
        let text = std::fs::read_to_string(format!("examples/playbooks/{name}.json")).unwrap();
        let json: Json = serde_json::from_str(&text).unwrap();
        let playbook = Playbook::from_json(&text).unwrap();
        for journey in playbook.journeys() {
            let diagram = journey.diagram().unwrap();
            let (mermaid, dot) = (diagram.to_mermaid(), diagram.to_graphviz());
            let steps = json["journeys"][journey.id().as_str()]["steps"].as_array().unwrap();
            for step in steps {
                let id = step["id"].as_str().unwrap();
                assert_eq!(mermaid.matches(&format!("<b>{id}</b>")).count(), 1, "{id} of {}", journey.id());
                assert!(dot.contains(&format!("label=\"{id}")), "{id} of {}", journey.id());
            }
            // Every box but the exits and the begin has an arrow to it, and every one but the end has one from it.
            let boxes = mermaid.lines().filter(|line| line.starts_with("    s") && line.contains("[\"<b>"));
            for line in boxes.filter(|line| !line.contains(">\"<b>")) {
                let spot: String = line.trim().chars().take_while(|letter| letter.is_ascii_alphanumeric()).collect();
                assert!(mermaid.lines().any(|line| line.ends_with(&format!(" {spot}"))), "{spot} in {mermaid}");
                assert!(mermaid.lines().any(|line| line.starts_with(&format!("    {spot} "))), "{spot} in {mermaid}");
            }
        }
    }
}

#[test]
fn a_drawing_says_what_every_kind_of_step_does_and_where_it_leads() {
    let json = json!({
        "version": 1, "currency": "EUR", "channels": {"in_app": {}, "inbox": {}},
        "policy": {"topics_default": "opt_out"},
        "segments": {"gone": {"event": "Order Completed", "last": {"older_than": "60d"}}},
        "messages": {"hello": {"variants": {"in_app": {"body": "Hello"}, "inbox": {"title": "Hello", "body": "Hello"}}}},
        "journeys": {"all": {
            "trigger": {"event": "Signed Up", "where": {"plan": "pro"}, "if": {"identified": true}},
            "exit": [{"entered": "gone"}, {"event": "Order Completed"}], "goal": {"event": "Order Completed", "where": {"total": {"at_least": 10}}},
            "steps": [
                {"id": "a", "wait": "36h"},
                {"id": "b", "wait_until": {"time": "09:00", "weekdays": ["mon", "tue"]}},
                {"id": "c", "wait_for": {"event": "Product Viewed", "timeout": "3d"}, "then": "d", "else": "e"},
                {"id": "d", "branch": [{"if": {"attribute": "tier", "equals": "gold"}, "next": "f"}], "else": "e"},
                {"id": "e", "split": [{"weight": 1, "next": "f"}, {"weight": 2, "next": "end"}]},
                {"id": "f", "message": "hello", "channels": ["in_app"], "on_skip": "end"},
                {"id": "g", "cascade": {"message": "hello", "stops_on": ["open", "click"],
                    "attempts": [{"channels": ["in_app"], "wait": "2d"}, {}]}, "engaged": "end"},
                {"id": "h", "update": {"attribute": "welcomed", "value": true}},
                {"id": "i", "end": true}
            ]
        }}
    });
    let playbook = Playbook::from_json(&json.to_string()).unwrap_or_else(|faults| panic!("{faults}"));
    let mermaid = playbook.journeys().next().unwrap().diagram().unwrap().to_mermaid();
    for part in [
        r#"(["Signed Up where plan is #quot;pro#quot;<br/>if identified"])"#,
        "wait 1d12h",
        "wait until 09:00 on Monday, Tuesday",
        "wait for Product Viewed<br/>up to 3d",
        r#"-->|"then"|"#,
        r#"-->|"tier is #quot;gold#quot;"|"#,
        r#"-->|"33.33 %"|"#,
        r#"-->|"66.67 %"|"#,
        "message hello on in_app",
        r#"-->|"on skip"| s10"#,
        "cascade hello<br/>1. on in_app, then 2d<br/>2. on the next best<br/>until open or click",
        r#"-->|"engaged"| s10"#,
        "set welcomed",
        r#"s11>"<b>exit</b><br/>enters gone"]"#,
        "s11 -.-> s10",
        r#"<b>goal</b><br/>Order Completed where total is at least 10"#,
    ] {
        assert!(mermaid.contains(part), "no {part} in {mermaid}");
    }
}
