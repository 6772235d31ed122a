//! Engaged already: who engaged with one attempt of a cascade gets no further one (promise 8.2).

use crate::customer::Contact;
use crate::policy::{Ask, Candidate, Rule, Verdict, Witness};

#[derive(Debug)]
pub(in crate::policy) struct EngagedAlready;

fn engaged<'c>(ask: &'c Ask<'_>) -> Option<&'c Contact> {
    let visit = ask.attempt.visit?;
    ask.who.contacts()?.iter().find(|contact| {
        contact.run.as_ref().is_some_and(|run| run.visit == visit)
            && contact.engaged.is_some_and(|(how, _)| ask.attempt.stops.contains(&how))
    })
}

impl Rule for EngagedAlready {
    fn id(&self) -> &'static str {
        "engaged_already"
    }

    fn check(&self, ask: &Ask<'_>, _: &Candidate<'_>) -> Verdict {
        if engaged(ask).is_some() { Verdict::Deny(None) } else { Verdict::Pass }
    }

    fn witness(&self, ask: &Ask<'_>, _: &Candidate<'_>, out: &mut Vec<Witness>) {
        out.extend(engaged(ask).map(Witness::contact));
    }
}
