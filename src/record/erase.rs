//! What is left of an erased customer (promise 2.4): nothing that tells who it was, and what keeps them from being reached.

use super::{CustomerState, Stage};
use crate::primitives::Instant;

/// What an erased record knows its customer by: hashes of identifiers, under the playbook's secret.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Tombstone {
    /// Of the ids by which the shop knew the customer.
    pub(crate) users: Vec<u128>,
    /// Of the strong identifiers.
    pub(crate) strong: Vec<u128>,
}

/// Without the hashes: under no secret they can be guessed (promise 2.5).
impl std::fmt::Debug for Tombstone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tombstone")
    }
}

impl Tombstone {
    /// Keeps what another one has.
    pub(crate) fn join(&mut self, other: Tombstone) {
        for (ours, theirs) in [(&mut self.users, other.users), (&mut self.strong, other.strong)] {
            theirs.into_iter().for_each(|hash| {
                if !ours.contains(&hash) {
                    ours.push(hash);
                }
            });
        }
    }
}

impl CustomerState {
    /// Whether nothing is left of the customer.
    pub fn is_erased(&self) -> bool {
        matches!(self.stage, Stage::Erased(_))
    }

    /// Empties the record but for opt-outs, and gives what it held.
    pub(crate) fn bury(&mut self, mut tombstone: Tombstone, now: Instant) -> CustomerState {
        let mut empty = CustomerState::new(self.profile.id, now);
        empty.last = now;
        empty.erased = self.erased.max(now);
        // Nothing is left to be evaluated.
        empty.segments_due = Instant::MAX;
        empty.profile.consents = self.profile.consents.opt_outs();
        let held = std::mem::replace(self, empty);
        self.absorbed.clone_from(&held.absorbed);
        if let Stage::Erased(known) = &held.stage {
            tombstone.join((**known).clone());
        }
        self.stage = Stage::Erased(Box::new(tombstone));
        held
    }

    /// A new, empty record in the place of the erased one, with the opt-outs that it kept.
    pub(crate) fn reopen(&mut self, now: Instant) {
        let CustomerState { absorbed, erased, last, profile, .. } =
            std::mem::replace(self, CustomerState::new(self.profile.id, now));
        self.absorbed = absorbed;
        self.erased = erased;
        self.last = last;
        self.profile.consents = profile.consents;
    }

    /// Forgets what a record keeps that became part of another.
    pub(crate) fn forget_moved(&mut self) {
        if !self.has_moved() {
            return;
        }
        self.profile = crate::customer::Profile::new(self.profile.id, self.profile.first_seen);
    }
}
