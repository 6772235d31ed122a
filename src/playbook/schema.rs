//! The JSON Schema of a playbook: one line per section, each told by the room that reads it.

use serde_json::{Value as Json, json};

use super::Playbook;
use crate::primitives::schema::{Schema, basics, document, integer, list, map, name, object, refer, span, text};
use crate::{channel, customer, delivery, journey, message, policy, segment};

impl Playbook {
    /// The JSON Schema (draft 2020-12) of a playbook, for editors and for checks before anything runs:
    /// `cargo run --features schema --example schema` prints it.
    ///
    /// It knows every field and refuses every other. What it accepts may still have faults that only
    /// [`from_json`](Playbook::from_json) finds, such as a step that is not there; it knows no `null`, so leave out what is
    /// not said; and it takes a channel that is called `email`, `sms`, and so on to be of that kind.
    ///
    /// ```
    /// let schema: serde_json::Value = serde_json::from_str(&throughline::Playbook::schema())?;
    /// assert_eq!(schema["required"], serde_json::json!(["version", "currency"]));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn schema() -> String {
        let definitions = basics()
            .into_iter()
            .chain(segment::schema::definitions())
            .chain(message::schema::definitions())
            .chain(journey::schema::definitions());
        document("A playbook of throughline", playbook(), definitions)
    }
}

fn playbook() -> Json {
    object([
        ("version", integer(1..=1)),
        ("name", text()),
        ("description", json!(true)),
        ("currency", refer("currency")),
        ("dedupe_horizon", span()),
        ("identity", identity()),
        ("retention", object([("visitors", span()), ("events", span())])),
        ("brand", message::schema::brand()),
        ("consent", customer::schema::consent()),
        ("figures", customer::schema::figures()),
        ("rfm", segment::schema::rfm_model()),
        ("channels", map(channel::schema::channel())),
        ("segments", map(segment::schema::segment())),
        ("messages", map(message::schema::message())),
        ("effects", map(delivery::effect::schema::effect())),
        ("policy", policy::schema::policy()),
        ("journeys", map(journey::schema::journey())),
        ("shelf", journey::shelf_schema()),
    ])
    .needs(["version", "currency"])
}

fn identity() -> Json {
    object([("strong", list(name())), ("never", list(text())), ("most_merges", integer(0..=1_000))])
}
