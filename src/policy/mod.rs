//! The rules engine: for one message to one customer, which channel now, which later, and why not the others.
//!
//! A decision has three stages (promise 7.1). **Rules** pass, defer or deny each channel that has a variant of the
//! message; each is a small file of its own. **Scores** rank what is left. The **choice** takes the best channel that is
//! not denied and does what its rules said: send now, wait, or skip. What would be sent to somebody who is held out is held
//! out (promise 6.10).

mod ask;
mod choice;
mod definition;
mod explain;
mod frequency_cap;
mod holdout;
mod priors;
mod rules;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod worth;

pub use ask::{Ask, Attempt, Candidate, LocalTimes, ZoneSource};
pub use choice::{Choice, Reason};
pub use definition::{OptOutsStop, Policy, PolicyBuilder, TopicMode};
pub use explain::{CandidateReport, Decision, RuleReport, Verdicts, Witness};
pub use frequency_cap::{CapWindow, FrequencyCap};
pub use holdout::{HeldOutBy, Holdout};
pub use priors::{Industry, Region};
pub use worth::{Micros, NetWorth, Worth};

use crate::customer::Customer;
use crate::primitives::{Instant, Needs, Span};

/// How far back the messages to a customer are kept for the customer's own wishes, whatever the definitions need.
pub(crate) fn wished_reach(who: &dyn Customer) -> Span {
    rules::Wishes::of(who).reach()
}

/// What a rule says of one channel for one message.
///
/// The order of the variants is the order of strength: of a channel's verdicts the strongest stands, and two waits
/// combine to the later instant (promise 7.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks against it.
    Pass,
    /// The rule could not be checked, because the customer does not tell what it reads.
    Unchecked,
    /// Not before this instant.
    Wait(Instant),
    /// The message is to be skipped; it would pass from this instant on, if that is known.
    Skip(Option<Instant>),
    /// The run is to end; it would pass from this instant on, if that is known.
    EndRun(Option<Instant>),
    /// Not on this channel; it would pass from this instant on, if that is known.
    Deny(Option<Instant>),
}

impl Verdict {
    /// The earliest instant at which the rule would pass, where it is known.
    pub fn earliest(self) -> Option<Instant> {
        match self {
            Verdict::Pass | Verdict::Unchecked => None,
            Verdict::Wait(at) => Some(at),
            Verdict::Skip(at) | Verdict::EndRun(at) | Verdict::Deny(at) => at,
        }
    }

    /// Whether the channel could be used now.
    pub fn passes(self) -> bool {
        matches!(self, Verdict::Pass | Verdict::Unchecked)
    }

    /// What two rules say together.
    pub fn and(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::Wait(a), Verdict::Wait(b)) => Verdict::Wait(a.max(b)),
            (a, b) if b.strength() > a.strength() => b,
            (a, _) => a,
        }
    }

    fn strength(self) -> u8 {
        match self {
            Verdict::Pass => 0,
            Verdict::Unchecked => 1,
            Verdict::Wait(_) => 2,
            Verdict::Skip(_) => 3,
            Verdict::EndRun(_) => 4,
            Verdict::Deny(_) => 5,
        }
    }
}

/// A rule of the policy: allows, defers or denies one channel for one message.
///
/// # Contract
/// - `check` is a function of its arguments: no clock, no randomness, no state of its own. It is called at the decision
///   and again at the claim (promise 4.4), and the same arguments must give the same verdict.
/// - A [`Verdict::Wait`] names an instant after `ask.now` at which the rule passes if nothing else changes; earlier is
///   allowed (the message is then decided anew and waits again), later is not.
/// - A rule that cannot read what it needs says [`Verdict::Unchecked`] where that is safe, and denies where it is not.
/// - `witness` is asked only when somebody wants to know why, with the arguments of a `check` that did not pass.
///
/// ```
/// use throughline::{Ask, Candidate, Rule, Verdict};
///
/// /// Nothing on the free channels to customers who pay us for peace.
/// #[derive(Debug)]
/// struct Premium;
///
/// impl Rule for Premium {
///     fn id(&self) -> &'static str {
///         "premium_peace"
///     }
///
///     fn check(&self, ask: &Ask<'_>, _: &Candidate<'_>) -> Verdict {
///         match ask.who.attribute(&"plan".into()).and_then(|plan| plan.as_str()) {
///             Some("premium") => Verdict::Deny(None),
///             _ => Verdict::Pass,
///         }
///     }
/// }
/// ```
pub trait Rule: std::fmt::Debug + Send + Sync {
    /// The rule's name, as reasons and logs give it.
    fn id(&self) -> &'static str;

    /// What the rule says of this channel.
    fn check(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> Verdict;

    /// What the verdict rests on.
    fn witness(&self, ask: &Ask<'_>, candidate: &Candidate<'_>, out: &mut Vec<Witness>) {
        let _ = (ask, candidate, out);
    }

    /// What the rule reads.
    fn needs(&self) -> Needs {
        Needs::default()
    }
}

/// A score: what sending on a channel is worth, beyond the built-in [`NetWorth`].
///
/// # Contract
/// A function of its arguments, like a [`Rule`]. The worth of a channel is the sum over all scores.
pub trait Score: std::fmt::Debug + Send + Sync {
    /// The score's name.
    fn id(&self) -> &'static str;

    /// What it adds or takes, in millionths of the playbook's currency.
    fn worth(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> Micros;

    /// What the score reads.
    fn needs(&self) -> Needs {
        Needs::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn _obj_safe(_: &dyn Rule, _: &dyn Score) {}

    #[test]
    fn promise_7_5_a_denial_beats_a_skip_a_skip_beats_a_wait_and_waits_combine() {
        let at = Instant::from_millis;
        assert_eq!(Verdict::Wait(at(1)).and(Verdict::Wait(at(2))), Verdict::Wait(at(2)));
        assert_eq!(Verdict::Wait(at(1)).and(Verdict::Skip(None)), Verdict::Skip(None));
        assert_eq!(Verdict::Deny(None).and(Verdict::Skip(None)), Verdict::Deny(None));
        assert_eq!(Verdict::Pass.and(Verdict::Unchecked), Verdict::Unchecked);
    }
}
