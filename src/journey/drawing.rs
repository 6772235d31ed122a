//! How a graph draws itself.

use std::fmt::Write;

use super::Diagram;
use super::calendar::{AtDate, Days, Recurs, Schedule};
use super::diagram::{Shape, Spot};
use super::graph::{EventMatch, Exit, Graph};
use super::steps::{Awaited, CascadeAttempt, Next, StepKind, StopsOn};
use super::trigger::{Trigger, When};
use crate::primitives::ChannelId;
use crate::primitives::local::Weekdays;

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
            if matches!(step.kind, StepKind::End) {
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
            StepKind::Update { .. } => Shape::Action,
            StepKind::End => Shape::End,
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
            StepKind::Branch { .. } | StepKind::End => String::new(),
            StepKind::Split { .. } => "at random".to_owned(),
            StepKind::Message { message, only, .. } => format!("message {message}{}", on(only.as_deref())),
            StepKind::Cascade { message, attempts, stops, .. } => cascade(message.as_str(), attempts, stops),
            StepKind::Update { attribute, .. } => format!("set {attribute}"),
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
            StepKind::Message { next, on_skip, .. } if next == on_skip => vec![(String::new(), *next)],
            StepKind::Cascade { next, engaged, .. } if next == engaged => vec![(String::new(), *next)],
            StepKind::WaitFor { then, otherwise, .. } if then == otherwise => vec![(String::new(), *then)],
            kind => {
                let plain = |says: &str| if says == "next" { String::new() } else { says.replace('_', " ") };
                kind.ways().into_iter().map(|(says, next)| (plain(says), next)).collect()
            }
        }
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
                    When::Date(date) => write!(f, "on {date}")?,
                    When::Schedule(schedule) => write!(f, "{schedule}")?,
                }
                segment.as_ref().map_or(Ok(()), |segment| write!(f, "\nin {segment}")).map(|()| rule)
            }
            Trigger::Call { rule } => write!(f, "called by the host").map(|()| rule),
        }?;
        rule.as_ref().map_or(Ok(()), |rule| write!(f, "\nif {rule}"))
    }
}

impl std::fmt::Display for AtDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.offset.0 {
            0 => {}
            days if days < 0 => write!(f, "{} days before ", days.unsigned_abs())?,
            days => write!(f, "{days} days after ")?,
        }
        let every = if self.recurs == Recurs::Once { "" } else { " of every year" };
        write!(f, "{}{every} at {}", self.attribute, self.time)
    }
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.days {
            Days::Every => write!(f, "every day")?,
            Days::OfWeek(weekdays) => {
                let days: Vec<String> = weekdays.iter().map(|day| day.to_string()).collect();
                write!(f, "every {}", days.join(", "))?;
            }
            Days::OfMonth(day) => write!(f, "on day {day} of every month")?,
        }
        write!(f, " at {}", self.time)
    }
}
