//! A model from its JSON, with every fault at once.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::super::spending::basis;
use super::{RfmGroup, RfmModel};
use crate::customer::MoneyBasis;
use crate::primitives::fault::{FaultSink, Node};
use crate::primitives::{Currency, Faults, Instant, Span};

impl RfmModel {
    /// From its JSON, as serializing it gives; without `groups` it has the usual ones.
    ///
    /// # Errors
    /// All faults at once, each with its path.
    pub fn from_json(text: &str) -> Result<RfmModel, Faults> {
        super::super::read(text, RfmModel::decode)
    }

    pub(crate) fn decode(node: &Node<'_>) -> Option<RfmModel> {
        let object = node.object(&[
            "fitted",
            "customers",
            "bands",
            "money",
            "currency",
            "recency",
            "frequency",
            "monetary",
            "groups",
        ])?;
        let fitted = object.need("fitted").and_then(|node| node.parsed::<Instant>());
        let customers = object.get("customers").map_or(Some(0), |node| node.integer(0..=i64::MAX));
        let bands =
            object.get("bands").map_or(Some(5), |node| node.integer(2..=100)).and_then(|n| u8::try_from(n).ok());
        let money = object.get("money").map_or(Some(MoneyBasis::Net), |node| basis(&node));
        let currency = object.need("currency").and_then(|node| node.parsed::<Currency>());
        let recency = object.need("recency").and_then(|node| edges(&node, bands, age));
        let frequency = object.need("frequency").and_then(|node| {
            edges(&node, bands, |node| node.integer(0..=i64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok()))
        });
        let monetary = object.need("monetary").and_then(|node| edges(&node, bands, |node| node.decimal()));
        let groups = match (object.get("groups"), bands) {
            (Some(node), Some(bands)) => groups(&node, bands),
            (_, bands) => bands.map(RfmGroup::usual),
        };
        Some(RfmModel {
            fitted: fitted?,
            customers: customers?.unsigned_abs(),
            bands: bands?,
            money: money?,
            currency: Some(currency?),
            recency: recency?,
            frequency: frequency?,
            monetary: monetary?,
            groups: groups?,
        })
    }

    /// The model of the playbook that a condition stands in.
    pub(super) fn around(node: &Node<'_>) -> Option<RfmModel> {
        let unheard = FaultSink::default();
        RfmModel::decode(&Node::root(node.section("rfm")?, &unheard))
    }
}

/// An age may be no time at all: somebody bought just now.
fn age(node: &Node<'_>) -> Option<Span> {
    node.parsed::<Span>()
}

fn edges<T: PartialOrd>(node: &Node<'_>, bands: Option<u8>, read: impl Fn(&Node<'_>) -> Option<T>) -> Option<Vec<T>> {
    let list = node.list()?;
    let edges: Vec<Option<T>> = list.iter().map(read).collect();
    let edges: Vec<T> = edges.into_iter().collect::<Option<_>>()?;
    if let Some(bands) = bands.map(usize::from).filter(|bands| bands - 1 != edges.len()) {
        node.fault(format!("expected {} edges for {bands} bands, found {}", bands - 1, edges.len()));
        return None;
    }
    if !edges.is_sorted() {
        node.fault("expected the edges in ascending order");
        return None;
    }
    Some(edges)
}

fn groups(node: &Node<'_>, bands: u8) -> Option<Vec<RfmGroup>> {
    let all: Vec<Option<RfmGroup>> = node.list()?.iter().map(|node| group(node, bands)).collect();
    all.into_iter().collect()
}

fn group(node: &Node<'_>, bands: u8) -> Option<RfmGroup> {
    let object = node.object(&["name", "recency", "frequency", "monetary"])?;
    let name = object.need("name").and_then(|node| node.key());
    let range = |field: &str| match object.get(field) {
        None => Some([1, bands]),
        Some(node) => {
            let band = |node: &Node<'_>| node.integer(1..=i64::from(bands)).and_then(|n| u8::try_from(n).ok());
            let [low, high] = super::super::range::pair(&node, band)?;
            if low > high {
                node.fault("never holds: the lower band comes first");
                return None;
            }
            Some([low, high])
        }
    };
    let (recency, frequency, monetary) = (range("recency"), range("frequency"), range("monetary"));
    let name = name?.as_str().into();
    Some(RfmGroup { name, recency: recency?, frequency: frequency?, monetary: monetary? })
}

impl<'de> Deserialize<'de> for RfmModel {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = serde_json::Value::deserialize(from)?;
        let sink = FaultSink::default();
        let model = RfmModel::decode(&Node::root(&json, &sink));
        model.filter(|_| sink.is_empty()).ok_or_else(|| D::Error::custom(sink.into_faults()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_6_1_all_faults_of_a_model_are_reported_at_once() {
        let faults = RfmModel::from_json(
            r#"{"fitted": "soon", "currency": "EUR", "recency": ["1d", "2d"], "frequency": [3, 2, 1, 1],
                "monetary": ["1", "2", "3", "4"], "groups": [{"name": "a", "recency": [5, 4]}, {"recency": [1, 9]}], "x": 1}"#,
        )
        .unwrap_err()
        .to_string();
        let lines: Vec<&str> = faults.lines().skip(1).map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "$.x: unknown field; known here: fitted, customers, bands, money, currency, recency, frequency, monetary, groups",
                "$.fitted: expected a time such as 2026-03-07T20:00:00Z, found `soon`",
                "$.recency: expected 4 edges for 5 bands, found 2",
                "$.frequency: expected the edges in ascending order",
                "$.groups[0].recency: never holds: the lower band comes first",
                "$.groups[1]: the field `name` is missing",
                "$.groups[1].recency[1]: expected a whole number from 1 to 5, found 9",
            ]
        );
    }
}
