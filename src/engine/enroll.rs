//! A new playbook reaches customers whom no event brings by.

use super::Engine;
use crate::playbook::Input;
use crate::primitives::CustomerId;
use crate::store::{StoreError, Work};

/// One page of [`Engine::enroll`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enrolled {
    /// Records looked at.
    pub examined: usize,
    /// Of these, evaluated anew because other definitions had put them where they were, or with runs that were paused, resumed
    /// or moved to a newer version.
    pub evaluated: usize,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<CustomerId>,
}

impl Engine {
    /// Evaluates the segments of customers who are on record under definitions that are new to them, a page of at most
    /// `limit` at a time, in the order of their ids (promise 5.8). Journeys that say so begin runs for the members whom they find
    /// (promise 6.8). Runs are moved to newer versions of their journeys as these say, and go on where a journey was resumed
    /// (promise 6.7). Call it after a change of the playbook, from `None` on
    /// until [`next`](Enrolled::next) is `None`:
    ///
    /// ```
    /// # use throughline::{Engine, Playbook, StoreError};
    /// # async fn all(engine: &Engine) -> Result<(), StoreError> {
    /// let mut after = None;
    /// loop {
    ///     let page = engine.enroll(after, 1_000).await?;
    ///     after = page.next;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It may be broken off at any page and taken up there, by this process or another; doing a page twice changes nothing.
    /// Customers whom an event or a timer reaches meanwhile are evaluated then. What a definition reads is kept from when it
    /// is there: a rule that looks further back begins with what is on record.
    ///
    /// # Errors
    /// When the store fails; what was evaluated stays so.
    pub async fn enroll(&self, after: Option<CustomerId>, limit: usize) -> Result<Enrolled, StoreError> {
        let now = self.now();
        let page = self.store.scan(after, limit.max(1)).await?;
        let judgement = self.playbook.judgement();
        let behind = |record: &&crate::record::CustomerState| {
            !record.has_moved() && (record.judged != judgement || self.playbook.is_behind(record))
        };
        let work: Vec<Work> = page
            .iter()
            .filter(behind)
            .map(|record| Work { customer: record.profile.id, input: Input::Wake, now })
            .collect();
        let evaluated = work.len();
        if evaluated > 0 {
            self.transact(work).await?;
        }
        let next = page.last().map(|record| record.profile.id).filter(|_| page.len() >= limit);
        Ok(Enrolled { examined: page.len(), evaluated, next })
    }
}
