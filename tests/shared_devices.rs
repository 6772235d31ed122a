//! A device is one customer's at a time: its token goes to the record that heard of it last, whatever fails on the way.

mod random;
mod rig;
mod shop;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::executor::block_on;
use random::Random;
use rig::stores::{Failing, Shared};
use rig::{Does, Rig, owner};
use serde_json::{Value as Json, json};
use shop::{at, book, steps};
use throughline::{Device, Event, IdentityKind, Instant, Playbook, Rehearsal, Span};

fn pushes() -> Json {
    let mut book = book(json!({"j": steps(json!([{"id": "s", "message": "push"}]))}));
    book["channels"]["push"] = json!({});
    book
}

fn opened(user: &str) -> Event {
    Event::track("Application Opened").user(user).from_device(Device::of_kind("android").with_token("tablet"))
}

/// Whose the token is, by the records.
fn holders(rig: &Rig) -> Vec<String> {
    let states = block_on(rig.engine.store().scan(None, 100)).unwrap();
    let held = states.iter().filter(|state| state.profile.points.iter().any(|point| point.point.as_str() == "tablet"));
    held.map(|state| state.profile.external_id().unwrap().to_string()).collect()
}

#[test]
fn promise_2_2_the_next_user_of_a_device_takes_its_token_along_whichever_call_fails() {
    for applied in [false, true] {
        for call in 0..20 {
            let store = Arc::new(Failing::at(usize::MAX, applied));
            let rig = Rig::on(pushes(), |_, _| Does::Answers(Ok(())), Shared(store.clone()));
            rig.ingest(opened("anna").anonymous("v"));
            store.fails.store(store.calls.load(Ordering::SeqCst) + call, Ordering::SeqCst);
            rig.clock.advance(Span::minutes(1));
            let event = opened("bert").anonymous("v").id("m-1");
            assert!((0..5).any(|_| block_on(rig.engine.ingest(event.clone())).is_ok()), "call {call}, {applied}");
            store.fails.store(usize::MAX, Ordering::SeqCst);
            assert_eq!(holders(&rig), ["bert"], "call {call}, applied {applied}");
            assert_ne!(owner(&rig, IdentityKind::User, "anna"), owner(&rig, IdentityKind::Device, "tablet"));
            rig.ingest(Event::track("Begin").user("anna"));
            rig.ingest(Event::track("Begin").user("bert"));
            rig.runs(Span::seconds(5));
            let seen = rig.seen.lock().unwrap();
            let to: Vec<_> = seen.iter().map(|(_, envelope)| envelope.customer).collect();
            assert_eq!(to, [owner(&rig, IdentityKind::User, "bert")], "call {call}, applied {applied}");
        }
    }
}

#[test]
fn promise_2_2_a_push_that_is_on_its_way_to_a_device_of_somebody_else_by_now_is_withdrawn() {
    let rig = Rig::new(pushes(), |_, _| Does::Answers(Ok(())));
    rig.ingest(opened("anna"));
    rig.clock.advance(Span::minutes(1));
    rig.ingest(Event::track("Begin").user("anna"));
    // Decided, and to be claimed anew by the next run.
    rig.ingest(opened("bert"));
    rig.runs(Span::seconds(5));
    assert_eq!(rig.sent(), [""; 0]);
}

#[test]
fn promise_2_3_a_visitor_who_turns_out_to_be_a_user_keeps_the_device() {
    let rig = Rig::new(pushes(), |_, _| Does::Answers(Ok(())));
    rig.ingest(Event::identify().user("anna").anonymous("laptop"));
    let device = Device::of_kind("android").with_token("tablet");
    rig.ingest(Event::track("Application Opened").anonymous("v").from_device(device));
    rig.clock.advance(Span::minutes(1));
    rig.ingest(Event::identify().user("anna").anonymous("v"));
    for minute in 0..3 {
        assert_eq!(holders(&rig), ["anna"], "{minute}");
        rig.clock.advance(Span::minutes(1));
        rig.ingest(opened("anna"));
    }
}

#[test]
fn promise_2_2_a_token_is_with_the_record_that_heard_of_it_last_in_whatever_order_events_arrive() {
    let book = Arc::new(Playbook::from_json(&pushes().to_string()).unwrap());
    let begin = at("2026-03-01T10:00:00Z");
    for seed in 0..500 {
        let mut random = Random(seed);
        let mut last: BTreeMap<String, (Instant, String)> = BTreeMap::new();
        let mut rehearsal = Rehearsal::new(book.clone());
        // Everybody and everything is late: the clock is ahead of all that is told.
        rehearsal.event(Event::track("Begun").user("nobody").at(begin + Span::hours(2))).unwrap();
        for n in 0..12 {
            let (user, token) = (format!("u{}", random.below(3)), format!("t{}", random.below(2)));
            let said = begin + Span::minutes(random.below(60) as i64) + Span::millis(n);
            let event = Event::track("Application Opened").user(&user).at(said);
            rehearsal.event(event.from_device(Device::of_kind("ios").with_token(&token))).unwrap();
            let known = last.entry(token).or_insert((said, user.clone()));
            *known = known.clone().max((said, user));
        }
        let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
        rehearsal.store().for_each(|state| {
            for point in state.profile.points.iter() {
                let user = state.profile.user_id.as_ref().unwrap().to_string();
                held.entry(point.point.as_str().to_owned()).or_default().push(user);
            }
        });
        let wanted: BTreeMap<_, _> = last.into_iter().map(|(token, (_, user))| (token, vec![user])).collect();
        assert_eq!(held, wanted, "seed {seed}");
    }
}
