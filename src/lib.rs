//! Cross-channel customer messaging as a library.

pub mod message;
pub mod primitives;

pub use primitives::*;
