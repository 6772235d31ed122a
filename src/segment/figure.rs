//! Conditions on what is derived of a customer.

use std::fmt;

use serde_json::{Map, Value as Json};

use super::affinity::AffinityCondition;
use super::learned::LearnedCondition;
use super::rfm::RfmCondition;
use super::spending::{SpendingCondition, Spent};
use super::stage::StageCondition;
use super::{Facts, Membership};
use crate::primitives::fault::Object;
use crate::primitives::{Derived, Needs};

/// A condition that reads the figures of a customer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FigureCondition {
    Stage(StageCondition),
    Affinity(AffinityCondition),
    Spending(SpendingCondition),
    Rfm(RfmCondition),
    Learned(LearnedCondition),
}

impl FigureCondition {
    /// From the one field that names the condition.
    pub(super) fn decode(kind: &str, object: &Object<'_>) -> Option<FigureCondition> {
        let known = object.node().object(&[kind]).map(|_| ());
        let field = object.get(kind)?;
        let condition = match kind {
            "lifecycle" => StageCondition::lifecycle(&field).map(FigureCondition::Stage),
            "buyer_stage" => StageCondition::buyer(&field).map(FigureCondition::Stage),
            "affinity" => AffinityCondition::decode(&field).map(FigureCondition::Affinity),
            "rfm" => RfmCondition::decode(&field).map(FigureCondition::Rfm),
            "best_hour" | "learned_channel" | "device" => {
                LearnedCondition::decode(kind, &field).map(FigureCondition::Learned)
            }
            "lifetime_value" => SpendingCondition::decode(Spent::Value, &field).map(FigureCondition::Spending),
            "average_order" => SpendingCondition::decode(Spent::Average, &field).map(FigureCondition::Spending),
            _ => SpendingCondition::decode(Spent::Orders, &field).map(FigureCondition::Spending),
        };
        known.and(condition)
    }

    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        match self {
            FigureCondition::Stage(stage) => stage.write(out),
            FigureCondition::Affinity(affinity) => affinity.write(out),
            FigureCondition::Spending(spending) => spending.write(out),
            FigureCondition::Rfm(rfm) => rfm.write(out),
            FigureCondition::Learned(learned) => learned.write(out),
        }
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        match self {
            FigureCondition::Stage(stage) => stage.check(facts),
            FigureCondition::Affinity(affinity) => affinity.check(facts),
            FigureCondition::Spending(spending) => spending.check(facts),
            FigureCondition::Rfm(rfm) => rfm.check(facts),
            FigureCondition::Learned(learned) => learned.check(facts),
        }
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        let reads = match self {
            FigureCondition::Stage(stage) => stage.reads(),
            FigureCondition::Affinity(_) => Derived::AFFINITY,
            FigureCondition::Spending(_) | FigureCondition::Rfm(_) => Derived::PURCHASES,
            FigureCondition::Learned(learned) => {
                learned.needs(needs);
                needs.derived
            }
        };
        needs.derived = needs.derived.and(reads);
    }
}

impl fmt::Display for FigureCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FigureCondition::Stage(stage) => fmt::Display::fmt(stage, f),
            FigureCondition::Affinity(affinity) => fmt::Display::fmt(affinity, f),
            FigureCondition::Spending(spending) => fmt::Display::fmt(spending, f),
            FigureCondition::Rfm(rfm) => fmt::Display::fmt(rfm, f),
            FigureCondition::Learned(learned) => fmt::Display::fmt(learned, f),
        }
    }
}
