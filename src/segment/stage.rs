//! Conditions on where a customer stands: `lifecycle` and `buyer_stage`.

use std::fmt;

use serde_json::{Map, Value as Json};

use super::{Facts, Membership};
use crate::customer::{BuyerStage, BuyerStages, FigureRules, Lifecycle, LifecycleStages};
use crate::primitives::Derived;
use crate::primitives::fault::Node;

/// One of some stages, by the thresholds of the playbook that the condition stands in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum StageCondition {
    /// `{"lifecycle": "at_risk"}`, or a list.
    Lifecycle(Box<[Lifecycle]>, LifecycleStages),
    /// `{"buyer_stage": "decision"}`, or a list.
    Buyer(Box<[BuyerStage]>, BuyerStages),
}

impl StageCondition {
    pub(super) fn lifecycle(field: &Node<'_>) -> Option<StageCondition> {
        Some(StageCondition::Lifecycle(one_or_more(field, &Lifecycle::NAMES)?, FigureRules::around(field).lifecycle))
    }

    pub(super) fn buyer(field: &Node<'_>) -> Option<StageCondition> {
        Some(StageCondition::Buyer(one_or_more(field, &BuyerStage::NAMES)?, FigureRules::around(field).buyer_stages))
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        let Some(figures) = facts.who.figures() else { return Membership::steady(false) };
        match self {
            StageCondition::Lifecycle(wanted, stages) => {
                figures.lifecycle(stages, facts.who.seen(), facts.now).map_or(Membership::steady(false), |at| {
                    Membership::steady(wanted.contains(&at.stage)).sooner(at.until)
                })
            }
            StageCondition::Buyer(wanted, stages) => {
                let at = figures.buyer_stage(stages, facts.now);
                Membership::steady(wanted.contains(&at.stage)).sooner(at.until)
            }
        }
    }

    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        let (name, stages) = match self {
            StageCondition::Lifecycle(wanted, _) => ("lifecycle", words(wanted, &Lifecycle::NAMES)),
            StageCondition::Buyer(wanted, _) => ("buyer_stage", words(wanted, &BuyerStage::NAMES)),
        };
        out.insert(name.to_owned(), stages);
    }

    pub(super) fn reads(&self) -> Derived {
        match self {
            StageCondition::Lifecycle(..) => Derived::PURCHASES.and(Derived::VISITS),
            StageCondition::Buyer(..) => Derived::PURCHASES.and(Derived::SIGNS),
        }
    }
}

/// The names of some stages: one by itself, several as a list.
fn words<T: PartialEq>(wanted: &[T], names: &[(&str, T)]) -> Json {
    let name = |stage: &T| names.iter().find(|(_, known)| known == stage).map_or("", |(name, _)| *name);
    match wanted {
        [stage] => name(stage).into(),
        stages => stages.iter().map(name).collect(),
    }
}

/// A word, or a list of some.
fn one_or_more<T: Copy>(node: &Node<'_>, words: &[(&str, T)]) -> Option<Box<[T]>> {
    if node.json().is_string() {
        return Some([node.one_of(words)?].into());
    }
    let list = node.list()?;
    if list.is_empty() {
        node.fault("never holds: expected at least one stage");
        return None;
    }
    let all: Vec<Option<T>> = list.iter().map(|node| node.one_of(words)).collect();
    all.into_iter().collect()
}

impl fmt::Display for StageCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StageCondition::Lifecycle(wanted, _) => {
                f.write_str("as a customer is ")?;
                alternatives(f, wanted, &Lifecycle::NAMES)
            }
            StageCondition::Buyer(wanted, _) => {
                f.write_str("in the buyer's journey is at ")?;
                alternatives(f, wanted, &BuyerStage::NAMES)
            }
        }
    }
}

fn alternatives<T: PartialEq>(f: &mut fmt::Formatter<'_>, wanted: &[T], names: &[(&str, T)]) -> fmt::Result {
    for (n, stage) in wanted.iter().enumerate() {
        let name = names.iter().find(|(_, known)| known == stage).map_or("", |(name, _)| *name);
        write!(f, "{}{}", if n == 0 { "" } else { " or " }, name.replace('_', " "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Segment;
    use super::super::trial::{day, faults, inside, outside, rule};
    use crate::customer::{FigureRules, Profile};
    use crate::event::Event;
    use crate::primitives::{CustomerId, Instant};
    use serde_json::json;

    fn who(events: &[(i64, &str)]) -> Profile {
        let mut who = Profile::new(CustomerId::new("anna"), day(0));
        for (n, name) in events {
            who.last_seen = who.last_seen.max(day(*n));
            who.figures.observe(&Event::track(name), day(*n), &FigureRules::default(), "EUR".parse().unwrap());
        }
        who
    }

    #[test]
    fn promise_5_5_stages_are_entered_and_left_by_time_alone() {
        let at_risk = rule(json!({"lifecycle": "at_risk"}));
        let buyer = who(&[(0, "Order Completed"), (50, "Product Viewed")]);
        assert_eq!(at_risk.evaluate(&buyer, day(60)), outside(Some(day(90))));
        assert_eq!(at_risk.evaluate(&buyer, day(90)), inside(Some(day(180))));
        assert_eq!(at_risk.evaluate(&buyer, day(180)), outside(None));
        // Who has not bought is measured by visits.
        let visitor = who(&[(0, "page"), (50, "Product Viewed")]);
        assert_eq!(at_risk.evaluate(&visitor, day(139)), outside(Some(day(140))));
        let deciding = rule(json!({"buyer_stage": ["decision", "consideration"]}));
        let cart = who(&[(1, "Product Viewed"), (2, "Product Added")]);
        assert_eq!(deciding.evaluate(&cart, day(3)), inside(Some(day(9))));
        assert_eq!(deciding.evaluate(&cart, day(9)), inside(Some(day(32))));
        assert_eq!(deciding.evaluate(&cart, day(32)), outside(None));
        assert_eq!(deciding.to_string(), "in the buyer's journey is at decision or consideration");
        assert_eq!(at_risk.to_string(), "as a customer is at risk");
    }

    #[test]
    fn unknown_stages_are_faults() {
        let text = faults(json!({"all": [{"lifecycle": "dormat"}, {"buyer_stage": []}, {"lifecycle": "new", "x": 1}]}));
        assert!(text.contains("did you mean `dormant`?") && text.contains("at least one stage"), "{text}");
        assert!(text.contains("$.all[2].x: unknown field"), "{text}");
    }

    #[test]
    fn a_customer_of_whom_no_figures_are_known_is_at_no_stage() {
        struct Host;
        impl crate::Customer for Host {
            fn id(&self) -> CustomerId {
                CustomerId::new("host")
            }
            fn attribute(&self, _: &crate::Key) -> Option<crate::ValueRef<'_>> {
                None
            }
            fn contact_point(&self, _: &crate::ChannelKind) -> crate::Reach<'_> {
                crate::Reach::Unknown
            }
            fn consent(&self, _: &crate::ChannelKind, _: &crate::Topic, _: Instant) -> crate::Consent {
                crate::Consent::NoRecord
            }
        }
        for json in
            [json!({"lifecycle": "new"}), json!({"buyer_stage": "awareness"}), json!({"orders": {"at_most": 0}})]
        {
            assert_eq!(rule(json).evaluate(&Host, day(1)), outside(None));
        }
    }
}
