//! The JSON Schemas of the sections `consent` and `figures`.

use serde_json::Value as Json;

use crate::primitives::schema::{Schema, integer, list, map, name, object, span};

/// The section `consent`.
pub(crate) fn consent() -> Json {
    let names = || list(name()).at_least(1);
    let implied = || {
        object([
            ("events", names()),
            ("for", name().about("Calendar years and months, or days: 2y, 6mo, 730d")),
            ("channels", names()),
            ("topics", names()),
        ])
    };
    let double = object([("channel", name()), ("topic", name()), ("within", span())]);
    object([
        (
            "implied",
            object([
                ("purchase", implied().needs(["for", "channels"])),
                ("inquiry", implied().needs(["for", "channels", "events"])),
            ]),
        ),
        ("double_opt_in", list(double)),
        ("stop_words", names()),
        ("start_words", names()),
    ])
    .about("What implies consent, what has to be confirmed, and by which replies customers opt out")
}

/// The section `figures`.
pub(crate) fn figures() -> Json {
    let stage = || object([("events", list(name())), ("lasts", span())]);
    let journey =
        object([("consideration", stage()), ("decision", stage()), ("post_purchase", object([("lasts", span())]))]);
    let lifecycle = object([
        ("new_for", span()),
        ("at_risk_after", span()),
        ("dormant_after", span()),
        ("won_back_for", span()),
        ("loyal_orders", integer(1..=1_000_000)),
    ]);
    let affinity = object([("half_life", span()), ("weights", map(integer(0..=100)))]);
    object([("buyer_journey", journey), ("lifecycle", lifecycle), ("affinity", affinity), ("converted", name())])
        .about("What the figures of a customer are made by")
}
