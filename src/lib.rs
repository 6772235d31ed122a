//! Cross-channel customer messaging as a library.

pub mod channel;
pub mod customer;
pub mod delivery;
pub mod event;
pub mod message;
pub mod primitives;
pub mod segment;

pub use customer::*;
pub use event::*;
pub use primitives::*;
pub use segment::*;
