//! One brand for all messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::primitives::ChannelKind;

/// As whom a channel speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Sender {
    /// The name.
    pub name: Option<Arc<str>>,
    /// The address, number or handle.
    pub address: Option<Arc<str>>,
}

/// The brand: defined once, available to every template as `brand.*` (promise 9.3).
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Brand {
    /// The shop's name.
    pub name: Option<Arc<str>>,
    /// As whom each channel speaks, by its id or kind.
    pub senders: BTreeMap<Arc<str>, Sender>,
    /// How it speaks; for whoever writes the texts.
    pub tone: Option<Arc<str>>,
    /// The address of its logo.
    pub logo: Option<Arc<str>>,
    /// Its colours by name, such as `#aa0000`.
    pub colours: BTreeMap<Arc<str>, Arc<str>>,
    /// What the law wants in every message: the company's name and postal address.
    pub legal: Option<Arc<str>>,
    /// Its links by name; `unsubscribe` is what templates read as `unsubscribe_url`.
    pub links: BTreeMap<Arc<str>, Arc<str>>,
}

impl Brand {
    /// As whom a channel speaks: the sender under its id, else under its kind.
    pub fn sender(&self, id: &str, kind: &ChannelKind) -> Option<&Sender> {
        self.senders.get(id).or_else(|| self.senders.get(kind.as_str()))
    }
}
