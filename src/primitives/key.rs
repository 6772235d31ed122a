//! Names with a stable hash, and the identifiers built on them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Serialize, Serializer};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// A name together with its stable hash (xxh3, 64 bits): compared, ordered and looked up by the hash alone.
///
/// The hash is the same on every platform and in every release, so it may be stored.
#[derive(Clone)]
pub struct Key {
    hash: u64,
    name: Arc<str>,
}

impl Key {
    /// The key of a name.
    pub fn new(name: impl AsRef<str> + Into<Arc<str>>) -> Self {
        Key { hash: xxh3_64(name.as_ref().as_bytes()), name: name.into() }
    }

    /// The stable hash of the name.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The hash that a key of this name has, without making the key.
    pub fn hash_of(name: &str) -> u64 {
        xxh3_64(name.as_bytes())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.hash.cmp(&other.hash)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.name)
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Key::new(name)
    }
}

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Key);

        impl $name {
            /// From its name as the playbook writes it.
            pub fn new(name: impl AsRef<str> + Into<Arc<str>>) -> Self {
                $name(Key::new(name))
            }

            /// The name as the playbook writes it.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The name with its stable hash.
            pub fn key(&self) -> &Key {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                $name::new(name)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(to)
            }
        }
    )*};
}

named! {
    /// Names a segment of the playbook.
    SegmentId;
    /// Names a journey of the playbook.
    JourneyId;
    /// Names a channel of the playbook, such as `email` or `sms`.
    ChannelId;
    /// Names a message of the playbook.
    MessageId;
    /// Names an effect of the playbook: something that the host does for a journey.
    EffectId;
    /// What a message is about, for consent and preferences, such as `offers` or `newsletter`.
    Topic;
}

/// Names a customer's record: 128 bits, derived from the identifier that the record was opened with.
///
/// It is not personal by itself, costs no allocation to copy, and spreads evenly over [partitions](Self::partition). The
/// same identifier gives the same id on every machine, so two processes that meet a new customer at once agree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerId([u64; 2]);

impl CustomerId {
    /// From the host's own name for the customer.
    pub fn new(name: &str) -> Self {
        Self::from_u128(xxh3_128(name.as_bytes()))
    }

    /// From the 128 bits that [`as_u128`](Self::as_u128) gave.
    pub const fn from_u128(bits: u128) -> Self {
        // Two words, the high one first: a u128 would align every map entry to 16 bytes.
        CustomerId([(bits >> 64) as u64, bits as u64])
    }

    /// The 128 bits.
    pub const fn as_u128(self) -> u128 {
        let [high, low] = self.0;
        ((high as u128) << 64) | low as u128
    }

    /// The virtual partition of the record, 0 to 255: the unit in which workers share customers out.
    pub const fn partition(self) -> u8 {
        let [high, _] = self.0;
        (high >> 56) as u8
    }

    /// A stable draw in `0..modulus` for this customer and this purpose: the same on every machine and in every release.
    ///
    /// A `modulus` of zero gives zero.
    pub fn bucket(self, purpose: &str, modulus: u32) -> u32 {
        let [high, low] = self.0;
        let mixed = xxhash_rust::xxh3::xxh3_64_with_seed(purpose.as_bytes(), high ^ low);
        // Multiply-shift keeps the draw even for every modulus and costs no division.
        ((u128::from(mixed) * u128::from(modulus)) >> 64) as u32
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.as_u128())
    }
}

impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CustomerId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// The key that a provider refuses the second copy by (promise 8.4): a UUID derived from what was decided, never from a
/// clock or a random source.
///
/// Its text is the UUID (version 8) form of 36 characters, which fits every provider.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey([u64; 2]);

impl IdempotencyKey {
    /// The key of a cause: the same parts in the same order give the same key, and no other parts do.
    pub fn derive(parts: &[&[u8]]) -> Self {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        for part in parts {
            // The length keeps ("ab", "c") apart from ("a", "bc").
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let bits = hasher.digest128();
        Self::from_u128(bits & !(0xf << 76) & !(0b11 << 62) | (0x8 << 76) | (0b10 << 62))
    }

    /// From the 128 bits that [`as_u128`](Self::as_u128) gave.
    pub const fn from_u128(bits: u128) -> Self {
        IdempotencyKey([(bits >> 64) as u64, bits as u64])
    }

    /// The 128 bits.
    pub const fn as_u128(self) -> u128 {
        let [high, low] = self.0;
        ((high as u128) << 64) | low as u128
    }

    /// Reads the 36 characters that [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        let hex: String = text.chars().filter(|c| *c != '-').collect();
        (hex.len() == 32).then(|| u128::from_str_radix(&hex, 16).ok().map(Self::from_u128)).flatten()
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let b = self.as_u128();
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            b >> 96,
            (b >> 80) & 0xffff,
            (b >> 64) & 0xffff,
            (b >> 48) & 0xffff,
            b & 0xffff_ffff_ffff
        )
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for IdempotencyKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_never_change_between_releases() {
        assert_eq!(Key::new("Order Completed").hash(), 12_954_395_632_585_967_936);
        assert_eq!(CustomerId::new("anna").to_string(), "8d3797891556801bf04f03601bb693af");
        assert_eq!(CustomerId::new("anna").bucket("holdout", 1_000), 18);
        assert_eq!(IdempotencyKey::derive(&[b"a"]).to_string(), "ea7daf8b-8b8e-8899-adea-399fbae36cb2");
    }

    #[test]
    fn a_bucket_is_even_and_independent_of_its_purpose() {
        let mut counts = [0u32; 10];
        let mut both = 0;
        for n in 0..10_000 {
            let who = CustomerId::new(&format!("customer-{n}"));
            counts[who.bucket("a", 10) as usize] += 1;
            both += u32::from(who.bucket("a", 2) == 0 && who.bucket("b", 2) == 0);
        }
        assert!(counts.iter().all(|n| (900..1100).contains(n)), "{counts:?}");
        assert!((2_300..2_700).contains(&both), "{both}");
    }

    #[test]
    fn an_idempotency_key_is_a_uuid_of_its_parts() {
        let key = IdempotencyKey::derive(&[b"ab", b"c"]);
        assert_ne!(key, IdempotencyKey::derive(&[b"a", b"bc"]));
        let text = key.to_string();
        assert_eq!((text.len(), text.as_bytes()[14]), (36, b'8'));
        assert_eq!(IdempotencyKey::parse(&text), Some(key));
        assert_eq!(IdempotencyKey::parse("x"), None);
    }
}
