//! Definitions that nobody should write: each mistake is told at its place, all of them at once, and none brings the decoder
//! down.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use throughline::{Criteria, Playbook};

#[test]
fn promise_6_1_every_kind_of_bad_input_is_told_at_once_at_its_place() {
    let deep = (0..40).fold(json!({"identified": true}), |inner, _| json!({"not": inner}));
    let book = json!({
        "version": 1, "currency": "EUR", "channels": {"in_app": {}},
        "segments": {
            "operator": {"attribute": "age", "at_leest": 18},
            "kind": {"atribute": "age", "above": 1},
            "type": {"attribute": "age", "above": {"than": 18}},
            "types": {"event": 7, "count": {"at_least": "three"}},
            "window": {"event": "A", "within": "0d"},
            "age": {"last_seen": {"older_than": "-1d"}},
            "range": {"event": "A", "count": {"between": [5, 3]}},
            "deep": deep,
            "a": {"segment": "b"},
            "b": {"any": [{"identified": true}, {"segment": "c"}]},
            "c": {"not": {"segment": "a"}},
            "nobody": {"segment": "nobdy"},
            "text": "everyone",
        },
        "messages": {"m": {"class": "transactional", "variants": {"in_app": {"body": "{{ oops"}}}},
        "journeys": {"j": {"trigger": {"entered": "oparator"}, "steps": [{"id": "s", "wait": "soon"}]}}
    });
    let faults = Playbook::from_json(&book.to_string()).unwrap_err();
    let found =
        |path: &str, problem: &str| faults.iter().any(|fault| fault.path == path && fault.problem.contains(problem));
    assert_eq!(faults.len(), 16, "{faults}");
    let bottom = format!("$.segments.deep{}", ".not".repeat(32));
    for (path, problem) in [
        ("$.segments.operator.at_leest", "unknown field; did you mean `at_least`?"),
        ("$.segments.kind", "did you mean `attribute`?"),
        ("$.segments.type.above", "expected true, false, a number or text"),
        ("$.segments.types.event", "expected text, found a number"),
        ("$.segments.types.count.at_least", "expected a whole number, found text"),
        ("$.segments.window.within", "expected a length of time above zero"),
        ("$.segments.age.last_seen.older_than", "expected a length of time such as"),
        ("$.segments.range.count", "never holds"),
        (&bottom, "nested more than 32 deep; make a part of it a segment of its own"),
        ("$.segments.c.not.segment", "in a circle: a -> b -> c -> a"),
        ("$.segments.nobody.segment", "there is no segment `nobdy`; did you mean `nobody`?"),
        ("$.segments.text", "expected an object, found text"),
        ("$.messages.m.variants.in_app.body", ""),
        ("$.journeys.j.trigger.entered", ""),
        ("$.journeys.j.steps[0].wait", "expected a length of time such as"),
    ] {
        assert!(found(path, problem), "{path}: {problem} is not among\n{faults}");
    }
}

#[test]
fn promise_6_1_what_is_wrong_with_a_graph_as_a_whole_is_told_at_its_steps() {
    let begin = json!({"event": "Begin"});
    let book = json!({
        "version": 1, "currency": "EUR", "channels": {"in_app": {}, "push": {"by_id": true}, "email": {}},
        "segments": {"buyers": {"event": "Order Completed"}},
        "policy": {"frequency_caps": [{"at_most": 1, "calendar": "day", "topics": ["ofers"]}]},
        "messages": {"m": {"topic": "offers", "variants": {"in_app": {"body": "B"}}}},
        "journeys": {
            "for_ever": {"trigger": begin, "steps": [
                {"id": "a", "branch": [{"if": {"identified": true}, "next": "b"}], "else": "end"},
                {"id": "b", "wait": "30d"}, {"id": "c", "message": "m", "next": "b"}]},
            "until": {"trigger": begin, "exit": [{"event": "Stop"}], "steps": [
                {"id": "b", "wait": "30d"}, {"id": "c", "message": "m", "next": "b"}]},
            "circles": {"trigger": begin, "exit": [{"event": "Stop"}], "steps": [
                {"id": "a", "branch": [{"if": {"identified": true}, "next": "x"}], "else": "b"},
                {"id": "b", "update": {"attribute": "n", "value": 1}},
                {"id": "c", "branch": [{"if": {"identified": true}, "next": "b"}], "else": "w"},
                {"id": "w", "wait": "1d", "next": "a"},
                {"id": "x", "message": "m", "on_skip": "x"}]},
            "shares": {"trigger": begin, "steps": [
                {"id": "a", "split": [{"weight": "40%", "next": "b"}, {"weight": "33.33%", "next": "b"}]},
                {"id": "b", "split": [{"weight": "40%", "next": "c"}, {"weight": 60, "next": "c"}]},
                {"id": "c", "split": [{"weight": "40", "next": "d"}, {"weight": "100.1%", "next": "d"}]},
                {"id": "d", "split": [{"weight": "0.0001%", "next": "end"}, {"weight": "99.9999%", "next": "end"}]}]},
            "voices": {"trigger": begin, "steps": [
                {"id": "a", "message": "m", "channels": ["push", "email"]},
                {"id": "b", "cascade": {"message": "m", "attempts": [
                    {"wait": "1d"}, {"channels": ["push"], "wait": "1d"}, {"channels": ["in_app", "emial"]}]}},
                {"id": "c", "message": "m", "channels": []},
                {"id": "d", "message": "m", "channels": ["in_app", "push"]}]}
        }
    });
    let faults = Playbook::from_json(&book.to_string()).unwrap_err();
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let way = "no way leads from here to the end: add one, or an `exit` or a `goal` to the journey";
    let variant = "the message `m` has no variant for any channel here; it has in_app: add one, or name others";
    let percent = "expected a percentage from \"0%\" to \"100%\" of at most 4 decimals";
    let wait = "add a `wait` of some time, for what a `wait_until` waits for may be now";
    let expected = [
        "$.policy.frequency_caps[0].topics[0]: no message has the topic `ofers`; did you mean `offers`?".to_owned(),
        format!("$.journeys.circles.steps[1]: a cycle without a wait: b -> c; {wait}"),
        format!("$.journeys.circles.steps[4]: a cycle without a wait: x; {wait}"),
        format!("$.journeys.for_ever.steps[1]: {way}"),
        format!("$.journeys.for_ever.steps[2]: {way}"),
        "$.journeys.shares.steps[0].split: the percentages of a split add up to 73.33%, not to 100%".to_owned(),
        "$.journeys.shares.steps[1].split: some weights are percentages and others are not: write \"40%\" in each arm, or \
         in none"
            .to_owned(),
        format!("$.journeys.shares.steps[2].split[0].weight: {percent}, found `40`"),
        format!("$.journeys.shares.steps[2].split[1].weight: {percent}, found `100.1%`"),
        format!("$.journeys.voices.steps[0].channels: {variant}"),
        format!("$.journeys.voices.steps[1].cascade.attempts[1].channels: {variant}"),
        "$.journeys.voices.steps[1].cascade.attempts[2].channels[1]: the playbook has no channel `emial`; did you mean \
         `email`?"
            .to_owned(),
        format!("$.journeys.voices.steps[2].channels: {variant}"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn promise_6_1_a_journey_of_more_ways_than_can_be_walked_is_checked_in_no_time() {
    let last = 3_000;
    let mut steps: Vec<Json> = (0..last)
        .map(|n| {
            json!({"id": format!("s{n}"), "branch": [{"if": {"identified": true}, "next": format!("s{}", n + 1)}],
            "else": format!("s{}", (n + 2).min(last))})
        })
        .collect();
    steps.push(json!({"id": format!("s{last}"), "end": true}));
    let book =
        json!({"version": 1, "currency": "EUR", "journeys": {"j": {"trigger": {"event": "Begin"}, "steps": steps}}});
    assert!(Playbook::from_json(&book.to_string()).is_ok());
}

/// Any JSON at all, of names that mean something.
fn anything() -> impl Strategy<Value = Json> {
    let name = prop::sample::select(vec![
        "all",
        "any",
        "not",
        "attribute",
        "event",
        "sequence",
        "segment",
        "consent",
        "reachable",
        "engaged",
        "bucket",
        "lifecycle",
        "affinity",
        "rfm",
        "trigger",
        "where",
        "count",
        "sum",
        "of",
        "within",
        "since",
        "until",
        "equals",
        "between",
        "in",
        "date",
        "anniversary",
        "for",
        "first",
        "gap",
        "share",
        "category",
        "from",
        "to",
        "rule",
        "never",
        "channel",
        "topic",
        "older_than",
        "at_least",
        "",
        "a.b",
        ".",
    ]);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        prop::sample::select(vec![
            "",
            "1d",
            "0d",
            "9999999999w",
            "-1",
            "A",
            "email",
            "2026-01-01",
            "1e999",
            "ß",
            "\u{0}"
        ])
        .prop_map(Json::from),
        ".{0,6}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            3 => prop::collection::vec((name.clone(), inner), 0..4).prop_map(|fields| {
                Json::from(Map::from_iter(fields.into_iter().map(|(name, value)| (name.to_owned(), value))))
            }),
        ]
    })
}

fn count(value: &Json) -> usize {
    1 + match value {
        Json::Object(map) => map.values().map(count).sum(),
        Json::Array(list) => list.iter().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// Puts another value in the place of the n-th one of a document.
fn replace(value: &mut Json, n: &mut usize, other: &Json) {
    if *n == 0 {
        *value = other.clone();
    }
    *n = n.wrapping_sub(1);
    match value {
        Json::Object(map) => map.values_mut().for_each(|value| replace(value, n, other)),
        Json::Array(list) => list.iter_mut().for_each(|value| replace(value, n, other)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_json_brings_the_decoder_of_rules_down(json in anything()) {
        match Criteria::from_json(&json.to_string()) {
            Ok(rule) => prop_assert_eq!(Criteria::from_json(&rule.to_json()), Ok(rule)),
            Err(faults) => prop_assert!(faults.iter().all(|fault| fault.path.starts_with('$')) && !faults.is_empty()),
        }
    }

    #[test]
    fn no_text_brings_the_decoder_of_rules_down(text in ".{0,40}") {
        prop_assert!(Criteria::from_json(&text).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_a_playbook_brings_its_decoder_down(
        changes in prop::collection::vec((any::<prop::sample::Index>(), anything()), 1..4)
    ) {
        let mut book: Json = serde_json::from_str(include_str!("schema/everything.json")).unwrap();
        for (place, other) in changes {
            let mut n = place.index(count(&book));
            replace(&mut book, &mut n, &other);
        }
        if let Err(faults) = Playbook::from_json(&book.to_string()) {
            prop_assert!(faults.iter().all(|fault| fault.path.starts_with('$')) && !faults.is_empty());
        }
    }
}
