//! What a rehearsal came to.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::primitives::{Currency, Instant};

/// The counts of a rehearsal; as JSON the content of `summary.json`, whose format is stable.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Events taken, without copies.
    pub events: u64,
    /// Copies of events taken before.
    pub duplicates: u64,
    /// Lines that were no event.
    pub malformed: u64,
    /// Customers at the end.
    pub customers: u64,
    /// Customers in each segment at the end.
    pub segments: BTreeMap<String, u64>,
    /// What happened in each journey.
    pub journeys: BTreeMap<String, JourneySummary>,
    /// Messages handed over, each once however often it was tried.
    pub handed_over: u64,
    /// Further tries of these.
    pub tried_again: u64,
    /// Messages handed over on each channel.
    pub channels: BTreeMap<String, u64>,
    /// Messages handed over on each channel, by message.
    pub messages: BTreeMap<String, BTreeMap<String, u64>>,
    /// What the messages handed over cost, each once, by channel, in [`currency`](Self::currency).
    #[serde(serialize_with = "decimals")]
    pub cost: BTreeMap<String, Decimal>,
    /// The currency of every amount.
    pub currency: Currency,
    /// Messages not sent, by message and rule.
    pub skipped: BTreeMap<String, BTreeMap<String, u64>>,
    /// Messages deferred, by message and rule; one message may wait more than once.
    pub deferred: BTreeMap<String, BTreeMap<String, u64>>,
    /// Messages engaged with, by how.
    pub engaged: BTreeMap<String, u64>,
    /// Messages handed over that came to nothing, by how: those that bounced were accepted before.
    pub failed: BTreeMap<String, u64>,
    /// What became of each effect that the playbook lists.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub effects: BTreeMap<String, EffectSummary>,
    /// Records that became part of another.
    pub merged: u64,
    /// Up to when timers fired, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
}

/// What happened in one journey.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct JourneySummary {
    /// Runs begun.
    pub begun: u64,
    /// Runs set back to their start.
    pub restarted: u64,
    /// Triggers that joined a run that gathers.
    pub gathered: u64,
    /// Triggers that began no run, by reason.
    pub not_begun: BTreeMap<String, u64>,
    /// Runs ended, by reason.
    pub ended: BTreeMap<String, u64>,
    /// Runs that live at the end.
    pub pending: u64,
    /// Messages handed over, by step.
    pub handed_over: BTreeMap<String, u64>,
    /// Runs that reached the goal, also after their end.
    pub goal_reached: u64,
    /// Of these, before any message.
    pub goal_before_any_message: u64,
}

/// What became of one effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EffectSummary {
    /// Calls handed over, each once however often it was tried.
    pub called: u64,
    /// Further tries of these.
    pub tried_again: u64,
    /// Calls that came to an end, by how: `done`, `failed`, `expired`, `cancelled`, `abandoned`.
    pub ended: BTreeMap<String, u64>,
}

impl Summary {
    /// A journey's counts; an unknown journey has none.
    pub fn journey(&self, id: &str) -> JourneySummary {
        self.journeys.get(id).cloned().unwrap_or_default()
    }
}

impl Summary {
    /// An effect's counts; an unknown effect has none.
    pub fn effect(&self, id: &str) -> EffectSummary {
        self.effects.get(id).cloned().unwrap_or_default()
    }
}

/// As text: JSON readers take numbers for floats.
fn decimals<S: serde::Serializer>(amounts: &BTreeMap<String, Decimal>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(amounts.iter().map(|(name, amount)| (name, amount.normalize().to_string())))
}
