//! What a rehearsal came to, for people: what a shop owner wants to know first comes first.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use rust_decimal::Decimal;
use throughline::{ArmSummary, Instant, Playbook, Summary};

/// What the summary of the library does not know: where the log came from and how long it took.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Where the events came from, in words.
    pub source: String,
    /// Whether log and receipts are made up.
    pub generated: bool,
    /// Events read, with copies.
    pub read: u64,
    /// Of these, such as came after a later one.
    pub late: u64,
    /// Left out because they lie after `--until`.
    pub left_out: u64,
    /// The earliest and the latest event.
    pub span: Option<(Instant, Instant)>,
    /// Segment sizes right after the last event.
    pub sizes: BTreeMap<String, u64>,
    /// Up to when timers fired.
    pub end: Instant,
    /// How long it took.
    pub took: Duration,
}

/// The whole report.
pub fn report(playbook: &Playbook, summary: &Summary, reading: &Reading) -> Result<String, fmt::Error> {
    let mut out = String::new();
    head(&mut out, playbook, summary, reading)?;
    segments(&mut out, summary, reading)?;
    journeys(&mut out, summary)?;
    messages(&mut out, playbook, summary)?;
    counts(&mut out, "Not sent, by the rule in the way", &summary.skipped)?;
    counts(&mut out, "Held out, by the channel it would have been", &summary.held_out)?;
    counts(&mut out, "Deferred, by the rule in the way", &summary.deferred)?;
    small(&mut out, "Engaged with", &summary.engaged)?;
    lift(&mut out, summary)?;
    small(&mut out, "Handed over in vain", &summary.failed)?;
    effects(&mut out, summary)?;
    foot(&mut out, summary, reading)?;
    Ok(out)
}

fn head(out: &mut String, playbook: &Playbook, summary: &Summary, reading: &Reading) -> fmt::Result {
    writeln!(out, "{} over {}", playbook.name().unwrap_or("The playbook"), reading.source)?;
    if reading.generated {
        writeln!(out, "Log and receipts are generated: made-up people, nothing here is a measurement.")?;
    }
    match reading.span {
        Some((first, last)) => {
            writeln!(out, "Events from {first} to {last}; timers fired up to {}.", reading.end)?;
        }
        None => writeln!(out, "There was no event in it.")?,
    }
    writeln!(out)?;
    let receipts = (summary.events + summary.duplicates).saturating_sub(reading.read);
    let mut table = Table::default();
    table.row("Customers", [number(summary.customers)]);
    table.row("  records merged into another", [number(summary.merged)]);
    table.row("Events in the log", [number(reading.read)]);
    table.row("  copies, dropped", [number(summary.duplicates)]);
    table.row("  late: after a later one", [number(reading.late)]);
    table.row("  malformed lines, refused", [number(summary.malformed)]);
    if reading.left_out > 0 {
        table.row("  after --until, left out", [number(reading.left_out)]);
    }
    if reading.generated {
        table.row("Receipts of the channels", [number(receipts)]);
    }
    table.row("Messages handed over", [number(summary.handed_over)]);
    table.row("  further tries of these", [number(summary.tried_again)]);
    let cost: Decimal = summary.cost.values().sum();
    table.row("  cost", [format!("{cost:.2} {}", summary.currency)]);
    table.print(out)
}

fn segments(out: &mut String, summary: &Summary, reading: &Reading) -> fmt::Result {
    let mut table = Table::headed("Segments", ["after the last event", "at the end"]);
    for (segment, size) in &summary.segments {
        let before = reading.sizes.get(segment).copied().unwrap_or_default();
        table.row(segment, [number(before), number(*size)]);
    }
    table.section(out)
}

fn journeys(out: &mut String, summary: &Summary) -> fmt::Result {
    let mut reasons: Vec<&str> = summary.journeys.values().flat_map(|j| j.ended.keys().map(String::as_str)).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let head =
        ["begun", "set back"].into_iter().chain(reasons.iter().copied()).chain(["pending", "messages", "goal first"]);
    let mut table = Table::headed("Journeys", head);
    for (name, journey) in &summary.journeys {
        let ended = reasons.iter().map(|reason| journey.ended.get(*reason).copied().unwrap_or_default());
        let sent = journey.handed_over.values().sum();
        let cells = [journey.begun, journey.restarted].into_iter().chain(ended);
        let cells = cells.chain([journey.pending, sent, journey.goal_before_any_message]);
        table.row(name, cells.map(number));
    }
    table.section(out)?;
    let not_begun: BTreeMap<String, BTreeMap<String, u64>> =
        summary.journeys.iter().map(|(name, journey)| (name.clone(), journey.not_begun.clone())).collect();
    counts(out, "Triggers that began no run", &not_begun)
}

fn messages(out: &mut String, playbook: &Playbook, summary: &Summary) -> fmt::Result {
    let used = |channel: &&str| summary.channels.contains_key(*channel);
    let channels: Vec<&str> = playbook.channels().iter().map(|spec| spec.id().as_str()).filter(used).collect();
    let mut table = Table::headed("Messages", channels.iter().copied().chain(["all"]));
    for (message, by_channel) in &summary.messages {
        let cells = channels.iter().map(|channel| by_channel.get(*channel).copied().unwrap_or_default());
        table.row(message, cells.chain([by_channel.values().sum()]).map(number));
    }
    let all = channels.iter().map(|channel| summary.channels.get(*channel).copied().unwrap_or_default());
    table.row("all", all.chain([summary.handed_over]).map(number));
    let cost = |amount: Decimal| format!("{amount:.2}");
    let costs = channels.iter().map(|channel| cost(summary.cost.get(*channel).copied().unwrap_or_default()));
    table.row(&format!("cost in {}", summary.currency), costs.chain([cost(summary.cost.values().sum())]));
    table.section(out)
}

fn effects(out: &mut String, summary: &Summary) -> fmt::Result {
    if summary.effects.is_empty() {
        return Ok(());
    }
    let mut ends: Vec<&str> = summary.effects.values().flat_map(|e| e.ended.keys().map(String::as_str)).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut table = Table::headed("Effects", ["called", "tried again"].into_iter().chain(ends.iter().copied()));
    for (name, effect) in &summary.effects {
        let ended = ends.iter().map(|how| effect.ended.get(*how).copied().unwrap_or_default());
        table.row(name, [effect.called, effect.tried_again].into_iter().chain(ended).map(number));
    }
    table.section(out)
}

/// Rows of counts by reason, the most frequent reason first.
fn counts(out: &mut String, title: &str, rows: &BTreeMap<String, BTreeMap<String, u64>>) -> fmt::Result {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in rows.values().flatten() {
        *totals.entry(reason).or_default() += count;
    }
    let mut reasons: Vec<&str> = totals.keys().copied().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(totals.get(reason)));
    if reasons.is_empty() {
        return Ok(());
    }
    let mut table = Table::headed(title, reasons.iter().copied());
    for (name, by_reason) in rows.iter().filter(|(_, by_reason)| !by_reason.is_empty()) {
        table.row(name, reasons.iter().map(|reason| number(by_reason.get(*reason).copied().unwrap_or_default())));
    }
    table.section(out)
}

fn small(out: &mut String, title: &str, counts: &BTreeMap<String, u64>) -> fmt::Result {
    if counts.is_empty() {
        return Ok(());
    }
    let mut table = Table::headed(title, [""]);
    counts.iter().for_each(|(name, count)| table.row(name, [number(*count)]));
    table.section(out)
}

fn lift(out: &mut String, summary: &Summary) -> fmt::Result {
    let mut table =
        Table::headed("Goals by arm", ["treated", "goals", "rate", "held out", "goals", "rate", "left out"]);
    let mut drawn = false;
    for (name, journey) in &summary.journeys {
        let Some(lift) = &journey.lift else { continue };
        let arm = |arm: &ArmSummary| {
            let rate = arm.rate().map_or_else(|| "·".to_owned(), |rate| format!("{:.2}%", rate * Decimal::ONE_HUNDRED));
            [number(arm.runs), number(arm.goals), rate]
        };
        table.row(name, arm(&lift.treated).into_iter().chain(arm(&lift.held_out)).chain([number(lift.left_out)]));
        drawn = true;
    }
    if drawn { table.section(out) } else { Ok(()) }
}

fn foot(out: &mut String, summary: &Summary, reading: &Reading) -> fmt::Result {
    let pending: u64 = summary.journeys.values().map(|journey| journey.pending).sum();
    writeln!(out)?;
    if pending > 0 {
        writeln!(out, "{} runs are pending: their timers are due after {}.", number(pending), reading.end)?;
    }
    let events = summary.events + summary.duplicates;
    let seconds = reading.took.as_secs_f64();
    let rate = events as f64 / seconds.max(1e-9);
    writeln!(out, "{} events in {seconds:.2} s: {} events per second.", number(events), number(rate as u64))
}

/// Thousands apart, and a dot for nothing, so that the numbers stand out.
pub fn number(n: u64) -> String {
    if n == 0 {
        return "·".to_owned();
    }
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Names to the left, numbers to the right.
#[derive(Default)]
pub struct Table {
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    pub fn headed<'a>(title: &str, columns: impl IntoIterator<Item = &'a str>) -> Self {
        Table { rows: vec![(title.to_owned(), columns.into_iter().map(str::to_owned).collect())] }
    }

    pub fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push((name.to_owned(), cells.into_iter().collect()));
    }

    pub fn section(&self, out: &mut String) -> fmt::Result {
        writeln!(out)?;
        self.print(out)
    }

    fn print(&self, out: &mut String) -> fmt::Result {
        let width = |text: &String| text.chars().count();
        let names = self.rows.iter().map(|(name, _)| width(name)).max().unwrap_or_default();
        let columns = self.rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|n| self.rows.iter().filter_map(|(_, cells)| cells.get(n)).map(width).max().unwrap_or_default())
            .collect();
        for (name, cells) in &self.rows {
            let mut line = format!("{name:<names$}");
            for (cell, width) in cells.iter().zip(&widths) {
                write!(line, "  {cell:>width$}")?;
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
