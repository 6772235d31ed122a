//! One customer's story: each event, each decision with every channel's reasons, each hand-over.

use std::collections::BTreeSet;

use throughline::{
    CustomerId, Event, IdentityKey, IdentityKind, Instant, LogLine, LogWhat, Rehearsal, RunNamed, Stage, Value, What,
};

/// The records that are one person: the one that a name leads to now, and those that became part of it.
pub fn records(rehearsal: &Rehearsal<'_>, name: &str, merged: &[(CustomerId, CustomerId)]) -> BTreeSet<CustomerId> {
    let store = rehearsal.store();
    let by_name = |kind| store.owner(IdentityKey::new(kind, name));
    let by_record = || u128::from_str_radix(name, 16).ok().filter(|_| name.len() == 32).map(CustomerId::from_u128);
    let mut found = by_name(IdentityKind::User).or_else(|| by_name(IdentityKind::Anonymous)).or_else(by_record);
    let mut records = BTreeSet::new();
    // A record that became part of another leads on to it.
    while let Some(record) = found {
        let Some(stage) = store.with_record(record, |state| state.stage.clone()) else { break };
        found = match stage {
            Stage::Moved(to) => Some(to).filter(|_| records.insert(record)),
            _ => {
                records.insert(record);
                None
            }
        };
    }
    // And what it took in, which may have taken in others before.
    while merged.iter().any(|(into, from)| records.contains(into) && records.insert(*from)) {}
    records
}

/// Tells the lines of some records as they come.
pub struct Teller {
    records: BTreeSet<CustomerId>,
    /// The event that is being taken, for what the log line does not say of it.
    event: Option<Event>,
    last: Option<Instant>,
    said: String,
}

impl Teller {
    pub fn new(records: BTreeSet<CustomerId>) -> Self {
        Teller { records, event: None, last: None, said: String::new() }
    }

    /// The event that comes next.
    pub fn next_event(&mut self, event: &Event) {
        self.event = Some(event.clone());
    }

    /// Hears of everything; keeps what concerns the customer.
    pub fn hear(&mut self, line: &LogLine<'_>) {
        if !self.records.contains(&line.customer) {
            return;
        }
        let Some(text) = self.words(line.at, &line.what) else { return };
        let time = if self.last == Some(line.at) { String::new() } else { line.at.to_string() };
        self.last = Some(line.at);
        let mut lines = text.trim_end().lines();
        self.said += &format!("{time:<24}  {}\n", lines.next().unwrap_or_default());
        lines.for_each(|line| self.said += &format!("{:26}{line}\n", ""));
    }

    /// What was heard.
    pub fn story(&self) -> &str {
        &self.said
    }

    fn words(&self, at: Instant, what: &LogWhat<'_>) -> Option<String> {
        Some(match what {
            LogWhat::Event { event, id } => {
                // A receipt that the channels made up is not the event that was read last.
                let same = |known: &&Event| known.id.as_deref() == *id && known.name == **event;
                let Some(known) = self.event.as_ref().filter(same) else { return Some(format!("* {event}")) };
                let late = known.timestamp.filter(|said| *said < at);
                let late = late.map(|said| format!("  (late: of {said})")).unwrap_or_default();
                format!("* {event}{}{late}", details(known))
            }
            LogWhat::Duplicate => "  a copy: dropped".to_owned(),
            LogWhat::Notice(what) => return notice(what),
        })
    }
}

/// What an event is about: no traits, which are personal.
fn details(event: &Event) -> String {
    let text = |name: &str| {
        let value = event.properties.get_str(name)?;
        match value {
            Value::Int(n) => Some(n.to_string()),
            Value::Decimal(n) => Some(n.to_string()),
            value => value.as_str().map(str::to_owned),
        }
    };
    let known = ["name", "product_id", "order_id", "total", "value", "currency", "rating"];
    let said: Vec<String> = known.iter().filter_map(|name| text(name)).collect();
    let who = match (&event.user_id, &event.anonymous_id) {
        (None, Some(visitor)) => format!("  [visitor {visitor}]"),
        (Some(_), Some(visitor)) => format!("  [on {visitor}]"),
        _ => String::new(),
    };
    if said.is_empty() { who } else { format!(": {}{who}", said.join(" ")) }
}

fn notice(what: &What) -> Option<String> {
    Some(match what {
        What::SegmentEntered { segment } => format!("  enters the segment {segment}"),
        What::SegmentLeft { segment } => format!("  leaves the segment {segment}"),
        What::RunBegun(run) => format!("  {} begins", named(run)),
        What::RunRestarted(run) => format!("  {} is set back to its start", named(run)),
        What::NotBegun { journey, reason } => format!("  {journey} does not begin: {reason}"),
        What::Step { run, step } => format!("  {} comes to {step}", named(run)),
        What::Goal { run, before_any_message: true } => format!("  {} reaches its goal before any message", named(run)),
        What::Goal { run, .. } => format!("  {} reaches its goal", named(run)),
        What::RunEnded { run, reason } => format!("  {} ends: {}", named(run), reason.word()),
        What::Decided(decision) => format!("  decides {decision}"),
        What::HandedOver(sent) => {
            let cost = sent.cost.normalize();
            let attempt = if sent.attempt > 1 { format!(", attempt {}", sent.attempt) } else { String::new() };
            format!("> {} is handed over on {}{attempt}, cost {cost} ({})", sent.message, sent.channel, sent.id)
        }
        What::HandedOverAgain(again) => {
            format!(
                "> {} is handed over again on {}, try {} ({})",
                again.message, again.channel, again.number, again.id
            )
        }
        What::Deferred { message, until, reason, .. } => format!("  {message} waits until {until}: {}", reason.rule),
        What::Skipped { message, reason, .. } => match &reason.channel {
            Some(channel) => format!("  {message} is not sent: {} on {channel}", reason.rule),
            None => format!("  {message} is not sent: {}", reason.rule),
        },
        What::Cancelled { message, reason, .. } => format!("  {message} is withdrawn: {reason}"),
        // Every hand-over is followed by it at once where nothing is wrong.
        What::Accepted { .. } => return None,
        What::Retried { due, .. } => format!("  failed for now; tried again at {due}"),
        What::Failed { reason, .. } => format!("  failed: {reason}"),
        What::Parked { .. } => "  nobody knows whether it arrived: not sent again".to_owned(),
        What::Expired { .. } => "  its time ran out".to_owned(),
        What::Bounced { id } => format!("  {id} came back: its address is blocked"),
        What::Engaged { id, how } => format!("  engaged with {id}: {}", format!("{how:?}").to_lowercase()),
        What::StrayReceipt { receipt } => format!("  a receipt of no known message: {receipt:?}"),
        What::Merged { record } => format!("  the record {record} becomes part of this one"),
        What::Clamped => "  came from the future: taken as of now".to_owned(),
        What::TooOld => "  too old to act upon: history only".to_owned(),
        // Kinds may be added; the log tells them in full.
        other => serde_json::to_string(other).ok()?,
    })
}

fn named(run: &RunNamed) -> String {
    match &run.key {
        Some(key) => format!("{} ({key})", run.journey),
        None => run.journey.to_string(),
    }
}
