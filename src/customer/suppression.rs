//! What must not be reached, on whatever record (promise 4.3): an entry of the suppression list, and what changes it.

use super::{BlockReason, MessageClass};
use crate::primitives::{Instant, PointHash};

/// What a suppression list says of one contact point.
///
/// [`BlockReason::OptOut`] and [`BlockReason::Complaint`] stop marketing; every other reason stops transactional messages
/// as well. Both may stand side by side: when the one is lifted, the other holds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suppression {
    all: Option<Block>,
    marketing: Option<Block>,
}

/// One reason, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Block {
    /// Why.
    pub reason: BlockReason,
    /// Since when.
    pub since: Instant,
}

/// A change of a suppression list. [`after`](Self::after) is what a store does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuppressionChange {
    /// Which contact point.
    pub point: PointHash,
    /// What becomes of it.
    pub what: Suppress,
}

/// What becomes of a contact point on a suppression list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suppress {
    /// Nothing goes there from now on, as far as the reason says.
    Add(Block),
    /// The customer gave it anew at this instant: an erasure before it is over.
    Given(Instant),
    /// The customer allowed messages to it at this instant: erasures, opt-outs and complaints before it are over.
    Allowed(Instant),
    /// The host takes it off, whatever the reason was.
    Remove,
}

impl Suppress {
    /// Whether it is of one channel alone: an opt-out, or what lifts it. All else is of the contact point, whatever is sent
    /// there.
    pub(crate) fn is_of_one_channel(&self) -> bool {
        match self {
            Suppress::Add(block) => !block.reason.stops_all(),
            Suppress::Allowed(_) => true,
            Suppress::Given(_) | Suppress::Remove => false,
        }
    }
}

impl Suppression {
    /// What stops a message of this class, if anything does.
    pub fn stops(&self, class: MessageClass) -> Option<Block> {
        self.all.or(self.marketing.filter(|_| class == MessageClass::Marketing))
    }

    /// All that is said: what stops every message, and what stops marketing.
    pub fn blocks(&self) -> impl Iterator<Item = Block> {
        self.all.into_iter().chain(self.marketing)
    }
}

impl SuppressionChange {
    /// What the list says of the contact point afterwards, given what it said before. It does not depend on the order of
    /// additions: of two of one strength the stronger reason stands, then the later.
    pub fn after(&self, before: Option<Suppression>) -> Option<Suppression> {
        let mut entry = before.unwrap_or(Suppression { all: None, marketing: None });
        match self.what {
            Suppress::Add(block) => {
                let held = if block.reason.stops_all() { &mut entry.all } else { &mut entry.marketing };
                let rank = |block: &Block| (block.reason, block.since);
                *held = held.iter().copied().chain([block]).max_by_key(rank);
            }
            Suppress::Given(at) => {
                entry.all.take_if(|block| block.reason == BlockReason::Erased && block.since < at);
            }
            Suppress::Allowed(at) => {
                entry.all.take_if(|block| block.reason == BlockReason::Erased && block.since < at);
                entry.marketing.take_if(|block| block.since < at);
            }
            Suppress::Remove => return None,
        }
        entry.blocks().next().is_some().then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{ChannelKind, ContactPoint};
    use proptest::prelude::*;

    fn change(what: Suppress) -> SuppressionChange {
        let point = ContactPoint::email("anna@shop.example").unwrap();
        SuppressionChange { point: PointHash::new(&ChannelKind::Email, &point), what }
    }

    fn add(reason: BlockReason, since: i64) -> SuppressionChange {
        change(Suppress::Add(Block { reason, since: Instant::from_millis(since) }))
    }

    fn fold(changes: &[SuppressionChange]) -> Option<Suppression> {
        changes.iter().fold(None, |entry, change| change.after(entry))
    }

    fn reasons(entry: Option<Suppression>) -> [Option<BlockReason>; 2] {
        [MessageClass::Transactional, MessageClass::Marketing]
            .map(|class| entry.and_then(|entry| entry.stops(class)).map(|block| block.reason))
    }

    #[test]
    fn promise_4_3_an_opt_out_stops_marketing_and_a_bounce_everything() {
        use BlockReason::{Complaint, Erased, HardBounce, OptOut};
        assert_eq!(reasons(fold(&[add(OptOut, 5)])), [None, Some(OptOut)]);
        assert_eq!(reasons(fold(&[add(Complaint, 5)])), [None, Some(Complaint)]);
        assert_eq!(reasons(fold(&[add(HardBounce, 5)])), [Some(HardBounce); 2]);
        let both = fold(&[add(OptOut, 5), add(Erased, 6)]);
        assert_eq!(reasons(both), [Some(Erased); 2]);
        let given = change(Suppress::Given(Instant::from_millis(7))).after(both);
        assert_eq!(reasons(given), [None, Some(OptOut)], "who comes back is still opted out");
        let allowed = change(Suppress::Allowed(Instant::from_millis(7))).after(both);
        assert_eq!(allowed, None);
    }

    #[test]
    fn promise_2_4_what_is_dated_before_lifts_nothing() {
        for what in [Suppress::Given(Instant::from_millis(6)), Suppress::Allowed(Instant::from_millis(6))] {
            let entry = fold(&[add(BlockReason::OptOut, 6), add(BlockReason::Erased, 6)]);
            assert_eq!(change(what).after(entry), entry, "{what:?}");
            let bounced = fold(&[add(BlockReason::HardBounce, 1)]);
            assert_eq!(change(what).after(bounced), bounced, "nobody's word mends a mailbox");
        }
        assert_eq!(change(Suppress::Remove).after(fold(&[add(BlockReason::HardBounce, 1)])), None);
    }

    proptest! {
        #[test]
        fn additions_come_in_any_order(
            said in proptest::collection::vec((0..6usize, 0..20i64), 1..8), rotate in 0..8usize
        ) {
            let all = [
                BlockReason::HardBounce, BlockReason::Invalid, BlockReason::Host,
                BlockReason::Erased, BlockReason::OptOut, BlockReason::Complaint,
            ];
            let said: Vec<SuppressionChange> = said.into_iter().map(|(n, at)| add(all[n], at)).collect();
            let mut turned = said.clone();
            turned.rotate_left(rotate.min(said.len()));
            turned.reverse();
            prop_assert_eq!(fold(&said), fold(&turned));
        }
    }
}
