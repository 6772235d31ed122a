//! The figures of the README: CPU time per event over real logs, and what a record weighs.

#[path = "support/counting.rs"]
mod counting;
#[path = "support/spread.rs"]
mod spread;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use counting::LIVE;
use cpu_time::ThreadTime;
use spread::{median, spread};
use throughline::{Event, Playbook, Rehearsal};

const RUNS: usize = 7;

fn main() {
    println!(
        "CPU time per event, one thread, twenty segments, JSON parsing apart; median (least to most) of {RUNS} runs"
    );
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let logs = [
        ("retailrocket_sample", "abandoned_cart", &["Product Viewed", "Product Added", "Order Completed"][..]),
        ("starbucks_dev", "offers", &["Order Completed", "Offer Viewed", "Offer Received"][..]),
        ("online_retail", "after_purchase", &["Order Completed", "Order Refunded"][..]),
    ];
    let mut any = vec![Vec::new(); RUNS];
    for (folder, name, names) in logs {
        // `cargo bench --bench figures -- LOG` measures one log only.
        if only.as_ref().is_some_and(|only| only != folder) {
            continue;
        }
        let Some(events) = support::log(folder) else { continue };
        let playbook = support::playbook(name, names);
        let events: Vec<Arc<Event>> = events.into_iter().map(Arc::new).collect();
        let plain = per_event(folder, &playbook, &events);
        any.iter_mut().zip(plain).for_each(|(any, plain)| any.extend(plain));
        weigh(&playbook, &events);
    }
    let mut medians: Vec<u64> = any.iter_mut().filter(|any| !any.is_empty()).map(|any| median(any)).collect();
    if only.is_none() && !medians.is_empty() {
        println!("  an event of any of these logs that sends nothing, median: {} ns", spread(&mut medians));
    }
    if only.is_none() {
        memory();
        overhead();
    }
}

/// Times each event by itself, and apart from it the timers that fire before it. Gives the times of those that sent
/// nothing, of each run.
fn per_event(folder: &str, playbook: &Arc<Playbook>, events: &[Arc<Event>]) -> Vec<Vec<u64>> {
    let (mut plain, mut sending, mut timers) = (Vec::new(), Vec::new(), Vec::new());
    let (mut all, mut messages, mut times) = (Vec::new(), 0, Vec::new());
    for _ in 0..RUNS {
        let copying = ThreadTime::now();
        events.iter().for_each(|event| drop(std::hint::black_box(Arc::new(Event::clone(event)))));
        let copying = copying.elapsed();
        let mut rehearsal = Rehearsal::new(playbook.clone());
        let (mut without, mut with, mut firing) = (Vec::new(), Vec::new(), 0);
        let cpu = ThreadTime::now();
        for event in events {
            // As parsing leaves it: a log read ahead as a whole would be far from the processor.
            let event = Arc::new(Event::clone(event));
            let start = std::time::Instant::now();
            rehearsal.pass(event.timestamp.unwrap());
            let fired = start.elapsed();
            let before = rehearsal.handed_over();
            let start = std::time::Instant::now();
            rehearsal.event(event.clone()).unwrap();
            let took = start.elapsed().as_nanos() as u64;
            firing += fired.as_nanos() as u64;
            match rehearsal.handed_over() - before {
                0 => without.push(took),
                sent => with.push(took / sent),
            }
        }
        let cpu = cpu.elapsed().saturating_sub(copying);
        all.push(cpu.as_nanos() as u64 / events.len() as u64);
        messages = rehearsal.handed_over();
        plain.push(median(&mut without));
        times.push(without);
        timers.push(firing / events.len() as u64);
        if !with.is_empty() {
            sending.push(median(&mut with));
        }
    }
    println!("  {folder}: {} events, {messages} messages", events.len());
    println!("    an event that sends nothing, median:           {} ns", spread(&mut plain));
    if !sending.is_empty() {
        println!("    a message that an event sends at once, median: {} ns", spread(&mut sending));
    }
    println!("    timers, their messages included, mean:         {} ns per event", spread(&mut timers));
    println!("    all CPU, mean:                                 {} ns per event", spread(&mut all));
    times
}

/// What the customers with about a hundred events weigh, at the end of a real log.
fn weigh(playbook: &Arc<Playbook>, events: &[Arc<Event>]) {
    let mut rehearsal = Rehearsal::new(playbook.clone());
    let mut taken = std::collections::HashMap::new();
    for event in events {
        *taken.entry(event.user_id.clone().or(event.anonymous_id.clone())).or_insert(0_u32) += 1;
        rehearsal.event(event.clone()).unwrap();
    }
    rehearsal.store().for_each(|record| {
        let count = taken.get(&record.profile.external_id().cloned()).copied().unwrap_or(0);
        if (80..140).contains(&count) {
            println!(
                "    a customer with {count} events: {} bytes in memory, {} bytes stored",
                weight(record),
                record.encode().len()
            );
        }
    });
}

/// The bytes that a record takes by itself: a copy without slack, counted by the allocator.
fn weight(record: &throughline::CustomerState) -> usize {
    let before = LIVE.load(Ordering::Relaxed);
    let copy = Box::new(record.clone());
    let bytes = LIVE.load(Ordering::Relaxed) - before;
    drop(copy);
    bytes
}

/// What customers of a store weigh as their events grow, and what the store adds: nothing but customers grows.
fn memory() {
    let playbook = support::playbook("abandoned_cart", &["Product Viewed", "Product Added", "Order Completed"]);
    let customers = 10_000usize;
    // Of a hundred events ninety views, eight products put into the cart in one go, two orders.
    let name = |k: usize| match k % 50 {
        49 => "Order Completed",
        40..=43 => "Product Added",
        _ => "Product Viewed",
    };
    println!("Memory, counted by the allocator, {customers} customers in one store");
    for n in [1, 10, 100, 1_000] {
        let before = LIVE.load(Ordering::Relaxed);
        let mut rehearsal = Rehearsal::new(playbook.clone());
        let start: throughline::Instant = "2026-01-01T00:00:00Z".parse().unwrap();
        for k in 0..n {
            for who in 0..customers {
                // A visit every seven hours: a hundred events in a month.
                let at = start + throughline::Span::minutes(420 * k as i64) + throughline::Span::millis(who as i64);
                let mut event = Event::track(name(k)).user(&format!("customer-{who}")).id(&format!("{who}-{k}")).at(at);
                if name(k) == "Order Completed" {
                    event = event.property("order_id", format!("{who}-{k}").as_str()).property("total", 59_i64);
                }
                rehearsal.event(event).unwrap();
            }
        }
        let all = LIVE.load(Ordering::Relaxed) - before;
        let (mut state, mut contacts, mut stored) = (0, 0, 0);
        rehearsal.store().for_each(|record| {
            state += weight(record);
            contacts += record.profile.contacts.len();
            stored += record.encode().len();
        });
        println!(
            "  {n} events each: stored {} bytes, with {} messages; in memory {} bytes, and {} of slack, store, identifiers and timers",
            stored / customers,
            contacts / customers,
            state / customers,
            (all - state) / customers
        );
    }
}

/// What the store adds to records without segments, journeys or timers, identifiers apart.
fn overhead() {
    let playbook = Arc::new(Playbook::from_json(r#"{"version": 1, "currency": "EUR"}"#).unwrap());
    for customers in [10_000_usize, 14_000, 15_000, 100_000] {
        let names: Vec<String> = (0..customers).map(|n| format!("customer-{n}")).collect();
        let store = throughline::MemoryStore::with_shards(1);
        let before = LIVE.load(Ordering::Relaxed);
        let keys = names.iter().map(|name| throughline::IdentityKey::new(throughline::IdentityKind::User, name));
        for key in keys {
            store.give(&throughline::Binding { key, to: key.candidate(), from: None });
        }
        // The index, and the id's own text in the record: two counters and the letters.
        let texts: usize = names.iter().map(|name| (16 + name.len()).next_multiple_of(8)).sum();
        let identifiers = LIVE.load(Ordering::Relaxed) - before + texts;
        drop(store);
        let before = LIVE.load(Ordering::Relaxed);
        let mut rehearsal = Rehearsal::new(playbook.clone());
        let start: throughline::Instant = "2026-01-01T00:00:00Z".parse().unwrap();
        for name in &names {
            rehearsal.event(Event::track("Product Viewed").user(name).at(start)).unwrap();
        }
        let all = LIVE.load(Ordering::Relaxed) - before;
        let mut state = 0;
        rehearsal.store().for_each(|record| state += weight(record));
        println!(
            "  {customers} customers: the store's own {} bytes each; identifiers {} bytes each",
            (all - state - identifiers) / customers,
            identifiers / customers
        );
    }
}
