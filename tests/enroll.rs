//! A playbook whose segments changed, over customers who are on record already (promise 5.8).

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use serde_json::{Value as Json, json};
use throughline::{
    Accepted, Channel, ChannelSpec, DeliveryError, Engine, Envelope, Event, Instant, ManualClock, MemoryStore,
    Playbook, Span, What, async_trait,
};

/// A shop with these segments; whoever enters `buyers` is greeted.
fn book(segments: Json) -> Playbook {
    let book = json!({
        "version": 1, "currency": "EUR", "channels": {"in_app": {}},
        "segments": segments,
        "messages": {"hello": {"class": "transactional", "variants": {"in_app": {"body": "Hello!"}}}},
        "journeys": {"greet": {"trigger": {"entered": "buyers"}, "steps": [{"id": "say", "message": "hello"}]}}
    });
    Playbook::from_json(&book.to_string()).unwrap_or_else(|faults| panic!("{faults}"))
}

#[derive(Debug)]
struct Silent(ChannelSpec);

#[async_trait]
impl Channel for Silent {
    fn spec(&self) -> &ChannelSpec {
        &self.0
    }

    async fn send(&self, _: &Envelope) -> Result<Accepted, DeliveryError> {
        Ok(Accepted::default())
    }
}

fn start() -> Instant {
    Instant::from_millis(1_772_000_000_000)
}

type Told = Arc<Mutex<Vec<What>>>;

fn engine(book: Playbook, store: &Arc<MemoryStore>) -> (Engine, Told) {
    let told = Told::default();
    let heard = told.clone();
    let engine = Engine::builder(book)
        .store(store.clone())
        .channel(Silent(ChannelSpec::new("in_app")))
        .clock(ManualClock::at(start() + Span::days(1)))
        .observer(move |_, notice| heard.lock().unwrap().push(notice.what.clone()))
        .build()
        .unwrap();
    (engine, told)
}

fn orders(n: usize) -> impl Iterator<Item = Event> {
    (0..n).map(|n| Event::track("Order Completed").user(&format!("c{n}")).at(start()).property("total", n as i64))
}

#[test]
fn promise_5_8_a_changed_definition_reclassifies_page_by_page_and_begins_no_run() {
    let store = Arc::new(MemoryStore::new());
    let any = json!({"buyers": {"event": "Order Completed", "within": "30d", "count": {"at_least": 2}}});
    let (before, _) = engine(book(any), &store);
    block_on(async {
        for event in orders(25) {
            before.ingest(event).await.unwrap();
        }
    });

    let (after, told) = engine(book(json!({"buyers": {"event": "Order Completed", "within": "30d"}})), &store);
    block_on(async {
        let first = after.enroll(None, 10).await.unwrap();
        assert_eq!((first.examined, first.evaluated), (10, 10));
        // Taken up again from the beginning, what was done is not done again.
        assert_eq!(after.enroll(None, 10).await.unwrap().evaluated, 0);
        let second = after.enroll(first.next, 10).await.unwrap();
        let third = after.enroll(second.next, 10).await.unwrap();
        assert_eq!((second.evaluated, third.examined, third.evaluated, third.next), (10, 5, 5, None));
    });
    let told = told.lock().unwrap();
    let entered =
        |what: &&What| matches!(what, What::Reclassified { segment, inside: true } if segment.as_str() == "buyers");
    assert_eq!((told.len(), told.iter().filter(entered).count()), (25, 25), "and nobody is greeted");
}

#[test]
fn promise_5_8_an_event_reclassifies_first_and_what_it_changes_itself_is_no_reclassification() {
    let store = Arc::new(MemoryStore::new());
    let (before, _) = engine(book(json!({"buyers": {"event": "Order Completed", "within": "30d"}})), &store);
    block_on(before.ingest(orders(1).next().unwrap())).unwrap();
    block_on(before.run_due()).unwrap();

    let twice = json!({"buyers": {"event": "Order Completed", "within": "30d", "count": {"at_least": 2}}});
    let (after, told) = engine(book(twice), &store);
    block_on(after.ingest(orders(1).next().unwrap().id("second"))).unwrap();
    let words: Vec<_> = told
        .lock()
        .unwrap()
        .iter()
        .filter_map(|what| match what {
            What::Reclassified { inside, .. } => Some(format!("reclassified {inside}")),
            What::SegmentEntered { .. } => Some("entered".to_owned()),
            What::RunBegun(_) => Some("begun".to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(words, ["reclassified false", "entered", "begun"]);
}
