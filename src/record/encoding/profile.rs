//! The record as a whole, and who the customer is.

use super::codes::{CONFIRMED, Code, SIGNED_UP};
use super::read::{Reader, Result};
use super::write::Writer;
use crate::customer::{
    Attribute, Attributes, ChannelRecord, ConsentBook, ConsentRecord, DeviceTag, History, Memberships, Point, Points,
    Profile, Says, Standing,
};
use crate::event::{Evidence, Whereabouts};
use crate::primitives::{ContactPoint, DeviceKind, Instant, Topic};
use crate::record::{Awaiting, CustomerState, Erase, Stage, Tombstone};

impl<'a> Writer<'a> {
    pub(super) fn record(&mut self, state: &'a CustomerState) {
        let profile = &state.profile;
        let anonymous = profile.attributes.iter().any(|attribute| attribute.anonymous);
        let (consents, merged) = profile.consents.parts();
        self.id(profile.id);
        self.flags([
            profile.user_id.is_some(),
            !profile.anonymous_ids.is_empty(),
            profile.points.iter().len() > 0,
            profile.place.is_some(),
            profile.preferred.is_some(),
            profile.attributes.iter().len() > 0,
            profile.consents.iter().len() > 0,
            profile.history.iter().len() > 0,
            profile.history.has_returns(),
            !state.runs.is_empty(),
            !state.holds.is_empty(),
            !profile.contacts.is_empty(),
            !profile.channels.is_empty(),
            profile.memberships.iter().len() > 0,
            !profile.events_seen.is_empty(),
            state.stage != Stage::Live,
            profile.figures.parts().is_some(),
            !profile.aliases.is_empty(),
            anonymous,
            merged.is_some(),
            !state.absorbed.is_empty(),
            state.judged != 0,
            !profile.points.dropped().is_empty(),
            state.erased != Instant::MIN,
            !state.timers.is_empty(),
        ]);
        for at in [profile.first_seen, profile.last_seen, state.last, state.segments_due] {
            self.instant(at);
        }
        profile.user_id.iter().for_each(|user| self.text(user));
        self.each(profile.anonymous_ids.iter(), |to, visitor| to.text(visitor));
        self.each(profile.aliases.iter(), |to, alias| to.text(alias));
        self.each(profile.points.iter(), Self::point);
        self.each(profile.points.dropped().iter(), |to, (token, at)| {
            to.hash(*token);
            to.instant(*at);
        });
        if let Some(place) = &profile.place {
            let (place, said) = &**place;
            self.place(place, *said);
        }
        profile.preferred.iter().for_each(|kind| self.kind(kind));
        self.each(profile.attributes.iter(), |to, attribute| {
            to.text(attribute.key.as_str());
            to.value(attribute.value);
            to.instant(attribute.said);
            to.instant(attribute.since);
        });
        if anonymous {
            let marked = profile.attributes.iter().zip(0_u64..).filter(|(attribute, _)| attribute.anonymous);
            let marked: Vec<u64> = marked.map(|(_, at)| at).collect();
            self.each(marked.into_iter(), Self::number);
        }
        self.each(consents, Self::consent);
        merged.into_iter().for_each(|merged| self.instant(merged));
        if profile.history.iter().len() > 0 {
            self.history(&profile.history);
        }
        // Runs before what names them.
        self.each(state.runs.iter(), Self::run);
        self.each(state.holds.iter(), Self::hold);
        if !profile.contacts.is_empty() {
            self.contacts(&profile.contacts);
        }
        self.each(profile.channels.iter(), |to, (kind, record)| {
            to.kind(kind);
            to.flags([record.last_engaged.is_some()]);
            to.number(record.sent);
            to.number(record.engaged);
            record.last_engaged.into_iter().for_each(|at| to.instant(at));
        });
        self.each(profile.memberships.iter(), |to, standing| {
            let (tag, until) = standing.parts();
            to.hash(tag);
            to.instant(until);
        });
        if !profile.events_seen.is_empty() {
            self.seen(&profile.events_seen);
        }
        profile.figures.parts().into_iter().for_each(|parts| self.figures(parts));
        self.each(state.absorbed.iter(), |to, record| to.id(*record));
        if state.judged != 0 {
            self.raw(&state.judged.to_le_bytes());
        }
        if state.erased != Instant::MIN {
            self.instant(state.erased);
        }
        self.each(state.timers.iter(), Self::timer);
        match &state.stage {
            Stage::Live => {}
            Stage::Moved(to) => {
                self.byte(1);
                self.id(*to);
            }
            Stage::Awaiting(awaiting) => {
                self.byte(match awaiting.erase {
                    Erase::No => 2,
                    Erase::Asked => 3,
                    Erase::Visitor => 5,
                });
                for links in [&awaiting.open, &awaiting.settled] {
                    self.count(links.len());
                    links.iter().for_each(|link| self.raw(&link.to_le_bytes()));
                }
            }
            Stage::Erased(tombstone) => {
                self.byte(4);
                for hashes in [&tombstone.users, &tombstone.strong] {
                    self.count(hashes.len());
                    hashes.iter().for_each(|hash| self.raw(&hash.to_be_bytes()));
                }
            }
        }
    }

    /// A list, if it holds anything: the record's flags say whether it does.
    fn each<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        if items.len() > 0 {
            self.count(items.len());
            items.for_each(|item| write(self, item));
        }
    }

    fn point(&mut self, point: &'a Point) {
        self.text(point.point.as_str());
        self.kind(&point.kind);
        self.byte(u8::from(point.device.is_some()) | point.blocked.map_or(0, Code::code) << 1);
        self.instant(point.fresh);
        point.device.iter().for_each(|device| self.device(device));
    }

    fn device(&mut self, device: &'a DeviceTag) {
        let kind = match device.kind {
            None => 0,
            Some(DeviceKind::Ios) => 1,
            Some(DeviceKind::Android) => 2,
            Some(DeviceKind::Web) => 3,
            Some(DeviceKind::Other(_)) => 4,
        };
        self.byte(kind << 1 | u8::from(device.id.is_some()));
        if let Some(DeviceKind::Other(name)) = &device.kind {
            self.text(name.as_str());
        }
        device.id.into_iter().for_each(|id| self.hash(id));
    }

    fn place(&mut self, place: &'a Whereabouts, said: Instant) {
        let texts = [place.zone.as_ref(), place.locale.as_ref(), place.country.as_ref()];
        self.flags(texts.map(|text| text.is_some()));
        self.instant(said);
        texts.into_iter().flatten().for_each(|text| self.text(text));
    }

    fn consent(&mut self, (record, counts): (&'a ConsentRecord, Instant)) {
        self.kind(&record.channel);
        let (topic, point, expires) = (record.topic.is_some(), record.point.is_some(), record.expires.is_some());
        let (raised, proved) = (counts != record.at, record.source.is_some() || record.evidence.is_some());
        let says = match record.says {
            Says::Revoked => 0,
            Says::Granted(basis) => basis.code(),
            Says::SignedUp { .. } => SIGNED_UP,
            Says::Confirmed => CONFIRMED,
        };
        let bits = [topic, point, expires, false, false, false, raised, proved];
        self.byte(bits.iter().rev().fold(0, |bits, bit| bits << 1 | u8::from(*bit)) | says << 3);
        record.topic.iter().for_each(|topic| self.text(topic.as_str()));
        record.point.into_iter().for_each(|point| self.hash(point));
        self.instant(record.at);
        record.expires.into_iter().for_each(|at| self.instant(at));
        if let Says::SignedUp { until } = record.says {
            self.instant(until);
        }
        if raised {
            self.instant(counts);
        }
        if proved {
            self.flags([record.source.is_some(), record.evidence.is_some()]);
            record.source.iter().for_each(|source| self.text(source.as_str()));
            record.evidence.iter().for_each(|evidence| self.text(evidence.as_str()));
        }
    }
}

impl Reader<'_> {
    pub(super) fn record(&mut self) -> Result<CustomerState> {
        let id = self.id()?;
        let [
            user_id,
            visitors,
            points,
            place,
            preferred,
            attributes,
            consents,
            history,
            returns,
            runs,
            holds,
            contacts,
            channels,
            memberships,
            seen,
            not_live,
            figures,
            aliases,
            anonymous,
            merged,
            absorbed,
            judged,
            dropped,
            erased,
            timers,
        ] = self.flags()?;
        let [first_seen, last_seen] = [self.instant()?, self.instant()?];
        let mut state = CustomerState::new(id, first_seen);
        let profile = &mut state.profile;
        profile.last_seen = last_seen;
        state.last = self.instant()?;
        state.segments_due = self.instant()?;
        if user_id {
            profile.user_id = Some(self.text()?);
        }
        if visitors {
            profile.anonymous_ids = self.list(1, Self::text)?;
        }
        if aliases {
            profile.aliases = self.list(1, Self::text)?;
        }
        let points = if points { self.list(4, Self::point)? } else { Vec::new() };
        let dropped = if dropped { self.list(2, |from| Ok((from.hash()?, from.instant()?)))? } else { Vec::new() };
        profile.points = Points::from_parts(points, dropped);
        if place {
            profile.place = Some(Box::new(self.place()?));
        }
        if preferred {
            profile.preferred = Some(self.kind()?);
        }
        if attributes {
            let mut attributes = self.list(4, Self::attribute)?;
            if anonymous {
                self.marks(&mut attributes)?;
            }
            profile.attributes = Attributes::from_list(attributes);
        } else if anonymous {
            return self.expected(self.at(), "attributes to be marked");
        }
        let said = if consents { self.list(3, Self::consent)? } else { Vec::new() };
        profile.consents = ConsentBook::from_parts(said, merged.then(|| self.instant()).transpose()?);
        profile.history = if history { self.history(returns)? } else { History::from_parts(Vec::new(), returns) };
        if runs {
            state.runs = self.runs()?;
        }
        if holds {
            state.holds = self.holds()?;
        }
        let profile: &mut Profile = &mut state.profile;
        if contacts {
            profile.contacts = self.contacts()?;
        }
        if channels {
            profile.channels = self.list(4, |from| {
                let kind = from.kind()?;
                let [engaged_at] = from.flags()?;
                let (sent, engaged) = (from.number()?, from.number()?);
                let last_engaged = engaged_at.then(|| from.instant()).transpose()?;
                Ok((kind, ChannelRecord { sent, engaged, last_engaged }))
            })?;
        }
        if memberships {
            let standing = |from: &mut Self| Ok(Standing::from_parts(from.hash()?, from.instant()?));
            profile.memberships = Memberships::from_list(self.list(2, standing)?);
        }
        if seen {
            profile.events_seen = self.seen()?;
        }
        if figures {
            profile.figures = self.figures()?;
        }
        if absorbed {
            state.absorbed = self.list(16, Self::id)?;
        }
        if judged {
            state.judged = u64::from_le_bytes(self.array()?);
        }
        if erased {
            state.erased = self.instant()?;
        }
        if timers {
            state.timers = self.list(2, Self::timer)?;
        }
        if not_live {
            let at = self.at();
            state.stage = match self.byte()? {
                1 => Stage::Moved(self.id()?),
                code @ (2 | 3 | 5) => {
                    let erase = match code {
                        3 => Erase::Asked,
                        5 => Erase::Visitor,
                        _ => Erase::No,
                    };
                    Stage::Awaiting(Box::new(Awaiting { open: self.links()?, settled: self.links()?, erase }))
                }
                4 => Stage::Erased(Box::new(Tombstone { users: self.hashes()?, strong: self.hashes()? })),
                _ => return self.expected(at, "a stage"),
            };
        }
        self.end()?;
        Ok(state)
    }

    fn attribute(&mut self) -> Result<Attribute> {
        let (key, value) = (self.key()?, self.value()?);
        Ok(Attribute { key, value, said: self.instant()?, since: self.instant()?, anonymous: false })
    }

    /// Which attributes were said anonymously, by their places.
    fn marks(&mut self, attributes: &mut [Attribute]) -> Result<()> {
        let at = self.at();
        for place in self.list(1, Self::number::<usize>)? {
            match attributes.get_mut(place) {
                Some(attribute) => attribute.anonymous = true,
                None => return self.expected(at, "the place of an attribute"),
            }
        }
        Ok(())
    }

    fn links(&mut self) -> Result<Vec<u64>> {
        self.list(8, |from| Ok(u64::from_le_bytes(from.array()?)))
    }

    fn hashes(&mut self) -> Result<Vec<u128>> {
        self.list(16, |from| Ok(u128::from_be_bytes(from.array()?)))
    }

    fn point(&mut self) -> Result<Point> {
        let at = self.at();
        let text = self.text()?;
        // Whatever it is, it was parsed as that when it came.
        let Ok(point) = ContactPoint::token(&text) else { return self.expected(at, "a contact point") };
        let kind = self.kind()?;
        let at = self.at();
        let bits = self.byte()?;
        let blocked = match bits >> 1 {
            0 => None,
            code => Some(self.coded(at, code)?),
        };
        let fresh = self.instant()?;
        let device = if bits & 1 == 1 { Some(Box::new(self.device()?)) } else { None };
        Ok(Point { point, kind, device, fresh, blocked })
    }

    fn device(&mut self) -> Result<DeviceTag> {
        let at = self.at();
        let bits = self.byte()?;
        let kind = match bits >> 1 {
            0 => None,
            1 => Some(DeviceKind::Ios),
            2 => Some(DeviceKind::Android),
            3 => Some(DeviceKind::Web),
            4 => Some(DeviceKind::Other(self.key()?)),
            _ => return self.expected(at, "a kind of device"),
        };
        Ok(DeviceTag { kind, id: if bits & 1 == 1 { Some(self.hash()?) } else { None } })
    }

    fn place(&mut self) -> Result<(Whereabouts, Instant)> {
        let [zone, locale, country] = self.flags()?;
        let said = self.instant()?;
        let mut text = |given: bool| given.then(|| self.text()).transpose();
        let (zone, locale, country) = (text(zone)?, text(locale)?, text(country)?);
        Ok((Whereabouts { zone, locale, country }, said))
    }

    fn consent(&mut self) -> Result<(ConsentRecord, Instant)> {
        let channel = self.kind()?;
        let at = self.at();
        let bits = self.byte()?;
        let topic = if bits & 1 != 0 { Some(Topic::new(self.text()?)) } else { None };
        let point = if bits & 2 != 0 { Some(self.hash()?) } else { None };
        let said = self.instant()?;
        let expires = if bits & 4 != 0 { Some(self.instant()?) } else { None };
        let says = match bits >> 3 & 0b111 {
            0 => Says::Revoked,
            SIGNED_UP => Says::SignedUp { until: self.instant()? },
            CONFIRMED => Says::Confirmed,
            code => Says::Granted(self.coded(at, code)?),
        };
        let counts = if bits & 64 != 0 { self.instant()? } else { said };
        let [sourced, proved] = if bits & 128 != 0 { self.flags()? } else { [false; 2] };
        let source = if sourced { Some(self.key()?) } else { None };
        let at = self.at();
        let evidence = if proved { Some(self.text()?) } else { None };
        let evidence = match evidence.map(Evidence::new) {
            Some(None) => return self.expected(at, "evidence that is not empty"),
            evidence => evidence.flatten(),
        };
        Ok((ConsentRecord { channel, topic, point, at: said, says, expires, source, evidence }, counts))
    }
}
