//! The JSON Schema of an effect.

use serde_json::{Value as Json, json};

use crate::channel::schema::retry;
use crate::primitives::schema::{boolean, integer, object, span};

/// One of the section `effects`.
pub(crate) fn effect() -> Json {
    object([
        ("description", json!(true)),
        ("timeout", span()),
        ("in_flight", integer(1..=1_000_000)),
        ("retry", retry()),
        ("valid_for", span()),
        ("marketing", boolean()),
    ])
}
