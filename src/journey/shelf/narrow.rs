//! Texts and attempts for channels that a playbook does not have.

use serde_json::{Map, Value as Json};

use super::offered::Offered;
use crate::primitives::fault::Node;

/// Leaves out what the playbook has no channel for.
pub(super) struct Narrowing<'a> {
    pub(super) offered: &'a Offered<'a>,
    /// Whether the use names channels, so that messages have to say so.
    pub(super) narrowed: bool,
}

impl Narrowing<'_> {
    /// The variants that are left; `false` and a fault if none is.
    pub(super) fn message(&self, id: &str, message: &mut Json, node: &Node<'_>) -> bool {
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

    pub(super) fn journey(&self, journey: &mut Json) {
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
