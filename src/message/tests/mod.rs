//! The promises of section 9, on whole messages.

mod definition;
mod fence;
mod wording;

use super::*;
use crate::customer::{Consent, Customer, Profile, Reach};
use crate::primitives::fault::{FaultSink, Node};
use crate::primitives::{ChannelKind, CustomerId, Fields, Instant, Topic, Value, ValueRef};
use crate::{Charset, Fee, Limits, Tariff};

const BRAND: &str = r##"{
    "name": "Fern & Co", "logo": "https://fern.example/logo.png", "legal": "Fern & Co, 1 Leaf Lane",
    "senders": {"email": {"name": "Fern", "address": "hello@fern.example"}, "sms": {"address": "FERN"}},
    "colours": {"accent": "#0A7D4F"},
    "links": {"unsubscribe": "https://fern.example/u", "shop": "https://fern.example"},
    "footer": "{{ brand.legal }}\nUnsubscribe: {{ unsubscribe_url }}",
    "footer_html": "<p>{{ brand.legal }} <a href=\"{{ unsubscribe_url }}\">Unsubscribe</a></p>"
}"##;

fn brand() -> Brand {
    Brand::parse(BRAND).unwrap()
}

fn channels() -> Vec<ChannelSpec> {
    let mut channels: Vec<ChannelSpec> =
        ["email", "sms", "push", "web_push", "in_app", "inbox", "whatsapp", "audience", "telegram"]
            .map(ChannelSpec::new)
            .to_vec();
    channels.push(ChannelSpec::new("mail2").with_kind(ChannelKind::Email));
    channels
}

fn spec(id: &str) -> ChannelSpec {
    channels().into_iter().find(|spec| spec.id().as_str() == id).unwrap()
}

/// A customer who is nothing but attributes.
struct Who(Fields, Option<&'static str>);

impl Customer for Who {
    fn id(&self) -> CustomerId {
        CustomerId::new("anna")
    }
    fn attribute(&self, key: &Key) -> Option<ValueRef<'_>> {
        self.0.get(key).map(Value::as_ref)
    }
    fn contact_point(&self, _: &ChannelKind) -> Reach<'_> {
        Reach::Unknown
    }
    fn consent(&self, _: &ChannelKind, _: &Topic, _: Instant) -> Consent {
        Consent::NoRecord
    }
    fn locale(&self) -> Option<&str> {
        self.1
    }
    fn country(&self) -> Option<&str> {
        Some("US")
    }
}

fn fields(json: &str) -> Fields {
    Fields::from_json(serde_json::from_str::<serde_json::Value>(json).unwrap().as_object().unwrap())
}

fn who(json: &str) -> Who {
    Who(fields(json), None)
}

fn now() -> Instant {
    "2026-03-07T20:00:00Z".parse().unwrap()
}

fn message(variants: &str) -> Message {
    Message::parse("m", &format!(r#"{{"variants": {variants}}}"#), &brand(), &channels()).unwrap()
}

fn render(variants: &str, channel: &str, who: &Who, trigger: &str) -> Result<Rendered, RenderError> {
    let (brand, trigger) = (brand(), fields(trigger));
    let input = RenderInput { trigger: Some(&trigger), ..RenderInput::new(who, &brand, now()) };
    message(variants).render(&spec(channel), &input)
}

fn sms(text: &str, who: &Who) -> Result<Rendered, RenderError> {
    render(&format!(r#"{{"sms": {{"text": {}}}}}"#, serde_json::Value::from(text)), "sms", who, "{}")
}

fn sms_text(rendered: Rendered) -> String {
    let Content::Sms { text } = rendered.content else { panic!("{:?}", rendered.content) };
    text
}
