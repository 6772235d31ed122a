//! Circles in a graph, in time linear in its size.

/// A circle of each strongly connected part: the shortest through its first node, beginning there.
pub(super) fn cycles(graph: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let part = parts(graph);
    let mut seen = vec![false; graph.len()];
    let mut found = Vec::new();
    for start in 0..graph.len() {
        let own = part.get(start);
        // Its part was looked at from its first node.
        if std::mem::replace(seen.get_mut(own.copied().unwrap_or_default()).unwrap_or(&mut false), true) {
            continue;
        }
        found.extend(way_back(graph, start, |node| part.get(node) == own));
    }
    found
}

/// The strongly connected part that each node is in, by one of its nodes: Kosaraju's two walks, without recursion.
fn parts(graph: &[Vec<usize>]) -> Vec<usize> {
    let mut back = vec![Vec::new(); graph.len()];
    for (from, ways) in graph.iter().enumerate() {
        for to in ways {
            if let Some(into) = back.get_mut(*to) {
                into.push(from);
            }
        }
    }
    let mut part = vec![usize::MAX; graph.len()];
    for root in finished(graph).into_iter().rev() {
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            if let Some(known) = part.get_mut(node).filter(|known| **known == usize::MAX) {
                *known = root;
                open.extend(back.get(node).into_iter().flatten());
            }
        }
    }
    part
}

/// The nodes in the order in which a walk in depth leaves them.
fn finished(graph: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; graph.len()];
    let mut left = Vec::with_capacity(graph.len());
    for start in 0..graph.len() {
        // Each with the next of its ways to take.
        let mut path = vec![(start, 0)];
        if seen.get_mut(start).is_none_or(|seen| std::mem::replace(seen, true)) {
            continue;
        }
        while let Some((node, way)) = path.last_mut() {
            let to = graph.get(*node).and_then(|ways| ways.get(*way)).copied();
            *way += 1;
            match to {
                None => {
                    left.push(*node);
                    path.pop();
                }
                Some(to) => {
                    if seen.get_mut(to).is_some_and(|seen| !std::mem::replace(seen, true)) {
                        path.push((to, 0));
                    }
                }
            }
        }
    }
    left
}

/// The shortest way from a node back to itself.
fn way_back(graph: &[Vec<usize>], start: usize, inside: impl Fn(usize) -> bool) -> Option<Vec<usize>> {
    let mut came: std::collections::HashMap<usize, usize> = Default::default();
    let mut open = std::collections::VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        for to in graph.get(node).into_iter().flatten().copied().filter(|to| inside(*to)) {
            if to == start {
                let mut way = vec![node];
                let mut at = node;
                while let Some(before) = came.get(&at).filter(|_| at != start) {
                    at = *before;
                    way.push(at);
                }
                way.reverse();
                return Some(way);
            }
            if let std::collections::hash_map::Entry::Vacant(free) = came.entry(to) {
                free.insert(node);
                open.push_back(to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::cycles;

    #[test]
    fn each_part_gives_its_shortest_circle_once() {
        let graph = [vec![1], vec![2, 4], vec![1, 3], vec![3], vec![5], vec![6], vec![4, 0]];
        // 1 and 2 are in one part with 0, 4, 5 and 6, whose first node is 0; 3 leads to itself.
        assert_eq!(cycles(&graph), [vec![0, 1, 4, 5, 6], vec![3]]);
        assert!(cycles(&[vec![1, 2], vec![2], vec![]]).is_empty());
    }

    #[test]
    fn a_graph_of_many_ways_takes_no_time() {
        // A ladder has 2^n ways through it; a long chain would overflow a walk that calls itself.
        let ladder: Vec<Vec<usize>> = (0..100_000).map(|n| vec![n + 1, n + 2]).collect();
        assert!(cycles(&ladder).is_empty());
    }
}
