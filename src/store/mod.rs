//! Where records live: the contract, and the store in memory.

mod identity;
mod memory;
mod shared;

use std::fmt;

use async_trait::async_trait;

pub use identity::{Binding, MergeError, Who};
pub(crate) use identity::{Named, Shell, Stepped, names_nobody, take, to_merge};
pub use memory::MemoryStore;

use crate::customer::{Suppression, SuppressionChange};
use crate::playbook::{Input, Outcome, Refused};
use crate::primitives::{CustomerId, IdentityKey, Instant, PointHash, Span};
use crate::record::CustomerState;

/// One input for one customer at one instant.
#[derive(Debug, Clone)]
pub struct Work {
    /// Whose record.
    pub customer: CustomerId,
    /// What happens to it.
    pub input: Input,
    /// When it is handled.
    pub now: Instant,
}

/// Runs the step inside the store's transaction.
pub trait Stepper: Sync {
    /// Steps one record. Called again, on a fresh copy, if the store's commit met a conflict.
    ///
    /// # Errors
    /// [`Refused`], and the record is unchanged.
    fn step(&self, state: &mut CustomerState, work: &Work) -> Result<Outcome, Refused>;
}

/// Which records to wake.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// The instant up to which they are due, included.
    pub now: Instant,
    /// At most so many, the earliest due first.
    pub limit: usize,
    /// For how long nobody else gets them.
    pub lease: Span,
}

/// A record that wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    /// Which.
    pub customer: CustomerId,
    /// Since when.
    pub due: Instant,
}

/// Keeps customers' records and their envelopes, and runs the step on them.
///
/// # Contract
/// - `transact` commits a record, its envelopes and its due instant together or not at all (promise 10.1), one customer
///   at a time: two steps on one record never overlap, and the later sees what the earlier committed.
/// - Works of one call for the same customer are stepped in their order. A result per work, in their order.
/// - A refused step changes nothing and creates no record.
/// - The envelopes of [`Outcome::send`] and the calls of [`Outcome::calls`] are in the outbox when `transact` answers, and
///   those of [`Outcome::resend`] are given back in `send` or `calls`, byte for byte as they were stored. What
///   [`Outcome::release`] names may be forgotten.
/// - What [`Outcome::forward`] names is committed with the record and stepped by the store, at once or later, exactly once
///   and in any order: the content of a record that became part of another travels in it, and a record that waits for
///   another is not due until it has heard. It is stepped within a call of `transact`: of the one that forwarded it, or of a
///   later one for its record, at that call's `now`. Until then its record counts as due, and `claim` and `next_due` say so.
///   The outcome is in [`Outcome::followed`] of one of that call's results, so that what it sends is handed over. A
///   forwarded input is never refused.
/// - Envelopes and calls are found by their id alone, and no two share one: the record that resends one may not be the one that decided it.
/// - After each commit the record is due at [`CustomerState::due`]. `claim` hands a due record to one caller until the
///   lease ends or the record is stepped; it may hand out one that is no longer due (a spurious wake-up does nothing), and
///   never forgets one that is.
/// - With [`Outcome::remove`] the record is removed in the same commit, and each of the identifiers that still leads to it; these
///   may go later than the record. An input for it afterwards finds no record, and begins a new one.
/// - What [`Outcome::suppress`] names is committed with the record, each as [`SuppressionChange::after`] says. `suppressed`
///   sees every change that was committed before it was called, by whichever process; a look-up that cannot be made is an
///   error and never "nothing": nothing is sent then (promise 4.3). Entries are never dropped for their age.
/// - `bind` is atomic for each key: it leaves each key with [`Binding::owner_after`]. `resolve` sees what an earlier `bind` of the same caller did.
/// - An error of [`StoreError::Unknown`] means that the commit may or may not have happened; every other, that it did not.
///
/// Dropping a future of any method leaves the store as if it had ended or never begun.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Whose each identifier is.
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError>;

    /// Gives identifiers to records, and answers whose each then is.
    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError>;

    /// What the suppression list says of each contact point.
    async fn suppressed(&self, points: &[PointHash]) -> Result<Vec<Option<Suppression>>, StoreError>;

    /// Changes the suppression list, by the host's own word.
    async fn suppress(&self, changes: &[SuppressionChange]) -> Result<(), StoreError>;

    /// Steps records. One that does not exist yet begins empty, except for a wake-up, which does nothing.
    async fn transact(&self, work: &[Work], stepper: &dyn Stepper) -> Vec<Result<Outcome, StoreError>>;

    /// Leases due records.
    async fn claim(&self, ask: &Claim) -> Result<Vec<Wake>, StoreError>;

    /// The earliest instant at which any record is due.
    async fn next_due(&self) -> Result<Option<Instant>, StoreError>;

    /// Reads records in the order of their ids, after `after`: the pages of a resumable walk over everybody.
    async fn scan(&self, after: Option<CustomerId>, limit: usize) -> Result<Vec<CustomerState>, StoreError>;

    /// Reads one record.
    async fn load(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError>;
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The step refused the input; the record is unchanged.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store cannot be reached, or is too busy; nothing was done.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The answer was lost: it may or may not have been done.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
    /// What is stored cannot be read.
    #[error("a stored record is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, StoreError::Unavailable(_) | StoreError::Unknown(_))
    }
}

#[cfg(test)]
mod tests {
    fn _obj_safe(_: &dyn super::Store, _: &dyn super::Stepper) {}
}
