//! Identifiers by their stable hash.

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::{CustomerId, Key};

/// What an identifier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdentityKind {
    /// The shop's own id of a known customer.
    User,
    /// The id of a visitor.
    Anonymous,
    /// A device's push token. It tells whose the device is now, and never who somebody is.
    Device,
}

/// An identifier by its stable hash: what the index holds is not personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentityKey(u128);

impl IdentityKey {
    /// The key of an identifier.
    pub fn new(kind: IdentityKind, id: &str) -> Self {
        // The seeds keep kinds apart: a visitor id never passes for a user id.
        let seed = match kind {
            IdentityKind::User => 0x7573_6572,
            IdentityKind::Anonymous => 0x616e_6f6e,
            IdentityKind::Device => 0x6465_7669,
        };
        IdentityKey(xxh3_128_with_seed(id.as_bytes(), seed))
    }

    /// The key of a strong identifier: a trait by its name and its value, which is written in one way only.
    pub fn strong(name: &Key, value: &str) -> Self {
        IdentityKey(xxh3_128_with_seed(value.as_bytes(), name.hash()))
    }

    pub(super) const fn from_u128(bits: u128) -> Self {
        IdentityKey(bits)
    }

    /// The 128 bits.
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// The record that is opened for it if it has none: the same on every machine.
    pub fn candidate(self) -> CustomerId {
        CustomerId::from_u128(self.0)
    }
}
