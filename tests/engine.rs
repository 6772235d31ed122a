//! What one channel, one recipient or one revocation may and may not do to the rest of what an engine sends.

mod rig;
mod shop;

use std::sync::atomic::Ordering;

use futures::executor::block_on;
use rig::{Does, Rig, START, both, mails};
use serde_json::json;
use shop::{at, book, steps};
use throughline::{Clock, DeliveryError, Event, Instant, Span, Status};

#[test]
fn a_channel_has_no_more_under_way_than_it_says_also_when_two_tasks_run() {
    let mut book = mails();
    book["channels"]["email"]["in_flight"] = 3.into();
    let rig = Rig::new(book, |_, _| Does::Takes(Span::seconds(1), Ok(())));
    rig.meets(20);
    rig.begins(20);
    let two = async { futures::future::join(rig.engine.run_due(), rig.engine.run_due()).await };
    let (one, other) = rig.drive(two, Span::minutes(5)).unwrap();
    assert_eq!(one.unwrap().handed_over + other.unwrap().handed_over, 20);
    assert_eq!((rig.seen.lock().unwrap().len(), rig.most.load(Ordering::SeqCst)), (20, 3));
}

#[test]
fn invariant_i14_a_hanging_channel_times_out_and_delays_no_other_also_not_with_what_comes_later() {
    let mut book = both();
    book["channels"]["email"]["timeout"] = "30s".into();
    book["channels"]["email"]["in_flight"] = 2.into();
    let rig = Rig::new(book, |envelope, _| match envelope.channel.id.as_str() {
        "email" => Does::Hangs,
        _ => Does::Answers(Ok(())),
    });
    rig.meets(30);
    let engine = rig.engine.clone();
    let clock = rig.clock.clone();
    // One customer a second while the mails hang.
    let shop = async {
        for n in 0..30 {
            engine.ingest(Event::track("Begin").user(&format!("u{n}"))).await.unwrap();
            clock.sleep_until(clock.now() + Span::seconds(1)).await;
        }
    };
    let shutdown = rig.clock.sleep_until(at(START) + Span::minutes(20));
    rig.drive(async { futures::future::join(rig.engine.run(shutdown), shop).await }, Span::hours(2))
        .unwrap()
        .0
        .unwrap();
    let seen = rig.seen.lock().unwrap();
    let notes: Vec<Instant> =
        seen.iter().filter(|(_, e)| e.channel.id.as_str() == "in_app").map(|(at, _)| *at).collect();
    assert_eq!(notes.len(), 30);
    let latest = *notes.iter().max().unwrap();
    assert!(latest <= at(START) + Span::seconds(32), "the last note came at {latest}");
    let mails = seen.iter().filter(|(_, e)| e.channel.id.as_str() == "email").count();
    drop(seen);
    // Two at a time for 30 seconds each: all thirty had their turn, none twice, none lost without one.
    let parked = rig.statuses().iter().filter(|status| **status == Status::Parked).count();
    assert_eq!((mails, parked), (30, 30));
}

#[test]
fn a_panicking_channel_and_a_bad_recipient_harm_nobody_else() {
    let rig = Rig::new(both(), |envelope, _| match (envelope.channel.id.as_str(), envelope.address()) {
        ("email", "u1@shop.example") => Does::Panics,
        ("email", "u2@shop.example") => Does::Answers(Err(DeliveryError::invalid_contact_point("nobody"))),
        _ => Does::Answers(Ok(())),
    });
    rig.meets(5);
    rig.begins(5);
    std::panic::set_hook(Box::new(|_| {}));
    let ran = rig.drive(rig.engine.run_due(), Span::minutes(5)).unwrap().unwrap();
    drop(std::panic::take_hook());
    assert_eq!((ran.handed_over, ran.accepted), (10, 8));
    let mut statuses = rig.statuses();
    statuses.retain(|status| *status != Status::Accepted);
    statuses.sort_by_key(|status| *status == Status::Refused);
    assert_eq!(statuses, [Status::Parked, Status::Refused]);
}

#[test]
fn promise_8_4_retries_come_with_backoff_and_the_same_key() {
    let rig = Rig::new(mails(), |_, tries| match tries {
        1..=3 => Does::Answers(Err(DeliveryError::transient("451"))),
        _ => Does::Answers(Ok(())),
    });
    rig.meets(1);
    rig.begins(1);
    rig.runs(Span::minutes(1));
    assert_eq!(
        rig.sent(),
        ["10:00:00Z mail email", "10:00:01Z mail email", "10:00:03Z mail email", "10:00:07Z mail email"]
    );
    let seen = rig.seen.lock().unwrap();
    assert!(seen.windows(2).all(|pair| pair[0].1 == pair[1].1));
}

#[test]
fn promise_10_1_an_unknown_outcome_is_parked_for_marketing_and_resent_for_transactional_or_within_key_memory() {
    for (message, memory, times) in [("mail", None, 1), ("receipt", None, 2), ("mail", Some("1h"), 2)] {
        let mut book = book(json!({"j": steps(json!([{"id": "s", "message": message}]))}));
        if let Some(memory) = memory {
            book["channels"]["email"]["key_memory"] = memory.into();
        }
        let rig = Rig::new(book, |_, tries| if tries == 1 { Does::Hangs } else { Does::Answers(Ok(())) });
        rig.meets(1);
        rig.begins(1);
        rig.runs(Span::minutes(10));
        let status = if times == 1 { Status::Parked } else { Status::Accepted };
        assert_eq!((rig.sent().len(), rig.statuses()), (times, vec![status]), "{message} {memory:?}");
    }
}

#[test]
fn promise_4_4_a_revocation_between_retries_stops_the_retry() {
    let rig = Rig::new(mails(), |_, _| Does::Answers(Err(DeliveryError::transient("451"))));
    rig.meets(1);
    rig.begins(1);
    rig.drive(rig.engine.run_due(), Span::millis(300)).unwrap().unwrap();
    rig.ingest(Event::track("Unsubscribed").user("u0"));
    rig.runs(Span::hours(1));
    assert_eq!((rig.sent().len(), rig.statuses()), (1, vec![Status::Cancelled]));
}

#[test]
fn invariant_i2_eight_threads_on_one_customer_never_exceed_a_cap_and_reach_it() {
    let mut book =
        book(json!({"j": {"trigger": {"event": "Begin"}, "key": "n", "steps": [{"id": "s", "message": "note"}]}}));
    book["policy"]["frequency_caps"] = json!([{"at_most": 5, "rolling": "24h"}]);
    let rig = Rig::new(book, |_, tries| match tries {
        1 => Does::Answers(Err(DeliveryError::Transient { reason: "503".into(), after: Some(Span::ZERO) })),
        _ => Does::Answers(Ok(())),
    });
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let engine = &rig.engine;
            scope.spawn(move || {
                for n in 0..25 {
                    let key = format!("{thread}-{n}");
                    block_on(engine.ingest(Event::track("Begin").user("u0").property("n", key.as_str()))).unwrap();
                    block_on(engine.run_due()).unwrap();
                }
            });
        }
    });
    rig.drive(rig.engine.run_due(), Span::minutes(1)).unwrap().unwrap();
    let accepted = rig.statuses().iter().filter(|status| **status == Status::Accepted).count();
    let mut ids: Vec<_> = rig.seen.lock().unwrap().iter().map(|(_, e)| e.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((accepted, ids.len()), (5, 5));
}

#[test]
fn promise_10_1_what_waits_for_its_channels_rate_is_late_and_not_lost() {
    let mut book = mails();
    book["channels"]["email"]["rate_per_second"] = 1.into();
    let rig = Rig::new(book, |_, _| Does::Answers(Ok(())));
    rig.meets(300);
    rig.begins(300);
    rig.runs(Span::minutes(15));
    let statuses = rig.statuses();
    let accepted = statuses.iter().filter(|status| **status == Status::Accepted).count();
    assert_eq!((rig.sent().len(), accepted), (300, 300));
    let times: Vec<Instant> = rig.seen.lock().unwrap().iter().map(|(at, _)| *at).collect();
    for (n, from) in times.iter().enumerate() {
        let within = times[n..].iter().take_while(|at| **at - *from < Span::seconds(10)).count();
        assert!(within <= 12, "{within} within ten seconds of {from}");
    }
}

#[test]
fn promise_4_4_a_revocation_ingested_after_the_trigger_stops_what_the_trigger_sent() {
    let json = r#"{"version": 1, "currency": "EUR", "channels": {"email": {}},
        "policy": {"topics_default": "opt_out"}, "brand": {"name": "S", "links": {"unsubscribe": "https://s.example/u"}},
        "messages": {"m": {"variants": {"email": {"subject": "m", "text": "{{ unsubscribe_url }}"}}}},
        "journeys": {"j": {"trigger": {"event": "A"}, "steps": [{"id": "send", "message": "m"}]}}}"#;
    #[derive(Debug)]
    struct Never(throughline::ChannelSpec);
    #[throughline::async_trait]
    impl throughline::Channel for Never {
        fn spec(&self) -> &throughline::ChannelSpec {
            &self.0
        }
        async fn send(&self, _: &throughline::Envelope) -> Result<throughline::Accepted, throughline::DeliveryError> {
            panic!("sent after the opt-out")
        }
    }
    let playbook = throughline::Playbook::from_json(json).unwrap();
    let email = Never(throughline::ChannelSpec::new("email"));
    let engine = throughline::Engine::builder(playbook).channel(email).build().unwrap();
    let track = |name: &str, id: &str| throughline::Event::track(name).user("anna").id(id);
    futures::executor::block_on(async {
        let anna = throughline::Event::identify().user("anna").with_trait("email", "anna@example.com");
        engine.ingest(anna).await.unwrap();
        engine.ingest(track("A", "1")).await.unwrap();
        engine.ingest(track("Email Unsubscribed", "2")).await.unwrap();
        assert_eq!(engine.run_due().await.unwrap().handed_over, 0);
    });
}

fn throttled(after: Option<Span>) -> Does {
    Does::Answers(Err(DeliveryError::Throttled { after }))
}

#[test]
fn promise_10_3_a_throttled_channel_pauses_until_its_providers_time_and_others_go_on() {
    let mut book = both();
    book["channels"]["email"]["in_flight"] = 2.into();
    // The provider has enough until 10:10.
    let rig = Rig::new(book, |envelope, tries| match (envelope.channel.id.as_str(), tries) {
        ("email", 1) if envelope.address() < "u2" => throttled(Some(Span::minutes(10))),
        _ => Does::Answers(Ok(())),
    });
    rig.meets(10);
    rig.begins(5);
    rig.runs(Span::minutes(5));
    // These find it paused.
    (5..10).for_each(|n| rig.ingest(Event::track("Begin").user(&format!("u{n}"))));
    rig.runs(Span::minutes(20));
    let seen = rig.seen.lock().unwrap();
    let at_of =
        |channel: &str| seen.iter().filter(|(_, e)| e.channel.id.as_str() == channel).map(|(at, _)| *at).collect();
    let (mails, notes): (Vec<Instant>, Vec<Instant>) = (at_of("email"), at_of("in_app"));
    let before = |times: &[Instant], limit: &str| times.iter().filter(|time| **time < at(limit)).count();
    // Those that were under way when it said so, and then nobody for ten minutes.
    assert!((1..=2).contains(&before(&mails, "2026-03-01T10:10:00Z")), "{mails:?}");
    assert_eq!(before(&mails, "2026-03-01T10:10:05Z"), mails.len(), "{mails:?}");
    assert_eq!((before(&notes, "2026-03-01T10:00:01Z"), before(&notes, "2026-03-01T10:05:02Z")), (5, 10), "{notes:?}");
    drop(seen);
    // Nothing is lost, and nobody gets it twice.
    assert_eq!(rig.statuses(), [Status::Accepted; 20]);
}

#[test]
fn promise_10_3_a_throttled_channel_that_names_no_time_is_asked_again_with_backoff() {
    let mut book = mails();
    book["channels"]["email"]["in_flight"] = 1.into();
    book["channels"]["email"]["retry"] = json!({"attempts": 9});
    let rig = Rig::new(book, |envelope, tries| match (envelope.address(), tries) {
        ("u0@shop.example", 1..=3) => throttled(None),
        _ => Does::Answers(Ok(())),
    });
    rig.meets(2);
    rig.ingest(Event::track("Begin").user("u0"));
    rig.runs(Span::millis(200));
    rig.ingest(Event::track("Begin").user("u1"));
    rig.runs(Span::minutes(2));
    let seen = rig.seen.lock().unwrap();
    let first: Vec<i64> = seen.iter().map(|(time, _)| (*time - at(START)).as_millis() / 1_000).collect();
    drop(seen);
    assert_eq!(rig.statuses(), [Status::Accepted; 2]);
    // After 1, 2 and 4 seconds, each from the answer before; whichever is first asks for both.
    assert!(first[..2] == [0, 1] && first.len() <= 5, "{first:?}");
}

#[test]
fn promise_4_4_a_revocation_while_the_channel_is_throttled_stops_what_waits_for_it() {
    let mut book = mails();
    book["channels"]["email"]["in_flight"] = 1.into();
    let rig = Rig::new(book, |_, tries| match tries {
        1 => throttled(Some(Span::seconds(20))),
        _ => Does::Answers(Ok(())),
    });
    rig.meets(2);
    rig.begins(2);
    rig.runs(Span::seconds(5));
    (0..2).for_each(|n| rig.ingest(Event::track("Unsubscribed").user(&format!("u{n}"))));
    rig.runs(Span::minutes(5));
    assert_eq!((rig.sent().len(), rig.statuses()), (1, vec![Status::Cancelled; 2]));
}
