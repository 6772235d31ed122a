//! What a template finds in the playbook that uses it.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::primitives::ChannelKind;
use crate::primitives::fault::{Node, nearest};

/// The channels, brand and messages of a playbook. What is wrong with them is reported elsewhere.
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

    /// Whether the playbook has a message of this name in its own words.
    pub(super) fn says_itself(&self, id: &str) -> bool {
        self.messages.is_some_and(|own| own.get(id).is_some())
    }

    /// Those that a list of ids and kinds names; reports what it names in vain.
    pub(super) fn only(&self, node: &Node<'_>) -> Option<Self> {
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
    pub(super) fn of_kind(&self, name: &str) -> impl Iterator<Item = &str> {
        let kind = ChannelKind::from_name(name);
        self.channels.iter().filter(move |(_, other)| *other == kind).map(|(id, _)| id.as_str())
    }

    /// Whether the brand has what the texts of a message read of it: without that nothing would ever be sent. They are looked
    /// at as they are `written` in the sheet, since a shop's own values read nothing.
    pub(super) fn has_what_is_read(&self, id: &str, message: &Json, written: &Json, node: &Node<'_>) -> bool {
        let Some(brand) = self.brand else { return true };
        let mut read = BTreeSet::new();
        for kind in message.get("variants").and_then(Json::as_object).into_iter().flatten().map(|(kind, _)| kind) {
            if let Some(variant) = written.pointer(&format!("/variants/{kind}")) {
                brand_reads(variant, &mut read);
            }
        }
        read.retain(|path| path.split('.').try_fold(brand, |at, name| at.get(name)).is_none_or(Json::is_null));
        for path in &read {
            node.fault(format!(
                "the message `{id}` reads `brand.{path}`: add it to `brand`, or write `messages.{id}` yourself"
            ));
        }
        read.is_empty()
    }
}

/// The paths of the brand that texts read.
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

/// The kinds of channel that a sheet has texts for.
fn spoken(sheet: &Json) -> Vec<&str> {
    let messages = sheet.get("messages").and_then(Json::as_object).into_iter().flatten();
    let variants = messages.filter_map(|(_, message)| message.get("variants").and_then(Json::as_object)).flatten();
    let mut kinds: Vec<&str> = variants.map(|(kind, _)| kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// The known name that was probably meant, else all that are known.
pub(super) fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it has none at all".to_owned(),
        None => format!("it has {}", known.join(", ")),
    }
}
