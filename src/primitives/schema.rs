//! The pieces of which a JSON Schema is put together. Beside each decoder stands the schema of what it reads; a test holds
//! the fields of both together.

use std::ops::RangeInclusive;

use serde_json::{Map, Value as Json, json};

/// An object with these fields and no others, each of which may be left out.
pub(crate) fn object<const N: usize>(fields: [(&str, Json); N]) -> Json {
    let fields: Map<String, Json> = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({"type": "object", "properties": fields, "additionalProperties": false})
}

/// An object whose field names are the user's own.
pub(crate) fn map(of: Json) -> Json {
    json!({"type": "object", "additionalProperties": of})
}

pub(crate) fn list(of: Json) -> Json {
    json!({"type": "array", "items": of})
}

pub(crate) fn any_of(schemas: impl IntoIterator<Item = Json>) -> Json {
    json!({"anyOf": schemas.into_iter().collect::<Vec<_>>()})
}

/// One of some words.
pub(crate) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Json {
    json!({"enum": words.into_iter().collect::<Vec<_>>()})
}

pub(crate) fn integer(range: RangeInclusive<i64>) -> Json {
    json!({"type": "integer", "minimum": range.start(), "maximum": range.end()})
}

pub(crate) fn boolean() -> Json {
    json!({"type": "boolean"})
}

pub(crate) fn text() -> Json {
    json!({"type": "string"})
}

/// Text that is not empty.
pub(crate) fn name() -> Json {
    json!({"type": "string", "minLength": 1})
}

/// A definition that stands in [`basics`] or in a room's own.
pub(crate) fn refer(definition: &str) -> Json {
    json!({"$ref": format!("#/$defs/{definition}")})
}

pub(crate) fn span() -> Json {
    refer("span")
}

pub(crate) fn instant() -> Json {
    refer("instant")
}

pub(crate) fn amount() -> Json {
    refer("amount")
}

/// A share of a whole.
pub(crate) fn share() -> Json {
    let part = json!({"type": ["number", "string"]});
    part.about("A share from 0 to 1 such as 0.05, or text such as \"5%\", to the millionth")
}

/// Adds to a schema; what is there already stays.
pub(crate) trait Schema: Sized {
    /// These fields must be there.
    fn needs<const N: usize>(self, names: [&str; N]) -> Self;
    /// Exactly one of these fields must be there.
    fn one<const N: usize>(self, names: [&str; N]) -> Self;
    /// So many members at least.
    fn at_least(self, members: usize) -> Self;
    /// What it is, for people.
    fn about(self, what: &str) -> Self;
}

impl Schema for Json {
    fn needs<const N: usize>(self, names: [&str; N]) -> Json {
        put(self, "required", json!(names.as_slice()))
    }

    fn one<const N: usize>(self, names: [&str; N]) -> Json {
        put(self, "oneOf", names.into_iter().map(|name| json!({"required": [name]})).collect())
    }

    fn at_least(self, members: usize) -> Json {
        put(self, "minItems", members.into())
    }

    fn about(self, what: &str) -> Json {
        put(self, "description", what.into())
    }
}

fn put(mut schema: Json, name: &str, value: Json) -> Json {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
    schema
}

/// The values that occur everywhere.
pub(crate) fn basics() -> [(&'static str, Json); 4] {
    [
        ("span", name().about("A length of time such as 90m, 24h, 30d or 1d12h")),
        ("instant", name().about("RFC 3339 such as 2026-03-07T20:00:00Z, or a date: its midnight in UTC")),
        (
            "amount",
            json!({"type": ["number", "string"]}).about("A number, or text that is one such as \"0.075\", exactly"),
        ),
        ("currency", json!({"type": "string", "minLength": 3, "maxLength": 3}).about("A currency code such as EUR")),
    ]
}

/// A document of its own: a schema with the definitions that it refers to.
pub(crate) fn document(
    title: &str,
    schema: Json,
    definitions: impl IntoIterator<Item = (&'static str, Json)>,
) -> String {
    let definitions: Map<String, Json> =
        definitions.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let schema = put(schema, "$schema", "https://json-schema.org/draft/2020-12/schema".into());
    let schema = put(put(schema, "title", title.into()), "$defs", definitions.into());
    format!("{schema:#}")
}
