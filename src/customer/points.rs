//! Where a customer is reached, and what is blocked.

use crate::primitives::{ChannelKind, ContactPoint, DeviceKind, Instant, Span};

/// So many devices of a customer are kept; beyond, the one that was heard of least recently goes.
const MOST_DEVICES: usize = 10;
/// Firebase takes a token for expired after 270 days without a sign of the device, and rejects it from then on
/// (<https://firebase.google.com/docs/cloud-messaging/manage-tokens>).
const STALE: Span = Span::days(270);
/// So many tokens that were dropped are remembered.
const MOST_DROPPED: usize = 8;

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
    /// Whose token it is, as far as that is known.
    pub device: Option<Box<DeviceTag>>,
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

/// What is kept of a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct DeviceTag {
    /// What runs on it.
    pub kind: Option<DeviceKind>,
    /// The stable hash of its own id, by which a new token replaces the old one.
    pub id: Option<u64>,
}

/// A customer's contact points.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Points {
    list: Vec<Point>,
    dropped: Option<Box<Dropped>>,
}

/// Tokens that were dropped, by their hashes, each with the instant up to which nothing brings it back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dropped(pub(crate) Vec<(u64, Instant)>);

impl Points {
    /// Adds a point, or refreshes it; says whether the customer has it now.
    ///
    /// A device's new token replaces its old one. A token that was dropped comes back only if it is given again later.
    pub fn add(&mut self, kind: ChannelKind, point: ContactPoint, device: Option<DeviceTag>, at: Instant) -> bool {
        if kind.has_devices() && !self.takes(&kind, &point, device.as_ref(), at) {
            return false;
        }
        match self.list.iter_mut().find(|known| known.kind == kind && known.point == point) {
            Some(known) => {
                // What is said later of the device stands.
                let newer = at >= known.fresh;
                known.fresh = known.fresh.max(at);
                if let Some(said) = device {
                    let known = known.device.get_or_insert_default();
                    let (first, second) =
                        if newer { (said, std::mem::take(&mut **known)) } else { (std::mem::take(&mut **known), said) };
                    **known = DeviceTag { kind: first.kind.or(second.kind), id: first.id.or(second.id) };
                }
            }
            None => {
                self.list.reserve_exact(1);
                self.list.push(Point { point, kind, device: device.map(Box::new), fresh: at, blocked: None });
                self.bound();
            }
        }
        true
    }

    /// Whether a token that is given at an instant is to be kept; if so, the device's older one goes.
    fn takes(&mut self, kind: &ChannelKind, point: &ContactPoint, device: Option<&DeviceTag>, at: Instant) -> bool {
        if self.dropped.as_ref().is_some_and(|dropped| dropped.covers(point.hash(), at)) {
            return false;
        }
        let Some(id) = device.and_then(|device| device.id) else { return true };
        let same = |known: &&Point| known.kind == *kind && known.is_of(id) && known.point != *point;
        match self.list.iter().find(same).map(|known| (known.fresh, known.point.hash())) {
            Some((fresh, _)) if fresh > at => false,
            Some((_, old)) => self.drop(old, at),
            None => true,
        }
    }

    /// Where a channel of this kind reaches the customer: the freshest point that is not blocked, or the blocked one.
    pub fn best(&self, kind: &ChannelKind) -> Option<&Point> {
        self.of_kind(kind).max_by_key(|point| (point.blocked.is_none(), point.fresh))
    }

    /// The points that a channel of this kind reaches, in no particular order.
    pub fn of_kind<'p>(&'p self, kind: &ChannelKind) -> impl Iterator<Item = &'p Point> {
        // A phone number serves SMS and WhatsApp alike.
        let kind = if *kind == ChannelKind::WhatsApp { &ChannelKind::Sms } else { kind };
        self.list.iter().filter(move |point| point.kind == *kind)
    }

    /// The point of this kind and hash.
    pub fn find<'p>(&'p self, kind: &ChannelKind, point: u64) -> Option<&'p Point> {
        self.of_kind(kind).find(|known| known.point.hash() == point)
    }

    /// Takes engagement from the point of this hash for a sign that it is the customer's.
    pub fn refresh(&mut self, point: u64, at: Instant) {
        for known in self.list.iter_mut().filter(|known| known.point.hash() == point) {
            known.fresh = known.fresh.max(at);
        }
    }

    /// Blocks a point; says whether it was there.
    pub fn block(&mut self, point: &ContactPoint, reason: BlockReason) -> bool {
        let mut found = false;
        for known in self.list.iter_mut().filter(|known| known.point == *point) {
            known.blocked = Some(reason);
            found = true;
        }
        found
    }

    /// The provider says that there is nobody at the point of this hash: a token is dropped, any other point is blocked
    /// (promise 10.2). Says whether it was there.
    pub fn reject(&mut self, point: u64, reason: BlockReason, at: Instant) -> bool {
        let Some(known) = self.list.iter().find(|known| known.point.hash() == point) else { return false };
        if known.kind.has_devices() {
            return self.drop(point, at);
        }
        let address = known.point.clone();
        self.block(&address, reason)
    }

    /// Drops the token of this hash, as of an instant up to which nothing brings it back, unless it was heard of since; says
    /// whether it was there.
    pub fn drop(&mut self, token: u64, at: Instant) -> bool {
        let known = self.list.len();
        let goes = |known: &Point| known.kind.has_devices() && known.fresh <= at && known.point.hash() == token;
        self.list.retain(|known| !goes(known));
        self.dropped.get_or_insert_default().remember(token, at);
        self.list.len() < known
    }

    /// When the customer was last heard of on the device with this token, or it was dropped.
    pub(crate) fn heard_of(&self, token: u64) -> Option<Instant> {
        let held = self.list.iter().filter(|known| known.kind.has_devices() && known.point.hash() == token);
        let dropped = self.dropped().iter().filter(|(known, _)| *known == token).map(|(_, at)| *at);
        held.map(|known| known.fresh).chain(dropped).max()
    }

    /// Drops the tokens of the device with this id; says whether there were any.
    pub fn drop_device(&mut self, id: u64, at: Instant) -> bool {
        let of_it = self.list.iter().filter(|known| known.kind.has_devices() && known.is_of(id) && known.fresh <= at);
        let tokens: Vec<u64> = of_it.map(|known| known.point.hash()).collect();
        tokens.into_iter().fold(false, |found, token| self.drop(token, at) | found)
    }

    /// Drops the tokens of devices that were not heard of for 270 days; says whether there were any.
    pub fn drop_stale(&mut self, now: Instant) -> bool {
        let known = self.list.len();
        self.list.retain(|known| !(known.kind.has_devices() && known.fresh + STALE <= now));
        self.list.len() < known
    }

    /// Why nothing may go to the point of this hash.
    pub fn block_of(&self, point: u64) -> Option<BlockReason> {
        self.list.iter().filter(|known| known.point.hash() == point).find_map(|known| known.blocked)
    }

    /// Forgets a point.
    pub(crate) fn forget(&mut self, point: &ContactPoint) {
        self.list.retain(|known| known.point != *point);
    }

    /// Whether the point of this hash is blocked.
    pub fn is_blocked(&self, point: u64) -> bool {
        self.block_of(point).is_some()
    }

    /// All points, in the order in which they became known.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Point> {
        self.list.iter()
    }

    /// What was dropped, for a stored record.
    pub(crate) fn dropped(&self) -> &[(u64, Instant)] {
        self.dropped.as_ref().map(|dropped| dropped.0.as_slice()).unwrap_or_default()
    }

    /// From a stored record.
    pub(crate) fn from_parts(list: Vec<Point>, dropped: Vec<(u64, Instant)>) -> Self {
        Points { list, dropped: (!dropped.is_empty()).then(|| Box::new(Dropped(dropped))) }
    }

    /// Takes the points of another: blocks stand, and what either side dropped stays dropped. Afterwards the freshest is
    /// the last, whichever record had it.
    pub fn absorb(&mut self, other: Points) {
        for theirs in other.list {
            match self.list.iter_mut().find(|known| known.kind == theirs.kind && known.point == theirs.point) {
                Some(known) => {
                    known.fresh = known.fresh.max(theirs.fresh);
                    known.blocked = known.blocked.max(theirs.blocked);
                    known.device = known.device.take().max(theirs.device);
                }
                None => self.list.push(theirs),
            }
        }
        for (token, at) in other.dropped.into_iter().flat_map(|dropped| dropped.0) {
            self.dropped.get_or_insert_default().remember(token, at);
        }
        // An address is blocked for whatever it is used.
        let blocked: Vec<(u64, BlockReason)> =
            self.list.iter().filter_map(|known| Some((known.point.hash(), known.blocked?))).collect();
        for known in &mut self.list {
            let of = |(point, reason): &(u64, BlockReason)| (*point == known.point.hash()).then_some(*reason);
            known.blocked = blocked.iter().filter_map(of).max();
        }
        self.list.sort_by(|a, b| (a.fresh, &a.kind, a.point.as_str()).cmp(&(b.fresh, &b.kind, b.point.as_str())));
        if let Some(dropped) = &self.dropped {
            self.list.retain(|known| !(known.kind.has_devices() && dropped.covers(known.point.hash(), known.fresh)));
        }
        // Of a device's two tokens the fresher stands.
        let devices: Vec<Option<(ChannelKind, u64)>> = self.list.iter().map(Point::device_key).collect();
        let mut later = devices
            .iter()
            .enumerate()
            .map(|(n, key)| key.is_some() && devices.get(n + 1..).unwrap_or_default().contains(key));
        self.list.retain(|_| !later.next().unwrap_or_default());
        while self.bound() {}
    }

    /// Lets the least fresh device go where there are too many.
    fn bound(&mut self) -> bool {
        let devices = || self.list.iter().enumerate().filter(|(_, known)| known.kind.has_devices());
        if devices().count() <= MOST_DEVICES {
            return false;
        }
        let least = devices().min_by_key(|(_, known)| known.fresh).map(|(at, _)| at);
        least.is_some_and(|at| {
            self.list.remove(at);
            true
        })
    }
}

impl Point {
    fn is_of(&self, device: u64) -> bool {
        self.device.as_ref().is_some_and(|known| known.id == Some(device))
    }

    fn device_key(&self) -> Option<(ChannelKind, u64)> {
        let id = self.device.as_ref()?.id?;
        self.kind.has_devices().then(|| (self.kind.clone(), id))
    }
}

impl Dropped {
    fn covers(&self, token: u64, at: Instant) -> bool {
        self.0.iter().any(|(dropped, until)| *dropped == token && at <= *until)
    }

    fn remember(&mut self, token: u64, at: Instant) {
        match self.0.iter_mut().find(|(known, _)| *known == token) {
            Some((_, until)) => *until = at.max(*until),
            None => self.0.push((token, at)),
        }
        self.0.sort_unstable_by_key(|(token, at)| (*at, *token));
        let excess = self.0.len().saturating_sub(MOST_DROPPED);
        self.0.drain(..excess);
    }
}

#[cfg(test)]
mod tests;
