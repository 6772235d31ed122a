//! Two records turn out to be one person: what a rehearsal then reports, and that it comes to an end.

use std::sync::Arc;

use throughline::{Event, Playbook, Rehearsal};

fn playbook() -> Arc<Playbook> {
    let json = r#"{
        "version": 1, "currency": "EUR", "channels": {"in_app": {}},
        "segments": {
            "lookers": {"event": "Product Viewed", "within": "7d"},
            "wishers": {"event": "Product Added to Wishlist", "within": "90d"},
            "visitors": {"not": {"identified": true}},
            "members": {"identified": true}
        }
    }"#;
    Arc::new(Playbook::from_json(json).unwrap_or_else(|faults| panic!("{faults}")))
}

fn at(event: Event, hour: u32) -> Event {
    event.at(format!("2026-03-01T{hour:02}:00:00Z").parse().unwrap())
}

/// Known on the phone, looks around on the laptop as well, and then signs in there.
fn on_two_devices() -> Rehearsal<'static> {
    let mut rehearsal = Rehearsal::new(playbook());
    for event in [
        at(Event::track("Product Viewed").anonymous("phone"), 8),
        at(Event::identify().anonymous("phone").user("anna"), 9),
        at(Event::track("Product Viewed").anonymous("laptop"), 10),
        at(Event::track("Product Added to Wishlist").anonymous("laptop"), 11),
        at(Event::identify().anonymous("laptop").user("anna"), 12),
        at(Event::track("Product Viewed").anonymous("laptop"), 13),
    ] {
        rehearsal.event(event).unwrap();
    }
    rehearsal
}

#[test]
fn promise_2_3_a_sealed_record_is_never_due_again() {
    let mut rehearsal = on_two_devices();
    let summary = rehearsal.run_until(None).clone();
    assert_eq!((summary.customers, summary.merged), (1, 1));
    assert!(rehearsal.store().first_due(throughline::Instant::MAX).is_none());
}

#[test]
fn promise_2_1_a_person_of_two_records_is_counted_once_in_every_segment() {
    let mut rehearsal = on_two_devices();
    let sizes = rehearsal.run_until(Some("2026-03-02".parse().unwrap())).segments.clone();
    let size = |segment: &str| sizes.get(segment).copied();
    assert_eq!((size("lookers"), size("wishers")), (Some(1), Some(1)));
    assert_eq!((size("visitors"), size("members")), (Some(0), Some(1)));
    let sizes = rehearsal.run_until(Some("2026-03-20".parse().unwrap())).segments.clone();
    assert_eq!(sizes.get("lookers").copied(), Some(0), "a week later nobody looks any more");
}

#[test]
fn the_event_that_reveals_that_two_records_are_one_person_is_counted() {
    let mut rehearsal = on_two_devices();
    assert_eq!(rehearsal.run_until(None).events, 6);
}
