//! Consent: marketing needs it; what no record means is the topic's own mode (promises 4.1, 4.2). Transactional messages
//! heed a revocation where the shop says so (promise 4.3).

use crate::customer::Consent;
use crate::policy::definition::{Policy, Topics};
use crate::policy::{Ask, Candidate, OptOutsStop, Rule, TopicMode, Verdict, Witness};
use crate::primitives::Needs;

#[derive(Debug)]
pub(in crate::policy) struct HasConsent {
    topics: Topics,
    opt_outs: OptOutsStop,
}

impl HasConsent {
    pub(in crate::policy) fn new(policy: &Policy) -> Self {
        HasConsent { topics: policy.topics.clone(), opt_outs: policy.opt_outs }
    }
}

impl Rule for HasConsent {
    fn id(&self) -> &'static str {
        "consent"
    }

    fn check(&self, ask: &Ask<'_>, candidate: &Candidate<'_>) -> Verdict {
        if ask.transactional() && self.opt_outs == OptOutsStop::Marketing {
            return Verdict::Pass;
        }
        let topic = &ask.message.tag.topic;
        match ask.who.consent(&candidate.spec.tag.kind, topic, ask.now) {
            Consent::Granted { .. } => Verdict::Pass,
            Consent::Expired { .. } | Consent::Pending { .. } | Consent::NoRecord if ask.transactional() => {
                Verdict::Pass
            }
            Consent::Revoked { .. } | Consent::Expired { .. } | Consent::Pending { .. } => Verdict::Deny(None),
            Consent::NoRecord => match self.topics.mode(topic) {
                TopicMode::OptOut => Verdict::Pass,
                TopicMode::OptIn => Verdict::Deny(None),
            },
        }
    }

    fn witness(&self, ask: &Ask<'_>, candidate: &Candidate<'_>, out: &mut Vec<Witness>) {
        let topic = &ask.message.tag.topic;
        out.push(Witness::Consent {
            consent: ask.who.consent(&candidate.spec.tag.kind, topic, ask.now),
            topic: topic.clone(),
            mode: self.topics.mode(topic),
        });
    }

    fn needs(&self) -> Needs {
        Needs { reachability: true, ..Needs::default() }
    }
}
