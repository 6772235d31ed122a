//! Hashes that only the shop can make: what outlives an erasure must not be found again by guessing.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::{ChannelKind, ContactPoint, IdentityKey};

/// The shop's secret, under which identifiers and contact points are hashed (promise 2.4).
///
/// Without one the hashes are plain: whoever holds the store and guesses an e-mail address can tell whether it was there.
/// Keep it apart from the store, give it to every process that works on the store, and never change it: identifiers
/// would lead nowhere, and suppressions would be forgotten.
///
/// ```
/// use throughline::{IdentityKey, IdentityKind, Secret};
/// let secret = Secret::new(*b"sixteen bytes...");
/// let plain = IdentityKey::new(IdentityKind::User, "anna");
/// assert_ne!(plain.keyed(&secret), plain);
/// assert_eq!(format!("{secret:?}"), "Secret");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u8; 16]);

impl Secret {
    /// From 16 bytes of a good random source.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Secret(bytes)
    }

    fn hash(&self, plain: u128) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&plain.to_be_bytes());
        hasher.finish128().as_u128()
    }
}

/// Without its bytes.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl IdentityKey {
    /// The same under a secret.
    pub fn keyed(self, secret: &Secret) -> Self {
        IdentityKey::from_u128(secret.hash(self.as_u128()))
    }
}

/// A contact point by its stable hash: what a suppression list holds (promise 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointHash(u128);

impl PointHash {
    /// The hash of a contact point, however it was typed, as a channel of this kind reaches it: who wants no SMS may want
    /// WhatsApp at the same number.
    pub fn new(kind: &ChannelKind, point: &ContactPoint) -> Self {
        let (seed, text) = match kind {
            ChannelKind::Email => (1, point.as_str().to_lowercase()),
            ChannelKind::Sms => (2, point.as_str().to_owned()),
            ChannelKind::WhatsApp => (6, point.as_str().to_owned()),
            ChannelKind::Push => (3, point.as_str().to_owned()),
            ChannelKind::WebPush => (4, point.as_str().to_owned()),
            other => (5, format!("{other}\n{}", point.as_str())),
        };
        PointHash(xxh3_128_with_seed(text.as_bytes(), seed))
    }

    /// The same under a secret.
    pub fn keyed(self, secret: &Secret) -> Self {
        PointHash(secret.hash(self.0))
    }

    /// The 128 bits.
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::IdentityKind;

    #[test]
    fn promise_2_4_a_hash_under_a_secret_is_that_of_siphash_2_4_with_128_bits() {
        // The reference's own vector: key 00..0f, input 00..0f.
        let key: [u8; 16] = std::array::from_fn(|n| n as u8);
        let hash = Secret::new(key).hash(u128::from_be_bytes(key));
        let expected = [0x6e, 0xe2, 0xa4, 0xca, 0x67, 0xb0, 0x54, 0xbb, 0xfd, 0x33, 0x15, 0xbf, 0x85, 0x23, 0x05, 0x77];
        assert_eq!(hash.to_le_bytes(), expected);
    }

    #[test]
    fn promise_2_4_another_secret_gives_another_hash() {
        let key = IdentityKey::new(IdentityKind::User, "anna");
        let [one, other] = [Secret::new([1; 16]), Secret::new([2; 16])];
        assert_eq!(key.keyed(&one), key.keyed(&one));
        assert_ne!(key.keyed(&one), key.keyed(&other));
    }

    #[test]
    fn promise_4_3_a_contact_point_is_the_same_however_it_was_typed() {
        let mail = |text| PointHash::new(&ChannelKind::Email, &ContactPoint::email(text).unwrap());
        assert_eq!(mail("Anna@Shop.example"), mail("anna@SHOP.example"));
        let phone = ContactPoint::phone("+49 30 123456").unwrap();
        assert_ne!(PointHash::new(&ChannelKind::Sms, &phone), PointHash::new(&ChannelKind::WhatsApp, &phone));
        assert_ne!(PointHash::new(&ChannelKind::Sms, &phone), PointHash::new(&ChannelKind::Push, &phone));
    }
}
