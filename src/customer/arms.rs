//! The arms of experiments that a customer was drawn to: once, and read from then on (promise 6.10).

use serde::Serialize;

use crate::primitives::Instant;

/// Whether a customer gets what is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// No, so that it shows what would have happened anyway.
    HeldOut,
    /// Yes.
    Treated,
}

/// To which arm of a holdout a customer was drawn, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// The holdout, by its [key](crate::Holdout::key).
    pub of: u64,
    /// The arm.
    pub arm: Arm,
    /// When.
    pub at: Instant,
    /// Whether records of different arms became one: the arm is the older one, and shows nothing of what sending does.
    pub mixed: bool,
}

/// All arms that a customer was drawn to, by the keys of the holdouts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arms(Box<[Drawn]>);

impl Arms {
    /// From a stored record; of two of one holdout the first counts.
    pub(crate) fn from_list(mut drawn: Vec<Drawn>) -> Self {
        drawn.sort_by_key(|drawn| drawn.of);
        drawn.dedup_by_key(|drawn| drawn.of);
        Arms(drawn.into())
    }

    /// In a holdout, if it was drawn there.
    pub fn of(&self, holdout: u64) -> Option<&Drawn> {
        self.0.iter().find(|drawn| drawn.of == holdout)
    }

    /// In a holdout; drawn now if it was not before.
    pub fn draw(&mut self, holdout: u64, at: Instant, draw: impl FnOnce() -> Arm) -> Drawn {
        if let Some(known) = self.of(holdout) {
            return *known;
        }
        let drawn = Drawn { of: holdout, arm: draw(), at, mixed: false };
        let place = self.0.partition_point(|known| known.of < holdout);
        let mut all = std::mem::take(&mut self.0).into_vec();
        all.reserve_exact(1);
        all.insert(place, drawn);
        self.0 = all.into();
        drawn
    }

    /// Takes those of another record: of one holdout the arm that was drawn first stays, and is mixed if the other one
    /// differs. Of two that were drawn at one instant nothing is sent.
    pub fn absorb(&mut self, theirs: Arms) {
        if theirs.0.is_empty() {
            return;
        }
        let mut all = std::mem::take(&mut self.0).into_vec();
        all.extend(theirs.0);
        all.sort_by_key(|drawn| (drawn.of, drawn.at, drawn.arm));
        all.dedup_by(|later, first| {
            let same = later.of == first.of;
            if same {
                first.mixed |= later.mixed || later.arm != first.arm;
            }
            same
        });
        self.0 = all.into();
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Drawn> {
        self.0.iter()
    }

    /// Whether none was drawn.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arms() -> impl Strategy<Value = Arms> {
        let drawn = (0..3_u64, any::<bool>(), 0..3_i64, any::<bool>()).prop_map(|(of, held, at, mixed)| {
            let arm = if held { Arm::HeldOut } else { Arm::Treated };
            Drawn { of, arm, at: Instant::from_millis(at), mixed }
        });
        prop::collection::vec(drawn, 0..4).prop_map(Arms::from_list)
    }

    fn both(one: &Arms, other: &Arms) -> Arms {
        let mut both = one.clone();
        both.absorb(other.clone());
        both
    }

    proptest! {
        #[test]
        fn promise_6_10_a_merge_of_arms_is_commutative_associative_and_idempotent(
            [a, b, c] in [arms(), arms(), arms()],
        ) {
            prop_assert_eq!(both(&a, &b), both(&b, &a));
            prop_assert_eq!(both(&both(&a, &b), &c), both(&a, &both(&b, &c)));
            prop_assert_eq!(both(&a, &a), a);
        }

        #[test]
        fn promise_6_10_the_older_arm_stays_and_two_that_differ_are_mixed([a, b] in [arms(), arms()]) {
            let one = both(&a, &b);
            for of in 0..3 {
                match (a.of(of), b.of(of)) {
                    (Some(ours), Some(theirs)) => {
                        let older = if (ours.at, ours.arm) <= (theirs.at, theirs.arm) { ours } else { theirs };
                        let mixed = ours.mixed || theirs.mixed || ours.arm != theirs.arm;
                        prop_assert_eq!(one.of(of), Some(&Drawn { mixed, ..*older }));
                    }
                    (ours, theirs) => prop_assert_eq!(one.of(of), ours.or(theirs)),
                }
            }
        }

        #[test]
        fn promise_6_10_what_was_drawn_is_read_from_then_on(mut arms in arms(), of in 0..3_u64) {
            let first = arms.draw(of, Instant::from_millis(9), || Arm::Treated);
            prop_assert_eq!(arms.draw(of, Instant::from_millis(10), || Arm::HeldOut), first);
            prop_assert_eq!(&Arms::from_list(arms.iter().copied().collect()), &arms);
        }
    }
}
