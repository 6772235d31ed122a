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
