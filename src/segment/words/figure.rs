//! Conditions on what is derived of a customer.

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::limits::Limits;
use super::{CriteriaBuilder, put};
use crate::customer::{BuyerStage, Lifecycle};

/// Stands at one of these in life as a customer.
pub fn lifecycle(stages: impl IntoIterator<Item = Lifecycle>) -> CriteriaBuilder {
    CriteriaBuilder::of("lifecycle", names(stages, &Lifecycle::NAMES))
}

/// Stands at one of these in the buyer's journey.
pub fn buyer_stage(stages: impl IntoIterator<Item = BuyerStage>) -> CriteriaBuilder {
    CriteriaBuilder::of("buyer_stage", names(stages, &BuyerStage::NAMES))
}

fn names<T: PartialEq>(stages: impl IntoIterator<Item = T>, names: &[(&str, T)]) -> Vec<Json> {
    let name = |stage: T| names.iter().find(|(_, known)| *known == stage).map(|(name, _)| (*name).into());
    stages.into_iter().filter_map(name).collect()
}

/// A liking, without how much of it.
#[derive(Debug, Clone)]
#[must_use]
pub struct LikingWords(Map<String, Json>);

/// The liking for a category of products.
pub fn likes_category(name: &str) -> LikingWords {
    LikingWords(Map::from_iter([("category".to_owned(), name.into())]))
}

/// The liking for a brand.
pub fn likes_brand(name: &str) -> LikingWords {
    LikingWords(Map::from_iter([("brand".to_owned(), name.into())]))
}

impl LikingWords {
    /// Its part of all that the customer likes of this kind, from 0 to 1.
    pub fn share<N: Into<Decimal>>(self, limits: Limits<N>) -> CriteriaBuilder {
        self.by("share", limits.numbers())
    }

    /// Its score: 1 for a product viewed just now, half of that a half-life later.
    pub fn score<N: Into<Decimal>>(self, limits: Limits<N>) -> CriteriaBuilder {
        self.by("score", limits.numbers())
    }

    fn by(mut self, measure: &str, limits: Map<String, Json>) -> CriteriaBuilder {
        self.0.insert(measure.to_owned(), limits.into());
        CriteriaBuilder::of("affinity", self.0)
    }
}

/// The money of all orders, net, in the playbook's currency.
pub fn lifetime_value<N: Into<Decimal>>(limits: Limits<N>) -> CriteriaBuilder {
    CriteriaBuilder::of("lifetime_value", limits.numbers())
}

/// The average money of an order, net.
pub fn average_order<N: Into<Decimal>>(limits: Limits<N>) -> CriteriaBuilder {
    CriteriaBuilder::of("average_order", limits.numbers())
}

/// How many orders there are of which something is left.
pub fn orders(limits: Limits<u32>) -> CriteriaBuilder {
    CriteriaBuilder::of("orders", limits.counts())
}

/// What was bought in all, as if nothing had been sent back.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct SpendingWords(());

/// What was bought in all, as if nothing had been sent back (promise 5.6): `gross().lifetime_value(at_least(500))`.
pub fn gross() -> SpendingWords {
    SpendingWords(())
}

impl SpendingWords {
    /// The money of all orders, in the playbook's currency.
    pub fn lifetime_value<N: Into<Decimal>>(self, limits: Limits<N>) -> CriteriaBuilder {
        Self::of("lifetime_value", limits.numbers())
    }

    /// The average money of an order.
    pub fn average_order<N: Into<Decimal>>(self, limits: Limits<N>) -> CriteriaBuilder {
        Self::of("average_order", limits.numbers())
    }

    /// How many orders there were.
    pub fn orders(self, limits: Limits<u32>) -> CriteriaBuilder {
        Self::of("orders", limits.counts())
    }

    fn of(name: &str, mut limits: Map<String, Json>) -> CriteriaBuilder {
        limits.insert("money".to_owned(), "gross".into());
        CriteriaBuilder::of(name, limits)
    }
}

/// Where a customer stands in the playbook's [`RfmModel`](crate::RfmModel); all that is said must hold.
#[derive(Debug, Clone)]
#[must_use]
pub struct RfmWords(Map<String, Json>);

/// Where a customer stands in the playbook's RFM model.
pub fn rfm() -> RfmWords {
    RfmWords(Map::new())
}

impl RfmWords {
    /// In this group of the model.
    pub fn group(mut self, name: &str) -> Self {
        put(&mut self.0, "group", name.into());
        self
    }

    /// The band of how lately they bought; the highest is the best.
    pub fn recency(mut self, bands: Limits<u32>) -> Self {
        put(&mut self.0, "recency", bands.counts().into());
        self
    }

    /// The band of how often they bought.
    pub fn frequency(mut self, bands: Limits<u32>) -> Self {
        put(&mut self.0, "frequency", bands.counts().into());
        self
    }

    /// The band of for how much they bought.
    pub fn monetary(mut self, bands: Limits<u32>) -> Self {
        put(&mut self.0, "monetary", bands.counts().into());
        self
    }

    /// They stand there.
    pub fn holds(self) -> CriteriaBuilder {
        CriteriaBuilder::of("rfm", json!(self.0))
    }
}

impl From<RfmWords> for CriteriaBuilder {
    fn from(words: RfmWords) -> CriteriaBuilder {
        words.holds()
    }
}
