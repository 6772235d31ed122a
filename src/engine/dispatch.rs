//! The dispatcher: hands claimed envelopes to their channels and claimed calls to the host, a bounded number at a time, within
//! their time limits, and brings the answers back into the records.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::future::{Either, FutureExt, select};

use super::{Engine, locked};
use crate::channel::{ChannelSpec, Retry};
use crate::delivery::{Channel, DeliveryError, EffectCall, EffectError, EffectHandler, EffectSpec, Envelope};
use crate::playbook::Input;
use crate::primitives::{ChannelId, CustomerId, EffectId, IdempotencyKey, Instant, Span};
use crate::store::{StoreError, Work};

/// What was claimed and is to be handed over.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) parcel: Parcel,
    /// Until when the claim holds.
    pub(super) lease: Instant,
    /// Whether other inputs may have come between its claim and the send: then it is claimed anew, so that what was
    /// ingested meanwhile is heard (promise 4.4).
    pub(super) waited: bool,
}

/// A message or an effect.
#[derive(Debug)]
pub(super) enum Parcel {
    Message(Envelope),
    Effect(EffectCall),
}

impl Parcel {
    fn id(&self) -> IdempotencyKey {
        match self {
            Parcel::Message(envelope) => envelope.id,
            Parcel::Effect(call) => call.id,
        }
    }

    fn customer(&self) -> CustomerId {
        match self {
            Parcel::Message(envelope) => envelope.customer,
            Parcel::Effect(call) => call.customer,
        }
    }
}

/// Who takes what a lane holds.
#[derive(Debug, Clone)]
enum Taker {
    Channel(ChannelId, Arc<dyn Channel>),
    Handler(EffectId, Arc<dyn EffectHandler>),
}

impl Taker {
    fn takes(&self, parcel: &Parcel) -> bool {
        match (self, parcel) {
            (Taker::Channel(id, _), Parcel::Message(envelope)) => *id == envelope.channel.id,
            (Taker::Handler(id, _), Parcel::Effect(call)) => *id == call.effect,
            _ => false,
        }
    }
}

/// One channel, or one effect: what waits for it, and what is under way, over all tasks that run this engine.
#[derive(Debug)]
pub(super) struct Lane {
    taker: Taker,
    timeout: Span,
    most: NonZeroU32,
    rate: Option<NonZeroU32>,
    retry: Retry,
    queue: VecDeque<Ready>,
    in_flight: u32,
    /// When the channel's rate lets the next one go, as a bucket of one second sees it.
    slot: Instant,
    /// Until when the provider wants nothing.
    paused: Instant,
    /// How often in a row it said so.
    throttled: u16,
}

/// When a suppression list could not be read, it is read again after so long.
const LOOK_UP_AGAIN: Span = Span::minutes(1);

/// A bucket of one second: up to the rate at once, then one per slot.
const BUCKET: Span = Span::seconds(1);

impl Lane {
    pub(super) fn of_channel(channel: Arc<dyn Channel>, spec: &ChannelSpec) -> Self {
        let taker = Taker::Channel(spec.tag.id.clone(), channel);
        Lane::new(taker, spec.timeout, spec.in_flight, spec.rate_per_second, spec.retry)
    }

    pub(super) fn of_effect(handler: Arc<dyn EffectHandler>, spec: &EffectSpec) -> Self {
        Lane::new(Taker::Handler(spec.id.clone(), handler), spec.timeout, spec.in_flight, None, spec.retry)
    }

    fn new(taker: Taker, timeout: Span, most: NonZeroU32, rate: Option<NonZeroU32>, retry: Retry) -> Self {
        Lane {
            taker,
            timeout,
            most,
            rate,
            retry,
            queue: VecDeque::new(),
            in_flight: 0,
            slot: Instant::MIN,
            paused: Instant::MIN,
            throttled: 0,
        }
    }

    /// The time between two messages.
    fn spacing(&self) -> Option<Span> {
        self.rate.map(|rate| Span::millis((1_000 / i64::from(rate.get())).max(1)))
    }

    /// When there is something to do for what waits, as far as this lane knows; without a free place nothing is.
    pub(super) fn due(&self) -> Option<Instant> {
        let first = self.queue.front()?;
        let free = self.in_flight < self.most.get();
        let go = self.spacing().map_or(Instant::MIN, |_| self.slot - BUCKET).max(self.paused);
        let back = first.lease - self.timeout;
        Some(if free { go.min(back) } else { back })
    }

    /// Lets go of what waits for these customers.
    pub(super) fn forget(&mut self, customers: &[CustomerId]) {
        self.queue.retain(|ready| !customers.contains(&ready.parcel.customer()));
    }

    /// Whether a claim would run out while the send is under way: then it had better not begin.
    fn too_late(&self, ready: &Ready, now: Instant) -> bool {
        now + self.timeout >= ready.lease
    }

    /// What an answer says of the channel as a whole: a provider that has enough is left alone until its time, else for
    /// longer each time that it says so in a row (promise 10.3).
    fn heard(&mut self, result: &Result<(), DeliveryError>, now: Instant) {
        match result {
            Ok(()) => self.throttled = 0,
            Err(DeliveryError::Throttled { after }) => {
                self.throttled = self.throttled.saturating_add(1);
                let pause = after.unwrap_or_else(|| self.retry.after(self.throttled));
                self.paused = self.paused.max(now + pause);
            }
            Err(_) => {}
        }
    }

    fn next(&mut self, now: Instant) -> Option<Ready> {
        if self.in_flight >= self.most.get() || self.queue.is_empty() || now < self.paused {
            return None;
        }
        if let Some(spacing) = self.spacing() {
            if self.slot > now + BUCKET {
                return None;
            }
            self.slot = self.slot.max(now) + spacing;
        }
        self.in_flight += 1;
        self.queue.pop_front()
    }
}

/// What is on its way out of its lane. Dropped before its send began, it goes back.
pub(super) struct Held<'e> {
    engine: &'e Engine,
    lane: usize,
    ready: Option<Ready>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(lane) = locked(&self.engine.lanes).get_mut(self.lane) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
            if let Some(ready) = self.ready.take() {
                lane.queue.push_front(ready);
            }
        }
    }
}

impl Engine {
    /// Puts what was claimed in its lane.
    pub(super) fn enqueue(&self, ready: Ready) {
        let mut lanes = locked(&self.lanes);
        if let Some(lane) = lanes.iter_mut().find(|lane| lane.taker.takes(&ready.parcel)) {
            lane.queue.push_back(ready);
        }
    }

    /// The next one that a free place and its channel's rate let go.
    pub(super) fn next_ready(&self, now: Instant) -> Option<Held<'_>> {
        let mut lanes = locked(&self.lanes);
        lanes.iter_mut().enumerate().find_map(|(lane, known)| {
            let ready = known.next(now)?;
            Some(Held { engine: self, lane, ready: Some(ready) })
        })
    }

    /// Claims whose sends never began are given back (promise 10.1): of what waits so long for a place or its channel's
    /// rate that its claim would run out, of what was claimed by an earlier call, and of what a paused channel cannot take.
    pub(super) fn give_back(&self, now: Instant) {
        let mut back = Vec::new();
        for lane in locked(&self.lanes).iter_mut() {
            let spacing = lane.spacing().unwrap_or(Span::ZERO);
            let paused = now < lane.paused;
            let mut slot = lane.slot.max(if paused { lane.paused } else { now + BUCKET });
            let mut waiting = VecDeque::with_capacity(lane.queue.len());
            for ready in std::mem::take(&mut lane.queue) {
                let late = paused || lane.too_late(&ready, now);
                if !late && !ready.waited {
                    waiting.push_back(ready);
                    continue;
                }
                if late {
                    slot += spacing;
                }
                let input = Input::GivenBack { id: ready.parcel.id(), due: if late { slot } else { now } };
                back.push(Work { customer: ready.parcel.customer(), input, now });
            }
            lane.queue = waiting;
        }
        locked(&self.unsettled).extend(back);
    }

    /// Hands one over and settles it. Whatever a channel does, its envelope is settled. Answers whether it was taken.
    pub(super) async fn hand_over(&self, held: Held<'_>) -> Result<HandedOver, StoreError> {
        let found = locked(&self.lanes).get(held.lane).map(|lane| (lane.taker.clone(), lane.timeout));
        match found {
            Some((Taker::Channel(_, channel), timeout)) => self.send(held, &*channel, timeout).await,
            Some((Taker::Handler(_, handler), timeout)) => self.call(held, &*handler, timeout).await,
            None => Ok(HandedOver::Nothing),
        }
    }

    async fn send(&self, mut held: Held<'_>, channel: &dyn Channel, timeout: Span) -> Result<HandedOver, StoreError> {
        let Some(Ready { parcel: Parcel::Message(envelope), lease, .. }) = &held.ready else {
            return Ok(HandedOver::Nothing);
        };
        // A caller that goes away meanwhile leaves it where it was.
        let stopped = self.stopped(envelope, *lease, timeout).await;
        let Some(Ready { parcel: Parcel::Message(envelope), .. }) = held.ready.take() else {
            return Ok(HandedOver::Nothing);
        };
        if let Some((input, failed)) = stopped {
            drop(held);
            let work = Work { customer: envelope.customer, input, now: self.now() };
            let settled = self.settle(work).await;
            return failed.map_or(settled, Err).map(|()| HandedOver::Message { accepted: false });
        }
        let send = AssertUnwindSafe(channel.send(&envelope)).catch_unwind();
        let limit = self.clock.sleep_until(self.clock.now() + timeout);
        let result = match select(Box::pin(send), limit).await {
            Either::Left((Ok(answer), _)) => answer.map(|_| ()),
            Either::Left((Err(_), _)) => Err(DeliveryError::unknown("the channel panicked")),
            Either::Right(_) => Err(DeliveryError::unknown("the channel did not answer in time")),
        };
        let now = self.now();
        if let Some(lane) = locked(&self.lanes).get_mut(held.lane) {
            lane.heard(&result, now);
        }
        // The place is free; the store's time is not the channel's.
        drop(held);
        let accepted = result.is_ok();
        let input = Input::Settled { id: envelope.id, result };
        self.settle(Work { customer: envelope.customer, input, now: self.now() }).await?;
        Ok(HandedOver::Message { accepted })
    }

    async fn call(
        &self,
        mut held: Held<'_>,
        handler: &dyn EffectHandler,
        timeout: Span,
    ) -> Result<HandedOver, StoreError> {
        let Some(Ready { parcel: Parcel::Effect(call), .. }) = held.ready.take() else {
            return Ok(HandedOver::Nothing);
        };
        let answer = AssertUnwindSafe(handler.call(&call)).catch_unwind();
        let limit = self.clock.sleep_until(self.clock.now() + timeout);
        // Nobody knows whether it was done: it comes again under the same key.
        let result = match select(Box::pin(answer), limit).await {
            Either::Left((Ok(answer), _)) => answer,
            Either::Left((Err(_), _)) => Err(EffectError::for_now("the handler panicked")),
            Either::Right(_) => Err(EffectError::for_now("the handler did not answer in time")),
        };
        drop(held);
        let done = result.is_ok();
        let input = Input::Answered { id: call.id, result };
        self.settle(Work { customer: call.customer, input, now: self.now() }).await?;
        Ok(HandedOver::Effect { done })
    }

    /// Whether an envelope may not be sent: its contact point is suppressed, on whatever record that was found out, or nobody
    /// can tell (promise 4.3). Answers what its record is told then.
    async fn stopped(&self, envelope: &Envelope, lease: Instant, timeout: Span) -> Option<(Input, Option<StoreError>)> {
        let point = self.playbook.suppression_key(envelope)?;
        let id = envelope.id;
        let listed = self.store.suppressed(&[point]).await.and_then(|listed| {
            let missing = || StoreError::Damaged("the suppression list answered for no contact point".to_owned());
            listed.into_iter().next().ok_or_else(missing)
        });
        let now = self.now();
        match listed {
            Ok(listed) => {
                let block = self.playbook.stopped_by(listed, envelope);
                // A slow answer: the claim would run out while the send is under way.
                let late = (now + timeout >= lease).then_some((Input::GivenBack { id, due: now }, None));
                block.map(|block| (Input::Suppressed { id, block }, None)).or(late)
            }
            Err(failed) => Some((Input::GivenBack { id, due: now + LOOK_UP_AGAIN }, Some(failed))),
        }
    }

    /// Brings an answer into its record. Where the store cannot take it now, or the caller goes away, it is kept and tried
    /// again.
    pub(super) async fn settle(&self, answer: Work) -> Result<(), StoreError> {
        let mut kept = Unsettled { engine: self, answer: Some(answer.clone()) };
        let done = self.transact(vec![answer]).await.map(|_| ());
        if !done.as_ref().is_err_and(StoreError::retryable) {
            kept.answer = None;
        }
        done
    }

    /// Brings in what an earlier call could not.
    pub(super) async fn settle_waiting(&self) -> Result<(), StoreError> {
        let mut wrong = None;
        let waiting = locked(&self.unsettled).len();
        for _ in 0..waiting {
            let Some(answer) = locked(&self.unsettled).pop_front() else { break };
            wrong = wrong.or(self.settle(answer).await.err());
        }
        wrong.map_or(Ok(()), Err)
    }
}

/// What became of one hand-over.
#[derive(Debug, Clone, Copy)]
pub(super) enum HandedOver {
    Message { accepted: bool },
    Effect { done: bool },
    Nothing,
}

/// An answer on its way into its record: unless that is done, it goes back to those that wait.
struct Unsettled<'e> {
    engine: &'e Engine,
    answer: Option<Work>,
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        locked(&self.engine.unsettled).extend(self.answer.take());
    }
}
