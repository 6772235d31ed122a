//! Ids, keys, values, money, contact points, time windows and zones: no rules of marketing in here.

mod contact;
pub mod country;
mod device;
pub(crate) mod fault;
mod identity;
mod instant;
mod key;
pub mod local;
mod money;
mod needs;
mod period;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod secret;
mod share;
mod value;
pub mod window;
pub mod zone;

pub use contact::{ChannelKind, ContactPoint, ParseContactError};
pub use device::DeviceKind;
pub use fault::{Fault, Faults};
pub use identity::{IdentityKey, IdentityKind};
pub use instant::{Instant, ParseTimeError, Span};
pub use key::{ChannelId, CustomerId, EffectId, IdempotencyKey, JourneyId, Key, MessageId, SegmentId, Topic};
pub use money::{Currency, Money, ParseCurrencyError};
pub use needs::{Derived, EventNeed, Keep, Needs};
pub use period::Period;
pub use secret::{PointHash, Secret};
pub use share::{ParseShareError, Share};
pub use value::{Fields, Value, ValueRef};
