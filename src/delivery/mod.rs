//! Handing over: a message's envelope and an effect's call, and the traits that a host implements for them.

mod channel;
pub(crate) mod effect;
mod envelope;
mod error;

pub use channel::Channel;
pub(crate) use effect::decode_effects;
pub use effect::{EffectCall, EffectError, EffectHandler, EffectSpec};
pub use envelope::{Address, Envelope};
pub use error::DeliveryError;

/// The provider took a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Accepted {
    /// The provider's own id of the message, by which its receipts name it.
    pub provider_id: Option<String>,
}

impl Accepted {
    /// Accepted under the provider's own id.
    pub fn with_id(provider_id: impl Into<String>) -> Self {
        Accepted { provider_id: Some(provider_id.into()) }
    }
}
