//! Messages: decided together by priority, the best channel each, and claimed with the decision.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::input::{HandedOver, What};
use super::runs::visit_of;
use super::step::Turn;
use crate::channel::ChannelSpec;
use crate::customer::{Contact, Engagement, RunRef, Status};
use crate::delivery::{Address, Envelope};
use crate::journey::{News, Signal};
use crate::message::Message;
use crate::policy::{Attempt, Choice};
use crate::primitives::{ChannelId, IdempotencyKey, Instant, MessageId, Money, Span};
use crate::record::Pending;

/// Receipts come this late: for so long a contact is kept, beyond what caps and dedupe windows need.
const RECEIPTS_LATE: Span = Span::days(30);

/// A message that a run asked for and that is not decided yet.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) run: u64,
    pub(super) message: MessageId,
    pub(super) only: Option<Arc<[ChannelId]>>,
    pub(super) cascade: Option<Arc<[Engagement]>>,
    pub(super) first: Instant,
}

impl Wanted {
    pub(super) fn first(
        run: u64,
        message: MessageId,
        only: Option<Arc<[ChannelId]>>,
        cascade: Option<Arc<[Engagement]>>,
        now: Instant,
    ) -> Self {
        Wanted { run, message, only, cascade, first: now }
    }

    pub(super) fn again(run: u64, pending: Pending) -> Self {
        let Pending { message, only, cascade, first, .. } = pending;
        Wanted { run, message, only, cascade, first }
    }
}

impl<'a> Turn<'a> {
    /// Decides what is wanted, the highest priority first, then the oldest (promises 3.5, 7.5). A decision may move a run
    /// on to its next message, which is decided in the same round.
    pub(super) fn decide_all(&mut self) {
        let priority = |turn: &Self, wanted: &Wanted| turn.book.message(&wanted.message).map_or(0, |m| m.priority);
        while let Some(at) = (0..self.wanted.len()).max_by_key(|at| {
            let wanted = self.wanted.get(*at);
            wanted.map(|wanted| (priority(self, wanted), Reverse(wanted.first), Reverse(*at)))
        }) {
            let wanted = self.wanted.remove(at);
            self.decide(wanted);
        }
    }

    fn decide(&mut self, wanted: Wanted) {
        let book = self.book;
        let Some(message) = book.message(&wanted.message) else {
            return self.news(wanted.run, &News::Skipped { reason: "no_such_message", end_run: false });
        };
        let Some(run) = self.state.runs.iter().find(|run| run.id == wanted.run) else { return };
        let visit = visit_of(run);
        let profile = &self.state.profile;
        let tried: Vec<ChannelId> = profile
            .contacts
            .iter()
            .filter(|contact| contact.run.as_ref().is_some_and(|asked| asked.visit == visit) && contact.claims_made())
            .map(|contact| contact.channel.id.clone())
            .collect();
        let mut ask = book.ask(profile, message, self.now);
        ask.trigger = Some(&run.data);
        ask.deadline = wanted.first + message.deadline;
        let stops = wanted.cascade.as_deref().unwrap_or_default();
        ask.attempt = Attempt { visit: Some(visit), tried: &tried, only: wanted.only.as_deref(), stops };
        let key = match message.content_key(run.key.as_deref().unwrap_or_default(), &ask.render_input()) {
            Ok((content, text)) => {
                ask.content = content;
                text
            }
            Err(_) => {
                let reason = crate::policy::Reason { rule: "content_key", channel: None, earliest: None };
                return self.skip(&wanted, reason, false);
            }
        };
        // Rules and scores may be the host's: one that panics lets nothing through.
        let explain = self.around.explain;
        let decide = || match explain {
            true => {
                let (choice, decision) = book.policy.explain(&ask, &book.channels);
                (choice, Some(decision))
            }
            false => (book.policy.decide(&ask, &book.channels), None),
        };
        let Ok((choice, decision)) = catch_unwind(AssertUnwindSafe(decide)) else {
            let reason = crate::policy::Reason { rule: "panicked", channel: None, earliest: None };
            return self.skip(&wanted, reason, false);
        };
        if let Some(decision) = decision {
            self.out.notice(self.now, What::Decided(Box::new(decision)));
        }
        let deadline = ask.deadline;
        match choice {
            Choice::Send { channel, to, rendered, .. } => {
                let Some(spec) = book.channel(&channel.id) else { return };
                let envelope = self.envelope(&wanted, message, spec, to, *rendered, (key, deadline));
                self.hand_over(wanted, envelope);
            }
            Choice::Defer { until, reason } => {
                let Some(run) = self.state.runs.iter_mut().find(|run| run.id == wanted.run) else { return };
                let (message, journey) = (wanted.message.clone(), run.journey.clone());
                let Wanted { message: id, only, cascade, first, .. } = wanted;
                run.pending = Some(Box::new(Pending { message: id, only, cascade, first, retry: until }));
                self.out.notice(self.now, What::Deferred { message, journey, until, reason });
            }
            Choice::Skip { reason, end_run } => self.skip(&wanted, reason, end_run),
        }
    }

    fn skip(&mut self, wanted: &Wanted, reason: crate::policy::Reason, end_run: bool) {
        let rule = reason.rule;
        if let Some(run) = self.state.runs.iter().find(|run| run.id == wanted.run) {
            let journey = run.journey.clone();
            self.out.notice(self.now, What::Skipped { message: wanted.message.clone(), journey, reason });
        }
        self.news(wanted.run, &News::Skipped { reason: rule, end_run });
    }

    /// Makes the envelope of a decision. Its key derives from what was decided and for whom (promise 8.4).
    fn envelope(
        &self,
        wanted: &Wanted,
        message: &Message,
        spec: &ChannelSpec,
        to: Option<crate::primitives::ContactPoint>,
        rendered: crate::message::Rendered,
        (content_key, deadline): (String, Instant),
    ) -> Envelope {
        let profile = &self.state.profile;
        let run = self.state.runs.iter().find(|run| run.id == wanted.run);
        let journey = run.and_then(|run| {
            let position = self.book.by_journey.get(&(run.journey.key().hash(), run.version))?;
            self.book.journeys.get(usize::from(*position))
        });
        let place = run.map(|run| &run.place);
        let step = place.and_then(|place| journey.map(|journey| journey.step_name(place.step))).unwrap_or_default();
        let attempt = place.map_or(1, |place| place.attempt + 1);
        let to = match to {
            Some(point) => Address::Point(point),
            None => Address::Id(profile.external_id().cloned().unwrap_or_else(|| profile.id.to_string().into())),
        };
        let customer = profile.id.as_u128().to_le_bytes();
        let run_id = run.map_or(0, |run| run.id).to_le_bytes();
        let visit = place.map_or(0, |place| place.visit).to_le_bytes();
        let number = attempt.to_le_bytes();
        let mut decided: Vec<&[u8]> = vec![
            &customer,
            run.map_or(&[], |run| run.journey.as_str().as_bytes()),
            &run_id,
            step.as_bytes(),
            &visit,
            &number,
            spec.tag.id.as_str().as_bytes(),
            to.plain().as_bytes(),
        ];
        let mut id = IdempotencyKey::derive(&decided);
        // One that was withdrawn and is decided anew says other bytes, so it has another key (promise 10.3).
        while profile.contacts.get(id).is_some() {
            decided.push(b"anew");
            id = IdempotencyKey::derive(&decided);
        }
        let cost = Money { amount: rendered.cost, currency: self.book.currency };
        let content = Arc::new(rendered.content);
        let mut envelope = Envelope::new(id, (profile.id, to), spec, &message.tag, content, cost, self.now);
        envelope.content_key = content_key.into();
        envelope.run = run.map(|run| RunRef { journey: run.journey.clone(), run: run.id, visit: visit_of(run) });
        envelope.step = Some(step.into());
        envelope.attempt = attempt;
        envelope.deadline = deadline;
        envelope.parts = rendered.parts;
        envelope
    }

    /// Decision and claim in one commit: the message is due at once, so it is born claimed.
    fn hand_over(&mut self, wanted: Wanted, envelope: Envelope) {
        let keep = self.book.index.contacts.max(RECEIPTS_LATE);
        let now = self.now;
        let profile = &mut self.state.profile;
        profile.contacts.trim(now, keep);
        profile.contacts.push(Contact {
            id: envelope.id,
            message: envelope.message.clone(),
            channel: envelope.channel.clone(),
            content: envelope.content_key(),
            run: envelope.run.clone(),
            point: match &envelope.to {
                Address::Point(point) => Some(point.hash()),
                Address::Id(_) => None,
            },
            decided: now,
            deadline: envelope.deadline,
            tries: 1,
            doubt: false,
            claims: Some((now, now)),
            status: Status::InFlight { lease: now + self.book.lease },
            engaged: None,
            cascading: wanted.cascade.is_some(),
        });
        profile.update_channel(&envelope.channel.kind, |record| record.sent += 1);
        self.sending_changed();
        if let Some(run) = self.state.runs.iter_mut().find(|run| run.id == wanted.run) {
            run.sent += 1;
            run.pending = None;
        }
        let channel = envelope.channel.id.clone();
        if let Some(handed) = handed_over(&envelope) {
            self.out.notice(now, What::HandedOver(Box::new(handed)));
        }
        self.out.send.push(envelope);
        self.news(wanted.run, &News::HandedOver { channel: &channel, at: now });
    }

    fn news(&mut self, run: u64, news: &News<'_>) {
        self.signal(run, &Signal::Message(*news));
    }
}

/// A hand-over as logs tell it; `None` outside of journeys.
pub(crate) fn handed_over(envelope: &Envelope) -> Option<HandedOver> {
    let run = envelope.run.as_ref()?;
    Some(HandedOver {
        id: envelope.id,
        message: envelope.message.id.clone(),
        channel: envelope.channel.id.clone(),
        journey: run.journey.clone(),
        step: envelope.step.clone().unwrap_or_else(|| "".into()),
        attempt: envelope.attempt,
        content: envelope.content_key(),
        cost: envelope.cost.amount,
        parts: envelope.parts,
    })
}
