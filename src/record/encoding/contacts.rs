//! What a customer got.

use std::sync::Arc;

use super::read::{Reader, Result};
use super::write::Writer;
use crate::customer::{
    ChannelTag, Contact, ContactLog, ContentKey, Copies, DeviceCopy, HandOver, MessageClass, MessageTag, RunRef,
    SentTo, Status,
};
use crate::primitives::{ChannelId, IdempotencyKey, Instant, MessageId, Topic};

fn status_code(status: Status) -> u8 {
    match status {
        Status::Queued { .. } => 0,
        Status::InFlight { .. } => 1,
        Status::Accepted => 2,
        Status::Refused => 3,
        Status::Parked => 4,
        Status::Cancelled => 5,
        Status::Expired => 6,
        Status::HeldOut => 7,
        Status::Bounced => 8,
    }
}

impl<'a> Writer<'a> {
    pub(super) fn contacts(&mut self, contacts: &'a ContactLog) {
        self.count(contacts.len());
        contacts.iter().for_each(|contact| self.contact(contact));
    }

    fn contact(&mut self, contact: &'a Contact) {
        self.flags([
            contact.run.is_some(),
            matches!(contact.to, SentTo::Point(_)),
            contact.claims.is_some(),
            contact.engaged.is_some(),
            contact.doubt,
            contact.cascading,
            matches!(contact.to, SentTo::Devices(_)),
        ]);
        self.byte(status_code(contact.status));
        self.raw(&contact.id.as_u128().to_be_bytes());
        self.message(&contact.message);
        self.channel(&contact.channel);
        // Most messages say the same each time.
        self.hash(contact.content.as_u64());
        if let Some(run) = &contact.run {
            self.text(run.journey.as_str());
            self.hash(run.run);
            self.hash(run.visit);
        }
        if let SentTo::Point(point) = contact.to {
            self.hash(point);
        }
        self.instant(contact.decided);
        self.instant(contact.deadline);
        self.number(contact.tries);
        self.claims(contact.claims);
        contact.status.due().into_iter().for_each(|at| self.instant(at));
        if let Some((how, at)) = contact.engaged {
            self.code(how);
            self.instant(at);
        }
        if let SentTo::Devices(copies) = &contact.to {
            self.count(copies.iter().len());
            copies.iter().for_each(|copy| self.copy(copy));
        }
    }

    fn copy(&mut self, copy: &DeviceCopy) {
        let HandOver { tries, doubt, claims, status } = copy.hand_over;
        self.flags([claims.is_some(), doubt]);
        self.byte(status_code(status));
        self.raw(&copy.id.as_u128().to_be_bytes());
        self.hash(copy.point);
        self.number(tries);
        self.claims(claims);
        status.due().into_iter().for_each(|at| self.instant(at));
    }

    fn claims(&mut self, claims: Option<(Instant, Instant)>) {
        if let Some((first, last)) = claims {
            self.instant(first);
            self.instant(last);
        }
    }

    fn message(&mut self, tag: &'a MessageTag) {
        if let Some(at) = self.messages.iter().position(|known| *known == tag) {
            return self.count(at + 1);
        }
        self.messages.push(tag);
        self.count(0);
        self.text(tag.id.as_str());
        self.text(tag.topic.as_str());
        let transactional = match tag.class {
            MessageClass::Marketing => false,
            MessageClass::Transactional => true,
        };
        self.flags([transactional, tag.counts]);
        self.span(tag.dedupe);
    }

    fn channel(&mut self, tag: &'a ChannelTag) {
        if let Some(at) = self.channels.iter().position(|known| *known == tag) {
            return self.count(at + 1);
        }
        self.channels.push(tag);
        self.count(0);
        self.text(tag.id.as_str());
        self.kind(&tag.kind);
    }
}

impl Reader<'_> {
    pub(super) fn contacts(&mut self) -> Result<ContactLog> {
        Ok(ContactLog::from_list(self.list(24, Self::contact)?))
    }

    fn contact(&mut self) -> Result<Contact> {
        let [run, point, claims, engaged, doubt, cascading, devices] = self.flags()?;
        let status_at = self.at();
        let status = self.byte()?;
        let id = IdempotencyKey::from_u128(u128::from_be_bytes(self.array()?));
        let (message, channel) = (self.message()?, self.channel()?);
        let content = ContentKey::from_u64(self.hash()?);
        let run =
            if run { Some(RunRef { journey: self.journey()?, run: self.hash()?, visit: self.hash()? }) } else { None };
        let to = if point { SentTo::Point(self.hash()?) } else { SentTo::Id };
        let mut contact = Contact {
            id,
            message,
            channel,
            content,
            run,
            to,
            decided: self.instant()?,
            deadline: self.instant()?,
            tries: self.number()?,
            doubt,
            claims: if claims { Some((self.instant()?, self.instant()?)) } else { None },
            status: self.status(status_at, status)?,
            engaged: if engaged { Some((self.code()?, self.instant()?)) } else { None },
            cascading,
        };
        if devices {
            let at = self.at();
            match Copies::new(self.list(20, Self::copy)?) {
                Some(copies) if !point => contact.to = SentTo::Devices(Box::new(copies)),
                _ => return self.expected(at, "one contact point, or devices"),
            }
        }
        Ok(contact)
    }

    fn copy(&mut self) -> Result<DeviceCopy> {
        let [claims, doubt] = self.flags()?;
        let status_at = self.at();
        let status = self.byte()?;
        let id = IdempotencyKey::from_u128(u128::from_be_bytes(self.array()?));
        let (point, tries) = (self.hash()?, self.number()?);
        let claims = if claims { Some((self.instant()?, self.instant()?)) } else { None };
        Ok(DeviceCopy {
            id,
            point,
            hand_over: HandOver { tries, doubt, claims, status: self.status(status_at, status)? },
        })
    }

    fn status(&mut self, at: usize, code: u8) -> Result<Status> {
        Ok(match code {
            0 => Status::Queued { due: self.instant()? },
            1 => Status::InFlight { lease: self.instant()? },
            2 => Status::Accepted,
            3 => Status::Refused,
            4 => Status::Parked,
            5 => Status::Cancelled,
            6 => Status::Expired,
            7 => Status::HeldOut,
            8 => Status::Bounced,
            _ => return self.expected(at, "the status of a message"),
        })
    }

    fn message(&mut self) -> Result<Arc<MessageTag>> {
        let at = self.at();
        let number: usize = self.number()?;
        if let Some(index) = number.checked_sub(1) {
            let known = self.messages.get(index).cloned();
            return known.map_or_else(|| self.expected(at, "a message that was written before"), Ok);
        }
        let (id, topic) = (MessageId::new(self.text()?), Topic::new(self.text()?));
        let [transactional, counts] = self.flags()?;
        let class = if transactional { MessageClass::Transactional } else { MessageClass::Marketing };
        let tag = MessageTag { id, topic, class, counts, dedupe: self.span()? };
        let shared = self.names().message(&tag.id).filter(|shared| **shared == tag);
        let tag = shared.unwrap_or_else(|| Arc::new(tag));
        self.messages.push(tag.clone());
        Ok(tag)
    }

    fn channel(&mut self) -> Result<Arc<ChannelTag>> {
        let at = self.at();
        let number: usize = self.number()?;
        if let Some(index) = number.checked_sub(1) {
            let known = self.channels.get(index).cloned();
            return known.map_or_else(|| self.expected(at, "a channel that was written before"), Ok);
        }
        let tag = ChannelTag { id: ChannelId::new(self.text()?), kind: self.kind()? };
        let shared = self.names().channel(&tag.id).filter(|shared| **shared == tag);
        let tag = shared.unwrap_or_else(|| Arc::new(tag));
        self.channels.push(tag.clone());
        Ok(tag)
    }
}
