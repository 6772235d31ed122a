//! Names and values in the places that a sheet leaves for them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

/// Puts names and values in their places.
pub(super) struct Filling<'a> {
    pub(super) name: &'a str,
    pub(super) values: &'a BTreeMap<&'a str, Json>,
}

impl Filling<'_> {
    pub(super) fn section(&self, sheet: &Json, section: &str) -> Map<String, Json> {
        match sheet.get(section).map(|section| self.fill(section)) {
            Some(Json::Object(definitions)) => definitions,
            _ => Map::new(),
        }
    }

    fn fill(&self, json: &Json) -> Json {
        match json {
            Json::Object(map) => match self.stands_for(map) {
                Some(value) => value.clone(),
                None => map.iter().map(|(name, json)| (self.text(name), self.fill(json))).collect(),
            },
            Json::Array(list) => list.iter().map(|json| self.fill(json)).collect(),
            Json::String(text) => self.text(text).into(),
            json => json.clone(),
        }
    }

    fn stands_for(&self, map: &Map<String, Json>) -> Option<&Json> {
        if map.len() > 1 {
            return None;
        }
        self.values.get(map.get("param")?.as_str()?)
    }

    pub(super) fn text(&self, text: &str) -> String {
        let named = match text.strip_prefix('@') {
            Some("") => return self.name.to_owned(),
            Some(own) => format!("{}_{own}", self.name),
            None => text.to_owned(),
        };
        self.literals(&named)
    }

    /// `param.offer` in a template becomes a literal of it. `{{ param.offer }}` becomes the value itself where nothing in it
    /// means anything to a template or to HTML, so that what comes of it reads like what one would have written.
    fn literals(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("param.") {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let (name, tail) = after.split_at(end);
            out.push_str(before);
            rest = tail;
            let inside = before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.');
            match self.values.get(name).filter(|_| !inside) {
                None => {
                    out.push_str("param.");
                    out.push_str(name);
                }
                Some(value) => {
                    let alone = out.trim_end().strip_suffix("{{").zip(tail.trim_start().strip_prefix("}}"));
                    let plain = plain(value).zip(alone).map(|(plain, (head, tail))| (format!("{head}{plain}"), tail));
                    match plain {
                        Some((said, tail)) => {
                            out = said;
                            rest = tail;
                        }
                        None => out.push_str(&value.to_string()),
                    }
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// What a value looks like, if neither a template nor HTML reads anything into it.
fn plain(value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.contains(['{', '}', '<', '>', '&', '"', '\'', '/']) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
