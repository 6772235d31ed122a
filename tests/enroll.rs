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

/// The same shop, in which whoever is a member when the journey comes is greeted too.
fn greeting_members(segments: Json, entry: &str) -> Playbook {
    let book = json!({
        "version": 1, "currency": "EUR", "channels": {"in_app": {}},
        "segments": segments,
        "messages": {"hello": {"class": "transactional", "variants": {"in_app": {"body": "Hello!"}}}},
        "journeys": {"welcome": {
            "trigger": {"entered": "buyers", "present_members": true}, "entry": entry,
            "steps": [{"id": "say", "message": "hello"}]
        }}
    });
    Playbook::from_json(&book.to_string()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn begun(told: &Told) -> usize {
    std::mem::take(&mut *told.lock().unwrap()).iter().filter(|what| matches!(what, What::RunBegun(_))).count()
}

async fn everybody(engine: &Engine) -> usize {
    let (mut after, mut evaluated) = (None, 0);
    loop {
        let page = engine.enroll(after, 7).await.unwrap();
        evaluated += page.evaluated;
        after = page.next;
        if after.is_none() {
            return evaluated;
        }
    }
}

#[test]
fn promise_6_8_a_journey_that_says_so_takes_in_present_members_each_once() {
    for entry in ["once", "after_end", "restart"] {
        let store = Arc::new(MemoryStore::new());
        let once = json!({"buyers": {"event": "Order Completed"}});
        let (before, _) = engine(book(once.clone()), &store);
        block_on(async {
            for event in orders(20) {
                before.ingest(event).await.unwrap();
            }
            before.ingest(Event::track("Page Viewed").user("visitor").at(start())).await.unwrap();
        });

        // The journey is new, the segment is not.
        let (after, told) = engine(greeting_members(once.clone(), entry), &store);
        block_on(async {
            assert_eq!((everybody(&after).await, begun(&told)), (21, 20), "{entry}");
            assert_eq!((everybody(&after).await, begun(&told)), (0, 0));
            after.ingest(Event::track("Order Completed").user("visitor").at(start() + Span::hours(1))).await.unwrap();
            assert_eq!(begun(&told), 1, "who enters later does so as ever");
        });

        // Another change of the definitions begins no second run for anybody, in whichever way the first came about.
        let more = json!({"buyers": {"event": "Order Completed"}, "visitors": {"event": "Page Viewed"}});
        let (again, told) = engine(greeting_members(more, entry), &store);
        block_on(async {
            assert_eq!((everybody(&again).await, begun(&told)), (21, 0), "{entry}");
        });
        // Nor does a playbook that comes back.
        let (back, told) = engine(greeting_members(once, entry), &store);
        assert_eq!((block_on(everybody(&back)), begun(&told)), (21, 0), "{entry}");
    }
}

#[test]
fn promise_5_8_whom_a_changed_definition_brings_in_begins_a_run_of_a_journey_that_says_so() {
    let store = Arc::new(MemoryStore::new());
    let of = |least: u32| json!({"buyers": {"event": "Order Completed", "count": {"at_least": least}}});
    let (before, told) = engine(greeting_members(of(2), "after_end"), &store);
    block_on(async {
        for event in orders(3) {
            before.ingest(event).await.unwrap();
        }
    });
    assert_eq!(begun(&told), 0);
    let (after, told) = engine(greeting_members(of(1), "after_end"), &store);
    block_on(async {
        // An event finds it as well as a page does.
        after.ingest(Event::track("Page Viewed").user("c1").at(start() + Span::hours(1))).await.unwrap();
        assert_eq!(begun(&told), 1);
        assert_eq!((everybody(&after).await, begun(&told)), (2, 2));
    });
}

#[test]
fn only_a_segment_that_is_entered_has_present_members() {
    let book = json!({
        "version": 1, "currency": "EUR", "segments": {"buyers": {"event": "Order Completed"}},
        "journeys": {"j": {"trigger": {"left": "buyers", "present_members": true}, "steps": [{"id": "a", "end": true}]}}
    });
    let faults = Playbook::from_json(&book.to_string()).unwrap_err().to_string();
    assert!(faults.contains("$.journeys.j.trigger.present_members: only a segment that is `entered`"), "{faults}");
}
