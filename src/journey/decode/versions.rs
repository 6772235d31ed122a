//! A journey's versions, from its JSON: the newest, under it the earlier ones, and how runs of these go on in it.

use super::{Known, decode};
use crate::journey::graph::Graph;
use crate::journey::migrate::Takeover;
use crate::journey::steps::Next;
use crate::primitives::fault::{Node, Object, nearest};

/// Decodes a journey with its earlier versions, the newest first. Those with a fault are left out.
pub(crate) fn versions(name: &str, node: &Node<'_>, known: &Known<'_>) -> Vec<Graph> {
    let mut decoded = vec![(node.clone(), decode(name, node, &["paused", "earlier"], known))];
    let earlier = node.json().is_object().then(|| node.open_object()?.get("earlier")?.list()).flatten();
    for node in earlier.unwrap_or_default() {
        let graph = decode(name, &node, &[], known);
        decoded.push((node, graph));
    }
    let mut whole = distinct(&decoded);
    for at in 0..decoded.len() {
        let Some((node, Some(graph))) = decoded.get(at) else { continue };
        let takeovers = takeovers(node, graph, &decoded);
        whole &= takeovers.is_some();
        if let (Some((_, Some(graph))), Some(takeovers)) = (decoded.get_mut(at), takeovers) {
            graph.takeovers = takeovers;
        }
    }
    if whole { decoded.into_iter().filter_map(|(_, graph)| graph).collect() } else { Vec::new() }
}

/// Reports earlier versions that are not earlier, and two of one number.
fn distinct(decoded: &[(Node<'_>, Option<Graph>)]) -> bool {
    let Some((_, Some(newest))) = decoded.first() else { return true };
    let mut sound = true;
    for (at, (node, graph)) in decoded.iter().enumerate().skip(1) {
        let Some(graph) = graph else { continue };
        let version = graph.version;
        let again = decoded
            .iter()
            .take(at)
            .skip(1)
            .any(|(_, other)| other.as_ref().is_some_and(|other| other.version == version));
        if again {
            node.fault(format!("a second definition of version {version}; a run must know which one it began with"));
        } else if version >= newest.version {
            let problem = format!("version {version} is not earlier than version {}", newest.version);
            node.fault(format!("{problem}; raise the `version` of the journey above it"));
        } else {
            continue;
        }
        sound = false;
    }
    sound
}

/// The older versions that a version says it takes over. `None` if a fault was reported.
fn takeovers(node: &Node<'_>, new: &Graph, decoded: &[(Node<'_>, Option<Graph>)]) -> Option<Vec<Takeover>> {
    let Some(node) = node.open_object()?.get("migrate") else { return Some(Vec::new()) };
    let nodes = if node.json().is_array() { node.list()? } else { vec![node] };
    let mut takeovers: Vec<Takeover> = Vec::new();
    let mut whole = true;
    for node in nodes {
        let taken = takeover(&node, new, decoded);
        whole &= taken.is_some();
        let Some(taken) = taken else { continue };
        if takeovers.iter().any(|other| other.from == taken.from) {
            node.fault(format!("says a second time where the runs of version {} go on", taken.from));
            whole = false;
        }
        takeovers.push(taken);
    }
    whole.then_some(takeovers)
}

fn takeover(node: &Node<'_>, new: &Graph, decoded: &[(Node<'_>, Option<Graph>)]) -> Option<Takeover> {
    let object = node.object(&["from", "steps"])?;
    let from = object.need("from");
    let map = match object.get("steps") {
        Some(node) => Some(node.open_object()?),
        None => None,
    };
    let from = from?;
    let version = u32::try_from(from.integer(1..=i64::from(u32::MAX))?).ok()?;
    let missing = match decoded.iter().find(|(node, _)| stated(node) == u64::from(version)) {
        _ if version >= new.version => Some(format!("version {version} is not earlier than version {}", new.version)),
        None => Some(format!(
            "version {version} is not under `earlier`; keep it there until no run of it is left, so that its steps can be \
             checked"
        )),
        // Its own faults are reported.
        Some((_, None)) => return None,
        Some((_, Some(old))) if new.digest().is_some() && old.digest().is_none() => {
            Some(format!("version {version} gathers no events, so that its runs have none for the digest here"))
        }
        Some((_, Some(old))) => {
            return leads(node, map.as_ref(), old, new).map(|leads| Takeover::new(old, new, &leads));
        }
    };
    missing.into_iter().for_each(|problem| from.fault(problem));
    None
}

/// The version that a definition is of, also one with faults.
fn stated(node: &Node<'_>) -> u64 {
    node.json().get("version").and_then(serde_json::Value::as_u64).unwrap_or(1)
}

/// Where each step of the old version leads in the new one: where the map says, else to the step of its name.
fn leads(node: &Node<'_>, map: Option<&Object<'_>>, old: &Graph, new: &Graph) -> Option<Vec<Next>> {
    let place = |name: &str| new.steps.iter().position(|step| step.name.as_str() == name);
    let mut whole = true;
    let names = |graph: &Graph| graph.steps.iter().map(|step| step.name.as_str().to_owned()).collect::<Vec<_>>();
    let (olds, news) = (names(old), names(new));
    let hint = |name: &str, known: &[String]| {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        nearest(name, &known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
    };
    for (name, node) in map.iter().flat_map(|map| map.fields()) {
        if !olds.iter().any(|known| known == name) {
            node.fault(format!("version {} has no step `{name}`{}", old.version, hint(name, &olds)));
            whole = false;
        }
        match node.text() {
            Some(to) if to == "end" || place(to).is_some() => {}
            Some(to) => {
                node.fault(format!("version {} has no step `{to}`{}", new.version, hint(to, &news)));
                whole = false;
            }
            None => whole = false,
        }
    }
    let mut leads = Vec::with_capacity(olds.len());
    for name in &olds {
        let said = map.and_then(|map| map.get(name)).map(|node| node.json().as_str().unwrap_or_default());
        let to = match said {
            Some("end") => Some(None),
            Some(to) => place(to).map(Some),
            None => place(name).map(Some),
        };
        if to.is_none() && said.is_none() {
            let (from, version) = (old.version, new.version);
            node.fault(format!(
                "does not say where a run goes on that stands at `{name}` of version {from}, which version {version} does \
                 not have; add \"{name}\": \"<a step, or end>\" to `steps`"
            ));
        }
        whole &= to.is_some();
        leads.push(to.flatten().and_then(|position| u32::try_from(position).ok()));
    }
    whole.then_some(leads)
}
