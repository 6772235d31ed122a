//! A digest: the events under a run's key are gathered and sent as one message (promise 8.5).

use std::sync::Arc;

use crate::primitives::{ChannelId, Fields, Instant, Key, MessageId, Span, Value};

/// At most so many events are kept; of those beyond only the number is known.
pub(super) const MOST_EVENTS: usize = 100;

/// Under these names the run keeps the events, in the order in which they came, and how many there are.
const EVENTS: &str = "events";
const EVENT_COUNT: &str = "event_count";

/// Gathers events until it closes, and sends one message.
#[derive(Debug, Clone)]
pub(super) struct Digest {
    pub(super) message: MessageId,
    pub(super) only: Option<Arc<[ChannelId]>>,
    pub(super) closes_after: Span,
    pub(super) counting_from: CountingFrom,
    /// It closes so long after its first event at the latest.
    pub(super) at_most: Option<Span>,
    /// It closes at so many events.
    pub(super) events: Option<i64>,
    /// What of each event it keeps.
    pub(super) keep: Vec<Key>,
}

/// From which of its events the time of a digest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountingFrom {
    First,
    Last,
}

impl Digest {
    /// When it closes, by its first and its last event.
    pub(super) fn closes(&self, first: Instant, last: Instant) -> Instant {
        let from = if self.counting_from == CountingFrom::First { first } else { last };
        let closes = from + self.closes_after;
        self.at_most.map_or(closes, |most| closes.min(first + most))
    }

    /// Whether it has as many events as it waits for.
    pub(super) fn is_full(&self, data: &Fields) -> bool {
        self.events.is_some_and(|events| count(data) >= events)
    }

    /// What a run keeps of its first event, beside `data`.
    pub(super) fn opens(&self, properties: &Fields, mut data: Fields) -> Fields {
        let one = Value::Map(Box::new(properties.only(&self.keep)));
        for (name, value) in changed(vec![one], 1) {
            data.insert(name, value);
        }
        data
    }
}

/// What changes in what a run kept when the events of another admission, or of another run, join it.
pub(crate) fn joined(data: &Fields, more: &Fields) -> Vec<(Key, Value)> {
    let mut events = events(data).to_vec();
    let room = MOST_EVENTS.saturating_sub(events.len());
    events.extend(self::events(more).iter().take(room).cloned());
    match count(more) {
        0 => Vec::new(),
        n => changed(events, count(data).saturating_add(n)),
    }
}

/// What changes when some events are taken out.
pub(super) fn without(data: &Fields, goes: impl Fn(&Fields) -> bool) -> Vec<(Key, Value)> {
    let before = events(data);
    let stays = |event: &&Value| !matches!(event, Value::Map(event) if goes(event));
    let left: Vec<Value> = before.iter().filter(stays).cloned().collect();
    let gone = before.len() - left.len();
    match (gone, left.is_empty()) {
        (0, _) => Vec::new(),
        // Of those beyond the kept ones nobody knows whether they would stay: without any other they do not.
        (_, true) => changed(left, 0),
        (gone, false) => changed(left, count(data).saturating_sub(i64::try_from(gone).unwrap_or(i64::MAX))),
    }
}

/// Whether nothing is left of a digest.
pub(super) fn is_empty(data: &Fields) -> bool {
    count(data) == 0
}

fn changed(events: Vec<Value>, count: i64) -> Vec<(Key, Value)> {
    vec![(Key::new(EVENTS), Value::List(events.into())), (Key::new(EVENT_COUNT), count.into())]
}

fn events(data: &Fields) -> &[Value] {
    match data.get_str(EVENTS) {
        Some(Value::List(events)) => events,
        _ => &[],
    }
}

fn count(data: &Fields) -> i64 {
    match data.get_str(EVENT_COUNT) {
        Some(Value::Int(count)) => *count,
        _ => 0,
    }
}
