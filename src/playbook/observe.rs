//! An event reaches a record: what it says of the customer, of a message, and of the world.

use std::sync::Arc;

use super::index::reading;
use super::input::What;
use super::step::{Turn, Upto};
use crate::customer::{Contact, DeviceRecord, Engagement, Recorded, Status, Word};
use crate::event::{Event, Receipt, ReceiptKind, ReceiptTarget};
use crate::journey::{News, Signal};
use crate::policy::LocalTimes;
use crate::primitives::zone::Zone;
use crate::primitives::{ChannelKind, ContactPoint, DeviceKind, IdempotencyKey, Instant, Key};

impl Turn<'_> {
    pub(super) fn event(&mut self, event: &Arc<Event>) {
        if self.state.erased > Instant::MIN && !self.takes(event) {
            return;
        }
        if let Some(id) = &event.id
            && !self.state.profile.events_seen.take(id, self.now, self.book.horizon)
        {
            self.out.duplicate = true;
            return;
        }
        self.reclassify();
        let said = event.timestamp.unwrap_or(self.now);
        let at = said.min(self.now);
        if said > self.now {
            self.out.notice(self.now, What::Clamped);
        }
        // A new record, or one made of two, is evaluated as a whole once the event is in.
        let fresh = self.state.segments_due == Instant::MIN;
        if fresh {
            self.state.segments_due = Instant::MAX;
        }
        let history_only = self.now - at > self.book.horizon;
        if history_only {
            self.out.notice(self.now, What::TooOld);
        } else {
            self.fire_due(at, Upto::Excluding);
        }
        let book = self.book;
        let names = &book.index.names;
        let points = self.points_before(event);
        let mut observed = self.state.profile.observe(event, at, |key| names.get(&key.hash()).unwrap_or(key).clone());
        observed.derived = self.state.profile.figures.observe(event, at, &book.figures, book.currency);
        observed.reachability |= self.state.profile.take_consent(event, at, &book.consent);
        let plan = book.index.events.get(&event.name.hash());
        let mut recorded = Recorded::First;
        if let Some(plan) = plan
            && plan.keep != crate::primitives::Keep::default()
        {
            let property = |key: &crate::primitives::Key| event.properties.get(key);
            let name = names.get(&event.name.hash()).unwrap_or(&event.name);
            recorded = self.state.profile.history.record(name, at, &plan.columns, property, plan.keep, self.now);
        }
        let handle = self.handles(event, at);
        if let Some(before) = points.filter(|_| event.timestamp.is_some()) {
            self.given(&before, event, at);
        }
        let engaged = match &event.receipt {
            Some(receipt) => self.receipt(receipt, event, at),
            None => false,
        };
        let reachable = observed.reachability || engaged || handle;
        let changes = if fresh {
            self.reassess_all()
        } else {
            let readers = plan.map(|plan| plan.segments.as_slice()).unwrap_or_default();
            self.reassess(readers, recorded, &observed, reachable)
        };
        if !fresh {
            self.move_timers(&observed);
        }
        if history_only {
            return;
        }
        for change in &changes {
            self.signal_runs(change.journeys, &change.signal());
        }
        if observed.place {
            self.signal_all(&Signal::Moved);
        }
        if let Some(plan) = plan {
            self.signal_runs(&plan.journeys, &Signal::Event { event, at });
        }
        // Rules of runs read more than events: what changed reaches those that read it.
        if !self.state.runs.is_empty() {
            let mut readers: Vec<u16> = Vec::new();
            for hash in &observed.attributes {
                readers.extend(book.index.attribute_journeys.get(hash).into_iter().flatten());
            }
            if reachable || observed.identified {
                readers.extend_from_slice(&book.index.reachability_journeys);
            }
            readers.extend(reading(&book.index.derived_journeys, observed.derived));
            readers.sort_unstable();
            readers.dedup();
            readers.retain(|position| !plan.is_some_and(|plan| plan.journeys.contains(position)));
            self.signal_runs(&readers, &Signal::Event { event, at });
        }
        for change in &changes {
            self.enter(change.journeys, &change.signal(), event.id.as_deref());
        }
        if let Some(plan) = plan {
            self.enter(&plan.journeys, &Signal::Event { event, at }, event.id.as_deref());
        }
    }

    /// Takes the contact points of channels that only the playbook knows; says whether there were any.
    fn handles(&mut self, event: &Event, at: Instant) -> bool {
        let mut found = false;
        for name in &self.book.index.handles {
            let text = event.traits.get(name).and_then(crate::primitives::Value::as_str);
            if let Some(Ok(point)) = text.map(ContactPoint::token) {
                self.state.profile.points.add(ChannelKind::Other(name.clone()), point, None, at);
                found = true;
            }
        }
        found
    }

    /// Takes a receipt; says whether it changed what is known of engagement or reachability.
    fn receipt(&mut self, receipt: &Receipt, event: &Event, at: Instant) -> bool {
        if receipt.kind == ReceiptKind::Unsubscribed || receipt.kind == ReceiptKind::Complained {
            self.state.profile.opt_out_by(event, receipt.channel.clone(), at);
        }
        let word = self.book.consent.word(event);
        if let Some(word) = word {
            self.state.profile.take_word(word, event, receipt.channel.clone(), at);
        }
        // Who asks to be left alone has not engaged.
        let stops = word == Some(Word::Stop);
        let contacts = &self.state.profile.contacts;
        let found = match &receipt.target {
            ReceiptTarget::Envelope(id) => contacts.get(*id),
            ReceiptTarget::Content(text) => {
                let content = crate::customer::ContentKey::new(text);
                contacts.latest(at, |contact| contact.content == content && contact.channel.kind == receipt.channel)
            }
            ReceiptTarget::Latest => contacts.latest(at, |contact| contact.channel.kind == receipt.channel),
        };
        let found = found.and_then(|contact| envelope_of(contact, receipt, event));
        self.opted_out(receipt.kind, word, found, at);
        let Some(id) = found else {
            self.out.notice(self.now, What::StrayReceipt { receipt: receipt.kind });
            return true;
        };
        let engages =
            matches!(receipt.kind, ReceiptKind::Opened | ReceiptKind::Clicked | ReceiptKind::Replied) && !stops;
        if engages {
            let known = self.state.profile.contacts.get(id).and_then(|contact| contact.engaged);
            // A provider's receipt does not tell; the token to which the message went does.
            let said = event.device.as_ref().and_then(|device| device.kind.clone());
            let device = said.or_else(|| self.device_of(id));
            if known.is_none() {
                self.habit(device.as_ref(), at);
            }
            let clicked = receipt.kind == ReceiptKind::Clicked && known.is_none_or(|(how, _)| how < Engagement::Click);
            if let Some(device) = device.filter(|_| clicked) {
                let clicked = DeviceRecord { clicked: 1, ..DeviceRecord::default() };
                self.state.profile.figures.on_device(device.as_str(), clicked);
            }
        }
        let taken = receipt.kind != ReceiptKind::SoftBounced;
        let known = self.state.profile.contacts.get(id).and_then(|contact| contact.hand_over(id));
        if taken && known.is_some_and(|known| known.status.due().is_some()) {
            // What was opened or came back had been taken, whatever the channel's answer will be.
            self.settled(id, &Ok(()));
        }
        match receipt.kind {
            ReceiptKind::Opened => self.engaged(id, Engagement::Open, at),
            ReceiptKind::Clicked => self.engaged(id, Engagement::Click, at),
            ReceiptKind::Replied if !stops => self.engaged(id, Engagement::Reply, at),
            ReceiptKind::Bounced => self.bounced(id),
            ReceiptKind::Shown => {
                // What is shown when the customer comes counts from then (promise 7.1).
                if let Some(contact) = self.state.profile.contacts.get_mut(id)
                    && let Some((_, last)) = &mut contact.claims
                {
                    *last = (*last).max(at);
                }
            }
            _ => {}
        }
        true
    }

    /// Remembers at which hour of the customer's day, and on which device, a message was first engaged with.
    fn habit(&mut self, device: Option<&DeviceKind>, at: Instant) {
        let local = LocalTimes::of(&self.state.profile, self.book.policy.zone());
        let zone = local.zones().first().copied().unwrap_or(Zone::UTC);
        let hour = zone.local(at).time.as_millis() / 3_600_000;
        let device = device.map(DeviceKind::as_str);
        self.state.profile.figures.engaged(u8::try_from(hour).unwrap_or_default(), device);
    }

    /// The kind of the device to which an envelope went, as far as that is known.
    pub(super) fn device_of(&self, id: IdempotencyKey) -> Option<DeviceKind> {
        let profile = &self.state.profile;
        let contact = profile.contacts.get(id)?;
        let point = profile.points.find(&contact.channel.kind, contact.point_of(id)?)?;
        point.device.as_ref()?.kind.clone()
    }

    /// Counts the first engagement with a message, and tells the run each time.
    pub(super) fn engaged(&mut self, id: IdempotencyKey, how: Engagement, at: Instant) {
        let Some(contact) = self.state.profile.contacts.get_mut(id) else { return };
        let first = contact.engaged.is_none();
        // The strongest engagement stands: who clicked has also opened.
        let (known, since) = contact.engaged.unwrap_or((how, at));
        contact.engaged = Some((known.max(how), since.min(at)));
        let (kind, run, of) = (contact.channel.kind.clone(), contact.run.clone(), contact.id);
        if let Some(point) = contact.point_of(id) {
            self.state.profile.points.refresh(point, at);
        }
        // Whoever has seen it needs it on no further device.
        self.try_no_more(|contact| contact.id == of && contact.copies().next().is_some());
        let left = self.withdraw_queued(|contact| contact.id == of && contact.status == Status::Accepted, "engaged");
        left.into_iter().for_each(|(of, news)| self.tell_of(of, news));
        if first {
            self.state.profile.update_channel(&kind, |record| {
                record.engaged += 1;
                record.last_engaged = record.last_engaged.max(Some(at));
            });
        }
        self.out.notice(self.now, What::Engaged { id: of, how });
        if let Some(run) = run {
            self.tell(&run, &Signal::Message(News::Engaged { how, at }));
        }
    }
}

/// Which envelope of a message a receipt is about: the one that it names, or the one to the device that it came from, or
/// the only one. Of several, engagement is with the message; what came back must not be taken for another device's.
fn envelope_of(contact: &Contact, receipt: &Receipt, event: &Event) -> Option<IdempotencyKey> {
    if let ReceiptTarget::Envelope(id) = receipt.target {
        return Some(id);
    }
    let token = event.device.as_ref().and_then(|device| device.token.as_deref()).map(Key::hash_of);
    let by_device = contact.copies().find(|copy| Some(copy.point) == token).map(|copy| copy.id);
    let several = contact.copies().nth(1).is_some();
    by_device.or_else(|| (!several || receipt.kind != ReceiptKind::Bounced).then_some(contact.id))
}
