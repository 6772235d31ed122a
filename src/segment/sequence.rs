//! One event after another, within a time (promise 5.2).

use std::fmt;

use serde_json::{Map, Value as Json, json};

use super::filter::Filter;
use super::returns::coming;
use super::time::transpose;
use super::{Effect, Facts, Membership};
use crate::customer::{History, Series};
use crate::primitives::fault::{Node, Object};
use crate::primitives::{EventNeed, Instant, Keep, Key, Needs, Span};

/// `{"sequence": [..], "within": ..}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sequence {
    steps: Box<[Step]>,
    /// From the first step to the last, both instants included.
    within: Option<Span>,
    /// How long ago the last step may be.
    in_last: Option<Span>,
}

#[derive(Debug, Clone, PartialEq)]
struct Step {
    event: Key,
    filter: Filter,
}

/// The most steps that a sequence may have.
const MOST: usize = 8;

impl Sequence {
    pub(super) fn decode(object: &Object<'_>) -> Option<Sequence> {
        let known = object.node().object(&["sequence", "within", "in_last"]).map(|_| ());
        let within = transpose(object.get("within").map(|node| node.span()));
        let in_last = transpose(object.get("in_last").map(|node| node.span()));
        let list = object.get("sequence")?;
        let steps: Vec<Option<Step>> = list.list()?.iter().map(Step::decode).collect();
        if !(2..=MOST).contains(&steps.len()) {
            list.fault(format!("expected 2 to {MOST} events, found {}", steps.len()));
            return None;
        }
        known?;
        let sequence =
            Sequence { steps: steps.into_iter().collect::<Option<_>>()?, within: within?, in_last: in_last? };
        super::retained::check(object.node(), sequence.reach());
        Some(sequence)
    }

    /// How far back it reads occurrences.
    fn reach(&self) -> Span {
        match (self.within, self.in_last) {
            (Some(within), Some(in_last)) => Span::millis(within.as_millis().saturating_add(in_last.as_millis())),
            _ => Span::MAX,
        }
    }

    pub(super) fn write(&self, out: &mut Map<String, Json>) {
        out.insert("sequence".to_owned(), self.steps.iter().map(Step::written).collect());
        out.extend(self.within.map(|span| ("within".to_owned(), json!(span))));
        out.extend(self.in_last.map(|span| ("in_last".to_owned(), json!(span))));
    }

    pub(super) fn check(&self, facts: &Facts<'_>) -> Membership {
        let Some(history) = facts.who.history() else { return Membership::steady(false) };
        let next = self.steps.iter().filter_map(|step| coming(history.series(&step.event)?, facts.now)).min();
        let done = self.done(history, facts);
        let answer = match (done, self.in_last) {
            (Some(at), Some(span)) => {
                let until = at + span;
                Membership { inside: facts.now < until, until: Some(until).filter(|until| *until > facts.now) }
            }
            (done, _) => Membership::steady(done.is_some()),
        };
        answer.sooner(next)
    }

    /// When the sequence was last completed.
    fn done(&self, history: &History, facts: &Facts<'_>) -> Option<Instant> {
        let mut all: [Option<&Series>; MOST] = [None; MOST];
        for (slot, step) in all.iter_mut().zip(&self.steps) {
            *slot = Some(history.series(&step.event)?);
        }
        let first = all.first().copied().flatten()?;
        let starts = upto(first, facts.now);
        // The latest start that leads to an end leads to the latest end: a later start only widens what may follow.
        (0..starts).rev().find_map(|start| self.from(start, &all, facts))
    }

    /// The latest end of a sequence that begins at this row of its first event.
    fn from(&self, start: usize, all: &[Option<&Series>; MOST], facts: &Facts<'_>) -> Option<Instant> {
        let mut rows = [0usize; MOST];
        let mut at = Instant::MIN;
        let mut latest = facts.now;
        for (n, (step, series)) in self.steps.iter().zip(all.iter().flatten()).enumerate() {
            let passes = |row: usize| step.passes(series, row, facts);
            let row = if n == 0 {
                passes(start).then_some(start)?
            } else {
                // Not a row that an earlier step of the same event took: those of equal times are in order of arrival.
                let taken = self.steps.iter().zip(&rows).take(n).filter(|(other, _)| other.event == step.event);
                let free = taken.map(|(_, row)| row + 1).max().unwrap_or(0);
                let from = series.times().partition_point(|time| *time < at).max(free);
                let to = upto(series, latest);
                let mut open = from..to;
                if n + 1 == self.steps.len() { open.rfind(|row| passes(*row))? } else { open.find(|row| passes(*row))? }
            };
            at = series.times().get(row).copied()?;
            if n == 0 {
                latest = self.within.map_or(latest, |within| latest.min(at + within));
            }
            *rows.get_mut(n)? = row;
        }
        Some(at)
    }

    /// What one more occurrence can do to the answer: there may be a later or another sequence, never one less.
    pub(super) fn effect(&self, event: &Key) -> Effect {
        if self.steps.iter().any(|step| step.event == *event) { Effect::Raises } else { Effect::None }
    }

    pub(super) fn reads_trigger(&self) -> bool {
        self.steps.iter().any(|step| step.filter.reads_trigger())
    }

    pub(super) fn trigger_properties(&self) -> Vec<crate::primitives::Key> {
        self.steps.iter().flat_map(|step| step.filter.trigger_properties()).collect()
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        let within = self.reach();
        for step in &self.steps {
            let properties = step.filter.properties();
            needs.event(EventNeed { event: step.event.clone(), properties, keep: Keep { last: 0, within } });
        }
    }
}

impl Step {
    /// An event's name, or `{"event": .., "where": ..}`.
    fn decode(node: &Node<'_>) -> Option<Step> {
        if node.json().is_string() {
            return Some(Step { event: node.key()?, filter: Filter::default() });
        }
        let object = node.object(&["event", "where"])?;
        let event = object.need("event").and_then(|node| node.key());
        let filter = transpose(object.get("where").map(|node| Filter::decode(&node)));
        Some(Step { event: event?, filter: filter?.unwrap_or_default() })
    }

    fn written(&self) -> Json {
        if self.filter.is_empty() {
            return self.event.as_str().into();
        }
        json!({"event": self.event, "where": self.filter.written()})
    }

    fn passes(&self, series: &Series, row: usize, facts: &Facts<'_>) -> bool {
        self.filter.is_empty() || series.row(row).is_some_and(|row| self.filter.matches_occurrence(&row, facts.trigger))
    }
}

/// How many kept occurrences lie at or before an instant.
fn upto(series: &Series, at: Instant) -> usize {
    series.times().partition_point(|time| *time <= at)
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.steps.iter().enumerate() {
            write!(f, "{}{}", if n == 0 { "" } else { " then " }, step.event)?;
            if !step.filter.is_empty() {
                write!(f, " where {}", step.filter)?;
            }
        }
        if let Some(span) = self.within {
            write!(f, " within {span}")?;
        }
        if let Some(span) = self.in_last {
            write!(f, ", completed in the last {span}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{Logged, ask, day, faults, inside, on, outside};
    use serde_json::{Value as Json, json};

    fn log(events: &[(i64, &'static str)]) -> Vec<Logged> {
        events.iter().map(|(n, name)| on(*n, name, json!({"n": n}))).collect()
    }

    fn holds(sequence: Json, events: &[(i64, &'static str)]) -> bool {
        ask(sequence, &log(events), day(20)).inside
    }

    #[test]
    fn promise_5_2_one_after_the_other_at_the_same_instant_too_and_within_the_time() {
        let ab = json!({"sequence": ["A", "B"], "within": "1d"});
        assert!(holds(ab.clone(), &[(1, "A"), (2, "B")]));
        assert!(holds(ab.clone(), &[(1, "B"), (1, "A")]));
        assert!(!holds(ab.clone(), &[(1, "B"), (2, "A")]));
        assert!(!holds(ab.clone(), &[(1, "A"), (3, "B")]));
        assert!(holds(ab.clone(), &[(1, "A"), (2, "A"), (3, "B")]));
        assert!(!holds(ab, &[(1, "A")]));
        assert!(holds(json!({"sequence": ["A", "B"]}), &[(1, "A"), (19, "B")]));
    }

    #[test]
    fn promise_5_2_one_occurrence_is_one_step_only() {
        let twice = json!({"sequence": ["A", "A"], "within": "1d"});
        assert!(!holds(twice.clone(), &[(1, "A")]));
        assert!(holds(twice, &[(1, "A"), (1, "A")]));
        let back = json!({"sequence": ["A", "B", "A"]});
        assert!(!holds(back.clone(), &[(1, "A"), (1, "B")]));
        assert!(holds(back, &[(1, "A"), (1, "B"), (1, "A")]));
    }

    #[test]
    fn a_step_may_be_filtered() {
        let late = json!({"sequence": ["A", {"event": "B", "where": {"n": {"above": 2}}}], "within": "3d"});
        assert!(!holds(late.clone(), &[(1, "A"), (2, "B")]));
        assert!(holds(late, &[(1, "A"), (2, "B"), (3, "B")]));
    }

    #[test]
    fn promise_5_5_a_sequence_leaves_when_its_last_step_does() {
        let recent = json!({"sequence": ["A", "B"], "within": "5d", "in_last": "7d"});
        let log = log(&[(1, "A"), (2, "B"), (5, "B"), (9, "B")]);
        assert_eq!(ask(recent.clone(), &log, day(9)), inside(Some(day(12))));
        assert_eq!(ask(recent, &log, day(12)), outside(None));
    }

    #[test]
    fn a_sequence_of_one_is_a_fault() {
        assert!(faults(json!({"sequence": ["A"]})).contains("$.sequence: expected 2 to 8 events, found 1"));
        assert!(faults(json!({"sequence": ["A", ""]})).contains("$.sequence[1]: expected a name"));
    }
}
