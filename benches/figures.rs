//! The figures of the README: CPU time per event over real logs, and what a record weighs.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cpu_time::ThreadTime;
use throughline::{Event, Playbook, Rehearsal};

/// Counts what is allocated, so that memory is measured and not estimated.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes every call on to the system's allocator and only counts.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RUNS: usize = 7;

fn main() {
    println!(
        "CPU time per event, one thread, twenty segments, JSON parsing apart; median (least to most) of {RUNS} runs"
    );
    let logs = [
        ("retailrocket_sample", "abandoned_cart", &["Product Viewed", "Product Added", "Order Completed"][..]),
        ("starbucks_dev", "offers", &["Order Completed", "Offer Viewed", "Offer Received"][..]),
        ("online_retail", "after_purchase", &["Order Completed", "Order Refunded"][..]),
    ];
    for (folder, name, names) in logs {
        let Some(events) = support::log(folder) else { continue };
        let playbook = support::playbook(name, names);
        let events: Vec<Arc<Event>> = events.into_iter().map(Arc::new).collect();
        per_event(folder, &playbook, &events);
    }
    memory();
}

fn per_event(folder: &str, playbook: &Arc<Playbook>, events: &[Arc<Event>]) {
    let mut means = Vec::new();
    let mut medians = Vec::new();
    let mut sent = Vec::new();
    let mut messages = 0;
    for _ in 0..RUNS {
        let copies = events.to_vec();
        let mut each = Vec::with_capacity(events.len());
        let mut with_message = Vec::new();
        let mut rehearsal = Rehearsal::new(playbook.clone());
        let start = ThreadTime::now();
        for event in copies {
            let before = rehearsal.summary().handed_over;
            let clock = std::time::Instant::now();
            rehearsal.event(event).unwrap();
            let took = clock.elapsed().as_nanos() as u64;
            match rehearsal.summary().handed_over - before {
                0 => each.push(took),
                n => with_message.push(took / n),
            }
        }
        let cpu = start.elapsed();
        messages = rehearsal.summary().handed_over;
        means.push(cpu.as_nanos() as u64 / events.len() as u64);
        medians.push(median(&mut each));
        if !with_message.is_empty() {
            sent.push(median(&mut with_message));
        }
    }
    println!(
        "  {folder}: {} events, {messages} messages: mean CPU {} ns (timers and messages included); median event without a \
         message {} ns; median per message, its timer included {} ns",
        events.len(),
        spread(&mut means),
        spread(&mut medians),
        spread(&mut sent)
    );
}

/// What a customer with 100 events weighs, and what the store adds.
fn memory() {
    let playbook = support::playbook("abandoned_cart", &["Product Viewed", "Product Added", "Order Completed"]);
    let customers = 10_000usize;
    // Of twenty events sixteen views, three products put into the cart, and one order.
    let name = |k: usize| match k % 20 {
        19 => "Order Completed",
        6 | 12 | 18 => "Product Added",
        _ => "Product Viewed",
    };
    println!("Memory, counted by the allocator, {customers} customers in one store");
    for n in [1, 10, 100] {
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
        let mut state = 0;
        rehearsal.store().for_each(|record| {
            let before = LIVE.load(Ordering::Relaxed);
            let copy = Box::new(record.clone());
            state += LIVE.load(Ordering::Relaxed) - before;
            drop(copy);
        });
        println!(
            "  {n} events each: {} bytes per customer in all, of which a record exactly sized {} bytes",
            all / customers,
            state / customers
        );
    }
}

fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

fn spread(values: &mut [u64]) -> String {
    let middle = median(values);
    format!("{middle} ({} to {})", values.first().copied().unwrap_or(0), values.last().copied().unwrap_or(0))
}
