//! Shared devices and merges, with every call that may fail and every poll at which the host may go away.

mod rig;
mod shop;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::executor::block_on;
use rig::stores::{Failing, Pausing, Shared};
use rig::{Does, Rig, both, drop_after, owner};
use throughline::{ConsentRecord, CustomerState, Event, IdentityKind, Instant, Span, Stage};

#[test]
fn promise_2_2_a_second_user_on_a_shared_device_has_a_record_of_their_own_whichever_call_fails() {
    for applied in [false, true] {
        for call in 0..20 {
            let store = Arc::new(Failing::at(usize::MAX, applied));
            let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), Shared(store.clone()));
            rig.ingest(Event::track("Page Seen").anonymous("tablet"));
            rig.ingest(Event::identify().user("anna").anonymous("tablet"));
            store.fails.store(store.calls.load(Ordering::SeqCst) + call, Ordering::SeqCst);
            let event = Event::identify().user("bert").anonymous("tablet").id("m-1").with_trait("name", "Bert");
            let told = (0..5).any(|_| block_on(rig.engine.ingest(event.clone())).is_ok());
            assert!(told, "call {call}, applied {applied}");
            store.fails.store(usize::MAX, Ordering::SeqCst);
            rig.ingest(Event::track("Begin").user("bert"));
            let (anna, bert) = (owner(&rig, IdentityKind::User, "anna"), owner(&rig, IdentityKind::User, "bert"));
            assert_ne!(anna, bert, "call {call}, applied {applied}");
            assert_eq!(owner(&rig, IdentityKind::Anonymous, "tablet"), bert, "call {call}, applied {applied}");
            let named = block_on(rig.engine.store().load(bert)).unwrap().unwrap().profile;
            assert_eq!(named.user_id.as_deref(), Some("bert"));
            let anna = block_on(rig.engine.store().load(anna)).unwrap().unwrap().profile;
            assert!(anna.attributes.get(&"name".into()).is_none(), "nothing of Bert's is Anna's");
        }
    }
}

#[test]
fn promise_2_3_a_merge_keeps_the_visitors_opt_outs() {
    let rig = Rig::new(both(), |_, _| Does::Answers(Ok(())));
    rig.ingest(Event::track("Page Seen").anonymous("phone"));
    rig.ingest(Event::track("Unsubscribed").anonymous("phone"));
    rig.meets(1);
    rig.ingest(Event::identify().user("u0").anonymous("phone"));
    let records: Vec<ConsentRecord> = block_on(rig.engine.store().load(owner(&rig, IdentityKind::User, "u0")))
        .unwrap()
        .unwrap()
        .profile
        .consents
        .iter()
        .cloned()
        .collect();
    assert!(records.iter().any(|record| record.revokes()));
    let live = block_on(rig.engine.store().scan(None, 10)).unwrap();
    assert_eq!(live.iter().filter(|state| state.stage == Stage::Live).count(), 1);
}

#[test]
fn promise_2_3_a_merge_loses_nothing_whichever_call_fails() {
    for applied in [false, true] {
        for call in 0..12 {
            let store = Arc::new(Failing::at(usize::MAX, applied));
            let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), Shared(store.clone()));
            rig.ingest(Event::track("Page Seen").anonymous("phone"));
            rig.ingest(Event::track("Unsubscribed").anonymous("phone"));
            rig.meets(1);
            store.fails.store(store.calls.load(Ordering::SeqCst) + call, Ordering::SeqCst);
            let event = Event::identify().user("u0").anonymous("phone").id("m-1").with_trait("tier", "gold");
            let told = (0..5).any(|_| block_on(rig.engine.ingest(event.clone())).is_ok());
            assert!(told, "call {call}, applied {applied}");
            store.fails.store(usize::MAX, Ordering::SeqCst);
            rig.runs(Span::minutes(5));
            let owner = owner(&rig, IdentityKind::User, "u0");
            let profile = block_on(rig.engine.store().load(owner)).unwrap().unwrap().profile;
            assert!(profile.attributes.get(&"tier".into()).is_some(), "call {call}, applied {applied}: the event");
            let revoked = profile.consents.iter().any(|record| record.revokes());
            assert!(revoked, "call {call}, applied {applied}: the opt-out");
        }
    }
}

#[test]
fn promise_2_3_a_merge_that_was_dropped_midway_is_finished_without_the_host() {
    for polls in 0..12 {
        let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), Pausing::default());
        rig.ingest(Event::track("Unsubscribed").anonymous("phone"));
        rig.meets(1);
        let visitor = owner(&rig, IdentityKind::Anonymous, "phone");
        drop_after(rig.engine.ingest(Event::identify().user("u0").anonymous("phone")), polls);
        rig.runs(Span::minutes(5));
        let load = |id| block_on(rig.engine.store().load(id)).unwrap().unwrap();
        let (theirs, ours) = (load(visitor), load(owner(&rig, IdentityKind::User, "u0")));
        let revoked = |state: &CustomerState| state.profile.consents.iter().any(|record| record.revokes());
        // Either nothing happened yet, or all of it; once it did, the sealed record is empty and asks for nothing.
        match theirs.stage {
            Stage::Live => assert!(revoked(&theirs), "{polls}"),
            _ => assert_eq!((revoked(&theirs), revoked(&ours), theirs.due()), (false, true, Instant::MAX), "{polls}"),
        }
    }
}
