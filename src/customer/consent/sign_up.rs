//! Double opt-in: a sign-up allows nothing until it is confirmed in time, and then counts as an express grant from the
//! confirmation on (promise 4.1).
//!
//! Either half may be heard of first, so both are kept: a confirmation that comes before its sign-up waits for it.

use std::cmp::Reverse;

use super::{ConsentBook, ConsentRecord, Said, Says};
use crate::event::{Basis, Evidence};
use crate::primitives::{Instant, Span};

/// So many sign-ups, and so many confirmations, are kept of one channel, topic and contact point: the latest.
pub(super) const MOST_HALVES: usize = 4;

impl ConsentBook {
    /// Takes a sign-up or a confirmation, and makes the grants that it completes. Says whether it told anything new.
    pub(super) fn record_half(&mut self, half: ConsentRecord) -> bool {
        if !self.keep_half(&Said { counts: half.at, record: half.clone() }) {
            return false;
        }
        let others: Vec<ConsentRecord> = self.iter().filter(|other| other.is_half()).cloned().collect();
        for other in others {
            let (sign_up, confirmation) = if half.says == Says::Confirmed { (&other, &half) } else { (&half, &other) };
            let Some(grant) = confirmed(sign_up, confirmation) else { continue };
            // From then on it waits for nothing more.
            if let Some(known) = self.said.iter_mut().find(|known| known.record == *sign_up) {
                known.counts = known.counts.max(grant.at + Span::millis(1));
            }
            self.put(Said { counts: grant.at, record: grant });
        }
        true
    }

    /// Keeps one half; says whether it was new. It completes nothing by that.
    pub(super) fn keep_half(&mut self, half: &Said) -> bool {
        if let Some(known) = self.said.iter_mut().find(|known| known.record == half.record) {
            known.counts = known.counts.max(half.counts);
            return false;
        }
        let kind = |record: &ConsentRecord| record.is_half().then_some(record.says == Says::Confirmed);
        let matter = |record: &ConsentRecord| (record.channel.clone(), record.topic.clone(), record.point);
        let (ours, about) = (kind(&half.record), matter(&half.record));
        self.said.push(half.clone());
        let alike = |said: &Said| kind(&said.record) == ours && matter(&said.record) == about;
        let of_kind = || self.said.iter().enumerate().filter(|(_, said)| alike(said));
        if of_kind().count() > MOST_HALVES
            && let Some((oldest, _)) = of_kind().min_by(|(_, a), (_, b)| a.order_said().cmp(&b.order_said()))
        {
            self.said.remove(oldest);
        }
        true
    }
}

/// The grant of a sign-up that is confirmed in time: for what was signed up for, with the evidence of both. A
/// confirmation that names no contact point confirms any.
fn confirmed(sign_up: &ConsentRecord, confirmation: &ConsentRecord) -> Option<ConsentRecord> {
    let Says::SignedUp { until } = sign_up.says else { return None };
    let meant = confirmation.says == Says::Confirmed
        && (&confirmation.channel, &confirmation.topic) == (&sign_up.channel, &sign_up.topic)
        && (confirmation.point.is_none() || confirmation.point == sign_up.point);
    (meant && sign_up.at <= confirmation.at && confirmation.at < until).then(|| ConsentRecord {
        at: confirmation.at,
        says: Says::Granted(Basis::Express),
        source: sign_up.source.clone().or(confirmation.source.clone()),
        evidence: Evidence::both(sign_up.evidence.as_ref(), confirmation.evidence.as_ref()),
        ..sign_up.clone()
    })
}

impl Said {
    /// Until when a sign-up waits, if it does.
    pub(super) fn waits(&self, now: Instant) -> Option<Instant> {
        match self.record.says {
            Says::SignedUp { until } if now < until && self.counts == self.record.at => Some(until),
            _ => None,
        }
    }

    /// Of two that replace each other the greater stands.
    pub(super) fn order(&self) -> impl Ord + use<'_> {
        (self.counts, self.order_said())
    }

    /// The same by what was said alone; at equal times the one that allows less. What neither says otherwise is settled by
    /// source and evidence, so that the order of arrival does not show.
    pub(super) fn order_said(&self) -> impl Ord + use<'_> {
        let record = &self.record;
        let expires = Reverse(record.expires.unwrap_or(Instant::MAX));
        (record.at, expires, record.says, &record.source, &record.evidence)
    }
}
