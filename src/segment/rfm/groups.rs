//! Named groups of RFM scores.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::Serialize;

use super::RfmScore;

/// A name for the scores that lie in three ranges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RfmGroup {
    /// Its name.
    pub name: Arc<str>,
    /// The lowest and the highest band of recency.
    pub recency: [u8; 2],
    /// The same of frequency.
    pub frequency: [u8; 2],
    /// The same of money.
    pub monetary: [u8; 2],
}

/// The eleven groups that the field usually names, after those of Putler and Optimove, for five bands. They are told by
/// frequency and recency, money deciding for champions and for those who must not be lost; each score lies in one of them.
const USUAL: [(&str, [[u8; 2]; 3]); 11] = [
    ("champions", [[4, 5], [4, 5], [4, 5]]),
    ("loyal", [[3, 5], [4, 5], [1, 5]]),
    ("at_risk", [[1, 2], [4, 5], [1, 5]]),
    ("cannot_lose", [[1, 2], [1, 3], [4, 5]]),
    ("potential_loyalists", [[4, 5], [2, 3], [1, 5]]),
    ("new_customers", [[5, 5], [1, 1], [1, 5]]),
    ("promising", [[4, 4], [1, 1], [1, 5]]),
    ("need_attention", [[3, 3], [2, 3], [1, 5]]),
    ("about_to_sleep", [[3, 3], [1, 1], [1, 5]]),
    ("hibernating", [[2, 2], [1, 3], [1, 3]]),
    ("lost", [[1, 1], [1, 3], [1, 3]]),
];

impl RfmGroup {
    /// A group of the bands in these ranges.
    pub fn new(
        name: impl Into<Arc<str>>,
        recency: RangeInclusive<u8>,
        frequency: RangeInclusive<u8>,
        monetary: RangeInclusive<u8>,
    ) -> Self {
        let ends = |range: RangeInclusive<u8>| [*range.start(), *range.end()];
        RfmGroup { name: name.into(), recency: ends(recency), frequency: ends(frequency), monetary: ends(monetary) }
    }

    /// The usual groups of five bands; of another number there are none.
    pub fn usual(bands: u8) -> Vec<RfmGroup> {
        let usual = if bands == 5 { &USUAL[..] } else { &[] };
        let group = |(name, [recency, frequency, monetary]): &(&str, [[u8; 2]; 3])| RfmGroup {
            name: Arc::from(*name),
            recency: *recency,
            frequency: *frequency,
            monetary: *monetary,
        };
        usual.iter().map(group).collect()
    }

    /// Whether a score lies in the group.
    pub fn holds(&self, score: RfmScore) -> bool {
        let within = |[low, high]: [u8; 2], band: u8| (low..=high).contains(&band);
        within(self.recency, score.recency)
            && within(self.frequency, score.frequency)
            && within(self.monetary, score.monetary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_score_of_five_bands_has_exactly_one_usual_group_but_champions_who_are_loyal_too() {
        let groups = RfmGroup::usual(5);
        for n in 0..125_u8 {
            let score = RfmScore { recency: n / 25 + 1, frequency: n / 5 % 5 + 1, monetary: n % 5 + 1 };
            let names: Vec<&str> = groups.iter().filter(|group| group.holds(score)).map(|group| &*group.name).collect();
            assert!(names.len() == 1 || names == ["champions", "loyal"], "{score:?}: {names:?}");
        }
    }
}
