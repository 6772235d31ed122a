//! The dispatcher: hands claimed envelopes to their channels, a bounded number at a time, within their time limits, and
//! brings the answers back into the records.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::future::{Either, FutureExt, select};

use super::{Engine, locked};
use crate::channel::ChannelSpec;
use crate::delivery::{Channel, DeliveryError, Envelope};
use crate::playbook::Input;
use crate::primitives::{CustomerId, Instant, Span};
use crate::store::{StoreError, Work};

/// An envelope that was claimed and is to be handed over.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) envelope: Envelope,
    /// Until when the claim holds.
    pub(super) lease: Instant,
    /// Whether other inputs may have come between its claim and the send: then it is claimed anew, so that what was
    /// ingested meanwhile is heard (promise 4.4).
    pub(super) waited: bool,
}

/// One channel: what waits for it, and what is under way, over all tasks that run this engine.
#[derive(Debug)]
pub(super) struct Lane {
    channel: Arc<dyn Channel>,
    spec: ChannelSpec,
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
    pub(super) fn new(channel: Arc<dyn Channel>, spec: ChannelSpec) -> Self {
        Lane {
            channel,
            spec,
            queue: VecDeque::new(),
            in_flight: 0,
            slot: Instant::MIN,
            paused: Instant::MIN,
            throttled: 0,
        }
    }

    /// The time between two messages.
    fn spacing(&self) -> Option<Span> {
        self.spec.rate_per_second.map(|rate| Span::millis((1_000 / i64::from(rate.get())).max(1)))
    }

    /// When there is something to do for what waits, as far as this lane knows; without a free place nothing is.
    pub(super) fn due(&self) -> Option<Instant> {
        let first = self.queue.front()?;
        let free = self.in_flight < self.spec.in_flight.get();
        let go = self.spacing().map_or(Instant::MIN, |_| self.slot - BUCKET).max(self.paused);
        let back = first.lease - self.spec.timeout;
        Some(if free { go.min(back) } else { back })
    }

    /// Lets go of what waits for these customers.
    pub(super) fn forget(&mut self, customers: &[CustomerId]) {
        self.queue.retain(|ready| !customers.contains(&ready.envelope.customer));
    }

    /// Whether a claim would run out while the send is under way: then it had better not begin.
    fn too_late(&self, ready: &Ready, now: Instant) -> bool {
        now + self.spec.timeout >= ready.lease
    }

    /// What an answer says of the channel as a whole: a provider that has enough is left alone until its time, else for
    /// longer each time that it says so in a row (promise 10.3).
    fn heard(&mut self, result: &Result<(), DeliveryError>, now: Instant) {
        match result {
            Ok(()) => self.throttled = 0,
            Err(DeliveryError::Throttled { after }) => {
                self.throttled = self.throttled.saturating_add(1);
                let pause = after.unwrap_or_else(|| self.spec.retry.after(self.throttled));
                self.paused = self.paused.max(now + pause);
            }
            Err(_) => {}
        }
    }

    fn next(&mut self, now: Instant) -> Option<Ready> {
        if self.in_flight >= self.spec.in_flight.get() || self.queue.is_empty() || now < self.paused {
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

/// An envelope on its way out of its lane. Dropped before its send began, it goes back.
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
    /// Puts a claimed envelope in its channel's lane.
    pub(super) fn enqueue(&self, ready: Ready) {
        let mut lanes = locked(&self.lanes);
        if let Some(lane) = lanes.iter_mut().find(|lane| lane.spec.tag.id == ready.envelope.channel.id) {
            lane.queue.push_back(ready);
        }
    }

    /// The next envelope that a free place and its channel's rate let go.
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
                let input = Input::GivenBack { id: ready.envelope.id, due: if late { slot } else { now } };
                back.push(Work { customer: ready.envelope.customer, input, now });
            }
            lane.queue = waiting;
        }
        locked(&self.unsettled).extend(back);
    }

    /// Hands one envelope over and settles it. Whatever a channel does, its envelope is settled.
    pub(super) async fn hand_over(&self, mut held: Held<'_>) -> Result<bool, StoreError> {
        let found = locked(&self.lanes).get(held.lane).map(|lane| (lane.channel.clone(), lane.spec.timeout));
        let (Some((channel, timeout)), Some(ready)) = (found, &held.ready) else { return Ok(false) };
        // A caller that goes away meanwhile leaves it where it was.
        let stopped = self.stopped(ready, timeout).await;
        let Some(Ready { envelope, .. }) = held.ready.take() else { return Ok(false) };
        if let Some((input, failed)) = stopped {
            drop(held);
            let work = Work { customer: envelope.customer, input, now: self.now() };
            let settled = self.settle(work).await;
            return failed.map_or(settled, Err).map(|()| false);
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
        Ok(accepted)
    }

    /// Whether an envelope may not be sent: its contact point is suppressed, on whatever record that was found out, or nobody
    /// can tell (promise 4.3). Answers what its record is told then.
    async fn stopped(&self, ready: &Ready, timeout: Span) -> Option<(Input, Option<StoreError>)> {
        let Ready { envelope, lease, .. } = ready;
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
                let late = (now + timeout >= *lease).then_some((Input::GivenBack { id, due: now }, None));
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
