//! The record as a whole, and who the customer is.

use super::codes::Code;
use super::read::{Reader, Result};
use super::write::Writer;
use crate::customer::{
    Attribute, Attributes, ChannelRecord, ConsentBook, ConsentRecord, History, Memberships, Point, Points, Profile,
    Standing,
};
use crate::event::Whereabouts;
use crate::primitives::{ContactPoint, Instant, Topic};
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
            state.erased != Instant::MIN,
        ]);
        for at in [profile.first_seen, profile.last_seen, state.last, state.segments_due] {
            self.instant(at);
        }
        profile.user_id.iter().for_each(|user| self.text(user));
        self.each(profile.anonymous_ids.iter(), |to, visitor| to.text(visitor));
        self.each(profile.aliases.iter(), |to, alias| to.text(alias));
        self.each(profile.points.iter(), Self::point);
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
        point.device.iter().for_each(|device| self.text(device));
    }

    fn place(&mut self, place: &'a Whereabouts, said: Instant) {
        let (token, device) = match &place.device {
            Some((token, device)) => (Some(token), device.as_ref()),
            None => (None, None),
        };
        let texts = [place.zone.as_ref(), place.locale.as_ref(), place.country.as_ref(), token, device];
        self.flags(texts.map(|text| text.is_some()));
        self.instant(said);
        texts.into_iter().flatten().for_each(|text| self.text(text));
    }

    fn consent(&mut self, (record, counts): (&'a ConsentRecord, Instant)) {
        self.kind(&record.channel);
        let (topic, point, expires) = (record.topic.is_some(), record.point.is_some(), record.expires.is_some());
        let basis = record.grant.map_or(0, Code::code);
        let raised = counts != record.at;
        let bits = u8::from(topic) | u8::from(point) << 1 | u8::from(expires) << 2 | u8::from(raised) << 6;
        self.byte(bits | basis << 3);
        record.topic.iter().for_each(|topic| self.text(topic.as_str()));
        record.point.into_iter().for_each(|point| self.hash(point));
        self.instant(record.at);
        record.expires.into_iter().for_each(|at| self.instant(at));
        if raised {
            self.instant(counts);
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
            erased,
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
        if points {
            profile.points = Points::from_list(self.list(4, Self::point)?);
        }
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
        let device = if bits & 1 == 1 { Some(self.text()?) } else { None };
        Ok(Point { point, kind, device, fresh, blocked })
    }

    fn place(&mut self) -> Result<(Whereabouts, Instant)> {
        let [zone, locale, country, token, device] = self.flags()?;
        let said = self.instant()?;
        let mut text = |given: bool| given.then(|| self.text()).transpose();
        let (zone, locale, country) = (text(zone)?, text(locale)?, text(country)?);
        let (token, device) = (text(token)?, text(device)?);
        Ok((Whereabouts { zone, locale, country, device: token.map(|token| (token, device)) }, said))
    }

    fn consent(&mut self) -> Result<(ConsentRecord, Instant)> {
        let channel = self.kind()?;
        let at = self.at();
        let bits = self.byte()?;
        // The highest bit is none of this format's.
        let grant = match bits >> 3 & 0b111 | bits >> 7 << 3 {
            0 => None,
            code => Some(self.coded(at, code)?),
        };
        let record = ConsentRecord {
            channel,
            topic: if bits & 1 != 0 { Some(Topic::new(self.text()?)) } else { None },
            point: if bits & 2 != 0 { Some(self.hash()?) } else { None },
            at: self.instant()?,
            grant,
            expires: if bits & 4 != 0 { Some(self.instant()?) } else { None },
        };
        let counts = if bits & 64 != 0 { self.instant()? } else { record.at };
        Ok((record, counts))
    }
}
