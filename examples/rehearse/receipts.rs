//! What the channels of the demo answer: generated receipts, drawn from each made-up person's hidden tastes.

use throughline::{
    Accepted, ChannelKind, ChannelModel, DeliveryError, Envelope, Event, Instant, MessageClass, Modelled, Span,
};

use crate::generator::{Person, Rng};

/// Stands for all channels of the demo.
pub struct GeneratedReceipts {
    seed: u64,
}

impl GeneratedReceipts {
    pub fn new(seed: u64) -> Self {
        GeneratedReceipts { seed }
    }
}

impl ChannelModel for GeneratedReceipts {
    fn send(&mut self, envelope: &Envelope, now: Instant) -> Modelled {
        let accepted = |receipts| Modelled { result: Ok(Accepted::default()), receipts };
        let Some(number) = Person::number_of(envelope.address()) else { return accepted(Vec::new()) };
        let person = Person::new(self.seed, number);
        // Of this hand-over alone: what another customer gets changes nothing here.
        let id = envelope.id.as_u128();
        let mut rng = Rng::keyed(&[self.seed, id as u64, (id >> 64) as u64, now.as_millis() as u64]);
        if rng.per_mille(8) {
            return Modelled { result: Err(DeliveryError::transient("try again")), receipts: Vec::new() };
        }
        let mut receipts = Receipts { envelope, number, all: Vec::new() };
        let marketing = envelope.message.class == MessageClass::Marketing;
        let reacts = person.reacts;
        match &envelope.channel.kind {
            ChannelKind::Email if person.dead_mailbox => {
                receipts.add(Span::seconds(40), "Email Bounced");
            }
            ChannelKind::Email => {
                receipts.add(Span::seconds(rng.between(1, 60)), "Email Delivered");
                if rng.per_mille(60) {
                    receipts.add_machine_open(Span::seconds(rng.between(2, 20)));
                }
                if rng.per_mille(reacts.email) {
                    let opened = Span::minutes(rng.between(4, 30 * 60));
                    receipts.add(opened, "Email Opened");
                    let soon = later(opened, &mut rng);
                    match rng.below(1_000) {
                        0..220 => receipts.add(soon, "Email Link Clicked"),
                        220..235 if marketing => receipts.add(soon, "Email Unsubscribed"),
                        235..237 if marketing => receipts.add(soon, "Email Marked as Spam"),
                        _ => {}
                    }
                }
            }
            ChannelKind::Push if person.dead_token => {
                let wrong = DeliveryError::invalid_contact_point("the app is gone");
                return Modelled { result: Err(wrong), receipts: Vec::new() };
            }
            ChannelKind::Push => {
                let looks = rng.per_mille(reacts.push);
                receipts.add_if(looks, Span::minutes(rng.between(1, 8 * 60)), "Push Opened");
            }
            ChannelKind::WebPush => {
                let looks = rng.per_mille(reacts.web_push);
                receipts.add_if(looks, Span::minutes(rng.between(1, 24 * 60)), "Web Push Clicked");
            }
            ChannelKind::Sms => {
                receipts.add(Span::seconds(rng.between(2, 90)), "Sms Delivered");
                let read = Span::minutes(rng.between(1, 4 * 60));
                if rng.per_mille(reacts.sms) {
                    receipts.add(read, "Sms Link Clicked");
                } else if marketing && rng.per_mille(25) {
                    receipts.add(read, "Sms Unsubscribed");
                }
            }
            ChannelKind::WhatsApp => {
                receipts.add(Span::seconds(rng.between(1, 60)), "WhatsApp Delivered");
                if rng.per_mille(reacts.whatsapp) {
                    let read = Span::minutes(rng.between(1, 6 * 60));
                    receipts.add(read, "WhatsApp Opened");
                    if rng.per_mille(60) {
                        receipts.add(later(read, &mut rng), "WhatsApp Replied");
                    }
                }
            }
            ChannelKind::InApp | ChannelKind::Inbox => {
                // Shown when the person comes, which many do not for days.
                let came = Span::minutes(rng.between(10, 96 * 60));
                if rng.per_mille(600) {
                    receipts.add(came, "In-App Shown");
                    if rng.per_mille(reacts.in_app) {
                        receipts.add(later(came, &mut rng), "In-App Clicked");
                    }
                }
            }
            _ => {}
        }
        accepted(receipts.all)
    }
}

fn later(span: Span, rng: &mut Rng) -> Span {
    Span::millis(span.as_millis() + rng.between(2_000, 180_000))
}

struct Receipts<'a> {
    envelope: &'a Envelope,
    number: u64,
    all: Vec<(Span, Event)>,
}

impl Receipts<'_> {
    fn add(&mut self, after: Span, name: &str) {
        let event = self.event(name);
        self.all.push((after, event));
    }

    fn add_if(&mut self, comes: bool, after: Span, name: &str) {
        if comes {
            self.add(after, name);
        }
    }

    /// A mail program's image proxy: no engagement.
    fn add_machine_open(&mut self, after: Span) {
        let event = self.event("Email Opened").property("machine", true);
        self.all.push((after, event));
    }

    fn event(&self, name: &str) -> Event {
        let address = self.envelope.address();
        let event = match self.envelope.channel.kind {
            // Found by id, and visitors have no other.
            ChannelKind::InApp | ChannelKind::Inbox if address.starts_with('v') => {
                Event::track(name).anonymous(address)
            }
            _ => Event::track(name).user(&Person::user_id(self.number)),
        };
        // Providers give back the envelope's id where they can carry one, else what the message is about.
        match self.envelope.channel.kind {
            ChannelKind::Email | ChannelKind::Push => {
                event.property("envelope_id", self.envelope.id.to_string().as_str())
            }
            _ => event.property("content_key", &*self.envelope.content_key),
        }
    }
}
