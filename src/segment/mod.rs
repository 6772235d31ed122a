//! Who is meant: segments, and the rules that segments and journeys are written in.
//!
//! A [`Criteria`] is data: JSON on the way in, or [`words`] in Rust that say the same, compiled once, asked often. It answers whether it holds of a customer **and
//! until when** ([`Membership`]), because membership changes with time alone (promise 5.5). A host that needs more than the
//! conditions below implements [`Segment`] itself. [`Columns`] hold many customers for a rule that is asked of all at once.
//!
//! # Conditions
//! An object of a rule is one condition, named by one of these fields.
//!
//! | condition | holds if |
//! |---|---|
//! | `{"all": [..]}`, `{"any": [..]}`, `{"not": {..}}` | all, any, or not; `{"all": []}` is everyone |
//! | `{"attribute": "age", "at_least": 18}` | all [comparisons](#comparisons) given hold of the attribute; a dotted path leads into it |
//! | `{"attribute": "tier", "equals": "gold", "for": "7d"}` | it also has had its present value for so long |
//! | `{"attribute": "renewal", "date": {"in_next": "7d"}}` | the date lies in `(now, now + 7d]`; also `in_last` (`(now - 7d, now]`), `older_than`, `before_now` (true or false) |
//! | `{"attribute": "birthday", "date": {"anniversary": {"in_next": "7d"}}}` | the same of the date's next anniversary, or `in_last` of its latest (`"1d"`: it is today), at midnight UTC; 29 February is 1 March in common years; the date itself is none |
//! | `{"event": "Order Completed"}` | it happened at all (`count` at least 1) |
//! | `{"event": .., "count": {"at_least": 3}}` | so many times; any [range](#ranges) |
//! | `{"event": .., "never": true}` | not once |
//! | `{"event": .., "sum": {"of": "total", "at_least": 100}}` | the sum of a property lies in the range; also `average`, `min`, `max`, and `distinct` (how many different values) |
//! | `{"event": .., "first": {"older_than": "90d"}}` | the first occurrence ever has this [age](#ages); `last`: the latest |
//! | `{"event": .., "gap": {"at_least": "60d"}}` | the time between the latest and the one before lies in the range |
//! | `{"sequence": ["A", "B"], "within": "1d", "in_last": "30d"}` | an A, then a B at the same instant or later, within so long of the A (optional), the B in the last so long (optional); 2 to 8 steps; a step may be `{"event": .., "where": {..}}` |
//! | `{"segment": "loyal"}` | is in another segment |
//! | `{"consent": {"channel": "email", "topic": "offers"}}` | a grant is on record and valid |
//! | `{"reachable": "email"}` | there is a contact point that is not blocked, or the channel needs none |
//! | `{"reachable": {"channel": "push", "device": "ios"}}` | there is a device of this kind whose token is not blocked |
//! | `{"preferred_channel": "sms"}` | asked for this channel |
//! | `{"engaged": {"channel": "email", "within": "30d"}}` | engaged with a message there; `within` is optional |
//! | `{"identified": true}` | the shop knows who it is |
//! | `{"first_seen": {"younger_than": "60s"}}`, `{"last_seen": ..}` | the first or latest event has this [age](#ages) |
//! | `{"bucket": {"of": "test-7", "from": 0, "to": 50}}` | the customer's stable draw of 100 for this purpose lies in `[0, 50)` |
//! | `{"lifecycle": "at_risk"}` | stands there in life as a customer: `new`, `active`, `loyal`, `at_risk`, `dormant`, `won_back`; or one of a list |
//! | `{"buyer_stage": "decision"}` | stands there in the buyer's journey: `awareness`, `consideration`, `decision`, `post_purchase`; or one of a list |
//! | `{"affinity": {"category": "tea", "share": {"at_least": "0.5"}}}` | the part that a `category` or a `brand` has of all that the customer likes, from 0 to 1; or its `score`: 1 for a product viewed just now, half of that a half-life later |
//! | `{"lifetime_value": {"at_least": 500}}` | the money of all orders, in the playbook's currency, lies in the [range](#ranges); also `average_order`, and `orders` (how many); with `"money": "gross"` in the object as if nothing had been sent back |
//! | `{"rfm": {"group": "champions"}}` | is of this group of the playbook's [`RfmModel`]; also `recency`, `frequency`, `monetary`, each a [range](#ranges) of bands |
//! | `{"best_hour": {"hour": {"between": [18, 21]}}}` | the hour of the local day in which they engage most lies in the [range](#ranges); also `engagements`, how many show it |
//! | `{"learned_channel": {"channel": "email"}}` | they engage best there; also `sent` and `engaged`, the evidence, each a [range](#ranges) |
//! | `{"device": {"kind": "ios"}}` | they engaged on this kind of device at all; or `engagements` lie in a [range](#ranges); also its `share` of all, from 0 to 1 |
//! | `{"trigger": {<filter>}}` | in journeys: the triggering event passes the [filter](Filter) |
//!
//! An `event` condition also takes:
//!
//! | field | meaning |
//! |---|---|
//! | `"where": {<filter>}` | only occurrences that pass the [filter](Filter) |
//! | `"within": "30d"` | only those in `(now - 30d, now]`: one leaves exactly 30 x 24 h after its timestamp (promise 5.4) |
//! | `"since": "2026-01-01"`, `"until": ..` | only those from the one instant (included) to the other (not included); not with `first`, `last` and `gap`, nor is `within` |
//! | `"currency": "EUR"` | occurrences whose `currency` is another one are left out |
//! | `"money": "gross"` | for `Order Completed`: as if nothing had been sent back; the default is `net` |
//!
//! # Comparisons
//! `equals`, `not_equals`, `above`, `below`, `at_least`, `at_most`, `between: [a, b]` (both included), `in: [..]`, `not_in`,
//! `contains` (part of a text, or member of a list), `starts_with`, `ends_with`, `exists: true` or `false`; several must all
//! hold. A comparison with a missing or wrongly typed value is false; `not_equals`, `not_in` and `exists: false` are exactly
//! the opposite of the others, and so true of a missing value (promise 5.1).
//!
//! # Ranges
//! `equals` (or `exactly`), `above`, `below`, `at_least`, `at_most`, `between: [a, b]`. Counts, distinct counts and sums over
//! nothing are zero, so `at_most` holds of a customer without any history (promise 5.3); an average, least or greatest of
//! nothing lies in no range.
//!
//! # Ages
//! `older_than` begins at the very instant at which the age is reached, and there `younger_than` ends. Both may be given. What
//! never happened has no age.
//!
//! # Money
//! What a condition asks of `Order Completed` with `count`, `sum`, `average`, `min`, `max`, `distinct` or `never` is net
//! (promise 5.6). An `Order Refunded` whose `order_id` names an order takes its money (`total`, else `revenue`; all of it if
//! it says no amount) from that order at the order's time; an `Order Cancelled` takes all. An order of which nothing is left
//! counts no more. A refund that names no known order lowers a sum or average at its own time, if it passes the filter. A
//! refund in another currency than its order is left out, and a figure of money over several currencies lies in no range:
//! give a `currency`. `first`, `last` and `gap` ask when something happened, and are always gross.

mod affinity;
mod attribute;
mod columns;
mod compare;
mod consent_state;
mod counts;
mod criteria;
mod definition;
mod effect;
mod event;
mod figure;
mod filter;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod laws;
mod learned;
mod measure;
mod membership;
mod path;
mod person;
mod plan;
mod quick;
mod range;
mod recent;
#[cfg(test)]
mod reference;
mod retained;
mod returns;
mod rfm;
#[cfg(test)]
mod sayable;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod select;
#[cfg(test)]
mod sentences;
mod sequence;
mod spending;
mod stage;
mod time;
#[cfg(test)]
mod trial;
pub mod words;

use std::fmt::Debug;

pub use columns::Columns;
pub use consent_state::ConsentState;
pub use criteria::Criteria;
pub use definition::SegmentDefinition;
pub(crate) use definition::decode_segments;
pub use effect::Effect;
pub use filter::Filter;
pub use membership::Membership;
pub use rfm::{RfmFit, RfmGroup, RfmModel, RfmScore};
pub use select::{SelectError, Selection};
pub use words::CriteriaBuilder;

use crate::customer::{Customer, History, Profile};
use crate::primitives::fault::{FaultSink, Node};
use crate::primitives::{Faults, Fields, Instant, Key, Needs};

/// A set of customers, told by what is known of each.
///
/// # Contract
/// - [`evaluate`](Self::evaluate) depends on its arguments alone: it reads no clock, draws no chance, never blocks, and gives
///   the same answer whenever it is asked the same again.
/// - [`Membership::until`] is after `now` and **never later** than the next instant at which the answer changes if nothing
///   happens. It may be earlier: being asked too soon costs time, being asked too late loses an entry. `None` promises that
///   time alone never changes the answer.
/// - [`needs`](Self::needs) names everything that is read. It does not change while the segment is in use: what it does not
///   name is not kept, and its change asks nobody to evaluate anew.
/// - A panic in it ends the evaluation of that customer with a reason and harms nobody else.
pub trait Segment: Debug + Send + Sync {
    /// Whether a customer is inside at an instant, and until when at least.
    fn evaluate(&self, who: &dyn Customer, now: Instant) -> Membership;

    /// What it reads of a customer.
    fn needs(&self) -> Needs;

    /// What one more occurrence of an event that it reads can do to its answer. Where that can only bring customers in, the
    /// ones inside are not asked again. [`Effect::Either`] is always true, and costs an evaluation for each such event.
    fn effect(&self, event: &Key) -> Effect {
        let _ = event;
        Effect::Either
    }
}

/// What a rule is asked about.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    who: &'a dyn Customer,
    /// The same, if it is the library's own record: then it is read without a detour.
    profile: Option<&'a Profile>,
    now: Instant,
    trigger: Option<&'a Fields>,
}

impl<'a> Facts<'a> {
    /// A customer at an instant.
    #[inline]
    pub fn new(who: &'a dyn Customer, now: Instant) -> Self {
        Facts { who, profile: who.as_profile(), now, trigger: None }
    }

    /// With the properties of the event that a journey's run began with, or that is about to begin one.
    #[inline]
    pub fn with_trigger(self, properties: &'a Fields) -> Self {
        Facts { trigger: Some(properties), ..self }
    }

    #[inline]
    fn history(&self) -> Option<&'a History> {
        match self.profile {
            Some(profile) => Some(&profile.history),
            None => self.who.history(),
        }
    }
}

/// The instant only: the rest may be personal (promise 2.5).
impl Debug for Facts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Facts")
            .field("now", &self.now)
            .field("trigger", &self.trigger.is_some())
            .finish_non_exhaustive()
    }
}

/// Decodes a JSON text whole, or says all that is wrong with it.
fn read<T>(text: &str, decode: impl FnOnce(&Node<'_>) -> Option<T>) -> Result<T, Faults> {
    let sink = FaultSink::default();
    let value = match serde_json::from_str(text) {
        Ok(json) => decode(&Node::root(&json, &sink)),
        Err(wrong) => {
            sink.report("$", format!("not JSON: {wrong}"));
            None
        }
    };
    match value {
        Some(value) if sink.is_empty() => Ok(value),
        _ => Err(sink.into_faults()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The trait is object-safe, and what implements it may be shared between threads.
    fn _obj_safe(_: &dyn Segment) {}

    fn _shared<T: Segment>() {
        fn both<T: Send + Sync>() {}
        both::<T>();
        both::<std::sync::Arc<dyn Segment>>();
    }
}
