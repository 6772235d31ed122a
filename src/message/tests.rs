//! The promises of section 9, on whole messages.

use proptest::prelude::*;

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

#[test]
fn promise_9_1_each_channel_says_it_in_its_own_form() {
    let variants = r#"{
        "email": {"subject": "Hi {{ customer.first_name }}", "html": "<b>{{ customer.first_name }}</b>", "text": "Hi"},
        "sms": {"text": "Hi {{ customer.first_name }}"},
        "push": {"title": "Hi", "body": "Order {{ trigger.order_id }}", "link": " https://fern.example/o "},
        "in_app": {"body": "Hello"},
        "whatsapp": {"template": "hello", "language": "en_US", "parameters": ["{{ customer.first_name }}", "7"]},
        "audience": {"audience": "lapsed"},
        "telegram": {"body": "Hi {{ customer.first_name }}", "link": "https://fern.example"}
    }"#;
    let anna = who(r#"{"first_name": "Anna"}"#);
    let content = |channel| render(variants, channel, &anna, r#"{"order_id": 17}"#).map(|done| done.content);
    let Ok(Content::Email(email)) = content("email") else { panic!() };
    assert_eq!((email.subject.as_str(), email.html.as_deref()), ("Hi Anna", Some("<b>Anna</b>")));
    assert_eq!(email.from_address.as_deref(), Some("hello@fern.example"));
    assert_eq!(email.unsubscribe_url.as_deref(), Some("https://fern.example/u"));
    assert_eq!(content("sms"), Ok(Content::Sms { text: "Hi Anna".into() }));
    let Ok(Content::Push(push)) = content("push") else { panic!() };
    assert_eq!((push.body.as_str(), push.link.as_deref()), ("Order 17", Some("https://fern.example/o")));
    let Ok(Content::InApp(notice)) = content("in_app") else { panic!() };
    assert_eq!((notice.title.as_deref(), notice.body.as_str()), (None, "Hello"));
    let Ok(Content::WhatsApp(whatsapp)) = content("whatsapp") else { panic!() };
    assert_eq!(whatsapp.parameters, ["Anna", "7"]);
    assert_eq!(content("audience"), Ok(Content::Audience { audience: "lapsed".into(), action: AudienceAction::Add }));
    let Ok(Content::Other(fields)) = content("telegram") else { panic!() };
    assert_eq!(fields["body"], "Hi Anna");
    assert_eq!(content("inbox"), Err(RenderError::NoVariant { channel: "inbox".into() }));
}

#[test]
fn promise_9_1_a_variant_by_id_wins_over_one_by_kind() {
    let variants = r#"{"email": {"subject": "kind", "text": "-"}, "mail2": {"subject": "id", "text": "-"}}"#;
    for (channel, expected) in [("email", "kind"), ("mail2", "id")] {
        let Ok(Content::Email(email)) = render(variants, channel, &who("{}"), "{}").map(|done| done.content) else {
            panic!()
        };
        assert_eq!(email.subject, expected);
    }
    let restricted = r#"{"channels": ["mail2"], "variants": {"email": {"subject": "x", "text": "-"}}}"#;
    let message = Message::parse("m", restricted, &brand(), &channels()).unwrap();
    assert!(message.speaks(&spec("mail2")) && !message.speaks(&spec("email")));
}

#[test]
fn promise_9_1_languages_fall_back_along_the_tag() {
    let variants =
        r#"{"sms": {"locales": {"fr": {"text": "fr"}, "fr-CA": {"text": "fr-CA"}, "default": {"text": "-"}}}}"#;
    for (locale, expected) in [
        (Some("fr-CA"), "fr-CA"),
        (Some("fr_ca"), "fr-CA"),
        (Some("fr-CA-x-quebec"), "fr-CA"),
        (Some("fr-CH"), "fr"),
        (Some("FR"), "fr"),
        (Some("de"), "-"),
        (Some(""), "-"),
        (None, "-"),
    ] {
        let rendered = render(variants, "sms", &Who(Fields::new(), locale), "{}").unwrap();
        assert_eq!(sms_text(rendered), expected, "{locale:?}");
    }
}

#[test]
fn promise_9_2_an_sms_is_cut_to_its_parts_and_priced_by_them() {
    let body = "word ".repeat(200);
    let rendered = sms(&body, &who("{}")).unwrap();
    assert_eq!((rendered.parts, rendered.cut), (3, true));
    let text = sms_text(rendered);
    assert!(text.len() <= 3 * 153 && text.ends_with("word..."), "{text}");

    let long = Message::parse(
        "m",
        r#"{"variants": {"sms": {"text": "{% for n in range(200) %}a{% endfor %}"}}}"#,
        &brand(),
        &channels(),
    )
    .unwrap();
    let fee = Fee { per_part: "0.0079".parse().unwrap(), ..Fee::default() };
    let priced = spec("sms").with_tariff(Tariff::per_part("0.08".parse().unwrap()).with_country("US", fee));
    let rendered = long.render(&priced, &RenderInput::new(&who("{}"), &brand(), now())).unwrap();
    assert_eq!((rendered.parts, rendered.cost.to_string().as_str()), (2, "0.0158"));
}

#[test]
fn promise_9_2_plain_quotes_keep_an_sms_in_gsm_7_where_the_channel_asks_for_it() {
    let message = message(r#"{"sms": {"text": "It’s “here”"}}"#);
    let (anna, brand) = (who("{}"), brand());
    let input = RenderInput::new(&anna, &brand, now());
    assert_eq!(sms_text(message.render(&spec("sms"), &input).unwrap()), "It’s “here”");
    let plain = spec("sms").with_limits(Limits::of(&ChannelKind::Sms).with_charset(Charset::Plain));
    assert_eq!(sms_text(message.render(&plain, &input).unwrap()), "It's \"here\"");
}

#[test]
fn promise_9_2_a_message_that_would_lose_its_link_is_too_long() {
    let text = format!("{}https://fern.example/basket", "word ".repeat(200));
    let error = sms(&text, &who("{}")).unwrap_err();
    assert_eq!(error, RenderError::TooLong { field: "text".into(), limit: "3 parts".into() });
}

#[test]
fn promise_9_2_a_payload_is_cut_in_its_body_to_its_octets() {
    let variants = r#"{"push": {"title": "Hi", "body": "{{ customer.story }}", "link": "https://fern.example"},
                       "web_push": {"title": "{{ customer.story }}", "body": "Hi"}}"#;
    let story = r#"say \"ü\" \n "#.repeat(1_000);
    let anna = who(&format!(r#"{{"story": "{story}"}}"#));
    let rendered = render(variants, "push", &anna, "{}").unwrap();
    assert!(rendered.cut && rendered.content.bytes() <= 4_096 - 256, "{}", rendered.content.bytes());
    let Content::Push(push) = rendered.content else { panic!() };
    assert!(push.body.ends_with('…') && push.link.is_some());
    // Nothing is left to cut where the title alone fills the payload.
    assert!(matches!(render(variants, "web_push", &anna, "{}"), Err(RenderError::TooLong { .. })));
}

#[test]
fn promise_9_2_single_fields_are_cut_at_graphemes() {
    let most = std::num::NonZeroU32::new(12).unwrap();
    let limits = Limits::of(&ChannelKind::Email).with_graphemes("subject", most).with_graphemes("html", most);
    let narrow = spec("email").with_limits(limits);
    let (anna, brand) = (who("{}"), brand());
    let input = RenderInput::new(&anna, &brand, now());
    let rendered = message(r#"{"email": {"subject": "A long subject", "text": "-"}}"#).render(&narrow, &input).unwrap();
    let Content::Email(email) = rendered.content else { panic!() };
    assert_eq!((email.subject.as_str(), rendered.cut), ("A long…", true));
    // HTML cannot lose its end.
    let html = message(r#"{"email": {"subject": "A", "html": "<p>A long paragraph</p>"}}"#);
    assert!(matches!(html.render(&narrow, &input), Err(RenderError::TooLong { .. })));
}

#[test]
fn promise_9_3_the_brand_is_available_everywhere() {
    let variants = r##"{"email": {
        "subject": "News from {{ brand.name }}",
        "html": "<i style='color: {{ brand.colours.accent }}'>{{ brand.name }}</i>{{ brand.footer_html }}",
        "text": "{{ brand.links.shop }}\n{{ brand.footer }}\n{{ brand.sender.sms.address }}"}}"##;
    let rendered = render(variants, "email", &who("{}"), "{}").unwrap();
    let Content::Email(email) = rendered.content else { panic!() };
    assert_eq!(email.subject, "News from Fern & Co");
    let html = email.html.unwrap();
    assert!(
        html.starts_with("<i style='color: #0A7D4F'>Fern &amp; Co</i><p>Fern &amp; Co, 1 Leaf Lane <a href="),
        "{html}"
    );
    assert_eq!(
        email.text.as_deref(),
        Some("https://fern.example\nFern & Co, 1 Leaf Lane\nUnsubscribe: https://fern.example/u\nFERN")
    );
}

#[test]
fn promise_9_3_the_customers_own_unsubscribe_link_goes_before_the_brands() {
    let (anna, brand) = (who("{}"), brand());
    let input = RenderInput {
        unsubscribe_url: Some("https://fern.example/u/signed"),
        ..RenderInput::new(&anna, &brand, now())
    };
    let message = message(r#"{"email": {"subject": "A", "text": "{{ unsubscribe_url }} {{ brand.footer }}"}}"#);
    let Content::Email(email) = message.render(&spec("email"), &input).unwrap().content else { panic!() };
    assert_eq!(email.text.unwrap().matches("/u/signed").count(), 2);
    assert_eq!(email.unsubscribe_url.as_deref(), Some("https://fern.example/u/signed"));
}

#[test]
fn promise_9_3_what_strays_is_a_warning() {
    let variants = r##"{"email": {"subject": "A", "text": "no way out",
        "html": "<i style=\"color:#FF0000; background: #EEE\"><a href=\"#abc\">{{ unsubscribe_url }}</a>&#123;</i>"}}"##;
    let warnings: Vec<String> = message(variants).warnings().iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    assert!(warnings[0].starts_with("$.variants.email.text: marketing e-mail without an unsubscribe link"));
    assert!(warnings[1].starts_with("$.variants.email.html: colours that are not the brand's: #ff0000;"));
    let footed = r#"{"email": {"subject": "A", "text": "{{ brand.footer }}", "html": "{{ brand.footer_html }}"}}"#;
    assert_eq!(message(footed).warnings(), []);
    let receipt = r#"{"class": "transactional", "variants": {"email": {"subject": "A", "text": "-"}}}"#;
    assert_eq!(Message::parse("m", receipt, &brand(), &channels()).unwrap().warnings(), []);
}

#[test]
fn promise_9_4_a_template_reads_only_what_it_names() {
    let message = Message::parse(
        "m",
        r#"{"content_key": "cart-{{ trigger.cart_id }}",
            "variants": {"sms": {"text": "{{ customer.first_name }} {% for p in trigger.products %}{{ p.name }}{% endfor %}"},
                         "email": {"subject": "{{ customer.address.city | default('') }}", "text": "{{ brand.name }}"}}}"#,
        &brand(),
        &channels(),
    )
    .unwrap();
    let names = |keys: &[Key]| keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&message.reads().customer), ["address", "first_name"]);
    assert_eq!(names(&message.reads().trigger), ["cart_id", "products"]);

    let asked = std::sync::Mutex::new(Vec::new());
    struct Spy<'a>(&'a std::sync::Mutex<Vec<String>>, Who);
    impl Customer for Spy<'_> {
        fn id(&self) -> CustomerId {
            self.1.id()
        }
        fn attribute(&self, key: &Key) -> Option<ValueRef<'_>> {
            self.0.lock().unwrap().push(key.as_str().to_owned());
            self.1.attribute(key)
        }
        fn contact_point(&self, _: &ChannelKind) -> Reach<'_> {
            Reach::Unknown
        }
        fn consent(&self, _: &ChannelKind, _: &Topic, _: Instant) -> Consent {
            Consent::NoRecord
        }
    }
    let anna = Spy(&asked, who(r#"{"first_name": "Anna", "secret": "x"}"#));
    let (brand, trigger) = (brand(), fields(r#"{"products": [{"name": "Fern"}, {"name": "Moss"}]}"#));
    let input = RenderInput { trigger: Some(&trigger), ..RenderInput::new(&anna, &brand, now()) };
    assert_eq!(sms_text(message.render(&spec("sms"), &input).unwrap()), "Anna FernMoss");
    assert_eq!(*asked.lock().unwrap(), ["first_name"]);
}

#[test]
fn promise_9_4_what_is_not_there_is_an_error_that_names_the_template_only() {
    let anna = who(r#"{"secret": "MARKER-7"}"#);
    let error = sms("Hi\n{{ customer.first_name }} {{ customer.secret }}", &anna).unwrap_err();
    assert_eq!(
        error,
        RenderError::Template {
            template: "$.variants.sms.text".into(),
            line: 2,
            reason: "`customer.first_name`: not known of this customer".into(),
        }
    );
    for failing in [
        "{{ customer.secret + 1 }}",
        "{{ customer.secret | round }}",
        "{{ customer.secret.x.y }}",
        "{{ customer.secret() }}",
    ] {
        let error = sms(failing, &anna).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("MARKER"), "{error:?}");
    }
    assert_eq!(
        sms("{{ customer.secret | replace('MARKER-7', '') }}", &anna),
        Err(RenderError::Empty { template: "$.variants.sms.text".into() })
    );
}

#[test]
fn promise_9_4_a_template_cannot_run_for_ever() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    for text in [endless, "{{ 'x' * 1000000000 }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"] {
        assert!(matches!(sms(text, &who("{}")), Err(RenderError::Template { .. })), "{text}");
    }
}

#[test]
fn promise_9_4_values_are_escaped_by_field() {
    let anna = who(r#"{"name": "<script>\r\nBcc: x@y.z"}"#);
    let variants = r#"{"email": {"subject": "Hi {{ customer.name }}", "html": "{{ customer.name }}",
                                 "text": "{{ customer.name }}"}}"#;
    let Content::Email(email) = render(variants, "email", &anna, "{}").unwrap().content else { panic!() };
    assert_eq!(email.subject, "Hi <script> Bcc: x@y.z");
    assert!(email.html.unwrap().starts_with("&lt;script&gt;"));
    assert!(email.text.unwrap().starts_with("<script>"));
}

#[test]
fn promise_9_4_no_template_reads_another_one() {
    let variants = r#"{"sms": {"text": "Hi\n{%- include '0t' %}"}}"#;
    let faults = Message::parse("m", &format!(r#"{{"variants": {variants}}}"#), &brand(), &channels()).unwrap_err();
    assert_eq!(faults.to_string(), "1 fault\n  $.variants.sms.text: line 2: a template cannot include another one");
    // Written so that the check does not see it, it still finds nothing.
    let sneaky = r#"{"push": {"title": "{{ 1 }}SECRET", "body": "x"}, "sms": {"text": "a{%\ninclude ['0t','1t','2t'] ignore missing %}"}}"#;
    assert_eq!(sms_text(render(sneaky, "sms", &who("{}"), "{}").unwrap()), "a");
}

#[test]
fn numbers_are_shown_as_they_are() {
    let mut attributes = fields(r#"{"total": 139.12, "count": 3, "round": 10.00}"#);
    let long: rust_decimal::Decimal = "0.1234567890123456789012345".parse().unwrap();
    attributes.insert("long".into(), long.into());
    let anna = Who(attributes, None);
    let text = "{{ customer.total }} {{ customer.count }} {{ customer.long }} {{ customer.round }}";
    assert_eq!(sms_text(sms(text, &anna).unwrap()), "139.12 3 0.1234567890123456789012345 10");
    assert_eq!(sms_text(sms("{{ '%.2f' | format(customer.total * 2) }}", &anna).unwrap()), "278.24");
}

#[test]
fn promise_8_1_the_content_key_is_the_message_and_the_run_unless_it_says_otherwise() {
    let (anna, brand) = (who("{}"), brand());
    let trigger = fields(r#"{"cart_id": "c-1"}"#);
    let input = RenderInput { trigger: Some(&trigger), ..RenderInput::new(&anna, &brand, now()) };
    let (key, text) = message(r#"{"sms": {"text": "a"}}"#).content_key("run-1", &input).unwrap();
    assert_eq!((text.as_str(), key), ("m:run-1", crate::ContentKey::new("m:run-1")));
    let own = r#"{"content_key": "cart-{{ trigger.cart_id }}", "variants": {"sms": {"text": "a"}}}"#;
    let own = Message::parse("m", own, &brand, &channels()).unwrap();
    assert_eq!(own.content_key("run-1", &input).unwrap().1, "cart-c-1");
    let without = RenderInput { trigger: None, ..input };
    assert!(matches!(own.content_key("run-1", &without), Err(RenderError::Template { .. })));
}

#[test]
fn promise_7_5_a_message_says_what_to_do_when_it_is_blocked() {
    let plain = message(r#"{"sms": {"text": "a"}}"#);
    assert_eq!((plain.on_cap, plain.on_closed), (WhenBlocked::NextChannel, WhenBlocked::Wait));
    assert_eq!((plain.deadline, plain.tag.dedupe), (Span::hours(72), Span::days(30)));
    assert_eq!((plain.obeys_caps, plain.tag.counts, plain.tag.topic.as_str()), (true, true, "marketing"));
    let own = r#"{"topic": "offers", "priority": 50, "dedupe": "1h", "value": "2.50", "caps": {"obey": false, "count": true},
        "when_capped": "skip", "when_closed": "end_run", "valid_for": "3h", "variants": {"sms": {"text": "a"}}}"#;
    let own = Message::parse("m", own, &brand(), &channels()).unwrap();
    assert_eq!((own.on_cap, own.on_closed, own.priority), (WhenBlocked::Skip, WhenBlocked::EndRun, 50));
    assert_eq!((own.obeys_caps, own.tag.counts, own.deadline), (false, true, Span::hours(3)));
    assert_eq!(own.value.unwrap().to_string(), "2.50");
}

#[test]
fn all_faults_of_the_messages_are_reported_at_once_with_their_lines() {
    let json = r#"{
        "a": {"variants": {}},
        "b": {"variants": {"emial": {"text": "x"}}, "channels": ["sms", "fax"]},
        "c": {"variants": {"email": {"subject": "{{ customer.first_name", "html": "\n{{ custmer.x }}"},
                           "sms": {"text": "{{ customer }}", "body": "x"},
                           "push": {"title": "x"},
                           "whatsapp": {"language": "en"},
                           "telegram": {}}},
        "d": {"class": "transactional", "caps": {"obey": true}, "value": -1, "when_capped": "wiat",
              "variants": {"sms": {"locales": {"fr!": {"text": "x"}}}}},
        "e": {"variants": {"email": {"subject": "{{ brand.nmae }}", "text": "{{ 1 | nofilter }}"}}},
        "f": {}
    }"#;
    let json = serde_json::from_str(json).unwrap();
    let sink = FaultSink::default();
    let messages = decode_messages(&Node::root(&json, &sink), &brand(), &channels());
    assert_eq!(messages.len(), 6);
    let faults: Vec<String> = sink.into_faults().iter().map(ToString::to_string).collect();
    let expected = [
        "$.a.variants: a message needs a variant for at least one channel",
        "$.b.channels[1]: the playbook has no channel `fax`",
        "$.b.variants.emial: the playbook has no channel and no kind `emial`; did you mean `email`?",
        "$.b.variants: the message goes by `sms` and has no variant for it",
        "$.c.variants.email.subject: line 1: ",
        "$.c.variants.email.html: line 2: nothing is called `custmer`; did you mean `customer`?",
        "$.c.variants.push: the field `body` is missing",
        "$.c.variants.sms.body: unknown field",
        "$.c.variants.sms.text: line 1: name what is read, as in `customer.first_name`",
        "$.c.variants.telegram: a variant needs at least one text",
        "$.c.variants.whatsapp: one of `template` and `text` is needed",
        "$.d.caps: a transactional message does not obey caps",
        "$.d.variants.sms.locales[\"fr!\"]: ",
        "$.d.variants.sms.locales: the field `default` is missing",
        "$.d.when_capped: expected one of",
        "$.d.value: an engagement is not worth less than nothing",
        "$.e.variants.email.subject: line 1: the brand has no `nmae`; did you mean `name`?",
        "$.e.variants.email.text: line 1: there is no filter `nofilter`",
        "$.f: the field `variants` is missing",
    ];
    for wanted in expected {
        assert!(faults.iter().any(|fault| fault.starts_with(wanted)), "{wanted}\nnot in {faults:#?}");
    }
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
}

#[test]
fn promise_2_5_debug_shows_nothing_of_the_customer() {
    let anna = who(r#"{"name": "MARKER-NAME"}"#);
    let variants = r#"{"email": {"subject": "{{ customer.name }}", "text": "{{ customer.name }}"},
                       "telegram": {"body": "{{ customer.name }}"},
                       "whatsapp": {"template": "t", "parameters": ["{{ customer.name }}"]},
                       "push": {"title": "{{ customer.name }}", "body": "{{ customer.name }}"}}"#;
    for channel in ["email", "telegram", "whatsapp", "push"] {
        let rendered = render(variants, channel, &anna, "{}").unwrap();
        assert!(serde_json::to_string(&rendered.content).unwrap().contains("MARKER"));
        assert!(!format!("{rendered:?}").contains("MARKER"), "{rendered:?}");
        let stored = serde_json::to_string(&rendered.content).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&stored).unwrap(), rendered.content);
        match rendered.content {
            Content::Email(email) => assert!(!format!("{email:?}").contains("MARKER")),
            Content::WhatsApp(whatsapp) => assert!(!format!("{whatsapp:?}").contains("MARKER")),
            Content::Push(push) => assert!(!format!("{push:?}").contains("MARKER")),
            _ => {}
        }
    }
    let (brand, trigger) = (brand(), fields(r#"{"x": "MARKER"}"#));
    let profile = Profile::new(CustomerId::new("anna"), now());
    let input = RenderInput { trigger: Some(&trigger), ..RenderInput::new(&profile, &brand, now()) };
    assert!(!format!("{input:?}").contains("MARKER"));
}

proptest! {
    #[test]
    fn promise_9_2_whatever_is_rendered_fits_its_channel(story in "\\PC{0,40}", times in 1usize..200, link in any::<bool>()) {
        let mut story = format!("{story} \" \\ \n").repeat(times);
        if link {
            story.push_str("https://fern.example/x");
        }
        let mut attributes = Fields::new();
        attributes.insert("story".into(), Value::text(story));
        let anna = Who(attributes, None);
        let variants = r#"{"sms": {"text": "a {{ customer.story }}"}, "push": {"title": "a", "body": "{{ customer.story }}"},
            "web_push": {"title": "{{ customer.story }}", "body": "a {{ customer.story }}"},
            "email": {"subject": "a {{ customer.story }}", "html": "{{ customer.story }}<br>"}}"#;
        for channel in ["sms", "push", "web_push", "email"] {
            let Ok(rendered) = render(variants, channel, &anna, "{}") else { continue };
            match &rendered.content {
                Content::Sms { text } => {
                    let count = super::sms::count(text);
                    prop_assert!(count.parts <= 3 && count.parts == rendered.parts as usize);
                }
                Content::Push(_) => prop_assert!(rendered.content.bytes() <= 4_096),
                Content::WebPush(_) => prop_assert!(rendered.content.bytes() <= 3_993),
                Content::Email(email) => prop_assert!(!email.subject.contains(['\n', '\r'])),
                _ => {}
            }
        }
    }

    #[test]
    fn promise_9_4_no_template_text_panics(source in "(\\{\\{|\\}\\}|\\{%|%\\}|customer|trigger|brand|\\.|x| |for|in|if|end|\\||[0-9]|'|\"|\\(|\\)|\\PC){0,30}") {
        let json = serde_json::json!({"variants": {"sms": {"text": source}}}).to_string();
        if let Ok(message) = Message::parse("m", &json, &brand(), &channels()) {
            let anna = who(r#"{"x": 1}"#);
            let _ = message.render(&spec("sms"), &RenderInput::new(&anna, &brand(), now()));
        }
    }
}
