//! One message to several devices: a copy for each, and what the copies come to together.
//!
//! Caps, gaps, content keys and cascades know the message only, so it counts once (promise 7.1). Claims, answers and
//! leases are those of a copy, each with an envelope and an idempotency key of its own.

use super::{Contact, Status};
use crate::primitives::{IdempotencyKey, Instant};

/// Where a message went.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SentTo {
    /// To the customer's id.
    Id,
    /// To the contact point of this hash.
    Point(u64),
    /// To several devices at once.
    Devices(Box<Copies>),
}

/// How far one envelope has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandOver {
    /// How many times it was claimed.
    pub tries: u16,
    /// Whether a try with an unknown outcome may have delivered it.
    pub doubt: bool,
    /// The first and the last claim that may have delivered it.
    pub claims: Option<(Instant, Instant)>,
    /// Where it stands.
    pub status: Status,
}

/// The copy of a message to one of several devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceCopy {
    /// Its envelope's id, which is its idempotency key.
    pub id: IdempotencyKey,
    /// The hash of the device's token.
    pub point: u64,
    /// How far it has come.
    pub hand_over: HandOver,
}

/// The copies of one message, in the order in which they were decided; the first has the message's own id.
#[derive(Debug, Clone, PartialEq)]
pub struct Copies(Vec<DeviceCopy>);

impl Copies {
    /// `None` without any.
    pub(crate) fn new(copies: Vec<DeviceCopy>) -> Option<Self> {
        (!copies.is_empty()).then_some(Copies(copies))
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &DeviceCopy> {
        self.0.iter()
    }

    fn any(&self, is: impl Fn(Status) -> bool) -> bool {
        self.0.iter().any(|copy| is(copy.hand_over.status))
    }
}

/// What a change of one envelope made of the whole message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed {
    pub(crate) before: Status,
    pub(crate) after: Status,
}

impl Contact {
    /// Whether an envelope is this message's.
    pub fn has_envelope(&self, id: IdempotencyKey) -> bool {
        self.id == id || self.copies().any(|copy| copy.id == id)
    }

    /// The copies, if it went to several devices.
    pub fn copies(&self) -> impl Iterator<Item = &DeviceCopy> {
        match &self.to {
            SentTo::Devices(copies) => copies.0.as_slice(),
            _ => &[],
        }
        .iter()
    }

    /// Every envelope of the message: of each copy, or its only one.
    pub fn envelopes(&self) -> impl Iterator<Item = (IdempotencyKey, HandOver)> {
        let only = match &self.to {
            SentTo::Devices(_) => None,
            _ => Some((self.id, self.whole())),
        };
        only.into_iter().chain(self.copies().map(|copy| (copy.id, copy.hand_over)))
    }

    /// The hash of the contact point to which an envelope of this message went.
    pub fn point_of(&self, id: IdempotencyKey) -> Option<u64> {
        match &self.to {
            SentTo::Id => None,
            SentTo::Point(point) => Some(*point),
            SentTo::Devices(copies) => copies.0.iter().find(|copy| copy.id == id).map(|copy| copy.point),
        }
    }

    /// How far an envelope has come.
    pub fn hand_over(&self, id: IdempotencyKey) -> Option<HandOver> {
        self.envelopes().find(|(known, _)| *known == id).map(|(_, hand_over)| hand_over)
    }

    /// When the next of its open envelopes wants to be claimed, or its claim runs out.
    pub(crate) fn due(&self) -> Option<Instant> {
        match &self.to {
            SentTo::Devices(copies) => copies.0.iter().filter_map(|copy| copy.hand_over.status.due()).min(),
            _ => self.status.due(),
        }
    }

    /// Whether the provider may have it, but some of it still waits for its claim: it holds its places whatever the time.
    pub(crate) fn waits(&self) -> bool {
        self.status.is_queued() || self.copies().any(|copy| copy.hand_over.status.is_queued())
    }

    /// When what the first of its devices took was handed over.
    pub(crate) fn taken(&self) -> Option<Instant> {
        let taken = self.envelopes().filter(|(_, known)| known.status == Status::Accepted);
        taken.filter_map(|(_, known)| Some(known.claims?.1)).min()
    }

    /// Changes how far an envelope has come, and says what that makes of the message.
    pub(crate) fn put(&mut self, id: IdempotencyKey, hand_over: HandOver) -> Changed {
        let before = self.status;
        let whole = match &mut self.to {
            SentTo::Devices(copies) => {
                copies.0.iter_mut().filter(|copy| copy.id == id).for_each(|copy| copy.hand_over = hand_over);
                copies.whole(before)
            }
            _ => hand_over,
        };
        HandOver { tries: self.tries, doubt: self.doubt, claims: self.claims, status: self.status } = whole;
        Changed { before, after: self.status }
    }

    fn whole(&self) -> HandOver {
        HandOver { tries: self.tries, doubt: self.doubt, claims: self.claims, status: self.status }
    }
}

impl Copies {
    /// What the copies come to: accepted if any is, refused only if all are.
    fn whole(&self, before: Status) -> HandOver {
        let all = || self.0.iter().map(|copy| copy.hand_over);
        let open = || all().filter_map(|copy| copy.status.due());
        // What was told as accepted stays that while another device may still take it.
        let status = if self.any(|is| is == Status::Accepted) || (before == Status::Accepted && open().count() > 0) {
            Status::Accepted
        } else if self.any(|is| matches!(is, Status::InFlight { .. })) {
            Status::InFlight { lease: open().min().unwrap_or(Instant::MAX) }
        } else if let Some(due) = open().min() {
            Status::Queued { due }
        } else {
            let ends = [Status::Parked, Status::Bounced, Status::Cancelled, Status::Expired];
            ends.into_iter().find(|end| self.any(|is| is == *end)).unwrap_or(Status::Refused)
        };
        let claims = all().filter(|copy| copy.status.holds()).filter_map(|copy| copy.claims);
        HandOver {
            tries: all().map(|copy| copy.tries).max().unwrap_or_default(),
            doubt: all().any(|copy| copy.doubt),
            claims: claims.reduce(|(first, last), (a, b)| (first.min(a), last.max(b))),
            status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(statuses: &[Status], before: Status) -> Status {
        let copy = |status| DeviceCopy {
            id: IdempotencyKey::derive(&[]),
            point: 0,
            hand_over: HandOver { tries: 1, doubt: false, claims: None, status },
        };
        Copies(statuses.iter().map(|status| copy(*status)).collect()).whole(before).status
    }

    #[test]
    fn a_message_to_one_device_costs_no_more_than_its_contact_point() {
        assert_eq!(size_of::<SentTo>(), size_of::<Option<u64>>());
    }

    #[test]
    fn promise_10_2_a_message_is_accepted_if_any_device_takes_it_and_refused_only_if_all_do() {
        use Status::*;
        let (at, flying) = (Instant::from_millis, InFlight { lease: Instant::from_millis(9) });
        let queued = |due| Queued { due: at(due) };
        for (copies, whole) in [
            (vec![Accepted, Refused], Accepted),
            (vec![flying, Accepted], Accepted),
            (vec![queued(5), Accepted], Accepted),
            (vec![flying, queued(5)], InFlight { lease: at(5) }),
            (vec![Refused, queued(7), queued(5)], queued(5)),
            (vec![Refused, Parked, Bounced], Parked),
            (vec![Bounced, Refused], Bounced),
            (vec![Refused, Expired, Cancelled], Cancelled),
            (vec![Refused, Expired], Expired),
            (vec![Refused, Refused], Refused),
        ] {
            assert_eq!(folded(&copies, flying), whole, "{copies:?}");
        }
        assert_eq!(folded(&[Bounced, queued(5)], Accepted), Accepted, "it was told as that");
        assert_eq!(folded(&[Bounced, Refused], Accepted), Bounced);
    }
}
