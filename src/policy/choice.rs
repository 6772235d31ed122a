//! The choice: rules first, then scores, then the best channel that is not denied.

use std::cmp::Reverse;
use std::sync::Arc;

use super::explain::{Explained, Trace, Untraced};
use super::worth::Worth;
use super::{Ask, Candidate, Decision, HeldOutBy, Policy, Verdict};
use crate::channel::{ChannelSpec, Direction};
use crate::customer::{ChannelTag, Reach};
use crate::message::Rendered;
use crate::primitives::{ChannelId, ContactPoint, Instant};

/// What is to be done with a message now.
#[derive(Debug, Clone)]
pub enum Choice {
    /// Send it.
    Send {
        /// On this channel.
        channel: Arc<ChannelTag>,
        /// To this contact point; `None` is the customer's id.
        to: Option<ContactPoint>,
        /// In this form.
        rendered: Box<Rendered>,
        /// For what it is worth.
        worth: Worth,
    },
    /// It would be sent, but the customer is held out (promise 6.10).
    HeldOut {
        /// The channel that it would be sent on.
        channel: Arc<ChannelTag>,
        /// By what.
        by: HeldOutBy,
    },
    /// Decide anew at this instant.
    Defer {
        /// When.
        until: Instant,
        /// Why not now.
        reason: Reason,
    },
    /// Do not send it.
    Skip {
        /// Why.
        reason: Reason,
        /// Whether the run that asked is to end.
        end_run: bool,
    },
}

/// Why a message is not sent now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reason {
    /// The rule that stands in the way: of the channel that came furthest.
    pub rule: &'static str,
    /// On this channel; `None` if no channel has a variant.
    pub channel: Option<ChannelId>,
    /// The earliest instant at which the rule would pass, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earliest: Option<Instant>,
}

/// A channel that no rule denies.
struct Open<'a> {
    candidate: Candidate<'a>,
    verdict: Verdict,
    rule: usize,
    worth: Worth,
    position: usize,
}

/// The denial that came furthest through the rules: the one that a shop would have to change.
struct Furthest {
    rule: usize,
    reason: Reason,
}

/// The walk's own reasons, which come after every rule.
const NO_VARIANT: &str = "no_variant";
const WORTH: &str = "worth";
const RENDER: &str = "render";
const HOLDOUT: &str = "holdout";

impl Policy {
    /// Decides.
    pub fn decide(&self, ask: &Ask<'_>, channels: &[ChannelSpec]) -> Choice {
        self.walk(ask, channels, &mut Untraced)
    }

    /// Decides, and says of every channel why and why not.
    pub fn explain(&self, ask: &Ask<'_>, channels: &[ChannelSpec]) -> (Choice, Decision) {
        let mut trace = Explained::default();
        let choice = self.walk(ask, channels, &mut trace);
        let decision = trace.into_decision(ask, &choice);
        (choice, decision)
    }

    /// Asks every rule again about one channel that was chosen before: the second check, at the claim (promise 4.4).
    /// `None` if it still passes.
    pub fn recheck(&self, ask: &Ask<'_>, spec: &ChannelSpec) -> Option<(Verdict, Reason)> {
        let candidate = Candidate::new(ask, spec);
        let (verdict, rule) = self.rule(ask, &candidate, &mut Untraced);
        if verdict.passes() {
            return ask.holdout().map(|_| (Verdict::Deny(None), named(HOLDOUT, spec)));
        }
        Some((verdict, self.reason(rule, spec, verdict)))
    }

    fn walk<T: Trace>(&self, ask: &Ask<'_>, channels: &[ChannelSpec], trace: &mut T) -> Choice {
        let mut open: Vec<Open<'_>> = Vec::with_capacity(channels.len());
        let mut furthest: Option<Furthest> = None;
        let mut deny = |rule: usize, reason: Reason| {
            if furthest.as_ref().is_none_or(|known| known.rule < rule) {
                furthest = Some(Furthest { rule, reason });
            }
        };
        for (position, spec) in channels.iter().enumerate() {
            let meant = ask.attempt.only.is_none_or(|only| only.contains(&spec.tag.id));
            if spec.direction == Direction::Audience || !ask.message.speaks(spec) || !meant {
                continue;
            }
            let candidate = Candidate::new(ask, spec);
            trace.candidate(spec);
            let (verdict, rule) = self.rule(ask, &candidate, trace);
            if matches!(verdict, Verdict::Deny(_)) {
                deny(rule, self.reason(rule, spec, verdict));
                continue;
            }
            match self.worth.of(ask, &candidate) {
                Ok(mut worth) => {
                    worth.net += self.scores.iter().map(|score| score.worth(ask, &candidate)).sum::<i64>();
                    trace.worth(worth);
                    if worth.cost > 0 && worth.net < 0 {
                        trace.reject(WORTH, "costs more than it is worth".to_owned());
                        deny(self.rules.len(), named(WORTH, spec));
                    } else {
                        open.push(Open { candidate, verdict, rule, worth, position });
                    }
                }
                Err(wrong) => {
                    trace.reject(RENDER, wrong.to_string());
                    deny(self.rules.len() + 1, named(RENDER, spec));
                }
            }
        }
        // An explicit preference wins over what is learned; the playbook's order breaks ties (promise 7.6).
        let preferred = ask.who.preferred_channel();
        open.sort_by_key(|open| {
            let kind = &open.candidate.spec.tag.kind;
            (preferred != Some(kind), Reverse(open.worth.net), open.position)
        });
        for Open { candidate, verdict, rule, worth, .. } in open {
            let spec = candidate.spec;
            match verdict {
                Verdict::Wait(until) if until <= ask.deadline => {
                    return Choice::Defer { until, reason: self.reason(rule, spec, verdict) };
                }
                Verdict::Wait(_) | Verdict::Deny(_) => deny(rule, self.reason(rule, spec, verdict)),
                Verdict::Skip(_) | Verdict::EndRun(_) => {
                    let end_run = matches!(verdict, Verdict::EndRun(_));
                    return Choice::Skip { reason: self.reason(rule, spec, verdict), end_run };
                }
                Verdict::Pass | Verdict::Unchecked => {
                    if let Err(wrong) = candidate.rendered(ask) {
                        trace.reject_channel(spec, RENDER, wrong.to_string());
                        deny(self.rules.len() + 1, named(RENDER, spec));
                        continue;
                    }
                    if let Some(by) = ask.holdout() {
                        trace.hold_out(spec, HOLDOUT, by);
                        return Choice::HeldOut { channel: spec.tag.clone(), by };
                    }
                    let to = match candidate.reach {
                        Reach::At(point) => Some(point.clone()),
                        _ => None,
                    };
                    let channel = spec.tag.clone();
                    if let Some(rendered) = candidate.into_rendered() {
                        return Choice::Send { channel, to, rendered: Box::new(rendered), worth };
                    }
                }
            }
        }
        let none = Reason { rule: NO_VARIANT, channel: None, earliest: None };
        Choice::Skip { reason: furthest.map_or(none, |furthest| furthest.reason), end_run: false }
    }

    /// What all rules say of a channel together, and the one whose word stands. A denial ends the walk.
    fn rule<T: Trace>(&self, ask: &Ask<'_>, candidate: &Candidate<'_>, trace: &mut T) -> (Verdict, usize) {
        let mut stands = (Verdict::Pass, 0);
        for (position, rule) in self.rules.iter().enumerate() {
            let verdict = rule.check(ask, candidate);
            trace.verdict(rule.as_ref(), verdict, ask, candidate);
            let both = stands.0.and(verdict);
            if both != stands.0 {
                stands = (both, position);
            }
            if matches!(verdict, Verdict::Deny(_)) {
                break;
            }
        }
        stands
    }

    fn reason(&self, rule: usize, spec: &ChannelSpec, verdict: Verdict) -> Reason {
        let rule = self.rules.get(rule).map_or("", |rule| rule.id());
        Reason { rule, channel: Some(spec.tag.id.clone()), earliest: verdict.earliest() }
    }
}

fn named(rule: &'static str, spec: &ChannelSpec) -> Reason {
    Reason { rule, channel: Some(spec.tag.id.clone()), earliest: None }
}
