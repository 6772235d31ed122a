//! What a journey's parts cannot tell on their own: steps nobody reaches, and cycles without a wait.

use super::graph::Graph;
use super::steps::{Next, StepKind};
use crate::primitives::Span;
use crate::primitives::fault::Object;

/// Reports what is wrong with the graph as a whole; `false` if anything is.
pub(super) fn check(graph: &Graph, object: &Object<'_>) -> bool {
    let steps = object.get("steps").and_then(|steps| steps.list()).unwrap_or_default();
    let mut sound = true;
    let reached = reach(graph);
    for (n, node) in steps.iter().enumerate() {
        if !reached.contains(&n) {
            node.fault("no step leads here");
            sound = false;
        }
    }
    for n in 0..graph.steps.len() {
        if let Some(cycle) = cycle_without_wait(graph, n) {
            // Reported once, at its first step.
            if cycle.iter().min() == Some(&n) {
                let names: Vec<&str> =
                    cycle.iter().filter_map(|n| graph.steps.get(*n)).map(|step| step.name.as_str()).collect();
                if let Some(node) = steps.get(n) {
                    node.fault(format!(
                        "a cycle without a wait: {}; add a `wait` of some time, for what a `wait_until` waits for may be now",
                        names.join(" -> ")
                    ));
                }
                sound = false;
            }
        }
    }
    sound
}

fn reach(graph: &Graph) -> Vec<usize> {
    let mut reached = vec![0];
    let mut next = 0;
    while let Some(n) = reached.get(next).copied() {
        next += 1;
        for to in exits(graph, n).into_iter().flatten() {
            let to = to as usize;
            if !reached.contains(&to) {
                reached.push(to);
            }
        }
    }
    reached
}

/// The way back to `start` through steps that take no time.
fn cycle_without_wait(graph: &Graph, start: usize) -> Option<Vec<usize>> {
    fn walk(graph: &Graph, at: usize, start: usize, path: &mut Vec<usize>) -> bool {
        if path.contains(&at) {
            return at == start && !path.is_empty();
        }
        if graph.steps.get(at).is_none_or(|step| takes_time(&step.kind)) {
            return false;
        }
        path.push(at);
        if exits(graph, at).into_iter().flatten().any(|to| walk(graph, to as usize, start, path)) {
            return true;
        }
        path.pop();
        false
    }
    let mut path = Vec::new();
    walk(graph, start, start, &mut path).then_some(path)
}

/// A message is no wait: it may be skipped at once, time and again. Nor is a local time that may be now.
fn takes_time(kind: &StepKind) -> bool {
    matches!(kind, StepKind::Wait { span, .. } if *span > Span::ZERO)
}

/// Where a step may lead.
fn exits(graph: &Graph, n: usize) -> Vec<Next> {
    let step = graph.steps.get(n);
    step.map(|step| step.kind.ways().into_iter().map(|(_, next)| next).collect()).unwrap_or_default()
}
