//! What a step may read that is not the customer's: an immutable, numbered snapshot.

/// Facts of the moment, the same for every customer.
///
/// Each decision names the number of the snapshot that it was made with, so that it can be made again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Surroundings {
    /// Tells this snapshot from others.
    pub number: u64,
    /// Whether every decision is to be explained in the step's notices. An explanation changes no decision.
    pub explain: bool,
}

impl Surroundings {
    /// A snapshot under which every decision is explained.
    pub fn explained() -> Self {
        Surroundings { number: 0, explain: true }
    }
}
