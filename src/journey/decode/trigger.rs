//! What begins a run, from its JSON.

use super::Decoder;
use crate::journey::trigger::{Trigger, When};
use crate::primitives::Keep;
use crate::primitives::fault::Node;

/// Of these a trigger has exactly one; but a `date` may come `every` year.
const KINDS: [&str; 6] = ["event", "entered", "left", "date", "every", "call"];

impl<'a> Decoder<'a> {
    pub(super) fn trigger(&mut self, node: &Node<'a>) -> Option<Trigger> {
        let object = node.open_object()?;
        let mut found: Vec<&str> = KINDS.into_iter().filter(|kind| object.get(kind).is_some()).collect();
        if found.contains(&"date") {
            found.retain(|kind| *kind != "every");
        }
        match found.as_slice() {
            ["date"] => self.timed(node, &["date", "every", "offset", "time", "leap_day", "segment", "if"]),
            ["every"] => self.timed(node, &["every", "weekdays", "day", "time", "segment", "if"]),
            ["call"] => {
                let object = node.object(&["call", "if"])?;
                let rule = object.get("if").map_or(Some(None), |node| self.rule(&node).map(Some));
                let call = object.need("call")?;
                if !call.boolean()? {
                    call.fault("write true, or name another trigger");
                    return None;
                }
                Some(Trigger::Call { rule: rule? })
            }
            _ => self.untimed(node),
        }
    }

    fn untimed(&mut self, node: &Node<'a>) -> Option<Trigger> {
        let mut known = vec!["event", "where", "entered", "left", "if", "present_members"];
        if KINDS.into_iter().filter(|kind| node.json().get(kind).is_some()).count() > 1 {
            known.extend(KINDS);
        }
        let object = node.object(&known)?;
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
        let others = ["date", "every", "call"].into_iter().any(|kind| object.get(kind).is_some());
        match (object.get("event"), object.get("entered"), object.get("left")) {
            (Some(_), None, None) if !others => {
                let event = self.event_of(&object, Keep::default())?;
                Some(Trigger::Event { event, rule: rule? })
            }
            (None, Some(segment), None) if !others => {
                Some(Trigger::Entered { segment: self.segment(&segment)?, rule: rule?, present: present? })
            }
            (None, None, Some(segment)) if !others => {
                Some(Trigger::Left { segment: self.segment(&segment)?, rule: rule? })
            }
            _ => {
                node.fault(
                    "a trigger has exactly one of `event`, `entered`, `left`, `date`, `every` and `call`; only a `date` \
                     may come `every` year",
                );
                None
            }
        }
    }

    fn timed(&mut self, node: &Node<'a>, fields: &[&str]) -> Option<Trigger> {
        let object = node.object(fields)?;
        let rule = object.get("if").map_or(Some(None), |node| self.rule(&node).map(Some));
        let segment = object.get("segment").map_or(Some(None), |node| self.segment(&node).map(Some));
        let when = match object.get("date") {
            Some(_) => self.at_date(&object).map(When::Date),
            None => self.schedule(&object).map(When::Schedule),
        };
        Some(Trigger::Time { when: when?, segment: segment?, rule: rule? })
    }
}
