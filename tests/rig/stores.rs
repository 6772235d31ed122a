//! Stores that pend or fail where the test says so.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use throughline::{
    Binding, Claim, CustomerId, CustomerState, IdentityKey, Instant, MemoryStore, Outcome, PointHash, Stepper, Store,
    StoreError, Suppression, SuppressionChange, Wake, Work, async_trait,
};

/// Pends once before each call, so that futures can be dropped there.
#[derive(Debug, Default)]
pub struct Pausing(MemoryStore);

struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[async_trait]
impl Store for Pausing {
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        Pause(false).await;
        self.0.resolve(keys).await
    }

    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        Pause(false).await;
        self.0.bind(bindings).await
    }

    async fn suppressed(&self, points: &[PointHash]) -> Result<Vec<Option<Suppression>>, StoreError> {
        Pause(false).await;
        self.0.suppressed(points).await
    }

    async fn suppress(&self, changes: &[SuppressionChange]) -> Result<(), StoreError> {
        Pause(false).await;
        self.0.suppress(changes).await
    }

    async fn transact(&self, work: &[Work], stepper: &dyn Stepper) -> Vec<Result<Outcome, StoreError>> {
        Pause(false).await;
        self.0.transact(work, stepper).await
    }

    async fn claim(&self, ask: &Claim) -> Result<Vec<Wake>, StoreError> {
        Pause(false).await;
        self.0.claim(ask).await
    }

    async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        Pause(false).await;
        self.0.next_due().await
    }

    async fn scan(&self, after: Option<CustomerId>, limit: usize) -> Result<Vec<CustomerState>, StoreError> {
        self.0.scan(after, limit).await
    }

    async fn load(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError> {
        self.0.load(customer).await
    }
}

/// Fails one call, before or after it was applied.
#[derive(Debug)]
pub struct Failing {
    store: MemoryStore,
    pub calls: AtomicUsize,
    pub fails: AtomicUsize,
    applied: bool,
}

impl Failing {
    pub fn at(call: usize, applied: bool) -> Self {
        Failing { store: MemoryStore::new(), calls: AtomicUsize::new(0), fails: AtomicUsize::new(call), applied }
    }

    /// Whether this call is the one.
    pub fn now(&self) -> bool {
        self.calls.fetch_add(1, Ordering::SeqCst) == self.fails.load(Ordering::SeqCst)
    }

    pub fn error(&self) -> StoreError {
        match self.applied {
            true => StoreError::Unknown("lost".into()),
            false => StoreError::Unavailable("busy".into()),
        }
    }
}

#[async_trait]
impl Store for Failing {
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        if self.now() { Err(self.error()) } else { self.store.resolve(keys).await }
    }

    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        let fails = self.now();
        if fails && !self.applied {
            return Err(self.error());
        }
        let bound = self.store.bind(bindings).await;
        if fails { Err(self.error()) } else { bound }
    }

    async fn suppressed(&self, points: &[PointHash]) -> Result<Vec<Option<Suppression>>, StoreError> {
        if self.now() { Err(self.error()) } else { self.store.suppressed(points).await }
    }

    async fn suppress(&self, changes: &[SuppressionChange]) -> Result<(), StoreError> {
        let fails = self.now();
        if !fails || self.applied {
            self.store.suppress(changes).await?;
        }
        if fails { Err(self.error()) } else { Ok(()) }
    }

    async fn transact(&self, work: &[Work], stepper: &dyn Stepper) -> Vec<Result<Outcome, StoreError>> {
        let fails = self.now();
        if fails && !self.applied {
            return work.iter().map(|_| Err(self.error())).collect();
        }
        let done = self.store.transact(work, stepper).await;
        if fails { work.iter().map(|_| Err(self.error())).collect() } else { done }
    }

    async fn claim(&self, ask: &Claim) -> Result<Vec<Wake>, StoreError> {
        let fails = self.now();
        if fails && !self.applied {
            return Err(self.error());
        }
        let claimed = self.store.claim(ask).await;
        if fails { Err(self.error()) } else { claimed }
    }

    async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        self.store.next_due().await
    }

    async fn scan(&self, after: Option<CustomerId>, limit: usize) -> Result<Vec<CustomerState>, StoreError> {
        self.store.scan(after, limit).await
    }

    async fn load(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError> {
        self.store.load(customer).await
    }
}

/// A store that the test looks into.
#[derive(Debug)]
pub struct Shared(pub Arc<Failing>);

#[async_trait]
impl Store for Shared {
    async fn resolve(&self, keys: &[IdentityKey]) -> Result<Vec<Option<CustomerId>>, StoreError> {
        self.0.resolve(keys).await
    }

    async fn bind(&self, bindings: &[Binding]) -> Result<Vec<CustomerId>, StoreError> {
        self.0.bind(bindings).await
    }

    async fn suppressed(&self, points: &[PointHash]) -> Result<Vec<Option<Suppression>>, StoreError> {
        self.0.suppressed(points).await
    }

    async fn suppress(&self, changes: &[SuppressionChange]) -> Result<(), StoreError> {
        self.0.suppress(changes).await
    }

    async fn transact(&self, work: &[Work], stepper: &dyn Stepper) -> Vec<Result<Outcome, StoreError>> {
        self.0.transact(work, stepper).await
    }

    async fn claim(&self, ask: &Claim) -> Result<Vec<Wake>, StoreError> {
        self.0.claim(ask).await
    }

    async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        self.0.next_due().await
    }

    async fn scan(&self, after: Option<CustomerId>, limit: usize) -> Result<Vec<CustomerState>, StoreError> {
        self.0.scan(after, limit).await
    }

    async fn load(&self, customer: CustomerId) -> Result<Option<CustomerState>, StoreError> {
        self.0.load(customer).await
    }
}
