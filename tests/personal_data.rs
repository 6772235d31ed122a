//! Nothing personal in logs (promise 2.5), and none in the store after an erasure (promise 2.4, invariant I11): markers in
//! every field, looked for in five forms.

mod markers;
mod shop;

use std::error::Error;
use std::fmt::{Debug, Display};
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use markers::{MARKERS, found, marker};
use serde_json::{Value as Json, json};
use shop::at;
use throughline::{
    Admission, ChannelKind, CustomerState, Engine, Entry, Envelope, Event, Input, MemoryStore, Notice, Outcome, Place,
    Playbook, Rehearsal, RunView, Secret, Signal, Span, Splits, Surroundings, Who, Work,
};

fn book() -> Json {
    let journey = |message: &str| {
        json!({"trigger": {"event": "Order Completed"}, "key": "order_id", "entry": {"keyed": "30d"}, "steps": [
            {"id": "say", "message": message}, {"id": "w", "wait": "10d"}, {"id": "again", "message": message}]})
    };
    let messages = ["mail", "text", "push", "note", "chat", "wrong"];
    let journeys: Json = messages
        .iter()
        .map(|message| ((*message).to_owned(), journey(message)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({
        "version": 1, "currency": "EUR",
        "brand": {"name": "Shop", "links": {"unsubscribe": "https://shop.example/u"}},
        "channels": {"email": {}, "sms": {}, "push": {}, "in_app": {}, "telegram": {}},
        "identity": {"strong": ["email", "card"]},
        "policy": {"topics_default": "opt_out", "zone": "Europe/Berlin", "quiet_hours": {"window": "01:00-02:00"},
                   "frequency_caps": [{"at_most": 9, "rolling": "1d"}]},
        "figures": {},
        "segments": {
            "bought": {"event": "Order Completed", "where": {"order_id": {"exists": true}}, "count": {"at_least": 1}},
            "looked": {"event": "Product Viewed", "where": {"category": {"exists": true}}, "count": {"at_least": 1}}},
        "messages": {
            "mail": {"dedupe": "1ms", "content_key": "{{ trigger.order_id }}", "variants": {
                "email": {"subject": "Hello {{ customer.first_name }}",
                          "text": "{{ customer.first_name }} {{ trigger.order_id }} {{ unsubscribe_url }}"}}},
            "text": {"dedupe": "1ms", "variants": {"sms": {"text": "Hello {{ customer.first_name }}"}}},
            "push": {"dedupe": "1ms", "variants": {"push": {"title": "Hello", "body": "{{ customer.first_name }}"}}},
            "note": {"dedupe": "1ms", "variants": {"in_app": {"body": "{{ customer.first_name }}"}}},
            "chat": {"dedupe": "1ms", "variants": {"telegram": {"body": "{{ customer.first_name }}"}}},
            "wrong": {"variants": {"in_app": {"body": "{{ customer.first_name + 1 }}"}}}},
        "journeys": journeys
    })
}

/// The JSON of events with a marker in every field, as a shop sends them.
fn log() -> Vec<String> {
    let m = marker;
    let base = |kind: &str, n: u8| {
        json!({"type": kind, "userId": m("user"), "anonymousId": m("visitor"), "messageId": format!("{}-{n}", m("message id")),
            "timestamp": "2026-03-01T10:00:00Z",
            "context": {"timezone": m("zone"), "locale": m("locale"), "location": {"country": m("country")},
                "userAgent": m("context"), "device": {"token": m("token"), "type": m("device"), "id": m("device")}}})
    };
    let mut seen = base("track", 0);
    seen["event"] = "Product Viewed".into();
    seen["properties"] =
        json!({"category": m("category"), "brand": m("brand"), "product_id": m("product"), "query": m("search")});
    let mut who = base("identify", 1);
    who["traits"] = json!({"email": format!("{}@shop.example", m("mailbox")), "phone": format!("+{}", m("phone")),
        "first_name": m("name"), "plan": m("trait"), "address": {"city": m("nested trait"), "list": [m("nested trait")]},
        "card": m("card"), "telegram": m("handle"),
        "messaging_subscriptions": [{"key": format!("{}@shop.example", m("mailbox")), "type": "EMAIL", "status": "SUBSCRIBED"}]});
    let mut alias = base("alias", 2);
    alias["previousId"] = m("former").into();
    let mut order = base("track", 3);
    order["event"] = "Order Completed".into();
    order["properties"] = json!({"order_id": m("order"), "total": 10, "products": [
        {"product_id": m("product"), "category": m("category"), "brand": m("brand"), "price": 10, "quantity": 1}]});
    let mut opened = base("track", 4);
    opened["event"] = "Email Opened".into();
    opened["properties"] = json!({"content_key": m("order")});
    [seen, who, alias, order, opened].iter().map(Json::to_string).collect()
}

/// What was shown of something in each way that a log may.
#[derive(Default)]
struct Shown(Vec<(String, String)>);

impl Shown {
    fn debug(&mut self, what: &str, shown: &dyn Debug) {
        self.0.push((format!("{what} {{:?}}"), format!("{shown:?}")));
        self.0.push((format!("{what} {{:#?}}"), format!("{shown:#?}")));
    }

    fn display(&mut self, what: &str, shown: &dyn Display) {
        self.0.push((format!("{what} {{}}"), format!("{shown} {shown:#}")));
    }

    fn error(&mut self, what: &str, error: &dyn Error) {
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.debug(what, &error);
            self.display(what, &error);
            cause = error.source();
        }
    }

    fn is_clean(&self) {
        let leaks: Vec<String> = self
            .0
            .iter()
            .flat_map(|(what, text)| found(text.as_bytes()).into_iter().map(move |field| format!("{what}: {field}")))
            .collect();
        assert!(leaks.is_empty(), "{leaks:#?}");
    }
}

/// The record of the log, every outcome on the way, and the input that led to each.
fn lived(book: &Playbook) -> (CustomerState, Vec<(Input, Outcome)>) {
    let mut state = CustomerState::new(throughline::CustomerId::new("x"), at("2026-03-01T10:00:00Z"));
    let mut around = Surroundings::default();
    around.explain = true;
    let mut all = Vec::new();
    for line in log() {
        let input = Input::Event(Event::from_json(&line).unwrap().into());
        let outcome = book.step(&mut state, &input, &around, at("2026-03-01T10:00:00Z")).unwrap();
        all.push((input, outcome));
    }
    (state, all)
}

#[test]
fn promise_2_5_neither_debug_nor_display_shows_anything_personal() {
    let book = Playbook::from_json(&book().to_string()).unwrap_or_else(|faults| panic!("{faults}"));
    let (state, all) = lived(&book);
    let mut shown = Shown::default();
    let sent: Vec<&Envelope> = all.iter().flat_map(|(_, outcome)| &outcome.send).collect();
    assert!(sent.len() >= 5, "every channel was used: {sent:?}");
    for (input, outcome) in &all {
        shown.debug("input", input);
        shown.debug("work", &Work { customer: state.profile.id, input: input.clone(), now: state.last });
        shown.debug("outcome", outcome);
        for Notice { at, what } in &outcome.notices {
            shown.debug("notice", &(at, what));
            if let throughline::What::Decided(decision) = what {
                shown.display("decision", decision);
            }
        }
        if let Input::Event(event) = input {
            shown.debug("event", event);
            shown.debug(
                "event parts",
                &(&event.receipt, &event.place, &event.subscriptions, &event.traits, &event.properties),
            );
            shown.debug("signal", &Signal::Event { event, at: state.last });
            event.traits.iter().chain(event.properties.iter()).for_each(|(_, value)| shown.debug("value", value));
        }
    }
    for envelope in sent {
        shown.debug("envelope", envelope);
        shown.debug("content", &envelope.content);
        shown.display("address", &envelope.to);
        shown.0.push(("envelope as JSON".into(), serde_json::to_string(envelope).unwrap()));
    }
    let profile = &state.profile;
    shown.debug("record", &state);
    shown.debug("profile", profile);
    shown.debug("points", &profile.points);
    profile.points.iter().for_each(|point| shown.display("point", &point.point));
    shown.debug("attributes", &(&profile.attributes, profile.attributes.iter().collect::<Vec<_>>()));
    shown.debug("consents", &profile.consents);
    shown.debug("history", &profile.history);
    profile.history.iter().for_each(|series| {
        shown.debug(
            "occurrences",
            &series.within(throughline::Instant::MIN, throughline::Instant::MAX).collect::<Vec<_>>(),
        )
    });
    shown.debug("figures", &profile.figures);
    shown.debug("contacts", &profile.contacts);
    shown.debug("rest", &(&profile.events_seen, &profile.memberships, &profile.place, &profile.channels));
    shown.debug("runs", &(&state.runs, &state.holds));
    assert!(state.runs.iter().any(|run| run.key.as_deref() == Some(marker("order"))));
    let key = || Some(Arc::<str>::from(marker("order")));
    let fields = state.runs[0].data.clone();
    shown.debug(
        "admission",
        &Admission {
            key: key(),
            about: None,
            entry: Entry::Once,
            began: state.last,
            data: fields.clone(),
            refused: None,
        },
    );
    let place = Place { note: Some(marker("trait").into()), ..Place::default() };
    shown.debug(
        "run",
        &RunView {
            place: &place,
            began: state.last,
            key: Some(marker("order")),
            about: None,
            data: &fields,
            latest: true,
            splits: &Splits::default(),
        },
    );
    shown.debug("who", &Who::from(marker("user")));
    let absorbed = absorbing(&book, &state);
    absorbed.iter().for_each(|(input, outcome)| shown.debug("merge", &(input, outcome)));
    shown.is_clean();
}

/// The record becomes part of another, and is erased there.
fn absorbing(book: &Playbook, state: &CustomerState) -> Vec<(Input, Outcome)> {
    let around = Surroundings::default();
    let now = state.last + Span::hours(1);
    let other = throughline::CustomerId::new("other");
    let mut records = [(state.profile.id, state.clone()), (other, CustomerState::new(other, now))];
    let named = Some(book.identity().key(throughline::IdentityKind::User, marker("user")));
    let erase = Input::Erase { named, until: now };
    let mut inputs =
        std::collections::VecDeque::from([(other, Input::Merge { with: state.profile.id }), (other, erase)]);
    let mut all = Vec::new();
    while let Some((to, input)) = inputs.pop_front() {
        let (_, record) = records.iter_mut().find(|(id, _)| *id == to).unwrap();
        let outcome = book.step(record, &input, &around, now).unwrap();
        inputs.extend(outcome.forward.iter().cloned());
        all.push((input, outcome));
    }
    assert!(records.iter().all(|(_, record)| record.has_moved() || record.is_erased()));
    all
}

#[test]
fn promise_2_5_no_error_repeats_what_it_could_not_read() {
    let mut shown = Shown::default();
    // Each field of each event once spoilt in each way.
    for line in log() {
        let whole: Json = serde_json::from_str(&line).unwrap();
        let mut spoilt = vec![line[..line.len() - 3].to_owned(), format!("\"{}\"", marker("user"))];
        for field in whole.as_object().unwrap().keys() {
            for wrong in [
                json!(marker("trait")),
                json!([marker("trait")]),
                json!({"type": marker("trait"), "x": marker("user")}),
                json!(7),
            ] {
                let mut event = whole.clone();
                event[field] = wrong;
                spoilt.push(event.to_string());
            }
        }
        for wrong in [
            json!({"key": marker("mailbox")}),
            json!({"type": "EMAIL", "status": marker("trait"), "key": marker("mailbox")}),
            json!(marker("user")),
        ] {
            let mut event = whole.clone();
            event["context"]["messaging_subscriptions"] = json!([wrong]);
            spoilt.push(event.to_string());
        }
        for text in spoilt {
            if let Err(error) = Event::from_json(&text) {
                shown.error("event", &error);
            }
        }
    }
    assert!(shown.0.len() > 100, "{}", shown.0.len());
    for text in MARKERS.map(|(_, marker)| marker) {
        for error in [throughline::ContactPoint::email(text).err(), throughline::ContactPoint::phone(text).err()] {
            error.iter().for_each(|error| shown.error("contact point", error));
        }
        text.parse::<throughline::Instant>().err().iter().for_each(|error| shown.error("instant", error));
        text.parse::<Span>().err().iter().for_each(|error| shown.error("span", error));
    }
    let book = Playbook::from_json(&book().to_string()).unwrap();
    let (state, _) = lived(&book);
    let bytes = state.encode();
    for cut in 0..bytes.len() {
        CustomerState::decode(&bytes[..cut], &()).err().iter().for_each(|error| shown.error("record", error));
        let mut wrong = bytes.clone();
        wrong[cut] ^= 0xff;
        CustomerState::decode(&wrong, &()).err().iter().for_each(|error| shown.error("record", error));
    }
    // A template that trips over what it is given.
    let spec = book.channel(&"in_app".into()).unwrap();
    let input = throughline::RenderInput::new(&state.profile, book.brand(), state.last);
    shown.debug("render input", &input);
    shown.error("template", &book.message(&"wrong".into()).unwrap().render(spec, &input).unwrap_err());
    shown.is_clean();
}

#[test]
fn promise_2_5_neither_engine_nor_rehearsal_shows_anything_personal() {
    let book = Arc::new(Playbook::from_json(&book().to_string()).unwrap());
    let shown = Arc::new(Mutex::new(Shown::default()));
    let told = shown.clone();
    let mut rehearsal =
        Rehearsal::new(book.clone()).with_observer(move |line| told.lock().unwrap().debug("line", line));
    for line in log() {
        rehearsal.event(Event::from_json(&line).unwrap()).unwrap();
    }
    let summary = rehearsal.run_until(None);
    let mut shown = shown.lock().unwrap();
    shown.debug("rehearsal", &rehearsal);
    shown.debug("summary", &summary);
    shown.debug("store", rehearsal.store());
    rehearsal.store().for_each(|state| shown.debug("record", state));
    let engine = Engine::builder(Arc::new(Playbook::from_json(r#"{"version": 1, "currency": "EUR"}"#).unwrap()))
        .build()
        .unwrap();
    for line in log() {
        shown.debug("ingested", &block_on(engine.ingest_json(&line)));
    }
    let unknown = block_on(engine.merge(marker("former"), marker("card"))).unwrap_err();
    shown.error("merge", &unknown);
    shown.debug("engine", &engine);
    shown.is_clean();
}

/// All that a store keeps.
fn dump(store: &MemoryStore) -> Vec<u8> {
    let mut all = Vec::new();
    store.for_each(|state| all.extend(state.encode()));
    store.for_each_envelope(|envelope| {
        all.extend(envelope.address().as_bytes());
        all.extend(envelope.content_key.as_bytes());
        all.extend(format!("{:?}", envelope.run).bytes());
        all.extend(serde_json::to_string(&*envelope.content).unwrap().bytes());
    });
    all
}

#[test]
fn promise_2_4_an_export_tells_everything_that_the_record_keeps() {
    let book = Arc::new(Playbook::from_json(&book().to_string()).unwrap());
    let mut rehearsal = Rehearsal::new(book.clone());
    for line in log() {
        rehearsal.event(Event::from_json(&line).unwrap()).unwrap();
    }
    let owner = rehearsal.store().owner(book.identity().key(throughline::IdentityKind::User, marker("user"))).unwrap();
    let state = rehearsal.store().with_record(owner, Clone::clone).unwrap();
    let told = book.export(&state, &[]);
    let (kept, shown) = (found(&state.encode()), found(told.as_bytes()));
    assert!(kept.len() >= 13, "{kept:?}");
    for field in kept {
        assert!(shown.contains(&field), "{field} is kept and not told: {told}");
    }
    assert_eq!(told, book.export(&state.clone(), &[]));
    let json: Json = serde_json::from_str(&told).unwrap();
    assert_eq!(json["user_id"], marker("user"));
    assert!(json["segments"].as_array().unwrap().contains(&"bought".into()), "{}", json["segments"]);
    assert_eq!(json["journeys"][0]["step"], "w");
    assert_eq!(json["messages"].as_array().unwrap().len(), 5);
    assert_eq!(json["figures"]["net"]["value"], "10");
    assert_eq!((&json["contact_points"][0]["channel"], &json["stage"]), (&"push".into(), &"live".into()));
    // In one order, so that two exports can be compared line by line.
    let names: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("  \"")?.split('"').next()).collect();
    assert_eq!(names[..4], ["customer", "stage", "erased_at", "user_id"]);
}

#[test]
fn promise_2_4_the_engine_exports_a_customer_with_what_the_suppression_list_says() {
    let engine = Engine::builder(Arc::new(Playbook::from_json(r#"{"version": 1, "currency": "EUR"}"#).unwrap()))
        .build()
        .unwrap();
    assert_eq!(block_on(engine.export("anna")), Ok(None));
    block_on(engine.ingest(Event::identify().user("anna").with_trait("email", "anna@shop.example"))).unwrap();
    let mail = throughline::ContactPoint::email("anna@shop.example").unwrap();
    block_on(engine.suppress(&ChannelKind::Email, &mail, throughline::BlockReason::HardBounce)).unwrap();
    let told: Json = serde_json::from_str(&block_on(engine.export("anna")).unwrap().unwrap()).unwrap();
    assert_eq!(told["contact_points"][0]["address"], "anna@shop.example");
    assert_eq!(told["contact_points"][0]["suppressed"][0]["reason"], "hard_bounce");
    block_on(engine.erase("anna")).unwrap();
    let told: Json = serde_json::from_str(&block_on(engine.export("anna")).unwrap().unwrap()).unwrap();
    assert_eq!((&told["stage"], &told["contact_points"]), (&"erased".into(), &json!([])));
}

#[test]
fn promise_2_4_after_an_erasure_the_store_has_nothing_and_the_same_log_reaches_nobody() {
    let build = Playbook::builder().with_secret(Secret::new([7; 16])).build(&book().to_string());
    let book = Arc::new(build.unwrap_or_else(|faults| panic!("{faults}")));
    // Channels that fail, so that the outbox is full.
    struct Failing;
    impl throughline::ChannelModel for Failing {
        fn send(&mut self, _: &Envelope, _: throughline::Instant) -> throughline::Modelled {
            throughline::Modelled { result: Err(throughline::DeliveryError::transient("busy")), receipts: Vec::new() }
        }
    }
    let mut rehearsal = Rehearsal::new(book.clone()).with_model(Failing);
    for line in log() {
        rehearsal.event(Event::from_json(&line).unwrap()).unwrap();
    }
    rehearsal.pass(at("2026-03-01T10:00:01Z"));
    assert!(rehearsal.store().outbox_len() >= 4, "{}", rehearsal.store().outbox_len());
    let before = found(&dump(rehearsal.store()));
    for field in [
        "user",
        "visitor",
        "mailbox",
        "phone",
        "token",
        "name",
        "trait",
        "nested trait",
        "order",
        "category",
        "card",
        "handle",
        "zone",
    ] {
        assert!(before.iter().any(|found| found.starts_with(field)), "the test sees {field}: {before:?}");
    }
    rehearsal.erase(marker("user"));
    assert_eq!(found(&dump(rehearsal.store())), Vec::<String>::new());
    assert_eq!(rehearsal.store().outbox_len(), 0);
    let handed = rehearsal.handed_over();
    for line in log() {
        rehearsal.event(Event::from_json(&line).unwrap()).unwrap();
    }
    rehearsal.run_until(None);
    assert_eq!(rehearsal.handed_over(), handed, "a new import of the same log contacts nobody");
    assert_eq!(found(&dump(rehearsal.store())), Vec::<String>::new());
    let mail = throughline::ContactPoint::email(&format!("{}@shop.example", marker("mailbox"))).unwrap();
    assert!(rehearsal.store().listed(book.identity().point(&ChannelKind::Email, &mail)).is_some());
}
