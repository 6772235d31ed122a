//! Why a hand-over did not succeed, as data.

use crate::primitives::Span;

/// Why a hand-over did not succeed (promise 10.2). What happens next follows from the variant, not from the text.
///
/// A `reason` is written to logs: a provider's code and wording such as `550 5.1.1 mailbox unavailable`, and nothing that
/// names the customer (promise P7 of the reliability page).
///
/// ```
/// use throughline::{DeliveryError, Span};
/// let error = DeliveryError::Throttled { after: Some(Span::seconds(20)) };
/// assert!(error.retryable() && error.is_certain());
/// assert_eq!(error.after(), Some(Span::seconds(20)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(tag = "error", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryError {
    /// The provider will never take this message. It certainly does not have it.
    #[error("refused for good: {reason}")]
    Permanent {
        /// Why.
        reason: String,
    },
    /// The provider did not take it now. It certainly does not have it.
    #[error("refused for now: {reason}")]
    Transient {
        /// Why.
        reason: String,
        /// When the provider wants it again; otherwise the channel's [`Retry`](crate::Retry) says.
        after: Option<Span>,
    },
    /// The provider has enough for now. It certainly does not have the message; the whole channel waits.
    #[error("throttled")]
    Throttled {
        /// When the provider wants to be asked again.
        after: Option<Span>,
    },
    /// There is nobody at that contact point: it is blocked on every record (promise 4.3).
    #[error("the contact point is not valid: {reason}")]
    InvalidContactPoint {
        /// Why.
        reason: String,
    },
    /// The provider may have the message or not: a lost connection, a time-out after the request was sent. Settled by
    /// promise 10.1.
    #[error("the outcome is not known: {reason}")]
    Unknown {
        /// Why.
        reason: String,
    },
}

impl DeliveryError {
    /// Refused for good.
    pub fn permanent(reason: impl Into<String>) -> Self {
        DeliveryError::Permanent { reason: reason.into() }
    }

    /// Refused for now.
    pub fn transient(reason: impl Into<String>) -> Self {
        DeliveryError::Transient { reason: reason.into(), after: None }
    }

    /// Nobody there.
    pub fn invalid_contact_point(reason: impl Into<String>) -> Self {
        DeliveryError::InvalidContactPoint { reason: reason.into() }
    }

    /// Nobody knows.
    pub fn unknown(reason: impl Into<String>) -> Self {
        DeliveryError::Unknown { reason: reason.into() }
    }

    /// Whether the provider certainly does not have the message: places in caps and the content key may be released.
    pub fn is_certain(&self) -> bool {
        !matches!(self, DeliveryError::Unknown { .. })
    }

    /// Whether the same message may be handed over again on this channel without risking a second copy.
    ///
    /// An unknown outcome is not: what becomes of it is the channel's
    /// [`key_memory`](crate::ChannelSpec::key_memory) and [`on_unknown`](crate::ChannelSpec::on_unknown).
    pub fn retryable(&self) -> bool {
        matches!(self, DeliveryError::Transient { .. } | DeliveryError::Throttled { .. })
    }

    /// When the provider wants it again, if it said so.
    pub fn after(&self) -> Option<Span> {
        match self {
            DeliveryError::Transient { after, .. } | DeliveryError::Throttled { after } => *after,
            _ => None,
        }
    }

    /// Whether the contact point is to be blocked.
    pub fn blocks_contact_point(&self) -> bool {
        matches!(self, DeliveryError::InvalidContactPoint { .. })
    }

    /// Whether it speaks of the channel rather than of this message: its circuit counts it.
    pub fn is_the_channels(&self) -> bool {
        matches!(
            self,
            DeliveryError::Transient { .. } | DeliveryError::Throttled { .. } | DeliveryError::Unknown { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_10_2_each_error_says_what_follows() {
        let after = Some(Span::seconds(5));
        let cases = [
            (DeliveryError::permanent("550"), (true, false, None, false)),
            (DeliveryError::Transient { reason: "451".into(), after }, (true, true, after, false)),
            (DeliveryError::Throttled { after }, (true, true, after, false)),
            (DeliveryError::invalid_contact_point("550 5.1.1"), (true, false, None, true)),
            (DeliveryError::unknown("timeout"), (false, false, None, false)),
        ];
        for (error, expected) in cases {
            let said = (error.is_certain(), error.retryable(), error.after(), error.blocks_contact_point());
            assert_eq!(said, expected, "{error}");
        }
    }
}
