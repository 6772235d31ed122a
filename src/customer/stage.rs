//! Where a customer stands: in the buyer's journey, and in life as a customer. Both change by time alone (promise 5.5).

use crate::primitives::{Instant, Span};

/// Where a customer stands on the way to the next order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BuyerStage {
    /// Nothing more is known than that they are there.
    Awareness,
    /// They look at products.
    Consideration,
    /// They have something in the cart, or are checking out.
    Decision,
    /// They have bought.
    PostPurchase,
}

impl BuyerStage {
    /// All of them, with their names.
    pub(crate) const NAMES: [(&'static str, BuyerStage); 4] = [
        ("awareness", BuyerStage::Awareness),
        ("consideration", BuyerStage::Consideration),
        ("decision", BuyerStage::Decision),
        ("post_purchase", BuyerStage::PostPurchase),
    ];
}

/// Where a customer stands in life as a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Came, or bought first, a short time ago.
    New,
    /// Neither new nor anything below.
    Active,
    /// Bought often.
    Loyal,
    /// Has not bought for long.
    AtRisk,
    /// Has not bought for very long.
    Dormant,
    /// Was dormant, and bought again.
    WonBack,
}

impl Lifecycle {
    /// All of them, with their names.
    pub(crate) const NAMES: [(&'static str, Lifecycle); 6] = [
        ("new", Lifecycle::New),
        ("active", Lifecycle::Active),
        ("loyal", Lifecycle::Loyal),
        ("at_risk", Lifecycle::AtRisk),
        ("dormant", Lifecycle::Dormant),
        ("won_back", Lifecycle::WonBack),
    ];
}

/// For how long each stage of the buyer's journey lasts, from its latest sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuyerStages {
    /// After a product was looked at (30 days).
    pub consideration: Span,
    /// After something was put into the cart (7 days); then it is consideration again.
    pub decision: Span,
    /// After an order (30 days), unless a new decision begins.
    pub post_purchase: Span,
}

impl Default for BuyerStages {
    fn default() -> Self {
        BuyerStages { consideration: Span::days(30), decision: Span::days(7), post_purchase: Span::days(30) }
    }
}

/// The thresholds of the lifecycle. A buyer is measured by orders that count, anybody else by visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleStages {
    /// For how long somebody is new, from the first order, or the first visit (30 days).
    pub new_for: Span,
    /// From how many orders on a buyer is loyal (3).
    pub loyal_orders: u32,
    /// From how long after the latest order, or visit, somebody is at risk (90 days).
    pub at_risk_after: Span,
    /// From how long after it somebody is dormant (180 days).
    pub dormant_after: Span,
    /// For how long a dormant buyer who bought again is won back (60 days).
    pub won_back_for: Span,
}

impl Default for LifecycleStages {
    fn default() -> Self {
        LifecycleStages {
            new_for: Span::days(30),
            loyal_orders: 3,
            at_risk_after: Span::days(90),
            dormant_after: Span::days(180),
            won_back_for: Span::days(60),
        }
    }
}

/// A stage, and when it changes if nothing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed<T> {
    /// The stage.
    pub stage: T,
    /// The exact instant at which time alone changes it; `None`: never.
    pub until: Option<Instant>,
}

/// The stage at `now`, and the first of the instants `turns` after it at which it is another.
fn timed<T: PartialEq>(
    now: Instant,
    stage: impl Fn(Instant) -> T,
    turns: impl Iterator<Item = Instant> + Clone,
) -> Timed<T> {
    let present = stage(now);
    let mut until = None;
    let mut after = now;
    while let Some(turn) = turns.clone().filter(|turn| *turn > after).min() {
        if stage(turn) != present {
            until = Some(turn);
            break;
        }
        after = turn;
    }
    Timed { stage: present, until }
}

/// The signs of the buyer's journey: the latest of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signs {
    pub(super) considered: Option<Instant>,
    pub(super) decided: Option<Instant>,
    pub(super) bought: Option<Instant>,
}

impl BuyerStages {
    pub(super) fn of(&self, signs: Signs, now: Instant) -> Timed<BuyerStage> {
        let Signs { considered, decided, bought } = signs;
        let stage = |at: Instant| {
            let lasts = |sign: Option<Instant>, span: Span| sign.is_some_and(|sign| sign <= at && at < sign + span);
            // An order fulfils what came before it.
            let open = |sign: &Instant| bought.is_none_or(|bought| *sign > bought || at < bought);
            let decided = decided.filter(open);
            let considered = considered.filter(open);
            if lasts(decided, self.decision) {
                BuyerStage::Decision
            } else if lasts(bought, self.post_purchase) {
                BuyerStage::PostPurchase
            } else if lasts(considered, self.consideration) || lasts(decided, self.consideration) {
                BuyerStage::Consideration
            } else {
                BuyerStage::Awareness
            }
        };
        let turns = [
            (decided, Span::ZERO),
            (decided, self.decision),
            (decided, self.consideration),
            (considered, Span::ZERO),
            (considered, self.consideration),
            (bought, Span::ZERO),
            (bought, self.post_purchase),
        ];
        timed(now, stage, turns.into_iter().filter_map(|(sign, span)| Some(sign? + span)))
    }
}

/// What the lifecycle is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    /// The first order, or visit.
    pub(super) first: Instant,
    /// The latest order, or visit.
    pub(super) last: Instant,
    /// The latest order but one.
    pub(super) previous: Option<Instant>,
    pub(super) orders: u32,
}

impl LifecycleStages {
    pub(super) fn of(&self, life: Life, now: Instant) -> Timed<Lifecycle> {
        let Life { first, last, previous, orders } = life;
        let was_dormant = previous.is_some_and(|previous| last - previous >= self.dormant_after);
        let stage = |at: Instant| {
            if at >= last + self.dormant_after {
                Lifecycle::Dormant
            } else if at >= last + self.at_risk_after {
                Lifecycle::AtRisk
            } else if was_dormant && at < last + self.won_back_for {
                Lifecycle::WonBack
            } else if orders >= self.loyal_orders {
                Lifecycle::Loyal
            } else if at < first + self.new_for {
                Lifecycle::New
            } else {
                Lifecycle::Active
            }
        };
        let turns =
            [first + self.new_for, last + self.won_back_for, last + self.at_risk_after, last + self.dormant_after];
        timed(now, stage, turns.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(n: i64) -> Instant {
        Instant::from_millis(0) + Span::days(n)
    }

    const BEFORE: Span = Span::millis(1);

    #[test]
    fn promise_5_5_a_decision_falls_back_and_an_order_is_remembered_at_the_exact_instants() {
        use BuyerStage::*;
        let stages = BuyerStages::default();
        let at = |considered: Option<i64>, decided: Option<i64>, bought: Option<i64>, now: Instant| {
            let signs = Signs { considered: considered.map(day), decided: decided.map(day), bought: bought.map(day) };
            let Timed { stage, until } = stages.of(signs, now);
            (stage, until)
        };
        assert_eq!(at(None, None, None, day(1)), (Awareness, None));
        // Looked on day 1, put into the cart on day 2.
        assert_eq!(at(Some(1), Some(2), None, day(2)), (Decision, Some(day(9))));
        assert_eq!(at(Some(1), Some(2), None, day(9) - BEFORE), (Decision, Some(day(9))));
        assert_eq!(at(Some(1), Some(2), None, day(9)), (Consideration, Some(day(32))));
        assert_eq!(at(Some(1), Some(2), None, day(32)), (Awareness, None));
        // Bought on day 3: what came before is fulfilled, and a look since does not end the time after it.
        assert_eq!(at(Some(1), Some(2), Some(3), day(3)), (PostPurchase, Some(day(33))));
        assert_eq!(at(Some(20), Some(2), Some(3), day(21)), (PostPurchase, Some(day(33))));
        assert_eq!(at(Some(20), Some(2), Some(3), day(33)), (Consideration, Some(day(50))));
        // A new cart does.
        assert_eq!(at(Some(20), Some(25), Some(3), day(25)), (Decision, Some(day(32))));
        assert_eq!(at(Some(20), Some(25), Some(3), day(32)), (PostPurchase, Some(day(33))));
    }

    #[test]
    fn promise_5_5_the_lifecycle_moves_at_the_exact_instants() {
        use Lifecycle::*;
        let stages = LifecycleStages::default();
        let at = |first, last, previous: Option<i64>, orders, now| {
            let life = Life { first: day(first), last: day(last), previous: previous.map(day), orders };
            let Timed { stage, until } = stages.of(life, now);
            (stage, until)
        };
        assert_eq!(at(0, 0, None, 1, day(0)), (New, Some(day(30))));
        assert_eq!(at(0, 0, None, 1, day(30) - BEFORE), (New, Some(day(30))));
        assert_eq!(at(0, 0, None, 1, day(30)), (Active, Some(day(90))));
        assert_eq!(at(0, 0, None, 1, day(90)), (AtRisk, Some(day(180))));
        assert_eq!(at(0, 0, None, 1, day(180)), (Dormant, None));
        assert_eq!(at(0, 10, Some(5), 3, day(10)), (Loyal, Some(day(100))));
        // Bought again after 180 days.
        assert_eq!(at(0, 180, Some(0), 2, day(180)), (WonBack, Some(day(240))));
        assert_eq!(at(0, 180, Some(0), 2, day(240)), (Active, Some(day(270))));
        assert_eq!(at(0, 179, Some(0), 2, day(180)), (Active, Some(day(269))));
        assert_eq!(at(0, 180, Some(0), 9, day(240)), (Loyal, Some(day(270))));
    }

    proptest! {
        /// Whatever the thresholds: asked on any later day, a stage is what it was until `until`, and another then.
        #[test]
        fn promise_5_5_a_stage_changes_exactly_when_it_says(
            spans in proptest::array::uniform4(1..60_i64), signs in proptest::array::uniform3(proptest::option::of(0..40_i64)),
            now in 40..60_i64
        ) {
            let [a, b, c, d] = spans.map(Span::days);
            let higher = Span::days(spans[0].max(spans[1]) + 1);
            let signs = Signs { considered: signs[0].map(day), decided: signs[1].map(day), bought: signs[2].map(day) };
            let buyer = BuyerStages { consideration: a, decision: b, post_purchase: c };
                        let lifecycle = LifecycleStages { at_risk_after: a.min(b), dormant_after: higher, won_back_for: c, new_for: d, loyal_orders: 2 };
            let (first, last) = (signs.considered.unwrap_or(day(0)), signs.decided.unwrap_or(day(0)));
            let life = Life { first: first.min(last), last: first.max(last), previous: signs.bought, orders: 1 };
            let days = || (now..now + 130).map(day);
            let first = buyer.of(signs, day(now));
            prop_assert_eq!(first.until, days().find(|at| buyer.of(signs, *at).stage != first.stage));
            let first = lifecycle.of(life, day(now));
            prop_assert_eq!(first.until, days().find(|at| lifecycle.of(life, *at).stage != first.stage));
        }
    }
}
