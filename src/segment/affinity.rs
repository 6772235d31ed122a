//! The condition on what a customer likes: `affinity`.

use std::fmt;
use std::ops::Bound;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::range::{Range, number};
use super::{Facts, Membership};
use crate::customer::Liked;
use crate::primitives::Key;
use crate::primitives::fault::Node;

/// `{"affinity": {"category": "tea", "share": {"at_least": "0.5"}}}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AffinityCondition {
    of: Liked,
    name: Key,
    by: By,
    /// In millionths.
    range: Range<Decimal>,
}

/// By what a liking is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The part of all of its kind, from 0 to 1.
    Share,
    /// Views made just now that it is worth.
    Score,
}

impl AffinityCondition {
    pub(super) fn decode(field: &Node<'_>) -> Option<AffinityCondition> {
        let object = field.object(&["category", "brand", "share", "score"])?;
        let one = |a: &str, b: &str| match (object.get(a), object.get(b)) {
            (Some(node), None) => Some((true, node)),
            (None, Some(node)) => Some((false, node)),
            _ => {
                field.fault(format!("expected either `{a}` or `{b}`"));
                None
            }
        };
        let (liked, by) = (one("category", "brand"), one("share", "score"));
        let range = by.and_then(|(share, node)| {
            let range = Range::decode(&node.object(&Range::OPERATORS)?, |node| node.decimal())?;
            Some((if share { By::Share } else { By::Score }, range))
        });
        let (category, name) = liked?;
        let name = name.key();
        let (by, range) = range?;
        Some(AffinityCondition { of: if category { Liked::Category } else { Liked::Brand }, name: name?, by, range })
    }

    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        let mut limits = Map::new();
        self.range.write(&mut limits, number);
        let (of, by) = self.names();
        out.insert("affinity".to_owned(), json!({of: self.name, by: limits}));
    }

    /// What is liked, and by what that is measured.
    fn names(&self) -> (&'static str, &'static str) {
        let of = match self.of {
            Liked::Category => "category",
            Liked::Brand => "brand",
        };
        let by = match self.by {
            By::Share => "share",
            By::Score => "score",
        };
        (of, by)
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        let Some(figures) = facts.who.figures() else { return Membership::steady(false) };
        if self.by == By::Share {
            return Membership::steady(self.holds(figures.affinity_share(self.of, &self.name)));
        }
        let score = figures.affinity(self.of, &self.name, facts.now);
        let (high, low) = (self.above(score), self.below(score));
        // A score only falls: it comes from above into the range, and leaves it below.
        let next = if low {
            None
        } else if high {
            figures.affinity_falls(self.of, &self.name, facts.now, |score| !self.above(score))
        } else {
            figures.affinity_falls(self.of, &self.name, facts.now, |score| self.below(score))
        };
        Membership::steady(!high && !low).sooner(next)
    }

    fn holds(&self, millionths: i64) -> bool {
        self.range.contains(Decimal::new(millionths, 6))
    }

    fn above(&self, millionths: i64) -> bool {
        let value = Decimal::new(millionths, 6);
        match self.range.high {
            Bound::Included(high) => value > high,
            Bound::Excluded(high) => value >= high,
            Bound::Unbounded => false,
        }
    }

    fn below(&self, millionths: i64) -> bool {
        !self.above(millionths) && !self.holds(millionths)
    }
}

impl fmt::Display for AffinityCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (of, by) = self.names();
        write!(f, "the {by} of the {of} {} is {}", self.name, self.range)
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{day, faults, inside, outside, rule};
    use super::super::{Membership, Segment};
    use crate::customer::{FigureRules, Profile};
    use crate::event::Event;
    use crate::primitives::{CustomerId, Span};
    use serde_json::{Value as Json, json};

    #[test]
    fn promise_5_5_an_affinity_fades_at_the_exact_instant_and_a_share_does_not() {
        let mut who = Profile::new(CustomerId::new("anna"), day(0));
        for (n, name, category) in
            [(0, "Product Added", "tea"), (0, "Product Viewed", "tea"), (0, "Product Viewed", "cups")]
        {
            let event = Event::track(name).property("category", category);
            who.figures.observe(&event, day(n), &FigureRules::default(), "EUR".parse().unwrap());
        }
        let ask = |json: Json, now| -> Membership { rule(json).evaluate(&who, now) };
        let share = json!({"affinity": {"category": "tea", "share": {"at_least": "0.8"}}});
        assert_eq!(ask(share.clone(), day(0)), inside(None));
        assert_eq!(ask(share.clone(), day(200)), inside(None));
        // 4 at first, 2 after 30 days, and less at the next step of a sixteenth of that.
        let step = Span::minutes(30 * 90);
        let score = |range: Json| json!({"affinity": {"category": "tea", "score": range}});
        let falls = day(30) + step;
        assert_eq!(ask(score(json!({"at_least": 2})), day(10)), inside(Some(falls)));
        assert_eq!(ask(score(json!({"at_least": 2})), falls), outside(None));
        assert_eq!(ask(score(json!({"at_most": 2})), day(10)), outside(Some(day(30))));
        assert_eq!(ask(score(json!({"between": [1, 2]})), day(30)), inside(Some(day(60) + step)));
        assert_eq!(ask(json!({"affinity": {"brand": "tea", "score": {"above": 0}}}), day(1)), outside(None));
        assert_eq!(rule(share).to_string(), "the share of the category tea is at least 0.8");
    }

    #[test]
    fn an_affinity_is_of_one_thing_by_one_measure() {
        let text = faults(json!({"affinity": {"category": "tea", "brand": "x", "score": {"at_leest": 1}}}));
        assert!(text.contains("either `category` or `brand`") && text.contains("did you mean `at_least`?"), "{text}");
        assert!(faults(json!({"affinity": {"category": "tea"}})).contains("either `share` or `score`"));
    }
}
