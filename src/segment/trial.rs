//! A customer for tests: a log of events, recorded as a rule's needs say.

use serde_json::{Value as Json, json};

use super::{Criteria, Membership, Segment};
use crate::customer::Profile;
use crate::primitives::{CustomerId, EventNeed, Fields, Instant, Keep, Key, Needs, Span, Value};

/// Midnight of a day.
pub(super) fn day(n: i64) -> Instant {
    Instant::from_millis(0) + Span::days(n)
}

pub(super) fn rule(json: Json) -> Criteria {
    Criteria::from_json(&json.to_string()).unwrap_or_else(|faults| panic!("{json}: {faults}"))
}

/// The faults of a rule, one a line.
pub(super) fn faults(json: Json) -> String {
    Criteria::from_json(&json.to_string()).unwrap_err().to_string()
}

pub(super) fn fields(json: &Json) -> Fields {
    match Value::from_json(json) {
        Some(Value::Map(map)) => *map,
        _ => Fields::new(),
    }
}

/// One event: its name, its instant and its properties.
#[derive(Debug, Clone)]
pub(super) struct Logged {
    pub(super) name: &'static str,
    pub(super) at: Instant,
    pub(super) properties: Json,
}

pub(super) fn on(n: i64, name: &'static str, properties: Json) -> Logged {
    Logged { name, at: day(n), properties }
}

/// An order of so much.
pub(super) fn order(n: i64, id: &str, total: i64) -> Logged {
    on(n, "Order Completed", json!({"order_id": id, "total": total}))
}

/// A refund of so much of an order.
pub(super) fn refund(n: i64, id: &str, total: i64) -> Logged {
    on(n, "Order Refunded", json!({"order_id": id, "total": total}))
}

/// Keeps everything that any of these events says.
pub(super) fn everything(log: &[Logged]) -> Needs {
    let mut needs = Needs::default();
    for logged in log {
        let properties = logged.properties.as_object().into_iter().flat_map(|map| map.keys());
        needs.event(EventNeed {
            event: logged.name.into(),
            properties: properties.map(|name| Key::new(name.as_str())).collect(),
            keep: Keep { last: 0, within: Span::MAX },
        });
    }
    needs
}

/// A record that took these events in this order and kept what `needs` names.
pub(super) fn customer(log: &[Logged], needs: &Needs) -> Profile {
    let start = log.first().map_or(day(0), |logged| logged.at);
    let mut profile = Profile::new(CustomerId::new("anna"), start);
    let mut now = start;
    for logged in log {
        now = now.max(logged.at);
        profile.first_seen = profile.first_seen.min(logged.at);
        profile.last_seen = profile.last_seen.max(logged.at);
        let event = Key::new(logged.name);
        let said = fields(&logged.properties);
        if let Some(need) = needs.events.iter().find(|need| need.event == event) {
            profile.history.record(&event, logged.at, &need.properties, |key| said.get(key), need.keep, now);
        }
    }
    profile
}

/// What a rule says of who did this, on a day.
pub(super) fn ask(json: Json, log: &[Logged], now: Instant) -> Membership {
    let rule = rule(json);
    rule.evaluate(&customer(log, &rule.needs()), now)
}

pub(super) fn inside(until: Option<Instant>) -> Membership {
    Membership { inside: true, until }
}

pub(super) fn outside(until: Option<Instant>) -> Membership {
    Membership { inside: false, until }
}
