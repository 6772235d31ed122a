//! The crate's own customer: one record from every source.

use std::sync::Arc;

use super::{
    Attributes, Basis, Consent, ConsentBook, ConsentRecord, ContactLog, Customer, Figures, History, LearnedChannel,
    Memberships, Points, Reach, Seen,
};
use crate::event::{Event, Subscription, SubscriptionStatus, Whereabouts};
use crate::primitives::{
    ChannelKind, ContactPoint, CustomerId, Derived, Instant, Key, SegmentId, Topic, Value, ValueRef,
};

/// How a customer engaged on one kind of channel so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelRecord {
    /// Messages handed over.
    pub sent: u32,
    /// Of these, engaged with.
    pub engaged: u32,
    /// The latest engagement.
    pub last_engaged: Option<Instant>,
}

/// Everything known of one customer; implements [`Customer`].
///
/// `Debug` shows counts only (promise 2.5).
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// The record's id.
    pub id: CustomerId,
    /// The shop's own id, once the customer is identified.
    pub user_id: Option<Arc<str>>,
    /// Further ids by which the shop knew the customer before records were merged (promise 2.3).
    pub aliases: Vec<Arc<str>>,
    /// The visitor ids that lead here.
    pub anonymous_ids: Vec<Arc<str>>,
    /// What is known.
    pub attributes: Attributes,
    /// Where the customer is reached.
    pub points: Points,
    /// What the customer allowed.
    pub consents: ConsentBook,
    /// What the customer did.
    pub history: History,
    /// What is derived of all that, and kept current.
    pub figures: Figures,
    /// What the customer got.
    pub contacts: ContactLog,
    /// Which events were taken already.
    pub events_seen: Seen,
    /// Engagement per kind of channel.
    pub channels: Vec<(ChannelKind, ChannelRecord)>,
    /// The segments the customer is in.
    pub memberships: Memberships,
    /// The kind of channel the customer asked for.
    pub preferred: Option<ChannelKind>,
    /// Where the customer was last, and when that was said.
    pub place: Option<Box<(Whereabouts, Instant)>>,
    /// The first event's time.
    pub first_seen: Instant,
    /// The latest event's time.
    pub last_seen: Instant,
}

impl Profile {
    /// An empty record.
    pub fn new(id: CustomerId, now: Instant) -> Self {
        Profile {
            id,
            user_id: None,
            aliases: Vec::new(),
            anonymous_ids: Vec::new(),
            attributes: Attributes::default(),
            points: Points::default(),
            consents: ConsentBook::default(),
            history: History::default(),
            figures: Figures::default(),
            contacts: ContactLog::default(),
            events_seen: Seen::default(),
            channels: Vec::new(),
            memberships: Memberships::default(),
            preferred: None,
            place: None,
            first_seen: now,
            last_seen: now,
        }
    }

    /// The name by which a channel that reaches by id knows the customer: the shop's id, else the first visitor id.
    pub fn external_id(&self) -> Option<&Arc<str>> {
        self.user_id.as_ref().or(self.anonymous_ids.first())
    }

    /// Takes what an event says of who and where the customer is, as of its instant. `intern` gives the shared copy of a
    /// name. Says which parts changed.
    pub fn observe(&mut self, event: &Event, at: Instant, intern: impl Fn(&Key) -> Key) -> Observed {
        let mut observed = Observed::default();
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
        if let Some(user) = &event.user_id {
            observed.identified = self.identify(user);
        }
        if let Some(visitor) = &event.anonymous_id
            && !self.anonymous_ids.contains(visitor)
        {
            self.anonymous_ids.reserve_exact(1);
            self.anonymous_ids.push(visitor.clone());
        }
        for (key, value) in event.traits.iter() {
            if self.attributes.set(&intern(key), value.clone(), at) {
                observed.attributes.push(key.hash());
            }
            observed.reachability |= self.contact_trait(key, value, at);
        }
        if let Some(place) = &event.place {
            let (moved, reachable) = self.observe_place(place, at);
            observed.place = moved;
            observed.reachability |= reachable;
        }
        for said in &event.subscriptions {
            observed.reachability |= self.subscribe(said, at);
        }
        observed
    }

    /// Gives the record the shop's own id, unless it has one; says whether it became known by that.
    pub(crate) fn identify(&mut self, user: &Arc<str>) -> bool {
        let becomes = self.user_id.is_none();
        if becomes {
            self.user_id = Some(user.clone());
            self.attributes.mark_anonymous();
        }
        becomes
    }

    /// Whether the shop knows the customer by this id.
    pub(crate) fn is_known_as(&self, user: &str) -> bool {
        self.user_id.as_deref() == Some(user) || self.aliases.iter().any(|alias| **alias == *user)
    }

    /// `email`, `phone` and `preferred_channel` are more than attributes.
    fn contact_trait(&mut self, key: &Key, value: &Value, at: Instant) -> bool {
        let Some(text) = value.as_str() else { return false };
        match key.as_str() {
            "email" => match ContactPoint::email(text) {
                Ok(point) => self.points.add(ChannelKind::Email, point, None, at),
                Err(_) => return false,
            },
            "phone" => match ContactPoint::phone(text) {
                Ok(point) => self.points.add(ChannelKind::Sms, point, None, at),
                Err(_) => return false,
            },
            "preferred_channel" => self.preferred = Some(ChannelKind::from_name(text)),
            _ => return false,
        }
        true
    }

    /// Says whether the zone, locale or country changed, and whether a contact point came.
    fn observe_place(&mut self, place: &Whereabouts, at: Instant) -> (bool, bool) {
        let mut moved = self.place.is_none();
        let (known, said) = &mut **self.place.get_or_insert_with(|| Box::new((Whereabouts::default(), at)));
        if at >= *said {
            *said = at;
            for (known, new) in [
                (&mut known.zone, &place.zone),
                (&mut known.locale, &place.locale),
                (&mut known.country, &place.country),
            ] {
                if new.is_some() && new != known {
                    known.clone_from(new);
                    moved = true;
                }
            }
        }
        let Some((token, device)) = &place.device else { return (moved, false) };
        let Ok(point) = ContactPoint::token(token) else { return (moved, false) };
        let web = device.as_deref().is_some_and(|device| matches!(device, "web" | "browser"));
        let kind = if web { ChannelKind::WebPush } else { ChannelKind::Push };
        self.points.add(kind, point, device.clone(), at);
        (moved, true)
    }

    fn subscribe(&mut self, said: &Subscription, at: Instant) -> bool {
        let grant = match said.status {
            SubscriptionStatus::Subscribed => Some(Basis::Express),
            SubscriptionStatus::Unsubscribed => None,
            SubscriptionStatus::DidNotSubscribe => return false,
        };
        // A key that is no valid contact point still tells the channel; an unreadable grant must not cover all points.
        let point = said.point.as_deref().map(|text| text.parse::<ContactPoint>().map_or(0, |point| point.hash()));
        let point = if grant.is_none() { None } else { point };
        let (channel, topic) = (said.channel.clone(), said.topic.clone());
        self.consents.record(ConsentRecord { channel, topic, point, at, grant, expires: None })
    }

    /// Takes an opt-out of a whole kind of channel.
    pub fn opt_out(&mut self, channel: ChannelKind, at: Instant) -> bool {
        self.consents.record(ConsentRecord { channel, topic: None, point: None, at, grant: None, expires: None })
    }

    /// What the context said serves where no trait did.
    #[inline(never)]
    fn place_attribute(&self, key: &Key) -> Option<ValueRef<'_>> {
        let (place, _) = &**self.place.as_ref()?;
        let said = match key.as_str() {
            "country" => &place.country,
            "locale" => &place.locale,
            "timezone" => &place.zone,
            _ => return None,
        };
        said.as_deref().map(ValueRef::Text)
    }

    /// The kind of channel on which the customer engages best, with its evidence; `None` before the first engagement.
    pub fn learned_channel(&self) -> Option<LearnedChannel> {
        let engaged = self.channels.iter().filter(|(_, record)| record.engaged > 0);
        let learned = engaged.map(|(kind, record)| LearnedChannel {
            channel: kind.clone(),
            sent: record.sent,
            engaged: record.engaged,
        });
        learned.reduce(LearnedChannel::better)
    }

    /// Changes the engagement record of a kind of channel.
    pub fn update_channel(&mut self, kind: &ChannelKind, change: impl FnOnce(&mut ChannelRecord)) {
        match self.channels.iter_mut().find(|(known, _)| known == kind) {
            Some((_, record)) => change(record),
            None => {
                let mut record = ChannelRecord::default();
                change(&mut record);
                self.channels.reserve_exact(1);
                self.channels.push((kind.clone(), record));
            }
        }
    }
}

/// What an event changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The customer became known.
    pub identified: bool,
    /// Hashes of the attributes that took a new value.
    pub attributes: Vec<u64>,
    /// Contact points, consent or preferences changed.
    pub reachability: bool,
    /// The zone, locale or country changed.
    pub place: bool,
    /// What of the figures changed.
    pub derived: Derived,
}

impl Customer for Profile {
    fn id(&self) -> CustomerId {
        self.id
    }

    fn attribute(&self, key: &Key) -> Option<ValueRef<'_>> {
        match self.attributes.value(key) {
            None => self.place_attribute(key),
            known => known,
        }
    }

    fn attribute_since(&self, key: &Key) -> Option<Instant> {
        self.attributes.get(key).map(|attribute| attribute.since)
    }

    fn contact_point(&self, channel: &ChannelKind) -> Reach<'_> {
        match self.points.best(channel) {
            Some(point) => match point.blocked {
                Some(reason) => Reach::Blocked(reason),
                None => Reach::At(&point.point),
            },
            None if channel.reaches_by_id() => Reach::ById,
            None => Reach::None,
        }
    }

    fn consent(&self, channel: &ChannelKind, topic: &Topic, now: Instant) -> Consent {
        self.consents.ask(channel, topic, self.points.best(channel).map(|point| &point.point), now)
    }

    fn consent_until(&self, channel: &ChannelKind, topic: &Topic, now: Instant) -> Option<Instant> {
        self.consents.next_change(channel, topic, now)
    }

    fn zone(&self) -> Option<&str> {
        self.place.as_ref()?.0.zone.as_deref()
    }

    fn locale(&self) -> Option<&str> {
        self.place.as_ref()?.0.locale.as_deref()
    }

    fn country(&self) -> Option<&str> {
        self.place.as_ref()?.0.country.as_deref()
    }

    fn identified(&self) -> bool {
        self.user_id.is_some()
    }

    fn seen(&self) -> Option<(Instant, Instant)> {
        Some((self.first_seen, self.last_seen))
    }

    fn history(&self) -> Option<&History> {
        Some(&self.history)
    }

    fn figures(&self) -> Option<&Figures> {
        Some(&self.figures)
    }

    fn contacts(&self) -> Option<&ContactLog> {
        Some(&self.contacts)
    }

    fn member_of(&self, segment: &SegmentId) -> Option<bool> {
        Some(self.memberships.contains(segment.key().hash()))
    }

    fn preferred_channel(&self) -> Option<&ChannelKind> {
        self.preferred.as_ref()
    }

    fn learned_channel(&self) -> Option<LearnedChannel> {
        Profile::learned_channel(self)
    }

    fn channel_record(&self, channel: &ChannelKind) -> Option<ChannelRecord> {
        Some(self.channels.iter().find(|(kind, _)| kind == channel).map_or_else(ChannelRecord::default, |(_, r)| *r))
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile")
            .field("id", &self.id)
            .field("identified", &self.user_id.is_some())
            .field("contacts", &self.contacts.len())
            .field("memberships", &self.memberships.len())
            .finish_non_exhaustive()
    }
}
