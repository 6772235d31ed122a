//! Channels as a playbook writes them.

use std::num::NonZeroU32;

use rust_decimal::Decimal;

use super::{ChannelSpec, Charset, Devices, Direction, Fee, Limits, OnUnknown, Retry, Tariff};
use crate::customer::MessageClass;
use crate::primitives::fault::{Node, Object};
use crate::primitives::{ChannelId, ChannelKind, Key};

const FIELDS: [&str; 13] = [
    "kind",
    "direction",
    "by_id",
    "devices",
    "tariff",
    "limits",
    "key_memory",
    "on_unknown",
    "timeout",
    "in_flight",
    "rate_per_second",
    "retry",
    "quiet_hours",
];

/// The object `channels`: specs by their ids, in the order of the ids.
pub(crate) fn decode_channels(node: &Node<'_>) -> Vec<ChannelSpec> {
    let Some(object) = node.open_object() else { return Vec::new() };
    let mut specs: Vec<ChannelSpec> = object.fields().filter_map(|(id, node)| channel(id, &node)).collect();
    // Not the text's order: a feature of serde_json that another crate switches on would change it.
    specs.sort_by(|a, b| a.id().as_str().cmp(b.id().as_str()));
    specs
}

fn channel(id: &str, node: &Node<'_>) -> Option<ChannelSpec> {
    if id.is_empty() {
        node.fault("a channel needs a name");
        return None;
    }
    let object = node.object(&FIELDS)?;
    let kind = object.get("kind").and_then(|node| node.key()).map(|name| ChannelKind::from_name(name.as_str()));
    let mut spec = ChannelSpec::new(ChannelId::new(id));
    if let Some(kind) = kind {
        spec = spec.with_kind(kind);
    }
    let directions =
        [("outbound", Direction::Outbound), ("inbound", Direction::Inbound), ("audience", Direction::Audience)];
    if let Some(direction) = object.get("direction").and_then(|node| node.one_of(&directions)) {
        spec = spec.with_direction(direction);
    }
    set(&mut spec.by_id, object.get("by_id").and_then(|node| node.boolean()));
    if let Some(node) = object.get("devices") {
        if spec.kind().has_devices() {
            set(&mut spec.devices, node.one_of(&[("all", Devices::All), ("latest", Devices::Latest)]));
        } else {
            node.fault("only a channel of the kind push or web_push reaches devices; remove it, or say the `kind`");
        }
    }
    set(&mut spec.tariff, object.get("tariff").map(|node| tariff(&node)));
    if let Some(node) = object.get("limits") {
        limits(&node, &mut spec.limits);
    }
    spec.key_memory = object.get("key_memory").and_then(|node| node.span());
    if let Some(node) = object.get("on_unknown") {
        on_unknown(&node, &mut spec);
    }
    set(&mut spec.timeout, object.get("timeout").and_then(|node| node.span()));
    set(&mut spec.in_flight, object.get("in_flight").and_then(|node| count(&node)));
    spec.rate_per_second = object.get("rate_per_second").and_then(|node| count(&node));
    set(&mut spec.retry, object.get("retry").map(|node| decode_retry(&node, Retry::default())));
    set(&mut spec.quiet_hours, object.get("quiet_hours").and_then(|node| node.boolean()));
    Some(spec)
}

fn tariff(node: &Node<'_>) -> Tariff {
    let Some(object) = node.object(&["per_message", "per_part", "by_country"]) else { return Tariff::default() };
    let general = fee(&object, Fee::default());
    let mut tariff = Tariff::of(general);
    let countries = object.get("by_country").and_then(|node| node.open_object());
    for (country, node) in countries.iter().flat_map(Object::fields) {
        if let Some(object) = node.object(&["per_message", "per_part"]) {
            tariff = tariff.with_country(country, fee(&object, general));
        }
    }
    tariff
}

/// What a country leaves out is as everywhere.
fn fee(object: &Object<'_>, general: Fee) -> Fee {
    let amount = |name: &str, otherwise: Decimal| {
        let Some(node) = object.get(name) else { return otherwise };
        match node.decimal() {
            Some(amount) if amount.is_sign_negative() && !amount.is_zero() => {
                node.fault("a price is not below zero");
                otherwise
            }
            amount => amount.unwrap_or(otherwise),
        }
    };
    Fee { per_message: amount("per_message", general.per_message), per_part: amount("per_part", general.per_part) }
}

fn limits(node: &Node<'_>, limits: &mut Limits) {
    let Some(object) = node.object(&["bytes", "reserved", "parts", "graphemes", "charset"]) else { return };
    if let Some(node) = object.get("bytes") {
        limits.bytes = count(&node);
    }
    let reserved = object.get("reserved").and_then(|node| node.integer(0..=1_000_000));
    set(&mut limits.reserved, reserved.and_then(|n| u32::try_from(n).ok()));
    if let Some(bytes) = limits.bytes
        && limits.reserved >= bytes.get()
    {
        node.fault("`reserved` leaves nothing of `bytes`");
    }
    if let Some(node) = object.get("parts") {
        limits.parts = count(&node);
    }
    let fields = object.get("graphemes").and_then(|node| node.open_object());
    for (field, node) in fields.iter().flat_map(Object::fields) {
        if let Some(most) = count(&node) {
            *limits = std::mem::take(limits).with_graphemes(Key::new(field), most);
        }
    }
    let charsets = [("as_written", Charset::AsWritten), ("plain", Charset::Plain)];
    set(&mut limits.charset, object.get("charset").and_then(|node| node.one_of(&charsets)));
}

/// One word for both classes, or an object that tells them apart.
fn on_unknown(node: &Node<'_>, spec: &mut ChannelSpec) {
    let words = [("park", OnUnknown::Park), ("resend", OnUnknown::Resend)];
    if node.json().is_string() {
        if let Some(policy) = node.one_of(&words) {
            (spec.on_unknown_marketing, spec.on_unknown_transactional) = (policy, policy);
        }
        return;
    }
    let Some(object) = node.object(&["marketing", "transactional"]) else { return };
    for (name, class) in [("marketing", MessageClass::Marketing), ("transactional", MessageClass::Transactional)] {
        if let Some(policy) = object.get(name).and_then(|node| node.one_of(&words)) {
            *spec = spec.clone().with_on_unknown(class, policy);
        }
    }
}

/// What is not said is as in `retry`.
pub(crate) fn decode_retry(node: &Node<'_>, mut retry: Retry) -> Retry {
    let Some(object) = node.object(&["attempts", "first", "factor", "at_most"]) else { return retry };
    let attempts = object.get("attempts").and_then(|node| node.integer(1..=100));
    set(&mut retry.attempts, attempts.and_then(|n| u16::try_from(n).ok()));
    set(&mut retry.first, object.get("first").and_then(|node| node.span()));
    let factor = object.get("factor").and_then(|node| node.integer(1..=10));
    set(&mut retry.factor, factor.and_then(|n| u32::try_from(n).ok()));
    set(&mut retry.at_most, object.get("at_most").and_then(|node| node.span()));
    retry
}

fn count(node: &Node<'_>) -> Option<NonZeroU32> {
    node.integer(1..=1_000_000).and_then(|n| u32::try_from(n).ok()).and_then(NonZeroU32::new)
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::fault::FaultSink;
    use crate::primitives::{Fault, Span};

    fn decode(json: &str) -> (Vec<ChannelSpec>, Vec<String>) {
        let json = serde_json::from_str(json).unwrap();
        let sink = FaultSink::default();
        let specs = decode_channels(&Node::root(&json, &sink));
        (specs, sink.into_faults().iter().map(Fault::to_string).collect())
    }

    #[test]
    fn a_channel_is_read_with_the_defaults_of_its_kind() {
        let (specs, faults) = decode(
            r#"{"sms": {"tariff": {"per_part": "0.08", "by_country": {"US": {"per_part": 0.0079}}},
                        "limits": {"parts": 2}, "on_unknown": "park", "rate_per_second": 50},
                "news": {"kind": "e-mail", "key_memory": "24h", "retry": {"attempts": 3}, "quiet_hours": false,
                         "limits": {"graphemes": {"subject": 60}}},
                "in_app": {}, "push": {}, "push_one": {"kind": "push", "devices": "latest"}}"#,
        );
        assert_eq!(faults, [""; 0]);
        let [in_app, news, push, push_one, sms] = specs.as_slice() else { panic!("{specs:?}") };
        assert_eq!((push.devices, push_one.devices), (Devices::All, Devices::Latest));
        assert_eq!((in_app.by_id, in_app.direction), (true, Direction::Inbound));
        assert_eq!((news.kind(), news.key_memory), (&ChannelKind::Email, Some(Span::hours(24))));
        assert_eq!((news.retry.attempts, news.quiet_hours), (3, false));
        assert_eq!(news.limits.graphemes_of("subject"), Some(60));
        assert_eq!(sms.tariff.price(Some("US"), 2).to_string(), "0.0158");
        assert_eq!(sms.tariff.price(None, 2).to_string(), "0.16");
        assert_eq!(sms.on_unknown(MessageClass::Transactional), OnUnknown::Park);
        assert_eq!(sms.limits.parts.map(NonZeroU32::get), Some(2));
    }

    #[test]
    fn all_faults_of_the_channels_are_reported_at_once() {
        let (_, faults) = decode(
            r#"{"a": {"tarif": {}}, "b": {"tariff": {"per_message": -1}, "timeout": "soon"},
                "c": {"in_flight": 0, "on_unknown": {"marketing": "drop"}, "direction": "inbond"},
                "d": {"limits": {"bytes": 100, "reserved": 100}}, "e": {"devices": "all"},
                "f": {"kind": "push", "devices": "some"}}"#,
        );
        let paths: Vec<&str> = faults.iter().filter_map(|fault| fault.split(": ").next()).collect();
        let c = ["$.c.direction", "$.c.on_unknown.marketing", "$.c.in_flight"];
        assert_eq!(
            paths,
            [
                "$.a.tarif",
                "$.b.tariff.per_message",
                "$.b.timeout",
                c[0],
                c[1],
                c[2],
                "$.d.limits",
                "$.e.devices",
                "$.f.devices"
            ],
            "{faults:#?}"
        );
    }
}
