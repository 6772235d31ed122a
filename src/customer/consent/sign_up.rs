//! Double opt-in: a sign-up allows nothing until it is confirmed in time, and then counts as an express grant from the
//! confirmation on (promise 4.1).
//!
//! Either half may be heard of first, so both are kept: a confirmation that comes before its sign-up waits for it.

use std::cmp::Reverse;

use super::{ConsentBook, ConsentRecord, Said, Says};
use crate::event::{Basis, Evidence};

/// So many sign-ups, and so many confirmations, are kept of one channel, topic and contact point: the latest.
pub(super) const MOST_HALVES: usize = 4;

impl ConsentBook {
    /// Takes a sign-up or a confirmation, and makes the grants that it completes. Says whether it told anything new.
    pub(super) fn record_half(&mut self, half: ConsentRecord) -> bool {
        if !self.keep_half(&half) {
            return false;
        }
        let grants: Vec<ConsentRecord> = match half.says {
            Says::SignedUp { .. } => self.iter().filter_map(|other| confirmed(&half, other)).collect(),
            _ => self.iter().filter_map(|other| confirmed(other, &half)).collect(),
        };
        for grant in grants {
            self.put(Said { counts: grant.at, record: grant });
        }
        true
    }

    /// Keeps one half; says whether it was new. It completes nothing by that.
    pub(super) fn keep_half(&mut self, half: &ConsentRecord) -> bool {
        if self.iter().any(|known| known == half) {
            return false;
        }
        let alike = |known: &ConsentRecord| {
            known.is_half()
                && (known.says == Says::Confirmed) == (half.says == Says::Confirmed)
                && (&known.channel, &known.topic, known.point) == (&half.channel, &half.topic, half.point)
        };
        self.said.push(Said { record: half.clone(), counts: half.at });
        let of_kind = || self.said.iter().enumerate().filter(|(_, said)| alike(&said.record));
        if of_kind().count() > MOST_HALVES
            && let Some((oldest, _)) = of_kind().min_by(|(_, a), (_, b)| a.order().cmp(&b.order()))
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
    /// Of two that replace each other the greater stands.
    pub(super) fn order(&self) -> impl Ord + use<'_> {
        (self.counts, self.order_said())
    }

    /// The same by what was said alone; at equal times the one that allows less. What neither says otherwise is settled by
    /// source and evidence, so that the order of arrival does not show.
    pub(super) fn order_said(&self) -> impl Ord + use<'_> {
        let record = &self.record;
        let expires = Reverse(record.expires.unwrap_or(crate::primitives::Instant::MAX));
        (record.at, expires, record.says, &record.source, &record.evidence)
    }
}
