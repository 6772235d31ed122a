//! The crate's own customer: one record from every source.

use std::sync::Arc;

use super::{
    Arms, Attributes, Consent, ConsentBook, ContactLog, Customer, DeviceTag, Figures, History, LearnedChannel,
    Memberships, Point, Points, Reach, Seen,
};
use crate::event::{Device, Event, Whereabouts};
use crate::primitives::{
    ChannelKind, ContactPoint, CustomerId, Derived, DeviceKind, Instant, Key, SegmentId, Topic, Value, ValueRef,
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
    /// Which arms of holdouts the customer was drawn to.
    pub arms: Arms,
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
            arms: Arms::default(),
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
    /// name. Says which parts changed. Of consent [`take_consent`](Self::take_consent) takes what it says.
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
        for (key, value) in event.traits.iter().chain(event.preferences()) {
            if self.attributes.set(&intern(key), value.clone(), at) {
                observed.attributes.push(key.hash());
            }
            observed.reachability |= self.contact_trait(key, value, event, at);
        }
        if let Some(place) = &event.place {
            observed.place = self.observe_place(place, at);
        }
        if let Some(device) = &event.device {
            observed.reachability |= self.observe_device(device, event.leaves_device(), at);
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
    fn contact_trait(&mut self, key: &Key, value: &Value, event: &Event, at: Instant) -> bool {
        let Some(text) = value.as_str() else { return false };
        match key.as_str() {
            "email" => ContactPoint::email(text).is_ok_and(|to| self.points.add(ChannelKind::Email, to, None, at)),
            "phone" => self.number(text, event).is_some_and(|to| self.points.add(ChannelKind::Sms, to, None, at)),
            "preferred_channel" => {
                self.preferred = Some(ChannelKind::from_name(text));
                true
            }
            _ => false,
        }
    }

    /// A number without its country's code is one of the country that the event tells of, else of the one that is known.
    fn number(&self, text: &str, event: &Event) -> Option<ContactPoint> {
        ContactPoint::phone(text).ok().or_else(|| {
            let country = Key::new("country");
            let said = event.traits.get(&country).and_then(Value::as_str);
            let said = said.or_else(|| event.place.as_ref()?.country.as_deref());
            let known = || self.attribute(&country).and_then(|known| known.as_str());
            ContactPoint::phone_in(text, said.or_else(known)?).ok()
        })
    }

    /// Says whether the zone, locale or country changed.
    fn observe_place(&mut self, place: &Whereabouts, at: Instant) -> bool {
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
        moved
    }

    /// Says whether the device came, or went.
    fn observe_device(&mut self, device: &Device, leaves: bool, at: Instant) -> bool {
        let token = device.token.as_deref().and_then(|token| ContactPoint::token(token).ok());
        match (token, leaves) {
            (Some(token), false) => {
                let tag = DeviceTag { kind: device.kind.clone(), id: device.id };
                self.points.add(device.channel(), token, Some(tag), at)
            }
            (Some(token), true) => self.points.drop(token.hash(), at),
            (None, true) => device.id.is_some_and(|id| self.points.drop_device(id, at)),
            (None, false) => false,
        }
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

    fn as_profile(&self) -> Option<&Profile> {
        Some(self)
    }

    fn reached_on(&self, channel: &ChannelKind, device: &DeviceKind) -> Option<bool> {
        let is = |point: &Point| point.device.as_ref().is_some_and(|known| known.kind.as_ref() == Some(device));
        Some(self.points.of_kind(channel).any(|point| point.blocked.is_none() && is(point)))
    }

    fn consent(&self, channel: &ChannelKind, topic: &Topic, now: Instant) -> Consent {
        self.consents.ask_at(channel, topic, || self.points.best(channel).map(|point| point.point.hash()), now)
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
