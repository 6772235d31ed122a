//! A store that several engines share.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Binding, Claim, IdentityKey, Stepper, Store, StoreError, Wake, Work};
use crate::customer::{Suppression, SuppressionChange};
use crate::playbook::Outcome;
use crate::primitives::{CustomerId, Instant, PointHash};
use crate::record::CustomerState;

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        (**self).resolve(keys).await
    }

    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        (**self).bind(bindings).await
    }

    async fn suppressed(&self, points: &[PointHash]) -> Result<Vec<Option<Suppression>>, StoreError> {
        (**self).suppressed(points).await
    }

    async fn suppress(&self, changes: &[SuppressionChange]) -> Result<(), StoreError> {
        (**self).suppress(changes).await
    }

    async fn transact(&self, work: &[Work], stepper: &dyn Stepper) -> Vec<Result<Outcome, StoreError>> {
        (**self).transact(work, stepper).await
    }

    async fn claim(&self, ask: &Claim) -> Result<Vec<Wake>, StoreError> {
        (**self).claim(ask).await
    }

    async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        (**self).next_due().await
    }

    async fn scan(&self, after: Option<CustomerId>, limit: usize) -> Result<Vec<CustomerState>, StoreError> {
        (**self).scan(after, limit).await
    }

    async fn load(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError> {
        (**self).load(customer).await
    }
}
