//! The built-in rules, one small file each, in the order in which they are asked. Adding one touches its file and
//! [`built_in`].

mod already_tried;
mod blocked_point;
mod consent;
mod duplicate;
mod engaged_already;
mod expiry;
mod frequency_preference;
mod minimum_gap;
mod quiet_hours;
mod reachable;

pub(super) use frequency_preference::Wishes;
pub(super) use minimum_gap::MinimumGap;
pub(super) use quiet_hours::QuietHours;

use super::definition::Policy;
use super::{Rule, Verdict};
use crate::message::WhenBlocked;
use crate::primitives::Instant;

/// The rules that this policy's data asks for.
pub(super) fn built_in(policy: &Policy) -> Vec<Box<dyn Rule>> {
    let mut rules: Vec<Box<dyn Rule>> = vec![
        Box::new(reachable::Reachable),
        Box::new(blocked_point::BlockedPoint),
        Box::new(consent::HasConsent::new(policy)),
        Box::new(expiry::Expiry),
        Box::new(engaged_already::EngagedAlready),
        Box::new(already_tried::AlreadyTried),
        Box::new(duplicate::Duplicate),
        Box::new(frequency_preference::FrequencyPreference),
    ];
    rules.extend(policy.caps.iter().cloned().map(|cap| Box::new(cap) as Box<dyn Rule>));
    rules.extend(policy.gap.clone().map(|gap| Box::new(gap) as Box<dyn Rule>));
    rules.extend(policy.quiet.clone().map(|quiet| Box::new(quiet) as Box<dyn Rule>));
    rules
}

/// What the message wants done on a full cap or a closed window that opens at `until` (promise 7.5).
pub(super) fn blocked(wish: WhenBlocked, until: Option<Instant>, now: Instant) -> Verdict {
    match (wish, until) {
        (WhenBlocked::Wait, Some(at)) if at > now => Verdict::Wait(at),
        (WhenBlocked::Wait | WhenBlocked::NextChannel, _) => Verdict::Deny(until),
        (WhenBlocked::Skip, _) => Verdict::Skip(until),
        (WhenBlocked::EndRun, _) => Verdict::EndRun(until),
    }
}
