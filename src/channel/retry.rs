//! When a hand-over that certainly failed is tried again.

use crate::primitives::Span;

/// How often and when a certain, temporary failure is tried again: after 1 s, 2 s, 4 s, up to 5 min, 5 attempts in all.
///
/// The waits are fixed, so that a replay gives the same instants; that a provider which comes back is not run over is
/// the work of the channel's rate and of its circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// How many hand-overs at most, the first included.
    pub attempts: u16,
    /// The wait after the first failure.
    pub first: Span,
    /// By what the wait grows from failure to failure.
    pub factor: u32,
    /// The longest wait.
    pub at_most: Span,
}

impl Retry {
    /// The wait after the failure of this attempt, counted from 1.
    ///
    /// ```
    /// use throughline::{Retry, Span};
    /// let retry = Retry::default();
    /// assert_eq!(retry.after(1), Span::seconds(1));
    /// assert_eq!(retry.after(4), Span::seconds(8));
    /// assert_eq!(retry.after(u16::MAX), Span::minutes(5));
    /// ```
    pub fn after(&self, attempt: u16) -> Span {
        let growth = i64::from(self.factor).checked_pow(u32::from(attempt.saturating_sub(1))).unwrap_or(i64::MAX);
        Span::millis(self.first.as_millis().saturating_mul(growth)).min(self.at_most)
    }

    /// Whether another attempt follows this one, counted from 1.
    pub fn goes_on(&self, attempt: u16) -> bool {
        attempt < self.attempts
    }
}

impl Default for Retry {
    fn default() -> Self {
        Retry { attempts: 5, first: Span::seconds(1), factor: 2, at_most: Span::minutes(5) }
    }
}
