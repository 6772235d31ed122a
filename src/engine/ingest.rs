//! Events and the host's own word on who is who, on their way to the records.

use std::sync::Arc;

use super::Engine;
use crate::event::{Event, EventError, Subscription};
use crate::playbook::{Input, Refused};
use crate::primitives::{CustomerId, IdentityKey, Instant};
use crate::store::{Binding, MergeError, Named, Shell, Stepped, StoreError, Who, Work, names_nobody, take, to_merge};

/// What became of an ingested event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ingested {
    /// It was taken and is committed.
    Taken,
    /// It was a copy of one taken before; nothing changed (promise 3.2).
    Duplicate,
}

/// Why an event was not taken. Nothing of it was done, unless the store says that it does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// It is malformed.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a statement on consent was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsentError {
    /// No record is known by this name.
    #[error("the customer is not known")]
    Unknown,
    /// The store failed; the call may be made again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Takes one event.
    ///
    /// One that reveals that several records are one person is committed with the first of them, which from then on holds
    /// its sends; it acts when they have become one (promise 2.3).
    ///
    /// # Errors
    /// When it names nobody, or the store fails; the caller may try again, since a second copy changes nothing.
    pub async fn ingest(&self, event: Event) -> Result<Ingested, IngestError> {
        let mut shell = Ingest { engine: self, now: self.now() };
        match take(&mut shell, self.playbook.identity(), &Arc::new(event)).await? {
            None => Err(names_nobody().into()),
            Some(Stepped { duplicate: true, .. }) => Ok(Ingested::Duplicate),
            Some(_) => Ok(Ingested::Taken),
        }
    }

    /// Takes one event from its JSON.
    ///
    /// # Errors
    /// When it is malformed, names nobody, or the store fails.
    pub async fn ingest_json(&self, json: &str) -> Result<Ingested, IngestError> {
        self.ingest(Event::from_json(json)?).await
    }

    /// Says that two customers are one person: by the shop's own ids, or by the ids of their records. The only way in
    /// which two customers whom the shop knows by different ids become one (promise 2.2). Who survives follows promise
    /// 2.3, and not the order of the names; a notice tells once it is done. The limit of the playbook does not hold here.
    /// Saying it twice changes nothing.
    ///
    /// # Errors
    /// When both are the same customer, one of them is not known, or the store fails.
    pub async fn merge(&self, one: impl Into<Who>, other: impl Into<Who>) -> Result<(), MergeError> {
        let (one, other) = (one.into(), other.into());
        let owners = [self.owner(&one).await?, self.owner(&other).await?];
        let Some([one, other]) = to_merge([&one, &other], owners)? else { return Ok(()) };
        let work = Work { customer: one, input: Input::Merge { with: other }, now: self.now() };
        match self.transact(vec![work]).await {
            Ok(_) => Ok(()),
            Err(StoreError::Refused(Refused::Oneself)) => Err(MergeError::Oneself),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Takes a statement on consent for a customer, as of now: from a preference centre, a call centre, an import. It acts
    /// as an event does: journeys may begin by `Consent Given`, `Consent Revoked` and `Consent Confirmed`, and a revocation
    /// is heard before anything else is sent (promise 4.4). A statement of another time, or one that has to be known again
    /// when it comes twice, is an event: see [`Event::consent`].
    ///
    /// ```
    /// # use throughline::{ChannelKind, ConsentError, Engine, Subscription};
    /// # async fn leave(engine: &Engine) -> Result<(), ConsentError> {
    /// let offers = Subscription::revoked(ChannelKind::Email).topic("offers").source("preference_center");
    /// engine.consent("anna", offers.evidence("form 12, 2026-03-01")).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the customer is not known, or the store fails.
    pub async fn consent(&self, who: impl Into<Who>, said: Subscription) -> Result<(), ConsentError> {
        let Some(customer) = self.owner(&who.into()).await? else { return Err(ConsentError::Unknown) };
        let event = Event::consent(said);
        self.transact(vec![Work { customer, input: Input::Event(Arc::new(event)), now: self.now() }]).await?;
        Ok(())
    }

    pub(super) async fn owner(&self, who: &Who) -> Result<Option<CustomerId>, StoreError> {
        match (who, who.key(self.playbook.identity())) {
            (_, Some(key)) => Ok(self.store.resolve(&[key]).await?.into_iter().next().flatten()),
            (Who::Record(record), None) => Ok(self.store.load(*record).await?.map(|state| state.profile.id)),
            (Who::User(_), None) => Ok(None),
        }
    }
}

struct Ingest<'e> {
    engine: &'e Engine,
    now: Instant,
}

impl Shell for Ingest<'_> {
    type Error = StoreError;

    async fn resolve(&mut self, named: &mut [Named]) -> Result<(), StoreError> {
        let keys: Vec<IdentityKey> = named.iter().map(|named| named.key).collect();
        let owners = self.engine.store.resolve(&keys).await?;
        named.iter_mut().zip(owners).for_each(|(named, owner)| named.owner = owner);
        Ok(())
    }

    async fn bind(&mut self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        self.engine.store.bind(bindings).await
    }

    async fn step(&mut self, customer: CustomerId, input: Input) -> Result<Stepped, StoreError> {
        self.engine.transact(vec![Work { customer, input, now: self.now }]).await
    }

    fn now(&self) -> Instant {
        self.now
    }

    async fn is_another_users(&mut self, record: CustomerId, user: &str) -> Result<bool, StoreError> {
        let known = self.engine.store.load(record).await?;
        Ok(known.is_some_and(|state| state.profile.user_id.is_some() && !state.profile.is_known_as(user)))
    }
}
