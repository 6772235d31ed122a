//! Receipts: what became of a message, as events.

use std::sync::Arc;

use crate::primitives::{ChannelKind, Fields, IdempotencyKey, Key, Value};

/// What a receipt says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReceiptKind {
    /// The provider delivered it (`Email Delivered`, `Push Notification Received`).
    Delivered,
    /// It was shown to the customer (`In-App Shown`); on inbound channels this is when it counts (promise 7.1).
    Shown,
    /// The customer opened it (`Email Opened`, `Push Opened`).
    Opened,
    /// An image proxy or a scanner opened it (`machine: true`): no engagement (promise 8.2).
    MachineOpened,
    /// The customer followed a link (`Email Link Clicked`, `Push Notification Tapped`).
    Clicked,
    /// The customer answered (`Sms Replied`).
    Replied,
    /// The contact point does not exist (`Email Bounced`, unless its `bounce_type` is `soft`).
    Bounced,
    /// It did not arrive this time (a soft bounce).
    SoftBounced,
    /// The customer called it spam (`Email Marked as Spam`).
    Complained,
    /// The customer opted out by it (`Email Unsubscribed`, `Unsubscribed`).
    Unsubscribed,
}

/// Which message a receipt is about.
#[derive(Clone, PartialEq, Eq)]
pub enum ReceiptTarget {
    /// The envelope, by `envelope_id`.
    Envelope(IdempotencyKey),
    /// The latest hand-over of this content key on the receipt's channel, by `content_key`.
    Content(Arc<str>),
    /// The latest hand-over on the receipt's channel: it names no message.
    Latest,
}

/// Without the content key's text, which may name an order (promise 2.5).
impl std::fmt::Debug for ReceiptTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReceiptTarget::Envelope(id) => write!(f, "Envelope({id})"),
            ReceiptTarget::Content(_) => f.write_str("Content"),
            ReceiptTarget::Latest => f.write_str("Latest"),
        }
    }
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// What happened.
    pub kind: ReceiptKind,
    /// On which kind of channel.
    pub channel: ChannelKind,
    /// To which message.
    pub target: ReceiptTarget,
}

impl Receipt {
    /// Reads a receipt from an event's name and properties; `None` if the name is not one of a receipt.
    ///
    /// The name is a channel and a word of Segment's mail spec: `Email Opened`, `Push Notification Tapped`,
    /// `Sms Delivered`. `Order Delivered` is no receipt, because `Order` is no channel; a channel of the host's own is
    /// named by a property `channel` in an event that begins with `Message`: `Message Opened`, `channel: telegram`.
    pub fn of(name: &Key, properties: &Fields) -> Option<Receipt> {
        let name = name.as_str();
        let (channel, verb) = if name == "Unsubscribed" {
            (ChannelKind::Email, name)
        } else if let Some(verb) = name.strip_prefix("Message ") {
            (ChannelKind::from_name(properties.get_str("channel").and_then(Value::as_str)?), verb)
        } else {
            CHANNELS.iter().find_map(|(prefix, kind)| Some((kind.clone(), name.strip_prefix(prefix)?)))?
        };
        let is = |property: &str, word: &str| properties.get_str(property).and_then(Value::as_str) == Some(word);
        let machine = properties.get_str("machine") == Some(&Value::Bool(true));
        let soft = is("bounce_type", "soft") || is("bounce_type", "transient");
        let kind = match verb {
            "Delivered" | "Received" => ReceiptKind::Delivered,
            "Shown" | "Displayed" => ReceiptKind::Shown,
            "Opened" if machine => ReceiptKind::MachineOpened,
            "Opened" | "Viewed" => ReceiptKind::Opened,
            "Clicked" | "Link Clicked" | "Tapped" => ReceiptKind::Clicked,
            "Replied" => ReceiptKind::Replied,
            "Bounced" if soft => ReceiptKind::SoftBounced,
            "Bounced" => ReceiptKind::Bounced,
            "Marked as Spam" | "Complained" => ReceiptKind::Complained,
            "Unsubscribed" => ReceiptKind::Unsubscribed,
            _ => return None,
        };
        let text = |property: &str| properties.get_str(property).and_then(Value::as_str);
        let target = match (text("envelope_id").and_then(IdempotencyKey::parse), text("content_key")) {
            (Some(id), _) => ReceiptTarget::Envelope(id),
            (None, Some(key)) => ReceiptTarget::Content(key.into()),
            (None, None) => ReceiptTarget::Latest,
        };
        Some(Receipt { kind, channel, target })
    }
}

/// What the names of receipts begin with. Longer forms come first.
const CHANNELS: &[(&str, ChannelKind)] = &[
    ("Email ", ChannelKind::Email),
    ("Push Notification ", ChannelKind::Push),
    ("Web Push ", ChannelKind::WebPush),
    ("Push ", ChannelKind::Push),
    ("Sms ", ChannelKind::Sms),
    ("SMS ", ChannelKind::Sms),
    ("WhatsApp ", ChannelKind::WhatsApp),
    ("Whatsapp ", ChannelKind::WhatsApp),
    ("In-App ", ChannelKind::InApp),
    ("In App ", ChannelKind::InApp),
    ("Inbox ", ChannelKind::Inbox),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, properties: &str) -> Option<(ReceiptKind, ChannelKind)> {
        let json: serde_json::Value = serde_json::from_str(properties).unwrap();
        let fields = Fields::from_json(json.as_object().unwrap());
        Receipt::of(&Key::new(name), &fields).map(|receipt| (receipt.kind, receipt.channel))
    }

    #[test]
    fn receipts_are_known_by_channel_and_word() {
        assert_eq!(kind("Email Opened", "{}"), Some((ReceiptKind::Opened, ChannelKind::Email)));
        assert_eq!(
            kind("Email Opened", r#"{"machine": true}"#),
            Some((ReceiptKind::MachineOpened, ChannelKind::Email))
        );
        assert_eq!(kind("Push Notification Tapped", "{}"), Some((ReceiptKind::Clicked, ChannelKind::Push)));
        assert_eq!(kind("Unsubscribed", "{}"), Some((ReceiptKind::Unsubscribed, ChannelKind::Email)));
        assert_eq!(kind("Email Bounced", r#"{"bounce_type": "soft"}"#).unwrap().0, ReceiptKind::SoftBounced);
        assert_eq!(kind("Message Opened", r#"{"channel": "telegram"}"#).unwrap().1.as_str(), "telegram");
    }

    #[test]
    fn what_only_sounds_like_a_receipt_is_none() {
        for name in ["Order Delivered", "Product Viewed", "Email", "Email Address Changed", "Message Opened"] {
            assert_eq!(kind(name, "{}"), None, "{name}");
        }
    }
}
