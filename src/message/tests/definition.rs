//! What a message says of itself, and what is wrong with it (promises 7.5, 8.1, 9.3).

use super::*;

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
