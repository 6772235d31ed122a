//! Messages: one meaning, a wording per channel and language, fitted to the channel's limits, in the brand's name.

mod brand;
mod content;
pub mod fit;
mod render;
pub mod sms;

pub use brand::{Brand, Sender};
pub use content::{AudienceAction, Content, EmailContent, Notification, WhatsAppContent};
pub use render::{RenderError, RenderInput, Rendered};

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::channel::ChannelSpec;
use crate::customer::{ContentKey, MessageClass, MessageTag};
use crate::primitives::{ChannelId, Fault, Key, MessageId, Span};

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
    reads: Reads,
    warnings: Vec<Fault>,
}

impl Message {
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
        let _ = spec;
        false
    }

    /// What its templates read, over all variants and the content key.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// What strays from the brand (promise 9.3): no faults, but worth a look.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Renders the message for a channel and fits it to the channel's limits (promises 9.2, 9.4).
    ///
    /// # Errors
    /// When there is no variant for the channel, when a template reads what is not there, when a required text comes out
    /// empty, and when the message cannot be made to fit. The channel is then rejected and the next best one tried.
    pub fn render(&self, spec: &ChannelSpec, input: &RenderInput<'_>) -> Result<Rendered, RenderError> {
        let _ = input;
        Err(RenderError::NoVariant { channel: spec.id().clone() })
    }

    /// What it says to this customer, as far as "the same content never twice" goes (promise 8.1): its content key and
    /// the key's text, by default `{message id}:{run key}`.
    ///
    /// # Errors
    /// When the template of the content key reads what is not there.
    pub fn content_key(&self, run_key: &str, input: &RenderInput<'_>) -> Result<(ContentKey, String), RenderError> {
        let _ = input;
        let text = format!("{}:{run_key}", self.tag.id);
        Ok((ContentKey::new(&text), text))
    }
}
