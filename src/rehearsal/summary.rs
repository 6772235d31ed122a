//! What a rehearsal came to.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::playbook::{Outcome, Playbook, What};
use crate::primitives::{Currency, Instant, JourneyId};

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
    /// Triggers that began no run, by reason.
    pub not_begun: BTreeMap<String, u64>,
    /// Runs ended, by reason.
    pub ended: BTreeMap<String, u64>,
    /// Runs that live at the end.
    pub pending: u64,
    /// Messages handed over, by step.
    pub handed_over: BTreeMap<String, u64>,
    /// Runs that reached the goal before any message.
    pub goal_before_any_message: u64,
}

impl Summary {
    pub(super) fn new(playbook: &Playbook) -> Self {
        Summary {
            events: 0,
            duplicates: 0,
            malformed: 0,
            customers: 0,
            segments: playbook.segments().map(|id| (id.as_str().to_owned(), 0)).collect(),
            journeys: playbook
                .journeys()
                .map(|journey| (journey.id().as_str().to_owned(), JourneySummary::default()))
                .collect(),
            handed_over: 0,
            tried_again: 0,
            channels: BTreeMap::new(),
            messages: BTreeMap::new(),
            cost: BTreeMap::new(),
            currency: playbook.currency(),
            skipped: BTreeMap::new(),
            deferred: BTreeMap::new(),
            engaged: BTreeMap::new(),
            failed: BTreeMap::new(),
            merged: 0,
            until: None,
        }
    }

    /// A journey's counts; an unknown journey has none.
    pub fn journey(&self, id: &str) -> JourneySummary {
        self.journeys.get(id).cloned().unwrap_or_default()
    }

    fn of(&mut self, id: &JourneyId) -> &mut JourneySummary {
        self.journeys.entry(id.as_str().to_owned()).or_default()
    }

    pub(super) fn count(&mut self, outcome: &Outcome, event: bool) {
        match (event, outcome.duplicate) {
            (_, true) => self.duplicates += 1,
            (true, false) => self.events += 1,
            (false, false) => {}
        }
        for notice in &outcome.notices {
            self.notice(&notice.what);
        }
    }

    fn notice(&mut self, what: &What) {
        match what {
            What::SegmentEntered { segment } => bump(&mut self.segments, segment.as_str()),
            What::SegmentLeft { segment } => {
                if let Some(size) = self.segments.get_mut(segment.as_str()) {
                    *size = size.saturating_sub(1);
                }
            }
            What::RunBegun(run) => self.of(&run.journey).begun += 1,
            What::RunRestarted(run) => self.of(&run.journey).restarted += 1,
            What::NotBegun { journey, reason } => bump(&mut self.of(journey).not_begun, reason),
            What::RunEnded { run, reason } => bump(&mut self.of(&run.journey).ended, reason.word()),
            What::Goal { run, before_any_message: true } => self.of(&run.journey).goal_before_any_message += 1,
            What::HandedOver(sent) => {
                self.handed_over += 1;
                bump(&mut self.channels, sent.channel.as_str());
                bump(self.messages.entry(sent.message.as_str().to_owned()).or_default(), sent.channel.as_str());
                *self.cost.entry(sent.channel.as_str().to_owned()).or_default() += sent.cost;
                bump(&mut self.of(&sent.journey).handed_over, &sent.step);
            }
            What::HandedOverAgain(_) => self.tried_again += 1,
            What::Skipped { message, reason, .. } => {
                bump(self.skipped.entry(message.as_str().to_owned()).or_default(), reason.rule);
            }
            What::Deferred { message, reason, .. } => {
                bump(self.deferred.entry(message.as_str().to_owned()).or_default(), reason.rule);
            }
            What::Engaged { how, .. } => bump(&mut self.engaged, &format!("{how:?}").to_lowercase()),
            What::Cancelled { .. } => bump(&mut self.failed, "cancelled"),
            What::Failed { .. } => bump(&mut self.failed, "refused"),
            What::Parked { .. } => bump(&mut self.failed, "parked"),
            What::Expired { .. } => bump(&mut self.failed, "expired"),
            What::Bounced { .. } => bump(&mut self.failed, "bounced"),
            What::Merged { .. } => self.merged += 1,
            _ => {}
        }
    }

    pub(super) fn close(&mut self, customers: u64, pending: BTreeMap<String, u64>, until: Option<Instant>) {
        self.customers = customers;
        self.until = until;
        for (journey, runs) in pending {
            self.journeys.entry(journey).or_default().pending = runs;
        }
    }
}

fn bump(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => {
            counts.insert(name.to_owned(), 1);
        }
    }
}

/// As text: JSON readers take numbers for floats.
fn decimals<S: serde::Serializer>(amounts: &BTreeMap<String, Decimal>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(amounts.iter().map(|(name, amount)| (name, amount.normalize().to_string())))
}
