//! Which events say what of a customer, and for how long: data of the playbook, with defaults.

use super::affinity::Liked;
use super::order_line::LineKind;
use super::stage::{BuyerStages, LifecycleStages};
use crate::primitives::fault::{FaultSink, Node, Object};
use crate::primitives::{Key, Span};

/// What a customer's [`Figures`](super::Figures) are made by: the section `figures` of a
/// [playbook](crate::guide::playbook#figures).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FigureRules {
    /// How long the stages of the buyer's journey last.
    pub buyer_stages: BuyerStages,
    /// The thresholds of the lifecycle.
    pub lifecycle: LifecycleStages,
    /// After how many days an affinity is worth half.
    pub half_life_days: u16,
    /// The property in which an order of another currency carries its value in the shop's.
    pub converted: Option<Key>,
    /// By the stable hash of the event's name.
    signals: Box<[(u64, Signal)]>,
}

/// What one event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Signal {
    pub(super) line: Option<LineKind>,
    pub(super) sign: Option<Sign>,
    /// How much it says of what the customer likes.
    pub(super) weight: u16,
}

/// A sign of the buyer's journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Consideration,
    Decision,
}

/// The events of the Segment e-commerce spec that show that somebody looks at products, and that they are about to buy.
const CONSIDERATION: [&str; 7] = [
    "Product Viewed",
    "Product Clicked",
    "Product List Viewed",
    "Product List Filtered",
    "Products Searched",
    "Product Added to Wishlist",
    "Product Shared",
];
const DECISION: [&str; 7] = [
    "Product Added",
    "Cart Viewed",
    "Checkout Started",
    "Checkout Step Viewed",
    "Checkout Step Completed",
    "Payment Info Entered",
    "Coupon Applied",
];

/// What the events say of the products that they name.
const WEIGHTS: [(&str, u16); 6] = [
    ("Product List Viewed", 1),
    ("Product Clicked", 1),
    ("Product Viewed", 1),
    ("Product Added to Wishlist", 2),
    ("Product Added", 3),
    ("Order Completed", 5),
];

const HALF_LIFE_DAYS: u16 = 30;

impl Default for FigureRules {
    fn default() -> Self {
        let weights = WEIGHTS.map(|(name, weight)| (Key::new(name), weight));
        FigureRules {
            buyer_stages: BuyerStages::default(),
            lifecycle: LifecycleStages::default(),
            half_life_days: HALF_LIFE_DAYS,
            converted: None,
            signals: signals(&CONSIDERATION.map(Key::new), &DECISION.map(Key::new), &weights),
        }
    }
}

impl FigureRules {
    /// From the section of a playbook. All faults are reported.
    pub(crate) fn decode(node: &Node<'_>) -> FigureRules {
        let mut rules = FigureRules::default();
        let Some(object) = node.object(&["buyer_journey", "lifecycle", "affinity", "converted"]) else { return rules };
        let mut considered = CONSIDERATION.map(Key::new).to_vec();
        let mut decided = DECISION.map(Key::new).to_vec();
        if let Some(journey) = part(&object, "buyer_journey", &["consideration", "decision", "post_purchase"]) {
            let stages = &mut rules.buyer_stages;
            stage(&journey, "consideration", &mut stages.consideration, Some(&mut considered));
            stage(&journey, "decision", &mut stages.decision, Some(&mut decided));
            stage(&journey, "post_purchase", &mut stages.post_purchase, None);
            for event in considered.iter().filter(|event| decided.contains(event)) {
                journey.node().fault(format!("`{event}` is a sign of both consideration and decision; keep one"));
            }
        }
        if let Some(object) = object.get("lifecycle") {
            lifecycle(&object, &mut rules.lifecycle);
        }
        let mut weights: Vec<(Key, u16)> = WEIGHTS.map(|(name, weight)| (Key::new(name), weight)).to_vec();
        if let Some(affinity) = part(&object, "affinity", &["half_life", "weights"]) {
            if let Some(days) = affinity.get("half_life").and_then(|node| days(&node)) {
                rules.half_life_days = days;
            }
            if let Some(list) = affinity.get("weights").and_then(|node| node.open_object()) {
                let read = |(name, node): (&str, Node<'_>)| Some((Key::new(name), node.integer(0..=100)? as u16));
                weights = list.fields().filter_map(read).collect();
            }
        }
        rules.converted = object.get("converted").and_then(|node| node.key());
        rules.signals = signals(&considered, &decided, &weights);
        rules
    }

    /// What the playbook that a definition stands in says, else the defaults: for conditions on stages, whose faults are
    /// reported where they stand.
    pub(crate) fn around(node: &Node<'_>) -> FigureRules {
        let unheard = FaultSink::default();
        node.section("figures").map(|section| FigureRules::decode(&Node::root(section, &unheard))).unwrap_or_default()
    }

    pub(super) fn signal(&self, event: &Key) -> Option<Signal> {
        let at = self.signals.binary_search_by_key(&event.hash(), |(hash, _)| *hash).ok()?;
        self.signals.get(at).map(|(_, signal)| *signal)
    }

    /// What a product is liked by.
    pub(super) const LIKED: [(&'static str, Liked); 2] = [("category", Liked::Category), ("brand", Liked::Brand)];
}

fn signals(considered: &[Key], decided: &[Key], weights: &[(Key, u16)]) -> Box<[(u64, Signal)]> {
    let mut all: Vec<(u64, Signal)> = Vec::new();
    let mut of = |event: &Key, change: &dyn Fn(&mut Signal)| {
        let at = all.iter().position(|(hash, _)| *hash == event.hash()).unwrap_or_else(|| {
            all.push((event.hash(), Signal::default()));
            all.len() - 1
        });
        if let Some((_, signal)) = all.get_mut(at) {
            change(signal);
        }
    };
    for (name, kind) in LineKind::EVENTS {
        of(&Key::new(name), &|signal| signal.line = Some(kind));
    }
    considered.iter().for_each(|event| of(event, &|signal| signal.sign = Some(Sign::Consideration)));
    decided.iter().for_each(|event| of(event, &|signal| signal.sign = Some(Sign::Decision)));
    weights.iter().for_each(|(event, weight)| of(event, &|signal| signal.weight = *weight));
    all.sort_unstable_by_key(|(hash, _)| *hash);
    all.into()
}

fn part<'a>(object: &Object<'a>, name: &str, known: &[&str]) -> Option<Object<'a>> {
    object.get(name)?.object(known)
}

/// `{"events": [..], "lasts": ..}`; without a list to fill only `lasts`.
fn stage(object: &Object<'_>, name: &str, lasts: &mut Span, events: Option<&mut Vec<Key>>) {
    let known: &[&str] = if events.is_some() { &["events", "lasts"] } else { &["lasts"] };
    let Some(part) = part(object, name, known) else { return };
    if let Some(span) = part.get("lasts").and_then(|node| node.span()) {
        *lasts = span;
    }
    if let (Some(events), Some(node)) = (events, part.get("events"))
        && let Some(list) = node.list()
    {
        *events = list.iter().filter_map(|node| node.key()).collect();
    }
}

fn lifecycle(node: &Node<'_>, stages: &mut LifecycleStages) {
    let spans = ["new_for", "at_risk_after", "dormant_after", "won_back_for"];
    let known = ["new_for", "at_risk_after", "dormant_after", "won_back_for", "loyal_orders"];
    let Some(object) = node.object(&known) else { return };
    let fields = [&mut stages.new_for, &mut stages.at_risk_after, &mut stages.dormant_after, &mut stages.won_back_for];
    for (name, field) in spans.into_iter().zip(fields) {
        if let Some(span) = object.get(name).and_then(|node| node.span()) {
            *field = span;
        }
    }
    if let Some(orders) = object.get("loyal_orders").and_then(|node| node.integer(1..=1_000_000)) {
        stages.loyal_orders = orders as u32;
    }
    if stages.at_risk_after >= stages.dormant_after {
        let (risk, dormant) = (stages.at_risk_after, stages.dormant_after);
        node.fault(format!(
            "nobody is ever at risk: `at_risk_after` ({risk}) has to be shorter than `dormant_after` ({dormant})"
        ));
    }
}

/// A half-life: whole days, so that its steps fall on whole milliseconds.
fn days(node: &Node<'_>) -> Option<u16> {
    const DAY: i64 = 86_400_000;
    let millis = node.span()?.as_millis();
    let days = u16::try_from(millis / DAY).ok().filter(|days| millis % DAY == 0 && (1..=3_650).contains(days));
    if days.is_none() {
        node.fault("expected a whole number of days, at most 3650d");
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decode(json: serde_json::Value) -> (FigureRules, String) {
        let sink = FaultSink::default();
        let rules = FigureRules::decode(&Node::root(&json, &sink));
        (rules, sink.into_faults().to_string())
    }

    #[test]
    fn promise_6_1_all_faults_of_the_section_are_reported_at_once() {
        let (_, faults) = decode(json!({
            "buyer_journey": {"decision": {"events": ["Product Viewed"]}, "post_purchase": {"events": []}},
            "lifecycle": {"at_risk_after": "200d", "loyal_orders": 0, "newfor": "1d"},
            "affinity": {"half_life": "36h", "weights": {"A": 101}},
        }));
        let lines: Vec<&str> = faults.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "7 faults",
                "$.buyer_journey.post_purchase.events: unknown field; known here: lasts",
                "$.buyer_journey: `Product Viewed` is a sign of both consideration and decision; keep one",
                "$.lifecycle.newfor: unknown field; did you mean `new_for`?",
                "$.lifecycle.loyal_orders: expected a whole number from 1 to 1000000, found 0",
                "$.lifecycle: nobody is ever at risk: `at_risk_after` (200d) has to be shorter than `dormant_after` (180d)",
                "$.affinity.half_life: expected a whole number of days, at most 3650d",
                "$.affinity.weights.A: expected a whole number from 0 to 100, found 101",
            ]
        );
    }

    #[test]
    fn which_events_say_what_is_data() {
        let (rules, faults) = decode(json!({
            "buyer_journey": {"decision": {"events": ["Quote Requested"], "lasts": "14d"}},
            "affinity": {"half_life": "60d", "weights": {"Quote Requested": 4}},
        }));
        assert_eq!(faults, "0 faults");
        let signal = rules.signal(&"Quote Requested".into()).unwrap();
        assert_eq!((signal.sign, signal.weight), (Some(Sign::Decision), 4));
        assert_eq!(rules.signal(&"Product Added".into()), None);
        assert_eq!(rules.signal(&"Order Completed".into()).unwrap().weight, 0);
        assert_eq!((rules.half_life_days, rules.buyer_stages.decision), (60, Span::days(14)));
    }
}
