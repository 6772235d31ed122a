//! Reachable: there is a contact point, or the channel finds the customer by id (promise 4.5).

use crate::customer::Reach;
use crate::policy::{Ask, Candidate, Rule, Verdict};

#[derive(Debug)]
pub(in crate::policy) struct Reachable;

impl Rule for Reachable {
    fn id(&self) -> &'static str {
        "reachable"
    }

    fn check(&self, _: &Ask<'_>, candidate: &Candidate<'_>) -> Verdict {
        match candidate.reach {
            Reach::At(_) | Reach::ById | Reach::Blocked(_) => Verdict::Pass,
            Reach::None | Reach::Unknown => Verdict::Deny(None),
        }
    }
}
