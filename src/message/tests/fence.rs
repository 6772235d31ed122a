//! Templates are fenced in (promise 9.4), and nothing personal gets out (promise 2.5).

use proptest::prelude::*;

use super::*;

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
fn a_loop_over_a_map_goes_by_name() {
    let anna = who(r#"{"sizes": {"z": 1, "a": 2, "m": 3}}"#);
    let text = "{% for name, n in customer.sizes | items %}{{ name }}{{ n }} {% endfor %}";
    assert_eq!(sms_text(sms(text, &anna).unwrap()), "a2 m3 z1");
    assert_eq!(sms_text(sms("{% raw %}{{ x | theirs }}{% endraw %}", &anna).unwrap()), "{{ x | theirs }}");
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

    /// An empty comment says nothing and sends a template the engine's way.
    #[test]
    fn the_short_way_gives_what_the_engine_gives(
        pieces in proptest::collection::vec("customer.(a|b|c|d|gone|x9)|(customer.gone|trigger.t) ?\\| ?default\\('[a-z<& ]{0,4}'\\)|trigger.t|unsubscribe_url|customer.not|-customer.a|customer.a -|customer.a.b", 1..4),
        texts in proptest::collection::vec("[a-z<> {}\n'/]{0,6}", 4),
        value in "[a-z<>&\"'/ \n]{0,12}|[0-9]{1,4}|\\PC{0,4}",
        field in prop_oneof![Just("html"), Just("text")],
    ) {
        let mut source: String = pieces.iter().zip(&texts).map(|(piece, text)| format!("{text}{{{{ {piece} }}}}")).collect();
        source.push_str(texts.last().map_or("", |text| text));
        let mut attributes = fields(r#"{"b": 12, "c": true, "d": 1.5, "x9": ""}"#);
        attributes.insert("a".into(), Value::text(value.as_str()));
        let (anna, brand) = (Who(attributes, None), brand());
        let mut trigger = Fields::new();
        trigger.insert("t".into(), Value::text(value));
        let input = RenderInput { trigger: Some(&trigger), ..RenderInput::new(&anna, &brand, now()) };
        let render = |source: &str| {
            let json = serde_json::json!({"variants": {"email": {"subject": "-", field: source}}}).to_string();
            let message = Message::parse("m", &json, &brand, &channels()).ok()?;
            Some(message.render(&spec("email"), &input).map_err(|error| matches!(error, RenderError::Empty { .. })))
        };
        prop_assert_eq!(render(&source), render(&format!("{{##}}{source}")));
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
