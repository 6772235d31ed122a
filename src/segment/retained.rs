//! A condition reads no further back than the playbook keeps (promise 5.4): there is no count that silently means less.

use crate::primitives::Span;
use crate::primitives::fault::Node;

/// Reports a condition that reads occurrences of so long ago, if they are not kept for so long.
pub(super) fn check(condition: &Node<'_>, reach: Span) {
    // A faulty retention is reported where it stands.
    let kept = condition.section("retention").and_then(|retention| retention.get("events")?.as_str()?.parse().ok());
    let Some(kept) = kept.filter(|kept: &Span| reach > *kept) else { return };
    if reach == Span::MAX {
        condition.fault(format!(
            "looks back without a limit, but `retention.events` keeps {kept}; give it a window (`within`; of `last`: \
             `younger_than`; of a sequence: `within` and `in_last`) or ask a lifetime figure"
        ));
    } else {
        condition.fault(format!(
            "looks back {reach}, but `retention.events` keeps {kept}; make the window shorter, or keep events longer"
        ));
    }
}
