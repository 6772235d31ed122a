//! Segment rules beside a hand-written function and three rule engines: the same eight rules of one to eight conditions,
//! the same customers, the same answers. The engines get contexts that were built beforehand, with the counts over
//! windows and the consents already worked out; building one is not in their figures. Nor is making the `Facts` of a customer
//! in those of throughline: three words and the instant, in which nothing is worked out yet.

mod customers;
mod definitions;

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;
use criterion::{Criterion, Throughput};
use datalogic_rs::bumpalo::Bump;
use throughline::Criteria;
use throughline::segment::Facts;
use zen_expression::scope::Scope;
use zen_expression::variable::Variable;
use zen_expression::vm::VM;

const CUSTOMERS: usize = 256;
const EVALUATIONS: usize = CUSTOMERS * 8;
const ROUNDS: usize = 300;
const PASSES: usize = 5;

fn main() {
    let shoppers = customers::sample(CUSTOMERS);
    let rules = definitions::rules();
    let now = customers::now();
    let millis = now.as_millis();
    let contexts: Vec<serde_json::Value> = shoppers.iter().map(|shopper| shopper.context(millis)).collect();

    let by_hand = || answers(&shoppers, &rules, |who, rule| (rule.by_hand)(who, millis));

    let profiles: Vec<_> = shoppers.iter().enumerate().map(|(n, shopper)| shopper.profile(n)).collect();
    let criteria: Vec<Criteria> =
        rules.iter().map(|rule| Criteria::from_json(&rule.criteria.to_string()).unwrap()).collect();
    let facts: Vec<Facts<'_>> = profiles.iter().map(|profile| Facts::new(profile, now)).collect();
    let throughline = || answers(&facts, &criteria, |who, rule| rule.holds(who));

    let engine = datalogic_rs::Engine::new();
    let compiled: Vec<_> =
        rules.iter().map(|rule| engine.compile(rule.json_logic.to_string().as_str()).unwrap()).collect();
    let texts: Vec<String> = contexts.iter().map(ToString::to_string).collect();
    let parsed: Vec<_> = texts.iter().map(|text| datalogic_rs::ParsedData::from_json(text).unwrap()).collect();
    let arena = RefCell::new(Bump::new());
    let datalogic = || {
        let mut arena = arena.borrow_mut();
        answers(&parsed, &compiled, |who, rule| {
            let inside = engine.evaluate(rule, who, &arena).unwrap().as_bool() == Some(true);
            arena.reset();
            inside
        })
    };

    let expressions: Vec<_> = rules.iter().map(|rule| zen_expression::compile_expression(rule.zen).unwrap()).collect();
    let scopes: Vec<Scope> = contexts.iter().map(|context| Scope::new(Variable::from(context.clone()))).collect();
    let vm = RefCell::new(VM::new());
    let zen = || {
        let mut vm = vm.borrow_mut();
        answers(&scopes, &expressions, |who, rule| {
            matches!(rule.evaluate_with_scope(who, &mut vm).unwrap(), Variable::Bool(true))
        })
    };

    let programs: Vec<_> = rules.iter().map(|rule| cel::Program::compile(rule.cel).unwrap()).collect();
    let environments: Vec<cel::Context<'_, '_>> = contexts.iter().map(cel_context).collect();
    let cel =
        || answers(&environments, &programs, |who, rule| matches!(rule.execute(who).unwrap(), cel::Value::Bool(true)));

    let known = by_hand();
    for (n, rule) in rules.iter().enumerate() {
        let inside = known.iter().skip(n).step_by(rules.len()).filter(|inside| **inside).count();
        println!("{inside:4} of {CUSTOMERS} customers: {}", rule.cel);
        assert!(inside > 0 && inside < CUSTOMERS, "a rule that tells nobody apart measures nothing");
    }
    for (name, found) in [("throughline", throughline()), ("datalogic-rs", datalogic()), ("zen", zen()), ("cel", cel())]
    {
        assert!(found == known, "{name} answers otherwise");
    }

    let mut criterion = Criterion::default()
        .sample_size(60)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    let all: [(&str, &dyn Fn() -> Vec<bool>); 5] = [
        ("hand-written, on strings", &by_hand),
        ("throughline", &throughline),
        ("datalogic-rs", &datalogic),
        ("zen-expression", &zen),
        ("cel", &cel),
    ];
    for (name, run) in all {
        measure(&mut criterion, name, run);
    }
    criterion.final_summary();
    compare(all);
}

/// Turn and turn about, so that a slow moment of the machine meets all alike, and the medians.
fn compare(all: [(&str, &dyn Fn() -> Vec<bool>); 5]) {
    let mut samples: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        for ((_, run), samples) in all.iter().zip(&mut samples) {
            // Once to warm the caches again.
            black_box(run());
            let start = ThreadTime::now();
            for _ in 0..PASSES {
                black_box(run());
            }
            samples.push(start.elapsed().as_nanos() as f64 / (PASSES * EVALUATIONS) as f64);
        }
    }
    let medians = samples.map(|mut samples| {
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 2]
    });
    let [hand, ours, engines @ ..] = medians;
    println!("CPU time per evaluation, median of {ROUNDS} rounds; {CUSTOMERS} customers, 8 rules of 1 to 8 conditions");
    for ((name, _), median) in all.iter().zip(medians) {
        println!(
            "  {name:26} {median:7.1} ns  {:6.2} of the hand-written, {:5.2} of throughline",
            median / hand,
            median / ours
        );
    }
    let fastest = engines.into_iter().fold(f64::MAX, f64::min);
    println!(
        "  throughline: {:.2} times the hand-written function, {:.1} times faster than the fastest engine",
        ours / hand,
        fastest / ours
    );
}

/// Every rule on every customer, one customer after the other.
fn answers<C, R>(customers: &[C], rules: &[R], mut ask: impl FnMut(&C, &R) -> bool) -> Vec<bool> {
    let mut answers = Vec::with_capacity(customers.len() * rules.len());
    for who in customers {
        for rule in rules {
            answers.push(ask(black_box(who), black_box(rule)));
        }
    }
    answers
}

fn measure(criterion: &mut Criterion, name: &str, run: &dyn Fn() -> Vec<bool>) {
    let mut group = criterion.benchmark_group("all rules on all customers");
    group.throughput(Throughput::Elements(EVALUATIONS as u64));
    group.bench_function(name, |bench| {
        bench.iter_custom(|rounds| {
            let start = ThreadTime::now();
            for _ in 0..rounds {
                black_box(run());
            }
            start.elapsed()
        });
    });
    group.finish();
}

fn cel_context(context: &serde_json::Value) -> cel::Context<'static, 'static> {
    let mut built = cel::Context::default();
    for (name, value) in context.as_object().into_iter().flatten() {
        match value {
            serde_json::Value::String(text) => built.add_variable_from_value(name.as_str(), text.as_str()),
            serde_json::Value::Bool(b) => built.add_variable_from_value(name.as_str(), *b),
            number => built.add_variable_from_value(name.as_str(), number.as_i64().unwrap()),
        }
    }
    built
}
