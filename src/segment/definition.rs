//! The segments of a playbook.

use super::{Criteria, Effect, Membership, Segment};
use crate::customer::Customer;
use crate::primitives::fault::{Node, nearest};
use crate::primitives::{Instant, Key, Needs, SegmentId};

/// A segment as a playbook defines it: a rule with a name.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SegmentDefinition {
    /// Its name.
    pub id: SegmentId,
    /// Who is in it.
    pub rule: Criteria,
    /// What it is for, in the shop's own words.
    pub description: Option<String>,
}

impl SegmentDefinition {
    /// A segment without a description.
    pub fn new(id: impl Into<SegmentId>, rule: Criteria) -> Self {
        SegmentDefinition { id: id.into(), rule, description: None }
    }

    /// From `{"rule": {..}, "description": ".."}`, or from the rule alone.
    pub(crate) fn decode(name: &str, node: &Node<'_>) -> Option<SegmentDefinition> {
        let id = SegmentId::new(name);
        if name.is_empty() {
            node.fault("expected a name for the segment, found empty text");
        }
        let object = node.open_object()?;
        let Some(rule) = object.get("rule") else {
            let rule = Criteria::decode(node)?;
            return Some(SegmentDefinition { id, rule, description: None });
        };
        let known = node.object(&["rule", "description"]).map(|_| ());
        let rule = Criteria::decode(&rule);
        let description = match object.get("description") {
            Some(text) => Some(text.text()?.to_owned()),
            None => None,
        };
        known?;
        Some(SegmentDefinition { id, rule: rule?, description })
    }
}

impl Segment for SegmentDefinition {
    fn evaluate(&self, who: &dyn Customer, now: Instant) -> Membership {
        self.rule.evaluate(who, now)
    }

    fn needs(&self) -> Needs {
        self.rule.needs()
    }

    fn effect(&self, event: &Key) -> Effect {
        self.rule.effect(event)
    }
}

/// The segments of `{"loyal": {..}, ..}`, each after those that it reads and otherwise in the order of their names.
///
/// `host`: the segments that the host adds itself. One that is in neither is a fault where it is named, and so are
/// segments that read each other in a circle.
pub(crate) fn decode_segments(node: &Node<'_>, host: &[SegmentId]) -> Vec<SegmentDefinition> {
    let Some(object) = node.open_object() else { return Vec::new() };
    let mut definitions: Vec<Option<SegmentDefinition>> = Vec::new();
    let mut names: Vec<&str> = host.iter().map(SegmentId::as_str).collect();
    for (name, node) in object.fields() {
        if host.iter().any(|id| id.as_str() == name) {
            node.fault("the host adds a segment of this name itself");
        }
        names.push(name);
        definitions.push(SegmentDefinition::decode(name, &node));
    }
    for definition in definitions.iter().flatten() {
        for (id, path) in definition.rule.references().filter(|(id, _)| !names.contains(&id.as_str())) {
            let hint = nearest(id.as_str(), &names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            node.fault_at(path, format!("there is no segment `{id}`{hint}"));
        }
    }
    let definitions: Vec<SegmentDefinition> = definitions.into_iter().flatten().collect();
    let mut order =
        Order { definitions: &definitions, node, marks: vec![Mark::New; definitions.len()], done: Vec::new() };
    for index in 0..definitions.len() {
        order.visit(index, &mut Vec::new());
    }
    let done = order.done;
    let mut slots: Vec<Option<SegmentDefinition>> = definitions.into_iter().map(Some).collect();
    done.into_iter().filter_map(|index| slots.get_mut(index)?.take()).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

struct Order<'a, 'n> {
    definitions: &'a [SegmentDefinition],
    node: &'a Node<'n>,
    marks: Vec<Mark>,
    done: Vec<usize>,
}

impl<'a> Order<'a, '_> {
    fn visit(&mut self, index: usize, trail: &mut Vec<&'a SegmentId>) {
        let definitions = self.definitions;
        let (Some(definition), Some(mark)) = (definitions.get(index), self.marks.get_mut(index)) else { return };
        if *mark != Mark::New {
            return;
        }
        *mark = Mark::Open;
        trail.push(&definition.id);
        for (id, path) in definition.rule.references() {
            let Some(read) = definitions.iter().position(|other| other.id == *id) else { continue };
            if self.marks.get(read) == Some(&Mark::Open) {
                let circle: Vec<&str> = trail
                    .iter()
                    .skip_while(|open| **open != id)
                    .map(|open| open.as_str())
                    .chain([id.as_str()])
                    .collect();
                self.node.fault_at(path, format!("segments read each other in a circle: {}", circle.join(" -> ")));
            } else {
                self.visit(read, trail);
            }
        }
        trail.pop();
        if let Some(mark) = self.marks.get_mut(index) {
            *mark = Mark::Done;
        }
        self.done.push(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::fault::FaultSink;
    use serde_json::{Value as Json, json};

    fn decode(json: &Json, host: &[&str]) -> (Vec<String>, String) {
        let sink = FaultSink::default();
        let host: Vec<SegmentId> = host.iter().map(|id| SegmentId::from(*id)).collect();
        let found = decode_segments(&Node::root(json, &sink), &host);
        (found.iter().map(|found| found.id.to_string()).collect(), sink.into_faults().to_string())
    }

    #[test]
    fn promise_6_1_a_segment_comes_after_those_it_reads() {
        let (order, faults) = decode(
            &json!({
                "a": {"all": [{"segment": "d"}, {"segment": "c"}]},
                "b": {"identified": true},
                "c": {"rule": {"segment": "b"}, "description": "For the newsletter"},
                "d": {"not": {"segment": "host-made"}},
            }),
            &["host-made"],
        );
        assert_eq!((order.join(" "), faults.as_str()), ("d b c a".to_owned(), "0 faults"));
    }

    #[test]
    fn promise_6_1_segments_that_are_not_there_and_circles_are_faults() {
        let (_, faults) = decode(
            &json!({
                "loyal": {"any": [{"segment": "loyl"}, {"segment": "vip"}]},
                "vip": {"rule": {"segment": "top"}},
                "top": {"not": {"segment": "loyal"}},
                "self": {"segment": "self"},
                "host-made": {"identified": true},
                "bad": {"rule": {"nothing": 1}, "descripton": "x"},
            }),
            &["host-made"],
        );
        let lines: Vec<&str> = faults.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "6 faults",
                "$.bad.descripton: unknown field; did you mean `description`?",
                &format!(
                    "$.bad.rule: no condition is named; expected one of {}",
                    super::super::criteria::KINDS.join(", ")
                ),
                "$.host-made: the host adds a segment of this name itself",
                "$.loyal.any[0].segment: there is no segment `loyl`; did you mean `loyal`?",
                "$.top.not.segment: segments read each other in a circle: loyal -> vip -> top -> loyal",
                "$.self.segment: segments read each other in a circle: self -> self",
            ]
        );
    }
}
