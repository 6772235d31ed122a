//! Already tried: an attempt goes to a channel that this cascade has not used.

use crate::policy::{Ask, Candidate, Rule, Verdict};

#[derive(Debug)]
pub(in crate::policy) struct AlreadyTried;

impl Rule for AlreadyTried {
    fn id(&self) -> &'static str {
        "already_tried"
    }

    fn check(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> Verdict {
        let channel = &candidate.spec.tag.id;
        if ask.attempt.tried.contains(channel) { Verdict::Deny(None) } else { Verdict::Pass }
    }
}
