//! What a journey's parts cannot tell on their own: steps nobody reaches, steps that lead nowhere, and cycles without a wait.

use super::cycles::cycles;
use super::graph::Graph;
use super::steps::StepKind;
use crate::primitives::Span;
use crate::primitives::fault::Object;

/// Reports what is wrong with the graph as a whole; `false` if anything is.
pub(super) fn check(graph: &Graph, object: &Object<'_>) -> bool {
    let steps = object.get("steps").and_then(|steps| steps.list()).unwrap_or_default();
    let mut sound = true;
    let mut fault = |n: usize, problem: String| {
        if let Some(node) = steps.get(n) {
            node.fault(problem);
        }
        sound = false;
    };
    let ways: Vec<Vec<usize>> = (0..graph.steps.len()).map(|n| ways(graph, n)).collect();
    let reached = reach(&ways, vec![0]);
    let ends = ends(graph, &ways);
    for n in 0..graph.steps.len() {
        if reached.get(n) == Some(&false) {
            fault(n, "no step leads here".to_owned());
        } else if ends.get(n) == Some(&false) {
            fault(n, "no way leads from here to the end: add one, or an `exit` or a `goal` to the journey".to_owned());
        }
    }
    let at_once: Vec<Vec<usize>> = ways
        .iter()
        .zip(&graph.steps)
        .map(|(ways, step)| if takes_time(&step.kind) { Vec::new() } else { ways.clone() })
        .collect();
    for cycle in cycles(&at_once) {
        let named = cycle.iter().filter_map(|n| graph.steps.get(*n)).map(|step| step.name.as_str());
        let names: Vec<&str> = named.collect();
        let first = cycle.first().copied().unwrap_or_default();
        fault(
            first,
            format!(
                "a cycle without a wait: {}; add a `wait` of some time, for what a `wait_until` waits for may be now",
                names.join(" -> ")
            ),
        );
    }
    sound
}

/// Which steps lead to an end. What ends a run wherever it stands is a way out of each.
fn ends(graph: &Graph, ways: &[Vec<usize>]) -> Vec<bool> {
    if !graph.exits.is_empty() || graph.goal.is_some() {
        return vec![true; ways.len()];
    }
    let mut back = vec![Vec::new(); ways.len()];
    for (from, ways) in ways.iter().enumerate() {
        for to in ways {
            if let Some(into) = back.get_mut(*to) {
                into.push(from);
            }
        }
    }
    let last = |kind: &StepKind| {
        let ways = kind.ways();
        ways.is_empty() || ways.iter().any(|(_, next)| next.is_none())
    };
    let last = graph.steps.iter().enumerate().filter(|(_, step)| last(&step.kind)).map(|(n, _)| n);
    reach(&back, last.collect())
}

/// Which nodes these lead to, and these themselves.
fn reach(ways: &[Vec<usize>], mut open: Vec<usize>) -> Vec<bool> {
    let mut reached = vec![false; ways.len()];
    while let Some(n) = open.pop() {
        if reached.get_mut(n).is_some_and(|reached| !std::mem::replace(reached, true)) {
            open.extend(ways.get(n).into_iter().flatten());
        }
    }
    reached
}

/// A message is no wait: it may be skipped at once, time and again. Nor is a local time that may be now.
fn takes_time(kind: &StepKind) -> bool {
    matches!(kind, StepKind::Wait { span, .. } if *span > Span::ZERO)
}

/// The steps to which a step may lead.
fn ways(graph: &Graph, n: usize) -> Vec<usize> {
    let step = graph.steps.get(n);
    step.map(|step| step.kind.ways().into_iter().filter_map(|(_, next)| Some(next? as usize)).collect())
        .unwrap_or_default()
}
