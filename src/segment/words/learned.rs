//! Conditions on what is learned of a customer.

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::limits::Limits;
use super::{CriteriaBuilder, put};
use crate::primitives::ChannelKind;

/// The hour of the local day in which a customer engages most; all that is said must hold.
#[derive(Debug, Clone)]
#[must_use]
pub struct BestHourWords(Map<String, Json>);

/// The hour of the local day in which a customer engages most.
pub fn best_hour() -> BestHourWords {
    BestHourWords(Map::new())
}

impl BestHourWords {
    /// The hour, 0 to 23.
    pub fn hour(mut self, hours: Limits<u32>) -> Self {
        put(&mut self.0, "hour", hours.counts().into());
        self
    }

    /// How many engagements show it.
    pub fn engagements(mut self, times: Limits<u32>) -> Self {
        put(&mut self.0, "engagements", times.counts().into());
        self
    }

    /// It is so.
    pub fn holds(self) -> CriteriaBuilder {
        CriteriaBuilder::of("best_hour", self.0)
    }
}

/// The channel by which a customer engages best; all that is said must hold.
#[derive(Debug, Clone)]
#[must_use]
pub struct LearnedChannelWords(Map<String, Json>);

/// The channel by which a customer engages best.
pub fn learned_channel() -> LearnedChannelWords {
    LearnedChannelWords(Map::new())
}

impl LearnedChannelWords {
    /// It is this one.
    pub fn is(mut self, channel: ChannelKind) -> Self {
        put(&mut self.0, "channel", channel.as_str().into());
        self
    }

    /// So many messages were sent there.
    pub fn sent(mut self, messages: Limits<u32>) -> Self {
        put(&mut self.0, "sent", messages.counts().into());
        self
    }

    /// So many of them were engaged with.
    pub fn engaged(mut self, messages: Limits<u32>) -> Self {
        put(&mut self.0, "engaged", messages.counts().into());
        self
    }

    /// It is so.
    pub fn holds(self) -> CriteriaBuilder {
        CriteriaBuilder::of("learned_channel", self.0)
    }
}

/// A kind of device on which a customer engages; all that is said must hold.
#[derive(Debug, Clone)]
#[must_use]
pub struct DeviceWords(Map<String, Json>);

/// Engages on a kind of device, as `context.device.type` names it; by itself at least once.
pub fn device(kind: &str) -> DeviceWords {
    DeviceWords(Map::from_iter([("kind".to_owned(), kind.into())]))
}

impl DeviceWords {
    /// So many times.
    pub fn engagements(mut self, times: Limits<u32>) -> Self {
        put(&mut self.0, "engagements", times.counts().into());
        self
    }

    /// Its part of all engagements whose device is known, from 0 to 1.
    pub fn share<N: Into<Decimal>>(mut self, limits: Limits<N>) -> Self {
        put(&mut self.0, "share", limits.numbers().into());
        self
    }

    /// It is so.
    pub fn holds(self) -> CriteriaBuilder {
        CriteriaBuilder::of("device", self.0)
    }
}

impl From<BestHourWords> for CriteriaBuilder {
    fn from(words: BestHourWords) -> CriteriaBuilder {
        words.holds()
    }
}

impl From<LearnedChannelWords> for CriteriaBuilder {
    fn from(words: LearnedChannelWords) -> CriteriaBuilder {
        words.holds()
    }
}

impl From<DeviceWords> for CriteriaBuilder {
    fn from(words: DeviceWords) -> CriteriaBuilder {
        words.holds()
    }
}
