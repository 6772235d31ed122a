//! `erase` (promise 2.4): nothing of the customer is left, nothing brings them back but their own word, and no opt-out is
//! lost.

mod rig;
mod shop;

use std::sync::Arc;

use futures::executor::block_on;
use rig::stores::Failing;
use rig::{Does, Rig, START, both, drop_after, mails, owner};
use serde_json::{Value as Json, json};
use shop::{at, book, known, steps};
use throughline::{
    BlockReason, ChannelKind, ContactPoint, CustomerState, Erasure, Event, IdempotencyKey, IdentityKind, Input,
    Instant, MemoryStore, Playbook, Rehearsal, Secret, Span, Stage, SubscriptionStatus,
};

const BEFORE: &str = "2026-03-01T09:00:00Z";
const AFTER: &str = "2026-03-02T10:00:00Z";

/// A visitor who becomes Anna, buys, and stands in a journey that sends in an hour.
fn met(store: &Arc<MemoryStore>) -> Rig {
    let mut book = book(json!({"j": steps(json!([
        {"id": "now", "message": "mail"}, {"id": "wait", "wait": "1h"}, {"id": "later", "message": "everywhere"}]))}));
    book["identity"] = json!({"strong": ["email"]});
    book["segments"] = json!({"buyers": {"event": "Order Completed", "count": {"at_least": 1}}});
    let rig = Rig::on(book, |_, _| Does::Answers(Ok(())), store.clone());
    rig.ingest(Event::track("Product Viewed").anonymous("visitor").at(at(BEFORE)));
    rig.ingest(known().anonymous("visitor").at(at(BEFORE)));
    rig.ingest(Event::track("Order Completed").user("anna").property("order_id", "R-1").at(at(BEFORE)));
    rig.ingest(Event::track("Begin").user("anna").at(at(BEFORE)));
    block_on(rig.engine.run_due()).unwrap();
    rig
}

fn record(rig: &Rig, kind: IdentityKind, id: &str) -> CustomerState {
    let owner = owner(rig, kind, id);
    block_on(rig.engine.store().load(owner)).unwrap().unwrap()
}

fn anna(rig: &Rig) -> CustomerState {
    record(rig, IdentityKind::User, "anna")
}

fn mail(text: &str) -> ContactPoint {
    ContactPoint::email(text).unwrap()
}

/// Whether a record tells nothing of anybody.
fn holds_nothing(state: &CustomerState) -> bool {
    let mut empty = CustomerState::new(state.profile.id, state.profile.first_seen);
    empty.profile.consents = state.profile.consents.clone();
    let said = state.profile.consents.iter().all(|record| record.grant().is_none() && record.point.is_none());
    said && state.runs.is_empty() && state.holds.is_empty() && state.profile == empty.profile
}

#[test]
fn promise_2_4_erasing_ends_runs_and_leaves_nothing() {
    let store = Arc::new(MemoryStore::new());
    let rig = met(&store);
    assert_eq!((anna(&rig).runs.len(), rig.sent().len()), (1, 1));
    assert_eq!(block_on(rig.engine.erase("anna")), Ok(Erasure::Done));
    let state = anna(&rig);
    assert!(state.is_erased() && holds_nothing(&state) && state.due() == Instant::MAX, "{:?}", state.stage);
    assert_eq!(store.outbox_len(), 0);
    rig.clock.advance(Span::days(40));
    block_on(rig.engine.run_due()).unwrap();
    assert_eq!(rig.sent().len(), 1, "the run that waited is over");
    assert_eq!(CustomerState::decode(&state.encode(), &()).unwrap(), state);
}

#[test]
fn promise_2_4_the_end_of_a_run_says_why() {
    let mut shop = shop::Shop::new(book_with_wait());
    shop.event(START, known());
    shop.event(START, Event::track("Begin"));
    let before = shop.notes.len();
    shop.input(Input::Erase { named: None, until: at(AFTER) }, at(AFTER));
    let told: Vec<Json> = shop.notes[before..].iter().map(|note| serde_json::to_value(&note.what).unwrap()).collect();
    assert!(told.iter().any(|what| what["what"] == "run_ended" && what["reason"] == "erased"), "{told:?}");
    assert!(told.iter().any(|what| what["what"] == "erased"), "{told:?}");
    assert!(told.iter().any(|what| what["what"] == "segment_left"), "{told:?}");
    shop.input(Input::Erase { named: None, until: at(AFTER) }, at(AFTER));
    assert_eq!(shop.noted("erased"), 1, "twice is once");
}

#[test]
fn promise_10_2_what_is_under_way_at_an_erasure_comes_to_an_end_that_is_told() {
    let mut book = book(json!({
        "a": steps(json!([{"id": "s", "message": "mail"}])), "b": steps(json!([{"id": "s", "message": "push"}]))}));
    book["messages"]["mail"]["priority"] = 1.into();
    let mut shop = shop::Shop::new(book);
    shop.event(START, shop::device(known(), "token"));
    // The first to be handed over waits for its retry, the other for its answer.
    shop.answers([Err(throughline::DeliveryError::transient("busy"))]);
    shop.event(START, Event::track("Begin"));
    shop.hold_answers();
    shop.event("2026-03-01T10:00:01Z", Event::track("Begin"));
    let before = shop.notes.len();
    let open = shop.state.profile.contacts.iter().filter(|contact| contact.status.is_queued()).count();
    let flying = shop
        .state
        .profile
        .contacts
        .iter()
        .filter(|contact| matches!(contact.status, throughline::Status::InFlight { .. }));
    let flying = flying.count();
    assert!(open > 0 && flying > 0, "{open} {flying}");
    let now = at(START) + Span::seconds(2);
    shop.input(Input::Erase { named: None, until: now }, now);
    let told = |what: &str| {
        shop.notes[before..].iter().filter(|note| serde_json::to_value(note).unwrap()["what"] == what).count()
    };
    assert_eq!((told("cancelled"), told("parked")), (open, flying));
    assert!(shop.outbox.is_empty());
}

fn book_with_wait() -> Json {
    let mut book =
        book(json!({"j": steps(json!([{"id": "wait", "wait": "90d"}, {"id": "later", "message": "note"}]))}));
    book["segments"] = json!({"known": {"identified": true}});
    book
}

#[test]
fn promise_2_4_late_events_and_a_new_import_bring_nobody_back() {
    let store = Arc::new(MemoryStore::new());
    let rig = met(&store);
    block_on(rig.engine.erase("anna")).unwrap();
    rig.clock.advance(Span::days(1));
    let dated = |event: Event| event.at(at(BEFORE));
    for event in [
        dated(known().anonymous("visitor")),
        dated(Event::track("Begin").user("anna")),
        dated(Event::track("Begin").anonymous("visitor")),
        dated(Event::alias("visitor", "anna")),
        dated(Event::track("Begin").with_trait("email", "anna@shop.example").anonymous("other-device")),
        // Not her own word, though it is new.
        Event::track("Begin").user("anna").at(rig.clock_now()),
        Event::track("Begin").anonymous("visitor").at(rig.clock_now()),
        // Out of a queue that was restored.
        known(),
    ] {
        rig.ingest(event.clone());
        block_on(rig.engine.run_due()).unwrap();
        assert!(anna(&rig).is_erased() && holds_nothing(&anna(&rig)), "{event:?}");
    }
    assert_eq!(rig.sent().len(), 1);
    assert_eq!(store.len(), 1, "the other device is hers as well");
}

#[test]
fn promise_2_4_only_her_own_word_opens_a_new_record_with_the_opt_outs_kept() {
    let consents: [fn() -> Event; 2] = [known, || {
        Event::track("Preferences Saved").user("anna").subscription(
            ChannelKind::Sms,
            None,
            SubscriptionStatus::Subscribed,
        )
    }];
    for says in consents {
        let store = Arc::new(MemoryStore::new());
        let rig = met(&store);
        let gone = SubscriptionStatus::Unsubscribed;
        let leaves = Event::track("Preferences Saved").user("anna").subscription(ChannelKind::Email, None, gone);
        rig.ingest(leaves.at(at(BEFORE)));
        block_on(rig.engine.erase("anna")).unwrap();
        rig.clock.advance(Span::days(1));
        rig.ingest(says().at(at(AFTER)));
        let state = anna(&rig);
        assert_eq!(state.stage, Stage::Live);
        assert!(state.profile.history.iter().len() == 0 && state.profile.contacts.is_empty());
        assert_eq!(state.profile.anonymous_ids.len(), 0);
        rig.ingest(known().at(at(AFTER)));
        rig.ingest(Event::track("Begin").user("anna").at(at(AFTER)));
        block_on(rig.engine.run_due()).unwrap();
        assert_eq!(rig.sent().len(), 1, "she never allowed e-mail again");
        // What is older than the erasure is not hers any more, though the record is open.
        rig.ingest(Event::track("Order Completed").anonymous("visitor").at(at(BEFORE)));
        assert_eq!(anna(&rig).profile.history.iter().len(), 0);
        // Express consent lifts the opt-out, as everywhere.
        let back = Event::track("Preferences Saved").user("anna");
        rig.ingest(back.subscription(ChannelKind::Email, None, SubscriptionStatus::Subscribed).at(at(AFTER)));
        rig.ingest(Event::track("Begin").user("anna").at(at(AFTER)));
        rig.clock.advance(Span::hours(2));
        block_on(rig.engine.run_due()).unwrap();
        assert!(rig.sent().len() > 1, "{:?}", rig.sent());
    }
}

#[test]
fn promise_2_4_an_opt_out_that_comes_late_is_kept() {
    let rig = met(&Arc::new(MemoryStore::new()));
    block_on(rig.engine.erase("anna")).unwrap();
    rig.ingest(Event::track("Email Unsubscribed").user("anna").at(at(BEFORE)));
    rig.clock.advance(Span::days(1));
    rig.ingest(known().at(at(AFTER)));
    rig.ingest(Event::track("Begin").user("anna").at(at(AFTER)));
    block_on(rig.engine.run_due()).unwrap();
    assert_eq!(rig.sent().len(), 1);
}

#[test]
fn promise_2_4_another_user_of_the_same_device_is_another_customer() {
    let store = Arc::new(MemoryStore::new());
    let rig = met(&store);
    block_on(rig.engine.erase("anna")).unwrap();
    rig.clock.advance(Span::days(1));
    rig.ingest(Event::identify().user("bert").anonymous("visitor").with_trait("email", "b@shop.example").at(at(AFTER)));
    assert!(anna(&rig).is_erased());
    let bert = record(&rig, IdentityKind::User, "bert");
    assert_eq!((bert.profile.user_id.as_deref(), &bert.stage), (Some("bert"), &Stage::Live));
    assert_eq!(owner(&rig, IdentityKind::Anonymous, "visitor"), bert.profile.id, "the device is Bert's from now on");
    rig.ingest(Event::track("Begin").anonymous("visitor").at(at(AFTER)));
    block_on(rig.engine.run_due()).unwrap();
    assert_eq!(rig.sent().len(), 2, "Bert is written to");
}

#[test]
fn promise_2_4_who_comes_back_under_a_new_id_is_known_by_a_strong_identifier() {
    let rig = met(&Arc::new(MemoryStore::new()));
    let gone = Event::track("Email Unsubscribed").user("anna");
    rig.ingest(gone.at(at(BEFORE)));
    block_on(rig.engine.erase("anna")).unwrap();
    rig.clock.advance(Span::days(1));
    rig.ingest(Event::identify().user("anna-2").with_trait("email", "Anna@shop.example").at(at(AFTER)));
    let state = record(&rig, IdentityKind::User, "anna-2");
    assert_eq!(state.profile.user_id.as_deref(), Some("anna-2"));
    rig.ingest(Event::track("Begin").user("anna-2").at(at(AFTER)));
    block_on(rig.engine.run_due()).unwrap();
    assert_eq!(rig.sent().len(), 1, "her opt-out stands");
}

#[test]
fn promise_2_4_whoever_nobody_knows_yet_is_erased_as_well() {
    let store = Arc::new(MemoryStore::new());
    let rig = Rig::on(mails(), |_, _| Does::Answers(Ok(())), store.clone());
    assert_eq!(block_on(rig.engine.erase("anna")), Ok(Erasure::Done));
    rig.ingest(known().at(at(BEFORE)));
    rig.ingest(Event::track("Begin").user("anna").at(at(BEFORE)));
    block_on(rig.engine.run_due()).unwrap();
    assert!(anna(&rig).is_erased() && rig.sent().is_empty());
}

#[test]
fn promise_2_4_what_is_in_flight_is_forgotten_and_its_answer_changes_nothing() {
    let store = Arc::new(MemoryStore::new());
    let rig = Rig::on(both(), |_, _| Does::Takes(Span::seconds(5), Ok(())), store.clone());
    rig.ingest(known().at(at(BEFORE)));
    rig.ingest(Event::track("Begin").user("anna").at(at(BEFORE)));
    // Both are on their way, and the caller goes away.
    assert!(!drop_after(rig.engine.run_due(), 3));
    assert_eq!(store.outbox_len(), 2);
    let ids: Vec<IdempotencyKey> = anna(&rig).profile.contacts.iter().map(|contact| contact.id).collect();
    block_on(rig.engine.erase("anna")).unwrap();
    assert_eq!(store.outbox_len(), 0);
    for id in ids {
        let receipt = |name: &str| Event::track(name).user("anna").property("envelope_id", id.to_string().as_str());
        rig.ingest(receipt("Email Opened").at(at(BEFORE)));
        rig.ingest(receipt("Email Bounced").at(rig.clock_now()));
    }
    rig.runs(Span::hours(12));
    assert!(anna(&rig).is_erased() && holds_nothing(&anna(&rig)));
}

#[test]
fn promise_4_3_an_erased_customer_is_not_written_to_on_another_record_either() {
    let rig = met(&Arc::new(MemoryStore::new()));
    // The same mailbox on a record that nothing links with hers.
    let mut playbook = mails();
    playbook["identity"] = json!({});
    let store = Arc::new(MemoryStore::new());
    let other = Rig::on(playbook, |_, _| Does::Answers(Ok(())), store.clone());
    for user in ["anna", "anna-at-the-till"] {
        other.ingest(Event::identify().user(user).with_trait("email", "anna@shop.example").at(at(BEFORE)));
    }
    block_on(other.engine.erase("anna")).unwrap();
    other.ingest(Event::track("Begin").user("anna-at-the-till").at(rig.clock_now()));
    block_on(other.engine.run_due()).unwrap();
    assert_eq!(other.sent(), Vec::<String>::new());
    other.clock.advance(Span::days(1));
    let again = Event::identify().user("anna-at-the-till").with_trait("email", "anna@shop.example");
    other.ingest(again.at(at(AFTER)));
    other.ingest(Event::track("Begin").user("anna-at-the-till").at(at(AFTER)));
    block_on(other.engine.run_due()).unwrap();
    assert_eq!(other.sent().len(), 1, "she gave it anew");
}

#[test]
fn promise_2_4_records_that_became_part_of_hers_are_forgotten_too() {
    let store = Arc::new(MemoryStore::new());
    let rig = met(&store);
    rig.ingest(Event::track("Begin").anonymous("phone").id("m-phone").at(at(BEFORE)));
    let part = owner(&rig, IdentityKind::Anonymous, "phone");
    rig.ingest(Event::identify().user("anna").anonymous("phone").at(at(BEFORE)));
    assert!(matches!(block_on(rig.engine.store().load(part)).unwrap().unwrap().stage, Stage::Moved(_)));
    block_on(rig.engine.erase("anna")).unwrap();
    let part = block_on(rig.engine.store().load(part)).unwrap().unwrap();
    assert!(part.has_moved() && holds_nothing(&part), "not even which events it took");
    // By any of the names.
    for who in [part.profile.id, anna(&rig).profile.id] {
        assert_eq!(block_on(rig.engine.erase(who)), Ok(Erasure::Done));
    }
    assert_eq!(store.len(), 2);
}

#[test]
fn promise_2_4_an_erasure_that_fails_at_any_call_is_completed_by_the_next() {
    // What it asks of the store: whose the id is, and the step.
    for call in 0..2 {
        for applied in [false, true] {
            let store = Arc::new(Failing::at(usize::MAX, applied));
            let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), rig::stores::Shared(store.clone()));
            rig.ingest(known().anonymous("visitor").at(at(BEFORE)));
            rig.ingest(Event::track("Begin").user("anna").at(at(BEFORE)));
            let so_far = store.calls.load(std::sync::atomic::Ordering::SeqCst);
            store.fails.store(so_far + call, std::sync::atomic::Ordering::SeqCst);
            let first = block_on(rig.engine.erase("anna"));
            // Another worker.
            let again = Rig::on(both(), |_, _| Does::Answers(Ok(())), rig::stores::Shared(store.clone()));
            let second = first.clone().or_else(|_| block_on(again.engine.erase("anna")));
            let second = second.or_else(|_| block_on(again.engine.erase("anna")));
            assert_eq!(second, Ok(Erasure::Done), "call {call}, {applied}");
            rig.ingest(Event::track("Begin").user("anna").at(at(BEFORE)));
            let _ = block_on(rig.engine.run_due());
            block_on(again.engine.run_due()).unwrap();
            assert!(anna(&rig).is_erased() && holds_nothing(&anna(&rig)), "call {call}, {applied}");
            assert_eq!(rig.sent().len() + again.sent().len(), 0, "call {call}, {applied}: erased before it was sent");
        }
    }
}

#[test]
fn promise_2_4_under_a_secret_the_same_works_and_the_keys_are_others() {
    let secret =
        || Playbook::builder().with_secret(Secret::new(*b"sixteen bytes...")).build(&mails().to_string()).unwrap();
    let mut rehearsal = Rehearsal::new(Arc::new(secret()));
    rehearsal.event(known().at(at(BEFORE))).unwrap();
    let plain = throughline::IdentityKey::new(IdentityKind::User, "anna");
    let keyed = secret().identity().key(IdentityKind::User, "anna");
    assert_eq!((rehearsal.store().owner(plain), rehearsal.store().owner(keyed)), (None, Some(keyed.candidate())));
    rehearsal.pass(at(START));
    rehearsal.erase("anna");
    rehearsal.event(Event::track("Begin").user("anna").at(at(AFTER))).unwrap();
    assert_eq!(rehearsal.handed_over(), 0);
    let point = secret().identity().point(&ChannelKind::Email, &mail("ANNA@shop.example"));
    let listed = rehearsal.store().listed(point).unwrap();
    assert_eq!(listed.blocks().map(|block| block.reason).collect::<Vec<_>>(), [BlockReason::Erased]);
    assert!(rehearsal.store().with_record(keyed.candidate(), CustomerState::is_erased).unwrap());
    rehearsal.event(known().at(at(AFTER) + Span::hours(1))).unwrap();
    assert_eq!(rehearsal.store().listed(point), None, "she is back");
}

#[test]
fn promise_2_4_a_host_cannot_merge_an_erased_customer_back() {
    let store = Arc::new(MemoryStore::new());
    let rig = met(&store);
    block_on(rig.engine.erase("anna")).unwrap();
    rig.ingest(Event::identify().user("bert").at(at(BEFORE)));
    for (one, other) in [("anna", "bert"), ("bert", "anna")] {
        rig.clock.advance(Span::minutes(1));
        block_on(rig.engine.merge(one, other)).unwrap();
        assert!(anna(&rig).is_erased());
        assert_eq!(record(&rig, IdentityKind::User, "bert").stage, Stage::Live);
    }
}
