//! Whose event is it? Identifiers lead to records; an event that names several links them (promise 2.2).
//!
//! One function routes an event for the engine and for a rehearsal. It asks the index, binds what it must before the
//! record is stepped, and the rest once the record has answered: a record may turn out to be another user's, or to have
//! moved.

use std::sync::Arc;

use crate::event::{Event, EventError};
use crate::playbook::{Begun, Elsewhere, Identity, Input, Outcome};
use crate::primitives::{CustomerId, IdentityKey, IdentityKind, Instant, Key};
use crate::record::Carried;

use super::StoreError;

/// Gives an identifier to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The identifier.
    pub key: IdentityKey,
    /// The record.
    pub to: CustomerId,
    /// The record that it is taken from, if it is that record's; `None` takes it from nobody. One that is free is given
    /// either way.
    pub from: Option<CustomerId>,
}

impl Binding {
    /// Whose the identifier is afterwards, given whose it is: what [`Store::bind`](super::Store::bind) does, atomically.
    pub fn owner_after(&self, before: Option<CustomerId>) -> CustomerId {
        match before {
            Some(owner) if self.from != Some(owner) => owner,
            _ => self.to,
        }
    }
}

/// Names a customer in a call of the host's.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Who {
    /// By the shop's own id.
    User(Arc<str>),
    /// By the record's id.
    Record(CustomerId),
}

impl From<&str> for Who {
    fn from(user: &str) -> Self {
        Who::User(user.into())
    }
}

impl From<CustomerId> for Who {
    fn from(record: CustomerId) -> Self {
        Who::Record(record)
    }
}

/// Without the shop's own id (promise 2.5).
impl std::fmt::Debug for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Who::User(_) => f.write_str("User"),
            Who::Record(record) => f.debug_tuple("Record").field(record).finish(),
        }
    }
}

/// Why two customers were not merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// Both are the same record (promise 2.3).
    #[error("a customer cannot be merged into itself")]
    Oneself,
    /// No record is known by this name.
    #[error("the {0} customer is not known")]
    Unknown(&'static str),
    /// The store failed; the call may be made again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a routed event needs: the index and the step.
pub(crate) trait Shell {
    type Error;

    /// Fills in whose each identifier is.
    async fn resolve(&mut self, named: &mut [Named]) -> Result<(), Self::Error>;
    async fn bind(&mut self, bindings: &[Binding]) -> Result<Vec<CustomerId>, Self::Error>;
    async fn step(&mut self, customer: CustomerId, input: Input) -> Result<Stepped, Self::Error>;
    fn now(&self) -> Instant;
    /// Whether a record is that of a user whom the shop knows by another id.
    async fn is_another_users(&mut self, record: CustomerId, user: &str) -> Result<bool, Self::Error>;
}

/// What a step answers, as far as routing goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stepped {
    pub(crate) duplicate: bool,
    pub(crate) elsewhere: Option<Elsewhere>,
    /// Whether what the record forwarded is done as well, if it forwarded anything.
    pub(crate) settled: bool,
    /// What became of a host's call for a run.
    pub(crate) begun: Option<Box<Begun>>,
}

impl Stepped {
    /// The record whose the input turned out to be.
    fn taker(&self, customer: CustomerId) -> CustomerId {
        match self.elsewhere {
            None | Some(Elsewhere::DeviceKept) => customer,
            Some(Elsewhere::Moved(to) | Elsewhere::OtherUser(to)) => to,
        }
    }

    pub(crate) fn of(outcome: &Outcome) -> Self {
        let onward = outcome.awaits || outcome.elsewhere.is_some();
        let settled = !onward || !outcome.followed.is_empty();
        let begun = Begun::of(outcome);
        Stepped { duplicate: outcome.is_duplicate(), elsewhere: outcome.elsewhere, settled, begun }
    }
}

/// How an identifier leads to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    User,
    /// A strong identifier. It stays whose it is.
    Strong,
    /// The former id of an `alias`, if it turns out to be a user's. Never given to anybody.
    Former,
    /// A visitor's id: it goes to whichever user identifies on it last.
    Visitor,
    /// A device's token: it goes to whichever record hears of the device last, and leads to none.
    Device,
}

/// An identifier of an event, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    pub(crate) key: IdentityKey,
    role: Role,
    pub(crate) owner: Option<CustomerId>,
}

impl Named {
    /// Whether it becomes an identifier of the record that takes the event.
    fn is_given(&self) -> bool {
        !matches!(self.role, Role::Former | Role::Device)
    }
}

/// The error of an event that names nobody.
pub(crate) fn names_nobody() -> EventError {
    EventError {
        field: "userId".to_owned(),
        problem: "one of `userId`, `anonymousId` and the playbook's strong identifiers must name a customer".to_owned(),
    }
}

/// Takes an event to the record that it belongs to; `None` if it names nobody.
pub(crate) async fn take<S: Shell>(
    shell: &mut S,
    identity: &Identity,
    event: &Arc<Event>,
) -> Result<Option<Stepped>, S::Error> {
    let mut named = names(event, identity);
    // Each round somebody else was quicker to give the user a record; the last takes what it finds.
    for _ in 0..3 {
        shell.resolve(&mut named).await?;
        let Some(route) = Route::of(&named) else { return Ok(None) };
        let mut theirs = false;
        if !route.before.is_empty() {
            let bound = shell.bind(&route.before).await?;
            theirs = route.before.iter().zip(bound).any(|(binding, owner)| binding.to != owner);
        }
        if !theirs {
            return follow(shell, event, &named, &route).await.map(Some);
        }
    }
    shell.resolve(&mut named).await?;
    let Some(route) = Route::of(&named) else { return Ok(None) };
    follow(shell, event, &named, &route).await.map(Some)
}

/// Steps the record, and binds what is known only then. Not before: the next try has to find what this one did.
async fn follow<S: Shell>(
    shell: &mut S,
    event: &Arc<Event>,
    named: &[Named],
    route: &Route,
) -> Result<Stepped, S::Error> {
    let (user, said) = (event.user_id.clone(), event.timestamp);
    let token = event.device.as_ref().and_then(|device| device.token.as_deref()).map_or(0, Key::hash_of);
    let event = event.clone();
    let input = match route.with.split_first() {
        None => Input::Event(event),
        Some((with, further)) => Input::Link { with: *with, then: Carried::by_event(event, further.to_vec()) },
    };
    let stepped = shell.step(route.customer, input).await?;
    let mut after = route.after(named, &stepped);
    if let Some(device) = named.iter().find(|named| named.role == Role::Device) {
        let at = said.map_or(shell.now(), |at| at.min(shell.now()));
        take_device(shell, device, token, stepped.taker(route.customer), at).await?;
    }
    // Where the store has not finished yet, a visitor's id goes with its record; but at once if that is another user's,
    // from whom it is taken (promise 2.2).
    if let Some(user) = user.as_deref().filter(|_| !stepped.settled) {
        for visitor in named.iter().filter(|named| named.role == Role::Visitor) {
            let Some(owner) = visitor.owner.filter(|owner| route.with.contains(owner)) else { continue };
            if shell.is_another_users(owner, user).await? {
                let to = stepped.taker(route.customer);
                after.push(Binding { key: visitor.key, to, from: Some(owner) });
            }
        }
    }
    if !after.is_empty() {
        shell.bind(&after).await?;
    }
    Ok(stepped)
}

/// Takes a device's token from the record that had it before: what is meant for one customer must not show on the phone of
/// the next (promise 2.2). In this order, so that a try that was broken off is made again.
async fn take_device<S: Shell>(
    shell: &mut S,
    device: &Named,
    token: u64,
    to: CustomerId,
    at: Instant,
) -> Result<(), S::Error> {
    let owner = match device.owner {
        Some(owner) => owner,
        None => {
            let bound = shell.bind(&[Binding { key: device.key, to, from: None }]).await?;
            bound.first().copied().unwrap_or(to)
        }
    };
    if owner != to {
        let asked = shell.step(owner, Input::DeviceTaken { token, by: to, at }).await?;
        let to = match asked.elsewhere {
            Some(Elsewhere::DeviceKept) => return Ok(()),
            Some(Elsewhere::Moved(on)) => on,
            _ => to,
        };
        shell.bind(&[Binding { key: device.key, to, from: Some(owner) }]).await?;
    }
    Ok(())
}

/// The identifiers of an event, the strongest first.
fn names(event: &Event, identity: &Identity) -> Vec<Named> {
    // Most events name one or two.
    let mut named = Vec::with_capacity(2);
    let mut name = |role, key: Option<IdentityKey>| named.extend(key.map(|key| Named { key, role, owner: None }));
    let key = |kind, id: &Option<Arc<str>>| id.as_deref().map(|id| identity.key(kind, id));
    name(Role::User, key(IdentityKind::User, &event.user_id));
    identity.keys(event).for_each(|strong| name(Role::Strong, Some(strong)));
    name(Role::Former, key(IdentityKind::User, &event.previous_id));
    name(Role::Visitor, key(IdentityKind::Anonymous, &event.previous_id));
    name(Role::Visitor, key(IdentityKind::Anonymous, &event.anonymous_id));
    if let Some(device) = event.device.as_ref().filter(|_| !event.leaves_device()) {
        name(Role::Device, key(IdentityKind::Device, &device.token));
    }
    named
}

/// Where an event goes.
#[derive(Debug)]
struct Route {
    /// The record that takes it.
    customer: CustomerId,
    /// Further records that it names.
    with: Vec<CustomerId>,
    /// What is bound before the step.
    before: Vec<Binding>,
}

impl Route {
    fn of(named: &[Named]) -> Option<Route> {
        let named = || named.iter().filter(|named| named.role != Role::Device);
        let giving = |named: &&Named| named.role != Role::Former;
        let strongest = named().find(giving)?;
        // A user without a record takes over that of their strongest other identifier, unless that is another user's.
        let known = named().find_map(|named| named.owner);
        let customer = known.unwrap_or_else(|| strongest.key.candidate());
        let mut with = Vec::new();
        for owner in named().filter_map(|named| named.owner) {
            if owner != customer && !with.contains(&owner) {
                with.push(owner);
            }
        }
        let first = |named: &&Named| named.owner.is_none() && (known.is_none() || named.role == Role::User);
        let before = named().filter(giving).filter(first);
        let before = before.map(|named| Binding { key: named.key, to: customer, from: None }).collect();
        Some(Route { customer, with, before })
    }

    /// What is bound after the step, given whether the record was the right one.
    fn after(&self, named: &[Named], stepped: &Stepped) -> Vec<Binding> {
        let user = named.iter().any(|named| named.role == Role::User);
        let to = stepped.taker(self.customer);
        let mut after = Vec::new();
        for Named { key, role, owner } in named.iter().copied().filter(Named::is_given) {
            let bound = self.before.iter().any(|binding| binding.key == key);
            let owner = if bound { Some(self.customer) } else { owner };
            let goes = match (owner, stepped.elsewhere) {
                (None, _) => true,
                (Some(owner), elsewhere) if owner == self.customer => match elsewhere {
                    None | Some(Elsewhere::DeviceKept) => false,
                    // Not ahead of the content: a copy of an event has to come where the first one went.
                    Some(Elsewhere::Moved(_)) => stepped.settled,
                    // A strong identifier that was another user's before stays theirs.
                    Some(Elsewhere::OtherUser(_)) => role != Role::Strong || bound,
                },
                (Some(_), _) => role == Role::Visitor && user && stepped.settled,
            };
            if goes {
                after.push(Binding { key, to, from: owner });
            }
        }
        after
    }
}

/// The two records that the host would merge, given what their names lead to.
pub(crate) fn to_merge(
    [one, other]: [&Who; 2],
    owners: [Option<CustomerId>; 2],
) -> Result<Option<[CustomerId; 2]>, MergeError> {
    let [one_owner, other_owner] = owners;
    let (one_owner, other_owner) =
        (one_owner.ok_or(MergeError::Unknown("first"))?, other_owner.ok_or(MergeError::Unknown("second"))?);
    match (one, other) {
        _ if one == other => Err(MergeError::Oneself),
        // Two names of one customer: they were merged before.
        (Who::User(_), Who::User(_)) if one_owner == other_owner => Ok(None),
        _ if one_owner == other_owner => Err(MergeError::Oneself),
        _ => Ok(Some([one_owner, other_owner])),
    }
}

impl Who {
    /// The key to resolve, for a name that is not a record's.
    pub(crate) fn key(&self, identity: &Identity) -> Option<IdentityKey> {
        match self {
            Who::User(user) => Some(identity.key(IdentityKind::User, user)),
            Who::Record(_) => None,
        }
    }
}
