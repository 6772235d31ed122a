//! The store in memory: steps in place under its shard's lock, nothing is copied.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::hash::BuildHasherDefault;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;

use super::{Binding, Claim, Stepper, Store, StoreError, Wake, Work};
use crate::customer::{Suppression, SuppressionChange};
use crate::delivery::{EffectCall, Envelope};
use crate::playbook::{Hashed, Input, Outcome, Refused};
use crate::primitives::{CustomerId, IdentityKey, Instant, PointHash};
use crate::record::CustomerState;

/// Keeps everything in memory: for tests, rehearsals, and shops that may lose it. Nothing survives the process.
///
/// Records are spread over shards with a lock each, so that threads that step different customers rarely meet. A shard
/// holds a range of ids, which spread evenly: a walk in the order of ids goes from shard to shard, and a page of it looks
/// through the ids of one or two.
pub struct MemoryStore {
    shards: Box<[Mutex<Shard>]>,
    outbox: Box<[Mutex<ById<u128, Envelope>>]>,
    calls: Mutex<ById<u128, EffectCall>>,
    identities: Box<[Mutex<Identities>]>,
    suppressed: RwLock<ById<u128, Suppression>>,
}

type ById<K, V> = HashMap<K, V, BuildHasherDefault<Hashed>>;
type Identities = ById<u128, CustomerId>;

#[derive(Default)]
struct Shard {
    records: ById<CustomerId, Box<Slot>>,
    due: BTreeSet<(Instant, CustomerId)>,
    leased: ById<CustomerId, Instant>,
}

struct Slot {
    state: CustomerState,
    /// As the index has it.
    due: Instant,
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::new()
    }
}

impl MemoryStore {
    /// An empty store of 64 shards.
    pub fn new() -> Self {
        MemoryStore::with_shards(64)
    }

    /// An empty store of so many shards, at least one.
    pub fn with_shards(shards: usize) -> Self {
        let shards = shards.max(1);
        MemoryStore {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            outbox: (0..shards).map(|_| Mutex::default()).collect(),
            calls: Mutex::default(),
            identities: (0..shards).map(|_| Mutex::default()).collect(),
            suppressed: RwLock::default(),
        }
    }

    /// How many records there are, with those that became part of another.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).records.len()).sum()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Steps one record at once, for callers without an executor.
    ///
    /// # Errors
    /// When the step refuses.
    pub fn step(&self, work: &Work, stepper: &dyn Stepper) -> Result<Outcome, Refused> {
        let mut outcome = self.shard(work.customer).step(work, stepper)?;
        self.post(work.customer, &mut outcome);
        if outcome.forward.is_empty() {
            return Ok(outcome);
        }
        // At once, in one call: what travels from record to record is nowhere else. In the order in which it set out.
        let mut onward = VecDeque::from(std::mem::take(&mut outcome.forward));
        while let Some((customer, input)) = onward.pop_front() {
            let forwarded = Work { customer, input, now: work.now };
            let mut followed = self.shard(customer).step(&forwarded, stepper)?;
            self.post(customer, &mut followed);
            onward.extend(std::mem::take(&mut followed.forward));
            outcome.followed.push((customer, followed));
        }
        Ok(outcome)
    }

    /// Keeps what is new in the outbox, gives back what is to be sent again, and forgets what is done.
    fn post(&self, customer: CustomerId, outcome: &mut Outcome) {
        for key in outcome.remove.iter().flatten() {
            self.take_from(*key, customer);
        }
        for envelope in &outcome.send {
            if let Some(mut outbox) = locked_in(&self.outbox, envelope.id.as_u128()) {
                outbox.insert(envelope.id.as_u128(), envelope.clone());
            }
        }
        if !outcome.calls.is_empty() {
            locked(&self.calls).extend(outcome.calls.iter().map(|call| (call.id.as_u128(), call.clone())));
        }
        for again in std::mem::take(&mut outcome.resend) {
            let again = again.as_u128();
            let found = locked_in(&self.outbox, again).and_then(|outbox| outbox.get(&again).cloned());
            match found {
                Some(envelope) => outcome.send.push(envelope),
                None => outcome.calls.extend(locked(&self.calls).get(&again).cloned()),
            }
        }
        self.list(&std::mem::take(&mut outcome.suppress));
        for done in std::mem::take(&mut outcome.release) {
            let done = done.as_u128();
            let envelope = locked_in(&self.outbox, done).and_then(|mut outbox| outbox.remove(&done));
            if envelope.is_none() {
                locked(&self.calls).remove(&done);
            }
        }
    }

    /// Changes the suppression list.
    pub fn list(&self, changes: &[SuppressionChange]) {
        if changes.is_empty() {
            return;
        }
        let mut list = self.suppressed.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            let point = change.point.as_u128();
            match change.after(list.get(&point).copied()) {
                Some(entry) => {
                    list.insert(point, entry);
                }
                None => {
                    list.remove(&point);
                }
            }
        }
    }

    /// What the suppression list says of a contact point.
    pub fn listed(&self, point: PointHash) -> Option<Suppression> {
        self.suppressed.read().unwrap_or_else(PoisonError::into_inner).get(&point.as_u128()).copied()
    }

    /// Whose an identifier is.
    pub fn owner(&self, key: IdentityKey) -> Option<CustomerId> {
        locked_in(&self.identities, key.as_u128())?.get(&key.as_u128()).copied()
    }

    /// Gives an identifier to a record and answers whose it then is.
    pub fn give(&self, binding: &Binding) -> CustomerId {
        let Some(mut identities) = locked_in(&self.identities, binding.key.as_u128()) else { return binding.to };
        let owner = binding.owner_after(identities.get(&binding.key.as_u128()).copied());
        identities.insert(binding.key.as_u128(), owner);
        owner
    }

    /// Lets an identifier lead nowhere, if it leads to this record.
    fn take_from(&self, key: IdentityKey, owner: CustomerId) {
        if let Some(mut identities) = locked_in(&self.identities, key.as_u128())
            && identities.get(&key.as_u128()) == Some(&owner)
        {
            identities.remove(&key.as_u128());
        }
    }

    /// The earliest record due at or before an instant, if any.
    pub fn first_due(&self, until: Instant) -> Option<Wake> {
        let first = self.shards.iter().filter_map(|shard| locked(shard).due.first().copied()).min()?;
        (first.0 <= until).then_some(Wake { customer: first.1, due: first.0 })
    }

    /// Reads every envelope that waits for its outcome, in no particular order.
    pub fn for_each_envelope(&self, mut read: impl FnMut(&Envelope)) {
        for outbox in &self.outbox {
            locked(outbox).values().for_each(&mut read);
        }
    }

    /// Reads every call of an effect that waits for its answer, in no particular order.
    pub fn for_each_call(&self, read: impl FnMut(&EffectCall)) {
        locked(&self.calls).values().for_each(read);
    }

    /// How many envelopes and calls wait in the outbox for their outcome.
    pub fn outbox_len(&self) -> usize {
        let envelopes: usize = self.outbox.iter().map(|outbox| locked(outbox).len()).sum();
        envelopes + locked(&self.calls).len()
    }

    /// Reads a record in place.
    pub fn with_record<T>(&self, customer: CustomerId, read: impl FnOnce(&CustomerState) -> T) -> Option<T> {
        self.shard(customer).records.get(&customer).map(|slot| read(&slot.state))
    }

    /// Reads every record in place, in no particular order.
    pub fn for_each(&self, mut read: impl FnMut(&CustomerState)) {
        for shard in &self.shards {
            locked(shard).records.values().for_each(|slot| read(&slot.state));
        }
    }

    fn shard(&self, customer: CustomerId) -> MutexGuard<'_, Shard> {
        match self.shards.get(self.shard_of(customer)) {
            Some(shard) => locked(shard),
            // The position is below the length; this arm satisfies the compiler without a panic.
            None => self.shard(CustomerId::from_u128(0)),
        }
    }

    /// The shard of an id: of two ids the greater is never in an earlier one.
    fn shard_of(&self, customer: CustomerId) -> usize {
        let head = customer.as_u128() >> 96;
        ((head * self.shards.len() as u128) >> 32) as usize
    }
}

/// The step catches the panics of host code, which only ever reads; so a poisoned lock holds a whole record.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn locked_in<T>(shards: &[Mutex<T>], hash: u128) -> Option<MutexGuard<'_, T>> {
    shards.get((hash >> 64) as usize % shards.len().max(1)).map(locked)
}

impl Shard {
    fn step(&mut self, work: &Work, stepper: &dyn Stepper) -> Result<Outcome, Refused> {
        let id = work.customer;
        let outcome = match self.records.get_mut(&id) {
            Some(slot) => {
                let outcome = stepper.step(&mut slot.state, work)?;
                let due = slot.state.due();
                if due != slot.due {
                    self.due.remove(&(slot.due, id));
                    slot.due = due;
                    if due < Instant::MAX {
                        self.due.insert((due, id));
                    }
                }
                outcome
            }
            None if matches!(work.input, Input::Wake) => Outcome::default(),
            None => {
                let mut state = CustomerState::new(id, work.now);
                let outcome = stepper.step(&mut state, work)?;
                let due = state.due();
                if due < Instant::MAX {
                    self.due.insert((due, id));
                }
                self.records.insert(id, Box::new(Slot { state, due }));
                outcome
            }
        };
        if outcome.remove.is_some()
            && let Some(slot) = self.records.remove(&id)
        {
            self.due.remove(&(slot.due, id));
        }
        if !self.leased.is_empty() {
            self.leased.remove(&id);
        }
        Ok(outcome)
    }

    /// The first ids after one, at most `limit`, in their order.
    fn ids_after(&self, after: Option<CustomerId>, limit: usize) -> Vec<CustomerId> {
        let mut ids: Vec<CustomerId> =
            self.records.keys().copied().filter(|id| after.is_none_or(|after| *id > after)).collect();
        if limit < ids.len() {
            // The whole shard need not be sorted for a part of it.
            ids.select_nth_unstable(limit);
            ids.truncate(limit);
        }
        ids.sort_unstable();
        ids
    }

    fn claim(&mut self, ask: &Claim, limit: usize) -> Vec<Wake> {
        let mut taken = Vec::new();
        for (due, customer) in self.due.iter().take_while(|(due, _)| *due <= ask.now) {
            if taken.len() == limit {
                break;
            }
            if self.leased.get(customer).is_none_or(|until| *until <= ask.now) {
                taken.push(Wake { customer: *customer, due: *due });
            }
        }
        for wake in &taken {
            self.leased.insert(wake.customer, ask.now + ask.lease);
        }
        taken
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        Ok(keys.iter().map(|key| self.owner(*key)).collect())
    }

    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        Ok(bindings.iter().map(|binding| self.give(binding)).collect())
    }

    async fn suppressed(&self, points: &[PointHash]) -> Result<Vec<Option<Suppression>>, StoreError> {
        Ok(points.iter().map(|point| self.listed(*point)).collect())
    }

    async fn suppress(&self, changes: &[SuppressionChange]) -> Result<(), StoreError> {
        self.list(changes);
        Ok(())
    }

    async fn transact(&self, work: &[Work], stepper: &dyn Stepper) -> Vec<Result<Outcome, StoreError>> {
        work.iter().map(|work| self.step(work, stepper).map_err(StoreError::from)).collect()
    }

    async fn claim(&self, ask: &Claim) -> Result<Vec<Wake>, StoreError> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let left = ask.limit - all.len();
            if left == 0 {
                break;
            }
            all.extend(locked(shard).claim(ask, left));
        }
        all.sort_by_key(|wake| (wake.due, wake.customer));
        Ok(all)
    }

    async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        Ok(self.first_due(Instant::MAX).map(|wake| wake.due))
    }

    async fn scan(&self, after: Option<CustomerId>, limit: usize) -> Result<Vec<CustomerState>, StoreError> {
        let mut page = Vec::with_capacity(limit.min(1_024));
        for shard in self.shards.iter().skip(after.map_or(0, |after| self.shard_of(after))) {
            let ids = locked(shard).ids_after(after, limit - page.len());
            page.extend(ids.into_iter().filter_map(|id| self.with_record(id, Clone::clone)));
            if page.len() >= limit {
                break;
            }
        }
        Ok(page)
    }

    async fn load(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError> {
        Ok(self.with_record(customer, Clone::clone))
    }
}

/// Sizes only.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("records", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    #[derive(Debug)]
    struct Nothing;

    impl Stepper for Nothing {
        fn step(&self, _: &mut CustomerState, _: &Work) -> Result<Outcome, Refused> {
            Ok(Outcome::default())
        }
    }

    #[test]
    fn a_walk_meets_every_record_once_in_the_order_of_ids_whatever_its_pages_and_shards() {
        for shards in [1, 3, 64, 1_000] {
            let store = MemoryStore::with_shards(shards);
            let mut ids: Vec<CustomerId> = (0..500).map(|n| CustomerId::new(&format!("c{n}"))).collect();
            ids.extend([0, 1, u128::MAX].map(CustomerId::from_u128));
            for id in &ids {
                let work = Work {
                    customer: *id,
                    input: Input::Event(crate::event::Event::track("A").into()),
                    now: Instant::from_millis(0),
                };
                store.step(&work, &Nothing).unwrap();
            }
            ids.sort();
            for limit in [1, 7, 500, 9_999] {
                let (mut met, mut after) = (Vec::new(), None);
                loop {
                    let page = block_on(store.scan(after, limit)).unwrap();
                    met.extend(page.iter().map(|record| record.profile.id));
                    after = met.last().copied();
                    if page.len() < limit {
                        break;
                    }
                }
                assert_eq!(met, ids, "{shards} shards, pages of {limit}");
            }
            assert!(block_on(store.scan(None, 0)).unwrap().is_empty());
        }
    }
}
