//! A customer is erased, and what an erased record does with what still comes (promise 2.4).

use std::sync::Arc;

use super::input::{Input, What};
use super::linking::{Asked, TWO_USERS};
use super::step::Turn;
use super::{Identity, Playbook};
use crate::customer::{Block, BlockReason, ConsentRecord, Contact, Profile, Suppress};
use crate::event::{Basis, Event, EventKind, ReceiptKind, Subscription, SubscriptionStatus};
use crate::journey::EndReason;
use crate::primitives::{ChannelKind, ContactPoint, CustomerId, IdentityKey, IdentityKind, Instant, Topic};
use crate::record::{Carried, Cause, CustomerState, Erase, Stage, Standing, Tombstone};

/// Why two records did not become one: the customer of one of them was erased.
pub(super) const ERASED: &str = "erased";

impl Turn<'_> {
    /// The host erases the customer: at once, or as soon as it is settled which records are theirs.
    /// Of what is dated until then nothing is taken afterwards, whatever this record knows of the time.
    pub(super) fn erase(&mut self, named: Option<IdentityKey>, until: Instant) {
        if self.state.awaits() {
            self.out.awaits = true;
            // Whatever settles the links comes later than this.
            self.state.last = self.state.last.max(until);
            return self.awaiting(|awaiting| awaiting.erase = Erase::Asked);
        }
        while let Some(run) = self.state.runs.pop() {
            self.close(run, EndReason::Erased);
        }
        for (segment, _) in &self.book.segments {
            if self.state.profile.memberships.contains(segment.key().hash()) {
                self.out.notice(self.now, What::SegmentLeft { segment: segment.clone() });
            }
        }
        self.end_messages();
        let mut tombstone = tombstone(&self.book.identity, &self.state.profile);
        tombstone.join(Tombstone { users: named.iter().map(|key| key.as_u128()).collect(), strong: Vec::new() });
        // A record that was asked may have become part of this one since, which has seen less of the time.
        let held = self.state.bury(tombstone, self.now.max(until).max(self.state.last));
        self.leave_nothing(&held);
        if !held.is_erased() {
            self.out.notice(self.now, What::Erased);
        }
        // Asked again, they are told again: whoever asks twice may have seen the first time fail.
        self.out.forward.extend(self.state.absorbed.iter().map(|record| (*record, Input::Forget)));
    }

    /// Every decided message comes to an end that is told (promise 10.2).
    fn end_messages(&mut self) {
        let open = self.state.profile.contacts.iter().filter(|contact| contact.due().is_some());
        let ends: Vec<What> = open
            .map(|contact| match contact.status.is_queued() && !contact.doubt {
                true => {
                    let message = contact.message.id.clone();
                    What::Cancelled { id: contact.id, message, reason: ERASED.into() }
                }
                // What its channel will answer nobody hears.
                false => What::Parked { id: contact.id },
            })
            .collect();
        ends.into_iter().for_each(|what| self.out.notice(self.now, what));
    }

    /// An event tells that this is the record of a customer who was erased: of one more device, or from before the shop knew
    /// who it was. A user's it is only by the shop's own word.
    pub(super) fn erase_visitor(&mut self, until: Instant) {
        if self.state.profile.user_id.is_some() || self.state.is_erased() {
            return;
        }
        if self.state.awaits() {
            self.out.awaits = true;
            self.state.last = self.state.last.max(until);
            return self.awaiting(|awaiting| awaiting.erase = awaiting.erase.max(Erase::Visitor));
        }
        self.erase(None, until);
    }

    /// What is left outside of the record: payloads are forgotten, contact points are not reached on any record.
    fn leave_nothing(&mut self, held: &CustomerState) {
        let envelopes = held.profile.contacts.iter().flat_map(Contact::envelopes);
        self.out.release.extend(envelopes.map(|(id, _)| id));
        self.out.release.extend(held.runs.iter().filter_map(|run| run.calling.as_ref()).map(|calling| calling.id));
        let kept: Vec<(ChannelKind, Instant)> = {
            let whole = self.state.profile.consents.iter().filter(|said| said.topic.is_none());
            whole.map(|said| (said.channel.clone(), said.at)).collect()
        };
        for known in held.profile.points.iter() {
            let erased = Block { reason: BlockReason::Erased, since: self.now };
            self.list(&known.kind, &known.point, Suppress::Add(erased));
            for (channel, since) in kept.iter().filter(|(channel, _)| serves(&known.kind, channel)) {
                let opted_out = Block { reason: BlockReason::OptOut, since: *since };
                self.list(channel, &known.point, Suppress::Add(opted_out));
            }
        }
    }

    /// The content of another record reaches one that was erased meanwhile: it is the customer's as well.
    pub(super) fn erase_sealed(&mut self, sealed: &CustomerState, then: &Carried) {
        let now = self.now;
        let mut found = tombstone(&self.book.identity, &sealed.profile);
        self.state.profile.consents.absorb(sealed.profile.consents.opt_outs(), now);
        self.state.absorbed.push(sealed.profile.id);
        self.state.absorbed.extend(&sealed.absorbed);
        if let Stage::Erased(known) = &mut self.state.stage {
            found.join(std::mem::take(known));
            **known = found;
        }
        self.leave_nothing(sealed);
        let records = [sealed.profile.id].into_iter().chain(sealed.absorbed.iter().copied());
        self.out.forward.extend(records.map(|record| (record, Input::Forget)));
        if let Some(event) = &then.event {
            self.takes(event);
        }
    }

    /// Whether the record takes an event as far as erasures go. An erased one that does is open from then on: a new, empty
    /// record with the opt-outs that were kept.
    pub(super) fn takes(&mut self, event: &Event) -> bool {
        let erased = self.state.is_erased();
        let at = event.timestamp.unwrap_or(self.now);
        // What has no date may come out of a restored queue.
        let dated = event.timestamp.is_some() || !erased;
        if at <= self.state.erased || !dated || (erased && !welcomes(event)) {
            self.keep_opt_outs(event, at.min(self.now));
            return false;
        }
        if erased {
            self.state.reopen(self.now);
        }
        true
    }

    fn is_from_before(&self, event: &Event) -> bool {
        event.timestamp.is_some_and(|at| at <= self.state.erased)
    }

    /// Whether a link of this record may be followed, as far as erasures go.
    pub(super) fn may_link(&mut self, with: CustomerId, then: &Carried) -> bool {
        match &then.event {
            Some(event) if !self.takes(event) => {
                if self.is_from_before(event) {
                    let until = self.state.erased;
                    let others = [with].into_iter().chain(then.further.iter().copied());
                    self.out.forward.extend(others.map(|record| (record, Input::EraseVisitor { until })));
                }
                false
            }
            Some(_) => true,
            None if self.state.is_erased() => {
                self.out.notice(self.now, What::MergeRefused { record: with, reason: ERASED });
                false
            }
            None => true,
        }
    }

    /// Why this record may not become one with another that asks, if an erasure is the reason. The asking record keeps the
    /// event; but if the link was found before the erasure, its customer is the one who was erased.
    pub(super) fn bars(&mut self, asked: &Asked<'_>, then: &Carried) -> Option<&'static str> {
        if self.is_another_user(asked.standing, then.cause) {
            return Some(TWO_USERS);
        }
        if asked.begun <= self.state.erased {
            self.out.forward.push((asked.into, Input::Erase { named: None, until: self.state.erased }));
            return Some(ERASED);
        }
        match &then.event {
            Some(event) if !self.takes(event) => {
                if self.is_from_before(event) {
                    self.out.forward.push((asked.into, Input::EraseVisitor { until: self.state.erased }));
                }
                Some(ERASED)
            }
            None if self.state.is_erased() => Some(ERASED),
            _ => None,
        }
    }

    fn is_another_user(&self, other: &Standing, cause: Cause) -> bool {
        let Stage::Erased(tombstone) = &self.state.stage else {
            return cause == Cause::Event && self.state.standing().is_another_user(other);
        };
        let ours =
            |user: &Arc<str>| tombstone.users.contains(&self.book.identity.key(IdentityKind::User, user).as_u128());
        cause == Cause::Event && !tombstone.users.is_empty() && !other.users.is_empty() && !other.users.iter().any(ours)
    }

    /// Of what is not taken the opt-outs count all the same.
    fn keep_opt_outs(&mut self, event: &Event, at: Instant) {
        let gone = |said: &&crate::event::Subscription| said.status == SubscriptionStatus::Unsubscribed;
        for said in event.subscriptions.iter().filter(gone) {
            self.revoke(said.channel.clone(), said.topic.clone(), at);
            let point = said.point.as_deref().and_then(|point| point.parse::<ContactPoint>().ok());
            if let Some(point) = point.filter(|_| said.topic.is_none()) {
                let block = Block { reason: BlockReason::OptOut, since: at };
                self.list(&said.channel, &point, Suppress::Add(block));
            }
        }
        if let Some(receipt) = &event.receipt
            && matches!(receipt.kind, ReceiptKind::Unsubscribed | ReceiptKind::Complained)
        {
            self.revoke(receipt.channel.clone(), None, at);
        }
        self.out.notice(self.now, What::AfterErasure);
    }

    fn revoke(&mut self, channel: ChannelKind, topic: Option<Topic>, at: Instant) {
        let revocation = ConsentRecord { topic, ..ConsentRecord::revoked(channel, at) };
        self.state.profile.consents.record(revocation);
    }
}

impl Playbook {
    /// Whether an event that reached an erased record is another user's: a shared device. A strong identifier of the
    /// erased customer says that it is the same person under a new id.
    pub(super) fn is_strange_to(&self, tombstone: &Tombstone, event: &Event) -> bool {
        let Some(user) = event.user_id.as_deref() else { return false };
        let named = self.identity.key(IdentityKind::User, user).as_u128();
        let strong = || self.identity.keys(event).any(|key| tombstone.strong.contains(&key.as_u128()));
        !tombstone.users.is_empty() && !tombstone.users.contains(&named) && !strong()
    }
}

/// Whether an event is an `identify` or an express consent: what brings an erased customer back if it is dated after the
/// erasure.
pub(super) fn welcomes(event: &Event) -> bool {
    let express = |said: &Subscription| match said.status {
        SubscriptionStatus::Subscribed => said.basis == Basis::Express,
        SubscriptionStatus::Confirmed => true,
        _ => false,
    };
    event.kind == EventKind::Identify || event.subscriptions.iter().any(express)
}

/// Whether a point of one kind is reached by channels of another: a phone number serves SMS and WhatsApp alike.
pub(super) fn serves(point: &ChannelKind, channel: &ChannelKind) -> bool {
    point == channel || (*point == ChannelKind::Sms && *channel == ChannelKind::WhatsApp)
}

/// What an erased record will know its customer by.
fn tombstone(identity: &Identity, profile: &Profile) -> Tombstone {
    let users = profile.user_id.iter().chain(&profile.aliases);
    let users = users.map(|user| identity.key(IdentityKind::User, user).as_u128()).collect();
    let said = identity
        .strong_names()
        .filter_map(|name| identity.strong_key(name, &profile.attributes.get(name)?.value.to_value()));
    let points = profile.points.iter().filter_map(|known| {
        let name = match known.kind {
            ChannelKind::Email => "email",
            ChannelKind::Sms => "phone",
            _ => return None,
        };
        let name = identity.strong_names().find(|strong| strong.as_str() == name)?;
        identity.strong_key(name, &known.point.as_str().into())
    });
    let mut strong: Vec<u128> = said.chain(points).map(|key| key.as_u128()).collect();
    strong.sort_unstable();
    strong.dedup();
    Tombstone { users, strong }
}
