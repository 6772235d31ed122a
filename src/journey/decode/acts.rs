//! Steps that do something beside sending, from their JSON: calls of the host, changes of attributes, and where a step leads
//! that failed.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::Decoder;
use crate::journey::steps::{Change, OnError, To};
use crate::message::Payload;
use crate::primitives::fault::{Node, Object, nearest};
use crate::primitives::{EffectId, Key, Span, Value};

impl<'a> Decoder<'a> {
    pub(super) fn call(&mut self, node: &Node<'a>) -> Option<(EffectId, Arc<Payload>, Option<Span>)> {
        let object = node.object(&["effect", "payload", "valid_for"])?;
        let effect = object.need("effect").and_then(|node| self.effect(&node));
        let payload = match object.get("payload") {
            None => Some(Payload::from(crate::primitives::Fields::new())),
            Some(node) => Payload::decode(&node),
        };
        let valid_for = object.get("valid_for").map_or(Some(None), |node| node.span().map(Some));
        let payload = payload?;
        self.keeps.extend(payload.trigger_properties());
        Some((effect?, Arc::new(payload), valid_for?))
    }

    fn effect(&self, node: &Node<'a>) -> Option<EffectId> {
        let name = node.text()?;
        let id = EffectId::new(name);
        if !self.known.effects.contains(&id) {
            let all: Vec<&str> = self.known.effects.iter().map(EffectId::as_str).collect();
            let hint = nearest(name, &all).map(|near| format!("did you mean `{near}`?"));
            let hint = hint.unwrap_or_else(|| format!("list it under `effects`: {{\"{name}\": {{}}}}"));
            node.fault(format!("the playbook has no effect `{name}`; {hint}"));
            return None;
        }
        Some(id)
    }

    /// Where a step leads that failed for good, if it says so.
    pub(super) fn on_error(&self, step: &Object<'a>) -> Option<OnError> {
        match step.get("on_error") {
            None => Some(None),
            Some(_) => self.goes(step, "on_error", None).map(Some),
        }
    }

    /// One change of an attribute, or a list of them.
    pub(super) fn changes(&mut self, node: &Node<'a>) -> Option<Vec<Change>> {
        let nodes = if node.json().is_array() { node.list()? } else { vec![node.clone()] };
        if nodes.is_empty() {
            node.fault("expected at least one change");
            return None;
        }
        let changes: Vec<Option<Change>> = nodes.iter().map(|node| self.change(node)).collect();
        changes.into_iter().collect()
    }

    fn change(&mut self, node: &Node<'a>) -> Option<Change> {
        let object = node.object(&["attribute", "value", "from", "add"])?;
        let attribute = object.need("attribute").and_then(|node| node.key());
        let removes = node.json().get("value").is_some_and(serde_json::Value::is_null);
        let to = match (object.get("value"), object.get("from"), object.get("add"), removes) {
            (None, None, None, true) => Some(To::Nothing),
            (Some(value), None, None, false) => Value::from_json(value.json()).map(To::Value),
            (None, Some(path), None, false) => self.kept(&path).map(To::Kept),
            (None, None, Some(amount), false) => amount.decimal().map(|amount: Decimal| To::Plus(amount)),
            _ => {
                node.fault("a change has exactly one of `value` (null removes the attribute), `from` and `add`");
                None
            }
        };
        Some(Change { attribute: attribute?, to: to? })
    }

    /// The path of a property of the trigger, or of what an earlier step was answered.
    fn kept(&mut self, node: &Node<'a>) -> Option<Vec<Key>> {
        let text = node.text()?;
        if text.split('.').any(str::is_empty) {
            node.fault("expected the name of a property of the trigger, such as `order_id` or `cart.total`");
            return None;
        }
        let path: Vec<Key> = text.split('.').map(Key::new).collect();
        self.keeps.extend(path.first().cloned());
        Some(path)
    }
}
