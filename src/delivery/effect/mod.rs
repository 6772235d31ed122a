//! What a journey has the host do: the call, what it may take, and the trait that a host implements for it.

mod call;
mod handler;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod spec;

pub use call::{EffectCall, EffectError};
pub use handler::EffectHandler;
pub use spec::EffectSpec;
pub(crate) use spec::decode_effects;
