//! The published schema and the decoders know the same fields.

mod checker;

use std::collections::BTreeSet;
use std::path::Path;

use checker::{Schema, child};
use serde_json::{Value as Json, json};
use throughline::{Criteria, Faults, Playbook};

/// No decoder knows it, and it is like no field that one knows.
const UNKNOWN: &str = "zz_nobody_knows_zz";

fn everything() -> Json {
    serde_json::from_str(include_str!("everything.json")).unwrap()
}

fn faults(document: &Json) -> Option<Faults> {
    Playbook::from_json(&document.to_string()).err()
}

/// Playbooks that are without a fault.
fn playbooks() -> Vec<(String, Json)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![("everything".to_owned(), everything())];
    for entry in std::fs::read_dir(root.join("examples/playbooks")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        found.push((path.display().to_string(), serde_json::from_str(&text).unwrap()));
    }
    // The whole documents among the guide's examples.
    for page in ["README.md", "src/guide/playbook.md", "src/guide/concepts.md", "src/guide/embedding.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        for (n, _) in text.match_indices("{").filter(|(n, _)| text[n + 1..].trim_start().starts_with("\"version\"")) {
            let mut documents = serde_json::Deserializer::from_str(&text[n..]).into_iter::<Json>();
            if let Some(Ok(document)) = documents.next()
                && faults(&document).is_none()
            {
                found.push((format!("{page} at {n}"), document));
            }
        }
    }
    found
}

#[test]
fn every_playbook_without_a_fault_is_accepted_by_the_schema() {
    let schema = Schema::new(&Playbook::schema());
    let playbooks = playbooks();
    assert!(playbooks.len() > 10, "{}", playbooks.len());
    for (name, document) in playbooks {
        let wrong = faults(&document);
        assert!(wrong.is_none(), "{name}: {}", wrong.unwrap());
        assert!(schema.accepts(&document), "{name}");
        assert!(!schema.accepts(&json!([document])));
    }
}

/// The fields that a decoder knows at a place, if it knows any: its fault about one that it does not know names them.
fn known(document: &Json, path: &str) -> Option<BTreeSet<String>> {
    let mut wrong = document.clone();
    at(&mut wrong, path).as_object_mut().unwrap().insert(UNKNOWN.to_owned(), json!(1));
    let place = child(path, UNKNOWN);
    let faults = faults(&wrong)?;
    let fault = faults.iter().find(|fault| fault.path == place && fault.problem.starts_with("unknown field"))?;
    let list = fault.problem.strip_prefix("unknown field; known here: ").unwrap();
    Some(list.split(", ").map(str::to_owned).collect())
}

/// The value at a path as faults write it.
fn at<'d>(document: &'d mut Json, path: &str) -> &'d mut Json {
    fn find<'d>(value: &'d mut Json, here: &str, path: &str) -> Option<&'d mut Json> {
        if here == path {
            return Some(value);
        }
        match value {
            Json::Object(map) => map
                .iter_mut()
                .filter(|(name, _)| path.starts_with(&child(here, name)))
                .find_map(|(name, value)| find(value, &child(here, name), path)),
            Json::Array(list) => {
                list.iter_mut().enumerate().find_map(|(n, value)| find(value, &format!("{here}[{n}]"), path))
            }
            _ => None,
        }
    }
    find(document, "$", path).unwrap_or_else(|| panic!("nothing at {path}"))
}

#[test]
fn promise_6_1_the_schema_knows_exactly_the_fields_that_the_decoders_know() {
    let schema = Schema::new(&Playbook::schema());
    let document = everything();
    let mut visited: BTreeSet<*const Json> = BTreeSet::new();
    for (path, schemas) in schema.places(&document) {
        visited.extend(schemas.iter().map(|schema| std::ptr::from_ref(*schema)));
        let open = |schema: &&&Json| schema.get("additionalProperties") != Some(&json!(false));
        let is_open = schemas.iter().any(|schema| open(&schema));
        let names = |schema: &&Json| schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        match known(&document, &path) {
            None => assert!(is_open, "{path}: the schema refuses fields that the decoder takes"),
            Some(mut fields) => {
                assert!(!is_open, "{path}: the schema takes fields that the decoder refuses");
                let said: BTreeSet<String> = schemas.iter().flat_map(names).collect();
                // Known to the decoder so that it can say that they exclude the others.
                if said.contains("count") && said.contains("event") {
                    fields.retain(|name| !["first", "last", "gap"].contains(&name.as_str()));
                }
                assert_eq!(said, fields, "{path}");
                let mut wrong = document.clone();
                at(&mut wrong, &path).as_object_mut().unwrap().insert(UNKNOWN.to_owned(), json!(1));
                assert!(!schema.accepts(&wrong), "{path}: the schema takes an unknown field");
            }
        }
    }
    let missed: Vec<String> = schema
        .objects()
        .into_iter()
        .filter(|(_, object)| !visited.contains(&std::ptr::from_ref(*object)))
        .map(|(place, _)| place)
        .collect();
    // The texts of a channel by another name than its kind's are those of any kind.
    let missed: Vec<String> = missed.into_iter().filter(|place| !place.contains("/variants/additional")).collect();
    assert!(missed.is_empty(), "tests/schema/everything.json does not have {missed:#?}");
}

/// Every value of a document, by its path.
fn paths(value: &Json, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Json::Object(map) => map.iter().for_each(|(name, value)| paths(value, &child(path, name), found)),
        Json::Array(list) => {
            list.iter().enumerate().for_each(|(n, value)| paths(value, &format!("{path}[{n}]"), found))
        }
        _ => {}
    }
}

/// Puts other values in the place of each value of a document, and leaves each field out: what is still without a fault has
/// to be accepted by the schema. How many are.
fn change_everything(document: &Json, schema: &Schema, is_sound: impl Fn(&Json) -> bool) -> u32 {
    let mut all = Vec::new();
    paths(document, "$", &mut all);
    let mut accepted = 0;
    for path in &all {
        for other in [json!(true), json!(7), json!("12"), json!("1d"), json!([]), json!({})] {
            let mut changed = document.clone();
            *at(&mut changed, path) = other.clone();
            let sound = is_sound(&changed);
            accepted += u32::from(sound);
            assert!(!sound || schema.accepts(&changed), "{path}: {other}");
        }
        let mut shorter = document.clone();
        if let Some((parent, name)) = path.rsplit_once('.').filter(|(_, name)| !name.contains([']', '"'])) {
            at(&mut shorter, parent).as_object_mut().unwrap().remove(name);
            assert!(!is_sound(&shorter) || schema.accepts(&shorter), "{path} left out");
        }
    }
    accepted
}

#[test]
fn what_the_decoders_accept_the_schema_accepts_whatever_is_changed_in_a_playbook() {
    let schema = Schema::new(&Playbook::schema());
    let mut document = everything();
    // Rules are changed by themselves below.
    let segments = document["segments"].as_object_mut().unwrap();
    segments.retain(|name, _| ["everyone", "never", "happened"].contains(&name.as_str()));
    assert!(change_everything(&document, &schema, |json| faults(json).is_none()) > 100);
    let schema = Schema::new(&Criteria::schema());
    let is_sound = |json: &Json| Criteria::from_json(&json.to_string()).is_ok();
    let mut accepted = 0;
    for rule in everything()["segments"].as_object().unwrap().values() {
        accepted += change_everything(rule.get("rule").unwrap_or(rule), &schema, is_sound);
    }
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn a_rule_has_a_schema_of_its_own() {
    let schema = Schema::new(&Criteria::schema());
    for (name, rule) in everything()["segments"].as_object().unwrap() {
        let rule = rule.get("rule").unwrap_or(rule);
        assert!(schema.accepts(rule), "{name}");
        let mut wrong = rule.clone();
        wrong[UNKNOWN] = json!(1);
        assert!(!schema.accepts(&wrong), "{name}");
        assert!(Criteria::from_json(&wrong.to_string()).is_err(), "{name}");
    }
}
