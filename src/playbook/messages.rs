//! Messages: decided together by priority, the best channel each, and claimed with the decision.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Playbook;
use super::holdouts::WouldSend;
use super::input::{HandedOver, What};
use super::runs::visit_of;
use super::step::Turn;
use crate::channel::{ChannelSpec, Devices};
use crate::customer::{AtPoint, Contact, Copies, DeviceCopy, Engagement, HandOver, Profile, RunRef, SentTo, Status};
use crate::delivery::{Address, Envelope};
use crate::journey::{News, Signal};
use crate::message::Message;
use crate::policy::{Ask, Attempt, Choice, wished_reach};
use crate::primitives::{ChannelId, ContactPoint, IdempotencyKey, Instant, MessageId, Money, Span};
use crate::record::{Pending, Run};

/// Receipts come this late: for so long a contact is kept, beyond what caps and dedupe windows need.
pub(super) const RECEIPTS_LATE: Span = Span::days(30);

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
        self.make_calls();
        let priority = |turn: &Self, wanted: &Wanted| turn.book.message(&wanted.message).map_or(0, |m| m.priority);
        while let Some(at) = (0..self.wanted.len()).max_by_key(|at| {
            let wanted = self.wanted.get(*at);
            wanted.map(|wanted| (priority(self, wanted), Reverse(wanted.first), Reverse(*at)))
        }) {
            let wanted = self.wanted.remove(at);
            self.decide(wanted);
            self.make_calls();
        }
    }

    fn decide(&mut self, wanted: Wanted) {
        let book = self.book;
        let Some(message) = book.message(&wanted.message) else {
            return self.news(wanted.run, &News::Skipped { reason: "no_such_message", end_run: false, failed: false });
        };
        if self.state.profile.points.drop_stale(self.now) {
            self.reachability_changed();
        }
        let held_out = self.held_out(wanted.run, message);
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
        ask.held_out = held_out;
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
        let (deadline, content) = (ask.deadline, ask.content);
        match choice {
            Choice::Send { channel, to, rendered, .. } => {
                let Some(spec) = book.channel(&channel.id) else { return };
                let further = to.as_ref().map(|first| book.further_devices(profile, &ask, spec, first));
                let envelope = self.envelope(&wanted, message, spec, to, *rendered, (key, deadline));
                let copies = self.copies(&envelope, further.unwrap_or_default());
                self.hand_over(wanted, envelope, copies);
            }
            Choice::HeldOut { channel, by } => {
                self.hold_out(wanted, message, WouldSend { channel: &channel, by, content, deadline });
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
        let failed = self.was_refused(wanted.run);
        self.news(wanted.run, &News::Skipped { reason: rule, end_run, failed });
    }

    /// Whether a channel refused the message of a run's present visit for good.
    fn was_refused(&self, run: u64) -> bool {
        let Some(visit) = self.state.runs.iter().find(|known| known.id == run).map(visit_of) else { return false };
        let refused = |contact: &Contact| matches!(contact.status, Status::Refused | Status::Bounced);
        let asked = |contact: &Contact| contact.run.as_ref().is_some_and(|asked| asked.visit == visit);
        self.state.profile.contacts.iter().any(|contact| refused(contact) && asked(contact))
    }

    /// Makes the envelope of a decision. Its key derives from what was decided and for whom (promise 8.4).
    fn envelope(
        &self,
        wanted: &Wanted,
        message: &Message,
        spec: &ChannelSpec,
        to: Option<ContactPoint>,
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
        let name = EnvelopeName { run, step, attempt, channel: &spec.tag.id };
        let id = self.key(&name, &to, |id| profile.contacts.get(id).is_some());
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

    /// The key of an envelope to an address.
    pub(super) fn key(
        &self,
        name: &EnvelopeName<'_>,
        to: &Address,
        taken: impl Fn(IdempotencyKey) -> bool,
    ) -> IdempotencyKey {
        let EnvelopeName { run, step, attempt, channel } = name;
        let customer = self.state.profile.id.as_u128().to_le_bytes();
        let run_id = run.map_or(0, |run| run.id).to_le_bytes();
        let visit = run.map_or(0, |run| run.place.visit).to_le_bytes();
        let number = attempt.to_le_bytes();
        let mut decided: Vec<&[u8]> = vec![
            &customer,
            run.map_or(&[], |run| run.journey.as_str().as_bytes()),
            &run_id,
            step.as_bytes(),
            &visit,
            &number,
            channel.as_str().as_bytes(),
            to.plain().as_bytes(),
        ];
        let mut id = IdempotencyKey::derive(&decided);
        // One that was withdrawn and is decided anew says other bytes, so it has another key (promise 10.3).
        while taken(id) {
            decided.push(b"anew");
            id = IdempotencyKey::derive(&decided);
        }
        id
    }

    /// The same to further devices, each under a key of its own.
    fn copies(&self, first: &Envelope, further: Vec<ContactPoint>) -> Vec<Envelope> {
        let run = first.run.as_ref().and_then(|asked| self.state.runs.iter().find(|run| run.id == asked.run));
        let step = first.step.as_deref().unwrap_or_default();
        let name = EnvelopeName { run, step, attempt: first.attempt, channel: &first.channel.id };
        let mut copies: Vec<Envelope> = Vec::with_capacity(further.len());
        for point in further {
            let to = Address::Point(point);
            let ours = |id| first.id == id || copies.iter().any(|copy| copy.id == id);
            let id = self.key(&name, &to, |id| ours(id) || self.state.profile.contacts.get(id).is_some());
            copies.push(Envelope { id, to, ..first.clone() });
        }
        copies
    }

    /// Decision and claim in one commit: the message is due at once, so it is born claimed.
    fn hand_over(&mut self, wanted: Wanted, envelope: Envelope, copies: Vec<Envelope>) {
        let keep = self.book.index.contacts.max(RECEIPTS_LATE).max(wished_reach(&self.state.profile));
        let now = self.now;
        let profile = &mut self.state.profile;
        let status = Status::InFlight { lease: now + self.book.lease };
        let hand_over = HandOver { tries: 1, doubt: false, claims: Some((now, now)), status };
        profile.contacts.trim(now, keep);
        profile.contacts.push(Contact {
            id: envelope.id,
            message: envelope.message.clone(),
            channel: envelope.channel.clone(),
            content: envelope.content_key(),
            run: envelope.run.clone(),
            to: sent_to(&envelope, &copies, hand_over),
            decided: now,
            deadline: envelope.deadline,
            tries: 1,
            doubt: false,
            claims: Some((now, now)),
            status,
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
        if let Some(mut handed) = handed_over(&envelope) {
            handed.copies = copies.iter().map(|copy| copy.id).collect();
            handed.cost = copies.iter().fold(handed.cost, |sum, copy| sum.saturating_add(copy.cost.amount));
            self.out.notice(now, What::HandedOver(Box::new(handed)));
        }
        self.out.send.push(envelope);
        self.out.send.extend(copies);
        self.news(wanted.run, &News::HandedOver { channel: &channel, at: now });
    }

    pub(super) fn news(&mut self, run: u64, news: &News<'_>) {
        self.signal(run, &Signal::Message(*news));
    }
}

impl Playbook {
    /// The devices beside the first to which a message goes as well, the one heard of last first: each that no rule keeps
    /// from it, consent for that very token among them.
    fn further_devices(
        &self,
        profile: &Profile,
        ask: &Ask<'_>,
        spec: &ChannelSpec,
        first: &ContactPoint,
    ) -> Vec<ContactPoint> {
        if spec.devices == Devices::Latest {
            return Vec::new();
        }
        let kind = &spec.tag.kind;
        let others = profile.points.of_kind(kind).filter(|known| known.point != *first && known.blocked.is_none());
        let mut others: Vec<_> = others.collect();
        others.sort_by_key(|known| (Reverse(known.fresh), known.point.hash()));
        others.retain(|known| {
            let there = AtPoint::new(profile, kind, known.point.hash());
            let mut ask = ask.clone();
            ask.who = &there;
            catch_unwind(AssertUnwindSafe(|| self.policy.recheck(&ask, spec))).is_ok_and(|denied| denied.is_none())
        });
        others.into_iter().map(|known| known.point.clone()).collect()
    }
}

/// What the key of an envelope derives from, beside the customer and the address.
pub(super) struct EnvelopeName<'a> {
    pub(super) run: Option<&'a Run>,
    pub(super) step: &'a str,
    pub(super) attempt: u16,
    pub(super) channel: &'a ChannelId,
}

/// Where a message goes: with copies, to several devices.
fn sent_to(envelope: &Envelope, copies: &[Envelope], hand_over: HandOver) -> SentTo {
    let point = |envelope: &Envelope| match &envelope.to {
        Address::Point(point) => Some(point.hash()),
        Address::Id(_) => None,
    };
    let copy = |of: &Envelope| Some(DeviceCopy { id: of.id, point: point(of)?, hand_over });
    let all = || [envelope].into_iter().chain(copies);
    match (point(envelope), copies) {
        (None, _) => SentTo::Id,
        (Some(point), []) => SentTo::Point(point),
        (Some(point), _) => Copies::new(all().filter_map(copy).collect())
            .map_or(SentTo::Point(point), |copies| SentTo::Devices(Box::new(copies))),
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
        copies: Vec::new(),
        cost: envelope.cost.amount,
        parts: envelope.parts,
    })
}
