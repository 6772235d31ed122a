//! The condition on a customer's RFM bands and group: `rfm`.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::super::range::Range;
use super::super::{Facts, Membership};
use super::RfmModel;
use crate::primitives::fault::{Node, nearest};

/// `{"rfm": {"group": "champions"}}`, or bands: `{"rfm": {"recency": {"at_least": 4}}}`; all that are given must hold.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct RfmCondition {
    model: Arc<RfmModel>,
    group: Option<Box<str>>,
    bands: Box<[(&'static str, Range<i64>)]>,
}

const MEASURES: [&str; 3] = ["recency", "frequency", "monetary"];

impl RfmCondition {
    pub(in super::super) fn decode(field: &Node<'_>) -> Option<RfmCondition> {
        let object = field.object(&["group", "recency", "frequency", "monetary"])?;
        let Some(model) = RfmModel::around(field) else {
            // What is wrong with a model is told where the model stands.
            if field.section("rfm").is_none() {
                field.fault("needs a fitted model: give the playbook one under `rfm`, or its builder");
            }
            return None;
        };
        let group = match object.get("group") {
            None => None,
            Some(node) => {
                let name = node.text()?;
                let all: Vec<&str> = model.groups.iter().map(|group| &*group.name).collect();
                if !all.contains(&name) {
                    let hint = match nearest(name, &all) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("the model has {}", all.join(", ")),
                    };
                    node.fault(format!("there is no group `{name}`; {hint}"));
                    return None;
                }
                Some(name.into())
            }
        };
        let band = |node: &Node<'_>| node.integer(1..=i64::from(model.bands));
        let range = |name: &'static str| {
            let node = object.get(name)?;
            Some(
                node.object(&Range::OPERATORS)
                    .and_then(|object| Range::decode(&object, band))
                    .map(|range| (name, range)),
            )
        };
        let bands: Vec<Option<_>> = MEASURES.into_iter().filter_map(range).collect();
        let bands = bands.into_iter().collect::<Option<Box<[_]>>>()?;
        if group.is_none() && bands.is_empty() {
            field.fault("expected `group`, `recency`, `frequency` or `monetary`");
            return None;
        }
        Some(RfmCondition { model: Arc::new(model), group, bands })
    }

    /// Without its model, which stands in the playbook.
    pub(in super::super) fn write(&self, out: &mut Map<String, Json>) {
        let mut asked = Map::new();
        asked.extend(self.group.as_deref().map(|group| ("group".to_owned(), group.into())));
        for (name, range) in &self.bands {
            let mut limits = Map::new();
            range.write(&mut limits, Json::from);
            asked.insert((*name).to_owned(), limits.into());
        }
        out.insert("rfm".to_owned(), asked.into());
    }

    pub(in super::super) fn check(&self, facts: &Facts<'_>) -> Membership {
        let Some((score, until)) = self.model.timed(facts.who, facts.now) else { return Membership::steady(false) };
        let grouped = self.group.as_deref().is_none_or(|group| self.model.group(score) == Some(group));
        let banded = self.bands.iter().all(|(name, range)| {
            range.contains(i64::from(match *name {
                "recency" => score.recency,
                "frequency" => score.frequency,
                _ => score.monetary,
            }))
        });
        Membership::steady(grouped && banded).sooner(until)
    }
}

impl fmt::Display for RfmCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("by RFM ")?;
        if let Some(group) = &self.group {
            write!(f, "among {}", group.replace('_', " "))?;
        }
        for (n, (name, range)) in self.bands.iter().enumerate() {
            let and = if n > 0 || self.group.is_some() { " and " } else { "" };
            write!(f, "{and}{name} {range}")?;
        }
        Ok(())
    }
}
