//! Segment rules beside a hand-written function and three rule engines: the same eight rules of one to eight conditions,
//! the same customers, the same answers. The engines get contexts that were built beforehand, with the counts over
//! windows and the consents already worked out; building one is not in their figures.

mod customers;
mod definitions;

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;
use criterion::{Criterion, Throughput};
use datalogic_rs::bumpalo::Bump;
use throughline::{Criteria, Customer, Segment};
use zen_expression::scope::Scope;
use zen_expression::variable::Variable;
use zen_expression::vm::VM;

const CUSTOMERS: usize = 256;

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
    let customers: Vec<&dyn Customer> = profiles.iter().map(|profile| profile as &dyn Customer).collect();
    let throughline = || answers(&customers, &criteria, |who, rule| rule.evaluate(*who, now).inside);

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
    let medians = [
        ("hand-written, on strings", measure(&mut criterion, "hand-written", &by_hand)),
        ("throughline", measure(&mut criterion, "throughline", &throughline)),
        ("datalogic-rs", measure(&mut criterion, "datalogic-rs", &datalogic)),
        ("zen-expression", measure(&mut criterion, "zen-expression", &zen)),
        ("cel", measure(&mut criterion, "cel", &cel)),
    ];
    criterion.final_summary();
    let [(_, hand), (_, ours), engines @ ..] = medians;
    println!("CPU time per evaluation, median; {CUSTOMERS} customers, 8 rules of 1 to 8 conditions");
    for (name, median) in medians {
        println!(
            "  {name:26} {median:7.1} ns  {:5.2} of the hand-written, {:5.2} of throughline",
            median / hand,
            median / ours
        );
    }
    let fastest = engines.iter().map(|(_, median)| *median).fold(f64::MAX, f64::min);
    println!(
        "  throughline is {:.2} times the hand-written function and {:.1} times faster than the fastest engine",
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

/// The median CPU time of one evaluation, in nanoseconds.
fn measure(criterion: &mut Criterion, name: &str, run: &dyn Fn() -> Vec<bool>) -> f64 {
    let evaluations = (CUSTOMERS * 8) as u64;
    let mut samples: Vec<f64> = Vec::new();
    let mut group = criterion.benchmark_group("all rules on all customers");
    group.throughput(Throughput::Elements(evaluations));
    group.bench_function(name, |bench| {
        bench.iter_custom(|rounds| {
            let start = ThreadTime::now();
            for _ in 0..rounds {
                black_box(run());
            }
            let took = start.elapsed();
            samples.push(took.as_nanos() as f64 / (rounds * evaluations) as f64);
            took
        });
    });
    group.finish();
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
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
