//! JSON whose fields keep the order in which they are written, whatever another crate asks of `serde_json`'s maps.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::primitives::{Fields, Value};

/// What is told.
#[derive(Debug)]
pub(super) enum Told {
    Plain(serde_json::Value),
    List(Vec<Told>),
    Map(Vec<(String, Told)>),
}

impl Told {
    pub(super) const NONE: Told = Told::Plain(serde_json::Value::Null);
}

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Told::Plain(plain) => plain.serialize(to),
            Told::List(list) => to.collect_seq(list),
            Told::Map(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(name, told)| map.serialize_entry(name, told))?;
                map.end()
            }
        }
    }
}

/// What has no fields of its own.
pub(super) fn say<T: Serialize + ?Sized>(what: &T) -> Told {
    Told::Plain(serde_json::to_value(what).unwrap_or_default())
}

pub(super) fn list(items: impl IntoIterator<Item = Told>) -> Told {
    Told::List(items.into_iter().collect())
}

pub(super) fn map<const N: usize>(fields: [(&'static str, Told); N]) -> Told {
    Told::Map(fields.into_iter().map(|(name, told)| (name.to_owned(), told)).collect())
}

pub(super) fn value(value: &Value) -> Told {
    match value {
        Value::List(items) => list(items.iter().map(self::value)),
        Value::Map(held) => fields(held),
        plain => say(plain),
    }
}

/// Named values, by their names.
pub(super) fn fields(held: &Fields) -> Told {
    let mut fields: Vec<(String, Told)> =
        held.iter().map(|(key, held)| (key.as_str().to_owned(), value(held))).collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    Told::Map(fields)
}
