//! The explanation of a decision: made only when somebody asks.

use std::fmt;

use super::worth::Worth;
use super::{Ask, Candidate, Choice, HeldOutBy, Reason, Rule, Verdict, ZoneSource};
use crate::channel::ChannelSpec;
use crate::customer::{BlockReason, Consent, Contact, Status};
use crate::policy::TopicMode;
use crate::primitives::window::DailyWindow;
use crate::primitives::{ChannelId, CustomerId, IdempotencyKey, Instant, MessageId, Span, Topic};

/// A decision with its reasons: what was chosen, and for every channel what each rule said and what it rests on.
///
/// `Display` gives a table for people, `Serialize` the same as JSON.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Decision {
    /// For whom.
    pub customer: CustomerId,
    /// Which message.
    pub message: MessageId,
    /// When.
    pub at: Instant,
    /// What was chosen.
    pub chosen: Verdicts,
    /// Every channel that has a variant of the message, in the playbook's order.
    pub candidates: Vec<CandidateReport>,
}

/// The outcome of a decision.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "choice", rename_all = "snake_case")]
pub enum Verdicts {
    /// Sent on a channel.
    Send {
        /// Which.
        channel: ChannelId,
    },
    /// It would be sent, but is held out (promise 6.10).
    HeldOut {
        /// The channel that it would be sent on.
        channel: ChannelId,
        /// By what.
        by: HeldOutBy,
    },
    /// To be decided anew.
    Defer {
        /// When.
        until: Instant,
        /// Why.
        reason: Reason,
    },
    /// Not sent.
    Skip {
        /// Why.
        reason: Reason,
    },
}

/// What was found of one channel.
#[derive(Debug, Clone, serde::Serialize)]
pub struct CandidateReport {
    /// The channel.
    pub channel: ChannelId,
    /// What each rule said that did not simply pass, in the order in which they were asked.
    pub rules: Vec<RuleReport>,
    /// How many rules passed.
    pub passed: usize,
    /// What sending is worth, if the rules left that open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worth: Option<Worth>,
}

/// What one rule said of one channel.
#[derive(Debug, Clone, serde::Serialize)]
pub struct RuleReport {
    /// The rule.
    pub rule: &'static str,
    /// `wait`, `skip`, `end_run`, `deny`, `unchecked` or `held_out`.
    pub verdict: &'static str,
    /// The earliest instant at which it would pass, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earliest: Option<Instant>,
    /// What it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<Witness>,
}

/// A fact that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "witness", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Witness {
    /// A message that was sent, or is about to be.
    Message {
        /// The envelope.
        id: IdempotencyKey,
        /// The message.
        message: MessageId,
        /// On this channel.
        channel: ChannelId,
        /// When it was last handed over, or else decided.
        at: Instant,
        /// Where it stands.
        status: Status,
    },
    /// What is on record of the customer's consent.
    Consent {
        /// The record.
        consent: Consent,
        /// For this topic.
        topic: Topic,
        /// What no record would mean.
        mode: TopicMode,
    },
    /// A blocked contact point.
    Block {
        /// Why it is blocked.
        reason: BlockReason,
    },
    /// A daily window in the customer's local time.
    LocalTime {
        /// In these zones.
        zones: Vec<&'static str>,
        /// How they became known.
        source: ZoneSource,
        /// The window.
        window: DailyWindow,
    },
    /// The customer's own wish for at most so many messages in any so long.
    Wish {
        /// How many.
        at_most: usize,
        /// In any so long.
        per: Span,
    },
    /// The customer's own wish for a pause.
    Paused {
        /// Until when.
        until: Instant,
    },
    /// The message's deadline.
    Deadline {
        /// When.
        at: Instant,
    },
    /// The customer, or the run, is held out.
    HeldOut {
        /// By what.
        by: HeldOutBy,
    },
    /// In words; how a host's own rule or a template explains itself. No personal data belongs here.
    Note {
        /// The words.
        text: String,
    },
}

impl Witness {
    /// A message from the contact log.
    pub fn contact(contact: &Contact) -> Self {
        Witness::Message {
            id: contact.id,
            message: contact.message.id.clone(),
            channel: contact.channel.id.clone(),
            at: contact.claims.map_or(contact.decided, |(_, last)| last),
            status: contact.status,
        }
    }
}

/// Watches a decision. The engine's own is compiled away.
pub(super) trait Trace {
    fn candidate(&mut self, spec: &ChannelSpec);
    fn verdict(&mut self, rule: &dyn Rule, verdict: Verdict, ask: &Ask<'_>, candidate: &Candidate<'_>);
    fn worth(&mut self, worth: Worth);
    fn reject(&mut self, rule: &'static str, why: String);
    fn reject_channel(&mut self, spec: &ChannelSpec, rule: &'static str, why: String);
    fn hold_out(&mut self, spec: &ChannelSpec, rule: &'static str, by: HeldOutBy);
}

/// Nobody asks.
pub(super) struct Untraced;

impl Trace for Untraced {
    fn candidate(&mut self, _: &ChannelSpec) {}
    fn verdict(&mut self, _: &dyn Rule, _: Verdict, _: &Ask<'_>, _: &Candidate<'_>) {}
    fn worth(&mut self, _: Worth) {}
    fn reject(&mut self, _: &'static str, _: String) {}
    fn reject_channel(&mut self, _: &ChannelSpec, _: &'static str, _: String) {}
    fn hold_out(&mut self, _: &ChannelSpec, _: &'static str, _: HeldOutBy) {}
}

/// Somebody asks.
#[derive(Default)]
pub(super) struct Explained(Vec<CandidateReport>);

impl Trace for Explained {
    fn candidate(&mut self, spec: &ChannelSpec) {
        let channel = spec.tag.id.clone();
        self.0.push(CandidateReport { channel, rules: Vec::new(), passed: 0, worth: None });
    }

    fn verdict(&mut self, rule: &dyn Rule, verdict: Verdict, ask: &Ask<'_>, candidate: &Candidate<'_>) {
        let Some(report) = self.0.last_mut() else { return };
        let word = match verdict {
            Verdict::Pass => {
                report.passed += 1;
                return;
            }
            Verdict::Unchecked => "unchecked",
            Verdict::Wait(_) => "wait",
            Verdict::Skip(_) => "skip",
            Verdict::EndRun(_) => "end_run",
            Verdict::Deny(_) => "deny",
        };
        let mut witnesses = Vec::new();
        rule.witness(ask, candidate, &mut witnesses);
        report.rules.push(RuleReport { rule: rule.id(), verdict: word, earliest: verdict.earliest(), witnesses });
    }

    fn worth(&mut self, worth: Worth) {
        if let Some(report) = self.0.last_mut() {
            report.worth = Some(worth);
        }
    }

    fn reject(&mut self, rule: &'static str, why: String) {
        if let Some(report) = self.0.last_mut() {
            let witnesses = vec![Witness::Note { text: why }];
            report.rules.push(RuleReport { rule, verdict: "deny", earliest: None, witnesses });
        }
    }

    fn reject_channel(&mut self, spec: &ChannelSpec, rule: &'static str, why: String) {
        self.report(spec, rule, "deny", Witness::Note { text: why });
    }

    fn hold_out(&mut self, spec: &ChannelSpec, rule: &'static str, by: HeldOutBy) {
        self.report(spec, rule, "held_out", Witness::HeldOut { by });
    }
}

impl Explained {
    fn report(&mut self, spec: &ChannelSpec, rule: &'static str, verdict: &'static str, why: Witness) {
        if let Some(report) = self.0.iter_mut().find(|report| report.channel == spec.tag.id) {
            report.rules.push(RuleReport { rule, verdict, earliest: None, witnesses: vec![why] });
        }
    }

    pub(super) fn into_decision(self, ask: &Ask<'_>, choice: &Choice) -> Decision {
        let chosen = match choice {
            Choice::Send { channel, .. } => Verdicts::Send { channel: channel.id.clone() },
            Choice::HeldOut { channel, by } => Verdicts::HeldOut { channel: channel.id.clone(), by: *by },
            Choice::Defer { until, reason } => Verdicts::Defer { until: *until, reason: reason.clone() },
            Choice::Skip { reason, .. } => Verdicts::Skip { reason: reason.clone() },
        };
        Decision {
            customer: ask.who.id(),
            message: ask.message.tag.id.clone(),
            at: ask.now,
            chosen,
            candidates: self.0,
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: ", self.message, self.at)?;
        match &self.chosen {
            Verdicts::Send { channel } => writeln!(f, "send on {channel}")?,
            Verdicts::HeldOut { channel, by } => writeln!(f, "would be sent on {channel}, but {by}")?,
            Verdicts::Defer { until, reason } => writeln!(f, "wait until {until} ({})", reason.rule)?,
            Verdicts::Skip { reason } => writeln!(f, "skip ({})", reason.rule)?,
        }
        for candidate in &self.candidates {
            write!(f, "  {:<12}", candidate.channel.as_str())?;
            match &candidate.worth {
                Some(worth) => write!(f, " {worth}")?,
                None => write!(f, " -")?,
            }
            for report in &candidate.rules {
                write!(f, "; {} {}", report.verdict, report.rule)?;
                if let Some(at) = report.earliest {
                    write!(f, " until {at}")?;
                }
                for witness in &report.witnesses {
                    write!(f, ", {witness}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Witness::Message { message, channel, at, .. } => write!(f, "{message} by {channel} at {at}"),
            Witness::Consent { consent, topic, .. } => match consent {
                Consent::Granted { since, .. } => write!(f, "{topic} granted {since}"),
                Consent::Pending { since, until } => {
                    write!(f, "{topic} signed up for {since}, to confirm until {until}")
                }
                Consent::Revoked { since } => write!(f, "{topic} revoked {since}"),
                Consent::Expired { since } => write!(f, "{topic} expired {since}"),
                Consent::NoRecord => write!(f, "no record for {topic}"),
            },
            Witness::Block { reason } => write!(f, "{reason:?}"),
            Witness::LocalTime { zones, source, window } => {
                write!(f, "{window} in {} ({source:?})", zones.first().copied().unwrap_or("no zone"))?;
                if zones.len() > 1 { write!(f, " and {} more", zones.len() - 1) } else { Ok(()) }
            }
            Witness::Wish { at_most, per } => write!(f, "the customer wishes at most {at_most} per {per}"),
            Witness::Paused { until } => write!(f, "the customer wishes a pause until {until}"),
            Witness::Deadline { at } => write!(f, "deadline {at}"),
            Witness::HeldOut { by } => write!(f, "{by}"),
            Witness::Note { text } => f.write_str(text),
        }
    }
}
