//! Already tried: an attempt goes to a channel that this cascade has not used, and only to those it names.

use crate::policy::{Ask, Candidate, Rule, Verdict};

#[derive(Debug)]
pub(in crate::policy) struct AlreadyTried;

impl Rule for AlreadyTried {
    fn id(&self) -> &'static str {
        "already_tried"
    }

    fn check(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> Verdict {
        let channel = &candidate.spec.tag.id;
        let named = ask.attempt.only.is_none_or(|only| only.contains(channel));
        if named && !ask.attempt.tried.contains(channel) { Verdict::Pass } else { Verdict::Deny(None) }
    }
}
