//! A digest, from its JSON.

use super::Decoder;
use crate::journey::Entry;
use crate::journey::digest::{CountingFrom, Digest, MOST_EVENTS};
use crate::journey::graph::Exit;
use crate::journey::steps::{Step, StepKind};
use crate::journey::trigger::Trigger;
use crate::primitives::Key;
use crate::primitives::fault::{Node, Object};

impl<'a> Decoder<'a> {
    pub(super) fn digest(&mut self, node: &Node<'a>, step: &Object<'a>) -> Option<Digest> {
        let object = node.object(&["message", "keep", "closes_after", "counting_from", "at_most", "events"])?;
        let message = object.need("message").and_then(|node| self.message(&node));
        let only = self.channels(step.get("channels"));
        let closes_after = object.need("closes_after").and_then(|node| node.span());
        let froms = [("first", CountingFrom::First), ("last", CountingFrom::Last)];
        let from = object.get("counting_from").map_or(Some(CountingFrom::First), |node| node.one_of(&froms));
        let at_most = object.get("at_most").map_or(Some(None), |node| node.span().map(Some));
        if let (Some(CountingFrom::Last), Some(None)) = (from, at_most) {
            node.fault("one that counts from its `last` event may never close; say `at_most`, such as \"1d\"");
            self.faulty = true;
        }
        let most = i64::try_from(MOST_EVENTS).unwrap_or(i64::MAX);
        let events = object.get("events").map_or(Some(None), |node| node.integer(1..=most).map(Some));
        let keep: Option<Vec<Key>> = match object.get("keep") {
            None => Some(Vec::new()),
            Some(list) => list.list()?.iter().map(Node::key).collect(),
        };
        Some(Digest {
            message: message?,
            only: only?,
            closes_after: closes_after?,
            counting_from: from?,
            at_most: at_most?,
            events: events?,
            keep: keep?,
        })
    }

    /// What a digest asks of its journey: events begin it, it is the first step, and nothing leads back to it. Answers how runs
    /// of the journey then begin.
    pub(super) fn gathers(
        &mut self,
        object: &Object<'a>,
        trigger: &Trigger,
        exits: &[Exit],
        steps: &mut [Step],
    ) -> Option<Entry> {
        let nodes = object.get("steps").and_then(|steps| steps.list()).unwrap_or_default();
        for (step, node) in steps.iter().zip(&nodes).skip(1) {
            if matches!(step.kind, StepKind::Digest { .. }) {
                node.fault("a digest is the first step of its journey");
                self.faulty = true;
            }
        }
        let Some(Step { kind: StepKind::Digest { .. }, .. }) = steps.first() else { return None };
        for (step, node) in steps.iter().zip(&nodes) {
            if step.kind.ways().iter().any(|(_, to)| *to == Some(0)) {
                node.fault("nothing leads back to a digest: the next event begins another run");
                self.faulty = true;
            }
        }
        if !matches!(trigger, Trigger::Event { .. }) {
            object.node().fault("a digest gathers events, so an `event` triggers its journey");
            self.faulty = true;
        }
        if let Some(entry) = object.get("entry") {
            entry.fault("events join the digest of their `key`, and the next one begins after it; leave `entry` out");
            self.faulty = true;
        }
        if let Some(Step { kind: StepKind::Digest { digest, .. }, .. }) = steps.first_mut() {
            // What tells which event an exit takes out.
            for exit in exits {
                if let Exit::Event(event) = exit {
                    digest.keep.extend(event.filter.trigger_properties());
                }
            }
            digest.keep.sort();
            digest.keep.dedup();
        }
        Some(Entry::Gather)
    }
}
