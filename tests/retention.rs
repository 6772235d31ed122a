//! For how long visitors are remembered (promise 5.4, `retention`): those who were never known go away by time alone.

mod rig;
mod shop;

use std::sync::Arc;

use futures::executor::block_on;
use rig::{Does, Rig};
use serde_json::{Value as Json, json};
use shop::{at, book, steps};
use throughline::{
    ChannelKind, CustomerState, Event, IdentityKey, IdentityKind, Instant, MemoryStore, Playbook, Rehearsal, Span,
    SubscriptionStatus,
};

const FIRST: &str = "2026-03-01T10:00:00Z";

fn kept(days: u32) -> Json {
    let mut book = book(json!({"j": steps(json!([{"id": "w", "wait": "100d"}, {"id": "s", "message": "note"}]))}));
    book["retention"] = json!({"visitors": format!("{days}d")});
    book["segments"] = json!({"lookers": {"event": "Product Viewed", "within": "10d", "count": {"at_least": 1}}});
    book
}

fn rehearsal(book: Json) -> Rehearsal<'static> {
    Rehearsal::new(Arc::new(Playbook::from_json(&book.to_string()).unwrap_or_else(|faults| panic!("{faults}"))))
}

fn day(days: i64) -> Instant {
    at(FIRST) + Span::days(days)
}

fn looks(visitor: &str) -> Event {
    Event::track("Product Viewed").anonymous(visitor)
}

fn owner(rehearsal: &Rehearsal<'_>, visitor: &str) -> Option<throughline::CustomerId> {
    rehearsal.store().owner(IdentityKey::new(IdentityKind::Anonymous, visitor))
}

#[test]
fn promise_5_4_a_visitor_goes_at_the_exact_instant_with_the_identifier() {
    let mut rehearsal = rehearsal(kept(60));
    rehearsal.event(looks("v").at(day(0))).unwrap();
    rehearsal.event(looks("v").at(day(20))).unwrap();
    rehearsal.pass(day(80));
    assert_eq!(rehearsal.store().len(), 1, "the very instant has not come");
    rehearsal.pass(day(80) + Span::millis(1));
    assert_eq!((rehearsal.store().len(), owner(&rehearsal, "v")), (0, None));
    let summary = rehearsal.run_until(Some(day(81)));
    assert_eq!((summary.customers, summary.segments["lookers"]), (0, 0));
    rehearsal.event(looks("v").at(day(90))).unwrap();
    let id = owner(&rehearsal, "v").unwrap();
    let total = |state: &CustomerState| state.profile.history.series(&"Product Viewed".into()).unwrap().total();
    assert_eq!(rehearsal.store().with_record(id, total), Some(1), "a new visitor");
}

#[test]
fn promise_5_4_whoever_is_known_or_can_be_reached_or_said_anything_of_it_stays() {
    let says = |event: Event| event.subscription(ChannelKind::Email, None, SubscriptionStatus::Unsubscribed);
    let mut book = kept(60);
    book["identity"] = json!({"strong": ["card"]});
    let mut rehearsal = rehearsal(book);
    let all = [
        looks("a").user("anna"),
        looks("b").with_trait("email", "b@shop.example"),
        says(looks("c")),
        looks("d").with_trait("card", "C-1"),
        shop::device(looks("e"), "token"),
        looks("nobody"),
    ];
    let count = all.len();
    for event in all {
        rehearsal.event(event.at(day(0))).unwrap();
    }
    rehearsal.pass(day(1_000));
    assert_eq!(rehearsal.store().len(), count - 1);
    // Who was a visitor at first and becomes known stays as well.
    rehearsal.event(looks("f").at(day(1_001))).unwrap();
    rehearsal.event(Event::identify().user("frida").anonymous("f").at(day(1_002))).unwrap();
    rehearsal.pass(day(2_000));
    assert_eq!(rehearsal.store().len(), count);
}

#[test]
fn promise_5_4_a_live_run_is_waited_for() {
    let mut rehearsal = rehearsal(kept(60));
    rehearsal.event(Event::track("Begin").anonymous("v").at(day(0))).unwrap();
    rehearsal.pass(day(100));
    assert_eq!(rehearsal.store().len(), 1);
    rehearsal.pass(day(102));
    assert_eq!((rehearsal.store().len(), rehearsal.handed_over()), (0, 1), "within a day after its end");
}

#[test]
fn promise_5_4_records_that_became_part_of_the_visitors_go_along() {
    let mut rehearsal = rehearsal(kept(60));
    for visitor in ["v", "w"] {
        rehearsal.event(looks(visitor).at(day(0))).unwrap();
    }
    let [v, w] = ["v", "w"].map(|visitor| owner(&rehearsal, visitor).unwrap());
    rehearsal.merge(v, w).unwrap();
    assert_eq!(rehearsal.store().len(), 2);
    rehearsal.pass(day(61));
    assert_eq!((rehearsal.store().len(), owner(&rehearsal, "v"), owner(&rehearsal, "w")), (0, None, None));
}

#[test]
fn promise_5_4_memory_does_not_grow_with_those_who_left() {
    let store = Arc::new(MemoryStore::new());
    let mut playbook = kept(30);
    playbook["segments"] = json!({});
    let rig = Rig::on(playbook, |_, _| Does::Answers(Ok(())), store.clone());
    let mut most = 0;
    for n in 0..400 {
        rig.ingest(looks(&format!("v{n}")).at(rig.clock_now()));
        rig.clock.advance(Span::days(1));
        rig.engine.confirm_clock();
        block_on(rig.engine.run_due()).unwrap();
        most = most.max(store.len());
    }
    assert!(most <= 31, "{most}");
    assert_eq!(block_on(rig.engine.next_due()).unwrap().map(|due| due > rig.clock_now()), Some(true));
}

#[test]
fn promise_5_8_a_retention_that_is_new_reaches_visitors_who_are_there() {
    let mut before = kept(60);
    before.as_object_mut().unwrap().remove("retention");
    let store = Arc::new(MemoryStore::new());
    let rig = Rig::on(before, |_, _| Does::Answers(Ok(())), store.clone());
    rig.ingest(looks("v").at(rig.clock_now()));
    let rig = Rig::on(kept(60), |_, _| Does::Answers(Ok(())), store.clone());
    block_on(rig.engine.enroll(None, 10)).unwrap();
    rig.clock.advance(Span::days(61));
    rig.engine.confirm_clock();
    block_on(rig.engine.run_due()).unwrap();
    assert_eq!(store.len(), 0);
}

#[test]
fn all_faults_of_a_retention_are_reported_with_their_paths() {
    let wrong =
        r#"{"version": 1, "currency": "EUR", "dedupe_horizon": "30d", "retention": {"visitors": "7d", "vistors": 1}}"#;
    let faults = Playbook::from_json(wrong).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert!(paths.contains(&"$.retention.visitors") && paths.contains(&"$.retention.vistors"), "{faults}");
    assert_eq!(Playbook::from_json(&kept(60).to_string()).unwrap().retention().visitors(), Some(Span::days(60)));
}
