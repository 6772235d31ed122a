//! Where consent stands, as rules ask for it.

use crate::customer::Consent;

/// Where consent to a topic on a channel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsentState {
    /// It is granted.
    Granted,
    /// It was signed up for, and is not confirmed.
    Pending,
    /// It was revoked.
    Revoked,
    /// What was granted has run out.
    Expired,
    /// Nothing is on record.
    None,
}

impl ConsentState {
    pub(super) const WORDS: [(&str, ConsentState); 5] = [
        ("granted", ConsentState::Granted),
        ("pending", ConsentState::Pending),
        ("revoked", ConsentState::Revoked),
        ("expired", ConsentState::Expired),
        ("none", ConsentState::None),
    ];

    /// The word for it in a rule's JSON.
    pub fn as_str(self) -> &'static str {
        ConsentState::WORDS.iter().find(|(_, state)| *state == self).map_or("none", |(word, _)| word)
    }

    pub(super) fn of(consent: Consent) -> ConsentState {
        match consent {
            Consent::Granted { .. } => ConsentState::Granted,
            Consent::Pending { .. } => ConsentState::Pending,
            Consent::Revoked { .. } => ConsentState::Revoked,
            Consent::Expired { .. } => ConsentState::Expired,
            Consent::NoRecord => ConsentState::None,
        }
    }
}
