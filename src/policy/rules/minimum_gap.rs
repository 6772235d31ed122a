//! Minimum gap: some time between two messages, over all channels or on the same one.

use crate::customer::Contact;
use crate::policy::rules::blocked;
use crate::policy::{Ask, Candidate, Rule, Verdict, Witness};
use crate::primitives::{Needs, Span};

/// How long after a message the next may follow; zero means no gap.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::policy) struct MinimumGap {
    /// After a message on any channel.
    pub(in crate::policy) any_channel: Span,
    /// After a message on the same channel.
    pub(in crate::policy) same_channel: Span,
}

impl MinimumGap {
    /// The messages that are too recent, each with when it no longer is.
    fn recent<'c>(
        &'c self,
        ask: &'c Ask<'_>,
        candidate: &'c Candidate<'_>,
    ) -> impl Iterator<Item = (crate::primitives::Instant, &'c Contact)> {
        ask.who.contacts().into_iter().flat_map(|log| log.iter()).filter_map(move |contact| {
            if !contact.message.counts || Some(contact.id) == ask.own {
                return None;
            }
            let same = contact.channel.id == candidate.spec.tag.id;
            let gap = if same { self.any_channel.max(self.same_channel) } else { self.any_channel };
            let over = contact.counted()? + gap;
            (gap > Span::ZERO && over > ask.now).then_some((over, contact))
        })
    }
}

impl Rule for MinimumGap {
    fn id(&self) -> &'static str {
        "minimum_gap"
    }

    fn check(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> Verdict {
        if ask.transactional() || !ask.message.obeys_caps {
            return Verdict::Pass;
        }
        if ask.who.contacts().is_none() {
            return Verdict::Unchecked;
        }
        match self.recent(ask, candidate).map(|(over, _)| over).max() {
            None => Verdict::Pass,
            Some(over) => {
                let known = over < crate::primitives::Instant::MAX;
                blocked(ask.message.on_cap, known.then_some(over), ask.now)
            }
        }
    }

    fn witness(&self, ask: &Ask<'_>, candidate: &Candidate<'_>, out: &mut Vec<Witness>) {
        out.extend(self.recent(ask, candidate).map(|(_, contact)| Witness::contact(contact)));
    }

    fn needs(&self) -> Needs {
        Needs { contacts: self.any_channel.max(self.same_channel), ..Needs::default() }
    }
}
