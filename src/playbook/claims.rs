//! Claims: every rule is asked again before a message is handed over again, and what the channel answers settles it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::input::{HandedOverAgain, What};
use super::step::Turn;
use crate::channel::OnUnknown;
use crate::customer::{BlockReason, Status};
use crate::delivery::DeliveryError;
use crate::journey::News;
use crate::policy::Attempt;
use crate::primitives::{Fields, IdempotencyKey, Instant};
use crate::record::contact_due;

impl Turn<'_> {
    /// Claims what is due, and settles claims whose lease ran out as unknown.
    pub(super) fn wake_contacts(&mut self, due: Instant) {
        let open: Vec<(IdempotencyKey, Status)> = self
            .state
            .profile
            .contacts
            .iter()
            .filter(|contact| contact_due(contact).is_some_and(|at| at <= due))
            .map(|contact| (contact.id, contact.status))
            .collect();
        for (id, status) in open {
            match status {
                Status::Queued { .. } => self.claim(id),
                _ => self.settled(id, &Err(DeliveryError::unknown("the claim ran out"))),
            }
        }
    }

    /// The second check (promise 4.4): every rule again, without the message's own place.
    fn claim(&mut self, id: IdempotencyKey) {
        let book = self.book;
        let now = self.now;
        let Some(contact) = self.state.profile.contacts.get(id) else { return };
        let spec = book.channel(&contact.channel.id);
        let none = Fields::new();
        // The envelope goes where it was addressed, whichever contact point would be taken today (promise 4.3).
        let blocked = contact.point.is_some_and(|point| self.state.profile.points.is_blocked(point));
        let verdict = match (spec, book.message(&contact.message.id)) {
            _ if blocked => Some("suppressed"),
            (Some(spec), Some(message)) => {
                let mut ask = book.ask(&self.state.profile, message, now);
                ask.content = contact.content;
                ask.deadline = contact.deadline;
                ask.own = Some(id);
                ask.trigger = Some(&none);
                ask.attempt = Attempt { visit: contact.run.as_ref().map(|run| run.visit), ..Attempt::default() };
                let recheck = || book.policy.recheck(&ask, spec).map(|(_, reason)| reason.rule);
                catch_unwind(AssertUnwindSafe(recheck)).unwrap_or(Some("panicked"))
            }
            _ => Some("no_such_channel"),
        };
        let (doubt, expired, message) = (contact.doubt, now > contact.deadline, contact.message.id.clone());
        let Some(contact) = self.state.profile.contacts.get_mut(id) else { return };
        let Some(rule) = verdict else {
            contact.tries += 1;
            contact.status = Status::InFlight { lease: now + book.lease };
            contact.claims = Some(contact.claims.map_or((now, now), |(first, _)| (first, now)));
            let again = HandedOverAgain {
                id,
                message,
                channel: contact.channel.id.clone(),
                journey: contact.run.as_ref().map(|run| run.journey.clone()),
                number: contact.tries,
            };
            self.out.resend.push(id);
            return self.out.notice(now, What::HandedOverAgain(Box::new(again)));
        };
        // What may have arrived cannot be withdrawn: it stays counted, and is not tried again.
        contact.status = match (doubt, expired) {
            (true, _) => Status::Parked,
            (false, true) => Status::Expired,
            (false, false) => Status::Cancelled,
        };
        let last = contact.claims.map_or(now, |(_, last)| last);
        self.out.release.push(id);
        let what = match (doubt, expired) {
            (true, _) => What::Parked { id },
            (false, true) => What::Expired { id },
            (false, false) => What::Cancelled { id, message, reason: rule.into() },
        };
        self.out.notice(now, what);
        self.uncount(id, doubt);
        self.tell_of(id, if doubt { News::Parked { at: last } } else { News::Refused });
    }

    /// A channel answered, or its time ran out.
    pub(super) fn settled(&mut self, id: IdempotencyKey, result: &Result<(), DeliveryError>) {
        let (now, book) = (self.now, self.book);
        let Some(contact) = self.state.profile.contacts.get_mut(id) else { return };
        // A yes that comes late, after the claim ran out, still stops the next try.
        let late_yes = contact.status.is_queued() && result.is_ok();
        if !late_yes && !matches!(contact.status, Status::InFlight { .. } | Status::Parked) {
            return;
        }
        let wrong = match result {
            Ok(()) => {
                let parked = contact.status == Status::Parked;
                contact.status = Status::Accepted;
                let (_, at) = *contact.claims.get_or_insert((now, now));
                self.out.release.push(id);
                self.out.notice(now, What::Accepted { id });
                // A run that went on when it was parked has heard enough.
                if !parked {
                    self.tell_of(id, News::Accepted { at });
                }
                return;
            }
            Err(_) if contact.status == Status::Parked => return,
            Err(wrong) => wrong,
        };
        let certain = wrong.is_certain();
        contact.doubt |= !certain;
        let spec = book.channel(&contact.channel.id);
        let again = spec.and_then(|spec| {
            let due = now + wrong.after().unwrap_or_else(|| spec.retry.after(contact.tries));
            let in_time = due <= contact.deadline && spec.retry.goes_on(contact.tries);
            let honoured = || {
                let first = contact.claims.map_or(now, |(first, _)| first);
                spec.key_memory.is_some_and(|memory| due < first + memory)
                    || spec.on_unknown(contact.message.class) == OnUnknown::Resend
            };
            (in_time && if contact.doubt { honoured() } else { wrong.retryable() }).then_some(due)
        });
        let (doubt, point) = (contact.doubt, contact.point);
        if let Some(due) = again {
            contact.status = Status::Queued { due };
            if !doubt {
                contact.claims = None;
            }
            self.out.notice(now, What::Retried { id, due });
            return self.tell_of(id, News::Retried { due });
        }
        contact.status = if doubt { Status::Parked } else { Status::Refused };
        let last = contact.claims.map_or(now, |(_, last)| last);
        if wrong.blocks_contact_point() {
            self.block(point, BlockReason::Invalid);
        }
        self.out.release.push(id);
        let what = if doubt { What::Parked { id } } else { What::Failed { id, reason: wrong.to_string() } };
        self.out.notice(now, what);
        self.uncount(id, doubt);
        self.tell_of(id, if doubt { News::Parked { at: last } } else { News::Refused });
    }

    /// A claim comes back unused.
    pub(super) fn given_back(&mut self, id: IdempotencyKey, due: Instant) {
        let now = self.now;
        let Some(contact) = self.state.profile.contacts.get_mut(id) else { return };
        if !matches!(contact.status, Status::InFlight { .. }) {
            return;
        }
        let due = due.max(now);
        contact.tries = contact.tries.saturating_sub(1);
        contact.status = Status::Queued { due };
        if !contact.doubt {
            contact.claims = None;
        }
        self.out.notice(now, What::GivenBack { id, due });
        self.tell_of(id, News::Retried { due });
    }

    /// A hard bounce: the address is no address. The provider had the message, so it keeps its place (promise 7.4).
    pub(super) fn bounced(&mut self, id: IdempotencyKey) {
        let Some(contact) = self.state.profile.contacts.get_mut(id) else { return };
        if !matches!(contact.status, Status::Accepted | Status::Parked) {
            return;
        }
        contact.status = Status::Bounced;
        let point = contact.point;
        self.block(point, BlockReason::HardBounce);
        self.uncount(id, false);
        self.out.notice(self.now, What::Bounced { id });
        self.tell_of(id, News::Bounced);
    }

    fn block(&mut self, point: Option<u64>, reason: BlockReason) {
        let known = self.state.profile.points.iter().find(|known| Some(known.point.hash()) == point);
        if let Some(point) = known.map(|known| known.point.clone()) {
            self.state.profile.points.block(&point, reason);
        }
    }

    /// What certainly did not arrive says nothing about the channel.
    fn uncount(&mut self, id: IdempotencyKey, doubt: bool) {
        let kind = self.state.profile.contacts.get(id).map(|contact| contact.channel.kind.clone());
        if let Some(kind) = kind.filter(|_| !doubt) {
            self.state.profile.update_channel(&kind, |record| record.sent = record.sent.saturating_sub(1));
            self.sending_changed();
        }
    }
}
