//! Two records turn out to be one person: who survives, and how both agree on it (promises 2.2, 2.3).
//!
//! # The protocol
//!
//! A record is stepped by itself, in a commit of its own, and hears of another only by what that forwards: exactly once,
//! at any time later, in any order. So a merge is three commits of one customer each. An event reveals that X and Y are
//! one person, and goes to X, the one that its strongest identifier names:
//!
//! 1. X **awaits** and forwards a `Seal` to Y with its own [`Standing`]. A record that awaits takes events, receipts and
//!    answers of channels, but decides, claims and hands over nothing.
//! 2. Y compares ranks. If it is the lower one it **seals** itself, which leaves a record without content that hands
//!    everything on to X, and forwards its content in an `Absorb`. If it is the higher one it awaits as well and forwards the `Seal`
//!    back, with its own standing; then X compares.
//! 3. The survivor **absorbs**. If it awaits nobody else any more it is live again: what was held is decided, the event
//!    acts, and every segment is evaluated anew.
//!
//! Whoever finds that both are one already, or that the merge is not allowed, forwards a `Release` instead, and the event
//! acts on X. A record that moved hands on everything but wake-ups to where it moved, unchanged.
//!
//! # Why it holds
//!
//! - **One token per link.** Of the messages of one link exactly one is under way at any time, and the event travels in it:
//!   it acts once, and everybody who awaits the link is told of its end. Nobody blocks: a record that awaits answers as
//!   any other. Each answer ends the link, follows a chain of moves, or follows a rank that rose (which it does but a few
//!   times), so every link ends.
//! - **Ranks only rise.** A record becomes known once and its first sighting only gets earlier, also by absorbing. X
//!   seals itself into Y only if its rank now is below what Y's was, so below what Y's is from then on. Hence no two
//!   records can seal each other, nor any circle of them, however late they hear of one another.
//! - **Two users never meet by an event.** Whoever would seal itself knows its own users, and a known record seals itself
//!   only into a known one, whose user the message names and which keeps it for ever.
//! - **No copy acts twice.** A sealed record keeps which events it took: a second copy that comes after the seal, and
//!   would be handed on ahead of the content, ends there.
//! - **Links move with the record.** A sealed record's open links are part of its content. A `Release` may overtake that
//!   content; so a record that awaits remembers which links ended ([`Awaiting::settled`]), and does not begin to await
//!   them when they arrive. It does await then: the content that is under way to it is of a link of its own, or of one of a
//!   record whose content is under way.

use std::cmp::Reverse;
use std::sync::Arc;

use super::CustomerState;
use crate::event::Event;
use crate::primitives::{CustomerId, Instant};

/// What decides who survives: the identified record, then the earlier first seen, then the smaller id. The greater one
/// survives; no two records are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    identified: bool,
    first_seen: Reverse<Instant>,
    id: Reverse<CustomerId>,
}

/// What a record tells the other one of itself.
#[derive(Clone, PartialEq)]
pub struct Standing {
    /// Its rank.
    pub(crate) rank: Rank,
    /// The ids by which the shop knows it.
    pub(crate) users: Vec<Arc<str>>,
    /// How many records became part of it.
    pub(crate) merges: u32,
}

/// What waits for the end of a link.
#[derive(Debug, Clone)]
pub struct Carried {
    /// Who says that the records are one person.
    pub(crate) cause: Cause,
    /// The event that revealed it, unless it acted already: a second copy of it may be under way.
    pub(crate) event: Option<Arc<Event>>,
    /// Further records that the event names.
    pub(crate) further: Vec<CustomerId>,
}

/// Who says that two records are one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The host, who may merge two users and as many records as it likes.
    Host,
    /// An event.
    Event,
}

/// The links that keep a record from deciding anything, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Awaiting {
    /// Those that are open.
    pub(crate) open: Vec<u64>,
    /// Those that ended while others were open.
    pub(crate) settled: Vec<u64>,
    /// The customer is to be erased once none is open.
    pub(crate) erase: Erase,
}

/// Whether a customer is to be erased as soon as it is settled which records are theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Erase {
    /// No.
    #[default]
    No,
    /// Unless it is a user's then: an event told that it is of a customer who was erased.
    Visitor,
    /// Yes: the host asked for it.
    Asked,
}

/// Which side of a link a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The event came here, and acts here if nothing comes of the link.
    Asking,
    /// The other.
    Asked,
}

impl Carried {
    /// Nothing: a call of the host's.
    pub(crate) fn by_host() -> Self {
        Carried { cause: Cause::Host, event: None, further: Vec::new() }
    }

    pub(crate) fn by_event(event: Arc<Event>, further: Vec<CustomerId>) -> Self {
        Carried { cause: Cause::Event, event: Some(event), further }
    }
}

impl CustomerState {
    pub(crate) fn standing(&self) -> Standing {
        let profile = &self.profile;
        let rank = Rank {
            identified: profile.user_id.is_some(),
            first_seen: Reverse(profile.first_seen),
            id: Reverse(profile.id),
        };
        let users = profile.user_id.iter().chain(&profile.aliases).cloned().collect();
        Standing { rank, users, merges: u32::try_from(self.absorbed.len()).unwrap_or(u32::MAX) }
    }
}

impl Standing {
    /// Whether these are two users whom no event may merge.
    pub(crate) fn is_another_user(&self, other: &Standing) -> bool {
        !self.users.is_empty() && !other.users.is_empty() && !self.users.iter().any(|user| other.users.contains(user))
    }
}

impl Awaiting {
    pub(crate) fn open(&mut self, link: u64) {
        if !self.open.contains(&link) {
            self.open.push(link);
        }
    }

    pub(crate) fn settle(&mut self, link: u64) {
        self.open.retain(|open| *open != link);
        self.settled.push(link);
    }

    /// Takes over the links of a record that became part of this one.
    pub(crate) fn inherit(&mut self, other: Awaiting) {
        let ended = |link: &u64| self.settled.contains(link);
        let open: Vec<u64> = other.open.into_iter().filter(|link| !ended(link)).collect();
        open.into_iter().for_each(|link| self.open(link));
        other.settled.into_iter().for_each(|link| self.settle(link));
        self.erase = self.erase.max(other.erase);
    }
}

/// Without the ids (promise 2.5).
impl std::fmt::Debug for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standing").field("rank", &self.rank).field("merges", &self.merges).finish_non_exhaustive()
    }
}
