//! Effects: handed to the host with the decision, tried until they are answered or their time is over (promise 6.4).

use std::sync::Arc;

use super::input::What;
use super::runs::visit_of;
use super::step::Turn;
use crate::customer::RunRef;
use crate::delivery::{EffectCall, EffectError};
use crate::journey::{Answer, Signal};
use crate::message::{Payload, RenderInput};
use crate::primitives::{EffectId, Fields, IdempotencyKey, Instant, JourneyId, Span, Value};
use crate::record::{CallStage, Calling, Run};

/// What a run keeps of an answer is bounded: so many bytes of JSON.
const LONGEST_ANSWER: usize = 4_096;

/// Under this name an answer that waits to be heard says why an effect was not done.
const REASON: &str = "reason";

/// An effect that a run asked for and that is not handed over yet.
#[derive(Debug)]
pub(super) struct WantedCall {
    pub(super) run: u64,
    pub(super) effect: EffectId,
    pub(super) payload: Arc<Payload>,
    pub(super) valid_for: Option<Span>,
}

impl Turn<'_> {
    /// Makes the calls that runs asked for. One that fails at once may have its run ask for more.
    pub(super) fn make_calls(&mut self) {
        while !self.calls.is_empty() {
            let wanted = self.calls.remove(0);
            if let Err(reason) = self.call(&wanted) {
                let at = self.now;
                self.signal(wanted.run, &Signal::Answered(Answer::Failed { reason, at }));
            }
        }
    }

    /// Decision and claim in one commit, as for messages. A record that waits to become one with another hands nothing over:
    /// it keeps the payload until then.
    fn call(&mut self, wanted: &WantedCall) -> Result<(), &'static str> {
        let (book, now) = (self.book, self.now);
        let spec = book.effect(&wanted.effect).ok_or("no_such_effect")?;
        if spec.marketing && self.holds_out(wanted.run).is_some() {
            self.hold_call_out(wanted);
            return Ok(());
        }
        let Some(run) = self.state.runs.iter().find(|run| run.id == wanted.run) else { return Ok(()) };
        let input = RenderInput { trigger: Some(&run.data), ..RenderInput::new(&self.state.profile, &book.brand, now) };
        let calling = Calling {
            id: self.call_key(run),
            effect: wanted.effect.clone(),
            deadline: now + wanted.valid_for.unwrap_or(spec.valid_for),
            tries: 0,
            stage: CallStage::Queued { due: now },
            held: Some(wanted.payload.render(&input).ok_or("payload")?),
        };
        if let Some(run) = self.state.runs.iter_mut().find(|run| run.id == wanted.run) {
            run.calling = Some(Box::new(calling));
        }
        if !self.state.awaits() {
            self.claim_call(wanted.run);
        }
        Ok(())
    }

    /// What the customer does not get is not done, and the run goes on as if it had been (promise 6.10).
    fn hold_call_out(&mut self, wanted: &WantedCall) {
        let Some(run) = self.state.runs.iter().find(|run| run.id == wanted.run) else { return };
        let (id, effect, at) = (self.call_key(run), wanted.effect.clone(), self.now);
        self.out.notice(at, What::EffectEnded { id, effect, how: EffectEnd::HeldOut, reason: None });
        self.signal(wanted.run, &Signal::Answered(Answer::Done { values: &Fields::new(), at }));
    }

    /// One per visit of a step (promise 8.4).
    fn call_key(&self, run: &Run) -> IdempotencyKey {
        let customer = self.state.profile.id.as_u128().to_le_bytes();
        let (id, visit) = (run.id.to_le_bytes(), run.place.visit.to_le_bytes());
        let (journey, step) = (run.journey.as_str(), self.step_of(run));
        IdempotencyKey::derive(&[b"effect", &customer, journey.as_bytes(), &id, step.as_bytes(), &visit])
    }

    fn step_of(&self, run: &Run) -> &str {
        let position = self.book.by_journey.get(&(run.journey.key().hash(), run.version));
        let journey = position.and_then(|position| self.book.journeys.get(usize::from(*position)));
        journey.map_or("", |journey| journey.step_name(run.place.step))
    }

    /// What of a run's call is due by an instant.
    pub(super) fn wake_call(&mut self, run: u64, due: Instant) {
        let calling = self.state.runs.iter().find(|known| known.id == run).and_then(|run| run.calling.as_deref());
        let Some(calling) = calling.filter(|calling| calling.due() <= due) else { return };
        match calling.stage {
            CallStage::InFlight { .. } => self.answered(calling.id, Err(EffectError::for_now("the claim ran out"))),
            CallStage::Queued { .. } if self.now > calling.deadline => {
                self.end_call(run, EffectEnd::Expired, Err("expired"));
            }
            CallStage::Queued { .. } => self.claim_call(run),
            CallStage::Answered { .. } => self.hear_answer(run),
        }
    }

    /// Claims a run's call: the first time it goes into the outbox with that, afterwards it is there.
    fn claim_call(&mut self, run: u64) {
        let (now, lease) = (self.now, self.now + self.book.lease);
        let Some(index) = self.state.runs.iter().position(|known| known.id == run) else { return };
        let step: Arc<str> = self.state.runs.get(index).map_or("", |run| self.step_of(run)).into();
        let profile = &self.state.profile;
        let who = profile.external_id().cloned().unwrap_or_else(|| profile.id.to_string().into());
        let customer = profile.id;
        let Some(run) = self.state.runs.get_mut(index) else { return };
        let visit = visit_of(run);
        let Some(calling) = &mut run.calling else { return };
        calling.tries = calling.tries.saturating_add(1);
        calling.stage = CallStage::InFlight { lease };
        let (id, effect) = (calling.id, calling.effect.clone());
        let Some(payload) = calling.held.take() else {
            let number = calling.tries;
            self.out.resend.push(id);
            return self.out.notice(now, What::EffectAgain { id, effect, number });
        };
        run.acted = true;
        let journey = run.journey.clone();
        let called = EffectCalled { id, effect: effect.clone(), journey: journey.clone(), step: step.clone() };
        self.out.calls.push(EffectCall {
            id,
            customer,
            who,
            effect,
            payload: Arc::new(payload),
            run: RunRef { journey, run: run.id, visit },
            step,
            decided: now,
            deadline: calling.deadline,
        });
        self.out.notice(now, What::Effect(Box::new(called)));
    }

    /// The host answered, or its time ran out. A second answer, or one to a run that has gone on, finds nothing.
    pub(super) fn answered(&mut self, id: IdempotencyKey, result: Result<Fields, EffectError>) {
        let now = self.now;
        let ours = |run: &&mut Run| run.calling.as_ref().is_some_and(|calling| calling.id == id);
        let Some(run) = self.state.runs.iter_mut().find(ours) else { return };
        let (name, Some(calling)) = (run.id, run.calling.as_mut()) else { return };
        match result {
            _ if matches!(calling.stage, CallStage::Answered { .. }) => {}
            Ok(values) if serde_json::to_string(&values).is_ok_and(|text| text.len() <= LONGEST_ANSWER) => {
                self.end_call(name, EffectEnd::Done, Ok(values));
            }
            Ok(_) => self.end_call(name, EffectEnd::Failed, Err("answer_too_long")),
            Err(EffectError::Failed { reason }) => self.end_call(name, EffectEnd::Failed, Err(&reason)),
            // A no for now that comes after the claim ran out changes nothing: it is tried again already.
            Err(EffectError::ForNow { .. }) if calling.is_queued() => {}
            Err(EffectError::ForNow { reason, after }) => {
                let retry = self.book.effect(&calling.effect).map(|spec| spec.retry).unwrap_or_default();
                let due = now + after.unwrap_or_else(|| retry.after(calling.tries)).max(Span::ZERO);
                if due <= calling.deadline && retry.goes_on(calling.tries) {
                    calling.stage = CallStage::Queued { due };
                    return self.out.notice(now, What::Retried { id, due });
                }
                let how = if due > calling.deadline { EffectEnd::Expired } else { EffectEnd::Failed };
                self.end_call(name, how, Err(&reason));
            }
        }
    }

    /// A claimed call comes back unused.
    pub(super) fn call_given_back(&mut self, id: IdempotencyKey, due: Instant) {
        let due = due.max(self.now);
        let mut callings = self.state.runs.iter_mut().filter_map(|run| run.calling.as_deref_mut());
        let Some(calling) = callings.find(|calling| calling.id == id && calling.is_in_flight()) else { return };
        calling.tries = calling.tries.saturating_sub(1);
        calling.stage = CallStage::Queued { due };
        self.out.notice(self.now, What::GivenBack { id, due });
    }

    /// The run's call has come to its end, and the run hears of it: at once, or when its journey is not paused any more.
    fn end_call(&mut self, run: u64, how: EffectEnd, result: Result<Fields, &str>) {
        let at = self.now;
        let Some(calling) = self.calling(run) else { return };
        let (id, effect) = (calling.id, calling.effect.clone());
        calling.stage = CallStage::Answered { at, done: result.is_ok() };
        let reason = result.as_ref().err().map(|reason| Arc::from(*reason));
        calling.held = Some(result.unwrap_or_else(|reason| Fields::from_iter([(REASON.into(), reason.into())])));
        self.out.release.push(id);
        self.out.notice(at, What::EffectEnded { id, effect, how, reason });
        let paused = self.state.runs.iter().any(|known| known.id == run && self.book.is_paused(&known.journey));
        if !paused {
            self.hear_answer(run);
        }
    }

    fn calling(&mut self, run: u64) -> Option<&mut Calling> {
        self.state.runs.iter_mut().find(|known| known.id == run)?.calling.as_deref_mut()
    }

    /// The run hears what came of its call, if anything did.
    pub(super) fn hear_answer(&mut self, run: u64) {
        let Some(known) = self.state.runs.iter_mut().find(|known| known.id == run) else { return };
        let answered = |calling: &mut Box<Calling>| matches!(calling.stage, CallStage::Answered { .. });
        let Some(Calling { stage: CallStage::Answered { at, done }, held, .. }) =
            known.calling.take_if(answered).map(|calling| *calling)
        else {
            return;
        };
        let held = held.unwrap_or_default();
        let answer = match held.get_str(REASON) {
            _ if done => Answer::Done { values: &held, at },
            Some(Value::Text(reason)) => Answer::Failed { reason, at },
            _ => Answer::Failed { reason: "", at },
        };
        self.signal(run, &Signal::Answered(answer));
    }

    /// A run goes away from its call: what is not claimed is withdrawn, what may have been done is not tried again.
    pub(super) fn withdraw_call(&mut self, calling: Option<Box<Calling>>, why: &str) {
        let answered = |calling: &Calling| matches!(calling.stage, CallStage::Answered { .. });
        let Some(calling) = calling.filter(|calling| !answered(calling)) else { return };
        let Calling { id, effect, tries, .. } = *calling;
        // Of what this very step claimed nothing has left yet.
        let leaving = self.out.calls.len() + self.out.resend.len();
        self.out.calls.retain(|call| call.id != id);
        self.out.resend.retain(|again| *again != id);
        let kept_back = leaving > self.out.calls.len() + self.out.resend.len();
        let tries = tries.saturating_sub(u16::from(kept_back));
        let how = if tries > 0 { EffectEnd::Abandoned } else { EffectEnd::Cancelled };
        self.out.release.push(id);
        self.out.notice(self.now, What::EffectEnded { id, effect, how, reason: Some(why.into()) });
    }
}

/// A call of an effect, as logs tell it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct EffectCalled {
    /// The call, and its idempotency key.
    pub id: IdempotencyKey,
    /// Which effect.
    pub effect: EffectId,
    /// The journey that asked.
    pub journey: JourneyId,
    /// The step that asked.
    pub step: Arc<str>,
}

/// How a call of an effect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EffectEnd {
    /// The host did it.
    Done,
    /// It failed for good.
    Failed,
    /// Its time ran out.
    Expired,
    /// It was withdrawn before its claim.
    Cancelled,
    /// It was not done, since the customer is held out of it.
    HeldOut,
    /// Its run went away while it was handed over, or after a try of which nobody knows the outcome: it is not tried again.
    Abandoned,
}

impl EffectEnd {
    /// One word for reports.
    pub fn word(self) -> &'static str {
        match self {
            EffectEnd::Done => "done",
            EffectEnd::Failed => "failed",
            EffectEnd::Expired => "expired",
            EffectEnd::Cancelled => "cancelled",
            EffectEnd::HeldOut => "held_out",
            EffectEnd::Abandoned => "abandoned",
        }
    }
}
