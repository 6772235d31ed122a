//! Expiry: after its deadline a message is no longer wanted (promise 7.5).

use crate::policy::{Ask, Candidate, Rule, Verdict, Witness};

#[derive(Debug)]
pub(in crate::policy) struct Expiry;

impl Rule for Expiry {
    fn id(&self) -> &'static str {
        "expired"
    }

    fn check(&self, ask: &Ask<'_>, _: &Candidate<'_>) -> Verdict {
        if ask.now > ask.deadline { Verdict::Deny(None) } else { Verdict::Pass }
    }

    fn witness(&self, ask: &Ask<'_>, _: &Candidate<'_>, out: &mut Vec<Witness>) {
        out.push(Witness::Deadline { at: ask.deadline });
    }
}
