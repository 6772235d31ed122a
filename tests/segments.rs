//! Segments through the whole path: what a definition reads is kept.

use std::sync::Arc;

use throughline::{Event, Playbook, Rehearsal};

#[test]
fn promise_5_4_a_segment_over_all_time_holds_though_nothing_else_keeps_its_event() {
    let json = r#"{"version": 1, "currency": "EUR",
        "segments": {"wishers": {"event": "Product Added to Wishlist"}, "first": {"event": "A", "first": {"older_than": "1d"}}}}"#;
    let mut rehearsal = Rehearsal::new(Arc::new(Playbook::from_json(json).unwrap()));
    let at = "2026-03-01".parse().unwrap();
    rehearsal.event(Event::track("Product Added to Wishlist").user("anna").at(at)).unwrap();
    rehearsal.event(Event::track("A").user("anna").at(at)).unwrap();
    let summary = rehearsal.finish(None);
    assert_eq!((summary.segments["wishers"], summary.segments["first"]), (1, 1));
}

#[test]
fn promise_6_6_an_exit_rule_on_an_attribute_ends_the_run_when_the_attribute_is_set() {
    let json = r#"{"version": 1, "currency": "EUR", "channels": {"in_app": {}},
        "messages": {"m": {"class": "transactional", "variants": {"in_app": {"body": "m"}}}},
        "journeys": {"j": {"trigger": {"event": "A"}, "exit": [{"rule": {"attribute": "tier", "equals": "gold"}}],
            "steps": [{"id": "wait", "wait": "7d"}, {"id": "send", "message": "m"}]}}}"#;
    let mut rehearsal = Rehearsal::new(Arc::new(Playbook::from_json(json).unwrap()));
    rehearsal.event(Event::track("A").user("anna").at("2026-03-01".parse().unwrap())).unwrap();
    let gold = Event::identify().user("anna").with_trait("tier", "gold").at("2026-03-02".parse().unwrap());
    rehearsal.event(gold).unwrap();
    let summary = rehearsal.finish(None);
    assert_eq!((summary.journey("j").ended["exited"], summary.handed_over), (1, 0));
}

#[test]
fn senseless_definitions_are_faults_with_their_place() {
    let json = r#"{"version": 1, "currency": "EUR", "segments": {"s": {"identified": true}},
        "journeys": {
            "a": {"trigger": {"entered": "s", "where": {"x": 1}}, "steps": [{"id": "w", "wait": "1d"}]},
            "b": {"trigger": {"entered": "s"}, "key": "order_id", "steps": [{"id": "w", "wait": "1d"}]},
            "c": {"trigger": {"event": "A"}, "entry": "keyed", "steps": [{"id": "w", "wait": "1d"}]}}}"#;
    let faults = Playbook::from_json(json).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["$.journeys.a.trigger.where", "$.journeys.b.key", "$.journeys.c.entry"], "{faults}");
}

#[test]
fn promise_7_4_a_calendar_cap_without_a_known_zone_lets_no_more_through() {
    let json = r#"{"version": 1, "currency": "EUR", "channels": {"in_app": {}},
        "policy": {"topics_default": "opt_out", "frequency_caps": [{"at_most": 1, "calendar": "month"}]},
        "messages": {"m": {"when_capped": "skip", "variants": {"in_app": {"body": "m"}}}},
        "journeys": {"j": {"trigger": {"event": "A"}, "key": "messageId", "steps": [{"id": "send", "message": "m"}]}}}"#;
    let mut rehearsal = Rehearsal::new(Arc::new(Playbook::from_json(json).unwrap()));
    for day in 10..20 {
        let at = format!("2026-03-{day}T12:00:00Z").parse().unwrap();
        rehearsal.event(Event::track("A").user("anna").id(&day.to_string()).at(at)).unwrap();
    }
    let summary = rehearsal.finish(None);
    assert_eq!((summary.handed_over, summary.skipped["m"]["frequency_cap"]), (1, 9));
}

/// Host code that panics wherever it is asked.
#[derive(Debug)]
struct Panics;

impl throughline::Segment for Panics {
    fn evaluate(&self, _: &dyn throughline::Customer, _: throughline::Instant) -> throughline::Membership {
        panic!("a segment of the host's")
    }
    fn needs(&self) -> throughline::Needs {
        throughline::Needs::default()
    }
}

impl throughline::Rule for Panics {
    fn id(&self) -> &'static str {
        "panics"
    }
    fn check(&self, ask: &throughline::Ask<'_>, _: &throughline::Candidate<'_>) -> throughline::Verdict {
        assert_ne!(ask.message.tag.id.as_str(), "bad", "a rule of the host's");
        throughline::Verdict::Pass
    }
}

#[test]
fn host_code_that_panics_harms_nothing_else() {
    let json = r#"{"version": 1, "currency": "EUR", "channels": {"in_app": {}}, "policy": {"topics_default": "opt_out"},
        "messages": {"good": {"variants": {"in_app": {"body": "g"}}}, "bad": {"variants": {"in_app": {"body": "b"}}}},
        "journeys": {
            "a": {"trigger": {"event": "A"}, "steps": [{"id": "send", "message": "bad"}]},
            "b": {"trigger": {"event": "A"}, "steps": [{"id": "send", "message": "good"}]}}}"#;
    let playbook = Playbook::builder().with_segment("host", Panics).with_rule(Panics).build(json).unwrap();
    let mut rehearsal = Rehearsal::new(Arc::new(playbook));
    rehearsal.event(Event::track("A").user("anna").at("2026-03-01".parse().unwrap())).unwrap();
    let summary = rehearsal.finish(None);
    assert_eq!((summary.handed_over, summary.skipped["bad"]["panicked"]), (1, 1));
}
