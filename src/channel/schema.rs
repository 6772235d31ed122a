//! The JSON Schema of a channel.

use serde_json::Value as Json;

use crate::primitives::schema::{amount, any_of, boolean, integer, map, name, object, span, words};

/// One of the section `channels`.
pub(crate) fn channel() -> Json {
    let count = || integer(1..=1_000_000);
    let fee = || [("per_message", amount()), ("per_part", amount())];
    let [per_message, per_part] = fee();
    let unknown = || words(["park", "resend"]);
    object([
        ("kind", name()),
        ("direction", words(["outbound", "inbound", "audience"])),
        ("by_id", boolean()),
        ("devices", words(["all", "latest"])),
        ("tariff", object([per_message, per_part, ("by_country", map(object(fee())))])),
        (
            "limits",
            object([
                ("bytes", count()),
                ("reserved", integer(0..=1_000_000)),
                ("parts", count()),
                ("graphemes", map(count())),
                ("charset", words(["as_written", "plain"])),
            ]),
        ),
        ("key_memory", span()),
        ("on_unknown", any_of([unknown(), object([("marketing", unknown()), ("transactional", unknown())])])),
        ("timeout", span()),
        ("in_flight", count()),
        ("rate_per_second", count()),
        ("retry", retry()),
        ("quiet_hours", boolean()),
    ])
}

/// When what failed is tried again.
pub(crate) fn retry() -> Json {
    object([("attempts", integer(1..=100)), ("first", span()), ("factor", integer(1..=10)), ("at_most", span())])
}
