//! The JSON Schema of the section `figures`.

use serde_json::Value as Json;

use crate::primitives::schema::{Schema, integer, list, map, name, object, span};

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
