//! Dedupe: within its window a customer gets a content key at most once across all channels, except as a further attempt
//! of the same cascade (promise 8.1).

use crate::customer::Contact;
use crate::policy::{Ask, Candidate, Rule, Verdict, Witness};
use crate::primitives::Instant;

#[derive(Debug)]
pub(in crate::policy) struct Duplicate;

/// The message that holds the content key, and when it lets go of it, if that is known.
fn holder<'c>(ask: &'c Ask<'_>) -> Option<(&'c Contact, Option<Instant>)> {
    ask.who.contacts()?.iter().rev().find_map(|contact| {
        let same_cascade =
            ask.attempt.visit.is_some_and(|visit| contact.run.as_ref().is_some_and(|run| run.visit == visit));
        if contact.content != ask.content || same_cascade || Some(contact.id) == ask.own || !contact.status.holds() {
            return None;
        }
        if contact.cascading || contact.waits() {
            return Some((contact, None));
        }
        let free = contact.counted()? + contact.message.dedupe;
        (free > ask.now).then_some((contact, Some(free)))
    })
}

impl Rule for Duplicate {
    fn id(&self) -> &'static str {
        "duplicate"
    }

    fn check(&self, ask: &Ask<'_>, _: &Candidate<'_>) -> Verdict {
        if ask.transactional() {
            return Verdict::Pass;
        }
        if ask.who.contacts().is_none() {
            return Verdict::Unchecked;
        }
        match holder(ask) {
            Some((_, free)) => Verdict::Deny(free),
            None => Verdict::Pass,
        }
    }

    fn witness(&self, ask: &Ask<'_>, _: &Candidate<'_>, out: &mut Vec<Witness>) {
        out.extend(holder(ask).map(|(contact, _)| Witness::contact(contact)));
    }
}
