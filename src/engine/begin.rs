//! The host begins runs.

use std::sync::Arc;

use super::Engine;
use crate::playbook::{Begun, Call, Input};
use crate::primitives::{Fields, JourneyId};
use crate::store::{StoreError, Who, Work};

/// Why a call for a run was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// No record is known by this name.
    #[error("the customer is not known")]
    Unknown,
    /// The store failed; the call may be made again, under the same id.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Begins a run of a journey whose trigger is `call`, as of now (promise 6.2). `properties` are to the run what those
    /// of an event are: `{{ trigger.name }}` in its messages, its `key`, its filters. The entry policy holds as ever.
    ///
    /// `id` names the call. Once one of this id was taken for the customer, another begins nothing within the playbook's
    /// `dedupe_horizon`, after a crash and a merge too, whatever journey it names: after an error the same call may be
    /// made again.
    ///
    /// ```
    /// # use throughline::{Begun, BeginError, Engine, Fields};
    /// # async fn invite(engine: &Engine) -> Result<(), BeginError> {
    /// let said: Fields = [("event".into(), "Opening night".into())].into_iter().collect();
    /// match engine.begin("invitation", "anna", "invite-4711", said).await? {
    ///     Begun::Run(run) => println!("run {run:?}"),
    ///     other => println!("no new run: {other:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the customer is not known, or the store fails. That no run began is no error: [`Begun`] says why.
    pub async fn begin(
        &self,
        journey: impl Into<JourneyId>,
        who: impl Into<Who>,
        id: &str,
        properties: Fields,
    ) -> Result<Begun, BeginError> {
        let Some(customer) = self.owner(&who.into()).await? else { return Err(BeginError::Unknown) };
        let call = Arc::new(Call { journey: journey.into(), id: id.into(), properties });
        let stepped = self.transact(vec![Work { customer, input: Input::Call(call), now: self.now() }]).await?;
        Ok(stepped.begun.map_or(Begun::OnItsWay, |begun| *begun))
    }
}
