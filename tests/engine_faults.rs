//! What a dropped future or a store's failing call may and may not lose.

mod rig;
mod shop;

use std::sync::Arc;

use futures::executor::block_on;
use rig::stores::{Failing, Pausing, Shared};
use rig::{Does, Rig, both, drop_after, mails};
use throughline::{Event, Span, Status};

#[test]
fn promise_10_4_dropping_ingest_at_any_poll_loses_no_event_once_it_is_tried_again() {
    for polls in 0..20 {
        let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), Pausing::default());
        rig.meets(1);
        let event = Event::track("Begin").user("u0").id("m-1");
        let whole = drop_after(rig.engine.ingest(event.clone()), polls);
        rig.ingest(event);
        rig.runs(Span::minutes(5));
        let mut sent = rig.sent();
        sent.sort();
        // A dropped commit may leave its messages to the lease: they count as unknown then, and are not lost from sight.
        assert_eq!(rig.statuses().len(), 2, "{polls} {whole} {sent:?}");
        assert!(rig.statuses().iter().all(|status| matches!(status, Status::Accepted | Status::Parked)), "{polls}");
    }
}

#[test]
fn promise_10_4_dropping_run_due_at_any_poll_loses_no_message_that_was_not_under_way() {
    for polls in 0..60 {
        let mut book = mails();
        book["channels"]["email"]["in_flight"] = 1.into();
        let rig = Rig::on(book, |_, _| Does::Takes(Span::seconds(1), Ok(())), Pausing::default());
        rig.meets(4);
        rig.begins(4);
        drop_after(rig.engine.run_due(), polls);
        rig.runs(Span::minutes(5));
        let parked = rig.statuses().iter().filter(|status| **status == Status::Parked).count();
        assert!(parked <= 1, "{parked} parked after {polls} polls");
        assert_eq!((rig.statuses().len(), rig.sent().len()), (4, 4), "{polls}");
    }
}

#[test]
fn invariant_i5_a_store_that_fails_any_one_call_loses_no_event_and_applies_none_twice() {
    for applied in [false, true] {
        for call in 0..60 {
            let store = Arc::new(Failing::at(call, applied));
            let rig = Rig::on(both(), |_, _| Does::Answers(Ok(())), Shared(store.clone()));
            let events = (0..3).flat_map(|n| {
                let user = format!("u{n}");
                let email = format!("{user}@shop.example");
                [
                    Event::identify().user(&user).with_trait("email", email.as_str()).id(&format!("i-{n}")),
                    Event::track("Begin").user(&user).id(&format!("b-{n}")),
                ]
            });
            for event in events {
                // A host tries again until it is told that the event is in.
                let told = (0..5).any(|_| block_on(rig.engine.ingest(event.clone())).is_ok());
                assert!(told, "call {call}, applied {applied}");
                let _ = rig.drive(rig.engine.run_due(), Span::seconds(5));
            }
            rig.runs(Span::minutes(10));
            let statuses = rig.statuses();
            assert_eq!(statuses.len(), 6, "call {call}, applied {applied}: {:?}", rig.sent());
            let parked = statuses.iter().filter(|status| **status == Status::Parked).count();
            let accepted = statuses.iter().filter(|status| **status == Status::Accepted).count();
            // Only a commit whose answer was lost leaves its messages unknown, and they are not sent twice.
            assert_eq!(parked + accepted, 6, "call {call}, applied {applied}: {statuses:?}");
            assert!(parked == 0 || applied, "call {call}: {statuses:?}");
            assert_eq!(rig.sent().len(), accepted, "call {call}, applied {applied}");
        }
    }
}
