//! Which segments a customer is in, and until when that is known.

use crate::primitives::Instant;

/// A customer's standing in every segment that has one to speak of: inside, or outside and about to be asked again. The
/// others are outside, and time alone never changes that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memberships(Vec<Standing>);

/// The standing in one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The stable hash of the segment's name, its lowest bit replaced by whether the customer is inside: with a hundred
    /// million customers a byte of each is a hundred megabytes.
    tag: u64,
    /// When to ask again; [`Instant::MAX`] is never.
    until: Instant,
}

const INSIDE: u64 = 1;

/// Where a segment's standing is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(Result<usize, usize>);

impl Standing {
    pub(crate) fn new(segment: u64, inside: bool, until: Instant) -> Self {
        Standing { tag: (segment & !INSIDE) | u64::from(inside), until }
    }

    /// From what a stored record kept.
    pub(crate) fn from_parts(tag: u64, until: Instant) -> Self {
        Standing { tag, until }
    }

    /// What a stored record keeps.
    pub(crate) fn parts(self) -> (u64, Instant) {
        (self.tag, self.until)
    }

    pub(crate) fn inside(self) -> bool {
        self.tag & INSIDE != 0
    }

    pub(crate) fn until(self) -> Instant {
        self.until
    }

    /// The segment, as [`Memberships::normal`] has it.
    pub(crate) fn segment(self) -> u64 {
        self.tag & !INSIDE
    }
}

impl Memberships {
    /// Whether the customer is in the segment of this hash.
    pub fn contains(&self, segment: u64) -> bool {
        self.standing(segment).is_some_and(Standing::inside)
    }

    /// How many segments the customer is in.
    pub fn len(&self) -> usize {
        self.0.iter().filter(|standing| standing.inside()).count()
    }

    /// Whether the customer is in none.
    pub fn is_empty(&self) -> bool {
        !self.0.iter().any(|standing| standing.inside())
    }

    /// A segment's hash without the bit that a standing does not keep: two names meet with a chance of 1 in 2^63.
    pub(crate) fn normal(segment: u64) -> u64 {
        segment & !INSIDE
    }

    pub(crate) fn standing(&self, segment: u64) -> Option<Standing> {
        self.at(self.place(segment))
    }

    /// Where a segment's standing is, or would be: until some standing is set.
    pub(crate) fn place(&self, segment: u64) -> Place {
        let segment = Self::normal(segment);
        Place(self.0.binary_search_by_key(&segment, |standing| standing.segment()))
    }

    /// The standing in a place.
    pub(crate) fn at(&self, Place(place): Place) -> Option<Standing> {
        place.ok().and_then(|at| self.0.get(at)).copied()
    }

    /// Makes room for standings in so many segments, or gives back what was not needed.
    pub(crate) fn make_room(&mut self, segments: usize) {
        match segments.checked_sub(self.0.len()) {
            Some(more) => self.0.reserve_exact(more),
            None => self.0.shrink_to_fit(),
        }
    }

    /// Takes a standing; one that says nothing is forgotten.
    pub(crate) fn set(&mut self, standing: Standing) {
        self.set_at(self.place(standing.tag), standing);
    }

    /// The same, in the place that the segment's standing has.
    pub(crate) fn set_at(&mut self, Place(place): Place, standing: Standing) {
        let tells = standing.inside() || standing.until < Instant::MAX;
        match (place, tells) {
            (Ok(at), true) => {
                if let Some(known) = self.0.get_mut(at) {
                    *known = standing;
                }
            }
            (Ok(at), false) => {
                self.0.remove(at);
            }
            (Err(at), true) => super::column::insert_tight(&mut self.0, at, standing),
            (Err(_), false) => {}
        }
    }

    /// The earliest instant at which some segment is to be asked again; [`Instant::MAX`] if none.
    pub(crate) fn next(&self) -> Instant {
        self.0.iter().map(|standing| standing.until).min().unwrap_or(Instant::MAX)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Standing> + '_ {
        self.0.iter().copied()
    }

    /// From a stored record, in any order; of two of one segment the first stands.
    pub(crate) fn from_list(mut list: Vec<Standing>) -> Self {
        list.sort_by_key(|standing| standing.segment());
        list.dedup_by_key(|standing| standing.segment());
        Memberships(list)
    }

    /// In whatever segment one of both was, the customer is until it is asked anew.
    pub(crate) fn absorb(&mut self, other: Memberships) {
        for theirs in other.0.into_iter().filter(|theirs| theirs.inside()) {
            if !self.contains(theirs.tag) {
                self.set(theirs);
            }
        }
    }

    /// Forgets segments that are no longer defined.
    pub(crate) fn retain(&mut self, known: impl Fn(u64) -> bool) {
        self.0.retain(|standing| known(standing.segment()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn standings_agree_with_a_naive_map(said in proptest::collection::vec((0..12u64, any::<bool>(), 0..5i64), 0..60)) {
            let mut naive: BTreeMap<u64, (bool, Instant)> = BTreeMap::new();
            let mut memberships = Memberships::default();
            for (segment, inside, until) in said {
                let until = if until == 0 { Instant::MAX } else { Instant::from_millis(until) };
                // Spread like hashes: the lowest bit is no part of the name.
                let hash = segment.wrapping_mul(0x9e37_79b9_7f4a_7c15) << 1;
                memberships.set(Standing::new(hash | (segment & 1), inside, until));
                naive.insert(hash, (inside, until));
            }
            for (hash, (inside, until)) in &naive {
                prop_assert_eq!(memberships.contains(*hash), *inside);
                let known = memberships.standing(*hash).map_or(Instant::MAX, Standing::until);
                prop_assert_eq!(known, *until);
            }
            prop_assert_eq!(memberships.len(), naive.values().filter(|(inside, _)| *inside).count());
            prop_assert_eq!(memberships.next(), naive.values().map(|(_, until)| *until).min().unwrap_or(Instant::MAX));
            prop_assert_eq!(Memberships::from_list(memberships.iter().collect()), memberships);
        }
    }
}
