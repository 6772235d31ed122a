//! A million customers in memory: `cargo bench --bench million -- CUSTOMERS`, or the variable `MILLION`. Without a number it
//! measures a thousand, so that it costs nothing where all benches run.
//!
//! Each has a month of a shop: views, carts and orders in other proportions, forty events on average. Twenty segments are
//! kept up to date all the while; then a playbook in which five of them changed is enrolled.

#[path = "support/counting.rs"]
mod counting;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use counting::LIVE;
use cpu_time::ThreadTime;
use futures::executor::block_on;
use serde_json::{Map, Value as Json, json};
use throughline::{
    Accepted, Binding, Channel, ChannelSpec, CustomerState, DeliveryError, Engine, Envelope, Event, IdentityKey,
    IdentityKind, Input, Instant, ManualClock, MemoryStore, Outcome, Playbook, Refused, Span, Stepper, Surroundings,
    Work, async_trait,
};

const PAGE: usize = 1_000;

fn main() {
    let asked = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let customers: u64 = asked.or_else(|| std::env::var("MILLION").ok()?.parse().ok()).unwrap_or(1_000);
    let (before, after) = (playbook(30), playbook(45));
    let store = Arc::new(MemoryStore::new());

    let live = LIVE.load(Ordering::Relaxed);
    let (mut events, mut making) = (0_u64, std::time::Duration::ZERO);
    let load = ThreadTime::now();
    let shop = Shop { book: &before, around: Surroundings::default() };
    for n in 0..customers {
        let watch = ThreadTime::now();
        let (user, log) = month(n);
        making += watch.elapsed();
        events += log.len() as u64;
        let key = IdentityKey::new(IdentityKind::User, &user);
        let customer = store.give(&Binding { key, to: key.candidate(), from: None });
        for event in log {
            let now = event.timestamp.unwrap_or(start());
            let work = Work { customer, input: Input::Event(event.into()), now };
            store.step(&work, &shop).expect("an event is never refused");
        }
    }
    let load = load.elapsed() - making;
    let bytes = LIVE.load(Ordering::Relaxed) - live;
    println!("{customers} customers, {events} events, 20 segments, one thread, CPU time");
    println!("  load:   {:.1} s, {:.0} ns an event", load.as_secs_f64(), load.as_nanos() as f64 / events as f64);
    println!(
        "  memory: {} bytes a customer with {} events, {:.2} GiB in all, store, identifiers and timers included",
        bytes / customers as usize,
        events / customers,
        bytes as f64 / f64::from(1 << 30)
    );

    let engine = Engine::builder(after)
        .store(store.clone())
        .channel(Silent(ChannelSpec::new("in_app")))
        .clock(ManualClock::at(start() + Span::days(31)))
        .build()
        .expect("the engine has all it needs");
    // What falls due on the way is done before, as a shop's timers do it.
    let due = ThreadTime::now();
    while let Some(wake) = store.first_due(start() + Span::days(31)) {
        let work = Work { customer: wake.customer, input: Input::Wake, now: wake.due };
        store.step(&work, &shop).expect("a wake-up is never refused");
    }
    println!("  timers: {:.1} s for what fell due within the month", due.elapsed().as_secs_f64());
    let enroll = ThreadTime::now();
    let (mut next, mut evaluated, mut pages) = (None, 0, 0);
    loop {
        let page = block_on(engine.enroll(next, PAGE)).expect("the store in memory does not fail");
        evaluated += page.evaluated;
        pages += 1;
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let enroll = enroll.elapsed();
    println!(
        "  enroll: {:.1} s for {evaluated} customers in {pages} pages, {:.0} ns each",
        enroll.as_secs_f64(),
        enroll.as_nanos() as f64 / evaluated.max(1) as f64
    );
    let walk = ThreadTime::now();
    let again = block_on(engine.enroll(None, PAGE)).expect("the store in memory does not fail");
    println!("  a page of {} that nothing changes for: {:?}", again.examined, walk.elapsed());
}

struct Shop<'a> {
    book: &'a Playbook,
    around: Surroundings,
}

impl Stepper for Shop<'_> {
    fn step(&self, state: &mut CustomerState, work: &Work) -> Result<Outcome, Refused> {
        self.book.step(state, &work.input, &self.around, work.now)
    }
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

/// Twenty segments of every kind that a shop has; five of them look back for so many days.
fn playbook(days: u32) -> Playbook {
    let mut segments = Map::new();
    for n in 0..5_u32 {
        let within = format!("{}d", days + n);
        segments.insert(
            format!("buyers_{n}"),
            json!({"event": "Order Completed", "within": within, "count": {"at_least": n + 1}}),
        );
        segments.insert(
            format!("left_a_cart_{n}"),
            json!({"all": [{"event": "Product Added", "within": format!("{}d", n + 1)},
                {"event": "Order Completed", "within": format!("{}d", n + 1), "never": true}]}),
        );
        let country = ["DE", "FR", "GB", "US", "JP"][n as usize];
        segments.insert(
            format!("spenders_{n}"),
            json!({"all": [{"attribute": "country", "equals": country},
                {"event": "Order Completed", "within": "30d", "sum": {"of": "total", "at_least": 100 * n}}]}),
        );
    }
    for (name, rule) in [
        ("at_risk", json!({"lifecycle": "at_risk"})),
        ("deciding", json!({"buyer_stage": "decision"})),
        ("tea", json!({"affinity": {"category": "tea", "share": {"at_least": "0.5"}}})),
        ("valuable", json!({"lifetime_value": {"at_least": 500}})),
        ("quiet", json!({"last_seen": {"older_than": "14d"}})),
    ] {
        segments.insert(name.to_owned(), rule);
    }
    let book = json!({"version": 1, "currency": "EUR", "channels": {"in_app": {}}, "segments": Json::Object(segments)});
    Playbook::from_json(&book.to_string()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// A month of one customer's events, made up from their number: from 2 to 78.
fn month(n: u64) -> (String, Vec<Event>) {
    let mut seed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995;
    let mut draw = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let user = format!("customer-{n}");
    let visits = 1 + draw(77);
    let step = 30 * 86_400_000 / (visits + 1);
    let country = ["DE", "FR", "GB", "US", "JP"][draw(5) as usize];
    let mut log = vec![Event::identify().user(&user).id(&format!("{n}-i")).at(start()).with_trait("country", country)];
    for k in 0..visits {
        let at = start() + Span::millis((step * (k + 1) + draw(step / 2)) as i64);
        let category = ["tea", "cups", "books"][draw(3) as usize];
        let event = match draw(50) {
            0 | 1 => Event::track("Order Completed")
                .property("order_id", format!("{n}-{k}").as_str())
                .property("total", 10 + draw(200) as i64),
            2..=7 => Event::track("Product Added").property("category", category),
            _ => Event::track("Product Viewed").property("category", category),
        };
        log.push(event.user(&user).id(&format!("{n}-{k}")).at(at));
    }
    (user, log)
}
