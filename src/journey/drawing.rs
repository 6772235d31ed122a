//! How a graph draws itself.

use std::fmt::Write;

use super::Diagram;
use super::calendar::{AtDate, Days, Recurs, Schedule};
use super::diagram::{Shape, Spot};
use super::digest::{CountingFrom, Digest};
use super::graph::{EventMatch, Exit, Goal, Graph};
use super::steps::{Awaited, CascadeAttempt, Change, Next, StepKind, StopsOn, To};
use super::trigger::{Trigger, When};
use crate::primitives::local::Weekdays;
use crate::primitives::{ChannelId, Span};

impl Graph {
    /// The journey as boxes and arrows, each step under its own name.
    pub(super) fn draw(&self) -> Diagram {
        let mut diagram = Diagram::new(format!("{} (version {})", self.id, self.version));
        let begin = diagram.place("", self.trigger.to_string(), Shape::Begin);
        let steps: Vec<Spot> = self
            .steps
            .iter()
            .map(|step| diagram.place(step.name.as_str(), step.kind.says(), step.kind.shape()))
            .collect();
        let end = diagram.place("", "end", Shape::End);
        let spot = |next: Next| next.and_then(|step| steps.get(step as usize)).copied().unwrap_or(end);
        diagram.arrow(begin, spot(Some(0)), "");
        for (step, from) in self.steps.iter().zip(&steps) {
            let mut ways = step.kind.arrows();
            // What two ways of the same kind lead to is one arrow.
            ways.dedup();
            for (says, next) in ways {
                diagram.arrow(*from, spot(next), says);
            }
            if matches!(step.kind, StepKind::End { .. }) {
                diagram.arrow(*from, end, "");
            }
        }
        for (name, says) in self
            .exits
            .iter()
            .map(|exit| ("exit", exit.to_string()))
            .chain(self.goal.iter().map(|goal| ("goal", goal.to_string())))
        {
            let exit = diagram.place(name, says, Shape::Exit);
            diagram.arrow(exit, end, "");
        }
        diagram
    }
}

impl StepKind {
    fn shape(&self) -> Shape {
        match self {
            StepKind::Wait { .. }
            | StepKind::WaitUntil { .. }
            | StepKind::WaitDate { .. }
            | StepKind::WaitFor { .. } => Shape::Wait,
            StepKind::Branch { .. } | StepKind::Split { .. } => Shape::Choice,
            StepKind::Message { .. } | StepKind::Cascade { .. } => Shape::Message,
            StepKind::Digest { .. } => Shape::Message,
            StepKind::Update { .. } | StepKind::Call { .. } | StepKind::Goal { .. } | StepKind::Go { .. } => {
                Shape::Action
            }
            StepKind::End { .. } => Shape::End,
        }
    }

    /// What it does, in words.
    fn says(&self) -> String {
        match self {
            StepKind::Wait { span, .. } => format!("wait {span}"),
            StepKind::WaitUntil { time, weekdays, .. } if *weekdays == Weekdays::ALL => format!("wait until {time}"),
            StepKind::WaitUntil { time, weekdays, .. } => {
                let days: Vec<String> = weekdays.iter().map(|day| day.to_string()).collect();
                format!("wait until {time} on {}", days.join(", "))
            }
            StepKind::WaitDate { date, .. } => format!("wait until {date}"),
            StepKind::WaitFor { what: Awaited::Event(event), timeout, .. } => {
                format!("wait for {event}\nup to {timeout}")
            }
            StepKind::WaitFor { what: Awaited::Rule(rule), timeout, .. } => {
                format!("wait until {rule}\nup to {timeout}")
            }
            StepKind::Branch { .. } | StepKind::Go { .. } | StepKind::End { reason: None } => String::new(),
            StepKind::End { reason: Some(reason) } => reason.to_string(),
            StepKind::Split { .. } => "at random".to_owned(),
            StepKind::Message { message, only, .. } => format!("message {message}{}", on(only.as_deref())),
            StepKind::Cascade { message, attempts, stops, .. } => cascade(message.as_str(), attempts, stops),
            StepKind::Update { changes, .. } => {
                let changes: Vec<String> = changes.iter().map(Change::says).collect();
                changes.join("\n")
            }
            StepKind::Call { effect, .. } => format!("call {effect}"),
            StepKind::Goal { .. } => "goal reached".to_owned(),
            StepKind::Digest { digest, .. } => digest.says(),
        }
    }

    /// Its ways, each with what the arrow says.
    fn arrows(&self) -> Vec<(String, Next)> {
        match self {
            StepKind::Branch { arms, otherwise } => {
                let arms = arms.iter().map(|(rule, next)| (rule.to_string(), *next));
                arms.chain([("else".to_owned(), *otherwise)]).collect()
            }
            StepKind::Split { arms } => {
                let total: u64 = arms.iter().map(|(weight, _)| u64::from(*weight)).sum();
                arms.iter().map(|(weight, next)| (share(*weight, total), *next)).collect()
            }
            // A skipped message that goes on like a sent one needs no arrow of its own.
            StepKind::Message { next, on_skip, on_error: None, .. } if next == on_skip => vec![(String::new(), *next)],
            StepKind::Cascade { next, engaged, .. } if next == engaged => vec![(String::new(), *next)],
            StepKind::WaitFor { then, otherwise, .. } if then == otherwise => vec![(String::new(), *then)],
            StepKind::WaitDate { next, otherwise, .. } if next == otherwise => vec![(String::new(), *next)],
            kind => {
                let plain = |says: &str| match says {
                    "next" | "go" => String::new(),
                    says => says.replace('_', " "),
                };
                kind.ways().into_iter().map(|(says, next)| (plain(says), next)).collect()
            }
        }
    }
}

impl Change {
    fn says(&self) -> String {
        let attribute = &self.attribute;
        match &self.to {
            To::Value(_) | To::Kept(_) => format!("set {attribute}"),
            To::Plus(more) => format!("add {more} to {attribute}"),
            To::Nothing => format!("remove {attribute}"),
        }
    }
}

impl Digest {
    fn says(&self) -> String {
        let from = if self.counting_from == CountingFrom::First { "first" } else { "last" };
        let mut says = format!("digest {}{}", self.message, on(self.only.as_deref()));
        says.push_str(&format!("\n{} after its {from} event", self.closes_after));
        if let Some(most) = self.at_most {
            says.push_str(&format!(", {most} at most"));
        }
        if let Some(events) = self.events {
            says.push_str(&format!(", or at {events} events"));
        }
        says
    }
}

/// A part of a whole, as a percentage of at most two places.
fn share(weight: u32, total: u64) -> String {
    let hundredths = (u64::from(weight) * 10_000 + total / 2).checked_div(total).unwrap_or_default();
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => format!("{whole} %"),
        (whole, rest) if rest % 10 == 0 => format!("{whole}.{} %", rest / 10),
        (whole, rest) => format!("{whole}.{rest:02} %"),
    }
}

fn on(only: Option<&[ChannelId]>) -> String {
    let Some(only) = only else { return String::new() };
    let names: Vec<&str> = only.iter().map(ChannelId::as_str).collect();
    format!(" on {}", names.join(" or "))
}

fn cascade(message: &str, attempts: &[CascadeAttempt], stops: &StopsOn) -> String {
    let mut says = format!("cascade {message}");
    for (attempt, n) in attempts.iter().zip(1..) {
        let channels =
            if attempt.only.is_some() { on(attempt.only.as_deref()) } else { " on the next best".to_owned() };
        let wait = attempt.wait.map(|wait| format!(", then {wait}")).unwrap_or_default();
        // A string never fails to take text.
        let _ = write!(says, "\n{n}.{channels}{wait}");
    }
    match stops {
        StopsOn::Event { event, .. } => says.push_str(&format!("\nuntil {event}")),
        StopsOn::Engagement(stopping) => {
            let named = StopsOn::WAYS.into_iter().filter(|(_, how)| stopping.contains(how));
            let names: Vec<&str> = named.map(|(name, _)| name).collect();
            if names.len() < StopsOn::WAYS.len() {
                says.push_str(&format!("\nuntil {}", names.join(" or ")));
            }
        }
    }
    says
}

impl std::fmt::Display for EventMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.event)?;
        if self.filter.is_empty() { Ok(()) } else { write!(f, " where {}", self.filter) }
    }
}

impl std::fmt::Display for AtDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.offset.0 {
            0 => {}
            days @ ..0 => write!(f, "{} before ", Span::days(days.saturating_abs()))?,
            days => write!(f, "{} after ", Span::days(days))?,
        }
        let each = if self.recurs == Recurs::Once { "" } else { ", each year" };
        write!(f, "{}{each} at {}", self.attribute, self.time)
    }
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.days {
            Days::Every => f.write_str("every day"),
            Days::OfWeek(weekdays) => {
                let days: Vec<String> = weekdays.iter().map(|day| day.to_string()).collect();
                write!(f, "every {}", days.join(", "))
            }
            Days::OfMonth(day) => write!(f, "day {day} of every month"),
        }?;
        write!(f, " at {}", self.time)
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.event)?;
        self.within.map_or(Ok(()), |within| write!(f, " within {within}"))
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Event(event) => write!(f, "{event}"),
            Exit::Entered(segment) => write!(f, "enters {segment}"),
            Exit::Left(segment) => write!(f, "leaves {segment}"),
            Exit::Rule(rule) => write!(f, "{rule}"),
        }
    }
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rule = match self {
            Trigger::Event { event, rule } => write!(f, "{event}").map(|()| rule),
            Trigger::Entered { segment, rule, .. } => write!(f, "enters {segment}").map(|()| rule),
            Trigger::Left { segment, rule } => write!(f, "leaves {segment}").map(|()| rule),
            Trigger::Time { when, segment, rule } => {
                match when {
                    When::Date(date) => write!(f, "{date}"),
                    When::Schedule(schedule) => write!(f, "{schedule}"),
                }?;
                segment.iter().try_for_each(|segment| write!(f, "\nin {segment}")).map(|()| rule)
            }
            Trigger::Call { rule } => write!(f, "called by the host").map(|()| rule),
        }?;
        rule.as_ref().map_or(Ok(()), |rule| write!(f, "\nif {rule}"))
    }
}
