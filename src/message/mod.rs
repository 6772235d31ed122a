//! Messages: one meaning, a wording per channel and language, fitted to the channel's limits, in the brand's name.

mod brand;
mod check;
mod content;
mod context;
mod decode;
pub mod fit;
mod limit;
mod payload;
mod plain;
mod render;
#[cfg(feature = "schema")]
pub(crate) mod schema;
pub mod sms;
mod template;
mod variant;

pub(crate) use brand::decode_brand;
pub use brand::{Brand, Sender};
pub use content::{AudienceAction, Content, EmailContent, Notification, WhatsAppContent};
pub(crate) use decode::decode_messages;
pub use payload::Payload;
pub use render::{RenderError, RenderInput, Rendered};

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::channel::ChannelSpec;
use crate::customer::{MessageClass, MessageTag};
use crate::primitives::{ChannelId, ChannelKind, Fault, Faults, Key, MessageId, Span};
use context::Given;
use template::{Template, Templates};
use variant::Variant;

/// For how long a message is worth sending, counted from its first decision, unless it says otherwise (promise 7.5).
pub const DEFAULT_DEADLINE: Span = Span::hours(72);

/// What a message does when a frequency cap is full or a window is closed (promise 7.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenBlocked {
    /// Try the next best channel.
    NextChannel,
    /// Wait until the channel opens, at most to the deadline.
    Wait,
    /// Leave this message out; the journey goes on.
    Skip,
    /// End the run.
    EndRun,
}

/// What a message's templates read: only that is copied for rendering, and into a run that will send it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reads {
    /// Attributes of the customer, in the order of their names.
    pub customer: Vec<Key>,
    /// Properties of the event that started the run, in the order of their names.
    pub trigger: Vec<Key>,
}

/// A message of the playbook: what it means, what it is worth, and how each channel says it (promise 9.1).
///
/// ```
/// use throughline::{Brand, ChannelSpec, Content, CustomerId, Instant, Key, Message, Profile, RenderInput};
///
/// let channels = [ChannelSpec::new("sms"), ChannelSpec::new("push")];
/// let message = Message::parse("welcome", r#"{
///     "topic": "news",
///     "variants": {"sms": {"text": "Welcome, {{ customer.first_name | default('dear customer') }}!"}}
/// }"#, &Brand::default(), &channels)?;
/// assert_eq!(message.reads().customer, [Key::new("first_name")]);
///
/// let now: Instant = "2026-03-07T20:00:00Z".parse()?;
/// let anna = Profile::new(CustomerId::new("anna"), now);
/// let rendered = message.render(&channels[0], &RenderInput::new(&anna, &Brand::default(), now))?;
/// assert_eq!(rendered.content, Content::Sms { text: "Welcome, dear customer!".into() });
/// assert!(!message.speaks(&channels[1]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Message {
    /// Its id, topic, class and dedupe window, shared with the contact logs.
    pub tag: Arc<MessageTag>,
    /// The higher one gets the last place in a cap (promise 7.9).
    pub priority: i32,
    /// Whether frequency caps hold it back. That it counts in them is said apart, in the tag.
    pub obeys_caps: bool,
    /// What it does when a cap is full: by default the next channel is tried, since caps are often per channel.
    pub on_cap: WhenBlocked,
    /// What it does when quiet hours or another window close a channel: by default it waits for them to open.
    pub on_closed: WhenBlocked,
    /// For how long it is worth sending, counted from the first decision.
    pub deadline: Span,
    /// What one engagement with it is worth, in the playbook's currency (promise 7.6).
    pub value: Option<Decimal>,
    /// The channels that may carry it, in the order given; `None` for all that it has a variant for.
    pub channels: Option<Vec<ChannelId>>,
    content_key: Option<(Template, Given)>,
    variants: Vec<Variant>,
    reads: Reads,
    warnings: Vec<Fault>,
    templates: Templates,
}

impl Message {
    /// Reads one message from JSON, for channels that the host knows; a playbook reads all of its own.
    ///
    /// # Errors
    /// All faults at once, each with its path.
    pub fn parse(id: &str, json: &str, brand: &Brand, channels: &[ChannelSpec]) -> Result<Self, Faults> {
        decode::parse(id, json, brand, channels)
    }

    /// Its id.
    pub fn id(&self) -> &MessageId {
        &self.tag.id
    }

    /// Whether it needs marketing consent.
    pub fn class(&self) -> MessageClass {
        self.tag.class
    }

    /// Whether a channel may carry it and it has a variant for it: one named by the channel's id, else one named by its
    /// kind.
    pub fn speaks(&self, spec: &ChannelSpec) -> bool {
        self.variant(spec).is_some()
    }

    /// What its templates read, over all variants and the content key.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// What strays from the brand (promise 9.3): no faults, but worth a look.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    fn variant(&self, spec: &ChannelSpec) -> Option<&Variant> {
        if self.channels.as_ref().is_some_and(|only| !only.contains(spec.id())) {
            return None;
        }
        let named = |variant: &&Variant| &*variant.name == spec.id().as_str();
        // The name may be a channel's id whose kind is another: only what was checked as this kind speaks for it.
        let same_kind = |variant: &&Variant| variant.kind == *spec.kind();
        let by_kind = |variant: &&Variant| ChannelKind::from_name(&variant.name) == *spec.kind();
        self.variants
            .iter()
            .filter(same_kind)
            .find(named)
            .or_else(|| self.variants.iter().filter(same_kind).find(by_kind))
    }
}

#[cfg(test)]
mod tests;
