//! Where a customer is reached, and what is blocked.

use std::sync::Arc;

use crate::primitives::{ChannelKind, ContactPoint, Instant};

/// Why nothing may go to a contact point (promise 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlockReason {
    /// The customer opted out of marketing there.
    OptOut,
    /// The customer complained of marketing there.
    Complaint,
    /// The customer was erased (promise 2.4).
    Erased,
    /// A hard bounce.
    HardBounce,
    /// The provider says that there is no such contact point.
    Invalid,
    /// The host blocked it.
    Host,
}

impl BlockReason {
    /// Whether it stops transactional messages as well as marketing.
    pub fn stops_all(self) -> bool {
        !matches!(self, BlockReason::OptOut | BlockReason::Complaint)
    }
}

/// One contact point of a customer. `Debug` is masked (promise 2.5).
#[derive(Clone, PartialEq, Eq)]
pub struct Point {
    /// The address, number or token.
    pub point: ContactPoint,
    /// What it is for: `Email`, `Sms` for any phone number, `Push`, `WebPush`, or a kind of the host's own.
    pub kind: ChannelKind,
    /// The kind of device, such as `ios`.
    pub device: Option<Arc<str>>,
    /// When it was last given or engaged from.
    pub fresh: Instant,
    /// Why nothing may go there.
    pub blocked: Option<BlockReason>,
}

impl std::fmt::Debug for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Point")
            .field("kind", &self.kind)
            .field("point", &self.point)
            .field("device", &self.device.is_some())
            .field("fresh", &self.fresh)
            .field("blocked", &self.blocked)
            .finish()
    }
}

/// A customer's contact points.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Points(Vec<Point>);

impl Points {
    /// Adds a point, or refreshes it.
    pub fn add(&mut self, kind: ChannelKind, point: ContactPoint, device: Option<Arc<str>>, at: Instant) {
        match self.0.iter_mut().find(|known| known.kind == kind && known.point == point) {
            Some(known) => {
                known.fresh = known.fresh.max(at);
                known.device = device.or(known.device.take());
            }
            None => {
                self.0.reserve_exact(1);
                self.0.push(Point { point, kind, device, fresh: at, blocked: None });
            }
        }
    }

    /// Where a channel of this kind reaches the customer: the freshest point that is not blocked, or the blocked one.
    pub fn best(&self, kind: &ChannelKind) -> Option<&Point> {
        // A phone number serves SMS and WhatsApp alike.
        let kind = if *kind == ChannelKind::WhatsApp { &ChannelKind::Sms } else { kind };
        self.0.iter().filter(|point| point.kind == *kind).max_by_key(|point| (point.blocked.is_none(), point.fresh))
    }

    /// Blocks a point; says whether it was there.
    pub fn block(&mut self, point: &ContactPoint, reason: BlockReason) -> bool {
        let mut found = false;
        for known in self.0.iter_mut().filter(|known| known.point == *point) {
            known.blocked = Some(reason);
            found = true;
        }
        found
    }

    /// Forgets a point.
    pub(crate) fn forget(&mut self, point: &ContactPoint) {
        self.0.retain(|known| known.point != *point);
    }

    /// Whether the point of this hash is blocked.
    pub fn is_blocked(&self, point: u64) -> bool {
        self.0.iter().any(|known| known.blocked.is_some() && known.point.hash() == point)
    }

    /// All points, in the order in which they became known.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Point> {
        self.0.iter()
    }

    /// From a stored record.
    pub(crate) fn from_list(points: Vec<Point>) -> Self {
        Points(points)
    }

    /// Takes the points of another: blocks stand. Afterwards the freshest is the last, whichever record had it.
    pub fn absorb(&mut self, other: Points) {
        for theirs in other.0 {
            match self.0.iter_mut().find(|known| known.kind == theirs.kind && known.point == theirs.point) {
                Some(known) => {
                    known.fresh = known.fresh.max(theirs.fresh);
                    known.blocked = known.blocked.max(theirs.blocked);
                    known.device = known.device.take().max(theirs.device);
                }
                None => self.0.push(theirs),
            }
        }
        // An address is blocked for whatever it is used.
        let blocked: Vec<(u64, BlockReason)> =
            self.0.iter().filter_map(|known| Some((known.point.hash(), known.blocked?))).collect();
        for known in &mut self.0 {
            let of = |(point, reason): &(u64, BlockReason)| (*point == known.point.hash()).then_some(*reason);
            known.blocked = blocked.iter().filter_map(of).max();
        }
        self.0.sort_by(|a, b| (a.fresh, &a.kind, a.point.as_str()).cmp(&(b.fresh, &b.kind, b.point.as_str())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_7_1_the_freshest_point_that_is_not_blocked_is_taken() {
        let at = Instant::from_millis;
        let point = |text: &str| ContactPoint::token(text).unwrap();
        let mut points = Points::default();
        for (n, token) in ["old", "new", "newest"].iter().enumerate() {
            points.add(ChannelKind::Push, point(token), None, at(n as i64));
        }
        points.block(&point("newest"), BlockReason::Invalid);
        assert_eq!(points.best(&ChannelKind::Push).unwrap().point, point("new"));
        points.add(ChannelKind::Push, point("old"), None, at(9));
        assert_eq!(points.best(&ChannelKind::Push).unwrap().point, point("old"));
        assert!(points.best(&ChannelKind::Email).is_none());
    }
}
