//! Handing a message over: the envelope, and the trait that a host implements for each of its channels.

mod channel;
mod envelope;
mod error;

pub use channel::Channel;
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
