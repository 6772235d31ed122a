//! What a channel is, as data of the playbook: its kind, its limits, its price, how it is spoken to.

mod decode;
mod limits;
mod retry;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod tariff;

pub(crate) use decode::{decode_channels, decode_retry};
pub use limits::{Charset, Limits};
pub use retry::Retry;
pub use tariff::{Fee, Tariff};

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::customer::{ChannelTag, MessageClass};
use crate::primitives::{ChannelId, ChannelKind, Span};

/// Which way messages go on a channel (promise 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Sent to the customer: e-mail, SMS, push.
    Outbound,
    /// Shown when the customer comes: in-app, inbox. Quiet hours do not apply; it counts when shown.
    Inbound,
    /// An advertising audience: a step of its own, never chosen as the best channel.
    Audience,
}

impl Direction {
    /// The direction of a kind of channel, unless its definition says otherwise.
    pub fn of(kind: &ChannelKind) -> Self {
        match kind {
            ChannelKind::InApp | ChannelKind::Inbox => Direction::Inbound,
            ChannelKind::Audience => Direction::Audience,
            _ => Direction::Outbound,
        }
    }
}

/// To which of a customer's devices a message goes (promise 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Devices {
    /// To all of them, and it counts as one message. What push does unless its definition says otherwise, as in Braze.
    All,
    /// To the one that was last heard of.
    Latest,
}

impl Devices {
    fn of(kind: &ChannelKind) -> Self {
        if kind.has_devices() { Devices::All } else { Devices::Latest }
    }
}

/// What becomes of a message whose hand-over has an unknown outcome, once the provider no longer honours its key
/// (promise 10.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// It is not sent again: at most once. It keeps its places in caps and its content key.
    Park,
    /// It is sent again with the same key and the same bytes: at least once.
    Resend,
}

/// What a channel is: data of the playbook, the same on every machine.
///
/// Two channels may be of one kind: a shop with two e-mail providers has two specs, and the customer one consent.
///
/// ```
/// use throughline::{ChannelKind, ChannelSpec, Span, Tariff};
///
/// let backup = ChannelSpec::new("email_backup")
///     .with_kind(ChannelKind::Email)
///     .with_tariff(Tariff::per_message("0.001".parse()?))
///     .with_key_memory(Span::hours(24));
/// assert!(backup.quiet_hours && !backup.by_id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ChannelSpec {
    /// Its id and kind, shared with the contact logs.
    pub tag: Arc<ChannelTag>,
    /// Which way messages go.
    pub direction: Direction,
    /// Whether it finds the customer by id and needs no contact point.
    pub by_id: bool,
    /// To which of a customer's devices a message goes, where the channel reaches devices.
    pub devices: Devices,
    /// What a message costs, in the playbook's currency; of a message to several devices, each copy.
    pub tariff: Tariff,
    /// What a message may hold.
    pub limits: Limits,
    /// For how long the provider refuses a second copy by its idempotency key; `None` where it does not look at keys.
    pub key_memory: Option<Span>,
    /// What becomes of a marketing message with an unknown outcome.
    pub on_unknown_marketing: OnUnknown,
    /// What becomes of a transactional message with an unknown outcome.
    pub on_unknown_transactional: OnUnknown,
    /// How long one hand-over may take; afterwards its outcome is unknown.
    pub timeout: Span,
    /// How many hand-overs one engine instance has under way at once.
    pub in_flight: NonZeroU32,
    /// How many messages one engine instance hands over per second; `None` for no limit.
    pub rate_per_second: Option<NonZeroU32>,
    /// When a certain failure is tried again.
    pub retry: Retry,
    /// Whether quiet hours apply.
    pub quiet_hours: bool,
}

impl ChannelSpec {
    /// A channel with the defaults of the kind that its id names: an unknown name is a kind of its own.
    pub fn new(id: impl Into<ChannelId>) -> Self {
        let id = id.into();
        let kind = ChannelKind::from_name(id.as_str());
        Self::of_kind(id, kind)
    }

    fn of_kind(id: ChannelId, kind: ChannelKind) -> Self {
        let direction = Direction::of(&kind);
        ChannelSpec {
            direction,
            by_id: kind.reaches_by_id(),
            devices: Devices::of(&kind),
            tariff: Tariff::default(),
            limits: Limits::of(&kind),
            key_memory: None,
            on_unknown_marketing: OnUnknown::Park,
            on_unknown_transactional: OnUnknown::Resend,
            timeout: Span::seconds(30),
            in_flight: const { NonZeroU32::new(16).unwrap() },
            rate_per_second: None,
            retry: Retry::default(),
            quiet_hours: direction == Direction::Outbound,
            tag: Arc::new(ChannelTag { id, kind }),
        }
    }

    /// Its id.
    pub fn id(&self) -> &ChannelId {
        &self.tag.id
    }

    /// What it is to the customer.
    pub fn kind(&self) -> &ChannelKind {
        &self.tag.kind
    }

    /// What becomes of a message of this class with an unknown outcome.
    pub fn on_unknown(&self, class: MessageClass) -> OnUnknown {
        match class {
            MessageClass::Marketing => self.on_unknown_marketing,
            MessageClass::Transactional => self.on_unknown_transactional,
        }
    }

    /// Sets the kind, and with it everything that follows from a kind: direction, limits, quiet hours, reach by id.
    /// Comes first: what was set before is kept only where the kind has no say.
    #[must_use]
    pub fn with_kind(self, kind: ChannelKind) -> Self {
        let fresh = Self::of_kind(self.tag.id.clone(), kind);
        ChannelSpec {
            tag: fresh.tag,
            direction: fresh.direction,
            by_id: fresh.by_id,
            devices: fresh.devices,
            limits: fresh.limits,
            quiet_hours: fresh.quiet_hours,
            ..self
        }
    }

    /// Sets the direction, and whether quiet hours apply with it.
    #[must_use]
    pub fn with_direction(self, direction: Direction) -> Self {
        ChannelSpec { direction, quiet_hours: direction == Direction::Outbound, ..self }
    }

    /// Says that the channel finds the customer by id.
    #[must_use]
    pub fn reaching_by_id(self) -> Self {
        ChannelSpec { by_id: true, ..self }
    }

    /// Says that a message goes to the device that was last heard of, and not to all.
    #[must_use]
    pub fn to_latest_device(self) -> Self {
        ChannelSpec { devices: Devices::Latest, ..self }
    }

    /// Sets the price.
    #[must_use]
    pub fn with_tariff(self, tariff: Tariff) -> Self {
        ChannelSpec { tariff, ..self }
    }

    /// Sets what a message may hold.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        ChannelSpec { limits, ..self }
    }

    /// Says for how long the provider honours idempotency keys.
    #[must_use]
    pub fn with_key_memory(self, memory: Span) -> Self {
        ChannelSpec { key_memory: Some(memory), ..self }
    }

    /// Sets what becomes of a message of this class with an unknown outcome.
    #[must_use]
    pub fn with_on_unknown(mut self, class: MessageClass, policy: OnUnknown) -> Self {
        match class {
            MessageClass::Marketing => self.on_unknown_marketing = policy,
            MessageClass::Transactional => self.on_unknown_transactional = policy,
        }
        self
    }

    /// Sets how long one hand-over may take.
    #[must_use]
    pub fn with_timeout(self, timeout: Span) -> Self {
        ChannelSpec { timeout, ..self }
    }

    /// Sets how many hand-overs are under way at once.
    #[must_use]
    pub fn with_in_flight(self, in_flight: NonZeroU32) -> Self {
        ChannelSpec { in_flight, ..self }
    }

    /// Sets how many messages are handed over per second.
    #[must_use]
    pub fn with_rate_per_second(self, rate: NonZeroU32) -> Self {
        ChannelSpec { rate_per_second: Some(rate), ..self }
    }

    /// Sets when a certain failure is tried again.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        ChannelSpec { retry, ..self }
    }

    /// Says that quiet hours do not apply.
    #[must_use]
    pub fn without_quiet_hours(self) -> Self {
        ChannelSpec { quiet_hours: false, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_7_1_a_kind_says_which_way_messages_go() {
        let (email, inbox) = (ChannelSpec::new("email"), ChannelSpec::new("inbox"));
        assert_eq!((email.direction, email.quiet_hours, email.by_id), (Direction::Outbound, true, false));
        assert_eq!((inbox.direction, inbox.quiet_hours, inbox.by_id), (Direction::Inbound, false, true));
        assert_eq!(ChannelSpec::new("audience").direction, Direction::Audience);
        assert_eq!(ChannelSpec::new("telegram").kind().as_str(), "telegram");
    }

    #[test]
    fn promise_10_1_marketing_is_parked_and_transactional_is_resent() {
        let spec = ChannelSpec::new("sms");
        assert_eq!(spec.on_unknown(MessageClass::Marketing), OnUnknown::Park);
        assert_eq!(spec.on_unknown(MessageClass::Transactional), OnUnknown::Resend);
        let spec = spec.with_on_unknown(MessageClass::Transactional, OnUnknown::Park);
        assert_eq!(spec.on_unknown(MessageClass::Transactional), OnUnknown::Park);
    }
}
