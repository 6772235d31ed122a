//! Effects as a playbook lists them.

use std::num::NonZeroU32;

use crate::channel::{Retry, decode_retry};
use crate::primitives::fault::Node;
use crate::primitives::{EffectId, Span};

/// For how long an effect is worth having, counted from the decision, unless it says otherwise.
const VALID_FOR: Span = Span::hours(24);
/// How long one hand-over may take.
const TIMEOUT: Span = Span::seconds(10);
/// How many are under way at a time.
const IN_FLIGHT: NonZeroU32 = NonZeroU32::MIN.saturating_add(15);

/// An effect that journeys may call: how long a hand-over may take, and how often it is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EffectSpec {
    /// Its name.
    pub id: EffectId,
    /// How long one hand-over may take; then its outcome is unknown and it is tried again. 10 s by default.
    pub timeout: Span,
    /// How many hand-overs at most are under way on each engine instance. 16 by default.
    pub in_flight: NonZeroU32,
    /// When a hand-over that failed for now is made again: by default after 1 s, 2 s, 4 s, up to 5 min, until its time is
    /// over.
    pub retry: Retry,
    /// For how long it is tried, counted from the decision. 24 h by default.
    pub valid_for: Span,
    /// Whether it is something that the customer gets, like a coupon or a letter: then it is not done for whoever is held
    /// out (promise 6.10), and their runs go on as if it had been. Not by default.
    pub marketing: bool,
}

impl EffectSpec {
    /// With the defaults.
    pub fn new(id: impl Into<EffectId>) -> Self {
        EffectSpec {
            id: id.into(),
            timeout: TIMEOUT,
            in_flight: IN_FLIGHT,
            retry: Retry { attempts: u16::MAX, ..Retry::default() },
            valid_for: VALID_FOR,
            marketing: false,
        }
    }
}

/// The object `effects`: specs by their ids, in the order of the ids.
pub(crate) fn decode_effects(node: &Node<'_>) -> Vec<EffectSpec> {
    let Some(object) = node.open_object() else { return Vec::new() };
    let mut specs: Vec<EffectSpec> = object.fields().filter_map(|(id, node)| effect(id, &node)).collect();
    // Not the text's order: a feature of serde_json that another crate switches on would change it.
    specs.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
    specs
}

fn effect(id: &str, node: &Node<'_>) -> Option<EffectSpec> {
    if id.is_empty() {
        node.fault("an effect needs a name");
        return None;
    }
    let object = node.object(&["timeout", "in_flight", "retry", "valid_for", "marketing", "description"])?;
    let mut spec = EffectSpec::new(id);
    let span = |name: &str, otherwise: Span| object.get(name).and_then(|node| node.span()).unwrap_or(otherwise);
    spec.timeout = span("timeout", spec.timeout);
    spec.marketing = object.get("marketing").and_then(|node| node.boolean()).unwrap_or(false);
    spec.valid_for = span("valid_for", spec.valid_for);
    let in_flight = object.get("in_flight").and_then(|node| node.integer(1..=1_000_000));
    spec.in_flight = in_flight.and_then(|n| NonZeroU32::new(u32::try_from(n).ok()?)).unwrap_or(spec.in_flight);
    if let Some(node) = object.get("retry") {
        spec.retry = decode_retry(&node, spec.retry);
    }
    Some(spec)
}
