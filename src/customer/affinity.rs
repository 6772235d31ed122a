//! What a customer likes: categories and brands, with a score that halves as time passes.

use crate::primitives::{Instant, Key};

/// How many categories, and how many brands, are held: those with the highest scores.
const HELD: usize = 8;

/// A half-life has so many steps; within one a score stands still.
const STEPS: i64 = 16;

/// 2^(n/16) and 2^(-n/16) in units of 2^-20, rounded up: whole numbers, so that every machine gives the same score.
const GROWTH: [u64; STEPS as usize] = [
    1_048_576, 1_095_001, 1_143_481, 1_194_107, 1_246_975, 1_302_183, 1_359_835, 1_420_040, 1_482_911, 1_548_565,
    1_617_126, 1_688_722, 1_763_488, 1_841_564, 1_923_097, 2_008_240,
];
const DECAY: [u64; STEPS as usize] = [
    1_048_576, 1_004_120, 961_549, 920_782, 881_744, 844_361, 808_563, 774_283, 741_456, 710_020, 679_918, 651_092,
    623_488, 597_054, 571_741, 547_501,
];
const UNIT_BITS: u32 = 20;

/// Bits below the unit, so that as many halvings lose nothing and the order of arrival does not show.
const SPARE_BITS: u32 = 12;

/// What a score is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Liked {
    /// The property `category` of a product.
    Category,
    /// The property `brand` of a product.
    Brand,
}

/// Scores of categories and brands.
///
/// A signal of weight 1 is worth 1 when it comes, a half after one half-life, a quarter after two. Scores are kept as of one
/// landmark, the beginning of the half-life period of the latest signal: all of them fall alike, so shares do not change by time.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Affinities {
    /// In days; 0 before the first signal.
    pub(crate) half_life: u16,
    /// The period of a half-life, counted from 1970, at whose beginning the scores are told.
    pub(crate) landmark: i64,
    /// By what and name, which keeps equal states equal.
    pub(crate) held: Vec<Affinity>,
}

/// The score of one category or brand.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Affinity {
    pub(crate) of: Liked,
    pub(crate) name: Key,
    /// As of the landmark, in units of 2^-32.
    pub(crate) score: u64,
}

/// Steps since 1970.
fn step(at: Instant, half_life: u16) -> i64 {
    // 24 hours are 16 times 5.4 million milliseconds.
    at.as_millis().div_euclid(i64::from(half_life.max(1)) * 5_400_000)
}

/// When a step begins.
fn begin(step: i64, half_life: u16) -> Instant {
    Instant::from_millis(step.saturating_mul(i64::from(half_life.max(1)) * 5_400_000))
}

fn factor(table: &[u64; STEPS as usize], step: i64) -> u64 {
    table.get(step.rem_euclid(STEPS) as usize).copied().unwrap_or(1 << UNIT_BITS)
}

impl Affinities {
    /// Adds a signal of so much weight.
    pub(super) fn add(&mut self, of: Liked, name: &str, weight: u16, at: Instant, half_life: u16) {
        self.rebase(half_life);
        let step = step(at, half_life);
        let period = step.div_euclid(STEPS);
        if self.held.is_empty() {
            self.landmark = period;
        }
        self.advance(period);
        let worth = (u64::from(weight) * factor(&GROWTH, step)) << SPARE_BITS;
        let worth = shifted(worth, self.landmark - period);
        let hash = Key::hash_of(name);
        match self.held.binary_search_by_key(&(of, hash), Affinity::key) {
            Ok(known) => {
                if let Some(known) = self.held.get_mut(known) {
                    known.score = known.score.saturating_add(worth);
                }
            }
            Err(_) if worth == 0 => {}
            Err(place) => {
                self.held.reserve_exact(1);
                self.held.insert(place, Affinity { of, name: Key::new(name), score: worth });
                self.trim(of, hash);
            }
        }
    }

    /// Takes all that another record likes.
    pub(super) fn absorb(&mut self, mut other: Affinities) {
        if self.held.is_empty() {
            *self = other;
            return;
        }
        other.rebase(self.half_life);
        if other.held.is_empty() {
            return;
        }
        let landmark = self.landmark.max(other.landmark);
        self.advance(landmark);
        other.advance(landmark);
        for theirs in other.held {
            match self.held.binary_search_by_key(&theirs.key(), Affinity::key) {
                Ok(known) => {
                    if let Some(known) = self.held.get_mut(known) {
                        known.score = known.score.saturating_add(theirs.score);
                    }
                }
                Err(place) => self.held.insert(place, theirs),
            }
        }
        [Liked::Category, Liked::Brand].into_iter().for_each(|of| self.trim(of, 0));
        self.held.shrink_to_fit();
        // Of nothing there is no landmark: equal states are stored as equal bytes.
        if self.held.is_empty() {
            *self = Affinities::default();
        }
    }

    /// A score in millionths, as of an instant.
    pub(super) fn score(&self, of: Liked, name: &Key, now: Instant) -> i64 {
        let held = self.held.binary_search_by_key(&(of, name.hash()), Affinity::key).ok();
        held.and_then(|at| self.held.get(at)).map_or(0, |held| self.decayed(held.score, step(now, self.half_life)))
    }

    /// The part of all scores of its kind, in millionths.
    pub(super) fn share(&self, of: Liked, name: &Key) -> i64 {
        let all = || self.held.iter().filter(|held| held.of == of);
        let whole: u128 = all().map(|held| u128::from(held.score)).sum();
        let part = all().find(|held| held.name == *name).map_or(0, |held| u128::from(held.score));
        (part * 1_000_000).checked_div(whole).map_or(0, |share| i64::try_from(share).unwrap_or(1_000_000))
    }

    /// Each with its score as of an instant, in millionths.
    pub(super) fn iter(&self, now: Instant) -> impl Iterator<Item = (Liked, &Key, i64)> {
        let step = step(now, self.half_life);
        self.held.iter().map(move |held| (held.of, &held.name, self.decayed(held.score, step)))
    }

    /// The first instant after `now` at which a score has fallen to a value of which `fallen` holds, as it then does of
    /// all smaller ones.
    pub(super) fn falls(&self, of: Liked, name: &Key, now: Instant, fallen: impl Fn(i64) -> bool) -> Option<Instant> {
        let held = self.held.iter().find(|held| held.of == of && held.name == *name)?;
        let is = |step| fallen(self.decayed(held.score, step));
        let mut before = step(now, self.half_life);
        // After a hundred halvings nothing is left of any score.
        let mut after = before.max(self.landmark * STEPS) + 100 * STEPS;
        if !is(after) {
            return None;
        }
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if is(middle) { after = middle } else { before = middle }
        }
        Some(begin(after, self.half_life)).filter(|at| *at > now)
    }

    fn decayed(&self, score: u64, step: i64) -> i64 {
        // Before its landmark, in a log read as of an earlier instant, a score is what it was there.
        let steps = (step - self.landmark * STEPS).max(0);
        let now = u128::from(score) * u128::from(factor(&DECAY, steps)) * 1_000_000;
        let halvings = u32::try_from(steps / STEPS).unwrap_or(u32::MAX).saturating_add(2 * UNIT_BITS + SPARE_BITS);
        i64::try_from(now.checked_shr(halvings).unwrap_or(0)).unwrap_or(i64::MAX)
    }

    /// Tells the scores as of a later period; what has become nothing is forgotten.
    fn advance(&mut self, period: i64) {
        let halvings = period - self.landmark;
        if halvings > 0 {
            self.held.iter_mut().for_each(|held| held.score = shifted(held.score, halvings));
            self.held.retain(|held| held.score > 0);
            self.landmark = period;
        }
    }

    /// Scores go on from what they are under another half-life.
    fn rebase(&mut self, half_life: u16) {
        if self.half_life != half_life && !self.held.is_empty() {
            let step = step(begin(self.landmark * STEPS, self.half_life), half_life);
            let grown = u128::from(factor(&GROWTH, step));
            let scaled = |score: u64| u64::try_from((u128::from(score) * grown) >> UNIT_BITS).unwrap_or(u64::MAX);
            self.held.iter_mut().for_each(|held| held.score = scaled(held.score));
            self.landmark = step.div_euclid(STEPS);
        }
        self.half_life = half_life;
    }

    /// Forgets the lowest of a kind that has too many; what was just added is kept, else nothing new would ever begin.
    fn trim(&mut self, of: Liked, added: u64) {
        while self.held.iter().filter(|held| held.of == of).count() > HELD {
            let rest = self.held.iter().enumerate().filter(|(_, held)| held.of == of && held.name.hash() != added);
            let Some(lowest) = rest.min_by_key(|(_, held)| (held.score, held.name.hash())).map(|(at, _)| at) else {
                return;
            };
            self.held.remove(lowest);
        }
    }
}

impl Affinity {
    fn key(&self) -> (Liked, u64) {
        (self.of, self.name.hash())
    }
}

/// Halved so many times.
fn shifted(score: u64, halvings: i64) -> u64 {
    u32::try_from(halvings).ok().and_then(|halvings| score.checked_shr(halvings)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::Span;
    use proptest::prelude::*;

    const HALF: u16 = 30;

    /// A day of a period that begins with 0.
    fn day(n: i64) -> Instant {
        Instant::from_millis(0) + Span::days(30 * 600 + n)
    }

    fn likes(signals: &[(i64, &str, u16)]) -> Affinities {
        let mut affinities = Affinities::default();
        for (n, name, weight) in signals {
            affinities.add(Liked::Category, name, *weight, day(*n), HALF);
        }
        affinities
    }

    fn score(affinities: &Affinities, name: &str, now: Instant) -> i64 {
        affinities.score(Liked::Category, &Key::new(name), now)
    }

    #[test]
    fn a_score_is_its_weight_at_first_and_halves_exactly_with_each_half_life() {
        for begin in 0..60 {
            let tea = likes(&[(begin, "tea", 5)]);
            let now = score(&tea, "tea", day(begin));
            assert!((5_000_000..=5_000_020).contains(&now), "{now}");
            assert_eq!(score(&tea, "tea", day(begin + 30)), now / 2);
            assert_eq!(score(&tea, "tea", day(begin + 60)), now / 4);
            assert_eq!(score(&tea, "tea", day(begin + 3_000)), 0);
        }
        // The sixteenth root of a half, and not a rounding of whatever a machine's float gives.
        assert_eq!(score(&likes(&[(0, "tea", 1)]), "tea", day(2)), 957_603);
    }

    #[test]
    fn promise_5_5_a_score_falls_below_a_value_at_an_exact_instant() {
        let tea = likes(&[(0, "tea", 4)]);
        let falls = |below: i64, now| tea.falls(Liked::Category, &Key::new("tea"), now, |score| score < below);
        let at = falls(1_000_000, day(0)).unwrap();
        // Two half-lives later it is exactly 1; the next step is below.
        assert_eq!(at, day(60) + Span::minutes(30 * 90));
        assert_eq!(score(&tea, "tea", at - Span::millis(1)), 1_000_000);
        assert!(score(&tea, "tea", at) < 1_000_000);
        assert_eq!(falls(0, day(0)), None);
    }

    #[test]
    fn only_the_strongest_of_a_kind_are_held_and_something_new_can_begin() {
        let names: Vec<String> = (0..30).map(|n| format!("c{n}")).collect();
        let mut all = likes(&[("tea", 90), ("coffee", 50)].map(|(name, weight)| (0, name, weight)));
        for name in &names {
            all.add(Liked::Category, name, 1, day(1), HALF);
            all.add(Liked::Brand, name, 1, day(1), HALF);
        }
        let held: Vec<&str> = all.held.iter().filter(|a| a.of == Liked::Category).map(|a| a.name.as_str()).collect();
        assert_eq!(held.len(), HELD);
        assert!(held.contains(&"tea") && held.contains(&"coffee") && held.contains(&"c29"));
        assert!(all.share(Liked::Category, &Key::new("tea")) > 500_000);
    }

    #[test]
    fn scores_go_on_under_another_half_life() {
        let mut tea = likes(&[(7, "tea", 8)]);
        let before = score(&tea, "tea", day(7));
        tea.add(Liked::Category, "coffee", 1, day(7), 45);
        let after = score(&tea, "tea", day(7));
        // What it was at the landmark falls more slowly from there.
        assert!((after - before).abs() < before / 10, "{before} {after}");
        assert_eq!(score(&tea, "tea", day(7 + 45)), after / 2);
    }

    proptest! {
        #[test]
        fn affinities_are_the_same_in_any_order_and_however_records_merge(
            signals in proptest::collection::vec((0..360_i64, 0..6_usize, 1..10_u16, 0..3_usize), 0..40), seed in any::<u64>()
        ) {
            let names = ["tea", "coffee", "cups", "pots", "honey", "milk"];
            let all: Vec<_> = signals.iter().map(|(day, name, weight, _)| (*day, names[*name], *weight)).collect();
            let mut shuffled = all.clone();
            shuffled.sort_by_key(|signal| Key::hash_of(&format!("{seed} {signal:?}")));
            let whole = likes(&all);
            prop_assert!(likes(&shuffled) == whole);
            let part = |n: usize| {
                let chosen: Vec<_> = signals.iter().zip(&all).filter(|((.., p), _)| *p == n).map(|(_, s)| *s).collect();
                likes(&chosen)
            };
            for order in [[0, 1, 2], [2, 0, 1]] {
                let mut merged = Affinities::default();
                order.into_iter().for_each(|n| merged.absorb(part(n)));
                prop_assert!(merged == whole);
            }
            // Each signal by itself, as whole numbers.
            let now = day(400);
            let naive = |name: &str| -> f64 {
                all.iter().filter(|s| s.1 == name).map(|s| {
                    let steps = (step(now, HALF) - step(day(s.0), HALF)) as f64;
                    f64::from(s.2) * (-steps / 16.0).exp2()
                }).sum()
            };
            for name in names {
                let (found, wanted) = (score(&whole, name, now) as f64 / 1e6, naive(name));
                prop_assert!((found - wanted).abs() <= wanted * 4e-6 + 2e-6, "{name}: {found} {wanted}");
            }
        }
    }
}
