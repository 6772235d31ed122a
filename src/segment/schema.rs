//! The JSON Schema of a rule, and of what stands around rules in a playbook.

use serde_json::{Value as Json, json};

use super::compare::OPERATORS;
use super::range::Range;
use super::{ConsentState, Criteria};
use crate::customer::{BuyerStage, Lifecycle};
use crate::event::Basis;
use crate::primitives::schema::{
    Schema, amount, any_of, basics, boolean, document, instant, integer, list, map, name, object, refer, span, text,
    words,
};

impl Criteria {
    /// The JSON Schema (draft 2020-12) of a rule, for editors and for checks before anything runs. What it accepts may still
    /// have faults that only [`from_json`](Criteria::from_json) finds, such as limits that never hold; it knows no `null`, so
    /// leave out what is not said.
    pub fn schema() -> String {
        document("A rule of throughline", refer("rule"), basics().into_iter().chain(definitions()))
    }
}

/// `{"rule": {..}, "description": ".."}`, or the rule alone.
pub(crate) fn segment() -> Json {
    any_of([object([("rule", refer("rule")), ("description", text())]).needs(["rule"]), refer("rule")])
}

/// Operators over a limit.
fn range<const N: usize>(limit: &Json, more: [(&str, Json); N]) -> Json {
    let mut schema = object(more);
    if let Some(fields) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        for operator in Range::OPERATORS {
            let pair = json!({"type": "array", "items": limit, "minItems": 2, "maxItems": 2});
            fields.insert(operator.to_owned(), if operator == "between" { pair } else { limit.clone() });
        }
    }
    schema
}

/// The operators of a comparison, with other fields.
fn compared<const N: usize>(more: [(&str, Json); N]) -> Json {
    let mut schema = object(more);
    if let Some(fields) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        for operator in OPERATORS {
            let wanted = match operator {
                "above" | "below" | "at_least" | "at_most" => json!({"type": ["number", "string"]}),
                "between" => {
                    json!({"type": "array", "items": {"type": ["number", "string"]}, "minItems": 2, "maxItems": 2})
                }
                "in" | "not_in" => list(refer("scalar")).at_least(1),
                "starts_with" | "ends_with" => text(),
                "exists" => boolean(),
                _ => refer("scalar"),
            };
            fields.insert(operator.to_owned(), wanted);
        }
    }
    schema
}

/// A word, or a list of some.
fn stages<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Json {
    any_of([words(names.clone()), list(words(names)).at_least(1)])
}

fn age() -> Json {
    object([("older_than", span()), ("younger_than", span())])
}

fn event() -> Json {
    let of = |limit: &Json| range(limit, [("of", name())]).needs(["of"]);
    let count = integer(0..=1_000_000);
    let about = |ask: &str, schema: Json| {
        object([("event", name()), ("where", refer("filter")), (ask, schema)]).needs(["event", ask])
    };
    any_of([
        about("first", age()),
        about("last", age()),
        about("gap", range(&span(), [])),
        object([
            ("event", name()),
            ("where", refer("filter")),
            ("within", span()),
            ("since", instant()),
            ("until", instant()),
            ("count", range(&count, [])),
            ("sum", of(&amount())),
            ("average", of(&amount())),
            ("min", of(&amount())),
            ("max", of(&amount())),
            ("distinct", of(&count)),
            ("never", boolean()),
            ("currency", refer("currency")),
            ("money", words(["gross", "net"])),
        ])
        .needs(["event"]),
    ])
}

fn attribute() -> Json {
    let dates = object([
        ("in_next", span()),
        ("in_last", span()),
        ("older_than", span()),
        ("before_now", boolean()),
        ("anniversary", object([("in_next", span()), ("in_last", span())])),
    ]);
    compared([("attribute", name()), ("for", span()), ("date", dates)]).needs(["attribute"])
}

fn sequence() -> Json {
    let step = any_of([name(), object([("event", name()), ("where", refer("filter"))]).needs(["event"])]);
    let steps = json!({"type": "array", "items": step, "minItems": 2, "maxItems": 8});
    object([("sequence", steps), ("within", span()), ("in_last", span())]).needs(["sequence"])
}

fn person() -> [(&'static str, Json); 9] {
    let percent = || integer(0..=100);
    let basis = || words(Basis::WORDS.iter().map(|(word, _)| *word));
    [
        ("segment", name()),
        (
            "consent",
            object([
                ("channel", name()),
                ("topic", name()),
                ("state", words(ConsentState::WORDS.iter().map(|(word, _)| *word))),
                ("basis", any_of([basis(), list(basis())])),
            ])
            .needs(["channel", "topic"]),
        ),
        ("reachable", any_of([name(), object([("channel", name()), ("device", name())]).needs(["channel", "device"])])),
        ("preferred_channel", name()),
        ("engaged", object([("channel", name()), ("within", span())]).needs(["channel"])),
        ("identified", boolean()),
        ("first_seen", age()),
        ("last_seen", age()),
        ("bucket", object([("of", name()), ("from", percent()), ("to", percent())]).needs(["of", "from", "to"])),
    ]
}

fn figures() -> [(&'static str, Json); 10] {
    let money = || ("money", words(["net", "gross"]));
    let likes = object([
        ("category", name()),
        ("brand", name()),
        ("share", range(&amount(), [])),
        ("score", range(&amount(), [])),
    ]);
    let times = || range(&integer(0..=u32::MAX.into()), []);
    let band = range(&integer(1..=100), []);
    let rfm = object([("group", name()), ("recency", band.clone()), ("frequency", band.clone()), ("monetary", band)]);
    [
        ("lifecycle", stages(Lifecycle::NAMES.iter().map(|(name, _)| *name))),
        ("buyer_stage", stages(BuyerStage::NAMES.iter().map(|(name, _)| *name))),
        ("affinity", likes),
        ("lifetime_value", range(&amount(), [money()])),
        ("average_order", range(&amount(), [money()])),
        ("orders", range(&integer(0..=u32::MAX.into()), [money()])),
        ("rfm", rfm),
        ("best_hour", object([("hour", range(&integer(0..=23), [])), ("engagements", times())])),
        ("learned_channel", object([("channel", name()), ("sent", times()), ("engaged", times())])),
        (
            "device",
            object([("kind", name()), ("engagements", times()), ("share", range(&amount(), []))]).needs(["kind"]),
        ),
    ]
}

/// What a rule is made of.
pub(crate) fn definitions() -> Vec<(&'static str, Json)> {
    let mut conditions = vec![attribute(), event(), sequence()];
    let parts = [
        ("all", list(refer("rule"))),
        ("any", list(refer("rule")).at_least(1)),
        ("not", refer("rule")),
        ("trigger", refer("filter")),
    ];
    for (kind, schema) in parts.into_iter().chain(person()).chain(figures()) {
        conditions.push(object([(kind, schema)]).needs([kind]));
    }
    vec![
        ("rule", any_of(conditions).about("A condition, named by one of its fields")),
        ("filter", map(any_of([refer("scalar"), compared([("trigger", name())])])).about("Properties that pass")),
        ("scalar", json!({"type": ["boolean", "number", "string"]})),
    ]
}

/// The section `rfm`.
pub(crate) fn rfm_model() -> Json {
    let bands = || json!({"type": "array", "items": integer(1..=100), "minItems": 2, "maxItems": 2});
    let group = object([("name", name()), ("recency", bands()), ("frequency", bands()), ("monetary", bands())]);
    object([
        ("fitted", instant()),
        ("customers", integer(0..=i64::MAX)),
        ("bands", integer(2..=100)),
        ("money", words(["net", "gross"])),
        ("currency", refer("currency")),
        ("recency", list(span())),
        ("frequency", list(integer(0..=u32::MAX.into()))),
        ("monetary", list(amount())),
        ("groups", list(group.needs(["name"]))),
    ])
    .needs(["fitted", "currency", "recency", "frequency", "monetary"])
}
