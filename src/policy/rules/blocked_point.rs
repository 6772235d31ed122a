//! Suppression: nothing goes to a contact point that bounced hard, is invalid, or was blocked by the host, not even a
//! transactional message (promise 4.3).

use crate::customer::Reach;
use crate::policy::{Ask, Candidate, Rule, Verdict, Witness};

#[derive(Debug)]
pub(in crate::policy) struct BlockedPoint;

impl Rule for BlockedPoint {
    fn id(&self) -> &'static str {
        "suppressed"
    }

    fn check(&self, _: &Ask<'_>, candidate: &Candidate<'_>) -> Verdict {
        match candidate.reach {
            Reach::Blocked(_) => Verdict::Deny(None),
            _ => Verdict::Pass,
        }
    }

    fn witness(&self, _: &Ask<'_>, candidate: &Candidate<'_>, out: &mut Vec<Witness>) {
        if let Reach::Blocked(reason) = candidate.reach {
            out.push(Witness::Block { reason });
        }
    }
}
