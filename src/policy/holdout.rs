//! Holdouts: who gets no marketing, to measure what sending does (promise 6.10).
//!
//! The last question of a decision, asked where a message would be sent now: whoever is held out takes no place in caps and
//! holds no content key, and every other rule has said its word by then.

use super::Ask;
use crate::customer::Arm;
use crate::primitives::fault::Node;
use crate::primitives::{CustomerId, JourneyId, Key, Share};

/// A share of the customers who get no marketing at all, or none of one journey.
///
/// A customer is drawn once, by a stable hash; the record keeps the arm, so that another share later draws only those who
/// were not drawn yet. Two holdouts are drawn apart from each other.
///
/// ```
/// use throughline::{Arm, CustomerId, Holdout};
/// let holdout = Holdout::global("2026", "20%".parse()?);
/// let held_out = (0..1_000).filter(|n| holdout.draw(CustomerId::new(&n.to_string())) == Arm::HeldOut).count();
/// assert!((160..240).contains(&held_out), "{held_out}");
/// # Ok::<(), throughline::ParseShareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holdout {
    share: Share,
    key: u64,
    purpose: Box<str>,
}

impl Holdout {
    /// Of all marketing. Another salt is another holdout, for which everybody is drawn anew.
    pub fn global(salt: &str, share: Share) -> Self {
        let purpose = format!("holdout/{salt}");
        Holdout { share, key: Key::hash_of(&purpose), purpose: purpose.into() }
    }

    /// Of the marketing of one journey, over all its versions.
    pub fn of_journey(journey: &JourneyId, share: Share) -> Self {
        Holdout { share, key: journey.key().hash(), purpose: format!("journey holdout/{journey}").into() }
    }

    /// `{"share": "5%", "salt": "2026"}`.
    pub(super) fn decode_global(node: &Node<'_>) -> Option<Self> {
        let object = node.object(&["share", "salt"])?;
        let share = object.need("share").and_then(|node| Share::decode(&node));
        let salt = object.get("salt").map_or(Some(""), |node| node.text());
        Some(Holdout::global(salt?, share?))
    }

    /// `{"share": "5%"}`.
    pub(crate) fn decode_of_journey(node: &Node<'_>, journey: &JourneyId) -> Option<Self> {
        let share = node.object(&["share"])?.need("share").and_then(|node| Share::decode(&node))?;
        Some(Holdout::of_journey(journey, share))
    }

    /// How many are held out.
    pub fn share(&self) -> Share {
        self.share
    }

    /// The name under which a record keeps the arm.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// The arm of a customer who was not drawn yet. Whoever is held out at one share is also held out at every greater one.
    pub fn draw(&self, customer: CustomerId) -> Arm {
        let held_out = customer.bucket(&self.purpose, Share::WHOLE) < self.share.millionths();
        if held_out { Arm::HeldOut } else { Arm::Treated }
    }
}

/// By what a message is held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HeldOutBy {
    /// The customer gets no marketing.
    Global,
    /// The customer gets none of this journey.
    Journey,
    /// The run began in an arm that is held out, and stays there, whatever the customer's arm is by now.
    Run,
}

impl std::fmt::Display for HeldOutBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            HeldOutBy::Global => "held out of all marketing",
            HeldOutBy::Journey => "held out of the journey",
            HeldOutBy::Run => "the run began held out",
        })
    }
}

impl Ask<'_> {
    /// By what the message is held out, should it come to be sent.
    pub(super) fn holdout(&self) -> Option<HeldOutBy> {
        self.held_out.filter(|_| !self.transactional())
    }
}
