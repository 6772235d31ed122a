//! One decision among six channels with every rule on.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use throughline::{CustomerState, Event, Input, Instant, Playbook, Surroundings};

const PLAYBOOK: &str = r#"{
  "version": 1, "currency": "EUR",
  "brand": {"name": "Shop", "links": {"unsubscribe": "https://shop.example/u"}},
  "channels": {"email": {"tariff": {"per_message": "0.001"}}, "sms": {"tariff": {"per_message": "0.075"}},
    "push": {}, "web_push": {"by_id": true}, "in_app": {}, "inbox": {}},
  "policy": {"zone": "Europe/Berlin", "topics_default": "opt_out",
    "quiet_hours": {"window": "22:00-08:00"}, "minimum_gap": {"any_channel": "1m", "same_channel": "5m"},
    "frequency_caps": [{"at_most": 9, "rolling": "7d"}, {"at_most": 5, "calendar": "day"},
      {"at_most": 3, "rolling": "24h", "channels": ["sms"]}]},
  "messages": {"sale": {"dedupe": "1h", "variants": {
    "email": {"subject": "Sale", "text": "Sale. {{ unsubscribe_url }}"}, "sms": {"text": "Sale."},
    "push": {"title": "Sale", "body": "Sale."}, "web_push": {"title": "Sale", "body": "Sale."},
    "in_app": {"body": "Sale."}, "inbox": {"title": "Sale", "body": "Sale."}}}},
  "journeys": {"sale": {"trigger": {"event": "Sale"}, "key": "messageId", "steps": [{"id": "tell", "message": "sale"}]}}
}"#;

fn decision(criterion: &mut Criterion) {
    let playbook = Playbook::from_json(PLAYBOOK).unwrap();
    let start: Instant = "2026-03-02T12:00:00Z".parse().unwrap();
    let mut anna = CustomerState::new(throughline::CustomerId::new("anna"), start);
    let around = Surroundings::default();
    let mut step = |input, at| playbook.step(&mut anna, &input, &around, at).unwrap();
    let identify = Event::identify()
        .user("anna")
        .with_trait("email", "anna@example.com")
        .with_trait("phone", "+4915112345678")
        .zone("Europe/Berlin");
    step(Input::Event(identify.into()), start);
    // Three messages in the log for the caps, the gap and the dedupe to look at.
    for n in 0..3 {
        let at = start + throughline::Span::minutes(90 * n);
        step(Input::Event(Event::track("Sale").user("anna").id(&n.to_string()).into()), at);
    }
    let now = start + throughline::Span::hours(8);
    let message = "sale".into();
    assert_eq!(anna.profile.contacts.len(), 3);
    let (choice, decision) = playbook.explain(&anna.profile, &message, now).unwrap();
    assert!(matches!(choice, throughline::Choice::Send { .. }), "{decision}");
    let mut group = criterion.benchmark_group("decision among six channels, every rule on");
    group.bench_function("decided, and the chosen one rendered", |bench| {
        bench.iter(|| black_box(playbook.decide(&anna.profile, &message, black_box(now))));
    });
    group.bench_function("explained", |bench| {
        bench.iter(|| black_box(playbook.explain(&anna.profile, &message, black_box(now))));
    });
    group.finish();
}

/// From the event that asks for it to the envelope in the outcome.
fn message(criterion: &mut Criterion) {
    let playbook = Playbook::from_json(PLAYBOOK).unwrap();
    let start: Instant = "2026-03-02T12:00:00Z".parse().unwrap();
    let around = Surroundings::default();
    let mut fresh = CustomerState::new(throughline::CustomerId::new("anna"), start);
    let identify = Event::identify().user("anna").with_trait("email", "anna@example.com").zone("Europe/Berlin");
    playbook.step(&mut fresh, &Input::Event(identify.into()), &around, start).unwrap();
    let ask = Input::Event(Event::track("Sale").user("anna").id("m-1").into());
    criterion.bench_function("a message: triggered, decided, rendered and queued", |bench| {
        bench.iter_batched_ref(
            || fresh.clone(),
            |anna| black_box(playbook.step(anna, &ask, &around, start)),
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, decision, message);
criterion_main!(benches);
