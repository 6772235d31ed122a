//! What another playbook would have changed, for people.

use std::fmt::{self, Write};

use throughline::{Change, ChangeCounts, Comparison, Difference, Sent};

use crate::summary::{Table, number};

/// Changes that are shown; all of them are in `changes.ndjson`.
const SHOWN: usize = 12;

/// The report's section on the other playbook.
pub fn report(comparison: &Comparison, other: &str) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(out, "\nThe same log with {other}")?;
    let columns = ["before", "after", "same", "more", "less", "earlier", "later", "other channel"];
    let mut table = Table::headed("Messages", columns);
    for (message, counts) in &comparison.messages {
        table.row(message, cells(counts));
    }
    table.row("all", cells(&comparison.all));
    table.section(&mut out)?;
    let mut table = Table::headed("Channels", ["before", "after"]);
    for (channel, counts) in &comparison.channels {
        table.row(channel, counts.map(number));
    }
    table.row("cost", comparison.cost.map(|cost| format!("{cost:.2}")));
    table.section(&mut out)?;
    let customers = comparison.customers;
    let mut table = Table::headed("Customers who get", [""]);
    table.row("more", [number(customers.more)]);
    table.row("  nothing before", [number(customers.newly_reached)]);
    table.row("fewer", [number(customers.fewer)]);
    table.row("  nothing any more", [number(customers.no_longer_reached)]);
    table.row("as many", [number(customers.as_many)]);
    table.section(&mut out)?;
    if !comparison.changes.is_empty() {
        writeln!(out, "\nSome of what changes")?;
    }
    for changed in comparison.changes.iter().take(SHOWN) {
        writeln!(out, "  {}", sentence(changed))?;
    }
    if let more @ 1.. = comparison.changes.len().saturating_sub(SHOWN) {
        writeln!(out, "  and {} more", number(more as u64))?;
    }
    Ok(out)
}

fn cells(counts: &ChangeCounts) -> [String; 8] {
    let ChangeCounts { before, after, same, more, less, earlier, later, other_channel, .. } = *counts;
    [before, after, same, more, less, earlier, later, other_channel].map(number)
}

fn sentence(changed: &Difference) -> String {
    let side = |sent: &Option<Sent>| {
        sent.as_ref().map(|sent| format!("{} at {}", sent.channel, sent.at)).unwrap_or_else(|| "nothing".to_owned())
    };
    let by = match changed.change {
        Change::Earlier { by } => format!(", {by} earlier"),
        Change::Later { by } => format!(", {by} later"),
        _ => String::new(),
    };
    let (before, after) = (side(&changed.before), side(&changed.after));
    format!("{} {}: {before} -> {after}{by}", changed.who(), changed.message)
}
