//! As much of JSON Schema as the crate's own schemas use, written apart from them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

pub struct Schema(pub Json);

impl Schema {
    pub fn new(text: &str) -> Schema {
        Schema(serde_json::from_str(text).unwrap())
    }

    pub fn accepts(&self, value: &Json) -> bool {
        self.takes(&self.0, value)
    }

    fn resolve<'s>(&'s self, schema: &'s Json) -> &'s Json {
        match schema.get("$ref").and_then(Json::as_str) {
            Some(to) => self.0.pointer(to.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("no {to}")),
            None => schema,
        }
    }

    fn takes(&self, schema: &Json, value: &Json) -> bool {
        let schema = self.resolve(schema);
        let Some(keywords) = schema.as_object() else { return schema == true };
        keywords.iter().all(|(keyword, wanted)| self.keyword(keyword, wanted, keywords, value))
    }

    fn keyword(&self, keyword: &str, wanted: &Json, all: &Map<String, Json>, value: &Json) -> bool {
        let number = || wanted.as_i64().unwrap();
        let of = |schemas: &Json| schemas.as_array().unwrap().iter().filter(|one| self.takes(one, value)).count();
        match keyword {
            "$schema" | "$defs" | "title" | "description" => true,
            "type" => match wanted {
                Json::Array(types) => types.iter().any(|one| is_of(one.as_str().unwrap(), value)),
                one => is_of(one.as_str().unwrap(), value),
            },
            "enum" => wanted.as_array().unwrap().contains(value),
            "anyOf" => of(wanted) > 0,
            "oneOf" => of(wanted) == 1,
            "required" => value.as_object().is_none_or(|map| {
                wanted.as_array().unwrap().iter().all(|name| map.contains_key(name.as_str().unwrap()))
            }),
            "properties" => value.as_object().is_none_or(|map| {
                map.iter().all(|(name, value)| wanted.get(name).is_none_or(|schema| self.takes(schema, value)))
            }),
            "additionalProperties" => value.as_object().is_none_or(|map| {
                let known = |name: &str| all.get("properties").is_some_and(|known| known.get(name).is_some());
                map.iter().all(|(name, value)| known(name) || self.takes(wanted, value))
            }),
            "minProperties" => value.as_object().is_none_or(|map| map.len() as i64 >= number()),
            "items" => value.as_array().is_none_or(|list| list.iter().all(|one| self.takes(wanted, one))),
            "minItems" => value.as_array().is_none_or(|list| list.len() as i64 >= number()),
            "maxItems" => value.as_array().is_none_or(|list| list.len() as i64 <= number()),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as i64 >= number()),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as i64 <= number()),
            "minimum" => value.as_i64().is_none_or(|n| n >= number()),
            "maximum" => value.as_i64().is_none_or(|n| n <= number()),
            other => panic!("the checker does not know {other}"),
        }
    }

    /// For each object of a document, by its path as faults write it, the schemas of it that accept it.
    pub fn places<'s>(&'s self, document: &Json) -> BTreeMap<String, Vec<&'s Json>> {
        let mut places = BTreeMap::new();
        self.gather(&self.0, document, "$", &mut places);
        places
    }

    fn gather<'s>(&'s self, schema: &'s Json, value: &Json, path: &str, places: &mut BTreeMap<String, Vec<&'s Json>>) {
        let schema = self.resolve(schema);
        if let Some(list) = schema.get("anyOf").and_then(Json::as_array) {
            list.iter().filter(|one| self.takes(one, value)).for_each(|one| self.gather(one, value, path, places));
            return;
        }
        match value {
            Json::Object(map) => {
                places.entry(path.to_owned()).or_default().push(schema);
                for (name, value) in map {
                    let known = schema.get("properties").and_then(|known| known.get(name));
                    if let Some(inner) = known.or_else(|| schema.get("additionalProperties")) {
                        self.gather(inner, value, &child(path, name), places);
                    }
                }
            }
            Json::Array(list) => {
                if let Some(inner) = schema.get("items") {
                    list.iter()
                        .enumerate()
                        .for_each(|(n, one)| self.gather(inner, one, &format!("{path}[{n}]"), places));
                }
            }
            _ => {}
        }
    }

    /// Every object of fields in the schema itself, by its place in it.
    pub fn objects(&self) -> Vec<(String, &Json)> {
        let mut found = Vec::new();
        objects(&self.0, "", &mut found);
        found
    }
}

fn objects<'s>(schema: &'s Json, at: &str, found: &mut Vec<(String, &'s Json)>) {
    if schema.get("type").is_some_and(|kind| kind == "object") && schema.get("properties").is_some() {
        found.push((at.to_owned(), schema));
    }
    match schema {
        Json::Object(map) => map.iter().for_each(|(name, inner)| objects(inner, &format!("{at}/{name}"), found)),
        Json::Array(list) => list.iter().enumerate().for_each(|(n, inner)| objects(inner, &format!("{at}/{n}"), found)),
        _ => {}
    }
}

fn is_of(kind: &str, value: &Json) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_i64().is_some(),
        "number" => value.is_number(),
        other => panic!("no such type: {other}"),
    }
}

/// A field's path as faults write it.
pub fn child(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain { format!("{path}.{name}") } else { format!("{path}[{}]", Json::from(name)) }
}
