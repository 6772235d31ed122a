//! Cross-channel customer messaging as a library.

#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations, rustdoc::broken_intra_doc_links)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod channel;
pub mod customer;
pub mod delivery;
pub mod engine;
pub mod event;
pub mod guide;
pub mod journey;
pub mod message;
pub mod playbook;
pub mod policy;
pub mod primitives;
pub mod record;
pub mod rehearsal;
pub mod segment;
pub mod store;
pub mod surroundings;

/// Re-exported for implementations of [`Channel`] and [`Store`].
pub use async_trait::async_trait;

pub use channel::*;
pub use customer::*;
pub use delivery::*;
pub use engine::*;
pub use event::*;
pub use message::{
    AudienceAction, Brand, Content, EmailContent, Message, Notification, Reads, RenderError, RenderInput, Rendered,
    Sender, WhatsAppContent, WhenBlocked,
};
pub use journey::*;
pub use playbook::{HandedOver, Input, Notice, Outcome, Playbook, PlaybookBuilder, Refused, RunNamed, What};
pub use policy::*;
pub use primitives::*;
pub use record::*;
pub use rehearsal::*;
pub use segment::{Criteria, Facts, Filter, Membership, Segment, SegmentDefinition};
pub use store::*;
pub use surroundings::*;
