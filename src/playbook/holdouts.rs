//! Holdouts: arms drawn once, and messages that are held out of them (promise 6.10).

use std::sync::Arc;

use super::Playbook;
use super::input::{HeldOut, What};
use super::messages::{EnvelopeName, RECEIPTS_LATE, Wanted};
use super::runs::visit_of;
use super::step::Turn;
use crate::customer::{Arm, Arms, ChannelTag, Contact, ContentKey, Customer, MessageClass, RunRef, SentTo, Status};
use crate::delivery::Address;
use crate::journey::{Journey, News};
use crate::message::Message;
use crate::policy::{HeldOutBy, Holdout, wished_reach};
use crate::primitives::Instant;

impl Playbook {
    /// By what a customer outside of any run is held out: the record's arm, else the one that it would be drawn to.
    pub(super) fn held_out(&self, who: &dyn Customer) -> Option<HeldOutBy> {
        let holdout = self.policy.holdout()?;
        let kept = who.as_profile().and_then(|profile| profile.arms.of(holdout.key())).map(|drawn| drawn.arm);
        let arm = kept.unwrap_or_else(|| holdout.draw(who.id()));
        (arm == Arm::HeldOut).then_some(HeldOutBy::Global)
    }
}

impl Turn<'_> {
    /// The arm that a run of a journey begins in; who was not drawn yet is drawn now.
    pub(super) fn arm_at_begin(&mut self, journey: &dyn Journey) -> Option<Arm> {
        let holdouts = [self.book.policy.holdout(), journey.holdout()];
        // Whoever is held out of anything is held out.
        holdouts.into_iter().flatten().map(|holdout| self.draw(holdout)).min()
    }

    fn draw(&mut self, holdout: &Holdout) -> Arm {
        let profile = &mut self.state.profile;
        let customer = profile.id;
        profile.arms.draw(holdout.key(), self.now, || holdout.draw(customer)).arm
    }

    /// By what a run's message is held out: marketing only.
    pub(super) fn held_out(&mut self, run: u64, message: &Message) -> Option<HeldOutBy> {
        let marketing = message.tag.class == MessageClass::Marketing;
        if marketing { self.holds_out(run) } else { None }
    }

    /// By what a run is held out; who was not drawn yet, because the run is older than the holdout, is drawn now.
    pub(super) fn holds_out(&mut self, run: u64) -> Option<HeldOutBy> {
        let run = self.state.runs.iter().find(|known| known.id == run)?;
        let (began_held_out, journey) = (run.arm == Some(Arm::HeldOut), self.journey(run));
        let global = self.book.policy.holdout().map(|holdout| self.draw(holdout));
        let of_journey = journey.and_then(|journey| journey.holdout()).map(|holdout| self.draw(holdout));
        by(global, of_journey, began_held_out)
    }

    /// The same for a message that was claimed before: by the arms that are drawn.
    pub(super) fn held_out_at_claim(&self, contact: &Contact) -> Option<HeldOutBy> {
        let (book, arms) = (self.book, &self.state.profile.arms);
        let asked = contact.run.as_ref();
        let run = asked.and_then(|asked| self.state.runs.iter().find(|run| run.id == asked.run));
        let of = |holdout: &Holdout| arms.of(holdout.key()).map(|drawn| drawn.arm);
        let of_journey = run.and_then(|run| self.journey(run)).and_then(|journey| journey.holdout()).and_then(of);
        let began_held_out = run.is_some_and(|run| run.arm == Some(Arm::HeldOut));
        by(book.policy.holdout().and_then(of), of_journey, began_held_out)
    }

    /// Notes that a message would have been sent, and goes on as if it had been accepted and nobody engaged: it takes no
    /// place in caps, holds no content key and hands nothing over.
    pub(super) fn hold_out(&mut self, wanted: Wanted, message: &Message, would: WouldSend<'_>) {
        let now = self.now;
        let Some(run) = self.state.runs.iter().find(|run| run.id == wanted.run) else { return };
        let step = self.journey(run).map_or("", |journey| journey.step_name(run.place.step));
        let attempt = run.place.attempt + 1;
        let asked = RunRef { journey: run.journey.clone(), run: run.id, visit: visit_of(run) };
        let nowhere = Address::Id("".into());
        let name = EnvelopeName { run: Some(run), step, attempt, channel: &would.channel.id };
        let id = self.key(&name, &nowhere, |id| self.state.profile.contacts.get(id).is_some());
        let held_out = HeldOut {
            id,
            message: message.tag.id.clone(),
            channel: would.channel.id.clone(),
            journey: run.journey.clone(),
            step: step.into(),
            attempt,
            by: would.by,
        };
        let keep = self.book.index.contacts.max(RECEIPTS_LATE).max(wished_reach(&self.state.profile));
        let contacts = &mut self.state.profile.contacts;
        contacts.trim(now, keep);
        contacts.push(Contact {
            id,
            message: message.tag.clone(),
            channel: would.channel.clone(),
            content: would.content,
            run: Some(asked),
            to: SentTo::Id,
            decided: now,
            deadline: would.deadline,
            tries: 0,
            doubt: false,
            claims: None,
            status: Status::HeldOut,
            engaged: None,
            cascading: false,
        });
        if let Some(run) = self.state.runs.iter_mut().find(|run| run.id == wanted.run) {
            run.sent += 1;
            run.pending = None;
        }
        self.out.notice(now, What::HeldOut(Box::new(held_out)));
        self.news(wanted.run, &News::HandedOver { channel: &would.channel.id, at: now });
        self.tell_of(id, News::Accepted { at: now });
    }

    /// Tells of the holdouts in which a merge mixed the arms of two records.
    pub(super) fn tell_mixed(&mut self, before: &Arms) {
        let mixed = |arms: &Arms, of: u64| arms.of(of).is_some_and(|drawn| drawn.mixed);
        let arms = &self.state.profile.arms;
        let newly = arms.iter().filter(|drawn| drawn.mixed && !mixed(before, drawn.of)).map(|drawn| drawn.of);
        for of in newly.collect::<Vec<u64>>() {
            let global = self.book.policy.holdout().is_some_and(|holdout| holdout.key() == of);
            let journey = self.book.journeys().map(Journey::id).find(|id| id.key().hash() == of).cloned();
            // What a former playbook drew is of no use to anybody.
            if global || journey.is_some() {
                self.out.notice(self.now, What::ArmsMixed { journey });
            }
        }
    }
}

/// What would have been sent.
pub(super) struct WouldSend<'a> {
    pub(super) channel: &'a Arc<ChannelTag>,
    pub(super) by: HeldOutBy,
    pub(super) content: ContentKey,
    pub(super) deadline: Instant,
}

fn by(global: Option<Arm>, of_journey: Option<Arm>, began: bool) -> Option<HeldOutBy> {
    match (global, of_journey) {
        (Some(Arm::HeldOut), _) => Some(HeldOutBy::Global),
        (_, Some(Arm::HeldOut)) => Some(HeldOutBy::Journey),
        _ => began.then_some(HeldOutBy::Run),
    }
}
