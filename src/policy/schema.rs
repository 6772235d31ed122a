//! The JSON Schema of the section `policy`.

use serde_json::Value as Json;

use super::{Industry, Region};
use crate::primitives::schema::{Schema, amount, integer, list, map, name, object, share, span, text, words};

/// The section `policy`.
pub(crate) fn policy() -> Json {
    let mode = || words(["opt_in", "opt_out"]);
    let cap = object([
        ("at_most", integer(0..=1_000_000)),
        ("rolling", span()),
        ("calendar", words(["day", "week", "month"])),
        ("week_begins", name()),
        ("channels", list(text())),
        ("topics", list(text())),
    ]);
    object([
        ("zone", name().about("An IANA time zone such as Europe/London")),
        ("region", words(Region::WORDS.iter().map(|(word, _)| *word))),
        ("industry", words(Industry::WORDS.iter().map(|(word, _)| *word))),
        ("topics", map(mode())),
        ("topics_default", mode()),
        ("opt_outs_stop", words(["marketing", "everything"])),
        ("frequency_caps", list(cap.needs(["at_most"]).one(["rolling", "calendar"]))),
        ("minimum_gap", object([("any_channel", span()), ("same_channel", span())])),
        (
            "quiet_hours",
            object([("window", name().about("Such as 22:00-06:00")), ("spread", span())]).needs(["window"]),
        ),
        ("engagement_value", amount()),
        ("holdout", object([("share", share()), ("salt", text())]).needs(["share"])),
    ])
}
