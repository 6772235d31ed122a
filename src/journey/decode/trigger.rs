//! What begins a run, from its JSON.

use super::Decoder;
use crate::journey::trigger::Trigger;
use crate::primitives::Keep;
use crate::primitives::fault::Node;

impl<'a> Decoder<'a> {
    pub(super) fn trigger(&mut self, node: &Node<'a>) -> Option<Trigger> {
        let object = node.object(&["event", "where", "entered", "left", "if", "present_members"])?;
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
        match (object.get("event"), object.get("entered"), object.get("left")) {
            (Some(_), None, None) => {
                let event = self.event_of(&object, Keep::default())?;
                Some(Trigger::Event { event, rule: rule? })
            }
            (None, Some(segment), None) => {
                Some(Trigger::Entered { segment: self.segment(&segment)?, rule: rule?, present: present? })
            }
            (None, None, Some(segment)) => Some(Trigger::Left { segment: self.segment(&segment)?, rule: rule? }),
            _ => {
                node.fault("a trigger has exactly one of `event`, `entered` and `left`");
                None
            }
        }
    }
}
