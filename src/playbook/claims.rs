//! Claims: every rule is asked again before a message is handed over again, and what the channel answers settles it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::input::{HandedOverAgain, What};
use super::step::Turn;
use crate::channel::OnUnknown;
use crate::customer::{AtPoint, BlockReason, Changed, Contact, Customer, DeviceRecord, HandOver, Status};
use crate::delivery::DeliveryError;
use crate::journey::News;
use crate::policy::Attempt;
use crate::primitives::{Fields, IdempotencyKey, Instant};

impl Turn<'_> {
    /// Claims what is due, and settles claims whose lease ran out as unknown.
    pub(super) fn wake_contacts(&mut self, due: Instant) {
        let contacts = self.state.profile.contacts.iter().filter(|contact| contact.due().is_some_and(|at| at <= due));
        let open: Vec<(IdempotencyKey, Status)> = contacts
            .flat_map(Contact::envelopes)
            .map(|(id, hand_over)| (id, hand_over.status))
            .filter(|(_, status)| status.due().is_some_and(|at| at <= due))
            .collect();
        for (id, status) in open {
            match status {
                Status::Queued { .. } if self.waits_for_pause(id) => {}
                Status::Queued { .. } => self.claim(id),
                _ => self.settled(id, &Err(DeliveryError::unknown("the claim ran out"))),
            }
        }
    }

    /// The second check (promise 4.4): every rule again, without the message's own place, and of the contact point to which
    /// the envelope is addressed, whichever would be taken today (promise 4.3).
    fn claim(&mut self, id: IdempotencyKey) {
        let book = self.book;
        let now = self.now;
        let profile = &self.state.profile;
        let Some(contact) = profile.contacts.get(id) else { return };
        let Some(mut hand_over) = contact.hand_over(id).filter(|known| known.status.is_queued()) else { return };
        let none = Fields::new();
        let verdict = match (book.channel(&contact.channel.id), book.message(&contact.message.id)) {
            (Some(spec), Some(message)) => {
                let there = contact.point_of(id).map(|point| AtPoint::new(profile, &spec.tag.kind, point));
                let who: &dyn Customer = there.as_ref().map_or(profile, |there| there);
                let mut ask = book.ask(who, message, now);
                ask.content = contact.content;
                ask.deadline = contact.deadline;
                ask.own = Some(contact.id);
                ask.held_out = self.held_out_at_claim(contact);
                ask.trigger = Some(&none);
                ask.attempt = Attempt { visit: contact.run.as_ref().map(|run| run.visit), ..Attempt::default() };
                let recheck = || book.policy.recheck(&ask, spec).map(|(_, reason)| reason.rule);
                catch_unwind(AssertUnwindSafe(recheck)).unwrap_or(Some("panicked"))
            }
            _ => Some("no_such_channel"),
        };
        let Some(rule) = verdict else {
            hand_over.tries += 1;
            hand_over.status = Status::InFlight { lease: now + book.lease };
            hand_over.claims = Some(hand_over.claims.map_or((now, now), |(first, _)| (first, now)));
            let again = HandedOverAgain {
                id,
                message: contact.message.id.clone(),
                channel: contact.channel.id.clone(),
                journey: contact.run.as_ref().map(|run| run.journey.clone()),
                number: hand_over.tries,
            };
            self.out.resend.push(id);
            self.out.notice(now, What::HandedOverAgain(Box::new(again)));
            return self.put(id, hand_over, "");
        };
        // What may have arrived cannot be withdrawn: it stays counted, and is not tried again.
        hand_over.status = match (hand_over.doubt, now > contact.deadline) {
            (true, _) => Status::Parked,
            (false, true) => Status::Expired,
            (false, false) => Status::Cancelled,
        };
        self.put(id, hand_over, rule);
    }

    /// A channel answered, or its time ran out.
    pub(super) fn settled(&mut self, id: IdempotencyKey, result: &Result<(), DeliveryError>) {
        let (now, book) = (self.now, self.book);
        let Some(contact) = self.state.profile.contacts.get(id) else { return };
        let Some(mut hand_over) = contact.hand_over(id) else { return };
        // A yes that comes late, after the claim ran out, still stops the next try.
        let late_yes = hand_over.status.is_queued() && result.is_ok();
        if !late_yes && !matches!(hand_over.status, Status::InFlight { .. } | Status::Parked) {
            return;
        }
        let wrong = match result {
            Ok(()) => {
                if let Some(device) = self.device_of(id) {
                    let delivered = DeviceRecord { delivered: 1, ..DeviceRecord::default() };
                    self.state.profile.figures.on_device(device.as_str(), delivered);
                }
                hand_over.status = Status::Accepted;
                hand_over.claims.get_or_insert((now, now));
                return self.put(id, hand_over, "");
            }
            Err(_) if hand_over.status == Status::Parked => return,
            Err(wrong) => wrong,
        };
        hand_over.doubt |= !wrong.is_certain();
        let HandOver { doubt, tries, claims, .. } = hand_over;
        let again = book.channel(&contact.channel.id).and_then(|spec| {
            let due = now + wrong.after().unwrap_or_else(|| spec.retry.after(tries));
            let in_time = due <= contact.deadline && spec.retry.goes_on(tries);
            let honoured = || {
                let first = claims.map_or(now, |(first, _)| first);
                spec.key_memory.is_some_and(|memory| due < first + memory)
                    || spec.on_unknown(contact.message.class) == OnUnknown::Resend
            };
            // Who says for good that there is nobody, or never, says the same next time.
            let may_change = wrong.retryable() || !wrong.is_certain();
            (in_time && may_change && (!doubt || honoured())).then_some(due)
        });
        if let Some(due) = again {
            self.out.notice(now, What::Retried { id, due });
            return self.queue(id, hand_over, due);
        }
        hand_over.status = if doubt { Status::Parked } else { Status::Refused };
        let point = contact.point_of(id).filter(|_| wrong.blocks_contact_point());
        self.reject(point, BlockReason::Invalid);
        self.put(id, hand_over, &wrong.to_string());
    }

    /// A claim comes back unused.
    pub(super) fn given_back(&mut self, id: IdempotencyKey, due: Instant) {
        let Some(contact) = self.state.profile.contacts.get(id) else { return self.call_given_back(id, due) };
        let Some(mut hand_over) = contact.hand_over(id) else { return };
        if !matches!(hand_over.status, Status::InFlight { .. }) {
            return;
        }
        let due = due.max(self.now);
        hand_over.tries = hand_over.tries.saturating_sub(1);
        self.out.notice(self.now, What::GivenBack { id, due });
        self.queue(id, hand_over, due);
    }

    /// A hard bounce: the address is no address. The provider had the message, so it keeps its place (promise 7.4).
    pub(super) fn bounced(&mut self, id: IdempotencyKey) {
        let Some(contact) = self.state.profile.contacts.get(id) else { return };
        let Some(mut hand_over) = contact.hand_over(id) else { return };
        if !matches!(hand_over.status, Status::Accepted | Status::Parked) {
            return;
        }
        hand_over.status = Status::Bounced;
        let point = contact.point_of(id);
        self.reject(point, BlockReason::HardBounce);
        self.put(id, hand_over, "");
    }

    fn queue(&mut self, id: IdempotencyKey, mut hand_over: HandOver, due: Instant) {
        hand_over.status = Status::Queued { due };
        if !hand_over.doubt {
            hand_over.claims = None;
        }
        self.put(id, hand_over, "");
    }

    /// Brings what became of an envelope into its message, and tells the run what that makes of the message.
    pub(super) fn put(&mut self, id: IdempotencyKey, hand_over: HandOver, reason: &str) {
        if let Some((of, news)) = self.change(id, hand_over, reason) {
            self.tell_of(of, news);
        }
    }

    /// Withdraws the envelopes of some messages that wait for their claims. Answers what their runs would be told.
    pub(super) fn withdraw_queued(
        &mut self,
        which: impl Fn(&Contact) -> bool,
        why: &'static str,
    ) -> Vec<(IdempotencyKey, News<'static>)> {
        let mut news = Vec::new();
        let contacts = self.state.profile.contacts.iter().filter(|contact| contact.waits() && which(contact));
        let queued: Vec<_> =
            contacts.flat_map(Contact::envelopes).filter(|(_, known)| known.status.is_queued()).collect();
        for (id, mut hand_over) in queued {
            // What may have arrived already cannot be withdrawn, but it is not tried again.
            hand_over.status = if hand_over.doubt { Status::Parked } else { Status::Cancelled };
            news.extend(self.change(id, hand_over, why));
        }
        news
    }

    /// Brings what became of an envelope into its message, and notes what that changes: its end, once, with the reason.
    /// Answers what its run is to be told.
    fn change(
        &mut self,
        id: IdempotencyKey,
        hand_over: HandOver,
        reason: &str,
    ) -> Option<(IdempotencyKey, News<'static>)> {
        let now = self.now;
        let contact = self.state.profile.contacts.get_mut(id)?;
        let was_open = contact.due().is_some();
        let Changed { before, after } = contact.put(id, hand_over);
        let (of, doubt, several) = (contact.id, contact.doubt, contact.copies().next().is_some());
        let message = contact.message.id.clone();
        let last = contact.claims.map_or(now, |(_, last)| last);
        let (taken, open) = (contact.taken().unwrap_or(now), contact.due().is_some());
        if hand_over.status.due().is_none() {
            self.out.release.push(id);
            if several {
                self.out.notice(now, What::Copy { id, of, status: hand_over.status });
            }
        }
        if let (Status::InFlight { .. }, Status::Queued { due }) = (before, after) {
            return Some((of, News::Retried { due }));
        }
        let ends = before.due().is_some() && after.due().is_none();
        let comes_back = after == Status::Bounced && before != after;
        let after_all = before == Status::Parked && after == Status::Accepted;
        if !ends && !comes_back && !after_all {
            // The last of the devices has answered, after one of them took it.
            let settled = was_open && !open && before.due().is_none();
            let parked = after == Status::Parked;
            let news = if parked { News::Parked { at: last } } else { News::Accepted { at: taken } };
            return settled.then_some((of, news));
        }
        if ends && after == Status::Bounced {
            // What came back of one device, before the others refused it, had been taken.
            self.out.notice(now, What::Accepted { id: of });
        }
        let (what, news) = match after {
            Status::Accepted => (What::Accepted { id: of }, News::Accepted { at: taken }),
            Status::Parked => (What::Parked { id: of }, News::Parked { at: last }),
            Status::Bounced => (What::Bounced { id: of }, News::Bounced),
            Status::Expired => (What::Expired { id: of }, News::Refused),
            Status::Cancelled => (What::Cancelled { id: of, message, reason: reason.into() }, News::Refused),
            _ => (What::Failed { id: of, reason: reason.to_owned() }, News::Refused),
        };
        self.out.notice(now, what);
        // What certainly did not arrive says nothing about the channel.
        if after == Status::Bounced || !(doubt || after == Status::Accepted) {
            self.uncount(of);
        }
        let news = if open { News::Taken { at: taken } } else { news };
        // A run that went on when it was parked has heard enough.
        (!after_all).then_some((of, news))
    }

    fn uncount(&mut self, id: IdempotencyKey) {
        let kind = self.state.profile.contacts.get(id).map(|contact| contact.channel.kind.clone());
        if let Some(kind) = kind {
            self.state.profile.update_channel(&kind, |record| record.sent = record.sent.saturating_sub(1));
            self.sending_changed();
        }
    }
}
