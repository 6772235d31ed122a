//! Cross-channel customer messaging as a library.

pub mod channel;
pub mod customer;
pub mod delivery;
pub mod event;
pub mod message;
pub mod primitives;
pub mod segment;

pub use channel::*;
pub use customer::*;
pub use delivery::*;
pub use event::*;
pub use message::{
    AudienceAction, Brand, Content, EmailContent, Message, Notification, Reads, RenderError, RenderInput, Rendered,
    Sender, WhatsAppContent, WhenBlocked,
};
pub use primitives::*;
