//! One effect on its way to the host.

use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::customer::RunRef;
use crate::primitives::{CustomerId, EffectId, Fields, IdempotencyKey, Instant, Span};

/// One effect that a run asked for, its payload made at the decision and unchanged ever after.
///
/// It is no contact: no cap, no consent, no quiet hours and no dedupe window apply, and none counts it. `Debug` and
/// `Serialize` are for logs and leave the payload out (promise 2.5).
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct EffectCall {
    /// Its id, which is its idempotency key (promise 8.4).
    pub id: IdempotencyKey,
    /// For whom, by the record's id.
    pub customer: CustomerId,
    /// The id by which the host knows the customer: the shop's own, else a visitor's, else the record's.
    pub who: Arc<str>,
    /// What is to be done.
    pub effect: EffectId,
    /// With what.
    pub payload: Arc<Fields>,
    /// The run that asked for it.
    pub run: RunRef,
    /// The step of that run, by its name.
    pub step: Arc<str>,
    /// When it was decided.
    pub decided: Instant,
    /// Until when it is tried.
    pub deadline: Instant,
}

impl EffectCall {
    /// The key by which a host refuses to do it a second time: 36 characters, the same for every hand-over of this call.
    pub fn idempotency_key(&self) -> String {
        self.id.to_string()
    }
}

impl fmt::Debug for EffectCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EffectCall")
            .field("id", &self.id)
            .field("customer", &self.customer)
            .field("effect", &self.effect)
            .field("journey", &self.run.journey)
            .field("step", &self.step)
            .field("decided", &self.decided)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Serialize for EffectCall {
    /// For logs: neither the payload nor the shop's name of the customer.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("EffectCall", 8)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("customer", &self.customer)?;
        fields.serialize_field("effect", &self.effect)?;
        fields.serialize_field("journey", &self.run.journey)?;
        fields.serialize_field("run", &format!("{:016x}", self.run.run))?;
        fields.serialize_field("step", &self.step)?;
        fields.serialize_field("decided", &self.decided)?;
        fields.serialize_field("deadline", &self.deadline)?;
        fields.end()
    }
}

/// Why an effect was not done. A `reason` is written to logs, and names nothing of the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(tag = "error", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EffectError {
    /// It is not done and never will be: the run follows its error branch.
    #[error("failed for good: {reason}")]
    Failed {
        /// Why.
        reason: String,
    },
    /// It is not done, or nobody knows: the same call comes again, under the same key.
    #[error("failed for now: {reason}")]
    ForNow {
        /// Why.
        reason: String,
        /// When the host wants it again; otherwise the effect's [`Retry`](crate::Retry) says.
        after: Option<Span>,
    },
}

impl EffectError {
    /// Failed for good.
    pub fn failed(reason: impl Into<String>) -> Self {
        EffectError::Failed { reason: reason.into() }
    }

    /// Failed for now, or not known.
    pub fn for_now(reason: impl Into<String>) -> Self {
        EffectError::ForNow { reason: reason.into(), after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::JourneyId;

    #[test]
    fn promise_2_5_neither_debug_nor_json_shows_the_payload() {
        let mut payload = Fields::new();
        payload.insert("order".into(), "marker-order".into());
        let call = EffectCall {
            id: IdempotencyKey::derive(&[b"anna"]),
            customer: CustomerId::new("anna"),
            who: "marker-anna".into(),
            effect: EffectId::new("issue_coupon"),
            payload: Arc::new(payload),
            run: RunRef { journey: JourneyId::new("after_purchase"), run: 1, visit: 2 },
            step: "coupon".into(),
            decided: Instant::from_millis(0),
            deadline: Instant::from_millis(1),
        };
        let json = serde_json::to_string(&call).unwrap();
        for text in [format!("{call:?}"), json] {
            assert!(!text.contains("marker") && text.contains("issue_coupon"), "{text}");
        }
        assert_eq!(call.idempotency_key().len(), 36);
    }
}
