//! What begins a run, from its JSON.

use super::Decoder;
use crate::journey::trigger::{Trigger, When};
use crate::primitives::Keep;
use crate::primitives::fault::{Node, Object};

/// Of these a trigger has exactly one; but a `date` may come `every` year.
const KINDS: [&str; 6] = ["event", "entered", "left", "date", "every", "call"];

impl<'a> Decoder<'a> {
    pub(super) fn trigger(&mut self, node: &Node<'a>) -> Option<Trigger> {
        let object = node.object(&[
            "event",
            "where",
            "entered",
            "left",
            "date",
            "every",
            "call",
            "if",
            "present_members",
            "weekdays",
            "day",
            "offset",
            "time",
            "leap_day",
            "segment",
        ])?;
        let present = object.get("present_members").map_or(Some(false), |node| node.boolean());
        if let (Some(members), None) = (object.get("present_members"), object.get("entered")) {
            members.fault("only a segment that is `entered` has members");
            self.faulty = true;
        }
        let rule = object.get("if").map_or(Some(None), |node| self.rule(&node).map(Some));
        if let (Some(filter), None) = (object.get("where"), object.get("event")) {
            filter.fault("only an `event` has properties to filter by");
            self.faulty = true;
        }
        let mut found: Vec<&str> = KINDS.into_iter().filter(|kind| object.get(kind).is_some()).collect();
        if found.contains(&"date") {
            found.retain(|kind| *kind != "every");
        }
        let &[kind] = found.as_slice() else {
            node.fault(
                "a trigger has exactly one of `event`, `entered`, `left`, `date`, `every` and `call`; but a `date` may \
                 come `every` year",
            );
            return None;
        };
        if !["date", "every"].contains(&kind) {
            self.only_by_time(&object);
        }
        match kind {
            "event" => {
                let event = self.event_of(&object, Keep::default())?;
                Some(Trigger::Event { event, rule: rule? })
            }
            "entered" => {
                let segment = self.segment(&object.need(kind)?)?;
                Some(Trigger::Entered { segment, rule: rule?, present: present? })
            }
            "left" => Some(Trigger::Left { segment: self.segment(&object.need(kind)?)?, rule: rule? }),
            "call" => {
                let call = object.need(kind)?;
                if !call.boolean()? {
                    call.fault("write true, or name another trigger");
                    return None;
                }
                Some(Trigger::Call { rule: rule? })
            }
            _ => {
                let segment = object.get("segment").map_or(Some(None), |node| self.segment(&node).map(Some));
                let when = match kind {
                    "date" => self.at_date(&object).map(When::Date),
                    _ => self.schedule(&object).map(When::Schedule),
                };
                Some(Trigger::Time { when: when?, segment: segment?, rule: rule? })
            }
        }
    }

    fn only_by_time(&mut self, object: &Object<'a>) {
        for name in ["weekdays", "day", "offset", "time", "leap_day"] {
            if let Some(node) = object.get(name) {
                node.fault("only a trigger by `date` or `every` is at a time; leave it out, or begin with a wait");
                self.faulty = true;
            }
        }
        if let Some(node) = object.get("segment") {
            node.fault("only a trigger by `date` or `every` is for members; use `if` with {\"segment\": ..}");
            self.faulty = true;
        }
    }
}
