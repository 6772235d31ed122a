//! Counting what happens: segments and journeys by their hashes, since nearly every event changes some.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;

use super::lift::Lift;
use super::summary::{EffectSummary, JourneySummary, Summary};
use crate::playbook::{Hashed, Notice, Outcome, Playbook, What};
use crate::primitives::{CustomerId, EffectId, IdempotencyKey, Instant, JourneyId, Key, SegmentId};

/// The counts of a rehearsal under way.
pub(super) struct Tally {
    /// All but the counts by segment and by journey.
    rest: Summary,
    segments: Named<u64>,
    journeys: Named<JourneySummary>,
    lift: Lift,
}

type Named<T> = HashMap<u64, (Key, T), BuildHasherDefault<Hashed>>;

impl Tally {
    pub(super) fn new(playbook: &Playbook) -> Self {
        let rest = Summary {
            events: 0,
            duplicates: 0,
            malformed: 0,
            customers: 0,
            segments: BTreeMap::new(),
            journeys: BTreeMap::new(),
            handed_over: 0,
            tried_again: 0,
            channels: BTreeMap::new(),
            messages: BTreeMap::new(),
            cost: BTreeMap::new(),
            currency: playbook.currency(),
            skipped: BTreeMap::new(),
            held_out: BTreeMap::new(),
            deferred: BTreeMap::new(),
            engaged: BTreeMap::new(),
            failed: BTreeMap::new(),
            effects: playbook.effects().iter().map(|spec| (spec.id.to_string(), EffectSummary::default())).collect(),
            merged: 0,
            until: None,
        };
        Tally {
            rest,
            segments: playbook.segments().map(|id| (id.key().hash(), (id.key().clone(), 0))).collect(),
            journeys: playbook
                .journeys()
                .map(|journey| journey.id().key())
                .map(|key| (key.hash(), (key.clone(), JourneySummary::default())))
                .collect(),
            lift: Lift::default(),
        }
    }

    /// The counts so far.
    pub(super) fn summary(&self) -> Summary {
        let mut summary = self.rest.clone();
        summary.segments = named(&self.segments);
        summary.journeys = named(&self.journeys);
        for (hash, lift) in self.lift.by_journey() {
            let journey = self.journeys.get(&hash).and_then(|(key, _)| summary.journeys.get_mut(key.as_str()));
            journey.into_iter().for_each(|journey| journey.lift = Some(lift.clone()));
        }
        summary
    }

    pub(super) fn malformed(&mut self) {
        self.rest.malformed += 1;
    }

    pub(super) fn handed_over(&self) -> u64 {
        self.rest.handed_over
    }

    fn of(&mut self, id: &JourneyId) -> &mut JourneySummary {
        let (_, counts) =
            self.journeys.entry(id.key().hash()).or_insert_with(|| (id.key().clone(), Default::default()));
        counts
    }

    fn effect(&mut self, id: &EffectId) -> &mut EffectSummary {
        self.rest.effects.entry(id.as_str().to_owned()).or_default()
    }

    fn size(&mut self, id: &SegmentId) -> &mut u64 {
        let (_, size) = self.segments.entry(id.key().hash()).or_insert_with(|| (id.key().clone(), 0));
        size
    }

    pub(super) fn event(&mut self, duplicate: bool) {
        if duplicate {
            self.rest.duplicates += 1;
        } else {
            self.rest.events += 1;
        }
    }

    pub(super) fn count(&mut self, customer: CustomerId, outcome: &Outcome) {
        self.lift.count(customer, outcome);
        for notice in &outcome.notices {
            self.notice(&notice.what);
        }
    }

    /// A hand-over that was counted did not begin: its contact point is suppressed.
    pub(super) fn stopped(&mut self, id: IdempotencyKey, notices: &[Notice]) {
        for notice in notices {
            match &notice.what {
                What::HandedOver(sent) if sent.id == id => {
                    self.rest.handed_over = self.rest.handed_over.saturating_sub(1);
                    unbump(&mut self.rest.channels, sent.channel.as_str());
                    let messages = self.rest.messages.entry(sent.message.as_str().to_owned()).or_default();
                    unbump(messages, sent.channel.as_str());
                    *self.rest.cost.entry(sent.channel.as_str().to_owned()).or_default() -= sent.cost;
                    unbump(&mut self.of(&sent.journey).handed_over, &sent.step);
                }
                What::HandedOverAgain(sent) if sent.id == id => {
                    self.rest.tried_again = self.rest.tried_again.saturating_sub(1);
                }
                _ => {}
            }
        }
    }

    fn notice(&mut self, what: &What) {
        match what {
            What::SegmentEntered { segment } | What::Reclassified { segment, inside: true } => *self.size(segment) += 1,
            What::SegmentLeft { segment } | What::Reclassified { segment, inside: false } => {
                let size = self.size(segment);
                *size = size.saturating_sub(1);
            }
            What::RunBegun(run) => self.of(&run.journey).begun += 1,
            What::RunRestarted(run) => self.of(&run.journey).restarted += 1,
            What::RunGathered(run) => self.of(&run.journey).gathered += 1,
            What::NotBegun { journey, reason } => bump(&mut self.of(journey).not_begun, reason),
            What::RunEnded { run, reason } => bump(&mut self.of(&run.journey).ended, reason.word()),
            What::Goal { run, before_any_message } => {
                let counts = self.of(&run.journey);
                counts.goal_reached += 1;
                counts.goal_before_any_message += u64::from(*before_any_message);
            }
            What::Effect(call) => self.effect(&call.effect).called += 1,
            What::EffectAgain { effect, .. } => self.effect(effect).tried_again += 1,
            What::EffectEnded { effect, how, .. } => bump(&mut self.effect(effect).ended, how.word()),
            What::HandedOver(sent) => {
                self.rest.handed_over += 1;
                bump(&mut self.rest.channels, sent.channel.as_str());
                bump(self.rest.messages.entry(sent.message.as_str().to_owned()).or_default(), sent.channel.as_str());
                *self.rest.cost.entry(sent.channel.as_str().to_owned()).or_default() += sent.cost;
                bump(&mut self.of(&sent.journey).handed_over, &sent.step);
            }
            What::HeldOut(message) => {
                let channels = self.rest.held_out.entry(message.message.as_str().to_owned()).or_default();
                bump(channels, message.channel.as_str());
                bump(&mut self.of(&message.journey).held_out, &message.step);
            }
            What::Split { run, step, split_arm } => {
                let arms = self.of(&run.journey).splits.entry(step.as_str().to_owned()).or_default();
                *arms.entry(*split_arm).or_default() += 1;
            }
            What::HandedOverAgain(_) => self.rest.tried_again += 1,
            What::Skipped { message, reason, .. } => {
                bump(self.rest.skipped.entry(message.as_str().to_owned()).or_default(), reason.rule);
            }
            What::Deferred { message, reason, .. } => {
                bump(self.rest.deferred.entry(message.as_str().to_owned()).or_default(), reason.rule);
            }
            What::Engaged { how, .. } => bump(&mut self.rest.engaged, &format!("{how:?}").to_lowercase()),
            What::Cancelled { .. } => bump(&mut self.rest.failed, "cancelled"),
            What::Failed { .. } => bump(&mut self.rest.failed, "refused"),
            What::Parked { .. } => bump(&mut self.rest.failed, "parked"),
            What::Expired { .. } => bump(&mut self.rest.failed, "expired"),
            What::Bounced { .. } => bump(&mut self.rest.failed, "bounced"),
            What::Merged { .. } => self.rest.merged += 1,
            _ => {}
        }
    }

    /// How many customers there are at the end, how many runs of each journey live, and when that was.
    pub(super) fn close(
        &mut self,
        customers: u64,
        pending: HashMap<JourneyId, BTreeMap<String, u64>>,
        until: Option<Instant>,
    ) {
        self.rest.customers = customers;
        self.rest.until = until;
        for (_, counts) in self.journeys.values_mut() {
            counts.pending = 0;
            counts.pending_at.clear();
        }
        for (journey, at) in pending {
            let counts = self.of(&journey);
            counts.pending = at.values().sum();
            counts.pending_at = at;
        }
    }
}

fn named<T: Clone>(counts: &Named<T>) -> BTreeMap<String, T> {
    counts.values().map(|(key, count)| (key.as_str().to_owned(), count.clone())).collect()
}

fn unbump(counts: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count = count.saturating_sub(1);
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
