//! The JSON Schema of a journey.

use serde_json::{Value as Json, json};

use crate::primitives::schema::{Schema, any_of, boolean, integer, list, name, object, refer, span, text, words};

/// One of the section `journeys`.
pub(crate) fn journey() -> Json {
    let exit = object([
        ("event", name()),
        ("where", refer("filter")),
        ("entered", text()),
        ("left", text()),
        ("rule", refer("rule")),
    ]);
    let entry = any_of([
        words(["once", "after_end", "keyed", "restart"]),
        object([("cooldown", span()), ("keyed", span())]).one(["cooldown", "keyed"]),
    ]);
    object([
        ("version", integer(1..=u32::MAX.into())),
        ("description", json!(true)),
        ("trigger", trigger()),
        ("late_by", span()),
        ("key", name()),
        ("about", name()),
        ("entry", entry),
        ("exit", list(exit.one(["event", "entered", "left", "rule"]))),
        ("goal", event()),
        ("steps", list(refer("step")).at_least(1)),
    ])
    .needs(["trigger", "steps"])
}

fn trigger() -> Json {
    let happens = object([
        ("event", name()),
        ("where", refer("filter")),
        ("entered", text()),
        ("left", text()),
        ("if", refer("rule")),
        ("present_members", boolean()),
    ]);
    let date = object([
        ("date", name()),
        ("every", words(["year"])),
        ("offset", name()),
        ("time", name()),
        ("leap_day", words(["february_28", "march_1"])),
        ("segment", text()),
        ("if", refer("rule")),
    ]);
    let schedule = object([
        ("every", words(["day", "week", "month"])),
        ("weekdays", list(name()).at_least(1)),
        ("day", integer(1..=31)),
        ("time", name()),
        ("segment", text()),
        ("if", refer("rule")),
    ]);
    let call = object([("call", json!({"enum": [true]})), ("if", refer("rule"))]);
    any_of([
        happens.one(["event", "entered", "left"]),
        date.needs(["date"]),
        schedule.needs(["every"]),
        call.needs(["call"]),
    ])
}

fn event() -> Json {
    object([("event", name()), ("where", refer("filter"))]).needs(["event"])
}

/// What every step has, and what it does.
fn step<const N: usize>(kind: &str, does: Json, more: [&str; N]) -> Json {
    let mut step = object([("id", name()), ("note", json!(true)), (kind, does)]).needs(["id", kind]);
    if let Some(fields) = step.get_mut("properties").and_then(Json::as_object_mut) {
        fields.extend(more.into_iter().map(|name| (name.to_owned(), text())));
    }
    step
}

/// The steps of a journey.
pub(crate) fn definitions() -> Vec<(&'static str, Json)> {
    let until = object([("time", name()), ("weekdays", list(name()).at_least(1))]).needs(["time"]);
    let date = object([
        ("date", name()),
        ("every", words(["year"])),
        ("offset", name()),
        ("time", name()),
        ("leap_day", words(["february_28", "march_1"])),
    ]);
    let awaited = object([
        ("event", name()),
        ("where", refer("filter")),
        ("rule", refer("rule")),
        ("timeout", span()),
        ("since", words(["run", "step"])),
    ]);
    let arm = |on: &str, schema: Json| list(object([(on, schema), ("next", text())]).needs([on, "next"]));
    let channels = || list(text());
    let mut message = step("message", text(), ["next", "on_skip"]);
    if let Some(fields) = message.get_mut("properties").and_then(Json::as_object_mut) {
        fields.insert("channels".to_owned(), channels());
    }
    let engagement = words(["open", "click", "reply", "visit", "conversion"]);
    let stops = object([("event", name()), ("where", refer("filter")), ("about", name())]).needs(["event"]);
    let cascade = object([
        ("message", text()),
        ("attempts", list(object([("channels", channels()), ("wait", span())])).at_least(1)),
        ("stops_on", any_of([list(engagement), stops])),
    ]);
    let update = object([("attribute", name()), ("value", json!(true))]).needs(["attribute", "value"]);
    let steps = [
        step("wait", span(), ["next"]),
        step("wait_until", until, ["next"]),
        step("wait_until", date.needs(["date"]), ["next", "else"]),
        step("wait_for", awaited.needs(["timeout"]).one(["event", "rule"]), ["then", "else"]),
        step("branch", arm("if", refer("rule")), ["else"]).needs(["id", "branch", "else"]),
        step("split", arm("weight", integer(0..=1_000_000)), []),
        message,
        step("cascade", cascade.needs(["message", "attempts"]), ["next", "engaged"]),
        step("update", update, ["next"]),
        step("end", json!(true), []),
    ];
    vec![("step", any_of(steps).about("What a journey does next"))]
}
