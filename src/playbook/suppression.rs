//! The suppression list, as far as the step goes (promise 4.3): what a record finds out is told to every other, and what
//! others found out reaches a record between its claim and the send.

use super::Playbook;
use super::erasure::{serves, welcomes};
use super::input::What;
use super::step::Turn;
use crate::customer::{Block, BlockReason, ConsentRecord, Point, Status, Suppress, Suppression, Word};
use crate::delivery::{Address, Envelope};
use crate::event::{Basis, Event, ReceiptKind, Subscription};
use crate::primitives::{ChannelKind, ContactPoint, IdempotencyKey, Instant, PointHash};

impl Playbook {
    /// By which hash the suppression list knows where an envelope goes; `None` if it goes to no contact point.
    pub fn suppression_key(&self, envelope: &Envelope) -> Option<PointHash> {
        match &envelope.to {
            Address::Point(point) => Some(self.identity.point(&envelope.channel.kind, point)),
            Address::Id(_) => None,
        }
    }

    /// What stops an envelope, given what the suppression list says of its contact point. It is then not sent, and its
    /// record is told by [`Input::Suppressed`](crate::Input::Suppressed): for hosts with a loop of their own.
    pub fn stopped_by(&self, listed: Option<Suppression>, envelope: &Envelope) -> Option<Block> {
        listed?.stops(self.policy.heeds_as(envelope.message.class))
    }
}

impl Turn<'_> {
    /// Nothing goes to a contact point any more, on this record and on every other. A device's token is dropped instead: it
    /// may be given again.
    pub(super) fn reject(&mut self, point: Option<u64>, reason: BlockReason) {
        let Some(point) = point else { return };
        let known = self.state.profile.points.iter().find(|known| known.point.hash() == point).cloned();
        if let Some(known) = known.filter(|known| !known.kind.has_devices()) {
            self.list(&known.kind, &known.point, Suppress::Add(Block { reason, since: self.now }));
        }
        if self.state.profile.points.reject(point, reason, self.now) {
            self.reachability_changed();
        }
    }

    pub(super) fn list(&mut self, kind: &ChannelKind, point: &ContactPoint, what: Suppress) {
        self.out.suppress.extend(self.book.identity.suppression(kind, point, what));
    }

    /// Whoever opts out by a message, or complains of it, opts out of marketing at that contact point, on every record.
    pub(super) fn opted_out(
        &mut self,
        receipt: ReceiptKind,
        word: Option<Word>,
        message: Option<IdempotencyKey>,
        at: Instant,
    ) {
        let what = match (receipt, word) {
            (ReceiptKind::Unsubscribed, _) | (_, Some(Word::Stop)) => {
                Suppress::Add(Block { reason: BlockReason::OptOut, since: at })
            }
            (ReceiptKind::Complained, _) => Suppress::Add(Block { reason: BlockReason::Complaint, since: at }),
            (_, Some(Word::Start)) => Suppress::Allowed(at),
            _ => return,
        };
        let Some((id, contact)) = message.and_then(|id| Some((id, self.state.profile.contacts.get(id)?))) else {
            return;
        };
        let (point, channel) = (contact.point_of(id), contact.channel.kind.clone());
        // A device may be another's tomorrow, who opted out of nothing.
        let known = self.state.profile.points.iter().find(|known| Some(known.point.hash()) == point);
        if let Some(point) = known.filter(|known| !known.kind.has_devices()).map(|known| known.point.clone()) {
            self.list(&channel, &point, what);
        }
    }

    /// The contact points before an event that may give a new one expressly.
    pub(super) fn points_before(&self, event: &Event) -> Option<Vec<u64>> {
        welcomes(event).then(|| self.state.profile.points.iter().map(|known| known.point.hash()).collect())
    }

    /// What a customer gave or allowed expressly, after an erasure or an opt-out, is not suppressed for that any longer.
    pub(super) fn given(&mut self, before: &[u64], event: &Event, at: Instant) {
        let new = |known: &&Point| !before.contains(&known.point.hash());
        let new: Vec<Point> = self.state.profile.points.iter().filter(new).cloned().collect();
        for known in new {
            self.list(&known.kind, &known.point, Suppress::Given(at));
        }
        // What has to be confirmed first, or is implied only, lifts nothing.
        let records = self.state.profile.consents.iter();
        let granted: Vec<_> =
            records.filter(|record| record.grant() == Some(Basis::Express) && record.at == at).collect();
        let stands = |said: &&Subscription| {
            granted.iter().any(|record| record.channel == said.channel && record.topic == said.topic)
        };
        let allowed: Vec<&Subscription> = event.subscriptions.iter().filter(stands).collect();
        for said in allowed {
            match said.point.as_deref().map(str::parse::<ContactPoint>) {
                Some(Ok(point)) => self.list(&said.channel, &point, Suppress::Allowed(at)),
                Some(Err(_)) => {}
                None => {
                    let reached = |known: &&Point| serves(&known.kind, &said.channel);
                    let reached: Vec<Point> = self.state.profile.points.iter().filter(reached).cloned().collect();
                    reached.iter().for_each(|known| self.list(&said.channel, &known.point, Suppress::Allowed(at)));
                }
            }
        }
    }

    /// The contact point of a claimed message is suppressed: nothing was sent. The message gives up its place and is
    /// decided anew.
    pub(super) fn suppressed(&mut self, id: IdempotencyKey, block: Block) {
        let now = self.now;
        let Some(contact) = self.state.profile.contacts.get(id) else { return };
        let Some(mut hand_over) = contact.hand_over(id) else { return };
        let (point, channel) = (contact.point_of(id), contact.channel.kind.clone());
        self.heed(point, channel, block);
        if hand_over.status.due().is_none() {
            return;
        }
        hand_over.tries = hand_over.tries.saturating_sub(1);
        // What may have arrived by an earlier try stays counted, and is not tried again.
        hand_over.status = if hand_over.doubt { Status::Parked } else { Status::Cancelled };
        if !hand_over.doubt {
            hand_over.claims = None;
        }
        self.out.notice(now, What::GivenBack { id, due: now });
        self.put(id, hand_over, "suppressed");
    }

    /// What stands on the list stands on the record from now on.
    fn heed(&mut self, point: Option<u64>, channel: ChannelKind, block: Block) {
        let known = self.state.profile.points.iter().find(|known| Some(known.point.hash()) == point);
        let Some(known) = known.map(|known| known.point.clone()) else { return };
        let profile = &mut self.state.profile;
        match block.reason {
            BlockReason::OptOut | BlockReason::Complaint => {
                // As of now: what the customer allowed here before did not count where the list is concerned.
                let at = self.now.max(block.since);
                let source = Some("suppression_list".into());
                profile.consents.record(ConsentRecord { point, source, ..ConsentRecord::revoked(channel, at) });
            }
            // It is here again once it is given again.
            BlockReason::Erased => profile.points.forget(&known),
            reason => {
                profile.points.block(&known, reason);
            }
        }
        self.reachability_changed();
    }
}
