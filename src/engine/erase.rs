//! What a customer, or the law, asks of the host: to be forgotten, or not to be reached.

use super::{Engine, locked};
use crate::customer::{Block, BlockReason, Suppress};
use crate::playbook::Input;
use crate::primitives::{ChannelKind, ContactPoint, CustomerId, PointHash};
use crate::record::{CustomerState, Stage};
use crate::store::{Binding, StoreError, Who, Work};

/// How far an erasure has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Erasure {
    /// Nothing is left of the customer.
    Done,
    /// The record is about to become one with others, and is erased with them as soon as that is settled, without another
    /// call. Until then it sends nothing.
    Pending,
}

impl Engine {
    /// Erases a customer (promise 2.4): every personal datum of the record, and of records that became part of it. Runs end
    /// as `erased`, messages that are not handed over are cancelled, payloads are forgotten. What stays are hashes of the
    /// identifiers and contact points, under the playbook's [`Secret`](crate::Secret), and the opt-outs: by these no late
    /// event, old receipt or restored queue brings the customer back. Only an `identify` or an express consent that is
    /// dated after the erasure opens a new, empty record.
    ///
    /// A user whom nobody knows yet is erased as well: events of theirs may still be on their way. Erasing twice changes
    /// nothing more; after an error call it again. What was handed to a provider is the provider's to erase.
    ///
    /// # Errors
    /// When the store fails. Then it may have been done in part; the next call does the rest.
    pub async fn erase(&self, who: impl Into<Who>) -> Result<Erasure, StoreError> {
        let who = who.into();
        let named = who.key(self.playbook.identity());
        let customer = match (&who, named) {
            (_, Some(key)) => {
                let bound = self.store.bind(&[Binding { key, to: key.candidate(), from: None }]).await?;
                bound.into_iter().next().unwrap_or_else(|| key.candidate())
            }
            (Who::Record(record), None) => *record,
            (Who::User(_), None) => return Ok(Erasure::Done),
        };
        let work = Work { customer, input: Input::Erase { named, until: self.now() }, now: self.now() };
        self.transact(vec![work]).await?;
        let record = self.survivor(customer).await?;
        let gone: Vec<CustomerId> = match &record {
            Some(state) => state.absorbed.iter().copied().chain([customer, state.profile.id]).collect(),
            None => vec![customer],
        };
        // What waits here for a channel is forgotten too; its claims end with the record.
        for lane in locked(&self.lanes).iter_mut() {
            lane.forget(&gone);
        }
        Ok(match record {
            Some(state) if !state.is_erased() => Erasure::Pending,
            _ => Erasure::Done,
        })
    }

    /// Everything held of a customer, as JSON that a person can read (promise 2.4); see [`Playbook::export`](crate::Playbook::export). `None`
    /// if nobody is known by that name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn export(&self, who: impl Into<Who>) -> Result<Option<String>, StoreError> {
        let Some(owner) = self.owner(&who.into()).await? else { return Ok(None) };
        let Some(record) = self.survivor(owner).await? else { return Ok(None) };
        let identity = self.playbook.identity();
        let points: Vec<PointHash> =
            record.profile.points.iter().map(|known| identity.point(&known.kind, &known.point)).collect();
        let listed = self.store.suppressed(&points).await?;
        Ok(Some(self.playbook.export(&record, &listed)))
    }

    /// Puts a contact point on the suppression list (promise 4.3), for example each entry of a provider's own list before
    /// launch. From then on no message goes there on any record; for an opt-out or a complaint, no marketing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn suppress(
        &self,
        kind: &ChannelKind,
        point: &ContactPoint,
        reason: BlockReason,
    ) -> Result<(), StoreError> {
        self.change(kind, point, Suppress::Add(Block { reason, since: self.now() })).await
    }

    /// Takes a contact point off the suppression list. A record that was told of it already keeps its own block.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unsuppress(&self, kind: &ChannelKind, point: &ContactPoint) -> Result<(), StoreError> {
        self.change(kind, point, Suppress::Remove).await
    }

    async fn change(&self, kind: &ChannelKind, point: &ContactPoint, what: Suppress) -> Result<(), StoreError> {
        self.store.suppress(&self.playbook.identity().suppression(kind, point, what)).await
    }

    /// The record that one became part of, if it did.
    async fn survivor(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError> {
        let mut record = self.store.load(customer).await?;
        while let Some(Stage::Moved(to)) = record.as_ref().map(|state| &state.stage) {
            record = self.store.load(*to).await?;
        }
        Ok(record)
    }
}
