//! From a message to what one customer gets.

use rust_decimal::Decimal;

use super::{Brand, Content};
use crate::customer::Customer;
use crate::primitives::{ChannelId, Fields, Instant};

/// What a rendering may read.
#[derive(Clone, Copy)]
pub struct RenderInput<'a> {
    /// To whom.
    pub who: &'a dyn Customer,
    /// The properties of the event that started the run.
    pub trigger: Option<&'a Fields>,
    /// In whose name.
    pub brand: &'a Brand,
    /// At which moment.
    pub now: Instant,
    /// In which language (BCP 47); otherwise the customer's own.
    pub locale: Option<&'a str>,
    /// The customer's own unsubscribe link; otherwise the brand's.
    pub unsubscribe_url: Option<&'a str>,
}

impl<'a> RenderInput<'a> {
    /// For a message outside journeys, in the customer's own language.
    pub fn new(who: &'a dyn Customer, brand: &'a Brand, now: Instant) -> Self {
        RenderInput { who, trigger: None, brand, now, locale: None, unsubscribe_url: None }
    }
}

impl std::fmt::Debug for RenderInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RenderInput").field("who", &self.who.id()).field("now", &self.now).finish_non_exhaustive()
    }
}

/// A message as one customer gets it on one channel.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Rendered {
    /// What is handed over.
    pub content: Content,
    /// The parts of an SMS; 1 elsewhere.
    pub parts: u32,
    /// Whether text was cut to fit the channel's limits.
    pub cut: bool,
    /// What the hand-over costs, in the playbook's currency (promise 7.6).
    pub cost: Decimal,
}

/// Why a message could not be rendered for a channel. It repeats nothing of the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(tag = "render_error", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RenderError {
    /// The message has no variant for this channel.
    #[error("no variant for the channel {channel}")]
    NoVariant {
        /// The channel.
        channel: ChannelId,
    },
    /// A template failed.
    #[error("{template}, line {line}: {reason}")]
    Template {
        /// The template, by its place in the playbook.
        template: String,
        /// The line in it, from 1.
        line: usize,
        /// What went wrong, in the template's own words.
        reason: String,
    },
    /// A text without which the message cannot go came out empty.
    #[error("{template} came out empty")]
    Empty {
        /// The template, by its place in the playbook.
        template: String,
    },
    /// The message cannot be made to fit the channel's limits.
    #[error("{field} does not fit in {limit}")]
    TooLong {
        /// What does not fit.
        field: String,
        /// The limit, with its unit.
        limit: String,
    },
}
