//! Ids, keys, values, money, contact points, time windows and zones: no rules of marketing in here.

pub mod country;
mod instant;
mod key;
pub mod local;
pub mod window;
pub mod zone;

pub use instant::{Instant, ParseTimeError, Span};
pub use key::{ChannelId, CustomerId, IdempotencyKey, JourneyId, Key, MessageId, SegmentId, Topic};
