//! What a rehearsal came to.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::journey::Diagram;
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
    /// Messages held out, by message and by the channel that they would have been sent on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub held_out: BTreeMap<String, BTreeMap<String, u64>>,
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
    /// The same by the step at which they are.
    pub pending_at: BTreeMap<String, u64>,
    /// Messages handed over, by step.
    pub handed_over: BTreeMap<String, u64>,
    /// Runs that reached the goal, also after their end.
    pub goal_reached: u64,
    /// Of these, before any message.
    pub goal_before_any_message: u64,
    /// Messages held out, by step.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub held_out: BTreeMap<String, u64>,
    /// Runs drawn to each arm of each split: by step, and by the arm's number from 1.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub splits: BTreeMap<String, BTreeMap<u32, u64>>,
    /// What the runs came to by arm; `None` without a holdout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lift: Option<LiftSummary>,
}

/// The goals of a journey's runs by arm (promise 6.10): a run counts in the arm that it began in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LiftSummary {
    /// With the journey's messages.
    pub treated: ArmSummary,
    /// Without them.
    pub held_out: ArmSummary,
    /// Runs that count in neither, since records of different arms became one.
    pub left_out: u64,
}

/// What the runs of one arm came to. As JSON with the [`rate`](Self::rate), as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArmSummary {
    /// Runs begun.
    pub runs: u64,
    /// Of these, those that reached the goal, whether before any message or after.
    pub goals: u64,
}

impl ArmSummary {
    /// Goals per run, to six decimals; `None` without a run.
    pub fn rate(&self) -> Option<Decimal> {
        let rate = Decimal::from(self.goals).checked_div(Decimal::from(self.runs))?;
        Some(rate.round_dp(6).normalize())
    }
}

impl Serialize for ArmSummary {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = to.serialize_struct("ArmSummary", 3)?;
        fields.serialize_field("runs", &self.runs)?;
        fields.serialize_field("goals", &self.goals)?;
        fields.serialize_field("rate", &self.rate().map(|rate| rate.to_string()))?;
        fields.end()
    }
}

impl JourneySummary {
    /// Writes into a journey's picture what was counted at each step: messages handed over, and runs that live there at the
    /// end.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use throughline::{Event, Playbook, Rehearsal};
    /// let playbook = Arc::new(Playbook::from_json(r#"{
    ///     "version": 1, "currency": "EUR", "channels": {"in_app": {}},
    ///     "messages": {"hello": {"class": "transactional", "variants": {"in_app": {"body": "Hello!"}}}},
    ///     "journeys": {"welcome": {"trigger": {"event": "Signed Up"}, "steps": [{"id": "greet", "message": "hello"}]}}
    /// }"#)?);
    /// let mut rehearsal = Rehearsal::new(playbook.clone());
    /// rehearsal.event(Event::track("Signed Up").user("anna").at("2026-03-01T10:00:00Z".parse()?))?;
    /// let summary = rehearsal.finish(None);
    /// for journey in playbook.journeys() {
    ///     let mut diagram = journey.diagram().unwrap();
    ///     summary.journey(journey.id().as_str()).count_into(&mut diagram);
    ///     assert!(diagram.to_mermaid().contains("1 handed over"));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn count_into(&self, diagram: &mut Diagram) {
        // The trigger's box has no name.
        diagram.note("", format!("{} begun", self.begun));
        for (counts, what) in [(&self.handed_over, "handed over"), (&self.pending_at, "live")] {
            for (step, count) in counts {
                diagram.note(step, format!("{count} {what}"));
            }
        }
    }
}

/// What became of one effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EffectSummary {
    /// Calls handed over, each once however often it was tried.
    pub called: u64,
    /// Further tries of these.
    pub tried_again: u64,
    /// Calls that came to an end, by how: `done`, `failed`, `expired`, `cancelled`, `held_out`, `abandoned`.
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

pub(super) fn decimal<S: serde::Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&amount.normalize())
}
