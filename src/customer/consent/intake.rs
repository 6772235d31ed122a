//! Consent on its way from events into a customer's record.

use super::{ConsentRecord, ConsentRules, Says, Word};
use crate::customer::Profile;
use crate::event::{Basis, Event, Evidence, Subscription, SubscriptionStatus, source};
use crate::primitives::{ChannelKind, ContactPoint, Instant, Value};

impl Profile {
    /// Takes what an event says of consent, and what it implies by these rules, as of its instant. Says whether that told
    /// anything new.
    pub fn take_consent(&mut self, event: &Event, at: Instant, rules: &ConsentRules) -> bool {
        let mut changed = false;
        let by_name = event.consent_by_name().unwrap_or_default();
        for said in event.subscriptions.iter().chain(&by_name) {
            changed |= self.subscribe(said, event, at, rules);
        }
        for implied in rules.implied_by(&event.name) {
            let topics = || implied.topics.iter().cloned().map(Some).chain(implied.topics.is_empty().then_some(None));
            for (channel, topic) in
                implied.channels.iter().flat_map(|channel| topics().map(move |topic| (channel, topic)))
            {
                changed |= self.consents.record(ConsentRecord {
                    topic,
                    expires: Some(implied.lasts.after(at)),
                    ..known_by(event, ConsentRecord::granted(channel.clone(), implied.basis, at))
                });
            }
        }
        changed
    }

    fn subscribe(&mut self, said: &Subscription, event: &Event, at: Instant, rules: &ConsentRules) -> bool {
        let within = || rules.confirmed_within(&said.channel, said.topic.as_ref());
        let says = match (said.status, said.basis) {
            (SubscriptionStatus::DidNotSubscribe, _) => return false,
            (SubscriptionStatus::Unsubscribed, _) => Says::Revoked,
            (SubscriptionStatus::Confirmed, _) => Says::Confirmed,
            (SubscriptionStatus::Subscribed, Basis::Express) => match within() {
                Some(within) => Says::SignedUp { until: at + within },
                None => Says::Granted(Basis::Express),
            },
            (SubscriptionStatus::Subscribed, basis) => Says::Granted(basis),
        };
        // A key that is no valid contact point still tells the channel; an unreadable grant must not cover all points.
        let point = said.point.as_deref().map(|text| text.parse::<ContactPoint>().map_or(0, |point| point.hash()));
        let known = known_by(event, ConsentRecord::new(said.channel.clone(), says, at));
        self.consents.record(ConsentRecord {
            topic: said.topic.clone(),
            point: if says == Says::Revoked { None } else { point },
            expires: said.expires.filter(|_| matches!(says, Says::Granted(_) | Says::SignedUp { .. })),
            source: said.source.clone().or(known.source),
            evidence: said.evidence.clone().or(known.evidence),
            ..known
        })
    }

    /// Takes an opt-out of a whole kind of channel.
    pub fn opt_out(&mut self, channel: ChannelKind, at: Instant) -> bool {
        self.consents.record(ConsentRecord::revoked(channel, at))
    }

    /// The same, by a receipt.
    pub(crate) fn opt_out_by(&mut self, event: &Event, channel: ChannelKind, at: Instant) -> bool {
        self.consents.record(known_by(event, ConsentRecord::revoked(channel, at)))
    }

    /// Takes a reply of one word. One that comes from the contact point itself needs no confirmation.
    pub(crate) fn take_word(&mut self, word: Word, event: &Event, channel: ChannelKind, at: Instant) -> bool {
        let said = match word {
            Word::Stop => ConsentRecord::revoked(channel, at),
            Word::Start => ConsentRecord::granted(channel, Basis::Express, at),
        };
        self.consents.record(ConsentRecord { source: source("reply"), ..known_by(event, said) })
    }
}

/// With the event's name as its source, and as its evidence the `messageId`, or else the order.
fn known_by(event: &Event, record: ConsentRecord) -> ConsentRecord {
    let order = || event.properties.get_str("order_id").and_then(Value::as_str).and_then(Evidence::new);
    let evidence = event.id.clone().and_then(Evidence::new).or_else(order);
    let name = &event.name;
    let source = if name.as_str().len() <= 64 { Some(name.clone()) } else { source(name.as_str()) };
    ConsentRecord { source, evidence, ..record }
}
