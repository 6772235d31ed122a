//! Each channel and language has its words, and they fit (promises 9.1, 9.2).

use super::*;

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
