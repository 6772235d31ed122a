//! The answer of a rule: in or out, and until when that is certain.

use crate::primitives::Instant;

/// Whether a customer is inside, and until when that holds if nothing happens (promise 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Membership {
    /// Whether the rule holds.
    pub inside: bool,
    /// The earliest instant after `now` at which the answer may change by time alone; `None`: never by time alone.
    ///
    /// Never later than the true next change; it may be earlier, and asking again then simply gives the same answer.
    pub until: Option<Instant>,
}

impl Membership {
    /// An answer that time alone never changes.
    pub const fn steady(inside: bool) -> Self {
        Membership { inside, until: None }
    }

    /// The same answer, to be asked again at `at` too.
    pub(super) fn sooner(self, at: Option<Instant>) -> Self {
        let until = match (self.until, at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Membership { until, ..self }
    }

    /// All of the parts (`decisive` false) or any of them (`decisive` true).
    ///
    /// A part that answers `decisive` settles the whole for as long as it does so, whatever the others do meanwhile.
    pub(super) fn combine(decisive: bool, parts: impl Iterator<Item = Membership>) -> Membership {
        let mut settled: Option<Instant> = None;
        let mut whole = Membership::steady(!decisive);
        for part in parts {
            if part.inside != decisive {
                whole = whole.sooner(part.until);
            } else if part.until.is_none() {
                return Membership::steady(decisive);
            } else {
                settled = settled.max(part.until);
            }
        }
        match settled {
            None => whole,
            until => Membership { inside: decisive, until },
        }
    }
}

impl std::ops::Not for Membership {
    type Output = Membership;

    fn not(self) -> Membership {
        Membership { inside: !self.inside, until: self.until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_stays_false_longest_settles_the_whole() {
        let part = |inside, until: Option<i64>| Membership { inside, until: until.map(Instant::from_millis) };
        let all = |parts: &[Membership]| Membership::combine(false, parts.iter().copied());
        assert_eq!(all(&[part(true, Some(5)), part(true, Some(3))]), part(true, Some(3)));
        assert_eq!(all(&[part(false, Some(5)), part(true, Some(3)), part(false, Some(9))]), part(false, Some(9)));
        assert_eq!(all(&[part(false, Some(5)), part(false, None)]), part(false, None));
        assert_eq!(all(&[]), part(true, None));
        let any = Membership::combine(true, [part(true, Some(5)), part(false, Some(3))].into_iter());
        assert_eq!(any, part(true, Some(5)));
    }
}
