//! The dispatcher: hands claimed envelopes to their channels, a bounded number at a time, within their time limits, and
//! brings the answers back into the records.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::future::{Either, FutureExt, join_all, select};
use futures::stream::{self, StreamExt};

use super::{Engine, locked};
use crate::channel::ChannelSpec;
use crate::delivery::{Channel, DeliveryError, Envelope};
use crate::playbook::Input;
use crate::primitives::{ChannelId, Instant, Span};
use crate::store::{StoreError, Work};

/// An envelope that was claimed and is to be handed over.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) envelope: Envelope,
    /// Until when the claim holds.
    pub(super) lease: Instant,
    /// The channel's rate lets it go no sooner.
    pub(super) not_before: Instant,
}

impl Engine {
    /// Hands over everything that is ready, each channel for itself: one that hangs delays no other. Answers how many were
    /// handed over and how many of these were accepted.
    pub(super) async fn dispatch(&self) -> Result<(usize, usize), StoreError> {
        let ready = self.take_ready();
        let mut by_channel: Vec<(ChannelId, Vec<Ready>)> = Vec::new();
        for ready in ready {
            match by_channel.iter_mut().find(|(id, _)| *id == ready.envelope.channel.id) {
                Some((_, list)) => list.push(ready),
                None => by_channel.push((ready.envelope.channel.id.clone(), vec![ready])),
            }
        }
        let lanes = by_channel.into_iter().filter_map(|(id, list)| {
            let channel = self.channels.get(&id)?;
            let spec = self.playbook.channels().iter().find(|spec| spec.tag.id == id)?;
            Some(self.lane(channel, spec, list))
        });
        let mut totals = (0, 0);
        for lane in join_all(lanes).await {
            let (handed_over, accepted) = lane?;
            totals = (totals.0 + handed_over, totals.1 + accepted);
        }
        Ok(totals)
    }

    /// One channel's envelopes, so many at a time.
    async fn lane(
        &self,
        channel: &Arc<dyn Channel>,
        spec: &ChannelSpec,
        list: Vec<Ready>,
    ) -> Result<(usize, usize), StoreError> {
        let mut totals = (0, 0);
        let mut answers = stream::iter(list)
            .map(|ready| self.hand_over(channel, spec, ready))
            .buffer_unordered(spec.in_flight.get() as usize);
        let mut wrong = None;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(accepted) => totals = (totals.0 + 1, totals.1 + usize::from(accepted)),
                // The others of the lane are under way and have to be settled all the same.
                Err(failed) => wrong = wrong.or(Some(failed)),
            }
        }
        match wrong {
            Some(wrong) => Err(wrong),
            None => Ok(totals),
        }
    }

    /// Hands one envelope over and settles it. Whatever a channel does, its envelope is settled.
    async fn hand_over(
        &self,
        channel: &Arc<dyn Channel>,
        spec: &ChannelSpec,
        ready: Ready,
    ) -> Result<bool, StoreError> {
        let Ready { envelope, lease, .. } = ready;
        let started = self.now();
        let result = if started > lease {
            // It never began, so the provider certainly does not have it: the claim is given back.
            Err(DeliveryError::Transient {
                reason: "the claim ran out before the send".to_owned(),
                after: Some(Span::ZERO),
            })
        } else {
            let send = AssertUnwindSafe(channel.send(&envelope)).catch_unwind();
            let limit = self.clock.sleep_until(started + spec.timeout);
            match select(Box::pin(send), limit).await {
                Either::Left((Ok(answer), _)) => answer.map(|_| ()),
                Either::Left((Err(_), _)) => Err(DeliveryError::unknown("the channel panicked")),
                Either::Right(_) => Err(DeliveryError::unknown("the channel did not answer in time")),
            }
        };
        let accepted = result.is_ok();
        let input = Input::Settled { id: envelope.id, result };
        self.transact(vec![Work { customer: envelope.customer, input, now: self.now() }]).await?;
        Ok(accepted)
    }

    /// Takes what may be sent now, by each channel's rate; the rest stays for its slot.
    fn take_ready(&self) -> Vec<Ready> {
        let now = self.now();
        let mut queue = locked(&self.ready);
        let mut slots = locked(&self.slots);
        let mut taken = Vec::with_capacity(queue.len());
        for mut ready in std::mem::take(&mut *queue) {
            let id = &ready.envelope.channel.id;
            let rate =
                self.playbook.channels().iter().find(|spec| spec.tag.id == *id).and_then(|spec| spec.rate_per_second);
            if let Some(rate) = rate {
                let slot = slots.entry(id.clone()).or_insert(now);
                if *slot > now + Span::seconds(1) {
                    ready.not_before = *slot - Span::seconds(1);
                    queue.push_back(ready);
                    continue;
                }
                // A bucket of one second: up to `rate` at once, then one per slot.
                *slot = (*slot).max(now) + Span::millis((1_000 / i64::from(rate.get())).max(1));
            }
            taken.push(ready);
        }
        taken
    }
}
