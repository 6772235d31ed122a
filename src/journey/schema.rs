//! The JSON Schema of a journey.

use serde_json::{Value as Json, json};

use crate::primitives::schema::{
    Schema, amount, any_of, boolean, integer, list, map, name, object, refer, share, span, text, words,
};

/// One of the section `journeys`.
pub(crate) fn journey() -> Json {
    version([("paused", boolean()), ("earlier", list(version([])))])
}

/// One version of a journey, and what only the newest has.
fn version<const N: usize>(more: [(&str, Json); N]) -> Json {
    let mut version = object([
        ("version", integer(1..=u32::MAX.into())),
        ("description", json!(true)),
        ("trigger", refer("trigger")),
        ("late_by", span()),
        ("key", name()),
        ("about", name()),
        ("entry", refer("entry")),
        ("exit", list(refer("exit"))),
        ("goal", refer("goal")),
        ("holdout", object([("share", share())]).needs(["share"])),
        ("steps", list(refer("step")).at_least(1)),
        ("migrate", any_of([refer("migrate"), list(refer("migrate"))])),
    ]);
    if let Some(fields) = version.get_mut("properties").and_then(Json::as_object_mut) {
        fields.extend(more.into_iter().map(|(name, schema)| (name.to_owned(), schema)));
    }
    version.needs(["trigger", "steps"])
}

/// What a journey has beside its steps.
fn parts() -> [(&'static str, Json); 5] {
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
    let migrate = object([("from", integer(1..=u32::MAX.into())), ("steps", map(text()))]).needs(["from"]);
    [
        ("trigger", trigger().about("What begins a run")),
        ("exit", exit.one(["event", "entered", "left", "rule"]).about("What ends a run wherever it stands")),
        ("entry", entry.about("Who may enter again")),
        ("goal", object([("event", name()), ("where", refer("filter")), ("within", span())]).needs(["event"])),
        ("migrate", migrate.about("Where the runs of an earlier version go on, step by step")),
    ]
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
    let percent = name().about("A percentage such as 40%; those of a split add up to 100%");
    let channels = || list(text());
    let mut message = step("message", text(), ["next", "on_skip", "on_error"]);
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
    let digest = object([
        ("message", text()),
        ("keep", list(name())),
        ("closes_after", span()),
        ("counting_from", words(["first", "last"])),
        ("at_most", span()),
        ("events", integer(1..=100)),
    ]);
    let mut digest = step("digest", digest.needs(["message", "closes_after"]), ["next", "on_skip", "on_error"]);
    if let Some(fields) = digest.get_mut("properties").and_then(Json::as_object_mut) {
        fields.insert("channels".to_owned(), channels());
    }
    let change = || {
        object([("attribute", name()), ("value", json!(true)), ("from", name()), ("add", amount())])
            .one(["value", "from", "add"])
            .needs(["attribute"])
    };
    let call = object([("effect", text()), ("payload", json!({"type": "object"})), ("valid_for", span())]);
    let steps = [
        step("wait", span(), ["next"]),
        step("wait_until", until, ["next"]),
        step("wait_until", date.needs(["date"]), ["next", "else"]),
        step("wait_for", awaited.needs(["timeout"]).one(["event", "rule"]), ["then", "else"]),
        step("branch", arm("if", refer("rule")), ["else"]).needs(["id", "branch", "else"]),
        step("split", arm("weight", any_of([integer(0..=1_000_000), percent])), []),
        message,
        step("cascade", cascade.needs(["message", "attempts"]), ["next", "engaged"]),
        digest,
        step("call", call.needs(["effect"]), ["next", "on_error"]),
        step("update", any_of([change(), list(change()).at_least(1)]), ["next"]),
        step("goal", json!({"enum": [true]}), ["next"]),
        step("go", text(), []),
        step("end", json!(true), []),
    ];
    let step = ("step", any_of(steps).about("What a journey does next"));
    parts().into_iter().chain([step]).collect()
}
