//! What a message may hold on a channel.

use std::num::NonZeroU32;

use crate::primitives::{ChannelKind, Key};

/// What a message may hold (promise 9.2). Text that must be cut is cut where that is possible; a message that cannot be
/// made to fit is not sent on this channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Limits {
    /// The octets of the whole content as JSON; `None` for no limit.
    pub bytes: Option<NonZeroU32>,
    /// Of these, what the provider's own wrapping takes.
    pub reserved: u32,
    /// The parts of an SMS.
    pub parts: Option<NonZeroU32>,
    /// The graphemes of single fields, such as `subject`.
    pub graphemes: Vec<(Key, NonZeroU32)>,
    /// How text outside GSM-7 goes by SMS.
    pub charset: Charset,
}

/// How text outside GSM-7 goes by SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Charset {
    /// As it is, in UCS-2: every character arrives, parts hold 70 characters instead of 160.
    #[default]
    AsWritten,
    /// Curly quotes, dashes and the like become their plain forms where that brings the text into GSM-7.
    Plain,
}

impl Limits {
    /// Of a kind of channel: 3,993 octets of plaintext for web push (RFC 8291 in a record of 4,096), 4,096 for push
    /// (APNs and FCM; 256 of them kept for the provider's wrapping), 3 parts for SMS.
    pub fn of(kind: &ChannelKind) -> Self {
        let none = Limits::default();
        match kind {
            ChannelKind::WebPush => Limits { bytes: NonZeroU32::new(3_993), ..none },
            ChannelKind::Push => Limits { bytes: NonZeroU32::new(4_096), reserved: 256, ..none },
            ChannelKind::Sms => Limits { parts: NonZeroU32::new(3), ..none },
            _ => none,
        }
    }

    /// Sets the octets of the whole content.
    #[must_use]
    pub fn with_bytes(self, bytes: NonZeroU32) -> Self {
        Limits { bytes: Some(bytes), ..self }
    }

    /// Sets the parts of an SMS.
    #[must_use]
    pub fn with_parts(self, parts: NonZeroU32) -> Self {
        Limits { parts: Some(parts), ..self }
    }

    /// Sets the graphemes of one field.
    #[must_use]
    pub fn with_graphemes(mut self, field: impl Into<Key>, graphemes: NonZeroU32) -> Self {
        let field = field.into();
        self.graphemes.retain(|(known, _)| *known != field);
        self.graphemes.push((field, graphemes));
        self
    }

    /// Sets how text outside GSM-7 goes by SMS.
    #[must_use]
    pub fn with_charset(self, charset: Charset) -> Self {
        Limits { charset, ..self }
    }

    /// The graphemes that a field may hold.
    pub fn graphemes_of(&self, field: &str) -> Option<usize> {
        let (_, most) = self.graphemes.iter().find(|(known, _)| known.as_str() == field)?;
        usize::try_from(most.get()).ok()
    }

    /// The octets that the content may take.
    pub fn room(&self) -> Option<usize> {
        usize::try_from(self.bytes?.get().saturating_sub(self.reserved)).ok()
    }
}
