//! What journeys cost: a run's advance, an event among a thousand journeys, and many runs that wait. `cargo bench --bench
//! journeys -- RUNS`, or the variable `WAITING`, says how many wait; without a number a thousand, so that it costs nothing
//! where all benches run.

#[path = "support/counting.rs"]
mod counting;
#[path = "support/spread.rs"]
mod spread;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use counting::LIVE;
use cpu_time::ThreadTime;
use serde_json::{Map, Value as Json, json};
use spread::spread;
use throughline::{
    CustomerId, CustomerState, Event, Fields, Input, Instant, LogLine, LogWhat, Place, Playbook, Rehearsal, RunView,
    Signal, Span, Splits, Surroundings, What,
};

const ROUNDS: usize = 9;
const TIMES: u32 = 20_000;

fn main() {
    let asked = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let waiting: i64 = asked.or_else(|| std::env::var("WAITING").ok()?.parse().ok()).unwrap_or(1_000);
    println!("CPU time, one thread; median (least to most) of {ROUNDS} rounds");
    advance();
    among_many();
    wait(waiting);
}

fn start() -> Instant {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn book(journeys: Json) -> Arc<Playbook> {
    let json = json!({
        "version": 1, "currency": "EUR", "channels": {"in_app": {}}, "policy": {"zone": "Europe/Berlin"},
        "messages": {"note": {"class": "transactional", "variants": {"in_app": {"body": "Hello"}}}},
        "journeys": journeys
    });
    Arc::new(Playbook::from_json(&json.to_string()).unwrap_or_else(|faults| panic!("{faults}")))
}

/// Nanoseconds per call.
fn per_call(mut call: impl FnMut()) -> String {
    let mut rounds: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let begin = ThreadTime::now();
            (0..TIMES).for_each(|_| call());
            begin.elapsed().as_nanos() as u64 / u64::from(TIMES)
        })
        .collect();
    spread(&mut rounds)
}

/// A run hears an event or its timer, leaves its wait, passes a branch, a split and an update, and waits again.
fn advance() {
    let playbook = book(json!({"tour": {
        "trigger": {"event": "Signed Up"}, "goal": {"event": "Order Completed"}, "exit": [{"event": "Account Closed"}],
        "steps": [
            {"id": "look", "wait_for": {"event": "Product Viewed", "where": {"category": "tea"}, "timeout": "3d"}, "else": "tell"},
            {"id": "who", "branch": [{"if": {"attribute": "tier", "in": ["gold", "platinum"]}, "next": "tell"}], "else": "draw"},
            {"id": "draw", "split": [{"weight": 1, "next": "mark"}, {"weight": 1, "next": "mark"}]},
            {"id": "mark", "update": {"attribute": "toured", "value": true}},
            {"id": "morning", "wait_until": {"time": "09:00"}},
            {"id": "tell", "message": "note"}
        ]
    }}));
    let journey = playbook.journeys().next().unwrap();
    let mut anna = CustomerState::new(CustomerId::new("anna"), start());
    let around = Surroundings::default();
    for event in [Event::identify().user("anna").with_trait("tier", "silver"), Event::track("Signed Up").user("anna")] {
        playbook.step(&mut anna, &Input::Event(event.into()), &around, start()).unwrap();
    }
    let (data, now) = (Fields::new(), start() + Span::hours(1));
    let viewed = Event::track("Product Viewed").user("anna").property("category", "tea");
    let other = Event::track("Product Viewed").user("anna").property("category", "coffee");
    let place = Place { step: 0, visit: 1, since: start(), ..Place::default() };
    let splits = Splits::default();
    let view =
        RunView { place: &place, began: start(), key: None, about: None, data: &data, latest: true, splits: &splits };
    let hear = |signal: &Signal<'_>, now| journey.advance(&view, signal, &anna.profile, now).unwrap();
    let moved = hear(&Signal::Event { event: &viewed, at: now }, now);
    assert_eq!(journey.step_name(moved.place.unwrap().step), "morning");
    println!("  a run's advance");
    let event = |event| Signal::Event { event, at: now };
    println!(
        "    an event that means nothing to it:             {} ns",
        per_call(|| drop(black_box(hear(&event(&other), now))))
    );
    println!(
        "    over four steps to its next wait:              {} ns",
        per_call(|| drop(black_box(hear(&event(&viewed), now))))
    );
    let due = Signal::Due { at: start() + Span::days(2) };
    println!(
        "    a timer that is not the last:                  {} ns",
        per_call(|| drop(black_box(hear(&due, start() + Span::days(2)))))
    );
}

/// An event costs by the journeys that it can begin or move, not by those that are defined.
fn among_many() {
    println!("  an event that begins one run, which waits; the whole step, the record's copy apart");
    for defined in [1, 10, 100, 1_000] {
        let journey = |n: usize| json!({"trigger": {"event": format!("Event {n}")}, "steps": [{"id": "a_day", "wait": "1d"}, {"id": "tell", "message": "note"}]});
        let journeys: Map<String, Json> = (0..defined).map(|n| (format!("journey {n}"), journey(n))).collect();
        let playbook = book(journeys.into());
        let around = Surroundings::default();
        let mut anna = CustomerState::new(CustomerId::new("anna"), start());
        playbook.step(&mut anna, &Input::Event(Event::track("Other").user("anna").into()), &around, start()).unwrap();
        let event = Input::Event(Event::track("Event 0").user("anna").into());
        let mut rounds: Vec<u64> = (0..ROUNDS)
            .map(|_| {
                let mut copies = vec![anna.clone(); 2_000];
                let begin = ThreadTime::now();
                for copy in &mut copies {
                    black_box(playbook.step(copy, &event, &around, start()).unwrap());
                }
                begin.elapsed().as_nanos() as u64 / 2_000
            })
            .collect();
        println!("    {defined:5} journeys defined:                         {} ns", spread(&mut rounds));
    }
}

/// So many customers with a waiting run each; then all timers fire, each at its instant.
fn wait(runs: i64) {
    let playbook = book(json!({"one": {
        "trigger": {"event": "Signed Up"}, "steps": [{"id": "a_week", "wait": "7d"}, {"id": "three_days", "wait": "3d"}]
    }}));
    let (mut last, mut ended, mut most) = (Instant::MIN, 0_i64, 0);
    let before = LIVE.load(Ordering::Relaxed);
    let mut hear = |line: &LogLine<'_>| {
        if let LogWhat::Notice(What::RunEnded { .. }) = line.what {
            assert!(line.at >= last, "a timer fired before an earlier one");
            (last, ended) = (line.at, ended + 1);
            most = most.max(LIVE.load(Ordering::Relaxed));
        }
    };
    let mut rehearsal = Rehearsal::new(playbook).with_observer(&mut hear).unexplained();
    let load = ThreadTime::now();
    for n in 0..runs {
        // In no order of ids, and several at one instant.
        let at = start() + Span::seconds(n / 4);
        rehearsal.event(Event::track("Signed Up").user(&format!("customer-{n}")).at(at)).unwrap();
    }
    let load = load.elapsed();
    let full = LIVE.load(Ordering::Relaxed) - before;
    let fire = ThreadTime::now();
    rehearsal.run_until(None);
    let fire = fire.elapsed();
    drop(rehearsal);
    assert_eq!(ended, runs);
    println!("  {runs} waiting runs, one each of as many customers");
    println!("    to begin them:                                 {:.0} ns each", load.as_nanos() as f64 / runs as f64);
    println!(
        "    two timers each, in the order of their instants: {:.0} ns a timer",
        fire.as_nanos() as f64 / (2 * runs) as f64
    );
    println!(
        "    memory: {} bytes each when all wait; {} more at most while they fire",
        full / runs as usize,
        most.saturating_sub(before + full)
    );
}
