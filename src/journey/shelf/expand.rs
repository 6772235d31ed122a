//! A sheet with its parameters filled in: segments, messages and journeys under the names of one use.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::parameter::{ParameterKind, TemplateParameter};
use super::sheets::{SHEETS, Sheet};
use crate::primitives::ChannelKind;
use crate::primitives::fault::{Node, Object, nearest};

/// The sections that a template adds to.
const SECTIONS: [&str; 3] = ["segments", "messages", "journeys"];

/// What one use of a template adds to a playbook.
#[derive(Debug)]
pub(crate) struct Fragment {
    /// Sections with the definitions in them.
    pub(crate) sections: Vec<(&'static str, Map<String, Json>)>,
}

impl Fragment {
    pub(super) fn into_json(self) -> Json {
        let filled = self.sections.into_iter().filter(|(_, section)| !section.is_empty());
        Json::Object(filled.map(|(name, section)| (name.to_owned(), Json::Object(section))).collect())
    }
}

/// What a template finds in the playbook that uses it. What is wrong with that is reported elsewhere.
#[derive(Debug)]
pub(crate) struct Offered<'a> {
    /// The channels by their ids.
    channels: Vec<(String, ChannelKind)>,
    /// The brand; `None` if it is not known yet.
    brand: Option<&'a Json>,
    /// The messages that the playbook says itself.
    messages: Option<&'a Json>,
}

impl<'a> Offered<'a> {
    /// What a playbook has.
    pub(crate) fn by(playbook: &'a Json) -> Self {
        let all = playbook.get("channels").and_then(Json::as_object).into_iter().flatten();
        let kind =
            |id: &str, channel: &Json| ChannelKind::from_name(channel.get("kind").and_then(Json::as_str).unwrap_or(id));
        Offered {
            channels: all.map(|(id, channel)| (id.clone(), kind(id, channel))).collect(),
            brand: Some(playbook.get("brand").unwrap_or(&Json::Null)),
            messages: playbook.get("messages"),
        }
    }

    /// A playbook with one channel of each kind that a sheet has texts for, and nothing else yet.
    pub(super) fn all_of(sheet: &Json) -> Self {
        let kinds = spoken(sheet).into_iter().map(|name| (name.to_owned(), ChannelKind::from_name(name)));
        Offered { channels: kinds.collect(), brand: None, messages: None }
    }

    /// Those that a list of ids and kinds names; reports what it names in vain.
    fn only(&self, node: &Node<'_>) -> Option<Self> {
        let named = if node.json().is_string() { vec![node.clone()] } else { node.list()? };
        if named.is_empty() {
            node.fault("name at least one channel, or leave `channels` out");
            return None;
        }
        let mut left = Vec::new();
        let mut whole = true;
        for node in named {
            let Some(name) = node.text() else {
                whole = false;
                continue;
            };
            let kind = ChannelKind::from_name(name);
            let found: Vec<_> =
                self.channels.iter().filter(|(id, other)| id == name || *other == kind).cloned().collect();
            if found.is_empty() {
                let known: Vec<&str> = self.channels.iter().map(|(id, _)| id.as_str()).collect();
                let hint = hint(name, &known);
                node.fault(format!("the playbook has no channel and no kind `{name}`; {hint}"));
                whole = false;
            }
            left.extend(found);
        }
        left.sort();
        left.dedup();
        whole.then_some(Offered { channels: left, ..*self })
    }

    /// The ids of a kind.
    fn of_kind(&self, name: &str) -> impl Iterator<Item = &str> {
        let kind = ChannelKind::from_name(name);
        self.channels.iter().filter(move |(_, other)| *other == kind).map(|(id, _)| id.as_str())
    }
}

/// Makes what an entry of the section `shelf` says, under the entry's name. `None` if a fault was reported.
pub(crate) fn expand(name: &str, node: &Node<'_>, offered: &Offered<'_>) -> Option<Fragment> {
    let entry = node.object(&["use", "with"])?;
    let mut sound = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !sound {
        node.fault("its parts are named after this name: write letters, digits, `_` and `-`");
    }
    let names: Vec<(&str, &Sheet)> = SHEETS.iter().map(|sheet| (sheet.name, sheet)).collect();
    let sheet = entry.need("use").and_then(|node| node.one_of(&names))?;
    let text: Json = serde_json::from_str(sheet.json).ok()?;
    let parameters = TemplateParameter::all(&text);
    let chosen = Chosen::read(sheet.name, &parameters, &entry, offered)?;
    sound &= chosen.sound;
    let filling = Filling { name, values: &chosen.values };
    let mut sections = SECTIONS.map(|section| (section, filling.section(&text, section))).to_vec();
    let narrowing = Narrowing { offered: chosen.only.as_ref().unwrap_or(offered), narrowed: chosen.only.is_some() };
    for (section, definitions) in &mut sections {
        match *section {
            "messages" => {
                // What the playbook says in its own words goes before.
                definitions.retain(|id, _| offered.messages.is_none_or(|own| own.get(id).is_none()));
                for (id, message) in definitions.iter_mut() {
                    sound &= narrowing.message(id, message, node);
                    sound &= offered.brand.is_none_or(|brand| has_all(brand, id, message, node));
                }
            }
            "journeys" => definitions.values_mut().for_each(|journey| narrowing.journey(journey)),
            _ => {}
        }
    }
    sound.then_some(Fragment { sections })
}

/// The values that a use gives, and the defaults of what it leaves out.
struct Chosen<'a> {
    values: BTreeMap<&'a str, Json>,
    /// The channels, if the use names any.
    only: Option<Offered<'a>>,
    /// Whether no fault was reported.
    sound: bool,
}

impl<'a> Chosen<'a> {
    fn read(
        template: &str,
        parameters: &'a [TemplateParameter],
        entry: &Object<'_>,
        offered: &Offered<'a>,
    ) -> Option<Self> {
        let mut chosen = Chosen { values: BTreeMap::new(), only: None, sound: true };
        let with = match entry.get("with") {
            Some(with) => Some(with.open_object()?),
            None => None,
        };
        for (given, node) in with.iter().flat_map(|with| with.fields()).filter(|(_, node)| !node.json().is_null()) {
            let Some(parameter) = parameters.iter().find(|parameter| parameter.name() == given) else {
                let known: Vec<&str> = parameters.iter().map(TemplateParameter::name).collect();
                let hint = hint(given, &known);
                node.fault(format!("`{template}` has no parameter `{given}`; {hint}"));
                chosen.sound = false;
                continue;
            };
            if parameter.kind() == ParameterKind::Channels {
                chosen.only = offered.only(&node);
                chosen.sound &= chosen.only.is_some();
            } else {
                chosen.sound &= parameter.takes(&node).is_some();
                chosen.values.insert(parameter.name(), node.json().clone());
            }
        }
        for parameter in parameters.iter().filter(|parameter| parameter.kind() != ParameterKind::Channels) {
            if chosen.values.contains_key(parameter.name()) {
                continue;
            }
            match parameter.default() {
                Some(default) => drop(chosen.values.insert(parameter.name(), serde_json::to_value(default).ok()?)),
                None => {
                    entry.node().fault(missing(template, parameter));
                    chosen.sound = false;
                }
            }
        }
        Some(chosen)
    }
}

/// The known name that was probably meant, else all that are known.
fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it has none at all".to_owned(),
        None => format!("it has {}", known.join(", ")),
    }
}

fn missing(template: &str, parameter: &TemplateParameter) -> String {
    let example = parameter.example().and_then(|example| serde_json::to_string(example).ok());
    let such = example.map(|example| format!(", such as {example}")).unwrap_or_default();
    format!("`{template}` needs the parameter `{}` in `with`: {}{such}", parameter.name(), parameter.about())
}

/// The kinds of channel that a sheet has texts for.
fn spoken(sheet: &Json) -> Vec<&str> {
    let messages = sheet.get("messages").and_then(Json::as_object).into_iter().flatten();
    let variants = messages.filter_map(|(_, message)| message.get("variants").and_then(Json::as_object)).flatten();
    let mut kinds: Vec<&str> = variants.map(|(kind, _)| kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Puts names and values in their places.
struct Filling<'a> {
    name: &'a str,
    values: &'a BTreeMap<&'a str, Json>,
}

impl Filling<'_> {
    fn section(&self, sheet: &Json, section: &str) -> Map<String, Json> {
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

    fn text(&self, text: &str) -> String {
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

/// Whether the brand has what a message reads of it: without that nothing would ever be sent.
fn has_all(brand: &Json, id: &str, message: &Json, node: &Node<'_>) -> bool {
    let mut read = BTreeSet::new();
    brand_reads(message, &mut read);
    read.retain(|path| path.split('.').try_fold(brand, |at, name| at.get(name)).is_none_or(Json::is_null));
    for path in &read {
        node.fault(format!(
            "the message `{id}` reads `brand.{path}`: add it to `brand`, or write `messages.{id}` yourself"
        ));
    }
    read.is_empty()
}

fn brand_reads(json: &Json, read: &mut BTreeSet<String>) {
    match json {
        Json::String(text) => {
            if text.contains("unsubscribe_url") {
                read.insert("links.unsubscribe".to_owned());
            }
            for (_, after) in
                text.match_indices("brand.").filter_map(|(at, mark)| text.split_at_checked(at + mark.len()))
            {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
                let path = after.split_at_checked(end.unwrap_or(after.len())).map_or("", |(path, _)| path);
                read.insert(path.to_owned());
            }
        }
        Json::Array(list) => list.iter().for_each(|json| brand_reads(json, read)),
        Json::Object(map) => map.values().for_each(|json| brand_reads(json, read)),
        _ => {}
    }
}

/// Leaves out what the playbook has no channel for.
struct Narrowing<'a> {
    offered: &'a Offered<'a>,
    /// Whether the use names channels, so that messages have to say so.
    narrowed: bool,
}

impl Narrowing<'_> {
    /// The variants that are left; `false` and a fault if none is.
    fn message(&self, id: &str, message: &mut Json, node: &Node<'_>) -> bool {
        let Some(variants) = message.get_mut("variants").and_then(Json::as_object_mut) else { return true };
        let all: Vec<String> = variants.keys().cloned().collect();
        variants.retain(|kind, _| self.offered.of_kind(kind).next().is_some());
        if variants.is_empty() {
            let place = if self.narrowed { "`channels` of this use" } else { "the playbook's `channels`" };
            node.fault(format!("no channel is left for the message `{id}`: add one of {} to {place}", all.join(", ")));
            return false;
        }
        let ids: Json = variants.keys().flat_map(|kind| self.offered.of_kind(kind)).collect();
        if let Some(message) = message.as_object_mut().filter(|_| self.narrowed) {
            message.insert("channels".to_owned(), ids);
        }
        true
    }

    fn journey(&self, journey: &mut Json) {
        for step in journey.get_mut("steps").and_then(Json::as_array_mut).into_iter().flatten() {
            self.restriction(step);
            let Some(attempts) = step.pointer_mut("/cascade/attempts").and_then(Json::as_array_mut) else { continue };
            let all = attempts.len();
            attempts.retain_mut(|attempt| self.restriction(attempt));
            if attempts.is_empty() && all > 0 {
                attempts.push(Json::Object(Map::new()));
            }
        }
    }

    /// Writes a list of kinds as one of ids; `false` if none of them is there, and then the list is taken away.
    fn restriction(&self, at: &mut Json) -> bool {
        let Some(at) = at.as_object_mut() else { return true };
        let Some(kinds) = at.get("channels").and_then(Json::as_array) else { return true };
        let kinds = kinds.iter().filter_map(Json::as_str);
        let ids: Vec<Json> = kinds.flat_map(|kind| self.offered.of_kind(kind)).map(Json::from).collect();
        if ids.is_empty() {
            at.remove("channels");
            return false;
        }
        at.insert("channels".to_owned(), ids.into());
        true
    }
}
