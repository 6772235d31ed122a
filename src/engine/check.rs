//! Before a new playbook is used: do the runs that are under way find in it what they need?

use super::Engine;
use crate::playbook::{LiveRuns, Playbook};
use crate::primitives::CustomerId;
use crate::store::StoreError;

/// One page of [`Engine::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// Records looked at.
    pub examined: usize,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<CustomerId>,
}

impl Engine {
    /// Counts the live runs of a page of at most `limit` records, in the order of their ids, and what another playbook
    /// lacks of what they need (promise 6.7). It changes nothing. Call it from `None` on until [`next`](Checked::next) is
    /// `None`, before the engine is built anew with the other playbook:
    ///
    /// ```
    /// # use throughline::{Engine, LiveRuns, Playbook, StoreError};
    /// # async fn all(engine: &Engine, next: &Playbook) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut runs = LiveRuns::default();
    /// let mut after = None;
    /// loop {
    ///     let page = engine.check(next, &mut runs, after, 1_000).await?;
    ///     after = page.next;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// for (journey, version, live) in runs.iter() {
    ///     println!("{journey} version {version}: {live} runs");
    /// }
    /// runs.verdict()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It may be broken off at any page and taken up there with the same [`LiveRuns`]. Runs that begin meanwhile are of the
    /// newest versions.
    ///
    /// # Errors
    /// When the store fails; what was counted stays so.
    pub async fn check(
        &self,
        next: &Playbook,
        runs: &mut LiveRuns,
        after: Option<CustomerId>,
        limit: usize,
    ) -> Result<Checked, StoreError> {
        let limit = limit.max(1);
        let page = self.store.scan(after, limit).await?;
        page.iter().for_each(|record| runs.count(record, &self.playbook, next));
        let next = page.last().map(|record| record.profile.id).filter(|_| page.len() >= limit);
        Ok(Checked { examined: page.len(), next })
    }
}
