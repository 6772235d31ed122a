//! One log through two playbooks: what would have changed, and for whom.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Serialize;

use super::log::{LogLine, LogWhat};
use super::summary::decimal;
use crate::customer::ContentKey;
use crate::playbook::{HandedOver, What};
use crate::primitives::{ChannelId, CustomerId, IdempotencyKey, Instant, JourneyId, MessageId, Span};

/// What a rehearsal handed over, gathered from its lines to be compared with another's. It grows with the messages, not with
/// the log.
#[derive(Debug, Default)]
pub struct HandOvers {
    list: Vec<HandOver>,
    /// Told and not begun: made anew, or not at all.
    given_back: HashMap<IdempotencyKey, HandOver>,
    names: HashMap<CustomerId, Who>,
}

/// A customer as the shop knows them, else the record's id. `Debug` shows neither (promise 2.5).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
struct Who(Arc<str>);

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Who")
    }
}

#[derive(Debug, Clone)]
struct HandOver {
    id: IdempotencyKey,
    who: Who,
    message: MessageId,
    content: ContentKey,
    sent: Sent,
}

/// One hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// On which channel.
    pub channel: ChannelId,
    /// By which journey.
    pub journey: JourneyId,
    /// At which step of it.
    pub step: Arc<str>,
    /// What it cost, in the playbook's currency.
    #[serde(serialize_with = "decimal")]
    pub cost: Decimal,
}

impl HandOvers {
    /// Takes a line of the rehearsal.
    pub fn hear(&mut self, line: &LogLine<'_>) {
        match line.what {
            LogWhat::Notice(What::HandedOver(sent)) => {
                let one = self.of(line, sent);
                self.list.push(one);
            }
            LogWhat::Notice(What::GivenBack { id, .. }) => {
                if let Some(at) = self.list.iter().rposition(|known| known.id == *id) {
                    self.given_back.insert(*id, self.list.remove(at));
                }
            }
            LogWhat::Notice(What::HandedOverAgain(again)) => {
                if let Some(mut one) = self.given_back.remove(&again.id) {
                    one.sent.at = line.at;
                    one.sent.channel = again.channel.clone();
                    self.list.push(one);
                }
            }
            _ => {}
        }
    }

    fn of(&mut self, line: &LogLine<'_>, sent: &HandedOver) -> HandOver {
        let name = || line.who.map_or_else(|| line.customer.to_string().into(), Arc::from);
        let known = self.names.entry(line.customer).or_insert_with(|| Who(name()));
        // A visitor becomes known.
        if line.who.is_some_and(|who| *who != *known.0) {
            *known = Who(name());
        }
        let HandedOver { id, message, channel, journey, step, content, cost, .. } = sent;
        let sent =
            Sent { at: line.at, channel: channel.clone(), journey: journey.clone(), step: step.clone(), cost: *cost };
        HandOver { id: *id, who: known.clone(), message: message.clone(), content: *content, sent }
    }
}

/// One customer's message of two rehearsals: what became of it in each. As JSON `who`, `message`, `change`, `by` (for what
/// comes earlier or later), `before` and `after`. `Debug` leaves out who it is (promise 2.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    who: Who,
    /// The message.
    pub message: MessageId,
    /// What changed.
    #[serde(flatten)]
    pub change: Change,
    /// As the first rehearsal handed it over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Sent>,
    /// As the second one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Sent>,
}

impl Difference {
    /// The customer: the shop's id or the visitor's, else the record's.
    pub fn who(&self) -> &str {
        &self.who.0
    }
}

/// What changed for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Only the second rehearsal hands it over.
    More,
    /// Only the first does.
    Less,
    /// The second hands it over earlier, on whichever channel.
    Earlier {
        /// By so much.
        by: Span,
    },
    /// The second hands it over later, on whichever channel.
    Later {
        /// By so much.
        by: Span,
    },
    /// At the same instant on another channel.
    OtherChannel,
}

/// What would have changed between two rehearsals of one log; as JSON what `rehearse --compare` counts.
///
/// A message of the one is the message of the other if both went to the same customer and say the same (promise 8.1: by
/// default the same message of a run with the same key); of several in the order of their instants.
///
/// ```
/// use std::sync::Arc;
/// use throughline::{Comparison, Event, HandOvers, Playbook, Rehearsal};
/// let rehearse = |wait: &str| {
///     let playbook = format!(r#"{{
///         "version": 1, "currency": "EUR", "channels": {{"in_app": {{}}}},
///         "messages": {{"hello": {{"class": "transactional", "variants": {{"in_app": {{"body": "Hello!"}}}}}}}},
///         "journeys": {{"welcome": {{"trigger": {{"event": "Signed Up"}},
///             "steps": [{{"id": "a_while", "wait": "{wait}"}}, {{"id": "greet", "message": "hello"}}]}}}}
///     }}"#);
///     let mut heard = HandOvers::default();
///     let playbook = Arc::new(Playbook::from_json(&playbook).unwrap());
///     let mut rehearsal = Rehearsal::new(playbook).with_observer(|line| heard.hear(line)).unexplained();
///     let event = Event::track("Signed Up").user("anna").at("2026-03-01T10:00:00Z".parse().unwrap());
///     rehearsal.event(event).unwrap();
///     rehearsal.finish(None);
///     heard
/// };
/// let comparison = Comparison::of(&rehearse("1d"), &rehearse("2d"));
/// assert_eq!((comparison.all.later, comparison.all.same), (1, 0));
/// assert_eq!(comparison.changes[0].who(), "anna");
/// ```
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// All messages.
    #[serde(flatten)]
    pub all: ChangeCounts,
    /// The same by message.
    pub messages: BTreeMap<String, ChangeCounts>,
    /// Messages on each channel, before and after.
    pub channels: BTreeMap<String, [u64; 2]>,
    /// What they cost, before and after, in each playbook's currency.
    #[serde(serialize_with = "decimals")]
    pub cost: [Decimal; 2],
    /// CustomerChanges, by whether they get more or fewer messages in all.
    pub customers: CustomerChanges,
    /// Everything that changed, by customer and instant.
    #[serde(skip)]
    pub changes: Vec<Difference>,
}

/// How many messages changed, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChangeCounts {
    /// Handed over by the first rehearsal.
    pub before: u64,
    /// Handed over by the second.
    pub after: u64,
    /// At the same instant on the same channel in both.
    pub same: u64,
    /// Only by the second.
    pub more: u64,
    /// Only by the first.
    pub less: u64,
    /// Earlier by the second.
    pub earlier: u64,
    /// Later by the second.
    pub later: u64,
    /// At the same instant on another channel.
    pub other_channel: u64,
}

/// How many customers get more messages, or fewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CustomerChanges {
    /// More than before, or the first.
    pub more: u64,
    /// Fewer than before, or none any more.
    pub fewer: u64,
    /// As many as before.
    pub as_many: u64,
    /// Of those who get more, such as got nothing before.
    pub newly_reached: u64,
    /// Of those who get fewer, such as get nothing any more.
    pub no_longer_reached: u64,
}

/// What both rehearsals have of one content for one customer, in the order of their instants.
#[derive(Default)]
struct Pair<'a> {
    before: Vec<&'a HandOver>,
    after: Vec<&'a HandOver>,
}

impl Comparison {
    /// Compares what two rehearsals handed over.
    pub fn of(before: &HandOvers, after: &HandOvers) -> Comparison {
        let mut pairs: BTreeMap<(&Who, &MessageId, u64), Pair<'_>> = BTreeMap::new();
        for one in &before.list {
            pairs.entry(one.key()).or_default().before.push(one);
        }
        for one in &after.list {
            pairs.entry(one.key()).or_default().after.push(one);
        }
        let mut comparison = Comparison::default();
        let mut reached: BTreeMap<&Who, [u64; 2]> = BTreeMap::new();
        for ((who, ..), mut pair) in pairs {
            let [had, gets] = reached.entry(who).or_default();
            *had += pair.before.len() as u64;
            *gets += pair.after.len() as u64;
            for list in [&mut pair.before, &mut pair.after] {
                list.sort_by_key(|one| one.sent.at);
            }
            for n in 0..pair.before.len().max(pair.after.len()) {
                comparison.count(pair.before.get(n).copied(), pair.after.get(n).copied());
            }
        }
        for [had, gets] in reached.into_values() {
            comparison.customers.count(had, gets);
        }
        comparison.changes.sort_by(|a, b| (&a.who, a.first()).cmp(&(&b.who, b.first())));
        comparison
    }

    fn count(&mut self, before: Option<&HandOver>, after: Option<&HandOver>) {
        for (side, one) in [before, after].into_iter().enumerate() {
            let Some(HandOver { sent, .. }) = one else { continue };
            let channel = self.channels.entry(sent.channel.as_str().to_owned()).or_default();
            channel.iter_mut().skip(side).take(1).for_each(|count| *count += 1);
            self.cost.iter_mut().skip(side).take(1).for_each(|cost| *cost += sent.cost);
        }
        let Some(one) = before.or(after) else { return };
        let change = change(before, after);
        for counts in [&mut self.all, self.messages.entry(one.message.as_str().to_owned()).or_default()] {
            counts.before += u64::from(before.is_some());
            counts.after += u64::from(after.is_some());
            *match change {
                None => &mut counts.same,
                Some(Change::More) => &mut counts.more,
                Some(Change::Less) => &mut counts.less,
                Some(Change::Earlier { .. }) => &mut counts.earlier,
                Some(Change::Later { .. }) => &mut counts.later,
                Some(Change::OtherChannel) => &mut counts.other_channel,
            } += 1;
        }
        if let Some(change) = change {
            let sent = |one: Option<&HandOver>| one.map(|one| one.sent.clone());
            let (who, message) = (one.who.clone(), one.message.clone());
            self.changes.push(Difference { who, message, change, before: sent(before), after: sent(after) });
        }
    }
}

impl HandOver {
    fn key(&self) -> (&Who, &MessageId, u64) {
        (&self.who, &self.message, self.content.as_u64())
    }
}

impl Difference {
    fn first(&self) -> Option<Instant> {
        self.before.iter().chain(&self.after).map(|sent| sent.at).min()
    }
}

impl CustomerChanges {
    fn count(&mut self, had: u64, gets: u64) {
        self.newly_reached += u64::from(had == 0);
        self.no_longer_reached += u64::from(gets == 0);
        *match gets.cmp(&had) {
            std::cmp::Ordering::Greater => &mut self.more,
            std::cmp::Ordering::Less => &mut self.fewer,
            std::cmp::Ordering::Equal => &mut self.as_many,
        } += 1;
    }
}

fn change(before: Option<&HandOver>, after: Option<&HandOver>) -> Option<Change> {
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (&before.sent, &after.sent),
        (None, Some(_)) => return Some(Change::More),
        (Some(_), None) => return Some(Change::Less),
        (None, None) => return None,
    };
    match after.at.cmp(&before.at) {
        std::cmp::Ordering::Less => Some(Change::Earlier { by: before.at - after.at }),
        std::cmp::Ordering::Greater => Some(Change::Later { by: after.at - before.at }),
        std::cmp::Ordering::Equal => (before.channel != after.channel).then_some(Change::OtherChannel),
    }
}

fn decimals<S: serde::Serializer>(amounts: &[Decimal; 2], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(amounts.iter().map(|amount| amount.normalize().to_string()))
}
